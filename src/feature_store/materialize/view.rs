//! One view from its files to its table.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;

use super::files::{Files, check_supported, files};
use super::window::{Past, Stretch};
use super::{MaterializeRequest, RefusedValue, ViewReport};
use crate::error::MaterializeError;
use crate::feature_store::{Observer, Progress};
use crate::model::{FeatureView, Settings, Timestamp, ViewState};
use crate::online::{BulkWriter, Conflict, Outcome, SqliteStore, ViewLock};
use crate::row::{KeyEncoder, RowBatch, ViewLayout};
use crate::source::SourceError;
use crate::source::latest::{Full, Latest};
use crate::source::parquet::Window as ScanWindow;
use crate::source::parquet::{Counts, Dataset, Newest, Refused, RefusedRow, Scan, Winners};

/// Batches between the thread that encodes and the one that writes: none, for encoding is the faster of the two. While
/// one batch is written the next waits, ready, in the hands of its maker.
const QUEUED: usize = 0;
/// Threads that read: beyond a few, the disk and the memory are what is waited for.
const MAX_THREADS: usize = 8;

/// One view to materialize.
#[derive(Clone, Copy, Debug)]
pub struct ViewJob<'a> {
    /// its definition
    pub view: &'a FeatureView,
    /// its earlier intervals
    pub state: &'a ViewState,
    /// the created time that earlier runs recorded
    pub newest_created: Option<Timestamp>,
    /// its table in the online store
    pub table: &'a str,
}

/// What the threads of one view share.
struct Run<'a> {
    job: &'a ViewJob<'a>,
    observer: &'a dyn Observer,
    window: ScanWindow,
    threads: usize,
}

/// Reads the newest row of every entity in the window from the view's batch source, and stores it where it is newer than
/// what is stored. When it returns, the rows are durable; the caller records [`ViewReport::interval`] and
/// [`ViewReport::newest_created`] then. Without a `store` it is a dry run: all is read and judged, nothing is written.
///
/// Memory grows with the entities, not with the rows. Rows that cannot be used are refused and counted; the newest good
/// row of their entity is stored instead.
///
/// # Errors
/// The window, the files, the types or the store; rows that were committed before stay.
pub fn materialize_view(
    settings: &Settings,
    job: &ViewJob<'_>,
    request: &MaterializeRequest,
    store: Option<&mut SqliteStore>,
    now: Timestamp,
    observer: &dyn Observer,
) -> Result<ViewReport, MaterializeError> {
    let began = Instant::now();
    let stretch = stretch(job, request, now)?;
    let _lock = match &store {
        Some(store) => Some(ViewLock::take(store.path(), "materialize", job.table)?),
        None => None,
    };
    let mut outcome = Outcome::default();
    let mut store = store;
    let pass = with_newest(settings, job, request, &stretch, now, observer, &mut |run, winners, part| {
        let (written, refused) = match store.as_deref_mut() {
            Some(store) => run.write(winners, part, store)?,
            None => run.judge(winners, part.rows, job.view.features.len() as u64)?,
        };
        outcome += written;
        Ok(refused)
    })?;
    observer.progress(Progress::Done { view: &job.view.name });
    let Pass { counts, keys, refused, refusals } = pass;
    Ok(ViewReport {
        view: job.view.name.clone(),
        interval: stretch.interval,
        read: counts.read,
        keys,
        written: outcome.written,
        stale: outcome.stale,
        refused,
        seconds: began.elapsed().as_secs_f64(),
        undated: counts.undated,
        filtered: counts.filtered,
        refusals,
        // a created time in the future would hide the rows that arrive until then
        newest_created: counts
            .newest_created
            .filter(|_| stretch.settles_created)
            .map(|newest| Timestamp::from_micros(newest).min(now)),
    })
}

/// The rows that materializing the window of `request` would offer to the store, in batches: the newest good row of every
/// entity. Nothing is written. `take` ends it by answering `false`. Says how many rows cannot be used.
pub(in crate::feature_store) fn recompute_view(
    settings: &Settings,
    job: &ViewJob<'_>,
    request: &MaterializeRequest,
    now: Timestamp,
    observer: &dyn Observer,
    take: &mut (dyn FnMut(&RowBatch) -> bool + Send),
) -> Result<u64, MaterializeError> {
    let stretch = stretch(job, request, now)?;
    let pass = with_newest(settings, job, request, &stretch, now, observer, &mut |run, winners, part| {
        Ok(winners.deliver(part.rows, &run.window, run.threads, &mut |batch| take(&batch))?)
    })?;
    Ok(pass.refused)
}

fn stretch(job: &ViewJob<'_>, request: &MaterializeRequest, now: Timestamp) -> Result<Stretch, MaterializeError> {
    let past = Past { intervals: &job.state.intervals, newest_created: job.newest_created };
    request.window.resolve(job.view.ttl, past, now, request.allow_future)
}

/// One reading of a view's files, and what was made of its newest rows.
struct Pass {
    counts: Counts,
    keys: u64,
    refused: u64,
    refusals: Vec<RefusedValue>,
}

/// What becomes of newest rows: the answer are those whose values do not fit.
type Make<'a> = dyn FnMut(&Run<'_>, &Winners<'_>, Part) -> Result<Refused, MaterializeError> + 'a;

/// Finds the newest row of every entity in the window and hands them to `make`, the files one after the other.
fn with_newest(
    settings: &Settings,
    job: &ViewJob<'_>,
    request: &MaterializeRequest,
    stretch: &Stretch,
    now: Timestamp,
    observer: &dyn Observer,
    make: &mut Make<'_>,
) -> Result<Pass, MaterializeError> {
    check_supported(job.view)?;
    let layout = Arc::new(ViewLayout::of(job.view, settings.entity_key_serialization_version)?);
    let files = files(settings, job.view, &layout)?;
    let scans: Vec<Scan<'_>> = files.iter().map(|files| files.scan(&layout)).collect::<Result<_, _>>()?;
    let winners = files.iter().zip(&scans).map(|(files, scan)| files.winners(scan, &layout, request.cast));
    let winners: Vec<Winners<'_>> = winners.collect::<Result<_, _>>()?;
    let window = scan_window(stretch, now.saturating_add(settings.feast_rs.max_future));
    let run = Run { job, observer, window, threads: threads() };

    let mut found: Vec<Newest> = Vec::new();
    for scan in &scans {
        found.push(run.reduce(scan, &layout)?);
    }
    let counts = all_counts(&files, &found, job.newest_created);
    let mut refused: Vec<Refused> = found.iter_mut().map(|newest| std::mem::take(&mut newest.refused)).collect();
    let conflict = if request.overwrite { Conflict::Overwrite } else { Conflict::NewestWins };
    let mut rows = found.into_iter().map(|newest| newest.rows);
    let Parts { newest, fallback } = Parts::of(&files, rows.next().unwrap_or_default(), rows.next(), conflict)?;
    let keys = newest.iter().map(|part| part.rows.len() as u64).sum();
    observer.progress(Progress::Writing { view: &job.view.name, keys });
    let mut unfit = vec![Refused::default(); files.len()];
    for part in newest.into_iter().chain(fallback) {
        // the other files' rows are needed only where the newest is refused
        let (place, needed) = (part.files, part.instead_of.is_none_or(|other| is_any(&unfit, other)));
        let (true, Some(winners), Some(unfit)) = (needed, winners.get(place), unfit.get_mut(place)) else { continue };
        unfit.merge(make(&run, winners, part)?);
    }
    for (refused, unfit) in refused.iter_mut().zip(unfit) {
        refused.merge(unfit);
    }
    let refusals = files.iter().zip(&refused);
    let refusals = refusals
        .flat_map(|(files, refused)| refused.first().iter().map(|row| refused_value(&files.dataset, row)))
        .collect();
    Ok(Pass { counts, keys, refused: refused.iter().map(Refused::count).sum(), refusals })
}

fn is_any(refused: &[Refused], files: usize) -> bool {
    refused.get(files).is_some_and(|refused| refused.count() > 0)
}

/// The newest rows of some files, on their way to the store.
struct Part {
    /// which files
    files: usize,
    rows: Latest,
    conflict: Conflict,
    /// files whose newer rows of the same keys come first
    instead_of: Option<usize>,
}

/// The newest rows of all files.
struct Parts {
    newest: Vec<Part>,
    /// those that lose against the newest of other files
    fallback: Vec<Part>,
}

impl Parts {
    /// Of equal events and created times the log's row is the newest.
    fn of(
        files: &[Files<'_>],
        history: Latest,
        log: Option<Latest>,
        conflict: Conflict,
    ) -> Result<Self, MaterializeError> {
        let part = |files, rows| Part { files, rows, conflict, instead_of: None };
        let Some((log, log_files)) = log.zip(files.get(1)) else {
            return Ok(Self { newest: vec![part(0, history)], fallback: Vec::new() });
        };
        let path = || log_files.dataset.path().to_owned();
        let settled =
            history.settle(log).map_err(|Full| SourceError::TooManyKeys { path: path(), limit: Latest::LIMIT })?;
        let [(history, history_losers), (log, log_losers)] = settled;
        let loser = |files, rows, other| Part { files, rows, conflict: Conflict::NewestWins, instead_of: Some(other) };
        Ok(Self {
            newest: vec![part(0, history), part(1, log)],
            fallback: vec![loser(0, history_losers, 1), loser(1, log_losers, 0)],
        })
    }
}

/// What all files held. Every row was seen up to the created time that the last of them reached.
fn all_counts(files: &[Files<'_>], found: &[Newest], known: Option<Timestamp>) -> Counts {
    let known = known.map(Timestamp::micros);
    let dated = files.iter().zip(found).filter(|(files, _)| !files.source.created_timestamp_column.is_empty());
    let reached = dated.map(|(_, newest)| newest.counts.newest_created.max(known)).min().flatten();
    let sum = |of: fn(&Counts) -> u64| found.iter().map(|newest| of(&newest.counts)).sum();
    Counts {
        read: sum(|counts| counts.read),
        undated: sum(|counts| counts.undated),
        filtered: sum(|counts| counts.filtered),
        newest_created: reached.or(known),
    }
}

impl Run<'_> {
    fn reduce(&self, scan: &Scan<'_>, layout: &ViewLayout) -> Result<Newest, MaterializeError> {
        let rows = scan.rows_in(&self.window);
        self.observer.progress(Progress::Reading { view: &self.job.view.name, rows });
        let progress = |rows| self.observer.progress(Progress::Read { rows });
        Ok(scan.newest(&self.window, &KeyEncoder::new(layout)?, self.threads, &progress)?)
    }

    /// Encodes on one thread and writes on this one.
    fn write(
        &self,
        winners: &Winners<'_>,
        part: Part,
        store: &mut SqliteStore,
    ) -> Result<(Outcome, Refused), MaterializeError> {
        let Part { rows, conflict, .. } = part;
        let mut writer = BulkWriter::new(store, self.job.table, conflict)?;
        let (sender, batches) = sync_channel::<RowBatch>(QUEUED);
        std::thread::scope(|scope| {
            let encoding = scope.spawn(move || {
                winners.deliver(rows, &self.window, self.threads, &mut |batch| sender.send(batch).is_ok())
            });
            let written = self.drain(batches, &mut writer);
            let thread = || MaterializeError::Thread { view: self.job.view.name.clone() };
            let refused = encoding.join().map_err(|_| thread())?;
            let outcome = written?;
            writer.finish()?;
            Ok((outcome, refused?))
        })
    }

    /// Writes until there are no more batches; on a failure the sender learns of it at its next batch.
    fn drain(&self, batches: Receiver<RowBatch>, writer: &mut BulkWriter<'_>) -> Result<Outcome, MaterializeError> {
        let mut outcome = Outcome::default();
        for batch in batches {
            outcome += writer.write(&batch)?;
            self.observer.progress(Progress::Written { keys: batch.len() as u64 });
        }
        Ok(outcome)
    }

    /// Encodes everything and writes nothing.
    fn judge(
        &self,
        winners: &Winners<'_>,
        rows: Latest,
        features: u64,
    ) -> Result<(Outcome, Refused), MaterializeError> {
        let mut outcome = Outcome::default();
        let refused = winners.deliver(rows, &self.window, self.threads, &mut |batch| {
            outcome.written += batch.len() as u64 * features;
            true
        })?;
        Ok((outcome, refused))
    }
}

fn refused_value(dataset: &Dataset, RefusedRow { row, refusal }: &RefusedRow) -> RefusedValue {
    let (file, row) = dataset.place(*row);
    RefusedValue {
        file: file.display().to_string(),
        row,
        column: refusal.column.clone(),
        value: refusal.value.clone(),
        reason: refusal.reason.clone(),
    }
}

fn scan_window(stretch: &Stretch, not_after: Timestamp) -> ScanWindow {
    ScanWindow {
        start: stretch.interval.start.micros(),
        end: stretch.interval.end.micros(),
        late_after: stretch.late_after.map(Timestamp::micros),
        not_after: not_after.micros(),
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MAX_THREADS)
}

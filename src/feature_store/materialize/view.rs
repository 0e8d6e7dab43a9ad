//! One view from its files to its table.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;

use super::transformed::Steps;
use super::window::{Past, Stretch};
use super::{MaterializeRequest, RefusedValue, ViewReport};
use crate::error::MaterializeError;
use crate::feature_store::{Observer, Progress};
use crate::model::{DataSource, FeatureView, Settings, SourceKind, Timestamp, ViewState};
use crate::online::{BulkWriter, Conflict, Outcome, SqliteStore, ViewLock};
use crate::row::{KeyEncoder, RowBatch, ViewLayout};
use crate::source::latest::Latest;
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

/// How the columns of a view's files are called.
struct Columns {
    keys: Vec<String>,
    features: Vec<String>,
    event: String,
    created: Option<String>,
}

/// What the threads of one view share.
struct Run<'a> {
    job: &'a ViewJob<'a>,
    request: &'a MaterializeRequest,
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
    let newest = with_newest(settings, job, request, &stretch, now, observer, |run, winners, rows| match store {
        Some(store) => run.write(winners, rows, store),
        None => run.judge(winners, rows, job.view.features.len() as u64),
    })?;
    observer.progress(Progress::Done { view: &job.view.name });
    let Pass { counts, keys, refused, refusals, result: outcome } = newest;
    let newest_created = counts.newest_created.map(Timestamp::from_micros).max(job.newest_created);
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
        newest_created: newest_created.filter(|_| stretch.settles_created).map(|newest| newest.min(now)),
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
    let newest = with_newest(settings, job, request, &stretch, now, observer, |run, winners, rows| {
        let refused = winners.deliver(rows, &run.window, run.threads, &mut |batch| take(&batch))?;
        Ok(((), refused))
    })?;
    Ok(newest.refused)
}

fn stretch(job: &ViewJob<'_>, request: &MaterializeRequest, now: Timestamp) -> Result<Stretch, MaterializeError> {
    let past = Past { intervals: &job.state.intervals, newest_created: job.newest_created };
    request.window.resolve(job.view.ttl, past, now, request.allow_future)
}

/// One reading of a view's files, and what was made of its newest rows.
struct Pass<T> {
    counts: Counts,
    keys: u64,
    refused: u64,
    refusals: Vec<RefusedValue>,
    result: T,
}

/// Finds the newest row of every entity in the window and hands them to `make`.
fn with_newest<T>(
    settings: &Settings,
    job: &ViewJob<'_>,
    request: &MaterializeRequest,
    stretch: &Stretch,
    now: Timestamp,
    observer: &dyn Observer,
    make: impl FnOnce(&Run<'_>, &Winners<'_>, Latest) -> Result<(T, Refused), MaterializeError>,
) -> Result<Pass<T>, MaterializeError> {
    check_supported(job.view)?;
    let source = batch_source(job.view)?;
    let layout = Arc::new(ViewLayout::of(job.view, settings.entity_key_serialization_version)?);
    let columns = columns(&layout, job.view, source)?;
    let dataset = Dataset::open(&settings.resolve(&source_path(job.view, source)?))?;
    let dates = source.timestamp_field_type == "DATE";
    let steps = match &job.view.transformation {
        None => None,
        Some(transformation) => Some(Steps::compile(job.view, transformation, source, &layout, &dataset)?),
    };
    let scan = match &steps {
        None => Scan::new(&dataset, columns.keys, columns.event, columns.created, dates)?,
        Some(steps) => steps.scan(&dataset, &layout, dates)?,
    };
    let winners = Winners::new(&scan, &layout, &columns.features, request.cast)?;
    let window = scan_window(stretch, now.saturating_add(settings.feast_rs.max_future));
    let run = Run { job, request, observer, window, threads: threads() };

    let Newest { rows, counts, mut refused } = run.reduce(&scan, &layout)?;
    let keys = rows.len() as u64;
    observer.progress(Progress::Writing { view: &job.view.name, keys });
    let (result, unfit) = make(&run, &winners, rows)?;
    refused.merge(unfit);
    Ok(Pass {
        counts,
        keys,
        refused: refused.count(),
        refusals: refused.first().iter().map(|row| refused_value(&dataset, row)).collect(),
        result,
    })
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
        rows: Latest,
        store: &mut SqliteStore,
    ) -> Result<(Outcome, Refused), MaterializeError> {
        let conflict = if self.request.overwrite { Conflict::Overwrite } else { Conflict::NewestWins };
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

fn check_supported(view: &FeatureView) -> Result<(), MaterializeError> {
    let unsupported = |what: &str, hint: &str| {
        Err(MaterializeError::Unsupported { view: view.name.clone(), what: what.to_owned(), hint: hint.to_owned() })
    };
    if !view.aggregations.is_empty() {
        return unsupported("it has aggregations, which are registered only", "aggregate before the rows are written");
    }
    if view.transformation.is_some() && !view.source_views.is_empty() {
        return unsupported(
            "its transformation reads other views, which feast-rs does not run",
            "write the transformed rows to its `sink_source`, and define a view over that without a transformation",
        );
    }
    Ok(())
}

fn batch_source(view: &FeatureView) -> Result<&DataSource, MaterializeError> {
    let own = view.batch_source.as_ref().and_then(DataSource::batch);
    let source = own.or_else(|| view.stream_source.as_ref().and_then(DataSource::batch));
    source.ok_or_else(|| MaterializeError::NoBatchSource { view: view.name.clone() })
}

fn source_path(view: &FeatureView, source: &DataSource) -> Result<String, MaterializeError> {
    use crate::model::FileFormat::Delta;
    let unsupported = |what: String| MaterializeError::Unsupported {
        view: view.name.clone(),
        what,
        hint: "materialize it with Python, or name parquet files in a FileSource".to_owned(),
    };
    match &source.kind {
        SourceKind::File(file) if file.file_format == Some(Delta) => {
            Err(unsupported(format!("its source `{}` is a Delta table", source.name)))
        }
        SourceKind::File(file) => Ok(file.path.clone()),
        _ => Err(unsupported(format!("its source `{}` is a {}", source.name, source.class_name()))),
    }
}

fn columns(layout: &ViewLayout, view: &FeatureView, source: &DataSource) -> Result<Columns, MaterializeError> {
    if source.timestamp_field.is_empty() {
        return Err(MaterializeError::NoTimestampField { view: view.name.clone(), name: source.name.clone() });
    }
    let column = |name: &str| source.column_of(name).to_owned();
    let created = &source.created_timestamp_column;
    Ok(Columns {
        keys: layout.join_keys.iter().map(|key| column(&key.name)).collect(),
        features: layout.features.iter().map(|field| column(&field.name)).collect(),
        event: column(&source.timestamp_field),
        created: (!created.is_empty()).then(|| column(created)),
    })
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

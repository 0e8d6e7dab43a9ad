//! The push itself: encoded on one thread, committed on this one.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use super::encode::{Encoded, Encoder};
use super::input::{Marked, Next, Pieces};
use super::refused::count;
use super::{PushContext, PushFormat, PushInput, PushPlan, PushReport, PushRequest, PushedView};
use crate::error::Error;
use crate::feature_store::FeatureStore;
use crate::model::{Settings, Timestamp};
use crate::offline::DeadLetterWriter;
use crate::online::{Durability, OnlineStore, Outcome, PushMark, SqliteStore, Turns};
use crate::registry::Access;

/// Refused records that a report tells of one by one.
const TOLD: usize = 1_000;
/// Encoded pieces that wait for the writer.
const QUEUED: usize = 1;
/// Commits after which spooled rows are written into the logs' files.
const COMMITS_A_FLUSH: u64 = 256;
/// Between two looks for a stop.
const LOOK: Duration = Duration::from_millis(100);

/// Rows of a piece with the mark of everything up to its end.
struct Ready {
    encoded: Encoded,
    hash: String,
}

impl FeatureStore<'_> {
    /// Pushes records. Good ones are stored when others are refused; what is in the report is stored, and safe from a loss
    /// of power. When the context says stop, what has arrived is stored and the push ends.
    ///
    /// # Errors
    /// No such push source or view, a view that cannot be pushed to, an input that cannot be read, a store that cannot be
    /// written. Commits that were made before stay: the error says how many records they have.
    pub fn push(
        &self,
        request: &PushRequest,
        input: PushInput,
        format: PushFormat,
        context: &PushContext<'_>,
    ) -> Result<PushReport, Error> {
        let plan = self.push_plan(request)?;
        let mut store = if request.dry_run { None } else { Some(self.online_store(Durability::Full)?) };
        self.push_planned(&plan, store.as_mut(), input, format, context)
    }

    /// Pushes records that were planned for, into a store that is open already; without a store they are only judged.
    pub(in crate::feature_store) fn push_planned(
        &self,
        plan: &PushPlan,
        store: Option<&mut SqliteStore>,
        input: PushInput,
        format: PushFormat,
        context: &PushContext<'_>,
    ) -> Result<PushReport, Error> {
        let began = Instant::now();
        if let (PushInput::File(input), Some(letters)) = (&input, &plan.request.dead_letter)
            && input.canonicalize().is_ok_and(|input| letters.canonicalize().is_ok_and(|letters| letters == input))
        {
            return Err(Error::invalid(
                "a push cannot add to the file that it reads",
                "name another `--dead-letter` file",
            ));
        }
        let mut pieces = Pieces::open(input, format, plan.commit_records())?;
        let mut run = Run::open(self, plan, store, context)?;
        let ended = if pieces.is_slow() { run.on_two_threads(pieces) } else { run.in_turn(&mut pieces) };
        let ended = ended.and(run.flush());
        run.report.seconds = began.elapsed().as_secs_f64();
        match ended {
            Ok(()) => Ok(run.report),
            Err(error) => Err(error.after(run.report.records)),
        }
    }

    /// The way of records into the views that `request` names.
    ///
    /// # Errors
    /// No such push source or view, a view that cannot be pushed to.
    pub fn push_plan(&self, request: &PushRequest) -> Result<PushPlan, Error> {
        let access = if request.dry_run { Access::Read } else { Access::Write };
        let mut registry = self.registry(access)?;
        if !request.dry_run {
            self.finish_pending(&mut registry)?;
        }
        let snapshot = registry.snapshot()?;
        PushPlan::new(self, &snapshot, request)
    }
}

struct Run<'a> {
    settings: &'a Settings,
    plan: &'a PushPlan,
    context: &'a PushContext<'a>,
    /// `None` in a dry run
    store: Option<&'a mut SqliteStore>,
    turns: Turns,
    letters: Option<DeadLetterWriter>,
    commits: u64,
    report: PushReport,
}

impl<'a> Run<'a> {
    fn open(
        feature_store: &'a FeatureStore<'_>,
        plan: &'a PushPlan,
        store: Option<&'a mut SqliteStore>,
        context: &'a PushContext<'a>,
    ) -> Result<Self, Error> {
        let request = &plan.request;
        let letters = match &request.dead_letter {
            Some(path) if !request.dry_run => Some(DeadLetterWriter::open(path)?),
            _ => None,
        };
        let view = |name: &str| PushedView { view: name.to_owned(), ..PushedView::default() };
        let report = PushReport {
            source: plan.source.clone(),
            to: request.to.name().to_owned(),
            views: plan.views.iter().map(|planned| view(&planned.view.name)).collect(),
            ..PushReport::default()
        };
        let settings = &feature_store.settings;
        Ok(Self { settings, plan, context, store, turns: Turns::new(), letters, commits: 0, report })
    }

    fn not_after(&self) -> Timestamp {
        (self.context.clock)().saturating_add(self.settings.feast_rs.max_future)
    }

    /// Where records may be committed as soon as the input pauses: a commit of the log has a fixed number of records.
    fn is_early(plan: &PushPlan) -> bool {
        !plan.request.to.offline() && plan.request.idempotency_key.is_none()
    }

    /// One piece after the other on this thread.
    fn in_turn(&mut self, pieces: &mut Pieces) -> Result<(), Error> {
        let mut encoder = Encoder::new(self.plan);
        loop {
            match pieces.next(false)? {
                Next::Piece(Marked { piece, hash }) => {
                    let encoded = encoder.encode(&piece, self.not_after())?;
                    self.store(Ready { encoded, hash })?;
                }
                Next::Nothing => {}
                Next::End => return Ok(()),
            }
        }
    }

    /// Encodes the next piece while this one is committed.
    fn on_two_threads(&mut self, pieces: Pieces) -> Result<(), Error> {
        let (sender, ready) = sync_channel::<Ready>(QUEUED);
        let (plan, context, settings) = (self.plan, self.context, self.settings);
        std::thread::scope(|scope| {
            let encoding = scope.spawn(move || {
                let early = Run::is_early(plan);
                encode_all(plan, settings, pieces, context, early, |ready| sender.send(ready).is_ok())
            });
            let stored = loop {
                match ready.recv_timeout(LOOK) {
                    Ok(ready) => {
                        if let Err(error) = self.store(ready) {
                            break Err(error);
                        }
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break Ok(()),
                }
            };
            // the other thread ends when it finds nobody to hand its work to
            drop(ready);
            let encoded = encoding.join().map_err(|_| Error::internal("encode records", "a thread ended early"))?;
            stored?;
            self.report.interrupted = encoded? == Ended::Stopped;
            Ok(())
        })
    }

    /// Writes what was spooled into the logs' files. What cannot be written stays spooled, for the next push.
    fn flush(&mut self) -> Result<(), Error> {
        let Some(store) = self.store.as_deref_mut() else { return Ok(()) };
        let logs: BTreeMap<_, _> = self
            .plan
            .views
            .iter()
            .filter_map(|planned| Some((planned.log.as_ref()?.name(), planned.log.as_ref()?)))
            .collect();
        for log in logs.into_values() {
            self.report.logged += log.flush(store)?.rows;
        }
        Ok(())
    }

    fn store(&mut self, ready: Ready) -> Result<(), Error> {
        if self.commits > 0 && self.commits.is_multiple_of(COMMITS_A_FLUSH) {
            self.flush()?;
        }
        let Ready { encoded, hash } = ready;
        self.keep_letters(&encoded)?;
        self.commits += 1;
        let mut repeated = 0;
        for (place, view) in encoded.views.iter().enumerate() {
            let mark = self.mark(&hash, &view.view);
            let is_repeated = match (self.store.as_deref_mut(), &mark) {
                (Some(store), Some(mark)) => store.was_pushed(&mark.key)?,
                _ => false,
            };
            repeated += u64::from(is_repeated);
            let outcome = match self.store.as_deref_mut() {
                Some(_) if is_repeated || (view.rows.batch.is_empty() && mark.is_none()) => Outcome::default(),
                Some(store) => {
                    let mut set = Encoded::write_set(self.plan, view);
                    set.pushed = mark;
                    self.turns.make_way();
                    let outcome = store.commit(&set)?;
                    self.turns.wrote();
                    if self.plan.request.to.online() { outcome } else { Outcome { written: view.values, stale: 0 } }
                }
                None => Outcome { written: view.values, stale: 0 },
            };
            if let Some(report) = self.report.views.get_mut(place) {
                report.read += view.read;
                report.written += outcome.written;
                report.stale += outcome.stale;
                report.superseded += if is_repeated { 0 } else { view.superseded };
                report.filtered += view.filtered;
            }
        }
        let all_repeated = repeated > 0 && repeated == encoded.views.len() as u64;
        self.report.repeated += if all_repeated { encoded.records } else { 0 };
        self.report.records += encoded.records;
        self.report.extra += encoded.extra;
        self.report.refused_count += count(&encoded.refused);
        let room = TOLD.saturating_sub(self.report.refused.len());
        self.report.refused.extend(encoded.refused.iter().take(room).map(super::Refused::told));
        Ok(())
    }

    /// Refused records are safe before the commit after which they are not read again.
    fn keep_letters(&mut self, encoded: &Encoded) -> Result<(), Error> {
        let Some(writer) = &mut self.letters else { return Ok(()) };
        if encoded.refused.is_empty() {
            return Ok(());
        }
        let letters: Vec<_> = encoded.refused.iter().map(|refused| refused.letter(&self.plan.source)).collect();
        self.report.dead_letters += writer.append(&letters)?;
        Ok(writer.sync()?)
    }

    /// What makes a commit harmless the second time, where one would do harm or the user named the push.
    fn mark(&self, hash: &str, view: &str) -> Option<PushMark> {
        let request = &self.plan.request;
        if Self::is_early(self.plan) {
            return None;
        }
        let piece = match &request.idempotency_key {
            Some(key) => format!("{key}#{}", self.commits),
            None => hash.to_owned(),
        };
        let key = format!("{}/{}/{view}/{}/{piece}", self.settings.project, self.plan.source, request.to.name());
        Some(PushMark { key, at: (self.context.clock)() })
    }
}

/// Why no more pieces come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// there are none
    Input,
    /// the context said stop
    Stopped,
}

/// Encodes piece after piece until the input ends, the context says stop, or nobody takes them any longer.
fn encode_all(
    plan: &PushPlan,
    settings: &Settings,
    mut pieces: Pieces,
    context: &PushContext<'_>,
    early: bool,
    mut deliver: impl FnMut(Ready) -> bool,
) -> Result<Ended, Error> {
    let mut encoder = Encoder::new(plan);
    let mut encode = |Marked { piece, hash }: Marked| {
        let not_after = (context.clock)().saturating_add(settings.feast_rs.max_future);
        encoder.encode(&piece, not_after).map(|encoded| Ready { encoded, hash })
    };
    loop {
        if context.stop.load(Ordering::Relaxed) {
            if let Some(rest) = pieces.rest().filter(|_| early) {
                deliver(encode(rest)?);
            }
            return Ok(Ended::Stopped);
        }
        match pieces.next(early)? {
            Next::Piece(piece) => {
                if !deliver(encode(piece)?) {
                    return Ok(Ended::Input);
                }
            }
            Next::Nothing => {}
            Next::End => return Ok(Ended::Input),
        }
    }
}

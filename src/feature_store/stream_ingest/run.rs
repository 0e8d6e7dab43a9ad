//! One stream, read until it is time to stop.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinHandle, spawn_blocking};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::logs::SpoolState;
use super::start::Standing;
use super::state::{Ending, State};
use super::status::Counters;
use super::worker::{Prepared, Worker};
use super::{Stop, StreamNotice, StreamObserver, StreamReport, StreamViewReport, report};
use crate::error::Error;
use crate::feature_store::historical_log::{HistoricalLog, LogParts};
use crate::model::{OnGap, ShardPosition, ShardProgress};
use crate::online::{Lane, Outcome, SqliteStore};
use crate::source::kinesis::{
    ApiError, Delivery, Event, ListedShard, Readers, ShardApi, Since, StreamSummary, WallClock, lineage,
};

/// Deliveries in hand. Their bytes are bounded by the readers' budget; this bounds the empty ones.
const IN_HAND: usize = 64;
/// How often the run looks at what else is to be done.
const TICK: Duration = Duration::from_millis(500);
/// How often the instants up to which idle shards were read are stored. Told to be once a minute at least.
const IDLE_CHECKPOINT: Duration = Duration::from_secs(30);
/// How often the list of shards is read again, for shards that no parent's end told of.
const RELIST: Duration = Duration::from_mins(1);
/// The same where a child waits for the list, because a parent of it is not known.
const RELIST_SOON: Duration = Duration::from_secs(1);
/// How long what is in hand may take after the word to stop.
const DRAIN: Duration = Duration::from_secs(4);

/// What a run has to be told.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub until_caught_up: bool,
    pub max_records: Option<u64>,
    /// at the latest then
    pub end: Option<Instant>,
    pub on_gap: OnGap,
    /// positions are stored: not so of standard input, which cannot be read twice
    pub keeps_positions: bool,
}

/// One stream on its way.
pub(super) struct Run<A> {
    pub name: String,
    pub summary: StreamSummary,
    pub readers: Readers<A>,
    pub lane: Lane<SqliteStore>,
    pub standings: Vec<Standing>,
    pub listed: Vec<ListedShard>,
    /// historical logs that rows go to
    pub logs: Vec<HistoricalLog>,
    pub log_parts: LogParts,
    pub limits: Limits,
    pub counters: Counters,
    pub observer: Arc<dyn StreamObserver>,
    pub clock: WallClock,
    /// away while it works
    pub worker: Option<Worker>,
}

impl<A: ShardApi> Run<A> {
    /// Reads until the stop, a limit or a failure; what is in hand then is stored first.
    ///
    /// # Errors
    /// The stream, the store, the dead-letter file. What was committed stays.
    pub async fn run(mut self, mut stop: Stop) -> Result<StreamReport, Error> {
        let began = Instant::now();
        let spooled = super::logs::spooled(&self.lane, &self.logs).await?;
        let mut state = State::new(self.summary.answered, SpoolState::new(self.log_parts, spooled));
        self.bury_gone(&mut state);
        self.start_shards(&mut state);
        if spooled > 0 {
            // rows that a killed run left
            state.spool.begin(self.lane.clone(), self.logs.clone());
        }
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.hand_over(&mut state);
            if state.is_drained() {
                break;
            }
            tokio::select! {
                biased;
                () = stop.wait(), if state.ending.is_none() => self.end(&mut state, Ending::Done),
                () = until(state.drained_by) => break,
                () = until(self.limits.end), if state.ending.is_none() => self.end(&mut state, Ending::Done),
                () = until(state.gathers_until()), if state.committing.is_none() => {}
                outcome = finished(&mut state.committing) => {
                    let outcome = self.stored(outcome);
                    self.committed(&mut state, outcome);
                }
                done = finished(&mut state.working) => self.worked(&mut state, done)?,
                listed = finished(&mut state.listing) => self.relisted(&mut state, listed),
                flushed = finished(&mut state.spool.flushing) => self.flushed(&mut state, flushed),
                _ = ticks.tick() => self.tick(&mut state),
                event = self.readers.next(), if state.queue.len() < IN_HAND => self.take(&mut state, event).await,
            }
        }
        self.flush_rest(&mut state).await;
        if let Some(failure) = state.failure {
            return Err(failure);
        }
        Ok(self.report(began.elapsed()))
    }

    /// Begins to read every shard that may be read now.
    fn start_shards(&mut self, state: &mut State) {
        let ended = |shard: &str| self.standings.iter().all(|standing| is_ended(standing.positions.get(shard)));
        let readable: Vec<String> = lineage::readable(&self.listed, ended).map(|shard| shard.id.clone()).collect();
        for shard in readable {
            if !state.started.insert(shard.clone()) {
                continue;
            }
            let positions: Vec<&ShardPosition> =
                self.standings.iter().filter_map(|standing| standing.positions.get(&shard)).collect();
            let Some(from) = lineage::from(positions.iter().copied()) else { continue };
            let known = positions.iter().filter(|position| position.progress != ShardProgress::Ended);
            let read = known.map(|position| lineage::read_until(position)).min().flatten();
            let since = Since { read, created: self.summary.id.created, retention: self.summary.retention };
            self.counters.started(&shard);
            self.readers.start(&shard, from, since);
        }
    }

    /// Gives the worker what came in, and the store what the worker made.
    fn hand_over(&mut self, state: &mut State) {
        let gathers = state.gathers_until().is_some();
        if state.committing.is_none()
            && let Some((mut prepared, _)) = state.prepared.take_if(|_| !gathers)
        {
            let (lane, set) = (self.lane.clone(), std::mem::take(&mut prepared.set));
            state.sent = Some((prepared, Instant::now()));
            state.committing = Some(tokio::spawn(async move { lane.commit(set).await }));
        }
        let is_full = state.prepared.is_some() && !gathers;
        if is_full || state.working.is_some() || state.failure.is_some() {
            return;
        }
        let is_due = state.checkpointed.elapsed() >= IDLE_CHECKPOINT || state.ending.is_some();
        let is_idle = state.reached.is_empty() || !is_due;
        if state.queue.is_empty() && state.found.is_none() && is_idle {
            return;
        }
        let Some(mut worker) = self.worker.take() else { return };
        let batch = state.next_batch(self.limits.max_records);
        state.working = Some(spawn_blocking(move || {
            let prepared = worker.process(batch);
            (worker, prepared)
        }));
    }

    /// What a reader has to tell.
    async fn take(&mut self, state: &mut State, event: Option<Event>) {
        match event {
            Some(Event::Delivery(delivery)) => self.delivered(state, delivery),
            Some(Event::Gap(gap)) => self.gap(state, &gap),
            Some(Event::Retry { shard, error, told }) => {
                self.counters.retried(&shard);
                if told {
                    self.warn(format!("{}: {shard} cannot be read at the moment, trying on: {error}", self.name));
                }
            }
            Some(Event::Polled { shard, error }) => {
                self.warn(format!("{}: no fan-out of {shard}, it is polled: {error}", self.name));
            }
            Some(Event::Failed { shard, error }) => self.failed(state, &shard, error).await,
            None => {}
        }
    }

    fn delivered(&mut self, state: &mut State, delivery: Delivery) {
        let bytes = delivery.records.iter().map(|record| record.data.len() as u64).sum();
        let oldest = delivery.records.iter().map(|record| record.arrival).min();
        self.counters.read(&delivery.shard, delivery.records.len() as u64, bytes, delivery.behind, oldest);
        state.note_behind(&delivery, self.readers.max_records());
        let is_idle = delivery.records.is_empty() && delivery.behind.is_zero();
        let is_new = delivery.records.iter().any(|record| record.arrival > state.began);
        if is_idle || is_new {
            state.caught_up.insert(delivery.shard.to_string());
        }
        if state.ending == Some(Ending::Enough) {
            // this is for the next run, and so is everything behind it
            return;
        }
        if delivery.records.is_empty() && delivery.end.is_none() {
            let reached = state.reached.entry(delivery.shard.to_string()).or_insert(delivery.reached);
            *reached = delivery.reached.max(*reached);
        } else {
            state.queue.push_back(delivery);
        }
        self.end_if_caught_up(state);
    }

    /// Ends where that was asked for and every shard, also those that wait for their parents, is read as far as it went
    /// when the run began.
    fn end_if_caught_up(&mut self, state: &mut State) {
        let is_read = |shard: &ListedShard| {
            let ended = |standing: &Standing| is_ended(standing.positions.get(&shard.id));
            state.caught_up.contains(&shard.id) || self.standings.iter().all(ended)
        };
        if self.limits.until_caught_up && state.is_at_rest() && self.listed.iter().all(is_read) {
            self.end(state, Ending::Done);
        }
    }

    fn worked(
        &mut self,
        state: &mut State,
        done: Result<(Worker, Result<Prepared, Error>), JoinError>,
    ) -> Result<(), Error> {
        let (worker, prepared) = done.map_err(|error| Error::internal("work on a stream", error))?;
        self.worker = Some(worker);
        if state.failure.is_some() {
            // as in `State::fail`
            return Ok(());
        }
        let mut prepared = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                self.fail(state, error);
                return Ok(());
            }
        };
        for delivery in prepared.rest.drain(..).rev() {
            state.queue.push_front(delivery);
        }
        state.records += prepared.added.records;
        if !self.limits.keeps_positions {
            prepared.set.advance.clear();
        }
        if self.limits.max_records.is_some_and(|most| state.records >= most) {
            state.leave_the_rest();
            self.end(state, Ending::Enough);
        }
        state.prepare(prepared);
        Ok(())
    }

    /// What was sent is stored: the positions are those of the last commit, and shards may have come free.
    fn committed(&mut self, state: &mut State, outcome: Result<Outcome, Error>) {
        let Some((prepared, since)) = state.sent.take() else { return };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                self.fail(state, error);
                return;
            }
        };
        state.checkpointed = Instant::now();
        state.batch_size.committed(prepared.added.records, since.elapsed());
        state.spool.bytes += prepared.added.logged;
        self.counters.committed(&prepared.added, outcome.written, outcome.stale, self.clock.now(), &state.unwritten());
        for (standing, positions) in self.standings.iter_mut().zip(prepared.positions) {
            standing.positions.extend(positions);
        }
        for (shard, children) in prepared.ended {
            self.counters.ended(&shard);
            state.caught_up.insert(shard);
            // the other parent of a merge may be the child of a shard that is still being read: only the list tells
            let (known, unlisted): (Vec<_>, Vec<_>) =
                children.into_iter().partition(|child| child.parents.iter().all(|parent| self.knows(parent)));
            self.list_also(known);
            state.unlisted.extend(unlisted.into_iter().map(|child| child.id));
        }
        self.list_also(prepared.found);
        state.unlisted.retain(|shard| !self.is_listed(shard));
        if state.ending.is_none() {
            self.start_shards(state);
        }
        self.end_if_caught_up(state);
    }

    fn is_listed(&self, shard: &str) -> bool {
        self.listed.iter().any(|known| known.id == *shard)
    }

    /// Whether it is known what became of a shard: it is read, waits for its turn, or is gone.
    fn knows(&self, shard: &str) -> bool {
        self.is_listed(shard) || self.standings.iter().any(|standing| standing.positions.contains_key(shard))
    }

    fn list_also(&mut self, shards: Vec<ListedShard>) {
        for shard in shards {
            if !self.is_listed(&shard.id) {
                self.listed.push(shard);
            }
        }
    }

    fn tick(&mut self, state: &mut State) {
        if state.spool.is_due() && state.failure.is_none() {
            state.spool.begin(self.lane.clone(), self.logs.clone());
        }
        self.observer.status(&self.counters.status(self.clock.now()));
        let relist = if state.unlisted.is_empty() { RELIST } else { RELIST_SOON };
        if state.ending.is_none() && state.listing.is_none() && state.listed_at.elapsed() >= relist {
            state.listing = Some(self.readers.list());
        }
    }

    /// Shards that no parent's end told of yet get a position with the next commit.
    fn relisted(&mut self, state: &mut State, listed: Result<Result<Vec<ListedShard>, ApiError>, JoinError>) {
        state.listed_at = Instant::now();
        // a list that cannot be had is asked for again
        let Ok(Ok(listed)) = listed else { return };
        if listed.iter().any(|shard| !self.is_listed(&shard.id)) {
            state.found = Some(listed);
        }
    }

    fn flushed(&mut self, state: &mut State, flushed: Result<Result<(), Error>, JoinError>) {
        let flushed = flushed.map_err(|error| Error::internal("write a historical log", error));
        if let Err(error) = flushed.and_then(|flushed| flushed) {
            self.fail(state, error);
        }
    }

    /// What is spooled goes to the files before the run ends; what cannot is written by the next run.
    async fn flush_rest(&self, state: &mut State) {
        if self.logs.is_empty() || state.committing.is_some() {
            // a store that does not answer in time takes no other work either
            return;
        }
        if let Some(flushing) = state.spool.flushing.take() {
            let _ = flushing.await;
        }
        if let Err(error) = super::logs::flush(self.lane.clone(), self.logs.clone()).await {
            state.failure.get_or_insert(error);
        }
    }

    pub(super) fn warn(&self, text: String) {
        self.observer.notice(&StreamNotice::Warning(text));
    }

    /// What is not stored yet is read again by the next run.
    pub(super) fn fail(&mut self, state: &mut State, error: Error) {
        state.fail(error);
        self.end(state, Ending::Done);
    }

    /// No more is read; what was delivered is stored first, unless enough is stored.
    fn end(&mut self, state: &mut State, ending: Ending) {
        if state.ending.is_some() {
            return;
        }
        state.ending = Some(ending);
        state.drained_by = Some(Instant::now() + DRAIN);
        self.readers.stop();
        if ending == Ending::Enough {
            return;
        }
        while let Some(event) = self.readers.try_next() {
            match event {
                Event::Delivery(delivery) => self.delivered(state, delivery),
                // what follows lies behind it: the next run finds it again, and tells of it
                Event::Gap(_) => return,
                Event::Retry { .. } | Event::Polled { .. } | Event::Failed { .. } => {}
            }
        }
    }

    fn report(&self, elapsed: Duration) -> StreamReport {
        let status = self.counters.status(self.clock.now());
        let view = |standing: &Standing| StreamViewReport {
            view: standing.view.view.name.clone(),
            checkpoints: standing
                .positions
                .iter()
                .map(|(shard, position)| (shard.clone(), report::checkpoint(position)))
                .collect(),
        };
        let letters = self.worker.as_ref().filter(|_| status.refused > 0).and_then(|worker| worker.dead_letters.file());
        let behind = status.shards.values().map(|shard| shard.behind).max().unwrap_or_default();
        StreamReport {
            stream: self.name.clone(),
            shards: status.shards.len(),
            records: status.records,
            written: status.written,
            stale: status.stale,
            superseded: status.superseded,
            late: status.late,
            refused: status.refused,
            dead_letter_file: letters.map(std::path::Path::to_owned),
            seconds: elapsed.as_secs_f64(),
            lag_ms: u64::try_from(behind.as_millis()).unwrap_or(u64::MAX),
            gaps: status.gaps,
            views: self.standings.iter().map(view).collect(),
        }
    }
}

/// The result of a task; for ever nothing where there is none. Cancel-safe.
async fn finished<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, JoinError> {
    match task {
        Some(handle) => {
            let done = handle.await;
            *task = None;
            done
        }
        None => std::future::pending().await,
    }
}

/// Waits for an instant; for ever where there is none. Cancel-safe.
async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

fn is_ended(position: Option<&ShardPosition>) -> bool {
    position.is_some_and(|position| position.progress == ShardProgress::Ended)
}

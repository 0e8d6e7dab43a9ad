//! Where a run stands: what is in hand, and why it ends.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::logs::SpoolState;
use super::worker::{Batch, Prepared, UNPACKED, Worker};
use crate::error::Error;
use crate::model::Timestamp;
use crate::online::{OnlineError, Outcome};
use crate::source::kinesis::{ApiError, Delivery, ListedShard};

/// Records of Kinesis in one transaction, at first and at most.
const FIRST_BATCH: u64 = 20_000;
const LARGEST_BATCH: u64 = 80_000;
/// No transaction is made smaller than this.
const SMALLEST_BATCH: u64 = 2_500;
/// How long the writing of a transaction may take: other writers of the store wait for it.
const LONGEST_COMMIT: Duration = Duration::from_millis(150);
/// How long rows may wait for those that follow, where a reader is far behind: they are the same keys again and again, and
/// of each key only the newest row is written.
const GATHER: Duration = Duration::from_millis(250);
/// What is far behind: nobody waits for these very records.
const FAR_BEHIND: Duration = Duration::from_secs(1);
/// Bytes of Kinesis in one transaction.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Why a run comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// it was told to, nothing lies behind, the time is up, or it failed: what is in hand is stored
    Done,
    /// enough records: what is in hand is for the next run
    Enough,
}

/// How many records make a transaction: many, since of a key that comes again only the newest row is written, and few
/// enough for the others who write into the store.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchSize(u64);

impl BatchSize {
    /// A transaction of so many records was written in that time.
    pub fn committed(&mut self, records: u64, took: Duration) {
        if took > LONGEST_COMMIT {
            self.0 = (self.0 / 2).max(SMALLEST_BATCH);
        } else if records >= self.0 && took < LONGEST_COMMIT / 2 {
            self.0 = (self.0 * 2).min(LARGEST_BATCH);
        }
    }
}

/// Where a run stands.
pub(super) struct State {
    /// delivered, and not at work yet
    pub queue: VecDeque<Delivery>,
    /// instants up to which shards without records were read, not stored yet
    pub reached: BTreeMap<String, Timestamp>,
    /// a list with shards that were unknown, for the next commit
    pub found: Option<Vec<ListedShard>>,
    pub working: Option<JoinHandle<(Worker, Result<Prepared, Error>)>>,
    /// oldest arrival by shard of what is at work or prepared
    pub at_work: BTreeMap<String, Timestamp>,
    /// ready to be committed, and since when
    pub prepared: Option<(Prepared, Instant)>,
    /// more lies behind what was delivered last
    pub is_behind: bool,
    pub committing: Option<JoinHandle<Result<Outcome, OnlineError>>>,
    /// what is being committed, and since when
    pub sent: Option<(Prepared, Instant)>,
    pub batch_size: BatchSize,
    pub listing: Option<JoinHandle<Result<Vec<ListedShard>, ApiError>>>,
    pub listed_at: Instant,
    /// children that wait for the list of shards: a parent of theirs is not known
    pub unlisted: BTreeSet<String>,
    /// rows that are spooled for historical logs
    pub spool: SpoolState,
    /// the last commit
    pub checkpointed: Instant,
    /// shards that have or had a reader
    pub started: BTreeSet<String>,
    /// shards that were read up to the newest record
    pub caught_up: BTreeSet<String>,
    /// the service's clock when the run began
    pub began: Timestamp,
    pub ending: Option<Ending>,
    pub drained_by: Option<Instant>,
    pub failure: Option<Error>,
    /// user records so far
    pub records: u64,
}

impl State {
    pub fn new(began: Timestamp, spool: SpoolState) -> Self {
        let now = Instant::now();
        Self {
            queue: VecDeque::new(),
            reached: BTreeMap::new(),
            found: None,
            working: None,
            at_work: BTreeMap::new(),
            prepared: None,
            is_behind: false,
            committing: None,
            sent: None,
            batch_size: BatchSize(FIRST_BATCH),
            listing: None,
            listed_at: now,
            unlisted: BTreeSet::new(),
            spool,
            checkpointed: now,
            started: BTreeSet::new(),
            caught_up: BTreeSet::new(),
            began,
            ending: None,
            drained_by: None,
            failure: None,
            records: 0,
        }
    }

    /// Nothing is in hand, every shard that was heard of is listed, and nothing has come to an end yet.
    pub fn is_at_rest(&self) -> bool {
        let is_listed = self.unlisted.is_empty() && self.found.is_none();
        self.ending.is_none() && self.queue.is_empty() && is_listed && self.is_idle()
    }

    /// The run is at its end, and everything that was to be stored is.
    pub fn is_drained(&self) -> bool {
        let is_left = self.failure.is_none() && !(self.queue.is_empty() && self.reached.is_empty());
        self.ending.is_some() && self.is_idle() && !is_left
    }

    /// Nothing more is sent to the store: it may follow what was not stored, and its positions would pass that by.
    pub fn fail(&mut self, error: Error) {
        self.failure.get_or_insert(error);
        self.queue.clear();
        self.prepared = None;
    }

    /// What is in hand is for the next run.
    pub fn leave_the_rest(&mut self) {
        self.queue.clear();
        self.reached.clear();
    }

    fn is_idle(&self) -> bool {
        self.working.is_none() && self.prepared.is_none() && self.committing.is_none()
    }

    /// Notes whether more lies behind the newest delivery; an answer has `max_records` at most.
    pub fn note_behind(&mut self, delivery: &Delivery, max_records: usize) {
        // not every server says how far behind its answer lies
        self.is_behind = delivery.behind >= FAR_BEHIND || delivery.records.len() >= max_records;
    }

    /// Until when what is prepared waits for what follows; `None`: it is to be committed, or there is nothing.
    pub fn gathers_until(&self) -> Option<Instant> {
        let (prepared, since) = self.prepared.as_ref()?;
        let is_small = prepared.added.records < self.batch_size.0 && prepared.added.bytes < UNPACKED as u64;
        let until = *since + GATHER;
        (is_small && self.is_behind && self.ending.is_none() && until > Instant::now()).then_some(until)
    }

    /// Adds what the worker made to what is to be committed.
    pub fn prepare(&mut self, made: Prepared) {
        match &mut self.prepared {
            Some((prepared, _)) => prepared.absorb(made),
            None => self.prepared = Some((made, Instant::now())),
        }
    }

    /// What the worker gets next: as many deliveries as make a transaction.
    pub fn next_batch(&mut self, max_records: Option<u64>) -> Batch {
        let (mut records, mut bytes) = (0, 0);
        let mut deliveries = VecDeque::new();
        while let Some(delivery) = self.queue.pop_front() {
            records += delivery.records.len() as u64;
            bytes += delivery.records.iter().map(|record| record.data.len()).sum::<usize>();
            deliveries.push_back(delivery);
            if records >= self.batch_size.0 || bytes >= BATCH_BYTES {
                break;
            }
        }
        if self.prepared.is_none() {
            self.at_work.clear();
        }
        add_oldest(&mut self.at_work, &deliveries);
        // a shard of which records are left here was not read up to the instant of a later answer
        let is_left = |shard: &String, _: &mut Timestamp| self.queue.iter().any(|left| *left.shard == **shard);
        let later: BTreeMap<String, Timestamp> = self.reached.extract_if(.., is_left).collect();
        Batch {
            deliveries,
            reached: std::mem::replace(&mut self.reached, later),
            found: self.found.take().unwrap_or_default(),
            most: max_records.map(|most| most.saturating_sub(self.records)),
        }
    }

    /// The oldest arrival in hand, by shard.
    pub fn unwritten(&self) -> BTreeMap<String, Timestamp> {
        let mut unwritten = BTreeMap::new();
        add_oldest(&mut unwritten, &self.queue);
        let at_work = self.working.is_some() || self.prepared.is_some();
        for (shard, arrival) in self.at_work.iter().filter(|_| at_work) {
            let known = unwritten.entry(shard.clone()).or_insert(*arrival);
            *known = arrival.min(known).to_owned();
        }
        unwritten
    }
}

fn add_oldest(oldest: &mut BTreeMap<String, Timestamp>, deliveries: &VecDeque<Delivery>) {
    for delivery in deliveries {
        if let Some(arrival) = delivery.records.iter().map(|record| record.arrival).min() {
            let known = oldest.entry(delivery.shard.to_string()).or_insert(arrival);
            *known = arrival.min(*known);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::status::Added;
    use super::*;
    use crate::feature_store::historical_log::LogParts;

    #[test]
    fn rows_wait_for_those_that_follow_only_where_more_lies_behind_and_not_for_long() {
        let mut state = State::new(Timestamp::EPOCH, SpoolState::new(LogParts::default(), 0));
        let delivery = |behind| Delivery {
            shard: "a".into(),
            records: Vec::new(),
            reached: Timestamp::EPOCH,
            behind,
            end: None,
            memory: None,
        };
        let prepared = |records| Prepared { added: Added { records, ..Added::default() }, ..Prepared::default() };
        assert_eq!(state.gathers_until(), None, "there is nothing");
        state.prepare(prepared(10));
        assert_eq!(state.gathers_until(), None, "nothing lies behind");
        state.note_behind(&delivery(FAR_BEHIND), 10_000);
        assert!(state.gathers_until().is_some());
        state.prepare(prepared(FIRST_BATCH));
        assert_eq!(state.gathers_until(), None, "enough for a transaction");
        state.prepared = Some((prepared(10), Instant::now() - GATHER));
        assert_eq!(state.gathers_until(), None, "long enough");
        let heavy = Prepared { added: Added { bytes: UNPACKED as u64, ..Added::default() }, ..Prepared::default() };
        state.prepared = Some((heavy, Instant::now()));
        assert_eq!(state.gathers_until(), None, "enough memory for a transaction");
        state.prepared = Some((prepared(10), Instant::now()));
        assert!(state.gathers_until().is_some());
        state.ending = Some(Ending::Done);
        assert_eq!(state.gathers_until(), None, "what is in hand is stored");
    }

    #[test]
    fn transactions_grow_while_they_are_written_fast_and_shrink_when_they_are_not() {
        let mut size = BatchSize(FIRST_BATCH);
        size.committed(FIRST_BATCH / 2, Duration::from_millis(1));
        assert_eq!(size.0, FIRST_BATCH, "a half-empty transaction says nothing");
        for _ in 0..5 {
            size.committed(size.0, Duration::from_millis(70));
        }
        assert_eq!(size.0, LARGEST_BATCH);
        size.committed(size.0, Duration::from_millis(100));
        assert_eq!(size.0, LARGEST_BATCH);
        for _ in 0..10 {
            size.committed(1, Duration::from_secs(1));
        }
        assert_eq!(size.0, SMALLEST_BATCH);
    }
}

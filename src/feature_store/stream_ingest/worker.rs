//! From deliveries to one transaction, off the runtime.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use super::refused::{DeadLetters, Refused};
use super::start::Standing;
use super::status::Added;
use super::view::{Records, ViewWork};
use crate::error::Error;
use crate::model::{RecordPosition, ShardProgress, Timestamp};
use crate::online::{Conflict, WriteSet};
use crate::source::json::JsonDecoder;
use crate::source::kinesis::lineage::Positions;
use crate::source::kinesis::{
    Delivery, HashRange, ListedShard, Payload, Reservation, StreamRecord, Unwrapping, lineage, unwrap,
};

/// Bytes of unpacked payloads after which no further record is unpacked for one transaction.
pub(super) const UNPACKED: usize = 16 * 1024 * 1024;

/// What the worker is given.
#[derive(Debug)]
pub(super) struct Batch {
    pub deliveries: VecDeque<Delivery>,
    /// instants up to which shards without records were read
    pub reached: BTreeMap<String, Timestamp>,
    /// shards of a list, some of them unknown
    pub found: Vec<ListedShard>,
    /// records after which no further Kinesis record is taken; `None`: all are
    pub most: Option<u64>,
}

/// What is to be one transaction, and what follows when it is stored.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    pub set: WriteSet,
    /// changed positions, by view
    pub positions: Vec<Positions>,
    pub added: Added,
    /// what was not taken
    pub rest: VecDeque<Delivery>,
    /// shards that were read to their end, with their children
    pub ended: Vec<(String, Vec<ListedShard>)>,
    /// shards of a list, some of them unknown so far
    pub found: Vec<ListedShard>,
}

impl Prepared {
    /// Makes `later`, which was made of what followed, part of this transaction.
    pub fn absorb(&mut self, later: Self) {
        let Self { set, positions, added, ended, found, rest: _ } = later;
        self.added.absorb(added);
        self.added.superseded += self.set.absorb(set);
        for (known, new) in self.positions.iter_mut().zip(positions) {
            known.extend(new);
        }
        self.ended.extend(ended);
        self.found.extend(found);
    }
}

/// Makes transactions of the records of one stream. It knows the positions that its last transaction reaches, stored or
/// not yet.
#[derive(Debug)]
pub(super) struct Worker {
    /// at least one; what reads the records is the same for all, since they share their source
    pub views: Vec<ViewWork>,
    pub unwrapping: Unwrapping,
    /// of shards whose records are placed by their keys
    pub hash_ranges: BTreeMap<String, HashRange>,
    pub placed_by_key: bool,
    pub dead_letters: DeadLetters,
}

/// Payloads in the order in which they are taken, shard by shard.
#[derive(Debug, Default)]
struct Taken {
    payloads: Vec<Payload>,
    bytes: usize,
    /// how many records they hold, where somebody counts
    records: u64,
    /// a stretch of payloads of one shard
    stretches: Vec<Stretch>,
    /// what they weigh; given back when they are rows
    memory: Vec<Reservation>,
}

/// Payloads of one delivery, and how far it brings its shard.
#[derive(Debug)]
pub(super) struct Stretch {
    pub shard: Arc<str>,
    /// of the payloads
    pub range: Range<usize>,
    /// the last record that was taken, with the number of its last user record; `None`: there was none
    pub last: Option<(RecordPosition, Timestamp)>,
    /// the latest arrival among the records that were taken
    pub latest: Option<Timestamp>,
    /// everything that arrived before is read; `None` where a part was left for later
    pub reached: Option<Timestamp>,
    /// nothing follows
    pub end: Option<Vec<ListedShard>>,
}

impl Worker {
    /// Makes one transaction. Refused records are in the dead-letter file, and on the disk, when this returns.
    ///
    /// # Errors
    /// The dead-letter file; a defect.
    pub fn process(&mut self, batch: Batch) -> Result<Prepared, Error> {
        let (prepared, refused) = self.judge(batch)?;
        self.dead_letters.write(&refused)?;
        Ok(prepared)
    }

    /// Makes one transaction, and says what of it is refused; writes nothing.
    ///
    /// # Errors
    /// A defect.
    pub fn judge(&mut self, batch: Batch) -> Result<(Prepared, Refused), Error> {
        let mut prepared = Prepared { found: batch.found, ..Prepared::default() };
        let Some(first) = self.views.first() else { return Ok((prepared, Refused::default())) };
        let decoder = first.path.decoder();
        let limit = batch.most.map(|most| Limit { most, decoder });
        let taken = self.take(batch.deliveries, limit, &mut prepared);
        let readable = taken.payloads.iter().map(|payload| payload.data().unwrap_or_default());
        let decoded = decoder.decode(readable);
        let decoded = decoded.map_err(|error| Error::internal("put records into columns", error))?;
        let mut refused = Refused::default();
        let records = Records { payloads: &taken.payloads, stretches: &taken.stretches, decoded: &decoded };
        let wanted = self.wanted(&records);
        refused.undecodable(&records, &wanted);
        let mut set = WriteSet { conflict: Conflict::NewestWins, ..WriteSet::default() };
        for view in &mut self.views {
            view.rows(&records, &mut refused, &mut set, &mut prepared.added)?;
        }
        self.advance(&taken.stretches, &batch.reached, &mut prepared);
        for (view, positions) in self.views.iter().zip(&prepared.positions) {
            set.advance.extend(view.standing.advance(positions));
        }
        prepared.added.records = refused.records(&records, &wanted);
        prepared.added.refused = refused.count();
        prepared.added.late = refused.late_count();
        prepared.added.bytes = taken.bytes as u64;
        prepared.added.arrivals = arrivals(&taken.payloads, &wanted);
        refused.address(&records, &self.dead_letters);
        prepared.set = set;
        Ok((prepared, refused))
    }

    /// Unwraps records until there are enough of them, or their bytes are; what is left goes back.
    fn take(&self, deliveries: VecDeque<Delivery>, limit: Option<Limit<'_>>, prepared: &mut Prepared) -> Taken {
        let mut taken = Taken::default();
        for mut delivery in deliveries {
            if taken.is_enough(limit) {
                prepared.rest.push_back(delivery);
                continue;
            }
            let range = self.placed_by_key.then(|| self.hash_ranges.get(&*delivery.shard)).flatten();
            let start = taken.payloads.len();
            let (mut last, mut latest) = (None, None);
            let mut records = delivery.records.into_iter();
            while !taken.is_enough(limit)
                && let Some(record) = records.next()
            {
                let arrival = record.arrival;
                last = Some((taken.record(record, range, self.unwrapping, limit), arrival));
                latest = latest.max(Some(arrival));
            }
            delivery.records = records.collect();
            let is_whole = delivery.records.is_empty();
            let end = delivery.end.take_if(|_| is_whole);
            let reached = is_whole.then_some(delivery.reached);
            let range = start..taken.payloads.len();
            if let Some(end) = &end {
                prepared.ended.push((delivery.shard.to_string(), end.clone()));
            }
            taken.stretches.push(Stretch { shard: Arc::clone(&delivery.shard), range, last, latest, reached, end });
            if is_whole {
                taken.memory.extend(delivery.memory);
            } else {
                prepared.rest.push_back(delivery);
            }
        }
        taken
    }

    /// The payloads that some view has not read yet.
    fn wanted(&self, records: &Records<'_>) -> Vec<bool> {
        let mut wanted = vec![false; records.payloads.len()];
        for view in &self.views {
            for (wanted, new) in wanted.iter_mut().zip(view.is_new(records)) {
                *wanted |= new;
            }
        }
        wanted
    }

    /// Moves the positions of all views past what was taken.
    fn advance(&mut self, stretches: &[Stretch], reached: &BTreeMap<String, Timestamp>, prepared: &mut Prepared) {
        for (_, children) in &prepared.ended {
            self.hash_ranges.extend(children.iter().filter_map(|child| Some((child.id.clone(), child.hash_range?))));
        }
        let found = prepared.found.iter().filter_map(|shard| Some((shard.id.clone(), shard.hash_range?)));
        self.hash_ranges.extend(found);
        let start = lineage::Start { everywhere: ShardProgress::TrimHorizon, after: BTreeMap::new() };
        for view in &mut self.views {
            let mut changed = Positions::new();
            for stretch in stretches {
                changed.extend(view.passed(stretch));
            }
            // what is left for later was not read
            let is_read = |shard: &str| !prepared.rest.iter().any(|delivery| *delivery.shard == *shard);
            for (shard, reached) in reached.iter().filter(|(shard, _)| is_read(shard)) {
                changed.extend(view.idle(shard, *reached));
            }
            let begun = if prepared.found.is_empty() {
                Positions::new()
            } else {
                lineage::begin(&prepared.found, &view.standing.positions, &start)
            };
            view.standing.positions.extend(begun.clone());
            changed.extend(begun);
            prepared.positions.push(changed);
        }
    }
}

/// How many records are taken, and what counts them: a payload may hold several.
#[derive(Clone, Copy, Debug)]
struct Limit<'d> {
    most: u64,
    decoder: &'d JsonDecoder,
}

impl Limit<'_> {
    fn count(&self, payload: &Payload) -> u64 {
        let Ok(data) = payload.data() else { return 1 };
        let decoded = self.decoder.decode(std::iter::once(data));
        decoded.map_or(1, |decoded| (decoded.origins.len() + decoded.refused.len()) as u64)
    }
}

impl Taken {
    fn is_enough(&self, limit: Option<Limit<'_>>) -> bool {
        self.bytes >= UNPACKED || limit.is_some_and(|limit| self.records >= limit.most)
    }

    /// Unwraps one record, all of it: what were left of an aggregate would be passed by. Its position, at its last user
    /// record.
    fn record(
        &mut self,
        record: StreamRecord,
        range: Option<&HashRange>,
        how: Unwrapping,
        limit: Option<Limit<'_>>,
    ) -> RecordPosition {
        let mut last = RecordPosition { sequence: record.sequence.clone(), sub_sequence: 0 };
        unwrap(record, range, how, |payload| {
            last.sub_sequence = payload.position.sub_sequence;
            self.bytes += payload.data().map_or(payload.raw.len(), <[u8]>::len);
            self.records += limit.map_or(0, |limit| limit.count(&payload));
            self.payloads.push(payload);
        });
        last
    }
}

/// Times of arrival, each with how many payloads that someone wanted arrived then.
fn arrivals(payloads: &[Payload], wanted: &[bool]) -> Vec<(Timestamp, u32)> {
    let mut arrivals: Vec<(Timestamp, u32)> = Vec::new();
    for (payload, _) in payloads.iter().zip(wanted).filter(|(_, wanted)| **wanted) {
        match arrivals.last_mut() {
            Some((arrival, count)) if *arrival == payload.arrival => *count += 1,
            _ => arrivals.push((payload.arrival, 1)),
        }
    }
    arrivals
}

impl Standing {
    /// Where the view stands in a shard.
    pub fn progress(&self, shard: &str) -> Option<&ShardProgress> {
        self.positions.get(shard).map(|position| &position.progress)
    }
}

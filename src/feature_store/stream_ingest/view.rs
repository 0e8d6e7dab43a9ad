//! One view's part of a transaction: which records are new to it, which are late, and its rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::refused::{LATE, Refused};
use super::start::Standing;
use super::status::Added;
use super::worker::Stretch;
use crate::error::Error;
use crate::feature_store::historical_log::HistoricalLog;
use crate::feature_store::records::{Evaluated, NotAfter, RecordPath, RowOptions, WRONG_FEATURE};
use crate::model::{LateRecords, ShardPosition, ShardProgress, Span, Timestamp};
use crate::online::{TableRows, WriteSet};
use crate::row::Cast;
use crate::source::json::{DecodedRecords, RecordOrigin, RefusedRecord};
use crate::source::kinesis::Payload;
use crate::source::kinesis::lineage::{self, Positions};

/// Records of one transaction, decoded once for all views.
pub(super) struct Records<'a> {
    pub payloads: &'a [Payload],
    pub stretches: &'a [Stretch],
    pub decoded: &'a DecodedRecords,
}

/// A view at work.
#[derive(Debug)]
pub(super) struct ViewWork {
    /// positions here are those after the last transaction that was made, stored or not yet
    pub standing: Standing,
    pub path: RecordPath,
    /// where its rows are logged too
    pub log: Option<HistoricalLog>,
    pub late: LateRecords,
    pub delay: Option<Span>,
    pub max_future: Span,
}

impl ViewWork {
    /// For each payload, whether the view has not read it yet.
    pub fn is_new(&self, records: &Records<'_>) -> Vec<bool> {
        let mut new = vec![false; records.payloads.len()];
        // an answer may come twice, and both times be in one transaction
        let mut passed: BTreeMap<&str, ShardProgress> = BTreeMap::new();
        for stretch in records.stretches {
            let (Some(payloads), Some(new)) =
                (records.payloads.get(stretch.range.clone()), new.get_mut(stretch.range.clone()))
            else {
                continue;
            };
            let progress = passed.get(&*stretch.shard).or_else(|| self.standing.progress(&stretch.shard));
            match progress {
                None | Some(ShardProgress::Ended) => {}
                Some(ShardProgress::TrimHorizon) => new.fill(true),
                Some(ShardProgress::AtTimestamp(at)) => {
                    // times of arrival are not in order: everything after the first that is late enough is read
                    let first = payloads.iter().position(|payload| payload.arrival >= *at).unwrap_or(payloads.len());
                    new.iter_mut().skip(first).for_each(|new| *new = true);
                }
                Some(ShardProgress::After(read)) => {
                    let first = payloads.partition_point(|payload| payload.position <= *read);
                    new.iter_mut().skip(first).for_each(|new| *new = true);
                }
            }
            if let Some(next) = progress.and_then(|progress| stretch.next(progress)) {
                passed.insert(&stretch.shard, next);
            }
        }
        new
    }

    /// Adds the view's rows to `set`, what is refused and late to `refused`, and moves the watermarks.
    pub fn rows(
        &mut self,
        records: &Records<'_>,
        refused: &mut Refused,
        set: &mut WriteSet,
        added: &mut Added,
    ) -> Result<(), Error> {
        let new = self.is_new(records);
        let mut evaluated = self.path.evaluate(records.decoded)?;
        let is_new = |payload: u32| new.get(payload as usize).copied().unwrap_or(false);
        evaluated.refused.retain(|refused| is_new(refused.origin.payload));
        let wanted = self.wanted(records, &evaluated, &new, refused);
        let limits: Vec<Timestamp> =
            records.arrivals().map(|arrival| arrival.saturating_add(self.max_future)).collect();
        let options = RowOptions {
            cast: Cast::Lossless,
            not_after: NotAfter::PerRecord(&limits),
            wanted: Some(&wanted),
            newest: true,
        };
        let rows = self.path.encode(records.decoded, evaluated, &options)?;
        let name = &self.standing.view.view.name;
        for record in rows.refused {
            refused.record(record, name);
        }
        if let Some(log) = &self.log {
            let (logged, unfit) = log.rows(&rows.columns)?;
            for refusal in unfit {
                let row = rows.rows.get(refusal.row).and_then(|row| records.decoded.origins.get(*row as usize));
                if let Some(origin) = row {
                    let message = format!("not logged: {refusal}");
                    refused.record(RefusedRecord { origin: *origin, code: WRONG_FEATURE, message, whole: false }, name);
                }
            }
            if logged.batch.num_rows() > 0 {
                added.logged += logged.batch.get_array_memory_size() as u64;
                set.log.push(logged);
            }
        }
        let features = rows.batch.layout().features.len() as u64;
        added.superseded += (rows.rows.len() - rows.batch.len()) as u64 * features;
        if self.standing.view.to.online && !rows.batch.is_empty() {
            set.rows.push(TableRows { table: self.standing.view.table.clone(), batch: Arc::new(rows.batch) });
        }
        Ok(())
    }

    /// Which of the evaluated rows become rows: those that are new, and not late where late ones are left out. In the
    /// order of each shard, every event moves its watermark.
    fn wanted(
        &mut self,
        records: &Records<'_>,
        evaluated: &Evaluated,
        new: &[bool],
        refused: &mut Refused,
    ) -> Vec<bool> {
        let mut wanted = Vec::with_capacity(evaluated.rows.len());
        let mut cursor = ShardCursor::default();
        for (row, event) in evaluated.rows.iter().zip(&evaluated.event) {
            let origin = records.decoded.origins.get(*row as usize).copied();
            let payload = origin.and_then(|origin| records.payloads.get(origin.payload as usize));
            let (Some(origin), Some(payload)) = (origin, payload) else {
                wanted.push(false);
                continue;
            };
            if !new.get(origin.payload as usize).copied().unwrap_or(false) {
                wanted.push(false);
                continue;
            }
            let position = cursor.position(records, origin.payload as usize, &mut self.standing.positions);
            let is_future = |event: Timestamp| event > payload.arrival.saturating_add(self.max_future);
            let (Some(event), Some(position)) = (event.filter(|event| !is_future(*event)), position) else {
                // refused when it is encoded, with its reason
                wanted.push(true);
                continue;
            };
            let late_before = self.delay.and_then(|delay| Some(position.watermark?.saturating_sub(delay)));
            position.watermark = position.watermark.max(Some(event.min(payload.arrival)));
            let Some(limit) = late_before.filter(|limit| event < *limit) else {
                wanted.push(true);
                continue;
            };
            refused.late(origin);
            if self.late == LateRecords::DeadLetter {
                let message = format!("its event time `{event}` lies behind {limit}, the watermark of its shard");
                let record = RefusedRecord { origin, code: LATE, message, whole: false };
                refused.letter(record, &self.standing.view.view.name);
            }
            wanted.push(self.late == LateRecords::Write);
        }
        wanted
    }

    /// What changes when the records of a stretch are read.
    pub fn passed(&mut self, stretch: &Stretch) -> Positions {
        let Some(position) = self.standing.positions.get_mut(&*stretch.shard) else { return Positions::new() };
        if position.progress == ShardProgress::Ended {
            return Positions::new();
        }
        let before = position.clone();
        let next = stretch.next(&position.progress);
        let passed = next.is_some();
        if let (Some(next), Some((_, arrival))) = (next, &stretch.last) {
            position.progress = next;
            position.arrival = Some(*arrival);
        }
        position.caught_up = position.caught_up.max(stretch.reached.filter(|_| passed || stretch.last.is_none()));
        let changed = if let Some(children) = &stretch.end {
            lineage::end(&self.standing.positions, &stretch.shard, children)
        } else if *position == before {
            Positions::new()
        } else {
            [(stretch.shard.to_string(), position.clone())].into()
        };
        self.standing.positions.extend(changed.clone());
        changed
    }

    /// What changes when a shard had nothing to read up to an instant.
    pub fn idle(&mut self, shard: &str, reached: Timestamp) -> Positions {
        let Some(position) = self.standing.positions.get_mut(shard) else { return Positions::new() };
        if position.progress == ShardProgress::Ended || position.caught_up >= Some(reached) {
            return Positions::new();
        }
        position.caught_up = Some(reached);
        [(shard.to_owned(), position.clone())].into()
    }
}

impl Records<'_> {
    /// For each decoded record when it arrived.
    fn arrivals(&self) -> impl Iterator<Item = Timestamp> {
        let arrival = |origin: &RecordOrigin| self.payloads.get(origin.payload as usize).map(|payload| payload.arrival);
        self.decoded.origins.iter().map(move |origin| arrival(origin).unwrap_or(Timestamp::EPOCH))
    }
}

/// The stretch of the last payload: rows come in the order of the payloads, so it moves forward only.
#[derive(Default)]
struct ShardCursor {
    stretch: usize,
}

impl ShardCursor {
    fn position<'p>(
        &mut self,
        records: &Records<'_>,
        payload: usize,
        positions: &'p mut Positions,
    ) -> Option<&'p mut ShardPosition> {
        while records.stretches.get(self.stretch).is_some_and(|stretch| stretch.range.end <= payload) {
            self.stretch += 1;
        }
        let stretch = records.stretches.get(self.stretch)?;
        positions.get_mut(&*stretch.shard)
    }
}

impl Stretch {
    /// Where a shard that stood there stands after these records; `None` where they bring it no further.
    fn next(&self, progress: &ShardProgress) -> Option<ShardProgress> {
        let (last, _) = self.last.as_ref()?;
        let passes = match progress {
            ShardProgress::Ended => false,
            ShardProgress::After(read) => last > read,
            ShardProgress::AtTimestamp(at) => self.latest >= Some(*at),
            ShardProgress::TrimHorizon => true,
        };
        passes.then(|| ShardProgress::After(last.clone()))
    }
}

//! When the newest row of a key is refused, the newest good one takes its place.

use arrow::array::ArrayRef;

use super::dataset::Dataset;
use super::reduce::{Newest, too_many};
use super::scan::{Rows, Scan, Sink, Window};
use super::step::{self, Step};
use crate::model::Field;
use crate::row::{Cast, Cells, KeyEncoder, Refusal, ValueEncoder};
use crate::source::SourceError;
use crate::source::latest::{Full, Latest, Stamp};

/// The features of a view, by which rows are judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judge<'a> {
    /// the names of the features' columns in the files; with a transformation, of its inputs
    pub columns: &'a [String],
    /// computes as many join keys, and then the features
    pub compute: Option<(&'a dyn Step, usize)>,
    pub features: &'a [Field],
    pub cast: Cast,
}

impl Scan<'_> {
    /// The newest good row of each of the `affected` keys: every row of theirs in the window is judged. Refused are those
    /// that a value does not fit; keys and times were judged before.
    pub(super) fn newest_good(
        &self,
        window: &Window,
        encoder: &KeyEncoder,
        affected: &Latest,
        judge: Judge<'_>,
        threads: usize,
    ) -> Result<Newest, SourceError> {
        let sink = || Recheck { dataset: self.dataset, affected, judge, newest: Newest::default() };
        let mut sinks: Vec<Recheck<'_>> = (0..threads.max(1)).map(|_| sink()).collect();
        self.run(window, encoder, judge.columns, &mut sinks, &|_| ())?;
        let mut whole = Newest::default();
        for sink in sinks {
            whole.merge(sink.newest).map_err(|Full| too_many(self.dataset))?;
        }
        Ok(whole)
    }
}

struct Recheck<'a> {
    dataset: &'a Dataset,
    affected: &'a Latest,
    judge: Judge<'a>,
    newest: Newest,
}

impl Sink for Recheck<'_> {
    fn take(&mut self, rows: &Rows<'_>) -> Result<(), SourceError> {
        let Some((compute, keys)) = self.judge.compute else {
            return self.judge_all(rows.keys.iter().zip(rows.stamps.iter().copied()), rows.extra);
        };
        let affected = |(_, key): &(u32, &[u8])| !key.is_empty() && self.affected.contains(key);
        let places: Vec<u32> = (0..).zip(rows.keys.iter()).filter(affected).map(|(place, _)| place).collect();
        if places.is_empty() {
            return Ok(());
        }
        let path = self.dataset.path();
        let computed = step::run(compute, places.len(), &step::pick(rows.extra, &places, path)?, path)?;
        let place = |row: usize| places.get(row).map_or(0, |place| *place as usize);
        for refusal in computed.refused {
            if let Some(stamp) = rows.stamps.get(place(refusal.row)) {
                self.newest.refused.add(stamp.row, refusal);
            }
        }
        let left = computed.rows.iter().filter_map(|row| {
            let place = place(*row as usize);
            Some((rows.keys.get(place), *rows.stamps.get(place)?))
        });
        self.judge_all(left, computed.columns.get(keys..).unwrap_or_default())
    }

    fn count(&mut self, _in_window: u64, _undated: u64) {}

    fn dropped(&mut self, _filtered: u64) {}

    fn refuse(&mut self, _row: u64, _refusal: Refusal) {}
}

impl Recheck<'_> {
    /// Keeps the newest of the rows whose features fit.
    fn judge_all<'k>(
        &mut self,
        rows: impl Iterator<Item = (&'k [u8], Stamp)>,
        features: &[ArrayRef],
    ) -> Result<(), SourceError> {
        let mut encoders = Vec::with_capacity(features.len());
        for (field, column) in self.judge.features.iter().zip(features) {
            encoders.push(ValueEncoder::new(&field.name, column, &field.dtype, self.judge.cast)?);
        }
        let mut cells = Cells::default();
        for (row, (key, stamp)) in rows.enumerate() {
            if key.is_empty() || !self.affected.contains(key) {
                continue;
            }
            cells.clear();
            match encoders.iter().try_for_each(|encoder| encoder.encode(row, &mut cells)) {
                Ok(()) => self.newest.rows.offer(key, stamp).map_err(|Full| too_many(self.dataset))?,
                Err(refusal) => self.newest.refused.add(stamp.row, refusal),
            }
        }
        Ok(())
    }
}

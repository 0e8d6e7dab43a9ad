//! When the newest row of a key is refused, the newest good one takes its place.

use foldhash::fast::RandomState;

use super::dataset::Dataset;
use super::reduce::{Newest, too_many};
use super::scan::{Rows, Scan, Sink, Window};
use crate::model::Field;
use crate::row::{Cast, Cells, KeyEncoder, Refusal, ValueEncoder};
use crate::source::SourceError;
use crate::source::latest::{Full, Latest};

/// The features of a view, by which rows are judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judge<'a> {
    /// the names of the features' columns in the files
    pub columns: &'a [String],
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
        let hasher = RandomState::default();
        let sink = || Recheck { dataset: self.dataset, affected, judge, newest: Newest::new(hasher.clone()) };
        let mut sinks: Vec<Recheck<'_>> = (0..threads.max(1)).map(|_| sink()).collect();
        self.run(window, encoder, judge.columns, &mut sinks, &|_| ())?;
        let mut whole = Newest::new(hasher);
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
        let mut encoders = Vec::with_capacity(rows.extra.len());
        for (field, column) in self.judge.features.iter().zip(rows.extra) {
            encoders.push(ValueEncoder::new(&field.name, column, &field.dtype, self.judge.cast)?);
        }
        let mut cells = Cells::default();
        for (row, (key, stamp)) in rows.keys.iter().zip(rows.stamps).enumerate() {
            if key.is_empty() || !self.affected.contains(key) {
                continue;
            }
            cells.clear();
            match encoders.iter().try_for_each(|encoder| encoder.encode(row, &mut cells)) {
                Ok(()) => self.newest.rows.offer(key, *stamp).map_err(|Full| too_many(self.dataset))?,
                Err(refusal) => self.newest.refused.add(stamp.row, refusal),
            }
        }
        Ok(())
    }

    fn count(&mut self, _in_window: u64, _undated: u64) {}

    fn refuse(&mut self, _row: u64, _refusal: Refusal) {}
}

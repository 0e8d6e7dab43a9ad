//! The newest row of every key in a window.

use foldhash::fast::RandomState;

use super::dataset::Dataset;
use super::scan::{Rows, Scan, Sink, Window};
use crate::row::{KeyEncoder, Refusal};
use crate::source::SourceError;
use crate::source::latest::{Full, Latest, NO_CREATED};

/// Refused rows that are remembered, at most: enough to see what is wrong, however large the file.
const REMEMBERED: usize = 20;

/// What pass 1 found.
#[derive(Debug)]
pub struct Newest {
    /// the newest row of every key
    pub rows: Latest,
    /// how many rows there were
    pub counts: Counts,
    /// rows in the window that cannot be used
    pub refused: Refused,
}

/// How many rows pass 1 met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// rows in the window, refused ones included
    pub read: u64,
    /// rows without an event time, in the row groups that were looked at: they belong to no window
    pub undated: u64,
    /// the newest created time of the rows in the window that have a good event time, in microseconds
    pub newest_created: Option<i64>,
}

/// A row that is not written, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRow {
    /// number of the row in the source
    pub row: u64,
    /// column, value and reason
    pub refusal: Refusal,
}

/// How many rows were refused, and the first of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    count: u64,
    first: Vec<RefusedRow>,
}

impl Refused {
    /// One more; the first ones in the order of the source are remembered.
    pub fn add(&mut self, row: u64, refusal: Refusal) {
        self.count += 1;
        let is_early = self.first.len() < REMEMBERED || self.first.last().is_some_and(|last| row < last.row);
        if is_early {
            let place = self.first.partition_point(|known| known.row <= row);
            self.first.insert(place, RefusedRow { row, refusal });
            self.first.truncate(REMEMBERED);
        }
    }

    /// Adds those of another thread.
    pub fn merge(&mut self, other: Self) {
        let unknown = other.count - other.first.len() as u64;
        other.first.into_iter().for_each(|known| self.add(known.row, known.refusal));
        self.count += unknown;
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The first of them, in the order of the source.
    #[must_use]
    pub fn first(&self) -> &[RefusedRow] {
        &self.first
    }
}

impl Newest {
    pub(super) fn new(hasher: RandomState) -> Self {
        Self { rows: Latest::new(hasher), counts: Counts::default(), refused: Refused::default() }
    }

    pub(super) fn merge(&mut self, other: Self) -> Result<(), Full> {
        self.counts.read += other.counts.read;
        self.counts.undated += other.counts.undated;
        self.counts.newest_created = self.counts.newest_created.max(other.counts.newest_created);
        self.refused.merge(other.refused);
        self.rows.merge(&other.rows)
    }
}

impl Scan<'_> {
    /// Finds the newest row of every key in the window: newest event, then newest created time, then the later row.
    /// `threads` does not change the result.
    pub fn newest(
        &self,
        window: &Window,
        encoder: &KeyEncoder,
        threads: usize,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Newest, SourceError> {
        let hasher = RandomState::default();
        let mut sinks: Vec<Reduce<'_>> = (0..threads.max(1))
            .map(|_| Reduce { dataset: self.dataset, newest: Newest::new(hasher.clone()) })
            .collect();
        self.run(window, encoder, &[], &mut sinks, progress)?;
        let mut parts = sinks.into_iter().map(|sink| sink.newest);
        let mut whole = parts.next().unwrap_or_else(|| Newest::new(hasher));
        for part in parts {
            whole.merge(part).map_err(|Full| too_many(self.dataset))?;
        }
        Ok(whole)
    }
}

pub(super) fn too_many(dataset: &Dataset) -> SourceError {
    SourceError::TooManyKeys { path: dataset.path().to_owned(), limit: Latest::LIMIT }
}

struct Reduce<'a> {
    dataset: &'a Dataset,
    newest: Newest,
}

impl Sink for Reduce<'_> {
    fn take(&mut self, rows: &Rows<'_>) -> Result<(), SourceError> {
        let created = rows.stamps.iter().map(|stamp| stamp.created).max().filter(|created| *created != NO_CREATED);
        self.newest.counts.newest_created = self.newest.counts.newest_created.max(created);
        for (key, stamp) in rows.keys.iter().zip(rows.stamps) {
            if !key.is_empty() {
                self.newest.rows.offer(key, *stamp).map_err(|Full| too_many(self.dataset))?;
            }
        }
        Ok(())
    }

    fn count(&mut self, in_window: u64, undated: u64) {
        self.newest.counts.read += in_window;
        self.newest.counts.undated += undated;
    }

    fn refuse(&mut self, row: u64, refusal: Refusal) {
        self.newest.refused.add(row, refusal);
    }
}

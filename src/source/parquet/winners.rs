//! Pass 2: the newest rows, in the order of their keys, as batches that a store takes.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, TimestampMicrosecondArray};

use super::recheck::Judge;
use super::reduce::{Newest, Refused, too_many};
use super::scan::{Scan, Window};
use super::step::{self, Transform};
use crate::row::{Cast, FeatureColumn, KeyEncoder, RowBatch, RowColumns, ViewLayout, accepts};
use crate::source::SourceError;
use crate::source::latest::{Full, Latest, NO_CREATED, Sorted, Stamp};

/// Decoded features that are held at a time, about: 16 MiB. Each time all row groups with a newest row are decoded again.
const GATHERED_BYTES: u64 = 16 << 20;
/// Rows that are gathered at a time, at least.
const GATHERED_ROWS: u64 = 4_096;
/// Columns of one batch, about: 1 MiB, which a store writes in about a tenth of a second.
const BATCH_BYTES: u64 = 1 << 20;
/// Rows of one batch, at least and at most.
const BATCH_ROWS: (u64, u64) = (64, 8_192);

/// The newest rows of a view on their way to a store.
#[derive(Debug)]
pub struct Winners<'a> {
    scan: &'a Scan<'a>,
    layout: Arc<ViewLayout>,
    cast: Cast,
    /// join keys, then features, by their names in the files; with a transformation, its inputs
    columns: Vec<String>,
}

impl<'a> Winners<'a> {
    /// The features of `layout`, found in the columns of these names; a transformation computes them.
    ///
    /// # Errors
    /// `NoColumn`; `WrongType` where a column can never be stored as declared.
    pub fn new(
        scan: &'a Scan<'a>,
        layout: &Arc<ViewLayout>,
        features: &[String],
        cast: Cast,
    ) -> Result<Self, SourceError> {
        for (position, (field, column)) in layout.features.iter().zip(features).enumerate() {
            let found = &match scan.transform {
                None => scan.dataset.column(column)?.clone(),
                Some(transform) => step::output(transform.compute, scan.keys.len() + position),
            };
            accepts(found, &field.dtype, cast).map_err(|reason| SourceError::WrongType {
                path: scan.dataset.path().to_owned(),
                column: column.clone(),
                role: format!("feature `{}` ({})", field.name, field.dtype),
                reason,
                hint: Some(cast_hint(accepts(found, &field.dtype, Cast::Lossy).is_ok()).to_owned()),
            })?;
        }
        let columns = match scan.transform {
            None => scan.keys.iter().chain(features).cloned().collect(),
            Some(transform) => transform.compute.inputs().to_vec(),
        };
        Ok(Self { scan, layout: Arc::clone(layout), cast, columns })
    }

    /// Passes on the newest rows in the order of their keys. A row that a value does not fit is refused as a whole, and
    /// the newest good row of its key in the window is passed on instead; these come last, again in the order of their
    /// keys. The answer is what was refused: every row of those keys that does not fit.
    /// `deliver` says whether to go on.
    pub fn deliver(
        &self,
        rows: Latest,
        window: &Window,
        threads: usize,
        deliver: &mut dyn FnMut(RowBatch) -> bool,
    ) -> Result<Refused, SourceError> {
        let affected = self.pass(rows, deliver)?;
        if affected.is_empty() {
            return Ok(Refused::default());
        }
        let (columns, compute) = match self.scan.transform {
            None => (self.columns.get(self.scan.keys.len()..).unwrap_or_default(), None),
            Some(transform) => (self.columns.as_slice(), Some((transform.compute, self.scan.keys.len()))),
        };
        let judge = Judge { columns, compute, features: &self.layout.features, cast: self.cast };
        let encoder = KeyEncoder::new(&self.layout)?;
        let Newest { rows, refused, .. } = self.scan.newest_good(window, &encoder, &affected, judge, threads)?;
        self.pass(rows, deliver)?;
        Ok(refused)
    }

    /// The keys whose row was refused.
    fn pass(&self, rows: Latest, deliver: &mut dyn FnMut(RowBatch) -> bool) -> Result<Latest, SourceError> {
        let sorted = rows.sorted();
        let mut affected = Latest::default();
        let width = self.scan.dataset.row_bytes(&self.columns);
        let gathered_rows = to_usize((GATHERED_BYTES / width).max(GATHERED_ROWS));
        let batch_rows = to_usize((BATCH_BYTES / width).clamp(BATCH_ROWS.0, BATCH_ROWS.1));
        for part in ranges(0..sorted.len(), gathered_rows) {
            let wanted = sorted.stamps(part.clone()).map(|stamp| stamp.row);
            let gathered = self.scan.dataset.gather(&self.columns, wanted)?;
            for range in ranges(part.clone(), batch_rows) {
                let columns = gathered.columns(range.start - part.start..range.end - part.start)?;
                let (batch, refused) = match self.scan.transform {
                    None => self.batch(sorted.stamps(range.clone()), columns)?,
                    Some(transform) => self.computed(transform, &sorted, range.clone(), &columns)?,
                };
                self.note(&sorted, range.start, &refused, &mut affected)?;
                if !batch.is_empty() && !deliver(batch) {
                    return Ok(Latest::default());
                }
            }
        }
        Ok(affected)
    }

    /// A batch of the rows whose features can be computed, and the positions in `range` of all others.
    fn computed(
        &self,
        transform: Transform<'_>,
        sorted: &Sorted,
        range: Range<usize>,
        inputs: &[ArrayRef],
    ) -> Result<(RowBatch, Vec<usize>), SourceError> {
        let computed = step::run(transform.compute, range.len(), inputs, self.scan.dataset.path())?;
        let stamps: Vec<Stamp> = sorted.stamps(range).collect();
        let left: Vec<usize> = computed.rows.iter().map(|row| *row as usize).collect();
        let stamps = left.iter().filter_map(|row| stamps.get(*row).copied());
        let (batch, unfit) = self.batch(stamps, computed.columns)?;
        let mut refused: Vec<usize> = computed.refused.iter().map(|refusal| refusal.row).collect();
        refused.extend(unfit.iter().filter_map(|row| left.get(*row)));
        refused.sort_unstable();
        Ok((batch, refused))
    }

    /// A batch of rows, and the positions of those that are refused.
    fn batch(
        &self,
        stamps: impl Iterator<Item = Stamp> + Clone,
        mut columns: Vec<ArrayRef>,
    ) -> Result<(RowBatch, Vec<usize>), SourceError> {
        let features = columns.split_off(self.scan.keys.len().min(columns.len()));
        let event = stamps.clone().map(|stamp| stamp.event);
        let created = |stamp: Stamp| (stamp.created != NO_CREATED).then_some(stamp.created);
        let created = stamps.map(created);
        let columns = RowColumns {
            join_keys: columns,
            event: Arc::new(TimestampMicrosecondArray::from_iter_values(event)),
            created: Some(Arc::new(created.collect::<TimestampMicrosecondArray>())),
            features: features.into_iter().map(|values| Some(FeatureColumn { values, present: None })).collect(),
        };
        let (batch, refusals) = RowBatch::new(&self.layout, &columns, self.cast, None)?;
        Ok((batch, refusals.into_iter().map(|refusal| refusal.row).collect()))
    }

    /// Remembers the keys of refused rows, whose positions count from `first`.
    fn note(&self, sorted: &Sorted, first: usize, refused: &[usize], affected: &mut Latest) -> Result<(), SourceError> {
        for position in refused.iter().map(|row| first + row) {
            if let (Some(key), Some(stamp)) = (sorted.key(position), sorted.stamp(position)) {
                affected.offer(&key, stamp).map_err(|Full| too_many(self.scan.dataset))?;
            }
        }
        Ok(())
    }
}

fn cast_hint(lossy_helps: bool) -> &'static str {
    if lossy_helps {
        "change the declared type, or pass `--cast lossy` to convert as Feast does"
    } else {
        "change the declared type"
    }
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Cuts a range into pieces of `step`.
fn ranges(whole: Range<usize>, step: usize) -> impl Iterator<Item = Range<usize>> {
    whole.clone().step_by(step.max(1)).map(move |start| start..whole.end.min(start.saturating_add(step)))
}

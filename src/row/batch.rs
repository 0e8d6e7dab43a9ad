//! Rows of one view, ready to be stored.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::buffer::BooleanBuffer;

use super::{Cast, Cell, Cells, KeyEncoder, Keys, Refusal, RowError, ValueEncoder, ViewLayout, timestamps};
use crate::model::{Field, Timestamp};
use crate::nice;

/// About a tenth of a millisecond.
const ROWS_BETWEEN_PAUSES: usize = 256;

/// The column of one feature.
#[derive(Clone, Debug)]
pub struct FeatureColumn {
    /// the values
    pub values: ArrayRef,
    /// the rows that bring the feature at all, null or not; `None`: every row
    pub present: Option<BooleanBuffer>,
}

/// The columns that rows are made of, all of one length.
#[derive(Clone, Debug)]
pub struct RowColumns {
    /// in the order of [`ViewLayout::join_keys`]
    pub join_keys: Vec<ArrayRef>,
    /// event times
    pub event: ArrayRef,
    /// created times, where the source has them
    pub created: Option<ArrayRef>,
    /// in the order of [`ViewLayout::features`]; `None`: no row brings the feature, the store keeps what it has
    pub features: Vec<Option<FeatureColumn>>,
}

/// Rows of one view: entity keys, times and stored values, of one length and of the layout's types.
#[derive(Clone, Debug)]
pub struct RowBatch {
    layout: Arc<ViewLayout>,
    keys: Keys,
    event: Vec<Option<Timestamp>>,
    created: Vec<Option<Timestamp>>,
    cells: Vec<Option<Cells>>,
    /// the rows that are not refused, by key and then by arrival
    order: Vec<u32>,
    /// no key comes twice, and every row brings every feature
    newest: bool,
}

/// One row of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    batch: &'a RowBatch,
    index: usize,
    /// when what it says happened
    pub event: Timestamp,
}

impl RowBatch {
    /// Encodes rows. A row is refused as a whole: for a key or value that does not fit, for a missing event time, or for
    /// one later than `not_after`. Refusals count rows from the first of `columns`.
    ///
    /// # Errors
    /// `Shape` where the columns do not fit the layout or each other, `Column` where a type never fits.
    pub fn new(
        layout: &Arc<ViewLayout>,
        columns: &RowColumns,
        cast: Cast,
        not_after: Option<Timestamp>,
    ) -> Result<(Self, Vec<Refusal>), RowError> {
        Self::of(layout, columns, cast, not_after, Keep::All)
    }

    /// The same, of every key only the newest row: the one with the newest event time, then with the newest created time
    /// (none is oldest), then the later arrival. For rows that bring every feature: the others would be replaced by it.
    /// A row is refused as it is by [`new`](Self::new), newest or not.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn newest(
        layout: &Arc<ViewLayout>,
        columns: &RowColumns,
        cast: Cast,
    ) -> Result<(Self, Vec<Refusal>), RowError> {
        Self::of(layout, columns, cast, None, Keep::Newest)
    }

    fn of(
        layout: &Arc<ViewLayout>,
        columns: &RowColumns,
        cast: Cast,
        not_after: Option<Timestamp>,
        keep: Keep,
    ) -> Result<(Self, Vec<Refusal>), RowError> {
        let rows = check_shape(layout, columns)?;
        let mut keys = Keys::with_capacity(rows, 32);
        let mut refusals = KeyEncoder::new(layout)?.encode(&columns.join_keys, &mut keys)?;
        let event = timestamps("event time", &columns.event)?;
        let created = match &columns.created {
            Some(column) => timestamps("created time", column)?,
            None => vec![None; rows],
        };
        refusals.extend(refused_times(&event, not_after));
        let features = layout.features.iter().zip(&columns.features).map(|(field, column)| {
            let feature = column.as_ref().map(|column| Feature::new(field, column, cast));
            feature.transpose()
        });
        let features: Vec<Option<Feature<'_>>> = features.collect::<Result<_, _>>()?;
        // where only the newest rows stay, values that fit whatever they are wait until it is known which rows these are
        let can_wait = |feature: &Feature<'_>| keep == Keep::Newest && feature.encoder.fits_always();
        let mut cells: Vec<Option<Cells>> = Vec::with_capacity(features.len());
        for feature in &features {
            let encoded = feature.as_ref().filter(|feature| !can_wait(feature));
            cells.push(encoded.map(|feature| feature.encode(&mut refusals)));
        }
        refusals.sort_by_key(|refusal| refusal.row);
        refusals.dedup_by_key(|refusal| refusal.row);
        let order = sorted_by_key(&keys, &refusals);
        let mut batch =
            Self { layout: Arc::clone(layout), keys, event, created, cells, order, newest: keep == Keep::Newest };
        if batch.newest {
            batch.keep_newest();
            batch.encode_kept(&features);
        }
        Ok((batch, refusals))
    }

    /// What the rows consist of.
    #[must_use]
    pub fn layout(&self) -> &ViewLayout {
        &self.layout
    }

    /// How many rows there are, the refused ones not counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Of every key that both batches have only the newest row stays, in the one or the other, by the rule of
    /// [`newest`](Self::newest); `later` arrived later. Batches that `newest` did not make stay as they are.
    /// Says how many rows went.
    pub fn settle(&mut self, later: &mut Self) -> usize {
        if !(self.newest && later.newest) {
            return 0;
        }
        let (mut kept, mut kept_later) = (Vec::with_capacity(self.order.len()), Vec::with_capacity(later.order.len()));
        let (mut mine, mut theirs) = (self.order.iter().peekable(), later.order.iter().peekable());
        while let (Some(row), Some(other)) = (mine.peek().copied(), theirs.peek().copied()) {
            let order = self.keys.get(*row as usize).cmp(later.keys.get(*other as usize));
            let goes = order.is_eq() && later.stamp(*other) >= self.stamp(*row);
            if order.is_le() {
                mine.next();
                kept.extend((!goes).then_some(*row));
            }
            if order.is_ge() {
                theirs.next();
                kept_later.extend((order.is_gt() || goes).then_some(*other));
            }
        }
        kept.extend(mine);
        kept_later.extend(theirs);
        let gone = self.order.len() + later.order.len() - kept.len() - kept_later.len();
        (self.order, later.order) = (kept, kept_later);
        gone
    }

    /// What decides between two rows of a key.
    fn stamp(&self, row: u32) -> (Option<Timestamp>, Option<Timestamp>) {
        let row = row as usize;
        (self.event.get(row).copied().flatten(), self.created.get(row).copied().flatten())
    }

    fn keep_newest(&mut self) {
        let mut kept: Vec<u32> = Vec::with_capacity(self.order.len());
        for row in &self.order {
            match kept.last_mut() {
                Some(last) if self.keys.get(*last as usize) == self.keys.get(*row as usize) => {
                    if self.stamp(*row) >= self.stamp(*last) {
                        *last = *row;
                    }
                }
                _ => kept.push(*row),
            }
        }
        self.order = kept;
    }

    /// Encodes the features that are not yet, for the rows that stay; the others bring none.
    fn encode_kept(&mut self, features: &[Option<Feature<'_>>]) {
        let mut stays = vec![false; self.event.len()];
        for row in &self.order {
            stays.iter_mut().skip(*row as usize).take(1).for_each(|stays| *stays = true);
        }
        for (cells, feature) in self.cells.iter_mut().zip(features) {
            if let (None, Some(feature)) = (&cells, feature) {
                *cells = Some(feature.encode_where(|row| stays.get(row).copied().unwrap_or(false), &mut Vec::new()));
            }
        }
    }

    /// Whether any row may bring the feature at that position of the layout.
    #[must_use]
    pub fn brings(&self, feature: usize) -> bool {
        self.cells.get(feature).is_some_and(Option::is_some)
    }

    /// The rows by key; those of one key in the order of their arrival.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        self.order.iter().map(|index| {
            let index = *index as usize;
            // rows without an event time are refused
            let event = self.event.get(index).copied().flatten().unwrap_or(Timestamp::EPOCH);
            Row { batch: self, index, event }
        })
    }
}

impl<'a> Row<'a> {
    /// The entity key.
    #[must_use]
    pub fn key(&self) -> &'a [u8] {
        self.batch.keys.get(self.index)
    }

    /// When the source wrote it.
    #[must_use]
    pub fn created(&self) -> Option<Timestamp> {
        self.batch.created.get(self.index).copied().flatten()
    }

    /// The value of one feature (by its position in the layout); `None` where the row brings none.
    #[must_use]
    pub fn cell(&self, feature: usize) -> Option<Cell<'a>> {
        self.batch.cells.get(feature)?.as_ref()?.get(self.index)
    }
}

fn check_shape(layout: &ViewLayout, columns: &RowColumns) -> Result<usize, RowError> {
    let shape = |reason: String| RowError::Shape { view: layout.view.clone(), reason };
    if layout.features.len() != columns.features.len() {
        return Err(shape(format!("{} features and {} columns", layout.features.len(), columns.features.len())));
    }
    let rows = columns.event.len();
    let values = columns.features.iter().flatten().map(|column| &column.values);
    let others = columns.join_keys.iter().chain(&columns.created).chain(values);
    if let Some(other) = others.clone().find(|column| column.len() != rows) {
        return Err(shape(format!("columns of {rows} and {} rows", other.len())));
    }
    if u32::try_from(rows).is_err() {
        return Err(shape(format!("{rows} rows are too many for one batch")));
    }
    Ok(rows)
}

fn refused_times(event: &[Option<Timestamp>], not_after: Option<Timestamp>) -> impl Iterator<Item = Refusal> {
    let refusal = |row, value: String, reason: &str| Refusal {
        row,
        column: "event time".to_owned(),
        value,
        reason: reason.to_owned(),
    };
    event.iter().enumerate().filter_map(move |(row, event)| match (event, not_after) {
        (None, _) => Some(refusal(row, "null".to_owned(), "a row needs an event time")),
        (Some(event), Some(limit)) if *event > limit => {
            Some(refusal(row, event.to_string(), "lies too far in the future"))
        }
        _ => None,
    })
}

/// Which rows of a key stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    All,
    Newest,
}

/// A feature and the column that it comes in.
struct Feature<'a> {
    encoder: ValueEncoder,
    column: &'a FeatureColumn,
}

impl<'a> Feature<'a> {
    fn new(field: &Field, column: &'a FeatureColumn, cast: Cast) -> Result<Self, RowError> {
        Ok(Self { encoder: ValueEncoder::new(&field.name, &column.values, &field.dtype, cast)?, column })
    }

    fn encode(&self, refusals: &mut Vec<Refusal>) -> Cells {
        self.encode_where(|_| true, refusals)
    }

    /// A refused cell stands as an absent one, so that rows keep their places; so does one that is not wanted.
    fn encode_where(&self, wanted: impl Fn(usize) -> bool, refusals: &mut Vec<Refusal>) -> Cells {
        let rows = self.column.values.len();
        let brings = |present: &BooleanBuffer, row| row < present.len() && present.value(row);
        let mut cells = Cells::with_capacity(rows, 16);
        for row in 0..rows {
            if row % ROWS_BETWEEN_PAUSES == 0 {
                nice::pause();
            }
            if !wanted(row) || !self.column.present.as_ref().is_none_or(|present| brings(present, row)) {
                cells.push_absent();
            } else if let Err(refusal) = self.encoder.encode(row, &mut cells) {
                cells.push_absent();
                refusals.push(refusal);
            }
        }
        cells
    }
}

/// The rows that are not refused, in the order of their keys' bytes, which is also the order of the store's tree; rows
/// of one key stay in the order of arrival. `refusals` are sorted by row.
fn sorted_by_key(keys: &Keys, refusals: &[Refusal]) -> Vec<u32> {
    let shared = shared_prefix(keys);
    let mut refused = refusals.iter().map(|refusal| refusal.row).peekable();
    let mut heads: Vec<(u64, u32)> = Vec::with_capacity(keys.len());
    for (row, key) in (0_u32..).zip(keys.iter()) {
        if refused.next_if_eq(&(row as usize)).is_none() {
            heads.push((head(key.get(shared..).unwrap_or_default()), row));
        }
    }
    heads.sort_unstable_by(|a, b| {
        a.0.cmp(&b.0).then_with(|| keys.get(a.1 as usize).cmp(keys.get(b.1 as usize))).then(a.1.cmp(&b.1))
    });
    heads.into_iter().map(|(_, row)| row).collect()
}

/// Length of what all keys begin with.
fn shared_prefix(keys: &Keys) -> usize {
    let first = keys.get(0);
    let shared = |key: &[u8]| first.iter().zip(key).take_while(|(a, b)| a == b).count();
    keys.iter().filter(|key| !key.is_empty()).map(shared).min().unwrap_or(0)
}

/// The first eight bytes as a number that orders as they do.
fn head(bytes: &[u8]) -> u64 {
    let mut head = [0; 8];
    for (to, from) in head.iter_mut().zip(bytes) {
        *to = *from;
    }
    u64::from_be_bytes(head)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int64Array, TimestampSecondArray};

    use super::*;
    use crate::model::{DataType, ValueType};
    use crate::row::JoinKey;

    fn layout() -> Arc<ViewLayout> {
        Arc::new(ViewLayout {
            view: "v".into(),
            join_keys: vec![JoinKey { name: "k".into(), value_type: ValueType::Int64 }],
            features: vec![Field::new("f", DataType::Int64), Field::new("g", DataType::Int64)],
            key_version: 3,
        })
    }

    fn columns(keys: Vec<Option<i64>>, times: Vec<Option<i64>>, values: Vec<f64>) -> RowColumns {
        RowColumns {
            join_keys: vec![Arc::new(Int64Array::from(keys))],
            event: Arc::new(TimestampSecondArray::from(times)),
            created: None,
            features: vec![Some(FeatureColumn { values: Arc::new(Float64Array::from(values)), present: None }), None],
        }
    }

    #[test]
    fn rows_come_by_key_and_refused_ones_not_at_all() {
        let keys = vec![Some(300), Some(2), None, Some(1), Some(2), Some(5), Some(6)];
        let times = vec![Some(1), Some(1), Some(1), Some(1), Some(1), None, Some(100)];
        let values = vec![1.0, 2.0, 3.0, 4.5, 5.0, 6.0, 7.0];
        let limit = Timestamp::from_micros(99_000_000);
        let (batch, refusals) =
            RowBatch::new(&layout(), &columns(keys, times, values), Cast::Lossless, Some(limit)).unwrap();
        assert_eq!(
            refusals.iter().map(|r| (r.row, r.column.as_str())).collect::<Vec<_>>(),
            [(2, "k"), (3, "f"), (5, "event time"), (6, "event time")]
        );
        // 2 before 300: the order is that of little-endian bytes, 300 being 2c 01
        let texts: Vec<_> = batch.rows().map(|row| row.cell(0).unwrap().text.unwrap().to_owned()).collect();
        assert_eq!(texts, ["2", "5", "1"]);
        assert!(batch.brings(0) && !batch.brings(1));
        assert_eq!(batch.rows().next().unwrap().cell(1), None);
        assert_eq!((batch.len(), batch.is_empty()), (3, false));
    }

    #[test]
    fn of_every_key_the_newest_row_stays_and_of_equals_the_later() {
        let keys = vec![Some(7), Some(7), Some(5), Some(7), Some(5), Some(6)];
        let times = vec![Some(3), Some(9), Some(4), Some(8), Some(4), Some(1)];
        let values = vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
        let (batch, _) = RowBatch::newest(&layout(), &columns(keys, times, values), Cast::Lossless).unwrap();
        let texts: Vec<_> = batch.rows().map(|row| row.cell(0).unwrap().text.unwrap().to_owned()).collect();
        assert_eq!(texts, ["4", "5", "1"]);
    }

    #[test]
    fn of_a_key_in_two_batches_the_newest_row_stays_and_of_equals_the_later() {
        let batch = |keys: [i64; 4], times: [i64; 4], value: f64| {
            let values = (0..4).map(|row| value + f64::from(row)).collect();
            let columns = columns(keys.map(Some).to_vec(), times.map(Some).to_vec(), values);
            RowBatch::newest(&layout(), &columns, Cast::Lossless).unwrap().0
        };
        let texts = |batch: &RowBatch| -> Vec<String> {
            batch.rows().map(|row| row.cell(0).unwrap().text.unwrap().to_owned()).collect()
        };
        let mut earlier = batch([1, 2, 3, 9], [5, 5, 5, 5], 10.0);
        let mut later = batch([0, 1, 2, 3], [1, 4, 5, 6], 20.0);
        assert_eq!(earlier.settle(&mut later), 3);
        assert_eq!(
            (texts(&earlier), texts(&later)),
            (vec!["10".into(), "13".into()], vec!["20".into(), "22".into(), "23".into()])
        );
        let all = columns(vec![Some(1)], vec![Some(9)], vec![1.0]);
        let mut all = RowBatch::new(&layout(), &all, Cast::Lossless, None).unwrap().0;
        assert_eq!((earlier.settle(&mut all), earlier.len()), (0, 2), "it may lack what the other brings");
    }

    #[test]
    fn a_row_that_is_not_the_newest_is_refused_all_the_same_and_replaces_none() {
        let mut columns =
            columns(vec![Some(7), Some(7), Some(7), None], vec![Some(1), Some(3), Some(2), Some(9)], vec![]);
        let floats = Arc::new(Float64Array::from(vec![1.5, 2.5, 3.0, 4.0]));
        let whole = Arc::new(Int64Array::from(vec![10, 20, 30, 40]));
        let feature = |values: ArrayRef| Some(FeatureColumn { values, present: None });
        columns.features = vec![feature(floats), feature(whole)];
        let (batch, refusals) = RowBatch::newest(&layout(), &columns, Cast::Lossless).unwrap();
        assert_eq!(
            refusals.iter().map(|r| (r.row, r.column.as_str())).collect::<Vec<_>>(),
            [(0, "f"), (1, "f"), (3, "k")]
        );
        let texts: Vec<_> = batch.rows().map(|row| [0, 1].map(|at| row.cell(at).unwrap().text.unwrap())).collect();
        assert_eq!(texts, [["3", "30"]]);
    }

    #[test]
    fn columns_of_different_lengths_are_no_batch() {
        let wrong = columns(vec![Some(1)], vec![Some(1), Some(2)], vec![1.0, 2.0]);
        assert!(matches!(RowBatch::new(&layout(), &wrong, Cast::Lossless, None), Err(RowError::Shape { .. })));
        let mut wrong = columns(vec![Some(1)], vec![Some(1)], vec![1.0]);
        wrong.features.pop();
        assert!(matches!(RowBatch::new(&layout(), &wrong, Cast::Lossless, None), Err(RowError::Shape { .. })));
    }
}

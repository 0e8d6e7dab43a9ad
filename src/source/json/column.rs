//! Columns that grow value by value and give back a record that turns out to be bad.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int8Array,
    Int16Array, Int32Array, Int64Array, ListArray, MapArray, StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType as Arrow, Field, Fields};
use arrow::error::ArrowError;

use super::kind::JsonKind;

/// Values of one kind, each with whether it is there.
#[derive(Debug)]
pub(super) struct Cells {
    pub values: Values,
    valid: Flags,
}

/// The values of a column; in the place of a null stands any.
#[derive(Debug)]
pub(super) enum Values {
    Bool(Vec<bool>),
    /// with the bits of the type
    Int(Vec<i64>, u8),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Date(Vec<i32>),
    Time(Vec<i64>),
    Decimal(Vec<i128>, u8, u8),
    Text(Bytes),
    Binary(Bytes),
    List(Vec<i32>, Box<Cells>),
    Map(Vec<i32>, Box<Cells>, Box<Cells>),
    Struct(Vec<(String, Cells)>),
}

/// Texts or bytes, one after the other.
#[derive(Debug, Default)]
pub(super) struct Bytes {
    pub data: Vec<u8>,
    pub ends: Vec<i32>,
}

/// One flag a row; nothing is kept while all are true.
#[derive(Debug, Default)]
pub(super) struct Flags {
    rows: usize,
    flags: Vec<bool>,
}

impl Flags {
    pub(super) fn push(&mut self, flag: bool) {
        if !flag && self.flags.is_empty() {
            self.flags.resize(self.rows, true);
        }
        if !flag || !self.flags.is_empty() {
            self.flags.push(flag);
        }
        self.rows += 1;
    }

    pub(super) fn truncate(&mut self, rows: usize) {
        self.rows = self.rows.min(rows);
        self.flags.truncate(rows);
    }

    /// `None` where all are true.
    pub(super) fn finish(self) -> Option<BooleanBuffer> {
        (!self.flags.is_empty()).then(|| BooleanBuffer::from(self.flags))
    }
}

impl Cells {
    pub(super) fn new(kind: &JsonKind, rows: usize) -> Self {
        Self { values: Values::new(kind, rows), valid: Flags::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.valid.rows
    }

    /// Whether the last value is null.
    pub(super) fn ends_in_null(&self) -> bool {
        self.valid.flags.last() == Some(&false)
    }

    /// Says that a value was added.
    pub(super) fn pushed(&mut self) {
        self.valid.push(true);
    }

    pub(super) fn push_null(&mut self) {
        self.values.push_any();
        self.valid.push(false);
    }

    /// Forgets all but the first `rows` values, and whatever was begun after them.
    pub(super) fn truncate(&mut self, rows: usize) {
        self.valid.truncate(rows);
        match &mut self.values {
            Values::Bool(values) => values.truncate(rows),
            Values::Int(values, _) | Values::Time(values) => values.truncate(rows),
            Values::Float32(values) => values.truncate(rows),
            Values::Float64(values) => values.truncate(rows),
            Values::Date(values) => values.truncate(rows),
            Values::Decimal(values, ..) => values.truncate(rows),
            Values::Text(bytes) | Values::Binary(bytes) => {
                bytes.ends.truncate(rows);
                bytes.data.truncate(last(&bytes.ends));
            }
            Values::List(ends, items) => {
                ends.truncate(rows);
                items.truncate(last(ends));
            }
            Values::Map(ends, keys, values) => {
                ends.truncate(rows);
                keys.truncate(last(ends));
                values.truncate(last(ends));
            }
            Values::Struct(fields) => fields.iter_mut().for_each(|(_, cells)| cells.truncate(rows)),
        }
    }

    /// The column as Arrow's.
    pub(super) fn finish(self) -> Result<ArrayRef, ArrowError> {
        let rows = self.len();
        let nulls = self.valid.finish().map(NullBuffer::new);
        self.values.finish(rows, nulls)
    }
}

/// Where the last text or list ends.
fn last(ends: &[i32]) -> usize {
    ends.last().map_or(0, |end| usize::try_from(*end).unwrap_or(0))
}

impl Values {
    fn new(kind: &JsonKind, rows: usize) -> Self {
        let inner = |kind: &JsonKind| Box::new(Cells::new(kind, 0));
        match kind {
            JsonKind::Bool => Self::Bool(Vec::with_capacity(rows)),
            JsonKind::Int(bits) => Self::Int(Vec::with_capacity(rows), *bits),
            JsonKind::KeyInt => Self::Int(Vec::with_capacity(rows), 64),
            JsonKind::Float32 => Self::Float32(Vec::with_capacity(rows)),
            JsonKind::Float64 => Self::Float64(Vec::with_capacity(rows)),
            JsonKind::Date => Self::Date(Vec::with_capacity(rows)),
            JsonKind::Time => Self::Time(Vec::with_capacity(rows)),
            JsonKind::Decimal(precision, scale) => Self::Decimal(Vec::with_capacity(rows), *precision, *scale),
            JsonKind::Text | JsonKind::KeyText | JsonKind::DecimalText | JsonKind::Json => Self::Text(Bytes::default()),
            JsonKind::Binary => Self::Binary(Bytes::default()),
            JsonKind::List(item) => Self::List(Vec::with_capacity(rows), inner(item)),
            JsonKind::Map(key, value) => Self::Map(Vec::with_capacity(rows), inner(key), inner(value)),
            JsonKind::Struct(fields) => {
                Self::Struct(fields.iter().map(|(name, kind)| (name.clone(), Cells::new(kind, rows))).collect())
            }
        }
    }

    fn push_any(&mut self) {
        match self {
            Self::Bool(values) => values.push(false),
            Self::Int(values, _) | Self::Time(values) => values.push(0),
            Self::Float32(values) => values.push(0.0),
            Self::Float64(values) => values.push(0.0),
            Self::Date(values) => values.push(0),
            Self::Decimal(values, ..) => values.push(0),
            Self::Text(bytes) | Self::Binary(bytes) => bytes.ends.push(bytes.ends.last().copied().unwrap_or(0)),
            Self::List(ends, _) | Self::Map(ends, ..) => ends.push(ends.last().copied().unwrap_or(0)),
            Self::Struct(fields) => fields.iter_mut().for_each(|(_, cells)| cells.push_null()),
        }
    }

    fn finish(self, rows: usize, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::Bool(values) => Arc::new(BooleanArray::new(BooleanBuffer::from(values), nulls)),
            Self::Int(values, bits) => ints(values, bits, nulls),
            Self::Float32(values) => Arc::new(Float32Array::new(values.into(), nulls)),
            Self::Float64(values) => Arc::new(Float64Array::new(values.into(), nulls)),
            Self::Date(values) => Arc::new(Date32Array::new(values.into(), nulls)),
            Self::Time(values) => Arc::new(TimestampMicrosecondArray::new(values.into(), nulls).with_timezone("UTC")),
            Self::Decimal(values, precision, scale) => {
                let scale = i8::try_from(scale).unwrap_or(0);
                Arc::new(Decimal128Array::new(values.into(), nulls).with_precision_and_scale(precision, scale)?)
            }
            Self::Text(bytes) => {
                let (offsets, data) = bytes.finish();
                Arc::new(StringArray::try_new(offsets, data, nulls)?)
            }
            Self::Binary(bytes) => {
                let (offsets, data) = bytes.finish();
                Arc::new(BinaryArray::try_new(offsets, data, nulls)?)
            }
            Self::List(ends, items) => {
                let items = items.finish()?;
                let field = Arc::new(Field::new("item", items.data_type().clone(), true));
                Arc::new(ListArray::try_new(field, offsets(&ends), items, nulls)?)
            }
            Self::Map(ends, keys, values) => {
                let (keys, values) = (keys.finish()?, values.finish()?);
                let fields = Fields::from(vec![
                    Field::new("keys", keys.data_type().clone(), false),
                    Field::new("values", values.data_type().clone(), true),
                ]);
                let entries = StructArray::try_new(fields.clone(), vec![keys, values], None)?;
                let field = Arc::new(Field::new("entries", Arrow::Struct(fields), false));
                Arc::new(MapArray::try_new(field, offsets(&ends), entries, nulls, false)?)
            }
            Self::Struct(cells) => {
                let (mut fields, mut columns) = (Vec::new(), Vec::new());
                for (name, cells) in cells {
                    let column = cells.finish()?;
                    fields.push(Field::new(name, column.data_type().clone(), true));
                    columns.push(column);
                }
                Arc::new(StructArray::try_new_with_length(fields.into(), columns, nulls, rows)?)
            }
        })
    }
}

impl Bytes {
    fn finish(self) -> (OffsetBuffer<i32>, arrow::buffer::Buffer) {
        (offsets(&self.ends), self.data.into())
    }
}

fn offsets(ends: &[i32]) -> OffsetBuffer<i32> {
    OffsetBuffer::new(std::iter::once(0).chain(ends.iter().copied()).collect::<ScalarBuffer<i32>>())
}

/// Whole numbers in a type of that many bits, which each was checked to fit.
#[allow(clippy::cast_possible_truncation, reason = "each was checked when it was added")]
fn ints(values: Vec<i64>, bits: u8, nulls: Option<NullBuffer>) -> ArrayRef {
    match bits {
        8 => Arc::new(Int8Array::new(values.iter().map(|value| *value as i8).collect(), nulls)),
        16 => Arc::new(Int16Array::new(values.iter().map(|value| *value as i16).collect(), nulls)),
        32 => Arc::new(Int32Array::new(values.iter().map(|value| *value as i32).collect(), nulls)),
        _ => Arc::new(Int64Array::new(values.into(), nulls)),
    }
}

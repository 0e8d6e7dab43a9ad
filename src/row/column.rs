//! Arrow columns of any type, resolved once and then read cell by cell.

use std::ops::Range;

use arrow::array::cast::AsArray;
use arrow::array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType, Time32SecondType,
    Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, BooleanArray, FixedSizeBinaryArray, LargeBinaryArray,
    LargeStringArray, StringArray, StringViewArray,
};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType as Arrow, TimeUnit, i256};

use super::instant::{Instant, Unit};

/// One cell, borrowed from its column.
#[derive(Clone, Copy, Debug)]
pub(super) enum Raw<'a> {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Float32(f32),
    Float64(f64),
    Str(&'a str),
    Bytes(&'a [u8]),
    /// an instant; without a zone it is UTC
    Time(Instant),
    /// midnight UTC
    Date(Instant),
    /// since midnight
    TimeOfDay(Instant),
    /// unscaled value and scale
    Decimal(i256, i8),
    List(List<'a>),
    Struct(&'a [(String, Column)], usize),
    Map(&'a Column, List<'a>),
}

/// Consecutive cells of a column.
#[derive(Clone, Copy, Debug)]
pub(super) struct List<'a> {
    items: &'a Column,
    start: usize,
    end: usize,
}

impl<'a> List<'a> {
    pub(super) fn iter(self) -> impl ExactSizeIterator<Item = Raw<'a>> {
        (self.start..self.end).map(move |row| self.items.get(row))
    }

    /// The cells of another column in the same rows: a map's keys beside its values.
    pub(super) fn beside(self, items: &'a Column) -> Self {
        Self { items, ..self }
    }
}

/// A column whose type has been looked at.
#[derive(Clone, Debug)]
pub(super) struct Column {
    rows: usize,
    nulls: Option<NullBuffer>,
    kind: Kind,
    arrow: Arrow,
}

#[derive(Clone, Debug)]
enum Kind {
    Null,
    Bool(BooleanArray),
    I8(ScalarBuffer<i8>),
    I16(ScalarBuffer<i16>),
    I32(ScalarBuffer<i32>),
    I64(ScalarBuffer<i64>),
    U8(ScalarBuffer<u8>),
    U16(ScalarBuffer<u16>),
    U32(ScalarBuffer<u32>),
    U64(ScalarBuffer<u64>),
    F32(ScalarBuffer<f32>),
    F64(ScalarBuffer<f64>),
    Utf8(StringArray),
    LargeUtf8(LargeStringArray),
    Utf8View(StringViewArray),
    Binary(BinaryArray),
    LargeBinary(LargeBinaryArray),
    BinaryView(BinaryViewArray),
    FixedBinary(FixedSizeBinaryArray),
    Time(ScalarBuffer<i64>, Unit),
    Date(ScalarBuffer<i64>, Unit),
    TimeOfDay(ScalarBuffer<i64>, Unit),
    Decimal(ScalarBuffer<i256>, i8),
    List(Vec<usize>, Box<Column>),
    FixedList(usize, Box<Column>),
    Struct(Vec<(String, Column)>),
    Map(Vec<usize>, Box<Column>, Box<Column>),
}

impl Column {
    /// Looks at a column.
    ///
    /// # Errors
    /// The type is none that values can be made of; said for a human.
    pub(super) fn new(array: &ArrayRef) -> Result<Self, String> {
        if let Some(plain) = plain_type(array.data_type()) {
            let unpacked = cast(array, &plain).map_err(|error| error.to_string())?;
            return Self::new(&unpacked);
        }
        Ok(Self {
            rows: array.len(),
            nulls: array.logical_nulls(),
            kind: resolve(array)?,
            arrow: array.data_type().clone(),
        })
    }

    /// The Arrow type, dictionaries unpacked.
    pub(super) fn arrow_type(&self) -> &Arrow {
        &self.arrow
    }

    /// One cell; a row that does not exist is null.
    pub(super) fn get(&self, row: usize) -> Raw<'_> {
        if row >= self.rows || self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return Raw::Null;
        }
        match &self.kind {
            Kind::Null => Raw::Null,
            Kind::Bool(array) => Raw::Bool(array.value(row)),
            Kind::I8(values) => Raw::Int(values[row].into()),
            Kind::I16(values) => Raw::Int(values[row].into()),
            Kind::I32(values) => Raw::Int(values[row].into()),
            Kind::I64(values) => Raw::Int(values[row]),
            Kind::U8(values) => Raw::Int(values[row].into()),
            Kind::U16(values) => Raw::Int(values[row].into()),
            Kind::U32(values) => Raw::Int(values[row].into()),
            Kind::U64(values) => Raw::UInt(values[row]),
            Kind::F32(values) => Raw::Float32(values[row]),
            Kind::F64(values) => Raw::Float64(values[row]),
            Kind::Utf8(array) => Raw::Str(array.value(row)),
            Kind::LargeUtf8(array) => Raw::Str(array.value(row)),
            Kind::Utf8View(array) => Raw::Str(array.value(row)),
            Kind::Binary(array) => Raw::Bytes(array.value(row)),
            Kind::LargeBinary(array) => Raw::Bytes(array.value(row)),
            Kind::BinaryView(array) => Raw::Bytes(array.value(row)),
            Kind::FixedBinary(array) => Raw::Bytes(array.value(row)),
            Kind::Time(values, unit) => Raw::Time(Instant::new(values[row], *unit)),
            Kind::Date(values, unit) => Raw::Date(Instant::new(values[row], *unit)),
            Kind::TimeOfDay(values, unit) => Raw::TimeOfDay(Instant::new(values[row], *unit)),
            Kind::Decimal(values, scale) => Raw::Decimal(values[row], *scale),
            Kind::List(offsets, items) => Raw::List(slice(items, offsets[row]..offsets[row + 1])),
            Kind::FixedList(size, items) => Raw::List(slice(items, row * size..(row + 1) * size)),
            Kind::Struct(fields) => Raw::Struct(fields, row),
            Kind::Map(offsets, keys, values) => Raw::Map(keys, slice(values, offsets[row]..offsets[row + 1])),
        }
    }
}

fn slice(items: &Column, range: Range<usize>) -> List<'_> {
    List { items, start: range.start, end: range.end }
}

/// The type in which cells lie one beside the other, where this one is packed.
fn plain_type(packed: &Arrow) -> Option<Arrow> {
    match packed {
        Arrow::Dictionary(_, values) => Some(values.as_ref().clone()),
        Arrow::RunEndEncoded(_, values) => Some(values.data_type().clone()),
        Arrow::Float16 => Some(Arrow::Float32),
        Arrow::ListView(item) => Some(Arrow::List(item.clone())),
        Arrow::LargeListView(item) => Some(Arrow::LargeList(item.clone())),
        _ => None,
    }
}

fn resolve(array: &ArrayRef) -> Result<Kind, String> {
    let kind = match array.data_type() {
        Arrow::Null => Kind::Null,
        Arrow::Boolean => Kind::Bool(array.as_boolean().clone()),
        Arrow::Int8 => Kind::I8(numbers::<Int8Type>(array)),
        Arrow::Int16 => Kind::I16(numbers::<Int16Type>(array)),
        Arrow::Int32 => Kind::I32(numbers::<Int32Type>(array)),
        Arrow::Int64 => Kind::I64(numbers::<Int64Type>(array)),
        Arrow::UInt8 => Kind::U8(numbers::<UInt8Type>(array)),
        Arrow::UInt16 => Kind::U16(numbers::<UInt16Type>(array)),
        Arrow::UInt32 => Kind::U32(numbers::<UInt32Type>(array)),
        Arrow::UInt64 => Kind::U64(numbers::<UInt64Type>(array)),
        Arrow::Float32 => Kind::F32(numbers::<Float32Type>(array)),
        Arrow::Float64 => Kind::F64(numbers::<Float64Type>(array)),
        Arrow::Utf8 => Kind::Utf8(array.as_string().clone()),
        Arrow::LargeUtf8 => Kind::LargeUtf8(array.as_string().clone()),
        Arrow::Utf8View => Kind::Utf8View(array.as_string_view().clone()),
        Arrow::Binary => Kind::Binary(array.as_binary().clone()),
        Arrow::LargeBinary => Kind::LargeBinary(array.as_binary().clone()),
        Arrow::BinaryView => Kind::BinaryView(array.as_binary_view().clone()),
        Arrow::FixedSizeBinary(_) => Kind::FixedBinary(array.as_fixed_size_binary().clone()),
        Arrow::Timestamp(..) | Arrow::Date32 | Arrow::Date64 | Arrow::Time32(_) | Arrow::Time64(_) => times(array)?,
        Arrow::Decimal32(_, scale) => Kind::Decimal(decimals::<Decimal32Type>(array), *scale),
        Arrow::Decimal64(_, scale) => Kind::Decimal(decimals::<Decimal64Type>(array), *scale),
        Arrow::Decimal128(_, scale) => Kind::Decimal(decimals::<Decimal128Type>(array), *scale),
        Arrow::Decimal256(_, scale) => Kind::Decimal(numbers::<Decimal256Type>(array), *scale),
        Arrow::List(_) => {
            let list = array.as_list::<i32>();
            Kind::List(positions(list.value_offsets()), nested(list.values())?)
        }
        Arrow::LargeList(_) => {
            let list = array.as_list::<i64>();
            Kind::List(positions(list.value_offsets()), nested(list.values())?)
        }
        _ => return resolve_nested(array),
    };
    Ok(kind)
}

fn resolve_nested(array: &ArrayRef) -> Result<Kind, String> {
    match array.data_type() {
        Arrow::FixedSizeList(_, size) => {
            let list = array.as_fixed_size_list();
            Ok(Kind::FixedList(usize::try_from(*size).unwrap_or(0), nested(list.values())?))
        }
        Arrow::Struct(fields) => {
            let columns = array.as_struct().columns();
            let named =
                fields.iter().zip(columns).map(|(field, column)| Ok((field.name().clone(), Column::new(column)?)));
            named.collect::<Result<_, String>>().map(Kind::Struct)
        }
        Arrow::Map(..) => {
            let map = array.as_map();
            Ok(Kind::Map(positions(map.value_offsets()), nested(map.keys())?, nested(map.values())?))
        }
        other => Err(format!("no feature can be made of {other}")),
    }
}

fn nested(items: &ArrayRef) -> Result<Box<Column>, String> {
    Column::new(items).map(Box::new)
}

/// Offsets of a checked Arrow array: never negative.
fn positions<O: Copy + TryInto<usize>>(offsets: &[O]) -> Vec<usize> {
    offsets.iter().map(|offset| (*offset).try_into().unwrap_or(0)).collect()
}

fn numbers<T: ArrowPrimitiveType>(array: &ArrayRef) -> ScalarBuffer<T::Native> {
    array.as_primitive::<T>().values().clone()
}

fn decimals<T: ArrowPrimitiveType>(array: &ArrayRef) -> ScalarBuffer<i256>
where
    T::Native: Into<i128>,
{
    array.as_primitive::<T>().values().iter().map(|value| i256::from_i128((*value).into())).collect()
}

fn times(array: &ArrayRef) -> Result<Kind, String> {
    Ok(match array.data_type() {
        Arrow::Timestamp(TimeUnit::Second, _) => Kind::Time(numbers::<TimestampSecondType>(array), Unit::Seconds),
        Arrow::Timestamp(TimeUnit::Millisecond, _) => {
            Kind::Time(numbers::<TimestampMillisecondType>(array), Unit::Millis)
        }
        Arrow::Timestamp(TimeUnit::Microsecond, _) => {
            Kind::Time(numbers::<TimestampMicrosecondType>(array), Unit::Micros)
        }
        Arrow::Timestamp(TimeUnit::Nanosecond, _) => Kind::Time(numbers::<TimestampNanosecondType>(array), Unit::Nanos),
        Arrow::Date32 => Kind::Date(widened::<Date32Type>(array), Unit::Days),
        Arrow::Date64 => Kind::Date(numbers::<Date64Type>(array), Unit::Millis),
        Arrow::Time32(TimeUnit::Second) => Kind::TimeOfDay(widened::<Time32SecondType>(array), Unit::Seconds),
        Arrow::Time32(_) => Kind::TimeOfDay(widened::<Time32MillisecondType>(array), Unit::Millis),
        Arrow::Time64(TimeUnit::Microsecond) => Kind::TimeOfDay(numbers::<Time64MicrosecondType>(array), Unit::Micros),
        Arrow::Time64(_) => Kind::TimeOfDay(numbers::<Time64NanosecondType>(array), Unit::Nanos),
        other => return Err(format!("no feature can be made of {other}")),
    })
}

fn widened<T: ArrowPrimitiveType<Native = i32>>(array: &ArrayRef) -> ScalarBuffer<i64> {
    array.as_primitive::<T>().values().iter().map(|value| i64::from(*value)).collect()
}

impl Raw<'_> {
    /// The whole number that a number is, where it is one of 64 bits.
    pub(super) fn exact_int(&self) -> Option<i64> {
        match *self {
            Raw::Int(number) => Some(number),
            Raw::UInt(number) => i64::try_from(number).ok(),
            Raw::Float32(number) => whole(number.into()),
            Raw::Float64(number) => whole(number),
            _ => None,
        }
    }
}

/// The whole number that a float is; floats beyond 2^53 stand for many and are none.
fn whole(number: f64) -> Option<i64> {
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation, reason = "checked: whole and within 2^53")]
    (number.fract() == 0.0 && number.abs() <= LIMIT).then_some(number as i64)
}

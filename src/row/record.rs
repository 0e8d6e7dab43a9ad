//! The Arrow types of a stream's records, and which parquet columns can stand for them.

use std::sync::Arc;

use arrow::datatypes::{DataType as Arrow, Field, Fields, TimeUnit};

use crate::model::RecordType;

/// The Arrow type in which values of a record are decoded and computed with: instants in microseconds UTC.
#[must_use]
pub fn record_arrow(kind: &RecordType) -> Arrow {
    let inner = |name: &str, kind: &RecordType, nullable| Field::new(name, record_arrow(kind), nullable);
    match kind {
        RecordType::Bool => Arrow::Boolean,
        RecordType::Int8 => Arrow::Int8,
        RecordType::Int16 => Arrow::Int16,
        RecordType::Int32 => Arrow::Int32,
        RecordType::Int64 => Arrow::Int64,
        RecordType::Float32 => Arrow::Float32,
        RecordType::Float64 => Arrow::Float64,
        RecordType::Text => Arrow::Utf8,
        RecordType::Binary => Arrow::Binary,
        RecordType::Date => Arrow::Date32,
        RecordType::Timestamp => Arrow::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        RecordType::Decimal { precision, scale } => Arrow::Decimal128(*precision, i8::try_from(*scale).unwrap_or(0)),
        RecordType::Array(item) => Arrow::List(Arc::new(inner("item", item, true))),
        RecordType::Map(key, value) => {
            let entry = Fields::from(vec![inner("keys", key, false), inner("values", value, true)]);
            Arrow::Map(Arc::new(Field::new("entries", Arrow::Struct(entry), false)), false)
        }
        RecordType::Struct(fields) => {
            Arrow::Struct(fields.iter().map(|field| inner(&field.name, &field.kind, true)).collect())
        }
    }
}

/// Whether every value of a parquet column is a value of a record's type.
#[must_use]
pub fn widens(column: &Arrow, kind: &RecordType) -> bool {
    let bits = integer_bits(column);
    let integer = |room: u8| bits.is_some_and(|bits| bits <= room);
    match (column, kind) {
        (Arrow::Dictionary(_, values), kind) => widens(values, kind),
        (Arrow::Null, _)
        | (Arrow::Boolean, RecordType::Bool)
        | (Arrow::Utf8 | Arrow::LargeUtf8 | Arrow::Utf8View, RecordType::Text)
        | (Arrow::Binary | Arrow::LargeBinary | Arrow::BinaryView | Arrow::FixedSizeBinary(_), RecordType::Binary)
        | (Arrow::Date32 | Arrow::Date64, RecordType::Date | RecordType::Timestamp)
        | (Arrow::Timestamp(..), RecordType::Timestamp)
        | (Arrow::Struct(_), RecordType::Struct(_))
        | (Arrow::Map(..), RecordType::Map(..))
        | (Arrow::Float16 | Arrow::Float32, RecordType::Float32)
        | (Arrow::Float16 | Arrow::Float32 | Arrow::Float64, RecordType::Float64) => true,
        (Arrow::List(item) | Arrow::LargeList(item) | Arrow::FixedSizeList(item, _), RecordType::Array(inner)) => {
            widens(item.data_type(), inner)
        }
        (
            Arrow::Decimal32(p, s) | Arrow::Decimal64(p, s) | Arrow::Decimal128(p, s),
            RecordType::Decimal { precision, scale },
        ) => {
            i16::from(*s) <= i16::from(*scale)
                && i16::from(*p) - i16::from(*s) <= i16::from(*precision) - i16::from(*scale)
        }
        (_, RecordType::Int8) => integer(7),
        (_, RecordType::Int16) => integer(15),
        (_, RecordType::Int32) => integer(31),
        (_, RecordType::Int64 | RecordType::Float64) => integer(63),
        (_, RecordType::Float32) => integer(24),
        _ => false,
    }
}

/// Bits of the largest value of an integer column.
fn integer_bits(column: &Arrow) -> Option<u8> {
    Some(match column {
        Arrow::Int8 => 7,
        Arrow::UInt8 => 8,
        Arrow::Int16 => 15,
        Arrow::UInt16 => 16,
        Arrow::Int32 => 31,
        Arrow::UInt32 => 32,
        Arrow::Int64 => 63,
        Arrow::UInt64 => 64,
        _ => return None,
    })
}

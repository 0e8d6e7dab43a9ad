//! What a column of records is read as.

use std::sync::Arc;

use arrow::datatypes::{DataType as Arrow, Field, Fields, TimeUnit};

use crate::model::{DataType, RecordColumn, RecordType, ValueType};

/// One column of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonColumn {
    /// name in the record; with dots it also reaches into nested objects: `driver.id`
    pub name: String,
    /// other names that the same column may have in a record
    pub aliases: Vec<String>,
    /// what its values are
    pub kind: JsonKind,
    /// what every record must have of it
    pub need: Need,
}

/// What every record must have of a column; one that lacks it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// it may be absent
    Nothing,
    /// its key, perhaps with null
    Key,
    /// a value that is not null
    Value,
}

/// What the values of a column are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonKind {
    /// `true`, `false`
    Bool,
    /// a whole number of 8, 16, 32 or 64 bits
    Int(u8),
    /// a number; of a decimal fraction the nearest float
    Float32,
    /// a number; of a decimal fraction the nearest double
    Float64,
    /// a text
    Text,
    /// a text, or a whole number in its place: a join key
    KeyText,
    /// a whole number of 64 bits, or its text: a join key
    KeyInt,
    /// bytes in base64
    Binary,
    /// `2026-11-22`
    Date,
    /// a time as text or as a number since 1970 UTC
    Time,
    /// a number of so many digits, so many of them after the point
    Decimal(u8, u8),
    /// a number of any length, or its text; kept as text
    DecimalText,
    /// any value: its JSON text, or the text that it is
    Json,
    /// an array
    List(Box<JsonKind>),
    /// an object with keys of one type
    Map(Box<JsonKind>, Box<JsonKind>),
    /// an object with known keys
    Struct(Vec<(String, JsonKind)>),
}

impl JsonColumn {
    /// A column of a stream's declared schema.
    #[must_use]
    pub fn of_record(column: &RecordColumn) -> Self {
        let kind = JsonKind::of_record(&column.kind);
        let need = if column.nullable { Need::Nothing } else { Need::Value };
        Self { name: column.name.clone(), aliases: Vec::new(), kind, need }
    }

    /// A column that may be absent or null.
    #[must_use]
    pub fn optional(name: impl Into<String>, kind: JsonKind) -> Self {
        Self { name: name.into(), aliases: Vec::new(), kind, need: Need::Nothing }
    }

    /// The same column, to be found under this name too.
    #[must_use]
    pub fn or_called(mut self, alias: &str) -> Self {
        if alias != self.name {
            self.aliases.push(alias.to_owned());
        }
        self
    }
}

impl JsonKind {
    /// What a declared type of a stream's schema is read as.
    #[must_use]
    pub fn of_record(kind: &RecordType) -> Self {
        match kind {
            RecordType::Bool => Self::Bool,
            RecordType::Int8 => Self::Int(8),
            RecordType::Int16 => Self::Int(16),
            RecordType::Int32 => Self::Int(32),
            RecordType::Int64 => Self::Int(64),
            RecordType::Float32 => Self::Float32,
            RecordType::Float64 => Self::Float64,
            RecordType::Text => Self::Text,
            RecordType::Binary => Self::Binary,
            RecordType::Date => Self::Date,
            RecordType::Timestamp => Self::Time,
            RecordType::Decimal { precision, scale } => Self::Decimal(*precision, *scale),
            RecordType::Array(item) => Self::List(Box::new(Self::of_record(item))),
            RecordType::Map(key, value) => Self::Map(Box::new(Self::of_record(key)), Box::new(Self::of_record(value))),
            RecordType::Struct(fields) => {
                Self::Struct(fields.iter().map(|field| (field.name.clone(), Self::of_record(&field.kind))).collect())
            }
        }
    }

    /// What values of a view's declared type are read as.
    #[must_use]
    pub fn of_feature(dtype: &DataType) -> Self {
        match dtype {
            DataType::Bool => Self::Bool,
            DataType::Int32 => Self::Int(32),
            DataType::Int64 => Self::Int(64),
            DataType::Float32 => Self::Float32,
            DataType::Float64 => Self::Float64,
            DataType::String | DataType::Uuid | DataType::TimeUuid => Self::Text,
            DataType::Bytes | DataType::PdfBytes | DataType::ImageBytes => Self::Binary,
            DataType::UnixTimestamp | DataType::ZonedTimestamp => Self::Time,
            DataType::Decimal => Self::DecimalText,
            DataType::Map | DataType::Struct(_) | DataType::Json | DataType::ScalarMap | DataType::Unknown => {
                Self::Json
            }
            DataType::Array(inner) | DataType::Set(inner) => match inner.as_ref() {
                // a text of all of them, as for one of them
                DataType::Map | DataType::Struct(_) => Self::Json,
                inner => Self::List(Box::new(Self::of_feature(inner))),
            },
        }
    }

    /// What values of a join key are read as.
    #[must_use]
    pub fn of_key(value_type: ValueType) -> Self {
        match value_type {
            ValueType::Int32 | ValueType::Int64 => Self::KeyInt,
            ValueType::UnixTimestamp => Self::Time,
            ValueType::Bytes => Self::Binary,
            _ => Self::KeyText,
        }
    }

    /// What values of an Arrow column are read as, for records that are shaped like the rows of a file.
    ///
    /// # Errors
    /// A type that has no form in JSON, said for a human.
    pub fn of_arrow(column: &Arrow) -> Result<Self, String> {
        Ok(match column {
            Arrow::Boolean => Self::Bool,
            Arrow::Int8 => Self::Int(8),
            Arrow::Int16 | Arrow::UInt8 => Self::Int(16),
            Arrow::Int32 | Arrow::UInt16 => Self::Int(32),
            Arrow::Int64 | Arrow::UInt32 | Arrow::UInt64 => Self::Int(64),
            Arrow::Float16 | Arrow::Float32 => Self::Float32,
            Arrow::Float64 => Self::Float64,
            Arrow::Utf8 | Arrow::LargeUtf8 | Arrow::Utf8View => Self::Text,
            Arrow::Binary | Arrow::LargeBinary | Arrow::BinaryView | Arrow::FixedSizeBinary(_) => Self::Binary,
            Arrow::Date32 | Arrow::Date64 => Self::Date,
            Arrow::Timestamp(..) => Self::Time,
            Arrow::Decimal32(p, s) | Arrow::Decimal64(p, s) | Arrow::Decimal128(p, s) => {
                Self::Decimal(*p, u8::try_from(*s).unwrap_or(0))
            }
            Arrow::Dictionary(_, values) => Self::of_arrow(values)?,
            Arrow::List(item) | Arrow::LargeList(item) | Arrow::FixedSizeList(item, _) => {
                Self::List(Box::new(Self::of_arrow(item.data_type())?))
            }
            Arrow::Struct(fields) => {
                let kinds = fields.iter().map(|field| Ok((field.name().clone(), Self::of_arrow(field.data_type())?)));
                Self::Struct(kinds.collect::<Result<_, String>>()?)
            }
            Arrow::Map(entries, _) => match entries.data_type() {
                Arrow::Struct(fields) if fields.len() == 2 => {
                    let part = |at: usize| fields.get(at).map_or(Ok(Self::Json), |f| Self::of_arrow(f.data_type()));
                    Self::Map(Box::new(part(0)?), Box::new(part(1)?))
                }
                other => return Err(format!("a map of {other} has no form in JSON")),
            },
            other => return Err(format!("{other} has no form in JSON")),
        })
    }

    /// The Arrow type of the column.
    #[must_use]
    pub fn arrow(&self) -> Arrow {
        let inner = |name: &str, kind: &Self, nullable| Field::new(name, kind.arrow(), nullable);
        match self {
            Self::Bool => Arrow::Boolean,
            Self::Int(8) => Arrow::Int8,
            Self::Int(16) => Arrow::Int16,
            Self::Int(32) => Arrow::Int32,
            Self::Int(_) | Self::KeyInt => Arrow::Int64,
            Self::Float32 => Arrow::Float32,
            Self::Float64 => Arrow::Float64,
            Self::Text | Self::KeyText | Self::DecimalText | Self::Json => Arrow::Utf8,
            Self::Binary => Arrow::Binary,
            Self::Date => Arrow::Date32,
            Self::Time => Arrow::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Decimal(precision, scale) => Arrow::Decimal128(*precision, i8::try_from(*scale).unwrap_or(0)),
            Self::List(item) => Arrow::List(Arc::new(inner("item", item, true))),
            Self::Map(key, value) => {
                let entry = Fields::from(vec![inner("keys", key, false), inner("values", value, true)]);
                Arrow::Map(Arc::new(Field::new("entries", Arrow::Struct(entry), false)), false)
            }
            Self::Struct(fields) => Arrow::Struct(fields.iter().map(|(name, kind)| inner(name, kind, true)).collect()),
        }
    }
}

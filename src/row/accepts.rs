//! Which Arrow types can hold values of which declared types.

use arrow::datatypes::DataType as Arrow;

use super::Cast;
use crate::model::DataType;

/// Whether values of an Arrow column can be stored as `dtype`; single ones may still be refused row by row.
///
/// Without [`Cast::Lossy`] a type is accepted when some of its values can be kept exactly: integers of every width for
/// each other, numbers for floats, whole floats for integers (pandas writes integers so, once there was a null), decimals
/// of few digits for floats.
///
/// # Errors
/// Why not, for a human.
pub fn accepts(column: &Arrow, dtype: &DataType, cast: Cast) -> Result<(), String> {
    if *column == Arrow::Null {
        return Ok(());
    }
    if let Arrow::Dictionary(_, values) = column {
        return accepts(values, dtype, cast);
    }
    let lossy = cast == Cast::Lossy;
    let fits = match dtype {
        DataType::Int32 | DataType::Int64 => {
            is_number(column) || lossy && (is_text(column) || is_decimal(column) || *column == Arrow::Boolean)
        }
        DataType::Float32 | DataType::Float64 => is_number(column) || is_decimal(column),
        DataType::Bool => *column == Arrow::Boolean || lossy && is_number(column),
        DataType::String => is_text(column) || lossy,
        DataType::Bytes | DataType::PdfBytes | DataType::ImageBytes => is_binary(column),
        DataType::UnixTimestamp => is_instant(column) || column.is_integer() || lossy && column.is_floating(),
        DataType::Decimal => {
            is_decimal(column) || is_text(column) || column.is_integer() || lossy && column.is_floating()
        }
        DataType::Uuid | DataType::TimeUuid => is_text(column) || *column == Arrow::FixedSizeBinary(16),
        DataType::Json => is_text(column) || is_nested(column) && is_json(column),
        DataType::Map | DataType::Struct(_) => is_text(column) || is_dict(column),
        DataType::Array(inner) | DataType::Set(inner) => return accepts_list(column, dtype, inner, cast),
        DataType::ScalarMap => map_parts(column).is_some_and(|(key, _)| is_scalar_key(key)),
        DataType::ZonedTimestamp => {
            return Err("a column keeps one zone for all rows; declare `UnixTimestamp`".to_owned());
        }
        DataType::Unknown => return Err("its type is not known; declare it".to_owned()),
    };
    if fits { Ok(()) } else { Err(format!("a column of {column} holds no {dtype}")) }
}

fn accepts_list(column: &Arrow, dtype: &DataType, inner: &DataType, cast: Cast) -> Result<(), String> {
    match (list_item(column), inner) {
        (Some(item), _) => accepts(item, inner, cast).map_err(|reason| format!("in its lists, {reason}")),
        (None, DataType::Map | DataType::Struct(_)) if is_text(column) => Ok(()),
        (None, _) => Err(format!("a column of {column} holds no {dtype}")),
    }
}

/// The element type of a list of any sort.
pub(super) fn list_item(arrow: &Arrow) -> Option<&Arrow> {
    match arrow {
        Arrow::List(item)
        | Arrow::LargeList(item)
        | Arrow::FixedSizeList(item, _)
        | Arrow::ListView(item)
        | Arrow::LargeListView(item) => Some(item.data_type()),
        _ => None,
    }
}

fn is_number(arrow: &Arrow) -> bool {
    arrow.is_integer() || arrow.is_floating()
}

fn is_decimal(arrow: &Arrow) -> bool {
    matches!(arrow, Arrow::Decimal32(..) | Arrow::Decimal64(..) | Arrow::Decimal128(..) | Arrow::Decimal256(..))
}

pub(super) fn is_text(arrow: &Arrow) -> bool {
    matches!(arrow, Arrow::Utf8 | Arrow::LargeUtf8 | Arrow::Utf8View)
}

pub(super) fn is_binary(arrow: &Arrow) -> bool {
    matches!(arrow, Arrow::Binary | Arrow::LargeBinary | Arrow::BinaryView | Arrow::FixedSizeBinary(_))
}

pub(super) fn is_instant(arrow: &Arrow) -> bool {
    matches!(arrow, Arrow::Timestamp(..) | Arrow::Date32 | Arrow::Date64)
}

fn is_nested(arrow: &Arrow) -> bool {
    is_dict(arrow) || list_item(arrow).is_some()
}

/// What Python reads as a dict with text as keys.
fn is_dict(arrow: &Arrow) -> bool {
    match arrow {
        Arrow::Struct(_) => true,
        Arrow::Map(..) => map_parts(arrow).is_some_and(|(key, _)| is_text(key)),
        _ => false,
    }
}

fn map_parts(arrow: &Arrow) -> Option<(&Arrow, &Arrow)> {
    let Arrow::Map(entries, _) = arrow else { return None };
    let Arrow::Struct(fields) = entries.data_type() else { return None };
    Some((fields.first()?.data_type(), fields.get(1)?.data_type()))
}

/// What the keys of a `ScalarMap` can be: all but text, whose maps are a `Map`.
fn is_scalar_key(arrow: &Arrow) -> bool {
    is_number(arrow) || is_instant(arrow) || is_binary(arrow) || is_decimal(arrow) || *arrow == Arrow::Boolean
}

/// Whether every value of the type has a form in JSON.
fn is_json(arrow: &Arrow) -> bool {
    match arrow {
        Arrow::Null | Arrow::Boolean => true,
        Arrow::Struct(fields) => fields.iter().all(|field| is_json(field.data_type())),
        Arrow::Map(..) => map_parts(arrow).is_some_and(|(key, value)| is_text(key) && is_json(value)),
        Arrow::Dictionary(_, values) => is_json(values),
        other => is_number(other) || is_text(other) || list_item(other).is_some_and(is_json),
    }
}

//! The types of a view that declares no schema.

use arrow::datatypes::DataType as Arrow;

use super::accepts::list_item;
use crate::model::DataType;

/// The type that Feast infers from a parquet column, and, where Feast gives up, the one that keeps every value.
///
/// # Errors
/// There is no such type; said for a human.
pub fn infer(column: &Arrow) -> Result<DataType, String> {
    let unknown = || format!("no type can be inferred from a column of {column}; declare one");
    Ok(match column {
        Arrow::Int8 | Arrow::Int16 | Arrow::Int32 | Arrow::UInt8 | Arrow::UInt16 => DataType::Int32,
        Arrow::Int64 | Arrow::UInt32 | Arrow::UInt64 => DataType::Int64,
        Arrow::Float16 | Arrow::Float32 => DataType::Float32,
        Arrow::Float64 => DataType::Float64,
        Arrow::Boolean => DataType::Bool,
        Arrow::Utf8 | Arrow::Utf8View => DataType::String,
        Arrow::LargeUtf8 => DataType::Json,
        Arrow::Binary | Arrow::LargeBinary | Arrow::BinaryView | Arrow::FixedSizeBinary(_) => DataType::Bytes,
        Arrow::Timestamp(..) | Arrow::Date32 | Arrow::Date64 => DataType::UnixTimestamp,
        Arrow::Decimal32(..) | Arrow::Decimal64(..) | Arrow::Decimal128(..) | Arrow::Decimal256(..) => {
            DataType::Decimal
        }
        Arrow::Dictionary(_, values) => return infer(values),
        Arrow::Struct(fields) => {
            let named = fields.iter().map(|field| Some((field.name().clone(), primitive(field.data_type())?)));
            named.collect::<Option<_>>().map_or(DataType::Map, DataType::Struct)
        }
        Arrow::Map(..) => DataType::Map,
        other => {
            let item = list_item(other).ok_or_else(unknown)?;
            return DataType::array(infer(item)?).map_err(|_| unknown());
        }
    })
}

/// The type of a struct's field; Feast keeps a struct's schema only where all are of these.
fn primitive(column: &Arrow) -> Option<DataType> {
    infer(column).ok().filter(DataType::is_scalar)
}

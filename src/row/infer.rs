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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::{Field, TimeUnit};

    use super::*;
    use crate::row::{Cast, accepts};

    fn list(item: Arrow) -> Arrow {
        Arrow::List(Arc::new(Field::new("item", item, true)))
    }

    #[test]
    fn types_are_those_that_feast_infers_and_always_hold_their_column() {
        let fields = vec![Field::new("a", Arrow::Int64, true), Field::new("b", Arrow::Utf8, true)];
        for (arrow, dtype) in [
            (Arrow::Int8, "Int32"),
            (Arrow::UInt16, "Int32"),
            (Arrow::UInt32, "Int64"),
            (Arrow::Float32, "Float32"),
            (Arrow::Float64, "Float64"),
            (Arrow::Utf8, "String"),
            (Arrow::LargeUtf8, "Json"),
            (Arrow::Boolean, "Bool"),
            (Arrow::Binary, "Bytes"),
            (Arrow::Timestamp(TimeUnit::Nanosecond, None), "UnixTimestamp"),
            (Arrow::Decimal128(10, 2), "Decimal"),
            (Arrow::Dictionary(Box::new(Arrow::Int32), Box::new(Arrow::Utf8)), "String"),
            (list(Arrow::Int32), "Array(Int32)"),
            (list(list(Arrow::Float32)), "Array(Array(Float32))"),
            (Arrow::Struct(fields.into()), "Struct({a: Int64, b: String})"),
        ] {
            assert_eq!(infer(&arrow), DataType::parse(dtype).map_err(|error| error.to_string()), "{arrow}");
            assert_eq!(infer(&arrow).and_then(|dtype| accepts(&arrow, &dtype, Cast::Lossless)), Ok(()), "{arrow}");
        }
        for arrow in [Arrow::Null, Arrow::Time32(TimeUnit::Second), list(Arrow::Null)] {
            assert!(infer(&arrow).is_err(), "{arrow}");
        }
    }
}

//! JSON values as a column of a declared type: what a request brings, and what an answer holds.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray, StringArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::Field;
use serde_json::Value as Json;

use super::declared_arrow;
use crate::model::{DataType, Timestamp, ValueType};
use crate::proto::json::from_base64;
use crate::row::KeyValue;

/// Row, and why its value is none of that type.
type Wrong = (usize, String);

/// Reads JSON values exactly as a column of the type [`declared_arrow`] says: what [`super::value_json`] wrote, and what
/// people write (`"5"` is a number where one is declared, `"[1, 2]"` a list; instants are whole seconds or ISO 8601, bytes
/// base64).
///
/// # Errors
/// The first row whose value is none of that type, with the reason in a few words.
pub fn json_column(values: &[Json], dtype: &DataType) -> Result<ArrayRef, (usize, String)> {
    let values: Vec<&Json> = values.iter().collect();
    column(&values, dtype)
}

fn column(values: &[&Json], dtype: &DataType) -> Result<ArrayRef, Wrong> {
    Ok(match dtype {
        DataType::Int32 => Arc::new(each(values, int32)?.into_iter().collect::<Int32Array>()),
        DataType::Int64 => Arc::new(each(values, int64)?.into_iter().collect::<Int64Array>()),
        DataType::Float32 => Arc::new(each(values, float32)?.into_iter().collect::<Float32Array>()),
        DataType::Float64 => Arc::new(each(values, float64)?.into_iter().collect::<Float64Array>()),
        DataType::Bool => Arc::new(each(values, flag)?.into_iter().collect::<BooleanArray>()),
        DataType::String | DataType::Uuid | DataType::TimeUuid => {
            Arc::new(each(values, text)?.into_iter().collect::<StringArray>())
        }
        DataType::Decimal => Arc::new(each(values, decimal)?.into_iter().collect::<StringArray>()),
        DataType::Json => Arc::new(each(values, |value| Ok(json(value)))?.into_iter().collect::<StringArray>()),
        DataType::Bytes | DataType::PdfBytes | DataType::ImageBytes => {
            Arc::new(each(values, bytes)?.into_iter().collect::<BinaryArray>())
        }
        DataType::UnixTimestamp => {
            let micros = each(values, micros)?.into_iter().collect::<TimestampMicrosecondArray>();
            Arc::new(micros.with_timezone("UTC"))
        }
        DataType::Array(inner) | DataType::Set(inner) if declared_arrow(dtype).is_some() => lists(values, inner)?,
        other => return Err((0, format!("a {other} cannot come with a request"))),
    })
}

fn each<T>(values: &[&Json], read: impl Fn(&Json) -> Result<T, String>) -> Result<Vec<Option<T>>, Wrong> {
    let read = |(row, value): (usize, &&Json)| match value {
        Json::Null => Ok(None),
        value => read(value).map(Some).map_err(|reason| (row, reason)),
    };
    values.iter().enumerate().map(read).collect()
}

fn lists(values: &[&Json], inner: &DataType) -> Result<ArrayRef, Wrong> {
    let parsed: Vec<Option<Vec<Json>>> = each(values, items)?;
    let (mut all, mut owners, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
    for (row, list) in parsed.iter().enumerate() {
        let list = list.as_deref().unwrap_or_default();
        all.extend(list);
        owners.resize(all.len(), row);
        lengths.push(list.len());
    }
    let within = |(item, reason): Wrong| (owners.get(item).copied().unwrap_or_default(), reason);
    let items = column(&all, inner).map_err(within)?;
    let field = Arc::new(Field::new_list_field(items.data_type().clone(), true));
    let nulls: NullBuffer = parsed.iter().map(Option::is_some).collect::<Vec<_>>().into();
    let lists = ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), items, Some(nulls));
    Ok(Arc::new(lists.map_err(|error| (0, error.to_string()))?))
}

fn items(value: &Json) -> Result<Vec<Json>, String> {
    let wrong = || "it is not a list".to_owned();
    match value {
        Json::Array(items) => Ok(items.clone()),
        Json::String(text) => serde_json::from_str(text).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

fn int64(value: &Json) -> Result<i64, String> {
    let wrong = || "it is not a whole number of 64 bits".to_owned();
    match value {
        Json::Number(number) => number.as_i64().ok_or_else(wrong),
        Json::String(text) => text.trim().parse().map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

fn int32(value: &Json) -> Result<i32, String> {
    i32::try_from(int64(value)?).map_err(|_| "it is out of the range of 32 bits".to_owned())
}

fn float64(value: &Json) -> Result<f64, String> {
    let wrong = || "it is not a number".to_owned();
    match value {
        Json::Number(number) => number.as_f64().ok_or_else(wrong),
        Json::String(text) => text.trim().parse().map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

/// Rounded to 32 bits: the declaration asks for it.
fn float32(value: &Json) -> Result<f32, String> {
    let double = float64(value)?;
    #[allow(clippy::cast_possible_truncation, reason = "rounding is what is wanted; what is too large is refused")]
    let single = double as f32;
    if single.is_infinite() && double.is_finite() {
        return Err("it is out of the range of 32 bits".to_owned());
    }
    Ok(single)
}

fn flag(value: &Json) -> Result<bool, String> {
    match value {
        Json::Bool(flag) => Ok(*flag),
        Json::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Json::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err("it is neither true nor false".to_owned()),
    }
}

fn text(value: &Json) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| "it is not a text".to_owned())
}

fn decimal(value: &Json) -> Result<String, String> {
    match value {
        Json::Number(number) => Ok(number.to_string()),
        other => text(other),
    }
}

/// A text is JSON already.
fn json(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn bytes(value: &Json) -> Result<Vec<u8>, String> {
    from_base64(&text(value)?).ok_or_else(|| "bytes are written in base64".to_owned())
}

fn micros(value: &Json) -> Result<i64, String> {
    let beyond = || "it is beyond 64 bits of microseconds".to_owned();
    match KeyValue::from_json(value, ValueType::UnixTimestamp) {
        Ok(KeyValue::UnixTimestamp(seconds))
            if value.as_str().is_none_or(|text| text.trim().parse::<i64>().is_ok()) =>
        {
            seconds.checked_mul(1_000_000).ok_or_else(beyond)
        }
        Ok(_) => Timestamp::parse(&text(value)?, Timestamp::EPOCH)
            .map(Timestamp::micros)
            .map_err(|_| "it is not a time".to_owned()),
        Err(reason) => Err(reason),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};
    use serde_json::json;

    use super::*;

    fn read(values: &Json, dtype: &str) -> Result<ArrayRef, Wrong> {
        let dtype = DataType::parse(dtype).unwrap();
        let column = json_column(values.as_array().unwrap(), &dtype)?;
        assert_eq!(Some(column.data_type().clone()), declared_arrow(&dtype));
        Ok(column)
    }

    #[test]
    fn values_are_read_as_people_and_answers_write_them() {
        let ints = read(&json!([1, "2", null, 9_007_199_254_740_993_i64]), "Int64").unwrap();
        let expected = Int64Array::from(vec![Some(1), Some(2), None, Some(9_007_199_254_740_993)]);
        assert_eq!(ints.as_primitive::<Int64Type>(), &expected);
        let floats = read(&json!([1, "0.5", "NaN", "-Infinity"]), "Float64").unwrap();
        let floats = floats.as_primitive::<Float64Type>();
        assert_eq!(floats.values().iter().map(f64::to_string).collect::<Vec<_>>(), ["1", "0.5", "NaN", "-inf"]);
        let times = read(&json!([5, "5", "1970-01-01T00:00:05.25Z"]), "UnixTimestamp").unwrap();
        assert_eq!(times.as_primitive::<TimestampMicrosecondType>().values(), &[5_000_000, 5_000_000, 5_250_000]);
        let lists = read(&json!([[1, null], "[2]", null, []]), "Array(Int64)").unwrap();
        assert_eq!(lists.as_list::<i32>().value(1).as_primitive::<Int64Type>().values(), &[2]);
        assert!(lists.is_null(2) && lists.as_list::<i32>().value_length(3) == 0);
        assert_eq!(read(&json!(["AP8="]), "Bytes").unwrap().as_binary::<i32>().value(0), [0, 255]);
        assert!(read(&json!(["True", true, "false"]), "Bool").unwrap().as_boolean().value(0));
        assert_eq!(read(&json!([{"a": 1}, "[1]"]), "Json").unwrap().as_string::<i32>().value(0), "{\"a\":1}");
        assert_eq!(read(&json!([1.5]), "Decimal").unwrap().as_string::<i32>().value(0), "1.5");
    }

    #[test]
    fn what_is_no_value_is_named_with_its_row() {
        for (values, dtype, row) in [
            (json!([1, 1.5]), "Int64", 1),
            (json!([2_147_483_648_i64]), "Int32", 0),
            (json!([1e300]), "Float32", 0),
            (json!([5]), "String", 0),
            (json!([true, "no"]), "Bool", 1),
            (json!(["noon"]), "UnixTimestamp", 0),
            (json!([[1], [2, "x"]]), "Array(Int64)", 1),
            (json!([[1], 5]), "Array(Int64)", 1),
        ] {
            assert_eq!(read(&values, dtype).unwrap_err().0, row, "{values} {dtype}");
        }
    }
}

//! Join-key values as a request writes them.

use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use super::KeyValue;
use crate::model::{Timestamp, ValueType};
use crate::proto::json::{base64, from_base64};

impl KeyValue {
    /// Reads a JSON value as a join key of that type, exactly: `1001`, `1001.0` and `"1001"` are whole numbers, `1.7` is
    /// none; a whole number in the place of a text is its digits. Bytes are base64, instants whole seconds or a time in
    /// ISO 8601.
    ///
    /// # Errors
    /// Why it is no value of that type, in a few words.
    pub fn from_json(value: &Json, value_type: ValueType) -> Result<Self, String> {
        match value_type {
            ValueType::String => match value {
                Json::Number(number) if number.is_i64() || number.is_u64() => Ok(Self::String(number.to_string())),
                other => text(other).map(|text| Self::String(text.to_owned())),
            },
            ValueType::Int64 => whole(value).map(Self::Int64),
            ValueType::Int32 => {
                let number = whole(value)?;
                i32::try_from(number).map(Self::Int32).map_err(|_| "it is out of the range of 32 bits".to_owned())
            }
            ValueType::Bytes => {
                from_base64(text(value)?).map(Self::Bytes).ok_or_else(|| "bytes are written in base64".to_owned())
            }
            ValueType::UnixTimestamp => whole(value).or_else(|_| instant(value)).map(Self::UnixTimestamp),
            other => Err(format!("{other} cannot be a join key")),
        }
    }

    /// The value as an answer writes it.
    #[must_use]
    pub fn to_json(&self) -> Json {
        // a text or a number
        serde_json::to_value(self).unwrap_or(Json::Null)
    }
}

impl Serialize for KeyValue {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bytes(bytes) => out.serialize_str(&base64(bytes)),
            Self::String(text) => out.serialize_str(text),
            Self::Int32(number) => out.serialize_i32(*number),
            Self::Int64(number) | Self::UnixTimestamp(number) => out.serialize_i64(*number),
        }
    }
}

fn text(value: &Json) -> Result<&str, String> {
    value.as_str().ok_or_else(|| "it is not a text".to_owned())
}

fn whole(value: &Json) -> Result<i64, String> {
    let wrong = || "it is not a whole number of 64 bits".to_owned();
    match value {
        // pandas keeps integers as floats, once a column had a null
        Json::Number(number) => number.as_i64().or_else(|| whole_float(number.as_f64()?)).ok_or_else(wrong),
        Json::String(text) => text.trim().parse().map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

/// A float that is a whole number, where floats still tell one from the next.
fn whole_float(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation, reason = "it is whole and has 53 bits at most")]
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

fn instant(value: &Json) -> Result<i64, String> {
    let time = Timestamp::parse(text(value)?, Timestamp::EPOCH).map_err(|_| "it is not a time".to_owned())?;
    Ok(time.micros().div_euclid(1_000_000))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_exactly_or_not_at_all() {
        for (value, value_type, expected) in [
            (json!("1001"), ValueType::Int64, KeyValue::Int64(1001)),
            (json!(1001), ValueType::Int32, KeyValue::Int32(1001)),
            (json!(1001.0), ValueType::Int64, KeyValue::Int64(1001)),
            (json!("a"), ValueType::String, KeyValue::String("a".into())),
            (json!(4), ValueType::String, KeyValue::String("4".into())),
            (json!("AP8="), ValueType::Bytes, KeyValue::Bytes(vec![0, 255])),
            (json!("2024-01-01"), ValueType::UnixTimestamp, KeyValue::UnixTimestamp(1_704_067_200)),
            (json!(5), ValueType::UnixTimestamp, KeyValue::UnixTimestamp(5)),
        ] {
            assert_eq!(KeyValue::from_json(&value, value_type), Ok(expected), "{value}");
        }
        for (value, value_type) in [
            (json!("abc"), ValueType::Int64),
            (json!(1.7), ValueType::Int64),
            (json!(1e300), ValueType::Int64),
            (json!(null), ValueType::Int64),
            (json!(i64::from(i32::MAX) + 1), ValueType::Int32),
            (json!(5.5), ValueType::String),
            (json!(true), ValueType::String),
            (json!("x"), ValueType::Bytes),
            (json!("noon"), ValueType::UnixTimestamp),
            (json!(true), ValueType::Bool),
        ] {
            assert!(KeyValue::from_json(&value, value_type).is_err(), "{value}");
        }
    }
}

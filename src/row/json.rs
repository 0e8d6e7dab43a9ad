//! Stored values as JSON: the form in which Feast's feature server answers.

use chrono::{DateTime, FixedOffset, Offset, SecondsFormat, TimeZone};
use serde_json::{Map as JsonMap, Value as Json};

use super::NULL_TIMESTAMP;
use crate::proto::json::base64;
use crate::proto::types::{Map, Value, ValueVal, ZonedTimestamp};

/// The JSON of a stored value: bytes as base64, floats that are no number as `"NaN"`, `"Infinity"` and `"-Infinity"`.
/// Null timestamps are null here (Feast shows the number that stands for them).
#[must_use]
pub fn value_json(value: &Value) -> Json {
    let Some(val) = &value.val else { return Json::Null };
    match val {
        ValueVal::Null(_) | ValueVal::ScalarMap(_) => Json::Null,
        ValueVal::Bool(flag) => Json::Bool(*flag),
        ValueVal::Int32(number) => Json::from(*number),
        ValueVal::Int64(number) => Json::from(*number),
        ValueVal::UnixTimestamp(seconds) => timestamp(*seconds),
        ValueVal::Double(number) => float(*number),
        ValueVal::Float(number) => float32(*number),
        ValueVal::Bytes(bytes) => Json::String(base64(bytes)),
        ValueVal::String(text)
        | ValueVal::Json(text)
        | ValueVal::Uuid(text)
        | ValueVal::TimeUuid(text)
        | ValueVal::Decimal(text) => Json::String(text.clone()),
        ValueVal::Map(map) | ValueVal::Struct(map) => map_json(map),
        ValueVal::MapList(maps) | ValueVal::StructList(maps) => list(&maps.val, map_json),
        ValueVal::List(values) | ValueVal::Set(values) => list(&values.val, value_json),
        ValueVal::ZonedTimestamp(moment) => zoned(moment),
        other => collection_json(other),
    }
}

/// Lists and sets of scalars.
fn collection_json(val: &ValueVal) -> Json {
    let text = |text: &String| Json::String(text.clone());
    let bytes = |bytes: &Vec<u8>| Json::String(base64(bytes));
    match val {
        ValueVal::BytesList(items) => list(&items.val, bytes),
        ValueVal::BytesSet(items) => list(&items.val, bytes),
        ValueVal::StringList(items)
        | ValueVal::JsonList(items)
        | ValueVal::UuidList(items)
        | ValueVal::TimeUuidList(items)
        | ValueVal::DecimalList(items) => list(&items.val, text),
        ValueVal::StringSet(items)
        | ValueVal::UuidSet(items)
        | ValueVal::TimeUuidSet(items)
        | ValueVal::DecimalSet(items) => list(&items.val, text),
        ValueVal::Int32List(items) => list(&items.val, |number| Json::from(*number)),
        ValueVal::Int32Set(items) => list(&items.val, |number| Json::from(*number)),
        ValueVal::Int64List(items) => list(&items.val, |number| Json::from(*number)),
        ValueVal::Int64Set(items) => list(&items.val, |number| Json::from(*number)),
        ValueVal::UnixTimestampList(items) => list(&items.val, |seconds| timestamp(*seconds)),
        ValueVal::UnixTimestampSet(items) => list(&items.val, |seconds| timestamp(*seconds)),
        ValueVal::DoubleList(items) => list(&items.val, |number| float(*number)),
        ValueVal::DoubleSet(items) => list(&items.val, |number| float(*number)),
        ValueVal::FloatList(items) => list(&items.val, |number| float32(*number)),
        ValueVal::FloatSet(items) => list(&items.val, |number| float32(*number)),
        ValueVal::BoolList(items) => list(&items.val, |flag| Json::Bool(*flag)),
        ValueVal::BoolSet(items) => list(&items.val, |flag| Json::Bool(*flag)),
        _ => Json::Null,
    }
}

fn list<T>(items: &[T], json: impl Fn(&T) -> Json) -> Json {
    Json::Array(items.iter().map(json).collect())
}

fn map_json(map: &Map) -> Json {
    Json::Object(map.val.iter().map(|(name, value)| (name.clone(), value_json(value))).collect::<JsonMap<_, _>>())
}

fn timestamp(seconds: i64) -> Json {
    if seconds == NULL_TIMESTAMP { Json::Null } else { Json::from(seconds) }
}

fn float32(number: f32) -> Json {
    float(number.into())
}

fn float(number: f64) -> Json {
    match number {
        nan if nan.is_nan() => Json::from("NaN"),
        f64::INFINITY => Json::from("Infinity"),
        f64::NEG_INFINITY => Json::from("-Infinity"),
        finite => Json::from(finite),
    }
}

/// ISO 8601 in the stored zone; without one, or with one that nobody knows, in UTC.
fn zoned(moment: &ZonedTimestamp) -> Json {
    let Some(utc) = DateTime::from_timestamp(moment.unix_timestamp, 0) else { return Json::Null };
    let offset = match moment.zone.parse::<chrono_tz::Tz>() {
        Ok(zone) => zone.offset_from_utc_datetime(&utc.naive_utc()).fix(),
        Err(_) => fixed_offset(&moment.zone),
    };
    Json::String(utc.with_timezone(&offset).to_rfc3339_opts(SecondsFormat::Secs, false))
}

/// `UTC-07:00`, `+0530`: what Python writes for zones that have no name.
fn fixed_offset(zone: &str) -> FixedOffset {
    let bare = zone.trim().trim_start_matches("UTC").trim_start_matches("GMT");
    bare.parse().unwrap_or_else(|_| chrono::Utc.fix())
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::row::tests::{golden, unhex};

    #[test]
    fn values_are_shown_as_feasts_server_shows_them() {
        let vectors = golden("values.json");
        for vector in vectors.as_array().unwrap() {
            let bytes = unhex(vector["hex_deterministic"].as_str().unwrap());
            let ours = value_json(&Value::decode(&*bytes).unwrap());
            let theirs = null_timestamps(vector["arm"].as_str().unwrap_or_default(), &vector["rest_json"]);
            assert!(same(&ours, &theirs), "{ours} {vector}");
        }
    }

    /// Equal; the parser that reads the golden file may miss a float's last bit.
    fn same(ours: &Json, theirs: &Json) -> bool {
        match (ours, theirs) {
            (Json::Array(ours), Json::Array(theirs)) => {
                ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs))
            }
            (Json::Number(ours), Json::Number(theirs)) if ours.is_f64() && theirs.is_f64() => {
                let (ours, theirs) = (ours.as_f64().unwrap(), theirs.as_f64().unwrap());
                ours.is_sign_negative() == theirs.is_sign_negative()
                    && (ours - theirs).abs() <= ours.abs() * f64::EPSILON
            }
            _ => ours == theirs,
        }
    }

    /// The one deliberate difference: a null timestamp is shown as null.
    fn null_timestamps(arm: &str, theirs: &Json) -> Json {
        match theirs {
            Json::Number(number) if arm.starts_with("unix_timestamp") && number.as_i64() == Some(NULL_TIMESTAMP) => {
                Json::Null
            }
            Json::Array(items) => Json::Array(items.iter().map(|item| null_timestamps(arm, item)).collect()),
            other => other.clone(),
        }
    }
}

//! Stored values as JSON: the form in which Feast's feature server answers.

use chrono::{DateTime, FixedOffset, Offset, SecondsFormat, TimeZone};
use prost::{DecodeError, Message};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value as Json;

use super::NULL_TIMESTAMP;
use crate::proto::json::base64;
use crate::proto::types::{Map, MapKeyKey, ScalarMapEntry, Value, ValueVal, ZonedTimestamp};

/// The tag of `string_val`, the one scalar that would have to be copied to be decoded.
const STRING_TAG: u8 = 0x12;

/// The JSON of a stored value: bytes as base64, floats that are no number as `"NaN"`, `"Infinity"` and `"-Infinity"`.
/// Null timestamps are null here (Feast shows the number that stands for them).
#[must_use]
pub fn value_json(value: &Value) -> Json {
    // every arm has a JSON form, and its maps have text for keys
    serde_json::to_value(AsJson(value)).unwrap_or(Json::Null)
}

/// Writes the JSON of a value to `out` as it is stored: a serialized `feast.types.Value`. Nothing is allocated for numbers,
/// flags and text.
///
/// # Errors
/// The bytes are no value; then `out` is as it was.
pub fn put_value_json(stored: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let start = out.len();
    let written = match whole_text(stored) {
        Some(text) => serde_json::to_writer(&mut *out, text),
        None => serde_json::to_writer(&mut *out, &AsJson(&Value::decode(stored)?)),
    };
    if written.is_err() {
        // as in `value_json`; writing to memory does not fail
        out.truncate(start);
        out.extend_from_slice(b"null");
    }
    Ok(())
}

/// The text of a value that is one `string_val` and nothing else.
fn whole_text(stored: &[u8]) -> Option<&str> {
    let (tag, mut rest) = stored.split_first()?;
    let length = prost::encoding::decode_varint(&mut rest).ok().filter(|_| *tag == STRING_TAG)?;
    std::str::from_utf8(rest).ok().filter(|text| text.len() as u64 == length)
}

/// A value in the form of [`value_json`].
struct AsJson<'a>(&'a Value);

impl Serialize for AsJson<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let Some(val) = &self.0.val else { return out.serialize_none() };
        match val {
            ValueVal::Null(_) => out.serialize_none(),
            ValueVal::Bool(flag) => out.serialize_bool(*flag),
            ValueVal::Int32(number) => out.serialize_i32(*number),
            ValueVal::Int64(number) => out.serialize_i64(*number),
            ValueVal::UnixTimestamp(seconds) => Seconds(*seconds).serialize(out),
            ValueVal::Double(number) => Float(*number).serialize(out),
            ValueVal::Float(number) => Float((*number).into()).serialize(out),
            ValueVal::Bytes(bytes) => out.serialize_str(&base64(bytes)),
            ValueVal::String(text)
            | ValueVal::Json(text)
            | ValueVal::Uuid(text)
            | ValueVal::TimeUuid(text)
            | ValueVal::Decimal(text) => out.serialize_str(text),
            ValueVal::Map(map) | ValueVal::Struct(map) => AsObject(map).serialize(out),
            ValueVal::ScalarMap(map) => out.collect_map(map.val.iter().map(scalar_entry)),
            ValueVal::MapList(maps) | ValueVal::StructList(maps) => out.collect_seq(maps.val.iter().map(AsObject)),
            ValueVal::List(values) | ValueVal::Set(values) => out.collect_seq(values.val.iter().map(AsJson)),
            ValueVal::ZonedTimestamp(moment) => zoned(moment).serialize(out),
            other => serialize_collection(other, out),
        }
    }
}

/// An entry whose key is no text: JSON has texts alone for keys.
fn scalar_entry(entry: &ScalarMapEntry) -> (String, Option<AsJson<'_>>) {
    let key = match entry.key.as_ref().and_then(|key| key.key.as_ref()) {
        None => String::new(),
        Some(MapKeyKey::Int32Key(number)) => number.to_string(),
        Some(MapKeyKey::Int64Key(number) | MapKeyKey::UnixTimestampKey(number)) => number.to_string(),
        Some(MapKeyKey::FloatKey(number)) => number.to_string(),
        Some(MapKeyKey::DoubleKey(number)) => number.to_string(),
        Some(MapKeyKey::BoolKey(flag)) => flag.to_string(),
        Some(MapKeyKey::BytesKey(bytes)) => base64(bytes),
        Some(MapKeyKey::UuidKey(text) | MapKeyKey::TimeUuidKey(text) | MapKeyKey::DecimalKey(text)) => text.clone(),
    };
    (key, entry.value.as_ref().map(AsJson))
}

/// Lists and sets of scalars.
fn serialize_collection<S: Serializer>(val: &ValueVal, out: S) -> Result<S::Ok, S::Error> {
    let text = |bytes: &Vec<u8>| base64(bytes);
    let seconds = |seconds: &i64| Seconds(*seconds);
    let float = |number: &f32| Float((*number).into());
    let double = |number: &f64| Float(*number);
    match val {
        ValueVal::BytesList(items) => out.collect_seq(items.val.iter().map(text)),
        ValueVal::BytesSet(items) => out.collect_seq(items.val.iter().map(text)),
        ValueVal::StringList(items)
        | ValueVal::JsonList(items)
        | ValueVal::UuidList(items)
        | ValueVal::TimeUuidList(items)
        | ValueVal::DecimalList(items) => out.collect_seq(&items.val),
        ValueVal::StringSet(items)
        | ValueVal::UuidSet(items)
        | ValueVal::TimeUuidSet(items)
        | ValueVal::DecimalSet(items) => out.collect_seq(&items.val),
        ValueVal::Int32List(items) => out.collect_seq(&items.val),
        ValueVal::Int32Set(items) => out.collect_seq(&items.val),
        ValueVal::Int64List(items) => out.collect_seq(&items.val),
        ValueVal::Int64Set(items) => out.collect_seq(&items.val),
        ValueVal::UnixTimestampList(items) => out.collect_seq(items.val.iter().map(seconds)),
        ValueVal::UnixTimestampSet(items) => out.collect_seq(items.val.iter().map(seconds)),
        ValueVal::DoubleList(items) => out.collect_seq(items.val.iter().map(double)),
        ValueVal::DoubleSet(items) => out.collect_seq(items.val.iter().map(double)),
        ValueVal::FloatList(items) => out.collect_seq(items.val.iter().map(float)),
        ValueVal::FloatSet(items) => out.collect_seq(items.val.iter().map(float)),
        ValueVal::BoolList(items) => out.collect_seq(&items.val),
        ValueVal::BoolSet(items) => out.collect_seq(&items.val),
        _ => out.serialize_none(),
    }
}

struct AsObject<'a>(&'a Map);

impl Serialize for AsObject<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut object = out.serialize_map(Some(self.0.val.len()))?;
        for (name, value) in &self.0.val {
            object.serialize_entry(name, &AsJson(value))?;
        }
        object.end()
    }
}

struct Seconds(i64);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        if self.0 == NULL_TIMESTAMP { out.serialize_none() } else { out.serialize_i64(self.0) }
    }
}

struct Float(f64);

impl Serialize for Float {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            nan if nan.is_nan() => out.serialize_str("NaN"),
            f64::INFINITY => out.serialize_str("Infinity"),
            f64::NEG_INFINITY => out.serialize_str("-Infinity"),
            finite => out.serialize_f64(finite),
        }
    }
}

/// ISO 8601 in the stored zone; without one, or with one that nobody knows, in UTC.
fn zoned(moment: &ZonedTimestamp) -> Option<String> {
    let utc = DateTime::from_timestamp(moment.unix_timestamp, 0)?;
    let offset = match moment.zone.parse::<chrono_tz::Tz>() {
        Ok(zone) => zone.offset_from_utc_datetime(&utc.naive_utc()).fix(),
        Err(_) => fixed_offset(&moment.zone),
    };
    Some(utc.with_timezone(&offset).to_rfc3339_opts(SecondsFormat::Secs, false))
}

/// `UTC-07:00`, `+0530`: what Python writes for zones that have no name.
fn fixed_offset(zone: &str) -> FixedOffset {
    let bare = zone.trim().trim_start_matches("UTC").trim_start_matches("GMT");
    bare.parse().unwrap_or_else(|_| chrono::Utc.fix())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::tests::{golden, unhex};

    #[test]
    fn values_are_shown_as_feasts_server_shows_them() {
        let vectors = golden("values.json");
        for vector in vectors.as_array().unwrap() {
            let bytes = unhex(vector["hex_deterministic"].as_str().unwrap());
            let ours = value_json(&Value::decode(&*bytes).unwrap());
            if vector["arm"] == "scalar_map_val" {
                // Feast's server has no form for it and answers null
                assert!(ours.is_object() && vector["rest_json"].is_null(), "{ours}");
                continue;
            }
            let theirs = null_timestamps(vector["arm"].as_str().unwrap_or_default(), &vector["rest_json"]);
            assert!(same(&ours, &theirs), "{ours} {vector}");
            let mut written = b"[".to_vec();
            put_value_json(&bytes, &mut written).unwrap();
            assert_eq!(serde_json::from_slice::<Json>(&written[1..]).unwrap(), ours, "{vector}");
        }
    }

    #[test]
    fn bytes_that_are_no_value_leave_nothing_behind() {
        let mut out = b"x".to_vec();
        for damaged in [&[0x12, 5, b'a'][..], &[0x12, 1, 0xff], &[0x0f], &[0x35, 1]] {
            assert!(put_value_json(damaged, &mut out).is_err(), "{damaged:?}");
            assert_eq!(out, b"x");
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

//! `Map` and `Struct`: values whose types are found out value by value, as Feast does.

use std::collections::BTreeMap;

use prost::Message;
use serde_json::Value as Json;

use super::Cast;
use super::column::{List, Raw};
use super::convert::{self, Reason, is_null};
use crate::proto::types as proto;
use crate::proto::types::{MapKeyKey, Value, ValueVal};

/// Writes a struct, a map or the text of a JSON object as `feast.types.Map`.
pub(super) fn put_map(raw: &Raw<'_>, out: &mut Vec<u8>) -> Result<(), Reason> {
    let map = match raw {
        Raw::Str(text) => match parse(text)? {
            Json::Object(fields) => json_map(&fields)?,
            _ => return Err("is no JSON object".into()),
        },
        other => raw_map(other)?,
    };
    out.extend_from_slice(&map.encode_to_vec());
    Ok(())
}

/// Writes a map whose keys are no texts as `feast.types.ScalarMap`.
pub(super) fn put_scalar_map(raw: &Raw<'_>, out: &mut Vec<u8>) -> Result<(), Reason> {
    let Raw::Map(keys, values) = raw else { return Err("is no map".into()) };
    let entries = values.beside(keys).iter().zip(values.iter()).map(|(key, value)| {
        let (key, value) = (Some(scalar_key(&key)?), Some(raw_value(&value)?));
        Ok(proto::ScalarMapEntry { key: Some(proto::MapKey { key }), value })
    });
    let map = proto::ScalarMap { val: entries.collect::<Result<_, Reason>>()? };
    out.extend_from_slice(&map.encode_to_vec());
    Ok(())
}

fn scalar_key(raw: &Raw<'_>) -> Result<MapKeyKey, Reason> {
    Ok(match raw {
        Raw::Bool(flag) => MapKeyKey::BoolKey(*flag),
        Raw::Int(_) | Raw::UInt(_) => MapKeyKey::Int64Key(convert::int64(raw, Cast::Lossless)?),
        Raw::Float32(_) | Raw::Float64(_) => MapKeyKey::DoubleKey(convert::double(raw, Cast::Lossless)?),
        Raw::Time(_) | Raw::Date(_) => MapKeyKey::UnixTimestampKey(convert::seconds(raw, Cast::Lossless)?),
        Raw::Bytes(bytes) => MapKeyKey::BytesKey(bytes.to_vec()),
        Raw::Decimal(..) => MapKeyKey::DecimalKey(convert::decimal(raw, Cast::Lossless)?.into_owned()),
        _ => return Err("has a key that is no number, flag, instant or bytes".into()),
    })
}

/// Writes the text of a JSON array of objects as `feast.types.MapList`.
pub(super) fn put_map_list(text: &str, out: &mut Vec<u8>) -> Result<(), Reason> {
    let Json::Array(items) = parse(text)? else { return Err("is no JSON array".into()) };
    let maps = items.iter().map(|item| match item {
        Json::Object(fields) => json_map(fields),
        _ => Err("holds something other than JSON objects".into()),
    });
    let list = proto::MapList { val: maps.collect::<Result<_, _>>()? };
    out.extend_from_slice(&list.encode_to_vec());
    Ok(())
}

fn parse(text: &str) -> Result<Json, Reason> {
    serde_json::from_str(text).map_err(|error| format!("is no JSON: {error}").into())
}

fn raw_map(raw: &Raw<'_>) -> Result<proto::Map, Reason> {
    let mut map = BTreeMap::new();
    match raw {
        Raw::Struct(fields, row) => {
            for (name, column) in *fields {
                map.insert(name.clone(), raw_value(&column.get(*row))?);
            }
        }
        Raw::Map(keys, values) => {
            for (name, value) in values.beside(keys).iter().zip(values.iter()) {
                let Raw::Str(name) = name else { return Err("has a key that is no text".into()) };
                map.insert(name.to_owned(), raw_value(&value)?);
            }
        }
        _ => return Err("is no struct".into()),
    }
    Ok(proto::Map { val: map })
}

fn raw_value(raw: &Raw<'_>) -> Result<Value, Reason> {
    if is_null(raw) {
        return Ok(Value::default());
    }
    let val = match raw {
        Raw::Bool(flag) => ValueVal::Bool(*flag),
        Raw::Int(_) | Raw::UInt(_) => ValueVal::Int64(convert::int64(raw, Cast::Lossless)?),
        Raw::Float32(_) | Raw::Float64(_) => ValueVal::Double(convert::double(raw, Cast::Lossless)?),
        Raw::Str(text) => ValueVal::String((*text).to_owned()),
        Raw::Bytes(bytes) => ValueVal::Bytes(bytes.to_vec()),
        Raw::Time(_) | Raw::Date(_) => ValueVal::UnixTimestamp(convert::seconds(raw, Cast::Lossless)?),
        Raw::Decimal(..) => ValueVal::Decimal(convert::decimal(raw, Cast::Lossless)?.into_owned()),
        Raw::List(list) => return list_value(raw_items(*list)?),
        Raw::Struct(..) | Raw::Map(..) => ValueVal::Map(raw_map(raw)?),
        Raw::Null | Raw::TimeOfDay(_) => return Err("holds a time of day, which no value can be".into()),
    };
    Ok(Value { val: Some(val) })
}

fn raw_items(list: List<'_>) -> Result<Vec<Value>, Reason> {
    list.iter().map(|item| raw_value(&item)).collect()
}

fn json_map(fields: &serde_json::Map<String, Json>) -> Result<proto::Map, Reason> {
    let values = fields.iter().map(|(name, value)| Ok((name.clone(), json_value(value)?)));
    Ok(proto::Map { val: values.collect::<Result<_, Reason>>()? })
}

fn json_value(json: &Json) -> Result<Value, Reason> {
    let val = match json {
        Json::Null => return Ok(Value::default()),
        Json::Bool(flag) => ValueVal::Bool(*flag),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => ValueVal::Int64(whole),
            (None, Some(double)) if !number.is_u64() => ValueVal::Double(double),
            _ => return Err(format!("holds {number}, which does not fit 64 bits").into()),
        },
        Json::String(text) => ValueVal::String(text.clone()),
        Json::Array(items) => return list_value(items.iter().map(json_value).collect::<Result<_, _>>()?),
        Json::Object(fields) => ValueVal::Map(json_map(fields)?),
    };
    Ok(Value { val: Some(val) })
}

/// A list of the type that all its elements have; an empty one, and lists of lists, are lists of values.
fn list_value(items: Vec<Value>) -> Result<Value, Reason> {
    macro_rules! typed {
        ($item:ident => $list:ident ($message:ident)) => {{
            let elements = items.into_iter().map(|item| match item.val {
                Some(ValueVal::$item(element)) => Ok(element),
                _ => Err(Reason::Borrowed("holds a list of mixed types")),
            });
            ValueVal::$list(proto::$message { val: elements.collect::<Result<_, _>>()? })
        }};
    }
    let val = match items.iter().find_map(|item| item.val.as_ref()) {
        Some(ValueVal::Bool(_)) => typed!(Bool => BoolList(BoolList)),
        Some(ValueVal::Int64(_)) => typed!(Int64 => Int64List(Int64List)),
        Some(ValueVal::Double(_)) => typed!(Double => DoubleList(DoubleList)),
        Some(ValueVal::String(_)) => typed!(String => StringList(StringList)),
        Some(ValueVal::Bytes(_)) => typed!(Bytes => BytesList(BytesList)),
        Some(ValueVal::UnixTimestamp(_)) => typed!(UnixTimestamp => UnixTimestampList(Int64List)),
        Some(ValueVal::Decimal(_)) => typed!(Decimal => DecimalList(StringList)),
        Some(ValueVal::Map(_)) => typed!(Map => MapList(MapList)),
        _ => ValueVal::List(proto::RepeatedValue { val: items }),
    };
    Ok(Value { val: Some(val) })
}

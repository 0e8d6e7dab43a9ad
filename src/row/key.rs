//! Feast's entity keys, versions 1 to 3 (`feast/infra/key_encoding_utils.py` of Feast 0.67.0).
//!
//! All integers are little endian. Version 3: the number of join keys, each name (sorted) as type, length and text, each
//! value as type, length and payload. Version 2 lacks the count and the lengths of the names; version 1 also has four
//! bytes for an INT64.

use super::RowError;
use crate::model::ValueType;

/// The value of one join key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyValue {
    /// `bytes_val`
    Bytes(Vec<u8>),
    /// `string_val`
    String(String),
    /// `int32_val`
    Int32(i32),
    /// `int64_val`
    Int64(i64),
    /// `unix_timestamp_val`: seconds since 1970 UTC
    UnixTimestamp(i64),
}

impl KeyValue {
    /// The type of the value.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::Bytes(_) => ValueType::Bytes,
            Self::String(_) => ValueType::String,
            Self::Int32(_) => ValueType::Int32,
            Self::Int64(_) => ValueType::Int64,
            Self::UnixTimestamp(_) => ValueType::UnixTimestamp,
        }
    }
}

/// Writes the entity keys of one set of join keys; what they share is made once.
#[derive(Clone, Debug)]
pub struct KeyWriter {
    version: u32,
    prefix: Vec<u8>,
    /// the places of the join keys, in the order of their names
    order: Vec<usize>,
}

impl KeyWriter {
    /// The writer of keys of `names`, in any order.
    ///
    /// # Errors
    /// `DuplicateJoinKey`.
    pub fn new(version: u32, names: &[&str]) -> Result<Self, RowError> {
        let mut sorted: Vec<(&str, usize)> = names.iter().enumerate().map(|(place, name)| (*name, place)).collect();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(RowError::DuplicateJoinKey(pair[0].0.to_owned()));
        }
        let prefix = name_prefix(version, sorted.iter().map(|(name, _)| *name));
        Ok(Self { version, prefix, order: sorted.into_iter().map(|(_, place)| place).collect() })
    }

    /// Adds one key to `out`; `value` gives the value of the join key at a place of the names.
    ///
    /// # Errors
    /// In version 1 and less `KeyRange`; then `out` holds a part of the key.
    pub fn put<'v>(&self, value: impl Fn(usize) -> &'v KeyValue, out: &mut Vec<u8>) -> Result<(), RowError> {
        out.extend_from_slice(&self.prefix);
        for place in &self.order {
            match value(*place) {
                KeyValue::Bytes(bytes) => put_bytes(out, ValueType::Bytes, bytes),
                KeyValue::String(text) => put_bytes(out, ValueType::String, text.as_bytes()),
                KeyValue::Int32(number) => put_bytes(out, ValueType::Int32, &number.to_le_bytes()),
                KeyValue::Int64(number) => put_int64(out, self.version, *number)?,
                KeyValue::UnixTimestamp(seconds) => put_bytes(out, ValueType::UnixTimestamp, &seconds.to_le_bytes()),
            }
        }
        Ok(())
    }
}

/// The entity key of `pairs`, whose order does not matter.
///
/// # Errors
/// `DuplicateJoinKey`; in version 1 and less `KeyRange`.
pub fn encode_key(version: u32, pairs: &[(&str, KeyValue)]) -> Result<Vec<u8>, RowError> {
    let names: Vec<&str> = pairs.iter().map(|(name, _)| *name).collect();
    let mut out = Vec::new();
    KeyWriter::new(version, &names)?.put(|place| &pairs[place].1, &mut out)?;
    Ok(out)
}

/// What all keys of one set of join keys begin with; `names` must be sorted.
pub(super) fn name_prefix<'a>(version: u32, names: impl ExactSizeIterator<Item = &'a str>) -> Vec<u8> {
    let mut out = Vec::new();
    if version >= 3 {
        put_length(&mut out, names.len());
    }
    for name in names {
        put_type(&mut out, ValueType::String);
        if version >= 3 {
            put_length(&mut out, name.len());
        }
        out.extend_from_slice(name.as_bytes());
    }
    out
}

/// Type, length and payload of one value.
pub(super) fn put_bytes(out: &mut Vec<u8>, value_type: ValueType, payload: &[u8]) {
    put_type(out, value_type);
    put_length(out, payload.len());
    out.extend_from_slice(payload);
}

/// An INT64, whose width depends on the version.
pub(super) fn put_int64(out: &mut Vec<u8>, version: u32, number: i64) -> Result<(), RowError> {
    if version > 1 {
        put_bytes(out, ValueType::Int64, &number.to_le_bytes());
        return Ok(());
    }
    let narrow = i32::try_from(number).map_err(|_| RowError::KeyRange(number))?;
    put_bytes(out, ValueType::Int64, &narrow.to_le_bytes());
    Ok(())
}

fn put_type(out: &mut Vec<u8>, value_type: ValueType) {
    out.extend_from_slice(&(value_type as u32).to_le_bytes());
}

/// Lengths are 32 bits wide; no value in memory that came through Arrow or JSON is longer.
fn put_length(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

/// Reads an entity key of version 3 (earlier versions cannot be read back).
///
/// # Errors
/// `DamagedKey` where it is cut, too long, or of an unknown type.
pub fn decode_key(bytes: &[u8]) -> Result<Vec<(String, KeyValue)>, RowError> {
    let mut rest = bytes;
    let count = take_u32(&mut rest)?;
    let mut names = Vec::new();
    for _ in 0..count {
        if take_u32(&mut rest)? != ValueType::String as u32 {
            return Err(RowError::DamagedKey("a join key without a name"));
        }
        names.push(take_text(&mut rest)?);
    }
    let mut pairs = Vec::with_capacity(names.len());
    for name in names {
        pairs.push((name, take_value(&mut rest)?));
    }
    if rest.is_empty() { Ok(pairs) } else { Err(RowError::DamagedKey("bytes after the last value")) }
}

fn take_value(rest: &mut &[u8]) -> Result<KeyValue, RowError> {
    let number = i32::try_from(take_u32(rest)?).map_err(|_| RowError::DamagedKey("unknown type"))?;
    let value_type = ValueType::from_number(number).ok_or(RowError::DamagedKey("unknown type"))?;
    if value_type == ValueType::String {
        return take_text(rest).map(KeyValue::String);
    }
    let payload = take_sized(rest)?;
    match value_type {
        ValueType::Bytes => Ok(KeyValue::Bytes(payload.to_vec())),
        ValueType::Int32 => Ok(KeyValue::Int32(i32::from_le_bytes(exact(payload)?))),
        ValueType::Int64 => Ok(KeyValue::Int64(i64::from_le_bytes(exact(payload)?))),
        ValueType::UnixTimestamp => Ok(KeyValue::UnixTimestamp(i64::from_le_bytes(exact(payload)?))),
        _ => Err(RowError::DamagedKey("a type that no entity key has")),
    }
}

fn take_text(rest: &mut &[u8]) -> Result<String, RowError> {
    let bytes = take_sized(rest)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| RowError::DamagedKey("text that is not UTF-8"))
}

fn take_sized<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], RowError> {
    let length = take_u32(rest)? as usize;
    let (head, tail) = rest.split_at_checked(length).ok_or(RowError::DamagedKey("cut in a value"))?;
    *rest = tail;
    Ok(head)
}

fn take_u32(rest: &mut &[u8]) -> Result<u32, RowError> {
    let (head, tail) = rest.split_first_chunk().ok_or(RowError::DamagedKey("cut in a number"))?;
    *rest = tail;
    Ok(u32::from_le_bytes(*head))
}

fn exact<const N: usize>(payload: &[u8]) -> Result<[u8; N], RowError> {
    payload.try_into().map_err(|_| RowError::DamagedKey("a number of the wrong width"))
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use serde_json::Value as Json;

    use super::*;
    use crate::proto::types::{Value, ValueVal};
    use crate::row::tests::{golden, unhex};

    fn key_value(hex: &str) -> Option<KeyValue> {
        match Value::decode(&*unhex(hex)).unwrap().val? {
            ValueVal::Bytes(bytes) => Some(KeyValue::Bytes(bytes)),
            ValueVal::String(text) => Some(KeyValue::String(text)),
            ValueVal::Int32(number) => Some(KeyValue::Int32(number)),
            ValueVal::Int64(number) => Some(KeyValue::Int64(number)),
            ValueVal::UnixTimestamp(seconds) => Some(KeyValue::UnixTimestamp(seconds)),
            _ => None,
        }
    }

    #[test]
    fn keys_are_those_of_feast_in_every_version() {
        let vectors = golden("entity_keys.json");
        let mut encoded = 0;
        for vector in vectors.as_array().unwrap() {
            let names = vector["join_keys"].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
            let values = vector["values"].as_array().unwrap().iter();
            let pairs: Option<Vec<_>> = names
                .zip(values)
                .map(|(name, value)| key_value(value["value_hex"].as_str().unwrap()).map(|value| (name, value)))
                .collect();
            let version = u32::try_from(vector["version"].as_u64().unwrap()).unwrap();
            let expected = vector.get("hex").and_then(Json::as_str).map(unhex);
            let Some(pairs) = pairs else {
                assert!(expected.is_none(), "{vector}");
                continue;
            };
            let ours = encode_key(version, &pairs).ok();
            assert_eq!(ours, expected, "{vector}");
            encoded += usize::from(ours.is_some());
            if let (3, Some(bytes)) = (version, ours) {
                let mut sorted: Vec<_> = pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
                sorted.sort();
                assert_eq!(decode_key(&bytes).unwrap(), sorted);
            }
        }
        assert!(encoded > 80, "{encoded} keys compared");
    }

    #[test]
    fn a_join_key_given_twice_is_refused() {
        let pairs = [("k", KeyValue::Int64(1)), ("k", KeyValue::Int64(2))];
        assert!(matches!(encode_key(3, &pairs), Err(RowError::DuplicateJoinKey(_))));
    }

    #[test]
    fn every_cut_of_a_key_is_told() {
        let key = encode_key(3, &[("a", KeyValue::Int64(1)), ("b", KeyValue::String("x".to_owned()))]).unwrap();
        for end in 0..key.len() {
            assert!(decode_key(&key[..end]).is_err(), "{end}");
        }
        assert!(decode_key(&[key, vec![0]].concat()).is_err());
        assert!(decode_key(&[0xff; 64]).is_err());
    }
}

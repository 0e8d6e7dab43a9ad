//! Protobuf JSON of any message: names in lower camel case, 64-bit integers as strings, bytes in base64, as Python's
//! `MessageToDict` prints them.

use serde_json::{Map, Value};

use super::descriptor::{Field, Kind, Message};
use super::wire::{Content, Damaged, fields, take_varint};
use crate::model::Timestamp;

/// How deep messages may nest, as protobuf's own parsers have it.
const MAX_DEPTH: usize = 100;

/// The JSON of a serialized `message`, fields in the order of their numbers. Fields that the tables do not know are
/// left out.
///
/// # Errors
/// `Damaged` where the bytes are no such message.
pub fn to_json(bytes: &[u8], message: &Message) -> Result<Value, Damaged> {
    message_json(bytes, message, MAX_DEPTH)
}

fn message_json(bytes: &[u8], message: &Message, depth: usize) -> Result<Value, Damaged> {
    let depth = depth.checked_sub(1).ok_or(Damaged("nested too deeply"))?;
    let raw = fields(bytes)?;
    let mut object = Map::new();
    for field in message.0 {
        let contents: Vec<Content> = raw.iter().filter(|r| r.number == field.number).map(|r| r.content).collect();
        if let Some(value) = field_json(field, &contents, depth)? {
            object.insert(camel_case(field.name), value);
        }
    }
    Ok(Value::Object(object))
}

fn field_json(field: &Field, contents: &[Content], depth: usize) -> Result<Option<Value>, Damaged> {
    let Some(last) = contents.last() else { return Ok(None) };
    if let Kind::Map(value) = &field.kind {
        return map_json(value, contents, depth).map(Some);
    }
    if !field.repeated {
        return value_json(&field.kind, *last, depth).map(Some);
    }
    let mut items = Vec::new();
    for content in contents {
        push_items(&field.kind, *content, depth, &mut items)?;
    }
    Ok(Some(Value::Array(items)))
}

fn map_json(value: &Kind, contents: &[Content], depth: usize) -> Result<Value, Damaged> {
    let mut entries = std::collections::BTreeMap::new();
    for content in contents {
        let Content::Bytes(entry) = content else { return Err(Damaged("a map entry that is no message")) };
        let (mut key, mut found) = ("", None);
        for part in fields(entry)? {
            match part.number {
                1 => key = text(part.content)?,
                2 => found = Some(part.content),
                _ => {}
            }
        }
        let found = found.map_or_else(|| Ok(default_json(value)), |content| value_json(value, content, depth))?;
        entries.insert(key.to_owned(), found);
    }
    Ok(Value::Object(entries.into_iter().collect()))
}

fn default_json(kind: &Kind) -> Value {
    match kind {
        Kind::String => Value::from(""),
        _ => Value::Object(Map::new()),
    }
}

/// One element, or all elements of a packed field.
fn push_items(kind: &Kind, content: Content, depth: usize, items: &mut Vec<Value>) -> Result<(), Damaged> {
    let Content::Bytes(mut packed) = content else {
        items.push(value_json(kind, content, depth)?);
        return Ok(());
    };
    match kind {
        Kind::Int32 | Kind::Int64 | Kind::Uint64 | Kind::Bool | Kind::Enum(_) => {
            while !packed.is_empty() {
                items.push(value_json(kind, Content::Varint(take_varint(&mut packed)?), depth)?);
            }
        }
        Kind::Float => {
            let (chunks, rest) = packed.as_chunks::<4>();
            packed_end(rest)?;
            for chunk in chunks {
                items.push(value_json(kind, Content::Fixed32(*chunk), depth)?);
            }
        }
        Kind::Double => {
            let (chunks, rest) = packed.as_chunks::<8>();
            packed_end(rest)?;
            for chunk in chunks {
                items.push(value_json(kind, Content::Fixed64(*chunk), depth)?);
            }
        }
        _ => items.push(value_json(kind, content, depth)?),
    }
    Ok(())
}

fn packed_end(rest: &[u8]) -> Result<(), Damaged> {
    if rest.is_empty() { Ok(()) } else { Err(Damaged("cut in packed numbers")) }
}

#[allow(clippy::cast_possible_wrap, clippy::cast_possible_truncation, reason = "protobuf's own reading of a varint")]
fn value_json(kind: &Kind, content: Content, depth: usize) -> Result<Value, Damaged> {
    Ok(match (kind, content) {
        (Kind::String, _) => Value::from(text(content)?),
        (Kind::Bytes, Content::Bytes(bytes)) => Value::from(base64(bytes)),
        (Kind::Int32, Content::Varint(number)) => Value::from(number as i32),
        (Kind::Int64, Content::Varint(number)) => Value::from((number as i64).to_string()),
        (Kind::Uint64, Content::Varint(number)) => Value::from(number.to_string()),
        (Kind::Bool, Content::Varint(number)) => Value::from(number != 0),
        (Kind::Enum(names), Content::Varint(number)) => {
            let number = number as i32;
            names.0.iter().find(|(n, _)| *n == number).map_or(Value::from(number), |(_, name)| Value::from(*name))
        }
        (Kind::Float, Content::Fixed32(bytes)) => float_json(f32::from_le_bytes(bytes)),
        (Kind::Double, Content::Fixed64(bytes)) => double_json(f64::from_le_bytes(bytes)),
        (Kind::Message(message), Content::Bytes(bytes)) => message_json(bytes, message, depth)?,
        (Kind::Timestamp, Content::Bytes(bytes)) => {
            let (seconds, nanos) = seconds_and_nanos(bytes)?;
            Value::from(timestamp_text(seconds, nanos))
        }
        (Kind::Duration, Content::Bytes(bytes)) => {
            let (seconds, nanos) = seconds_and_nanos(bytes)?;
            Value::from(duration_text(seconds, nanos))
        }
        (Kind::StringValue, Content::Bytes(bytes)) => {
            let inner = fields(bytes)?.into_iter().rev().find(|field| field.number == 1);
            Value::from(inner.map_or(Ok(""), |field| text(field.content))?)
        }
        _ => return Err(Damaged("a field of another type than declared")),
    })
}

fn text(content: Content<'_>) -> Result<&str, Damaged> {
    let Content::Bytes(bytes) = content else { return Err(Damaged("a text of another type than declared")) };
    std::str::from_utf8(bytes).map_err(|_| Damaged("a text that is not UTF-8"))
}

/// The shortest text that reads back as the same `f32`; protobuf JSON writes the infinite ones as texts.
fn float_json(value: f32) -> Value {
    if value.is_finite() {
        return value.to_string().parse::<f64>().map_or(Value::Null, double_json);
    }
    double_json(f64::from(value))
}

fn double_json(value: f64) -> Value {
    if value.is_nan() {
        return Value::from("NaN");
    }
    if value.is_infinite() {
        return Value::from(if value > 0.0 { "Infinity" } else { "-Infinity" });
    }
    Value::from(value)
}

#[allow(clippy::cast_possible_wrap, clippy::cast_possible_truncation, reason = "protobuf's own reading of a varint")]
fn seconds_and_nanos(bytes: &[u8]) -> Result<(i64, i32), Damaged> {
    let (mut seconds, mut nanos) = (0, 0);
    for field in fields(bytes)? {
        match (field.number, field.content) {
            (1, Content::Varint(number)) => seconds = number as i64,
            (2, Content::Varint(number)) => nanos = number as i32,
            _ => {}
        }
    }
    Ok((seconds, nanos))
}

/// RFC 3339 in UTC with no, three, six or nine digits of fraction.
fn timestamp_text(seconds: i64, nanos: i32) -> String {
    let whole = Timestamp::from_proto(seconds, 0).to_string();
    let whole = whole.strip_suffix('Z').unwrap_or(&whole);
    format!("{whole}{}Z", fraction(nanos))
}

fn duration_text(seconds: i64, nanos: i32) -> String {
    let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
    format!("{sign}{}{}s", seconds.unsigned_abs(), fraction(nanos))
}

fn fraction(nanos: i32) -> String {
    let nanos = nanos.unsigned_abs();
    if nanos == 0 {
        String::new()
    } else if nanos.is_multiple_of(1_000_000) {
        format!(".{:03}", nanos / 1_000_000)
    } else if nanos.is_multiple_of(1_000) {
        format!(".{:06}", nanos / 1_000)
    } else {
        format!(".{nanos:09}")
    }
}

/// `batch_source` -> `batchSource`
fn camel_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.chars() {
        if c == '_' {
            upper = true;
        } else {
            out.push(if upper { c.to_ascii_uppercase() } else { c });
            upper = false;
        }
    }
    out
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Standard base64 with padding.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for place in 0..4 {
            let sextet = (bits >> (18 - 6 * place)) & 0x3f;
            out.push(if place <= chunk.len() { char::from(ALPHABET[sextet as usize]) } else { '=' });
        }
    }
    out
}

/// The bytes of a standard base64 text with padding; `None` where it is none.
#[must_use]
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    let (groups, []) = text.as_bytes().as_chunks::<4>() else { return None };
    let mut bytes = Vec::with_capacity(groups.len() * 3);
    for (index, group) in groups.iter().enumerate() {
        let padding = group.iter().rev().take_while(|c| **c == b'=').count();
        if padding > 2 || (padding > 0 && index + 1 < groups.len()) {
            return None;
        }
        let mut bits = 0_u32;
        for c in &group[..4 - padding] {
            let sextet = ALPHABET.iter().position(|known| known == c)?;
            bits = (bits << 6) | u32::try_from(sextet).ok()?;
        }
        let [_, a, b, c] = (bits << (6 * padding)).to_be_bytes();
        bytes.extend_from_slice(&[a, b, c][..3 - padding]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::descriptor;

    #[test]
    fn base64_pads() {
        for (bytes, text) in [(&b""[..], ""), (b"a", "YQ=="), (b"ab", "YWI="), (b"abc", "YWJj")] {
            assert_eq!(base64(bytes), text);
            assert_eq!(from_base64(text).as_deref(), Some(bytes));
        }
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for text in ["a", "YQ=", "Y===", "YQ==YQ==", "Y*==", "====", "YWJj\n"] {
            assert_eq!(from_base64(text), None, "{text}");
        }
    }

    #[test]
    fn a_ttl_and_a_tag_print_as_python_prints_them() {
        // spec { name: "v"  tags { "a": "b" }  ttl { seconds: 86400 } }
        let bytes = b"\x0a\x11\x0a\x01v\x2a\x06\x0a\x01a\x12\x01b\x32\x04\x08\x80\xa3\x05";
        let json = to_json(&bytes[..], &descriptor::FEATURE_VIEW).unwrap();
        assert_eq!(json.to_string(), r#"{"spec":{"name":"v","tags":{"a":"b"},"ttl":"86400s"}}"#);
    }
}

//! Values of a text into the cells of a column.

use std::borrow::Cow;

use super::column::{Bytes, Cells, Values};
use super::kind::JsonKind;
use super::numbers;
use super::scan::{Quoted, Scanner, Syntax, Value};
use crate::proto::json::from_base64;
use crate::row::Cast;

/// Why a value cannot be read.
#[derive(Debug)]
pub(super) enum Wrong {
    /// the text is no JSON
    Syntax(Syntax),
    /// the value is not of the column's kind
    Value(&'static str),
}

impl From<Syntax> for Wrong {
    fn from(syntax: Syntax) -> Self {
        Self::Syntax(syntax)
    }
}

impl From<&'static str> for Wrong {
    fn from(reason: &'static str) -> Self {
        Self::Value(reason)
    }
}

const NO_TEXT: &str = "is no text";
const HALF: &str = "holds an escape of half a character";
const NOT_NUMBER: &str = "is no number";
const NO_BYTES: &str = "is not the base64 text of bytes";
const TOO_MUCH: &str = "is too much for one batch of records";

/// How values are read, and what was met on the way.
#[derive(Debug)]
pub(super) struct Reading {
    pub cast: Cast,
    /// keys that nothing takes
    pub extra: u64,
}

impl Reading {
    /// Adds the next value of the text to `cells`. After an error the cells hold a part of it: truncate them.
    pub(super) fn read(&mut self, kind: &JsonKind, cells: &mut Cells, scanner: &mut Scanner<'_>) -> Result<(), Wrong> {
        scanner.peek();
        let start = scanner.at();
        let value = scanner.value()?;
        match value {
            Value::Null => {
                cells.push_null();
                return Ok(());
            }
            // pandas writes a null so
            Value::NoNumber(number) if number.is_nan() && !matches!(kind, JsonKind::Float32 | JsonKind::Float64) => {
                cells.push_null();
                return Ok(());
            }
            _ => {}
        }
        match &mut cells.values {
            Values::Bool(values) => values.push(self.boolean(value)?),
            Values::Int(values, bits) => values.push(narrowed(self.int(kind, value)?, *bits)?),
            Values::Float32(values) => values.push(self.float(value)?),
            Values::Float64(values) => values.push(self.double(value)?),
            Values::Date(values) => values.push(date(value)?),
            Values::Time(values) => values.push(time(value)?),
            Values::Decimal(values, precision, scale) => values.push(decimal(value, *precision, *scale)?),
            Values::Text(bytes) => self.text(kind, value, start, scanner, bytes)?,
            Values::Binary(bytes) => bytes.push(&from_base64(&text(value, NO_BYTES)?).ok_or(NO_BYTES)?)?,
            _ => self.nested(kind, value, cells, scanner)?,
        }
        cells.pushed();
        Ok(())
    }

    fn boolean(&self, value: Value<'_>) -> Result<bool, Wrong> {
        match value {
            Value::Bool(flag) => Ok(flag),
            Value::Number(number) if self.cast == Cast::Lossy => Ok(numbers::double(number, false)? != 0.0),
            _ => Err("is neither true nor false".into()),
        }
    }

    fn int(&self, kind: &JsonKind, value: Value<'_>) -> Result<i64, Wrong> {
        match (value, self.cast) {
            (Value::Number(number), Cast::Lossless) => Ok(numbers::int64(number)?),
            (Value::Number(number), Cast::Lossy) => Ok(numbers::truncated(number)?),
            (Value::Bool(flag), Cast::Lossy) => Ok(i64::from(flag)),
            (Value::String(quoted), cast) if cast == Cast::Lossy || *kind == JsonKind::KeyInt => {
                Ok(quoted.text().ok_or(HALF)?.trim().parse().map_err(|_| numbers::NOT_WHOLE)?)
            }
            _ => Err(numbers::NOT_WHOLE.into()),
        }
    }

    fn double(&self, value: Value<'_>) -> Result<f64, Wrong> {
        match value {
            Value::Number(number) => Ok(numbers::double(number, self.cast == Cast::Lossless)?),
            Value::NoNumber(number) => Ok(number),
            Value::String(quoted) => Ok(no_number(quoted)?),
            _ => Err(NOT_NUMBER.into()),
        }
    }

    fn float(&self, value: Value<'_>) -> Result<f32, Wrong> {
        #[allow(clippy::cast_possible_truncation, reason = "what is no number is none in either width")]
        match value {
            Value::Number(number) => Ok(numbers::float(number, self.cast == Cast::Lossless)?),
            Value::NoNumber(number) => Ok(number as f32),
            Value::String(quoted) => Ok(no_number(quoted)? as f32),
            _ => Err(NOT_NUMBER.into()),
        }
    }

    fn text<'a>(
        &self,
        kind: &JsonKind,
        value: Value<'a>,
        start: usize,
        scanner: &mut Scanner<'a>,
        bytes: &mut Bytes,
    ) -> Result<(), Wrong> {
        match (kind, value) {
            (JsonKind::DecimalText, Value::Number(number)) => bytes.push(number.as_bytes()),
            (JsonKind::DecimalText, Value::String(quoted)) => {
                let text = quoted.text().ok_or(HALF)?;
                if numbers::is_decimal(&text) {
                    bytes.push(text.as_bytes())
                } else {
                    Err("is no decimal number".into())
                }
            }
            (JsonKind::KeyText, Value::Number(number))
                if number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') =>
            {
                bytes.push(number.as_bytes())
            }
            (_, Value::String(quoted)) => bytes.push(quoted.text().ok_or(HALF)?.as_bytes()),
            (JsonKind::Json, other) => {
                scanner.skip_rest(other)?;
                bytes.push(scanner.since(start).as_bytes())
            }
            (_, other) if self.cast == Cast::Lossy => {
                scanner.skip_rest(other)?;
                let written = match other {
                    Value::Bool(true) => "True",
                    Value::Bool(false) => "False",
                    _ => scanner.since(start),
                };
                bytes.push(written.as_bytes())
            }
            _ => Err(NO_TEXT.into()),
        }
    }

    fn nested(
        &mut self,
        kind: &JsonKind,
        value: Value<'_>,
        cells: &mut Cells,
        scanner: &mut Scanner<'_>,
    ) -> Result<(), Wrong> {
        let (mut first, row) = (true, cells.len());
        match (kind, value, &mut cells.values) {
            (JsonKind::List(item), Value::Array, Values::List(ends, items)) => {
                while scanner.item(&mut first)? {
                    self.read(item, items, scanner)?;
                }
                ends.push(end(items.len())?);
                Ok(())
            }
            (JsonKind::Map(key_kind, value_kind), Value::Object, Values::Map(ends, keys, values)) => {
                let from = keys.len();
                while let Some(key) = scanner.key(&mut first)? {
                    self.map_key(key_kind, key, keys)?;
                    self.read(value_kind, values, scanner)?;
                }
                if keys.has_twice(from) {
                    return Err("has one key twice".into());
                }
                ends.push(end(keys.len())?);
                Ok(())
            }
            (JsonKind::Struct(kinds), Value::Object, Values::Struct(fields)) => {
                self.fields(kinds, row, fields, scanner)
            }
            (JsonKind::List(_), ..) => Err("is no array".into()),
            _ => Err("is no object".into()),
        }
    }

    /// A key of a map: a text, or a number in quotes.
    fn map_key(&mut self, kind: &JsonKind, key: Quoted<'_>, keys: &mut Cells) -> Result<(), Wrong> {
        let text = key.text().ok_or(HALF)?;
        if let (Values::Text(bytes), JsonKind::Text) = (&mut keys.values, kind) {
            bytes.push(text.as_bytes())?;
            keys.pushed();
            return Ok(());
        }
        let mut inner = Scanner::new(&text);
        let read = self.read(kind, keys, &mut inner);
        if read.is_err() || inner.peek().is_some() { Err("has a key of another type".into()) } else { Ok(()) }
    }

    fn fields(
        &mut self,
        kinds: &[(String, JsonKind)],
        row: usize,
        fields: &mut [(String, Cells)],
        scanner: &mut Scanner<'_>,
    ) -> Result<(), Wrong> {
        let mut first = true;
        while let Some(key) = scanner.key(&mut first)? {
            let key = key.text().ok_or(HALF)?;
            let found = kinds.iter().zip(fields.iter_mut()).find(|((name, _), _)| *name == *key);
            match found {
                None => {
                    self.extra += 1;
                    scanner.skip()?;
                }
                Some((_, (_, cells))) if cells.len() > row => return Err("has one key twice".into()),
                Some(((_, kind), (_, cells))) => self.read(kind, cells, scanner)?,
            }
        }
        for (_, cells) in fields.iter_mut().filter(|(_, cells)| cells.len() <= row) {
            cells.push_null();
        }
        Ok(())
    }
}

impl Cells {
    /// Whether one of the texts or numbers from that row on stands there twice.
    fn has_twice(&self, from: usize) -> bool {
        fn twice<T: Eq + std::hash::Hash>(mut items: impl Iterator<Item = T>) -> bool {
            let mut seen = std::collections::HashSet::new();
            !items.all(|item| seen.insert(item))
        }
        match &self.values {
            Values::Text(bytes) => twice((from..self.len()).map(|row| bytes.get(row))),
            Values::Int(values, _) | Values::Time(values) => twice(values.iter().skip(from)),
            Values::Date(values) => twice(values.iter().skip(from)),
            Values::Bool(values) => twice(values.iter().skip(from)),
            Values::Decimal(values, ..) => twice(values.iter().skip(from)),
            _ => false,
        }
    }
}

impl Bytes {
    fn push(&mut self, bytes: &[u8]) -> Result<(), Wrong> {
        let end = end(self.data.len() + bytes.len())?;
        self.data.extend_from_slice(bytes);
        self.ends.push(end);
        Ok(())
    }

    fn get(&self, row: usize) -> &[u8] {
        let at = |row: usize| self.ends.get(row).map_or(0, |end| usize::try_from(*end).unwrap_or(0));
        let start = row.checked_sub(1).map_or(0, at);
        self.data.get(start..at(row)).unwrap_or_default()
    }
}

/// Arrow counts the items of a column in 31 bits.
fn end(length: usize) -> Result<i32, Wrong> {
    i32::try_from(length).map_err(|_| TOO_MUCH.into())
}

fn narrowed(number: i64, bits: u8) -> Result<i64, Wrong> {
    let limit = 1_i64.checked_shl(u32::from(bits.saturating_sub(1))).filter(|_| bits < 64);
    match limit {
        Some(limit) if !(-limit..limit).contains(&number) => Err("is beyond the range of the declared type".into()),
        _ => Ok(number),
    }
}

fn text<'a>(value: Value<'a>, reason: &'static str) -> Result<Cow<'a, str>, Wrong> {
    match value {
        Value::String(quoted) => Ok(quoted.text().ok_or(HALF)?),
        _ => Err(reason.into()),
    }
}

/// A float that is no number, as answers write it.
fn no_number(quoted: Quoted<'_>) -> Result<f64, &'static str> {
    match quoted.text().as_deref() {
        Some("NaN") => Ok(f64::NAN),
        Some("Infinity") => Ok(f64::INFINITY),
        Some("-Infinity") => Ok(f64::NEG_INFINITY),
        _ => Err(NOT_NUMBER),
    }
}

fn date(value: Value<'_>) -> Result<i32, Wrong> {
    const NO_DATE: &str = "is no date (write 2026-11-22)";
    let text = text(value, NO_DATE)?;
    let text = text.trim();
    let Some((date, rest)) = text.split_at_checked(10) else { return Err(NO_DATE.into()) };
    let days = numbers::days(date)?;
    // pandas and Spark write a date as its midnight
    let midnight = rest.is_empty() || numbers::time_micros(text) == Ok(i64::from(days) * 86_400_000_000);
    if midnight { Ok(days) } else { Err("is a time, not a date".into()) }
}

fn time(value: Value<'_>) -> Result<i64, Wrong> {
    match value {
        Value::Number(number) => Ok(numbers::epoch_micros(number)?),
        other => Ok(numbers::time_micros(&text(other, "is no time")?)?),
    }
}

fn decimal(value: Value<'_>, precision: u8, scale: u8) -> Result<i128, Wrong> {
    match value {
        Value::Number(number) => Ok(numbers::decimal(number, precision, scale)?),
        other => Ok(numbers::decimal(text(other, "is no decimal number")?.trim(), precision, scale)?),
    }
}

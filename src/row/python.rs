//! Texts as Python writes them: `value_text`, and values that are spelled out under [`Cast::Lossy`](super::Cast).

use std::fmt::Write;

use arrow::datatypes::i256;

use super::column::Raw;
use super::instant::Instant;

// Writing to a `String` cannot fail: the results of `write!` are dropped in this file.

/// Adds `repr(float)`: the shortest text that reads back as the same number, with an exponent below 1e-4 and from 1e16
/// on. Rust's `{:?}` has the same limits and writes the exponent shorter (`1e16` for `1e+16`).
pub(super) fn push_float(number: f64, out: &mut String) {
    if number.is_nan() {
        out.push_str("nan");
        return;
    }
    let start = out.len();
    let _ = write!(out, "{number:?}");
    widen_exponent(start, out);
}

/// Adds `str(numpy.float32)`: an exponent below 1e-4 and from 1e6 on.
fn push_numpy_float32(number: f32, out: &mut String) {
    let start = out.len();
    match number.abs() {
        nan if nan.is_nan() => out.push_str("nan"),
        finite if finite.is_finite() && finite != 0.0 && !(1e-4..1e6).contains(&finite) => {
            let _ = write!(out, "{number:e}");
        }
        _ => {
            let _ = write!(out, "{number:?}");
        }
    }
    widen_exponent(start, out);
}

/// `1e5` becomes `1e+05`.
fn widen_exponent(start: usize, out: &mut String) {
    let Some(at) = out.get(start..).and_then(|text| text.find('e')).map(|at| start + at + 1) else { return };
    let exponent: i32 = out.get(at..).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    out.truncate(at);
    let _ = write!(out, "{exponent:+03}");
}

/// `str(value)` of the value that Feast would have read from parquet.
pub(super) fn python_str(raw: Raw<'_>) -> String {
    let mut out = String::new();
    push_str(raw, &mut out);
    out
}

/// Adds what [`python_str`] gives.
pub(super) fn push_str(raw: Raw<'_>, out: &mut String) {
    match raw {
        Raw::Null => out.push_str("None"),
        Raw::Bool(true) => out.push_str("True"),
        Raw::Bool(false) => out.push_str("False"),
        Raw::Int(number) => push_display(number, out),
        Raw::UInt(number) => push_display(number, out),
        Raw::Float32(number) => push_numpy_float32(number, out),
        Raw::Float64(number) => push_float(number, out),
        Raw::Str(text) => out.push_str(text),
        Raw::Bytes(bytes) => push_bytes(bytes, out),
        Raw::Time(time) => push_time(time, out),
        Raw::Date(date) => push_date(date, out),
        Raw::TimeOfDay(time) => push_time_of_day(time, out),
        Raw::Decimal(unscaled, scale) => push_decimal(unscaled, scale, out),
        Raw::List(list) => push_items(list.iter(), out),
        Raw::Struct(fields, row) => {
            push_fields(fields.iter().map(|(name, column)| (Raw::Str(name), column.get(row))), out);
        }
        Raw::Map(keys, values) => push_fields(values.beside(keys).iter().zip(values.iter()), out),
    }
}

fn push_display(number: impl std::fmt::Display, out: &mut String) {
    let _ = write!(out, "{number}");
}

fn push_items<'a>(items: impl Iterator<Item = Raw<'a>>, out: &mut String) {
    out.push('[');
    for (position, item) in items.enumerate() {
        out.push_str(if position > 0 { ", " } else { "" });
        push_quoted(item, out);
    }
    out.push(']');
}

fn push_fields<'a>(fields: impl Iterator<Item = (Raw<'a>, Raw<'a>)>, out: &mut String) {
    out.push('{');
    for (position, (name, value)) in fields.enumerate() {
        out.push_str(if position > 0 { ", " } else { "" });
        push_quoted(name, out);
        out.push_str(": ");
        push_quoted(value, out);
    }
    out.push('}');
}

/// Inside a list or dict, text stands in quotes.
fn push_quoted(raw: Raw<'_>, out: &mut String) {
    match raw {
        Raw::Str(text) => {
            let _ = write!(out, "'{text}'");
        }
        other => push_str(other, out),
    }
}

/// `repr(bytes)`
fn push_bytes(bytes: &[u8], out: &mut String) {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    out.push('b');
    out.push(quote);
    for byte in bytes {
        match byte {
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\\' => out.push_str("\\\\"),
            b'\'' if quote == '\'' => out.push_str("\\'"),
            b' '..=b'~' => out.push(char::from(*byte)),
            other => {
                let _ = write!(out, "\\x{other:02x}");
            }
        }
    }
    out.push(quote);
}

/// `str(numpy.datetime64)`: as many decimals as the unit has.
fn push_time(time: Instant, out: &mut String) {
    match time.date_time() {
        Some(moment) => {
            let _ = write!(out, "{}", moment.format("%Y-%m-%dT%H:%M:%S"));
            push_fraction(moment.and_utc().timestamp_subsec_nanos(), time.decimals(), out);
        }
        None => out.push_str("NaT"),
    }
}

fn push_date(date: Instant, out: &mut String) {
    match date.date_time() {
        Some(moment) => {
            let _ = write!(out, "{}", moment.format("%Y-%m-%d"));
        }
        None => out.push_str("NaT"),
    }
}

/// `str(datetime.time)`: six decimals or none.
fn push_time_of_day(time: Instant, out: &mut String) {
    let Some(moment) = time.date_time() else { return };
    let _ = write!(out, "{}", moment.format("%H:%M:%S"));
    let nanos = moment.and_utc().timestamp_subsec_nanos();
    push_fraction(nanos, if nanos == 0 { 0 } else { 6 }, out);
}

fn push_fraction(nanos: u32, decimals: usize, out: &mut String) {
    if decimals > 0 {
        let digits = format!("{nanos:09}");
        out.push('.');
        out.push_str(digits.get(..decimals).unwrap_or(&digits));
    }
}

/// `str(decimal.Decimal)`: positional unless the exponent is positive or the number below 1e-6.
pub(super) fn push_decimal(unscaled: i256, scale: i8, out: &mut String) {
    let text = unscaled.to_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let exponent = -i64::from(scale);
    let adjusted = exponent + i64::try_from(digits.len()).unwrap_or(0) - 1;
    out.push_str(sign);
    if exponent > 0 || adjusted < -6 {
        push_scientific(digits, adjusted, out);
        return;
    }
    let decimals = usize::try_from(scale).unwrap_or(0);
    if decimals == 0 {
        out.push_str(digits);
        return;
    }
    let padded = format!("{digits:0>width$}", width = decimals + 1);
    let (whole, fraction) = padded.split_at(padded.len() - decimals);
    let _ = write!(out, "{whole}.{fraction}");
}

fn push_scientific(digits: &str, exponent: i64, out: &mut String) {
    let (first, rest) = digits.split_at(1);
    out.push_str(first);
    if !rest.is_empty() {
        let _ = write!(out, ".{rest}");
    }
    let _ = write!(out, "E{exponent:+}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::instant::Unit;
    use crate::row::tests::{golden, unhex};

    #[test]
    fn floats_are_spelled_as_python_spells_them() {
        let vectors = golden("value_text_floats.json");
        for vector in vectors.as_array().unwrap() {
            let number = match vector["double_bits"].as_str() {
                Some(bits) => f64::from_le_bytes(unhex(bits).try_into().unwrap()),
                None => f32::from_le_bytes(unhex(vector["float_bits"].as_str().unwrap()).try_into().unwrap()).into(),
            };
            let mut text = String::new();
            push_float(number, &mut text);
            assert_eq!(text, vector["text"].as_str().unwrap(), "{vector}");
        }
    }

    #[test]
    fn other_values_are_spelled_as_python_spells_them() {
        for (raw, text) in [
            (Raw::Float32(16_777_216.0), "1.6777216e+07"),
            (Raw::Float32(999_999.9), "999999.9"),
            (Raw::Float32(1e6), "1e+06"),
            (Raw::Float32(1e-5), "1e-05"),
            (Raw::Float32(-0.0), "-0.0"),
            (Raw::Bool(true), "True"),
            (Raw::Bytes(b"a'b\"\n\x00\xff\\"), r#"b'a\'b"\n\x00\xff\\'"#),
            (Raw::Bytes(b"a'b"), "b\"a'b\""),
            (Raw::Decimal(i256::from(150), 2), "1.50"),
            (Raw::Decimal(i256::from(-1), 2), "-0.01"),
            (Raw::Decimal(i256::from(1), -3), "1E+3"),
            (Raw::Decimal(i256::from(1), 7), "1E-7"),
            (Raw::Decimal(i256::from(12), 8), "1.2E-7"),
            (Raw::Decimal(i256::from(0), 8), "0E-8"),
            (Raw::Decimal(i256::from(0), 2), "0.00"),
            (Raw::Time(Instant::new(1_704_067_200_500, Unit::Millis)), "2024-01-01T00:00:00.500"),
            (Raw::Date(Instant::new(19_723, Unit::Days)), "2024-01-01"),
            (Raw::TimeOfDay(Instant::new(3_723, Unit::Seconds)), "01:02:03"),
        ] {
            assert_eq!(python_str(raw), text);
        }
    }
}

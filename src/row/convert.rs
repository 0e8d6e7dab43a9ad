//! One cell as one value of a declared type: exactly, or, under [`Cast::Lossy`], as Feast casts it.

use std::borrow::Cow;

use arrow::datatypes::i256;

use super::Cast;
use super::column::Raw;
use super::python::{push_decimal, push_float, python_str};

/// Why a value is refused.
pub(super) type Reason = Cow<'static, str>;

/// Decimal digits that survive the way into a float and back (`DBL_DIG`, `FLT_DIG`).
const DOUBLE_DIGITS: usize = 15;
const FLOAT_DIGITS: usize = 6;

const NOT_WHOLE: Reason = Cow::Borrowed("is not a whole number of 64 bits");
const NO_SUCH: Reason = Cow::Borrowed("is not a value of the declared type");

/// Whether a value counts as null: floats that are no number do.
pub(super) fn is_null(raw: &Raw<'_>) -> bool {
    match raw {
        Raw::Null => true,
        Raw::Float32(number) => number.is_nan(),
        Raw::Float64(number) => number.is_nan(),
        _ => false,
    }
}

pub(super) fn int64(raw: &Raw<'_>, cast: Cast) -> Result<i64, Reason> {
    if let Some(number) = raw.exact_int() {
        return Ok(number);
    }
    if cast == Cast::Lossless {
        return Err(NOT_WHOLE);
    }
    match raw {
        Raw::Bool(flag) => Ok(i64::from(*flag)),
        Raw::Float32(number) => truncated(f64::from(*number)),
        Raw::Float64(number) => truncated(*number),
        Raw::Str(text) => text.trim().parse().map_err(|_| NOT_WHOLE),
        Raw::Decimal(unscaled, scale) => truncated_decimal(*unscaled, *scale).ok_or(NOT_WHOLE),
        _ => Err(NOT_WHOLE),
    }
}

pub(super) fn int32(raw: &Raw<'_>, cast: Cast) -> Result<i32, Reason> {
    i32::try_from(int64(raw, cast)?).map_err(|_| "is beyond 32 bits".into())
}

/// Towards zero, as Python's `int`.
fn truncated(number: f64) -> Result<i64, Reason> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    #[allow(clippy::cast_possible_truncation, reason = "checked: within 64 bits")]
    if (-BEYOND..BEYOND).contains(&number) { Ok(number as i64) } else { Err(NOT_WHOLE) }
}

fn truncated_decimal(unscaled: i256, scale: i8) -> Option<i64> {
    let power = i256::from(10).checked_pow(u32::from(scale.unsigned_abs()))?;
    let whole = if scale < 0 { unscaled.checked_mul(power)? } else { unscaled.checked_div(power)? };
    i64::try_from(whole.to_i128()?).ok()
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "that it is exact is what is checked")]
pub(super) fn double(raw: &Raw<'_>, cast: Cast) -> Result<f64, Reason> {
    let (number, exact) = match *raw {
        Raw::Float64(number) => (number, true),
        Raw::Float32(number) => (f64::from(number), true),
        Raw::Int(whole) => (whole as f64, whole as f64 as i128 == i128::from(whole)),
        Raw::UInt(whole) => (whole as f64, whole as f64 as i128 == i128::from(whole)),
        Raw::Decimal(unscaled, scale) => {
            (decimal_text(unscaled, scale).parse().map_err(|_| NO_SUCH)?, digits(unscaled) <= DOUBLE_DIGITS)
        }
        _ => return Err(NO_SUCH),
    };
    if exact || cast == Cast::Lossy { Ok(number) } else { Err("has no exact Float64".into()) }
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "that it is exact is what is checked"
)]
pub(super) fn float(raw: &Raw<'_>, cast: Cast) -> Result<f32, Reason> {
    let (number, exact) = match *raw {
        Raw::Float32(number) => (number, true),
        Raw::Float64(number) => (number as f32, f64::from(number as f32) == number || number.is_nan()),
        Raw::Int(whole) => (whole as f32, whole as f32 as i128 == i128::from(whole)),
        Raw::UInt(whole) => (whole as f32, whole as f32 as i128 == i128::from(whole)),
        Raw::Decimal(unscaled, scale) => {
            let number: f32 = decimal_text(unscaled, scale).parse().map_err(|_| NO_SUCH)?;
            (number, digits(unscaled) <= FLOAT_DIGITS && number.is_finite())
        }
        _ => return Err(NO_SUCH),
    };
    if exact || cast == Cast::Lossy {
        return Ok(number);
    }
    Err("has no exact Float32 (declare Float64, or pass `--cast lossy` to round as Feast does)".into())
}

fn decimal_text(unscaled: i256, scale: i8) -> String {
    let mut text = String::new();
    push_decimal(unscaled, scale, &mut text);
    text
}

/// Significant digits.
fn digits(unscaled: i256) -> usize {
    unscaled.to_string().trim_start_matches('-').trim_end_matches('0').len()
}

pub(super) fn boolean(raw: &Raw<'_>, cast: Cast) -> Result<bool, Reason> {
    match (raw, cast) {
        (Raw::Bool(flag), _) => Ok(*flag),
        (Raw::Int(number), Cast::Lossy) => Ok(*number != 0),
        (Raw::UInt(number), Cast::Lossy) => Ok(*number != 0),
        (Raw::Float32(number), Cast::Lossy) => Ok(*number != 0.0),
        (Raw::Float64(number), Cast::Lossy) => Ok(*number != 0.0),
        _ => Err(NO_SUCH),
    }
}

pub(super) fn text<'a>(raw: &Raw<'a>, cast: Cast) -> Result<Cow<'a, str>, Reason> {
    match (raw, cast) {
        (Raw::Str(text), _) => Ok(Cow::Borrowed(text)),
        (other, Cast::Lossy) => Ok(Cow::Owned(python_str(*other))),
        (_, Cast::Lossless) => Err(NO_SUCH),
    }
}

pub(super) fn bytes<'a>(raw: &Raw<'a>) -> Result<&'a [u8], Reason> {
    match raw {
        Raw::Bytes(bytes) => Ok(bytes),
        _ => Err(NO_SUCH),
    }
}

/// Seconds since 1970 UTC, rounded down; whole numbers are seconds already.
pub(super) fn seconds(raw: &Raw<'_>, cast: Cast) -> Result<i64, Reason> {
    match raw {
        Raw::Time(time) | Raw::Date(time) => time.seconds().ok_or(Cow::Borrowed("is beyond 64 bits of seconds")),
        Raw::Int(_) | Raw::UInt(_) => raw.exact_int().ok_or(NOT_WHOLE),
        Raw::Float32(number) if cast == Cast::Lossy => truncated(f64::from(*number).floor()),
        Raw::Float64(number) if cast == Cast::Lossy => truncated(number.floor()),
        _ => Err(NO_SUCH),
    }
}

/// Python's `str(Decimal)`; text is kept as it is.
pub(super) fn decimal<'a>(raw: &Raw<'a>, cast: Cast) -> Result<Cow<'a, str>, Reason> {
    match *raw {
        Raw::Decimal(unscaled, scale) => Ok(Cow::Owned(decimal_text(unscaled, scale))),
        Raw::Int(_) | Raw::UInt(_) => Ok(Cow::Owned(python_str(*raw))),
        Raw::Float32(number) if cast == Cast::Lossy => Ok(Cow::Owned(float_text(number.into()))),
        Raw::Float64(number) if cast == Cast::Lossy => Ok(Cow::Owned(float_text(number))),
        Raw::Str(text) => Ok(Cow::Borrowed(text)),
        _ => Err(NO_SUCH),
    }
}

fn float_text(number: f64) -> String {
    let mut text = String::new();
    push_float(number, &mut text);
    text
}

/// Text is kept as it is; 16 bytes are spelled out.
pub(super) fn uuid<'a>(raw: &Raw<'a>) -> Result<Cow<'a, str>, Reason> {
    match raw {
        Raw::Str(text) => Ok(Cow::Borrowed(text)),
        Raw::Bytes(bytes) => uuid::Uuid::from_slice(bytes).map(|id| Cow::Owned(id.to_string())).map_err(|_| NO_SUCH),
        _ => Err(NO_SUCH),
    }
}

//! Numbers and times of a text, exactly or not at all.

use chrono::NaiveDate;

/// Floats up to here stand for one whole number each.
const DOUBLE_WHOLE: f64 = 9_007_199_254_740_992.0;
/// Digits of a whole number that every double has room for.
const DOUBLE_DIGITS: usize = 15;
/// Digits of a whole number that every float has room for.
const FLOAT_DIGITS: usize = 7;

pub(super) const NOT_WHOLE: &str = "is not a whole number of 64 bits";
pub(super) const NO_DOUBLE: &str = "has no exact Float64";
pub(super) const NO_FLOAT: &str = "has no exact Float32";
const BEYOND: &str = "is beyond the range of the type";
const NO_TIME: &str =
    "is no time (write 2026-11-22T20:00:00Z, or seconds, milliseconds or microseconds since 1970 UTC)";

/// Whether a number is written as a whole one.
fn is_integer(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// The whole number that a number is: `7`, `7.0` and `7e0` are 7.
pub(super) fn int64(text: &str) -> Result<i64, &'static str> {
    if is_integer(text) {
        return text.parse().map_err(|_| NOT_WHOLE);
    }
    whole(text.parse().map_err(|_| NOT_WHOLE)?).ok_or(NOT_WHOLE)
}

fn whole(number: f64) -> Option<i64> {
    #[allow(clippy::cast_possible_truncation, reason = "checked: whole and within 2^53")]
    (number.fract() == 0.0 && number.abs() <= DOUBLE_WHOLE).then_some(number as i64)
}

/// The whole number towards zero, as Python's `int` does.
pub(super) fn truncated(text: &str) -> Result<i64, &'static str> {
    const END: f64 = 9_223_372_036_854_775_808.0;
    if let Ok(number) = int64(text) {
        return Ok(number);
    }
    let number: f64 = text.parse().map_err(|_| NOT_WHOLE)?;
    #[allow(clippy::cast_possible_truncation, reason = "checked: within 64 bits")]
    if (-END..END).contains(&number) { Ok(number as i64) } else { Err(NOT_WHOLE) }
}

/// The double of a number: of a decimal fraction the nearest, of a whole number that number or none.
pub(super) fn double(text: &str, exact: bool) -> Result<f64, &'static str> {
    let number: f64 = text.parse().map_err(|_| NO_DOUBLE)?;
    if number.is_infinite() {
        return Err(BEYOND);
    }
    #[allow(clippy::cast_possible_truncation, reason = "that it is exact is what is checked")]
    let keeps = |whole: i128| number as i128 == whole;
    if exact && is_integer(text) && text.len() > DOUBLE_DIGITS && !text.parse().is_ok_and(keeps) {
        return Err(NO_DOUBLE);
    }
    Ok(number)
}

/// The float of a number: of a decimal fraction the nearest, of a whole number that number or none.
pub(super) fn float(text: &str, exact: bool) -> Result<f32, &'static str> {
    let number: f32 = text.parse().map_err(|_| NO_FLOAT)?;
    if number.is_infinite() {
        return Err(BEYOND);
    }
    #[allow(clippy::cast_possible_truncation, reason = "that it is exact is what is checked")]
    let keeps = |whole: i128| number as i128 == whole;
    if exact && is_integer(text) && text.len() >= FLOAT_DIGITS && !text.parse().is_ok_and(keeps) {
        return Err(NO_FLOAT);
    }
    Ok(number)
}

/// `number * 10^scale` of a decimal number with at most `precision` digits; a digit too many is an error.
pub(super) fn decimal(text: &str, precision: u8, scale: u8) -> Result<i128, &'static str> {
    const WRONG: &str = "is no decimal number";
    const TOO_FINE: &str = "has more digits than the declared decimal";
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i32 = exponent.parse().map_err(|_| WRONG)?;
    let digits: String = [whole.trim_start_matches(['-', '+']), fraction].concat();
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(WRONG);
    }
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Ok(0);
    }
    // the number is `significant * 10^place`
    let after = digits.len() - digits.trim_end_matches('0').len();
    let size = |length: usize| i32::try_from(length).map_err(|_| TOO_FINE);
    let place = exponent.saturating_sub(size(fraction.len())?).saturating_add(size(after)?);
    let zeros = u32::try_from(place.saturating_add(scale.into())).map_err(|_| TOO_FINE)?;
    if significant.len().saturating_add(zeros as usize) > usize::from(precision) {
        return Err(TOO_FINE);
    }
    let unscaled: i128 = significant.parse().map_err(|_| TOO_FINE)?;
    let unscaled = 10_i128.checked_pow(zeros).and_then(|power| unscaled.checked_mul(power)).ok_or(TOO_FINE)?;
    Ok(if whole.starts_with('-') { -unscaled } else { unscaled })
}

/// Whether a text is a decimal number, as Python's `Decimal` reads one.
pub(super) fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let unsigned = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let digits = unsigned.bytes().filter(u8::is_ascii_digit).count();
    let points = unsigned.bytes().filter(|byte| *byte == b'.').count();
    digits > 0 && points <= 1 && digits + points == unsigned.len() && exponent.parse::<i32>().is_ok()
}

/// Microseconds since 1970 UTC of a number of seconds, milliseconds, microseconds or nanoseconds, told apart by its
/// size: each unit reaches from 1973 to 5138. A fraction is of seconds, and cut off below microseconds.
pub(super) fn epoch_micros(text: &str) -> Result<i64, &'static str> {
    if !is_integer(text) {
        return fraction_micros(text);
    }
    let number: i64 = text.parse().map_err(|_| NO_TIME)?;
    Ok(match number.unsigned_abs() {
        0..100_000_000_000 => number * 1_000_000,
        100_000_000_000..100_000_000_000_000 => number * 1_000,
        100_000_000_000_000..100_000_000_000_000_000 => number,
        _ => number.div_euclid(1_000),
    })
}

fn fraction_micros(text: &str) -> Result<i64, &'static str> {
    if let Ok(number) = int64(text) {
        return epoch_micros(&number.to_string());
    }
    let number: f64 = text.parse().map_err(|_| NO_TIME)?;
    if number.abs() >= 1e11 {
        return Err("is a fraction of milliseconds or microseconds, or no time");
    }
    // from the digits, for a double of seconds is not exact to the microsecond
    if let Some((whole, digits)) = text.split_once('.')
        && let (Ok(seconds), true) = (whole.parse::<i64>(), is_integer(digits))
    {
        let micros = micros_of(digits);
        let rest = digits.get(6..).is_some_and(|rest| rest.bytes().any(|digit| digit != b'0'));
        return Ok(if whole.starts_with('-') {
            seconds * 1_000_000 - micros - i64::from(rest)
        } else {
            seconds * 1_000_000 + micros
        });
    }
    #[allow(clippy::cast_possible_truncation, reason = "below 1e17")]
    Ok((number * 1e6).floor() as i64)
}

/// Microseconds of the digits after a decimal point of seconds.
fn micros_of(digits: &str) -> i64 {
    let digits = digits.bytes().chain(std::iter::repeat(b'0')).take(6);
    digits.fold(0, |sum, digit| sum * 10 + i64::from(digit.saturating_sub(b'0')))
}

/// Microseconds since 1970 UTC of a time in ISO 8601: a date, or a date and a time with or without a zone (none: UTC),
/// separated by `T` or a blank.
pub(super) fn time_micros(text: &str) -> Result<i64, &'static str> {
    text_micros(text.trim()).ok_or(NO_TIME)
}

fn text_micros(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let midnight = i64::from(days(date).ok()?) * 86_400_000_000;
    if rest.is_empty() {
        return Some(midnight);
    }
    let time = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, mut rest) = time.split_at_checked(5)?;
    let mut micros = (number(clock.get(..2)?, 23)? * 3_600 + minutes(clock)? * 60) * 1_000_000;
    if let Some(seconds) = rest.strip_prefix(':') {
        let (whole, after) = seconds.split_at_checked(2)?;
        micros += number(whole, 60)? * 1_000_000;
        rest = after;
        if let Some(fraction) = rest.strip_prefix(['.', ',']) {
            let end = fraction.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(fraction.len());
            let (digits, after) = fraction.split_at_checked(end)?;
            if digits.is_empty() {
                return None;
            }
            micros += micros_of(digits);
            rest = after;
        }
    }
    Some(midnight + micros - offset_micros(rest)?)
}

/// The minutes of `HH:MM`.
fn minutes(clock: &str) -> Option<i64> {
    number(clock.get(2..)?.strip_prefix(':')?, 59)
}

/// `Z`, ` UTC`, `+02:00`, `-0500`, `+02` or nothing.
fn offset_micros(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z" | "z" | " UTC" | " Z") {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, rest) = zone.get(1..)?.split_at_checked(2)?;
    let minutes = rest.strip_prefix(':').unwrap_or(rest);
    let minutes = if rest.is_empty() { 0 } else { number(minutes, 59)? };
    Some(sign * (number(hours, 23)? * 3_600 + minutes * 60) * 1_000_000)
}

/// A number of two digits that is not above `most`.
fn number(text: &str, most: i64) -> Option<i64> {
    let is_two = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_two && *number <= most)
}

/// Days since 1970 of a date `YYYY-MM-DD`.
pub(super) fn days(text: &str) -> Result<i32, &'static str> {
    const WRONG: &str = "is no date (write 2026-11-22)";
    let parts = || {
        let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text.as_bytes() else { return None };
        let digits = [y1, y2, y3, y4, m1, m2, d1, d2];
        let all = digits.iter().all(u8::is_ascii_digit);
        let value = |digits: &[u8]| digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit.wrapping_sub(b'0')));
        let year = i32::try_from(value(&[y1, y2, y3, y4])).ok()?;
        if all { NaiveDate::from_ymd_opt(year, value(&[m1, m2]), value(&[d1, d2])) } else { None }
    };
    parts().map(|date| date.to_epoch_days()).ok_or(WRONG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_whole_in_every_spelling() {
        for (text, number) in [("7", 7), ("-7", -7), ("7.0", 7), ("1e3", 1000), ("-0", 0), ("1.5e1", 15)] {
            assert_eq!(int64(text), Ok(number), "{text}");
        }
        assert_eq!(int64("9223372036854775807"), Ok(i64::MAX));
        for text in ["1.7", "9223372036854775808", "9223372036854775807.0", "1e300", "0.1"] {
            assert_eq!(int64(text), Err(NOT_WHOLE), "{text}");
        }
        assert_eq!((truncated("1.7"), truncated("-1.7"), truncated("1e300")), (Ok(1), Ok(-1), Err(NOT_WHOLE)));
    }

    #[test]
    fn fractions_are_rounded_and_whole_numbers_never() {
        assert_eq!(double("123", true), Ok(123.0));
        assert_eq!(double("0.1", true), Ok(0.1));
        assert_eq!(double("9007199254740992", true), Ok(9_007_199_254_740_992.0));
        assert_eq!(double("9007199254740993", true), Err(NO_DOUBLE));
        assert_eq!(double("9007199254740993", false), Ok(9_007_199_254_740_992.0));
        assert_eq!(double("10000000000000000000000", true), Ok(1e22));
        assert!(double("1e400", true).is_err());
        assert_eq!(float("0.1", true), Ok(0.1));
        assert_eq!(float("16777217", true), Err(NO_FLOAT));
        assert_eq!(float("16777216", true), Ok(16_777_216.0));
        assert!(float("1e39", true).is_err());
    }

    #[test]
    fn decimals_keep_every_digit_or_are_refused() {
        for (text, unscaled) in
            [("1.5", 150), ("-1.50", -150), ("0", 0), ("1e1", 1_000), ("0.01", 1), ("123.4e-1", 1_234)]
        {
            assert_eq!(decimal(text, 10, 2), Ok(unscaled), "{text}");
        }
        for text in ["1.005", "123456789", "1e-3", "x", "", "1e99999999999"] {
            assert!(decimal(text, 10, 2).is_err(), "{text}");
        }
        assert_eq!(decimal("99999999999999999999999999999999999999", 38, 0), Ok(10_i128.pow(38) - 1));
        assert!(is_decimal("-1.5e3") && is_decimal(".5") && !is_decimal("1.2.3") && !is_decimal("one"));
    }

    #[test]
    fn times_are_read_in_every_form() {
        let whole = 1_795_377_600_000_000;
        for (text, micros) in [
            ("2026-11-22T20:00:00Z", whole),
            ("2026-11-22T20:00:00.000000Z", whole),
            ("2026-11-22 20:00:00", whole),
            ("2026-11-22 20:00", whole),
            ("2026-11-22 20:00:00 UTC", whole),
            ("2026-11-22T22:00:00+02:00", whole),
            ("2026-11-22T15:00:00-0500", whole),
            ("2026-11-22T22:00:00+02", whole),
            ("2026-11-22T20:00:00.5", whole + 500_000),
            ("2026-11-22T20:00:00.123456789Z", whole + 123_456),
            ("2026-11-22", whole - 72_000_000_000),
            ("1969-12-31T23:59:59.5Z", -500_000),
        ] {
            assert_eq!(time_micros(text), Ok(micros), "{text}");
        }
        for text in [
            "",
            "now",
            "2026-13-01",
            "2026-11-22X20:00:00",
            "2026-11-22T25:00:00Z",
            "2026-11-22T20:00:00.Z",
            "2026-11-22T20:00:00+2",
            "2026-11-22T20:00:00Zz",
            "20261122",
            "２026-11-22",
            "+026-11-22",
        ] {
            assert!(time_micros(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_size_of_a_number_tells_its_unit() {
        for (text, micros) in [
            ("1795377600", 1_795_377_600_000_000),
            ("1795377600000", 1_795_377_600_000_000),
            ("1795377600000000", 1_795_377_600_000_000),
            ("1795377600000000000", 1_795_377_600_000_000),
            ("1795377600.25", 1_795_377_600_250_000),
            ("1795377600.1234567", 1_795_377_600_123_456),
            ("1795377600.0", 1_795_377_600_000_000),
            ("1.7953776e9", 1_795_377_600_000_000),
            ("-0.5", -500_000),
            ("-1.0000001", -1_000_001),
            ("0", 0),
        ] {
            assert_eq!(epoch_micros(text), Ok(micros), "{text}");
        }
        for text in ["1e300", "1795377600000.5", "99999999999999999999"] {
            assert!(epoch_micros(text).is_err(), "{text}");
        }
    }
}

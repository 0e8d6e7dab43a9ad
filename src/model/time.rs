//! Instants, spans and intervals. Instants are exact to the microsecond; spans reach as far as protobuf's.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, TimeZone, Utc};

const MICROS: i64 = 1_000_000;
const NANOS_PER_MICRO: i32 = 1_000;

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z
    pub const EPOCH: Self = Self(0);

    /// From microseconds since 1970 UTC.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970 UTC.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970 UTC, towards zero: what Feast stores in `event_ts` and `created_ts`.
    #[must_use]
    pub const fn seconds_toward_zero(self) -> i64 {
        self.0 / MICROS
    }

    /// Seconds and nanoseconds of a `google.protobuf.Timestamp`.
    #[must_use]
    pub fn to_proto(self) -> (i64, i32) {
        let nanos = i32::try_from(self.0.rem_euclid(MICROS)).unwrap_or(0) * NANOS_PER_MICRO;
        (self.0.div_euclid(MICROS), nanos)
    }

    /// From a `google.protobuf.Timestamp`; one beyond the range of microseconds becomes the nearest.
    #[must_use]
    pub fn from_proto(seconds: i64, nanos: i32) -> Self {
        Self(seconds.saturating_mul(MICROS).saturating_add(i64::from(nanos / NANOS_PER_MICRO)))
    }

    /// `self - span`, or the earliest instant there is.
    #[must_use]
    pub fn saturating_sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// `self + span`, or the latest instant there is.
    #[must_use]
    pub fn saturating_add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    /// Reads what a user writes: ISO 8601 date-time with or without a zone (none: UTC), a date, `now`, `7d-ago`, or a
    /// date-time followed by the name of a time zone (`2026-11-01T00:00 America/New_York`).
    ///
    /// # Errors
    /// A text that is none of these, said in one line.
    pub fn parse(text: &str, now: Self) -> Result<Self, String> {
        let text = text.trim();
        if text == "now" {
            return Ok(now);
        }
        if let Some(span) = text.strip_suffix("-ago") {
            return Ok(now.saturating_sub(Span::parse(span)?));
        }
        if let Ok(instant) = DateTime::parse_from_rfc3339(&text.replacen(' ', "T", 1)) {
            return Ok(Self(instant.timestamp_micros()));
        }
        if let Some(naive) = parse_naive(text) {
            return Ok(Self(naive.and_utc().timestamp_micros()));
        }
        if let Some(instant) = parse_offset(text).or_else(|| parse_zoned(text)) {
            return Ok(instant);
        }
        Err(format!("`{text}` is not a time: write 2026-11-22T20:00:00Z, 2026-11-22, now or 7d-ago"))
    }
}

/// Formats that carry an offset but are not quite RFC 3339 (`+0200`, no seconds).
fn parse_offset(text: &str) -> Option<Timestamp> {
    let text = text.replacen(' ', "T", 1);
    ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z"]
        .iter()
        .find_map(|format| DateTime::parse_from_str(&text, format).ok())
        .map(|instant| Timestamp(instant.timestamp_micros()))
}

fn parse_naive(text: &str) -> Option<NaiveDateTime> {
    let text = text.replacen(' ', "T", 1);
    if let Ok(date) = NaiveDate::parse_from_str(&text, "%Y-%m-%d") {
        return date.and_hms_opt(0, 0, 0);
    }
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(&text, format).ok())
}

fn parse_zoned(text: &str) -> Option<Timestamp> {
    let (time, zone) = text.rsplit_once(' ')?;
    let zone: chrono_tz::Tz = zone.parse().ok()?;
    let instant = zone.from_local_datetime(&parse_naive(time)?).earliest()?;
    Some(Timestamp(instant.timestamp_micros()))
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC: `2026-11-22T20:00:00Z`, with a fraction where there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::<Utc>::from_timestamp_micros(self.0) {
            Some(instant) if self.0 % MICROS == 0 => f.pad(&instant.to_rfc3339_opts(SecondsFormat::Secs, true)),
            Some(instant) => f.pad(&instant.to_rfc3339_opts(SecondsFormat::Micros, true)),
            None => write!(f, "{} us after 1970", self.0),
        }
    }
}

/// A length of time in microseconds; may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(i64);

/// The longest `google.protobuf.Duration`, in seconds.
const MAX_SECONDS: i64 = 315_576_000_000;

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// From whole seconds, within the range of a protobuf duration.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds * MICROS)
    }

    /// From microseconds.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds, towards zero.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0 / MICROS
    }

    /// Seconds and nanoseconds of a `google.protobuf.Duration`.
    #[must_use]
    pub fn to_proto(self) -> (i64, i32) {
        (self.0 / MICROS, i32::try_from(self.0 % MICROS).unwrap_or(0) * NANOS_PER_MICRO)
    }

    /// From a `google.protobuf.Duration`.
    #[must_use]
    pub fn from_proto(seconds: i64, nanos: i32) -> Self {
        Self(seconds.saturating_mul(MICROS).saturating_add(i64::from(nanos / NANOS_PER_MICRO)))
    }

    /// Reads `300`, `5m`, `1d12h`, `250ms`, `PT5M`.
    ///
    /// # Errors
    /// A text that is none of these, or out of the range of a protobuf duration, said in one line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = || format!("`{text}` is not a duration: write 300, 90s, 5m, 2h, 1d, 1w, 1d12h, 250ms or PT5M");
        let micros = match text.strip_prefix(['P', 'p']) {
            Some(iso) => iso_micros(iso),
            None => unit_micros(text),
        };
        let micros = micros.ok_or_else(wrong)?;
        if micros.abs() > i128::from(MAX_SECONDS) * i128::from(MICROS) {
            return Err(format!("`{text}` is longer than a duration can be (315576000000 s)"));
        }
        i64::try_from(micros).map(Self).map_err(|_| wrong())
    }
}

/// `1d12h`, `300`: whole numbers with units; a bare number is seconds.
fn unit_micros(text: &str) -> Option<i128> {
    let (negative, mut rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let mut sum = 0_i128;
    if rest.is_empty() {
        return None;
    }
    if let Ok(seconds) = rest.parse::<u64>() {
        sum = i128::from(seconds) * i128::from(MICROS);
        rest = "";
    }
    while !rest.is_empty() {
        let (number, unit, tail) = take_quantity(rest)?;
        let micros = match unit {
            "us" => 1,
            "ms" => 1_000,
            "s" => 1_000_000,
            "m" => 60_000_000,
            "h" => 3_600_000_000,
            "d" => 86_400_000_000,
            "w" => 604_800_000_000,
            _ => return None,
        };
        sum = sum.checked_add(number.parse::<i128>().ok()?.checked_mul(micros)?)?;
        rest = tail;
    }
    Some(if negative { -sum } else { sum })
}

/// Splits `12h30m` into `12`, `h`, `30m`.
fn take_quantity(text: &str) -> Option<(&str, &str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(digits);
    let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (unit, tail) = rest.split_at(letters);
    (!number.is_empty()).then_some((number, unit, tail))
}

/// What follows the `P` of an ISO 8601 duration: weeks, days, hours, minutes and (perhaps fractional) seconds.
fn iso_micros(text: &str) -> Option<i128> {
    let (days, time) = text.split_once(['T', 't']).unwrap_or((text, ""));
    if days.is_empty() && time.is_empty() {
        return None;
    }
    Some(iso_part(days, &[('W', 604_800), ('D', 86_400)])? + iso_part(time, &[('H', 3_600), ('M', 60), ('S', 1)])?)
}

fn iso_part(mut text: &str, units: &[(char, i128)]) -> Option<i128> {
    let mut sum = 0;
    while !text.is_empty() {
        let end = text.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, rest) = text.split_at(end);
        let unit = rest.chars().next()?.to_ascii_uppercase();
        let seconds = units.iter().find(|(name, _)| *name == unit)?.1;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let fraction = format!("{fraction:0<6}");
        let micros = whole.parse::<i128>().ok()? * 1_000_000 + fraction.get(..6)?.parse::<i128>().ok()?;
        sum += micros * seconds;
        text = rest.get(1..)?;
    }
    Some(sum)
}

impl fmt::Display for Span {
    /// `1d12h`, `5m`, `250ms`, `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let mut rest = self.0.unsigned_abs();
        for (unit, micros) in
            [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000), ("us", 1)]
        {
            if rest >= micros {
                write!(f, "{}{unit}", rest / micros)?;
                rest %= micros;
            }
        }
        Ok(())
    }
}

/// A stretch of time, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Interval {
    /// first instant
    pub start: Timestamp,
    /// last instant
    pub end: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_795_377_600_000_000);

    #[test]
    fn spans_are_read_in_every_form_and_printed_in_one() {
        for (text, seconds) in
            [("300", 300), ("5m", 300), ("PT5M", 300), ("1d12h", 129_600), ("P1DT12H", 129_600), ("1w", 604_800)]
        {
            assert_eq!(Span::parse(text), Ok(Span::from_seconds(seconds)), "{text}");
        }
        assert_eq!(Span::parse("250ms"), Ok(Span::from_micros(250_000)));
        assert_eq!(Span::parse("PT0.5S"), Ok(Span::from_micros(500_000)));
        assert_eq!(Span::parse("8640000000s"), Ok(Span::from_seconds(8_640_000_000)));
        assert_eq!(Span::from_seconds(129_600).to_string(), "1d12h");
        assert_eq!(Span::ZERO.to_string(), "0s");
        for text in ["", "5x", "m", "5m3", "P", "--5", "315576000001", "99999999999999999999999999999999999999999s"] {
            assert!(Span::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn instants_are_read_as_a_user_writes_them() {
        let midnight = 1_793_491_200_000_000;
        for (text, micros) in [
            ("2026-11-01", midnight),
            ("2026-11-01T00:00", midnight),
            ("2026-11-01 00:00:00", midnight),
            ("2026-11-01T00:00:00Z", midnight),
            ("2026-11-01T02:00:00+02:00", midnight),
            ("2026-11-01T02:00:00+0200", midnight),
            ("2026-11-01T00:00:00.000001", midnight + 1),
            ("2026-11-01T00:00 America/New_York", midnight + 4 * 3_600_000_000),
            ("now", NOW.micros()),
            ("7d-ago", NOW.micros() - 7 * 86_400_000_000),
        ] {
            assert_eq!(Timestamp::parse(text, NOW), Ok(Timestamp::from_micros(micros)), "{text}");
        }
        for text in ["yesterday", "", "2026-13-01", "x-ago", "2026-11-01T00:00 Nowhere/City"] {
            assert!(Timestamp::parse(text, NOW).is_err(), "{text}");
        }
    }

    #[test]
    fn instants_before_1970_keep_their_fraction() {
        let half_a_second_before = Timestamp::from_micros(-500_000);
        assert_eq!(half_a_second_before.to_proto(), (-1, 500_000_000));
        assert_eq!(Timestamp::from_proto(-1, 500_000_000), half_a_second_before);
        assert_eq!(half_a_second_before.seconds_toward_zero(), 0);
        assert_eq!(half_a_second_before.to_string(), "1969-12-31T23:59:59.500000Z");
    }
}

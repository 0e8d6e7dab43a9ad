//! Event times of an answer: whole seconds in RFC 3339.

use crate::model::Timestamp;

/// `1970-01-01T00:00:00Z`
const LENGTH: usize = 20;
const DAY: i64 = 86_400;

/// Writes times and remembers the last one: the values of an entity share theirs, and so do many entities.
#[derive(Debug)]
pub(super) struct TimeWriter {
    seconds: i64,
    text: [u8; LENGTH],
}

impl Default for TimeWriter {
    fn default() -> Self {
        Self { seconds: 0, text: *b"1970-01-01T00:00:00Z" }
    }
}

impl TimeWriter {
    /// Adds a time in quotes, without its fraction: Feast's columns hold whole seconds, cut towards zero.
    pub(super) fn put(&mut self, time: Timestamp, out: &mut Vec<u8>) {
        let seconds = time.seconds_toward_zero();
        if seconds != self.seconds {
            let Some(text) = rfc3339(seconds) else {
                // beyond the years of four digits; such a time has another length
                out.push(b'"');
                out.extend_from_slice(Timestamp::from_proto(seconds, 0).to_string().as_bytes());
                out.push(b'"');
                return;
            };
            (self.seconds, self.text) = (seconds, text);
        }
        out.push(b'"');
        out.extend_from_slice(&self.text);
        out.push(b'"');
    }
}

/// A time between the years 0 and 9999.
fn rfc3339(seconds: i64) -> Option<[u8; LENGTH]> {
    let (day, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, date) = civil(day);
    if !(0..=9999).contains(&year) {
        return None;
    }
    let mut text = *b"0000-00-00T00:00:00Z";
    put_digits(&mut text[0..4], year);
    put_digits(&mut text[5..7], month);
    put_digits(&mut text[8..10], date);
    put_digits(&mut text[11..13], second / 3600);
    put_digits(&mut text[14..16], second / 60 % 60);
    put_digits(&mut text[17..19], second % 60);
    Some(text)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a digit")]
fn put_digits(place: &mut [u8], mut number: i64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Year, month and day of a day since 1970 in the Gregorian calendar, by eras of 400 years that begin in March
/// (Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`).
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let date = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_that_chrono_writes() {
        let mut writer = TimeWriter::default();
        let years =
            [-70_000_000_000, -62_167_219_200, -1, 0, 1, 951_782_400, 951_868_800, 4_107_542_399, 253_402_300_799];
        let steps = (-40_000..40_000).map(|step: i64| step * 5_443_211);
        for seconds in years.into_iter().chain(steps).chain([253_402_300_800]) {
            let time = Timestamp::from_proto(seconds, 0);
            let mut out = Vec::new();
            writer.put(time, &mut out);
            writer.put(time, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), format!("\"{time}\"\"{time}\""), "{seconds}");
        }
    }

    #[test]
    fn fractions_are_cut_towards_zero() {
        let mut out = Vec::new();
        TimeWriter::default().put(Timestamp::from_micros(-500_000), &mut out);
        TimeWriter::default().put(Timestamp::from_micros(1_999_999), &mut out);
        assert_eq!(out, b"\"1970-01-01T00:00:00Z\"\"1970-01-01T00:00:01Z\"");
    }
}

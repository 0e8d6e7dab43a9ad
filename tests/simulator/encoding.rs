//! Texts that the API is made of: base64, instants, sequence numbers.

use serde_json::Value;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends standard base64 with padding.
pub fn push_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    for chunk in bytes.chunks(3) {
        let [a, b, c] = [0, 1, 2].map(|at| u32::from(chunk.get(at).copied().unwrap_or(0)));
        let bits = a << 16 | b << 8 | c;
        for (place, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            out.push(if place <= chunk.len() { ALPHABET[(bits >> shift & 63) as usize] } else { b'=' });
        }
    }
}

pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let digits = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) {
        return None;
    }
    for chunk in digits.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for at in 0..4 {
            let digit = chunk.get(at).map_or(Some(0), |byte| ALPHABET.iter().position(|digit| digit == byte));
            bits = bits << 6 | u32::try_from(digit?).ok()?;
        }
        out.extend_from_slice(&bits.to_be_bytes()[1..chunk.len()]);
    }
    Some(out)
}

/// Seconds since 1970 with their fraction, as the API writes instants, in milliseconds.
#[allow(clippy::cast_possible_truncation, reason = "milliseconds of a test")]
pub fn milliseconds(value: &Value) -> Option<i64> {
    value.as_f64().map(|seconds| (seconds * 1000.0).round() as i64)
}

/// An instant as the API writes it.
pub fn seconds(milliseconds: i64) -> Value {
    serde_json::from_str(&seconds_text(milliseconds)).unwrap()
}

pub fn seconds_text(milliseconds: i64) -> String {
    format!("{}.{:03}", milliseconds.div_euclid(1000), milliseconds.rem_euclid(1000))
}

/// An instant as HTTP writes it, in whole seconds.
pub fn http_date(milliseconds: i64) -> String {
    chrono::DateTime::from_timestamp_millis(milliseconds).unwrap().format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// A sequence number of 56 digits, which no integer holds.
pub fn sequence(number: u64) -> String {
    format!("49{number:054}")
}

/// The number in a sequence number of ours.
pub fn number(sequence: &str) -> Option<u64> {
    let digits = sequence.strip_prefix("49").filter(|digits| digits.len() == 54)?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_comes_back() {
        for (bytes, text) in
            [(&b""[..], ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foo", "Zm9v"), (b"\xff\xfe\xfd\xfc", "//79/A==")]
        {
            let mut out = Vec::new();
            super::push_base64(&mut out, bytes);
            assert_eq!(out, text.as_bytes());
            assert_eq!(super::from_base64(text).as_deref(), Some(bytes));
        }
        assert_eq!(super::from_base64("a"), None);
        assert_eq!(super::from_base64("a!=="), None);
    }

    #[test]
    fn sequence_numbers_have_56_digits() {
        assert_eq!(super::sequence(7).len(), 56);
        assert_eq!(super::number(&super::sequence(7)), Some(7));
        assert_eq!(super::number("7"), None);
    }
}

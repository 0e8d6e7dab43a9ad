//! What a pushed text is, from how it begins.

use crate::source::json::is_json;

/// How pushed records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// an array of objects, objects one after the other, or Feast's object of columns
    Json,
    /// an object a line
    Ndjson,
    /// comma-separated, with a header
    Csv,
    /// a parquet file
    Parquet,
}

/// Bytes that are enough to tell.
pub const SNIFFED: usize = 64 << 10;

/// What begins so, where the name of its file does not say. What is neither JSON nor parquet is taken for CSV.
#[must_use]
pub fn sniff(beginning: &[u8]) -> Form {
    if beginning.starts_with(b"PAR1") {
        return Form::Parquet;
    }
    let text = beginning.trim_ascii_start();
    match text.first() {
        Some(b'[') => Form::Json,
        Some(b'{') => {
            let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let has_end = line.len() < text.len();
            let whole = std::str::from_utf8(line).is_ok_and(is_json);
            if has_end && whole && !is_table(text) { Form::Ndjson } else { Form::Json }
        }
        _ => Form::Csv,
    }
}

/// Whether the first value of an object is an array, as all are in an object of columns.
pub(super) fn is_table(text: &[u8]) -> bool {
    let mut bytes = text.iter().copied().skip_while(|byte| *byte != b'"').skip(1);
    let mut escaped = false;
    for byte in bytes.by_ref() {
        match byte {
            b'\\' if !escaped => escaped = true,
            b'"' if !escaped => break,
            _ => escaped = false,
        }
    }
    let mut rest = bytes.skip_while(|byte| byte.is_ascii_whitespace() || *byte == b':');
    rest.next() == Some(b'[')
}

impl Form {
    /// Whether a text of JSON may be Feast's object of columns.
    #[must_use]
    pub fn may_be_table(self, beginning: &[u8]) -> bool {
        let text = beginning.trim_ascii_start();
        self == Self::Json && text.first() == Some(&b'{') && is_table(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_says_what_it_is() {
        for (text, form) in [
            ("PAR1....", Form::Parquet),
            (" [{\"a\": 1}]", Form::Json),
            ("{\"a\": 1}\n{\"a\": 2}", Form::Ndjson),
            ("{\"a\": 1}", Form::Json),
            ("{\n  \"a\": 1\n}\n", Form::Json),
            ("{\"a\": [1, 2], \"b\": [1, 2]}\n", Form::Json),
            ("a,b\n1,2\n", Form::Csv),
            ("", Form::Csv),
        ] {
            assert_eq!(sniff(text.as_bytes()), form, "{text}");
        }
        assert!(Form::Json.may_be_table(b"\n{ \"a\\\"\" : [1]}"));
        assert!(!Form::Json.may_be_table(b"{\"a\": 1, \"b\": [1]}"));
        assert!(!Form::Ndjson.may_be_table(b"{\"a\": [1]}"));
    }
}

//! JSON text, token by token (RFC 8259). Nothing is copied: a number is its text, so that no digit is lost, and a string
//! is unescaped only where somebody wants it. `NaN`, `Infinity` and `-Infinity`, which Python's `json.dumps` writes and
//! `json.loads` reads, are tokens too.

use std::borrow::Cow;

/// How deep a value may nest.
pub(super) const MAX_DEPTH: usize = 100;

/// What is wrong with a text, and at which byte of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Syntax {
    pub at: usize,
    pub what: &'static str,
}

/// Reads a text from one end to the other.
#[derive(Clone, Debug)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

/// A string as it is written, without its quotes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quoted<'a> {
    raw: &'a str,
    escaped: bool,
}

/// The beginning of a value. Of an array or an object only the bracket has been read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    /// a float that is no number
    NoNumber(f64),
    String(Quoted<'a>),
    Array,
    Object,
}

impl<'a> Quoted<'a> {
    /// The text that is meant; `None` where an escape stands for half a character.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        if self.escaped { unescape(self.raw).map(Cow::Owned) } else { Some(Cow::Borrowed(self.raw)) }
    }
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Goes back, or on, to a place between two tokens.
    pub(super) fn seek(&mut self, at: usize) {
        self.at = at;
    }

    /// What was read since `from`.
    pub(super) fn since(&self, from: usize) -> &'a str {
        self.text.get(from..self.at).unwrap_or_default()
    }

    /// The next character that is not blank, still to be read.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let blank = rest.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\t' | b'\r'))?;
        self.at += blank;
        rest.get(blank).copied()
    }

    /// Reads the character if it is the next that is not blank.
    pub(super) fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    pub(super) fn wrong<T>(&self, what: &'static str) -> Result<T, Syntax> {
        Err(Syntax { at: self.at, what })
    }

    /// Reads a scalar, or the bracket that opens an array or an object.
    pub(super) fn value(&mut self) -> Result<Value<'a>, Syntax> {
        let Some(first) = self.peek() else { return self.wrong("the text ends where a value should stand") };
        match first {
            b'"' => self.string().map(Value::String),
            b'-' | b'0'..=b'9' => self.number(),
            b'{' => Ok(self.bracket(Value::Object)),
            b'[' => Ok(self.bracket(Value::Array)),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Null),
            b'N' => self.word("NaN", Value::NoNumber(f64::NAN)),
            b'I' => self.word("Infinity", Value::NoNumber(f64::INFINITY)),
            _ => self.wrong("this is no value"),
        }
    }

    fn bracket(&mut self, value: Value<'a>) -> Value<'a> {
        self.at += 1;
        value
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, Syntax> {
        if !self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return self.wrong("this is no value");
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Value<'a>, Syntax> {
        if self.text.get(self.at..).is_some_and(|rest| rest.starts_with("-I")) {
            return self.word("-Infinity", Value::NoNumber(f64::NEG_INFINITY));
        }
        let start = self.at;
        self.at += usize::from(self.byte() == Some(b'-'));
        let zero = self.byte() == Some(b'0');
        match self.digits() {
            0 => return self.wrong("a digit is expected"),
            2.. if zero => return self.wrong("a number has no zeros before it"),
            _ => {}
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return self.wrong("a digit is expected");
            }
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            if self.digits() == 0 {
                return self.wrong("a digit is expected");
            }
        }
        Ok(Value::Number(self.since(start)))
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn digits(&mut self) -> usize {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }

    /// Reads a string whose opening quote is next.
    fn string(&mut self) -> Result<Quoted<'a>, Syntax> {
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            let Some(stop) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) else {
                self.at = self.text.len();
                return self.wrong("the text ends inside a string");
            };
            self.at += stop;
            match rest.get(stop) {
                Some(b'"') => {
                    let raw = self.since(start);
                    self.at += 1;
                    return Ok(Quoted { raw, escaped });
                }
                Some(b'\\') => {
                    self.escape(rest.get(stop + 1..).unwrap_or_default())?;
                    escaped = true;
                }
                _ => return self.wrong("a control character stands inside a string"),
            }
        }
    }

    /// Reads one escape; `after` follows its backslash.
    fn escape(&mut self, after: &[u8]) -> Result<(), Syntax> {
        let length = match after {
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) => 6,
            _ => return self.wrong("this is no escape of a string"),
        };
        self.at += length;
        Ok(())
    }

    /// The next key of an object whose opening bracket was read, with its colon; `None` at the end of the object.
    pub(super) fn key(&mut self, first: &mut bool) -> Result<Option<Quoted<'a>>, Syntax> {
        if !self.next(first, b'}')? {
            return Ok(None);
        }
        if self.peek() != Some(b'"') {
            return self.wrong("a key in quotes is expected");
        }
        let key = self.string()?;
        if self.take(b':') { Ok(Some(key)) } else { self.wrong("a colon is expected") }
    }

    /// Whether another item follows in an array whose opening bracket was read.
    pub(super) fn item(&mut self, first: &mut bool) -> Result<bool, Syntax> {
        self.next(first, b']')
    }

    fn next(&mut self, first: &mut bool, close: u8) -> Result<bool, Syntax> {
        if *first {
            *first = false;
            return Ok(!self.take(close));
        }
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(false)
            }
            Some(_) => self.wrong("a comma or a closing bracket is expected"),
            None => self.wrong("the text ends inside an object or an array"),
        }
    }

    /// Reads over one value and checks it.
    pub(super) fn skip(&mut self) -> Result<(), Syntax> {
        let value = self.value()?;
        self.skip_rest(value)
    }

    /// Reads over what is left of a value whose beginning was read, without going deeper into the stack.
    pub(super) fn skip_rest(&mut self, value: Value<'a>) -> Result<(), Syntax> {
        let mut open: Vec<Open> = Vec::new();
        let mut value = value;
        loop {
            match value {
                Value::Array | Value::Object if open.len() >= MAX_DEPTH => return self.wrong("it nests too deeply"),
                Value::Array => open.push(Open { object: false, first: true }),
                Value::Object => open.push(Open { object: true, first: true }),
                _ => {}
            }
            loop {
                let Some(inner) = open.last_mut() else { return Ok(()) };
                let goes_on =
                    if inner.object { self.key(&mut inner.first)?.is_some() } else { self.item(&mut inner.first)? };
                if goes_on {
                    break;
                }
                open.pop();
            }
            value = self.value()?;
        }
    }
}

/// An array or an object that is not closed yet.
struct Open {
    object: bool,
    first: bool,
}

/// `raw` with its escapes resolved, which the scanner has checked.
fn unescape(raw: &str) -> Option<String> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(rest.get(..at)?);
        let escape = rest.get(at + 1..)?;
        let (character, length) = match escape.as_bytes().first()? {
            b'b' => ('\u{8}', 1),
            b'f' => ('\u{c}', 1),
            b'n' => ('\n', 1),
            b'r' => ('\r', 1),
            b't' => ('\t', 1),
            b'u' => unicode(escape)?,
            other => (char::from(*other), 1),
        };
        out.push(character);
        rest = escape.get(length..)?;
    }
    out.push_str(rest);
    Some(out)
}

/// The character of `u0041` or of the pair `ud83d\ude00`, and how long its escape is.
fn unicode(escape: &str) -> Option<(char, usize)> {
    let unit = |at: usize| u16::from_str_radix(escape.get(at..at + 4)?, 16).ok();
    let high = unit(1)?;
    if let Some(character) = char::from_u32(high.into()) {
        return Some((character, 5));
    }
    let low = if escape.get(5..7)? == "\\u" { unit(7)? } else { return None };
    Some((char::decode_utf16([high, low]).next()?.ok()?, 11))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn skips(text: &str) -> Result<(), Syntax> {
        let mut scanner = Scanner::new(text);
        scanner.skip()?;
        if scanner.peek().is_some() { scanner.wrong("more") } else { Ok(()) }
    }

    fn strings(text: &str) -> Option<String> {
        match Scanner::new(text).value() {
            Ok(Value::String(quoted)) => quoted.text().map(Cow::into_owned),
            _ => None,
        }
    }

    /// Texts that are nearly JSON.
    fn nearly_json() -> impl Strategy<Value = String> {
        let token = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "\"\\n\"",
            "\"\\u00e9\"",
            "\"\\ud83d\\ude00\"",
            "\"",
            "\\",
            "1",
            "-0",
            "01",
            "1.5",
            "1.",
            ".5",
            "1e3",
            "1e",
            "-",
            "true",
            "fals",
            "null",
            " ",
            "\n",
            "\u{1}",
            "é",
            "\"é\"",
        ]);
        prop::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat())
    }

    proptest! {
        #[test]
        fn what_is_json_is_what_serde_says(text in nearly_json()) {
            let known = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            prop_assert_eq!(skips(&text).is_ok(), known, "{}", text);
        }

        #[test]
        fn strings_are_unescaped_as_serde_does(text in any::<String>(), cut in 0_usize..8) {
            let written = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(strings(&written), Some(text));
            // a text that is cut is told, never a panic
            let end = written.len().saturating_sub(cut + 1);
            let _ = skips(written.get(..end).unwrap_or_default());
        }
    }

    #[test]
    fn escapes_of_half_a_character_are_no_text() {
        assert_eq!(strings(r#""\ud83d\ude00""#).as_deref(), Some("\u{1f600}"));
        for half in [r#""\ud83d""#, r#""\ude00""#, r#""\ud83dx\ude00""#, r#""\ud83dA""#] {
            assert_eq!(strings(half), None, "{half}");
        }
    }

    #[test]
    fn depth_has_a_limit_and_pythons_words_are_read() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(skips(&deep(MAX_DEPTH)).is_ok());
        assert_eq!(skips(&deep(MAX_DEPTH + 1)).unwrap_err().what, "it nests too deeply");
        assert!(skips("[NaN, Infinity, -Infinity]").is_ok());
        assert!(skips("-Infinit").is_err());
    }
}

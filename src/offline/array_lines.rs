//! A JSON array as its elements, one a line, without holding it.

use std::io::{BufRead, Error, ErrorKind, Read};

/// Reads an array and gives its elements, each on a line of its own. What stands between them is not checked; what reads
/// the lines checks the elements.
pub(super) struct ArrayLines<R> {
    array: R,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// before the array
    Before,
    /// so many brackets and braces deep; the array itself is one
    Inside(u32),
    /// in a text of an element that is so deep
    Text(u32),
    /// after a backslash in it
    Escape(u32),
    /// after the array
    After,
}

impl<R: BufRead> ArrayLines<R> {
    pub fn new(array: R) -> Self {
        Self { array, state: State::Before }
    }

    /// What a byte of the array is in the lines.
    fn line_byte(&mut self, byte: u8) -> std::io::Result<u8> {
        let (next, written) = match (self.state, byte) {
            (State::Before, b'[') => (State::Inside(1), b' '),
            (State::Before | State::After, byte) if byte.is_ascii_whitespace() => (self.state, b' '),
            (State::Before | State::After, _) => {
                return Err(Error::new(ErrorKind::InvalidData, "something stands beside the array"));
            }
            (State::Inside(1), b',') => (self.state, b'\n'),
            (State::Inside(1), b']') => (State::After, b'\n'),
            (State::Inside(depth), b'[' | b'{') => (State::Inside(depth.saturating_add(1)), byte),
            (State::Inside(depth), b']' | b'}') => (State::Inside(depth.saturating_sub(1).max(1)), byte),
            (State::Inside(depth), b'"') | (State::Escape(depth), _) => (State::Text(depth), byte),
            (State::Inside(_), b'\n' | b'\r') => (self.state, b' '),
            (State::Text(depth), b'\\') => (State::Escape(depth), byte),
            (State::Text(depth), b'"') => (State::Inside(depth), byte),
            (State::Inside(_) | State::Text(_), _) => (self.state, byte),
        };
        self.state = next;
        Ok(written)
    }
}

impl<R: BufRead> Read for ArrayLines<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let bytes: Vec<u8> = self.array.fill_buf()?.iter().take(out.len()).copied().collect();
        if bytes.is_empty() && self.state != State::After && !out.is_empty() {
            return Err(Error::new(ErrorKind::UnexpectedEof, "the array does not end"));
        }
        for (byte, out) in bytes.iter().zip(out) {
            *out = self.line_byte(*byte)?;
        }
        self.array.consume(bytes.len());
        Ok(bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> std::io::Result<String> {
        std::io::read_to_string(ArrayLines::new(text.as_bytes()))
    }

    #[test]
    fn each_element_is_a_line() {
        let text = " [ {\"a\": [1,\n2], \"b\": \"]},\\\"\\\\\"},\n{\"c\": {\"d\": \"\"}} ]\n";
        let lines = lines(text).unwrap();
        let lines: Vec<&str> = lines.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert_eq!(lines, ["{\"a\": [1, 2], \"b\": \"]},\\\"\\\\\"}", "{\"c\": {\"d\": \"\"}}"]);
    }

    #[test]
    fn what_is_no_whole_array_is_an_error() {
        for text in ["", "[", "[{}", "{}", "[] x", "[\"]"] {
            assert!(lines(text).is_err(), "{text}");
        }
    }
}

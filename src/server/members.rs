//! The members of a JSON object, each where it lies: records are handed on as they came, without being understood here.

use std::ops::Range;

/// An object of a request, and a record, have fewer members.
const MOST: usize = 4_096;

/// The key and the place of the value of each member of the object that `text` is. What lies inside a value is not looked
/// at, except for where it ends. The last of members with one key counts, as in Python.
///
/// # Errors
/// What is wrong, and at which byte.
pub(super) fn members(text: &[u8]) -> Result<Vec<(String, Range<usize>)>, String> {
    let mut scan = Scan { text, at: 0 };
    let mut found: Vec<(String, Range<usize>)> = Vec::new();
    scan.expect(b'{', "an object")?;
    if scan.next_is(b'}') {
        return scan.end(found);
    }
    loop {
        let place = scan.string()?;
        let key = text.get(place).unwrap_or_default();
        let key: String = serde_json::from_slice(key).map_err(|error| scan.wrong(&error.to_string()))?;
        scan.expect(b':', "`:`")?;
        let value = scan.value()?;
        found.retain(|(known, _)| *known != key);
        if found.len() == MOST {
            return Err(format!("the object has more than {MOST} members"));
        }
        found.push((key, value));
        if scan.next_is(b'}') {
            return scan.end(found);
        }
        scan.expect(b',', "`,` or `}`")?;
    }
}

/// How many items the list that `text` is has, counted no further than `most`; 0 where it is no list.
pub(super) fn count_items(text: &[u8], most: usize) -> usize {
    let mut scan = Scan { text, at: 0 };
    let mut items = 0;
    if !scan.next_is(b'[') || scan.next_is(b']') {
        return 0;
    }
    while items < most && scan.value().is_ok() {
        items += 1;
        if !scan.next_is(b',') {
            break;
        }
    }
    items
}

struct Scan<'t> {
    text: &'t [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn next_is(&mut self, byte: u8) -> bool {
        self.skip_space();
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8, what: &str) -> Result<(), String> {
        if self.next_is(byte) { Ok(()) } else { Err(self.wrong(&format!("expected {what}"))) }
    }

    fn wrong(&self, what: &str) -> String {
        format!("{what} at byte {}", self.at + 1)
    }

    fn end<T>(&mut self, found: T) -> Result<T, String> {
        self.skip_space();
        if self.peek().is_none() { Ok(found) } else { Err(self.wrong("trailing characters")) }
    }

    fn string(&mut self) -> Result<Range<usize>, String> {
        self.skip_space();
        let start = self.at;
        self.expect(b'"', "a text")?;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'"' => return Ok(start..self.at),
                b'\\' => self.at += 1,
                _ => {}
            }
        }
        Err(self.wrong("a text does not end"))
    }

    fn value(&mut self) -> Result<Range<usize>, String> {
        self.skip_space();
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                None => return Err(self.wrong("the object does not end")),
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b'}' | b']' | b',') if depth == 0 => break,
                Some(b'}' | b']') => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(_) => self.at += 1,
            }
        }
        let end = self.text.get(start..self.at).unwrap_or_default().trim_ascii_end().len() + start;
        if end == start { Err(self.wrong("expected a value")) } else { Ok(start..end) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_where_they_lie() {
        let text = br#" { "a" : {"x": ["}", "\"]"], "y": {}} , "b\u0063":[1,2], "d":null,"a": "last" } "#;
        let found = members(text).unwrap();
        let shown: Vec<_> =
            found.iter().map(|(key, at)| (key.as_str(), std::str::from_utf8(&text[at.clone()]).unwrap())).collect();
        assert_eq!(shown, [("bc", "[1,2]"), ("d", "null"), ("a", "\"last\"")]);
        assert_eq!(members(b"{}").unwrap(), []);
    }

    #[test]
    fn items_of_lists_are_counted() {
        for (text, items) in [("[]", 0), (" [1, [2, 3], \"],\"] ", 3), ("5", 0), ("[1,", 1), ("[1,1,1,1,1,1]", 5)] {
            assert_eq!(count_items(text.as_bytes(), 5), items, "{text}");
        }
    }

    #[test]
    fn every_cut_of_an_object_is_told() {
        let text = br#"{"a": [1, {"b": "\\"}], "c": "x"}"#;
        for end in 0..text.len() {
            assert!(members(&text[..end]).is_err(), "{end}");
        }
        assert!(members(text).is_ok());
        for bad in
            [&b"[]"[..], b"{\"a\" 1}", b"{\"a\":}", b"{\"a\":1,}", b"{a:1}", b"{\"a\":1} x", b"{\"\xff\":1}", b"null"]
        {
            assert!(members(bad).is_err(), "{bad:?}");
        }
        let many = format!("{{{}}}", (0..4097).map(|n| format!("\"{n}\":1")).collect::<Vec<_>>().join(","));
        assert!(members(many.as_bytes()).is_err());
    }
}

//! Blocks of bytes to whole records.

use std::ops::Range;

/// A record that is longer is cut, and refused for it: 16 MiB.
pub const MAX_RECORD: usize = 16 << 20;
/// What is kept of it.
const KEPT: usize = 1 << 10;

/// Where a record ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// at the end of its line
    Lines,
    /// at the end of its line, unless that stands in quotes
    QuotedLines,
    /// with the bracket that closes it; an array around all records is looked through
    Values,
}

/// Cuts what arrives into records.
#[derive(Debug)]
pub struct Splitter {
    layout: Layout,
    max_record: usize,
    pending: Vec<u8>,
    /// how far `pending` was looked at
    at: usize,
    /// where the record in hand begins
    start: Option<usize>,
    depth: usize,
    quoted: bool,
    escaped: bool,
    in_array: bool,
    /// the record in hand is too long: it is not kept any further
    too_long: bool,
    whole: Vec<Range<usize>>,
    cut: Vec<usize>,
}

/// Some whole records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// everything that arrived from the end of the records before to the end of these
    pub bytes: Vec<u8>,
    /// where each of them stands
    pub spans: Vec<Range<usize>>,
    /// positions of those that were too long and of which only the beginning is here
    pub cut: Vec<usize>,
}

impl Records {
    /// The records one by one.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.spans.iter().map(|span| self.bytes.get(span.clone()).unwrap_or_default())
    }
}

impl Splitter {
    /// Cuts records that end so.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        Self {
            layout,
            max_record: MAX_RECORD,
            pending: Vec::new(),
            at: 0,
            start: None,
            depth: 0,
            quoted: false,
            escaped: false,
            in_array: false,
            too_long: false,
            whole: Vec::new(),
            cut: Vec::new(),
        }
    }

    /// The same with another limit than [`MAX_RECORD`].
    #[must_use]
    pub fn with_max_record(self, max_record: usize) -> Self {
        Self { max_record, ..self }
    }

    /// Takes what arrived next.
    pub fn feed(&mut self, block: &[u8]) {
        self.pending.extend_from_slice(block);
        match self.layout {
            Layout::Lines => self.lines(),
            Layout::QuotedLines => self.quoted_lines(),
            Layout::Values => self.values(),
        }
        self.shorten();
    }

    /// Nothing more arrives: what is left is a record, perhaps without its end.
    pub fn finish(&mut self) {
        let open_array = std::mem::take(&mut self.in_array);
        if let Some(start) = self.start.take() {
            self.ended(start, self.pending.len());
        } else if open_array {
            // what is missing is told as a record that never ends
            self.pending.push(b'[');
            self.ended(self.pending.len() - 1, self.pending.len());
        }
        self.at = self.pending.len();
    }

    /// How many whole records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.whole.len()
    }

    /// Whether there is no whole record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.whole.is_empty()
    }

    /// The first `count` records, or fewer where those have `size` bytes together; `None` where there are not so many.
    pub fn take(&mut self, count: usize, size: usize) -> Option<Records> {
        let large = self.whole.iter().position(|span| span.end >= size).map(|place| place + 1);
        let count = large.unwrap_or(count).min(count);
        if self.whole.len() < count || count == 0 { None } else { Some(self.cut_off(count)) }
    }

    /// As [`take`](Self::take), but what there is where there are not so many.
    pub fn take_all_of(&mut self, count: usize, size: usize) -> Option<Records> {
        self.take(count.min(self.whole.len()), size)
    }

    /// All whole records.
    pub fn take_all(&mut self) -> Option<Records> {
        if self.whole.is_empty() { None } else { Some(self.cut_off(self.whole.len())) }
    }

    fn cut_off(&mut self, count: usize) -> Records {
        let rest = self.whole.split_off(count);
        let spans = std::mem::replace(&mut self.whole, rest);
        let end = spans.last().map_or(0, |span| span.end);
        let later = self.pending.split_off(end.min(self.pending.len()));
        let bytes = std::mem::replace(&mut self.pending, later);
        for span in &mut self.whole {
            *span = span.start.saturating_sub(end)..span.end.saturating_sub(end);
        }
        self.at = self.at.saturating_sub(end);
        self.start = self.start.map(|start| start.saturating_sub(end));
        let later = self.cut.iter().filter(|place| **place >= count).map(|place| place - count).collect();
        let cut: Vec<usize> = std::mem::replace(&mut self.cut, later);
        Records { bytes, spans, cut: cut.into_iter().filter(|place| *place < count).collect() }
    }

    fn ended(&mut self, start: usize, end: usize) {
        let end = if self.too_long { end.min(start + self.kept()) } else { end };
        let record = self.pending.get(start..end).unwrap_or_default();
        let (before, length) = match self.layout {
            // blanks belong to the first and the last cell
            Layout::QuotedLines => (0, record.strip_suffix(b"\r").unwrap_or(record).len()),
            _ => (record.len() - record.trim_ascii_start().len(), record.trim_ascii().len()),
        };
        if std::mem::take(&mut self.too_long) {
            self.cut.push(self.whole.len());
        } else if length == 0 {
            return;
        }
        self.whole.push(start + before..start + before + length);
    }

    /// Forgets the middle of a record that is too long.
    fn shorten(&mut self) {
        self.forget_blanks();
        let Some(start) = self.start else { return };
        if self.too_long || self.pending.len().saturating_sub(start) > self.max_record {
            self.too_long = true;
            self.pending.truncate(start + self.kept());
            self.at = self.pending.len();
        }
    }

    /// What is kept of a record that is too long.
    fn kept(&self) -> usize {
        KEPT.min(self.max_record)
    }

    /// Forgets what stands between records, where that is more than a record may have.
    fn forget_blanks(&mut self) {
        let begin = self.whole.last().map_or(0, |span| span.end);
        let end = self.start.unwrap_or(self.at);
        let length = end.saturating_sub(begin);
        if length <= self.max_record {
            return;
        }
        self.pending.drain(begin..end);
        self.at -= length;
        self.start = self.start.map(|start| start - length);
    }

    fn lines(&mut self) {
        loop {
            let start = *self.start.get_or_insert(self.at);
            let rest = self.pending.get(self.at..).unwrap_or_default();
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                self.at = self.pending.len();
                return;
            };
            self.end_line(start, self.at + end);
        }
    }

    fn quoted_lines(&mut self) {
        while let Some(byte) = self.pending.get(self.at).copied() {
            let start = *self.start.get_or_insert(self.at);
            match byte {
                b'"' => self.quoted = !self.quoted,
                b'\n' if !self.quoted => {
                    self.end_line(start, self.at);
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    /// Ends the line whose end stands at `end`.
    fn end_line(&mut self, start: usize, end: usize) {
        self.ended(start, end);
        self.at = end + 1;
        self.start = None;
    }

    fn values(&mut self) {
        while let Some(byte) = self.pending.get(self.at).copied() {
            self.at += 1;
            match self.start {
                None => self.between(byte),
                Some(start) => self.inside(start, byte),
            }
        }
    }

    fn between(&mut self, byte: u8) {
        match byte {
            b'[' if !self.in_array => self.in_array = true,
            b']' if self.in_array => self.in_array = false,
            b',' if self.in_array => {}
            byte if byte.is_ascii_whitespace() => {}
            byte => {
                self.start = Some(self.at - 1);
                self.depth = usize::from(matches!(byte, b'{' | b'['));
                self.quoted = byte == b'"';
            }
        }
    }

    fn inside(&mut self, start: usize, byte: u8) {
        if self.quoted {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.quoted = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.quoted = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' if self.depth > 0 => {
                self.depth -= 1;
                if self.depth == 0 {
                    self.end_value(start, self.at);
                }
            }
            b',' | b']' | b'\n' if self.depth == 0 => {
                self.at -= 1;
                self.end_value(start, self.at);
                // a separator that belongs to no array is no part of a record either
                if !self.in_array {
                    self.at += 1;
                }
            }
            _ => {}
        }
    }

    fn end_value(&mut self, start: usize, end: usize) {
        self.ended(start, end);
        self.start = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The records of a text that arrives in blocks.
    fn split(layout: Layout, text: &str, block: usize, limit: usize) -> Vec<String> {
        let mut splitter = Splitter::new(layout).with_max_record(limit);
        let mut found = Vec::new();
        let mut gather = |records: Option<Records>| {
            let records = records.unwrap_or_default();
            found.extend(records.iter().enumerate().map(|(place, record)| {
                let cut = if records.cut.contains(&place) { "~" } else { "" };
                format!("{}{cut}", String::from_utf8_lossy(record))
            }));
        };
        for block in text.as_bytes().chunks(block) {
            splitter.feed(block);
            gather(splitter.take(2, 1 << 20));
        }
        splitter.finish();
        gather(splitter.take_all());
        found
    }

    #[test]
    fn records_are_the_same_whatever_the_blocks() {
        for (layout, text, expected) in [
            (Layout::Lines, "a\n\n b \r\nc", vec!["a", "b", "c"]),
            (Layout::QuotedLines, "a,\"x\ny\"\nb\n", vec!["a,\"x\ny\"", "b"]),
            (
                Layout::Values,
                "[{\"a\": [1, {}]}, {\"b\": \"]}\\\"\"}\n, 7, [8]]\n",
                vec!["{\"a\": [1, {}]}", "{\"b\": \"]}\\\"\"}", "7", "[8]"],
            ),
            (Layout::Values, "{\"a\": 1}{\"a\": 2} {\n\"a\": 3\n}", vec!["{\"a\": 1}", "{\"a\": 2}", "{\n\"a\": 3\n}"]),
            (Layout::Values, "[{\"a\": 1}", vec!["{\"a\": 1}", "["]),
            (Layout::Values, "{\"a\": 1", vec!["{\"a\": 1"]),
            (Layout::Values, "x y\n, z", vec!["x y", ", z"]),
        ] {
            for block in [1, 2, 3, 1000] {
                assert_eq!(split(layout, text, block, 1 << 20), expected, "{text} in blocks of {block}");
            }
        }
    }

    #[test]
    fn a_record_that_is_too_long_is_cut_and_the_next_is_whole() {
        let text = format!("a\n{}\nb\n", "x".repeat(100));
        for block in [1, 7, 1000] {
            let found = split(Layout::Lines, &text, block, 10);
            assert_eq!((found[0].as_str(), found[2].as_str(), found.len()), ("a", "b", 3), "{found:?}");
            // a line that arrives whole is not too long to be held
            assert!(found[1].ends_with('~') || block == 1000, "{found:?}");
        }
        let text = format!("[{{\"a\": 1}},{{\"a\": \"{}\"}},{{\"a\": 2}}]", "x".repeat(3000));
        let found = split(Layout::Values, &text, 100, 2000);
        assert_eq!((found[0].as_str(), found[2].as_str(), found.len()), ("{\"a\": 1}", "{\"a\": 2}", 3));
        assert!(found[1].ends_with('~') && found[1].len() < 1100);
    }

    #[test]
    fn blanks_and_the_middle_of_long_records_are_not_kept() {
        for (layout, endless) in
            [(Layout::Lines, "\n"), (Layout::Lines, "x"), (Layout::Values, " "), (Layout::QuotedLines, "\n")]
        {
            let mut splitter = Splitter::new(layout).with_max_record(50);
            for _ in 0..100 {
                splitter.feed(endless.repeat(40).as_bytes());
                assert!(splitter.pending.len() <= 100, "{layout:?} {endless:?}: {}", splitter.pending.len());
            }
            splitter.feed(b"\na\n");
            let records = splitter.take_all().unwrap();
            assert_eq!(records.iter().last(), Some(&b"a"[..]), "{layout:?} {endless:?}");
            assert!(records.iter().all(|record| record.len() <= 50));
        }
    }

    #[test]
    fn large_records_end_a_batch_early() {
        let mut splitter = Splitter::new(Layout::Lines);
        splitter.feed(b"aaaa\nbbbb\ncccc\n");
        assert_eq!(splitter.take(4, 1 << 20), None);
        assert_eq!(splitter.take(4, 6).unwrap().spans.len(), 2);
        assert_eq!(splitter.take_all().unwrap().bytes, b"\ncccc");
    }

    proptest! {
        #[test]
        fn no_byte_is_lost(lines in prop::collection::vec("[a-z{}\",\\[\\]]{0,8}", 0..20), block in 1_usize..20) {
            let text = lines.join("\n");
            let expected: Vec<_> = lines.iter().filter(|line| !line.is_empty()).cloned().collect();
            prop_assert_eq!(split(Layout::Lines, &text, block, 1 << 20), expected);
            split(Layout::Values, &text, block, 20);
            split(Layout::QuotedLines, &text, block, 20);
        }
    }
}

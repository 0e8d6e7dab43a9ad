//! Places inside a text: from line and column of what was read to the characters that were written.

use super::diagnostics::{At, Diagnostics, Spot};

impl Diagnostics {
    /// Where a piece of `text` (line and column from 1, length) stands in the file; all of the text where that cannot be
    /// told, as after an escape or an environment variable.
    pub(super) fn inside(&self, text: &At<String>, (line, column, length): (usize, usize, usize)) -> Spot {
        let before: usize = text.value.split('\n').take(line.saturating_sub(1)).map(|l| l.chars().count() + 1).sum();
        let start = before + column.saturating_sub(1);
        let piece: String = text.value.chars().skip(start).take(length).collect();
        let written = self.written(text.spot);
        // what is written begins with the first line that is not empty
        let empty = if written.starts_with('\n') { 0 } else { text.value.chars().take_while(|c| *c == '\n').count() };
        let places = places(&written, self.origin(text.spot).column.saturating_sub(1));
        let start = start.saturating_sub(empty);
        let (Some(first), Some(last)) = (places.get(start), places.get(start + piece.chars().count().max(1) - 1))
        else {
            return text.spot;
        };
        let found: String = written.chars().skip(*first).take(last + 1 - first).collect();
        if piece.is_empty() || found.split_whitespace().ne(piece.split_whitespace()) {
            return text.spot;
        }
        Spot { start: text.spot.start + first, end: text.spot.start + last + 1, ..text.spot }
    }
}

/// For each character that a scalar means, where it stands in what was written, if it has no escapes. A block begins at
/// its text: that column is its indentation. A line break in it stands for one character, be it kept (`|`) or folded (`>`).
fn places(written: &str, indent: usize) -> Vec<usize> {
    let quoted = usize::from(written.starts_with(['\'', '"']));
    let (mut places, mut start) = (Vec::new(), 0);
    for (number, line) in written.split('\n').enumerate() {
        let length = line.chars().count();
        let skipped = if number == 0 { quoted } else { indent.min(length) };
        // the line break closes the line
        places.extend(start + skipped..=start + length);
        start += length + 1;
    }
    places
}

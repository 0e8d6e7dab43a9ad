//! CSV (RFC 4180) as the JSON records that it stands for. A cell becomes the JSON value that its column's kind asks for;
//! what is none is a text, which the column then refuses by name.

use std::borrow::Cow;

use crate::source::json::{JsonColumn, JsonKind, is_json};

/// The first line: names of columns, and what the cells below them are read as.
#[derive(Clone, Debug)]
pub struct CsvHeader {
    names: Vec<String>,
    kinds: Vec<Option<JsonKind>>,
}

/// A first line that names no columns.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoHeader(String);

impl CsvHeader {
    /// The header of records with these columns.
    ///
    /// # Errors
    /// A name that stands there twice, none at all, or bytes that are no text.
    pub fn new(line: &[u8], columns: &[JsonColumn]) -> Result<Self, NoHeader> {
        let text = std::str::from_utf8(line).map_err(|_| NoHeader("the first line is not UTF-8".to_owned()))?;
        let names: Vec<String> =
            cells(text).map_err(NoHeader)?.into_iter().map(|cell| cell.text.into_owned()).collect();
        let twice =
            names.iter().enumerate().find(|(place, name)| names.iter().take(*place).any(|before| before == *name));
        if let Some((_, name)) = twice {
            return Err(NoHeader(format!("the first line names the column `{name}` twice")));
        }
        let called = |column: &JsonColumn, name: &str| column.name == name || column.aliases.iter().any(|a| a == name);
        let kind = |name: &String| columns.iter().find(|column| called(column, name)).map(|column| column.kind.clone());
        let kinds: Vec<Option<JsonKind>> = names.iter().map(kind).collect();
        if kinds.iter().all(Option::is_none) {
            let known: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            return Err(NoHeader(format!(
                "the first line of CSV names the columns, and `{}` is none of {}",
                names.first().map_or("", String::as_str),
                known.join(", ")
            )));
        }
        Ok(Self { names, kinds })
    }

    /// Adds a line as a JSON object to `out`.
    ///
    /// # Errors
    /// What is wrong with the line; then nothing was added.
    pub fn push_json(&self, line: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        let text = std::str::from_utf8(line).map_err(|_| "not UTF-8".to_owned())?;
        let cells = cells(text)?;
        if cells.len() != self.names.len() {
            return Err(format!("a line of {} cells under a header of {}", cells.len(), self.names.len()));
        }
        out.push(b'{');
        for (place, ((cell, name), kind)) in cells.iter().zip(&self.names).zip(&self.kinds).enumerate() {
            if place > 0 {
                out.extend_from_slice(b", ");
            }
            push_text(name, out);
            out.extend_from_slice(b": ");
            cell.push_json(kind.as_ref(), out);
        }
        out.push(b'}');
        Ok(())
    }
}

struct Cell<'a> {
    text: Cow<'a, str>,
    quoted: bool,
}

impl Cell<'_> {
    fn push_json(&self, kind: Option<&JsonKind>, out: &mut Vec<u8>) {
        if self.text.is_empty() && !self.quoted {
            out.extend_from_slice(b"null");
            return;
        }
        let plain = self.text.trim();
        let plain = match (kind, plain) {
            (Some(JsonKind::Bool), "True" | "TRUE") => "true",
            (Some(JsonKind::Bool), "False" | "FALSE") => "false",
            (Some(JsonKind::Bool), "true" | "false") => plain,
            (Some(kind), "nan" | "NaN") if is_of_numbers(kind) => "NaN",
            (Some(JsonKind::Float32 | JsonKind::Float64), "inf") => "Infinity",
            (Some(JsonKind::Float32 | JsonKind::Float64), "-inf") => "-Infinity",
            (Some(kind), number) if (is_of_numbers(kind) || *kind == JsonKind::Time) && is_number(number) => number,
            (Some(JsonKind::Json | JsonKind::List(_) | JsonKind::Map(..) | JsonKind::Struct(_)), json)
                if is_json(json) =>
            {
                json
            }
            _ => return push_text(&self.text, out),
        };
        out.extend_from_slice(plain.as_bytes());
    }
}

fn is_of_numbers(kind: &JsonKind) -> bool {
    use JsonKind::{Decimal, Float32, Float64, Int, KeyInt};
    matches!(kind, Int(_) | KeyInt | Float32 | Float64 | Decimal(..))
}

fn is_number(text: &str) -> bool {
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) && is_json(text)
}

fn push_text(text: &str, out: &mut Vec<u8>) {
    // writing into memory does not fail
    let _ = serde_json::to_writer(out, text);
}

/// The cells of one line.
fn cells(line: &str) -> Result<Vec<Cell<'_>>, String> {
    let mut cells = Vec::new();
    let mut rest = line;
    loop {
        let (cell, after) = if let Some(inner) = rest.strip_prefix('"') {
            quoted(inner)?
        } else {
            let (text, after) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
            (Cell { text: Cow::Borrowed(text), quoted: false }, after)
        };
        cells.push(cell);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.trim().is_empty() => return Ok(cells),
            None => return Err("something follows a closing quote".to_owned()),
        }
    }
}

/// A cell whose opening quote was read, and what follows it.
fn quoted(inner: &str) -> Result<(Cell<'_>, &str), String> {
    let mut from = 0;
    while let Some(quote) = inner.get(from..).and_then(|rest| rest.find('"')) {
        let end = from + quote;
        let after = inner.get(end + 1..).unwrap_or_default();
        if after.starts_with('"') {
            from = end + 2;
            continue;
        }
        let text = inner.get(..end).unwrap_or_default();
        let text = if text.contains('"') { Cow::Owned(text.replace("\"\"", "\"")) } else { Cow::Borrowed(text) };
        return Ok((Cell { text, quoted: true }, after));
    }
    Err("a quote is never closed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(line: &str) -> Result<CsvHeader, NoHeader> {
        let columns = [
            ("i", JsonKind::Int(64)),
            ("f", JsonKind::Float64),
            ("s", JsonKind::Text),
            ("b", JsonKind::Bool),
            ("t", JsonKind::Time),
            ("j", JsonKind::Json),
        ];
        let columns: Vec<_> = columns.into_iter().map(|(name, kind)| JsonColumn::optional(name, kind)).collect();
        CsvHeader::new(line.as_bytes(), &columns)
    }

    fn json(line: &str) -> Result<String, String> {
        let mut out = Vec::new();
        header("i,f,s,b,t,j,x").unwrap().push_json(line.as_bytes(), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn cells_become_what_their_column_asks_for() {
        assert_eq!(
            json("1,0.5,7,True,2026-11-22,\"{\"\"a\"\": [1, 2]}\",y").unwrap(),
            r#"{"i": 1, "f": 0.5, "s": "7", "b": true, "t": "2026-11-22", "j": {"a": [1, 2]}, "x": "y"}"#
        );
        assert_eq!(
            json(",nan,\"\",,1795377600,,\r").unwrap(),
            r#"{"i": null, "f": NaN, "s": "", "b": null, "t": 1795377600, "j": null, "x": "\r"}"#
        );
        assert_eq!(
            json("one,x,\"a,\n\"\"b\",2,now,not json,").unwrap(),
            r#"{"i": "one", "f": "x", "s": "a,\n\"b", "b": "2", "t": "now", "j": "not json", "x": null}"#
        );
    }

    #[test]
    fn a_line_of_another_length_is_told() {
        assert_eq!(json("1,2").unwrap_err(), "a line of 2 cells under a header of 7");
        assert_eq!(json("1,2,\"x").unwrap_err(), "a quote is never closed");
        assert_eq!(json("1,\"2\"x,3").unwrap_err(), "something follows a closing quote");
    }

    #[test]
    fn a_header_names_columns_once() {
        assert!(header("i,s").is_ok());
        assert_eq!(header("i,i").unwrap_err().to_string(), "the first line names the column `i` twice");
        assert!(header("1,2").unwrap_err().to_string().contains("`1` is none of i, f, s"));
    }
}

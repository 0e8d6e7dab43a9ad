//! Payloads to columns.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::column::{Cells, Flags};
use super::kind::{JsonColumn, Need};
use super::names::{Habit, Names};
use super::read::{Reading, Wrong};
use super::scan::{Scanner, Syntax, Value};
use super::{
    DecodedRecords, JsonDecoder, KEY_TWICE, MISSING, NO_OBJECT, NOT_JSON, RecordOrigin, RefusedRecord, TOO_LARGE,
    UNKNOWN_KEY, WRONG_VALUE,
};
use crate::row::Cast;

/// A payload that is longer is not looked at: 256 MiB.
const MAX_PAYLOAD: usize = 256 << 20;
/// Characters of a value that a message shows.
const SHOWN: usize = 60;

impl JsonDecoder {
    /// A decoder of records with these columns. Of columns with one name the first takes the value.
    #[must_use]
    pub fn new(columns: Vec<JsonColumn>) -> Self {
        let fields: Vec<Field> =
            columns.iter().map(|column| Field::new(&column.name, column.kind.arrow(), true)).collect();
        Self {
            names: Names::new(&columns),
            schema: Arc::new(Schema::new(fields)),
            columns,
            cast: Cast::Lossless,
            strict: false,
        }
    }

    /// The same decoder, for values that do not fit their type.
    #[must_use]
    pub fn with_cast(self, cast: Cast) -> Self {
        Self { cast, ..self }
    }

    /// The same decoder; a record with a key that no column takes is refused.
    #[must_use]
    pub fn strict(self) -> Self {
        Self { strict: true, ..self }
    }

    /// The columns of a batch.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What the columns are read as.
    #[must_use]
    pub fn columns(&self) -> &[JsonColumn] {
        &self.columns
    }

    /// Reads payloads: each holds any number of objects, one after the other, by lines, or in an array. After a text that
    /// is no JSON the next line that begins with `{` is read again.
    ///
    /// # Errors
    /// Columns that Arrow has no room for.
    pub fn decode<'a>(&self, payloads: impl IntoIterator<Item = &'a [u8]>) -> Result<DecodedRecords, ArrowError> {
        let mut decoding = Decoding::new(self);
        for (number, payload) in (0_u32..).zip(payloads) {
            decoding.payload(number, payload);
        }
        decoding.finish()
    }
}

/// Columns in the making.
#[derive(Debug)]
pub(super) struct Decoding<'d> {
    decoder: &'d JsonDecoder,
    pub reading: Reading,
    pub cells: Vec<Cells>,
    pub present: Vec<Flags>,
    habit: Habit,
    /// the columns that the record in hand has brought
    pub seen: Vec<bool>,
    pub origins: Vec<RecordOrigin>,
    pub refused: Vec<RefusedRecord>,
}

/// Why a record is refused.
#[derive(Debug)]
enum Fault {
    Syntax(Syntax),
    Value { column: usize, start: usize, reason: &'static str },
    Twice(String),
    Unknown(String),
    Missing(usize),
    NoObject { start: usize, key: String },
}

impl From<Syntax> for Fault {
    fn from(syntax: Syntax) -> Self {
        Self::Syntax(syntax)
    }
}

impl<'d> Decoding<'d> {
    pub(super) fn new(decoder: &'d JsonDecoder) -> Self {
        let columns = &decoder.columns;
        Self {
            decoder,
            reading: Reading { cast: decoder.cast, extra: 0 },
            cells: columns.iter().map(|column| Cells::new(&column.kind, 0)).collect(),
            present: columns.iter().map(|_| Flags::default()).collect(),
            habit: decoder.names.habit(),
            seen: vec![false; columns.len()],
            origins: Vec::new(),
            refused: Vec::new(),
        }
    }

    fn payload(&mut self, number: u32, payload: &[u8]) {
        if payload.len() > MAX_PAYLOAD {
            let message = format!("a payload of {} bytes; the limit is {MAX_PAYLOAD}", payload.len());
            self.refuse(origin(number, 0, 0..payload.len()), TOO_LARGE, message, true);
            return;
        }
        let mut objects = 0;
        match std::str::from_utf8(payload) {
            Ok(text) => self.text(number, text, 0, &mut objects),
            Err(_) => self.lines(number, payload, &mut objects),
        }
    }

    /// A payload with bytes that are no text: the lines without them are read.
    fn lines(&mut self, number: u32, payload: &[u8], objects: &mut u32) {
        let mut start = 0;
        for line in payload.split_inclusive(|byte| *byte == b'\n') {
            if let Ok(text) = std::str::from_utf8(line) {
                self.text(number, text, start, objects);
            } else {
                let whole = line.len() == payload.len();
                let origin = origin(number, *objects, start..start + line.len());
                self.refuse(origin, NOT_JSON, "not UTF-8".to_owned(), whole);
                *objects += 1;
            }
            start += line.len();
        }
    }

    /// The records of a text that begins at byte `base` of its payload.
    fn text(&mut self, number: u32, text: &str, base: usize, objects: &mut u32) {
        let mut scanner = Scanner::new(text);
        let mut in_array = None;
        while let Some(next) = scanner.peek() {
            let start = scanner.at();
            match (next, in_array) {
                (b'[', None) => in_array = Some(start),
                (b']', Some(_)) => in_array = None,
                (b',', Some(_)) => {}
                _ => {
                    let read = self.record(&mut scanner);
                    if let Err(fault) = read {
                        self.take_back();
                        self.tell(number, *objects, base, start, &mut scanner, text, fault);
                        in_array = in_array.filter(|_| scanner.at() < text.len());
                    } else {
                        self.origins.push(origin(number, *objects, base + start..base + scanner.at()));
                    }
                    *objects += 1;
                    continue;
                }
            }
            scanner.seek(start + 1);
        }
        if let Some(start) = in_array {
            let whole = *objects == 0;
            let origin = origin(number, *objects, base + start..base + text.len());
            self.refuse(origin, NOT_JSON, "not JSON: the array of records is never closed".to_owned(), whole);
            *objects += 1;
        }
    }

    /// Reads one record into all columns.
    fn record(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Fault> {
        let start = scanner.at();
        let decoder = self.decoder;
        self.seen.fill(false);
        match scanner.value()? {
            Value::Object => self.object(&decoder.names, 0, scanner)?,
            other => {
                scanner.skip_rest(other)?;
                return Err(Fault::NoObject { start, key: String::new() });
            }
        }
        for (position, seen) in self.seen.iter().enumerate() {
            let (Some(cells), Some(present)) = (self.cells.get_mut(position), self.present.get_mut(position)) else {
                continue;
            };
            if !seen {
                cells.push_null();
            }
            present.push(*seen);
            let lacks = match decoder.columns.get(position).map(|column| column.need) {
                None | Some(Need::Nothing) => false,
                Some(Need::Key) => !seen,
                Some(Need::Value) => cells.ends_in_null(),
            };
            if lacks {
                return Err(Fault::Missing(position));
            }
        }
        Ok(())
    }

    fn object(&mut self, names: &Names, level: usize, scanner: &mut Scanner<'_>) -> Result<(), Fault> {
        let (mut first, mut before) = (true, names.start(level));
        while let Some(key) = scanner.key(&mut first)? {
            let Some(key) = key.text() else {
                return scanner.wrong("a key holds half a character").map_err(Fault::from);
            };
            let Some((id, node)) = names.find(level, before, &key, &mut self.habit) else {
                if self.decoder.strict {
                    return Err(Fault::Unknown(key.into_owned()));
                }
                self.reading.extra += 1;
                scanner.skip()?;
                continue;
            };
            before = id;
            scanner.peek();
            let start = scanner.at();
            if let Some(column) = node.column {
                self.column(column, &key, start, scanner)?;
            }
            let Some(inner) = node.level else { continue };
            let end = scanner.at();
            scanner.seek(start);
            match scanner.value()? {
                Value::Object => self.object(names, inner, scanner)?,
                Value::Null => {}
                _ if node.column.is_some() => scanner.seek(end),
                _ => return Err(Fault::NoObject { start, key: key.into_owned() }),
            }
        }
        Ok(())
    }

    fn column(&mut self, column: usize, key: &str, start: usize, scanner: &mut Scanner<'_>) -> Result<(), Fault> {
        let (Some(seen), Some(cells)) = (self.seen.get_mut(column), self.cells.get_mut(column)) else { return Ok(()) };
        if std::mem::replace(seen, true) {
            return Err(Fault::Twice(key.to_owned()));
        }
        let Some(kind) = self.decoder.columns.get(column).map(|column| &column.kind) else { return Ok(()) };
        self.reading.read(kind, cells, scanner).map_err(|wrong| match wrong {
            Wrong::Syntax(syntax) => Fault::Syntax(syntax),
            Wrong::Value(reason) => Fault::Value { column, start, reason },
        })
    }

    /// Takes the record in hand back out of all columns.
    fn take_back(&mut self) {
        let rows = self.origins.len();
        self.cells.iter_mut().for_each(|cells| cells.truncate(rows));
        self.present.iter_mut().for_each(|present| present.truncate(rows));
    }

    /// Tells of a record that begins at `start`, and reads on after it.
    #[allow(clippy::too_many_arguments, reason = "where the record is, in its text and among the others")]
    fn tell(
        &mut self,
        number: u32,
        index: u32,
        base: usize,
        start: usize,
        scanner: &mut Scanner<'_>,
        text: &str,
        fault: Fault,
    ) {
        scanner.seek(start);
        let syntax = match (fault, scanner.skip()) {
            (Fault::Syntax(syntax), _) | (_, Err(syntax)) => syntax,
            (fault, Ok(())) => {
                let (code, message) = self.describe(&fault, text);
                self.refuse(origin(number, index, base + start..base + scanner.at()), code, message, false);
                return;
            }
        };
        let next = next_record(text, start + 1);
        scanner.seek(next);
        let code = if syntax.what.contains("too deeply") { TOO_LARGE } else { NOT_JSON };
        let at = text.get(start..syntax.at).map_or(0, |before| before.chars().count()) + 1;
        let message = format!("not JSON: {} (character {at} of the record)", syntax.what);
        let whole = index == 0 && next >= text.len();
        self.refuse(origin(number, index, base + start..base + next), code, message, whole);
    }

    fn describe(&self, fault: &Fault, text: &str) -> (&'static str, String) {
        let name = |column: usize| self.decoder.columns.get(column).map_or("", |column| column.name.as_str());
        match fault {
            Fault::Syntax(syntax) => (NOT_JSON, format!("not JSON: {}", syntax.what)),
            Fault::Value { column, start, reason } => {
                (WRONG_VALUE, format!("column `{}`: `{}` {reason}", name(*column), value_at(text, *start)))
            }
            Fault::Twice(key) => (KEY_TWICE, format!("key `{key}` stands in the record twice")),
            Fault::Unknown(key) => (UNKNOWN_KEY, format!("key `{}` belongs to no column", shortened(key))),
            Fault::Missing(column) => (MISSING, self.decoder.columns.get(*column).map(lacking).unwrap_or_default()),
            Fault::NoObject { start, key } if key.is_empty() => {
                (NO_OBJECT, format!("`{}` is no object, as a record must be", value_at(text, *start)))
            }
            Fault::NoObject { start, key } => {
                (WRONG_VALUE, format!("key `{key}`: `{}` is no object", value_at(text, *start)))
            }
        }
    }

    fn refuse(&mut self, origin: RecordOrigin, code: &'static str, message: String, whole: bool) {
        self.refused.push(RefusedRecord { origin, code, message, whole });
    }

    pub(super) fn finish(self) -> Result<DecodedRecords, ArrowError> {
        let columns = self.cells.into_iter().map(Cells::finish).collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.origins.len()));
        Ok(DecodedRecords {
            batch: RecordBatch::try_new_with_options(Arc::clone(&self.decoder.schema), columns, &options)?,
            present: self.present.into_iter().map(Flags::finish).collect(),
            origins: self.origins,
            refused: self.refused,
            extra: self.reading.extra,
        })
    }
}

fn origin(payload: u32, index: u32, bytes: std::ops::Range<usize>) -> RecordOrigin {
    let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    RecordOrigin { payload, index, start: narrow(bytes.start), end: narrow(bytes.end) }
}

/// The next line from `from` on that begins with an object, or the end.
fn next_record(text: &str, from: usize) -> usize {
    let rest = text.as_bytes().get(from..).unwrap_or_default();
    let found = rest.windows(2).position(|pair| pair == b"\n{");
    found.map_or(text.len(), |at| from + at + 1)
}

/// What is said of a record without that column.
pub(super) fn lacking(column: &JsonColumn) -> String {
    match column.need {
        Need::Value => format!("column `{}` is declared NOT NULL and has no value", column.name),
        _ => format!("column `{}` is absent", column.name),
    }
}

/// The value that stands at that byte, shortened.
pub(super) fn value_at(text: &str, start: usize) -> String {
    let mut scanner = Scanner::new(text);
    scanner.seek(start);
    match scanner.skip() {
        Ok(()) => shortened(scanner.since(start)),
        Err(_) => shortened(text.get(start..).unwrap_or_default()),
    }
}

/// The first characters of a text.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

//! Feast's columnar form: one object whose values are arrays, one item a record.

use arrow::array::BooleanArray;
use arrow::compute::{filter, filter_record_batch};
use arrow::error::ArrowError;

use super::decode::{Decoding, lacking, value_at};
use super::kind::Need;
use super::read::Wrong;
use super::scan::{Scanner, Syntax, Value};
use super::{
    DecodedRecords, JsonDecoder, KEY_TWICE, MISSING, NO_OBJECT, NOT_JSON, RecordOrigin, RefusedRecord, UNKNOWN_KEY,
    WRONG_VALUE,
};

/// Why a columnar text holds no records at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoTable {
    /// what is wrong, as `explain` knows it
    pub code: &'static str,
    /// what is wrong with this text
    pub message: String,
}

fn no_table(code: &'static str, message: impl Into<String>) -> NoTable {
    NoTable { code, message: message.into() }
}

impl From<Syntax> for NoTable {
    fn from(syntax: Syntax) -> Self {
        no_table(NOT_JSON, format!("not JSON: {} (byte {})", syntax.what, syntax.at))
    }
}

impl From<ArrowError> for NoTable {
    fn from(error: ArrowError) -> Self {
        no_table(WRONG_VALUE, error.to_string())
    }
}

impl JsonDecoder {
    /// Reads `{"driver_id": [1, 2], "conv_rate": [0.5, null]}`: record 0 is made of the first items, and so on. The
    /// records are those of payload 0; their texts are not known.
    ///
    /// # Errors
    /// The text is no such object, or its arrays are of different lengths: then there are no records.
    pub fn decode_columnar(&self, text: &str) -> Result<DecodedRecords, NoTable> {
        let mut table = Table { decoding: Decoding::new(self), rows: None, wrong: Vec::new(), extra_columns: 0 };
        let mut scanner = Scanner::new(text);
        let Value::Object = scanner.value()? else { return Err(no_table(NO_OBJECT, "it is no object of columns")) };
        let mut first = true;
        while let Some(key) = scanner.key(&mut first)? {
            let key = key.text().ok_or_else(|| no_table(NOT_JSON, "a key holds half a character"))?;
            table.column(self, &key, text, &mut scanner)?;
        }
        if scanner.peek().is_some() {
            return Err(no_table(NOT_JSON, "not JSON: something follows the object"));
        }
        table.finish(self)
    }
}

struct Table<'d> {
    decoding: Decoding<'d>,
    rows: Option<usize>,
    /// rows with a value that does not fit, with the first such value told
    wrong: Vec<(usize, &'static str, String)>,
    extra_columns: u64,
}

impl Table<'_> {
    fn column(
        &mut self,
        decoder: &JsonDecoder,
        key: &str,
        text: &str,
        scanner: &mut Scanner<'_>,
    ) -> Result<(), NoTable> {
        let called = |name: &str| name == key;
        let found = decoder.columns.iter().position(|c| called(&c.name) || c.aliases.iter().any(|alias| called(alias)));
        let Value::Array = scanner.value()? else {
            return Err(no_table(WRONG_VALUE, format!("column `{key}` is no array")));
        };
        let rows = match found {
            Some(position) => self.values(decoder, position, key, text, scanner)?,
            None if decoder.strict => {
                return Err(no_table(UNKNOWN_KEY, format!("key `{key}` belongs to no column")));
            }
            None => {
                self.extra_columns += 1;
                skipped(scanner)?
            }
        };
        match self.rows {
            Some(before) if before != rows => {
                let message = format!("column `{key}` has {rows} values, the columns before it have {before}");
                Err(no_table(WRONG_VALUE, message))
            }
            _ => {
                self.rows = Some(rows);
                Ok(())
            }
        }
    }

    /// Reads the items of an array whose bracket was read, and counts them.
    fn values(
        &mut self,
        decoder: &JsonDecoder,
        position: usize,
        key: &str,
        text: &str,
        scanner: &mut Scanner<'_>,
    ) -> Result<usize, NoTable> {
        let Decoding { reading, cells, seen, .. } = &mut self.decoding;
        let (Some(cells), Some(seen), Some(column)) =
            (cells.get_mut(position), seen.get_mut(position), decoder.columns.get(position))
        else {
            return Ok(0);
        };
        if std::mem::replace(seen, true) {
            return Err(no_table(KEY_TWICE, format!("column `{key}` stands there twice")));
        }
        let (mut first, mut row) = (true, 0);
        while scanner.item(&mut first)? {
            scanner.peek();
            let start = scanner.at();
            match reading.read(&column.kind, cells, scanner) {
                Ok(()) if column.need == Need::Value && cells.ends_in_null() => {
                    self.wrong.push((row, MISSING, lacking(column)));
                }
                Ok(()) => {}
                Err(Wrong::Syntax(syntax)) => return Err(syntax.into()),
                Err(Wrong::Value(reason)) => {
                    cells.truncate(row);
                    cells.push_null();
                    let message = format!("column `{key}`: `{}` {reason}", value_at(text, start));
                    self.wrong.push((row, WRONG_VALUE, message));
                    scanner.seek(start);
                    scanner.skip()?;
                }
            }
            row += 1;
        }
        Ok(row)
    }

    fn finish(mut self, decoder: &JsonDecoder) -> Result<DecodedRecords, NoTable> {
        let rows = self.rows.unwrap_or(0);
        let count = u32::try_from(rows).map_err(|_| no_table(super::TOO_LARGE, "more than 2^32 records"))?;
        let Decoding { cells, present, seen, .. } = &mut self.decoding;
        for (((cells, present), brought), column) in cells.iter_mut().zip(present).zip(seen).zip(&decoder.columns) {
            let brought = *brought;
            for row in 0..rows {
                if !brought {
                    cells.push_null();
                    if column.need != Need::Nothing {
                        self.wrong.push((row, MISSING, lacking(column)));
                    }
                }
                present.push(brought);
            }
        }
        self.decoding.origins = (0..count).map(origin).collect();
        self.decoding.reading.extra += self.extra_columns * u64::from(count);
        self.wrong.sort_by_key(|(row, ..)| *row);
        self.wrong.dedup_by_key(|(row, ..)| *row);
        let decoded = self.decoding.finish()?;
        if self.wrong.is_empty() { Ok(decoded) } else { without(decoded, self.wrong) }
    }
}

/// The same records without these.
fn without(decoded: DecodedRecords, wrong: Vec<(usize, &'static str, String)>) -> Result<DecodedRecords, NoTable> {
    let mut kept = vec![true; decoded.origins.len()];
    for (row, ..) in &wrong {
        kept.iter_mut().skip(*row).take(1).for_each(|kept| *kept = false);
    }
    let mask = BooleanArray::from(kept);
    let mut present = Vec::new();
    for buffer in decoded.present {
        let Some(buffer) = buffer else {
            present.push(None);
            continue;
        };
        let picked = filter(&BooleanArray::new(buffer, None), &mask)?;
        present.push(picked.as_any().downcast_ref::<BooleanArray>().map(|flags| flags.values().clone()));
    }
    let refused = wrong.into_iter().filter_map(|(row, code, message)| {
        let origin = *decoded.origins.get(row)?;
        Some(RefusedRecord { origin, code, message, whole: false })
    });
    Ok(DecodedRecords {
        batch: filter_record_batch(&decoded.batch, &mask)?,
        present,
        refused: refused.collect(),
        origins: decoded
            .origins
            .iter()
            .zip(mask.iter())
            .filter(|(_, kept)| *kept == Some(true))
            .map(|(o, _)| *o)
            .collect(),
        extra: decoded.extra,
    })
}

fn origin(index: u32) -> RecordOrigin {
    RecordOrigin { payload: 0, index, start: 0, end: 0 }
}

/// Reads over the items of an array whose bracket was read, and counts them.
fn skipped(scanner: &mut Scanner<'_>) -> Result<usize, Syntax> {
    let (mut first, mut count) = (true, 0);
    while scanner.item(&mut first)? {
        scanner.skip()?;
        count += 1;
    }
    Ok(count)
}

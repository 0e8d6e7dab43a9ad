//! Tables of text: CSV and JSON, with the types that their values show.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor};
use std::path::Path;
use std::sync::Arc;

use arrow::csv;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::json;
use serde_json::{Map, Value};

use super::OfflineError;
use super::array_lines::ArrayLines;
use super::entity_table::{BATCH_ROWS, Batches};
use super::instants::EVENT_TIMESTAMP;

/// A CSV file with a header; `texts` names columns that stay text whatever they look like; times are
/// UTC where they do not say. It is read twice: for its types,
/// and for its rows.
pub(super) fn open_csv(
    path: &Path,
    table: &str,
    texts: &BTreeSet<String>,
) -> Result<(SchemaRef, Batches), OfflineError> {
    let decode = |source| OfflineError::Decode { table: table.to_owned(), source };
    let format = csv::reader::Format::default().with_header(true);
    let (inferred, _) = format.infer_schema(BufReader::new(open(path)?), None).map_err(decode)?;
    let fields = inferred.fields().iter().map(|field| {
        let stays_text = texts.contains(field.name()) || field.name() == EVENT_TIMESTAMP;
        let dtype = match field.data_type() {
            _ if stays_text => DataType::Utf8,
            DataType::Timestamp(unit, _) => DataType::Timestamp((*unit).max(TimeUnit::Microsecond), Some("UTC".into())),
            other => other.clone(),
        };
        Field::new(field.name(), dtype, true)
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let reader = csv::ReaderBuilder::new(Arc::clone(&schema)).with_format(format).with_batch_size(BATCH_ROWS);
    let reader = reader.build(open(path)?).map_err(decode)?;
    Ok((schema, Box::new(reader)))
}

/// A JSON file: an array of objects, or an object a line. It is read twice: for its types, and for its rows.
pub(super) fn open_json(path: &Path, table: &str) -> Result<(SchemaRef, Batches), OfflineError> {
    let failed = |source| OfflineError::Io { what: "read", path: path.to_owned(), source };
    let text = || after_mark(BufReader::new(open(path)?)).map_err(failed);
    if first_character(&mut text()?).map_err(failed)? == Some(b'[') {
        let array = || Ok(BufReader::new(ArrayLines::new(text()?)));
        return lines(array()?, array()?, table);
    }
    lines(text()?, text()?, table)
}

/// The text behind the mark by which some programs say that it is UTF-8.
fn after_mark(mut reader: BufReader<File>) -> std::io::Result<BufReader<File>> {
    if reader.fill_buf()?.starts_with("\u{feff}".as_bytes()) {
        reader.consume('\u{feff}'.len_utf8());
    }
    Ok(reader)
}

/// JSON as it is given on a command line: an array of objects, or one object.
pub(super) fn json_text(text: &str, table: &str) -> Result<(SchemaRef, Batches), OfflineError> {
    let wrong = |source| OfflineError::Json { table: table.to_owned(), source };
    let objects: Vec<Map<String, Value>> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map_err(wrong)?
    } else {
        vec![serde_json::from_str(text).map_err(wrong)?]
    };
    let mut bytes = Vec::new();
    for object in &objects {
        serde_json::to_writer(&mut bytes, object).map_err(wrong)?;
        bytes.push(b'\n');
    }
    lines(Cursor::new(bytes.clone()), Cursor::new(bytes), table)
}

/// An object a line, from two readers of the same: one for the types, one for the rows.
fn lines(
    types: impl BufRead,
    reader: impl BufRead + 'static,
    table: &str,
) -> Result<(SchemaRef, Batches), OfflineError> {
    let decode = |source: ArrowError| OfflineError::Decode { table: table.to_owned(), source };
    let (schema, _) = json::reader::infer_json_schema(types, None).map_err(decode)?;
    let schema = Arc::new(schema);
    let reader = json::ReaderBuilder::new(Arc::clone(&schema)).with_batch_size(BATCH_ROWS).build(reader);
    Ok((schema, Box::new(reader.map_err(decode)?)))
}

/// The first character that is no blank; it is not consumed.
fn first_character(reader: &mut impl BufRead) -> std::io::Result<Option<u8>> {
    loop {
        let buffer = reader.fill_buf()?;
        match buffer.iter().position(|byte| !byte.is_ascii_whitespace()) {
            Some(place) => {
                let found = buffer.get(place).copied();
                reader.consume(place);
                return Ok(found);
            }
            None if buffer.is_empty() => return Ok(None),
            None => {
                let blanks = buffer.len();
                reader.consume(blanks);
            }
        }
    }
}

pub(super) fn open(path: &Path) -> Result<File, OfflineError> {
    File::open(path).map_err(|source| OfflineError::Io { what: "read", path: path.to_owned(), source })
}

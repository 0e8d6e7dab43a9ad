//! Tables of entities and instants.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use super::OfflineError;
use super::instants::{NoInstants, candidates, handed_on, instants};
use super::text::{json_text, open, open_csv, open_json};
use crate::model::Timestamp;

/// Rows that are decoded at a time.
pub(super) const BATCH_ROWS: usize = 65_536;

pub(super) type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>;

/// Where the rows are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntityRows {
    /// a parquet, CSV or JSON file, told by the end of its name
    File(PathBuf),
    /// a JSON array of objects
    Json(String),
}

/// A table of entities and instants, read chunk by chunk.
pub struct EntityTable {
    name: String,
    schema: SchemaRef,
    event: usize,
    first: Option<RecordBatch>,
    batches: Batches,
    rows: u64,
    now: Timestamp,
}

/// Some rows of the table.
#[derive(Clone, Debug)]
pub struct EntityChunk {
    /// all columns
    pub batch: RecordBatch,
    /// the event time of each row, where it has one
    pub instants: Vec<Option<Timestamp>>,
}

impl EntityTable {
    /// Opens a table. In a CSV file the columns named in `texts` stay text, whatever they look like; `now` is what relative
    /// times would count from.
    ///
    /// # Errors
    /// The file, its format, or the lack of an event time.
    pub fn open(rows: &EntityRows, texts: &BTreeSet<String>, now: Timestamp) -> Result<Self, OfflineError> {
        let (name, is_text, (schema, mut batches)) = match rows {
            EntityRows::Json(text) => ("entity table".to_owned(), true, json_text(text, "entity table")?),
            EntityRows::File(path) => {
                let name = format!("entity table `{}`", path.display());
                let (is_text, opened) = open_file(path, &name, texts)?;
                (name, is_text, opened)
            }
        };
        let first = batches.next().transpose();
        let first = first.map_err(|source| OfflineError::Decode { table: name.clone(), source })?;
        let candidates = candidates(&schema, first.as_ref(), is_text, now);
        let [event] = candidates[..] else {
            let candidates = candidates.into_iter().map(|index| schema.field(index).name().clone()).collect();
            return Err(OfflineError::NoEventTime { table: name, candidates });
        };
        Ok(Self { name, schema: handed_on(&schema, event), event, first, batches, rows: 0, now })
    }

    /// The columns, as chunks have them.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The name of the event time.
    #[must_use]
    pub fn event_column(&self) -> &str {
        self.schema.field(self.event).name()
    }

    /// The next rows in order, `rows` of them or as many as `bytes` bytes hold, and a few more; `None` at the end.
    pub fn next_chunk(&mut self, rows: usize, bytes: usize) -> Result<Option<EntityChunk>, OfflineError> {
        let mut parts: Vec<RecordBatch> = Vec::new();
        let (mut count, mut held) = (0, 0);
        while count < rows && held < bytes {
            let Some(batch) = self.first.take().map(Ok).or_else(|| self.batches.next()) else { break };
            let batch = batch.map_err(|source| self.decode(source))?;
            count += batch.num_rows();
            held += batch.get_array_memory_size();
            parts.push(batch);
        }
        let Some(first) = parts.first() else { return Ok(None) };
        let batch = concat_batches(&first.schema(), &parts).map_err(|source| self.decode(source))?;
        drop(parts);
        let chunk = self.dated(&batch)?;
        self.rows += batch.num_rows() as u64;
        Ok(Some(chunk))
    }

    fn dated(&self, batch: &RecordBatch) -> Result<EntityChunk, OfflineError> {
        let column = self.event_column().to_owned();
        let mut columns = batch.columns().to_vec();
        if let Some(event) = columns.get_mut(self.event) {
            let (found, table) = (event.data_type().to_string(), self.name.clone());
            let (instants, timestamps) = instants(event, self.now).map_err(|problem| match problem {
                NoInstants::Type => OfflineError::NotInstants { table, column, found },
                NoInstants::Row(row, reason) => {
                    OfflineError::BadInstant { table, column, row: self.rows + row as u64, reason }
                }
            })?;
            *event = timestamps;
            let batch =
                RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(|source| self.decode(source))?;
            return Ok(EntityChunk { batch, instants });
        }
        Err(OfflineError::NoEventTime { table: self.name.clone(), candidates: Vec::new() })
    }

    fn decode(&self, source: ArrowError) -> OfflineError {
        OfflineError::Decode { table: self.name.clone(), source }
    }
}

fn open_file(path: &Path, table: &str, texts: &BTreeSet<String>) -> Result<(bool, (SchemaRef, Batches)), OfflineError> {
    let end = path.extension().map(|end| end.to_string_lossy().to_lowercase());
    match end.as_deref() {
        Some("parquet" | "parq" | "pq") => Ok((false, open_parquet(path, table)?)),
        Some("csv") => Ok((true, open_csv(path, table, texts)?)),
        Some("json" | "ndjson" | "jsonl") => Ok((true, open_json(path, table)?)),
        _ => {
            let known = "*.parquet, *.csv, *.json (an array) or *.ndjson (an object a line)";
            Err(OfflineError::Format { verb: "read", path: path.to_owned(), known })
        }
    }
}

fn open_parquet(path: &Path, table: &str) -> Result<(SchemaRef, Batches), OfflineError> {
    let wrong = |source| OfflineError::Parquet { table: table.to_owned(), source };
    let builder = ParquetRecordBatchReaderBuilder::try_new(open(path)?).map_err(wrong)?;
    let schema = Arc::clone(builder.schema());
    Ok((schema, Box::new(builder.with_batch_size(BATCH_ROWS).build().map_err(wrong)?)))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{DataType, Int64Type, TimeUnit};

    use super::*;

    const NOW: Timestamp = Timestamp::EPOCH;

    fn file(name: &str, text: &str) -> (tempfile::TempDir, EntityRows) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        (folder, EntityRows::File(path))
    }

    fn all(rows: &EntityRows, texts: &[&str]) -> (EntityTable, EntityChunk) {
        let texts = texts.iter().map(|name| (*name).to_owned()).collect();
        let mut table = EntityTable::open(rows, &texts, NOW).unwrap();
        let chunk = table.next_chunk(1_000_000, usize::MAX).unwrap().unwrap();
        assert!(table.next_chunk(1, 1).unwrap().is_none());
        (table, chunk)
    }

    fn micros(chunk: &EntityChunk) -> Vec<Option<i64>> {
        chunk.instants.iter().map(|instant| instant.map(Timestamp::micros)).collect()
    }

    const UTC_MICROS: fn() -> DataType = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));

    #[test]
    fn csv_shows_its_types_and_its_times() {
        let text = "driver_id,event_timestamp,code,label\n1,1970-01-01T00:00:01Z,007,a\n2,1970-01-01 01:00:00+01:00,8,\n3,,9,c\n";
        let (_folder, rows) = file("e.csv", text);
        let (table, chunk) = all(&rows, &["code"]);
        assert_eq!(table.event_column(), "event_timestamp");
        assert_eq!(micros(&chunk), [Some(1_000_000), Some(0), None]);
        let types: Vec<_> = table.schema().fields().iter().map(|field| field.data_type().clone()).collect();
        assert_eq!(types, [DataType::Int64, UTC_MICROS(), DataType::Utf8, DataType::Utf8]);
        assert_eq!(chunk.batch.column(2).as_string::<i32>().value(0), "007");
        assert!(chunk.batch.column(3).is_null(1));
    }

    #[test]
    fn json_comes_as_an_array_or_line_by_line() {
        let array = r#" [{"event_timestamp": "1970-01-01T00:00:01", "id": 9007199254740993},
            {"id": null, "event_timestamp": "1970-01-01"}]"#;
        let lines = "{\"event_timestamp\": \"1970-01-01T00:00:01\", \"id\": 9007199254740993}\n{\"id\": null, \"event_timestamp\": \"1970-01-01\"}\n";
        let (_folder, array_file) = file("e.json", array);
        let (_other, lines_file) = file("e.ndjson", lines);
        for rows in [EntityRows::Json(array.to_owned()), array_file, lines_file] {
            let (table, chunk) = all(&rows, &[]);
            assert_eq!(micros(&chunk), [Some(1_000_000), Some(0)]);
            assert_eq!(table.schema().field(0).name(), "event_timestamp");
            let ids = chunk.batch.column(1).as_primitive::<Int64Type>();
            assert_eq!((ids.value(0), ids.is_null(1)), (9_007_199_254_740_993, true));
        }
    }

    #[test]
    fn the_single_column_of_times_is_the_event_time() {
        let (_folder, rows) = file("e.csv", "id,when,note\n1,2024-01-01T00:00:00Z,x\n");
        assert_eq!(all(&rows, &[]).0.event_column(), "when");
        let (_folder, rows) = file("e.csv", "id,when,then\n1,2024-01-01T00:00:00Z,2024-01-01T00:00:00Z\n");
        let error = EntityTable::open(&rows, &BTreeSet::new(), NOW).err().unwrap();
        assert!(error.hint().unwrap().contains("`when`, `then`"), "{error:?}");
        let (_folder, rows) = file("e.csv", "id\n1\n");
        assert!(matches!(EntityTable::open(&rows, &BTreeSet::new(), NOW), Err(OfflineError::NoEventTime { .. })));
    }

    #[test]
    fn a_time_that_cannot_be_read_is_named_with_its_row() {
        let (_folder, rows) = file("e.csv", "id,event_timestamp\n1,2024-01-01\n2,now\n");
        let mut table = EntityTable::open(&rows, &BTreeSet::new(), NOW).unwrap();
        assert!(matches!(table.next_chunk(10, usize::MAX), Err(OfflineError::BadInstant { row: 1, .. })));
        let numbers = EntityRows::Json("[{\"event_timestamp\": 5}]".to_owned());
        let mut table = EntityTable::open(&numbers, &BTreeSet::new(), NOW).unwrap();
        assert!(matches!(table.next_chunk(10, usize::MAX), Err(OfflineError::NotInstants { .. })));
    }

    #[test]
    fn chunks_follow_each_other() {
        let lines: Vec<String> = (0..200_000).map(|id| format!("{id},1970-01-01T00:00:00Z")).collect();
        let text = lines.join("\n");
        let (_folder, rows) = file("e.csv", &format!("id,event_timestamp\n{text}"));
        let mut table = EntityTable::open(&rows, &BTreeSet::new(), NOW).unwrap();
        let mut ids = Vec::new();
        while let Some(chunk) = table.next_chunk(70_000, usize::MAX).unwrap() {
            assert!(chunk.batch.num_rows() < 140_000);
            ids.extend(chunk.batch.column(0).as_primitive::<Int64Type>().values().iter().copied());
        }
        assert!(ids.into_iter().eq(0..200_000));
        let mut table = EntityTable::open(&rows, &BTreeSet::new(), NOW).unwrap();
        assert!(table.next_chunk(usize::MAX, 1).unwrap().unwrap().batch.num_rows() <= BATCH_ROWS);
    }

    #[test]
    fn an_array_that_ends_early_or_goes_on_is_an_error() {
        for text in
            [r#"[{"id": 1, "event_timestamp": "2024-01-01"}"#, r#"[{"id": 1, "event_timestamp": "2024-01-01"}] {"#]
        {
            let (_folder, rows) = file("e.json", text);
            let opened = EntityTable::open(&rows, &BTreeSet::new(), NOW);
            assert!(matches!(opened, Err(OfflineError::Decode { .. })), "{text}");
        }
    }
}

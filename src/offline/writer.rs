//! Tables as files: parquet or CSV. A file appears under its name when it is complete.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::Compression;
use ::parquet::file::properties::WriterProperties;
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::csv;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json;

use super::OfflineError;

/// Bytes of a row group that are held until it is written, about.
const GROUP_BYTES: usize = 64 << 20;
/// Rows that are encoded before the size of their row group is looked at.
const SLICE_ROWS: usize = 65_536;

/// Writes one table, batch by batch.
pub struct TableWriter {
    path: PathBuf,
    /// beside the file, until it is complete
    part: Part,
    form: Form,
}

enum Form {
    Parquet(Box<ArrowWriter<File>>),
    Csv(Box<csv::Writer<BufWriter<File>>>),
}

/// A file that is removed unless it gets its name.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // it has its name already, or it is of no use to anybody
        let _ = std::fs::remove_file(&self.0);
    }
}

impl TableWriter {
    /// Begins a file: parquet or CSV by the end of its name.
    ///
    /// # Errors
    /// Another end, or a file that cannot be made.
    pub fn create(path: &Path, schema: &SchemaRef) -> Result<Self, OfflineError> {
        let end = path.extension().map(|end| end.to_string_lossy().to_lowercase());
        let is_csv = match end.as_deref() {
            Some("parquet" | "parq" | "pq") => false,
            Some("csv") => true,
            _ => {
                let known = "*.parquet or *.csv";
                return Err(OfflineError::Format { verb: "written", path: path.to_owned(), known });
            }
        };
        let mut part = path.as_os_str().to_owned();
        part.push(format!(".{}.part", std::process::id()));
        let part = Part(part.into());
        let file = File::create(&part.0).map_err(|source| OfflineError::Io {
            what: "write",
            path: path.to_owned(),
            source,
        })?;
        let form = if is_csv {
            Form::Csv(Box::new(csv::WriterBuilder::new().with_header(true).build(BufWriter::new(file))))
        } else {
            let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
            let writer = ArrowWriter::try_new(file, Arc::clone(schema), Some(properties));
            Form::Parquet(Box::new(writer.map_err(|source| failed(path, source))?))
        };
        let mut writer = Self { path: path.to_owned(), part, form };
        // a table without rows has its columns all the same
        writer.write(&RecordBatch::new_empty(Arc::clone(schema)))?;
        Ok(writer)
    }

    /// Adds rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), OfflineError> {
        match &mut self.form {
            Form::Parquet(writer) => {
                for start in (0..batch.num_rows().max(1)).step_by(SLICE_ROWS) {
                    let slice = batch.slice(start, SLICE_ROWS.min(batch.num_rows() - start));
                    writer.write(&slice).map_err(|source| failed(&self.path, source))?;
                    if writer.in_progress_size() >= GROUP_BYTES {
                        writer.flush().map_err(|source| failed(&self.path, source))?;
                    }
                }
                Ok(())
            }
            Form::Csv(writer) => {
                let flat = flat(batch).map_err(|source| failed(&self.path, source))?;
                writer.write(&flat).map_err(|source| failed(&self.path, source))
            }
        }
    }

    /// Completes the file and gives it its name.
    pub fn finish(self) -> Result<(), OfflineError> {
        let Self { path, part, form } = self;
        let io = |source| OfflineError::Io { what: "write", path: path.clone(), source };
        match form {
            Form::Parquet(writer) => {
                writer.close().map_err(|source| failed(&path, source))?;
            }
            Form::Csv(writer) => {
                writer.into_inner().into_inner().map_err(|error| io(error.into_error()))?;
            }
        }
        std::fs::rename(&part.0, &path).map_err(io)
    }
}

fn failed(path: &Path, source: impl std::error::Error + Send + Sync + 'static) -> OfflineError {
    OfflineError::Write { path: path.to_owned(), source: Box::new(source) }
}

/// Lists, maps and structs as JSON text: a cell of CSV holds nothing else.
fn flat(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if field.data_type().is_nested() {
            fields.push(Field::new(field.name(), DataType::Utf8, true));
            columns.push(json_column(column)?);
        } else {
            fields.push(field.as_ref().clone());
            columns.push(Arc::clone(column));
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

fn json_column(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let schema = Schema::new(vec![Field::new("v", column.data_type().clone(), true)]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::clone(column)])?;
    let mut writer = json::LineDelimitedWriter::new(Vec::new());
    writer.write(&batch)?;
    writer.finish()?;
    let text = String::from_utf8(writer.into_inner()).map_err(|error| ArrowError::JsonError(error.to_string()))?;
    let cell = |line: &str| line.strip_prefix("{\"v\":").and_then(|rest| rest.strip_suffix('}')).map(str::to_owned);
    Ok(Arc::new(text.lines().map(cell).collect::<StringArray>()))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, ListArray};
    use arrow::datatypes::Int64Type;

    use super::*;

    fn batch() -> RecordBatch {
        let lists = vec![Some(vec![Some(1), None]), None];
        let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists));
        RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from(vec![7, 8])) as ArrayRef), ("list", lists)])
            .unwrap()
    }

    #[test]
    fn lists_are_json_in_csv() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let mut writer = TableWriter::create(&path, &batch().schema()).unwrap();
        writer.write(&batch()).unwrap();
        assert!(!path.exists());
        writer.finish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "id,list\n7,\"[1,null]\"\n8,\n");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_finished_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = TableWriter::create(&folder.path().join("t.parquet"), &batch().schema()).unwrap();
        writer.write(&batch()).unwrap();
        drop(writer);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(TableWriter::create(&folder.path().join("t.txt"), &batch().schema()).is_err());
    }
}

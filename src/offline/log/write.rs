//! A batch on its way into a log.

use std::fs::{self, File, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
use ::parquet::basic::Compression;
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{ColumnChunkMetaData, KeyValue};
use ::parquet::file::properties::WriterProperties;
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};

use super::{BATCH_KEY, LogError, io};

/// Encoded bytes that are kept until a row group is written: the memory that writing takes.
const ROW_GROUP_BYTES: usize = 16 * 1024 * 1024;
/// Where the parquet library keeps the Arrow schema; it writes its own.
const ARROW_SCHEMA: &str = "ARROW:schema";

/// A batch on its way into a log. One that is not finished leaves nothing.
pub struct BatchWriter {
    stage: Stage,
    target: PathBuf,
    writer: ArrowWriter<File>,
    schema: SchemaRef,
    /// a log that is one file: as it was when this began
    old: Option<Old>,
}

struct Old {
    footer: ArrowReaderMetadata,
    metadata: Metadata,
}

/// A file that is removed unless it gets its name.
struct Stage(PathBuf);

impl Drop for Stage {
    fn drop(&mut self) {
        // it has its name already, or it is of no use to anybody
        let _ = fs::remove_file(&self.0);
    }
}

impl BatchWriter {
    /// A part file of its own.
    pub(super) fn part(folder: &Path, target: &Path, schema: &SchemaRef) -> Result<Self, LogError> {
        fs::create_dir_all(folder).map_err(io("make the folder", folder))?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        Self::create(target, schema, properties, None)
    }

    /// A file in which the old rows follow the new ones.
    pub(super) fn rewrite(
        target: &Path,
        batch: &str,
        schema: &SchemaRef,
        footer: &ArrowReaderMetadata,
    ) -> Result<Self, LogError> {
        let theirs = footer.schema();
        if types(schema) != types(theirs) {
            let reason = format!("they are {}, the file has {}", list(schema), list(theirs));
            return Err(LogError::Columns { path: target.to_owned(), reason });
        }
        let metadata = fs::metadata(target).map_err(io("read", target))?;
        let groups = footer.metadata().row_groups();
        let compression =
            groups.first().and_then(|group| group.columns().first()).map(ColumnChunkMetaData::compression);
        let kept = footer.metadata().file_metadata().key_value_metadata().into_iter().flatten();
        let mut entries: Vec<KeyValue> =
            kept.filter(|entry| entry.key != BATCH_KEY && entry.key != ARROW_SCHEMA).cloned().collect();
        entries.push(KeyValue::new(BATCH_KEY.to_owned(), batch.to_owned()));
        let properties = WriterProperties::builder()
            .set_compression(compression.unwrap_or(Compression::SNAPPY))
            .set_key_value_metadata(Some(entries))
            .build();
        // what pandas and others keep with the columns stays with them
        let schema = Arc::new(Schema::new(theirs.fields().clone()));
        let old = Old { footer: footer.clone(), metadata };
        Self::create(target, &schema, properties, Some(old))
    }

    fn create(
        target: &Path,
        schema: &SchemaRef,
        properties: WriterProperties,
        old: Option<Old>,
    ) -> Result<Self, LogError> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let stage = Stage(target.with_file_name(format!(".{name}.stage")));
        let file = File::create(&stage.0).map_err(io("write", &stage.0))?;
        let writer = ArrowWriter::try_new(file, Arc::clone(schema), Some(properties));
        let writer = writer.map_err(failed("write", target))?;
        Ok(Self { stage, target: target.to_owned(), writer, schema: Arc::clone(schema), old })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// `Parquet`, `Io`.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), LogError> {
        // the same columns and types; what a field says beside them is the log's
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), batch.columns().to_vec())
            .map_err(|error| failed("write", &self.target)(ParquetError::from(error)))?;
        self.writer.write(&batch).map_err(failed("write", &self.target))?;
        if self.writer.in_progress_size() >= ROW_GROUP_BYTES {
            self.writer.flush().map_err(failed("write", &self.target))?;
        }
        Ok(())
    }

    /// Makes the batch part of the log. When this returns it is safe from a loss of power.
    ///
    /// # Errors
    /// `Changed` where another program wrote the one file of the log meanwhile; `Parquet`, `Io`. Then the log is as it was.
    pub fn finish(mut self) -> Result<(), LogError> {
        if let Some(Old { footer, .. }) = &self.old {
            let footer = footer.clone();
            self.append_old(footer)?;
        }
        let Self { stage, target, writer, old, .. } = self;
        let file = writer.into_inner().map_err(failed("write", &target))?;
        file.sync_all().map_err(io("write", &stage.0))?;
        if let Some(Old { metadata, .. }) = old {
            fs::set_permissions(&stage.0, metadata.permissions()).map_err(io("write", &stage.0))?;
            let now = fs::metadata(&target).map_err(io("read", &target))?;
            if !is_same(&metadata, &now) {
                return Err(LogError::Changed { path: target });
            }
        }
        fs::rename(&stage.0, &target).map_err(io("name", &target))?;
        sync_folder(&target)
    }

    fn append_old(&mut self, footer: ArrowReaderMetadata) -> Result<(), LogError> {
        let file = File::open(&self.target).map_err(io("read", &self.target))?;
        let rows = ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer);
        let rows = rows.build().map_err(failed("read", &self.target))?;
        for batch in rows {
            let batch = batch.map_err(|error| failed("read", &self.target)(ParquetError::from(error)))?;
            self.write(&batch)?;
        }
        Ok(())
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(ParquetError) -> LogError {
    let path = path.to_owned();
    move |source| LogError::Parquet { doing, path, source }
}

/// Names and types, in order.
fn types(schema: &Schema) -> Vec<(&str, &arrow::datatypes::DataType)> {
    schema.fields().iter().map(|field| (field.name().as_str(), field.data_type())).collect()
}

fn list(schema: &Schema) -> String {
    let columns = schema.fields().iter().map(|field| format!("`{}` {}", field.name(), field.data_type()));
    columns.collect::<Vec<_>>().join(", ")
}

/// Whether nobody wrote the file in between.
fn is_same(before: &Metadata, now: &Metadata) -> bool {
    let same = before.len() == now.len() && before.modified().ok() == now.modified().ok();
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        same && before.ino() == now.ino()
    }
    #[cfg(not(unix))]
    same
}

/// A name is safe from a loss of power when its folder is.
fn sync_folder(path: &Path) -> Result<(), LogError> {
    let Some(folder) = path.parent() else { return Ok(()) };
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // some file systems have no such thing; a name is then as safe as they make it
        Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => Ok(()),
        other => other.map_err(io("synchronize", folder)),
    }
}

//! All rows of one parquet file in their order.

use std::fs::File;
use std::path::{Path, PathBuf};

use ::parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use ::parquet::file::reader::ChunkReader;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;

use super::read::guarded;
use crate::source::SourceError;

/// Reads a parquet file batch by batch.
pub struct Rows {
    path: PathBuf,
    schema: SchemaRef,
    reader: ParquetRecordBatchReader,
}

impl Rows {
    /// The rows of the file at `path`, so many at a time.
    ///
    /// # Errors
    /// `Io`, `NotParquet`, `Damaged`.
    pub fn of_file(path: &Path, batch: usize) -> Result<Self, SourceError> {
        let file = File::open(path).map_err(|source| SourceError::Io { path: path.to_owned(), source })?;
        Self::new(path, file, batch)
    }

    /// The rows of a file in memory, which messages call `name`.
    ///
    /// # Errors
    /// `NotParquet`, `Damaged`.
    pub fn of_bytes(name: &Path, bytes: Vec<u8>, batch: usize) -> Result<Self, SourceError> {
        Self::new(name, Bytes::from(bytes), batch)
    }

    fn new(path: &Path, source: impl ChunkReader + 'static, batch: usize) -> Result<Self, SourceError> {
        let begins = source.get_bytes(0, 4).is_ok_and(|magic| magic.as_ref() == b"PAR1");
        if !begins {
            return Err(SourceError::NotParquet { path: path.to_owned() });
        }
        let damaged = |source| SourceError::Damaged { path: path.to_owned(), source };
        guarded(path, || {
            let builder = ParquetRecordBatchReaderBuilder::try_new(source).map_err(damaged)?;
            let schema = builder.schema().clone();
            let reader = builder.with_batch_size(batch).build().map_err(damaged)?;
            Ok(Self { path: path.to_owned(), schema, reader })
        })
    }

    /// The columns.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }
}

impl Iterator for Rows {
    type Item = Result<RecordBatch, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        let path = self.path.clone();
        let read = guarded(&path, || match self.reader.next() {
            None => Ok(None),
            Some(Ok(batch)) => Ok(Some(batch)),
            Some(Err(source)) => Err(SourceError::Decode { path: path.clone(), source }),
        });
        read.transpose()
    }
}

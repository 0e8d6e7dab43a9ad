//! Batches of one row group: some columns, perhaps some rows.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::util::display::FormatOptions;

use super::dataset::{DataFile, Dataset, Unit};
use crate::model::{DUMMY_JOIN_KEY, DUMMY_VALUE};
use crate::source::SourceError;

/// Rows of a decoded batch, at most: small enough for a processor's cache, large enough to forget the cost of a batch.
const BATCH_ROWS: usize = 4_096;

/// Runs a step of the decoder, which may panic on bytes that no writer makes.
pub(super) fn guarded<T>(path: &Path, step: impl FnOnce() -> Result<T, SourceError>) -> Result<T, SourceError> {
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|_| Err(SourceError::Broken { path: path.to_owned() }))
}

/// The batches of a row group; each has the columns that were asked for, in that order.
pub(super) struct Batches {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    columns: Vec<Column>,
}

/// Where a column comes from.
enum Column {
    /// position in the decoded batch, and the type of all files where this one writes another
    Decoded(usize, Option<DataType>),
    /// the same in all rows: a Hive partition
    Number(Option<i64>),
    Text(Option<String>),
}

impl Dataset {
    /// Opens a row group for the columns of these names; with `selection` only for its rows.
    pub(super) fn read(
        &self,
        unit: &Unit,
        columns: &[String],
        selection: Option<RowSelection>,
    ) -> Result<Batches, SourceError> {
        let Some(file) = self.file(unit) else { return Err(SourceError::Broken { path: self.path().to_owned() }) };
        let roots = roots(file, columns);
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file.held.reader()?, file.footer.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots.iter().copied());
        let mut builder = builder.with_projection(mask).with_row_groups(vec![unit.group]).with_batch_size(BATCH_ROWS);
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        let reader = builder.build().map_err(|source| SourceError::Damaged { path: file.path().to_owned(), source })?;
        let columns = columns.iter().map(|name| self.find(file, &roots, name)).collect::<Result<_, _>>()?;
        Ok(Batches { path: file.path().to_owned(), reader, columns })
    }

    fn find(&self, file: &DataFile, roots: &[usize], name: &str) -> Result<Column, SourceError> {
        let merged = self.column(name).cloned();
        if let Some((root, field)) = file.footer.schema().column_with_name(name) {
            let position = roots.iter().position(|known| *known == root).unwrap_or(usize::MAX);
            let wanted = merged?;
            let differs = *field.data_type() != wanted;
            return Ok(Column::Decoded(position, differs.then_some(wanted)));
        }
        if let Some((_, value)) = file.partitions.iter().find(|(partition, _)| partition == name) {
            return Ok(match merged? {
                DataType::Int64 => Column::Number(value.as_ref().and_then(|value| value.parse().ok())),
                _ => Column::Text(value.clone()),
            });
        }
        if name == DUMMY_JOIN_KEY {
            return Ok(Column::Text(Some(DUMMY_VALUE.to_owned())));
        }
        merged.map(|_| Column::Text(None))
    }
}

/// Positions of those columns that are stored in the file, each once, in the order of the file.
fn roots(file: &DataFile, columns: &[String]) -> Vec<usize> {
    let schema = file.footer.schema();
    let mut roots: Vec<usize> =
        columns.iter().filter_map(|name| schema.column_with_name(name)).map(|(root, _)| root).collect();
    roots.sort_unstable();
    roots.dedup();
    roots
}

impl Batches {
    fn arrange(&self, batch: &RecordBatch) -> Result<(usize, Vec<ArrayRef>), ArrowError> {
        let columns = self.columns.iter().map(|column| column.of(batch)).collect::<Result<_, _>>()?;
        Ok((batch.num_rows(), columns))
    }
}

/// An instant that the finer unit has no room for is an error, not a null.
const STRICT: CastOptions<'static> = CastOptions { safe: false, format_options: FormatOptions::new() };

impl Column {
    fn of(&self, batch: &RecordBatch) -> Result<ArrayRef, ArrowError> {
        let rows = batch.num_rows();
        let decoded = |position: usize| {
            let missing = || ArrowError::SchemaError("a projected column is missing".to_owned());
            batch.columns().get(position).ok_or_else(missing)
        };
        Ok(match self {
            Self::Decoded(position, None) => Arc::clone(decoded(*position)?),
            Self::Decoded(position, Some(dtype)) => cast_with_options(decoded(*position)?, dtype, &STRICT)?,
            Self::Number(value) => Arc::new(Int64Array::from(vec![*value; rows])),
            Self::Text(value) => Arc::new(std::iter::repeat_n(value.as_deref(), rows).collect::<StringArray>()),
        })
    }
}

impl Iterator for Batches {
    /// number of rows, and the columns
    type Item = Result<(usize, Vec<ArrayRef>), SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?.and_then(|batch| self.arrange(&batch));
        Some(batch.map_err(|source| SourceError::Decode { path: self.path.clone(), source }))
    }
}

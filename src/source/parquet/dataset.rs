//! The files of one source as one table: footers, merged schema, row groups.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use ::parquet::file::reader::{ChunkReader, Length};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::files::{Located, locate};
use super::held::{FileReader, HeldFile};
use super::read::guarded;
use crate::source::SourceError;

/// Files of a source that stay open while it is read, at most.
const HELD: usize = 128;

/// The files behind the path of a source, with their footers read and their schemas merged.
#[derive(Debug)]
pub struct Dataset {
    path: PathBuf,
    files: Vec<DataFile>,
    schema: SchemaRef,
}

/// One file with its footer.
#[derive(Debug)]
pub(super) struct DataFile {
    pub held: HeldFile,
    pub footer: ArrowReaderMetadata,
    pub partitions: Vec<(String, Option<String>)>,
    /// rows of the files before this one
    pub first_row: u64,
}

/// One row group, the unit of work: rows are numbered through all files and row groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    pub file: usize,
    pub group: usize,
    pub first_row: u64,
    pub rows: u64,
}

impl DataFile {
    pub fn path(&self) -> &Path {
        self.held.path()
    }
}

impl Dataset {
    /// Finds the files of `path` (a file, a directory or a glob, absolute) and reads their footers.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let mut files = Vec::new();
        let mut first_row = 0;
        for Located { path, partitions } in locate(path)? {
            let (held, reader) = HeldFile::open(&path, files.len() < HELD)?;
            let footer = guarded(&path, || read_footer(&path, &reader))?;
            let count: u64 = footer.metadata().row_groups().iter().map(rows).sum();
            files.push(DataFile { held, footer, partitions, first_row });
            first_row += count;
        }
        Ok(Self { path: path.to_owned(), schema: merge(&files)?, files })
    }

    /// The path that was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Columns of all files, partitions included.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Rows of all files, as their footers say.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.units().map(|unit| unit.rows).sum()
    }

    /// The file of a row, and the row's number in that file, from 0.
    #[must_use]
    pub fn place(&self, row: u64) -> (&Path, u64) {
        let after = self.files.partition_point(|file| file.first_row <= row);
        let file = after.checked_sub(1).and_then(|index| self.files.get(index));
        file.map_or((self.path(), row), |file| (file.path(), row - file.first_row))
    }

    /// Bytes of one row in these columns, decoded, on average; at least 1.
    #[must_use]
    pub fn row_bytes(&self, columns: &[String]) -> u64 {
        let groups = self.files.iter().flat_map(|file| file.footer.metadata().row_groups());
        let chunks = groups.flat_map(RowGroupMetaData::columns);
        let wanted =
            chunks.filter(|chunk| chunk.column_path().parts().first().is_some_and(|root| columns.contains(root)));
        // a dictionary packs texts that are decoded at their full length
        let size = |chunk: &ColumnChunkMetaData| {
            chunk.uncompressed_size().max(chunk.unencoded_byte_array_data_bytes().unwrap_or(0))
        };
        let bytes: u64 = wanted.map(|chunk| u64::try_from(size(chunk)).unwrap_or(0)).sum();
        (bytes / self.rows().max(1)).max(columns.len() as u64 * 8)
    }

    pub(super) fn file(&self, unit: &Unit) -> Option<&DataFile> {
        self.files.get(unit.file)
    }

    /// All row groups in the order of their rows.
    pub(super) fn units(&self) -> impl Iterator<Item = Unit> + '_ {
        self.files.iter().enumerate().flat_map(|(index, file)| {
            let mut next = file.first_row;
            file.footer.metadata().row_groups().iter().enumerate().map(move |(group, metadata)| {
                let unit = Unit { file: index, group, first_row: next, rows: rows(metadata) };
                next += unit.rows;
                unit
            })
        })
    }

    /// The type of a column, if every file with rows has it.
    ///
    /// # Errors
    /// `NoColumn`, naming the file that lacks it.
    pub fn column(&self, name: &str) -> Result<&DataType, SourceError> {
        for file in self.files.iter().filter(|file| file.footer.metadata().file_metadata().num_rows() > 0) {
            let is_partition = file.partitions.iter().any(|(partition, _)| partition == name);
            if !is_partition && file.footer.schema().column_with_name(name).is_none() {
                return Err(SourceError::NoColumn {
                    path: file.path().to_owned(),
                    column: name.to_owned(),
                    columns: self.schema.fields().iter().map(|field| field.name().clone()).collect(),
                });
            }
        }
        self.schema.field_with_name(name).map(Field::data_type).map_err(|_| SourceError::NoColumn {
            path: self.path.clone(),
            column: name.to_owned(),
            columns: Vec::new(),
        })
    }
}

fn rows(group: &RowGroupMetaData) -> u64 {
    u64::try_from(group.num_rows()).unwrap_or(0)
}

fn read_footer(path: &Path, file: &FileReader) -> Result<ArrowReaderMetadata, SourceError> {
    check_magic(path, file)?;
    ArrowReaderMetadata::load(file, ArrowReaderOptions::new()).map_err(|source| damaged(path, source))
}

/// Parquet files begin and end with `PAR1`, those with an encrypted footer with `PARE`.
fn check_magic(path: &Path, file: &FileReader) -> Result<(), SourceError> {
    let length = file.len();
    let bytes = |at| file.get_bytes(at, 4).map_err(|source| damaged(path, source));
    let (first, last) = match length.checked_sub(4) {
        Some(end) => (bytes(0)?, bytes(end)?),
        None => Default::default(),
    };
    match (first.as_ref(), last.as_ref()) {
        (b"PAR1", b"PAR1") if length >= 12 => Ok(()),
        (b"PARE", _) => Err(SourceError::Encrypted { path: path.to_owned() }),
        (b"PAR1", _) => Err(SourceError::Truncated { path: path.to_owned() }),
        _ => Err(SourceError::NotParquet { path: path.to_owned() }),
    }
}

fn damaged(path: &Path, source: ParquetError) -> SourceError {
    SourceError::Damaged { path: path.to_owned(), source }
}

/// The columns of all files in the order in which they first appear, then the partitions.
fn merge(files: &[DataFile]) -> Result<SchemaRef, SourceError> {
    let mut merged: Vec<(Field, &Path)> = Vec::new();
    for file in files {
        check_names(file)?;
        for field in file.footer.schema().fields() {
            match merged.iter_mut().find(|(known, _)| known.name() == field.name()) {
                None => merged.push((unpacked(field), file.path())),
                Some((known, path)) => match common(known.data_type(), field.data_type()) {
                    Some(dtype) => known.set_data_type(dtype),
                    None => return Err(disagree(known, path, field, file.path())),
                },
            }
        }
    }
    let mut fields: Vec<Field> = merged.into_iter().map(|(field, _)| field).collect();
    for (name, _) in files.iter().flat_map(|file| &file.partitions) {
        if fields.iter().all(|field| field.name() != name) {
            fields.push(Field::new(name, partition_type(files, name), true));
        }
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// Columns are found by their names.
fn check_names(file: &DataFile) -> Result<(), SourceError> {
    let mut seen = BTreeSet::new();
    match file.footer.schema().fields().iter().find(|field| !seen.insert(field.name())) {
        Some(field) => Err(SourceError::TwoColumns { path: file.path().to_owned(), column: field.name().clone() }),
        None => Ok(()),
    }
}

/// A column of texts is read as such, however its file packs it: each file has a dictionary of its own.
fn unpacked(field: &Field) -> Field {
    match field.data_type() {
        DataType::Dictionary(_, value) => field.clone().with_data_type(value.as_ref().clone()),
        _ => field.clone(),
    }
}

/// The type of a column that two files write differently, where each can be read as it: instants in the finer unit, and
/// whatever a column without any value stands for.
fn common(known: &DataType, other: &DataType) -> Option<DataType> {
    match (known, other) {
        (DataType::Timestamp(a, zone), DataType::Timestamp(b, other)) => {
            let finer = if fineness(*a) >= fineness(*b) { a } else { b };
            // without a zone an instant is UTC, and no cast between the two moves it
            Some(DataType::Timestamp(*finer, zone.clone().filter(|zone| other.as_ref() == Some(zone))))
        }
        (DataType::Dictionary(_, value), other) => common(value, other),
        (known, DataType::Dictionary(_, value)) => common(known, value),
        (DataType::Null, other) => Some(other.clone()),
        (known, other) => (*other == DataType::Null || known.equals_datatype(other)).then(|| known.clone()),
    }
}

fn fineness(unit: TimeUnit) -> u8 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 1,
        TimeUnit::Microsecond => 2,
        TimeUnit::Nanosecond => 3,
    }
}

fn disagree(known: &Field, path: &Path, other: &Field, other_path: &Path) -> SourceError {
    SourceError::Disagree {
        column: known.name().clone(),
        files: Box::new((path.to_owned(), other_path.to_owned())),
        types: Box::new((known.data_type().to_string(), other.data_type().to_string())),
    }
}

/// A partition is a column of whole numbers where all its values are, else of texts.
fn partition_type(files: &[DataFile], name: &str) -> DataType {
    let mut values = files.iter().flat_map(|file| &file.partitions).filter(|(partition, _)| partition == name);
    let all_numbers = values.all(|(_, value)| value.as_ref().is_none_or(|value| value.parse::<i64>().is_ok()));
    if all_numbers { DataType::Int64 } else { DataType::Utf8 }
}

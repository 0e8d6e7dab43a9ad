//! The historical log: files that grow by whole batches, each of which is there once or not at all.
//!
//! A batch has a name that no other batch ever has. In a directory it becomes a part file of that name: written beside
//! under a name that readers pass over, synchronized, renamed, never rewritten. A log that is one file is rewritten as
//! Feast rewrites it, new rows first, and keeps the batch's name in its footer. So whoever comes after a crash can tell
//! from the files alone whether a batch arrived.

mod error;
mod lock;
mod write;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use arrow::datatypes::SchemaRef;

pub use error::LogError;
pub use lock::LogLock;
pub use write::BatchWriter;

/// Endings of files that Feast's readers look for in a directory.
const ENDINGS: [&str; 3] = ["parquet", "parq", "pq"];
/// The key in a file's footer under which the name of the last batch stands.
const BATCH_KEY: &str = "feast_rs:batch";

/// The files of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFiles {
    path: PathBuf,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Directory,
    File,
}

impl LogFiles {
    /// The log at `path`, which is absolute: a directory, or one parquet file. What is not there yet is a file if it is
    /// named like one.
    ///
    /// # Errors
    /// `NoPlace` for a pattern or a remote place.
    pub fn at(path: &Path) -> Result<Self, LogError> {
        let text = path.to_string_lossy();
        let is_named_as_file =
            path.extension().is_some_and(|end| ENDINGS.iter().any(|known| end.eq_ignore_ascii_case(known)));
        let form = match fs::metadata(path) {
            Ok(found) if found.is_dir() => Form::Directory,
            Ok(_) => Form::File,
            Err(_) if text.contains("://") || text.contains(['*', '?', '[']) => {
                return Err(LogError::NoPlace { path: path.to_owned() });
            }
            Err(_) if is_named_as_file => Form::File,
            Err(_) => Form::Directory,
        };
        // a link stays a link: what it leads to is rewritten
        let path = if form == Form::File {
            fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
        } else {
            path.to_owned()
        };
        Ok(Self { path, form })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the directory, with one file that has these columns and no rows, where no file is: readers need one. A log
    /// that is one file must be there already.
    ///
    /// # Errors
    /// `Missing`, `Io`, `Parquet`.
    pub fn ensure(&self, schema: &SchemaRef, batch: &str) -> Result<(), LogError> {
        match self.form {
            Form::File if self.path.is_file() => Ok(()),
            Form::File => Err(LogError::Missing { path: self.path.clone() }),
            Form::Directory => {
                fs::create_dir_all(&self.path).map_err(io("make the folder", &self.path))?;
                if self.has_files()? { Ok(()) } else { self.begin(batch, schema)?.finish() }
            }
        }
    }

    /// Keeps other writers away until it is dropped; waits for its turn.
    ///
    /// # Errors
    /// `Busy` after a minute, `Io`.
    pub fn lock(&self) -> Result<LogLock, LogError> {
        LogLock::wait(self)
    }

    /// Whether the batch of this name is in the log.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn has(&self, batch: &str) -> Result<bool, LogError> {
        if self.form == Form::Directory {
            return self.part(batch).try_exists().map_err(io("look for", &self.part(batch)));
        }
        if !self.path.exists() {
            return Ok(false);
        }
        let footer = self.footer()?;
        let entries = footer.metadata().file_metadata().key_value_metadata();
        let last = entries.and_then(|entries| entries.iter().find(|entry| entry.key == BATCH_KEY));
        Ok(last.is_some_and(|entry| entry.value.as_deref() == Some(batch)))
    }

    /// Begins to write the batch of this name; until [`BatchWriter::finish`] returns, no reader sees it.
    ///
    /// # Errors
    /// `Missing` for a log that is one file and not there, `Columns` where that has other columns, `Io`, `Parquet`.
    pub fn begin(&self, batch: &str, schema: &SchemaRef) -> Result<BatchWriter, LogError> {
        match self.form {
            Form::Directory => BatchWriter::part(&self.path, &self.part(batch), schema),
            Form::File => BatchWriter::rewrite(&self.path, batch, schema, &self.footer()?),
        }
    }

    fn part(&self, batch: &str) -> PathBuf {
        self.path.join(format!("{batch}.parquet"))
    }

    fn footer(&self) -> Result<ArrowReaderMetadata, LogError> {
        if !self.path.exists() {
            return Err(LogError::Missing { path: self.path.clone() });
        }
        let file = File::open(&self.path).map_err(io("read", &self.path))?;
        ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(|source| LogError::Parquet {
            doing: "read",
            path: self.path.clone(),
            source,
        })
    }

    fn has_files(&self) -> Result<bool, LogError> {
        for entry in fs::read_dir(&self.path).map_err(io("read", &self.path))? {
            let path = entry.map_err(io("read", &self.path))?.path();
            let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(['.', '_']));
            let is_parquet =
                path.extension().is_some_and(|end| ENDINGS.iter().any(|known| end.eq_ignore_ascii_case(known)));
            if !is_hidden && (is_parquet || path.is_dir()) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn io(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> LogError {
    let path = path.to_owned();
    move |source| LogError::Io { doing, path, source }
}

#[cfg(test)]
mod tests;

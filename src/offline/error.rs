//! Everything that can be wrong with a table of entities, or with the table that is written.

use std::path::PathBuf;

use ::parquet::errors::ParquetError;
use arrow::error::ArrowError;

/// Why a table could not be read or written. Each message names it; [`OfflineError::hint`] has the cure.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// the operating system refused
    #[error("cannot {what} `{}`", path.display())]
    Io {
        /// `read`, `write`
        what: &'static str,
        /// the file
        path: PathBuf,
        /// why
        source: std::io::Error,
    },
    /// the end of the name says nothing
    #[error("`{}` is not named as a table that can be {verb}", path.display())]
    Format {
        /// `read`, `written`
        verb: &'static str,
        /// the file
        path: PathBuf,
        /// what there is
        known: &'static str,
    },
    /// the parquet library refused
    #[error("the {table} is no parquet file that can be used")]
    Parquet {
        /// which table
        table: String,
        /// why
        source: ParquetError,
    },
    /// the Arrow library refused
    #[error("the {table} cannot be decoded")]
    Decode {
        /// which table
        table: String,
        /// why
        source: ArrowError,
    },
    /// a text that is no JSON
    #[error("the {table} is no JSON array of objects")]
    Json {
        /// which table
        table: String,
        /// why
        source: serde_json::Error,
    },
    /// no column that could be the event time, or several
    #[error("the {table} does not say which column is the event time")]
    NoEventTime {
        /// which table
        table: String,
        /// those that could be
        candidates: Vec<String>,
    },
    /// the event time is of another type
    #[error("the event time `{column}` of the {table} holds {found}, not timestamps")]
    NotInstants {
        /// which table
        table: String,
        /// its event time
        column: String,
        /// Arrow type
        found: String,
    },
    /// one event time that is none
    #[error("the event time `{column}` in row {number} of the {table} cannot be read: {reason}", number = row + 1)]
    BadInstant {
        /// which table
        table: String,
        /// its event time
        column: String,
        /// from 0
        row: u64,
        /// for a human
        reason: String,
    },
    /// the rows could not be written
    #[error("cannot write `{}`", path.display())]
    Write {
        /// the file
        path: PathBuf,
        /// why
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// a file of dead letters with a line that is none
    #[error("line {line} of `{}` is no dead letter: {reason}", path.display())]
    DeadLetter {
        /// the file
        path: PathBuf,
        /// from 1
        line: u64,
        /// for a human
        reason: String,
    },
}

impl OfflineError {
    /// A failed file operation.
    pub(super) fn io(what: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Io { what, path: path.to_owned(), source }
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Format { known, .. } => format!("name it {known}"),
            Self::Json { .. } => {
                "for example `[{\"driver_id\": 1001, \"event_timestamp\": \"2026-11-22T20:00:00Z\"}]`".to_owned()
            }
            Self::NoEventTime { candidates, .. } if candidates.is_empty() => {
                "name the column with the instant of each row `event_timestamp`".to_owned()
            }
            Self::NoEventTime { candidates, .. } => {
                format!("rename one of `{}` to `event_timestamp`", candidates.join("`, `"))
            }
            Self::NotInstants { .. } | Self::BadInstant { .. } => {
                "write timestamps, or text such as 2026-11-22T20:00:00Z; without a zone it is UTC".to_owned()
            }
            Self::DeadLetter { .. } => "name another file for dead letters, or mend that line".to_owned(),
            Self::Io { .. } | Self::Parquet { .. } | Self::Decode { .. } | Self::Write { .. } => return None,
        })
    }
}

//! Why rows do not reach a historical log.

use std::path::PathBuf;

use ::parquet::errors::ParquetError;

/// Why rows do not reach a historical log. Until they do they wait in the online store's file: none is lost.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// there is no such file
    #[error("the log `{}` does not exist", path.display())]
    Missing {
        /// where it should be
        path: PathBuf,
    },
    /// a path that is not one place
    #[error("nothing can be written to `{}`: it is a pattern or a remote place", path.display())]
    NoPlace {
        /// as it is resolved
        path: PathBuf,
    },
    /// the operating system refused
    #[error("cannot {doing} `{}`", path.display())]
    Io {
        /// what was tried
        doing: &'static str,
        /// the file
        path: PathBuf,
        /// why not
        source: std::io::Error,
    },
    /// the parquet library refused
    #[error("cannot {doing} `{}`", path.display())]
    Parquet {
        /// what was tried
        doing: &'static str,
        /// the file
        path: PathBuf,
        /// why not
        source: ParquetError,
    },
    /// another process writes to the log, for long
    #[error("the log `{}` is being written by another process", path.display())]
    Busy {
        /// the log
        path: PathBuf,
    },
    /// another program wrote the file while it was rewritten
    #[error("the log `{}` was changed by another program again and again while it was rewritten", path.display())]
    Changed {
        /// the file
        path: PathBuf,
    },
    /// the rows do not have the columns that the log's files have
    #[error("the rows do not fit the log `{}`: {reason}", path.display())]
    Columns {
        /// the log
        path: PathBuf,
        /// which column, and why
        reason: String,
    },
}

impl LogError {
    /// The cure, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Missing { .. } => "make the parquet file, with its columns, or name a folder in the source",
            Self::NoPlace { .. } => "name one parquet file or one folder in the source",
            Self::Busy { .. } | Self::Changed { .. } => {
                "run the command again: the rows wait in the online store, and none is logged twice"
            }
            Self::Columns { .. } => "the files of a log and the rows of its view have the same columns and types",
            Self::Io { .. } | Self::Parquet { .. } => {
                "mend that and run the command again: the rows wait in the online store, and none is logged twice"
            }
        };
        Some(hint.to_owned())
    }
}

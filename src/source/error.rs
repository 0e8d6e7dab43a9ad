//! Everything that can be wrong with a source of rows.

use std::path::PathBuf;

use ::parquet::errors::ParquetError;
use arrow::error::ArrowError;

use crate::model::Timestamp;
use crate::row::RowError;

/// Why rows could not be read. Each message names the file; [`SourceError::hint`] has the cure.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// there is nothing at that path
    #[error("there is no file or directory `{}`", path.display())]
    Missing {
        /// as resolved
        path: PathBuf,
    },
    /// a directory or glob without a parquet file
    #[error("no parquet file in `{}`", path.display())]
    NoFiles {
        /// directory or glob
        path: PathBuf,
    },
    /// a path of another machine
    #[error("`{}` is not on this machine's file system", path.display())]
    Remote {
        /// as written
        path: PathBuf,
    },
    /// a glob that cannot be read
    #[error("`{}` is not a glob pattern", path.display())]
    Pattern {
        /// as resolved
        path: PathBuf,
        /// what is wrong with it
        source: glob::PatternError,
    },
    /// the operating system refused
    #[error("reading `{}`", path.display())]
    Io {
        /// file or directory
        path: PathBuf,
        /// why
        source: std::io::Error,
    },
    /// the file does not begin like a parquet file
    #[error("`{}` is not a parquet file", path.display())]
    NotParquet {
        /// the file
        path: PathBuf,
    },
    /// the file begins like a parquet file but does not end like one
    #[error("`{}` is cut off: it has no parquet footer", path.display())]
    Truncated {
        /// the file
        path: PathBuf,
    },
    /// another file took its place while it was read
    #[error("`{}` was replaced while it was read", path.display())]
    Changed {
        /// the file
        path: PathBuf,
    },
    /// the footer is encrypted
    #[error("`{}` is encrypted", path.display())]
    Encrypted {
        /// the file
        path: PathBuf,
    },
    /// the library could not read the file
    #[error("decoding `{}`", path.display())]
    Damaged {
        /// the file
        path: PathBuf,
        /// why
        source: ParquetError,
    },
    /// a row lies outside of what the footer says of its row group, by which row groups are chosen
    #[error(
        "the footer of `{}` says that `{column}` lies between {min} and {max} in a row group, where a row has {found}",
        path.display()
    )]
    Statistics {
        /// the file
        path: PathBuf,
        /// the column of the event time
        column: String,
        /// smallest time, as the footer says
        min: Timestamp,
        /// largest time, as the footer says
        max: Timestamp,
        /// what a row has
        found: Timestamp,
    },
    /// the library could not decode a page
    #[error("decoding `{}`", path.display())]
    Decode {
        /// the file
        path: PathBuf,
        /// why
        source: ArrowError,
    },
    /// two files of one source declare a column differently
    #[error("column `{column}` is {} in `{}` but {} in `{}`", types.0, files.0.display(), types.1, files.1.display())]
    Disagree {
        /// the column
        column: String,
        /// one file, another file
        files: Box<(PathBuf, PathBuf)>,
        /// its Arrow type in the one and in the other
        types: Box<(String, String)>,
    },
    /// a file lacks a column that is needed
    #[error("`{}` has no column `{column}`", path.display())]
    NoColumn {
        /// the file
        path: PathBuf,
        /// the column
        column: String,
        /// what it has
        columns: Vec<String>,
    },
    /// a name that tells no column from another
    #[error("`{}` has two columns `{column}`", path.display())]
    TwoColumns {
        /// the file
        path: PathBuf,
        /// the name
        column: String,
    },
    /// a column cannot be used as what it was declared
    #[error("column `{column}` of `{}` cannot be {role}: {reason}", path.display())]
    WrongType {
        /// file, directory or glob
        path: PathBuf,
        /// the column
        column: String,
        /// the event time, a feature and its type, ...
        role: String,
        /// in words for a human
        reason: String,
        /// what to do
        hint: Option<String>,
    },
    /// the decoder gave up on bytes that no writer makes
    #[error("`{}` is damaged: the decoder stopped in the middle", path.display())]
    Broken {
        /// file, directory or glob
        path: PathBuf,
    },
    /// more entities than one run can hold
    #[error("`{}` has more than {limit} distinct entities", path.display())]
    TooManyKeys {
        /// file, directory or glob
        path: PathBuf,
        /// how many there may be
        limit: usize,
    },
    /// the rows do not fit the view
    #[error(transparent)]
    Row(#[from] RowError),
}

impl SourceError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => Some("a relative path starts at the folder of feature_store.yaml".to_owned()),
            Self::NoFiles { .. } => Some(
                "in a directory files named *.parquet, *.parq or *.pq are read; hidden ones and those that begin with `_` are not"
                    .to_owned(),
            ),
            Self::Remote { .. } => Some("copy the files here, or mount them, and name the local path".to_owned()),
            Self::NotParquet { .. } => {
                Some("write it as parquet, or name the parquet file in `path` of the source".to_owned())
            }
            Self::Changed { .. } => Some("run it again: it reads the new file then".to_owned()),
            Self::Truncated { .. } => Some("wait until its writer is done, or write the file again".to_owned()),
            Self::Disagree { .. } => Some("write all files of a source with the same column types".to_owned()),
            Self::NoColumn { column, columns, .. } => Some(column_hint(column, columns)),
            Self::TwoColumns { .. } => Some("write the file again, each column under a name of its own".to_owned()),
            Self::WrongType { hint, .. } => hint.clone(),
            Self::TooManyKeys { .. } => Some("materialize a shorter window at a time".to_owned()),
            Self::Damaged { .. } | Self::Decode { .. } | Self::Broken { .. } => {
                Some("write the file again; `parquet-tools` or pyarrow show what is left of it".to_owned())
            }
            Self::Statistics { .. } => Some(
                "write the file again with sound statistics, or with none: rows may be missing that no reader looks for"
                    .to_owned(),
            ),
            Self::Pattern { .. } | Self::Io { .. } | Self::Encrypted { .. } | Self::Row(_) => None,
        }
    }
}

fn column_hint(column: &str, columns: &[String]) -> String {
    let near = columns
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&name.to_lowercase(), &column.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= 2.max(column.len() / 3))
        .min();
    let known = columns.join(", ");
    near.map_or_else(
        || format!("its columns: {known}"),
        |(_, name)| format!("did you mean `{name}`? its columns: {known}"),
    )
}

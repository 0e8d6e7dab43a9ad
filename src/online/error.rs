//! What fails in an online store.

use std::path::PathBuf;

/// What fails in an online store.
#[derive(Debug, thiserror::Error)]
pub enum OnlineError {
    /// there is no such file
    #[error("there is no online store at `{}`", path.display())]
    NoStore {
        /// where it should be
        path: PathBuf,
    },
    /// there is no such table
    #[error("the online store has no table `{table}`")]
    NoTable {
        /// its name
        table: String,
    },
    /// another writer held the file for too long
    #[error("the online store `{}` is locked by another process", path.display())]
    Busy {
        /// the database
        path: PathBuf,
    },
    /// the view is materialized by another process
    #[error("`{view}` is being materialized by another process")]
    ViewLocked {
        /// name of the view
        view: String,
    },
    /// the file under the open database is another one now
    #[error("the online store `{}` was replaced or deleted while it was open", path.display())]
    Replaced {
        /// the database
        path: PathBuf,
    },
    /// the journal mode asked for is not the one that the file has now
    #[error("the online store `{}` is in journal mode `{found}`, not `{wanted}`", path.display())]
    Journal {
        /// the database
        path: PathBuf,
        /// asked for
        wanted: &'static str,
        /// answered
        found: String,
    },
    /// a file beside the store cannot be used
    #[error("{doing} `{}`", path.display())]
    File {
        /// what was tried
        doing: &'static str,
        /// the file
        path: PathBuf,
        /// why not
        #[source]
        source: std::io::Error,
    },
    /// SQLite says no
    #[error("{doing}")]
    Sqlite {
        /// what was tried
        doing: String,
        /// why not
        #[source]
        source: rusqlite::Error,
    },
}

impl OnlineError {
    /// The cure, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoStore { .. } | Self::NoTable { .. } => "run `feast-rs apply`",
            Self::Busy { .. } => "try again; a Python process that holds a transaction for long is the usual cause",
            Self::ViewLocked { .. } => "wait until it ends",
            Self::Replaced { .. } => "start again; `feast teardown` and `rm` do this to a running process",
            Self::Journal { .. } => "set `feast_rs.journal_mode: delete` on file systems without shared memory",
            Self::File { .. } | Self::Sqlite { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

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
    /// a table of another program stands under the name of a view's
    #[error("table `{table}` in the online store `{}` is none of Feast's: it has no column `{column}`", path.display())]
    ForeignTable {
        /// the database
        path: PathBuf,
        /// the table
        table: String,
        /// what Feast's tables have and this one lacks
        column: &'static str,
    },
    /// another writer held the file for too long
    #[error("the online store `{}` is locked by another process", path.display())]
    Busy {
        /// the database
        path: PathBuf,
    },
    /// another process does the same with the view
    #[error("another process runs `{what}` for the table `{table}`")]
    ViewLocked {
        /// `materialize`, `stream-ingest`
        what: String,
        /// the view's table
        table: String,
    },
    /// the table that positions in a stream belong to was made anew
    #[error("the table `{table}` was dropped or made anew since `{view}` last read its stream")]
    Generation {
        /// name of the view
        view: String,
        /// its table
        table: String,
    },
    /// what stands beside the values was written by a later version
    #[error("the online store `{}` holds positions and logs in format {found}, and this version knows {known}", path.display())]
    Newer {
        /// the database
        path: PathBuf,
        /// found
        found: i64,
        /// the latest that we know
        known: i64,
    },
    /// a row of ours cannot be understood
    #[error("a row of `{table}` in the online store is damaged: {reason}")]
    Damaged {
        /// one of our tables
        table: &'static str,
        /// what is wrong
        reason: String,
    },
    /// rows for a log cannot be put into Arrow's format, or taken out of it
    #[error("rows for the log `{log}` cannot be {verb}")]
    Spool {
        /// path of the log
        log: String,
        /// `spooled`, `read back`
        verb: &'static str,
        /// why not
        #[source]
        source: arrow::error::ArrowError,
    },
    /// the thread that owns the store is gone
    #[error("the thread that writes to the online store has ended")]
    LaneEnded,
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
    /// Whether the machine is what stands in the way: no room on the disk, no right to the file.
    #[must_use]
    pub fn lacks_room_or_rights(&self) -> bool {
        use rusqlite::ErrorCode::{CannotOpen, DiskFull, PermissionDenied, ReadOnly};
        let Self::Sqlite { source, .. } = self else { return false };
        matches!(source.sqlite_error_code(), Some(CannotOpen | DiskFull | PermissionDenied | ReadOnly))
    }

    /// The cure, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoStore { .. } | Self::NoTable { .. } => "run `feast-rs apply`",
            Self::ForeignTable { table, .. } => {
                return Some(format!(
                    "move it out of the way, as `ALTER TABLE {table} RENAME TO ..`, then run `feast-rs apply`"
                ));
            }
            Self::Busy { .. } => "try again; a Python process that holds a transaction for long is the usual cause",
            Self::ViewLocked { .. } => "wait until it ends",
            Self::Generation { view, .. } => {
                return Some(format!(
                    "what the stream had put into it is gone: read again from where it matters with `feast-rs kinesis \
                     checkpoints reset {view} --to latest|trim-horizon|at-timestamp=T`, or go on with `--to keep`"
                ));
            }
            Self::Newer { .. } => "use that version or a later one",
            Self::Replaced { .. } => "start again; `feast teardown` and `rm` do this to a running process",
            Self::Journal { .. } => "set `feast_rs.journal_mode: delete` on file systems without shared memory",
            Self::Sqlite { source, .. } => return sqlite_hint(source),
            Self::File { .. } | Self::Damaged { .. } | Self::Spool { .. } | Self::LaneEnded => return None,
        };
        Some(hint.to_owned())
    }
}

fn sqlite_hint(error: &rusqlite::Error) -> Option<String> {
    use rusqlite::ErrorCode::{DatabaseCorrupt, DiskFull, NotADatabase, ReadOnly};
    let hint = match error.sqlite_error_code()? {
        NotADatabase | DatabaseCorrupt => {
            "the file is damaged: move it away, run `feast-rs apply`, and materialize again"
        }
        DiskFull => "make room on the disk and run the command again; what was committed is kept",
        ReadOnly => "the file, or its folder, cannot be written by this user",
        _ => return None,
    };
    Some(hint.to_owned())
}

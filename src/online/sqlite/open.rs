//! Opening the database, and talking to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{CachedStatement, Connection, ErrorCode, OpenFlags, Params, Row};

use super::files::{PATIENCE, file_error, with_suffix};
use super::{Durability, sql};
use crate::model::JournalMode;
use crate::online::OnlineError;

/// Statements that stay prepared: an upsert and a select for each of the tables that one process works on.
const STATEMENTS: usize = 128;

/// How long a checkpoint waits for readers; meanwhile nobody can write. What it cannot copy stays in the log.
const CHECKPOINT_PATIENCE: Duration = Duration::from_secs(1);

/// One connection.
#[derive(Debug)]
pub(super) struct Database {
    connection: Connection,
    path: PathBuf,
    identity: Option<Identity>,
}

/// Which file it is, whatever its name.
type Identity = (u64, u64);

impl Database {
    pub(super) fn open_to_write(
        path: &Path,
        journal: JournalMode,
        durability: Durability,
    ) -> Result<Self, OnlineError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Self::open(path, flags)?;
        db.ask_for_journal(journal)?;
        db.batch(sql::WRITER_CACHE, "setting up the online store")?;
        db.batch(sql::WRITER_CHECKPOINTS, "setting up the online store")?;
        db.set_durability(durability)?;
        Ok(db)
    }

    /// Opens an existing file. Nothing is written to it, except that SQLite may finish what a killed writer left.
    pub(super) fn open_to_read(path: &Path) -> Result<Self, OnlineError> {
        if !path.exists() {
            return Err(OnlineError::NoStore { path: path.to_owned() });
        }
        let db = Self::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        db.batch(sql::QUERY_ONLY, "setting up the online store")?;
        db.batch(sql::READER_CACHE, "setting up the online store")?;
        Ok(db)
    }

    fn open(path: &Path, flags: OpenFlags) -> Result<Self, OnlineError> {
        let doing = "opening the online store";
        let connection = Connection::open_with_flags(path, flags).map_err(|error| sqlite_error(error, path, doing))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let db = Self { connection, path: path.to_owned(), identity: identity(path) };
        db.set_patience(PATIENCE)?;
        Ok(db)
    }

    /// A journal mode is a property of the file; the answer to the question is what counts.
    fn ask_for_journal(&self, journal: JournalMode) -> Result<(), OnlineError> {
        let wanted = match journal {
            JournalMode::Wal => "wal",
            JournalMode::Delete => "delete",
        };
        let doing = "asking for the journal mode of";
        let ask = |text: &str| self.one::<String>(text, [], doing);
        if ask("PRAGMA journal_mode")?.as_deref() == Some(wanted) {
            return Ok(());
        }
        let found = ask(&format!("PRAGMA journal_mode={wanted}"))?.unwrap_or_default();
        if found == wanted { Ok(()) } else { Err(OnlineError::Journal { path: self.path.clone(), wanted, found }) }
    }

    pub(super) fn set_durability(&self, durability: Durability) -> Result<(), OnlineError> {
        let text = match durability {
            Durability::Full => sql::SYNC_FULL,
            Durability::Bulk => sql::SYNC_NORMAL,
        };
        self.batch(text, "setting up the online store")
    }

    fn set_patience(&self, patience: Duration) -> Result<(), OnlineError> {
        self.connection.busy_timeout(patience).map_err(|error| self.error(error, "setting up the online store"))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the path still leads to the file that is open: `feast teardown` unlinks it, and what is written to an
    /// unlinked file is lost without a word.
    pub(super) fn check_identity(&self) -> Result<(), OnlineError> {
        if identity(&self.path) == self.identity {
            Ok(())
        } else {
            Err(OnlineError::Replaced { path: self.path.clone() })
        }
    }

    /// Makes everything that was committed safe from a loss of power, and empties the log as far as readers let us.
    pub(super) fn sync(&self) -> Result<(), OnlineError> {
        self.batch(sql::SYNC_FULL, "synchronizing")?;
        self.set_patience(CHECKPOINT_PATIENCE)?;
        let checkpointed = self.one::<i64>(sql::CHECKPOINT, [], "checkpointing");
        self.set_patience(PATIENCE)?;
        checkpointed?;
        // Only where a reader held the checkpoint up something is left in the log. SQLite keeps no locks on this file,
        // so opening and closing it here is safe; on the database itself it would not be.
        let log = with_suffix(&self.path, "-wal");
        match fs::File::options().write(true).open(&log) {
            Ok(file) => file.sync_all().map_err(file_error("cannot synchronize", &log)),
            Err(_) => Ok(()),
        }
    }

    pub(super) fn batch(&self, text: &str, doing: &str) -> Result<(), OnlineError> {
        self.connection.execute_batch(text).map_err(|error| self.error(error, doing))
    }

    pub(super) fn execute(&self, text: &str, params: impl Params, doing: &str) -> Result<usize, OnlineError> {
        self.connection.execute(text, params).map_err(|error| self.error(error, doing))
    }

    /// A statement without parameters or results that stays prepared.
    pub(super) fn run(&self, text: &str, doing: &str) -> Result<(), OnlineError> {
        let ran = self.prepare(text, doing)?.raw_execute();
        ran.map(|_| ()).map_err(|error| self.error(error, doing))
    }

    /// A statement that stays prepared.
    pub(super) fn prepare(&self, text: &str, doing: &str) -> Result<CachedStatement<'_>, OnlineError> {
        self.connection.prepare_cached(text).map_err(|error| self.error(error, doing))
    }

    /// The first column of the first row.
    pub(super) fn one<T: rusqlite::types::FromSql>(
        &self,
        text: &str,
        params: impl Params,
        doing: &str,
    ) -> Result<Option<T>, OnlineError> {
        self.all(text, params, doing, |row| row.get(0)).map(|found| found.into_iter().next())
    }

    pub(super) fn all<T>(
        &self,
        text: &str,
        params: impl Params,
        doing: &str,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, OnlineError> {
        let mut statement = self.prepare(text, doing)?;
        let rows = statement.query_map(params, |row| read(row)).and_then(Iterator::collect);
        rows.map_err(|error| self.error(error, doing))
    }

    pub(super) fn error(&self, error: rusqlite::Error, doing: &str) -> OnlineError {
        sqlite_error(error, &self.path, doing)
    }
}

fn sqlite_error(error: rusqlite::Error, path: &Path, doing: &str) -> OnlineError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OnlineError::Busy { path: path.to_owned() },
        _ => OnlineError::Sqlite { doing: format!("{doing} `{}`", path.display()), source: error },
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// Elsewhere an open file cannot be replaced.
#[cfg(not(unix))]
fn identity(path: &Path) -> Option<Identity> {
    path.exists().then_some((0, 0))
}

//! Feast's SQLite online store: one table a view, one row a feature and entity.

mod bulk;
mod files;
mod inspect;
mod open;
mod read;
mod schema;
mod sql;
mod write;

use std::path::Path;

use crate::model::{JournalMode, SqliteOnlineStore};
use crate::online::{OnlineError, OnlineStore, Outcome, TableSpec, WriteSet};

pub use bulk::BulkWriter;
pub use files::ViewLock;
pub use inspect::{Drift, TableInfo};
pub use read::SqliteReader;

use files::WriterLock;
use open::Database;
use schema::Schema;

/// When a commit is safe from a loss of power. It is always safe from a crash of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// when it returns
    Full,
    /// at the next checkpoint, or when [`BulkWriter::finish`] returns
    Bulk,
}

/// The writer of a SQLite online store.
#[derive(Debug)]
pub struct SqliteStore {
    db: Database,
    lock: WriterLock,
    schema: Schema,
}

impl SqliteStore {
    /// Opens a store for writing, and makes the file and its folders if they are not there.
    ///
    /// # Errors
    /// `Journal` where the file system does not take the journal mode, `File`, `Busy`, `Sqlite`.
    pub fn open(
        settings: &SqliteOnlineStore,
        journal: JournalMode,
        durability: Durability,
    ) -> Result<Self, OnlineError> {
        let lock = WriterLock::beside(&settings.path)?;
        let db = Database::open_to_write(&settings.path, journal, durability)?;
        Ok(Self { db, lock, schema: Schema::default() })
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.db.path()
    }

    /// Removes a feature's values from a table; says how many there were.
    ///
    /// # Errors
    /// `NoTable`, or the store cannot be written.
    pub fn delete_feature(&mut self, table: &str, feature: &str) -> Result<u64, OnlineError> {
        self.transaction(|store| {
            store.schema.shape(&store.db, table)?;
            let deleted = store.db.execute(&sql::delete_feature(table), [feature], "removing a feature's values")?;
            Ok(deleted as u64)
        })
    }

    /// Gives a table another name and keeps its values.
    ///
    /// # Errors
    /// `NoTable`, a table of the new name exists, or the store cannot be written.
    pub fn rename_table(&mut self, from: &str, to: &str) -> Result<(), OnlineError> {
        self.transaction(|store| {
            let shape = store.schema.shape(&store.db, from)?;
            if shape.has_index {
                store.db.batch(&sql::drop_index(from), "renaming a table")?;
            }
            store.db.batch(&sql::rename_table(from, to), "renaming a table")?;
            if shape.has_index {
                store.db.batch(&sql::create_index(to), "renaming a table")?;
            }
            Ok(())
        })
    }

    /// One transaction: all of `work` or nothing. Our own writers wait for each other before they ask SQLite.
    fn transaction<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, OnlineError>) -> Result<T, OnlineError> {
        let _turn = self.lock.wait()?;
        self.db.check_identity()?;
        self.db.batch(sql::BEGIN, "beginning to write")?;
        let done = self.schema.refresh(&self.db).and_then(|()| work(self));
        let ended = match &done {
            Ok(_) => self.db.batch(sql::COMMIT, "committing"),
            Err(_) => self.db.batch(sql::ROLLBACK, "rolling back"),
        };
        match (done, ended) {
            (Ok(value), Ok(())) => Ok(value),
            (Ok(_), Err(error)) => {
                // a commit that failed leaves the transaction open; what it failed with is what is told
                let _ = self.db.batch(sql::ROLLBACK, "rolling back");
                Err(error)
            }
            (Err(error), _) => Err(error),
        }
    }
}

impl OnlineStore for SqliteStore {
    type Reader = SqliteReader;

    fn ensure(&mut self, table: &TableSpec) -> Result<(), OnlineError> {
        self.transaction(|store| schema::ensure(&store.db, table))
    }

    fn forget(&mut self, table: &str) -> Result<(), OnlineError> {
        self.transaction(|store| store.db.batch(&sql::drop_table(table), "dropping a table"))
    }

    fn commit(&mut self, set: &WriteSet) -> Result<Outcome, OnlineError> {
        self.transaction(|store| {
            let mut outcome = Outcome::default();
            for rows in &set.rows {
                let shape = store.schema.writable(&store.db, &rows.table)?;
                let upserts = write::Upserts::new(&rows.table, &rows.batch, shape, set.conflict);
                upserts.run(&store.db, rows.batch.rows(), &mut outcome, || false)?;
            }
            Ok(outcome)
        })
    }

    fn reader(&self) -> Result<SqliteReader, OnlineError> {
        SqliteReader::open(self.db.path())
    }
}

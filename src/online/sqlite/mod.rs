//! Feast's SQLite online store: one table a view, one row a feature and entity.

mod bulk;
mod delete;
mod files;
mod inspect;
mod open;
mod read;
mod schema;
mod spool;
mod sql;
mod state;
mod stored;
mod write;

use std::path::Path;

use crate::model::{JournalMode, SqliteOnlineStore};
use crate::online::{Advance, OnlineError, OnlineStore, Outcome, StoredPosition, TableSpec, WriteSet};

pub use bulk::BulkWriter;
pub use files::ViewLock;
pub use inspect::{Drift, TableInfo};
pub use read::SqliteReader;
pub use stored::{Events, FeatureCounts, StoredFeature, Writer};

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
    durability: Durability,
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
        Ok(Self { db, lock, schema: Schema::default(), durability })
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.db.path()
    }

    /// Whether the path still leads to the file that is open; a store that is not is written to no longer.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.db.check_identity().is_ok()
    }

    /// Gives back the memory that transactions took, for a store that stays open.
    ///
    /// # Errors
    /// `Sqlite`.
    pub fn rest(&self) -> Result<(), OnlineError> {
        self.db.batch(sql::SHRINK, "resting")
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

    /// Gives a view's table another name, with its values and the positions of the view, which is called `view` now.
    /// Running twice is harmless; a table that is not there has positions all the same.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn rename_table(&mut self, from: &str, to: &str, view: &str) -> Result<(), OnlineError> {
        self.transaction(|store| {
            let found = (schema::inspect(&store.db, from)?, schema::inspect(&store.db, to)?);
            // names of tables that differ in case alone are one name to SQLite
            let renamed = if let (Some(shape), None) = &found { Some(shape) } else { None };
            if let Some(shape) = renamed {
                if shape.has_index {
                    store.db.batch(&sql::drop_index(from), "renaming a table")?;
                }
                store.db.batch(&sql::rename_table(from, to), "renaming a table")?;
                if shape.has_index {
                    store.db.batch(&sql::create_index(to), "renaming a table")?;
                }
            }
            store.schema.need_state(&store.db)?;
            state::rename(&store.db, from, to, view, renamed.is_some())
        })
    }

    /// Forgets all positions of a project.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn forget_positions(&mut self, project: &str) -> Result<(), OnlineError> {
        self.transaction(|store| {
            if store.schema.has_state() {
                store.db.execute(sql::DELETE_POSITIONS_OF_PROJECT, [project], "forgetting positions in")?;
            }
            Ok(())
        })
    }

    fn advance(&self, positions: &[Advance]) -> Result<(), OnlineError> {
        for position in positions {
            state::check_generation(&self.db, self.schema.has_state(), position)?;
            state::advance(&self.db, position)?;
        }
        Ok(())
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
        if done.is_err() || ended.is_err() {
            // what was seen of tables in a transaction that was taken back may never have been
            self.schema = Schema::default();
        }
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
        let log = set.log.iter().map(spool::entry).collect::<Result<Vec<_>, _>>()?;
        self.transaction(|store| {
            if !(set.advance.is_empty() && set.log.is_empty() && set.pushed.is_none()) {
                store.schema.need_state(&store.db)?;
            }
            if let Some(mark) = &set.pushed
                && !state::mark(&store.db, mark)?
            {
                return Ok(Outcome::default());
            }
            store.advance(&set.advance)?;
            let mut outcome = Outcome::default();
            for rows in &set.rows {
                let shape = store.schema.writable(&store.db, &rows.table)?;
                let upserts = write::Upserts::new(&rows.table, &rows.batch, shape, set.conflict);
                upserts.run(&store.db, rows.batch.rows(), &mut outcome, || false)?;
            }
            log.iter().try_for_each(|entry| spool::store(&store.db, entry))?;
            Ok(outcome)
        })
    }

    fn generation(&mut self, table: &str) -> Result<Option<u64>, OnlineError> {
        self.schema.refresh(&self.db)?;
        state::generation(&self.db, self.schema.has_state(), table)
    }

    fn positions(&mut self, project: &str, view: &str) -> Result<Vec<StoredPosition>, OnlineError> {
        self.schema.refresh(&self.db)?;
        state::positions(&self.db, self.schema.has_state(), project, view)
    }

    fn replace_positions(&mut self, project: &str, view: &str, positions: &[Advance]) -> Result<(), OnlineError> {
        self.transaction(|store| {
            if store.schema.has_state() {
                store.db.execute(sql::DELETE_POSITIONS, [project, view], "forgetting positions in")?;
            }
            if positions.is_empty() {
                return Ok(());
            }
            store.schema.need_state(&store.db)?;
            store.advance(positions)
        })
    }

    fn keep_positions(&mut self, project: &str, view: &str, table: &str) -> Result<(), OnlineError> {
        self.transaction(|store| {
            let generation = state::generation(&store.db, store.schema.has_state(), table)?;
            let generation = generation.ok_or_else(|| OnlineError::NoTable { table: table.to_owned() })?;
            if store.schema.has_state() {
                let params = rusqlite::params![project, view, table, generation.cast_signed()];
                store.db.execute(sql::KEEP_POSITIONS, params, "keeping positions in")?;
            }
            Ok(())
        })
    }

    fn was_pushed(&mut self, key: &str) -> Result<bool, OnlineError> {
        self.schema.refresh(&self.db)?;
        state::was_pushed(&self.db, self.schema.has_state(), key)
    }

    fn reader(&self) -> Result<SqliteReader, OnlineError> {
        SqliteReader::open(self.db.path())
    }
}

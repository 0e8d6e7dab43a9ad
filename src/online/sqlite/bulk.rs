//! Many rows in many short transactions, so that other writers get their turn.

use std::time::{Duration, Instant};

use super::{Durability, SqliteStore, sql, write};
use crate::nice;
use crate::online::{Conflict, OnlineError, Outcome, Turns};
use crate::row::RowBatch;

/// Time for rows in one transaction; with its commit it stays below 200 ms. Python gives up on a lock after 5 s.
const TRANSACTION: Duration = Duration::from_millis(150);

/// Writes many rows of one view. Each call ends with a commit: what was written stays, whatever comes after.
#[derive(Debug)]
pub struct BulkWriter<'a> {
    pub(super) store: &'a mut SqliteStore,
    pub(super) table: String,
    conflict: Conflict,
    pub(super) turns: Turns,
}

impl<'a> BulkWriter<'a> {
    /// A writer of rows for `table`. Until [`finish`](Self::finish), a loss of power may take what was written.
    ///
    /// # Errors
    /// `NoTable`, or the store cannot be set up.
    pub fn new(store: &'a mut SqliteStore, table: &str, conflict: Conflict) -> Result<Self, OnlineError> {
        store.db.set_durability(Durability::Bulk)?;
        store.db.batch(sql::BULK_CACHE, "setting up the online store")?;
        store.schema.shape(&store.db, table)?;
        Ok(Self { store, table: table.to_owned(), conflict, turns: Turns::new() })
    }

    /// Writes rows. Batches whose keys follow each other are fastest.
    ///
    /// # Errors
    /// `NoTable`, `Replaced`, `Busy`, or the store cannot be written. The transactions that were committed before stay.
    pub fn write(&mut self, batch: &RowBatch) -> Result<Outcome, OnlineError> {
        let mut outcome = Outcome::default();
        let mut position = 0;
        while position < batch.len() {
            self.turns.make_way();
            position += self.transaction(batch, position, &mut outcome)?;
            self.turns.wrote();
        }
        Ok(outcome)
    }

    /// Makes everything written safe from a loss of power, and empties SQLite's log as far as readers let us.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn finish(self) -> Result<(), OnlineError> {
        let _turn = self.store.lock.wait()?;
        self.store.db.check_identity()?;
        self.store.db.sync()
    }

    fn transaction(&mut self, batch: &RowBatch, position: usize, outcome: &mut Outcome) -> Result<usize, OnlineError> {
        let (table, conflict) = (&self.table, self.conflict);
        let (done, committed) = self.store.transaction(|store| {
            let began = Instant::now();
            let mut written = Outcome::default();
            let shape = store.schema.writable(&store.db, table)?;
            let upserts = write::Upserts::new(table, batch, shape, conflict);
            let rows = batch.rows().skip(position);
            let is_time_up = || {
                nice::pause();
                began.elapsed() >= TRANSACTION
            };
            let done = upserts.run(&store.db, rows, &mut written, is_time_up)?;
            Ok((done, written))
        })?;
        *outcome += committed;
        Ok(done)
    }
}

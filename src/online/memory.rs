//! An online store in memory: the reference that the others are compared with.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::newest::replaces;
use super::{
    Conflict, OnlineError, OnlineReader, OnlineStore, Outcome, Place, ReadRequest, StoredCell, StoredValue, TableRows,
    TableSpec, WriteSet,
};

type Table = BTreeMap<(Vec<u8>, String), StoredValue>;
type Tables = BTreeMap<String, Table>;

/// An online store in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    tables: Arc<RwLock<Tables>>,
}

/// Reads a [`MemoryStore`].
#[derive(Clone, Debug)]
pub struct MemoryReader {
    tables: Arc<RwLock<Tables>>,
}

impl OnlineStore for MemoryStore {
    type Reader = MemoryReader;

    fn ensure(&mut self, table: &TableSpec) -> Result<(), OnlineError> {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        tables.entry(table.name.clone()).or_default();
        Ok(())
    }

    fn forget(&mut self, table: &str) -> Result<(), OnlineError> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner).remove(table);
        Ok(())
    }

    fn commit(&mut self, set: &WriteSet) -> Result<Outcome, OnlineError> {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(rows) = set.rows.iter().find(|rows| !tables.contains_key(&rows.table)) {
            return Err(OnlineError::NoTable { table: rows.table.clone() });
        }
        let mut outcome = Outcome::default();
        for rows in &set.rows {
            if let Some(table) = tables.get_mut(&rows.table) {
                write(table, rows, set.conflict, &mut outcome);
            }
        }
        Ok(outcome)
    }

    fn reader(&self) -> Result<MemoryReader, OnlineError> {
        Ok(MemoryReader { tables: Arc::clone(&self.tables) })
    }
}

fn write(table: &mut Table, rows: &TableRows, conflict: Conflict, outcome: &mut Outcome) {
    for row in rows.batch.rows() {
        for (position, field) in rows.batch.layout().features.iter().enumerate() {
            let Some(cell) = row.cell(position) else { continue };
            let place = (row.key().to_vec(), field.name.clone());
            let arriving = (row.event, row.created());
            let stale = table.get(&place).is_some_and(|stored| !replaces((stored.event, stored.created), arriving));
            if stale && conflict == Conflict::NewestWins {
                outcome.stale += 1;
                continue;
            }
            outcome.written += 1;
            let value = StoredValue { value: cell.value.to_vec(), event: row.event, created: row.created() };
            table.insert(place, value);
        }
    }
}

impl OnlineReader for MemoryReader {
    fn visit(
        &mut self,
        requests: &[ReadRequest<'_>],
        found: &mut dyn FnMut(Place, StoredCell<'_>),
    ) -> Result<(), OnlineError> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(request) = requests.iter().find(|request| !tables.contains_key(request.table)) {
            return Err(OnlineError::NoTable { table: request.table.to_owned() });
        }
        for (position, request) in requests.iter().enumerate() {
            let Some(table) = tables.get(request.table) else { continue };
            for (key, bytes) in request.keys.iter().enumerate() {
                for (feature, name) in request.features.iter().enumerate() {
                    if let Some(stored) = table.get(&(bytes.to_vec(), (*name).to_owned())) {
                        let cell = StoredCell { value: &stored.value, event: stored.event, created: stored.created };
                        found(Place { request: position, key, feature }, cell);
                    }
                }
            }
        }
        Ok(())
    }
}

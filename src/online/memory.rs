//! An online store in memory: the reference that the others are compared with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use arrow::array::RecordBatch;

use super::newest::replaces;
use super::spool::{columns, encode};
use super::{
    Advance, Claim, Conflict, LogName, LogRows, OnlineError, OnlineReader, OnlineStore, Outcome, PUSH_MARK_AGE, Place,
    PushMark, ReadRequest, Spool, SpooledLog, StoredCell, StoredPosition, StoredValue, TableRows, TableSpec, WriteSet,
};
use crate::model::{PositionKey, Timestamp};

type Table = BTreeMap<(Vec<u8>, String), StoredValue>;

/// An online store in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    state: Arc<RwLock<State>>,
}

/// Reads a [`MemoryStore`].
#[derive(Clone, Debug)]
pub struct MemoryReader {
    state: Arc<RwLock<State>>,
}

#[derive(Debug, Default)]
struct State {
    tables: BTreeMap<String, Table>,
    generations: BTreeMap<String, u64>,
    positions: BTreeMap<PositionKey, StoredPosition>,
    marks: BTreeMap<String, Timestamp>,
    spool: BTreeMap<u64, Entry>,
    last_entry: u64,
    claims: BTreeMap<LogName, Claim>,
}

#[derive(Debug)]
struct Entry {
    rows: LogRows,
    columns: String,
    bytes: u64,
}

impl MemoryStore {
    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OnlineStore for MemoryStore {
    type Reader = MemoryReader;

    fn ensure(&mut self, table: &TableSpec) -> Result<(), OnlineError> {
        let mut state = self.write();
        if !state.tables.contains_key(&table.name) {
            state.tables.insert(table.name.clone(), Table::default());
            *state.generations.entry(table.name.clone()).or_default() += 1;
        }
        Ok(())
    }

    fn forget(&mut self, table: &str) -> Result<(), OnlineError> {
        self.write().tables.remove(table);
        Ok(())
    }

    fn commit(&mut self, set: &WriteSet) -> Result<Outcome, OnlineError> {
        let entries = set.log.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        let mut state = self.write();
        if set.pushed.as_ref().is_some_and(|mark| state.is_marked(mark)) {
            return Ok(Outcome::default());
        }
        state.check_generations(&set.advance)?;
        if let Some(rows) = set.rows.iter().find(|rows| !state.tables.contains_key(&rows.table)) {
            return Err(OnlineError::NoTable { table: rows.table.clone() });
        }
        state.marks.extend(set.pushed.iter().map(|mark| (mark.key.clone(), mark.at)));
        let mut outcome = Outcome::default();
        for rows in &set.rows {
            if let Some(table) = state.tables.get_mut(&rows.table) {
                write(table, rows, set.conflict, &mut outcome);
            }
        }
        state.advance(&set.advance);
        for entry in entries {
            state.last_entry += 1;
            let number = state.last_entry;
            state.spool.insert(number, entry);
        }
        Ok(outcome)
    }

    fn generation(&mut self, table: &str) -> Result<Option<u64>, OnlineError> {
        Ok(self.write().generation(table))
    }

    fn positions(&mut self, project: &str, view: &str) -> Result<Vec<StoredPosition>, OnlineError> {
        let state = self.write();
        let found = state.positions.values().filter(|stored| stored.key.project == project && stored.key.view == view);
        Ok(found.cloned().collect())
    }

    fn replace_positions(&mut self, project: &str, view: &str, positions: &[Advance]) -> Result<(), OnlineError> {
        let mut state = self.write();
        state.check_generations(positions)?;
        state.positions.retain(|key, _| !(key.project == project && key.view == view));
        state.advance(positions);
        Ok(())
    }

    fn keep_positions(&mut self, project: &str, view: &str, table: &str) -> Result<(), OnlineError> {
        let mut state = self.write();
        let generation = state.generation(table).ok_or_else(|| OnlineError::NoTable { table: table.to_owned() })?;
        let of_view = |stored: &&mut StoredPosition| stored.key.project == project && stored.key.view == view;
        state.positions.values_mut().filter(of_view).for_each(|stored| stored.generation = generation);
        Ok(())
    }

    fn was_pushed(&mut self, key: &str) -> Result<bool, OnlineError> {
        Ok(self.write().marks.contains_key(key))
    }

    fn reader(&self) -> Result<MemoryReader, OnlineError> {
        Ok(MemoryReader { state: Arc::clone(&self.state) })
    }
}

impl State {
    fn generation(&self, table: &str) -> Option<u64> {
        self.generations.get(table).filter(|_| self.tables.contains_key(table)).copied()
    }

    fn check_generations(&self, positions: &[Advance]) -> Result<(), OnlineError> {
        match positions.iter().find(|advance| self.generation(&advance.table) != Some(advance.generation)) {
            None => Ok(()),
            Some(advance) => {
                Err(OnlineError::Generation { view: advance.key.view.clone(), table: advance.table.clone() })
            }
        }
    }

    fn advance(&mut self, positions: &[Advance]) {
        for Advance { key, position, generation, endpoint, .. } in positions {
            let (position, endpoint) = (position.clone(), endpoint.clone());
            let stored = StoredPosition { key: key.clone(), position, generation: *generation, endpoint };
            self.positions.insert(key.clone(), stored);
        }
    }

    fn is_marked(&mut self, mark: &PushMark) -> bool {
        self.marks.retain(|_, at| *at >= mark.at.saturating_sub(PUSH_MARK_AGE));
        self.marks.contains_key(&mark.key)
    }
}

fn entry(rows: &LogRows) -> Result<Entry, OnlineError> {
    let bytes = encode(&rows.batch);
    let bytes = bytes.map_err(|source| OnlineError::Spool { log: rows.log.path.clone(), verb: "spooled", source })?;
    Ok(Entry { columns: columns(&rows.batch), bytes: bytes.len() as u64, rows: rows.clone() })
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

impl Spool for MemoryStore {
    fn spooled_logs(&mut self) -> Result<Vec<SpooledLog>, OnlineError> {
        let state = self.write();
        let logs: BTreeSet<&LogName> = state.spool.values().map(|entry| &entry.rows.log).collect();
        let bytes = |log: &LogName| state.of(log).map(|(_, entry)| entry.bytes).sum();
        Ok(logs.into_iter().map(|log| SpooledLog { log: log.clone(), bytes: bytes(log) }).collect())
    }

    fn claim(&mut self, log: &LogName, bytes: u64, part: &str) -> Result<Option<Claim>, OnlineError> {
        let mut state = self.write();
        if let Some(claim) = state.claims.get(log) {
            return Ok(Some(claim.clone()));
        }
        let Some((&first, columns)) = state.of(log).next().map(|(first, entry)| (first, entry.columns.clone())) else {
            return Ok(None);
        };
        let (mut taken, mut last) = (0, first);
        for (number, entry) in state.of(log).take_while(|(_, entry)| entry.columns == columns) {
            last = *number;
            taken += entry.bytes;
            if taken >= bytes {
                break;
            }
        }
        let claim = Claim { log: log.clone(), part: part.to_owned(), first, last };
        state.claims.insert(log.clone(), claim.clone());
        Ok(Some(claim))
    }

    fn spooled(&mut self, claim: &Claim, after: u64) -> Result<Option<(u64, Vec<RecordBatch>)>, OnlineError> {
        let state = self.write();
        let next = state.of(&claim.log).find(|(number, _)| **number > after && **number <= claim.last);
        Ok(next.map(|(number, entry)| (*number, vec![entry.rows.batch.clone()])))
    }

    fn release(&mut self, claim: &Claim) -> Result<(), OnlineError> {
        let mut state = self.write();
        state.spool.retain(|number, entry| entry.rows.log != claim.log || *number > claim.last);
        state.claims.remove(&claim.log);
        Ok(())
    }
}

impl State {
    /// The spooled entries of a log, the oldest first.
    fn of(&self, log: &LogName) -> impl Iterator<Item = (&u64, &Entry)> {
        self.spool.iter().filter(move |(_, entry)| entry.rows.log == *log)
    }
}

impl OnlineReader for MemoryReader {
    fn visit(
        &mut self,
        requests: &[ReadRequest<'_>],
        found: &mut dyn FnMut(Place, StoredCell<'_>),
    ) -> Result<(), OnlineError> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let tables = &state.tables;
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

//! The spool of a SQLite store.

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use rusqlite::params;

use super::open::Database;
use super::{Durability, SqliteStore, sql};
use crate::online::spool::{columns, decode, encode};
use crate::online::{Claim, LogName, LogRows, OnlineError, Spool, SpooledLog};

const READING: &str = "reading rows of a log from";
const WRITING: &str = "spooling rows of a log in";

/// Bytes of spooled rows that are in memory at once.
const BYTES_AT_ONCE: u64 = 8 * 1024 * 1024;
/// Entries that one transaction forgets: even with large rows it stays below 200 ms.
const ENTRIES_PER_TRANSACTION: i64 = 256;

/// Rows for a log as they are stored.
pub(super) struct Entry<'a> {
    log: &'a LogName,
    columns: String,
    bytes: Vec<u8>,
}

/// To be asked before the transaction begins: it takes time.
pub(super) fn entry(rows: &LogRows) -> Result<Entry<'_>, OnlineError> {
    let bytes = encode(&rows.batch).map_err(|source| broken(&rows.log, "spooled", source))?;
    Ok(Entry { log: &rows.log, columns: columns(&rows.batch), bytes })
}

pub(super) fn store(db: &Database, entry: &Entry<'_>) -> Result<(), OnlineError> {
    let length = i64::try_from(entry.bytes.len()).unwrap_or(i64::MAX);
    let mut statement = db.prepare(sql::INSERT_SPOOL, WRITING)?;
    let done = statement.execute(params![entry.log.project, entry.log.path, entry.columns, length, entry.bytes]);
    done.map(drop).map_err(|error| db.error(error, WRITING))
}

fn broken(log: &LogName, verb: &'static str, source: ArrowError) -> OnlineError {
    OnlineError::Spool { log: log.path.clone(), verb, source }
}

impl Spool for SqliteStore {
    fn spooled_logs(&mut self) -> Result<Vec<SpooledLog>, OnlineError> {
        self.schema.refresh(&self.db)?;
        if !self.schema.has_state() {
            return Ok(Vec::new());
        }
        self.db.all(sql::SPOOLED_LOGS, [], READING, |row| {
            let log = LogName { project: row.get(0)?, path: row.get(1)? };
            Ok(SpooledLog { log, bytes: row.get::<_, i64>(2)?.cast_unsigned() })
        })
    }

    fn claim(&mut self, log: &LogName, bytes: u64, part: &str) -> Result<Option<Claim>, OnlineError> {
        self.db.set_durability(Durability::Full)?;
        let claimed = self.transaction(|store| {
            store.schema.need_state(&store.db)?;
            match stored_claim(&store.db, log)? {
                Some(claim) => Ok(Some(claim)),
                None => new_claim(&store.db, log, bytes, part),
            }
        });
        self.db.set_durability(self.durability)?;
        claimed
    }

    fn spooled(&mut self, claim: &Claim, after: u64) -> Result<Option<(u64, Vec<RecordBatch>)>, OnlineError> {
        let params = params![claim.log.project, claim.log.path, after.cast_signed(), claim.last.cast_signed()];
        let (mut batches, mut last, mut bytes) = (Vec::new(), None, 0);
        let mut statement = self.db.prepare(sql::SELECT_SPOOL, READING)?;
        let failed = |error| self.db.error(error, READING);
        let mut rows = statement.query(params).map_err(failed)?;
        while bytes < BYTES_AT_ONCE {
            let Some(row) = rows.next().map_err(failed)? else { break };
            last = Some(row.get::<_, i64>(0).map_err(failed)?.cast_unsigned());
            bytes += row.get::<_, i64>(1).map_err(failed)?.cast_unsigned();
            let blob = row.get_ref(2).and_then(|value| Ok(value.as_blob()?)).map_err(failed)?;
            batches.extend(decode(blob).map_err(|source| broken(&claim.log, "read back", source))?);
        }
        Ok(last.map(|last| (last, batches)))
    }

    fn release(&mut self, claim: &Claim) -> Result<(), OnlineError> {
        let (project, path) = (&claim.log.project, &claim.log.path);
        let (first, last) = (claim.first.cast_signed(), claim.last.cast_signed());
        loop {
            let is_done = self.transaction(|store| {
                let entries = params![project, path, first, last, ENTRIES_PER_TRANSACTION];
                let deleted = store.db.execute(sql::DELETE_SPOOL, entries, WRITING)?;
                let is_done = deleted < usize::try_from(ENTRIES_PER_TRANSACTION).unwrap_or(usize::MAX);
                if is_done {
                    store.db.execute(sql::DELETE_CLAIM, [project, path, &claim.part], WRITING)?;
                }
                Ok(is_done)
            })?;
            if is_done {
                return Ok(());
            }
        }
    }
}

fn stored_claim(db: &Database, log: &LogName) -> Result<Option<Claim>, OnlineError> {
    let found = db.all(sql::SELECT_CLAIM, [&log.project, &log.path], READING, |row| {
        Ok((row.get(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    })?;
    Ok(found.into_iter().next().map(|(part, first, last)| Claim {
        log: log.clone(),
        part,
        first: first.cast_unsigned(),
        last: last.cast_unsigned(),
    }))
}

fn new_claim(db: &Database, log: &LogName, bytes: u64, part: &str) -> Result<Option<Claim>, OnlineError> {
    let entries = db.all(sql::SPOOL_ENTRIES, [&log.project, &log.path], READING, |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?.cast_unsigned()))
    })?;
    let Some((first, columns, _)) = entries.first() else { return Ok(None) };
    let (mut taken, mut last) = (0, first);
    for (id, _, size) in entries.iter().take_while(|(_, of, _)| of == columns) {
        last = id;
        taken += size;
        if taken >= bytes {
            break;
        }
    }
    db.execute(sql::INSERT_CLAIM, params![log.project, log.path, part, first, last], WRITING)?;
    let part = part.to_owned();
    Ok(Some(Claim { log: log.clone(), part, first: first.cast_unsigned(), last: last.cast_unsigned() }))
}

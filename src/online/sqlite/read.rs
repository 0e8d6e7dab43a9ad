//! Reading values back.

use std::path::Path;

use rusqlite::CachedStatement;
use rusqlite::types::ValueRef;

use super::open::Database;
use super::schema::Schema;
use super::sql;
use crate::model::Timestamp;
use crate::online::{Answers, OnlineError, OnlineReader, ReadRequest, StoredValue};

const DOING: &str = "reading from";

const MICROS: i64 = 1_000_000;

/// A reader of a SQLite online store.
#[derive(Debug)]
pub struct SqliteReader {
    pub(super) db: Database,
    schema: Schema,
}

impl SqliteReader {
    /// Opens a store that exists; nothing of it is changed.
    ///
    /// # Errors
    /// `NoStore`, `Sqlite`.
    pub fn open(path: &Path) -> Result<Self, OnlineError> {
        Ok(Self { db: Database::open_to_read(path)?, schema: Schema::default() })
    }

    fn answers(&mut self, request: &ReadRequest<'_>) -> Result<Answers, OnlineError> {
        let is_exact = self.schema.shape(&self.db, request.table)?.is_exact();
        let mut statement = self.db.prepare(&sql::select(request.table, request.features.len(), is_exact), DOING)?;
        let mut answers: Answers = vec![None; request.keys.len() * request.features.len()];
        let found = answer_all(&mut statement, request, &mut answers);
        found.map_err(|error| self.db.error(error, DOING))?;
        Ok(answers)
    }
}

impl OnlineReader for SqliteReader {
    fn read(&mut self, requests: &[ReadRequest<'_>]) -> Result<Vec<Answers>, OnlineError> {
        self.db.check_identity()?;
        self.db.batch(sql::BEGIN_READ, DOING)?;
        let answers =
            self.schema.refresh(&self.db).and_then(|()| requests.iter().map(|request| self.answers(request)).collect());
        // nothing was written, so there is nothing that the end of the transaction could lose
        let _ = self.db.batch(sql::COMMIT, DOING);
        answers
    }
}

fn answer_all(
    statement: &mut CachedStatement<'_>,
    request: &ReadRequest<'_>,
    answers: &mut Answers,
) -> rusqlite::Result<()> {
    let width = request.features.len();
    if width == 0 {
        return Ok(());
    }
    for (position, feature) in request.features.iter().enumerate() {
        statement.raw_bind_parameter(position + 2, feature)?;
    }
    for (key, answer) in request.keys.iter().zip(answers.chunks_mut(width)) {
        statement.raw_bind_parameter(1, key)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            let stored = stored_value(row)?;
            let name = row.get_ref(0)?.as_bytes().unwrap_or_default();
            for (feature, place) in request.features.iter().zip(answer.iter_mut()) {
                if feature.as_bytes() == name {
                    *place = Some(stored.clone());
                }
            }
        }
    }
    Ok(())
}

fn stored_value(row: &rusqlite::Row<'_>) -> rusqlite::Result<StoredValue> {
    let value = match row.get_ref(1)? {
        ValueRef::Blob(bytes) | ValueRef::Text(bytes) => bytes.to_vec(),
        _ => Vec::new(),
    };
    let (event, created) = (integer(row.get_ref(2)?), integer(row.get_ref(3)?));
    let (event_us, created_us) = (integer(row.get_ref(4)?), integer(row.get_ref(5)?));
    // the same test as `sql::NEWER`: after an UPSERT by Python our exact times are those of an earlier value
    let is_ours =
        event_us.map(|micros| micros / MICROS) == event && created_us.map(|micros| micros / MICROS) == created;
    let instant = |seconds: i64| Timestamp::from_micros(seconds.saturating_mul(MICROS));
    match event_us.filter(|_| is_ours) {
        Some(micros) => Ok(StoredValue {
            value,
            event: Timestamp::from_micros(micros),
            created: created_us.map(Timestamp::from_micros),
        }),
        None => Ok(StoredValue { value, event: instant(event.unwrap_or(0)), created: created.map(instant) }),
    }
}

/// Seconds as Feast's own reader takes them: an integer, or what reads as one.
fn integer(value: ValueRef<'_>) -> Option<i64> {
    match value {
        ValueRef::Integer(number) => Some(number),
        #[allow(clippy::cast_possible_truncation, reason = "seconds; a fraction is dropped as in `event_ts`")]
        ValueRef::Real(number) => Some(number as i64),
        ValueRef::Text(digits) => std::str::from_utf8(digits).ok()?.parse().ok(),
        ValueRef::Null | ValueRef::Blob(_) => None,
    }
}

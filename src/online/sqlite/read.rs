//! Reading values back.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::CachedStatement;
use rusqlite::types::ValueRef;

use super::open::Database;
use super::schema::Schema;
use super::sql;
use crate::model::Timestamp;
use crate::online::{OnlineError, OnlineReader, Place, ReadRequest, StoredCell};

const DOING: &str = "reading from";

const MICROS: i64 = 1_000_000;

/// To pass over so many values that nobody asked for takes as long as to seek one.
const PASSED_A_SEEK: usize = 5;

/// A reader of a SQLite online store.
#[derive(Debug)]
pub struct SqliteReader {
    pub(super) db: Database,
    schema: Schema,
    /// table -> the most values of one entity that were met
    widths: HashMap<String, usize>,
}

impl SqliteReader {
    /// Opens a store that exists; nothing of it is changed.
    ///
    /// # Errors
    /// `NoStore`, `Sqlite`.
    pub fn open(path: &Path) -> Result<Self, OnlineError> {
        Ok(Self { db: Database::open_to_read(path)?, schema: Schema::default(), widths: HashMap::new() })
    }

    /// Reads all values of an entity, or seeks those that are asked for: whatever takes less time.
    fn visit_table(
        &mut self,
        position: usize,
        request: &ReadRequest<'_>,
        found: &mut dyn FnMut(Place, StoredCell<'_>),
    ) -> Result<(), OnlineError> {
        let is_exact = self.schema.shape(&self.db, request.table)?.is_exact();
        let width = self.widths.get(request.table).copied().unwrap_or(0);
        if width > PASSED_A_SEEK * request.features.len() {
            let mut statement = self.db.prepare(&sql::select_one(request.table, is_exact), DOING)?;
            let visited = seek_each(&mut statement, position, request, found);
            return visited.map_err(|error| self.db.error(error, DOING));
        }
        let mut statement = self.db.prepare(&sql::select_all(request.table, is_exact), DOING)?;
        let met = pass_all(&mut statement, position, request, found).map_err(|error| self.db.error(error, DOING))?;
        if met > width {
            self.widths.insert(request.table.to_owned(), met);
        }
        Ok(())
    }
}

/// Seeks each feature of each key.
fn seek_each(
    statement: &mut CachedStatement<'_>,
    request: usize,
    wanted: &ReadRequest<'_>,
    found: &mut dyn FnMut(Place, StoredCell<'_>),
) -> rusqlite::Result<()> {
    for (feature, name) in wanted.features.iter().enumerate() {
        statement.raw_bind_parameter(2, name)?;
        for (key, bytes) in wanted.keys.iter().enumerate() {
            statement.raw_bind_parameter(1, bytes)?;
            let mut rows = statement.raw_query();
            if let Some(row) = rows.next()? {
                found(Place { request, key, feature }, stored_cell(row)?);
            }
        }
    }
    Ok(())
}

/// Passes all values of each key; says how many there were of one key at most.
fn pass_all(
    statement: &mut CachedStatement<'_>,
    request: usize,
    wanted: &ReadRequest<'_>,
    found: &mut dyn FnMut(Place, StoredCell<'_>),
) -> rusqlite::Result<usize> {
    let names = Names::new(wanted.features);
    let mut most = 0;
    for (key, bytes) in wanted.keys.iter().enumerate() {
        statement.raw_bind_parameter(1, bytes)?;
        let mut rows = statement.raw_query();
        let mut met = 0;
        while let Some(row) = rows.next()? {
            met += 1;
            let places = names.places(row.get_ref(0)?.as_bytes().unwrap_or_default());
            if places.is_empty() {
                continue;
            }
            let cell = stored_cell(row)?;
            for (_, feature) in places {
                found(Place { request, key, feature: *feature }, cell);
            }
        }
        most = most.max(met);
    }
    Ok(most)
}

impl OnlineReader for SqliteReader {
    fn visit(
        &mut self,
        requests: &[ReadRequest<'_>],
        found: &mut dyn FnMut(Place, StoredCell<'_>),
    ) -> Result<(), OnlineError> {
        self.db.check_identity()?;
        self.db.run(sql::BEGIN_READ, DOING)?;
        let visited = self.schema.refresh(&self.db).and_then(|()| {
            let mut requests = requests.iter().enumerate();
            requests.try_for_each(|(position, request)| self.visit_table(position, request, found))
        });
        // nothing was written, so there is nothing that the end of the transaction could lose
        let _ = self.db.run(sql::COMMIT, DOING);
        visited
    }
}

/// Names of features in order, each with its place in the request.
struct Names<'a>(Vec<(&'a [u8], usize)>);

impl<'a> Names<'a> {
    fn new(features: &[&'a str]) -> Self {
        let mut names: Vec<_> = features.iter().enumerate().map(|(place, name)| (name.as_bytes(), place)).collect();
        names.sort_unstable();
        Self(names)
    }

    /// The places at which `name` is asked for.
    fn places(&self, name: &[u8]) -> &[(&'a [u8], usize)] {
        let from = self.0.get(self.0.partition_point(|(known, _)| *known < name)..).unwrap_or_default();
        let same = from.iter().take_while(|(known, _)| *known == name).count();
        from.get(..same).unwrap_or_default()
    }
}

pub(super) fn stored_cell<'r>(row: &'r rusqlite::Row<'_>) -> rusqlite::Result<StoredCell<'r>> {
    let value = match row.get_ref(1)? {
        ValueRef::Blob(bytes) | ValueRef::Text(bytes) => bytes,
        _ => &[],
    };
    let (event, created) = (integer(row.get_ref(2)?), integer(row.get_ref(3)?));
    let (event_us, created_us) = (integer(row.get_ref(4)?), integer(row.get_ref(5)?));
    let is_ours = is_ours((event, created), (event_us, created_us));
    let instant = |seconds: i64| Timestamp::from_micros(seconds.saturating_mul(MICROS));
    match event_us.filter(|_| is_ours) {
        Some(micros) => Ok(StoredCell {
            value,
            event: Timestamp::from_micros(micros),
            created: created_us.map(Timestamp::from_micros),
        }),
        None => Ok(StoredCell { value, event: instant(event.unwrap_or(0)), created: created.map(instant) }),
    }
}

/// Whether feast-rs wrote the value last, by the same test as `sql::NEWER`: after an UPSERT by Python our exact times are
/// those of an earlier value.
fn is_ours((event, created): (Option<i64>, Option<i64>), exact: (Option<i64>, Option<i64>)) -> bool {
    exact.0.map(|micros| micros / MICROS) == event && exact.1.map(|micros| micros / MICROS) == created
}

/// Whether feast-rs wrote the value of a row last.
pub(super) fn is_row_ours(row: &rusqlite::Row<'_>) -> rusqlite::Result<bool> {
    let exact = (integer(row.get_ref(4)?), integer(row.get_ref(5)?));
    Ok(exact.0.is_some() && is_ours((integer(row.get_ref(2)?), integer(row.get_ref(3)?)), exact))
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

//! What lies in a table, for whoever operates the store: counts, times, and who wrote a value.

use super::{SqliteReader, read, schema, sql};
use crate::model::Timestamp;
use crate::online::{OnlineError, StoredCell, StoredValue};

const DOING: &str = "looking through";

/// Who wrote a value last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub enum Writer {
    /// feast-rs: the times are exact to the microsecond
    #[serde(rename = "feast-rs")]
    FeastRs,
    /// Python Feast, or something older: the times are whole seconds
    #[serde(rename = "Python")]
    Python,
}

/// One value of one entity, registered or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFeature {
    /// name of the feature
    pub feature: String,
    /// its bytes and times
    pub stored: StoredValue,
    /// who wrote it
    pub writer: Writer,
}

/// What there is of one feature in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureCounts {
    /// name of the feature
    pub feature: String,
    /// stored values, nulls included
    pub values: u64,
    /// nulls among them
    pub nulls: u64,
    /// values that Python wrote last
    pub by_python: u64,
    /// earliest event time
    pub oldest: Option<Timestamp>,
    /// latest event time
    pub newest: Option<Timestamp>,
}

/// Event times before or after an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Events {
    /// earlier than this
    Before(Timestamp),
    /// later than this
    After(Timestamp),
}

impl Events {
    pub(super) fn instant(self) -> Timestamp {
        match self {
            Self::Before(instant) | Self::After(instant) => instant,
        }
    }

    pub(super) fn operator(self) -> &'static str {
        match self {
            Self::Before(_) => "<",
            Self::After(_) => ">",
        }
    }
}

impl SqliteReader {
    /// Everything that is stored for one entity key, by feature name.
    ///
    /// # Errors
    /// `NoTable`, or the store cannot be read.
    pub fn entity(&self, table: &str, key: &[u8]) -> Result<Vec<StoredFeature>, OnlineError> {
        let exact = self.is_exact(table)?;
        self.db.all(&sql::entity(table, exact), [key], DOING, |row| {
            Ok(StoredFeature {
                feature: row.get(0)?,
                stored: owned(read::stored_cell(row)?),
                writer: if read::is_row_ours(row)? { Writer::FeastRs } else { Writer::Python },
            })
        })
    }

    /// How many distinct entity keys a table holds.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn count_keys(&self, table: &str) -> Result<u64, OnlineError> {
        Ok(unsigned(self.db.one(&sql::count_keys(table), [], DOING)?))
    }

    /// What there is of each feature, by name.
    ///
    /// # Errors
    /// `NoTable`, or the store cannot be read.
    pub fn feature_counts(&self, table: &str) -> Result<Vec<FeatureCounts>, OnlineError> {
        let exact = self.is_exact(table)?;
        self.db.all(&sql::feature_counts(table, exact), [], DOING, |row| {
            let instant =
                |index| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(index)?.map(Timestamp::from_micros));
            Ok(FeatureCounts {
                feature: row.get(0)?,
                values: unsigned(row.get(1)?),
                nulls: unsigned(row.get(2)?),
                by_python: unsigned(row.get(3)?),
                oldest: instant(4)?,
                newest: instant(5)?,
            })
        })
    }

    /// How many values have such event times.
    ///
    /// # Errors
    /// `NoTable`, or the store cannot be read.
    pub fn count_events(&self, table: &str, events: Events) -> Result<u64, OnlineError> {
        let text = sql::count_events(table, self.is_exact(table)?, events.operator());
        Ok(unsigned(self.db.one(&text, [events.instant().micros()], DOING)?))
    }

    /// Entity keys with event times from `from` to `to`, both included, in the order of their bytes, each with the number
    /// of such values.
    ///
    /// # Errors
    /// `NoTable`, or the store cannot be read.
    pub fn keys_between(
        &self,
        table: &str,
        (from, to): (Timestamp, Timestamp),
        take: &mut dyn FnMut(&[u8], u64),
    ) -> Result<(), OnlineError> {
        let mut statement = self.db.prepare(&sql::keys_between(table, self.is_exact(table)?), DOING)?;
        let mut each = || {
            let mut rows = statement.query([from.micros(), to.micros()])?;
            while let Some(row) = rows.next()? {
                take(row.get_ref(0)?.as_bytes().unwrap_or_default(), unsigned(row.get(1)?));
            }
            Ok(())
        };
        each().map_err(|error| self.db.error(error, DOING))
    }

    /// Entity keys with a value that Python wrote last, `limit` at most, each with its event time in whole seconds.
    ///
    /// # Errors
    /// `NoTable`, or the store cannot be read.
    pub fn python_keys(&self, table: &str, limit: usize) -> Result<Vec<(Vec<u8>, Timestamp)>, OnlineError> {
        let text = sql::python_keys(table, self.is_exact(table)?);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.db.all(&text, [limit], DOING, |row| Ok((row.get(0)?, Timestamp::from_micros(row.get(1)?))))
    }

    /// What SQLite finds wrong with the file, in its own words; nothing for a sound one. Reads all of it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn damage(&self) -> Result<Vec<String>, OnlineError> {
        let found: Vec<String> = self.db.all(sql::QUICK_CHECK, [], "checking", |row| row.get(0))?;
        Ok(found.into_iter().filter(|line| line != "ok").collect())
    }

    /// The journal mode that the file is in now.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn journal_mode(&self) -> Result<String, OnlineError> {
        Ok(self.db.one(sql::JOURNAL_MODE, [], "reading the journal mode of")?.unwrap_or_default())
    }

    fn is_exact(&self, table: &str) -> Result<bool, OnlineError> {
        let shape = schema::inspect(&self.db, table)?;
        Ok(shape.ok_or_else(|| OnlineError::NoTable { table: table.to_owned() })?.is_exact())
    }
}

fn owned(cell: StoredCell<'_>) -> StoredValue {
    StoredValue { value: cell.value.to_vec(), event: cell.event, created: cell.created }
}

fn unsigned(number: Option<i64>) -> u64 {
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}

//! The newest value of every feature of every entity.
//!
//! [`OnlineStore`] is one writer, [`OnlineReader`] one reading thread. What both promise is in `tests/contract.rs`, which
//! runs over [`MemoryStore`] (the reference) and [`SqliteStore`] (Feast's tables).

mod error;
pub mod lane;
mod memory;
mod newest;
mod spool;
pub mod sqlite;
mod turns;
mod write_set;

use crate::model::{SqliteOnlineStore, Timestamp};
use crate::row::{Keys, ViewLayout};

pub use error::OnlineError;
pub use lane::Lane;
pub use memory::{MemoryReader, MemoryStore};
pub use spool::{Claim, Spool, SpooledLog};
pub use sqlite::{
    BulkWriter, Durability, Events, FeatureCounts, SqliteReader, SqliteStore, StoredFeature, TableInfo, ViewLock,
    Writer,
};
pub use turns::Turns;
pub use write_set::{Advance, LogName, LogRows, PUSH_MARK_AGE, PushMark, StoredPosition, TableRows, WriteSet};

/// What a view's table must be able to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSpec {
    /// `{project}_{view}`
    pub name: String,
    /// every feature is one number, text or flag
    pub scalars_only: bool,
    /// the table has a column `value_num`
    pub value_num: bool,
    /// Feast's searches select the table's `rowid`
    pub needs_rowid: bool,
}

impl TableSpec {
    /// The table `name` for rows of `layout` in a store with these settings.
    #[must_use]
    pub fn new(name: impl Into<String>, layout: &ViewLayout, store: &SqliteOnlineStore) -> Self {
        Self {
            name: name.into(),
            scalars_only: layout.scalars_only(),
            value_num: store.enable_openai_compatible_store,
            needs_rowid: store.needs_rowid(),
        }
    }

    /// Whether the table lies in its primary key's own tree, which small rows are faster in.
    #[must_use]
    pub fn without_rowid(&self) -> bool {
        self.scalars_only && !self.needs_rowid
    }
}

/// Which of two values of one feature stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conflict {
    /// the one with the newest event time, then with the newest created time (none is oldest), then the later arrival
    #[default]
    NewestWins,
    /// the later arrival, as in Feast
    Overwrite,
}

/// What became of a write, in feature values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Outcome {
    /// stored
    pub written: u64,
    /// older than what is stored, and dropped
    pub stale: u64,
}

impl std::ops::AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.written += other.written;
        self.stale += other.stale;
    }
}

/// Features of some entities in one table.
#[derive(Clone, Copy, Debug)]
pub struct ReadRequest<'a> {
    /// name of the table
    pub table: &'a str,
    /// entity keys
    pub keys: &'a Keys,
    /// feature names
    pub features: &'a [&'a str],
}

/// What is known of one feature of one entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredValue {
    /// a `feast.types.Value`; empty for null
    pub value: Vec<u8>,
    /// event time: to the microsecond where feast-rs wrote it, to the second where Python did
    pub event: Timestamp,
    /// created time, where the source has one
    pub created: Option<Timestamp>,
}

/// A value as it lies in the store, while it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredCell<'a> {
    /// a `feast.types.Value`; empty for null
    pub value: &'a [u8],
    /// as in [`StoredValue`]
    pub event: Timestamp,
    /// as in [`StoredValue`]
    pub created: Option<Timestamp>,
}

/// What a value answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// position of the request
    pub request: usize,
    /// position of the key in the request
    pub key: usize,
    /// position of the feature in the request
    pub feature: usize,
}

/// One answer a key and feature: keys in the order asked, and for each the features in the order asked.
pub type Answers = Vec<Option<StoredValue>>;

/// The one writer of a store.
pub trait OnlineStore {
    /// What reads from it.
    type Reader: OnlineReader;

    /// Makes sure that there is a table that fits. Running twice is harmless; values stay.
    ///
    /// # Errors
    /// The store cannot be written.
    fn ensure(&mut self, table: &TableSpec) -> Result<(), OnlineError>;

    /// Drops a table with its values. One that is not there is no error.
    ///
    /// # Errors
    /// The store cannot be written.
    fn forget(&mut self, table: &str) -> Result<(), OnlineError>;

    /// Stores a [`WriteSet`]: all of it or nothing. One whose push mark is stored already stores nothing and is no error.
    ///
    /// # Errors
    /// `NoTable`; `Generation` where the table of a view that advances was made anew since; or the store cannot be
    /// written. Then nothing is stored.
    fn commit(&mut self, set: &WriteSet) -> Result<Outcome, OnlineError>;

    /// The generation of a table: raised whenever feast-rs makes the table, or adds its own columns to one that Python
    /// made. `None` where there is no table, or where it lacks our columns: Python made it, and what was stored before is
    /// gone.
    ///
    /// # Errors
    /// The store cannot be read.
    fn generation(&mut self, table: &str) -> Result<Option<u64>, OnlineError>;

    /// The positions of a view in all streams and shards, sorted by their keys.
    ///
    /// # Errors
    /// `Damaged`, or the store cannot be read.
    fn positions(&mut self, project: &str, view: &str) -> Result<Vec<StoredPosition>, OnlineError>;

    /// Replaces all positions of a view by these; by none, it is as if no stream had ever been read for it.
    ///
    /// # Errors
    /// `Generation`, or the store cannot be written. Then nothing is changed.
    fn replace_positions(&mut self, project: &str, view: &str, positions: &[Advance]) -> Result<(), OnlineError>;

    /// Makes the positions of a view those of its table as it is now, although what was stored before it was made anew is
    /// gone.
    ///
    /// # Errors
    /// `NoTable` where there is none with our columns, or the store cannot be written.
    fn keep_positions(&mut self, project: &str, view: &str, table: &str) -> Result<(), OnlineError>;

    /// Whether a commit with this push mark is stored.
    ///
    /// # Errors
    /// The store cannot be read.
    fn was_pushed(&mut self, key: &str) -> Result<bool, OnlineError>;

    /// A reader for one thread. It sees every commit that ended before it was asked.
    ///
    /// # Errors
    /// The store cannot be opened again.
    fn reader(&self) -> Result<Self::Reader, OnlineError>;
}

/// Reads what is stored.
pub trait OnlineReader {
    /// Hands every value that is asked for to `found`, all from one state of the store, in no particular order. What is not
    /// stored is not handed over. Where a request asks for a key or a feature twice, each place gets its value.
    ///
    /// # Errors
    /// `NoTable`, or the store cannot be read; `found` may have been called by then.
    fn visit(
        &mut self,
        requests: &[ReadRequest<'_>],
        found: &mut dyn FnMut(Place, StoredCell<'_>),
    ) -> Result<(), OnlineError>;

    /// Answers all requests from one state of the store.
    ///
    /// # Errors
    /// `NoTable`, or the store cannot be read.
    fn read(&mut self, requests: &[ReadRequest<'_>]) -> Result<Vec<Answers>, OnlineError> {
        let mut answers: Vec<Answers> =
            requests.iter().map(|request| vec![None; request.keys.len() * request.features.len()]).collect();
        self.visit(requests, &mut |place, cell| {
            let stored = StoredValue { value: cell.value.to_vec(), event: cell.event, created: cell.created };
            answers[place.request][place.key * requests[place.request].features.len() + place.feature] = Some(stored);
        })?;
        Ok(answers)
    }
}

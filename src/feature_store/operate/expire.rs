//! `online expire`: deletes what is no longer served, or what lies too far in the future to be replaced.

use serde::Serialize;

use super::super::FeatureStore;
use super::ViewTable;
use crate::error::Error;
use crate::model::{Span, Timestamp};
use crate::online::{BulkWriter, Conflict, Durability, Events};

/// Which values are deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiryScope {
    /// those older than their view's ttl
    OlderThanTtl,
    /// those further in the future than `feast_rs.max_future`, which no real value can replace
    Future,
}

/// What is to be deleted from one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Expiry {
    /// the view
    pub view: String,
    /// its table
    pub table: String,
    /// its ttl in seconds; null where values live for ever
    pub ttl_seconds: Option<i64>,
    /// values that are to go, or that went
    pub values: u64,
    /// their event times; `None` where there is nothing to look for
    #[serde(skip)]
    events: Option<Events>,
}

impl FeatureStore<'_> {
    /// What `expire` would delete, of one view or of all. A view without a ttl keeps its values for ever.
    ///
    /// # Errors
    /// No such view, or a store that cannot be read.
    pub fn expiry(&self, view: Option<&str>, scope: ExpiryScope, now: Timestamp) -> Result<Vec<Expiry>, Error> {
        let snapshot = self.snapshot()?;
        let reader = self.online_to_read()?;
        let mut found = Vec::new();
        for ViewTable { view, table } in self.view_tables(&snapshot, view)? {
            if reader.table_info(&table)?.is_none() {
                continue;
            }
            let ttl = view.ttl.filter(|ttl| *ttl > Span::ZERO);
            let events = match scope {
                ExpiryScope::OlderThanTtl => ttl.map(|ttl| Events::Before(now.saturating_sub(ttl))),
                ExpiryScope::Future => Some(self.too_late(now)),
            };
            let values = events.map_or(Ok(0), |events| reader.count_events(&table, events))?;
            let ttl_seconds = ttl.map(|ttl| ttl.to_proto().0);
            found.push(Expiry { view: view.name.clone(), table, ttl_seconds, values, events });
        }
        Ok(found)
    }

    /// Deletes what `expiry` found, in short transactions; says what went. A value that was replaced meanwhile stays.
    ///
    /// # Errors
    /// A store that cannot be written. What was deleted before stays deleted.
    pub fn expire(&self, expiries: &[Expiry]) -> Result<Vec<Expiry>, Error> {
        let mut store = self.online_store(Durability::Full)?;
        let mut done = Vec::new();
        for expiry in expiries {
            let mut values = 0;
            if let Some(events) = expiry.events.filter(|_| expiry.values > 0) {
                let mut writer = BulkWriter::new(&mut store, &expiry.table, Conflict::NewestWins)?;
                values = writer.delete(events)?;
                writer.finish()?;
            }
            done.push(Expiry { values, ..expiry.clone() });
        }
        Ok(done)
    }

    /// Event times that no writer of ours accepts.
    pub(super) fn too_late(&self, now: Timestamp) -> Events {
        Events::After(now.saturating_add(self.settings.feast_rs.max_future))
    }
}

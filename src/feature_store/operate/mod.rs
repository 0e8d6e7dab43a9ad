//! What an operator asks of a store that is in use: what is in it, how fresh it is, what has been done to it, what is wrong.

mod diff;
mod doctor;
mod expire;
mod runs;
mod status;
mod stored;
mod streams;

pub use diff::{DiffReport, Difference, DifferenceKind};
pub use doctor::{Check, CheckStatus};
pub use expire::{Expiry, ExpiryScope};
pub use runs::{RunOutcome, RunRecord, RunSummary};
pub use status::{StatusReport, ViewStatus};
pub use stored::{CountReport, StoredEntity, StoredReport};
pub use streams::StreamStatus;

use super::FeatureStore;
use crate::error::Error;
use crate::model::FeatureView;
use crate::registry::Snapshot;

/// A registered view and its table.
struct ViewTable<'a> {
    view: &'a FeatureView,
    table: String,
}

impl FeatureStore<'_> {
    /// The view called `name`, or all of them, with their tables. Tables that await deletion belong to no view.
    fn view_tables<'s>(&self, snapshot: &'s Snapshot, name: Option<&str>) -> Result<Vec<ViewTable<'s>>, Error> {
        let views = &snapshot.definitions.feature_views;
        if let Some(name) = name.filter(|name| views.iter().all(|view| view.name != *name)) {
            return Err(Error::not_found("feature view", name, views.iter().map(|view| view.name.as_str())));
        }
        let chosen = views.iter().filter(|view| name.is_none_or(|name| view.name == name));
        Ok(chosen.map(|view| ViewTable { view, table: self.table_of(snapshot, &view.name) }).collect())
    }
}

//! What `apply` would do: decided without clock, randomness or input and output, from a snapshot and definitions.

mod between;
mod details;
mod infra;
mod removal;
mod tables;

use std::collections::BTreeSet;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::message::Message;
use super::snapshot::Fingerprint;
use super::table::Table;
use crate::model::{ObjectId, Origin};

pub use tables::table_name;

/// How a plan is made.
#[derive(Clone, Debug, Default)]
pub struct PlanOptions {
    /// which objects are deleted that the definitions do not name
    pub prune: Prune,
    /// values of removed or retyped features, and of changed join keys, stay in the online store
    pub keep_orphans: bool,
    /// path of the online store exactly as Feast builds it; `None`: no SQLite online store
    pub online_store_path: Option<String>,
    /// `enable_online_feature_view_versioning`
    pub versioning: bool,
}

/// Which objects are deleted that the definitions do not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prune {
    /// those that feast-rs itself applied
    #[default]
    Own,
    /// all
    All,
    /// none
    None,
}

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Action {
    Create,
    Update,
    Delete,
}

/// One difference: what was, and what will be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// `ttl`, `feature conv_rate`, `tag team`, ...
    pub field: String,
    /// before; `None`: it was not there
    pub from: Option<String>,
    /// after; `None`: it will not be there
    pub to: Option<String>,
}

/// What happens to one object. Its JSON is `{"action","kind","name","destroys","where","details"}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// create, update or delete
    pub action: Action,
    /// which object
    pub id: ObjectId,
    /// stored values that go; the caller counts them
    pub destroys: u64,
    /// where it is defined; `None` for what is deleted
    pub origin: Option<Origin>,
    /// a word about it: the class and place of a source, and the like
    pub note: String,
    /// what differs
    pub details: Vec<Detail>,
}

/// A step on the online store's tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum TableStep {
    /// the table must be there; additive, done before the registry is written
    Ensure {
        /// the view
        view: String,
        /// its table
        table: String,
    },
    /// the table goes
    Drop {
        /// the view
        view: String,
        /// its table
        table: String,
    },
    /// every row goes, because the keys are made otherwise now: drop and create
    Recreate {
        /// the view
        view: String,
        /// its table
        table: String,
    },
    /// the values of one feature go
    DeleteFeature {
        /// the view
        view: String,
        /// its table
        table: String,
        /// the feature
        feature: String,
    },
    /// the table gets another name; it is not ensured under the new one before
    Rename {
        /// the view, by its new name
        view: String,
        /// the table as it is called
        from: String,
        /// the table as it will be called
        to: String,
    },
}

impl TableStep {
    /// Whether it waits until the registry is written, which then keeps it as pending until it is done.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        !matches!(self, Self::Ensure { .. })
    }

    /// Whether stored values are lost.
    #[must_use]
    pub fn destroys(&self) -> bool {
        matches!(self, Self::Drop { .. } | Self::Recreate { .. } | Self::DeleteFeature { .. })
    }

    /// The view whose table it is.
    #[must_use]
    pub fn view(&self) -> &str {
        match self {
            Self::Ensure { view, .. }
            | Self::Drop { view, .. }
            | Self::Recreate { view, .. }
            | Self::DeleteFeature { view, .. }
            | Self::Rename { view, .. } => view,
        }
    }

    /// The table, as it is called before the step.
    #[must_use]
    pub fn table(&self) -> &str {
        match self {
            Self::Ensure { table, .. }
            | Self::Drop { table, .. }
            | Self::Recreate { table, .. }
            | Self::DeleteFeature { table, .. } => table,
            Self::Rename { from, .. } => from,
        }
    }
}

/// What [`super::Registry::apply`] does, and nothing else.
#[derive(Clone, Debug)]
pub struct Plan {
    /// what a user sees, in the order in which objects are applied
    pub changes: Vec<Change>,
    /// what the definitions do not name and feast-rs did not apply: left alone
    pub unmanaged: Vec<ObjectId>,
    /// what is named now and was not feast-rs's: taken over, which is no change
    pub take_over: Vec<ObjectId>,
    /// steps on the online store, `Ensure` first
    pub steps: Vec<TableStep>,
    pub(super) project: String,
    pub(super) base: Fingerprint,
    pub(super) writes: Vec<Write>,
    /// `None`: as it was
    pub(super) owned: Option<BTreeSet<ObjectId>>,
    /// the new infrastructure; `None`: as it was
    pub(super) infra: Option<Vec<u8>>,
}

/// A row that is written or removed.
#[derive(Clone, Debug)]
pub(super) enum Write {
    Put(Box<Put>),
    Remove { table: Table, name: String },
}

/// A row that is written.
#[derive(Clone, Debug)]
pub(super) struct Put {
    /// without times
    pub(super) message: Message,
    /// the row that it replaces, for what it keeps: creation time, intervals, state, fields that we do not know
    pub(super) stored: Option<Vec<u8>>,
    /// where the replaced row stands, if not at this table and name
    pub(super) moved_from: Option<(Table, String)>,
    pub(super) version: Version,
}

/// What happens to the version history of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    Same,
    /// a history row with this number; the replaced row is kept as version 0 where there was no history
    New {
        number: i32,
        keep_old: bool,
    },
}

impl Plan {
    /// Whether there is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether applying it writes anything to the registry (taking objects over is no change, but it is written).
    #[must_use]
    pub fn writes(&self) -> bool {
        !self.writes.is_empty()
            || self.owned.is_some()
            || self.infra.is_some()
            || self.steps.iter().any(TableStep::is_pending)
    }

    /// The JSON of `plan` and `apply`, with what the caller found in the online store.
    pub fn report<D: Serialize>(&self, drift: Vec<D>) -> PlanReport<'_, D> {
        let unmanaged = self.unmanaged.iter().map(|id| ObjectName { kind: id.kind.id(), name: &id.name });
        PlanReport { changes: &self.changes, drift, unmanaged: unmanaged.collect() }
    }
}

/// The JSON of `plan` and `apply`.
#[derive(Debug, Serialize)]
pub struct PlanReport<'a, D> {
    /// what happens to objects
    pub changes: &'a [Change],
    /// where the online store is not as the registry says
    pub drift: Vec<D>,
    /// what is left alone
    pub unmanaged: Vec<ObjectName<'a>>,
}

/// An object, as JSON names it.
#[derive(Debug, Serialize)]
pub struct ObjectName<'a> {
    /// `feature_view`, ...
    pub kind: &'static str,
    /// its name
    pub name: &'a str,
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("action", &self.action)?;
        map.serialize_entry("kind", self.id.kind.id())?;
        map.serialize_entry("name", &self.id.name)?;
        map.serialize_entry("destroys", &self.destroys)?;
        if let Some(origin) = &self.origin {
            map.serialize_entry("where", &origin.to_string())?;
        }
        map.serialize_entry("details", &self.details)?;
        map.end()
    }
}

//! A registry's whole content at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use prost::Message as _;

use super::decode::{Object, timestamp};
use super::error::{RegistryError, RowDamage};
use super::message::Message;
use super::plan::TableStep;
use super::table::{INFRA_NAME, Table};
use crate::model::{Definitions, Interval, ObjectId, ObjectKind, Timestamp, ViewState};
use crate::proto::core;
use crate::proto::well_known;

/// One row: an object's name and its message, as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    /// which table
    pub table: Table,
    /// the object's name in the row (`infra_obj` for the infrastructure)
    pub name: String,
    /// the serialized message
    pub proto: Vec<u8>,
}

/// A table of the online store that `managed_infra` names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InfraTable {
    /// path of the online store, as it was written
    pub path: String,
    /// name of the table
    pub name: String,
}

/// A step on the online store that the registry has decided and that still waits to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingStep {
    /// its number in the registry
    pub id: i64,
    /// what is to be done
    pub step: TableStep,
}

/// What a plan was made from: two of them are equal when nothing that a plan looks at has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(u64);

/// Everything that a registry holds of one project, read in one transaction.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// the project
    pub project: String,
    /// the objects that we model
    pub definitions: Definitions,
    /// intervals, times and versions of views of every kind, by name
    pub states: BTreeMap<String, ViewState>,
    /// what feast-rs itself applied
    pub owned: BTreeSet<ObjectId>,
    /// steps on the online store that were decided and not yet done, in order
    pub pending: Vec<PendingStep>,
    /// the tables that `managed_infra` names
    pub infra: Vec<InfraTable>,
    /// every row, kinds that we do not model included
    pub rows: Vec<Row>,
    /// `project_uuid`, where Feast or we gave one
    pub project_uuid: Option<String>,
    /// what a plan made from this compares at its application
    pub base: Fingerprint,
    pub(super) stored: Vec<Stored>,
    /// newest version in the history, by view
    pub(super) versions: BTreeMap<String, i32>,
}

/// A row that we model.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) id: ObjectId,
    /// place in [`Snapshot::rows`]
    pub(super) row: usize,
    pub(super) message: Message,
    pub(super) object: Object,
}

/// What is read from the file before anything is understood.
#[derive(Default, Hash)]
pub(super) struct Content {
    pub(super) rows: Vec<Row>,
    /// rows whose message is no BLOB: table, name, and what it is
    pub(super) not_blobs: Vec<(Table, String, String)>,
    pub(super) owned: BTreeSet<ObjectId>,
    pub(super) versions: BTreeMap<String, i32>,
    pub(super) project_uuid: Option<String>,
}

impl Content {
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        Fingerprint(hasher.finish())
    }
}

impl Snapshot {
    /// A project of which nothing is registered.
    #[must_use]
    pub fn empty(project: &str) -> Self {
        Self::start(project, &Content::default())
    }

    fn start(project: &str, content: &Content) -> Self {
        let mut definitions = Definitions::default();
        project.clone_into(&mut definitions.project.name);
        Self {
            project: project.to_owned(),
            definitions,
            states: BTreeMap::new(),
            owned: BTreeSet::new(),
            pending: Vec::new(),
            infra: Vec::new(),
            rows: Vec::new(),
            project_uuid: None,
            base: content.fingerprint(),
            stored: Vec::new(),
            versions: BTreeMap::new(),
        }
    }

    /// Understands what was read.
    pub(super) fn new(project: &str, content: Content, pending: Vec<PendingStep>) -> Result<Self, RegistryError> {
        let mut snapshot = Self::start(project, &content);
        if let Some((table, name, found)) = content.not_blobs.into_iter().next() {
            return Err(RegistryError::Damaged { table: table.name(), name, source: RowDamage::Column(found) });
        }
        for (at, row) in content.rows.iter().enumerate() {
            snapshot.read_row(at, row).map_err(|source| RegistryError::Damaged {
                table: row.table.name(),
                name: row.name.clone(),
                source,
            })?;
        }
        let exists: BTreeSet<&ObjectId> = snapshot.stored.iter().map(|stored| &stored.id).collect();
        // what Python deleted since is not ours any more
        snapshot.owned = content.owned.into_iter().filter(|id| exists.contains(id)).collect();
        snapshot.pending = pending;
        snapshot.rows = content.rows;
        snapshot.versions = content.versions;
        snapshot.project_uuid = content.project_uuid;
        Ok(snapshot)
    }

    fn read_row(&mut self, at: usize, row: &Row) -> Result<(), RowDamage> {
        if row.table == Table::ManagedInfra && row.name == INFRA_NAME {
            self.infra = infra_tables(&row.proto)?;
        }
        let Some(message) = Message::decode(row.table, &row.proto)? else { return Ok(()) };
        let object = Object::decode(&message)?;
        if let Some(state) = state(&message) {
            self.states.insert(row.name.clone(), state);
        }
        let id = ObjectId::new(object.id().kind, &row.name);
        object.clone().add_to(&mut self.definitions);
        self.stored.push(Stored { id, row: at, message, object });
        Ok(())
    }

    /// The serialized message of a stored object.
    pub(super) fn proto(&self, stored: &Stored) -> &[u8] {
        self.rows.get(stored.row).map_or(&[], |row| &row.proto)
    }

    /// What is stored under that kind and name.
    pub(super) fn find(&self, id: &ObjectId) -> Option<&Stored> {
        self.stored.iter().find(|stored| stored.id == *id)
    }

    /// The feature view (of any kind but on-demand) of that name.
    pub(super) fn find_view(&self, name: &str) -> Option<&Stored> {
        let is_view = |kind| matches!(kind, ObjectKind::FeatureView | ObjectKind::StreamFeatureView);
        self.stored.iter().find(|stored| is_view(stored.id.kind) && stored.id.name == name)
    }

    /// The row of the infrastructure.
    pub(super) fn infra_row(&self) -> Option<&Row> {
        self.rows.iter().find(|row| row.table == Table::ManagedInfra && row.name == INFRA_NAME)
    }
}

fn infra_tables(proto: &[u8]) -> Result<Vec<InfraTable>, RowDamage> {
    let infra = core::Infra::decode(proto)?;
    let tables = infra.infra_objects.into_iter().filter_map(|object| {
        let core::InfraObjectInfraObject::SqliteTable(table) = object.infra_object?;
        Some(InfraTable { path: table.path, name: table.name })
    });
    Ok(tables.collect())
}

/// What the meta part of a view says.
fn state(message: &Message) -> Option<ViewState> {
    match message {
        Message::FeatureView(view) => Some(view_state(view.meta.as_ref())),
        Message::StreamFeatureView(view) => Some(view_state(view.meta.as_ref())),
        Message::OnDemandFeatureView(view) => {
            Some(view.meta.as_ref().map_or_else(ViewState::default, |meta| ViewState {
                created: meta.created_timestamp.map(timestamp),
                last_updated: meta.last_updated_timestamp.map(timestamp),
                intervals: Vec::new(),
                state: meta.state,
                current_version_number: meta.current_version_number,
            }))
        }
        _ => None,
    }
}

fn view_state(meta: Option<&core::FeatureViewMeta>) -> ViewState {
    let Some(meta) = meta else { return ViewState::default() };
    ViewState {
        created: meta.created_timestamp.map(timestamp),
        last_updated: meta.last_updated_timestamp.map(timestamp),
        intervals: meta.materialization_intervals.iter().map(interval).collect(),
        state: meta.state,
        current_version_number: meta.current_version_number,
    }
}

fn interval(interval: &core::MaterializationInterval) -> Interval {
    let end = |at: Option<well_known::Timestamp>| at.map_or(Timestamp::EPOCH, timestamp);
    Interval { start: end(interval.start_time), end: end(interval.end_time) }
}

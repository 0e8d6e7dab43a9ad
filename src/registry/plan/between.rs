//! From what is registered and what is wanted to what has to be done.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Change, Plan, PlanOptions, Prune, Put, TableStep, Version, Write, details, infra, tables};
use crate::model::{
    DUMMY_ENTITY, DataSource, Definitions, Entity, FeatureView, ObjectId, ObjectKind, OnDemandFeatureView,
};
use crate::registry::decode::Object;
use crate::registry::encode::{Encoded, encode, entity};
use crate::registry::message::Message;
use crate::registry::native;
use crate::registry::snapshot::{Snapshot, Stored};
use crate::registry::table::Table;

impl Plan {
    /// What has to be done so that `snapshot` becomes what `desired` says. The same inputs give the same plan.
    #[must_use]
    pub fn between(snapshot: &Snapshot, desired: &Definitions, options: &PlanOptions) -> Self {
        let mut planner = Planner::new(snapshot, desired, options);
        let functions = native::functions(snapshot.stored.iter().map(|stored| &stored.message));
        for encoded in encode(desired, &functions) {
            planner.want(encoded);
        }
        planner.want_dummy();
        planner.leave_or_delete();
        planner.finish()
    }
}

struct Planner<'a> {
    snapshot: &'a Snapshot,
    desired: &'a Definitions,
    options: &'a PlanOptions,
    changes: Vec<Change>,
    writes: Vec<Write>,
    steps: Vec<TableStep>,
    /// what is named
    named: BTreeSet<ObjectId>,
    /// stored objects that a named one continues
    continued: BTreeSet<ObjectId>,
    /// views that have a table afterwards, with the version of their schema
    tables: BTreeMap<String, i32>,
    unmanaged: Vec<ObjectId>,
    kept: BTreeSet<ObjectId>,
}

impl<'a> Planner<'a> {
    fn new(snapshot: &'a Snapshot, desired: &'a Definitions, options: &'a PlanOptions) -> Self {
        Self {
            snapshot,
            desired,
            options,
            changes: Vec::new(),
            writes: Vec::new(),
            steps: Vec::new(),
            named: BTreeSet::new(),
            continued: BTreeSet::new(),
            tables: BTreeMap::new(),
            unmanaged: Vec::new(),
            kept: BTreeSet::new(),
        }
    }

    /// One object as it should be.
    fn want(&mut self, encoded: Encoded) {
        let Encoded { id, message } = encoded;
        self.named.insert(id.clone());
        let stored = self.predecessor(&id, &message);
        let version = match stored {
            Some(stored) => self.next_version(stored, &message),
            None if message.table().version_type().is_some() => Version::New { number: 0, keep_old: false },
            None => Version::Same,
        };
        let wanted = Object::decode(&message).ok();
        if let Some(Object::FeatureView(view)) = &wanted {
            self.want_table(view, stored, version);
        }
        let Some(stored) = stored else {
            self.change(Action::Create, id, details::note(wanted.as_ref()), Vec::new());
            self.writes.push(put(message, None, None, version));
            return;
        };
        self.continued.insert(stored.id.clone());
        let moved = stored.message.table() != message.table() || stored.id.name != id.name;
        if !moved && stored.message.bare() == message.bare() {
            return;
        }
        let details = details::between(Some(&stored.object), wanted.as_ref());
        self.change(Action::Update, id, details::note(wanted.as_ref()), details);
        let moved_from = moved.then(|| (stored.message.table(), stored.id.name.clone()));
        self.writes.push(put(message, Some(self.snapshot.proto(stored).to_vec()), moved_from, version));
    }

    /// The stored object that `id` continues: the same one, the view of that name in another table, or the view from
    /// which it was renamed.
    fn predecessor(&self, id: &ObjectId, message: &Message) -> Option<&'a Stored> {
        if !matches!(message, Message::FeatureView(_) | Message::StreamFeatureView(_)) {
            return self.snapshot.find(id);
        }
        if let Some(same) = self.snapshot.find_view(&id.name) {
            return Some(same);
        }
        let old = self.desired.feature_view(&id.name)?.renamed_from.as_deref()?;
        // both names defined: nothing was renamed
        if self.desired.feature_view(old).is_some() {
            return None;
        }
        self.snapshot.find_view(old)
    }

    fn next_version(&self, stored: &Stored, message: &Message) -> Version {
        if message.table().version_type().is_none() || stored.message.schema() == message.schema() {
            return Version::Same;
        }
        match self.snapshot.versions.get(&stored.id.name) {
            Some(newest) => Version::New { number: newest.saturating_add(1), keep_old: false },
            None => Version::New { number: 1, keep_old: true },
        }
    }

    /// What the online store needs for a view.
    fn want_table(&mut self, view: &FeatureView, stored: Option<&Stored>, version: Version) {
        let stored_version = stored
            .and_then(|stored| self.snapshot.states.get(&stored.id.name))
            .map_or(0, |state| state.current_version_number);
        let number = match version {
            Version::New { number, .. } => number,
            Version::Same => stored_version,
        };
        self.tables.insert(view.name.clone(), number);
        let namer = tables::Namer { project: &self.snapshot.project, versioning: self.options.versioning };
        let old = stored.and_then(|stored| match &stored.object {
            Object::FeatureView(old) => Some((&**old, stored_version)),
            _ => None,
        });
        self.steps.extend(tables::steps(&namer, view, number, old, self.options.keep_orphans));
    }

    /// Feast registers an entity for views without entities in any case.
    fn want_dummy(&mut self) {
        let id = ObjectId::new(ObjectKind::Entity, DUMMY_ENTITY);
        if self.snapshot.find(&id).is_none() {
            self.writes.push(put(entity(&Entity::dummy()), None, None, Version::Same));
        }
        self.continued.insert(id);
    }

    /// What is registered and not named.
    fn leave_or_delete(&mut self) {
        let gone = self.snapshot.stored.iter().filter(|stored| {
            let id = &stored.id;
            id.kind != ObjectKind::Project && !self.named.contains(id) && !self.continued.contains(id)
        });
        let (mut going, mut staying): (Vec<&Stored>, Vec<&Stored>) = gone.partition(|s| self.is_pruned(&s.id));
        // what stays keeps what it needs, and that in turn what it needs
        loop {
            let needed = needed_by(&staying);
            let (needed, rest): (Vec<&Stored>, Vec<&Stored>) = going.into_iter().partition(|s| needed.contains(&s.id));
            going = rest;
            if needed.is_empty() {
                break;
            }
            self.unmanaged.extend(needed.iter().map(|stored| stored.id.clone()));
            staying.extend(needed);
        }
        for stored in going {
            self.delete(stored);
        }
        for stored in staying {
            self.keep(stored);
        }
    }

    fn is_pruned(&self, id: &ObjectId) -> bool {
        match self.options.prune {
            Prune::Own => self.snapshot.owned.contains(id),
            Prune::All => true,
            Prune::None => false,
        }
    }

    fn delete(&mut self, stored: &Stored) {
        self.change(Action::Delete, stored.id.clone(), details::note(Some(&stored.object)), Vec::new());
        self.writes.push(Write::Remove { table: stored.message.table(), name: stored.id.name.clone() });
        let has_table = matches!(stored.object, Object::FeatureView(_));
        if has_table && !self.tables.contains_key(&stored.id.name) {
            self.steps.extend(tables::drop_all(self.snapshot, &stored.id.name, self.options));
        }
    }

    fn keep(&mut self, stored: &Stored) {
        self.kept.insert(stored.id.clone());
        if !self.snapshot.owned.contains(&stored.id) && !self.unmanaged.contains(&stored.id) {
            self.unmanaged.push(stored.id.clone());
        }
        if matches!(stored.object, Object::FeatureView(_)) {
            let version = self.snapshot.states.get(&stored.id.name).map_or(0, |state| state.current_version_number);
            let table = super::table_name(&self.snapshot.project, &stored.id.name, version, self.options.versioning);
            self.steps.push(TableStep::Ensure { view: stored.id.name.clone(), table });
            self.tables.insert(stored.id.name.clone(), version);
        }
    }

    fn change(&mut self, action: Action, id: ObjectId, note: String, details: Vec<super::Detail>) {
        let origin = self.desired.origins.get(&id).cloned();
        self.changes.push(Change { action, id, destroys: 0, origin, note, details });
    }

    fn finish(mut self) -> Plan {
        self.changes.sort_by_key(|change| change.id.kind);
        self.steps.sort_by_key(TableStep::is_pending);
        self.unmanaged.sort();
        let owned: BTreeSet<ObjectId> =
            self.named.iter().chain(self.snapshot.owned.intersection(&self.kept)).cloned().collect();
        let taken_over = |id: &&ObjectId| {
            id.kind != ObjectKind::Project && self.continued.contains(id) && !self.snapshot.owned.contains(id)
        };
        Plan {
            take_over: self.named.iter().filter(taken_over).cloned().collect(),
            infra: infra::new_infra(self.snapshot, &self.tables, self.options),
            changes: self.changes,
            unmanaged: self.unmanaged,
            steps: self.steps,
            project: self.snapshot.project.clone(),
            base: self.snapshot.base,
            writes: self.writes,
            owned: Some(owned).filter(|owned| *owned != self.snapshot.owned),
        }
    }
}

fn put(message: Message, stored: Option<Vec<u8>>, moved_from: Option<(Table, String)>, version: Version) -> Write {
    Write::Put(Box::new(Put { message, stored, moved_from, version }))
}

/// The entities and sources that other objects name.
pub(super) fn needed_by(staying: &[&Stored]) -> BTreeSet<ObjectId> {
    let mut needed = BTreeSet::new();
    for stored in staying {
        match &stored.object {
            Object::FeatureView(view) => needed_by_view(view, &mut needed),
            Object::OnDemandFeatureView(view) => needed_by_on_demand(view, &mut needed),
            Object::DataSource(source) => {
                source.batch_source.iter().for_each(|batch| need_source(batch, &mut needed));
            }
            Object::FeatureService(service) => {
                for projection in &service.features {
                    need_view(&projection.view, &mut needed);
                }
            }
            Object::Project(_) | Object::Entity(_) => {}
        }
    }
    needed
}

fn needed_by_view(view: &FeatureView, needed: &mut BTreeSet<ObjectId>) {
    needed.extend(view.entities.iter().map(|name| ObjectId::new(ObjectKind::Entity, name)));
    let sources = [&view.batch_source, &view.stream_source, &view.sink_source];
    sources.into_iter().flatten().for_each(|source| need_source(source, needed));
    view.source_views.iter().for_each(|name| need_view(name, needed));
}

fn needed_by_on_demand(view: &OnDemandFeatureView, needed: &mut BTreeSet<ObjectId>) {
    needed.extend(view.entities.iter().map(|name| ObjectId::new(ObjectKind::Entity, name)));
    for source in view.sources.values() {
        if let crate::model::OnDemandSource::View(projection) = source {
            need_view(&projection.view, needed);
        }
    }
}

fn need_view(name: &str, needed: &mut BTreeSet<ObjectId>) {
    for kind in [ObjectKind::FeatureView, ObjectKind::StreamFeatureView, ObjectKind::OnDemandFeatureView] {
        needed.insert(ObjectId::new(kind, name));
    }
}

fn need_source(source: &DataSource, needed: &mut BTreeSet<ObjectId>) {
    needed.insert(ObjectId::new(ObjectKind::DataSource, &source.name));
    source.batch_source.iter().for_each(|batch| need_source(batch, needed));
}

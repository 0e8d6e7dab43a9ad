//! `plan`, `apply`, `teardown` and `delete`: what the definitions say becomes what is registered.
//!
//! Registry and online store are two files that cannot commit together. So: additive table changes first (harmless when
//! repeated), then the registry in one transaction, which also notes the destructive steps, then those steps, each of which
//! clears its note. Every writing command first finishes what an interrupted one left.

use std::collections::BTreeMap;

use serde::Serialize;

use super::FeatureStore;
use crate::error::Error;
use crate::model::{Definitions, FeatureView, ObjectId, ObjectKind, RegistrySettings, Timestamp};
use crate::online::{Durability, OnlineStore, SqliteReader, SqliteStore, TableSpec, ViewLock};
use crate::registry::{
    Access, Change, Plan, PlanOptions, PlanReport, Prune, Registry, Snapshot, TableStep, table_name,
};
use crate::repo::Problem;
use crate::row::ViewLayout;

/// What `plan` and `apply` consider.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlanScope {
    /// do not open the files that the definitions name
    pub skip_source_validation: bool,
    /// keep the stored values of features that were removed or retyped
    pub keep_orphans: bool,
    /// which objects that the definitions do not name are removed
    pub prune: Prune,
}

/// What there is to do, and what it costs.
#[derive(Debug)]
pub struct Planned {
    /// what the repo defines
    pub definitions: Definitions,
    /// warnings about the definitions
    pub warnings: Vec<Problem>,
    /// what happens to the registry and to the tables
    pub plan: Plan,
    /// where the online store is not as the registry says; `apply` mends it
    pub drift: Vec<Drift>,
    /// steps that an interrupted command left to be done
    pub pending: Vec<TableStep>,
    /// stored values that would be deleted
    pub destroyed_values: u64,
    /// values that each step deletes
    destroys: Vec<(TableStep, u64)>,
}

/// A table that is not as the registry says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// the table
    pub table: String,
    /// the view that it belongs to
    pub view: String,
    /// how it differs
    pub message: String,
}

/// What a removal takes with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Removal {
    /// the objects, as `kind name`
    pub objects: Vec<String>,
    /// the tables of the online store, with the number of their stored values
    pub tables: BTreeMap<String, u64>,
}

impl Planned {
    /// Whether `apply` has anything to do that a user would notice.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.plan.is_empty() && self.drift.is_empty() && self.pending.is_empty()
    }

    /// Whether stored values, or a view with its table, would be lost.
    #[must_use]
    pub fn is_destructive(&self) -> bool {
        self.destroyed_values > 0 || self.plan.steps.iter().any(|step| matches!(step, TableStep::Drop { .. }))
    }

    /// Stored values that the change of one feature, or the removal of a view, deletes.
    #[must_use]
    pub fn values_of(&self, view: &str, feature: Option<&str>) -> u64 {
        let of = |step: &TableStep| match (step, feature) {
            (TableStep::DeleteFeature { feature: gone, .. }, Some(feature)) => gone == feature,
            (TableStep::Drop { .. } | TableStep::Recreate { .. }, None) => true,
            _ => false,
        };
        self.destroys.iter().filter(|(step, _)| step.view() == view && of(step)).map(|(_, values)| values).sum()
    }

    /// The JSON of `plan` and `apply`.
    #[must_use]
    pub fn report(&self) -> PlanReport<'_, Drift> {
        self.plan.report(self.drift.clone())
    }
}

impl FeatureStore<'_> {
    /// What `apply` would do. Nothing is changed, and files are created nowhere.
    ///
    /// # Errors
    /// Problems of the definitions; a registry or a store that cannot be read.
    pub fn plan(&self, scope: PlanScope, now: Timestamp) -> Result<Planned, Error> {
        let loaded = self.load(scope.skip_source_validation, now)?;
        let snapshot = self.snapshot()?;
        check_renames(&snapshot, &loaded.definitions)?;
        let mut plan = Plan::between(&snapshot, &loaded.definitions, &self.plan_options(scope));
        let reader = self.online_reader()?;
        let destroys = count_destroyed(&plan, reader.as_ref())?;
        for change in &mut plan.changes {
            change.destroys = destroyed_by(change, &destroys);
        }
        let pending: Vec<TableStep> = snapshot.pending.iter().map(|pending| pending.step.clone()).collect();
        let drift = self.drift(&snapshot, &loaded.definitions, &plan, reader.as_ref())?;
        let destroyed_values = destroys.iter().map(|(_, values)| values).sum();
        Ok(Planned {
            definitions: loaded.definitions,
            warnings: loaded.warnings,
            plan,
            drift,
            pending,
            destroyed_values,
            destroys,
        })
    }

    /// Does what was planned. Running it again does nothing; interrupted anywhere, the next one completes it.
    ///
    /// # Errors
    /// The registry is not what the plan was made from (`Conflict`); a registry or store that cannot be written.
    pub fn apply(&self, planned: &Planned, now: Timestamp) -> Result<(), Error> {
        let mut registry = self.registry(Access::Write)?;
        self.finish_pending(&mut registry)?;
        let _locks = self.lock_tables(&planned.plan)?;
        if self.online_settings().is_ok() {
            let mut store = self.online_store(Durability::Full)?;
            for view in &planned.definitions.feature_views {
                if let Some(step) = planned.plan.steps.iter().find(|step| is_ensure(step, &view.name)) {
                    store.ensure(&self.table_spec(step.table(), view)?)?;
                }
            }
        }
        self.ensure_logs(&planned.definitions.feature_views)?;
        registry.apply(&planned.plan, now)?;
        self.finish_pending(&mut registry)
    }

    /// Keeps runs of `materialize` away from the tables that a plan destroys: one that is under way would put rows of the
    /// old definition back.
    fn lock_tables(&self, plan: &Plan) -> Result<Vec<ViewLock>, Error> {
        let Ok(store) = self.online_settings() else { return Ok(Vec::new()) };
        let steps = plan.steps.iter().filter(|step| step.is_pending() && store.path.exists());
        Ok(steps.map(|step| ViewLock::take(&store.path, "materialize", step.table())).collect::<Result<_, _>>()?)
    }

    /// Does the destructive steps that the registry has decided, each of which then clears its note.
    pub(super) fn finish_pending(&self, registry: &mut Registry) -> Result<(), Error> {
        let pending = registry.pending()?;
        if pending.is_empty() {
            return Ok(());
        }
        let views = registry.snapshot()?.definitions.feature_views;
        let mut store = self.online_store(Durability::Full)?;
        for step in &pending {
            self.do_step(&mut store, &step.step, &views)?;
            registry.clear_pending(step)?;
        }
        Ok(())
    }

    /// One destructive step. It may have been done already: the note is cleared after it.
    fn do_step(&self, store: &mut SqliteStore, step: &TableStep, views: &[FeatureView]) -> Result<(), Error> {
        let reader = store.reader()?;
        let exists = |table: &str| Ok::<_, Error>(reader.table_info(table)?.is_some());
        match step {
            TableStep::Ensure { .. } => {}
            TableStep::Drop { view, table } => {
                store.forget(table)?;
                store.replace_positions(&self.settings.project, view, &[])?;
            }
            TableStep::Recreate { table, .. } => store.forget(table)?,
            TableStep::DeleteFeature { table, feature, .. } => {
                if exists(table)? {
                    store.delete_feature(table, feature)?;
                }
            }
            TableStep::Rename { view, from, to } => store.rename_table(from, to, view)?,
        }
        let remade = matches!(step, TableStep::Recreate { .. } | TableStep::Rename { .. });
        if let Some(view) = views.iter().find(|view| remade && view.name == step.view()) {
            let table = if let TableStep::Rename { to, .. } = step { to } else { step.table() };
            store.ensure(&self.table_spec(table, view)?)?;
        }
        if let TableStep::Recreate { view, table } = step {
            // whoever agreed to the loss of the values decides with a reset where the stream is read again
            store.keep_positions(&self.settings.project, view, table)?;
        }
        Ok(())
    }

    pub(super) fn table_spec(&self, table: &str, view: &FeatureView) -> Result<TableSpec, Error> {
        let layout = ViewLayout::of(view, self.settings.entity_key_serialization_version)?;
        Ok(TableSpec::new(table, &layout, self.online_settings()?))
    }

    pub(super) fn plan_options(&self, scope: PlanScope) -> PlanOptions {
        PlanOptions {
            prune: scope.prune,
            keep_orphans: scope.keep_orphans,
            online_store_path: self.online_settings().ok().map(|store| store.path.display().to_string()),
            versioning: self.versioning(),
        }
    }

    fn versioning(&self) -> bool {
        matches!(self.settings.registry, RegistrySettings::Sqlite { versioning: true, .. })
    }

    /// The table that a view's values are in now.
    pub(super) fn table_of(&self, snapshot: &Snapshot, view: &str) -> String {
        let version = snapshot.states.get(view).map_or(0, |state| state.current_version_number);
        table_name(&self.settings.project, view, version, self.versioning())
    }

    /// A reader of the online store; `None` where there is no store yet, or none that we can read.
    pub(super) fn online_reader(&self) -> Result<Option<SqliteReader>, Error> {
        match self.online_settings() {
            Ok(store) if store.path.exists() => Ok(Some(SqliteReader::open(&store.path)?)),
            _ => Ok(None),
        }
    }

    /// Tables that are not as the registry says. Those of views that are new, or that await a step, are no drift.
    fn drift(
        &self,
        snapshot: &Snapshot,
        definitions: &Definitions,
        plan: &Plan,
        reader: Option<&SqliteReader>,
    ) -> Result<Vec<Drift>, Error> {
        if self.online_settings().is_err() {
            return Ok(Vec::new());
        }
        let mut drift = Vec::new();
        for view in
            definitions.feature_views.iter().filter(|view| snapshot.definitions.feature_view(&view.name).is_some())
        {
            let Some(step) = plan.steps.iter().find(|step| is_ensure(step, &view.name)) else { continue };
            let table = step.table();
            if snapshot.pending.iter().any(|pending| pending.step.table() == table) {
                continue;
            }
            let spec = self.table_spec(table, view)?;
            let info = reader.map(|reader| reader.table_info(table)).transpose()?.flatten();
            let messages = match info {
                None => vec![format!("table {table} is missing -> will be created")],
                Some(info) => {
                    info.drift(&spec).iter().map(|drift| format!("table {table}: {drift} -> will be mended")).collect()
                }
            };
            drift.extend(messages.into_iter().map(|message| Drift {
                table: table.to_owned(),
                view: view.name.clone(),
                message,
            }));
        }
        Ok(drift)
    }

    /// What `teardown` would remove.
    ///
    /// # Errors
    /// A registry or a store that cannot be read.
    pub fn removal_of_everything(&self) -> Result<Removal, Error> {
        let snapshot = self.snapshot()?;
        let mut tables = BTreeMap::new();
        if let Some(reader) = self.online_reader()? {
            for table in self.tables_of(&snapshot, &reader)? {
                let values = reader.count_values(&table, None)?;
                tables.insert(table, values);
            }
        }
        let all = object_ids(&snapshot.definitions);
        Ok(Removal { objects: all.iter().map(|id| format!("{} {}", id.kind, id.name)).collect(), tables })
    }

    /// Removes the project: its tables, then its registry entries. Other projects in the same files stay.
    ///
    /// # Errors
    /// A registry or a store that cannot be written.
    pub fn teardown(&self) -> Result<(), Error> {
        let snapshot = self.snapshot()?;
        if let Some(reader) = self.online_reader()? {
            let tables = self.tables_of(&snapshot, &reader)?;
            drop(reader);
            let mut store = self.online_store(Durability::Full)?;
            // rows that were committed belong to history, which stays
            self.flush_logs(&mut store)?;
            for table in tables {
                store.forget(&table)?;
            }
            store.forget_positions(&self.settings.project)?;
        }
        Ok(self.registry(Access::Write)?.teardown()?)
    }

    /// The project's tables in the online store: those of its views, and those that await deletion.
    fn tables_of(&self, snapshot: &Snapshot, reader: &SqliteReader) -> Result<Vec<String>, Error> {
        let views = snapshot.definitions.feature_views.iter().map(|view| self.table_of(snapshot, &view.name));
        let registered = snapshot.infra.iter().map(|table| table.name.clone());
        let pending = snapshot.pending.iter().map(|pending| pending.step.table().to_owned());
        let mut tables: Vec<String> = views.chain(registered).chain(pending).collect();
        tables.sort();
        tables.dedup();
        let mut found = Vec::new();
        for table in tables {
            if reader.table_info(&table)?.is_some() {
                found.push(table);
            }
        }
        Ok(found)
    }

    /// What `delete` would remove, once what an interrupted command left to be done is done.
    ///
    /// # Errors
    /// No such object, or others need it.
    pub fn removal_of(&self, kind: ObjectKind, name: &str) -> Result<(ObjectId, Removal), Error> {
        let mut registry = self.registry(Access::Write)?;
        self.finish_pending(&mut registry)?;
        let snapshot = registry.snapshot()?;
        let id = Self::find_object(&snapshot, kind, name)?;
        let plan = Plan::deletion(&snapshot, &id, &self.plan_options(PlanScope::default()))?;
        let destroyed = count_destroyed(&plan, self.online_reader()?.as_ref())?;
        let tables = destroyed.into_iter().map(|(step, values)| (step.table().to_owned(), values)).collect();
        Ok((id.clone(), Removal { objects: vec![format!("{} {}", id.kind, id.name)], tables }))
    }

    /// Removes one object that nothing else needs, with its table.
    ///
    /// # Errors
    /// No such object, or others need it; a registry or a store that cannot be written.
    pub fn delete(&self, id: &ObjectId, now: Timestamp) -> Result<(), Error> {
        let mut registry = self.registry(Access::Write)?;
        self.finish_pending(&mut registry)?;
        let plan = Plan::deletion(&registry.snapshot()?, id, &self.plan_options(PlanScope::default()))?;
        let _locks = self.lock_tables(&plan)?;
        registry.delete(id, &self.plan_options(PlanScope::default()), now)?;
        self.finish_pending(&mut registry)
    }

    /// The object that a user means: a stream feature view is also a feature view.
    fn find_object(snapshot: &Snapshot, kind: ObjectKind, name: &str) -> Result<ObjectId, Error> {
        let all = object_ids(&snapshot.definitions);
        let fits = |id: &&ObjectId| match kind {
            ObjectKind::FeatureView => matches!(id.kind, ObjectKind::FeatureView | ObjectKind::StreamFeatureView),
            kind => id.kind == kind,
        };
        let found = all.iter().filter(fits).find(|id| id.name == name).cloned();
        found
            .ok_or_else(|| Error::not_found(kind.to_string(), name, all.iter().filter(fits).map(|id| id.name.as_str())))
    }
}

/// A view cannot take over the values of another while either name is still in use.
fn check_renames(snapshot: &Snapshot, definitions: &Definitions) -> Result<(), Error> {
    for view in &definitions.feature_views {
        let Some(old) = view.renamed_from.as_deref().filter(|old| snapshot.definitions.feature_view(old).is_some())
        else {
            continue;
        };
        let taken = [
            (old, definitions.feature_view(old).is_some()),
            (&view.name, snapshot.definitions.feature_view(&view.name).is_some()),
        ];
        if let Some((name, _)) = taken.iter().find(|(_, taken)| *taken) {
            return Err(Error::invalid(
                format!("view `{}` cannot be renamed from `{old}`: `{name}` is in use", view.name),
                "free the name with one `apply`, and rename with the next",
            ));
        }
    }
    Ok(())
}

fn is_ensure(step: &TableStep, view: &str) -> bool {
    matches!(step, TableStep::Ensure { view: ensured, .. } if ensured == view)
}

/// Every object, in the order in which they are applied.
fn object_ids(definitions: &Definitions) -> Vec<ObjectId> {
    let entities = definitions.entities.iter().map(|entity| ObjectId::new(ObjectKind::Entity, &entity.name));
    let sources = definitions.data_sources.iter().map(|source| ObjectId::new(ObjectKind::DataSource, &source.name));
    let views = definitions.feature_views.iter().map(|view| {
        let kind = match view.kind {
            crate::model::ViewKind::StreamFeatureView => ObjectKind::StreamFeatureView,
            _ => ObjectKind::FeatureView,
        };
        ObjectId::new(kind, &view.name)
    });
    let on_demand = definitions.on_demand_feature_views.iter();
    let on_demand = on_demand.map(|view| ObjectId::new(ObjectKind::OnDemandFeatureView, &view.name));
    let services = definitions.feature_services.iter();
    let services = services.map(|service| ObjectId::new(ObjectKind::FeatureService, &service.name));
    entities.chain(sources).chain(views).chain(on_demand).chain(services).collect()
}

/// How many stored values each destructive step of a plan deletes.
fn count_destroyed(plan: &Plan, reader: Option<&SqliteReader>) -> Result<Vec<(TableStep, u64)>, Error> {
    let mut counts = Vec::new();
    for step in plan.steps.iter().filter(|step| step.destroys()) {
        let feature = if let TableStep::DeleteFeature { feature, .. } = step { Some(feature.as_str()) } else { None };
        let values = reader.map_or(Ok(0), |reader| reader.count_values(step.table(), feature))?;
        counts.push((step.clone(), values));
    }
    Ok(counts)
}

fn destroyed_by(change: &Change, destroys: &[(TableStep, u64)]) -> u64 {
    let is_view = matches!(change.id.kind, ObjectKind::FeatureView | ObjectKind::StreamFeatureView);
    let of_view = destroys.iter().filter(|(step, _)| is_view && step.view() == change.id.name);
    of_view.map(|(_, values)| values).sum()
}

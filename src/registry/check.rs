//! Whether a registry is whole: by our reading and by Python's.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::decode::Object;
use super::encode::source_type;
use super::error::RegistryError;
use super::message::Message;
use super::plan::{PlanOptions, table_name};
use super::snapshot::{Content, PendingStep, Snapshot, Stored};
use super::store::Registry;
use super::table::Table;
use crate::model::{DUMMY_ENTITY, FeatureView, Interval, ObjectId, ObjectKind, OnDemandSource};
use crate::proto::core;
use crate::proto::json::to_json;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// something is lost or will fail
    Error,
    /// worth knowing
    Warning,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// how bad it is
    pub severity: Severity,
    /// which table of the registry
    pub table: &'static str,
    /// which row
    pub name: String,
    /// what is wrong
    pub message: String,
    /// how to mend it
    pub hint: Option<String>,
}

impl Registry {
    /// Everything that is not as it should be. Damaged rows are findings, not errors.
    ///
    /// # Errors
    /// The file cannot be read at all.
    pub fn check(&self, options: &PlanOptions) -> Result<Vec<Finding>, RegistryError> {
        let (content, pending) = self.content()?;
        let mut checker = Checker { findings: Vec::new() };
        let sound = checker.rows(&self.project, content);
        checker.pending(&pending);
        let snapshot = Snapshot::new(&self.project, sound, pending)?;
        checker.references(&snapshot);
        checker.intervals(&snapshot);
        checker.kinesis(&snapshot);
        checker.infra(&snapshot, options);
        Ok(checker.findings)
    }
}

struct Checker {
    findings: Vec<Finding>,
}

impl Checker {
    fn find(&mut self, severity: Severity, table: &'static str, name: &str, message: String, hint: Option<&str>) {
        let hint = hint.map(str::to_owned);
        self.findings.push(Finding { severity, table, name: name.to_owned(), message, hint });
    }

    fn object(&mut self, severity: Severity, stored: &Stored, message: String, hint: Option<&str>) {
        self.find(severity, stored.message.table().name(), &stored.id.name, message, hint);
    }

    /// Reports damaged rows and rows under a wrong name; returns what can be read.
    fn rows(&mut self, project: &str, mut content: Content) -> Content {
        for (table, name, found) in std::mem::take(&mut content.not_blobs) {
            self.damaged(project, table, &name, &found);
        }
        content.rows.retain(|row| {
            let read = Message::decode(row.table, &row.proto).and_then(|message| match message {
                Some(message) => Object::decode(&message).map(|object| Some(object.id().name)),
                None => Ok(to_json(&row.proto, row.table.message()).map(|_| None)?),
            });
            match read {
                Ok(Some(name)) if name != row.name => {
                    let message = format!("the row's name and the name inside, `{name}`, differ");
                    let hint = cure(project, row.table, &row.name);
                    self.find(Severity::Error, row.table.name(), &row.name, message, Some(&hint));
                }
                Ok(_) => {}
                Err(damage) => {
                    self.damaged(project, row.table, &row.name, &damage.to_string());
                    return false;
                }
            }
            true
        });
        content
    }

    fn damaged(&mut self, project: &str, table: Table, name: &str, damage: &str) {
        let message = format!("the row cannot be read: {damage}");
        self.find(Severity::Error, table.name(), name, message, Some(&cure(project, table, name)));
    }

    fn pending(&mut self, pending: &[PendingStep]) {
        for step in pending {
            let message = format!("a step on the table `{}` waits to be done", step.step.table());
            let hint = "`feast-rs apply` finishes it";
            self.find(Severity::Warning, "feast_rs_pending", &step.id.to_string(), message, Some(hint));
        }
    }

    fn references(&mut self, snapshot: &Snapshot) {
        let ids: BTreeSet<&ObjectId> = snapshot.stored.iter().map(|stored| &stored.id).collect();
        let has = |kind, name: &str| ids.contains(&ObjectId::new(kind, name));
        let has_view = |name: &str| {
            let kinds = [ObjectKind::FeatureView, ObjectKind::StreamFeatureView, ObjectKind::OnDemandFeatureView];
            kinds.into_iter().any(|kind| has(kind, name)) || is_label_view(snapshot, name)
        };
        for stored in &snapshot.stored {
            let mut missing = Vec::new();
            match &stored.object {
                Object::FeatureView(view) => {
                    let entities = view.entities.iter().filter(|name| !has(ObjectKind::Entity, name));
                    missing.extend(entities.map(|name| format!("entity `{name}`")));
                    let sources = sources_of(view).into_iter().filter(|name| !has(ObjectKind::DataSource, name));
                    missing.extend(sources.map(|name| format!("data source `{name}`")));
                    let views = view.source_views.iter().filter(|name| !has_view(name));
                    missing.extend(views.map(|name| format!("feature view `{name}`")));
                }
                Object::OnDemandFeatureView(view) => {
                    for source in view.sources.values() {
                        if let OnDemandSource::View(projection) = source
                            && !has_view(&projection.view)
                        {
                            missing.push(format!("feature view `{}`", projection.view));
                        }
                    }
                }
                Object::FeatureService(service) => {
                    let views = service.features.iter().filter(|projection| !has_view(&projection.view));
                    missing.extend(views.map(|projection| format!("feature view `{}`", projection.view)));
                }
                Object::Project(_) | Object::Entity(_) | Object::DataSource(_) => {}
            }
            for missing in missing {
                self.object(Severity::Error, stored, format!("it needs {missing}, which is not there"), None);
            }
        }
        if !snapshot.stored.is_empty() && !has(ObjectKind::Entity, DUMMY_ENTITY) {
            let message = "Feast's entity for views without entities is missing".to_owned();
            self.find(
                Severity::Warning,
                Table::Entities.name(),
                DUMMY_ENTITY,
                message,
                Some("`feast-rs apply` adds it"),
            );
        }
    }

    fn intervals(&mut self, snapshot: &Snapshot) {
        for stored in &snapshot.stored {
            let Some(state) = snapshot.states.get(&stored.id.name) else { continue };
            if stored.message.table().version_type().is_none() {
                continue;
            }
            let mut seen: Vec<Interval> = Vec::new();
            for interval in &state.intervals {
                let Interval { start, end } = interval;
                if end < start {
                    let message = format!("the materialized interval {start} - {end} ends before it begins");
                    self.object(Severity::Warning, stored, message, None);
                }
                if seen.contains(interval) {
                    let message = format!("the materialized interval {start} - {end} stands there twice");
                    self.object(Severity::Warning, stored, message, None);
                }
                seen.push(*interval);
            }
        }
    }

    /// One such row makes most of Feast's commands fail.
    fn kinesis(&mut self, snapshot: &Snapshot) {
        for stored in &snapshot.stored {
            let Message::StreamFeatureView(view) = &stored.message else { continue };
            let source = view.spec.as_ref().and_then(|spec| spec.stream_source.as_ref());
            let unreadable = |source: &core::DataSource| {
                source.r#type == source_type::KINESIS || source.data_source_class_type.ends_with(".KinesisSource")
            };
            if source.is_none_or(unreadable) {
                let message = "Python Feast cannot read a stream feature view over Kinesis: plan, apply, push and \
                               materialize fail for the whole project";
                let hint = "`feast-rs apply` stores it in a form that Python can read";
                self.object(Severity::Error, stored, message.to_owned(), Some(hint));
            }
        }
    }

    fn infra(&mut self, snapshot: &Snapshot, options: &PlanOptions) {
        let Some(path) = &options.online_store_path else { return };
        let table = Table::ManagedInfra.name();
        let by_name: BTreeMap<&str, &str> =
            snapshot.infra.iter().map(|infra| (infra.name.as_str(), infra.path.as_str())).collect();
        for stored in &snapshot.stored {
            if !matches!(stored.object, Object::FeatureView(_)) {
                continue;
            }
            let version = snapshot.states.get(&stored.id.name).map_or(0, |state| state.current_version_number);
            let name = table_name(&snapshot.project, &stored.id.name, version, options.versioning);
            let message = match by_name.get(name.as_str()) {
                Some(found) if found == path => continue,
                Some(found) => {
                    format!("Feast believes the table to be in `{found}`, not in `{path}`, and would drop it")
                }
                None => "Feast does not know the table".to_owned(),
            };
            self.find(Severity::Warning, table, &name, message, Some("`feast-rs apply` writes the right path"));
        }
    }
}

/// What removes a row that none of our commands can read.
fn cure(project: &str, table: Table, name: &str) -> String {
    let quoted = |text: &str| text.replace('\'', "''");
    let (key, project, name) = (table.key(), quoted(project), quoted(name));
    format!(
        "run the SQL `DELETE FROM {} WHERE project_id = '{project}' AND {key} = '{name}'` on the registry's file, then \
         `feast-rs apply`",
        table.name()
    )
}

fn is_label_view(snapshot: &Snapshot, name: &str) -> bool {
    snapshot.rows.iter().any(|row| row.table == Table::LabelViews && row.name == name)
}

fn sources_of(view: &FeatureView) -> BTreeSet<&str> {
    let own = [&view.batch_source, &view.stream_source, &view.sink_source];
    own.into_iter().flatten().map(|source| source.name.as_str()).collect()
}

//! From definitions as written to definitions as meant. Everything that is wrong is reported, not the first thing.

use std::collections::BTreeMap;

use arrow::datatypes::SchemaRef;

use crate::model::{DataSource, Definitions, Entity, ObjectId, ObjectKind, Project, Settings, ValueType};

use super::check_service;
use super::check_source::{Source, sources};
use super::check_transformation::Transformations;
use super::check_view;
use super::codes;
use super::diagnostics::{At, Diagnostics, Finding, Spot};
use super::env::Env;
use super::raw::{RawDefinitions, RawEntity, RawProject, Ref};
use super::raw_source::RawSource;
use super::raw_view::RawViewSource;

/// Why the columns of a source are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaProblem {
    /// there is no such file
    NotFound,
    /// there is one, but it cannot be read; why, in a few words
    Unreadable(String),
}

/// Answers with the columns of a source whose files can be read.
pub type Schemas<'a> = dyn Fn(&DataSource) -> Result<SchemaRef, SchemaProblem> + 'a;

/// What checking needs to know beside the files.
pub(super) struct Context<'a> {
    pub diagnostics: &'a Diagnostics,
    pub settings: &'a Settings,
    pub env: &'a Env<'a>,
    pub schemas: &'a Schemas<'a>,
    pub transformations: &'a dyn Transformations,
    /// source files are not opened
    pub skip_source_validation: bool,
}

impl Context<'_> {
    pub(super) fn report(&self, finding: Finding) {
        self.diagnostics.report(finding);
    }

    /// Reports a name that stands for nothing.
    pub(super) fn unknown<'n>(&self, what: &str, name: &At<String>, names: impl IntoIterator<Item = &'n str>) {
        let message = format!("there is no {what} `{}`", name.value);
        self.report(Finding::error(codes::UNKNOWN_REFERENCE, name.spot, message).near(&name.value, names));
    }

    /// Reports a name that was taken before.
    pub(super) fn taken(&self, what: &str, name: &At<String>, first: Spot) {
        let origin = self.diagnostics.origin(first);
        let message = format!("{what} `{}` is defined twice", name.value);
        self.report(Finding::error(codes::NAME_TAKEN, name.spot, message).note(format!("first defined at {origin}")));
    }
}

/// Entities and sources by name: what views refer to.
pub(super) struct Known {
    pub entities: BTreeMap<String, (Entity, RawEntity)>,
    pub sources: BTreeMap<String, Source>,
}

/// The meaning of everything that was read, as far as there is one, and notices for a curious user.
pub(super) fn check(raw: &RawDefinitions, context: &Context<'_>) -> (Definitions, Vec<String>) {
    let mut definitions = Definitions { project: project(&raw.projects, context), ..Definitions::default() };
    let known = Known { entities: entities(raw, context), sources: sources(all_sources(raw), &sinks(raw), context) };
    check_view::unique_names(raw, context);
    let mut origin = |kind, name: &str, spot| {
        definitions.origins.insert(ObjectId::new(kind, name), context.diagnostics.origin(spot));
    };
    known.entities.values().for_each(|(entity, raw)| origin(ObjectKind::Entity, &entity.name, raw.spot));
    known.sources.values().for_each(|s| origin(ObjectKind::DataSource, &s.source.name, s.raw.spot));
    for view in &raw.views {
        let kind = check_view::object_kind(view.kind);
        origin(kind, &view.name.value, view.spot);
    }
    raw.on_demand_views.iter().for_each(|v| origin(ObjectKind::OnDemandFeatureView, &v.name.value, v.spot));
    raw.services.iter().for_each(|s| origin(ObjectKind::FeatureService, &s.name.value, s.spot));
    raw.projects.iter().take(1).for_each(|p| origin(ObjectKind::Project, &p.name.value, p.name.spot));

    definitions.feature_views = check_view::views(raw, &known, context);
    definitions.on_demand_feature_views = check_service::on_demand_views(raw, &known, &definitions, context);
    definitions.feature_services = check_service::services(raw, &definitions, context);
    definitions.entities = in_file_order(known.entities.into_values().map(|(entity, raw)| (entity, raw.spot)));
    definitions.data_sources = in_file_order(known.sources.into_values().map(|s| (s.source, s.raw.spot)));
    (definitions, notices(raw))
}

fn in_file_order<T>(objects: impl Iterator<Item = (T, Spot)>) -> Vec<T> {
    let mut objects: Vec<(T, Spot)> = objects.collect();
    objects.sort_by_key(|(_, spot)| *spot);
    objects.into_iter().map(|(object, _)| object).collect()
}

fn notices(raw: &RawDefinitions) -> Vec<String> {
    let passed = raw.passed_over.iter();
    passed
        .map(|(kind, count)| format!("{count} of `{kind}` read and passed over: only Python Feast uses them"))
        .collect()
}

fn project(raw: &[RawProject], context: &Context<'_>) -> Project {
    let settings = context.settings;
    let mut project = Project {
        name: settings.project.clone(),
        description: settings.project_description.clone(),
        ..Project::default()
    };
    for (at, entry) in raw.iter().enumerate() {
        if entry.name.value != settings.project {
            let message = format!("project `{}` is not the project of this repo", entry.name.value);
            context.report(
                Finding::error(codes::OTHER_PROJECT, entry.name.spot, message)
                    .label(format!("feature_store.yaml says `{}`", settings.project)),
            );
        } else if at > 0 {
            context.taken("project", &entry.name, raw.first().map_or(entry.name.spot, |first| first.name.spot));
        } else {
            project.description.clone_from(&entry.about.description);
            project.tags.clone_from(&entry.about.tags);
            project.owner.clone_from(&entry.about.owner);
        }
    }
    project
}

/// Every entity, those written in place of a reference included.
fn entities(raw: &RawDefinitions, context: &Context<'_>) -> BTreeMap<String, (Entity, RawEntity)> {
    let references = raw.views.iter().flat_map(|view| &view.entities);
    let references = references.chain(raw.on_demand_views.iter().flat_map(|view| &view.entities));
    let inline = references.filter_map(|(reference, _)| match reference {
        Ref::Inline(entity) => Some((entity.as_ref(), true)),
        Ref::Name(_) => None,
    });
    let mut entities: BTreeMap<String, (Entity, RawEntity)> = BTreeMap::new();
    for (raw, inline) in raw.entities.iter().map(|entity| (entity, false)).chain(inline) {
        let entity = entity(raw, context);
        match entities.get(&raw.name.value) {
            Some((same, _)) if inline && *same == entity => {}
            Some((_, first)) => context.taken("entity", &raw.name, first.name.spot),
            None => {
                entities.insert(raw.name.value.clone(), (entity, raw.clone()));
            }
        }
    }
    entities
}

fn entity(raw: &RawEntity, context: &Context<'_>) -> Entity {
    if raw.name.value.starts_with("__") {
        let message = format!("entity `{}` has a name that is Feast's own", raw.name.value);
        context.report(Finding::error(codes::NAME, raw.name.spot, message));
    }
    let value_type = raw.value_type.as_ref().map_or(ValueType::Unknown, |declared| declared.value);
    if let Some(declared) = raw.value_type.as_ref().filter(|_| value_type != ValueType::Unknown && !value_type.is_key())
    {
        let message = format!("entity `{}` can never have a key of type {value_type}", raw.name.value);
        context.report(
            Finding::error(codes::KEY_TYPE, declared.spot, message)
                .label("Feast's entity keys have no bytes for it")
                .note(KEY_TYPES),
        );
    }
    Entity {
        name: raw.name.value.clone(),
        join_key: join_key(raw, context),
        value_type,
        description: raw.about.description.clone(),
        tags: raw.about.tags.clone(),
        owner: raw.about.owner.clone(),
    }
}

/// What a key can be.
pub(super) const KEY_TYPES: &str = "possible: STRING, BYTES, INT32, INT64, UNIX_TIMESTAMP";

fn join_key(raw: &RawEntity, context: &Context<'_>) -> String {
    let Some(keys) = &raw.join_keys else { return raw.name.value.clone() };
    if let [key] = keys.value.as_slice() {
        return key.value.clone();
    }
    let message = format!("entity `{}` has {} join keys", raw.name.value, keys.value.len());
    context.report(
        Finding::error(codes::JOIN_KEYS, keys.spot, message)
            .label("exactly one is allowed")
            .note("features of two things together belong to a view with two entities"),
    );
    keys.value.first().map_or_else(|| raw.name.value.clone(), |key| key.value.clone())
}

/// Every source, those written in place of a reference included (and said to be so).
fn all_sources(raw: &RawDefinitions) -> Vec<(RawSource, bool)> {
    let mut all = Vec::new();
    raw.data_sources.iter().for_each(|source| add_source(source, false, &mut all));
    for view in &raw.views {
        if let Some(RawViewSource::One(Ref::Inline(source), _)) = &view.source {
            add_source(source, true, &mut all);
        }
        if let Some((Ref::Inline(source), _)) = &view.sink_source {
            add_source(source, true, &mut all);
        }
    }
    for input in raw.on_demand_views.iter().flat_map(|view| &view.sources) {
        if let super::raw_service::RawInput::Request(source) = input {
            add_source(source, true, &mut all);
        }
    }
    all
}

fn add_source(source: &RawSource, inline: bool, all: &mut Vec<(RawSource, bool)>) {
    if let Some(Ref::Inline(batch)) = &source.batch_source {
        add_source(batch, true, all);
    }
    all.push((source.clone(), inline));
}

/// The names of sources that views log to.
fn sinks(raw: &RawDefinitions) -> Vec<String> {
    raw.views.iter().filter_map(|view| Some(source_name(&view.sink_source.as_ref()?.0).value.clone())).collect()
}

/// The name that a reference to a source stands for.
pub(super) fn source_name(reference: &Ref<RawSource>) -> &At<String> {
    match reference {
        Ref::Name(name) => name,
        Ref::Inline(source) => &source.name,
    }
}

/// The name that a reference to an entity stands for.
pub(super) fn entity_name(reference: &Ref<RawEntity>) -> &At<String> {
    match reference {
        Ref::Name(name) => name,
        Ref::Inline(entity) => &entity.name,
    }
}

//! Feature views: entities, sources, schemas, transformations.

use std::collections::BTreeMap;

use crate::model::{
    DUMMY_JOIN_KEY, DataType, Entity, FeatureView, Field, ObjectKind, Span, Transformation, ValueType, ViewKind,
};

use super::check::{Context, KEY_TYPES, Known, entity_name, source_name};
use super::check_columns::{self, Columns};
use super::check_source::Source;
use super::check_transformation::{expressions_fit, mode, report, transformation};
use super::codes;
use super::diagnostics::{At, Finding, Spot};
use super::raw::{RawDefinitions, RawEntity, RawField, Ref};
use super::raw_view::{RawView, RawViewSource};

/// Feast's default hop between tiles.
const DEFAULT_HOP: Span = Span::from_seconds(300);

/// The kind of registered object that a view is.
pub(super) fn object_kind(kind: ViewKind) -> ObjectKind {
    match kind {
        ViewKind::FeatureView | ViewKind::BatchFeatureView => ObjectKind::FeatureView,
        ViewKind::StreamFeatureView => ObjectKind::StreamFeatureView,
    }
}

/// Views of all kinds share one space of names, in which case does not count; each must do as a table's name.
pub(super) fn unique_names(raw: &RawDefinitions, context: &Context<'_>) {
    let views = raw.views.iter().map(|view| &view.name);
    let mut names: Vec<&At<String>> = views.chain(raw.on_demand_views.iter().map(|view| &view.name)).collect();
    names.sort_by_key(|name| name.spot);
    let mut seen: BTreeMap<String, Spot> = BTreeMap::new();
    for name in names {
        match seen.get(&name.value.to_lowercase()) {
            Some(first) => context.taken("view", name, *first),
            None => {
                seen.insert(name.value.to_lowercase(), name.spot);
            }
        }
        if let Some(wrong) = name.value.chars().find(|c| !c.is_alphanumeric() && *c != '_') {
            let message = format!("`{}` cannot be the name of a view", name.value);
            let finding = Finding::error(codes::NAME, name.spot, message);
            context.report(finding.label(format!("`{wrong}` cannot stand in the name of a table")));
        } else if name.value.starts_with("__") {
            let message = format!("`{}` cannot be the name of a view: it is Feast's own", name.value);
            context.report(Finding::error(codes::NAME, name.spot, message));
        }
    }
}

/// Every view, as far as it has a meaning.
pub(super) fn views(raw: &RawDefinitions, known: &Known, context: &Context<'_>) -> Vec<FeatureView> {
    raw.views.iter().map(|view| Checker { view, raw, known, context }.view()).collect()
}

/// One view being checked.
struct Checker<'a> {
    view: &'a RawView,
    raw: &'a RawDefinitions,
    known: &'a Known,
    context: &'a Context<'a>,
}

/// Where a view's rows come from.
#[derive(Default)]
struct Origins<'a> {
    batch: Option<&'a Source>,
    stream: Option<&'a Source>,
    views: Vec<String>,
}

impl<'a> Checker<'a> {
    fn report(&self, finding: Finding) {
        self.context.report(finding);
    }

    fn view(&self) -> FeatureView {
        let view = self.view;
        let entities = entities(&view.entities, self.known, self.context);
        let origins = self.origins();
        let sink = self.sink(&origins);
        let batch = if origins.views.is_empty() { origins.batch } else { sink };
        let (transformation, mode) = self.transformation();
        self.aggregations();
        // the features of an aggregation are its results, not columns of the source
        let aggregated = self.view.aggregations.as_ref().is_some_and(|at| !at.value.is_empty());
        let transformed = transformation.is_some() || aggregated;
        let columns = Columns { batch, stream: origins.stream, transformed };
        let mut fields = split(&view.schema, &entities, self.context);
        columns.check(&fields, &entities, &view.schema, self.context);
        if fields.features.is_empty() {
            fields.features = self.inferred(&columns, &entities);
        }
        let entity_columns = entity_columns(&fields, &entities, &columns, self.context);
        if keeps_keys_as_features(view.kind, origins.stream) {
            fields.features.extend(entity_columns.iter().filter(|column| column.name != DUMMY_JOIN_KEY).cloned());
        }
        let meant = FeatureView {
            kind: view.kind,
            name: view.name.value.clone(),
            entities: entities.iter().map(|entity| entity.entity.name.clone()).collect(),
            entity_columns,
            features: fields.features,
            ttl: view.ttl,
            online: view.online,
            offline: view.offline.value,
            batch_source: batch.map(|source| source.source.clone()),
            stream_source: origins.stream.map(|source| source.source.clone()),
            sink_source: sink.map(|source| source.source.clone()),
            source_views: origins.views,
            mode,
            transformation,
            aggregations: view.aggregations.as_ref().map(|at| at.value.clone()).unwrap_or_default(),
            timestamp_field: view.timestamp_field.clone(),
            enable_tiling: view.enable_tiling,
            tiling_hop_size: view.tiling_hop_size.as_ref().map(|hop| hop.value),
            enable_validation: view.enable_validation,
            version: view.version.clone(),
            enabled: view.enabled,
            description: view.about.description.clone(),
            tags: view.about.tags.clone(),
            owner: view.about.owner.clone(),
            org: view.org.clone(),
            renamed_from: view.renamed_from.clone(),
        };
        if meant.source_views.is_empty() {
            self.compile(&meant, batch);
        }
        meant
    }

    /// Reports what is wrong inside the transformation; one that cannot run at all was told before.
    fn compile(&self, view: &FeatureView, batch: Option<&Source>) {
        let runs = !matches!(&view.transformation, None | Some(Transformation::UdfString(_)));
        let files = batch.and_then(|batch| batch.schema.as_ref());
        if let (true, false, Some(files), Some(raw)) =
            (runs, view.features.is_empty(), files, &self.view.transformation)
        {
            report(raw, self.context.transformations.view(view, files), self.context);
        }
    }

    fn origins(&self) -> Origins<'a> {
        match &self.view.source {
            None => Origins::default(),
            Some(RawViewSource::Views(names)) => Origins { views: self.source_views(names), ..Origins::default() },
            Some(RawViewSource::One(reference, spot)) => {
                let name = source_name(reference);
                if let Some(source) = self.known.sources.get(&name.value) {
                    return self.source(source, *spot);
                }
                if self.raw.views.iter().any(|view| view.name.value == name.value) {
                    return Origins { views: self.source_views(std::slice::from_ref(name)), ..Origins::default() };
                }
                let names = self.known.sources.keys().map(String::as_str);
                let views = self.raw.views.iter().map(|view| view.name.value.as_str());
                self.context.unknown("data source", name, names.chain(views));
                Origins::default()
            }
        }
    }

    fn source_views(&self, names: &[At<String>]) -> Vec<String> {
        for name in names {
            if !self.raw.views.iter().any(|view| view.name.value == name.value) {
                let views = self.raw.views.iter().map(|view| view.name.value.as_str());
                self.context.unknown("feature view", name, views);
            } else if name.value == self.view.name.value {
                let message = format!("feature view `{}` is made from itself", name.value);
                self.report(Finding::error(codes::VIEW_SOURCE, name.spot, message));
            }
        }
        names.iter().map(|name| name.value.clone()).collect()
    }

    fn source(&self, source: &'a Source, spot: Spot) -> Origins<'a> {
        let class = source.source.class_name();
        let stream = source.source.is_stream();
        let wanted = match self.view.kind {
            _ if class == "RequestSource" => {
                Some("a source with rows; request sources go with on-demand feature views")
            }
            ViewKind::StreamFeatureView if !stream => Some("a KinesisSource, KafkaSource or PushSource"),
            ViewKind::BatchFeatureView if stream => Some("a FileSource"),
            _ => None,
        };
        if let Some(wanted) = wanted {
            let message = format!("view `{}` cannot have a {class} as its source", self.view.name.value);
            self.report(Finding::error(codes::VIEW_SOURCE, spot, message).label(format!("needs {wanted}")));
            return Origins::default();
        }
        if !stream {
            return Origins { batch: Some(source), ..Origins::default() };
        }
        let batch = source.raw.batch_source.as_ref();
        if batch.is_none() {
            let message = format!("{class} `{}` has no batch_source", source.source.name);
            let place = self.context.diagnostics.origin(source.raw.name.spot);
            let finding = Finding::error(codes::NO_BATCH_SOURCE, spot, message);
            self.report(finding.label("a view needs its history").note(format!("add `batch_source` at {place}")));
        }
        let batch = batch.and_then(|reference| self.known.sources.get(&source_name(reference).value));
        Origins { batch, stream: Some(source), views: Vec::new() }
    }

    /// The source that rows are logged to.
    fn sink(&self, origins: &Origins<'a>) -> Option<&'a Source> {
        let derived = !origins.views.is_empty();
        let stream = self.view.kind == ViewKind::StreamFeatureView;
        let name = &self.view.name;
        let Some((reference, spot)) = &self.view.sink_source else {
            if derived {
                let message = format!("view `{}` is made from views and has no sink_source", name.value);
                self.report(Finding::error(codes::BAD_SINK, name.spot, message));
            } else if stream && self.view.offline.value {
                let message = format!("view `{}` is `offline: true` and has no sink_source", name.value);
                let finding = Finding::error(codes::NEEDS_SINK, self.view.offline.spot, message);
                self.report(finding.label("add `sink_source`: a FileSource whose path is a folder"));
            }
            return None;
        };
        let sink_name = source_name(reference);
        let Some(sink) = self.known.sources.get(&sink_name.value) else {
            self.context.unknown("data source", sink_name, self.known.sources.keys().map(String::as_str));
            return None;
        };
        let refused = if !derived && !stream {
            Some("only a stream view, or a view made from views, has one")
        } else {
            not_a_folder(sink, origins.batch)
        };
        if let Some(label) = refused {
            let message = format!("`{}` cannot be the sink_source of `{}`", sink_name.value, name.value);
            self.report(Finding::error(codes::BAD_SINK, *spot, message).label(label));
            return None;
        }
        Some(sink)
    }

    /// The transformation and the mode it means.
    fn transformation(&self) -> (Option<Transformation>, Option<String>) {
        let view = self.view;
        let transformation = view.transformation.as_ref().and_then(|raw| transformation(raw, self.context));
        let mode = mode(view.mode.as_ref(), transformation.as_ref(), self.context);
        if let Some(Transformation::Expressions { .. }) = &transformation {
            let raw = view.transformation.as_ref();
            expressions_fit(raw, &view.schema, &join_keys(&view.entities, self.known), self.context);
        }
        if let (Some(Transformation::UdfString(_)), Some(raw)) = (&transformation, &view.transformation) {
            let message = format!("the Python function of `{}` is registered, not executed", view.name.value);
            self.report(Finding::warning(codes::NOT_EXECUTED, raw.spot, message));
        }
        if transformation.is_some() && view.schema.is_empty() {
            let message = format!("view `{}` has a transformation and no schema", view.name.value);
            self.report(Finding::error(codes::NEEDS_SCHEMA, view.name.spot, message));
        }
        let python = view.kind == ViewKind::StreamFeatureView && mode.is_none();
        (transformation, if python { Some("python".to_owned()) } else { mode })
    }

    fn aggregations(&self) {
        let Some(aggregations) = self.view.aggregations.as_ref().filter(|at| !at.value.is_empty()) else { return };
        let name = &self.view.name.value;
        if self.view.kind == ViewKind::StreamFeatureView && self.view.timestamp_field.is_empty() {
            let message = format!("the aggregations of `{name}` need its timestamp_field");
            self.report(Finding::error(codes::AGGREGATION, aggregations.spot, message));
        }
        let smallest = aggregations.value.iter().filter_map(|a| a.time_window).min();
        let hop = self.view.tiling_hop_size.as_ref();
        if let Some(window) = smallest.filter(|w| self.view.enable_tiling && hop.map_or(DEFAULT_HOP, |h| h.value) >= *w)
        {
            let message = format!("the tiling hop of `{name}` is not smaller than its smallest window of {window}");
            self.report(Finding::error(codes::AGGREGATION, hop.map_or(aggregations.spot, |hop| hop.spot), message));
        }
        let message = format!("the aggregations of `{name}` are registered, not executed");
        let finding = Finding::warning(codes::NOT_EXECUTED, aggregations.spot, message);
        self.report(finding.note("materialize, push, stream-ingest and historical retrieval refuse this view"));
    }

    /// The features of a view without a schema.
    fn inferred(&self, columns: &Columns<'_>, entities: &[ViewEntity<'_>]) -> Vec<Field> {
        if columns.transformed {
            return Vec::new();
        }
        let keys: Vec<&str> = entities.iter().map(|entity| entity.entity.join_key.as_str()).collect();
        check_columns::infer_features(columns, &keys, &self.view.name, self.context)
    }
}

/// Push and Kafka stream views keep their join keys among the features (facts: each entity gets a row more).
fn keeps_keys_as_features(kind: ViewKind, stream: Option<&Source>) -> bool {
    kind == ViewKind::StreamFeatureView
        && stream.is_some_and(|source| matches!(source.source.class_name(), "PushSource" | "KafkaSource"))
}

/// Why a source cannot be logged to.
fn not_a_folder(sink: &Source, batch: Option<&Source>) -> Option<&'static str> {
    let path = sink.path();
    if sink.source.class_name() != "FileSource" {
        Some("it is a FileSource")
    } else if path.contains(['*', '?', '[']) || path.ends_with(".parquet") {
        Some("its path is a folder, not a file or a pattern")
    } else if batch.is_some_and(|batch| batch.source.name == sink.source.name || batch.path() == path) {
        Some("the batch source holds the raw columns; the log needs a place of its own")
    } else {
        None
    }
}

/// An entity of a view and where the view names it.
pub(super) struct ViewEntity<'a> {
    pub entity: &'a Entity,
    pub raw: &'a RawEntity,
    pub spot: Spot,
}

/// The entities that a view names; no two share a join key.
pub(super) fn entities<'a>(
    references: &[(Ref<RawEntity>, Spot)],
    known: &'a Known,
    context: &Context<'_>,
) -> Vec<ViewEntity<'a>> {
    let mut entities: Vec<ViewEntity<'a>> = Vec::new();
    for (reference, spot) in references {
        let name = entity_name(reference);
        let Some((entity, raw)) = known.entities.get(&name.value) else {
            context.unknown("entity", name, known.entities.keys().map(String::as_str));
            continue;
        };
        if entities.iter().any(|other| other.entity.join_key == entity.join_key) {
            let message = format!("two entities of this view have the join key `{}`", entity.join_key);
            context.report(Finding::error(codes::JOIN_KEYS, *spot, message));
            continue;
        }
        entities.push(ViewEntity { entity, raw, spot: *spot });
    }
    entities
}

fn join_keys(references: &[(Ref<RawEntity>, Spot)], known: &Known) -> Vec<String> {
    let named = references.iter().filter_map(|(reference, _)| known.entities.get(&entity_name(reference).value));
    named.map(|(entity, _)| entity.join_key.clone()).collect()
}

/// A schema taken apart.
pub(super) struct SplitSchema {
    pub features: Vec<Field>,
    /// fields that are join keys, with the place of their type
    pub keys: Vec<(Field, Spot)>,
}

/// Separates join keys from features; reports what is listed twice and what contradicts its entity.
pub(super) fn split(schema: &[RawField], entities: &[ViewEntity<'_>], context: &Context<'_>) -> SplitSchema {
    let mut split = SplitSchema { features: Vec::new(), keys: Vec::new() };
    for (at, field) in schema.iter().enumerate() {
        if let Some(first) = schema.iter().take(at).find(|other| other.name.value == field.name.value) {
            let origin = context.diagnostics.origin(first.name.spot);
            let message = format!("feature `{}` is listed twice", field.name.value);
            let finding = Finding::error(codes::FEATURE_TWICE, field.name.spot, message);
            context.report(finding.note(format!("first listed at {origin}")));
            continue;
        }
        match entities.iter().find(|entity| entity.entity.join_key == field.name.value) {
            Some(entity) => {
                agrees(field, entity.entity, context);
                split.keys.push((field.field.clone(), field.dtype_spot));
            }
            None => split.features.push(field.field.clone()),
        }
    }
    split
}

fn agrees(field: &RawField, entity: &Entity, context: &Context<'_>) {
    let declared = field.field.dtype.value_type();
    if entity.value_type != ValueType::Unknown && entity.value_type != declared {
        let message = format!(
            "join key `{}` is {} here and {} in entity `{}`",
            field.name.value, field.field.dtype, entity.value_type, entity.name
        );
        context.report(Finding::error(codes::ENTITY_TYPE, field.dtype_spot, message));
    }
}

/// The join keys with their types: from the schema, else the entity, else the source; the dummy without entities.
pub(super) fn entity_columns(
    split: &SplitSchema,
    entities: &[ViewEntity<'_>],
    columns: &Columns<'_>,
    context: &Context<'_>,
) -> Vec<Field> {
    if entities.is_empty() {
        return vec![Field::new(DUMMY_JOIN_KEY, DataType::String)];
    }
    entities.iter().filter_map(|entity| entity_column(split, entity, columns, context)).collect()
}

fn entity_column(
    split: &SplitSchema,
    entity: &ViewEntity<'_>,
    columns: &Columns<'_>,
    context: &Context<'_>,
) -> Option<Field> {
    let key = &entity.entity.join_key;
    let (field, spot) = match split.keys.iter().find(|(field, _)| field.name == *key) {
        Some((field, spot)) => (field.clone(), *spot),
        None if entity.entity.value_type != ValueType::Unknown => {
            return Some(Field::new(key.as_str(), DataType::from_value_type(entity.entity.value_type)));
        }
        None => (Field::new(key.as_str(), columns.infer_key(entity, context)?), entity.spot),
    };
    if !field.dtype.value_type().is_key() {
        let message = format!("join key `{key}` can never be of type {}", field.dtype);
        let finding = Finding::error(codes::KEY_TYPE, spot, message);
        context.report(finding.label("Feast's entity keys have no bytes for it").note(KEY_TYPES));
    }
    Some(field)
}

//! On-demand feature views and feature services: what they take from views.

use std::collections::BTreeMap;

use crate::model::{
    DataSource, Definitions, FeatureService, FeatureView, Field, OnDemandFeatureView, OnDemandSource, Projection,
    SourceKind, Transformation,
};

use super::check::{Context, Known};
use super::check_columns::Columns;
use super::check_transformation::{expressions_fit, mode, report, transformation};
use super::check_view::{entities, entity_columns, split};
use super::codes;
use super::diagnostics::{At, Finding};
use super::raw::RawDefinitions;
use super::raw_service::{RawInput, RawOnDemandView, RawProjection};

/// How Feast names the request source that it makes from `input_schema`.
const INPUT_SCHEMA_PREFIX: &str = "__input_schema__";
/// What Python writes for every projection, whatever the kind of its view.
const VIEW_TYPE: &str = "featureView";

/// Every on-demand feature view.
pub(super) fn on_demand_views(
    raw: &RawDefinitions,
    known: &Known,
    definitions: &Definitions,
    context: &Context<'_>,
) -> Vec<OnDemandFeatureView> {
    raw.on_demand_views.iter().map(|view| on_demand_view(view, known, definitions, context)).collect()
}

fn on_demand_view(
    raw: &RawOnDemandView,
    known: &Known,
    definitions: &Definitions,
    context: &Context<'_>,
) -> OnDemandFeatureView {
    let entities = entities(&raw.entities, known, context);
    let split = split(&raw.schema, &entities, context);
    let columns = Columns { batch: None, stream: None, transformed: true };
    let (transformation, mode) = computed(raw, context);
    let keys: Vec<String> = entities.iter().map(|entity| entity.entity.join_key.clone()).collect();
    if let Some(Transformation::Expressions { .. }) = &transformation {
        expressions_fit(raw.transformation.as_ref(), &raw.schema, &keys, context);
    }
    if raw.write_to_online_store && entities.is_empty() {
        let message = format!("`{}` is written to the online store and has no entities", raw.name.value);
        context.report(Finding::error(codes::VIEW_INPUT, raw.name.spot, message).label("add `entities`"));
    }
    let view = OnDemandFeatureView {
        name: raw.name.value.clone(),
        sources: inputs(raw, known, definitions, context),
        entity_columns: entity_columns(&split, &entities, &columns, context),
        features: split.features,
        entities: entities.iter().map(|entity| entity.entity.name.clone()).collect(),
        mode,
        transformation,
        write_to_online_store: raw.write_to_online_store,
        singleton: raw.singleton,
        track_metrics: raw.track_metrics,
        aggregations: raw.aggregations.as_ref().map(|at| at.value.clone()).unwrap_or_default(),
        version: raw.version.clone(),
        enabled: raw.enabled,
        description: raw.about.description.clone(),
        tags: raw.about.tags.clone(),
        owner: raw.about.owner.clone(),
        org: raw.org.clone(),
    };
    if let Some(raw) = &raw.transformation {
        report(raw, context.transformations.on_demand(&view, definitions), context);
    }
    view
}

/// What is computed, and in which mode; only SQL is executed.
fn computed(raw: &RawOnDemandView, context: &Context<'_>) -> (Option<Transformation>, Option<String>) {
    let name = &raw.name;
    let computed = raw.transformation.as_ref().and_then(|raw| transformation(raw, context));
    let mode = mode(raw.mode.as_ref(), computed.as_ref(), context);
    if raw.transformation.is_none() && raw.aggregations.is_none() {
        let message = format!("on-demand feature view `{}` computes nothing", name.value);
        let finding = Finding::error(codes::TRANSFORMATION, name.spot, message);
        context.report(finding.label("add `feature_transformation`"));
    }
    if raw.singleton && mode.as_deref() != Some("python") {
        let message = format!("`singleton` of `{}` goes with mode python", name.value);
        context.report(Finding::error(codes::TRANSFORMATION, name.spot, message));
    }
    if let (Some(Transformation::UdfString(_)), Some(raw)) = (&computed, &raw.transformation) {
        let message = format!("the Python function of `{}` is registered, not executed", name.value);
        context.report(Finding::warning(codes::NOT_EXECUTED, raw.spot, message));
    }
    if let Some(aggregations) = raw.aggregations.as_ref().filter(|at| !at.value.is_empty()) {
        let message = format!("the aggregations of `{}` are registered, not executed", name.value);
        context.report(Finding::warning(codes::NOT_EXECUTED, aggregations.spot, message));
    }
    (computed, mode)
}

/// The inputs by name: views, projections, request sources, and the one made from `input_schema`.
fn inputs(
    raw: &RawOnDemandView,
    known: &Known,
    definitions: &Definitions,
    context: &Context<'_>,
) -> BTreeMap<String, OnDemandSource> {
    let mut inputs = BTreeMap::new();
    if let Some(schema) = &raw.input_schema {
        let schema: Vec<Field> = schema.iter().map(|field| field.field.clone()).collect();
        let name = format!("{INPUT_SCHEMA_PREFIX}{}", raw.name.value);
        let source = DataSource::new(name.as_str(), SourceKind::Request { schema });
        inputs.insert(name, OnDemandSource::Request(Box::new(source)));
    } else if raw.sources.is_empty() {
        let message = format!("on-demand feature view `{}` has no inputs", raw.name.value);
        let finding = Finding::error(codes::VIEW_INPUT, raw.name.spot, message);
        context.report(finding.label("add `sources` or `input_schema`"));
    }
    for source in &raw.sources {
        let Some((name, input)) = input(source, known, definitions, context) else { continue };
        if inputs.insert(name.value.clone(), input).is_some() {
            let message = format!("`{}` is an input of `{}` twice", name.value, raw.name.value);
            context.report(Finding::error(codes::VIEW_INPUT, name.spot, message));
        }
    }
    inputs
}

fn input(
    raw: &RawInput,
    known: &Known,
    definitions: &Definitions,
    context: &Context<'_>,
) -> Option<(At<String>, OnDemandSource)> {
    let views = Views { definitions, on_demand: &[] };
    match raw {
        RawInput::Request(source) => {
            let source = known.sources.get(&source.name.value)?;
            let name = At::new(source.source.name.clone(), source.raw.name.spot);
            Some((name, OnDemandSource::Request(Box::new(source.source.clone()))))
        }
        RawInput::Name(name) => {
            let request =
                known.sources.get(&name.value).filter(|s| matches!(s.source.kind, SourceKind::Request { .. }));
            if let Some(source) = request {
                return Some((name.clone(), OnDemandSource::Request(Box::new(source.source.clone()))));
            }
            let raw = RawProjection {
                view: name.clone(),
                features: None,
                name_alias: String::new(),
                join_key_map: Vec::new(),
                version_tag: None,
            };
            Some((name.clone(), OnDemandSource::View(Box::new(views.projection(&raw, context)?))))
        }
        RawInput::Projection(raw) => {
            Some((raw.view.clone(), OnDemandSource::View(Box::new(views.projection(raw, context)?))))
        }
    }
}

/// Every feature service.
pub(super) fn services(raw: &RawDefinitions, definitions: &Definitions, context: &Context<'_>) -> Vec<FeatureService> {
    let views = Views { definitions, on_demand: &definitions.on_demand_feature_views };
    let mut services = Vec::new();
    for (at, service) in raw.services.iter().enumerate() {
        if let Some(first) = raw.services.iter().take(at).find(|first| first.name.value == service.name.value) {
            context.taken("feature service", &service.name, first.name.spot);
        }
        let mut features: Vec<Projection> = Vec::new();
        for raw in &service.features {
            let Some(projection) = views.projection(raw, context) else { continue };
            if features.iter().any(|other| other.name_to_use() == projection.name_to_use()) {
                let message = format!("`{}` is in service `{}` twice", projection.name_to_use(), service.name.value);
                let finding = Finding::error(codes::NAME_TAKEN, raw.view.spot, message);
                context.report(finding.label("give one of them a `name_alias`"));
            }
            features.push(projection);
        }
        services.push(FeatureService {
            name: service.name.value.clone(),
            features,
            logging_config: service.logging_config.clone(),
            precompute_online: service.precompute_online,
            description: service.about.description.clone(),
            tags: service.about.tags.clone(),
            owner: service.about.owner.clone(),
        });
    }
    services
}

/// The views that projections may name.
struct Views<'a> {
    definitions: &'a Definitions,
    on_demand: &'a [OnDemandFeatureView],
}

impl Views<'_> {
    fn projection(&self, raw: &RawProjection, context: &Context<'_>) -> Option<Projection> {
        if let Some(view) = self.definitions.feature_view(&raw.view.value) {
            let keys: Vec<&str> = view.join_keys().collect();
            // the join keys that push and Kafka views keep among their features are not features to a service
            let all: Vec<Field> =
                view.features.iter().filter(|field| !keys.contains(&field.name.as_str())).cloned().collect();
            return Some(projection(raw, &all, &view.features, &keys, Some(view), context));
        }
        if let Some(view) = self.on_demand.iter().find(|view| view.name == raw.view.value) {
            return Some(projection(raw, &view.features, &view.features, &[], None, context));
        }
        let names = self.definitions.feature_views.iter().map(|view| view.name.as_str());
        context.unknown("feature view", &raw.view, names.chain(self.on_demand.iter().map(|view| view.name.as_str())));
        None
    }
}

fn projection(
    raw: &RawProjection,
    all: &[Field],
    choosable: &[Field],
    join_keys: &[&str],
    view: Option<&FeatureView>,
    context: &Context<'_>,
) -> Projection {
    let features = match &raw.features {
        None => all.to_vec(),
        Some(names) => names.iter().filter_map(|name| feature(name, &raw.view.value, choosable, context)).collect(),
    };
    let mut join_key_map = BTreeMap::new();
    for (key, to) in &raw.join_key_map {
        if !join_keys.contains(&key.value.as_str()) {
            let message = format!("`{}` is not a join key of `{}`", key.value, raw.view.value);
            let finding = Finding::error(codes::JOIN_KEY_MAP, key.spot, message);
            let finding = finding.near(&key.value, join_keys.iter().copied());
            context.report(finding.note(format!("join keys: {}", join_keys.join(", "))));
        } else if join_key_map.values().any(|other| *other == to.value) {
            let message = format!("two join keys of `{}` are called `{}`", raw.view.value, to.value);
            context.report(Finding::error(codes::JOIN_KEY_MAP, to.spot, message));
        } else {
            join_key_map.insert(key.value.clone(), to.value.clone());
        }
    }
    Projection {
        view: raw.view.value.clone(),
        features,
        name_alias: raw.name_alias.clone(),
        join_key_map,
        version_tag: raw.version_tag,
        view_type: VIEW_TYPE.to_owned(),
        batch_source: view.and_then(|view| view.batch_source.clone()),
        stream_source: view.and_then(|view| view.stream_source.clone()),
    }
}

fn feature(name: &At<String>, view: &str, features: &[Field], context: &Context<'_>) -> Option<Field> {
    let found = features.iter().find(|field| field.name == name.value);
    // a view without features was reported where it is defined
    if found.is_none() && !features.is_empty() {
        let names: Vec<&str> = features.iter().map(|field| field.name.as_str()).collect();
        let message = format!("view `{view}` has no feature `{}`", name.value);
        let finding = Finding::error(codes::PROJECTION, name.spot, message).near(&name.value, names.iter().copied());
        context.report(finding.note(format!("features: {}", names.join(", "))));
    }
    found.cloned()
}

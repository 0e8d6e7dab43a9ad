//! The model as Feast writes it: one message an object, without times (those are stamped when it is written).

mod on_demand;
mod source;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use super::message::Message;
use super::native::NativeFunction;
use crate::model::{
    DataSource, Definitions, Entity, FeatureService, FeatureView, Field, LoggingConfig, ObjectId, ObjectKind,
    OnDemandSource, Project, Projection, ViewKind,
};
use crate::proto::core;

pub(in crate::registry) use on_demand::TRACK_METRICS_TAG;
pub(in crate::registry) use source::source_type;

/// An object and the row it becomes.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::registry) struct Encoded {
    pub(in crate::registry) id: ObjectId,
    pub(in crate::registry) message: Message,
}

/// The rows of all definitions, in the order in which Feast applies them. A view whose Python text stands in `native`
/// keeps the function that Python stored.
pub(in crate::registry) fn encode(
    definitions: &Definitions,
    native: &BTreeMap<String, NativeFunction>,
) -> Vec<Encoded> {
    let mut rows = vec![row(ObjectKind::Project, project(&definitions.project))];
    rows.extend(definitions.entities.iter().map(|e| row(ObjectKind::Entity, entity(e))));
    rows.extend(sources(definitions).into_iter().map(|s| row(ObjectKind::DataSource, Message::DataSource(s))));
    for view in &definitions.feature_views {
        rows.push(row(view_kind(view), view::encode(view, definitions, native.get(&view.name))));
    }
    for view in &definitions.on_demand_feature_views {
        let message = on_demand::encode(view, definitions, native.get(&view.name));
        rows.push(row(ObjectKind::OnDemandFeatureView, message));
    }
    let services = definitions.feature_services.iter();
    rows.extend(services.map(|s| row(ObjectKind::FeatureService, service(s, definitions))));
    rows.sort_by_key(|row| row.id.kind);
    rows
}

fn row(kind: ObjectKind, message: Message) -> Encoded {
    Encoded { id: ObjectId::new(kind, message.name()), message }
}

/// What a user calls a view, whichever table it stands in.
pub(in crate::registry) fn view_kind(view: &FeatureView) -> ObjectKind {
    match view.kind {
        ViewKind::FeatureView | ViewKind::BatchFeatureView => ObjectKind::FeatureView,
        ViewKind::StreamFeatureView => ObjectKind::StreamFeatureView,
    }
}

/// Every source by name: those declared, and every one reached through views and other sources.
fn sources(definitions: &Definitions) -> Vec<core::DataSource> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    let in_views = definitions
        .feature_views
        .iter()
        .flat_map(|view| [&view.stream_source, &view.batch_source, &view.sink_source].into_iter().flatten());
    let in_requests =
        definitions.on_demand_feature_views.iter().flat_map(|view| view.sources.values()).filter_map(request);
    for source in definitions.data_sources.iter().chain(in_views).chain(in_requests) {
        collect(source, &mut seen, &mut found);
    }
    found
}

/// The request source of an on-demand view; the one that Feast makes of an `input_schema` is not registered.
fn request(source: &OnDemandSource) -> Option<&DataSource> {
    match source {
        OnDemandSource::Request(source) if !source.name.starts_with("__input_schema__") => Some(source),
        _ => None,
    }
}

fn collect(source: &DataSource, seen: &mut BTreeSet<String>, found: &mut Vec<core::DataSource>) {
    if seen.insert(source.name.clone()) {
        found.push(source::source(source));
    }
    if let Some(batch) = &source.batch_source {
        collect(batch, seen, found);
    }
}

fn project(project: &Project) -> Message {
    let spec = core::ProjectSpec {
        name: project.name.clone(),
        description: project.description.clone(),
        tags: project.tags.clone(),
        owner: project.owner.clone(),
    };
    Message::Project(core::Project { spec: Some(spec), meta: None })
}

/// An entity's row.
pub(in crate::registry) fn entity(entity: &Entity) -> Message {
    let spec = core::EntitySpecV2 {
        name: entity.name.clone(),
        value_type: entity.value_type as i32,
        description: entity.description.clone(),
        join_key: entity.join_key.clone(),
        tags: entity.tags.clone(),
        project: String::new(),
        owner: entity.owner.clone(),
    };
    Message::Entity(core::Entity { spec: Some(spec), meta: None })
}

/// A column, with the tags in which Feast keeps what the number of its type does not say.
fn field(field: &Field) -> core::FeatureSpecV2 {
    let mut tags = field.tags.clone();
    tags.extend(field.dtype.registry_tags());
    core::FeatureSpecV2 {
        name: field.name.clone(),
        value_type: field.dtype.value_type() as i32,
        tags,
        description: field.description.clone(),
        vector_index: field.vector_index,
        vector_search_metric: field.vector_search_metric.clone(),
        vector_length: field.vector_length,
    }
}

fn service(service: &FeatureService, definitions: &Definitions) -> Message {
    let spec = core::FeatureServiceSpec {
        name: service.name.clone(),
        project: String::new(),
        features: service.features.iter().map(|p| projection(p, definitions)).collect(),
        tags: service.tags.clone(),
        description: service.description.clone(),
        owner: service.owner.clone(),
        logging_config: service.logging_config.as_ref().map(logging),
        precompute_online: service.precompute_online,
    };
    Message::FeatureService(core::FeatureService { spec: Some(spec), meta: None })
}

/// A projection, with a copy of the batch source that the view's own row has. Feast fills `timestamp_field` with the
/// *created* column, and says `featureView` for views of every kind.
fn projection(projection: &Projection, definitions: &Definitions) -> core::FeatureViewProjection {
    let of_view = definitions.feature_view(&projection.view).map(view::stored_batch_source);
    let batch = of_view.unwrap_or(projection.batch_source.as_ref());
    let created = batch.map(|source| source.created_timestamp_column.clone()).unwrap_or_default();
    core::FeatureViewProjection {
        feature_view_name: projection.view.clone(),
        feature_columns: projection.features.iter().map(field).collect(),
        feature_view_name_alias: projection.name_alias.clone(),
        join_key_map: projection.join_key_map.clone(),
        timestamp_field: created.clone(),
        date_partition_column: batch.map(|source| source.date_partition_column.clone()).unwrap_or_default(),
        created_timestamp_column: created,
        batch_source: batch.map(source::source),
        stream_source: None,
        version_tag: projection.version_tag,
        view_type: "featureView".to_owned(),
    }
}

fn logging(config: &LoggingConfig) -> core::LoggingConfig {
    let destination = core::FileDestination {
        path: config.path.clone(),
        s3_endpoint_override: config.s3_endpoint_override.clone(),
        partition_by: config.partition_by.clone(),
    };
    core::LoggingConfig {
        sample_rate: config.sample_rate,
        destination: Some(core::LoggingConfigDestination::FileDestination(destination)),
    }
}

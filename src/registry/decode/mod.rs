//! Rows as the model: the inverse of `encode`, and whatever Python applied.

mod on_demand;
mod source;
mod view;

use super::error::RowDamage;
use super::message::Message;
use crate::model::{
    DataSource, DataType, Definitions, Entity, FeatureService, FeatureView, Field, LoggingConfig, ObjectId, ObjectKind,
    OnDemandFeatureView, Project, Projection, Span, Tags, Timestamp, ValueType,
};
use crate::proto::core;
use crate::proto::well_known;

/// One object of the model.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::registry) enum Object {
    Project(Project),
    Entity(Entity),
    DataSource(Box<DataSource>),
    FeatureView(Box<FeatureView>),
    OnDemandFeatureView(Box<OnDemandFeatureView>),
    FeatureService(FeatureService),
}

impl Object {
    /// Reads a row.
    pub(in crate::registry) fn decode(message: &Message) -> Result<Self, RowDamage> {
        Ok(match message {
            Message::Project(m) => Self::Project(project(m.spec.clone().unwrap_or_default())),
            Message::Entity(m) => Self::Entity(entity(m.spec.clone().unwrap_or_default())),
            Message::DataSource(m) => Self::DataSource(Box::new(source::decode(m)?)),
            Message::FeatureView(m) => Self::FeatureView(Box::new(view::decode(m.spec.as_ref())?)),
            Message::StreamFeatureView(m) => Self::FeatureView(Box::new(view::decode_stream(m.spec.as_ref())?)),
            Message::OnDemandFeatureView(m) => Self::OnDemandFeatureView(Box::new(on_demand::decode(m.spec.as_ref())?)),
            Message::FeatureService(m) => Self::FeatureService(service(m.spec.clone().unwrap_or_default())?),
        })
    }

    /// What it is called.
    pub(in crate::registry) fn id(&self) -> ObjectId {
        match self {
            Self::Project(project) => ObjectId::new(ObjectKind::Project, &project.name),
            Self::Entity(entity) => ObjectId::new(ObjectKind::Entity, &entity.name),
            Self::DataSource(source) => ObjectId::new(ObjectKind::DataSource, &source.name),
            Self::FeatureView(view) => ObjectId::new(super::encode::view_kind(view), &view.name),
            Self::OnDemandFeatureView(view) => ObjectId::new(ObjectKind::OnDemandFeatureView, &view.name),
            Self::FeatureService(service) => ObjectId::new(ObjectKind::FeatureService, &service.name),
        }
    }

    /// Adds it to `definitions`; the dummy entity is not part of them.
    pub(in crate::registry) fn add_to(self, definitions: &mut Definitions) {
        match self {
            Self::Project(project) => definitions.project = project,
            Self::Entity(entity) if entity.name == crate::model::DUMMY_ENTITY => {}
            Self::Entity(entity) => definitions.entities.push(entity),
            Self::DataSource(source) => definitions.data_sources.push(*source),
            Self::FeatureView(view) => definitions.feature_views.push(*view),
            Self::OnDemandFeatureView(view) => definitions.on_demand_feature_views.push(*view),
            Self::FeatureService(service) => definitions.feature_services.push(service),
        }
    }
}

fn project(spec: core::ProjectSpec) -> Project {
    Project { name: spec.name, description: spec.description, tags: spec.tags, owner: spec.owner }
}

fn entity(spec: core::EntitySpecV2) -> Entity {
    Entity {
        name: spec.name,
        join_key: spec.join_key,
        value_type: ValueType::from_number(spec.value_type).unwrap_or(ValueType::Unknown),
        description: spec.description,
        tags: spec.tags,
        owner: spec.owner,
    }
}

fn field(spec: &core::FeatureSpecV2) -> Field {
    let users = spec.tags.iter().filter(|(name, _)| !DataType::is_registry_tag(name));
    let tags: Tags = users.map(|(name, text)| (name.clone(), text.clone())).collect();
    Field {
        name: spec.name.clone(),
        dtype: DataType::from_registry(spec.value_type, &spec.tags),
        description: spec.description.clone(),
        tags,
        vector_index: spec.vector_index,
        vector_length: spec.vector_length,
        vector_search_metric: spec.vector_search_metric.clone(),
    }
}

fn service(spec: core::FeatureServiceSpec) -> Result<FeatureService, RowDamage> {
    Ok(FeatureService {
        name: spec.name,
        features: spec.features.iter().map(projection).collect::<Result<_, _>>()?,
        logging_config: spec.logging_config.and_then(logging),
        precompute_online: spec.precompute_online,
        description: spec.description,
        tags: spec.tags,
        owner: spec.owner,
    })
}

fn projection(projection: &core::FeatureViewProjection) -> Result<Projection, RowDamage> {
    Ok(Projection {
        view: projection.feature_view_name.clone(),
        features: projection.feature_columns.iter().map(field).collect(),
        name_alias: projection.feature_view_name_alias.clone(),
        join_key_map: projection.join_key_map.clone(),
        version_tag: projection.version_tag,
        view_type: projection.view_type.clone(),
        batch_source: projection.batch_source.as_ref().map(source::decode).transpose()?,
        stream_source: projection.stream_source.as_ref().map(source::decode).transpose()?,
    })
}

/// Logging to anything but files is not modelled.
fn logging(config: core::LoggingConfig) -> Option<LoggingConfig> {
    let core::LoggingConfigDestination::FileDestination(file) = config.destination?;
    Some(LoggingConfig {
        sample_rate: config.sample_rate,
        path: file.path,
        s3_endpoint_override: file.s3_endpoint_override,
        partition_by: file.partition_by,
    })
}

/// A length of time.
fn span(duration: well_known::Duration) -> Span {
    Span::from_proto(duration.seconds, duration.nanos)
}

/// An instant.
pub(in crate::registry) fn timestamp(timestamp: well_known::Timestamp) -> Timestamp {
    Timestamp::from_proto(timestamp.seconds, timestamp.nanos)
}

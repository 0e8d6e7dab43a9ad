//! One row's message, whatever its kind, and the form in which two of them are compared.

use prost::Message as _;

use super::error::RowDamage;
use super::table::Table;
use crate::model::DataType;
use crate::proto::core::{
    DataSource, DataSourceOptions, Entity, FeatureService, FeatureSpecV2, FeatureView, FeatureViewProjection,
    FeatureViewSpec, FileFormatFormat, OnDemandFeatureView, OnDemandSourceSource, Project, StreamFeatureView,
};
use crate::proto::well_known::Duration;

/// The message of an object that we model.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Message {
    Project(Project),
    Entity(Entity),
    DataSource(DataSource),
    FeatureView(FeatureView),
    StreamFeatureView(StreamFeatureView),
    OnDemandFeatureView(OnDemandFeatureView),
    FeatureService(FeatureService),
}

impl Message {
    /// Reads a row of `table`; `None` where we have no struct for it.
    pub(super) fn decode(table: Table, bytes: &[u8]) -> Result<Option<Self>, RowDamage> {
        Ok(Some(match table {
            Table::Projects => Self::Project(Project::decode(bytes)?),
            Table::Entities => Self::Entity(Entity::decode(bytes)?),
            Table::DataSources => Self::DataSource(DataSource::decode(bytes)?),
            Table::FeatureViews => Self::FeatureView(FeatureView::decode(bytes)?),
            Table::StreamFeatureViews => Self::StreamFeatureView(StreamFeatureView::decode(bytes)?),
            Table::OnDemandFeatureViews => Self::OnDemandFeatureView(OnDemandFeatureView::decode(bytes)?),
            Table::FeatureServices => Self::FeatureService(FeatureService::decode(bytes)?),
            _ => return Ok(None),
        }))
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Project(message) => message.encode_to_vec(),
            Self::Entity(message) => message.encode_to_vec(),
            Self::DataSource(message) => message.encode_to_vec(),
            Self::FeatureView(message) => message.encode_to_vec(),
            Self::StreamFeatureView(message) => message.encode_to_vec(),
            Self::OnDemandFeatureView(message) => message.encode_to_vec(),
            Self::FeatureService(message) => message.encode_to_vec(),
        }
    }

    pub(super) fn table(&self) -> Table {
        match self {
            Self::Project(_) => Table::Projects,
            Self::Entity(_) => Table::Entities,
            Self::DataSource(_) => Table::DataSources,
            Self::FeatureView(_) => Table::FeatureViews,
            Self::StreamFeatureView(_) => Table::StreamFeatureViews,
            Self::OnDemandFeatureView(_) => Table::OnDemandFeatureViews,
            Self::FeatureService(_) => Table::FeatureServices,
        }
    }

    /// The name inside the message.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Project(m) => m.spec.as_ref().map_or("", |spec| &spec.name),
            Self::Entity(m) => m.spec.as_ref().map_or("", |spec| &spec.name),
            Self::DataSource(m) => &m.name,
            Self::FeatureView(m) => m.spec.as_ref().map_or("", |spec| &spec.name),
            Self::StreamFeatureView(m) => m.spec.as_ref().map_or("", |spec| &spec.name),
            Self::OnDemandFeatureView(m) => m.spec.as_ref().map_or("", |spec| &spec.name),
            Self::FeatureService(m) => m.spec.as_ref().map_or("", |spec| &spec.name),
        }
    }

    /// What a definition decides, and nothing else: times, intervals, states, versions, `spec.project` and the Python
    /// class names are gone, and what means the same is the same. Two definitions are equal when these are.
    pub(super) fn bare(&self) -> Self {
        let mut bare = self.clone();
        match &mut bare {
            Self::Project(m) => m.meta = None,
            Self::Entity(m) => {
                m.meta = None;
                if let Some(spec) = &mut m.spec {
                    spec.project.clear();
                }
            }
            Self::DataSource(m) => bare_source(m),
            Self::FeatureView(m) => {
                m.meta = None;
                m.spec.iter_mut().for_each(bare_view);
            }
            Self::StreamFeatureView(m) => bare_stream_view(m),
            Self::OnDemandFeatureView(m) => bare_on_demand_view(m),
            Self::FeatureService(m) => {
                m.meta = None;
                if let Some(spec) = &mut m.spec {
                    spec.project.clear();
                    spec.features.iter_mut().for_each(bare_projection);
                }
            }
        }
        bare
    }

    /// What a new version of a view is made for: its columns, and what computes them.
    pub(super) fn schema(&self) -> Option<Schema> {
        match self.bare() {
            Self::FeatureView(m) => m.spec.map(|spec| Schema {
                features: sorted(spec.features),
                entities: spec.entities,
                entity_columns: spec.entity_columns,
                source_views: spec.source_views,
                computed: computed(&spec.tags, String::new(), spec.feature_transformation.map(|t| t.encode_to_vec())),
            }),
            Self::StreamFeatureView(m) => m.spec.map(|spec| Schema {
                computed: computed(
                    &spec.tags,
                    format!("{}/{}/{:?}", spec.mode, spec.timestamp_field, spec.aggregations),
                    spec.user_defined_function.map(|udf| udf.body_text.into_bytes()),
                ),
                features: sorted(spec.features),
                entities: spec.entities,
                entity_columns: spec.entity_columns,
                source_views: Vec::new(),
            }),
            Self::OnDemandFeatureView(m) => m.spec.map(|spec| Schema {
                computed: computed(
                    &spec.tags,
                    format!("{}/{:?}", spec.mode, spec.aggregations),
                    spec.feature_transformation.map(|t| t.encode_to_vec()),
                ),
                features: sorted(spec.features),
                entities: spec.entities,
                entity_columns: spec.entity_columns,
                source_views: Vec::new(),
            }),
            _ => None,
        }
    }
}

/// See [`Message::schema`].
#[derive(Debug, PartialEq)]
pub(super) struct Schema {
    features: Vec<FeatureSpecV2>,
    entities: Vec<String>,
    entity_columns: Vec<FeatureSpecV2>,
    source_views: Vec<FeatureViewSpec>,
    computed: (String, Option<Vec<u8>>, Vec<(String, String)>),
}

fn computed(
    tags: &crate::model::Tags,
    settings: String,
    function: Option<Vec<u8>>,
) -> (String, Option<Vec<u8>>, Vec<(String, String)>) {
    let ours = ["transformation", "filter", "aggregations", "timestamp_field", "mode"];
    let ours = ours.iter().filter_map(|key| {
        let key = super::tags::full(key);
        tags.get(&key).map(|value| (key.clone(), value.clone()))
    });
    (settings, function, ours.collect())
}

fn sorted(mut features: Vec<FeatureSpecV2>) -> Vec<FeatureSpecV2> {
    features.sort_by(|a, b| a.name.cmp(&b.name));
    features
}

fn bare_source(source: &mut DataSource) {
    source.meta = None;
    source.project.clear();
    source.data_source_class_type.clear();
    if source.timestamp_field_type == "TIMESTAMP" {
        source.timestamp_field_type.clear();
    }
    match &mut source.options {
        Some(DataSourceOptions::FileOptions(file)) => {
            // no format means parquet
            let parquet = |format: &FileFormatFormat| matches!(format, FileFormatFormat::ParquetFormat(_));
            if file.file_format.as_ref().is_some_and(|f| f.format.as_ref().is_none_or(parquet)) {
                file.file_format = None;
            }
        }
        Some(DataSourceOptions::PushOptions(_) | DataSourceOptions::CustomOptions(_)) => source.options = None,
        _ => {}
    }
    if let Some(batch) = &mut source.batch_source {
        bare_source(batch);
        // copies of the batch source's, which Feast makes when it writes and drops when it reads
        if source.r#type == super::encode::source_type::PUSH {
            source.timestamp_field.clear();
            source.created_timestamp_column.clear();
            source.date_partition_column.clear();
            source.field_mapping.clear();
        }
    }
}

fn bare_view(spec: &mut FeatureViewSpec) {
    spec.project.clear();
    bare_ttl(&mut spec.ttl);
    bare_version(&mut spec.version);
    spec.batch_source.iter_mut().for_each(bare_source);
    spec.stream_source.iter_mut().for_each(bare_source);
    spec.source_views.iter_mut().for_each(bare_view);
    spec.features.iter_mut().for_each(bare_field);
    spec.entity_columns.iter_mut().for_each(bare_field);
}

fn bare_stream_view(message: &mut StreamFeatureView) {
    message.meta = None;
    let Some(spec) = &mut message.spec else { return };
    spec.project.clear();
    bare_ttl(&mut spec.ttl);
    bare_version(&mut spec.version);
    spec.batch_source.iter_mut().for_each(bare_source);
    spec.stream_source.iter_mut().for_each(bare_source);
    spec.entity_columns.iter_mut().for_each(bare_field);
    spec.features.iter_mut().for_each(bare_field);
    // Python takes them out of a set: their order means nothing
    spec.features.sort_by(|a, b| a.name.cmp(&b.name));
}

fn bare_on_demand_view(message: &mut OnDemandFeatureView) {
    message.meta = None;
    let Some(spec) = &mut message.spec else { return };
    spec.project.clear();
    bare_version(&mut spec.version);
    spec.features.iter_mut().for_each(bare_field);
    for source in spec.sources.values_mut() {
        match &mut source.source {
            Some(OnDemandSourceSource::RequestDataSource(source)) => bare_source(source),
            Some(OnDemandSourceSource::FeatureViewProjection(projection)) => bare_projection(projection),
            Some(OnDemandSourceSource::FeatureView(view)) => {
                view.meta = None;
                view.spec.iter_mut().for_each(bare_view);
            }
            None => {}
        }
    }
}

fn bare_projection(projection: &mut FeatureViewProjection) {
    projection.batch_source.iter_mut().for_each(bare_source);
    projection.stream_source = None;
    projection.feature_columns.iter_mut().for_each(bare_field);
    projection.view_type.clear();
}

/// The texts of struct and nested types may be spaced otherwise: they are written anew.
fn bare_field(field: &mut FeatureSpecV2) {
    let dtype = DataType::from_registry(field.value_type, &field.tags);
    for (name, text) in dtype.registry_tags() {
        if field.tags.contains_key(&name) {
            field.tags.insert(name, text);
        }
    }
}

fn bare_ttl(ttl: &mut Option<Duration>) {
    if ttl.is_some_and(|ttl| ttl.seconds == 0 && ttl.nanos == 0) {
        *ttl = None;
    }
}

fn bare_version(version: &mut String) {
    if version.is_empty() {
        "latest".clone_into(version);
    }
}

//! `feast.core`: the messages that a registry row holds.
#![allow(clippy::large_enum_variant, reason = "a message is as large as its fields; few are alive at a time")]
#![allow(missing_docs, reason = "the names are Feast's own; field numbers read from the descriptors of Feast 0.67.0")]

/// `feast.core.Aggregation`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Aggregation {
    #[prost(string, tag = "1")]
    pub column: String,
    #[prost(string, tag = "2")]
    pub function: String,
    #[prost(message, optional, tag = "3")]
    pub time_window: Option<super::well_known::Duration>,
    #[prost(message, optional, tag = "4")]
    pub slide_interval: Option<super::well_known::Duration>,
    #[prost(string, tag = "5")]
    pub name: String,
}

/// `feast.core.FileFormat`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FileFormat {
    #[prost(oneof = "FileFormatFormat", tags = "1, 2")]
    pub format: Option<FileFormatFormat>,
}

/// the arms of `feast.core.FileFormat.format`
#[derive(Clone, PartialEq, ::prost::Oneof)]
pub enum FileFormatFormat {
    #[prost(message, tag = "1")]
    ParquetFormat(ParquetFormat),
    #[prost(message, tag = "2")]
    DeltaFormat(DeltaFormat),
}

/// `feast.core.FileFormat.ParquetFormat`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ParquetFormat {}

/// `feast.core.TableFormat.DeltaFormat`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct DeltaFormat {
    #[prost(string, tag = "1")]
    pub checkpoint_location: String,
    #[prost(btree_map = "string, string", tag = "2")]
    pub properties: std::collections::BTreeMap<String, String>,
}

/// `feast.core.StreamFormat`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct StreamFormat {
    #[prost(oneof = "StreamFormatFormat", tags = "1, 2, 3")]
    pub format: Option<StreamFormatFormat>,
}

/// the arms of `feast.core.StreamFormat.format`
#[derive(Clone, PartialEq, ::prost::Oneof)]
pub enum StreamFormatFormat {
    #[prost(message, tag = "1")]
    AvroFormat(AvroFormat),
    #[prost(message, tag = "2")]
    ProtoFormat(ProtoFormat),
    #[prost(message, tag = "3")]
    JsonFormat(JsonFormat),
}

/// `feast.core.StreamFormat.ProtoFormat`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ProtoFormat {
    #[prost(string, tag = "1")]
    pub class_path: String,
}

/// `feast.core.StreamFormat.AvroFormat`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct AvroFormat {
    #[prost(string, tag = "1")]
    pub schema_json: String,
}

/// `feast.core.StreamFormat.JsonFormat`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct JsonFormat {
    #[prost(string, tag = "1")]
    pub schema_json: String,
}

/// `feast.core.DataSource`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct DataSource {
    #[prost(int32, tag = "1")]
    pub r#type: i32,
    #[prost(btree_map = "string, string", tag = "2")]
    pub field_mapping: std::collections::BTreeMap<String, String>,
    #[prost(string, tag = "3")]
    pub timestamp_field: String,
    #[prost(string, tag = "4")]
    pub date_partition_column: String,
    #[prost(string, tag = "5")]
    pub created_timestamp_column: String,
    #[prost(string, tag = "17")]
    pub data_source_class_type: String,
    #[prost(string, tag = "20")]
    pub name: String,
    #[prost(string, tag = "21")]
    pub project: String,
    #[prost(string, tag = "23")]
    pub description: String,
    #[prost(btree_map = "string, string", tag = "24")]
    pub tags: std::collections::BTreeMap<String, String>,
    #[prost(string, tag = "25")]
    pub owner: String,
    #[prost(message, optional, boxed, tag = "26")]
    pub batch_source: Option<Box<DataSource>>,
    #[prost(string, tag = "28")]
    pub timestamp_field_type: String,
    #[prost(message, optional, tag = "50")]
    pub meta: Option<SourceMeta>,
    #[prost(oneof = "DataSourceOptions", tags = "11, 13, 14, 16, 18, 22")]
    pub options: Option<DataSourceOptions>,
}

/// the arms of `feast.core.DataSource.options`
#[derive(Clone, PartialEq, ::prost::Oneof)]
pub enum DataSourceOptions {
    #[prost(message, tag = "11")]
    FileOptions(FileOptions),
    #[prost(message, tag = "13")]
    KafkaOptions(KafkaOptions),
    #[prost(message, tag = "14")]
    KinesisOptions(KinesisOptions),
    #[prost(message, tag = "16")]
    CustomOptions(CustomSourceOptions),
    #[prost(message, tag = "18")]
    RequestDataOptions(RequestDataOptions),
    #[prost(message, tag = "22")]
    PushOptions(PushOptions),
}

/// `feast.core.DataSource.SourceMeta`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct SourceMeta {
    #[prost(message, optional, tag = "1")]
    pub earliest_event_timestamp: Option<super::well_known::Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub latest_event_timestamp: Option<super::well_known::Timestamp>,
    #[prost(message, optional, tag = "3")]
    pub created_timestamp: Option<super::well_known::Timestamp>,
    #[prost(message, optional, tag = "4")]
    pub last_updated_timestamp: Option<super::well_known::Timestamp>,
}

/// `feast.core.DataSource.FileOptions`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FileOptions {
    #[prost(message, optional, tag = "1")]
    pub file_format: Option<FileFormat>,
    #[prost(string, tag = "2")]
    pub uri: String,
    #[prost(string, tag = "3")]
    pub s3_endpoint_override: String,
}

/// `feast.core.DataSource.KafkaOptions`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct KafkaOptions {
    #[prost(string, tag = "1")]
    pub kafka_bootstrap_servers: String,
    #[prost(string, tag = "2")]
    pub topic: String,
    #[prost(message, optional, tag = "3")]
    pub message_format: Option<StreamFormat>,
    #[prost(message, optional, tag = "4")]
    pub watermark_delay_threshold: Option<super::well_known::Duration>,
}

/// `feast.core.DataSource.KinesisOptions`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct KinesisOptions {
    #[prost(string, tag = "1")]
    pub region: String,
    #[prost(string, tag = "2")]
    pub stream_name: String,
    #[prost(message, optional, tag = "3")]
    pub record_format: Option<StreamFormat>,
}

/// `feast.core.DataSource.RequestDataOptions`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct RequestDataOptions {
    #[prost(message, repeated, tag = "3")]
    pub schema: Vec<FeatureSpecV2>,
}

/// `feast.core.DataSource.PushOptions`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct PushOptions {}

/// `feast.core.DataSource.CustomSourceOptions`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct CustomSourceOptions {
    #[prost(bytes = "vec", tag = "1")]
    pub configuration: Vec<u8>,
}

/// `feast.core.Entity`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Entity {
    #[prost(message, optional, tag = "1")]
    pub spec: Option<EntitySpecV2>,
    #[prost(message, optional, tag = "2")]
    pub meta: Option<EntityMeta>,
}

/// `feast.core.EntitySpecV2`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct EntitySpecV2 {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(int32, tag = "2")]
    pub value_type: i32,
    #[prost(string, tag = "3")]
    pub description: String,
    #[prost(string, tag = "4")]
    pub join_key: String,
    #[prost(btree_map = "string, string", tag = "8")]
    pub tags: std::collections::BTreeMap<String, String>,
    #[prost(string, tag = "9")]
    pub project: String,
    #[prost(string, tag = "10")]
    pub owner: String,
}

/// `feast.core.EntityMeta`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct EntityMeta {
    #[prost(message, optional, tag = "1")]
    pub created_timestamp: Option<super::well_known::Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub last_updated_timestamp: Option<super::well_known::Timestamp>,
}

/// `feast.core.FeatureSpecV2`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FeatureSpecV2 {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(int32, tag = "2")]
    pub value_type: i32,
    #[prost(btree_map = "string, string", tag = "3")]
    pub tags: std::collections::BTreeMap<String, String>,
    #[prost(string, tag = "4")]
    pub description: String,
    #[prost(bool, tag = "5")]
    pub vector_index: bool,
    #[prost(string, tag = "6")]
    pub vector_search_metric: String,
    #[prost(int32, tag = "7")]
    pub vector_length: i32,
}

/// `feast.core.FeatureService`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FeatureService {
    #[prost(message, optional, tag = "1")]
    pub spec: Option<FeatureServiceSpec>,
    #[prost(message, optional, tag = "2")]
    pub meta: Option<FeatureServiceMeta>,
}

/// `feast.core.FeatureServiceSpec`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FeatureServiceSpec {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub project: String,
    #[prost(message, repeated, tag = "3")]
    pub features: Vec<FeatureViewProjection>,
    #[prost(btree_map = "string, string", tag = "4")]
    pub tags: std::collections::BTreeMap<String, String>,
    #[prost(string, tag = "5")]
    pub description: String,
    #[prost(string, tag = "6")]
    pub owner: String,
    #[prost(message, optional, tag = "7")]
    pub logging_config: Option<LoggingConfig>,
    #[prost(bool, tag = "8")]
    pub precompute_online: bool,
}

/// `feast.core.FeatureServiceMeta`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FeatureServiceMeta {
    #[prost(message, optional, tag = "1")]
    pub created_timestamp: Option<super::well_known::Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub last_updated_timestamp: Option<super::well_known::Timestamp>,
}

/// `feast.core.LoggingConfig`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct LoggingConfig {
    #[prost(float, tag = "1")]
    pub sample_rate: f32,
    #[prost(oneof = "LoggingConfigDestination", tags = "3")]
    pub destination: Option<LoggingConfigDestination>,
}

/// the arms of `feast.core.LoggingConfig.destination`
#[derive(Clone, PartialEq, ::prost::Oneof)]
pub enum LoggingConfigDestination {
    #[prost(message, tag = "3")]
    FileDestination(FileDestination),
}

/// `feast.core.LoggingConfig.FileDestination`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FileDestination {
    #[prost(string, tag = "1")]
    pub path: String,
    #[prost(string, tag = "2")]
    pub s3_endpoint_override: String,
    #[prost(string, repeated, tag = "3")]
    pub partition_by: Vec<String>,
}

/// `feast.core.FeatureView`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FeatureView {
    #[prost(message, optional, tag = "1")]
    pub spec: Option<FeatureViewSpec>,
    #[prost(message, optional, tag = "2")]
    pub meta: Option<FeatureViewMeta>,
}

/// `feast.core.FeatureViewSpec`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FeatureViewSpec {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub project: String,
    #[prost(string, repeated, tag = "3")]
    pub entities: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    pub features: Vec<FeatureSpecV2>,
    #[prost(btree_map = "string, string", tag = "5")]
    pub tags: std::collections::BTreeMap<String, String>,
    #[prost(message, optional, tag = "6")]
    pub ttl: Option<super::well_known::Duration>,
    #[prost(message, optional, tag = "7")]
    pub batch_source: Option<DataSource>,
    #[prost(bool, tag = "8")]
    pub online: bool,
    #[prost(message, optional, tag = "9")]
    pub stream_source: Option<DataSource>,
    #[prost(string, tag = "10")]
    pub description: String,
    #[prost(string, tag = "11")]
    pub owner: String,
    #[prost(message, repeated, tag = "12")]
    pub entity_columns: Vec<FeatureSpecV2>,
    #[prost(bool, tag = "13")]
    pub offline: bool,
    #[prost(message, repeated, tag = "14")]
    pub source_views: Vec<FeatureViewSpec>,
    #[prost(message, optional, tag = "15")]
    pub feature_transformation: Option<FeatureTransformationV2>,
    #[prost(string, tag = "16")]
    pub mode: String,
    #[prost(bool, tag = "17")]
    pub enable_validation: bool,
    #[prost(string, tag = "18")]
    pub version: String,
    #[prost(string, tag = "19")]
    pub org: String,
    #[prost(bool, tag = "20")]
    pub disabled: bool,
}

/// `feast.core.FeatureViewMeta`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FeatureViewMeta {
    #[prost(message, optional, tag = "1")]
    pub created_timestamp: Option<super::well_known::Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub last_updated_timestamp: Option<super::well_known::Timestamp>,
    #[prost(message, repeated, tag = "3")]
    pub materialization_intervals: Vec<MaterializationInterval>,
    #[prost(int32, tag = "4")]
    pub current_version_number: i32,
    #[prost(string, tag = "5")]
    pub version_id: String,
    #[prost(int32, tag = "6")]
    pub state: i32,
}

/// `feast.core.MaterializationInterval`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct MaterializationInterval {
    #[prost(message, optional, tag = "1")]
    pub start_time: Option<super::well_known::Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub end_time: Option<super::well_known::Timestamp>,
}

/// `feast.core.FeatureViewProjection`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FeatureViewProjection {
    #[prost(string, tag = "1")]
    pub feature_view_name: String,
    #[prost(message, repeated, tag = "2")]
    pub feature_columns: Vec<FeatureSpecV2>,
    #[prost(string, tag = "3")]
    pub feature_view_name_alias: String,
    #[prost(btree_map = "string, string", tag = "4")]
    pub join_key_map: std::collections::BTreeMap<String, String>,
    #[prost(string, tag = "5")]
    pub timestamp_field: String,
    #[prost(string, tag = "6")]
    pub date_partition_column: String,
    #[prost(string, tag = "7")]
    pub created_timestamp_column: String,
    #[prost(message, optional, tag = "8")]
    pub batch_source: Option<DataSource>,
    #[prost(message, optional, tag = "9")]
    pub stream_source: Option<DataSource>,
    #[prost(int32, optional, tag = "10")]
    pub version_tag: Option<i32>,
    #[prost(string, tag = "11")]
    pub view_type: String,
}

/// `feast.core.Infra`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Infra {
    #[prost(message, repeated, tag = "1")]
    pub infra_objects: Vec<InfraObject>,
}

/// `feast.core.InfraObject`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct InfraObject {
    #[prost(string, tag = "1")]
    pub infra_object_class_type: String,
    #[prost(oneof = "InfraObjectInfraObject", tags = "4")]
    pub infra_object: Option<InfraObjectInfraObject>,
}

/// the arms of `feast.core.InfraObject.infra_object`
#[derive(Clone, PartialEq, ::prost::Oneof)]
pub enum InfraObjectInfraObject {
    #[prost(message, tag = "4")]
    SqliteTable(SqliteTable),
}

/// `feast.core.SqliteTable`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct SqliteTable {
    #[prost(string, tag = "1")]
    pub path: String,
    #[prost(string, tag = "2")]
    pub name: String,
}

/// `feast.core.OnDemandFeatureView`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct OnDemandFeatureView {
    #[prost(message, optional, tag = "1")]
    pub spec: Option<OnDemandFeatureViewSpec>,
    #[prost(message, optional, tag = "2")]
    pub meta: Option<OnDemandFeatureViewMeta>,
}

/// `feast.core.OnDemandFeatureViewSpec`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct OnDemandFeatureViewSpec {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub project: String,
    #[prost(message, repeated, tag = "3")]
    pub features: Vec<FeatureSpecV2>,
    #[prost(btree_map = "string, message", tag = "4")]
    pub sources: std::collections::BTreeMap<String, OnDemandSource>,
    #[prost(message, optional, tag = "5")]
    pub user_defined_function: Option<UserDefinedFunction>,
    #[prost(string, tag = "6")]
    pub description: String,
    #[prost(btree_map = "string, string", tag = "7")]
    pub tags: std::collections::BTreeMap<String, String>,
    #[prost(string, tag = "8")]
    pub owner: String,
    #[prost(message, optional, tag = "10")]
    pub feature_transformation: Option<FeatureTransformationV2>,
    #[prost(string, tag = "11")]
    pub mode: String,
    #[prost(bool, tag = "12")]
    pub write_to_online_store: bool,
    #[prost(string, repeated, tag = "13")]
    pub entities: Vec<String>,
    #[prost(message, repeated, tag = "14")]
    pub entity_columns: Vec<FeatureSpecV2>,
    #[prost(bool, tag = "15")]
    pub singleton: bool,
    #[prost(message, repeated, tag = "16")]
    pub aggregations: Vec<Aggregation>,
    #[prost(string, tag = "17")]
    pub version: String,
    #[prost(string, tag = "18")]
    pub org: String,
    #[prost(bool, tag = "19")]
    pub disabled: bool,
}

/// `feast.core.OnDemandFeatureViewMeta`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct OnDemandFeatureViewMeta {
    #[prost(message, optional, tag = "1")]
    pub created_timestamp: Option<super::well_known::Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub last_updated_timestamp: Option<super::well_known::Timestamp>,
    #[prost(int32, tag = "3")]
    pub current_version_number: i32,
    #[prost(string, tag = "4")]
    pub version_id: String,
    #[prost(int32, tag = "5")]
    pub state: i32,
}

/// `feast.core.OnDemandSource`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct OnDemandSource {
    #[prost(oneof = "OnDemandSourceSource", tags = "1, 2, 3")]
    pub source: Option<OnDemandSourceSource>,
}

/// the arms of `feast.core.OnDemandSource.source`
#[derive(Clone, PartialEq, ::prost::Oneof)]
pub enum OnDemandSourceSource {
    #[prost(message, boxed, tag = "1")]
    FeatureView(Box<FeatureView>),
    #[prost(message, tag = "2")]
    RequestDataSource(DataSource),
    #[prost(message, tag = "3")]
    FeatureViewProjection(FeatureViewProjection),
}

/// `feast.core.UserDefinedFunction`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct UserDefinedFunction {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(bytes = "vec", tag = "2")]
    pub body: Vec<u8>,
    #[prost(string, tag = "3")]
    pub body_text: String,
}

/// `feast.core.Project`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Project {
    #[prost(message, optional, tag = "1")]
    pub spec: Option<ProjectSpec>,
    #[prost(message, optional, tag = "2")]
    pub meta: Option<ProjectMeta>,
}

/// `feast.core.ProjectSpec`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ProjectSpec {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub description: String,
    #[prost(btree_map = "string, string", tag = "3")]
    pub tags: std::collections::BTreeMap<String, String>,
    #[prost(string, tag = "4")]
    pub owner: String,
}

/// `feast.core.ProjectMeta`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ProjectMeta {
    #[prost(message, optional, tag = "1")]
    pub created_timestamp: Option<super::well_known::Timestamp>,
    #[prost(message, optional, tag = "2")]
    pub last_updated_timestamp: Option<super::well_known::Timestamp>,
}

/// `feast.core.Registry`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Registry {
    #[prost(message, repeated, tag = "1")]
    pub entities: Vec<Entity>,
    #[prost(string, tag = "3")]
    pub registry_schema_version: String,
    #[prost(string, tag = "4")]
    pub version_id: String,
    #[prost(message, optional, tag = "5")]
    pub last_updated: Option<super::well_known::Timestamp>,
    #[prost(message, repeated, tag = "6")]
    pub feature_views: Vec<FeatureView>,
    #[prost(message, repeated, tag = "7")]
    pub feature_services: Vec<FeatureService>,
    #[prost(message, repeated, tag = "8")]
    pub on_demand_feature_views: Vec<OnDemandFeatureView>,
    #[prost(message, optional, tag = "10")]
    pub infra: Option<Infra>,
    #[prost(message, repeated, tag = "12")]
    pub data_sources: Vec<DataSource>,
    #[prost(message, repeated, tag = "14")]
    pub stream_feature_views: Vec<StreamFeatureView>,
    #[prost(message, repeated, tag = "15")]
    pub project_metadata: Vec<ProjectMetadata>,
    #[prost(message, repeated, tag = "17")]
    pub projects: Vec<Project>,
    #[prost(message, optional, tag = "18")]
    pub feature_view_version_history: Option<FeatureViewVersionHistory>,
}

/// `feast.core.ProjectMetadata`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ProjectMetadata {
    #[prost(string, tag = "1")]
    pub project: String,
    #[prost(string, tag = "2")]
    pub project_uuid: String,
}

/// `feast.core.StreamFeatureView`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct StreamFeatureView {
    #[prost(message, optional, tag = "1")]
    pub spec: Option<StreamFeatureViewSpec>,
    #[prost(message, optional, tag = "2")]
    pub meta: Option<FeatureViewMeta>,
}

/// `feast.core.StreamFeatureViewSpec`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct StreamFeatureViewSpec {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub project: String,
    #[prost(string, repeated, tag = "3")]
    pub entities: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    pub features: Vec<FeatureSpecV2>,
    #[prost(message, repeated, tag = "5")]
    pub entity_columns: Vec<FeatureSpecV2>,
    #[prost(string, tag = "6")]
    pub description: String,
    #[prost(btree_map = "string, string", tag = "7")]
    pub tags: std::collections::BTreeMap<String, String>,
    #[prost(string, tag = "8")]
    pub owner: String,
    #[prost(message, optional, tag = "9")]
    pub ttl: Option<super::well_known::Duration>,
    #[prost(message, optional, tag = "10")]
    pub batch_source: Option<DataSource>,
    #[prost(message, optional, tag = "11")]
    pub stream_source: Option<DataSource>,
    #[prost(bool, tag = "12")]
    pub online: bool,
    #[prost(message, optional, tag = "13")]
    pub user_defined_function: Option<UserDefinedFunction>,
    #[prost(string, tag = "14")]
    pub mode: String,
    #[prost(message, repeated, tag = "15")]
    pub aggregations: Vec<Aggregation>,
    #[prost(string, tag = "16")]
    pub timestamp_field: String,
    #[prost(message, optional, tag = "17")]
    pub feature_transformation: Option<FeatureTransformationV2>,
    #[prost(bool, tag = "18")]
    pub enable_tiling: bool,
    #[prost(message, optional, tag = "19")]
    pub tiling_hop_size: Option<super::well_known::Duration>,
    #[prost(bool, tag = "20")]
    pub enable_validation: bool,
    #[prost(string, tag = "21")]
    pub version: String,
    #[prost(string, tag = "22")]
    pub org: String,
    #[prost(bool, tag = "23")]
    pub disabled: bool,
}

/// `feast.core.UserDefinedFunctionV2`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct UserDefinedFunctionV2 {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(bytes = "vec", tag = "2")]
    pub body: Vec<u8>,
    #[prost(string, tag = "3")]
    pub body_text: String,
    #[prost(string, tag = "4")]
    pub mode: String,
}

/// `feast.core.FeatureTransformationV2`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FeatureTransformationV2 {
    #[prost(oneof = "FeatureTransformationV2Transformation", tags = "1, 2")]
    pub transformation: Option<FeatureTransformationV2Transformation>,
}

/// the arms of `feast.core.FeatureTransformationV2.transformation`
#[derive(Clone, PartialEq, ::prost::Oneof)]
pub enum FeatureTransformationV2Transformation {
    #[prost(message, tag = "1")]
    UserDefinedFunction(UserDefinedFunctionV2),
    #[prost(message, tag = "2")]
    SubstraitTransformation(SubstraitTransformationV2),
}

/// `feast.core.SubstraitTransformationV2`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct SubstraitTransformationV2 {
    #[prost(bytes = "vec", tag = "1")]
    pub substrait_plan: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub ibis_function: Vec<u8>,
}

/// `feast.core.FeatureViewVersionHistory`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FeatureViewVersionHistory {
    #[prost(message, repeated, tag = "1")]
    pub records: Vec<FeatureViewVersionRecord>,
}

/// `feast.core.FeatureViewVersionRecord`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FeatureViewVersionRecord {
    #[prost(string, tag = "1")]
    pub feature_view_name: String,
    #[prost(string, tag = "2")]
    pub project_id: String,
    #[prost(int32, tag = "3")]
    pub version_number: i32,
    #[prost(string, tag = "4")]
    pub feature_view_type: String,
    #[prost(bytes = "vec", tag = "5")]
    pub feature_view_proto: Vec<u8>,
    #[prost(message, optional, tag = "6")]
    pub created_timestamp: Option<super::well_known::Timestamp>,
    #[prost(string, tag = "7")]
    pub description: String,
    #[prost(string, tag = "8")]
    pub version_id: String,
}

//! What every message of `feast.core` and `feast.types` holds (read from the descriptors of Feast 0.67.0), as tables:
//! enough to print any registry row as protobuf JSON without a struct for it.

/// The fields of one message.
#[derive(Debug)]
pub struct Message(pub &'static [Field]);

/// The names of one enumeration, by number.
#[derive(Debug)]
pub struct Enum(pub &'static [(i32, &'static str)]);

/// One field: its number and name in the `.proto` file, its type, and whether it repeats.
#[derive(Debug)]
pub struct Field {
    /// field number on the wire
    pub number: u32,
    /// name as in the `.proto` file (snake case)
    pub name: &'static str,
    /// type of the value, or of each value where the field repeats
    pub kind: Kind,
    /// `repeated` in the `.proto` file (maps do not count)
    pub repeated: bool,
}

/// The type of a field.
#[derive(Debug)]
#[allow(missing_docs, reason = "protobuf's own type names")]
pub enum Kind {
    String,
    Bytes,
    Int32,
    Int64,
    Uint64,
    Bool,
    Float,
    Double,
    Enum(&'static Enum),
    Message(&'static Message),
    /// `map<string, V>`
    Map(&'static Kind),
    /// `google.protobuf.Timestamp`
    Timestamp,
    /// `google.protobuf.Duration`
    Duration,
    /// `google.protobuf.StringValue`
    StringValue,
}

const fn one(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, repeated: false }
}

const fn many(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, repeated: true }
}

/// `feast.core.Aggregation`
pub static AGGREGATION: Message = Message(&[
    one(1, "column", Kind::String),
    one(2, "function", Kind::String),
    one(3, "time_window", Kind::Duration),
    one(4, "slide_interval", Kind::Duration),
    one(5, "name", Kind::String),
]);

/// `feast.core.FileFormat`
pub static FILE_FORMAT: Message = Message(&[
    one(1, "parquet_format", Kind::Message(&FILE_FORMAT_PARQUET_FORMAT)),
    one(2, "delta_format", Kind::Message(&TABLE_FORMAT_DELTA_FORMAT)),
]);

/// `feast.core.FileFormat.ParquetFormat`
pub static FILE_FORMAT_PARQUET_FORMAT: Message = Message(&[]);

/// `feast.core.TableFormat`
pub static TABLE_FORMAT: Message = Message(&[
    one(1, "iceberg_format", Kind::Message(&TABLE_FORMAT_ICEBERG_FORMAT)),
    one(2, "delta_format", Kind::Message(&TABLE_FORMAT_DELTA_FORMAT)),
    one(3, "hudi_format", Kind::Message(&TABLE_FORMAT_HUDI_FORMAT)),
    one(4, "lance_format", Kind::Message(&TABLE_FORMAT_LANCE_FORMAT)),
]);

/// `feast.core.TableFormat.IcebergFormat`
pub static TABLE_FORMAT_ICEBERG_FORMAT: Message = Message(&[
    one(1, "catalog", Kind::String),
    one(2, "namespace", Kind::String),
    one(3, "properties", Kind::Map(&Kind::String)),
]);

/// `feast.core.TableFormat.DeltaFormat`
pub static TABLE_FORMAT_DELTA_FORMAT: Message =
    Message(&[one(1, "checkpoint_location", Kind::String), one(2, "properties", Kind::Map(&Kind::String))]);

/// `feast.core.TableFormat.HudiFormat`
pub static TABLE_FORMAT_HUDI_FORMAT: Message = Message(&[
    one(1, "table_type", Kind::String),
    one(2, "record_key", Kind::String),
    one(3, "precombine_field", Kind::String),
    one(4, "properties", Kind::Map(&Kind::String)),
]);

/// `feast.core.TableFormat.LanceFormat`
pub static TABLE_FORMAT_LANCE_FORMAT: Message = Message(&[
    one(1, "catalog", Kind::String),
    one(2, "namespace", Kind::String),
    one(3, "version", Kind::Uint64),
    one(4, "tag", Kind::String),
    one(5, "properties", Kind::Map(&Kind::String)),
]);

/// `feast.core.StreamFormat`
pub static STREAM_FORMAT: Message = Message(&[
    one(1, "avro_format", Kind::Message(&STREAM_FORMAT_AVRO_FORMAT)),
    one(2, "proto_format", Kind::Message(&STREAM_FORMAT_PROTO_FORMAT)),
    one(3, "json_format", Kind::Message(&STREAM_FORMAT_JSON_FORMAT)),
]);

/// `feast.core.StreamFormat.ProtoFormat`
pub static STREAM_FORMAT_PROTO_FORMAT: Message = Message(&[one(1, "class_path", Kind::String)]);

/// `feast.core.StreamFormat.AvroFormat`
pub static STREAM_FORMAT_AVRO_FORMAT: Message = Message(&[one(1, "schema_json", Kind::String)]);

/// `feast.core.StreamFormat.JsonFormat`
pub static STREAM_FORMAT_JSON_FORMAT: Message = Message(&[one(1, "schema_json", Kind::String)]);

/// `feast.core.DataSource`
pub static DATA_SOURCE: Message = Message(&[
    one(1, "type", Kind::Enum(&DATA_SOURCE_SOURCE_TYPE)),
    one(2, "field_mapping", Kind::Map(&Kind::String)),
    one(3, "timestamp_field", Kind::String),
    one(4, "date_partition_column", Kind::String),
    one(5, "created_timestamp_column", Kind::String),
    one(11, "file_options", Kind::Message(&DATA_SOURCE_FILE_OPTIONS)),
    one(12, "bigquery_options", Kind::Message(&DATA_SOURCE_BIG_QUERY_OPTIONS)),
    one(13, "kafka_options", Kind::Message(&DATA_SOURCE_KAFKA_OPTIONS)),
    one(14, "kinesis_options", Kind::Message(&DATA_SOURCE_KINESIS_OPTIONS)),
    one(15, "redshift_options", Kind::Message(&DATA_SOURCE_REDSHIFT_OPTIONS)),
    one(16, "custom_options", Kind::Message(&DATA_SOURCE_CUSTOM_SOURCE_OPTIONS)),
    one(17, "data_source_class_type", Kind::String),
    one(18, "request_data_options", Kind::Message(&DATA_SOURCE_REQUEST_DATA_OPTIONS)),
    one(19, "snowflake_options", Kind::Message(&DATA_SOURCE_SNOWFLAKE_OPTIONS)),
    one(20, "name", Kind::String),
    one(21, "project", Kind::String),
    one(22, "push_options", Kind::Message(&DATA_SOURCE_PUSH_OPTIONS)),
    one(23, "description", Kind::String),
    one(24, "tags", Kind::Map(&Kind::String)),
    one(25, "owner", Kind::String),
    one(26, "batch_source", Kind::Message(&DATA_SOURCE)),
    one(27, "spark_options", Kind::Message(&DATA_SOURCE_SPARK_OPTIONS)),
    one(28, "timestamp_field_type", Kind::String),
    one(30, "trino_options", Kind::Message(&DATA_SOURCE_TRINO_OPTIONS)),
    one(35, "athena_options", Kind::Message(&DATA_SOURCE_ATHENA_OPTIONS)),
    one(50, "meta", Kind::Message(&DATA_SOURCE_SOURCE_META)),
]);

/// `feast.core.DataSource.SourceMeta`
pub static DATA_SOURCE_SOURCE_META: Message = Message(&[
    one(1, "earliestEventTimestamp", Kind::Timestamp),
    one(2, "latestEventTimestamp", Kind::Timestamp),
    one(3, "created_timestamp", Kind::Timestamp),
    one(4, "last_updated_timestamp", Kind::Timestamp),
]);

/// `feast.core.DataSource.FileOptions`
pub static DATA_SOURCE_FILE_OPTIONS: Message = Message(&[
    one(1, "file_format", Kind::Message(&FILE_FORMAT)),
    one(2, "uri", Kind::String),
    one(3, "s3_endpoint_override", Kind::String),
]);

/// `feast.core.DataSource.BigQueryOptions`
pub static DATA_SOURCE_BIG_QUERY_OPTIONS: Message =
    Message(&[one(1, "table", Kind::String), one(2, "query", Kind::String)]);

/// `feast.core.DataSource.TrinoOptions`
pub static DATA_SOURCE_TRINO_OPTIONS: Message =
    Message(&[one(1, "table", Kind::String), one(2, "query", Kind::String)]);

/// `feast.core.DataSource.KafkaOptions`
pub static DATA_SOURCE_KAFKA_OPTIONS: Message = Message(&[
    one(1, "kafka_bootstrap_servers", Kind::String),
    one(2, "topic", Kind::String),
    one(3, "message_format", Kind::Message(&STREAM_FORMAT)),
    one(4, "watermark_delay_threshold", Kind::Duration),
]);

/// `feast.core.DataSource.KinesisOptions`
pub static DATA_SOURCE_KINESIS_OPTIONS: Message = Message(&[
    one(1, "region", Kind::String),
    one(2, "stream_name", Kind::String),
    one(3, "record_format", Kind::Message(&STREAM_FORMAT)),
]);

/// `feast.core.DataSource.RedshiftOptions`
pub static DATA_SOURCE_REDSHIFT_OPTIONS: Message = Message(&[
    one(1, "table", Kind::String),
    one(2, "query", Kind::String),
    one(3, "schema", Kind::String),
    one(4, "database", Kind::String),
]);

/// `feast.core.DataSource.AthenaOptions`
pub static DATA_SOURCE_ATHENA_OPTIONS: Message = Message(&[
    one(1, "table", Kind::String),
    one(2, "query", Kind::String),
    one(3, "database", Kind::String),
    one(4, "data_source", Kind::String),
]);

/// `feast.core.DataSource.SnowflakeOptions`
pub static DATA_SOURCE_SNOWFLAKE_OPTIONS: Message = Message(&[
    one(1, "table", Kind::String),
    one(2, "query", Kind::String),
    one(3, "schema", Kind::String),
    one(4, "database", Kind::String),
]);

/// `feast.core.DataSource.SparkOptions`
pub static DATA_SOURCE_SPARK_OPTIONS: Message = Message(&[
    one(1, "table", Kind::String),
    one(2, "query", Kind::String),
    one(3, "path", Kind::String),
    one(4, "file_format", Kind::String),
    one(5, "date_partition_column_format", Kind::String),
    one(6, "table_format", Kind::Message(&TABLE_FORMAT)),
]);

/// `feast.core.DataSource.CustomSourceOptions`
pub static DATA_SOURCE_CUSTOM_SOURCE_OPTIONS: Message = Message(&[one(1, "configuration", Kind::Bytes)]);

/// `feast.core.DataSource.RequestDataOptions`
pub static DATA_SOURCE_REQUEST_DATA_OPTIONS: Message = Message(&[
    one(2, "deprecated_schema", Kind::Map(&Kind::Enum(&TYPES_VALUE_TYPE_ENUM))),
    many(3, "schema", Kind::Message(&FEATURE_SPEC_V2)),
]);

/// `feast.core.DataSource.PushOptions`
pub static DATA_SOURCE_PUSH_OPTIONS: Message = Message(&[]);

/// `feast.core.Entity`
pub static ENTITY: Message =
    Message(&[one(1, "spec", Kind::Message(&ENTITY_SPEC_V2)), one(2, "meta", Kind::Message(&ENTITY_META))]);

/// `feast.core.EntitySpecV2`
pub static ENTITY_SPEC_V2: Message = Message(&[
    one(1, "name", Kind::String),
    one(2, "value_type", Kind::Enum(&TYPES_VALUE_TYPE_ENUM)),
    one(3, "description", Kind::String),
    one(4, "join_key", Kind::String),
    one(8, "tags", Kind::Map(&Kind::String)),
    one(9, "project", Kind::String),
    one(10, "owner", Kind::String),
]);

/// `feast.core.EntityMeta`
pub static ENTITY_META: Message =
    Message(&[one(1, "created_timestamp", Kind::Timestamp), one(2, "last_updated_timestamp", Kind::Timestamp)]);

/// `feast.core.FeatureSpecV2`
pub static FEATURE_SPEC_V2: Message = Message(&[
    one(1, "name", Kind::String),
    one(2, "value_type", Kind::Enum(&TYPES_VALUE_TYPE_ENUM)),
    one(3, "tags", Kind::Map(&Kind::String)),
    one(4, "description", Kind::String),
    one(5, "vector_index", Kind::Bool),
    one(6, "vector_search_metric", Kind::String),
    one(7, "vector_length", Kind::Int32),
]);

/// `feast.core.FeatureService`
pub static FEATURE_SERVICE: Message = Message(&[
    one(1, "spec", Kind::Message(&FEATURE_SERVICE_SPEC)),
    one(2, "meta", Kind::Message(&FEATURE_SERVICE_META)),
]);

/// `feast.core.FeatureServiceSpec`
pub static FEATURE_SERVICE_SPEC: Message = Message(&[
    one(1, "name", Kind::String),
    one(2, "project", Kind::String),
    many(3, "features", Kind::Message(&FEATURE_VIEW_PROJECTION)),
    one(4, "tags", Kind::Map(&Kind::String)),
    one(5, "description", Kind::String),
    one(6, "owner", Kind::String),
    one(7, "logging_config", Kind::Message(&LOGGING_CONFIG)),
    one(8, "precompute_online", Kind::Bool),
]);

/// `feast.core.FeatureServiceMeta`
pub static FEATURE_SERVICE_META: Message =
    Message(&[one(1, "created_timestamp", Kind::Timestamp), one(2, "last_updated_timestamp", Kind::Timestamp)]);

/// `feast.core.LoggingConfig`
pub static LOGGING_CONFIG: Message = Message(&[
    one(1, "sample_rate", Kind::Float),
    one(3, "file_destination", Kind::Message(&LOGGING_CONFIG_FILE_DESTINATION)),
    one(4, "bigquery_destination", Kind::Message(&LOGGING_CONFIG_BIG_QUERY_DESTINATION)),
    one(5, "redshift_destination", Kind::Message(&LOGGING_CONFIG_REDSHIFT_DESTINATION)),
    one(6, "snowflake_destination", Kind::Message(&LOGGING_CONFIG_SNOWFLAKE_DESTINATION)),
    one(7, "custom_destination", Kind::Message(&LOGGING_CONFIG_CUSTOM_DESTINATION)),
    one(8, "athena_destination", Kind::Message(&LOGGING_CONFIG_ATHENA_DESTINATION)),
    one(9, "couchbase_columnar_destination", Kind::Message(&LOGGING_CONFIG_COUCHBASE_COLUMNAR_DESTINATION)),
]);

/// `feast.core.LoggingConfig.FileDestination`
pub static LOGGING_CONFIG_FILE_DESTINATION: Message = Message(&[
    one(1, "path", Kind::String),
    one(2, "s3_endpoint_override", Kind::String),
    many(3, "partition_by", Kind::String),
]);

/// `feast.core.LoggingConfig.BigQueryDestination`
pub static LOGGING_CONFIG_BIG_QUERY_DESTINATION: Message = Message(&[one(1, "table_ref", Kind::String)]);

/// `feast.core.LoggingConfig.RedshiftDestination`
pub static LOGGING_CONFIG_REDSHIFT_DESTINATION: Message = Message(&[one(1, "table_name", Kind::String)]);

/// `feast.core.LoggingConfig.AthenaDestination`
pub static LOGGING_CONFIG_ATHENA_DESTINATION: Message = Message(&[one(1, "table_name", Kind::String)]);

/// `feast.core.LoggingConfig.SnowflakeDestination`
pub static LOGGING_CONFIG_SNOWFLAKE_DESTINATION: Message = Message(&[one(1, "table_name", Kind::String)]);

/// `feast.core.LoggingConfig.CustomDestination`
pub static LOGGING_CONFIG_CUSTOM_DESTINATION: Message =
    Message(&[one(1, "kind", Kind::String), one(2, "config", Kind::Map(&Kind::String))]);

/// `feast.core.LoggingConfig.CouchbaseColumnarDestination`
pub static LOGGING_CONFIG_COUCHBASE_COLUMNAR_DESTINATION: Message =
    Message(&[one(1, "database", Kind::String), one(2, "scope", Kind::String), one(3, "collection", Kind::String)]);

/// `feast.core.FeatureView`
pub static FEATURE_VIEW: Message =
    Message(&[one(1, "spec", Kind::Message(&FEATURE_VIEW_SPEC)), one(2, "meta", Kind::Message(&FEATURE_VIEW_META))]);

/// `feast.core.FeatureViewSpec`
pub static FEATURE_VIEW_SPEC: Message = Message(&[
    one(1, "name", Kind::String),
    one(2, "project", Kind::String),
    many(3, "entities", Kind::String),
    many(4, "features", Kind::Message(&FEATURE_SPEC_V2)),
    one(5, "tags", Kind::Map(&Kind::String)),
    one(6, "ttl", Kind::Duration),
    one(7, "batch_source", Kind::Message(&DATA_SOURCE)),
    one(8, "online", Kind::Bool),
    one(9, "stream_source", Kind::Message(&DATA_SOURCE)),
    one(10, "description", Kind::String),
    one(11, "owner", Kind::String),
    many(12, "entity_columns", Kind::Message(&FEATURE_SPEC_V2)),
    one(13, "offline", Kind::Bool),
    many(14, "source_views", Kind::Message(&FEATURE_VIEW_SPEC)),
    one(15, "feature_transformation", Kind::Message(&FEATURE_TRANSFORMATION_V2)),
    one(16, "mode", Kind::String),
    one(17, "enable_validation", Kind::Bool),
    one(18, "version", Kind::String),
    one(19, "org", Kind::String),
    one(20, "disabled", Kind::Bool),
]);

/// `feast.core.FeatureViewMeta`
pub static FEATURE_VIEW_META: Message = Message(&[
    one(1, "created_timestamp", Kind::Timestamp),
    one(2, "last_updated_timestamp", Kind::Timestamp),
    many(3, "materialization_intervals", Kind::Message(&MATERIALIZATION_INTERVAL)),
    one(4, "current_version_number", Kind::Int32),
    one(5, "version_id", Kind::String),
    one(6, "state", Kind::Enum(&FEATURE_VIEW_STATE)),
]);

/// `feast.core.MaterializationInterval`
pub static MATERIALIZATION_INTERVAL: Message =
    Message(&[one(1, "start_time", Kind::Timestamp), one(2, "end_time", Kind::Timestamp)]);

/// `feast.core.FeatureViewProjection`
pub static FEATURE_VIEW_PROJECTION: Message = Message(&[
    one(1, "feature_view_name", Kind::String),
    many(2, "feature_columns", Kind::Message(&FEATURE_SPEC_V2)),
    one(3, "feature_view_name_alias", Kind::String),
    one(4, "join_key_map", Kind::Map(&Kind::String)),
    one(5, "timestamp_field", Kind::String),
    one(6, "date_partition_column", Kind::String),
    one(7, "created_timestamp_column", Kind::String),
    one(8, "batch_source", Kind::Message(&DATA_SOURCE)),
    one(9, "stream_source", Kind::Message(&DATA_SOURCE)),
    one(10, "version_tag", Kind::Int32),
    one(11, "view_type", Kind::String),
]);

/// `feast.core.FeatureViewVersionRecord`
pub static FEATURE_VIEW_VERSION_RECORD: Message = Message(&[
    one(1, "feature_view_name", Kind::String),
    one(2, "project_id", Kind::String),
    one(3, "version_number", Kind::Int32),
    one(4, "feature_view_type", Kind::String),
    one(5, "feature_view_proto", Kind::Bytes),
    one(6, "created_timestamp", Kind::Timestamp),
    one(7, "description", Kind::String),
    one(8, "version_id", Kind::String),
]);

/// `feast.core.FeatureViewVersionHistory`
pub static FEATURE_VIEW_VERSION_HISTORY: Message =
    Message(&[many(1, "records", Kind::Message(&FEATURE_VIEW_VERSION_RECORD))]);

/// `feast.core.Infra`
pub static INFRA: Message = Message(&[many(1, "infra_objects", Kind::Message(&INFRA_OBJECT))]);

/// `feast.core.InfraObject`
pub static INFRA_OBJECT: Message = Message(&[
    one(1, "infra_object_class_type", Kind::String),
    one(4, "sqlite_table", Kind::Message(&SQLITE_TABLE)),
    one(100, "custom_infra", Kind::Message(&INFRA_OBJECT_CUSTOM_INFRA)),
]);

/// `feast.core.InfraObject.CustomInfra`
pub static INFRA_OBJECT_CUSTOM_INFRA: Message = Message(&[one(1, "field", Kind::Bytes)]);

/// `feast.core.LabelView`
pub static LABEL_VIEW: Message =
    Message(&[one(1, "spec", Kind::Message(&LABEL_VIEW_SPEC)), one(2, "meta", Kind::Message(&LABEL_VIEW_META))]);

/// `feast.core.LabelViewSpec`
pub static LABEL_VIEW_SPEC: Message = Message(&[
    one(1, "name", Kind::String),
    one(2, "project", Kind::String),
    many(3, "entities", Kind::String),
    many(4, "features", Kind::Message(&FEATURE_SPEC_V2)),
    one(5, "tags", Kind::Map(&Kind::String)),
    one(6, "ttl", Kind::Duration),
    one(7, "source", Kind::Message(&DATA_SOURCE)),
    one(8, "online", Kind::Bool),
    one(9, "description", Kind::String),
    one(10, "owner", Kind::String),
    many(11, "entity_columns", Kind::Message(&FEATURE_SPEC_V2)),
    one(12, "labeler_field", Kind::String),
    one(13, "conflict_policy", Kind::Enum(&CONFLICT_RESOLUTION_POLICY)),
    one(14, "retain_history", Kind::Bool),
    one(15, "reference_feature_view", Kind::String),
]);

/// `feast.core.LabelViewMeta`
pub static LABEL_VIEW_META: Message =
    Message(&[one(1, "created_timestamp", Kind::Timestamp), one(2, "last_updated_timestamp", Kind::Timestamp)]);

/// `feast.core.OnDemandFeatureView`
pub static ON_DEMAND_FEATURE_VIEW: Message = Message(&[
    one(1, "spec", Kind::Message(&ON_DEMAND_FEATURE_VIEW_SPEC)),
    one(2, "meta", Kind::Message(&ON_DEMAND_FEATURE_VIEW_META)),
]);

/// `feast.core.OnDemandFeatureViewSpec`
pub static ON_DEMAND_FEATURE_VIEW_SPEC: Message = Message(&[
    one(1, "name", Kind::String),
    one(2, "project", Kind::String),
    many(3, "features", Kind::Message(&FEATURE_SPEC_V2)),
    one(4, "sources", Kind::Map(&Kind::Message(&ON_DEMAND_SOURCE))),
    one(5, "user_defined_function", Kind::Message(&USER_DEFINED_FUNCTION)),
    one(6, "description", Kind::String),
    one(7, "tags", Kind::Map(&Kind::String)),
    one(8, "owner", Kind::String),
    one(10, "feature_transformation", Kind::Message(&FEATURE_TRANSFORMATION_V2)),
    one(11, "mode", Kind::String),
    one(12, "write_to_online_store", Kind::Bool),
    many(13, "entities", Kind::String),
    many(14, "entity_columns", Kind::Message(&FEATURE_SPEC_V2)),
    one(15, "singleton", Kind::Bool),
    many(16, "aggregations", Kind::Message(&AGGREGATION)),
    one(17, "version", Kind::String),
    one(18, "org", Kind::String),
    one(19, "disabled", Kind::Bool),
]);

/// `feast.core.OnDemandFeatureViewMeta`
pub static ON_DEMAND_FEATURE_VIEW_META: Message = Message(&[
    one(1, "created_timestamp", Kind::Timestamp),
    one(2, "last_updated_timestamp", Kind::Timestamp),
    one(3, "current_version_number", Kind::Int32),
    one(4, "version_id", Kind::String),
    one(5, "state", Kind::Enum(&FEATURE_VIEW_STATE)),
]);

/// `feast.core.OnDemandSource`
pub static ON_DEMAND_SOURCE: Message = Message(&[
    one(1, "feature_view", Kind::Message(&FEATURE_VIEW)),
    one(2, "request_data_source", Kind::Message(&DATA_SOURCE)),
    one(3, "feature_view_projection", Kind::Message(&FEATURE_VIEW_PROJECTION)),
]);

/// `feast.core.UserDefinedFunction`
pub static USER_DEFINED_FUNCTION: Message =
    Message(&[one(1, "name", Kind::String), one(2, "body", Kind::Bytes), one(3, "body_text", Kind::String)]);

/// `feast.core.Permission`
pub static PERMISSION: Message =
    Message(&[one(1, "spec", Kind::Message(&PERMISSION_SPEC)), one(2, "meta", Kind::Message(&PERMISSION_META))]);

/// `feast.core.PermissionSpec`
pub static PERMISSION_SPEC: Message = Message(&[
    one(1, "name", Kind::String),
    one(2, "project", Kind::String),
    many(3, "types", Kind::Enum(&PERMISSION_SPEC_TYPE)),
    many(4, "name_patterns", Kind::String),
    one(5, "required_tags", Kind::Map(&Kind::String)),
    many(6, "actions", Kind::Enum(&PERMISSION_SPEC_AUTHZED_ACTION)),
    one(7, "policy", Kind::Message(&POLICY)),
    one(8, "tags", Kind::Map(&Kind::String)),
]);

/// `feast.core.PermissionMeta`
pub static PERMISSION_META: Message =
    Message(&[one(1, "created_timestamp", Kind::Timestamp), one(2, "last_updated_timestamp", Kind::Timestamp)]);

/// `feast.core.Policy`
pub static POLICY: Message = Message(&[
    one(1, "name", Kind::String),
    one(2, "project", Kind::String),
    one(3, "role_based_policy", Kind::Message(&ROLE_BASED_POLICY)),
    one(4, "group_based_policy", Kind::Message(&GROUP_BASED_POLICY)),
    one(5, "namespace_based_policy", Kind::Message(&NAMESPACE_BASED_POLICY)),
    one(6, "combined_group_namespace_policy", Kind::Message(&COMBINED_GROUP_NAMESPACE_POLICY)),
]);

/// `feast.core.RoleBasedPolicy`
pub static ROLE_BASED_POLICY: Message = Message(&[many(1, "roles", Kind::String)]);

/// `feast.core.GroupBasedPolicy`
pub static GROUP_BASED_POLICY: Message = Message(&[many(1, "groups", Kind::String)]);

/// `feast.core.NamespaceBasedPolicy`
pub static NAMESPACE_BASED_POLICY: Message = Message(&[many(1, "namespaces", Kind::String)]);

/// `feast.core.CombinedGroupNamespacePolicy`
pub static COMBINED_GROUP_NAMESPACE_POLICY: Message =
    Message(&[many(1, "groups", Kind::String), many(2, "namespaces", Kind::String)]);

/// `feast.core.Project`
pub static PROJECT: Message =
    Message(&[one(1, "spec", Kind::Message(&PROJECT_SPEC)), one(2, "meta", Kind::Message(&PROJECT_META))]);

/// `feast.core.ProjectSpec`
pub static PROJECT_SPEC: Message = Message(&[
    one(1, "name", Kind::String),
    one(2, "description", Kind::String),
    one(3, "tags", Kind::Map(&Kind::String)),
    one(4, "owner", Kind::String),
]);

/// `feast.core.ProjectMeta`
pub static PROJECT_META: Message =
    Message(&[one(1, "created_timestamp", Kind::Timestamp), one(2, "last_updated_timestamp", Kind::Timestamp)]);

/// `feast.core.Registry`
pub static REGISTRY: Message = Message(&[
    many(1, "entities", Kind::Message(&ENTITY)),
    one(3, "registry_schema_version", Kind::String),
    one(4, "version_id", Kind::String),
    one(5, "last_updated", Kind::Timestamp),
    many(6, "feature_views", Kind::Message(&FEATURE_VIEW)),
    many(7, "feature_services", Kind::Message(&FEATURE_SERVICE)),
    many(8, "on_demand_feature_views", Kind::Message(&ON_DEMAND_FEATURE_VIEW)),
    one(10, "infra", Kind::Message(&INFRA)),
    many(11, "saved_datasets", Kind::Message(&SAVED_DATASET)),
    many(12, "data_sources", Kind::Message(&DATA_SOURCE)),
    many(13, "validation_references", Kind::Message(&VALIDATION_REFERENCE)),
    many(14, "stream_feature_views", Kind::Message(&STREAM_FEATURE_VIEW)),
    many(15, "project_metadata", Kind::Message(&PROJECT_METADATA)),
    many(16, "permissions", Kind::Message(&PERMISSION)),
    many(17, "projects", Kind::Message(&PROJECT)),
    one(18, "feature_view_version_history", Kind::Message(&FEATURE_VIEW_VERSION_HISTORY)),
    many(19, "label_views", Kind::Message(&LABEL_VIEW)),
]);

/// `feast.core.ProjectMetadata`
pub static PROJECT_METADATA: Message =
    Message(&[one(1, "project", Kind::String), one(2, "project_uuid", Kind::String)]);

/// `feast.core.SavedDatasetSpec`
pub static SAVED_DATASET_SPEC: Message = Message(&[
    one(1, "name", Kind::String),
    one(2, "project", Kind::String),
    many(3, "features", Kind::String),
    many(4, "join_keys", Kind::String),
    one(5, "full_feature_names", Kind::Bool),
    one(6, "storage", Kind::Message(&SAVED_DATASET_STORAGE)),
    one(7, "tags", Kind::Map(&Kind::String)),
    one(8, "feature_service_name", Kind::String),
    one(9, "namespace", Kind::String),
    one(10, "collection", Kind::String),
    one(11, "description", Kind::String),
    many(12, "columns", Kind::Message(&SAVED_DATASET_COLUMN)),
]);

/// `feast.core.SavedDatasetColumn`
pub static SAVED_DATASET_COLUMN: Message = Message(&[
    one(1, "name", Kind::String),
    one(2, "type", Kind::String),
    one(3, "description", Kind::String),
    one(4, "nullable", Kind::Bool),
]);

/// `feast.core.SavedDatasetStorage`
pub static SAVED_DATASET_STORAGE: Message = Message(&[
    one(4, "file_storage", Kind::Message(&DATA_SOURCE_FILE_OPTIONS)),
    one(5, "bigquery_storage", Kind::Message(&DATA_SOURCE_BIG_QUERY_OPTIONS)),
    one(6, "redshift_storage", Kind::Message(&DATA_SOURCE_REDSHIFT_OPTIONS)),
    one(7, "snowflake_storage", Kind::Message(&DATA_SOURCE_SNOWFLAKE_OPTIONS)),
    one(8, "trino_storage", Kind::Message(&DATA_SOURCE_TRINO_OPTIONS)),
    one(9, "spark_storage", Kind::Message(&DATA_SOURCE_SPARK_OPTIONS)),
    one(10, "custom_storage", Kind::Message(&DATA_SOURCE_CUSTOM_SOURCE_OPTIONS)),
    one(11, "athena_storage", Kind::Message(&DATA_SOURCE_ATHENA_OPTIONS)),
]);

/// `feast.core.SavedDatasetMeta`
pub static SAVED_DATASET_META: Message = Message(&[
    one(1, "created_timestamp", Kind::Timestamp),
    one(2, "last_updated_timestamp", Kind::Timestamp),
    one(3, "min_event_timestamp", Kind::Timestamp),
    one(4, "max_event_timestamp", Kind::Timestamp),
]);

/// `feast.core.SavedDataset`
pub static SAVED_DATASET: Message =
    Message(&[one(1, "spec", Kind::Message(&SAVED_DATASET_SPEC)), one(2, "meta", Kind::Message(&SAVED_DATASET_META))]);

/// `feast.core.SqliteTable`
pub static SQLITE_TABLE: Message = Message(&[one(1, "path", Kind::String), one(2, "name", Kind::String)]);

/// `feast.core.StreamFeatureView`
pub static STREAM_FEATURE_VIEW: Message = Message(&[
    one(1, "spec", Kind::Message(&STREAM_FEATURE_VIEW_SPEC)),
    one(2, "meta", Kind::Message(&FEATURE_VIEW_META)),
]);

/// `feast.core.StreamFeatureViewSpec`
pub static STREAM_FEATURE_VIEW_SPEC: Message = Message(&[
    one(1, "name", Kind::String),
    one(2, "project", Kind::String),
    many(3, "entities", Kind::String),
    many(4, "features", Kind::Message(&FEATURE_SPEC_V2)),
    many(5, "entity_columns", Kind::Message(&FEATURE_SPEC_V2)),
    one(6, "description", Kind::String),
    one(7, "tags", Kind::Map(&Kind::String)),
    one(8, "owner", Kind::String),
    one(9, "ttl", Kind::Duration),
    one(10, "batch_source", Kind::Message(&DATA_SOURCE)),
    one(11, "stream_source", Kind::Message(&DATA_SOURCE)),
    one(12, "online", Kind::Bool),
    one(13, "user_defined_function", Kind::Message(&USER_DEFINED_FUNCTION)),
    one(14, "mode", Kind::String),
    many(15, "aggregations", Kind::Message(&AGGREGATION)),
    one(16, "timestamp_field", Kind::String),
    one(17, "feature_transformation", Kind::Message(&FEATURE_TRANSFORMATION_V2)),
    one(18, "enable_tiling", Kind::Bool),
    one(19, "tiling_hop_size", Kind::Duration),
    one(20, "enable_validation", Kind::Bool),
    one(21, "version", Kind::String),
    one(22, "org", Kind::String),
    one(23, "disabled", Kind::Bool),
]);

/// `feast.core.UserDefinedFunctionV2`
pub static USER_DEFINED_FUNCTION_V2: Message = Message(&[
    one(1, "name", Kind::String),
    one(2, "body", Kind::Bytes),
    one(3, "body_text", Kind::String),
    one(4, "mode", Kind::String),
]);

/// `feast.core.FeatureTransformationV2`
pub static FEATURE_TRANSFORMATION_V2: Message = Message(&[
    one(1, "user_defined_function", Kind::Message(&USER_DEFINED_FUNCTION_V2)),
    one(2, "substrait_transformation", Kind::Message(&SUBSTRAIT_TRANSFORMATION_V2)),
]);

/// `feast.core.SubstraitTransformationV2`
pub static SUBSTRAIT_TRANSFORMATION_V2: Message =
    Message(&[one(1, "substrait_plan", Kind::Bytes), one(2, "ibis_function", Kind::Bytes)]);

/// `feast.core.GEValidationProfiler`
pub static GEVALIDATION_PROFILER: Message =
    Message(&[one(1, "profiler", Kind::Message(&GEVALIDATION_PROFILER_USER_DEFINED_PROFILER))]);

/// `feast.core.GEValidationProfiler.UserDefinedProfiler`
pub static GEVALIDATION_PROFILER_USER_DEFINED_PROFILER: Message = Message(&[one(1, "body", Kind::Bytes)]);

/// `feast.core.GEValidationProfile`
pub static GEVALIDATION_PROFILE: Message = Message(&[one(1, "expectation_suite", Kind::Bytes)]);

/// `feast.core.ValidationReference`
pub static VALIDATION_REFERENCE: Message = Message(&[
    one(1, "name", Kind::String),
    one(2, "reference_dataset_name", Kind::String),
    one(3, "project", Kind::String),
    one(4, "description", Kind::String),
    one(5, "tags", Kind::Map(&Kind::String)),
    one(6, "ge_profiler", Kind::Message(&GEVALIDATION_PROFILER)),
    one(7, "ge_profile", Kind::Message(&GEVALIDATION_PROFILE)),
]);

/// `feast.types.Value`
pub static TYPES_VALUE: Message = Message(&[
    one(1, "bytes_val", Kind::Bytes),
    one(2, "string_val", Kind::String),
    one(3, "int32_val", Kind::Int32),
    one(4, "int64_val", Kind::Int64),
    one(5, "double_val", Kind::Double),
    one(6, "float_val", Kind::Float),
    one(7, "bool_val", Kind::Bool),
    one(8, "unix_timestamp_val", Kind::Int64),
    one(11, "bytes_list_val", Kind::Message(&TYPES_BYTES_LIST)),
    one(12, "string_list_val", Kind::Message(&TYPES_STRING_LIST)),
    one(13, "int32_list_val", Kind::Message(&TYPES_INT32_LIST)),
    one(14, "int64_list_val", Kind::Message(&TYPES_INT64_LIST)),
    one(15, "double_list_val", Kind::Message(&TYPES_DOUBLE_LIST)),
    one(16, "float_list_val", Kind::Message(&TYPES_FLOAT_LIST)),
    one(17, "bool_list_val", Kind::Message(&TYPES_BOOL_LIST)),
    one(18, "unix_timestamp_list_val", Kind::Message(&TYPES_INT64_LIST)),
    one(19, "null_val", Kind::Enum(&TYPES_NULL)),
    one(20, "map_val", Kind::Message(&TYPES_MAP)),
    one(21, "map_list_val", Kind::Message(&TYPES_MAP_LIST)),
    one(22, "bytes_set_val", Kind::Message(&TYPES_BYTES_SET)),
    one(23, "string_set_val", Kind::Message(&TYPES_STRING_SET)),
    one(24, "int32_set_val", Kind::Message(&TYPES_INT32_SET)),
    one(25, "int64_set_val", Kind::Message(&TYPES_INT64_SET)),
    one(26, "double_set_val", Kind::Message(&TYPES_DOUBLE_SET)),
    one(27, "float_set_val", Kind::Message(&TYPES_FLOAT_SET)),
    one(28, "bool_set_val", Kind::Message(&TYPES_BOOL_SET)),
    one(29, "unix_timestamp_set_val", Kind::Message(&TYPES_INT64_SET)),
    one(32, "json_val", Kind::String),
    one(33, "json_list_val", Kind::Message(&TYPES_STRING_LIST)),
    one(34, "struct_val", Kind::Message(&TYPES_MAP)),
    one(35, "struct_list_val", Kind::Message(&TYPES_MAP_LIST)),
    one(36, "uuid_val", Kind::String),
    one(37, "time_uuid_val", Kind::String),
    one(38, "uuid_list_val", Kind::Message(&TYPES_STRING_LIST)),
    one(39, "time_uuid_list_val", Kind::Message(&TYPES_STRING_LIST)),
    one(40, "uuid_set_val", Kind::Message(&TYPES_STRING_SET)),
    one(41, "time_uuid_set_val", Kind::Message(&TYPES_STRING_SET)),
    one(42, "list_val", Kind::Message(&TYPES_REPEATED_VALUE)),
    one(43, "set_val", Kind::Message(&TYPES_REPEATED_VALUE)),
    one(44, "decimal_val", Kind::String),
    one(45, "decimal_list_val", Kind::Message(&TYPES_STRING_LIST)),
    one(46, "decimal_set_val", Kind::Message(&TYPES_STRING_SET)),
    one(47, "scalar_map_val", Kind::Message(&TYPES_SCALAR_MAP)),
    one(48, "zoned_timestamp_val", Kind::Message(&TYPES_ZONED_TIMESTAMP)),
]);

/// `feast.types.ZonedTimestamp`
pub static TYPES_ZONED_TIMESTAMP: Message =
    Message(&[one(1, "unix_timestamp", Kind::Int64), one(2, "zone", Kind::String)]);

/// `feast.types.BytesList`
pub static TYPES_BYTES_LIST: Message = Message(&[many(1, "val", Kind::Bytes)]);

/// `feast.types.StringList`
pub static TYPES_STRING_LIST: Message = Message(&[many(1, "val", Kind::String)]);

/// `feast.types.Int32List`
pub static TYPES_INT32_LIST: Message = Message(&[many(1, "val", Kind::Int32)]);

/// `feast.types.Int64List`
pub static TYPES_INT64_LIST: Message = Message(&[many(1, "val", Kind::Int64)]);

/// `feast.types.DoubleList`
pub static TYPES_DOUBLE_LIST: Message = Message(&[many(1, "val", Kind::Double)]);

/// `feast.types.FloatList`
pub static TYPES_FLOAT_LIST: Message = Message(&[many(1, "val", Kind::Float)]);

/// `feast.types.BoolList`
pub static TYPES_BOOL_LIST: Message = Message(&[many(1, "val", Kind::Bool)]);

/// `feast.types.BytesSet`
pub static TYPES_BYTES_SET: Message = Message(&[many(1, "val", Kind::Bytes)]);

/// `feast.types.StringSet`
pub static TYPES_STRING_SET: Message = Message(&[many(1, "val", Kind::String)]);

/// `feast.types.Int32Set`
pub static TYPES_INT32_SET: Message = Message(&[many(1, "val", Kind::Int32)]);

/// `feast.types.Int64Set`
pub static TYPES_INT64_SET: Message = Message(&[many(1, "val", Kind::Int64)]);

/// `feast.types.DoubleSet`
pub static TYPES_DOUBLE_SET: Message = Message(&[many(1, "val", Kind::Double)]);

/// `feast.types.FloatSet`
pub static TYPES_FLOAT_SET: Message = Message(&[many(1, "val", Kind::Float)]);

/// `feast.types.BoolSet`
pub static TYPES_BOOL_SET: Message = Message(&[many(1, "val", Kind::Bool)]);

/// `feast.types.Map`
pub static TYPES_MAP: Message = Message(&[one(1, "val", Kind::Map(&Kind::Message(&TYPES_VALUE)))]);

/// `feast.types.MapList`
pub static TYPES_MAP_LIST: Message = Message(&[many(1, "val", Kind::Message(&TYPES_MAP))]);

/// `feast.types.RepeatedValue`
pub static TYPES_REPEATED_VALUE: Message = Message(&[many(1, "val", Kind::Message(&TYPES_VALUE))]);

/// `feast.types.MapKey`
pub static TYPES_MAP_KEY: Message = Message(&[
    one(1, "int32_key", Kind::Int32),
    one(2, "int64_key", Kind::Int64),
    one(3, "float_key", Kind::Float),
    one(4, "double_key", Kind::Double),
    one(5, "bool_key", Kind::Bool),
    one(6, "unix_timestamp_key", Kind::Int64),
    one(7, "bytes_key", Kind::Bytes),
    one(8, "uuid_key", Kind::String),
    one(9, "time_uuid_key", Kind::String),
    one(10, "decimal_key", Kind::String),
]);

/// `feast.types.ScalarMapEntry`
pub static TYPES_SCALAR_MAP_ENTRY: Message =
    Message(&[one(1, "key", Kind::Message(&TYPES_MAP_KEY)), one(2, "value", Kind::Message(&TYPES_VALUE))]);

/// `feast.types.ScalarMap`
pub static TYPES_SCALAR_MAP: Message = Message(&[many(1, "val", Kind::Message(&TYPES_SCALAR_MAP_ENTRY))]);

/// `feast.core.DataSource.SourceType`
pub static DATA_SOURCE_SOURCE_TYPE: Enum = Enum(&[
    (0, "INVALID"),
    (1, "BATCH_FILE"),
    (8, "BATCH_SNOWFLAKE"),
    (2, "BATCH_BIGQUERY"),
    (5, "BATCH_REDSHIFT"),
    (3, "STREAM_KAFKA"),
    (4, "STREAM_KINESIS"),
    (6, "CUSTOM_SOURCE"),
    (7, "REQUEST_SOURCE"),
    (9, "PUSH_SOURCE"),
    (10, "BATCH_TRINO"),
    (11, "BATCH_SPARK"),
    (12, "BATCH_ATHENA"),
    (13, "BATCH_ICEBERG"),
]);

/// `feast.core.FeatureViewState`
pub static FEATURE_VIEW_STATE: Enum =
    Enum(&[(0, "STATE_UNSPECIFIED"), (1, "CREATED"), (2, "GENERATED"), (3, "MATERIALIZING"), (4, "AVAILABLE_ONLINE")]);

/// `feast.core.ConflictResolutionPolicy`
pub static CONFLICT_RESOLUTION_POLICY: Enum =
    Enum(&[(0, "LAST_WRITE_WINS"), (1, "LABELER_PRIORITY"), (2, "MAJORITY_VOTE")]);

/// `feast.core.PermissionSpec.AuthzedAction`
pub static PERMISSION_SPEC_AUTHZED_ACTION: Enum = Enum(&[
    (0, "CREATE"),
    (1, "DESCRIBE"),
    (2, "UPDATE"),
    (3, "DELETE"),
    (4, "READ_ONLINE"),
    (5, "READ_OFFLINE"),
    (6, "WRITE_ONLINE"),
    (7, "WRITE_OFFLINE"),
]);

/// `feast.core.PermissionSpec.Type`
pub static PERMISSION_SPEC_TYPE: Enum = Enum(&[
    (0, "FEATURE_VIEW"),
    (1, "ON_DEMAND_FEATURE_VIEW"),
    (2, "BATCH_FEATURE_VIEW"),
    (3, "STREAM_FEATURE_VIEW"),
    (4, "ENTITY"),
    (5, "FEATURE_SERVICE"),
    (6, "DATA_SOURCE"),
    (7, "VALIDATION_REFERENCE"),
    (8, "SAVED_DATASET"),
    (9, "PERMISSION"),
    (10, "PROJECT"),
    (11, "LABEL_VIEW"),
]);

/// `feast.types.Null`
pub static TYPES_NULL: Enum = Enum(&[(0, "NULL")]);

/// `feast.types.ValueType.Enum`
pub static TYPES_VALUE_TYPE_ENUM: Enum = Enum(&[
    (0, "INVALID"),
    (1, "BYTES"),
    (2, "STRING"),
    (3, "INT32"),
    (4, "INT64"),
    (5, "DOUBLE"),
    (6, "FLOAT"),
    (7, "BOOL"),
    (8, "UNIX_TIMESTAMP"),
    (11, "BYTES_LIST"),
    (12, "STRING_LIST"),
    (13, "INT32_LIST"),
    (14, "INT64_LIST"),
    (15, "DOUBLE_LIST"),
    (16, "FLOAT_LIST"),
    (17, "BOOL_LIST"),
    (18, "UNIX_TIMESTAMP_LIST"),
    (19, "NULL"),
    (20, "MAP"),
    (21, "MAP_LIST"),
    (22, "BYTES_SET"),
    (23, "STRING_SET"),
    (24, "INT32_SET"),
    (25, "INT64_SET"),
    (26, "DOUBLE_SET"),
    (27, "FLOAT_SET"),
    (28, "BOOL_SET"),
    (29, "UNIX_TIMESTAMP_SET"),
    (32, "JSON"),
    (33, "JSON_LIST"),
    (34, "STRUCT"),
    (35, "STRUCT_LIST"),
    (36, "UUID"),
    (37, "TIME_UUID"),
    (38, "UUID_LIST"),
    (39, "TIME_UUID_LIST"),
    (40, "UUID_SET"),
    (41, "TIME_UUID_SET"),
    (42, "VALUE_LIST"),
    (43, "VALUE_SET"),
    (44, "DECIMAL"),
    (45, "DECIMAL_LIST"),
    (46, "DECIMAL_SET"),
    (47, "SCALAR_MAP"),
    (48, "ZONED_TIMESTAMP"),
]);

//! Projects, entities, views and services.

use super::common::{
    AGGREGATIONS, DESCRIPTION, ENABLE_VALIDATION, ENABLED, ENTITIES, FIELDS, MODE, NAME, OFFLINE, ONLINE, ORG, OWNER,
    RENAMED_FROM, S3_ENDPOINT, SCHEMA, SINK_SOURCE, TAGS, TRANSFORMATION_KEY, TTL, VERSION, VIEW_SOURCE,
};
use super::{Object, REQUIRED, Shape, key, passed};

/// Names of value types, as an entity takes them.
const VALUE_TYPES: &[&str] = &["INT64", "INT32", "STRING", "BYTES", "UNIX_TIMESTAMP"];

/// `projects`
pub static PROJECT: Object = Object { what: "a project", name: "project", keys: &[NAME, DESCRIPTION, TAGS, OWNER] };

/// `entities`
pub static ENTITY: Object = Object {
    what: "an entity",
    name: "entity",
    keys: &[
        NAME,
        key("join_keys", Shape::List(&Shape::Text), "[name]", "The column that tells entities apart; exactly one."),
        key(
            "value_type",
            Shape::Either(&[Shape::OneOf(VALUE_TYPES), Shape::Text]),
            "inferred from the batch source",
            "The type of the join key, whatever a record or a request sends.",
        ),
        DESCRIPTION,
        TAGS,
        OWNER,
    ],
};

/// A feature of a `schema`.
pub static FIELD: Object = Object {
    what: "a field",
    name: "field",
    keys: &[
        NAME,
        key(
            "dtype",
            Shape::Dtype,
            REQUIRED,
            "The type: Float32, Int64, String, Array(Int64), Struct({name: String}), ...",
        ),
        DESCRIPTION,
        TAGS,
        key("vector_index", Shape::Flag, "false", "Registered only."),
        key("vector_length", Shape::Whole(0), "0", "Registered only."),
        key("vector_search_metric", Shape::Text, "none", "Registered only."),
    ],
};

/// `feature_views`
pub static FEATURE_VIEW: Object = Object {
    what: "a feature view",
    name: "feature_view",
    keys: &[
        NAME,
        key("source", VIEW_SOURCE, "none", "A data source, by name or in place, or the views that it is derived from."),
        SINK_SOURCE,
        ENTITIES,
        SCHEMA,
        TTL,
        ONLINE,
        OFFLINE,
        MODE,
        ENABLE_VALIDATION,
        VERSION,
        ENABLED,
        DESCRIPTION,
        TAGS,
        OWNER,
        ORG,
        RENAMED_FROM,
    ],
};

/// `batch_feature_views`
pub static BATCH_FEATURE_VIEW: Object = Object {
    what: "a batch feature view",
    name: "batch_feature_view",
    keys: &[
        NAME,
        key("source", VIEW_SOURCE, "none", "A data source, by name or in place, or the views that it is derived from."),
        SINK_SOURCE,
        ENTITIES,
        SCHEMA,
        key("ttl", Shape::Duration, "null", "How long a value may be served; 0 and null are for ever."),
        key("online", Shape::Flag, "false", "Served from the online store."),
        OFFLINE,
        MODE,
        TRANSFORMATION_KEY,
        AGGREGATIONS,
        passed("batch_engine", "Python's engine."),
        ENABLE_VALIDATION,
        VERSION,
        ENABLED,
        DESCRIPTION,
        TAGS,
        OWNER,
        ORG,
        RENAMED_FROM,
    ],
};

/// `stream_feature_views`
pub static STREAM_FEATURE_VIEW: Object = Object {
    what: "a stream feature view",
    name: "stream_feature_view",
    keys: &[
        NAME,
        key("source", VIEW_SOURCE, REQUIRED, "A Kinesis, Kafka or push source, by name or in place."),
        SINK_SOURCE,
        ENTITIES,
        SCHEMA,
        TTL,
        ONLINE,
        OFFLINE,
        key("timestamp_field", Shape::Text, "of the source", "The event time of the rows; required with aggregations."),
        MODE,
        TRANSFORMATION_KEY,
        AGGREGATIONS,
        key("enable_tiling", Shape::Flag, "false", "Registered only."),
        key("tiling_hop_size", Shape::Duration, "5m", "Registered only."),
        passed("stream_engine", "Python's engine."),
        ENABLE_VALIDATION,
        VERSION,
        ENABLED,
        DESCRIPTION,
        TAGS,
        OWNER,
        ORG,
        RENAMED_FROM,
    ],
};

/// `feature_transformation`
pub static TRANSFORMATION: Object = Object {
    what: "a transformation",
    name: "feature_transformation",
    keys: &[
        key("sql", Shape::Text, "none", "One SELECT over the table `source`: projection and WHERE only."),
        key("expressions", Shape::Texts, "none", "Feature -> scalar SQL expression over the columns of the source."),
        key("filter", Shape::Text, "none", "An SQL predicate, before the projection; goes with expressions."),
        key("udf_string", Shape::Text, "none", "Python text: registered, never executed."),
    ],
};

/// An item of `aggregations`.
pub static AGGREGATION: Object = Object {
    what: "an aggregation",
    name: "aggregation",
    keys: &[
        key("column", Shape::Text, REQUIRED, "The column that is aggregated."),
        key("function", Shape::Text, REQUIRED, "The function, as Feast names it: sum, count, mean, ..."),
        key("time_window", Shape::Duration, "none", "The length of the window."),
        key("slide_interval", Shape::Duration, "the time_window", "How far one window begins after another."),
        key("name", Shape::Text, "made from the others", "The name of the result."),
    ],
};

/// `on_demand_feature_views`
pub static ON_DEMAND_FEATURE_VIEW: Object = Object {
    what: "an on-demand feature view",
    name: "on_demand_feature_view",
    keys: &[
        NAME,
        key(
            "sources",
            Shape::List(&Shape::Either(&[Shape::Text, Shape::Object(&PROJECTION), Shape::Source])),
            "[]",
            "Views, projections of views and request sources that it computes from.",
        ),
        key(
            "input_schema",
            FIELDS,
            "none",
            "The values of a request that it computes from, instead of a request source.",
        ),
        key("schema", FIELDS, REQUIRED, "The computed features, each with its type."),
        MODE,
        TRANSFORMATION_KEY,
        ENTITIES,
        key("write_to_online_store", Shape::Flag, "false", "Registered only."),
        key("singleton", Shape::Flag, "false", "Registered only."),
        key("track_metrics", Shape::Flag, "false", "Registered only."),
        AGGREGATIONS,
        VERSION,
        ENABLED,
        DESCRIPTION,
        TAGS,
        OWNER,
        ORG,
    ],
};

/// Some features of a view.
pub static PROJECTION: Object = Object {
    what: "a projection",
    name: "projection",
    keys: &[
        key("feature_view", Shape::Text, REQUIRED, "The view."),
        key("features", Shape::List(&Shape::Text), "all", "Features of the view, by name."),
        key("name_alias", Shape::Text, "none", "Another name for the view in full feature names."),
        key("join_key_map", Shape::Texts, "{}", "Join key of the view -> name that a request uses."),
        key("version", Shape::Scalar, "latest", "Version of the view: `v` and a number."),
    ],
};

/// `feature_services`
pub static FEATURE_SERVICE: Object = Object {
    what: "a feature service",
    name: "feature_service",
    keys: &[
        NAME,
        key(
            "features",
            Shape::List(&Shape::Either(&[Shape::Text, Shape::Object(&PROJECTION)])),
            REQUIRED,
            "Views, or projections of views, that a model asks for together.",
        ),
        key("logging_config", Shape::Object(&LOGGING_CONFIG), "none", "Registered only."),
        key("precompute_online", Shape::Flag, "false", "Registered only."),
        DESCRIPTION,
        TAGS,
        OWNER,
    ],
};

/// `logging_config`
pub static LOGGING_CONFIG: Object = Object {
    what: "logging_config",
    name: "logging_config",
    keys: &[
        key("destination", Shape::Object(&LOGGING_DESTINATION), REQUIRED, "Where requests are logged."),
        key("sample_rate", Shape::Number, "1.0", "The share of requests that are logged, 0 to 1."),
    ],
};

/// `destination` of `logging_config`
pub static LOGGING_DESTINATION: Object = Object {
    what: "a logging destination",
    name: "logging_destination",
    keys: &[
        key("type", Shape::OneOf(&["FileLoggingDestination", "file"]), REQUIRED, "The Python class."),
        key("path", Shape::Text, REQUIRED, "The folder."),
        S3_ENDPOINT,
        key("partition_by", Shape::List(&Shape::Text), "[]", "Columns that partition the files."),
    ],
};

//! Keys that several kinds of mappings share.

use super::{AGGREGATION, ENTITY, FIELD, PROTO_FORMAT, RECORD_FORMAT, TRANSFORMATION};
use super::{Key, REQUIRED, Shape, key};

const ENTITY_LIST: Shape = Shape::List(&Shape::Either(&[Shape::Text, Shape::Object(&ENTITY)]));
const AGGREGATION_LIST: Shape = Shape::List(&Shape::Object(&AGGREGATION));

pub(super) const NAME: Key = key("name", Shape::Text, REQUIRED, "The name, unique among its kind in the project.");
pub(super) const DESCRIPTION: Key = key("description", Shape::Text, "\"\"", "Free text.");
pub(super) const TAGS: Key = key("tags", Shape::Texts, "{}", "Labels, which `list --tags` selects by.");
pub(super) const OWNER: Key = key("owner", Shape::Text, "\"\"", "Who answers for it.");
pub(super) const ORG: Key = key("org", Shape::Text, "\"\"", "Organisational unit.");
pub(super) const VERSION: Key = key("version", Shape::Scalar, "latest", "Version pin: `latest`, or `v` and a number.");
pub(super) const ENABLED: Key = key("enabled", Shape::Flag, "true", "Whether the view may be served.");
pub(super) const ENTITIES: Key = key(
    "entities",
    ENTITY_LIST,
    "[]",
    "Names of the entities whose join keys make the key of a row; none for a view without entities.",
);
pub(super) const SCHEMA: Key = key("schema", FIELDS, "inferred from the source", "The features, each with its type.");
pub(super) const TTL: Key =
    key("ttl", Shape::Duration, "0", "How long a value may be served; 0 and null are for ever.");
pub(super) const ONLINE: Key = key("online", Shape::Flag, "true", "Served from the online store.");
pub(super) const OFFLINE: Key =
    key("offline", Shape::Flag, "false", "Logged to the offline store; needs `sink_source`.");
pub(super) const ENABLE_VALIDATION: Key = key("enable_validation", Shape::Flag, "false", "Registered only.");
pub(super) const SINK_SOURCE: Key = key(
    "sink_source",
    SOURCE_REF,
    "none",
    "The FileSource, a folder, that the rows are logged to: for `offline: true`, and for a view derived from views.",
);
pub(super) const RENAMED_FROM: Key =
    key("x-renamed-from", Shape::Text, "none", "An earlier name of the view, whose stored values are kept.");
pub(super) const TRANSFORMATION_KEY: Key = key(
    "feature_transformation",
    Shape::Object(&TRANSFORMATION),
    "none",
    "What is computed from the rows of the source, for stream and parquet alike.",
);
pub(super) const MODE: Key = key(
    "mode",
    Shape::Text,
    "by the transformation",
    "Execution mode: sql for sql and expressions, Python's modes for udf_string.",
);
pub(super) const AGGREGATIONS: Key = key("aggregations", AGGREGATION_LIST, "[]", "Windows: registered, not computed.");
pub(super) const TIMESTAMP_FIELD: Key =
    key("timestamp_field", Shape::Text, "the only timestamp column", "The column of the event time.");
pub(super) const CREATED: Key = key(
    "created_timestamp_column",
    Shape::Text,
    "none",
    "The column of the created time: of two rows with one event time, the one created later wins.",
);
pub(super) const FIELD_MAPPING: Key =
    key("field_mapping", Shape::Texts, "{}", "Column of the source -> name in the view.");
pub(super) const BATCH_SOURCE: Key = key(
    "batch_source",
    SOURCE_REF,
    "none",
    "The history of the stream, which `materialize` and historical retrieval read; a view needs it.",
);
pub(super) const WATERMARK: Key = key(
    "watermark_delay_threshold",
    Shape::Duration,
    "none",
    "A record so much older than the newest of its shard is late.",
);
pub(super) const S3_ENDPOINT: Key = key("s3_endpoint_override", Shape::Text, "none", "Registered only.");

pub(super) const SOURCE_REF: Shape = Shape::Either(&[Shape::Text, Shape::Source]);
pub(super) const VIEW_SOURCE: Shape = Shape::Either(&[Shape::Text, Shape::List(&Shape::Text), Shape::Source]);

pub(super) const FIELDS: Shape = Shape::List(&Shape::Either(&[Shape::Object(&FIELD), Shape::ShortField]));
pub(super) const FORMAT: Shape = Shape::Either(&[Shape::Object(&RECORD_FORMAT), Shape::Object(&PROTO_FORMAT)]);

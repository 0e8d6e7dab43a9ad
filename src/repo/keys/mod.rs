//! Every key that a repo may write: its shape, its default, what it means. The reader takes no other key, the JSON Schema
//! for editors, `explain` and the reference page are made from these tables.

mod common;
mod settings;
mod sources;
mod views;

pub use settings::{DUCKDB, FEAST_RS, MATERIALIZATION, OFFLINE_STORE, ONLINE_STORE, REGISTRY, SETTINGS, SQL_REGISTRY};
pub use sources::{
    ANY_SOURCE, CONNECTION_REF, FILE_FORMAT, FILE_SOURCE, KAFKA_SOURCE, KINESIS_OPTIONS, KINESIS_SOURCE, PROTO_FORMAT,
    PUSH_SOURCE, RECORD_FORMAT, REQUEST_SOURCE,
};
pub use views::{
    AGGREGATION, BATCH_FEATURE_VIEW, ENTITY, FEATURE_SERVICE, FEATURE_VIEW, FIELD, LOGGING_CONFIG, LOGGING_DESTINATION,
    ON_DEMAND_FEATURE_VIEW, PROJECT, PROJECTION, STREAM_FEATURE_VIEW, TRANSFORMATION,
};

use std::fmt;

/// The keys of one kind of mapping.
#[derive(Debug)]
pub struct Object {
    /// `an entity`: for messages
    pub what: &'static str,
    /// name in the schema and in the reference: `entity`
    pub name: &'static str,
    /// in the order in which they are shown
    pub keys: &'static [Key],
}

/// One key of a mapping.
#[derive(Debug)]
pub struct Key {
    /// as it is written
    pub name: &'static str,
    /// what its value may be
    pub shape: Shape,
    /// what holds where it is absent, or `required`
    pub default: &'static str,
    /// what it means, in one sentence
    pub about: &'static str,
    /// the reader looks at it; others are Feast's and pass
    pub read: bool,
}

/// What a value may be. An environment variable may stand for any scalar.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// a text
    Text,
    /// a text, number or flag
    Scalar,
    /// true or false
    Flag,
    /// a whole number of at least so much
    Whole(u64),
    /// a number
    Number,
    /// `1d12h`, seconds, ISO 8601, or the keywords of timedelta
    Duration,
    /// an ISO 8601 date-time, a date, `now`, `7d-ago`
    Instant,
    /// one of these
    OneOf(&'static [&'static str]),
    /// Feast's types: `Float32`, `Array(Int64)`, or a mapping
    Dtype,
    /// a mapping of texts
    Texts,
    /// a text, or a JSON Schema
    JsonSchema,
    /// anything
    Any,
    /// a mapping with these keys
    Object(&'static Object),
    /// `{conv_rate: Float32}`: a feature in one entry
    ShortField,
    /// a data source of any class
    Source,
    /// a store or registry: a mapping with these keys where its type is one of those, anything where it is another's
    Store(&'static [(&'static Object, &'static [&'static str])]),
    /// a list
    List(&'static Shape),
    /// one of several shapes
    Either(&'static [Shape]),
}

impl Key {
    /// Whether it must be there.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.default == REQUIRED
    }
}

impl Object {
    /// The key of that name.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

const REQUIRED: &str = "required";

const fn key(name: &'static str, shape: Shape, default: &'static str, about: &'static str) -> Key {
    Key { name, shape, default, about, read: true }
}

/// A key of Feast's that is taken and not looked at.
const fn passed(name: &'static str, about: &'static str) -> Key {
    Key { name, shape: Shape::Any, default: "", about, read: false }
}

/// Top-level key of a definition file -> what its items are.
pub static KINDS: &[(&str, &[&Object])] = &[
    ("projects", &[&PROJECT]),
    ("entities", &[&ENTITY]),
    ("data_sources", &[&FILE_SOURCE, &KINESIS_SOURCE, &KAFKA_SOURCE, &PUSH_SOURCE, &REQUEST_SOURCE]),
    ("feature_views", &[&FEATURE_VIEW]),
    ("batch_feature_views", &[&BATCH_FEATURE_VIEW]),
    ("stream_feature_views", &[&STREAM_FEATURE_VIEW]),
    ("on_demand_feature_views", &[&ON_DEMAND_FEATURE_VIEW]),
    ("feature_services", &[&FEATURE_SERVICE]),
    ("saved_datasets", &[]),
    ("validation_references", &[]),
    ("label_views", &[]),
    ("permissions", &[]),
];

/// Every mapping that has keys of its own, with the place where it is written.
pub static OBJECTS: &[(&str, &Object)] = &[
    ("feature_store.yaml", &SETTINGS),
    ("registry (sql)", &SQL_REGISTRY),
    ("registry (file)", &REGISTRY),
    ("online_store", &ONLINE_STORE),
    ("offline_store", &OFFLINE_STORE),
    ("offline_store (duckdb)", &DUCKDB),
    ("materialization", &MATERIALIZATION),
    ("feast_rs", &FEAST_RS),
    ("projects", &PROJECT),
    ("entities", &ENTITY),
    ("data_sources (FileSource)", &FILE_SOURCE),
    ("data_sources (KinesisSource)", &KINESIS_SOURCE),
    ("x-kinesis", &KINESIS_OPTIONS),
    ("record_format, message_format", &RECORD_FORMAT),
    ("record_format (ProtoFormat)", &PROTO_FORMAT),
    ("data_sources (KafkaSource)", &KAFKA_SOURCE),
    ("data_sources (PushSource)", &PUSH_SOURCE),
    ("data_sources (RequestSource)", &REQUEST_SOURCE),
    ("file_format", &FILE_FORMAT),
    ("connection_ref", &CONNECTION_REF),
    ("feature_views", &FEATURE_VIEW),
    ("batch_feature_views", &BATCH_FEATURE_VIEW),
    ("stream_feature_views", &STREAM_FEATURE_VIEW),
    ("schema", &FIELD),
    ("feature_transformation", &TRANSFORMATION),
    ("aggregations", &AGGREGATION),
    ("on_demand_feature_views", &ON_DEMAND_FEATURE_VIEW),
    ("feature_services", &FEATURE_SERVICE),
    ("features (projection)", &PROJECTION),
    ("logging_config", &LOGGING_CONFIG),
    ("destination", &LOGGING_DESTINATION),
];

impl fmt::Display for Shape {
    /// In words, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Scalar => f.write_str("text or number"),
            Self::Flag => f.write_str("true or false"),
            Self::Whole(least) => write!(f, "whole number from {least}"),
            Self::Number => f.write_str("number"),
            Self::Duration => f.write_str("duration"),
            Self::Instant => f.write_str("time"),
            Self::OneOf(values) => {
                f.write_str(&values.iter().filter(|v| !v.is_empty()).copied().collect::<Vec<_>>().join(", "))
            }
            Self::Dtype => f.write_str("type"),
            Self::Texts => f.write_str("mapping of texts"),
            Self::JsonSchema => f.write_str("text or JSON Schema"),
            Self::Any => f.write_str("anything"),
            Self::ShortField => f.write_str("name: type"),
            Self::Source => f.write_str("data source"),
            Self::Store(_) => f.write_str("mapping"),
            Self::Object(object) => write!(f, "mapping ({})", object.name),
            Self::List(item) => write!(f, "list of: {item}"),
            Self::Either(shapes) => {
                let said: Vec<String> = shapes.iter().map(Self::to_string).collect();
                f.write_str(&said.join(" or "))
            }
        }
    }
}

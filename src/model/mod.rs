//! The nouns of a feature store, as Feast names them. No input or output happens here.

mod data_source;
mod definitions;
mod entity;
mod feature_view;
mod field;
mod kinesis;
mod schema_json;
mod secret;
mod service;
mod settings;
mod stream;
mod time;
mod transformation;
mod value_type;

pub use data_source::{DataSource, FileFormat, FileSource, KafkaSource, KinesisSource, RecordFormat, SourceKind};
pub use definitions::{Definitions, ObjectId, ObjectKind, Origin, Project};
pub use entity::{DUMMY_ENTITY, DUMMY_JOIN_KEY, DUMMY_VALUE, Entity};
pub use feature_view::{FeatureView, OnDemandFeatureView, OnDemandSource, ViewKind, ViewState};
pub use field::Field;
pub use kinesis::{KinesisOptions, LateRecords, OnGap, StartPosition};
pub use schema_json::{RecordColumn, RecordType, SchemaJsonError, parse_schema_json};
pub use secret::{MASK, Secrets, is_secret, without_passwords};
pub use service::{FeatureService, LoggingConfig, Projection};
pub use settings::{FeastRsSettings, JournalMode, OnlineStoreSettings, RegistrySettings, Settings, SqliteOnlineStore};
pub use stream::{PositionKey, RecordPosition, SequenceNumber, ShardPosition, ShardProgress, StreamId};
pub use time::{Interval, Span, Timestamp};
pub use transformation::{Aggregation, Transformation};
pub use value_type::{DataType, UnknownType, ValueType};

/// Labels of an object, sorted by name.
pub type Tags = std::collections::BTreeMap<String, String>;

/// The prefix of the tags in which feast-rs keeps what Feast has no field for.
pub const TAG_PREFIX: &str = "feast-rs:";

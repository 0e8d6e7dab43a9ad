//! Feature views of every kind.

use std::collections::BTreeMap;

use super::{Aggregation, DataSource, Field, Interval, Projection, Span, Tags, Timestamp, Transformation};

/// The Python class of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ViewKind {
    /// `feast.FeatureView`
    FeatureView,
    /// `feast.BatchFeatureView`
    BatchFeatureView,
    /// `feast.StreamFeatureView`
    StreamFeatureView,
}

/// `feast.FeatureView`, `BatchFeatureView` or `StreamFeatureView`, as it was meant: how it is stored is the registry's
/// business.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureView {
    /// Python class
    pub kind: ViewKind,
    /// unique among all views of the project, regardless of case
    pub name: String,
    /// entity names in declared order; empty for a view without entities
    pub entities: Vec<String>,
    /// the join keys with their types, one an entity and in the same order; [`super::DUMMY_JOIN_KEY`] without entities
    pub entity_columns: Vec<Field>,
    /// the features, in declared order, without the join keys; only a stream feature view over push or Kafka has its join
    /// keys among them, as in Feast, whose online rows hold them too
    pub features: Vec<Field>,
    /// how long a value may be served; `None` and zero: for ever
    pub ttl: Option<Span>,
    /// served from the online store
    pub online: bool,
    /// logged to the offline store
    pub offline: bool,
    /// history
    pub batch_source: Option<DataSource>,
    /// live rows
    pub stream_source: Option<DataSource>,
    /// where the transformed rows are logged
    pub sink_source: Option<DataSource>,
    /// names of the views that this one is derived from
    pub source_views: Vec<String>,
    /// execution mode, as written (`sql`, `python`, `spark`, ...)
    pub mode: Option<String>,
    /// what is computed
    pub transformation: Option<Transformation>,
    /// windows: registered only
    pub aggregations: Vec<Aggregation>,
    /// event time of the transformed rows (stream feature views)
    pub timestamp_field: String,
    /// registered only
    pub enable_tiling: bool,
    /// registered only
    pub tiling_hop_size: Option<Span>,
    /// registered only
    pub enable_validation: bool,
    /// version pin, `latest`
    pub version: String,
    /// may be served
    pub enabled: bool,
    /// free text
    pub description: String,
    /// labels (those that begin with `feast-rs:` are made from the fields above, not kept here)
    pub tags: Tags,
    /// who answers for it
    pub owner: String,
    /// organisational unit
    pub org: String,
    /// earlier name, whose stored values are kept
    pub renamed_from: Option<String>,
}

impl FeatureView {
    /// The join keys, in the order of the entities.
    pub fn join_keys(&self) -> impl Iterator<Item = &str> {
        self.entity_columns.iter().map(|column| column.name.as_str())
    }

    /// Whether its rows come from a Kinesis stream.
    #[must_use]
    pub fn is_kinesis(&self) -> bool {
        self.stream_source.as_ref().is_some_and(|s| matches!(s.kind, super::SourceKind::Kinesis(_)))
    }

    /// The column of the event time in the files of `sink`, the view's log.
    #[must_use]
    pub fn logged_event<'a>(&'a self, sink: &'a DataSource) -> &'a str {
        if sink.timestamp_field.is_empty() { &self.timestamp_field } else { &sink.timestamp_field }
    }

    /// The name that a user gave as `source`.
    #[must_use]
    pub fn source_name(&self) -> Option<&str> {
        self.stream_source.as_ref().or(self.batch_source.as_ref()).map(|source| source.name.as_str())
    }
}

/// What the registry knows of a view beyond its definition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewState {
    /// when it was first applied
    pub created: Option<Timestamp>,
    /// when it was last changed
    pub last_updated: Option<Timestamp>,
    /// materialized intervals, in the order recorded
    pub intervals: Vec<Interval>,
    /// number in `feast.core.FeatureViewState`
    pub state: i32,
    /// version of the schema
    pub current_version_number: i32,
}

/// `feast.OnDemandFeatureView`
#[derive(Clone, Debug, PartialEq)]
pub struct OnDemandFeatureView {
    /// unique among all views of the project, regardless of case
    pub name: String,
    /// inputs by name
    pub sources: BTreeMap<String, OnDemandSource>,
    /// computed features, in declared order
    pub features: Vec<Field>,
    /// entity names; empty: none declared
    pub entities: Vec<String>,
    /// the join keys with their types
    pub entity_columns: Vec<Field>,
    /// execution mode, as written
    pub mode: Option<String>,
    /// what is computed; `None` where only Python can run it
    pub transformation: Option<Transformation>,
    /// registered only
    pub write_to_online_store: bool,
    /// registered only
    pub singleton: bool,
    /// registered only
    pub track_metrics: bool,
    /// registered only
    pub aggregations: Vec<Aggregation>,
    /// version pin, `latest`
    pub version: String,
    /// may be served
    pub enabled: bool,
    /// free text
    pub description: String,
    /// labels
    pub tags: Tags,
    /// who answers for it
    pub owner: String,
    /// organisational unit
    pub org: String,
}

/// An input of an on-demand feature view.
#[derive(Clone, Debug, PartialEq)]
pub enum OnDemandSource {
    /// features of a view
    View(Box<Projection>),
    /// values that come with the request
    Request(Box<DataSource>),
}

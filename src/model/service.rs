//! Feature services: named sets of features.

use std::collections::BTreeMap;

use super::{DataSource, Field, Tags};

/// `feast.FeatureService`
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureService {
    /// unique in the project
    pub name: String,
    /// which features, in declared order
    pub features: Vec<Projection>,
    /// where served features are logged (registered only)
    pub logging_config: Option<LoggingConfig>,
    /// registered only
    pub precompute_online: bool,
    /// free text
    pub description: String,
    /// labels
    pub tags: Tags,
    /// who answers for it
    pub owner: String,
}

/// `feast.FeatureViewProjection`: some features of a view, perhaps under other names.
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// the view
    pub view: String,
    /// which of its features, in declared order
    pub features: Vec<Field>,
    /// the name that full feature names begin with; empty: the view's own
    pub name_alias: String,
    /// join key of the view -> name in the request
    pub join_key_map: BTreeMap<String, String>,
    /// `v3` as 3
    pub version_tag: Option<i32>,
    /// `featureView`, `streamFeatureView` or `onDemandFeatureView`
    pub view_type: String,
    /// the view's batch source, which Feast keeps a copy of here
    pub batch_source: Option<DataSource>,
    /// the view's stream source, likewise
    pub stream_source: Option<DataSource>,
}

impl Projection {
    /// The name that full feature names begin with.
    #[must_use]
    pub fn name_to_use(&self) -> &str {
        if self.name_alias.is_empty() { &self.view } else { &self.name_alias }
    }
}

/// `feast.feature_logging.LoggingConfig` to files: registered only.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggingConfig {
    /// share of the requests, 0 to 1
    pub sample_rate: f32,
    /// directory
    pub path: String,
    /// endpoint of an object store
    pub s3_endpoint_override: String,
    /// columns that partition it
    pub partition_by: Vec<String>,
}

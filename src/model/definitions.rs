//! Everything that one repo defines.

use std::collections::BTreeMap;
use std::fmt;

use super::{DataSource, Entity, FeatureService, FeatureView, OnDemandFeatureView, Tags};

/// `feast.Project`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Project {
    /// as in `feature_store.yaml`
    pub name: String,
    /// free text
    pub description: String,
    /// labels
    pub tags: Tags,
    /// who answers for it
    pub owner: String,
}

/// All objects of a project: what a repo means, or what a registry holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definitions {
    /// the project itself
    pub project: Project,
    /// without the dummy entity
    pub entities: Vec<Entity>,
    /// every source that has a name, batch sources of streams included
    pub data_sources: Vec<DataSource>,
    /// feature views, batch feature views and stream feature views
    pub feature_views: Vec<FeatureView>,
    /// on-demand feature views
    pub on_demand_feature_views: Vec<OnDemandFeatureView>,
    /// feature services
    pub feature_services: Vec<FeatureService>,
    /// where each object was written
    pub origins: BTreeMap<ObjectId, Origin>,
}

impl Definitions {
    /// The view of that name, in the case it was written.
    #[must_use]
    pub fn feature_view(&self, name: &str) -> Option<&FeatureView> {
        self.feature_views.iter().find(|view| view.name == name)
    }

    /// The entity of that name.
    #[must_use]
    pub fn entity(&self, name: &str) -> Option<&Entity> {
        self.entities.iter().find(|entity| entity.name == name)
    }
}

/// The kinds of registered objects, in the order in which they are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// `project`
    Project,
    /// `entity`
    Entity,
    /// `data_source`
    DataSource,
    /// `feature_view`: feature views and batch feature views
    FeatureView,
    /// `stream_feature_view`
    StreamFeatureView,
    /// `on_demand_feature_view`
    OnDemandFeatureView,
    /// `feature_service`
    FeatureService,
}

impl ObjectKind {
    /// All of them, in the order in which they are applied.
    pub const ALL: [Self; 7] = [
        Self::Project,
        Self::Entity,
        Self::DataSource,
        Self::FeatureView,
        Self::StreamFeatureView,
        Self::OnDemandFeatureView,
        Self::FeatureService,
    ];

    /// The name in JSON: `feature_view`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Entity => "entity",
            Self::DataSource => "data_source",
            Self::FeatureView => "feature_view",
            Self::StreamFeatureView => "stream_feature_view",
            Self::OnDemandFeatureView => "on_demand_feature_view",
            Self::FeatureService => "feature_service",
        }
    }

    /// The kind whose name in JSON is `id`.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.id() == id)
    }
}

impl fmt::Display for ObjectKind {
    /// The name in sentences: `feature view`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.id().replace('_', " "))
    }
}

/// One object of a project.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// what it is
    pub kind: ObjectKind,
    /// its name
    pub name: String,
}

impl ObjectId {
    /// `name`, a `kind`.
    pub fn new(kind: ObjectKind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

/// A place in a definition file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// path relative to the repo
    pub file: String,
    /// from 1
    pub line: usize,
    /// from 1, in characters
    pub column: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

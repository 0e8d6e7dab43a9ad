//! The tables of a registry that hold one message a row.

use crate::proto::descriptor::{self, Message};

/// A table whose rows are a name and a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are Feast's own")]
pub enum Table {
    Projects,
    Entities,
    DataSources,
    FeatureViews,
    StreamFeatureViews,
    OnDemandFeatureViews,
    LabelViews,
    FeatureServices,
    SavedDatasets,
    ValidationReferences,
    ManagedInfra,
    Permissions,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Projects,
        Self::Entities,
        Self::DataSources,
        Self::FeatureViews,
        Self::StreamFeatureViews,
        Self::OnDemandFeatureViews,
        Self::LabelViews,
        Self::FeatureServices,
        Self::SavedDatasets,
        Self::ValidationReferences,
        Self::ManagedInfra,
        Self::Permissions,
    ];

    /// The table's name in SQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Projects => "projects",
            Self::Entities => "entities",
            Self::DataSources => "data_sources",
            Self::FeatureViews => "feature_views",
            Self::StreamFeatureViews => "stream_feature_views",
            Self::OnDemandFeatureViews => "on_demand_feature_views",
            Self::LabelViews => "label_views",
            Self::FeatureServices => "feature_services",
            Self::SavedDatasets => "saved_datasets",
            Self::ValidationReferences => "validation_references",
            Self::ManagedInfra => "managed_infra",
            Self::Permissions => "permissions",
        }
    }

    /// The column of an object's name.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Projects => "project_id",
            Self::Entities => "entity_name",
            Self::DataSources => "data_source_name",
            Self::FeatureViews | Self::StreamFeatureViews | Self::OnDemandFeatureViews | Self::LabelViews => {
                "feature_view_name"
            }
            Self::FeatureServices => "feature_service_name",
            Self::SavedDatasets => "saved_dataset_name",
            Self::ValidationReferences => "validation_reference_name",
            Self::ManagedInfra => "infra_name",
            Self::Permissions => "permission_name",
        }
    }

    /// The column of an object's message.
    pub(super) fn proto(self) -> &'static str {
        match self {
            Self::Projects => "project_proto",
            Self::Entities => "entity_proto",
            Self::DataSources => "data_source_proto",
            Self::FeatureViews | Self::StreamFeatureViews | Self::OnDemandFeatureViews | Self::LabelViews => {
                "feature_view_proto"
            }
            Self::FeatureServices => "feature_service_proto",
            Self::SavedDatasets => "saved_dataset_proto",
            Self::ValidationReferences => "validation_reference_proto",
            Self::ManagedInfra => "infra_proto",
            Self::Permissions => "permission_proto",
        }
    }

    /// What its messages hold.
    #[must_use]
    pub fn message(self) -> &'static Message {
        match self {
            Self::Projects => &descriptor::PROJECT,
            Self::Entities => &descriptor::ENTITY,
            Self::DataSources => &descriptor::DATA_SOURCE,
            Self::FeatureViews => &descriptor::FEATURE_VIEW,
            Self::StreamFeatureViews => &descriptor::STREAM_FEATURE_VIEW,
            Self::OnDemandFeatureViews => &descriptor::ON_DEMAND_FEATURE_VIEW,
            Self::LabelViews => &descriptor::LABEL_VIEW,
            Self::FeatureServices => &descriptor::FEATURE_SERVICE,
            Self::SavedDatasets => &descriptor::SAVED_DATASET,
            Self::ValidationReferences => &descriptor::VALIDATION_REFERENCE,
            Self::ManagedInfra => &descriptor::INFRA,
            Self::Permissions => &descriptor::PERMISSION,
        }
    }

    /// `feature_view_type` of a view's version history; `None` for what has no versions.
    pub(super) fn version_type(self) -> Option<&'static str> {
        match self {
            Self::FeatureViews => Some("feature_view"),
            Self::StreamFeatureViews => Some("stream_feature_view"),
            Self::OnDemandFeatureViews => Some("on_demand_feature_view"),
            _ => None,
        }
    }
}

/// The one name in `managed_infra`.
pub(super) const INFRA_NAME: &str = "infra_obj";

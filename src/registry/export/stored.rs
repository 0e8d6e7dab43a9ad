//! The tags under which a registry keeps what Feast has no field for.

use crate::model::{DataSource, FeatureView, OnDemandFeatureView, Tags};

/// All tags of a registered source.
pub fn source_tags(source: &DataSource) -> Tags {
    source.tags.clone()
}

/// All tags of a registered view.
pub fn view_tags(view: &FeatureView) -> Tags {
    view.tags.clone()
}

/// All tags of a registered on-demand view.
pub fn on_demand_tags(view: &OnDemandFeatureView) -> Tags {
    view.tags.clone()
}

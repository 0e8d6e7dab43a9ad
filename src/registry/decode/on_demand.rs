//! On-demand feature views from their rows.

use super::view::{aggregation, entities, text, transformation, version};
use super::{field, projection, source};
use crate::model::{DUMMY_JOIN_KEY, OnDemandFeatureView, OnDemandSource, Projection};
use crate::proto::core;
use crate::registry::encode::TRACK_METRICS_TAG;
use crate::registry::error::RowDamage;
use crate::registry::tags::Reader;

/// An on-demand view.
pub(super) fn decode(spec: Option<&core::OnDemandFeatureViewSpec>) -> Result<OnDemandFeatureView, RowDamage> {
    let empty = core::OnDemandFeatureViewSpec::default();
    let spec = spec.unwrap_or(&empty);
    let tags = Reader::new(&spec.tags);
    let mut users = tags.users();
    let track_metrics = users.remove(TRACK_METRICS_TAG).is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let transformation =
        transformation(&tags, spec.feature_transformation.as_ref(), spec.user_defined_function.as_ref())?;
    // the mode of a row with a function of ours is what Python runs it as
    let ours = tags.get("transformation").is_some();
    let mode = if ours { tags.text("mode") } else { text(&spec.mode) };
    let mut sources = std::collections::BTreeMap::new();
    for (name, source) in &spec.sources {
        if let Some(source) = on_demand_source(source)? {
            sources.insert(name.clone(), source);
        }
    }
    Ok(OnDemandFeatureView {
        name: spec.name.clone(),
        sources,
        features: spec.features.iter().map(field).collect(),
        entities: entities(&spec.entities),
        // the column of the entity that Feast adds goes with it
        entity_columns: spec.entity_columns.iter().filter(|c| c.name != DUMMY_JOIN_KEY).map(field).collect(),
        mode,
        transformation,
        write_to_online_store: spec.write_to_online_store,
        singleton: spec.singleton,
        track_metrics,
        aggregations: spec.aggregations.iter().map(aggregation).collect(),
        version: version(&spec.version),
        enabled: !spec.disabled,
        description: spec.description.clone(),
        tags: users,
        owner: spec.owner.clone(),
        org: spec.org.clone(),
    })
}

fn on_demand_source(source: &core::OnDemandSource) -> Result<Option<OnDemandSource>, RowDamage> {
    use core::OnDemandSourceSource as Source;
    Ok(match &source.source {
        Some(Source::RequestDataSource(request)) => Some(OnDemandSource::Request(Box::new(source::decode(request)?))),
        Some(Source::FeatureViewProjection(view)) => Some(OnDemandSource::View(Box::new(projection(view)?))),
        // the form of old versions of Feast
        Some(Source::FeatureView(view)) => Some(OnDemandSource::View(Box::new(whole_view(view)?))),
        None => None,
    })
}

fn whole_view(view: &core::FeatureView) -> Result<Projection, RowDamage> {
    let view = super::view::decode(view.spec.as_ref())?;
    Ok(Projection {
        view: view.name,
        features: view.features,
        name_alias: String::new(),
        join_key_map: std::collections::BTreeMap::new(),
        version_tag: None,
        view_type: "featureView".to_owned(),
        batch_source: view.batch_source,
        stream_source: None,
    })
}

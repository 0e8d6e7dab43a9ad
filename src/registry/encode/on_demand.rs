//! On-demand feature views: Feast's own row, whose function is Python text that computes the same where it can.

use super::view::{aggregation, entities, entity_columns, is_text};
use super::{field, projection, source};
use crate::model::{Definitions, OnDemandFeatureView, OnDemandSource, Transformation};
use crate::proto::core;
use crate::registry::message::Message;
use crate::registry::native::NativeFunction;
use crate::registry::on_demand::{function_name, function_of};
use crate::registry::tags::Writer;

/// The tag in which Feast keeps `track_metrics`.
pub(in crate::registry) const TRACK_METRICS_TAG: &str = "feast:track_metrics";

/// The row of an on-demand view.
pub(super) fn encode(
    view: &OnDemandFeatureView,
    definitions: &Definitions,
    native: Option<&NativeFunction>,
) -> Message {
    let native = native.filter(|function| is_text(view.transformation.as_ref(), &function.text));
    let mut tags = Writer::new(&view.tags);
    let ours = native.is_none() && view.transformation.is_some();
    if ours {
        tags.transformation(view.transformation.as_ref());
        tags.put_some("mode", view.mode.as_deref());
    }
    let mut tags = tags.finish();
    if view.track_metrics {
        tags.insert(TRACK_METRICS_TAG.to_owned(), "true".to_owned());
    }
    let transformation = match (native, &view.transformation) {
        (Some(function), _) => function.transformation.clone(),
        (None, Some(transformation)) => Some(function(view, transformation)),
        (None, None) => None,
    };
    let mode = if ours { "python".to_owned() } else { view.mode.clone().unwrap_or_else(|| "pandas".to_owned()) };
    let spec = core::OnDemandFeatureViewSpec {
        name: view.name.clone(),
        project: String::new(),
        features: view.features.iter().map(field).collect(),
        sources: view.sources.iter().map(|(name, s)| (name.clone(), on_demand_source(s, definitions))).collect(),
        user_defined_function: native.and_then(|function| function.old_form.clone()),
        description: view.description.clone(),
        tags,
        owner: view.owner.clone(),
        feature_transformation: transformation,
        mode,
        write_to_online_store: view.write_to_online_store,
        entities: entities(&view.entities),
        entity_columns: entity_columns(&view.entities, &view.entity_columns),
        singleton: view.singleton,
        aggregations: view.aggregations.iter().map(aggregation).collect(),
        version: view.version.clone(),
        org: view.org.clone(),
        disabled: !view.enabled,
    };
    Message::OnDemandFeatureView(core::OnDemandFeatureView { spec: Some(spec), meta: None })
}

fn on_demand_source(source: &OnDemandSource, definitions: &Definitions) -> core::OnDemandSource {
    let source = match source {
        OnDemandSource::View(view) => core::OnDemandSourceSource::FeatureViewProjection(projection(view, definitions)),
        OnDemandSource::Request(source) => core::OnDemandSourceSource::RequestDataSource(source::source(source)),
    };
    core::OnDemandSource { source: Some(source) }
}

/// Feast runs the text and needs no pickled body.
fn function(view: &OnDemandFeatureView, transformation: &Transformation) -> core::FeatureTransformationV2 {
    let (name, body_text) = match (function_of(view), transformation) {
        (Some(function), _) => (function.name, function.text),
        (None, Transformation::UdfString(text)) => (function_name(&view.name), text.clone()),
        (None, _) => (function_name(&view.name), String::new()),
    };
    let udf = core::UserDefinedFunctionV2 { name, body: Vec::new(), body_text, mode: "python".to_owned() };
    let udf = core::FeatureTransformationV2Transformation::UserDefinedFunction(udf);
    core::FeatureTransformationV2 { transformation: Some(udf) }
}

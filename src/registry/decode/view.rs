//! Feature views of every kind from their rows.

use super::{field, source, span};
use crate::model::{Aggregation, DUMMY_ENTITY, DataSource, FeatureView, Transformation, ViewKind};
use crate::proto::core;
use crate::registry::error::RowDamage;
use crate::registry::tags::{Reader, wrong};

/// A view from `feature_views`: what our tags say comes before what the row shows to Python.
pub(super) fn decode(spec: Option<&core::FeatureViewSpec>) -> Result<FeatureView, RowDamage> {
    let empty = core::FeatureViewSpec::default();
    let spec = spec.unwrap_or(&empty);
    let tags = Reader::new(&spec.tags);
    let kind = match tags.get("kind") {
        Some("BatchFeatureView") => ViewKind::BatchFeatureView,
        Some("StreamFeatureView") => ViewKind::StreamFeatureView,
        Some(other) => return Err(wrong("kind", other)),
        None if spec.feature_transformation.is_some() => ViewKind::BatchFeatureView,
        None => ViewKind::FeatureView,
    };
    let stream_source = spec.stream_source.as_ref().map(source::decode).transpose()?;
    let stored = spec.batch_source.as_ref().map(source::decode).transpose()?;
    let derived = !spec.source_views.is_empty();
    let (batch_source, sink_source) = split_sink(stored, stream_source.as_ref(), &tags, derived);
    Ok(FeatureView {
        kind,
        name: spec.name.clone(),
        entities: entities(&spec.entities),
        entity_columns: spec.entity_columns.iter().map(field).collect(),
        features: spec.features.iter().map(field).collect(),
        ttl: spec.ttl.map(span),
        online: tags.parse("online")?.unwrap_or(spec.online),
        offline: tags.parse("offline")?.unwrap_or(spec.offline),
        batch_source,
        stream_source,
        sink_source,
        source_views: spec.source_views.iter().map(|view| view.name.clone()).collect(),
        mode: tags.text("mode").or_else(|| text(&spec.mode)),
        transformation: transformation(&tags, spec.feature_transformation.as_ref(), None)?,
        aggregations: tags.aggregations()?,
        timestamp_field: tags.text("timestamp_field").unwrap_or_default(),
        enable_tiling: tags.parse("enable_tiling")?.unwrap_or(false),
        tiling_hop_size: tags.span("tiling_hop_size")?,
        enable_validation: spec.enable_validation,
        version: version(&spec.version),
        enabled: !spec.disabled,
        description: spec.description.clone(),
        tags: tags.users(),
        owner: spec.owner.clone(),
        org: spec.org.clone(),
        renamed_from: None,
    })
}

/// A view from `stream_feature_views`.
pub(super) fn decode_stream(spec: Option<&core::StreamFeatureViewSpec>) -> Result<FeatureView, RowDamage> {
    let empty = core::StreamFeatureViewSpec::default();
    let spec = spec.unwrap_or(&empty);
    let tags = Reader::new(&spec.tags);
    let stream_source = spec.stream_source.as_ref().map(source::decode).transpose()?;
    let stored = spec.batch_source.as_ref().map(source::decode).transpose()?;
    let (batch_source, sink_source) = split_sink(stored, stream_source.as_ref(), &tags, false);
    let function = spec.user_defined_function.as_ref();
    Ok(FeatureView {
        kind: ViewKind::StreamFeatureView,
        name: spec.name.clone(),
        entities: entities(&spec.entities),
        entity_columns: spec.entity_columns.iter().map(field).collect(),
        // Feast's features of such a view include its join keys, and so do its online rows
        features: spec.features.iter().map(field).collect(),
        ttl: spec.ttl.map(span),
        online: tags.parse("online")?.unwrap_or(spec.online),
        offline: tags.parse("offline")?.unwrap_or(false),
        batch_source,
        stream_source,
        sink_source,
        source_views: Vec::new(),
        mode: text(&spec.mode),
        transformation: transformation(&tags, spec.feature_transformation.as_ref(), function)?,
        aggregations: spec.aggregations.iter().map(aggregation).collect(),
        timestamp_field: spec.timestamp_field.clone(),
        enable_tiling: spec.enable_tiling,
        tiling_hop_size: spec.tiling_hop_size.map(span),
        enable_validation: spec.enable_validation,
        version: version(&spec.version),
        enabled: !spec.disabled,
        description: spec.description.clone(),
        tags: tags.users(),
        owner: spec.owner.clone(),
        org: spec.org.clone(),
        renamed_from: None,
    })
}

/// The batch source of a row, as history and sink: a stream view's sink takes the place of its history there, which
/// then stands in the stream source; what a derived view has is its sink.
fn split_sink(
    stored: Option<DataSource>,
    stream: Option<&DataSource>,
    tags: &Reader,
    derived: bool,
) -> (Option<DataSource>, Option<DataSource>) {
    if derived {
        return (None, stored);
    }
    if tags.get("sink_source").is_none() {
        return (stored, None);
    }
    (stream.and_then(|stream| stream.batch_source.as_deref().cloned()), stored)
}

/// What is computed: ours from the tags, or the text of Python's own function.
pub(super) fn transformation(
    tags: &Reader,
    stored: Option<&core::FeatureTransformationV2>,
    old_form: Option<&core::UserDefinedFunction>,
) -> Result<Option<Transformation>, RowDamage> {
    if let Some(ours) = tags.transformation()? {
        return Ok(Some(ours));
    }
    let text = match stored.and_then(|stored| stored.transformation.as_ref()) {
        Some(core::FeatureTransformationV2Transformation::UserDefinedFunction(udf)) => Some(&udf.body_text),
        _ => old_form.map(|udf| &udf.body_text),
    };
    Ok(text.filter(|text| !text.is_empty()).map(|text| Transformation::UdfString(text.clone())))
}

/// The entities without the one that Feast adds to a view that has none.
pub(super) fn entities(names: &[String]) -> Vec<String> {
    names.iter().filter(|name| *name != DUMMY_ENTITY).cloned().collect()
}

/// A window.
pub(super) fn aggregation(aggregation: &core::Aggregation) -> Aggregation {
    Aggregation {
        column: aggregation.column.clone(),
        function: aggregation.function.clone(),
        time_window: aggregation.time_window.map(span),
        slide_interval: aggregation.slide_interval.map(span),
        name: aggregation.name.clone(),
    }
}

/// `None` where nothing stands.
pub(super) fn text(value: &str) -> Option<String> {
    Some(value.to_owned()).filter(|value| !value.is_empty())
}

/// Rows of old versions say nothing.
pub(super) fn version(value: &str) -> String {
    text(value).unwrap_or_else(|| "latest".to_owned())
}

//! Feature views of every kind as Feast writes them, and those that Feast has no place for in a form that Python can
//! live with.
//!
//! | view | row | differs from Feast's own |
//! |---|---|---|
//! | `FeatureView` | `feature_views` | no |
//! | `StreamFeatureView` over Kafka or push | `stream_feature_views` | only with a transformation of ours, as the next |
//! | `StreamFeatureView` over Kinesis | `feature_views`, since Python refuses the native form | not `online` for Python: its materialize would look for the features in the raw batch source |
//! | the same with a sink | `feature_views`, whose batch source is the sink | `online` |
//! | `BatchFeatureView` with a transformation of ours | `feature_views` | not `online` for Python, for the same reason |

use super::{field, source};
use crate::model::{
    Aggregation, DUMMY_ENTITY, DUMMY_JOIN_KEY, DataSource, DataType, Definitions, FeatureView, Field, Span, Tags,
    Transformation, ViewKind,
};
use crate::proto::core;
use crate::proto::well_known::Duration;
use crate::registry::message::Message;
use crate::registry::native::NativeFunction;
use crate::registry::tags::Writer;

/// How deep views may be derived from views.
const MAX_DERIVATION: usize = 32;

/// The row of a view.
pub(super) fn encode(view: &FeatureView, definitions: &Definitions, native: Option<&NativeFunction>) -> Message {
    let native = native.filter(|function| is_text(view.transformation.as_ref(), &function.text));
    if view.kind == ViewKind::StreamFeatureView && !view.is_kinesis() {
        return Message::StreamFeatureView(core::StreamFeatureView {
            spec: Some(stream_spec(view, native)),
            meta: None,
        });
    }
    let spec = spec(view, definitions, native, MAX_DERIVATION);
    Message::FeatureView(core::FeatureView { spec: Some(spec), meta: None })
}

/// Whether a transformation is the Python text `text`.
pub(super) fn is_text(transformation: Option<&Transformation>, text: &str) -> bool {
    matches!(transformation, Some(Transformation::UdfString(own)) if own == text)
}

/// The batch source in the row of a view: the sink where there is one.
pub(super) fn stored_batch_source(view: &FeatureView) -> Option<&DataSource> {
    let sink = view.sink_source.as_ref().filter(|_| view.stream_source.is_some() || !view.source_views.is_empty());
    sink.or(view.batch_source.as_ref())
}

fn spec(
    view: &FeatureView,
    definitions: &Definitions,
    native: Option<&NativeFunction>,
    depth: usize,
) -> core::FeatureViewSpec {
    let place = Place::of(view, native);
    core::FeatureViewSpec {
        name: view.name.clone(),
        project: String::new(),
        entities: entities(&view.entities),
        features: view.features.iter().map(field).collect(),
        tags: tags(view, place),
        ttl: view.ttl.map(source::duration),
        batch_source: stored_batch_source(view).map(source::source_in_view),
        online: view.online && !matches!(place, Place::Hidden),
        stream_source: view.stream_source.as_ref().map(source::source_in_view),
        description: view.description.clone(),
        owner: view.owner.clone(),
        entity_columns: entity_columns(&view.entities, &view.entity_columns),
        // Python's materialize fails on a view that is `offline`
        offline: view.offline && matches!(place, Place::Native),
        source_views: source_views(view, definitions, depth),
        feature_transformation: native.and_then(|function| function.transformation.clone()),
        mode: view.mode.clone().filter(|_| matches!(place, Place::Native)).unwrap_or_default(),
        enable_validation: view.enable_validation,
        version: view.version.clone(),
        org: view.org.clone(),
        disabled: !view.enabled,
    }
}

/// How a row of `feature_views` relates to what was meant.
#[derive(Clone, Copy)]
enum Place {
    /// as Feast writes it
    Native,
    /// over a sink: Python may materialize it
    Logged,
    /// Python must not materialize it
    Hidden,
}

impl Place {
    fn of(view: &FeatureView, native: Option<&NativeFunction>) -> Self {
        let ours = view.transformation.is_some() && native.is_none();
        match (view.kind, view.sink_source.is_some()) {
            (ViewKind::StreamFeatureView, true) => Self::Logged,
            (ViewKind::StreamFeatureView, false) => Self::Hidden,
            _ if ours => Self::Hidden,
            _ => Self::Native,
        }
    }
}

fn tags(view: &FeatureView, place: Place) -> Tags {
    let mut tags = Writer::new(&view.tags);
    match view.kind {
        ViewKind::FeatureView => {}
        // a function of Python's own says it
        ViewKind::BatchFeatureView if matches!(place, Place::Native) && view.transformation.is_some() => {}
        ViewKind::BatchFeatureView => tags.put("kind", "BatchFeatureView"),
        ViewKind::StreamFeatureView => tags.put("kind", "StreamFeatureView"),
    }
    if !matches!(place, Place::Native) {
        tags.put("online", view.online);
        tags.put("offline", view.offline);
        tags.put_some("mode", view.mode.as_deref());
        tags.transformation(view.transformation.as_ref());
    }
    tags.put_if(!view.timestamp_field.is_empty(), "timestamp_field", &view.timestamp_field);
    tags.aggregations(&view.aggregations);
    tags.put_if(view.enable_tiling, "enable_tiling", true);
    tags.put_some("tiling_hop_size", view.tiling_hop_size);
    put_sink(&mut tags, view);
    tags.finish()
}

/// Says that the batch source of the row is the sink; that of a derived view always is.
fn put_sink(tags: &mut Writer, view: &FeatureView) {
    if view.stream_source.is_some() && view.source_views.is_empty() {
        tags.put_some("sink_source", view.sink_source.as_ref().map(|sink| &sink.name));
    }
}

fn stream_spec(view: &FeatureView, native: Option<&NativeFunction>) -> core::StreamFeatureViewSpec {
    let mut tags = Writer::new(&view.tags);
    tags.put_if(view.offline, "offline", true);
    put_sink(&mut tags, view);
    let ours = native.is_none() && view.transformation.is_some();
    // Python's materialize would look for the features in the raw batch source
    let hidden = ours && view.sink_source.is_none();
    tags.put_if(hidden, "online", view.online);
    if ours {
        tags.transformation(view.transformation.as_ref());
    }
    // Feast's features of such a view include its join keys
    let columns = entity_columns(&view.entities, &view.entity_columns);
    let is_feature = |column: &core::FeatureSpecV2| view.features.iter().any(|feature| feature.name == column.name);
    let keys = columns.iter().filter(|column| !is_feature(column)).cloned();
    let features = keys.chain(view.features.iter().map(field));
    core::StreamFeatureViewSpec {
        name: view.name.clone(),
        project: String::new(),
        entities: entities(&view.entities),
        features: features.collect(),
        entity_columns: columns.clone(),
        description: view.description.clone(),
        tags: tags.finish(),
        owner: view.owner.clone(),
        ttl: view.ttl.map(source::duration),
        batch_source: stored_batch_source(view).map(source::source_in_view),
        stream_source: view.stream_source.as_ref().map(source::source_in_view),
        online: view.online && !hidden,
        user_defined_function: native.and_then(|function| function.old_form.clone()),
        // Feast's default
        mode: view.mode.clone().unwrap_or_else(|| "python".to_owned()),
        aggregations: view.aggregations.iter().map(aggregation).collect(),
        timestamp_field: view.timestamp_field.clone(),
        feature_transformation: native.and_then(|function| function.transformation.clone()),
        enable_tiling: view.enable_tiling,
        tiling_hop_size: view.tiling_hop_size.map(source::duration),
        enable_validation: view.enable_validation,
        version: view.version.clone(),
        org: view.org.clone(),
        disabled: !view.enabled,
    }
}

/// The entities of a view: Feast's own where it has none.
pub(super) fn entities(names: &[String]) -> Vec<String> {
    if names.is_empty() { vec![DUMMY_ENTITY.to_owned()] } else { names.to_vec() }
}

/// The join keys of a view: that of Feast's own entity where it has none.
pub(super) fn entity_columns(entities: &[String], columns: &[Field]) -> Vec<core::FeatureSpecV2> {
    if entities.is_empty() && columns.is_empty() {
        return vec![field(&Field::new(DUMMY_JOIN_KEY, DataType::String))];
    }
    columns.iter().map(field).collect()
}

/// The whole definitions of the views that this one is derived from; a circle ends after [`MAX_DERIVATION`] steps.
fn source_views(view: &FeatureView, definitions: &Definitions, depth: usize) -> Vec<core::FeatureViewSpec> {
    let Some(depth) = depth.checked_sub(1) else { return Vec::new() };
    let views = view.source_views.iter().filter_map(|name| definitions.feature_view(name));
    views.map(|source| spec(source, definitions, None, depth)).collect()
}

/// A window as Feast writes it.
pub(super) fn aggregation(aggregation: &Aggregation) -> core::Aggregation {
    let duration = |span: Option<Span>| -> Option<Duration> { span.map(source::duration) };
    core::Aggregation {
        column: aggregation.column.clone(),
        function: aggregation.function.clone(),
        time_window: duration(aggregation.time_window),
        slide_interval: duration(aggregation.slide_interval),
        name: aggregation.name.clone(),
    }
}

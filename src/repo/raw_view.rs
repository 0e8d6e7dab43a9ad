//! Feature views, batch feature views and stream feature views as written.

use crate::model::{Aggregation, Span, Timestamp, ViewKind};

use super::codes;
use super::diagnostics::{At, Finding, Spot};
use super::fields::{Fields, Place};
use super::keys;
use super::raw::{About, RawEntity, RawField, Ref};
use super::raw_source::RawSource;

pub(super) struct RawView {
    pub kind: ViewKind,
    pub spot: Spot,
    pub name: At<String>,
    pub source: Option<RawViewSource>,
    pub sink_source: Option<(Ref<RawSource>, Spot)>,
    pub entities: Vec<(Ref<RawEntity>, Spot)>,
    pub schema: Vec<RawField>,
    pub ttl: Option<Span>,
    pub online: bool,
    pub offline: At<bool>,
    pub mode: Option<At<String>>,
    pub transformation: Option<RawTransformation>,
    pub aggregations: Option<At<Vec<Aggregation>>>,
    pub timestamp_field: String,
    pub enable_tiling: bool,
    pub tiling_hop_size: Option<At<Span>>,
    pub enable_validation: bool,
    pub version: String,
    pub enabled: bool,
    pub about: About,
    pub org: String,
    pub renamed_from: Option<String>,
}

/// What a view is made from.
pub(super) enum RawViewSource {
    /// a data source, or the one view of that name
    One(Ref<RawSource>, Spot),
    /// views
    Views(Vec<At<String>>),
}

pub(super) struct RawTransformation {
    pub spot: Spot,
    pub sql: Option<At<String>>,
    pub expressions: Option<Vec<(At<String>, At<String>)>>,
    pub filter: Option<At<String>>,
    pub udf_string: Option<At<String>>,
}

impl RawView {
    pub(super) fn read(place: Place<'_>, kind: ViewKind, now: Timestamp) -> Option<Self> {
        let object = match kind {
            ViewKind::FeatureView => &keys::FEATURE_VIEW,
            ViewKind::BatchFeatureView => &keys::BATCH_FEATURE_VIEW,
            ViewKind::StreamFeatureView => &keys::STREAM_FEATURE_VIEW,
        };
        let fields = Fields::open(place, object)?;
        let name = fields.required_text("name");
        for old in ["batch_source", "stream_source", "input"] {
            fields.renamed(old, "source");
        }
        fields.renamed("features", "schema");
        let stream = kind == ViewKind::StreamFeatureView;
        let source = if stream { fields.required("source") } else { fields.get("source") };
        let ours = kind != ViewKind::FeatureView;
        let offline = fields.get("offline");
        let view = Self {
            kind,
            spot: place.spot(),
            name: name.unwrap_or_else(|| At::new(String::new(), place.spot())),
            source: source.and_then(|place| RawViewSource::read(place, now)),
            sink_source: fields
                .get("sink_source")
                .and_then(|place| Some((Ref::read(place, |p| RawSource::read(p, now))?, place.spot()))),
            entities: entities(&fields),
            schema: fields.get("schema").map(RawField::list).unwrap_or_default(),
            ttl: ttl(&fields, kind),
            online: fields.flag("online", kind != ViewKind::BatchFeatureView),
            offline: At::new(offline.and_then(Place::flag).unwrap_or(false), offline.unwrap_or(place).spot()),
            mode: fields.text("mode"),
            transformation: ours
                .then(|| fields.get("feature_transformation"))
                .flatten()
                .and_then(RawTransformation::read),
            aggregations: ours.then(|| fields.get("aggregations")).flatten().map(aggregations),
            timestamp_field: if stream { fields.text_or_empty("timestamp_field") } else { String::new() },
            enable_tiling: stream && fields.flag("enable_tiling", false),
            tiling_hop_size: stream
                .then(|| fields.get("tiling_hop_size"))
                .flatten()
                .and_then(|place| Some(At::new(place.duration()?, place.spot()))),
            enable_validation: fields.flag("enable_validation", false),
            version: version(&fields),
            enabled: fields.flag("enabled", true),
            about: About::read(&fields),
            org: fields.text_or_empty("org"),
            renamed_from: fields.text("x-renamed-from").map(|text| text.value),
        };
        fields.close();
        (!view.name.value.is_empty()).then_some(view)
    }
}

impl RawViewSource {
    fn read(place: Place<'_>, now: Timestamp) -> Option<Self> {
        if place.cursor.value().is_sequence() {
            return Some(Self::Views(place.list().into_iter().filter_map(Place::text).collect()));
        }
        Some(Self::One(Ref::read(place, |place| RawSource::read(place, now))?, place.spot()))
    }
}

/// Entities by name or in place.
pub(super) fn entities(fields: &Fields<'_>) -> Vec<(Ref<RawEntity>, Spot)> {
    let read = |place: Place<'_>| Some((Ref::read(place, RawEntity::read)?, place.spot()));
    fields.list("entities").into_iter().filter_map(read).collect()
}

/// A null lives for ever, as zero does; a batch feature view has none by default.
fn ttl(fields: &Fields<'_>, kind: ViewKind) -> Option<Span> {
    match fields.present("ttl") {
        None => (kind != ViewKind::BatchFeatureView).then_some(Span::ZERO),
        Some(place) if place.is_null() => None,
        Some(place) => place.duration(),
    }
}

/// `latest`, or `v3`; `3` and `version3` are read as Feast reads them.
pub(super) fn version(fields: &Fields<'_>) -> String {
    let Some(place) = fields.get("version") else { return "latest".to_owned() };
    let Some(text) = place.scalar_text() else { return "latest".to_owned() };
    let lower = text.to_lowercase();
    if lower == "latest" {
        return lower;
    }
    let number = lower.strip_prefix("version").or_else(|| lower.strip_prefix('v')).unwrap_or(&lower);
    if let Ok(number) = number.parse::<u32>() {
        format!("v{number}")
    } else {
        let message = format!("`{text}` is not a version");
        let finding = Finding::error(codes::VERSION, place.spot(), message).label("`latest`, or `v` and a number");
        place.diagnostics.report(finding);
        "latest".to_owned()
    }
}

impl RawTransformation {
    pub(super) fn read(place: Place<'_>) -> Option<Self> {
        let fields = Fields::open(place, &keys::TRANSFORMATION)?;
        let expressions = fields.get("expressions").map(|place| {
            let entries = place.entries().into_iter();
            entries
                .filter_map(|(key, place)| {
                    Some((At::new(key, place.key_spot()), At::new(place.scalar_text()?, place.spot())))
                })
                .collect()
        });
        let read = Self {
            spot: place.spot(),
            sql: fields.text("sql"),
            expressions,
            filter: fields.text("filter"),
            udf_string: fields.text("udf_string"),
        };
        fields.close();
        Some(read)
    }
}

/// `[{column, function, time_window, slide_interval, name}]`
pub(super) fn aggregations(place: Place<'_>) -> At<Vec<Aggregation>> {
    let read = |place: Place<'_>| {
        let fields = Fields::open(place, &keys::AGGREGATION)?;
        let column = fields.required_text("column");
        let function = fields.required_text("function");
        let time_window = fields.duration("time_window");
        let slide_interval = fields.duration("slide_interval").or(time_window);
        let name = fields.text_or_empty("name");
        fields.close();
        Some(Aggregation { column: column?.value, function: function?.value, time_window, slide_interval, name })
    };
    At::new(place.list().into_iter().filter_map(read).collect(), place.spot())
}

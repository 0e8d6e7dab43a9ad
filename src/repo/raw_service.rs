//! On-demand feature views and feature services as written.

use crate::model::{Aggregation, LoggingConfig, Timestamp};

use super::codes;
use super::diagnostics::{At, Finding, Spot};
use super::fields::{Fields, Place};
use super::keys;
use super::raw::{About, RawEntity, RawField, Ref};
use super::raw_source::RawSource;
use super::raw_view::{RawTransformation, aggregations, entities, version};

pub(super) struct RawOnDemandView {
    pub spot: Spot,
    pub name: At<String>,
    pub sources: Vec<RawInput>,
    pub input_schema: Option<Vec<RawField>>,
    pub schema: Vec<RawField>,
    pub mode: Option<At<String>>,
    pub transformation: Option<RawTransformation>,
    pub entities: Vec<(Ref<RawEntity>, Spot)>,
    pub write_to_online_store: bool,
    pub singleton: bool,
    pub track_metrics: bool,
    pub aggregations: Option<At<Vec<Aggregation>>>,
    pub version: String,
    pub enabled: bool,
    pub about: About,
    pub org: String,
}

/// An input of an on-demand feature view.
pub(super) enum RawInput {
    /// a view or a request source
    Name(At<String>),
    Projection(RawProjection),
    Request(Box<RawSource>),
}

/// Some features of a view.
pub(super) struct RawProjection {
    pub view: At<String>,
    pub features: Option<Vec<At<String>>>,
    pub name_alias: String,
    pub join_key_map: Vec<(At<String>, At<String>)>,
    pub version_tag: Option<i32>,
}

pub(super) struct RawService {
    pub spot: Spot,
    pub name: At<String>,
    pub features: Vec<RawProjection>,
    pub logging_config: Option<LoggingConfig>,
    pub precompute_online: bool,
    pub about: About,
}

impl RawOnDemandView {
    pub(super) fn read(place: Place<'_>, now: Timestamp) -> Option<Self> {
        let fields = Fields::open(place, &keys::ON_DEMAND_FEATURE_VIEW)?;
        let name = fields.required_text("name");
        let view = Self {
            spot: place.spot(),
            name: name.unwrap_or_else(|| At::new(String::new(), place.spot())),
            sources: fields.list("sources").into_iter().filter_map(|place| RawInput::read(place, now)).collect(),
            input_schema: fields.get("input_schema").map(RawField::list),
            schema: fields.required("schema").map(RawField::list).unwrap_or_default(),
            mode: fields.text("mode"),
            transformation: fields.get("feature_transformation").and_then(RawTransformation::read),
            entities: entities(&fields),
            write_to_online_store: fields.flag("write_to_online_store", false),
            singleton: fields.flag("singleton", false),
            track_metrics: fields.flag("track_metrics", false),
            aggregations: fields.get("aggregations").map(aggregations),
            version: version(&fields),
            enabled: fields.flag("enabled", true),
            about: About::read(&fields),
            org: fields.text_or_empty("org"),
        };
        fields.close();
        (!view.name.value.is_empty()).then_some(view)
    }
}

impl RawInput {
    fn read(place: Place<'_>, now: Timestamp) -> Option<Self> {
        if place.as_text().is_some() {
            return place.text().map(Self::Name);
        }
        if place.entries().iter().any(|(key, _)| key == "type") {
            return RawSource::read(place, now).map(|source| Self::Request(Box::new(source)));
        }
        RawProjection::read(place).map(Self::Projection)
    }
}

impl RawProjection {
    /// A name, or `{feature_view, features, name_alias, join_key_map, version}`.
    fn read(place: Place<'_>) -> Option<Self> {
        if place.as_text().is_some() {
            let view = place.text()?;
            let (features, name_alias, join_key_map) = (None, String::new(), Vec::new());
            return Some(Self { view, features, name_alias, join_key_map, version_tag: None });
        }
        let fields = Fields::open(place, &keys::PROJECTION)?;
        let view = fields.required_text("feature_view");
        let features = fields.get("features").map(|place| place.list().into_iter().filter_map(Place::text).collect());
        let name_alias = fields.text_or_empty("name_alias");
        let join_key_map = fields.get("join_key_map").map(join_key_map).unwrap_or_default();
        let version_tag = fields.get("version").and_then(version_tag);
        fields.close();
        Some(Self { view: view?, features, name_alias, join_key_map, version_tag })
    }
}

fn join_key_map(place: Place<'_>) -> Vec<(At<String>, At<String>)> {
    let entries = place.entries().into_iter();
    entries.filter_map(|(key, place)| Some((At::new(key, place.key_spot()), place.text()?))).collect()
}

/// `3` or `v3`
fn version_tag(place: Place<'_>) -> Option<i32> {
    let text = place.scalar_text()?;
    let number = text.trim_start_matches(['v', 'V']).parse::<i32>().ok().filter(|number| *number >= 0);
    if number.is_none() {
        let message = format!("`{text}` is not a version");
        place.diagnostics.report(Finding::error(codes::VERSION, place.spot(), message).label("`v` and a number"));
    }
    number
}

impl RawService {
    pub(super) fn read(place: Place<'_>) -> Option<Self> {
        let fields = Fields::open(place, &keys::FEATURE_SERVICE)?;
        let name = fields.required_text("name");
        let features = fields.required("features");
        let features = features.map(|place| place.list().into_iter().filter_map(RawProjection::read).collect());
        let logging_config = fields.get("logging_config").and_then(logging_config);
        let precompute_online = fields.flag("precompute_online", false);
        let about = About::read(&fields);
        fields.close();
        Some(Self { spot: place.spot(), name: name?, features: features?, logging_config, precompute_online, about })
    }
}

fn logging_config(place: Place<'_>) -> Option<LoggingConfig> {
    let fields = Fields::open(place, &keys::LOGGING_CONFIG)?;
    let destination = fields.required("destination").and_then(|place| Fields::open(place, &keys::LOGGING_DESTINATION));
    let rate = fields.get("sample_rate");
    let sample_rate = rate.and_then(Place::number).and_then(|number| number.as_f64()).unwrap_or(1.0);
    if let Some(place) = rate.filter(|_| !(0.0..=1.0).contains(&sample_rate)) {
        let message = format!("a share of the requests is 0 to 1, not {sample_rate}");
        place.diagnostics.report(Finding::error(codes::BAD_VALUE, place.spot(), message));
    }
    fields.close();
    let destination = destination?;
    destination.required("type").and_then(|place| place.one_of(&["FileLoggingDestination", "file"]));
    let path = destination.required_text("path");
    let s3_endpoint_override = destination.text_or_empty("s3_endpoint_override");
    let partition_by = destination.list("partition_by").into_iter().filter_map(Place::text);
    let partition_by = partition_by.map(|text| text.value).collect();
    destination.close();
    #[allow(clippy::cast_possible_truncation, reason = "a share of the requests, as Feast stores it")]
    let sample_rate = sample_rate as f32;
    Some(LoggingConfig { sample_rate, path: path?.value, s3_endpoint_override, partition_by })
}

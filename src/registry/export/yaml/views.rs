//! Feature views, on-demand feature views and feature services in YAML.

use super::emit::Node;
use super::sources::{inline, reference};
use super::{Entry, Members, fields, names};
use crate::model::{
    Aggregation, Definitions, FeatureService, FeatureView, LoggingConfig, OnDemandFeatureView, OnDemandSource,
    Projection, Span, Transformation, ViewKind,
};
use crate::registry::export::omit::Omitted;
use crate::registry::export::schema::{Selection, declared_fields, input_schema, is_input_schema, selection};

/// Every section of views and services, in the order of the grammar.
pub fn sections(definitions: &Definitions, omitted: &Omitted) -> Vec<(&'static str, Vec<Entry>)> {
    let of_kind = |kind: ViewKind| {
        let views = definitions.feature_views.iter().filter(|view| view.kind == kind);
        views.map(|view| entry(omitted, &view.name, feature_view(definitions, view))).collect()
    };
    let on_demand = definitions.on_demand_feature_views.iter();
    let services = definitions.feature_services.iter();
    vec![
        ("feature_views", of_kind(ViewKind::FeatureView)),
        ("batch_feature_views", of_kind(ViewKind::BatchFeatureView)),
        ("stream_feature_views", of_kind(ViewKind::StreamFeatureView)),
        (
            "on_demand_feature_views",
            on_demand.map(|view| entry(omitted, &view.name, on_demand_view(definitions, view))).collect(),
        ),
        (
            "feature_services",
            services.map(|found| Entry::unless(omitted.service(found), service(definitions, found))).collect(),
        ),
    ]
}

fn entry(omitted: &Omitted, name: &str, node: Node) -> Entry {
    Entry::unless(omitted.view(name).map(str::to_owned), node)
}

fn feature_view(definitions: &Definitions, view: &FeatureView) -> Node {
    let is_stream = view.kind == ViewKind::StreamFeatureView;
    let is_batch = view.kind == ViewKind::BatchFeatureView;
    let mut members = Members::default();
    members.put("name", Node::text(&view.name));
    sources(&mut members, definitions, view);
    members.names("entities", &view.entities);
    members.list("schema", fields(declared_fields(definitions, &view.entities, &view.entity_columns, &view.features)));
    ttl(&mut members, view.ttl, if is_batch { None } else { Some(Span::ZERO) });
    members.flag("online", view.online, !is_batch);
    members.flag("offline", view.offline, false);
    if is_stream {
        members.text("timestamp_field", &view.timestamp_field);
    }
    let default = default_mode(view.transformation.as_ref(), if is_stream { Some("python") } else { None });
    members.optional("mode", view.mode.as_deref().filter(|mode| Some(*mode) != default));
    if let Some(transformation) = &view.transformation {
        members.put("feature_transformation", self::transformation(transformation));
    }
    members.list("aggregations", view.aggregations.iter().map(aggregation).collect());
    if is_stream {
        members.flag("enable_tiling", view.enable_tiling, false);
        members.span("tiling_hop_size", view.tiling_hop_size);
    }
    members.flag("enable_validation", view.enable_validation, false);
    version(&mut members, &view.version, view.enabled);
    members.labels(&view.description, &view.tags, &view.owner);
    members.text("org", &view.org);
    members.optional("x-renamed-from", view.renamed_from.as_deref());
    members.into_node()
}

fn sources(members: &mut Members, definitions: &Definitions, view: &FeatureView) {
    if !view.source_views.is_empty() {
        members.names("source", &view.source_views);
        if let Some(sink) = view.sink_source.as_ref().or(view.batch_source.as_ref()) {
            members.put("sink_source", reference(definitions, sink));
        }
        return;
    }
    if let Some(source) = view.stream_source.as_ref().or(view.batch_source.as_ref()) {
        members.put("source", reference(definitions, source));
    }
    if let Some(sink) = &view.sink_source {
        members.put("sink_source", reference(definitions, sink));
    }
}

fn ttl(members: &mut Members, ttl: Option<Span>, default: Option<Span>) {
    if ttl != default {
        members.put("ttl", ttl.map_or(Node::plain("null"), Node::plain));
    }
}

fn version(members: &mut Members, version: &str, enabled: bool) {
    if version != "latest" {
        members.text("version", version);
    }
    members.flag("enabled", enabled, true);
}

/// The mode that a loader takes for granted.
fn default_mode(transformation: Option<&Transformation>, otherwise: Option<&'static str>) -> Option<&'static str> {
    match transformation {
        Some(Transformation::Sql(_) | Transformation::Expressions { .. }) => Some("sql"),
        Some(Transformation::UdfString(_)) => Some("python"),
        None => otherwise,
    }
}

fn transformation(transformation: &Transformation) -> Node {
    let mut members = Members::default();
    match transformation {
        Transformation::Sql(sql) => members.put("sql", Node::text(sql)),
        Transformation::UdfString(text) => members.put("udf_string", Node::text(text)),
        Transformation::Expressions { expressions, filter } => {
            let list = expressions.iter().map(|(feature, sql)| (feature.clone(), Node::text(sql))).collect();
            members.put("expressions", Node::Map(list));
            members.optional("filter", filter.as_deref());
        }
    }
    members.into_node()
}

fn aggregation(aggregation: &Aggregation) -> Node {
    let mut members = Members::default();
    members.put("column", Node::text(&aggregation.column));
    members.put("function", Node::text(&aggregation.function));
    members.span("time_window", aggregation.time_window);
    members.span("slide_interval", aggregation.slide_interval);
    members.text("name", &aggregation.name);
    Node::Flow(Box::new(members.into_node()))
}

fn on_demand_view(definitions: &Definitions, view: &OnDemandFeatureView) -> Node {
    let sources = view.sources.values().filter_map(|source| match source {
        OnDemandSource::View(found) => Some(projection(definitions, found)),
        OnDemandSource::Request(found) if is_input_schema(view, found) => None,
        OnDemandSource::Request(found) if definitions.data_sources.contains(found) => Some(Node::text(&found.name)),
        OnDemandSource::Request(found) => Some(inline(definitions, found)),
    });
    let mut members = Members::default();
    members.put("name", Node::text(&view.name));
    members.list("sources", sources.collect());
    if let Some(inputs) = input_schema(view) {
        members.put("input_schema", Node::List(fields(inputs)));
    }
    members.list("schema", fields(declared_fields(definitions, &view.entities, &view.entity_columns, &view.features)));
    let default = default_mode(view.transformation.as_ref(), None);
    members.optional("mode", view.mode.as_deref().filter(|mode| Some(*mode) != default));
    if let Some(transformation) = &view.transformation {
        members.put("feature_transformation", self::transformation(transformation));
    }
    members.names("entities", &view.entities);
    members.flag("write_to_online_store", view.write_to_online_store, false);
    members.flag("singleton", view.singleton, false);
    members.flag("track_metrics", view.track_metrics, false);
    members.list("aggregations", view.aggregations.iter().map(aggregation).collect());
    version(&mut members, &view.version, view.enabled);
    members.labels(&view.description, &view.tags, &view.owner);
    members.text("org", &view.org);
    members.into_node()
}

fn service(definitions: &Definitions, service: &FeatureService) -> Node {
    let mut members = Members::default();
    members.put("name", Node::text(&service.name));
    members.put("features", Node::List(service.features.iter().map(|found| projection(definitions, found)).collect()));
    if let Some(config) = &service.logging_config {
        members.put("logging_config", logging(config));
    }
    members.flag("precompute_online", service.precompute_online, false);
    members.labels(&service.description, &service.tags, &service.owner);
    members.into_node()
}

/// The name of the view where all of it is meant, else the projection.
fn projection(definitions: &Definitions, projection: &Projection) -> Node {
    let mut members = Members::default();
    members.put("feature_view", Node::text(&projection.view));
    if let Selection::Some(features) = selection(definitions, projection) {
        members.put("features", names(&features));
    }
    members.text("name_alias", &projection.name_alias);
    members.map("join_key_map", &projection.join_key_map);
    if let Some(version) = projection.version_tag {
        members.put("version", Node::text(format!("v{version}")));
    }
    if members.0.len() == 1 {
        return Node::text(&projection.view);
    }
    Node::Flow(Box::new(members.into_node()))
}

fn logging(config: &LoggingConfig) -> Node {
    let mut destination = Members::default();
    destination.put("type", Node::text("FileLoggingDestination"));
    destination.put("path", Node::text(&config.path));
    destination.text("s3_endpoint_override", &config.s3_endpoint_override);
    destination.names("partition_by", &config.partition_by);
    let mut members = Members::default();
    members.put("destination", destination.into_node());
    if (config.sample_rate - 1.0).abs() > 0.0 {
        members.put("sample_rate", Node::plain(config.sample_rate));
    }
    members.into_node()
}

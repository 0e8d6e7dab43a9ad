//! Views and services in Python.

use super::text::Py;
use super::{Arguments, File};
use crate::model::{
    Aggregation, DataSource, FeatureService, FeatureView, LoggingConfig, OnDemandFeatureView, OnDemandSource,
    Projection, Span, Tags, Transformation, ViewKind,
};
use crate::registry::export::omit::Omitted;
use crate::registry::export::schema::{Selection, declared_fields, input_schema, is_input_schema, selection};
use crate::registry::python_text::repr;

/// Writes every view and service, each after what it is built on.
pub fn write<'a>(file: &mut File<'a>, omitted: &Omitted) {
    let definitions = file.definitions;
    let mut waiting: Vec<&'a FeatureView> = Vec::new();
    for view in &definitions.feature_views {
        match omitted.view(&view.name) {
            Some(reason) => file.comment(&format!("left out: feature view `{}`: {reason}", view.name)),
            None => waiting.push(view),
        }
    }
    while let Some(at) = waiting.iter().position(|view| is_ready(file, view)) {
        feature_view(file, waiting.remove(at));
    }
    for view in waiting {
        file.comment(&format!("left out: feature view `{}`: a view that it is derived from is not known", view.name));
    }
    for view in &definitions.on_demand_feature_views {
        match omitted.view(&view.name) {
            Some(reason) => file.comment(&format!("left out: on demand feature view `{}`: {reason}", view.name)),
            None => on_demand_view(file, view),
        }
    }
    let mut members = definitions.feature_services.iter().flat_map(|service| &service.features);
    if members.any(|projection| projection.version_tag.is_some()) {
        at_version(file);
    }
    for found in &definitions.feature_services {
        match omitted.service(found) {
            Some(reason) => file.comment(&format!("left out: feature service `{}`: {reason}", found.name)),
            None => service(file, found),
        }
    }
}

fn is_ready(file: &File, view: &FeatureView) -> bool {
    view.source_views.iter().all(|name| file.views.contains_key(name.as_str()))
}

/// The Python class that can say a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `FeatureView`: also what Feast has no class for, with the rest in tags
    Plain,
    /// `BatchFeatureView` with a Python function
    Batch,
    /// `StreamFeatureView` over a source that Feast takes for one
    Stream,
}

impl Form {
    fn of(file: &File, view: &FeatureView) -> Self {
        let is_udf = matches!(view.transformation, Some(Transformation::UdfString(_)));
        match view.kind {
            _ if file.stored.stream(view).is_some() => Self::Stream,
            ViewKind::BatchFeatureView if is_udf => Self::Batch,
            _ => Self::Plain,
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Plain => "FeatureView",
            Self::Batch => "BatchFeatureView",
            Self::Stream => "StreamFeatureView",
        }
    }
}

/// What the row of a view says that its definition says otherwise.
struct Row {
    online: bool,
    offline: bool,
    mode: String,
    tags: Tags,
}

impl Row {
    fn of(file: &File, view: &FeatureView) -> Self {
        if let Some(row) = file.stored.stream(view) {
            return Self { online: row.online, offline: false, mode: row.mode.clone(), tags: row.tags.clone() };
        }
        let row = file.stored.plain(view).cloned().unwrap_or_default();
        Self { online: row.online, offline: row.offline, mode: row.mode, tags: row.tags }
    }
}

fn feature_view<'a>(file: &mut File<'a>, view: &'a FeatureView) {
    let form = Form::of(file, view);
    let row = Row::of(file, view);
    let mut arguments = Arguments::default();
    arguments.put("name", Py::text(&view.name));
    sources(file, &mut arguments, view);
    entities(file, &mut arguments, &view.entities);
    let definitions = file.definitions;
    let schema = file.fields(declared_fields(definitions, &view.entities, &view.entity_columns, &view.features));
    arguments.put("schema", schema);
    ttl(file, &mut arguments, view.ttl, form);
    arguments.flag("online", row.online, form != Form::Batch);
    arguments.flag("offline", row.offline, false);
    arguments.text("mode", &row.mode);
    if form != Form::Plain {
        computed(file, &mut arguments, view, form);
    }
    arguments.flag("enable_validation", view.enable_validation, false);
    version(&mut arguments, &view.version);
    arguments.labels(&view.description, &row.tags, &view.owner);
    arguments.text("org", &view.org);
    let value = file.call(form.class(), arguments);
    let log = log_of(view).map(|log| file.source_name(log));
    let name = file.names.unique(&view.name);
    file.assign(&name, &value);
    if let Some(log) = log {
        let projection = file.import("FeatureViewProjection");
        file.statement("# the log of the transformed stream is the history of the view");
        file.statement(&format!("{name}.batch_source = {log}"));
        file.statement(&format!("{name}.projection = {projection}.from_feature_view_definition({name})"));
    }
    // not an argument of every class
    if !view.enabled {
        file.statement(&format!("{name}.enabled = False"));
    }
    file.views.insert(&view.name, name);
}

fn sources<'a>(file: &mut File<'a>, arguments: &mut Arguments, view: &'a FeatureView) {
    if view.source_views.is_empty() {
        if let Some(source) = view.stream_source.as_ref().or(view.batch_source.as_ref()) {
            arguments.put("source", Py::Raw(file.source_name(source)));
        }
        return;
    }
    let views = view.source_views.iter().filter_map(|name| file.views.get(name.as_str())).map(Py::raw).collect();
    arguments.put("source", Py::List(views));
    if let Some(sink) = view.sink_source.as_ref().or(view.batch_source.as_ref()) {
        arguments.put("sink_source", Py::Raw(file.source_name(sink)));
    }
}

fn entities(file: &File, arguments: &mut Arguments, entities: &[String]) {
    if entities.is_empty() {
        return;
    }
    let names = entities.iter().filter_map(|entity| file.entities.get(entity.as_str())).map(Py::raw);
    arguments.put("entities", Py::List(names.collect()));
}

fn ttl(file: &mut File, arguments: &mut Arguments, ttl: Option<Span>, form: Form) {
    match ttl {
        Some(Span::ZERO) if form != Form::Batch => {}
        Some(span) => arguments.put("ttl", file.span(span)),
        None if form == Form::Batch => {}
        None => arguments.put("ttl", Py::raw("None")),
    }
}

fn version(arguments: &mut Arguments, version: &str) {
    if version != "latest" {
        arguments.text("version", version);
    }
}

/// What only stream and batch views have.
fn computed(file: &mut File, arguments: &mut Arguments, view: &FeatureView, form: Form) {
    if form == Form::Stream {
        arguments.text("timestamp_field", &view.timestamp_field);
        arguments.flag("enable_tiling", view.enable_tiling, false);
        if let Some(span) = view.tiling_hop_size {
            arguments.put("tiling_hop_size", file.span(span));
        }
    }
    if let Some(Transformation::UdfString(text)) = &view.transformation {
        udf(file, arguments, text);
    }
    aggregations(file, arguments, &view.aggregations);
}

/// A Python function that the registry holds as text, made into one the way Feast makes it.
fn udf(file: &mut File, arguments: &mut Arguments, text: &str) {
    let function = file.import("rehydrate_udf_from_source");
    arguments.put("udf", Py::Call(function, vec![("", Py::text(text))]));
    arguments.put("udf_string", Py::text(text));
}

fn aggregations(file: &mut File, arguments: &mut Arguments, aggregations: &[Aggregation]) {
    if aggregations.is_empty() {
        return;
    }
    let list = aggregations.iter().map(|found| aggregation(file, found)).collect();
    arguments.put("aggregations", Py::List(list));
}

fn aggregation(file: &mut File, aggregation: &Aggregation) -> Py {
    let mut arguments = Arguments::default();
    arguments.text("column", &aggregation.column);
    arguments.text("function", &aggregation.function);
    for (name, span) in [("time_window", aggregation.time_window), ("slide_interval", aggregation.slide_interval)] {
        if let Some(span) = span {
            arguments.put(name, file.span(span));
        }
    }
    arguments.text("name", &aggregation.name);
    file.call("Aggregation", arguments)
}

/// The sink of a stream view, for which Feast's constructor has no place.
fn log_of(view: &FeatureView) -> Option<&DataSource> {
    view.sink_source.as_ref().filter(|_| view.stream_source.is_some() && view.source_views.is_empty())
}

fn on_demand_view<'a>(file: &mut File<'a>, view: &'a OnDemandFeatureView) {
    let mut arguments = Arguments::default();
    arguments.put("name", Py::text(&view.name));
    let sources: Vec<Py> = view.sources.values().filter_map(|source| input(file, view, source)).collect();
    if !sources.is_empty() {
        arguments.put("sources", Py::List(sources));
    }
    if let Some(fields) = input_schema(view) {
        arguments.put("input_schema", file.fields(fields));
    }
    entities(file, &mut arguments, &view.entities);
    let definitions = file.definitions;
    let schema = file.fields(declared_fields(definitions, &view.entities, &view.entity_columns, &view.features));
    arguments.put("schema", schema);
    let is_ours = function(file, &mut arguments, view);
    aggregations(file, &mut arguments, &view.aggregations);
    arguments.flag("write_to_online_store", view.write_to_online_store, false);
    arguments.flag("singleton", view.singleton, false);
    arguments.flag("track_metrics", view.track_metrics, false);
    version(&mut arguments, &view.version);
    arguments.flag("enabled", view.enabled, true);
    arguments.labels(&view.description, &file.stored.on_demand_tags(view), &view.owner);
    arguments.text("org", &view.org);
    let value = file.call("OnDemandFeatureView", arguments);
    let name = file.names.unique(&view.name);
    file.assign(&name, &value);
    if is_ours {
        file.statement("# the schema is declared: Feast would guess other types from a trial run");
        file.statement(&format!("{name}.infer_features = lambda: None"));
    }
    file.views.insert(&view.name, name);
}

fn input<'a>(file: &mut File<'a>, view: &OnDemandFeatureView, source: &'a OnDemandSource) -> Option<Py> {
    match source {
        OnDemandSource::View(projection) => {
            let (view, refinements) = projected(file, projection)?;
            let projection = if refinements.is_empty() { "" } else { ".projection" };
            Some(Py::Raw(format!("{view}{refinements}{projection}")))
        }
        OnDemandSource::Request(source) if is_input_schema(view, source) => None,
        OnDemandSource::Request(source) => Some(Py::Raw(file.source_name(source))),
    }
}

/// The function of an on-demand view; whether it is one that feast-rs made from SQL.
fn function(file: &mut File, arguments: &mut Arguments, view: &OnDemandFeatureView) -> bool {
    if let Some(Transformation::UdfString(text)) = &view.transformation {
        if let Some(mode) = &view.mode {
            arguments.put("mode", Py::text(mode));
        }
        udf(file, arguments, text);
        return false;
    }
    let stored = file.stored.function(&view.name).map(|(name, text)| (name.to_owned(), text.to_owned()));
    let Some((name, text)) = stored else {
        if let Some(mode) = &view.mode {
            arguments.put("mode", Py::text(mode));
        }
        return false;
    };
    file.inspects = true;
    file.write(&format!("\n\n{text}\n"));
    arguments.put("mode", Py::text("python"));
    arguments.put("udf", Py::raw(&name));
    arguments.put("udf_string", Py::Raw(format!("inspect.getsource({name})")));
    true
}

fn service(file: &mut File, service: &FeatureService) {
    let features: Vec<Py> = service.features.iter().filter_map(|found| member(file, found)).collect();
    let mut arguments = Arguments::default();
    arguments.put("name", Py::text(&service.name));
    arguments.put("features", Py::List(features));
    if let Some(config) = &service.logging_config {
        let config = logging(file, config);
        arguments.put("logging_config", config);
    }
    arguments.flag("precompute_online", service.precompute_online, false);
    arguments.labels(&service.description, &service.tags, &service.owner);
    let value = file.call("FeatureService", arguments);
    let name = file.names.unique(&service.name);
    file.assign(&name, &value);
}

/// A member of a service. Feast has no notation for a version beside a selection, so a helper sets it; not on a variable
/// of the file, for Feast would take that for a second view.
fn member(file: &File, projection: &Projection) -> Option<Py> {
    let (view, refinements) = projected(file, projection)?;
    let refined = format!("{view}{refinements}");
    Some(Py::Raw(match projection.version_tag {
        Some(version) => format!("{AT_VERSION}({refined}, {version})"),
        None => refined,
    }))
}

/// The helper's name; [`File`] keeps it free.
pub const AT_VERSION: &str = "_at_version";

fn at_version(file: &mut File) {
    file.write(&format!("\n\ndef {AT_VERSION}(view, version):\n"));
    file.statement("    view = view.__copy__()");
    file.statement("    view.projection.version_tag = version");
    file.statement("    return view");
}

/// The variable of the projected view, and what is appended to it.
fn projected(file: &File, projection: &Projection) -> Option<(String, String)> {
    let view = file.views.get(projection.view.as_str())?.clone();
    let mut refinements = Vec::new();
    if let Selection::Some(features) = selection(file.definitions, projection) {
        let names: Vec<String> = features.iter().map(|name| repr(name)).collect();
        refinements.push(format!("[[{}]]", names.join(", ")));
    }
    if !projection.name_alias.is_empty() {
        refinements.push(format!(".with_name({})", repr(&projection.name_alias)));
    }
    if !projection.join_key_map.is_empty() {
        let map: Vec<String> =
            projection.join_key_map.iter().map(|(from, to)| format!("{}: {}", repr(from), repr(to))).collect();
        refinements.push(format!(".with_join_key_map({{{}}})", map.join(", ")));
    }
    Some((view, refinements.concat()))
}

fn logging(file: &mut File, config: &LoggingConfig) -> Py {
    let mut destination = Arguments::default();
    destination.put("path", Py::text(&config.path));
    destination.text("s3_endpoint_override", &config.s3_endpoint_override);
    if !config.partition_by.is_empty() {
        destination.put("partition_by", Py::List(config.partition_by.iter().map(Py::text).collect()));
    }
    let mut arguments = Arguments::default();
    arguments.put("destination", file.call("FileLoggingDestination", destination));
    if (config.sample_rate - 1.0).abs() > 0.0 {
        arguments.put("sample_rate", Py::raw(config.sample_rate));
    }
    file.call("LoggingConfig", arguments)
}

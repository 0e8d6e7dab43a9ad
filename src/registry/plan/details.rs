//! What differs between two objects, in words for a screen.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::Detail;
use crate::model::{
    Aggregation, DataSource, Entity, FeatureService, FeatureView, Field, FileFormat, OnDemandFeatureView,
    OnDemandSource, Project, Projection, RecordFormat, SourceKind, Span, Tags, Transformation, ValueType, ViewKind,
};
use crate::registry::decode::Object;
use crate::registry::tags::kinesis_options;

/// A word about an object: the class of a source and where it is.
pub(super) fn note(object: Option<&Object>) -> String {
    let Some(Object::DataSource(source)) = object else { return String::new() };
    let place = match &source.kind {
        SourceKind::File(file) => file.path.clone(),
        SourceKind::Kinesis(kinesis) => format!("{} @ {}", kinesis.stream_name, kinesis.region),
        SourceKind::Kafka(kafka) => format!("{} @ {}", kafka.topic, kafka.bootstrap_servers),
        _ => String::new(),
    };
    format!("{}  {place}", source.class_name()).trim_end().to_owned()
}

/// What differs. Never empty for objects whose rows differ.
pub(super) fn between(old: Option<&Object>, new: Option<&Object>) -> Vec<Detail> {
    let mut found = Details::default();
    match (old, new) {
        (Some(Object::Project(old)), Some(Object::Project(new))) => found.project(old, new),
        (Some(Object::Entity(old)), Some(Object::Entity(new))) => found.entity(old, new),
        (Some(Object::DataSource(old)), Some(Object::DataSource(new))) => found.source("", old, new),
        (Some(Object::FeatureView(old)), Some(Object::FeatureView(new))) => found.view(old, new),
        (Some(Object::OnDemandFeatureView(old)), Some(Object::OnDemandFeatureView(new))) => found.on_demand(old, new),
        (Some(Object::FeatureService(old)), Some(Object::FeatureService(new))) => found.service(old, new),
        _ => {}
    }
    if found.0.is_empty() {
        found.push("stored form", None, Some("rewritten".to_owned()));
    }
    found.0
}

#[derive(Default)]
struct Details(Vec<Detail>);

impl Details {
    fn push(&mut self, field: impl Into<String>, from: Option<String>, to: Option<String>) {
        if from != to {
            self.0.push(Detail { field: field.into(), from, to });
        }
    }

    /// A text; an empty one is absent.
    fn text(&mut self, field: &str, from: impl Display, to: impl Display) {
        let shown = |text: String| Some(text).filter(|text| !text.is_empty());
        self.push(field, shown(from.to_string()), shown(to.to_string()));
    }

    fn span(&mut self, field: &str, from: Option<Span>, to: Option<Span>) {
        let shown = |span: Option<Span>| span.filter(|span| *span != Span::ZERO).map(|span| span.to_string());
        self.push(field, shown(from), shown(to));
    }

    fn maps(&mut self, word: &str, old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) {
        for (key, from) in old {
            self.push(format!("{word} {key}"), Some(from.clone()), new.get(key).cloned());
        }
        for (key, to) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
            self.push(format!("{word} {key}"), None, Some(to.clone()));
        }
    }

    /// What every object has.
    fn labels(&mut self, old: (&str, &Tags, &str), new: (&str, &Tags, &str)) {
        self.text("description", old.0, new.0);
        self.maps("tag", old.1, new.1);
        self.text("owner", old.2, new.2);
    }

    fn fields(&mut self, word: &str, old: &[Field], new: &[Field]) {
        for from in old {
            let Some(to) = new.iter().find(|to| to.name == from.name) else {
                self.push(format!("{word} {}", from.name), Some(from.dtype.to_string()), None);
                continue;
            };
            self.field(word, from, to);
        }
        for to in new.iter().filter(|to| !old.iter().any(|from| from.name == to.name)) {
            self.push(format!("{word} {}", to.name), None, Some(to.dtype.to_string()));
        }
        let order = |fields: &[Field]| fields.iter().map(|f| f.name.clone()).collect::<Vec<_>>();
        let (from, to) = (order(old), order(new));
        let sorted = |mut names: Vec<String>| {
            names.sort();
            names
        };
        if from != to && sorted(from.clone()) == sorted(to.clone()) {
            self.push(format!("order of {word}s"), Some(from.join(", ")), Some(to.join(", ")));
        }
    }

    fn field(&mut self, word: &str, from: &Field, to: &Field) {
        let name = format!("{word} {}", from.name);
        self.push(&name, Some(from.dtype.to_string()), Some(to.dtype.to_string()));
        self.text(&format!("{name} description"), &from.description, &to.description);
        self.maps(&format!("{name} tag"), &from.tags, &to.tags);
        let vector = |f: &Field| format!("{} {} {}", f.vector_index, f.vector_length, f.vector_search_metric);
        self.text(&format!("{name} vector"), vector(from), vector(to));
    }

    fn project(&mut self, old: &Project, new: &Project) {
        self.labels((&old.description, &old.tags, &old.owner), (&new.description, &new.tags, &new.owner));
    }

    fn entity(&mut self, old: &Entity, new: &Entity) {
        self.text("join_key", &old.join_key, &new.join_key);
        let shown = |kind: ValueType| if kind == ValueType::Unknown { "" } else { kind.name() };
        self.text("value_type", shown(old.value_type), shown(new.value_type));
        self.labels((&old.description, &old.tags, &old.owner), (&new.description, &new.tags, &new.owner));
    }

    /// A source; `place` names the one that it is nested in.
    fn source(&mut self, place: &str, old: &DataSource, new: &DataSource) {
        let start = self.0.len();
        self.text("name", &old.name, &new.name);
        self.text("type", old.class_name(), new.class_name());
        self.kind(&old.kind, &new.kind);
        self.text("timestamp_field", &old.timestamp_field, &new.timestamp_field);
        self.text("created_timestamp_column", &old.created_timestamp_column, &new.created_timestamp_column);
        self.text("date_partition_column", &old.date_partition_column, &new.date_partition_column);
        self.maps("field_mapping", &old.field_mapping, &new.field_mapping);
        self.optional_source("batch_source ", old.batch_source.as_deref(), new.batch_source.as_deref());
        self.labels((&old.description, &old.tags, &old.owner), (&new.description, &new.tags, &new.owner));
        for detail in self.0.iter_mut().skip(start) {
            detail.field.insert_str(0, place);
        }
    }

    fn optional_source(&mut self, place: &str, old: Option<&DataSource>, new: Option<&DataSource>) {
        if let (Some(old), Some(new)) = (old, new) {
            self.source(place, old, new);
            return;
        }
        let name = |source: Option<&DataSource>| source.map(|source| source.name.clone());
        self.push(place.trim_end(), name(old), name(new));
    }

    fn kind(&mut self, old: &SourceKind, new: &SourceKind) {
        match (old, new) {
            (SourceKind::File(old), SourceKind::File(new)) => {
                self.text("path", &old.path, &new.path);
                let shown = |format: Option<FileFormat>| match format {
                    Some(FileFormat::Delta) => "delta",
                    _ => "parquet",
                };
                self.text("file_format", shown(old.file_format), shown(new.file_format));
                self.text("s3_endpoint_override", &old.s3_endpoint_override, &new.s3_endpoint_override);
            }
            (SourceKind::Kinesis(old), SourceKind::Kinesis(new)) => {
                self.text("region", &old.region, &new.region);
                self.text("stream_name", &old.stream_name, &new.stream_name);
                self.text("record_format", record_format(&old.record_format), record_format(&new.record_format));
                let (from, to) = (old.watermark_delay_threshold, new.watermark_delay_threshold);
                self.span("watermark_delay_threshold", from, to);
                self.maps("x-kinesis", &kinesis_options(&old.options), &kinesis_options(&new.options));
            }
            (SourceKind::Kafka(old), SourceKind::Kafka(new)) => {
                self.text("kafka_bootstrap_servers", &old.bootstrap_servers, &new.bootstrap_servers);
                self.text("topic", &old.topic, &new.topic);
                self.text("message_format", record_format(&old.message_format), record_format(&new.message_format));
                let (from, to) = (old.watermark_delay_threshold, new.watermark_delay_threshold);
                self.span("watermark_delay_threshold", from, to);
            }
            (SourceKind::Request { schema: old }, SourceKind::Request { schema: new }) => {
                self.fields("field", old, new);
            }
            _ => {}
        }
    }

    fn view(&mut self, old: &FeatureView, new: &FeatureView) {
        self.text("name", &old.name, &new.name);
        self.text("kind", class(old.kind), class(new.kind));
        self.text("entities", old.entities.join(", "), new.entities.join(", "));
        self.fields("join key", &old.entity_columns, &new.entity_columns);
        self.fields("feature", &old.features, &new.features);
        self.span("ttl", old.ttl, new.ttl);
        self.text("online", old.online, new.online);
        self.text("offline", old.offline, new.offline);
        self.optional_source("batch_source ", old.batch_source.as_ref(), new.batch_source.as_ref());
        self.optional_source("stream_source ", old.stream_source.as_ref(), new.stream_source.as_ref());
        self.optional_source("sink_source ", old.sink_source.as_ref(), new.sink_source.as_ref());
        self.text("source views", old.source_views.join(", "), new.source_views.join(", "));
        self.text("mode", old.mode.as_deref().unwrap_or(""), new.mode.as_deref().unwrap_or(""));
        self.transformation(old.transformation.as_ref(), new.transformation.as_ref());
        self.aggregations(&old.aggregations, &new.aggregations);
        self.text("timestamp_field", &old.timestamp_field, &new.timestamp_field);
        self.text("enable_tiling", old.enable_tiling, new.enable_tiling);
        self.span("tiling_hop_size", old.tiling_hop_size, new.tiling_hop_size);
        self.text("enable_validation", old.enable_validation, new.enable_validation);
        self.text("version", &old.version, &new.version);
        self.text("enabled", old.enabled, new.enabled);
        self.text("org", &old.org, &new.org);
        self.labels((&old.description, &old.tags, &old.owner), (&new.description, &new.tags, &new.owner));
    }

    fn on_demand(&mut self, old: &OnDemandFeatureView, new: &OnDemandFeatureView) {
        let request = |source: &OnDemandSource| match source {
            OnDemandSource::View(projection) => shown_projection(projection),
            OnDemandSource::Request(source) => match &source.kind {
                SourceKind::Request { schema } => shown_fields(schema),
                _ => source.name.clone(),
            },
        };
        let shown = |view: &OnDemandFeatureView| -> BTreeMap<String, String> {
            view.sources.iter().map(|(name, source)| (name.clone(), request(source))).collect()
        };
        self.maps("source", &shown(old), &shown(new));
        self.text("entities", old.entities.join(", "), new.entities.join(", "));
        self.fields("feature", &old.features, &new.features);
        self.text("mode", old.mode.as_deref().unwrap_or(""), new.mode.as_deref().unwrap_or(""));
        self.transformation(old.transformation.as_ref(), new.transformation.as_ref());
        self.aggregations(&old.aggregations, &new.aggregations);
        self.text("write_to_online_store", old.write_to_online_store, new.write_to_online_store);
        self.text("singleton", old.singleton, new.singleton);
        self.text("track_metrics", old.track_metrics, new.track_metrics);
        self.text("version", &old.version, &new.version);
        self.text("enabled", old.enabled, new.enabled);
        self.text("org", &old.org, &new.org);
        self.labels((&old.description, &old.tags, &old.owner), (&new.description, &new.tags, &new.owner));
    }

    fn service(&mut self, old: &FeatureService, new: &FeatureService) {
        let shown = |service: &FeatureService| -> BTreeMap<String, String> {
            service.features.iter().map(|p| (p.name_to_use().to_owned(), shown_projection(p))).collect()
        };
        self.maps("features of", &shown(old), &shown(new));
        self.text("logging_config", format!("{:?}", old.logging_config), format!("{:?}", new.logging_config));
        self.text("precompute_online", old.precompute_online, new.precompute_online);
        self.labels((&old.description, &old.tags, &old.owner), (&new.description, &new.tags, &new.owner));
    }

    /// Expression by expression where both are expressions.
    fn transformation(&mut self, old: Option<&Transformation>, new: Option<&Transformation>) {
        if let (
            Some(Transformation::Expressions { expressions: from, filter: old_filter }),
            Some(Transformation::Expressions { expressions: to, filter: new_filter }),
        ) = (old, new)
        {
            let map = |list: &[(String, String)]| list.iter().cloned().collect::<BTreeMap<_, _>>();
            self.maps("expression", &map(from), &map(to));
            self.push("filter", old_filter.clone(), new_filter.clone());
            return;
        }
        self.push("transformation", old.map(shown_transformation), new.map(shown_transformation));
    }

    fn aggregations(&mut self, old: &[Aggregation], new: &[Aggregation]) {
        let shown = |list: &[Aggregation]| {
            let span = |span: Option<Span>| span.map_or("-".to_owned(), |span| span.to_string());
            let one = |a: &Aggregation| {
                format!("{}({}) {} {} {}", a.function, a.column, span(a.time_window), span(a.slide_interval), a.name)
            };
            list.iter().map(one).collect::<Vec<_>>().join("; ")
        };
        self.text("aggregations", shown(old), shown(new));
    }
}

fn class(kind: ViewKind) -> &'static str {
    match kind {
        ViewKind::FeatureView => "FeatureView",
        ViewKind::BatchFeatureView => "BatchFeatureView",
        ViewKind::StreamFeatureView => "StreamFeatureView",
    }
}

fn record_format(format: &RecordFormat) -> String {
    match format {
        RecordFormat::Json(schema) => format!("json {schema}"),
        RecordFormat::Avro(schema) => format!("avro {schema}"),
        RecordFormat::Proto(class) => format!("proto {class}"),
    }
}

fn shown_fields(fields: &[Field]) -> String {
    fields.iter().map(|field| format!("{} {}", field.name, field.dtype)).collect::<Vec<_>>().join(", ")
}

fn shown_projection(projection: &Projection) -> String {
    let names: Vec<&str> = projection.features.iter().map(|field| field.name.as_str()).collect();
    let keys: Vec<String> = projection.join_key_map.iter().map(|(from, to)| format!("{from} as {to}")).collect();
    let keys = if keys.is_empty() { String::new() } else { format!(" with {}", keys.join(", ")) };
    let version = projection.version_tag.map_or_else(String::new, |version| format!(" at v{version}"));
    format!("{}[{}]{keys}{version}", projection.view, names.join(", "))
}

fn shown_transformation(transformation: &Transformation) -> String {
    match transformation {
        Transformation::Sql(sql) => sql.clone(),
        Transformation::UdfString(text) => text.clone(),
        Transformation::Expressions { expressions, .. } => {
            expressions.iter().map(|(name, text)| format!("{name} = {text}")).collect::<Vec<_>>().join("; ")
        }
    }
}

use super::*;
use crate::model::{
    DataType, FeatureView, LateRecords, ObjectId, ObjectKind, OnDemandSource, RecordFormat, Span, StartPosition,
    Transformation, ViewKind,
};

/// The example of Feast's documentation, as the design writes it down.
const DRIVER: &str = r#"
entities:
  - name: driver
    join_keys: [driver_id]
    value_type: INT64

data_sources:
  - type: FileSource
    name: driver_stats_source
    path: data/driver_stats.parquet
    timestamp_field: event_timestamp

  - type: KinesisSource
    name: driver_stats_stream
    stream_name: drivers
    region: ${AWS_REGION:-us-east-1}  # required by Feast's API, missing in its example
    timestamp_field: event_timestamp
    batch_source: driver_stats_source
    record_format:
      type: JsonFormat
      schema_json: "driver_id integer, event_timestamp timestamp, conv_rate double, acc_rate double, created timestamp"
    watermark_delay_threshold: 5m

stream_feature_views:
  - name: driver_hourly_stats_stream
    entities: [driver]
    ttl: 8640000000s
    mode: sql
    schema:
      - {name: conv_percentage, dtype: Float32}
      - {name: acc_percentage, dtype: Float32}
    timestamp_field: event_timestamp
    online: true
    source: driver_stats_stream
    feature_transformation:
      expressions:
        conv_percentage: conv_rate * 100.0
        acc_percentage: acc_rate * 100.0
"#;

fn features(view: &FeatureView) -> Vec<String> {
    view.features.iter().map(|field| format!("{} {}", field.name, field.dtype)).collect()
}

fn entity_columns(view: &FeatureView) -> Vec<String> {
    view.entity_columns.iter().map(|field| format!("{} {}", field.name, field.dtype)).collect()
}

fn only_view(text: &str) -> FeatureView {
    good(text).definitions.feature_views.remove(0)
}

#[test]
fn the_kinesis_example_means_what_the_docs_say() {
    let loaded = good(DRIVER);
    let view = &loaded.definitions.feature_views[0];
    assert_eq!((view.kind, view.name.as_str()), (ViewKind::StreamFeatureView, "driver_hourly_stats_stream"));
    assert_eq!(features(view), ["conv_percentage Float32", "acc_percentage Float32"]);
    assert_eq!(entity_columns(view), ["driver_id Int64"]);
    assert_eq!(view.ttl, Some(Span::from_seconds(8_640_000_000)));
    assert_eq!((view.mode.as_deref(), view.online, view.offline), (Some("sql"), true, false));
    let expected = [("conv_percentage", "conv_rate * 100.0"), ("acc_percentage", "acc_rate * 100.0")];
    let Some(Transformation::Expressions { expressions, filter: None }) = &view.transformation else { panic!() };
    assert_eq!(expressions, &expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    let stream = view.stream_source.as_ref().unwrap();
    let SourceKind::Kinesis(kinesis) = &stream.kind else { panic!() };
    assert_eq!((kinesis.region.as_str(), kinesis.stream_name.as_str()), ("us-east-1", "drivers"));
    assert_eq!(kinesis.watermark_delay_threshold, Some(Span::from_seconds(300)));
    assert!(matches!(&kinesis.record_format, RecordFormat::Json(text) if text.starts_with("driver_id integer")));
    assert_eq!(view.batch_source.as_ref().unwrap().name, "driver_stats_source");
    assert_eq!(stream.batch_source.as_deref(), view.batch_source.as_ref());
    assert_eq!(loaded.definitions.data_sources.len(), 2);
    assert!(loaded.warnings.is_empty());
    let id = ObjectId::new(ObjectKind::StreamFeatureView, "driver_hourly_stats_stream");
    assert_eq!(loaded.definitions.origins[&id].to_string(), "features.yaml:25:5");
}

#[test]
fn the_sql_form_and_a_json_schema_are_read() {
    let text = DRIVER
        .replace("      expressions:\n        conv_percentage: conv_rate * 100.0\n        acc_percentage: acc_rate * 100.0\n",
                 "      sql: |\n        SELECT driver_id, conv_rate * 100.0 AS conv_percentage\n        FROM source\n")
        .replace("    mode: sql\n", "")
        .replace("schema_json: \"driver_id integer, event_timestamp timestamp, conv_rate double, acc_rate double, created timestamp\"",
                 "schema_json: {properties: {driver_id: {type: integer}, event_timestamp: {type: string, format: date-time}}}");
    let view = only_view(&text);
    assert_eq!(view.mode.as_deref(), Some("sql"));
    assert!(matches!(&view.transformation, Some(Transformation::Sql(sql)) if sql.ends_with("FROM source\n")));
    let SourceKind::Kinesis(kinesis) = &view.stream_source.unwrap().kind else { panic!() };
    assert!(matches!(&kinesis.record_format, RecordFormat::Json(text) if text.starts_with("{\"properties\"")));
}

/// The Python repo behind the golden registry (`tests/golden/feast/repo/defs.py`), its pieces in YAML.
const FLEET: &str = r#"
entities:
  - {name: driver, join_keys: [driver_id], value_type: INT64, description: a driver, tags: {team: fleet, tier: 1}, owner: fleet@example.com}
data_sources:
  - {type: file, name: src, path: data/driver_stats.parquet, timestamp_field: event_timestamp, created_timestamp_column: created, tags: {pii: "no"}}
  - {type: push, name: push_src, batch_source: src}
  - {type: push, name: stream_src, batch_source: src}
  - type: kafka
    name: kafka_src
    timestamp_field: event_timestamp
    message_format: {type: JsonFormat, schema_json: x}
    kafka_bootstrap_servers: ${HOST}:9092
    topic: trips
    batch_source: src
    watermark_delay_threshold: {minutes: 5}
x-schema: &schema
  - {name: driver_id, dtype: Int64}
  - {name: conv_rate, dtype: Float32, description: conversion, tags: {unit: ratio}}
  - acc_rate: Float32
  - {name: note, dtype: String}
feature_views:
  - {name: driver_trips, entities: [driver], ttl: 1d, schema: *schema, source: src, tags: {stage: prod}}
  - {name: driver_trips_push, entities: [driver], schema: *schema, source: push_src}
stream_feature_views:
  - {name: driver_trips_stream, entities: [driver], ttl: PT3H, schema: *schema, source: stream_src}
  - {name: driver_trips_kafka, entities: [driver], ttl: {hours: 4}, schema: *schema, source: kafka_src, mode: python, timestamp_field: event_timestamp}
feature_services:
  - name: driver_svc
    features:
      - {feature_view: driver_trips, features: [conv_rate, note]}
      - driver_trips_stream
  - name: pair_svc
    features:
      - {feature_view: driver_trips, features: [conv_rate], name_alias: left, join_key_map: {driver_id: left_id}}
      - {feature_view: driver_trips, features: [conv_rate], name_alias: right, join_key_map: {driver_id: right_id}, version: v3}
"#;

#[test]
fn the_golden_repo_means_what_feast_registered() {
    let definitions = good(FLEET).definitions;
    let golden =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/feast/registry_after_apply.json"));
    let golden: serde_json::Value = serde_json::from_str(&golden.unwrap()).unwrap();
    let registered = |table: &str, name: &str| -> serde_json::Value {
        let rows = golden[table].as_array().unwrap();
        let row = rows.iter().find(|row| row["feature_view_name"] == name).unwrap();
        row["feature_view_proto__json"]["spec"].clone()
    };
    for (table, name) in [
        ("feature_views", "driver_trips"),
        ("feature_views", "driver_trips_push"),
        ("stream_feature_views", "driver_trips_stream"),
        ("stream_feature_views", "driver_trips_kafka"),
    ] {
        let view = definitions.feature_view(name).unwrap();
        let spec = registered(table, name);
        // avg_daily_trips is an int32 column in this test's file and was left out
        let columns = |list: &serde_json::Value| -> Vec<(String, String)> {
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            let mut columns: Vec<_> = list
                .as_array()
                .unwrap()
                .iter()
                .map(|field| (text(&field["name"]), text(&field["value_type"])))
                .filter(|(name, _)| name != "avg_daily_trips")
                .collect();
            columns.sort();
            columns
        };
        let ours = |fields: &[crate::model::Field]| -> Vec<(String, String)> {
            let mut columns: Vec<_> =
                fields.iter().map(|f| (f.name.clone(), f.dtype.value_type().name().to_owned())).collect();
            columns.sort();
            columns
        };
        assert_eq!(ours(&view.features), columns(&spec["features"]), "{name}");
        assert_eq!(ours(&view.entity_columns), columns(&spec["entity_columns"]), "{name}");
        assert_eq!(spec["ttl"], format!("{}s", view.ttl.unwrap().seconds()), "{name}");
        assert_eq!(spec["stream_source"]["timestamp_field"].as_str(), {
            let kafka_or_push = view.stream_source.as_ref();
            kafka_or_push.map(|source| source.timestamp_field.as_str())
        });
    }
    assert_eq!(definitions.feature_view("driver_trips_stream").unwrap().mode.as_deref(), Some("python"));
    let kafka = definitions.data_sources.iter().find(|source| source.name == "kafka_src").unwrap();
    let SourceKind::Kafka(kafka) = &kafka.kind else { panic!() };
    assert_eq!(kafka.bootstrap_servers, "localhost:9092");
    assert_eq!(definitions.entities[0].tags["tier"], "1");
}

#[test]
fn services_project_views() {
    let definitions = good(FLEET).definitions;
    let [service, pair] = definitions.feature_services.as_slice() else { panic!() };
    let names = |at: usize| -> Vec<&str> { service.features[at].features.iter().map(|f| f.name.as_str()).collect() };
    assert_eq!(names(0), ["conv_rate", "note"]);
    assert_eq!(names(1), ["conv_rate", "acc_rate", "note"]);
    assert_eq!(pair.features[1].name_to_use(), "right");
    assert_eq!(pair.features[1].join_key_map["driver_id"], "right_id");
    assert_eq!((pair.features[1].version_tag, pair.features[1].view_type.as_str()), (Some(3), "featureView"));
    assert_eq!(pair.features[0].batch_source.as_ref().unwrap().name, "src");
}

#[test]
fn schemas_keys_and_timestamps_are_inferred() {
    let view = only_view(&format!("{BASE}feature_views: [{{name: v, entities: [driver], source: stats}}]\n"));
    let expected = ["conv_rate Float32", "acc_rate Float64", "avg_daily_trips Int32", "note String"];
    assert_eq!(features(&view), expected);
    let view = only_view(
        "entities: [{name: id}]\nfeature_views:\n  - name: v\n    entities: [id]\n    source: {type: file, path: data/one_time.parquet, field_mapping: {x: y}}\n",
    );
    assert_eq!((entity_columns(&view), features(&view)), (vec!["id String".to_owned()], vec!["y Float64".to_owned()]));
    assert_eq!(view.batch_source.as_ref().unwrap().timestamp_field, "at");
    assert_eq!(view.batch_source.as_ref().unwrap().name, "data/one_time.parquet");
    let view = only_view(&format!("{BASE}feature_views: [{{name: v, source: stats, schema: [note: String]}}]\n"));
    assert_eq!((view.entities.len(), entity_columns(&view)), (0, vec!["__dummy_id String".to_owned()]));
}

#[test]
fn sources_take_all_their_options() {
    let text = r#"
data_sources:
  - type: KinesisSource
    name: s
    record_format: {type: json, schema_json: "id bigint, t timestamp"}
    x-kinesis:
      stream_arn: arn:aws:kinesis:eu-west-1:123456789012:stream/drivers
      start: AT_TIMESTAMP
      at_timestamp: 7d-ago
      max_records: 500
      reads_per_second: 1000
      enhanced_fan_out: true
      consumer_name: me
      late: dead_letter
      endpoint_url: http://${HOST}:4566
  - type: RequestSource
    name: r
    schema: [{name: a, dtype: {Array: Int64}}, {name: s, dtype: "Struct({x: String})"}]
"#;
    let sources = good(text).definitions.data_sources;
    let SourceKind::Kinesis(kinesis) = &sources[0].kind else { panic!() };
    assert_eq!((kinesis.region.as_str(), kinesis.stream_name.as_str()), ("eu-west-1", "drivers"));
    assert_eq!(sources[0].timestamp_field, "t");
    let options = &kinesis.options;
    let week_ago = Timestamp::from_micros(NOW.micros() - 7 * 86_400_000_000);
    assert_eq!(options.start, StartPosition::AtTimestamp(week_ago));
    assert_eq!((options.max_records, options.late), (500, LateRecords::DeadLetter));
    assert_eq!(options.endpoint_url.as_deref(), Some("http://localhost:4566"));
    let SourceKind::Request { schema } = &sources[1].kind else { panic!() };
    assert_eq!(schema[0].dtype, DataType::Array(Box::new(DataType::Int64)));
    assert_eq!(schema[1].dtype.to_string(), "Struct({x: String})");
}

#[test]
fn on_demand_views_take_views_projections_and_requests() {
    let text = format!(
        "{BASE}feature_views: [{{name: v, entities: [driver], source: stats}}]
on_demand_feature_views:
  - name: o
    sources:
      - {{feature_view: v, features: [conv_rate]}}
      - {{type: RequestSource, name: req, schema: [val: Int64]}}
    schema: [plus: Float64]
    feature_transformation: {{expressions: {{plus: conv_rate + val}}}}
  - name: p
    input_schema: [val: Int64]
    schema: [out: Int64]
    feature_transformation: {{udf_string: 'def p(x): return x'}}
feature_services: [{{name: s, features: [o]}}]
"
    );
    let loaded = good(&text);
    let [o, p] = loaded.definitions.on_demand_feature_views.as_slice() else { panic!() };
    assert_eq!(o.sources.keys().collect::<Vec<_>>(), ["req", "v"]);
    assert!(matches!(&o.sources["v"], OnDemandSource::View(v) if v.features.len() == 1));
    assert_eq!((o.mode.as_deref(), p.mode.as_deref()), (Some("sql"), Some("python")));
    assert_eq!(p.sources.keys().collect::<Vec<_>>(), ["__input_schema__p"]);
    assert_eq!(loaded.definitions.feature_services[0].features[0].view, "o");
    assert_eq!(loaded.warnings.len(), 1);
}

#[test]
fn derived_views_sinks_and_defaults() {
    let text = format!(
        "{BASE}  - {{type: file, name: log, path: data/log, timestamp_field: event_timestamp}}
feature_views:
  - {{name: v, entities: [driver], source: stats, ttl: null, x-renamed-from: old, version: 3}}
  - {{name: d, entities: [driver], source: v, sink_source: log, schema: [a: Int64]}}
batch_feature_views:
  - name: b
    entities: [driver]
    source: stats
    schema: [twice: Float64]
    mode: expr
    feature_transformation: {{expressions: {{twice: acc_rate * 2}}, filter: acc_rate > 0}}
    batch_engine: {{type: local}}
"
    );
    let views = good(&text).definitions.feature_views;
    assert_eq!((views[0].ttl, views[0].renamed_from.as_deref(), views[0].version.as_str()), (None, Some("old"), "v3"));
    assert_eq!(views[1].source_views, ["v"]);
    assert_eq!(views[1].batch_source, views[1].sink_source);
    assert_eq!(views[1].ttl, Some(Span::ZERO));
    assert_eq!((views[2].online, views[2].ttl, views[2].mode.as_deref()), (false, None, Some("sql")));
    assert!(matches!(&views[2].transformation, Some(Transformation::Expressions { filter: Some(_), .. })));
}

#[test]
fn files_documents_anchors_and_other_yaml() {
    let loaded = load_files(
        &[
            ("a.yaml", BASE),
            ("sub/b.yml", "x-base: &base {entities: [driver], source: stats}\nfeature_views:\n  - {<<: *base, name: v}\n---\nfeature_services: [{name: s, features: [v]}]\n"),
            ("chart.yaml", "replicas: {{ .Values.replicas }}\n"),
            ("other.yaml", "hello: world\n"),
            ("perms.yaml", "permissions: [{name: p}]\n"),
            ("project.yaml", "projects: [{name: fleet, description: all cars}]\n"),
        ],
        false,
    )
    .unwrap();
    assert_eq!(loaded.definitions.feature_views.len(), 1);
    assert_eq!(loaded.definitions.feature_services.len(), 1);
    assert_eq!(loaded.definitions.project.description, "all cars");
    assert_eq!(loaded.notices.len(), 3, "{:?}", loaded.notices);
}

#[test]
fn sources_are_not_opened_when_that_is_asked_for() {
    let text = "data_sources: [{type: file, name: s, path: data/gone.parquet, timestamp_field: t}]\nfeature_views: [{name: v, source: s, schema: [a: Int64]}]\n";
    assert!(load_files(&[("f.yaml", text)], true).is_ok());
    assert_eq!(wrong(text)[0].code, "E0219");
}

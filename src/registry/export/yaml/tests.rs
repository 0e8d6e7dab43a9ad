use super::*;
use crate::model::{SourceKind, Transformation};
use crate::registry::export::samples;

fn assert_has(text: &str, part: &str) {
    assert!(text.contains(part), "{part}\n--- is not in\n{text}");
}

#[test]
fn a_file_is_yaml_and_says_only_what_differs() {
    let text = yaml(&samples::definitions());
    assert!(text.starts_with(HEADER), "{text}");
    let value: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    let keys: Vec<&str> = value.as_mapping().unwrap().keys().filter_map(|key| key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "projects",
            "entities",
            "data_sources",
            "feature_views",
            "batch_feature_views",
            "stream_feature_views",
            "on_demand_feature_views",
            "feature_services"
        ]
    );
    for default in ["null", "latest", "offline: false", "x-renamed-from", "mode:", "owner: \"\""] {
        assert!(!text.contains(default), "{default}\n{text}");
    }
}

#[test]
fn entities_and_texts_are_written_safely() {
    assert_has(
        &yaml(&samples::definitions()),
        "entities:
  - name: driver
    join_keys: [driver_id]
    value_type: INT64
    description: |-
      a \"driver\"
      of $$cars
    tags:
      team: \"é\"
  - name: zone
",
    );
}

#[test]
fn sources_are_named_where_the_project_has_them_and_written_where_not() {
    let mut definitions = samples::definitions();
    let text = yaml(&definitions);
    assert_has(
        &text,
        "  - type: KinesisSource
    name: driver_stats_stream
    region: us-east-1
    stream_name: drivers
    record_format:
      type: JsonFormat
      schema_json: driver_id integer, conv_rate double
    timestamp_field: event_timestamp
    batch_source: driver_stats_source
    watermark_delay_threshold: 5m
    x-kinesis:
      start: TRIM_HORIZON
      max_records: 500
",
    );
    assert_has(&text, "  - name: odd\n    source:\n      type: FileSource\n      path: data/odd.parquet\n");
    assert_has(&text, "    sink_source:\n      type: FileSource\n      name: log\n");
    // a copy that is not the project's own
    if let Some(source) = &mut definitions.feature_views[0].batch_source {
        source.owner = "other".to_owned();
    }
    assert_has(&yaml(&definitions), "  - name: driver_hourly_stats\n    source:\n      type: FileSource\n");
}

#[test]
fn an_arn_stands_for_the_name_in_it() {
    let mut definitions = samples::definitions();
    if let SourceKind::Kinesis(kinesis) = &mut definitions.data_sources[0].kind {
        kinesis.options.stream_arn = Some("arn:aws:kinesis:us-east-1:1:stream/drivers".to_owned());
    }
    let text = yaml(&definitions);
    let source = text.split("type: KafkaSource").next().unwrap();
    assert!(!source.contains("stream_name"), "{text}");
    assert_has(&text, "      stream_arn: \"arn:aws:kinesis:us-east-1:1:stream/drivers\"\n");
}

#[test]
fn views_keep_their_schema_and_transformation() {
    let text = yaml(&samples::definitions());
    assert_has(
        &text,
        "feature_views:
  - name: driver_hourly_stats
    source: driver_stats_source
    entities: [driver, zone]
    schema:
      - {name: driver_id, dtype: Int64}
      - {name: zone, dtype: String}
      - {name: conv_rate, dtype: Float32}
      - {name: trips, dtype: Int64}
    ttl: 1d
    tags:
      \"a: b\": \"no\"
",
    );
    assert_has(
        &text,
        "    offline: true
    feature_transformation:
      sql: |-
        SELECT driver_id, event_timestamp,
               conv_rate * 100.0 AS conv_percentage
        FROM source
",
    );
    assert_has(&text, "      - {column: conv_rate, function: sum, time_window: 1h, slide_interval: 1h}\n");
    assert_has(&text, "      - {name: info, dtype: \"Struct({a: String})\"}\n    online: true\n");
}

#[test]
fn join_keys_among_the_features_of_a_stream_view_are_not_declared() {
    let mut definitions = samples::definitions();
    let pushed = definitions.feature_views.iter_mut().find(|view| view.name == "driver_pushed").unwrap();
    let keys = pushed.entity_columns.clone();
    pushed.features.extend(keys);
    assert_eq!(yaml(&definitions), yaml(&samples::definitions()));
}

#[test]
fn services_and_on_demand_views_keep_their_projections() {
    let text = yaml(&samples::definitions());
    assert_has(
        &text,
        "    features:
      - {feature_view: driver_hourly_stats, name_alias: all}
      - {feature_view: driver_hourly_stats, features: [conv_rate], name_alias: ds, join_key_map: {driver_id: id}}
    logging_config:
",
    );
    assert_has(
        &text,
        "    sources:\n      - {feature_view: driver_hourly_stats, features: [conv_rate]}\n      - vals\n",
    );
}

#[test]
fn what_only_python_can_run_is_a_comment() {
    let mut definitions = samples::definitions();
    let text = "def f(inputs):\n\n    return {}\n".to_owned();
    definitions.on_demand_feature_views[0].transformation = Some(Transformation::UdfString(text));
    definitions.feature_services[0].features[0].view = "transformed".to_owned();
    let text = yaml(&definitions);
    assert_has(
        &text,
        "
# on_demand_feature_views:
  # left out: a Python function computes it, which only Python Feast can run
  # - name: transformed
",
    );
    assert_has(&text, "  #       def f(inputs):\n  #\n  #           return {}\n");
    assert_has(&text, "\n# feature_services:\n  # left out: it uses `transformed`, which is left out\n");
    let value: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    assert!(value.get("feature_services").is_none(), "{text}");
}

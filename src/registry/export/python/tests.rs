use super::*;
use crate::model::{FeatureView, OnDemandFeatureView, SourceKind, Transformation};
use crate::registry::export::samples;

fn assert_has(text: &str, part: &str) {
    assert!(text.contains(part), "{part}\n--- is not in\n{text}");
}

#[test]
fn only_what_is_used_is_imported() {
    let entities = samples::definitions().entities;
    let text = python(&Definitions { entities, ..Definitions::default() });
    let expected = r#"# Feast definitions, written by `feast-rs registry export --format python`.

from feast import Entity, ValueType

driver = Entity(
    name="driver",
    join_keys=["driver_id"],
    value_type=ValueType.INT64,
    description=(
        "a \"driver\"\n"
        "of $cars"
    ),
    tags={"team": "é"},
)

zone = Entity(name="zone", join_keys=["zone"])
"#;
    assert_eq!(text, expected);
}

#[test]
fn a_kinesis_stream_view_is_a_plain_view_that_python_leaves_alone() {
    let text = python(&samples::definitions());
    assert_has(
        &text,
        r#"
driver_stream = FeatureView(
    name="driver_stream",
    source=driver_stats_stream,
    entities=[driver],
    schema=[Field(name="conv_percentage", dtype=Float32)],
    ttl=timedelta(days=100000),
    online=False,
    tags={
        "feast-rs:kind": "StreamFeatureView",
        "feast-rs:mode": "sql",
        "feast-rs:offline": "false",
        "feast-rs:online": "true",
        "feast-rs:timestamp_field": "event_timestamp",
        "feast-rs:transformation": "{\"expressions\":{\"conv_percentage\":\"conv_rate * 100.0\"}}",
    },
)
"#,
    );
    assert_has(
        &text,
        r#"    batch_source=driver_stats_source,
    tags={
        "feast-rs:kinesis.max_records": "500",
        "feast-rs:kinesis.start": "TRIM_HORIZON",
        "feast-rs:watermark_delay_threshold": "5m",
    },
"#,
    );
}

#[test]
fn a_log_takes_the_place_of_the_batch_source() {
    let text = python(&samples::definitions());
    let view = text.split("\ndriver_logged = ").nth(1).unwrap();
    let log = view.find("\ndriver_logged.batch_source = log\ndriver_logged.projection = ").unwrap();
    assert!(!view[..log].contains("online="), "{view}");
    assert!(text.find("\nlog = FileSource(").unwrap() < text.find("\ndriver_logged = ").unwrap());
}

#[test]
fn stream_views_over_push_and_kafka_are_feasts_own() {
    let text = python(&samples::definitions());
    assert_has(
        &text,
        r#"
driver_pushed = StreamFeatureView(
    name="driver_pushed",
    source=driver_push,
    entities=[driver],
    schema=[Field(name="conv_percentage", dtype=Float32)],
    mode="python",
)
"#,
    );
    assert_has(&text, "    watermark_delay_threshold=timedelta(seconds=90),\n");
    assert_has(&text, "\ndriver_kafka_stream.enabled = False\n");
}

#[test]
fn on_demand_views_bring_their_function() {
    let text = python(&samples::definitions());
    assert_has(&text, "\n\n\ndef transformed(inputs):\n");
    assert_has(
        &text,
        r#"
transformed_2 = OnDemandFeatureView(
    name="transformed",
    sources=[driver_hourly_stats[["conv_rate"]].projection, vals],
    schema=[Field(name="sum", dtype=Float32)],
    mode="python",
    udf=transformed,
    udf_string=inspect.getsource(transformed),
    track_metrics=True,
"#,
    );
    assert_has(&text, "\ntransformed_2.infer_features = lambda: None\n");
}

#[test]
fn services_keep_selections_aliases_and_versions() {
    let mut definitions = samples::definitions();
    definitions.feature_services[0].features[0].version_tag = Some(3);
    let text = python(&definitions);
    assert_has(
        &text,
        r#"
activity_v1 = FeatureService(
    name="activity-v1",
    features=[
        _at_version(driver_hourly_stats.with_name("all"), 3),
        driver_hourly_stats[["conv_rate"]].with_name("ds").with_join_key_map({"driver_id": "id"}),
    ],
    logging_config=LoggingConfig(
        destination=FileLoggingDestination(path="data/logs", partition_by=["day"]),
        sample_rate=0.1,
    ),
)
"#,
    );
    assert_has(&text, "\ndef _at_version(view, version):\n    view = view.__copy__()\n");
}

#[test]
fn a_function_of_pythons_is_made_from_its_text() {
    let mut definitions = samples::definitions();
    let view = &mut definitions.on_demand_feature_views[0];
    view.transformation = Some(Transformation::UdfString("def f(inputs):\n    return {}\n".to_owned()));
    view.mode = Some("pandas".to_owned());
    let text = python(&definitions);
    assert_has(
        &text,
        r#"    mode="pandas",
    udf=rehydrate_udf_from_source(
        (
            "def f(inputs):\n"
            "    return {}\n"
        ),
    ),
    udf_string=(
        "def f(inputs):\n"
        "    return {}\n"
    ),
"#,
    );
    assert!(!text.contains("feast-rs:transformation\": \"{\\\"udf"), "{text}");
    assert!(!text.contains("infer_features"), "{text}");
}

#[test]
fn what_python_cannot_say_is_a_comment_with_all_that_needs_it() {
    let mut definitions = samples::definitions();
    let view: &mut OnDemandFeatureView = &mut definitions.on_demand_feature_views[0];
    view.transformation = None;
    let foreign = DataSource::new("wh\nouse", SourceKind::Foreign { source_type: 8 });
    definitions.feature_views[0].batch_source = Some(foreign.clone());
    definitions.data_sources.push(foreign);
    let text = python(&definitions);
    assert_has(&text, "\n# left out: data source `wh ouse` is a SnowflakeSource, which only Python Feast can use\n");
    assert_has(&text, "\n# left out: feature view `driver_hourly_stats`: `wh ouse` is a SnowflakeSource");
    assert_has(
        &text,
        "\n# left out: on demand feature view `transformed`: it uses `driver_hourly_stats`, which is left out\n",
    );
    assert_has(
        &text,
        "\n# left out: feature service `activity-v1`: it uses `driver_hourly_stats`, which is left out\n",
    );
    assert!(!text.contains("FeatureService"), "{text}");
}

#[test]
fn derived_views_come_after_their_sources_and_circles_are_left_out() {
    let definitions = samples::definitions();
    let base = definitions.feature_views[0].clone();
    let derived = |name: &str, from: &str| FeatureView {
        name: name.to_owned(),
        source_views: vec![from.to_owned()],
        sink_source: Some(samples::file("sink", "data/sink")),
        ..base.clone()
    };
    let feature_views = vec![derived("b", &base.name), derived("c", "d"), derived("d", "c"), base.clone()];
    let text = python(&Definitions {
        feature_views,
        feature_services: Vec::new(),
        on_demand_feature_views: Vec::new(),
        ..definitions
    });
    assert!(text.find("\ndriver_hourly_stats = ").unwrap() < text.find("\nb = ").unwrap(), "{text}");
    assert_has(&text, "    source=[driver_hourly_stats],\n    sink_source=sink,\n");
    assert_has(&text, "# left out: feature view `c`: a view that it is derived from is not known\n");
}

#[test]
fn sources_that_name_each_other_end() {
    let push = |name: &str, batch: DataSource| DataSource {
        batch_source: Some(Box::new(batch)),
        ..DataSource::new(name, SourceKind::Push)
    };
    let empty = |name: &str| DataSource::new(name, SourceKind::Push);
    let data_sources = vec![push("a", empty("b")), push("b", empty("a"))];
    let text = python(&Definitions { data_sources, ..Definitions::default() });
    assert_has(&text, "\na = PushSource(name=\"a\", batch_source=b)\n");
}

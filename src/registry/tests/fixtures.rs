//! Definitions for tests: those of the golden repo, and those that only feast-rs has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::model::{
    DataSource, DataType, Definitions, Entity, FeatureService, FeatureView, Field, FileSource, KafkaSource,
    KinesisOptions, KinesisSource, OnDemandFeatureView, OnDemandSource, Project, Projection, RecordFormat, SourceKind,
    Span, Tags, Timestamp, Transformation, ValueType, ViewKind,
};
use crate::registry::{Access, Plan, PlanOptions, Registry, TableStep};

pub(super) const NOW: Timestamp = Timestamp::from_micros(1_795_386_012_345_678);
pub(super) const LATER: Timestamp = Timestamp::from_micros(1_795_386_099_000_001);

pub(super) fn golden(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/feast").join(file)
}

/// A copy of a golden registry that a test may change.
pub(super) fn copy(file: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    std::fs::copy(golden(file), &path).unwrap();
    (folder, path)
}

pub(super) fn empty() -> (tempfile::TempDir, Registry) {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(&folder.path().join("data/registry.db"), "fleet", Access::Write).unwrap();
    (folder, registry)
}

pub(super) fn options() -> PlanOptions {
    PlanOptions { online_store_path: Some("/golden/repo/data/online_store.db".to_owned()), ..PlanOptions::default() }
}

pub(super) fn plan(registry: &Registry, desired: &Definitions) -> Plan {
    Plan::between(&registry.snapshot().unwrap(), desired, &options())
}

/// Plans and applies, and does what is pending.
pub(super) fn apply(registry: &mut Registry, desired: &Definitions, now: Timestamp) -> Plan {
    let plan = plan(registry, desired);
    registry.apply(&plan, now).unwrap();
    for step in registry.pending().unwrap() {
        registry.clear_pending(&step).unwrap();
    }
    plan
}

pub(super) fn changes(plan: &Plan) -> Vec<String> {
    plan.changes.iter().map(|change| format!("{:?} {} {}", change.action, change.id.kind, change.id.name)).collect()
}

pub(super) fn pending(plan: &Plan) -> Vec<&TableStep> {
    plan.steps.iter().filter(|step| step.is_pending()).collect()
}

pub(super) fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(super) fn file_source(name: &str, path: &str) -> DataSource {
    let kind =
        SourceKind::File(FileSource { path: path.to_owned(), file_format: None, s3_endpoint_override: String::new() });
    DataSource {
        timestamp_field: "event_timestamp".to_owned(),
        created_timestamp_column: "created".to_owned(),
        ..DataSource::new(name, kind)
    }
}

pub(super) fn trips() -> DataSource {
    DataSource {
        description: "hourly trips".to_owned(),
        tags: tags(&[("pii", "no")]),
        owner: "etl@example.com".to_owned(),
        ..file_source("driver_trips_src", "data/driver_trips.parquet")
    }
}

pub(super) fn push_source(name: &str) -> DataSource {
    // Feast copies the columns of the batch source
    let trips = trips();
    DataSource {
        timestamp_field: trips.timestamp_field.clone(),
        created_timestamp_column: trips.created_timestamp_column.clone(),
        batch_source: Some(Box::new(trips)),
        ..DataSource::new(name, SourceKind::Push)
    }
}

pub(super) fn kinesis_source(name: &str) -> DataSource {
    let schema = "driver_id long, event_timestamp timestamp, created timestamp, conv_rate float, acc_rate float, \
                  avg_daily_trips long, note string";
    let kinesis = KinesisSource {
        region: "eu-west-1".to_owned(),
        stream_name: "driver-trips".to_owned(),
        record_format: RecordFormat::Json(schema.to_owned()),
        watermark_delay_threshold: None,
        options: KinesisOptions::default(),
    };
    DataSource {
        timestamp_field: "event_timestamp".to_owned(),
        created_timestamp_column: "created".to_owned(),
        batch_source: Some(Box::new(trips())),
        ..DataSource::new(name, SourceKind::Kinesis(kinesis))
    }
}

fn kafka_source() -> DataSource {
    let kafka = KafkaSource {
        bootstrap_servers: "broker:9092".to_owned(),
        topic: "trips".to_owned(),
        message_format: RecordFormat::Json("x".to_owned()),
        watermark_delay_threshold: Some(Span::from_seconds(300)),
    };
    DataSource {
        timestamp_field: "event_timestamp".to_owned(),
        batch_source: Some(Box::new(trips())),
        ..DataSource::new("driver_trips_kafka_src", SourceKind::Kafka(kafka))
    }
}

pub(super) fn view(name: &str, hours: i64, source: DataSource) -> FeatureView {
    let conv_rate = Field {
        description: "conversion".to_owned(),
        tags: tags(&[("unit", "ratio")]),
        ..Field::new("conv_rate", DataType::Float32)
    };
    let streams = source.is_stream();
    FeatureView {
        kind: ViewKind::FeatureView,
        name: name.to_owned(),
        entities: vec!["driver".to_owned()],
        entity_columns: vec![Field::new("driver_id", DataType::Int64)],
        features: vec![
            conv_rate,
            Field::new("acc_rate", DataType::Float32),
            Field::new("avg_daily_trips", DataType::Int64),
            Field::new("note", DataType::String),
        ],
        ttl: Some(Span::from_seconds(hours * 3600)),
        online: true,
        offline: false,
        batch_source: source.batch().cloned(),
        stream_source: Some(source).filter(|_| streams),
        sink_source: None,
        source_views: Vec::new(),
        mode: None,
        transformation: None,
        aggregations: Vec::new(),
        timestamp_field: String::new(),
        enable_tiling: false,
        tiling_hop_size: None,
        enable_validation: false,
        version: "latest".to_owned(),
        enabled: true,
        description: String::new(),
        tags: Tags::new(),
        owner: String::new(),
        org: String::new(),
        renamed_from: None,
    }
}

pub(super) fn projection(view: &FeatureView, features: &[&str]) -> Projection {
    let picked = features.iter().map(|name| view.features.iter().find(|field| field.name == **name).unwrap().clone());
    Projection {
        view: view.name.clone(),
        features: picked.collect(),
        name_alias: String::new(),
        join_key_map: BTreeMap::new(),
        version_tag: None,
        view_type: "featureView".to_owned(),
        batch_source: view.batch_source.clone(),
        stream_source: None,
    }
}

fn service(name: &str, features: Vec<Projection>) -> FeatureService {
    FeatureService {
        name: name.to_owned(),
        features,
        logging_config: None,
        precompute_online: false,
        description: String::new(),
        tags: Tags::new(),
        owner: String::new(),
    }
}

pub(super) fn driver() -> Entity {
    Entity {
        name: "driver".to_owned(),
        join_key: "driver_id".to_owned(),
        value_type: ValueType::Int64,
        description: "a driver".to_owned(),
        tags: tags(&[("team", "fleet"), ("tier", "1")]),
        owner: "fleet@example.com".to_owned(),
    }
}

/// What `tests/golden/feast/repo/defs.py` says.
pub(super) fn golden_definitions() -> Definitions {
    let driver_trips = FeatureView {
        tags: tags(&[("team", "fleet"), ("stage", "prod")]),
        description: "hourly driver stats".to_owned(),
        owner: "fleet@example.com".to_owned(),
        ..view("driver_trips", 24, trips())
    };
    let driver_trips_push = view("driver_trips_push", 0, push_source("driver_trips_push_src"));
    let stream =
        |view: FeatureView| FeatureView { kind: ViewKind::StreamFeatureView, mode: Some("python".to_owned()), ..view };
    let kafka = FeatureView {
        timestamp_field: "event_timestamp".to_owned(),
        ..stream(view("driver_trips_kafka", 4, kafka_source()))
    };
    let side = |alias: &str| Projection {
        name_alias: alias.to_owned(),
        join_key_map: tags(&[("driver_id", &format!("{alias}_id"))]),
        ..projection(&driver_trips, &["conv_rate"])
    };
    let driver_svc = FeatureService {
        description: "eta model".to_owned(),
        tags: tags(&[("model", "eta")]),
        owner: "ml@example.com".to_owned(),
        ..service(
            "driver_svc",
            vec![
                projection(&driver_trips, &["conv_rate", "note"]),
                projection(&driver_trips_push, &["avg_daily_trips"]),
            ],
        )
    };
    Definitions {
        project: Project { name: "fleet".to_owned(), ..Project::default() },
        entities: vec![driver()],
        data_sources: vec![trips()],
        feature_services: vec![driver_svc, service("pair_svc", vec![side("left"), side("right")])],
        feature_views: vec![
            driver_trips,
            driver_trips_push,
            view("driver_trips_kinesis", 2, kinesis_source("driver_trips_kinesis_src")),
            stream(view("driver_trips_stream", 3, push_source("driver_trips_stream_src"))),
            kafka,
        ],
        ..Definitions::default()
    }
}

pub(super) fn expressions(pairs: &[(&str, &str)]) -> Transformation {
    let expressions = pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    Transformation::Expressions { expressions, filter: Some("conv_rate >= 0".to_owned()) }
}

/// Views of every form that Feast has no place for.
pub(super) fn own_definitions() -> Definitions {
    let percent = |view: FeatureView| FeatureView {
        mode: Some("sql".to_owned()),
        features: vec![Field::new("conv_percentage", DataType::Float32)],
        transformation: Some(expressions(&[("conv_percentage", "conv_rate * 100.0")])),
        ..view
    };
    let stream = |view: FeatureView| FeatureView { kind: ViewKind::StreamFeatureView, ..percent(view) };
    let mut late = kinesis_source("late_src");
    if let SourceKind::Kinesis(kinesis) = &mut late.kind {
        kinesis.watermark_delay_threshold = Some(Span::from_seconds(300));
        kinesis.options.endpoint_url = Some("http://localhost:4566".to_owned());
        kinesis.options.deaggregate = false;
    }
    let logged = FeatureView {
        sink_source: Some(file_source("log_src", "data/log")),
        offline: true,
        ..stream(view("stream_logged", 2, kinesis_source("logged_src")))
    };
    let batch = FeatureView { kind: ViewKind::BatchFeatureView, ..percent(view("batch_percent", 2, trips())) };
    let plain = view("plain", 1, trips());
    let entityless = FeatureView {
        entities: Vec::new(),
        entity_columns: vec![Field::new("__dummy_id", DataType::String)],
        ..view("entityless", 1, trips())
    };
    let request = DataSource::new("bonus", SourceKind::Request { schema: vec![Field::new("extra", DataType::Int64)] });
    let on_demand = OnDemandFeatureView {
        name: "on_demand".to_owned(),
        sources: BTreeMap::from([
            ("plain".to_owned(), OnDemandSource::View(Box::new(projection(&plain, &["conv_rate", "avg_daily_trips"])))),
            ("bonus".to_owned(), OnDemandSource::Request(Box::new(request))),
        ]),
        features: vec![Field::new("conv_plus", DataType::Float64)],
        entities: Vec::new(),
        entity_columns: Vec::new(),
        mode: Some("sql".to_owned()),
        transformation: Some(Transformation::Expressions {
            expressions: vec![("conv_plus".to_owned(), "conv_rate * 100.0 + extra".to_owned())],
            filter: None,
        }),
        write_to_online_store: false,
        singleton: false,
        track_metrics: true,
        aggregations: Vec::new(),
        version: "latest".to_owned(),
        enabled: true,
        description: "with a bonus".to_owned(),
        tags: tags(&[("a", "b")]),
        owner: String::new(),
        org: String::new(),
    };
    let refusing = OnDemandFeatureView {
        name: "on_demand_sql".to_owned(),
        transformation: Some(Transformation::Sql("SELECT conv_rate AS conv_plus FROM source".to_owned())),
        ..on_demand.clone()
    };
    let views = vec![
        stream(view("stream_hidden", 2, late)),
        logged,
        FeatureView {
            timestamp_field: "event_timestamp".to_owned(),
            ..stream(view("stream_push", 2, push_source("p")))
        },
        batch,
        plain,
        entityless,
    ];
    let features = views.iter().map(|view| {
        let names: Vec<&str> = view.features.iter().map(|field| field.name.as_str()).collect();
        projection(view, &names)
    });
    Definitions {
        project: Project { name: "fleet".to_owned(), ..Project::default() },
        entities: vec![driver()],
        feature_services: vec![service("everything", features.collect())],
        feature_views: views,
        on_demand_feature_views: vec![on_demand, refusing],
        ..Definitions::default()
    }
}

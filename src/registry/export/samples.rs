//! Definitions that both languages are tested on.

use crate::model::{
    Aggregation, DataSource, DataType, Definitions, Entity, FeatureService, FeatureView, Field, FileFormat, FileSource,
    KafkaSource, KinesisOptions, KinesisSource, LoggingConfig, OnDemandFeatureView, OnDemandSource, Project,
    Projection, RecordFormat, SourceKind, Span, StartPosition, Tags, Transformation, ValueType, ViewKind,
};

pub fn fields(list: &[(&str, DataType)]) -> Vec<Field> {
    list.iter().map(|(name, dtype)| Field::new(*name, dtype.clone())).collect()
}

pub fn file(name: &str, path: &str) -> DataSource {
    let kind =
        SourceKind::File(FileSource { path: path.to_owned(), file_format: None, s3_endpoint_override: String::new() });
    DataSource { timestamp_field: "event_timestamp".to_owned(), ..DataSource::new(name, kind) }
}

pub fn view(kind: ViewKind, name: &str, source: &DataSource, features: Vec<Field>) -> FeatureView {
    let stream = source.is_stream();
    FeatureView {
        kind,
        name: name.to_owned(),
        entities: vec!["driver".to_owned()],
        entity_columns: vec![Field::new("driver_id", DataType::Int64)],
        features,
        ttl: Some(Span::ZERO),
        online: true,
        offline: false,
        batch_source: source.batch().cloned(),
        stream_source: stream.then(|| source.clone()),
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

pub fn projection(view: &FeatureView, features: &[&str]) -> Projection {
    let features = view.features.iter().filter(|field| features.contains(&field.name.as_str()));
    Projection {
        view: view.name.clone(),
        features: features.cloned().collect(),
        name_alias: String::new(),
        join_key_map: Tags::new(),
        version_tag: None,
        view_type: "featureView".to_owned(),
        batch_source: view.batch_source.clone(),
        stream_source: None,
    }
}

fn expressions(list: &[(&str, &str)]) -> Transformation {
    let expressions = list.iter().map(|(name, sql)| ((*name).to_owned(), (*sql).to_owned())).collect();
    Transformation::Expressions { expressions, filter: None }
}

fn entities() -> Vec<Entity> {
    let entity = |name: &str, join_key: &str, value_type| Entity {
        name: name.to_owned(),
        join_key: join_key.to_owned(),
        value_type,
        description: String::new(),
        tags: Tags::new(),
        owner: String::new(),
    };
    let driver = Entity {
        description: "a \"driver\"\nof $cars".to_owned(),
        tags: [("team".to_owned(), "é".to_owned())].into(),
        ..entity("driver", "driver_id", ValueType::Int64)
    };
    vec![driver, entity("zone", "zone", ValueType::Unknown)]
}

fn kinesis(batch: &DataSource) -> DataSource {
    let kind = SourceKind::Kinesis(KinesisSource {
        region: "us-east-1".to_owned(),
        stream_name: "drivers".to_owned(),
        record_format: RecordFormat::Json("driver_id integer, conv_rate double".to_owned()),
        watermark_delay_threshold: Some(Span::from_seconds(300)),
        options: KinesisOptions { start: StartPosition::TrimHorizon, max_records: 500, ..KinesisOptions::default() },
    });
    let batch_source = Some(Box::new(batch.clone()));
    let timestamp_field = "event_timestamp".to_owned();
    DataSource { timestamp_field, batch_source, ..DataSource::new("driver_stats_stream", kind) }
}

fn kafka(batch: &DataSource) -> DataSource {
    let kind = SourceKind::Kafka(KafkaSource {
        bootstrap_servers: "localhost:9092".to_owned(),
        topic: "drivers".to_owned(),
        message_format: RecordFormat::Avro("{}".to_owned()),
        watermark_delay_threshold: Some(Span::from_seconds(90)),
    });
    let batch_source = Some(Box::new(batch.clone()));
    let timestamp_field = "event_timestamp".to_owned();
    DataSource { timestamp_field, batch_source, ..DataSource::new("driver_kafka", kind) }
}

fn stream_views(batch: &DataSource, kinesis: &DataSource, kafka: &DataSource, push: &DataSource) -> Vec<FeatureView> {
    let conv = || fields(&[("conv_percentage", DataType::Float32)]);
    let kind = ViewKind::StreamFeatureView;
    let plain = FeatureView {
        ttl: Some(Span::from_seconds(8_640_000_000)),
        mode: Some("sql".to_owned()),
        transformation: Some(expressions(&[("conv_percentage", "conv_rate * 100.0")])),
        timestamp_field: "event_timestamp".to_owned(),
        ..view(kind, "driver_stream", kinesis, conv())
    };
    let sql = "SELECT driver_id, event_timestamp,\n       conv_rate * 100.0 AS conv_percentage\nFROM source";
    let logged = FeatureView {
        offline: true,
        sink_source: Some(DataSource { timestamp_field: batch.timestamp_field.clone(), ..file("log", "data/log") }),
        mode: Some("sql".to_owned()),
        transformation: Some(Transformation::Sql(sql.to_owned())),
        ..view(kind, "driver_logged", kinesis, conv())
    };
    let tiled = FeatureView {
        mode: Some("python".to_owned()),
        timestamp_field: "event_timestamp".to_owned(),
        enable_tiling: true,
        enabled: false,
        aggregations: vec![Aggregation {
            column: "conv_rate".to_owned(),
            function: "sum".to_owned(),
            time_window: Some(Span::from_seconds(3600)),
            slide_interval: Some(Span::from_seconds(3600)),
            name: String::new(),
        }],
        ..view(kind, "driver_kafka_stream", kafka, conv())
    };
    let pushed = FeatureView { mode: Some("python".to_owned()), ..view(kind, "driver_pushed", push, conv()) };
    vec![plain, logged, tiled, pushed]
}

fn on_demand(hourly: &FeatureView, request: &DataSource) -> OnDemandFeatureView {
    OnDemandFeatureView {
        name: "transformed".to_owned(),
        sources: [
            (hourly.name.clone(), OnDemandSource::View(Box::new(projection(hourly, &["conv_rate"])))),
            (request.name.clone(), OnDemandSource::Request(Box::new(request.clone()))),
        ]
        .into(),
        features: fields(&[("sum", DataType::Float32)]),
        entities: Vec::new(),
        entity_columns: Vec::new(),
        mode: Some("sql".to_owned()),
        transformation: Some(expressions(&[("sum", "conv_rate + val / 2")])),
        write_to_online_store: false,
        singleton: false,
        track_metrics: true,
        aggregations: Vec::new(),
        version: "latest".to_owned(),
        enabled: true,
        description: String::new(),
        tags: Tags::new(),
        owner: "me".to_owned(),
        org: String::new(),
    }
}

fn service(hourly: &FeatureView) -> FeatureService {
    let refined = Projection {
        name_alias: "ds".to_owned(),
        join_key_map: [("driver_id".to_owned(), "id".to_owned())].into(),
        ..projection(hourly, &["conv_rate"])
    };
    FeatureService {
        name: "activity-v1".to_owned(),
        features: vec![
            Projection { name_alias: "all".to_owned(), ..projection(hourly, &["conv_rate", "trips"]) },
            refined,
        ],
        logging_config: Some(LoggingConfig {
            sample_rate: 0.1,
            path: "data/logs".to_owned(),
            s3_endpoint_override: String::new(),
            partition_by: vec!["day".to_owned()],
        }),
        precompute_online: false,
        description: String::new(),
        tags: Tags::new(),
        owner: String::new(),
    }
}

/// One of nearly everything.
pub fn definitions() -> Definitions {
    let mut batch = file("driver_stats_source", "data/driver_stats.parquet");
    batch.field_mapping.insert("trips_today".to_owned(), "trips".to_owned());
    if let SourceKind::File(options) = &mut batch.kind {
        options.file_format = Some(FileFormat::Parquet);
    }
    let (kinesis, kafka) = (kinesis(&batch), kafka(&batch));
    let push =
        DataSource { batch_source: Some(Box::new(batch.clone())), ..DataSource::new("driver_push", SourceKind::Push) };
    let request = DataSource::new("vals", SourceKind::Request { schema: fields(&[("val", DataType::Int64)]) });
    let struct_type = DataType::Struct(vec![("a".to_owned(), DataType::String)]);
    let features = fields(&[("conv_rate", DataType::Float32), ("trips", DataType::Int64)]);
    let mut hourly = FeatureView {
        ttl: Some(Span::from_seconds(86_400)),
        tags: [("a: b".to_owned(), "no".to_owned())].into(),
        ..view(ViewKind::FeatureView, "driver_hourly_stats", &batch, features)
    };
    hourly.entities.push("zone".to_owned());
    hourly.entity_columns.push(Field::new("zone", DataType::String));
    let nested = DataType::Array(Box::new(DataType::Int64));
    let odd = fields(&[("list", nested), ("info", struct_type)]);
    let unlisted = file("data/odd.parquet", "data/odd.parquet");
    let odd = FeatureView {
        entities: Vec::new(),
        entity_columns: Vec::new(),
        ttl: None,
        transformation: Some(expressions(&[("list", "list")])),
        mode: Some("sql".to_owned()),
        ..view(ViewKind::BatchFeatureView, "odd", &unlisted, odd)
    };
    let mut feature_views = vec![hourly.clone(), odd];
    feature_views.extend(stream_views(&batch, &kinesis, &kafka, &push));
    Definitions {
        project: Project { name: "demo".to_owned(), description: "all".to_owned(), ..Project::default() },
        entities: entities(),
        on_demand_feature_views: vec![on_demand(&hourly, &request)],
        feature_services: vec![service(&hourly)],
        data_sources: vec![kinesis, kafka, push, batch, request],
        feature_views,
        ..Definitions::default()
    }
}

//! Data sources in YAML.

use super::emit::Node;
use super::{Members, fields};
use crate::model::{
    DataSource, Definitions, FileFormat, FileSource, KafkaSource, KinesisOptions, KinesisSource, LateRecords, OnGap,
    RecordFormat, SourceKind, StartPosition,
};

/// The name where the project has exactly this source, else the source itself.
pub fn reference(definitions: &Definitions, source: &DataSource) -> Node {
    if definitions.data_sources.contains(source) { Node::text(&source.name) } else { inline(definitions, source) }
}

/// The source itself.
pub fn inline(definitions: &Definitions, source: &DataSource) -> Node {
    let mut members = Members::default();
    members.put("type", Node::text(source.class_name()));
    match &source.kind {
        SourceKind::File(file) => self::file(&mut members, source, file),
        SourceKind::Kinesis(kinesis) => self::kinesis(&mut members, source, kinesis),
        SourceKind::Kafka(kafka) => self::kafka(&mut members, source, kafka),
        SourceKind::Push | SourceKind::Foreign { .. } => members.put("name", Node::text(&source.name)),
        SourceKind::Request { schema } => {
            members.put("name", Node::text(&source.name));
            members.put("schema", Node::List(fields(schema)));
            members.text("timestamp_field", &source.timestamp_field);
        }
    }
    if let Some(batch) = source.batch_source.as_deref() {
        members.put("batch_source", reference(definitions, batch));
    }
    if let SourceKind::Kinesis(kinesis) = &source.kind {
        members.span("watermark_delay_threshold", kinesis.watermark_delay_threshold);
    }
    members.labels(&source.description, &source.tags, &source.owner);
    if let SourceKind::Kinesis(kinesis) = &source.kind {
        let options = self::options(&kinesis.options);
        if !options.0.is_empty() {
            members.put("x-kinesis", options.into_node());
        }
    }
    members.into_node()
}

fn file(members: &mut Members, source: &DataSource, file: &FileSource) {
    if source.name != file.path {
        members.put("name", Node::text(&source.name));
    }
    members.put("path", Node::text(&file.path));
    match file.file_format {
        Some(FileFormat::Parquet) => members.put("file_format", Node::text("ParquetFormat")),
        Some(FileFormat::Delta) => members.put("file_format", Node::text("DeltaFormat")),
        None => {}
    }
    times(members, source);
    members.text("timestamp_field_type", &source.timestamp_field_type);
    members.text("date_partition_column", &source.date_partition_column);
    members.text("s3_endpoint_override", &file.s3_endpoint_override);
}

fn kinesis(members: &mut Members, source: &DataSource, kinesis: &KinesisSource) {
    members.put("name", Node::text(&source.name));
    members.text("region", &kinesis.region);
    let arn = kinesis.options.stream_arn.as_deref().unwrap_or_default();
    if arn.rsplit_once('/').is_none_or(|(_, name)| name != kinesis.stream_name) {
        members.text("stream_name", &kinesis.stream_name);
    }
    members.put("record_format", record_format(&kinesis.record_format));
    times(members, source);
}

fn kafka(members: &mut Members, source: &DataSource, kafka: &KafkaSource) {
    members.put("name", Node::text(&source.name));
    members.text("kafka_bootstrap_servers", &kafka.bootstrap_servers);
    members.text("topic", &kafka.topic);
    members.put("message_format", record_format(&kafka.message_format));
    times(members, source);
    members.span("watermark_delay_threshold", kafka.watermark_delay_threshold);
}

fn times(members: &mut Members, source: &DataSource) {
    members.text("timestamp_field", &source.timestamp_field);
    members.text("created_timestamp_column", &source.created_timestamp_column);
    members.map("field_mapping", &source.field_mapping);
}

fn record_format(format: &RecordFormat) -> Node {
    let (class, key, value) = match format {
        RecordFormat::Json(schema) => ("JsonFormat", "schema_json", schema),
        RecordFormat::Avro(schema) => ("AvroFormat", "schema_json", schema),
        RecordFormat::Proto(path) => ("ProtoFormat", "class_path", path),
    };
    Node::Map(vec![("type".to_owned(), Node::text(class)), (key.to_owned(), Node::text(value))])
}

fn options(options: &KinesisOptions) -> Members {
    let default = KinesisOptions::default();
    let mut members = Members::default();
    match options.start {
        StartPosition::Latest => {}
        StartPosition::TrimHorizon => members.put("start", Node::text("TRIM_HORIZON")),
        StartPosition::AtTimestamp(at) => {
            members.put("start", Node::text("AT_TIMESTAMP"));
            members.put("at_timestamp", Node::text(at.to_string()));
        }
    }
    members.optional("endpoint_url", options.endpoint_url.as_deref());
    if options.max_records != default.max_records {
        members.put("max_records", Node::plain(options.max_records));
    }
    if (options.reads_per_second - default.reads_per_second).abs() > 0.0 {
        members.put("reads_per_second", Node::plain(options.reads_per_second));
    }
    members.flag("enhanced_fan_out", options.enhanced_fan_out, default.enhanced_fan_out);
    members.optional("consumer_name", options.consumer_name.as_deref());
    members.flag("deaggregate", options.deaggregate, default.deaggregate);
    if options.dead_letter != default.dead_letter {
        members.put("dead_letter", Node::text(&options.dead_letter));
    }
    match options.late {
        LateRecords::Write => {}
        LateRecords::Drop => members.put("late", Node::text("drop")),
        LateRecords::DeadLetter => members.put("late", Node::text("dead_letter")),
    }
    match options.on_gap {
        OnGap::Fail => {}
        OnGap::Warn => members.put("on_gap", Node::text("warn")),
    }
    members.optional("stream_arn", options.stream_arn.as_deref());
    members
}

//! Data sources as Feast writes them.

use super::field;
use crate::model::{DataSource, FileFormat, FileSource, KafkaSource, KinesisSource, RecordFormat, SourceKind, Span};
use crate::proto::core;
use crate::proto::well_known::Duration;
use crate::registry::tags::Writer;

/// `feast.core.DataSource.SourceType`
pub(in crate::registry) mod source_type {
    pub(in crate::registry) const FILE: i32 = 1;
    pub(in crate::registry) const KAFKA: i32 = 3;
    pub(in crate::registry) const KINESIS: i32 = 4;
    pub(in crate::registry) const REQUEST: i32 = 7;
    pub(in crate::registry) const PUSH: i32 = 9;
}

/// A source as it stands in `data_sources`, or nested in another source: without its Python class.
pub(in crate::registry) fn source(source: &DataSource) -> core::DataSource {
    let mut tags = Writer::new(&source.tags);
    if let SourceKind::Kinesis(kinesis) = &source.kind {
        tags.kinesis(&kinesis.options);
        tags.put_some("watermark_delay_threshold", kinesis.watermark_delay_threshold);
    }
    let mut message = core::DataSource {
        r#type: number(&source.kind),
        field_mapping: source.field_mapping.clone(),
        timestamp_field: source.timestamp_field.clone(),
        date_partition_column: source.date_partition_column.clone(),
        created_timestamp_column: source.created_timestamp_column.clone(),
        name: source.name.clone(),
        description: source.description.clone(),
        tags: tags.finish(),
        owner: source.owner.clone(),
        batch_source: source.batch_source.as_deref().map(|batch| Box::new(self::source(batch))),
        options: options(&source.kind),
        ..core::DataSource::default()
    };
    // Feast never writes its default
    if source.timestamp_field_type != "TIMESTAMP" {
        message.timestamp_field_type.clone_from(&source.timestamp_field_type);
    }
    if matches!(source.kind, SourceKind::Push) {
        copy_from_batch(&mut message, source.batch_source.as_deref());
    }
    message
}

/// A source as it stands in a view: with the Python class that reads it back.
pub(in crate::registry) fn source_in_view(source: &DataSource) -> core::DataSource {
    let class = match source.kind {
        SourceKind::File(_) => "feast.infra.offline_stores.file_source.FileSource",
        SourceKind::Kinesis(_) => "feast.data_source.KinesisSource",
        SourceKind::Kafka(_) => "feast.data_source.KafkaSource",
        SourceKind::Push => "feast.data_source.PushSource",
        SourceKind::Request { .. } => "feast.data_source.RequestSource",
        SourceKind::Foreign { .. } => "",
    };
    core::DataSource { data_source_class_type: class.to_owned(), ..self::source(source) }
}

/// A push source shows the columns of its batch source unless it has its own.
fn copy_from_batch(message: &mut core::DataSource, batch: Option<&DataSource>) {
    let own = !message.timestamp_field.is_empty()
        || !message.created_timestamp_column.is_empty()
        || !message.field_mapping.is_empty();
    let Some(batch) = batch.filter(|_| !own) else { return };
    message.timestamp_field.clone_from(&batch.timestamp_field);
    message.created_timestamp_column.clone_from(&batch.created_timestamp_column);
    message.field_mapping.clone_from(&batch.field_mapping);
    message.date_partition_column.clone_from(&batch.date_partition_column);
}

fn number(kind: &SourceKind) -> i32 {
    match kind {
        SourceKind::File(_) => source_type::FILE,
        SourceKind::Kinesis(_) => source_type::KINESIS,
        SourceKind::Kafka(_) => source_type::KAFKA,
        SourceKind::Push => source_type::PUSH,
        SourceKind::Request { .. } => source_type::REQUEST,
        SourceKind::Foreign { source_type } => *source_type,
    }
}

fn options(kind: &SourceKind) -> Option<core::DataSourceOptions> {
    match kind {
        SourceKind::File(file) => Some(core::DataSourceOptions::FileOptions(file_options(file))),
        SourceKind::Kinesis(kinesis) => Some(core::DataSourceOptions::KinesisOptions(kinesis_options(kinesis))),
        SourceKind::Kafka(kafka) => Some(core::DataSourceOptions::KafkaOptions(kafka_options(kafka))),
        SourceKind::Request { schema } => {
            let schema = schema.iter().map(field).collect();
            Some(core::DataSourceOptions::RequestDataOptions(core::RequestDataOptions { schema }))
        }
        SourceKind::Push | SourceKind::Foreign { .. } => None,
    }
}

fn file_options(file: &FileSource) -> core::FileOptions {
    let format = file.file_format.map(|format| match format {
        FileFormat::Parquet => core::FileFormatFormat::ParquetFormat(core::ParquetFormat {}),
        FileFormat::Delta => core::FileFormatFormat::DeltaFormat(core::DeltaFormat::default()),
    });
    core::FileOptions {
        file_format: format.map(|format| core::FileFormat { format: Some(format) }),
        uri: file.path.clone(),
        s3_endpoint_override: file.s3_endpoint_override.clone(),
    }
}

fn kinesis_options(kinesis: &KinesisSource) -> core::KinesisOptions {
    core::KinesisOptions {
        region: kinesis.region.clone(),
        stream_name: kinesis.stream_name.clone(),
        record_format: Some(record_format(&kinesis.record_format)),
    }
}

fn kafka_options(kafka: &KafkaSource) -> core::KafkaOptions {
    core::KafkaOptions {
        kafka_bootstrap_servers: kafka.bootstrap_servers.clone(),
        topic: kafka.topic.clone(),
        message_format: Some(record_format(&kafka.message_format)),
        watermark_delay_threshold: kafka.watermark_delay_threshold.map(duration),
    }
}

fn record_format(format: &RecordFormat) -> core::StreamFormat {
    let format = match format {
        RecordFormat::Json(schema) => {
            core::StreamFormatFormat::JsonFormat(core::JsonFormat { schema_json: schema.clone() })
        }
        RecordFormat::Avro(schema) => {
            core::StreamFormatFormat::AvroFormat(core::AvroFormat { schema_json: schema.clone() })
        }
        RecordFormat::Proto(class) => {
            core::StreamFormatFormat::ProtoFormat(core::ProtoFormat { class_path: class.clone() })
        }
    };
    core::StreamFormat { format: Some(format) }
}

/// A length of time as protobuf has it.
pub(in crate::registry) fn duration(span: Span) -> Duration {
    let (seconds, nanos) = span.to_proto();
    Duration { seconds, nanos }
}

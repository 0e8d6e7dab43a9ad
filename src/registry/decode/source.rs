//! Data sources from their rows and from their copies in views.

use super::{field, span};
use crate::model::{DataSource, FileFormat, FileSource, KafkaSource, KinesisSource, RecordFormat, SourceKind};
use crate::proto::core;
use crate::registry::encode::source_type;
use crate::registry::error::RowDamage;
use crate::registry::tags::Reader;

/// A source, with its batch source.
pub(super) fn decode(message: &core::DataSource) -> Result<DataSource, RowDamage> {
    let tags = Reader::new(&message.tags);
    let kind = kind(message, &tags)?;
    Ok(DataSource {
        name: message.name.clone(),
        kind,
        timestamp_field: message.timestamp_field.clone(),
        timestamp_field_type: message.timestamp_field_type.clone(),
        created_timestamp_column: message.created_timestamp_column.clone(),
        field_mapping: message.field_mapping.clone(),
        date_partition_column: message.date_partition_column.clone(),
        batch_source: message.batch_source.as_deref().map(decode).transpose()?.map(Box::new),
        description: message.description.clone(),
        tags: tags.users(),
        owner: message.owner.clone(),
    })
}

fn kind(message: &core::DataSource, tags: &Reader) -> Result<SourceKind, RowDamage> {
    use core::DataSourceOptions as Options;
    Ok(match (message.r#type, &message.options) {
        (source_type::FILE, Some(Options::FileOptions(file))) => SourceKind::File(FileSource {
            path: file.uri.clone(),
            file_format: file.file_format.as_ref().and_then(|f| f.format.as_ref()).map(|format| match format {
                core::FileFormatFormat::ParquetFormat(_) => FileFormat::Parquet,
                core::FileFormatFormat::DeltaFormat(_) => FileFormat::Delta,
            }),
            s3_endpoint_override: file.s3_endpoint_override.clone(),
        }),
        (source_type::KINESIS, Some(Options::KinesisOptions(kinesis))) => SourceKind::Kinesis(KinesisSource {
            region: kinesis.region.clone(),
            stream_name: kinesis.stream_name.clone(),
            record_format: record_format(kinesis.record_format.as_ref()),
            watermark_delay_threshold: tags.span("watermark_delay_threshold")?,
            options: tags.kinesis()?,
        }),
        (source_type::KAFKA, Some(Options::KafkaOptions(kafka))) => SourceKind::Kafka(KafkaSource {
            bootstrap_servers: kafka.kafka_bootstrap_servers.clone(),
            topic: kafka.topic.clone(),
            message_format: record_format(kafka.message_format.as_ref()),
            watermark_delay_threshold: kafka.watermark_delay_threshold.map(span),
        }),
        (source_type::REQUEST, Some(Options::RequestDataOptions(request))) => {
            SourceKind::Request { schema: request.schema.iter().map(field).collect() }
        }
        (source_type::PUSH, _) => SourceKind::Push,
        (source_type, _) => SourceKind::Foreign { source_type },
    })
}

fn record_format(format: Option<&core::StreamFormat>) -> RecordFormat {
    match format.and_then(|format| format.format.as_ref()) {
        Some(core::StreamFormatFormat::JsonFormat(json)) => RecordFormat::Json(json.schema_json.clone()),
        Some(core::StreamFormatFormat::AvroFormat(avro)) => RecordFormat::Avro(avro.schema_json.clone()),
        Some(core::StreamFormatFormat::ProtoFormat(proto)) => RecordFormat::Proto(proto.class_path.clone()),
        None => RecordFormat::Json(String::new()),
    }
}

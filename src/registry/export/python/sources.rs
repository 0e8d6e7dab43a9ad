//! Data sources in Python.

use super::text::Py;
use super::{Arguments, File};
use crate::model::{DataSource, FileFormat, FileSource, KafkaSource, KinesisSource, RecordFormat, SourceKind};

/// The constructor of a source; those it is made of are written before.
pub fn source<'a>(file: &mut File<'a>, source: &'a DataSource) -> Py {
    let mut arguments = Arguments::default();
    arguments.put("name", Py::text(&source.name));
    match &source.kind {
        SourceKind::File(options) => self::file(file, &mut arguments, source, options),
        SourceKind::Kinesis(options) => kinesis(file, &mut arguments, source, options),
        SourceKind::Kafka(options) => kafka(file, &mut arguments, source, options),
        SourceKind::Push | SourceKind::Foreign { .. } => {}
        SourceKind::Request { schema } => {
            arguments.put("schema", file.fields(schema));
            arguments.text("timestamp_field", &source.timestamp_field);
        }
    }
    if let Some(batch) = source.batch_source.as_deref() {
        arguments.put("batch_source", Py::Raw(file.source_name(batch)));
    }
    arguments.labels(&source.description, &file.stored.source_tags(source), &source.owner);
    file.call(source.class_name(), arguments)
}

fn file(file: &mut File, arguments: &mut Arguments, source: &DataSource, options: &FileSource) {
    arguments.put("path", Py::text(&options.path));
    let format = match options.file_format {
        Some(FileFormat::Parquet) => Some("ParquetFormat"),
        Some(FileFormat::Delta) => Some("DeltaFormat"),
        None => None,
    };
    if let Some(format) = format {
        arguments.put("file_format", file.call(format, Arguments::default()));
    }
    times(arguments, source);
    arguments.text("s3_endpoint_override", &options.s3_endpoint_override);
}

fn kinesis(file: &mut File, arguments: &mut Arguments, source: &DataSource, options: &KinesisSource) {
    arguments.put("region", Py::text(&options.region));
    arguments.put("stream_name", Py::text(&options.stream_name));
    arguments.put("record_format", record_format(file, &options.record_format));
    times(arguments, source);
}

fn kafka(file: &mut File, arguments: &mut Arguments, source: &DataSource, options: &KafkaSource) {
    arguments.put("kafka_bootstrap_servers", Py::text(&options.bootstrap_servers));
    arguments.put("topic", Py::text(&options.topic));
    arguments.put("message_format", record_format(file, &options.message_format));
    if source.timestamp_field.is_empty() {
        arguments.put("timestamp_field", Py::text(""));
    }
    times(arguments, source);
    if let Some(delay) = options.watermark_delay_threshold {
        arguments.put("watermark_delay_threshold", file.span(delay));
    }
}

fn times(arguments: &mut Arguments, source: &DataSource) {
    arguments.text("timestamp_field", &source.timestamp_field);
    arguments.text("created_timestamp_column", &source.created_timestamp_column);
    arguments.tags("field_mapping", &source.field_mapping);
}

fn record_format(file: &mut File, format: &RecordFormat) -> Py {
    let (class, name, value) = match format {
        RecordFormat::Json(schema) => ("JsonFormat", "schema_json", schema),
        RecordFormat::Avro(schema) => ("AvroFormat", "schema_json", schema),
        RecordFormat::Proto(path) => ("ProtoFormat", "class_path", path),
    };
    let mut arguments = Arguments::default();
    arguments.put(name, Py::text(value));
    file.call(class, arguments)
}

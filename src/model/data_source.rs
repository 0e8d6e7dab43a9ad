//! Where rows come from.

use std::collections::BTreeMap;

use super::{Field, KinesisOptions, Span, Tags};

/// `feast.data_source.DataSource` and its subclasses.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSource {
    /// unique in the project
    pub name: String,
    /// what it is, with the options of that kind
    pub kind: SourceKind,
    /// column of the event time; empty where there is none
    pub timestamp_field: String,
    /// `TIMESTAMP`, `DATE` or empty
    pub timestamp_field_type: String,
    /// column of the created time; empty where there is none
    pub created_timestamp_column: String,
    /// column of the source -> column of the view
    pub field_mapping: BTreeMap<String, String>,
    /// column that partitions the files by date; empty where there is none
    pub date_partition_column: String,
    /// history of a stream or push source
    pub batch_source: Option<Box<DataSource>>,
    /// free text
    pub description: String,
    /// labels (those that begin with `feast-rs:` are made from the options, not kept here)
    pub tags: Tags,
    /// who answers for it
    pub owner: String,
}

/// The kinds of data sources.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceKind {
    /// parquet files
    File(FileSource),
    /// an AWS Kinesis data stream
    Kinesis(KinesisSource),
    /// a Kafka topic: registered, not read
    Kafka(KafkaSource),
    /// rows that are pushed
    Push,
    /// values that come with a request
    Request {
        /// their names and types
        schema: Vec<Field>,
    },
    /// a kind that only Python Feast can use (BigQuery, Snowflake, ...): shown, never read
    Foreign {
        /// number in `feast.core.DataSource.SourceType`
        source_type: i32,
    },
}

/// `feast.FileSource`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSource {
    /// file, directory or glob, as written: a relative one is relative to the repo
    pub path: String,
    /// format, where one was declared
    pub file_format: Option<FileFormat>,
    /// endpoint of an object store (registered only)
    pub s3_endpoint_override: String,
}

/// `feast.data_format.FileFormat`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// `ParquetFormat`
    Parquet,
    /// `DeltaFormat`: registered, not read
    Delta,
}

/// `feast.KinesisSource`
#[derive(Clone, Debug, PartialEq)]
pub struct KinesisSource {
    /// AWS region
    pub region: String,
    /// name of the stream
    pub stream_name: String,
    /// how a record is written
    pub record_format: RecordFormat,
    /// how far behind the largest event time a record may be before it is late
    pub watermark_delay_threshold: Option<Span>,
    /// what Feast has no field for (`x-kinesis` in YAML)
    pub options: KinesisOptions,
}

/// `feast.KafkaSource`
#[derive(Clone, Debug, PartialEq)]
pub struct KafkaSource {
    /// `host:port,host:port`
    pub bootstrap_servers: String,
    /// name of the topic
    pub topic: String,
    /// how a message is written
    pub message_format: RecordFormat,
    /// as for Kinesis
    pub watermark_delay_threshold: Option<Span>,
}

/// `feast.data_format.StreamFormat`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordFormat {
    /// `JsonFormat(schema_json)`
    Json(String),
    /// `AvroFormat(schema_json)`: registered, not decoded
    Avro(String),
    /// `ProtoFormat(class_path)`: registered, not decoded
    Proto(String),
}

impl DataSource {
    /// A source with a name and a kind, everything else empty.
    pub fn new(name: impl Into<String>, kind: SourceKind) -> Self {
        Self {
            name: name.into(),
            kind,
            timestamp_field: String::new(),
            timestamp_field_type: String::new(),
            created_timestamp_column: String::new(),
            field_mapping: BTreeMap::new(),
            date_partition_column: String::new(),
            batch_source: None,
            description: String::new(),
            tags: Tags::new(),
            owner: String::new(),
        }
    }

    /// The class name in Python, as `list` shows it.
    #[must_use]
    pub fn class_name(&self) -> &'static str {
        match &self.kind {
            SourceKind::File(_) => "FileSource",
            SourceKind::Kinesis(_) => "KinesisSource",
            SourceKind::Kafka(_) => "KafkaSource",
            SourceKind::Push => "PushSource",
            SourceKind::Request { .. } => "RequestSource",
            SourceKind::Foreign { source_type } => match source_type {
                2 => "BigQuerySource",
                5 => "RedshiftSource",
                8 => "SnowflakeSource",
                10 => "TrinoSource",
                11 => "SparkSource",
                12 => "AthenaSource",
                13 => "IcebergSource",
                _ => "CustomSource",
            },
        }
    }

    /// Whether rows arrive one by one (Kinesis, Kafka, push) rather than lie in files.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        matches!(self.kind, SourceKind::Kinesis(_) | SourceKind::Kafka(_) | SourceKind::Push)
    }

    /// The source that holds the history: this one, or the batch source of a stream.
    #[must_use]
    pub fn batch(&self) -> Option<&DataSource> {
        if self.is_stream() { self.batch_source.as_deref() } else { Some(self) }
    }

    /// The name that `column` of the source has in a view.
    #[must_use]
    pub fn mapped<'a>(&'a self, column: &'a str) -> &'a str {
        self.field_mapping.get(column).map_or(column, String::as_str)
    }

    /// The column of the source that a view calls `name`.
    #[must_use]
    pub fn column_of<'a>(&'a self, name: &'a str) -> &'a str {
        self.field_mapping.iter().find(|(_, to)| *to == name).map_or(name, |(from, _)| from)
    }
}

//! Data sources.

use super::common::{
    BATCH_SOURCE, CREATED, DESCRIPTION, FIELD_MAPPING, FIELDS, FORMAT, NAME, OWNER, S3_ENDPOINT, TAGS, TIMESTAMP_FIELD,
    WATERMARK,
};
use super::{Key, Object, REQUIRED, Shape, key, passed};

/// What every data source has.
pub static ANY_SOURCE: Object = Object {
    what: "a data source",
    name: "data_source",
    keys: &[key(
        "type",
        Shape::OneOf(&[
            "FileSource",
            "KinesisSource",
            "KafkaSource",
            "PushSource",
            "RequestSource",
            "file",
            "kinesis",
            "kafka",
            "push",
            "request",
        ]),
        REQUIRED,
        "The Python class of the source, or its short form.",
    )],
};

const fn class(names: &'static [&'static str]) -> Key {
    key("type", Shape::OneOf(names), REQUIRED, "The Python class of the source, or its short form.")
}

/// `data_sources`: parquet files
pub static FILE_SOURCE: Object = Object {
    what: "a data source",
    name: "FileSource",
    keys: &[
        class(&["FileSource", "file"]),
        key("path", Shape::Text, REQUIRED, "A parquet file, a folder of them or a glob, relative to the repo."),
        key("name", Shape::Text, "the path", "The name, unique among the sources of the project."),
        key(
            "file_format",
            Shape::Either(&[
                Shape::OneOf(&["ParquetFormat", "DeltaFormat", "parquet", "delta"]),
                Shape::Object(&FILE_FORMAT),
            ]),
            "ParquetFormat",
            "The format of the files; a Delta table is registered only.",
        ),
        TIMESTAMP_FIELD,
        key(
            "timestamp_field_type",
            Shape::OneOf(&["TIMESTAMP", "DATE", ""]),
            "TIMESTAMP",
            "Whether the event time is a date.",
        ),
        CREATED,
        FIELD_MAPPING,
        key("date_partition_column", Shape::Text, "none", "Registered only."),
        S3_ENDPOINT,
        key("connection_ref", Shape::Object(&CONNECTION_REF), "none", "Checked, not used: a local file needs none."),
        DESCRIPTION,
        TAGS,
        OWNER,
    ],
};

/// `file_format` as a mapping
pub static FILE_FORMAT: Object = Object {
    what: "file_format",
    name: "file_format",
    keys: &[key("type", Shape::OneOf(&["ParquetFormat", "DeltaFormat", "parquet", "delta"]), REQUIRED, "The format.")],
};

/// `connection_ref`
pub static CONNECTION_REF: Object = Object {
    what: "connection_ref",
    name: "connection_ref",
    keys: &[
        NAME,
        passed("provider", "Python's."),
        passed("namespace", "Python's."),
        passed("connection_type", "Python's."),
        passed("auth_type", "Python's."),
        passed("params", "Python's."),
    ],
};

/// `data_sources`: a Kinesis stream
pub static KINESIS_SOURCE: Object = Object {
    what: "a data source",
    name: "KinesisSource",
    keys: &[
        class(&["KinesisSource", "kinesis"]),
        NAME,
        key("region", Shape::Text, "$AWS_REGION, or of the ARN", "The AWS region of the stream."),
        key("stream_name", Shape::Text, "of the ARN", "The name of the stream."),
        key("record_format", FORMAT, REQUIRED, "What a record looks like."),
        TIMESTAMP_FIELD,
        CREATED,
        FIELD_MAPPING,
        BATCH_SOURCE,
        WATERMARK,
        key("x-kinesis", Shape::Object(&KINESIS_OPTIONS), "none", "How the stream is read; Feast has no slot for it."),
        DESCRIPTION,
        TAGS,
        OWNER,
    ],
};

/// `x-kinesis`
pub static KINESIS_OPTIONS: Object = Object {
    what: "x-kinesis",
    name: "x-kinesis",
    keys: &[
        key(
            "start",
            Shape::OneOf(&["LATEST", "TRIM_HORIZON", "AT_TIMESTAMP"]),
            "LATEST",
            "Where reading begins where there is no position yet.",
        ),
        key("at_timestamp", Shape::Instant, "none", "The arrival time that `start: AT_TIMESTAMP` begins at."),
        key("endpoint_url", Shape::Text, "AWS", "Another endpoint: LocalStack, kinesis-mock."),
        key("max_records", Shape::Whole(1), "10000", "Records that one read may answer; 10000 at most."),
        key("reads_per_second", Shape::Number, "4", "Reads a second and shard, of the 5 that a shard allows to all."),
        key("enhanced_fan_out", Shape::Flag, "false", "Read by subscription, with a throughput of one's own."),
        key(
            "consumer_name",
            Shape::Text,
            "feast-rs-PROJECT-SOURCE",
            "The name that a subscription is registered under.",
        ),
        key("deaggregate", Shape::Flag, "true", "Take records of the Kinesis Producer Library apart."),
        key(
            "dead_letter",
            Shape::Text,
            "data/dead/{source}.ndjson",
            "The file that refused records go to, with position and reason.",
        ),
        key(
            "late",
            Shape::OneOf(&["write", "drop", "dead_letter"]),
            "write",
            "What becomes of a record that is behind the watermark.",
        ),
        key(
            "on_gap",
            Shape::OneOf(&["fail", "warn"]),
            "fail",
            "What happens where records were lost before they were read.",
        ),
        key("stream_arn", Shape::Text, "none", "The stream by its ARN, also of another account."),
    ],
};

/// `record_format`, `message_format`
pub static RECORD_FORMAT: Object = Object {
    what: "the format of records",
    name: "record_format",
    keys: &[
        key(
            "type",
            Shape::OneOf(&["JsonFormat", "AvroFormat", "json", "avro"]),
            REQUIRED,
            "JSON records are read; Avro is registered only.",
        ),
        key("schema_json", Shape::JsonSchema, REQUIRED, "The columns of a record: a Spark DDL text, or a JSON Schema."),
    ],
};

/// `record_format` with `type: ProtoFormat`
pub static PROTO_FORMAT: Object = Object {
    what: "the format of records",
    name: "proto_format",
    keys: &[
        key("type", Shape::OneOf(&["ProtoFormat", "proto"]), REQUIRED, "Protobuf records are registered only."),
        key("class_path", Shape::Text, REQUIRED, "The class of a record."),
    ],
};

/// `data_sources`: a Kafka topic
pub static KAFKA_SOURCE: Object = Object {
    what: "a data source",
    name: "KafkaSource",
    keys: &[
        class(&["KafkaSource", "kafka"]),
        NAME,
        key("timestamp_field", Shape::Text, REQUIRED, "The column of the event time."),
        key("message_format", FORMAT, REQUIRED, "What a message looks like."),
        key("kafka_bootstrap_servers", Shape::Text, "\"\"", "The brokers."),
        key("topic", Shape::Text, "\"\"", "The topic."),
        CREATED,
        FIELD_MAPPING,
        BATCH_SOURCE,
        WATERMARK,
        DESCRIPTION,
        TAGS,
        OWNER,
    ],
};

/// `data_sources`: rows that a program pushes
pub static PUSH_SOURCE: Object = Object {
    what: "a data source",
    name: "PushSource",
    keys: &[class(&["PushSource", "push"]), NAME, BATCH_SOURCE, DESCRIPTION, TAGS, OWNER],
};

/// `data_sources`: values that come with a request
pub static REQUEST_SOURCE: Object = Object {
    what: "a data source",
    name: "RequestSource",
    keys: &[
        class(&["RequestSource", "request"]),
        NAME,
        key("schema", FIELDS, REQUIRED, "The values that a request brings, each with its type."),
        key("timestamp_field", Shape::Text, "none", "Registered only."),
        DESCRIPTION,
        TAGS,
        OWNER,
    ],
};

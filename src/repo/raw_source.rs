//! `data_sources` as written.

use crate::model::{FileFormat, KinesisOptions, LateRecords, OnGap, RecordFormat, Span, StartPosition, Timestamp};

use super::codes;
use super::diagnostics::{At, Finding, Spot};
use super::fields::{Fields, Place};
use super::keys::{self, Object};
use super::raw::{About, RawField, Ref};

/// Class names and their short forms.
const TYPES: &[(&str, &str)] = &[
    ("FileSource", "file"),
    ("KinesisSource", "kinesis"),
    ("KafkaSource", "kafka"),
    ("PushSource", "push"),
    ("RequestSource", "request"),
];

#[derive(Clone, Debug)]
pub(super) struct RawSource {
    pub spot: Spot,
    /// a file source without a name is called by its path
    pub name: At<String>,
    pub kind: RawKind,
    pub timestamp_field: Option<At<String>>,
    pub timestamp_field_type: String,
    pub created_timestamp_column: Option<At<String>>,
    pub field_mapping: Vec<(At<String>, String)>,
    pub date_partition_column: String,
    pub batch_source: Option<Ref<RawSource>>,
    pub about: About,
}

#[derive(Clone, Debug)]
pub(super) enum RawKind {
    File { path: At<String>, file_format: Option<FileFormat>, s3_endpoint_override: String },
    Kinesis(Box<RawKinesis>),
    Kafka { bootstrap_servers: String, topic: String, message_format: RawFormat, watermark: Option<Span> },
    Push,
    Request { schema: Vec<RawField> },
}

#[derive(Clone, Debug)]
pub(super) struct RawKinesis {
    pub region: Option<At<String>>,
    pub stream_name: Option<At<String>>,
    pub record_format: RawFormat,
    pub watermark: Option<Span>,
    pub options: KinesisOptions,
}

/// `record_format`, and where its schema stands.
#[derive(Clone, Debug)]
pub(super) struct RawFormat {
    pub format: RecordFormat,
    pub spot: Spot,
}

impl RawSource {
    pub(super) fn read(place: Place<'_>, now: Timestamp) -> Option<Self> {
        let fields = Fields::open(place, &keys::ANY_SOURCE)?;
        let class = fields.required("type").and_then(class)?;
        fields.narrow(object_of(class));
        fields.renamed("event_timestamp_column", "timestamp_field");
        fields.renamed("date_partition_field", "date_partition_column");
        let kind = match class {
            "FileSource" => file(&fields),
            "KinesisSource" => kinesis(&fields, now),
            "KafkaSource" => kafka(&fields),
            "PushSource" => Some(RawKind::Push),
            _ => fields.required("schema").map(|place| RawKind::Request { schema: RawField::list(place) }),
        };
        let name = match &kind {
            Some(RawKind::File { path, .. }) => fields.text("name").or_else(|| Some(path.clone())),
            _ => fields.required_text("name"),
        };
        let mut source = Self {
            spot: place.spot(),
            name: name?,
            kind: kind?,
            timestamp_field: None,
            timestamp_field_type: String::new(),
            created_timestamp_column: None,
            field_mapping: Vec::new(),
            date_partition_column: String::new(),
            batch_source: None,
            about: About::read(&fields),
        };
        source.read_columns(&fields, class);
        if class != "FileSource" && class != "RequestSource" {
            source.batch_source = fields.get("batch_source").and_then(|p| Ref::read(p, |p| Self::read(p, now)));
        }
        fields.close();
        Some(source)
    }

    /// The keys about columns that this class has.
    fn read_columns(&mut self, fields: &Fields<'_>, class: &str) {
        if class == "PushSource" {
            return;
        }
        self.timestamp_field = match class {
            "KafkaSource" => fields.required_text("timestamp_field"),
            _ => fields.text("timestamp_field").filter(|text| !text.value.is_empty()),
        };
        if class == "RequestSource" {
            return;
        }
        self.created_timestamp_column = fields.text("created_timestamp_column").filter(|text| !text.value.is_empty());
        self.field_mapping = fields.get("field_mapping").map(mapping).unwrap_or_default();
        if class == "FileSource" {
            self.date_partition_column = fields.text_or_empty("date_partition_column");
            let kind = fields.get("timestamp_field_type").and_then(|place| place.one_of(&["TIMESTAMP", "DATE", ""]));
            kind.unwrap_or_default().clone_into(&mut self.timestamp_field_type);
            fields.get("connection_ref").map(connection_ref);
        }
    }
}

/// The class of a source by its name or short form.
fn class(place: Place<'_>) -> Option<&'static str> {
    let text = place.text()?;
    let found = TYPES.iter().find(|(class, short)| *class == text.value || *short == text.value);
    if found.is_none() {
        let message = format!("`{}` is not a type of data source that feast-rs reads", text.value);
        let names = TYPES.iter().flat_map(|(class, short)| [*class, *short]);
        let finding = Finding::error(codes::BAD_VALUE, text.spot, message).near(&text.value, names);
        let listed = TYPES.iter().map(|(class, short)| format!("{class} [{short}]")).collect::<Vec<_>>().join(", ");
        place.diagnostics.report(finding.note(format!("types: {listed}")));
    }
    found.map(|(class, _)| *class)
}

fn object_of(class: &str) -> &'static Object {
    match class {
        "FileSource" => &keys::FILE_SOURCE,
        "KinesisSource" => &keys::KINESIS_SOURCE,
        "KafkaSource" => &keys::KAFKA_SOURCE,
        "PushSource" => &keys::PUSH_SOURCE,
        _ => &keys::REQUEST_SOURCE,
    }
}

fn mapping(place: Place<'_>) -> Vec<(At<String>, String)> {
    let entries = place.entries().into_iter();
    entries.filter_map(|(key, place)| Some((At::new(key, place.key_spot()), place.scalar_text()?))).collect()
}

/// Checked, not kept: a local file needs no connection.
fn connection_ref(place: Place<'_>) {
    let Some(fields) = Fields::open(place, &keys::CONNECTION_REF) else { return };
    fields.required_text("name");
    fields.close();
}

fn file(fields: &Fields<'_>) -> Option<RawKind> {
    let path = fields.required_text("path");
    let file_format = fields.get("file_format").and_then(file_format);
    let s3_endpoint_override = fields.text_or_empty("s3_endpoint_override");
    Some(RawKind::File { path: path?, file_format, s3_endpoint_override })
}

/// `ParquetFormat`, `parquet` or `{type: ParquetFormat}`.
fn file_format(place: Place<'_>) -> Option<FileFormat> {
    let place = if place.as_text().is_some() {
        place
    } else {
        let fields = Fields::open(place, &keys::FILE_FORMAT)?;
        let inner = fields.required("type");
        fields.close();
        inner?
    };
    match place.one_of(&["ParquetFormat", "DeltaFormat", "parquet", "delta"])? {
        "ParquetFormat" | "parquet" => Some(FileFormat::Parquet),
        _ => Some(FileFormat::Delta),
    }
}

fn kafka(fields: &Fields<'_>) -> Option<RawKind> {
    fields.renamed("bootstrap_servers", "kafka_bootstrap_servers");
    let message_format = fields.required("message_format").and_then(RawFormat::read);
    Some(RawKind::Kafka {
        bootstrap_servers: fields.text_or_empty("kafka_bootstrap_servers"),
        topic: fields.text_or_empty("topic"),
        watermark: fields.duration("watermark_delay_threshold"),
        message_format: message_format?,
    })
}

fn kinesis(fields: &Fields<'_>, now: Timestamp) -> Option<RawKind> {
    let record_format = fields.required("record_format").and_then(RawFormat::read);
    let raw = RawKinesis {
        region: fields.text("region").filter(|text| !text.value.is_empty()),
        stream_name: fields.text("stream_name").filter(|text| !text.value.is_empty()),
        watermark: fields.duration("watermark_delay_threshold"),
        options: fields.get("x-kinesis").map_or_else(KinesisOptions::default, |place| options(place, now)),
        record_format: record_format?,
    };
    Some(RawKind::Kinesis(Box::new(raw)))
}

impl RawFormat {
    /// `{type: JsonFormat, schema_json: ".."}` and its relatives; a mapping as `schema_json` is a JSON Schema.
    fn read(place: Place<'_>) -> Option<Self> {
        let fields = Fields::open(place, &keys::RECORD_FORMAT)?;
        let kind = fields
            .required("type")
            .and_then(|p| p.one_of(&["JsonFormat", "AvroFormat", "ProtoFormat", "json", "avro", "proto"]));
        let proto = matches!(kind, Some("ProtoFormat" | "proto"));
        if proto {
            fields.narrow(&keys::PROTO_FORMAT);
        }
        let text = fields.required(if proto { "class_path" } else { "schema_json" });
        fields.close();
        let text = text?;
        let schema = match text.as_text() {
            Some(schema) => schema.to_owned(),
            None if text.cursor.value().is_mapping() => {
                serde_json::to_string(text.cursor.value()).map_err(|_| text.expected("a JSON Schema")).ok()?
            }
            None => {
                text.expected("a text or a JSON Schema");
                return None;
            }
        };
        let format = match kind? {
            "JsonFormat" | "json" => RecordFormat::Json(schema),
            "AvroFormat" | "avro" => RecordFormat::Avro(schema),
            _ => RecordFormat::Proto(schema),
        };
        Some(Self { format, spot: text.spot() })
    }
}

/// `x-kinesis`
fn options(place: Place<'_>, now: Timestamp) -> KinesisOptions {
    let mut options = KinesisOptions::default();
    let Some(fields) = Fields::open(place, &keys::KINESIS_OPTIONS) else { return options };
    options.start = start(&fields, now);
    options.endpoint_url = fields.text("endpoint_url").map(|text| text.value);
    if let Some(place) = fields.get("max_records") {
        let number = place.whole(1).and_then(|n| u32::try_from(n).ok()).filter(|n| *n <= 10_000);
        options.max_records = number.unwrap_or_else(|| refuse(place, "1 to 10000", options.max_records));
    }
    if let Some(place) = fields.get("reads_per_second") {
        let number = place.number().and_then(|n| n.as_f64()).filter(|n| *n > 0.0 && n.is_finite());
        options.reads_per_second = number.unwrap_or_else(|| refuse(place, "more than 0", 4.0));
    }
    options.enhanced_fan_out = fields.flag("enhanced_fan_out", false);
    options.consumer_name = fields.text("consumer_name").map(|text| text.value);
    options.deaggregate = fields.flag("deaggregate", true);
    if let Some(path) = fields.text("dead_letter") {
        options.dead_letter = path.value;
    }
    options.late = match fields.get("late").and_then(|p| p.one_of(&["write", "drop", "dead_letter"])) {
        Some("drop") => LateRecords::Drop,
        Some("dead_letter") => LateRecords::DeadLetter,
        _ => LateRecords::Write,
    };
    options.on_gap = match fields.get("on_gap").and_then(|place| place.one_of(&["fail", "warn"])) {
        Some("warn") => OnGap::Warn,
        _ => OnGap::Fail,
    };
    options.stream_arn = fields.get("stream_arn").and_then(stream_arn);
    fields.close();
    options
}

/// Reports an option and goes on with a harmless value.
fn refuse<T>(place: Place<'_>, label: &str, instead: T) -> T {
    let message = "this option of x-kinesis cannot be used";
    place.diagnostics.report(Finding::error(codes::KINESIS_OPTION, place.spot(), message).label(label));
    instead
}

fn start(fields: &Fields<'_>, now: Timestamp) -> StartPosition {
    let place = fields.get("start");
    let at = fields.get("at_timestamp");
    match (place.and_then(|p| p.one_of(&["LATEST", "TRIM_HORIZON", "AT_TIMESTAMP"])), at) {
        (Some("AT_TIMESTAMP"), Some(at)) => at.instant(now).map_or(StartPosition::Latest, StartPosition::AtTimestamp),
        (Some("AT_TIMESTAMP"), None) => place.map_or(StartPosition::Latest, |place| {
            refuse(place, "start: AT_TIMESTAMP needs at_timestamp", StartPosition::Latest)
        }),
        (start, at) => {
            if let Some(at) = at {
                refuse(at, "at_timestamp goes with start: AT_TIMESTAMP", ());
            }
            if start == Some("TRIM_HORIZON") { StartPosition::TrimHorizon } else { StartPosition::Latest }
        }
    }
}

/// `arn:aws:kinesis:REGION:ACCOUNT:stream/NAME`
fn stream_arn(place: Place<'_>) -> Option<String> {
    let text = place.text()?.value;
    match arn_parts(&text) {
        Some(_) => Some(text),
        None => refuse(place, "write arn:aws:kinesis:REGION:ACCOUNT:stream/NAME", None),
    }
}

/// Region and stream name of an ARN.
pub(super) fn arn_parts(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let (head, _, service, region) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let name = parts.nth(1)?.strip_prefix("stream/")?;
    (head == "arn" && service == "kinesis" && !region.is_empty() && !name.is_empty()).then_some((region, name))
}

//! Data sources: their meaning, their timestamps, their columns.

use std::collections::BTreeMap;

use arrow::datatypes::{DataType as Arrow, SchemaRef};

use crate::model::{
    DataSource, FileFormat, FileSource, KafkaSource, KinesisSource, RecordColumn, RecordFormat, RecordType, SourceKind,
    parse_schema_json,
};

use super::check::{Context, SchemaProblem, source_name};
use super::codes;
use super::diagnostics::{At, Finding, Spot};
use super::raw_source::{RawFormat, RawKind, RawKinesis, RawSource, arn_parts};

/// A source with what is known of its columns.
#[derive(Clone)]
#[allow(clippy::struct_field_names, reason = "the model's word for it")]
pub(super) struct Source {
    pub source: DataSource,
    pub raw: RawSource,
    /// columns of the parquet files, where they were read
    pub schema: Option<SchemaRef>,
    /// columns of a Kinesis stream's records
    pub record: Option<Vec<RecordColumn>>,
    /// written by us: its files may not be there yet
    pub sink: bool,
}

impl Source {
    /// The path of a file source, for messages.
    pub(super) fn path(&self) -> &str {
        match &self.source.kind {
            SourceKind::File(file) => &file.path,
            _ => &self.source.name,
        }
    }
}

/// Every source by name; `sinks` are written by us and need no files yet.
pub(super) fn sources(
    raw: Vec<(RawSource, bool)>,
    sinks: &[String],
    context: &Context<'_>,
) -> BTreeMap<String, Source> {
    let kinds: BTreeMap<String, &'static str> =
        raw.iter().map(|(raw, _)| (raw.name.value.clone(), class_name(&raw.kind))).collect();
    let mut sources = BTreeMap::new();
    // streams refer to files, so files come first
    let (streams, others): (Vec<_>, Vec<_>) = raw.into_iter().partition(|(raw, _)| is_stream(&raw.kind));
    for (raw, inline) in others.into_iter().chain(streams) {
        let sink = sinks.contains(&raw.name.value);
        let known = sources.get(&raw.name.value);
        if let Some(Source { raw: first, .. }) = known
            && !inline
        {
            context.taken("data source", &raw.name, first.name.spot);
            continue;
        }
        let source = source(&raw, sink, &sources, &kinds, context);
        match known {
            Some(same) if same.source == source.source => {}
            Some(same) => context.taken("data source", &raw.name, same.raw.name.spot),
            None => {
                sources.insert(raw.name.value.clone(), source);
            }
        }
    }
    sources
}

fn class_name(kind: &RawKind) -> &'static str {
    match kind {
        RawKind::File { .. } => "FileSource",
        RawKind::Kinesis(_) => "KinesisSource",
        RawKind::Kafka { .. } => "KafkaSource",
        RawKind::Push => "PushSource",
        RawKind::Request { .. } => "RequestSource",
    }
}

fn is_stream(kind: &RawKind) -> bool {
    matches!(kind, RawKind::Kinesis(_) | RawKind::Kafka { .. } | RawKind::Push)
}

fn source(
    raw: &RawSource,
    sink: bool,
    known: &BTreeMap<String, Source>,
    kinds: &BTreeMap<String, &'static str>,
    context: &Context<'_>,
) -> Source {
    let mut record = None;
    let kind = match &raw.kind {
        RawKind::File { path, file_format, s3_endpoint_override } => SourceKind::File(FileSource {
            path: path.value.clone(),
            file_format: *file_format,
            s3_endpoint_override: s3_endpoint_override.clone(),
        }),
        RawKind::Kinesis(kinesis) => {
            record = self::record(&kinesis.record_format, context);
            SourceKind::Kinesis(self::kinesis(raw, kinesis, context))
        }
        RawKind::Kafka { bootstrap_servers, topic, message_format, watermark } => SourceKind::Kafka(KafkaSource {
            bootstrap_servers: bootstrap_servers.clone(),
            topic: topic.clone(),
            message_format: message_format.format.clone(),
            watermark_delay_threshold: *watermark,
        }),
        RawKind::Push => SourceKind::Push,
        RawKind::Request { schema } => {
            SourceKind::Request { schema: schema.iter().map(|field| field.field.clone()).collect() }
        }
    };
    let text = |at: &Option<At<String>>| at.as_ref().map(|at| at.value.clone()).unwrap_or_default();
    let source = DataSource {
        timestamp_field: text(&raw.timestamp_field),
        timestamp_field_type: raw.timestamp_field_type.clone(),
        created_timestamp_column: text(&raw.created_timestamp_column),
        field_mapping: raw.field_mapping.iter().map(|(from, to)| (from.value.clone(), to.clone())).collect(),
        date_partition_column: raw.date_partition_column.clone(),
        description: raw.about.description.clone(),
        tags: raw.about.tags.clone(),
        owner: raw.about.owner.clone(),
        ..DataSource::new(raw.name.value.as_str(), kind)
    };
    let mut source = Source { source, raw: raw.clone(), schema: None, record, sink };
    timestamps_differ(raw, context);
    match &raw.kind {
        RawKind::File { path, .. } if !sink => source.read_file(path, context),
        RawKind::Request { .. } | RawKind::File { .. } => {}
        _ => source.take_batch_source(known, kinds, context),
    }
    if matches!(raw.kind, RawKind::Kinesis(_)) {
        source.check_record_timestamp(context);
    }
    source
}

fn timestamps_differ(raw: &RawSource, context: &Context<'_>) {
    let (Some(event), Some(created)) = (&raw.timestamp_field, &raw.created_timestamp_column) else { return };
    if event.value == created.value {
        let message = format!("`{}` is both the event and the created timestamp", created.value);
        context.report(Finding::error(codes::SAME_TIMESTAMPS, created.spot, message));
    }
}

fn kinesis(raw: &RawSource, kinesis: &RawKinesis, context: &Context<'_>) -> KinesisSource {
    let arn = kinesis.options.stream_arn.as_deref().and_then(arn_parts);
    let text = |at: &Option<At<String>>| at.as_ref().map(|at| at.value.clone());
    let ambient = || (context.env)("AWS_REGION").or_else(|| (context.env)("AWS_DEFAULT_REGION"));
    let region = text(&kinesis.region).or_else(|| arn.map(|(region, _)| region.to_owned())).or_else(ambient);
    let stream = text(&kinesis.stream_name).or_else(|| arn.map(|(_, name)| name.to_owned()));
    let lacks = |message: &str, label: &str| {
        let spot = raw.name.spot;
        context.report(Finding::error(codes::STREAM_ADDRESS, spot, message).label(label));
    };
    if region.is_none() {
        lacks(&format!("Kinesis source `{}` has no region", raw.name.value), "add `region`, or set AWS_REGION");
    }
    if stream.is_none() {
        lacks(&format!("Kinesis source `{}` has no stream", raw.name.value), "add `stream_name`");
    }
    KinesisSource {
        region: region.unwrap_or_default(),
        stream_name: stream.unwrap_or_default(),
        record_format: kinesis.record_format.format.clone(),
        watermark_delay_threshold: kinesis.watermark,
        options: kinesis.options.clone(),
    }
}

/// The columns that `schema_json` declares.
fn record(format: &RawFormat, context: &Context<'_>) -> Option<Vec<RecordColumn>> {
    let text = match &format.format {
        RecordFormat::Json(text) => text,
        RecordFormat::Avro(_) | RecordFormat::Proto(_) => {
            let message = "records in Avro or Protobuf are registered, not decoded";
            context.report(Finding::warning(codes::NOT_EXECUTED, format.spot, message));
            return None;
        }
    };
    parse_schema_json(text)
        .map_err(|error| {
            let spot = within(format.spot, text, error.at, context);
            let message = format!("schema_json cannot be read: {}", error.message);
            context.report(
                Finding::error(codes::SCHEMA_JSON, spot, message).note(format!("at character {} of it", error.at + 1)),
            );
        })
        .ok()
}

/// The place of one character of a text that stands at `spot`, where the text stands there letter by letter.
fn within(spot: Spot, text: &str, at: usize, context: &Context<'_>) -> Spot {
    let written = context.diagnostics.written(spot);
    let Some(start) = written.find(text).map(|byte| written.get(..byte).map_or(0, |s| s.chars().count())) else {
        return spot;
    };
    let rest: String = text.chars().skip(at).take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let start = spot.start + start + at;
    Spot { start, end: start + rest.chars().count().max(1), ..spot }
}

impl Source {
    /// Opens the files and takes the timestamp columns from them.
    fn read_file(&mut self, path: &At<String>, context: &Context<'_>) {
        let delta = matches!(&self.source.kind, SourceKind::File(f) if f.file_format == Some(FileFormat::Delta));
        if context.skip_source_validation || delta {
            if self.source.timestamp_field.is_empty() {
                let message = format!("the timestamp_field of `{}` cannot be inferred without its files", path.value);
                context.report(Finding::error(codes::INFERENCE, path.spot, message).label("add `timestamp_field`"));
            }
            return;
        }
        match (context.schemas)(&self.source) {
            Ok(schema) => {
                self.schema = Some(schema);
                self.check_timestamps(path, context);
            }
            Err(problem) => {
                let message = match problem {
                    SchemaProblem::NotFound => format!("there is no file `{}`", path.value),
                    SchemaProblem::Unreadable(why) => format!("`{}` cannot be read: {why}", path.value),
                };
                let found = self.source.name.clone();
                let finding = Finding::error(codes::NO_FILE, path.spot, message).note(format!(
                    "looked for at {} (data source `{found}`)",
                    context.settings.resolve(&path.value).display()
                ));
                context.report(finding.note("--skip-source-validation does without it"));
            }
        }
    }

    /// Where a column stands in `schema_json`.
    pub(super) fn record_spot(&self, column: &str, context: &Context<'_>) -> Spot {
        let RawKind::Kinesis(kinesis) = &self.raw.kind else { return self.raw.name.spot };
        let format = &kinesis.record_format;
        let RecordFormat::Json(text) = &format.format else { return format.spot };
        let at = text.find(column).map_or(0, |byte| text.get(..byte).map_or(0, |before| before.chars().count()));
        within(format.spot, text, at, context)
    }

    /// The column of the files that the view calls `name`.
    pub(super) fn column(&self, name: &str) -> Option<&Arrow> {
        let schema = self.schema.as_ref()?;
        schema.field_with_name(self.source.column_of(name)).ok().map(arrow::datatypes::Field::data_type)
    }

    /// The names that the columns of the files have in a view.
    pub(super) fn columns(&self) -> Vec<&str> {
        let fields = self.schema.as_ref().map(|schema| schema.fields().iter());
        fields.into_iter().flatten().map(|field| self.source.mapped(field.name())).collect()
    }

    fn check_timestamps(&mut self, path: &At<String>, context: &Context<'_>) {
        if self.source.timestamp_field.is_empty() {
            self.infer_timestamp(path, context);
        }
        for declared in [&self.raw.timestamp_field, &self.raw.created_timestamp_column].into_iter().flatten() {
            match self.column(&declared.value) {
                None => self.no_column(&format!("timestamp `{}`", declared.value), declared, context),
                Some(Arrow::Timestamp(..)) => {}
                Some(Arrow::Date32 | Arrow::Date64) if self.source.timestamp_field_type == "DATE" => {}
                Some(Arrow::Date32 | Arrow::Date64) => {
                    let message = format!("timestamp `{}` is a column of dates", declared.value);
                    let finding = Finding::error(codes::NO_TIMESTAMP, declared.spot, message);
                    let label = "say `timestamp_field_type: DATE`: each date counts as its midnight in UTC";
                    context.report(finding.label(label));
                }
                Some(kind) => {
                    let message = format!("timestamp `{}` is a column of {kind}, which is no time", declared.value);
                    context.report(Finding::error(codes::NO_TIMESTAMP, declared.spot, message));
                }
            }
        }
    }

    /// Says that the files lack a column.
    pub(super) fn no_column(&self, what: &str, name: &At<String>, context: &Context<'_>) {
        let message = format!("{what} is not a column of `{}`", self.path());
        let columns = self.columns();
        let finding = Finding::error(codes::NO_COLUMN, name.spot, message).near(&name.value, columns.iter().copied());
        context.report(finding.note(format!("columns: {}", columns.join(", "))));
    }

    fn infer_timestamp(&mut self, path: &At<String>, context: &Context<'_>) {
        let schema = self.schema.as_ref().map(|schema| schema.fields().iter());
        let created = &self.source.created_timestamp_column;
        let times = schema.into_iter().flatten().filter(|field| matches!(field.data_type(), Arrow::Timestamp(..)));
        let times: Vec<&String> = times.map(|field| field.name()).filter(|name| *name != created).collect();
        if let [only] = times.as_slice() {
            self.source.timestamp_field = self.source.mapped(only).to_owned();
            return;
        }
        let found = if times.is_empty() {
            "none".to_owned()
        } else {
            times.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        };
        let message = format!("the timestamp_field of `{}` cannot be inferred", path.value);
        context.report(
            Finding::error(codes::NO_TIMESTAMP, path.spot, message)
                .label("add `timestamp_field`")
                .note(format!("timestamp columns: {found}")),
        );
    }

    /// Resolves `batch_source`; a push source takes its columns over, as in Feast.
    fn take_batch_source(
        &mut self,
        known: &BTreeMap<String, Source>,
        kinds: &BTreeMap<String, &'static str>,
        context: &Context<'_>,
    ) {
        let Some(reference) = &self.raw.batch_source else { return };
        let name = source_name(reference);
        let Some(class) = kinds.get(&name.value) else {
            context.unknown("data source", name, kinds.keys().map(String::as_str));
            return;
        };
        let Some(batch) = known.get(&name.value).filter(|_| *class == "FileSource") else {
            let message = format!("`{}` is a {class}, which has no history", name.value);
            let finding = Finding::error(codes::VIEW_SOURCE, name.spot, message);
            context.report(finding.label("a batch_source is a FileSource"));
            return;
        };
        if matches!(self.source.kind, SourceKind::Push) {
            self.source.timestamp_field.clone_from(&batch.source.timestamp_field);
            self.source.created_timestamp_column.clone_from(&batch.source.created_timestamp_column);
            self.source.field_mapping.clone_from(&batch.source.field_mapping);
            self.source.date_partition_column.clone_from(&batch.source.date_partition_column);
        }
        self.source.batch_source = Some(Box::new(batch.source.clone()));
    }

    /// The event timestamp of a stream: declared and in its records, or the only timestamp there.
    fn check_record_timestamp(&mut self, context: &Context<'_>) {
        let Some(record) = &self.record else { return };
        let name = &self.raw.name;
        let find = |wanted: &str| record.iter().find(|column| column.name == self.source.column_of(wanted));
        if let Some(declared) = &self.raw.timestamp_field {
            match find(&declared.value) {
                None => self.lacks("timestamp", declared, context),
                Some(column) if !could_be_time(&column.kind) => {
                    let message = format!("timestamp `{}` is a {} in schema_json", declared.value, column.kind);
                    context.report(Finding::error(codes::NO_TIMESTAMP, declared.spot, message));
                }
                Some(_) => {}
            }
        } else {
            let times = record.iter().filter(|column| column.kind == RecordType::Timestamp);
            let times: Vec<&str> = times.map(|column| column.name.as_str()).collect();
            if let [only] =
                times.iter().filter(|time| **time != self.source.created_timestamp_column).collect::<Vec<_>>()[..]
            {
                self.source.timestamp_field = self.source.mapped(only).to_owned();
            } else {
                let message = format!("the timestamp_field of `{}` cannot be inferred", name.value);
                let finding = Finding::error(codes::NO_TIMESTAMP, name.spot, message);
                let found = format!("timestamps in schema_json: {}", times.join(", "));
                context.report(finding.label("add `timestamp_field`").note(found));
                return;
            }
        }
        if let Some(created) = &self.raw.created_timestamp_column
            && !record.iter().any(|column| column.name == self.source.column_of(&created.value))
        {
            self.lacks("created timestamp", created, context);
        }
    }

    /// Says that the records lack a column.
    pub(super) fn lacks(&self, what: &str, name: &At<String>, context: &Context<'_>) {
        let message = format!("{what} `{}` is not in the schema_json of `{}`", name.value, self.source.name);
        let columns: Vec<&str> = self.record.iter().flatten().map(|c| self.source.mapped(&c.name)).collect();
        let finding = Finding::error(codes::SCHEMA_JSON_LACKS, name.spot, message);
        let finding = finding.near(&name.value, columns.iter().copied());
        context.report(finding.note(format!("columns: {}", columns.join(", "))));
    }
}

/// Numbers are epochs, texts are ISO 8601.
fn could_be_time(kind: &RecordType) -> bool {
    use RecordType::{Date, Int32, Int64, Text, Timestamp};
    matches!(kind, Timestamp | Date | Int64 | Int32 | Text)
}

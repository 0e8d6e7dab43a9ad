//! What Feast has no field for is kept in tags that begin with `feast-rs:`, so that the registry stays valid for
//! Python.

use serde_json::{Map, Value, json};

use super::error::RowDamage;
use crate::model::{
    Aggregation, KinesisOptions, LateRecords, OnGap, Span, StartPosition, TAG_PREFIX, Tags, Timestamp, Transformation,
};

/// `feast-rs:key`
pub(super) fn full(key: &str) -> String {
    format!("{TAG_PREFIX}{key}")
}

/// Adds our tags to the user's.
pub(super) struct Writer(Tags);

impl Writer {
    pub(super) fn new(tags: &Tags) -> Self {
        Self(tags.clone())
    }

    #[allow(clippy::needless_pass_by_value, reason = "callers hand over what they have, flags and texts alike")]
    pub(super) fn put(&mut self, key: &str, value: impl ToString) {
        self.0.insert(full(key), value.to_string());
    }

    pub(super) fn put_if(&mut self, wanted: bool, key: &str, value: impl ToString) {
        if wanted {
            self.put(key, value);
        }
    }

    pub(super) fn put_some(&mut self, key: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    pub(super) fn transformation(&mut self, transformation: Option<&Transformation>) {
        match transformation {
            None => {}
            Some(Transformation::Sql(sql)) => self.put("transformation", json!({ "sql": sql })),
            Some(Transformation::UdfString(text)) => self.put("transformation", json!({ "udf_string": text })),
            Some(Transformation::Expressions { expressions, filter }) => {
                let map: Map<String, Value> =
                    expressions.iter().map(|(name, text)| (name.clone(), Value::from(text.as_str()))).collect();
                self.put("transformation", json!({ "expressions": map }));
                self.put_some("filter", filter.as_deref());
            }
        }
    }

    pub(super) fn aggregations(&mut self, aggregations: &[Aggregation]) {
        if aggregations.is_empty() {
            return;
        }
        let items = aggregations.iter().map(|a| {
            json!({
                "column": a.column,
                "function": a.function,
                "time_window": a.time_window.map(|span| span.to_string()),
                "slide_interval": a.slide_interval.map(|span| span.to_string()),
                "name": a.name,
            })
        });
        self.put("aggregations", Value::Array(items.collect()));
    }

    /// Those options that are not the default.
    pub(super) fn kinesis(&mut self, options: &KinesisOptions) {
        let default = KinesisOptions::default();
        match options.start {
            StartPosition::Latest => {}
            StartPosition::TrimHorizon => self.put("kinesis.start", "TRIM_HORIZON"),
            StartPosition::AtTimestamp(at) => {
                self.put("kinesis.start", "AT_TIMESTAMP");
                self.put("kinesis.at_timestamp", at);
            }
        }
        self.put_some("kinesis.endpoint_url", options.endpoint_url.as_deref());
        self.put_if(options.max_records != default.max_records, "kinesis.max_records", options.max_records);
        let reads = options.reads_per_second;
        self.put_if(reads.to_bits() != default.reads_per_second.to_bits(), "kinesis.reads_per_second", reads);
        self.put_if(options.enhanced_fan_out, "kinesis.enhanced_fan_out", true);
        self.put_some("kinesis.consumer_name", options.consumer_name.as_deref());
        self.put_if(!options.deaggregate, "kinesis.deaggregate", false);
        self.put_if(options.dead_letter != default.dead_letter, "kinesis.dead_letter", &options.dead_letter);
        match options.late {
            LateRecords::Write => {}
            LateRecords::Drop => self.put("kinesis.late", "drop"),
            LateRecords::DeadLetter => self.put("kinesis.late", "dead_letter"),
        }
        self.put_if(options.on_gap == OnGap::Warn, "kinesis.on_gap", "warn");
        self.put_some("kinesis.stream_arn", options.stream_arn.as_deref());
    }

    pub(super) fn finish(self) -> Tags {
        self.0
    }
}

/// The options of a Kinesis source that are not the default, by the names that they have in its `x-kinesis`.
pub(super) fn kinesis_options(options: &KinesisOptions) -> Tags {
    let mut writer = Writer(Tags::new());
    writer.kinesis(options);
    let prefix = full("kinesis.");
    writer.0.into_iter().map(|(key, value)| (key.replacen(&prefix, "", 1), value)).collect()
}

/// Reads our tags among the user's.
pub(super) struct Reader<'a>(&'a Tags);

impl<'a> Reader<'a> {
    pub(super) fn new(tags: &'a Tags) -> Self {
        Self(tags)
    }

    /// The user's tags without ours.
    pub(super) fn users(&self) -> Tags {
        self.0.iter().filter(|(key, _)| !key.starts_with(TAG_PREFIX)).map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a str> {
        self.0.get(&full(key)).map(String::as_str)
    }

    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.get(key).map(str::to_owned)
    }

    /// A value that is written as Rust prints it.
    pub(super) fn parse<T: std::str::FromStr>(&self, key: &str) -> Result<Option<T>, RowDamage> {
        self.get(key).map(|text| text.parse().map_err(|_| wrong(key, text))).transpose()
    }

    pub(super) fn span(&self, key: &str) -> Result<Option<Span>, RowDamage> {
        self.get(key).map(|text| Span::parse(text).map_err(|_| wrong(key, text))).transpose()
    }

    pub(super) fn transformation(&self) -> Result<Option<Transformation>, RowDamage> {
        let Some(text) = self.get("transformation") else { return Ok(None) };
        let damaged = || wrong("transformation", text);
        let value: Value = serde_json::from_str(text).map_err(|_| damaged())?;
        if let Some(sql) = value.get("sql").and_then(Value::as_str) {
            return Ok(Some(Transformation::Sql(sql.to_owned())));
        }
        if let Some(udf) = value.get("udf_string").and_then(Value::as_str) {
            return Ok(Some(Transformation::UdfString(udf.to_owned())));
        }
        let map = value.get("expressions").and_then(Value::as_object).ok_or_else(damaged)?;
        let expressions: Option<Vec<(String, String)>> =
            map.iter().map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned()))).collect();
        let expressions = expressions.ok_or_else(damaged)?;
        Ok(Some(Transformation::Expressions { expressions, filter: self.text("filter") }))
    }

    pub(super) fn aggregations(&self) -> Result<Vec<Aggregation>, RowDamage> {
        let Some(text) = self.get("aggregations") else { return Ok(Vec::new()) };
        let damaged = || wrong("aggregations", text);
        let items: Vec<Value> = serde_json::from_str(text).map_err(|_| damaged())?;
        let field = |item: &Value, key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let span = |item: &Value, key: &str| match item.get(key).and_then(Value::as_str) {
            Some(text) => Span::parse(text).map(Some).map_err(|_| damaged()),
            None => Ok(None),
        };
        items
            .iter()
            .map(|item| {
                Ok(Aggregation {
                    column: field(item, "column"),
                    function: field(item, "function"),
                    time_window: span(item, "time_window")?,
                    slide_interval: span(item, "slide_interval")?,
                    name: field(item, "name"),
                })
            })
            .collect()
    }

    pub(super) fn kinesis(&self) -> Result<KinesisOptions, RowDamage> {
        let default = KinesisOptions::default();
        Ok(KinesisOptions {
            start: self.start()?,
            endpoint_url: self.text("kinesis.endpoint_url"),
            max_records: self.parse("kinesis.max_records")?.unwrap_or(default.max_records),
            reads_per_second: self.parse("kinesis.reads_per_second")?.unwrap_or(default.reads_per_second),
            enhanced_fan_out: self.parse("kinesis.enhanced_fan_out")?.unwrap_or(false),
            consumer_name: self.text("kinesis.consumer_name"),
            deaggregate: self.parse("kinesis.deaggregate")?.unwrap_or(true),
            dead_letter: self.text("kinesis.dead_letter").unwrap_or(default.dead_letter),
            late: match self.get("kinesis.late") {
                None | Some("write") => LateRecords::Write,
                Some("drop") => LateRecords::Drop,
                Some("dead_letter") => LateRecords::DeadLetter,
                Some(other) => return Err(wrong("kinesis.late", other)),
            },
            on_gap: match self.get("kinesis.on_gap") {
                None | Some("fail") => OnGap::Fail,
                Some("warn") => OnGap::Warn,
                Some(other) => return Err(wrong("kinesis.on_gap", other)),
            },
            stream_arn: self.text("kinesis.stream_arn"),
        })
    }

    fn start(&self) -> Result<StartPosition, RowDamage> {
        match self.get("kinesis.start") {
            None | Some("LATEST") => Ok(StartPosition::Latest),
            Some("TRIM_HORIZON") => Ok(StartPosition::TrimHorizon),
            Some("AT_TIMESTAMP") => {
                let text = self.get("kinesis.at_timestamp").unwrap_or_default();
                // the instant is absolute: no clock is needed to read it
                let at = Timestamp::parse(text, Timestamp::EPOCH).map_err(|_| wrong("kinesis.at_timestamp", text))?;
                Ok(StartPosition::AtTimestamp(at))
            }
            Some(other) => Err(wrong("kinesis.start", other)),
        }
    }
}

pub(super) fn wrong(key: &str, value: &str) -> RowDamage {
    RowDamage::Tag(full(key), value.to_owned())
}

//! What a view reads of a record: the columns of its stream, of its files, or its own.

use arrow::datatypes::{Field as ArrowField, Schema};

use super::{Absent, Reading, Shape};
use crate::error::IngestError;
use crate::feature_store::transformation::{CompiledView, Input};
use crate::model::{
    DUMMY_JOIN_KEY, DataSource, FeatureView, RecordFormat, Settings, SourceKind, Transformation, parse_schema_json,
};
use crate::row::ViewLayout;
use crate::source::json::{JsonColumn, JsonKind, Need};
use crate::source::parquet::Dataset;

/// The columns of records, and how they become columns of the view.
pub(super) struct RecordInput {
    pub columns: Vec<JsonColumn>,
    /// for each column its name in the view
    pub names: Vec<String>,
    pub event: String,
    pub created: Option<String>,
    pub compiled: Option<CompiledView>,
}

impl RecordInput {
    pub(super) fn new(
        settings: &Settings,
        view: &FeatureView,
        layout: &ViewLayout,
        reading: Reading,
    ) -> Result<Self, IngestError> {
        check_supported(view)?;
        let source = time_source(view)?;
        let transformation = view.transformation.as_ref().filter(|_| reading.shape == Shape::Source);
        match (transformation, declared(view)?) {
            (Some(transformation), Some((stream, columns))) => {
                Self::computed(view, transformation, stream, columns, reading.absent)
            }
            (Some(transformation), None) => {
                let (source, columns) = of_files(settings, view)?;
                Self::computed(view, transformation, source, columns, reading.absent)
            }
            (None, Some((stream, columns))) if reading.shape == Shape::Source => {
                Ok(Self::plain(stream, columns, reading, layout))
            }
            (None, _) => Ok(Self::own(view, source, layout, reading)),
        }
    }

    /// Records with the columns of a stream's schema, some of which are features.
    fn plain(stream: &DataSource, mut columns: Vec<JsonColumn>, reading: Reading, layout: &ViewLayout) -> Self {
        let names: Vec<String> = columns.iter().map(|column| stream.mapped(&column.name).to_owned()).collect();
        for (column, name) in columns.iter_mut().zip(&names) {
            if reading.absent == Absent::Refused && layout.feature(name).is_some() && column.need == Need::Nothing {
                column.need = Need::Key;
            }
        }
        let created = &stream.created_timestamp_column;
        Self {
            event: time(stream, &stream.timestamp_field),
            created: (!created.is_empty()).then(|| time(stream, created)),
            columns,
            names,
            compiled: None,
        }
    }

    /// Records that go through a transformation.
    fn computed(
        view: &FeatureView,
        transformation: &Transformation,
        source: &DataSource,
        mut columns: Vec<JsonColumn>,
        absent: Absent,
    ) -> Result<Self, IngestError> {
        let fields: Vec<ArrowField> =
            columns.iter().map(|column| ArrowField::new(&column.name, column.kind.arrow(), true)).collect();
        let input = Input::of(view, source, &Schema::new(fields));
        let compiled = input
            .compile(view, transformation, source)
            .map_err(|source| IngestError::Transformation { view: view.name.clone(), source: Box::new(source) })?;
        let names: Vec<String> = columns.iter().map(|column| source.mapped(&column.name).to_owned()).collect();
        for (column, name) in columns.iter_mut().zip(&names) {
            if absent == Absent::Refused && column.need == Need::Nothing && compiled.compiled.reads(name) {
                column.need = Need::Key;
            }
        }
        Ok(Self {
            names,
            columns,
            event: compiled.event.clone(),
            created: compiled.created.clone(),
            compiled: Some(compiled),
        })
    }

    /// Records with the view's own columns. Each may have its name in the source or in the view.
    fn own(view: &FeatureView, source: &DataSource, layout: &ViewLayout, reading: Reading) -> Self {
        let mut input = Self {
            columns: Vec::new(),
            names: Vec::new(),
            event: time(source, &source.timestamp_field),
            created: None,
            compiled: None,
        };
        for key in layout.join_keys.iter().filter(|key| key.name != DUMMY_JOIN_KEY) {
            input.add(source, &key.name, JsonKind::of_key(key.value_type), Need::Nothing);
        }
        let event = input.event.clone();
        input.add(source, &event, JsonKind::Time, Need::Nothing);
        if !source.created_timestamp_column.is_empty() {
            let created = time(source, &source.created_timestamp_column);
            input.add(source, &created, JsonKind::Time, Need::Nothing);
            input.created = Some(created);
        }
        let need = if reading.absent == Absent::Refused { Need::Key } else { Need::Nothing };
        for feature in &view.features {
            input.add(source, &feature.name, JsonKind::of_feature(&feature.dtype), need);
        }
        if reading.shape == Shape::Transformed {
            // what Feast's client writes, whatever the source calls them
            let created = input.created.clone();
            input.also_called(&event, "event_timestamp");
            input.also_called(created.as_deref().unwrap_or_default(), "created");
        }
        input
    }

    /// A stream feature view over push has its join keys among its features: one column is both.
    fn add(&mut self, source: &DataSource, name: &str, kind: JsonKind, need: Need) {
        let known = self.names.iter().position(|known| known == name);
        if let Some(column) = known.and_then(|place| self.columns.get_mut(place)) {
            column.need = if need == Need::Nothing { column.need } else { need };
            return;
        }
        let column = JsonColumn { need, ..JsonColumn::optional(source.column_of(name), kind) };
        self.columns.push(column.or_called(name));
        self.names.push(name.to_owned());
    }

    fn also_called(&mut self, name: &str, alias: &str) {
        let known = self.names.iter().any(|known| known == alias);
        let place = self.names.iter().position(|known| known == name);
        if let Some(column) = place.filter(|_| !known).and_then(|place| self.columns.get_mut(place)) {
            column.aliases.push(alias.to_owned());
        }
    }
}

fn check_supported(view: &FeatureView) -> Result<(), IngestError> {
    let unsupported = |what: &str, hint: &str| {
        Err(IngestError::Unsupported { view: view.name.clone(), what: what.to_owned(), hint: hint.to_owned() })
    };
    if !view.aggregations.is_empty() {
        return unsupported("it has aggregations, which are registered only", "aggregate before the rows are written");
    }
    if view.transformation.is_some() && !view.source_views.is_empty() {
        return unsupported(
            "its transformation reads other views, which feast-rs does not run",
            "push its features as they are with `--transformed`",
        );
    }
    Ok(())
}

/// The source that says what the times are called: the stream's own, else the batch source.
fn time_source(view: &FeatureView) -> Result<&DataSource, IngestError> {
    let stream = view.stream_source.as_ref().filter(|stream| !stream.timestamp_field.is_empty());
    let own = || view.batch_source.as_ref().and_then(DataSource::batch);
    let of_stream = || view.stream_source.as_ref().and_then(DataSource::batch);
    let source = stream.or_else(own).or_else(of_stream);
    match source {
        Some(source) if !source.timestamp_field.is_empty() => Ok(source),
        Some(source) => {
            Err(IngestError::NoTimestampField { view: view.name.clone(), source_name: source.name.clone() })
        }
        None => Err(IngestError::Unsupported {
            view: view.name.clone(),
            what: "no source says which column is the event time".to_owned(),
            hint: "give its source a `batch_source`, and run `feast-rs apply`".to_owned(),
        }),
    }
}

/// The columns that the view's stream declares for its records.
fn declared(view: &FeatureView) -> Result<Option<(&DataSource, Vec<JsonColumn>)>, IngestError> {
    let Some(stream) = &view.stream_source else { return Ok(None) };
    let format = match &stream.kind {
        SourceKind::Kinesis(kinesis) => &kinesis.record_format,
        SourceKind::Kafka(kafka) => &kafka.message_format,
        _ => return Ok(None),
    };
    let wrong = |what: String, hint: &str| IngestError::Unsupported {
        view: view.name.clone(),
        what: format!("its source `{}` {what}", stream.name),
        hint: hint.to_owned(),
    };
    let RecordFormat::Json(text) = format else {
        return Err(wrong(
            "has records that are no JSON, which feast-rs does not decode".to_owned(),
            "use a JsonFormat",
        ));
    };
    let columns = parse_schema_json(text)
        .map_err(|error| wrong(format!("has a `schema_json` that cannot be read: {error}"), "mend it, and apply"))?;
    Ok(Some((stream, columns.iter().map(JsonColumn::of_record).collect())))
}

/// The columns of the view's files, for records that look like them.
fn of_files<'a>(settings: &Settings, view: &'a FeatureView) -> Result<(&'a DataSource, Vec<JsonColumn>), IngestError> {
    let unsupported = |what: String| IngestError::Unsupported {
        view: view.name.clone(),
        what,
        hint: "name parquet files in its batch source, or push its features as they are with `--transformed`"
            .to_owned(),
    };
    let own = view.batch_source.as_ref().and_then(DataSource::batch);
    let source = own.or_else(|| view.stream_source.as_ref().and_then(DataSource::batch));
    let source = source.ok_or_else(|| unsupported("no source says of which types its records are".to_owned()))?;
    let SourceKind::File(file) = &source.kind else {
        return Err(unsupported(format!("its source `{}` is a {}", source.name, source.class_name())));
    };
    let dataset = Dataset::open(&settings.resolve(&file.path))?;
    let mut columns = Vec::new();
    for field in dataset.schema().fields() {
        // a column that JSON has no form for is none that a record can bring
        if let Ok(kind) = JsonKind::of_arrow(field.data_type()) {
            columns.push(JsonColumn::optional(field.name(), kind));
        }
    }
    Ok((source, columns))
}

/// The name in the view of a time that the source names, by its own name or the view's.
fn time(source: &DataSource, name: &str) -> String {
    source.mapped(source.column_of(name)).to_owned()
}

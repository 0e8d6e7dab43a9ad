//! What a transformation reads: the columns of a view's batch source, as its stream would bring them.

mod steps;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType as Arrow, Field as ArrowField, Schema, SchemaRef};

use crate::model::parse_schema_json;
use crate::model::{
    DUMMY_JOIN_KEY, DataSource, FeatureView, Field, RecordFormat, RecordType, SourceKind, Transformation,
};
use crate::row::{record_arrow, widens};
use crate::transform::{Compiled, TransformError};

pub(super) use steps::Steps;

/// The columns that a transformation can read, by the names that they have in the view.
#[derive(Clone, Debug)]
pub struct Input {
    /// names and types
    pub schema: SchemaRef,
    /// columns whose type in the files holds more than the type that the stream declares: theirs and the stream's
    pub narrowed: BTreeMap<String, (Arrow, RecordType)>,
}

/// A transformation with the names of the join keys and times in its output.
#[derive(Clone, Debug)]
pub struct CompiledView {
    /// keys, times and features
    pub compiled: Compiled,
    /// the event time
    pub event: String,
    /// the created time, where the source has one
    pub created: Option<String>,
}

impl Input {
    /// What `view` reads of a batch source with the columns `files`. Where its stream declares `schema_json`, exactly
    /// those columns, in those types; join keys and times may have wider types, as they do without a transformation.
    #[must_use]
    pub fn of(view: &FeatureView, source: &DataSource, files: &Schema) -> Self {
        let records = view.stream_source.as_ref().and_then(records);
        let kept = kept(view, source);
        let (mut fields, mut narrowed) = (Vec::new(), BTreeMap::new());
        for field in files.fields() {
            let (name, found) = (source.mapped(field.name()), field.data_type());
            if source.column_of(name) != field.name() {
                continue;
            }
            let is_kept = kept.iter().any(|kept| kept == name);
            let dtype = match records.as_ref().map(|records| records.get(name)) {
                None => found.clone(),
                Some(Some(kind)) if widens(found, kind) => record_arrow(kind),
                Some(_) if is_kept => found.clone(),
                Some(None) => continue,
                Some(Some(kind)) => {
                    narrowed.insert(name.to_owned(), (found.clone(), kind.clone()));
                    record_arrow(kind)
                }
            };
            fields.push(ArrowField::new(name, dtype, true));
        }
        if kept.iter().any(|kept| kept == DUMMY_JOIN_KEY) {
            fields.push(ArrowField::new(DUMMY_JOIN_KEY, Arrow::Utf8, false));
        }
        Self { schema: Arc::new(Schema::new(fields)), narrowed }
    }

    /// Compiles the transformation of `view` over these columns.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn compile(
        &self,
        view: &FeatureView,
        transformation: &Transformation,
        source: &DataSource,
    ) -> Result<CompiledView, TransformError> {
        let own = view.timestamp_field.as_str();
        let event = time(source, &source.timestamp_field);
        if !own.is_empty() && own != event {
            // the event time of the computed rows, if it is among them
            if let Ok(compiled) = self.compile_as(view, transformation, source, own) {
                return Ok(compiled);
            }
        }
        self.compile_as(view, transformation, source, event)
    }

    fn compile_as(
        &self,
        view: &FeatureView,
        transformation: &Transformation,
        source: &DataSource,
        event: &str,
    ) -> Result<CompiledView, TransformError> {
        let created = &source.created_timestamp_column;
        let created = (!created.is_empty()).then(|| time(source, created));
        let kept: Vec<&str> = view.join_keys().chain([event]).chain(created).collect();
        // push and Kafka views keep their join keys among the features
        let is_computed = |feature: &&Field| !kept.contains(&feature.name.as_str());
        let features: Vec<Field> = view.features.iter().filter(is_computed).cloned().collect();
        let compiled = Compiled::new(transformation, &self.schema, &kept, &features)?;
        Ok(CompiledView { compiled, event: event.to_owned(), created: created.map(str::to_owned) })
    }
}

/// The columns that a stream declares, by the names that they have in a view.
fn records(stream: &DataSource) -> Option<BTreeMap<String, RecordType>> {
    let SourceKind::Kinesis(kinesis) = &stream.kind else { return None };
    let RecordFormat::Json(text) = &kinesis.record_format else { return None };
    let columns = parse_schema_json(text).ok()?;
    Some(columns.into_iter().map(|column| (stream.mapped(&column.name).to_owned(), column.kind)).collect())
}

/// Join keys and times: taken from the input where they are not computed.
fn kept(view: &FeatureView, source: &DataSource) -> Vec<String> {
    let times = [&source.timestamp_field, &source.created_timestamp_column];
    let times = times.into_iter().filter(|name| !name.is_empty()).map(|name| time(source, name));
    view.join_keys().chain(times).map(str::to_owned).collect()
}

/// The name in the view of a time that the source names, by its own name or the view's.
fn time<'a>(source: &'a DataSource, name: &'a str) -> &'a str {
    source.mapped(source.column_of(name))
}

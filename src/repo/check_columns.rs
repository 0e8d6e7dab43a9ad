//! A view's schema against the columns of its sources: parquet files, and records of a Kinesis stream.

use arrow::datatypes::DataType as Arrow;

use crate::model::{DataType, Field, RecordType, ValueType};
use crate::row::{Cast, accepts, infer};

use super::check::Context;
use super::check_source::Source;
use super::check_view::{SplitSchema, ViewEntity};
use super::codes;
use super::diagnostics::{At, Finding};
use super::raw::RawField;

/// What a view reads.
pub(super) struct Columns<'a> {
    pub batch: Option<&'a Source>,
    pub stream: Option<&'a Source>,
    /// features are computed: only join keys and timestamps are taken as they are
    pub transformed: bool,
}

impl Columns<'_> {
    /// Reports every name and type of the schema that does not fit the sources.
    pub(super) fn check(
        &self,
        split: &SplitSchema,
        entities: &[ViewEntity<'_>],
        schema: &[RawField],
        context: &Context<'_>,
    ) {
        for field in schema {
            self.collides(field, context);
        }
        for entity in entities {
            self.check_key(split, entity, context);
        }
        if self.transformed {
            self.check_inputs(entities, context);
            return;
        }
        let keys: Vec<&str> = entities.iter().map(|entity| entity.entity.join_key.as_str()).collect();
        for field in schema.iter().filter(|field| !keys.contains(&field.name.value.as_str())) {
            self.check_feature(field, context);
        }
    }

    /// A feature is neither a timestamp nor a name that the source maps away.
    fn collides(&self, field: &RawField, context: &Context<'_>) {
        let name = &field.name;
        for source in [self.batch, self.stream].into_iter().flatten() {
            let (event, created) = (&source.source.timestamp_field, &source.source.created_timestamp_column);
            if name.value == *event || name.value == *created {
                let which = if name.value == *event { "event" } else { "created" };
                let message = format!("`{}` is the {which} timestamp of `{}`", name.value, source.source.name);
                let finding = Finding::error(codes::FEATURE_COLLIDES, name.spot, message);
                context.report(finding.label("it cannot be a feature as well"));
                return;
            }
            let mapping = &source.source.field_mapping;
            if let Some(to) = mapping.get(&name.value).filter(|_| !mapping.values().any(|to| *to == name.value)) {
                let message = format!("`{}` is mapped to `{to}` by the source `{}`", name.value, source.source.name);
                let finding = Finding::error(codes::MAPPED_FIELD, name.spot, message);
                context.report(finding.label(format!("write `{to}`")));
                return;
            }
        }
    }

    fn check_key(&self, split: &SplitSchema, entity: &ViewEntity<'_>, context: &Context<'_>) {
        let key = &entity.entity.join_key;
        let name = At::new(key.clone(), entity.spot);
        if let Some(batch) = self.batch.filter(|batch| batch.schema.is_some()) {
            match batch.column(key) {
                None => batch.no_column(&format!("join key `{key}`"), &name, context),
                Some(column) => {
                    let declared = split.keys.iter().find(|(field, _)| field.name == *key);
                    let own = DataType::from_value_type(entity.entity.value_type);
                    let dtype = declared.map_or(&own, |(field, _)| &field.dtype);
                    if *dtype != DataType::Unknown {
                        fits(column, dtype, &format!("join key `{key}`"), &name, context);
                    }
                }
            }
        }
        if let Some(stream) = self.stream.filter(|stream| stream.record.is_some())
            && !stream.has_record(key)
        {
            stream.lacks("join key", &name, context);
        }
    }

    fn check_feature(&self, field: &RawField, context: &Context<'_>) {
        let name = &field.name;
        let what = format!("feature `{}`", name.value);
        if let Some(batch) = self.batch.filter(|batch| batch.schema.is_some()) {
            match batch.column(&name.value) {
                None => batch.no_column(&what, name, context),
                Some(column) => {
                    let place = At::new(name.value.clone(), field.dtype_spot);
                    fits(column, &field.field.dtype, &what, &place, context);
                }
            }
        }
        if let Some(stream) = self.stream.filter(|stream| stream.record.is_some())
            && !stream.has_record(&name.value)
        {
            stream.lacks("feature", name, context);
        }
    }

    /// The inputs of a transformation have the types of `schema_json`: a parquet column must widen to them.
    fn check_inputs(&self, entities: &[ViewEntity<'_>], context: &Context<'_>) {
        let (Some(stream), Some(batch)) = (self.stream, self.batch) else { return };
        for column in stream.record.iter().flatten() {
            let name = stream.source.mapped(&column.name);
            let key = entities.iter().any(|entity| entity.entity.join_key == name);
            if key || name == stream.source.timestamp_field || name == stream.source.created_timestamp_column {
                continue;
            }
            let Some(found) = batch.column(name).filter(|found| !widens(found, &column.kind)) else { continue };
            let message = format!(
                "`{name}` is {} in the stream and {found} in `{}`: it would lose values",
                column.kind,
                batch.path()
            );
            context.report(Finding::error(codes::TYPE, stream.record_spot(&column.name, context), message));
        }
    }

    /// The type of a join key that is declared nowhere.
    pub(super) fn infer_key(&self, entity: &ViewEntity<'_>, context: &Context<'_>) -> Option<DataType> {
        let key = &entity.entity.join_key;
        if let Some(column) = self.batch.and_then(|batch| batch.column(key)) {
            return infer(column).map_err(|why| no_key_type(entity, &why, context)).ok();
        }
        let record = self.stream.and_then(|stream| stream.record_type(key));
        if let Some(dtype) = record.and_then(feast_type) {
            return Some(dtype);
        }
        match self.batch {
            Some(_) if !context.skip_source_validation => None,
            Some(_) => {
                no_key_type(entity, "its files are not opened (--skip-source-validation)", context);
                None
            }
            None => {
                no_key_type(entity, "the view has no source", context);
                None
            }
        }
    }
}

fn no_key_type(entity: &ViewEntity<'_>, why: &str, context: &Context<'_>) {
    let message = format!("the type of join key `{}` cannot be inferred: {why}", entity.entity.join_key);
    let place = context.diagnostics.origin(entity.raw.name.spot);
    let finding = Finding::error(codes::INFERENCE, entity.spot, message);
    context.report(finding.label("add `value_type` to the entity").note(format!("entity defined at {place}")));
}

impl Source {
    fn record_type(&self, name: &str) -> Option<&RecordType> {
        let column = self.source.column_of(name);
        self.record.as_ref()?.iter().find(|record| record.name == column).map(|record| &record.kind)
    }

    fn has_record(&self, name: &str) -> bool {
        self.record_type(name).is_some()
    }
}

/// The features of a view without a schema: every column of the files but keys, timestamps and internal ones.
pub(super) fn infer_features(
    columns: &Columns<'_>,
    keys: &[&str],
    view: &At<String>,
    context: &Context<'_>,
) -> Vec<Field> {
    let fail = |why: &str| {
        let message = format!("the schema of view `{}` cannot be inferred: {why}", view.value);
        context.report(Finding::error(codes::INFERENCE, view.spot, message).label("add `schema`"));
    };
    let Some(batch) = columns.batch else {
        fail("it has no data source");
        return Vec::new();
    };
    let Some(schema) = &batch.schema else {
        // a file that cannot be read was reported at its source
        if context.skip_source_validation {
            fail("its files are not opened (--skip-source-validation)");
        } else if !batch.source.is_stream() && columns.batch_is_unread() {
            fail("the files of its source are not read");
        }
        return Vec::new();
    };
    let source = &batch.source;
    let apart = |name: &str| {
        name == source.timestamp_field
            || name == source.created_timestamp_column
            || keys.contains(&name)
            || name.starts_with("__")
            || name.ends_with("__")
    };
    let mut features = Vec::new();
    for field in schema.fields() {
        let name = source.mapped(field.name());
        if apart(name) || apart(field.name()) {
            continue;
        }
        match infer(field.data_type()) {
            Ok(dtype) => features.push(Field::new(name, dtype)),
            Err(why) => fail(&format!("column `{}`: {why}", field.name())),
        }
    }
    if features.is_empty() {
        fail("no column is left for a feature");
    }
    features
}

impl Columns<'_> {
    /// Whether the batch source is of a kind whose files are never opened (a log of ours, a Delta table).
    fn batch_is_unread(&self) -> bool {
        use crate::model::{FileFormat, SourceKind};
        self.batch.is_some_and(|batch| match &batch.source.kind {
            SourceKind::File(file) => file.file_format == Some(FileFormat::Delta) || batch.sink,
            _ => false,
        })
    }
}

fn fits(column: &Arrow, dtype: &DataType, what: &str, place: &At<String>, context: &Context<'_>) {
    if let Err(why) = accepts(column, dtype, Cast::Lossless) {
        let message = format!("{what} is declared {dtype}, its column is {column}");
        let finding = Finding::error(codes::TYPE, place.spot, message).note(why);
        context.report(match infer(column) {
            Ok(better) if better != *dtype => finding.label(format!("the column's own type is {better}")),
            _ => finding,
        });
    }
}

/// Feast's type for a key of records.
fn feast_type(kind: &RecordType) -> Option<DataType> {
    let value_type = match kind {
        RecordType::Int8 | RecordType::Int16 | RecordType::Int32 => ValueType::Int32,
        RecordType::Int64 => ValueType::Int64,
        RecordType::Text => ValueType::String,
        RecordType::Binary => ValueType::Bytes,
        RecordType::Timestamp | RecordType::Date => ValueType::UnixTimestamp,
        _ => return None,
    };
    Some(DataType::from_value_type(value_type))
}

/// Whether every value of a parquet column is a value of a record's type.
fn widens(column: &Arrow, kind: &RecordType) -> bool {
    let bits = integer_bits(column);
    let integer = |room: u8| bits.is_some_and(|bits| bits <= room);
    match (column, kind) {
        (Arrow::Dictionary(_, values), kind) => widens(values, kind),
        (Arrow::Null, _)
        | (Arrow::Boolean, RecordType::Bool)
        | (Arrow::Utf8 | Arrow::LargeUtf8 | Arrow::Utf8View, RecordType::Text)
        | (Arrow::Binary | Arrow::LargeBinary | Arrow::BinaryView | Arrow::FixedSizeBinary(_), RecordType::Binary)
        | (Arrow::Date32 | Arrow::Date64, RecordType::Date | RecordType::Timestamp)
        | (Arrow::Timestamp(..), RecordType::Timestamp)
        | (Arrow::Struct(_), RecordType::Struct(_))
        | (Arrow::Map(..), RecordType::Map(..))
        | (Arrow::Float16 | Arrow::Float32, RecordType::Float32)
        | (Arrow::Float16 | Arrow::Float32 | Arrow::Float64, RecordType::Float64) => true,
        (Arrow::List(item) | Arrow::LargeList(item) | Arrow::FixedSizeList(item, _), RecordType::Array(inner)) => {
            widens(item.data_type(), inner)
        }
        (
            Arrow::Decimal32(p, s) | Arrow::Decimal64(p, s) | Arrow::Decimal128(p, s),
            RecordType::Decimal { precision, scale },
        ) => {
            i16::from(*s) <= i16::from(*scale)
                && i16::from(*p) - i16::from(*s) <= i16::from(*precision) - i16::from(*scale)
        }
        (_, RecordType::Int8) => integer(7),
        (_, RecordType::Int16) => integer(15),
        (_, RecordType::Int32) => integer(31),
        (_, RecordType::Int64 | RecordType::Float64) => integer(63),
        (_, RecordType::Float32) => integer(24),
        _ => false,
    }
}

/// Bits of the largest value of an integer column.
fn integer_bits(column: &Arrow) -> Option<u8> {
    Some(match column {
        Arrow::Int8 => 7,
        Arrow::UInt8 => 8,
        Arrow::Int16 => 15,
        Arrow::UInt16 => 16,
        Arrow::Int32 => 31,
        Arrow::UInt32 => 32,
        Arrow::Int64 => 63,
        Arrow::UInt64 => 64,
        _ => return None,
    })
}

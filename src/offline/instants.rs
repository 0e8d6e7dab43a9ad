//! Which column of an entity table is the event time, and what it says.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::model::Timestamp;
use crate::row::timestamps;

/// Feast's name of the event time in an entity table.
pub(super) const EVENT_TIMESTAMP: &str = "event_timestamp";

/// The columns that could be the event time: the one of Feast's name, else every one of timestamps. In files of text, a
/// column of texts that are all times counts as well.
pub(super) fn candidates(schema: &Schema, first: Option<&RecordBatch>, is_text: bool, now: Timestamp) -> Vec<usize> {
    if let Some((index, _)) = schema.column_with_name(EVENT_TIMESTAMP) {
        return vec![index];
    }
    let holds_times = |index: &usize| match schema.field(*index).data_type() {
        DataType::Timestamp(..) => true,
        DataType::Utf8 if is_text => first.is_some_and(|batch| are_times(batch.column(*index), now)),
        _ => false,
    };
    (0..schema.fields().len()).filter(holds_times).collect()
}

fn are_times(column: &ArrayRef, now: Timestamp) -> bool {
    let Some(texts) = column.as_string_opt::<i32>() else { return false };
    texts.null_count() < texts.len() && texts.iter().flatten().all(|text| parse(text, now).is_ok())
}

/// A time that is written out; words such as `now` are for command lines.
fn parse(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let is_absolute = text.trim_start().starts_with(|c: char| c.is_ascii_digit()) && !text.ends_with("-ago");
    if is_absolute { Timestamp::parse(text, now) } else { Err(format!("`{text}` is not a time")) }
}

/// Why a column is no event time.
pub(super) enum NoInstants {
    /// its type
    Type,
    /// one row
    Row(usize, String),
}

/// The instants of an event time column, and the column itself: texts become timestamps in UTC.
pub(super) fn instants(column: &ArrayRef, now: Timestamp) -> Result<(Vec<Option<Timestamp>>, ArrayRef), NoInstants> {
    if !is_text(column.data_type()) {
        let dates = matches!(column.data_type(), DataType::Timestamp(..) | DataType::Date32 | DataType::Date64);
        let found = dates.then(|| timestamps(EVENT_TIMESTAMP, column).ok()).flatten();
        return found.map(|instants| (instants, Arc::clone(column))).ok_or(NoInstants::Type);
    }
    let texts = cast(column, &DataType::Utf8).map_err(|_| NoInstants::Type)?;
    let texts: &StringArray = texts.as_string_opt().ok_or(NoInstants::Type)?;
    let read = |(row, text): (usize, Option<&str>)| {
        text.map(|text| parse(text, now)).transpose().map_err(|reason| NoInstants::Row(row, reason))
    };
    let instants = texts.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
    let micros: TimestampMicrosecondArray = instants.iter().map(|instant| instant.map(Timestamp::micros)).collect();
    Ok((instants, Arc::new(micros.with_timezone("UTC"))))
}

fn is_text(dtype: &DataType) -> bool {
    matches!(dtype, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// The columns as they are handed on: an event time of texts becomes one of timestamps.
pub(super) fn handed_on(schema: &Schema, event: usize) -> SchemaRef {
    let fields = schema.fields().iter().enumerate().map(|(index, field)| {
        let mut field: Field = field.as_ref().clone();
        if index == event && is_text(field.data_type()) {
            field.set_data_type(DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into())));
        }
        field
    });
    // what pandas wrote about its own frame does not hold for the one with features
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

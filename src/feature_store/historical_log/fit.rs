//! Rows in the columns and types of a log.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::{CastOptions, cast_with_options, filter_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::{FormatOptions, array_value_to_string};

use crate::row::Refusal;

/// A value that its type has no room for becomes a null, and is found by comparison.
const LENIENT: CastOptions<'static> = CastOptions { safe: true, format_options: FormatOptions::new() };

/// One column of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogColumn {
    /// its name in the files
    pub name: String,
    /// its name in the view
    pub in_view: String,
    /// its type; `None`: that of the rows
    pub arrow: Option<DataType>,
    pub nullable: bool,
}

/// `batch` in the columns of a log, without the rows that have a value which a column cannot hold exactly.
pub(super) fn fit(columns: &[LogColumn], batch: &RecordBatch) -> Result<(RecordBatch, Vec<Refusal>), ArrowError> {
    let (mut fields, mut arrays, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for column in columns {
        let found = batch.column_by_name(&column.name).or_else(|| batch.column_by_name(&column.in_view));
        let array = match (found, &column.arrow) {
            (Some(array), None) => Arc::clone(array),
            (Some(array), Some(wanted)) => exactly(column, array, wanted, &mut refused)?,
            (None, wanted) => new_null_array(wanted.as_ref().unwrap_or(&DataType::Null), batch.num_rows()),
        };
        refused.extend(missing(column, &array));
        fields.push(Field::new(&column.name, array.data_type().clone(), column.nullable));
        arrays.push(array);
    }
    refused.sort_by_key(|refusal| refusal.row);
    refused.dedup_by_key(|refusal| refusal.row);
    let kept = without(&Arc::new(Schema::new(fields)), arrays, batch.num_rows(), &refused)?;
    Ok((kept, refused))
}

fn without(
    schema: &SchemaRef,
    arrays: Vec<ArrayRef>,
    rows: usize,
    refused: &[Refusal],
) -> Result<RecordBatch, ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    if refused.is_empty() {
        return RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options);
    }
    let lenient: Vec<Field> = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    let all = RecordBatch::try_new_with_options(Arc::new(Schema::new(lenient)), arrays, &options)?;
    let is_refused = |row: usize| refused.binary_search_by_key(&row, |refusal| refusal.row).is_ok();
    let mask: BooleanArray = (0..rows).map(|row| Some(!is_refused(row))).collect();
    let kept = filter_record_batch(&all, &mask)?;
    let options = RecordBatchOptions::new().with_row_count(Some(kept.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), kept.columns().to_vec(), &options)
}

/// The column in its type; what does not come back from there unchanged is refused.
fn exactly(
    column: &LogColumn,
    array: &ArrayRef,
    wanted: &DataType,
    refused: &mut Vec<Refusal>,
) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == wanted {
        return Ok(Arc::clone(array));
    }
    let cast = cast_with_options(array, wanted, &LENIENT)?;
    if array.data_type().is_floating() && wanted.is_floating() {
        // the nearest number is what such a column means, online as well
        return Ok(cast);
    }
    let back = cast_with_options(&cast, array.data_type(), &LENIENT)?;
    if back.to_data() == array.to_data() {
        return Ok(cast);
    }
    let changed = (0..array.len()).filter(|row| back.slice(*row, 1).to_data() != array.slice(*row, 1).to_data());
    for row in changed {
        let value = array_value_to_string(array, row).unwrap_or_default();
        let reason = format!("the log's column is {wanted}, which cannot hold it exactly");
        refused.push(Refusal { row, column: column.name.clone(), value, reason });
    }
    Ok(cast)
}

fn missing(column: &LogColumn, array: &ArrayRef) -> Vec<Refusal> {
    if column.nullable || array.null_count() == 0 {
        return Vec::new();
    }
    let nulls = (0..array.len()).filter(|row| array.is_null(*row));
    let reason = "the log's column takes no null";
    nulls
        .map(|row| Refusal { row, column: column.name.clone(), value: "null".to_owned(), reason: reason.to_owned() })
        .collect()
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int64Array, ListArray, StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::{Int64Type, TimeUnit};

    use super::*;

    fn column(name: &str, in_view: &str, arrow: Option<DataType>, nullable: bool) -> LogColumn {
        LogColumn { name: name.to_owned(), in_view: in_view.to_owned(), arrow, nullable }
    }

    #[test]
    fn columns_take_the_names_order_and_types_of_the_log() {
        let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1)]), None]);
        let times = TimestampMicrosecondArray::from(vec![0, 1]).with_timezone("UTC");
        let batch = RecordBatch::try_from_iter([
            ("f", Arc::new(Float64Array::from(vec![0.5, f64::NAN])) as ArrayRef),
            ("t", Arc::new(times)),
            ("k", Arc::new(Int64Array::from(vec![1, 2]))),
            ("l", Arc::new(list)),
            ("extra", Arc::new(StringArray::from(vec!["a", "b"]))),
        ])
        .unwrap();
        let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
        let columns = [
            column("k", "k", Some(DataType::Int32), false),
            column("time", "t", Some(nanos.clone()), false),
            column("f", "f", Some(DataType::Float32), true),
            column("l", "l", None, true),
            column("absent", "absent", Some(DataType::Utf8), true),
        ];
        let (fitted, refused) = fit(&columns, &batch).unwrap();
        assert_eq!(refused, []);
        let names: Vec<_> = fitted.schema().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, ["k", "time", "f", "l", "absent"]);
        assert_eq!(fitted.column(1).data_type(), &nanos);
        assert_eq!(fitted.column(4).null_count(), 2);
        assert!(!fitted.schema().field(0).is_nullable());
    }

    #[test]
    fn values_that_do_not_fit_are_named_and_their_rows_left_out() {
        let batch = RecordBatch::try_from_iter([
            ("k", Arc::new(Int64Array::from(vec![Some(1), None, Some(3), Some(1 << 40)])) as ArrayRef),
            ("f", Arc::new(Float64Array::from(vec![0.1, 0.5, 0.5, 0.5]))),
            ("i", Arc::new(Float64Array::from(vec![1.7, 1.0, 1.0, 1.0]))),
        ])
        .unwrap();
        let columns = [
            column("k", "k", Some(DataType::Int32), false),
            column("f", "f", Some(DataType::Float32), true),
            column("i", "i", Some(DataType::Int64), true),
        ];
        let (fitted, refused) = fit(&columns, &batch).unwrap();
        let told: Vec<_> = refused.iter().map(|r| (r.row, r.column.as_str(), r.value.as_str())).collect();
        assert_eq!(told, [(0, "i", "1.7"), (1, "k", "null"), (3, "k", "1099511627776")]);
        assert_eq!(fitted.num_rows(), 1);
        let columns = [column("gone", "gone", Some(DataType::Int32), false)];
        assert_eq!(fit(&columns, &batch).unwrap().1.len(), 4, "a column that must be there");
    }
}

//! Columns in the Arrow type of their declaration: what whoever reads a table of features expects.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    StringArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType as Arrow, Field, TimeUnit};

use super::column::{Column, Raw};
use super::convert::{self, Reason};
use super::python::python_str;
use super::{Cast, Refusal, RowError, accepts, json_text};
use crate::model::DataType;

/// Cells that are looked at together.
const CELLS: usize = 8_192;

/// A source column on its way to the Arrow type of its declaration.
#[derive(Clone, Debug)]
pub struct DeclaredColumn {
    name: String,
    dtype: DataType,
    arrow: Arrow,
}

impl DeclaredColumn {
    /// The feature `name`, declared `dtype`, whose values come in columns of the type `column`.
    ///
    /// # Errors
    /// `Column` where the column's type can never hold values of `dtype`.
    pub fn new(name: &str, column: &Arrow, dtype: &DataType) -> Result<Self, RowError> {
        accepts(column, dtype, Cast::Lossless).map_err(|reason| wrong(name, reason))?;
        let declared = declared_arrow(dtype).filter(|declared| !declared.equals_datatype(column));
        Ok(Self { name: name.to_owned(), dtype: dtype.clone(), arrow: declared.unwrap_or_else(|| column.clone()) })
    }

    /// The Arrow type of the answer. Timestamps are microseconds in UTC; decimals, UUIDs and JSON are text, as Feast stores
    /// them; maps and structs have no one Arrow type and stay what they are in the source.
    #[must_use]
    pub fn arrow_type(&self) -> &Arrow {
        &self.arrow
    }

    /// The values of `column` in that type. A value that does not fit is null, and told of.
    ///
    /// # Errors
    /// `Column` where the column is of another type than was said.
    pub fn convert(&self, column: &ArrayRef) -> Result<(ArrayRef, Vec<Refusal>), RowError> {
        if column.data_type().equals_datatype(&self.arrow) {
            return Ok((Arc::clone(column), Vec::new()));
        }
        let failed = |error: arrow::error::ArrowError| wrong(&self.name, error.to_string());
        if widens(column.data_type(), &self.arrow) {
            return Ok((cast(column, &self.arrow).map_err(failed)?, Vec::new()));
        }
        let cells = Column::new(column).map_err(|reason| wrong(&self.name, reason))?;
        let mut parts = vec![new_null_array(&self.arrow, 0)];
        let mut refusals = Vec::new();
        for start in (0..column.len()).step_by(CELLS) {
            let raws: Vec<Raw> = (start..column.len().min(start + CELLS)).map(|row| cells.get(row)).collect();
            let mut refuse = |place: usize, reason: Reason| {
                let value = raws.get(place).map_or_else(String::new, |raw| python_str(*raw));
                let (row, column) = (start + place, self.name.clone());
                refusals.push(Refusal { row, column, value, reason: reason.into_owned() });
            };
            parts.push(build(&raws, &self.dtype, &mut refuse).map_err(failed)?);
        }
        let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
        Ok((concat(&parts).map_err(failed)?, refusals))
    }
}

fn wrong(name: &str, reason: String) -> RowError {
    RowError::Column { column: name.to_owned(), reason, lossy_helps: false }
}

/// The Arrow type of a declared one; `None` for those that have many.
#[must_use]
pub fn declared_arrow(dtype: &DataType) -> Option<Arrow> {
    Some(match dtype {
        DataType::Int32 => Arrow::Int32,
        DataType::Int64 => Arrow::Int64,
        DataType::Float32 => Arrow::Float32,
        DataType::Float64 => Arrow::Float64,
        DataType::Bool => Arrow::Boolean,
        DataType::String | DataType::Json | DataType::Uuid | DataType::TimeUuid | DataType::Decimal => Arrow::Utf8,
        DataType::Bytes | DataType::PdfBytes | DataType::ImageBytes => Arrow::Binary,
        DataType::UnixTimestamp => Arrow::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::Array(inner) | DataType::Set(inner) => Arrow::List(Arc::new(item(inner)?)),
        DataType::Map | DataType::Struct(_) | DataType::ScalarMap | DataType::ZonedTimestamp | DataType::Unknown => {
            return None;
        }
    })
}

fn item(inner: &DataType) -> Option<Field> {
    Some(Field::new_list_field(declared_arrow(inner)?, true))
}

/// Whether every value of the one type is one of the other.
fn widens(from: &Arrow, to: &Arrow) -> bool {
    use Arrow::{Float32, Float64, Int8, Int16, Int32, Int64, LargeUtf8, UInt8, UInt16, UInt32, Utf8, Utf8View};
    match to {
        Int64 => matches!(from, Int8 | Int16 | Int32 | UInt8 | UInt16 | UInt32),
        Int32 => matches!(from, Int8 | Int16 | UInt8 | UInt16),
        Float64 => matches!(from, Float32 | Int8 | Int16 | Int32 | UInt8 | UInt16 | UInt32),
        Float32 => matches!(from, Int8 | Int16 | UInt8 | UInt16),
        Utf8 => matches!(from, Utf8View | LargeUtf8),
        _ => *from == Arrow::Null,
    }
}

type Refuse<'a> = &'a mut dyn FnMut(usize, Reason);

fn build(cells: &[Raw<'_>], dtype: &DataType, refuse: Refuse<'_>) -> Result<ArrayRef, arrow::error::ArrowError> {
    let lossless = Cast::Lossless;
    Ok(match dtype {
        DataType::Int32 => Arc::new(each(cells, refuse, |raw| convert::int32(raw, lossless)).collect::<Int32Array>()),
        DataType::Int64 => Arc::new(each(cells, refuse, |raw| convert::int64(raw, lossless)).collect::<Int64Array>()),
        DataType::Float32 => {
            Arc::new(each(cells, refuse, |raw| convert::float(raw, lossless)).collect::<Float32Array>())
        }
        DataType::Float64 => {
            Arc::new(each(cells, refuse, |raw| convert::double(raw, lossless)).collect::<Float64Array>())
        }
        DataType::Bool => {
            Arc::new(each(cells, refuse, |raw| convert::boolean(raw, lossless)).collect::<BooleanArray>())
        }
        DataType::Bytes | DataType::PdfBytes | DataType::ImageBytes => {
            Arc::new(each(cells, refuse, convert::bytes).collect::<BinaryArray>())
        }
        DataType::UnixTimestamp => {
            let micros = each(cells, refuse, micros).collect::<TimestampMicrosecondArray>();
            Arc::new(micros.with_timezone("UTC"))
        }
        DataType::String => Arc::new(each(cells, refuse, |raw| convert::text(raw, lossless)).collect::<StringArray>()),
        DataType::Json => Arc::new(each(cells, refuse, json_text::json_text).collect::<StringArray>()),
        DataType::Uuid | DataType::TimeUuid => Arc::new(each(cells, refuse, convert::uuid).collect::<StringArray>()),
        DataType::Decimal => {
            Arc::new(each(cells, refuse, |raw| convert::decimal(raw, lossless)).collect::<StringArray>())
        }
        DataType::Array(inner) | DataType::Set(inner) => build_lists(cells, inner, refuse)?,
        other => {
            let reason = format!("a {other} has no Arrow type of its own");
            return Err(arrow::error::ArrowError::CastError(reason));
        }
    })
}

fn each<'a, T>(
    cells: &'a [Raw<'a>],
    refuse: Refuse<'a>,
    convert: impl Fn(&Raw<'a>) -> Result<T, Reason> + 'a,
) -> impl Iterator<Item = Option<T>> {
    cells.iter().enumerate().map(move |(place, raw)| match raw {
        Raw::Null => None,
        raw => convert(raw).map_err(|reason| refuse(place, reason)).ok(),
    })
}

/// A list with an element that does not fit is null as a whole.
fn build_lists(cells: &[Raw<'_>], inner: &DataType, refuse: Refuse<'_>) -> Result<ArrayRef, arrow::error::ArrowError> {
    let (mut items, mut owners, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
    let mut valid = vec![true; cells.len()];
    let mut refused: Vec<(usize, Reason)> = Vec::new();
    for (place, raw) in cells.iter().enumerate() {
        let start = items.len();
        match raw {
            Raw::List(list) => items.extend(list.iter()),
            Raw::Null => valid.iter_mut().skip(place).take(1).for_each(|valid| *valid = false),
            _ => refused.push((place, "is no list".into())),
        }
        owners.resize(items.len(), place);
        lengths.push(items.len() - start);
    }
    let values =
        build(&items, inner, &mut |item, reason| refused.extend(owners.get(item).map(|place| (*place, reason))))?;
    refused.sort_by_key(|(place, _)| *place);
    refused.dedup_by_key(|(place, _)| *place);
    for (place, reason) in refused {
        valid.iter_mut().skip(place).take(1).for_each(|valid| *valid = false);
        refuse(place, reason);
    }
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::try_new(field, offsets, values, Some(NullBuffer::from(valid)))?))
}

fn micros(raw: &Raw<'_>) -> Result<i64, Reason> {
    const BEYOND: &str = "is beyond 64 bits of microseconds";
    match raw {
        Raw::Time(time) | Raw::Date(time) => time.timestamp().map(crate::model::Timestamp::micros).ok_or(BEYOND.into()),
        other => convert::seconds(other, Cast::Lossless)?.checked_mul(1_000_000).ok_or(BEYOND.into()),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Decimal128Array, Int16Array, LargeStringArray, TimestampNanosecondArray};
    use arrow::datatypes::{Float64Type, Int64Type};

    use super::*;

    fn convert(column: impl Array + 'static, dtype: &str) -> (ArrayRef, Vec<Refusal>) {
        let column: ArrayRef = Arc::new(column);
        let declared = DeclaredColumn::new("f", column.data_type(), &DataType::parse(dtype).unwrap()).unwrap();
        let (converted, refusals) = declared.convert(&column).unwrap();
        assert_eq!(converted.data_type(), declared.arrow_type());
        assert_eq!(converted.len(), column.len());
        (converted, refusals)
    }

    fn is(column: impl Array + 'static, dtype: &str, expected: impl Array + 'static) {
        let (converted, refusals) = convert(column, dtype);
        assert_eq!(refusals, []);
        assert_eq!(&converted, &(Arc::new(expected) as ArrayRef));
    }

    #[test]
    fn columns_become_the_declared_type() {
        is(Int16Array::from(vec![Some(-1), None]), "Int64", Int64Array::from(vec![Some(-1), None]));
        is(Float64Array::from(vec![Some(3.0), None]), "Int64", Int64Array::from(vec![Some(3), None]));
        is(Float64Array::from(vec![0.5]), "Float32", Float32Array::from(vec![0.5]));
        is(Int64Array::from(vec![2]), "Float64", Float64Array::from(vec![2.0]));
        is(LargeStringArray::from(vec![Some("a"), None]), "String", StringArray::from(vec![Some("a"), None]));
        is(
            TimestampNanosecondArray::from(vec![Some(-1), None]),
            "UnixTimestamp",
            TimestampMicrosecondArray::from(vec![Some(-1), None]).with_timezone("UTC"),
        );
        is(
            Int64Array::from(vec![7]),
            "UnixTimestamp",
            TimestampMicrosecondArray::from(vec![7_000_000]).with_timezone("UTC"),
        );
        let decimals = Decimal128Array::from(vec![150]).with_precision_and_scale(5, 2).unwrap();
        is(decimals, "Decimal", StringArray::from(vec!["1.50"]));
        is(arrow::array::NullArray::new(2), "Int32", Int32Array::from(vec![None, None]));
    }

    #[test]
    fn a_value_that_does_not_fit_is_null_and_told_of() {
        let (converted, refusals) = convert(Float64Array::from(vec![1.0, 1.7]), "Int64");
        assert_eq!(&converted, &(Arc::new(Int64Array::from(vec![Some(1), None])) as ArrayRef));
        assert_eq!(refusals.iter().map(|r| (r.row, r.value.as_str())).collect::<Vec<_>>(), [(1, "1.7")]);
    }

    #[test]
    fn lists_stay_lists() {
        let lists = |rows: Vec<Option<Vec<Option<f64>>>>| ListArray::from_iter_primitive::<Float64Type, _, _>(rows);
        let rows = vec![Some(vec![Some(1.0), None]), None, Some(vec![]), Some(vec![Some(0.5)])];
        is(lists(rows.clone()), "Array(Float64)", lists(rows.clone()));
        let (converted, refusals) = convert(lists(rows), "Array(Int64)");
        let expected = vec![Some(vec![Some(1), None]), None, Some(vec![]), None];
        let expected = ListArray::from_iter_primitive::<Int64Type, _, _>(expected);
        assert_eq!(&converted, &(Arc::new(expected) as ArrayRef));
        assert_eq!(refusals.iter().map(|refusal| refusal.row).collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn more_cells_than_are_looked_at_together_keep_their_rows() {
        let numbers = (0..20_000).map(|n| if n == 9_000 { 0.5 } else { f64::from(n) });
        let (converted, refusals) = convert(numbers.map(Some).collect::<Float64Array>(), "Int64");
        assert_eq!(refusals.iter().map(|refusal| refusal.row).collect::<Vec<_>>(), [9_000]);
        assert_eq!(converted.null_count(), 1);
    }
}

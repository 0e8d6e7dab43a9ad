//! Columns of instants, whatever their unit, as microseconds since 1970 UTC.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};

const MICROS_PER_DAY: i64 = 86_400_000_000;
const MILLIS_PER_DAY: i64 = 86_400_000;

/// The instants of one batch. Times without a zone are UTC; nanoseconds are cut off, downwards.
#[derive(Clone, Debug)]
pub(super) struct Instants {
    micros: ScalarBuffer<i64>,
    nulls: Option<NullBuffer>,
}

impl Instants {
    /// The instants of `column`: a timestamp of any unit and zone, or a date, whose midnight counts.
    /// `None` for a column of another type. Costs nothing for microseconds. An instant that microseconds cannot express
    /// becomes the first or the last that they can.
    #[must_use]
    pub fn of(column: &ArrayRef) -> Option<Self> {
        let micros = match column.data_type() {
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                column.as_primitive_opt::<TimestampMicrosecondType>()?.values().clone()
            }
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                let values = column.as_primitive_opt::<TimestampNanosecondType>()?.values();
                values.iter().map(|nanos| nanos.div_euclid(1_000)).collect()
            }
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                let values = column.as_primitive_opt::<TimestampMillisecondType>()?.values();
                values.iter().map(|millis| millis.saturating_mul(1_000)).collect()
            }
            DataType::Timestamp(TimeUnit::Second, _) => {
                let values = column.as_primitive_opt::<TimestampSecondType>()?.values();
                values.iter().map(|seconds| seconds.saturating_mul(1_000_000)).collect()
            }
            DataType::Date32 => {
                let values = column.as_primitive_opt::<Date32Type>()?.values();
                values.iter().map(|days| i64::from(*days).saturating_mul(MICROS_PER_DAY)).collect()
            }
            DataType::Date64 => {
                let values = column.as_primitive_opt::<Date64Type>()?.values();
                values.iter().map(|millis| millis.div_euclid(MILLIS_PER_DAY).saturating_mul(MICROS_PER_DAY)).collect()
            }
            _ => return None,
        };
        Some(Self { micros, nulls: column.nulls().cloned() })
    }

    /// The instant of a row, if it has one.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<i64> {
        if self.nulls.as_ref().is_some_and(|nulls| row >= nulls.len() || nulls.is_null(row)) {
            return None;
        }
        self.micros.get(row).copied()
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.micros.len()
    }
}

/// Whether a column of that type holds instants; `dates`: whether the source says that its times are dates.
/// The error is the reason, and what to do, for a human.
pub(super) fn check(column: &DataType, dates: bool) -> Result<(), (String, Option<String>)> {
    match column {
        DataType::Timestamp(..) => Ok(()),
        DataType::Date32 | DataType::Date64 if dates => Ok(()),
        DataType::Date32 | DataType::Date64 => Err((
            "it holds dates".to_owned(),
            Some(
                "say `timestamp_field_type: DATE` in the source; each date then counts as its midnight in UTC"
                    .to_owned(),
            ),
        )),
        other => Err((
            format!("it holds {other}, not timestamps"),
            Some("write the column as a parquet timestamp (pandas: pd.to_datetime(.., utc=True))".to_owned()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        Date32Array, Date64Array, Int64Array, TimestampMicrosecondArray, TimestampMillisecondArray,
        TimestampNanosecondArray, TimestampSecondArray,
    };

    use super::*;

    fn micros(column: impl Array + 'static) -> Vec<Option<i64>> {
        let instants = Instants::of(&(Arc::new(column) as ArrayRef)).unwrap();
        (0..instants.len()).map(|row| instants.get(row)).collect()
    }

    #[test]
    fn every_unit_becomes_microseconds() {
        assert_eq!(micros(TimestampSecondArray::from(vec![Some(-1), None])), [Some(-1_000_000), None]);
        assert_eq!(micros(TimestampMillisecondArray::from(vec![1_500])), [Some(1_500_000)]);
        assert_eq!(micros(TimestampMicrosecondArray::from(vec![Some(7), None])), [Some(7), None]);
        assert_eq!(micros(TimestampNanosecondArray::from(vec![1_999, -1])), [Some(1), Some(-1)]);
        assert_eq!(micros(Date32Array::from(vec![-1])), [Some(-86_400_000_000)]);
        assert_eq!(micros(Date64Array::from(vec![86_400_001])), [Some(86_400_000_000)]);
        assert_eq!(micros(TimestampSecondArray::from(vec![i64::MAX])), [Some(i64::MAX)]);
        assert!(Instants::of(&(Arc::new(Int64Array::from(vec![1])) as ArrayRef)).is_none());
    }

    #[test]
    fn dates_are_times_only_where_the_source_says_so() {
        assert!(check(&DataType::Date32, true).is_ok());
        let (reason, hint) = check(&DataType::Date32, false).unwrap_err();
        assert_eq!(reason, "it holds dates");
        assert!(hint.unwrap().contains("timestamp_field_type: DATE"));
        assert!(check(&DataType::Utf8, true).is_err());
    }
}

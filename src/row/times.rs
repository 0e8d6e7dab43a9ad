//! Event and created times of rows.

use arrow::array::ArrayRef;

use super::RowError;
use super::column::{Column, Raw};
use crate::model::Timestamp;

/// The instants of a timestamp or date column of any unit and zone, to the microsecond (rounded down); without a zone
/// they are UTC. Null, and what lies beyond the range of microseconds, is `None`.
///
/// # Errors
/// `Column` where it holds no instants.
pub fn timestamps(name: &str, column: &ArrayRef) -> Result<Vec<Option<Timestamp>>, RowError> {
    let wrong = |reason| RowError::Column { column: name.to_owned(), reason, lossy_helps: false };
    let resolved = Column::new(column).map_err(wrong)?;
    let arrow = resolved.arrow_type();
    if !super::accepts::is_instant(arrow) && *arrow != arrow::datatypes::DataType::Null {
        return Err(wrong(format!("a column of {arrow} holds no times")));
    }
    Ok((0..column.len())
        .map(|row| match resolved.get(row) {
            Raw::Time(time) | Raw::Date(time) => time.timestamp(),
            _ => None,
        })
        .collect())
}

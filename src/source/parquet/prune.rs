//! Row groups that cannot hold a row of the window, by the statistics in their footers.

use ::parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use ::parquet::basic::Type as Physical;
use ::parquet::file::metadata::RowGroupMetaData;

use super::dataset::{DataFile, Dataset, Unit};
use super::scan::Window;
use super::time::Instants;
use crate::model::Timestamp;
use crate::source::SourceError;

/// Smallest and largest instant of a row group.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    min: i64,
    max: i64,
}

impl Dataset {
    /// The row groups that may hold rows of the window. One without trustworthy statistics may.
    pub(super) fn units_in(&self, window: &Window, event: &str, created: Option<&str>) -> Vec<Unit> {
        self.units().filter(|unit| self.may_hold(unit, window, event, created)).collect()
    }

    /// Whether every event time of a batch lies where the footer says that those of its row group do.
    pub(super) fn check_statistics(&self, unit: &Unit, column: &str, events: &Instants) -> Result<(), SourceError> {
        let Some(file) = self.file(unit) else { return Ok(()) };
        let Some(Bounds { min, max }) = bounds(file, unit.group, column) else { return Ok(()) };
        let outside = |instant: &i64| !(min..=max).contains(instant);
        match (0..events.len()).filter_map(|row| events.get(row)).find(outside) {
            None => Ok(()),
            Some(found) => Err(SourceError::Statistics {
                path: self.place(unit.first_row).0.to_owned(),
                column: column.to_owned(),
                min: Timestamp::from_micros(min),
                max: Timestamp::from_micros(max),
                found: Timestamp::from_micros(found),
            }),
        }
    }

    fn may_hold(&self, unit: &Unit, window: &Window, event: &str, created: Option<&str>) -> bool {
        let Some(file) = self.file(unit) else { return false };
        let Some(events) = bounds(file, unit.group, event) else { return true };
        if events.min > window.end {
            return false;
        }
        if events.max >= window.start {
            return true;
        }
        let Some(late_after) = window.late_after else { return false };
        let created = created.and_then(|column| bounds(file, unit.group, column));
        created.is_none_or(|created| created.max >= late_after)
    }
}

fn bounds(file: &DataFile, group: usize, column: &str) -> Option<Bounds> {
    let schema = file.footer.schema();
    let converter = StatisticsConverter::try_new(column, schema, file.footer.parquet_schema()).ok()?;
    let group = file.footer.metadata().row_groups().get(group)?;
    if !is_trusted(group, converter.parquet_column_index()?) {
        return None;
    }
    let min = Instants::of(&converter.row_group_mins([group]).ok()?)?.get(0)?;
    let max = Instants::of(&converter.row_group_maxes([group]).ok()?)?.get(0)?;
    (min <= max).then_some(Bounds { min, max })
}

/// Whether bounds of the column mean what they say: 96-bit times have no defined order, and old writers ordered some
/// types by their bytes.
fn is_trusted(group: &RowGroupMetaData, column: usize) -> bool {
    let Some(chunk) = group.columns().get(column) else { return false };
    let is_number = matches!(chunk.column_type(), Physical::INT32 | Physical::INT64);
    is_number && chunk.statistics().is_some_and(|statistics| !statistics.is_min_max_deprecated())
}

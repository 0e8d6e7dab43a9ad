//! Rows of a piece for historical logs. Views that share a log (those of one push source share its batch source) share its
//! rows too: a record is logged once, with the columns of all of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;

use super::plan::PlannedView;
use crate::error::{Error, IngestError};
use crate::feature_store::records::ViewRows;
use crate::online::LogRows;

/// What one log gets of a piece.
pub(super) struct Logged {
    /// position of the view with whose rows these are committed
    pub view: usize,
    pub rows: LogRows,
    /// places among the decoded records of those that the log cannot hold, with the reason
    pub refused: Vec<(u32, String)>,
}

/// The rows for every log of the piece. The decoded records of all views have the same places.
pub(super) fn logged(views: &[PlannedView], rows: &[ViewRows]) -> Result<Vec<Logged>, Error> {
    let mut by_log: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (place, planned) in views.iter().enumerate() {
        if let Some(log) = &planned.log {
            by_log.entry(log.name().clone()).or_default().push(place);
        }
    }
    let mut logs = Vec::new();
    for sharing in by_log.into_values() {
        let Some((view, log)) = sharing.first().and_then(|view| Some((*view, views.get(*view)?.log.as_ref()?))) else {
            continue;
        };
        let shared: Vec<&ViewRows> = sharing.iter().filter_map(|place| rows.get(*place)).collect();
        let columns = |source: ArrowError| {
            let view = views.get(view).map(|planned| planned.view.name.clone()).unwrap_or_default();
            IngestError::Columns { view, source }
        };
        let (records, table) = together(&shared).map_err(columns)?;
        let (rows, refusals) = log.rows(&table)?;
        let refused = refusals.into_iter().filter_map(|refusal| {
            let reason = format!("column `{}`: `{}`: {}", refusal.column, refusal.value, refusal.reason);
            Some((*records.get(refusal.row)?, reason))
        });
        logs.push(Logged { view, refused: refused.collect(), rows });
    }
    Ok(logs)
}

/// The columns of several views over the records that any of them keeps, and the places of these.
fn together(views: &[&ViewRows]) -> Result<(Vec<u32>, RecordBatch), ArrowError> {
    if let [only] = views {
        return Ok((only.rows.clone(), only.columns.clone()));
    }
    let mut records: Vec<u32> = views.iter().flat_map(|rows| rows.rows.iter().copied()).collect();
    records.sort_unstable();
    records.dedup();
    let (mut fields, mut arrays): (Vec<Field>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
    for rows in views {
        let place = |record: &u32| rows.rows.binary_search(record).ok().and_then(|row| u32::try_from(row).ok());
        let places: UInt32Array = records.iter().map(place).collect();
        for (field, column) in rows.columns.schema().fields().iter().zip(rows.columns.columns()) {
            if fields.iter().all(|known| known.name() != field.name()) {
                fields.push(field.as_ref().clone().with_nullable(true));
                arrays.push(take(column, &places, None)?);
            }
        }
    }
    let options = RecordBatchOptions::new().with_row_count(Some(records.len()));
    Ok((records, RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)?))
}

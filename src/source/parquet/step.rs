//! What a view computes from the rows of its files. A source knows only this much of it.

use std::fmt;
use std::path::Path;

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;

use crate::row::Refusal;
use crate::source::SourceError;

/// Computes columns from columns of the files, row by row: no row knows of another.
pub trait Step: fmt::Debug + Sync {
    /// The columns of the files that it reads.
    fn inputs(&self) -> &[String];

    /// The columns that it computes.
    fn outputs(&self) -> &SchemaRef;

    /// Computes `rows` rows from its inputs.
    ///
    /// # Errors
    /// Columns of other types than the files declare.
    fn run(&self, rows: usize, inputs: &[ArrayRef]) -> Result<Computed, ArrowError>;
}

/// What a step made of some rows.
#[derive(Clone, Debug)]
pub struct Computed {
    /// the outputs, for the rows that are left
    pub columns: Vec<ArrayRef>,
    /// for each row that is left, its position among those that came in, ascending
    pub rows: Vec<u32>,
    /// rows that could not be computed, ascending, counted as those that came in; the others were filtered out
    pub refused: Vec<Refusal>,
}

/// A transformation, cut in two so that the rows of the second pass alone pay for their features.
#[derive(Clone, Copy, Debug)]
pub struct Transform<'a> {
    /// filter, and then the join keys, the event time and, if the source has one, the created time
    pub select: &'a dyn Step,
    /// the join keys and then the features, without the filter
    pub compute: &'a dyn Step,
    /// the event time and the created time are columns of the files, as they are: rows and row groups outside a window
    /// are left out before anything is computed
    pub times_as_read: bool,
}

/// The type of the output at `position`.
pub(super) fn output(step: &dyn Step, position: usize) -> DataType {
    step.outputs().fields().get(position).map_or(DataType::Null, |field| field.data_type().clone())
}

/// Runs a step over rows of the files at `path`.
pub(super) fn run(step: &dyn Step, rows: usize, inputs: &[ArrayRef], path: &Path) -> Result<Computed, SourceError> {
    step.run(rows, inputs).map_err(|source| SourceError::Decode { path: path.to_owned(), source })
}

/// These rows of each column.
pub(super) fn pick(columns: &[ArrayRef], rows: &[u32], path: &Path) -> Result<Vec<ArrayRef>, SourceError> {
    let rows = UInt32Array::from(rows.to_vec());
    let picked = columns.iter().map(|column| take(column, &rows, None)).collect::<Result<_, _>>();
    picked.map_err(|source| SourceError::Decode { path: path.to_owned(), source })
}

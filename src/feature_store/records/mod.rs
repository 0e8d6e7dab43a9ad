//! One view's way from records to rows, for everything that arrives record by record.
//!
//! ```text
//! JsonDecoder            payloads -> the columns that the view reads of a record
//! RecordPath::evaluate   field mapping, transformation, times       -> Evaluated
//! Evaluated::encode      future guard, keys, values, types          -> ViewRows
//! ```
//!
//! Between the two steps a caller sees each row's event time and may leave rows out.

mod encode;
mod input;
mod path;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::BooleanBuffer;

use crate::model::Timestamp;
use crate::row::{Cast, RowBatch, ViewLayout};
use crate::source::json::{JsonDecoder, RefusedRecord};
use crate::transform::Compiled;

pub use encode::{NotAfter, RowOptions};

/// What records look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// as in the view's source: they go through its transformation
    Source,
    /// as the view's own rows: features as they are stored
    Transformed,
}

/// What becomes of a feature that a record does not bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// the stored value stays; where a transformation computes the features, null goes into it
    Kept,
    /// it is null
    Null,
    /// the record is refused
    Refused,
}

/// How records are read.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// what they look like
    pub shape: Shape,
    /// what becomes of features that they do not bring
    pub absent: Absent,
    /// what becomes of values that do not fit
    pub cast: Cast,
    /// a record with a key that no column takes is refused
    pub strict: bool,
}

/// One view's way from records to rows, compiled once.
#[derive(Clone, Debug)]
pub struct RecordPath {
    layout: Arc<ViewLayout>,
    decoder: JsonDecoder,
    step: Step,
    /// places of the join keys (as the layout has them), the times and the features in an evaluated batch
    keys: Vec<Place>,
    event: usize,
    created: Option<usize>,
    features: Vec<Option<usize>>,
    absent: Absent,
    cast: Cast,
    strict: bool,
}

/// Where a join key is.
#[derive(Clone, Copy, Debug)]
enum Place {
    Column(usize),
    /// a view without entities has one key
    Dummy,
}

/// What makes columns of a view from columns of records.
#[derive(Clone, Debug)]
enum Step {
    /// decoded columns with their names in the view
    Rename(Vec<(usize, String)>),
    /// for each input of the transformation the decoded column; `None`: the key of a view without entities
    Compute(Box<Compiled>, Vec<Option<usize>>),
}

/// Rows of a view that are not encoded yet.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// join keys, times and features by their names in the view
    pub columns: RecordBatch,
    /// for each row its place among the decoded records
    pub rows: Vec<u32>,
    /// event times; `None`: the row has none and will be refused
    pub event: Vec<Option<Timestamp>>,
    /// for each column the rows that bring it at all
    present: Vec<Option<BooleanBuffer>>,
    /// records that could not be computed
    pub refused: Vec<RefusedRecord>,
    /// records that the transformation's filter leaves out
    pub filtered: u64,
}

/// Rows of a view, ready to be stored.
#[derive(Clone, Debug)]
pub struct ViewRows {
    /// keys and values; where only the newest were asked for, of a part of the rows
    pub batch: RowBatch,
    /// for each row, in the order of arrival, its place among the decoded records
    pub rows: Vec<u32>,
    /// their event times
    pub event: Vec<Timestamp>,
    /// their columns, as the view's log has them
    pub columns: RecordBatch,
    /// records that cannot be stored, those of [`Evaluated::refused`] included
    pub refused: Vec<RefusedRecord>,
    /// places of records that bring no feature of this view
    pub empty: Vec<u32>,
}

/// A record without a usable join key.
pub const NO_KEY: &str = "E2008";
/// A record without a usable event time.
pub const NO_EVENT_TIME: &str = "E2009";
/// A record that the transformation cannot compute.
pub const NOT_COMPUTED: &str = "E2010";
/// A value that the declared type of its feature cannot hold.
pub const WRONG_FEATURE: &str = "E2011";
/// A record without a feature of any view that it was meant for.
pub const NO_FEATURE: &str = "E2012";

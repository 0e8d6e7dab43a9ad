//! JSON records as Arrow columns, without a tree of values between them: the text is read once, and each value goes
//! straight to the end of its column. A record that cannot be read is taken back out of all columns and told of; the
//! others are not touched.
//!
//! ```text
//! payload -> Scanner (tokens) -> Reading (a value by its kind) -> Cells (a column) -> RecordBatch
//! ```
//!
//! A key that a column takes may stand in an object once: two values for one feature are a mistake of the producer, and
//! none of them is the right one.

mod column;
mod columnar;
mod decode;
mod kind;
mod members;
mod names;
mod numbers;
mod read;
mod scan;
#[cfg(test)]
mod tests;

use arrow::array::RecordBatch;
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::SchemaRef;

use crate::row::Cast;

pub use columnar::NoTable;
pub use kind::{JsonColumn, JsonKind, Need};
pub use members::{TableForm, is_json, members, rows_of_columns, table_form};
use names::Names;

/// Reads records with known columns.
#[derive(Clone, Debug)]
pub struct JsonDecoder {
    columns: Vec<JsonColumn>,
    names: Names,
    schema: SchemaRef,
    cast: Cast,
    strict: bool,
}

/// What payloads hold.
#[derive(Clone, Debug)]
pub struct DecodedRecords {
    /// one row a good record, in the order of their arrival; columns as the decoder has them, named as it names them
    pub batch: RecordBatch,
    /// for each column the rows that bring it at all, null or not; `None`: every row
    pub present: Vec<Option<BooleanBuffer>>,
    /// where each row comes from
    pub origins: Vec<RecordOrigin>,
    /// the records that cannot be read
    pub refused: Vec<RefusedRecord>,
    /// keys that no column takes
    pub extra: u64,
}

/// Where a record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordOrigin {
    /// number of the payload, from 0
    pub payload: u32,
    /// number of the record in its payload, from 0
    pub index: u32,
    /// its first byte in the payload
    pub start: u32,
    /// the byte after its last
    pub end: u32,
}

/// A record that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRecord {
    /// where it comes from
    pub origin: RecordOrigin,
    /// what is wrong, as `explain` knows it
    pub code: &'static str,
    /// what is wrong with this one: the column, the value and the reason
    pub message: String,
    /// nothing of the payload could be read, so that nobody knows how many records it held
    pub whole: bool,
}

impl RecordOrigin {
    /// The text of the record.
    #[must_use]
    pub fn of<'a>(&self, payload: &'a [u8]) -> &'a [u8] {
        payload.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// A text that is no JSON, or no UTF-8.
pub const NOT_JSON: &str = "E2001";
/// A value where an object should stand.
pub const NO_OBJECT: &str = "E2002";
/// A value that is not of its column's type.
pub const WRONG_VALUE: &str = "E2003";
/// A key that stands in one object twice.
pub const KEY_TWICE: &str = "E2004";
/// A value that must be there.
pub const MISSING: &str = "E2005";
/// A payload or a record beyond the limits.
pub const TOO_LARGE: &str = "E2006";
/// A key that no column takes, where that was not allowed.
pub const UNKNOWN_KEY: &str = "E2007";

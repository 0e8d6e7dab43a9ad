//! Parquet files: a file, a directory or a glob as one table that is read in two passes.
//!
//! ```text
//! Dataset   files, footers, merged schema
//! Scan      pass 1, on all cores: join keys and times -> the newest row of every key
//! Winners   pass 2: the features of those rows alone, in the order of the keys
//! ```
//!
//! A [`Transform`] computes filter, join keys and times in pass 1 and features in pass 2.

mod as_of;
mod dataset;
mod files;
mod gather;
mod held;
mod prune;
mod read;
mod recheck;
mod reduce;
mod rows;
mod scan;
mod step;
mod time;
mod winners;

use std::path::Path;

use arrow::datatypes::SchemaRef;

use super::SourceError;

pub use as_of::{AsOf, Judge};
pub use dataset::Dataset;
pub use reduce::{Counts, Newest, Refused, RefusedRow};
pub use rows::Rows;
pub use scan::{Scan, Window};
pub use step::{Computed, Step, Transform};
pub use winners::Winners;

/// The columns of the parquet files at `path`: an absolute path of a file, a directory or a glob. Reads footers only.
pub fn schema(path: &Path) -> Result<SchemaRef, SourceError> {
    Dataset::open(path).map(|dataset| dataset.schema().clone())
}

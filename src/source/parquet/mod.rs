//! Parquet files: a file, a directory or a glob as one table that is read in two passes.
//!
//! ```text
//! Dataset   files, footers, merged schema
//! Scan      pass 1, on all cores: join keys and times -> the newest row of every key
//! Gather    pass 2: the features of those rows alone
//! ```

mod as_of;
mod dataset;
mod files;
mod gather;
mod prune;
mod read;
mod reduce;
mod scan;
mod time;

use std::path::Path;

use arrow::datatypes::SchemaRef;

use super::SourceError;

pub use dataset::Dataset;
pub use gather::Gathered;
pub use reduce::{Newest, Refused, RefusedRow};
pub use scan::{Scan, Window};
pub use time::Instants;

/// The columns of the parquet files at `path`: an absolute path of a file, a directory or a glob. Reads footers only.
pub fn schema(path: &Path) -> Result<SchemaRef, SourceError> {
    Dataset::open(path).map(|dataset| dataset.schema().clone())
}

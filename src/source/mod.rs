//! Where rows come from: files of the outside world as Arrow columns.

pub mod as_of;
mod error;
pub mod json;
pub mod kinesis;
pub mod latest;
pub mod parquet;

pub use error::SourceError;

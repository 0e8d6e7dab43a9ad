//! Where rows come from: files and streams of the outside world.

pub mod as_of;
mod error;
pub mod json;
pub mod kinesis;
pub mod latest;
pub mod parquet;
pub mod pushed;

pub use error::SourceError;

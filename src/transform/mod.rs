//! A view's transformation: compiled once, run over Arrow batches, the same for a stream and for parquet.
//!
//! The SQL is planned and evaluated by Apache DataFusion's planner and physical expressions; no query engine runs.

mod compile;
mod dialect;
mod error;
mod functions;
mod growth;
mod part;
mod run;
mod sql;

pub use compile::Compiled;
pub use error::{Part, Position, TransformError};
pub use run::Transformed;

//! feast-rs: a feature store in one binary.
//!
//! The folders are the stations that data passes:
//!
//! ```text
//! definitions   repo  ->  model  ->  registry
//! values        source  ->  transform  ->  row  ->  online / offline
//! verbs         feature_store (one verb a file) drives the stations
//! faces         cli
//! ```

pub mod model;
pub mod proto;
pub mod transform;

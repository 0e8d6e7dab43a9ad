//! feast-rs: a feature store in one binary.
//!
//! The folders are the stations that data passes:
//!
//! ```text
//! definitions   repo  ->  model  ->  registry
//! values        source  ->  transform  ->  row  ->  online / offline
//! verbs         feature_store (one verb a file) drives the stations
//! faces         cli, server
//! beneath       nice: how a materialization gives way to all else
//! ```

pub mod cli;
pub mod error;
pub mod feature_store;
pub mod model;
pub mod nice;
pub mod offline;
pub mod online;
pub mod proto;
pub mod registry;
pub mod repo;
pub mod row;
pub mod server;
pub mod source;
pub mod transform;

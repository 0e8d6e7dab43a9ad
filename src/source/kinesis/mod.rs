//! Records of Kinesis data streams.

mod deaggregate;

pub use deaggregate::{Aggregate, UserRecord, deaggregate};

//! A Kinesis data stream as deliveries of bytes.
//!
//! ```text
//! api       what is asked of Kinesis, and the ways in which it says no
//! aws       the same, of the real service
//! lineage   which shards may be read now, and from where: pure
//! pace      when a shard may be read again: pure
//! shard     one shard, polled      --+
//! fan_out   one shard, pushed to us --+--> Delivery
//! readers   all shards that are being read
//! payloads  aggregates and gzip come apart
//! input     a file that poses as a stream
//! ```
//!
//! Bytes and positions go out, not rows: one stream can feed several views.

mod api;
mod aws;
mod deaggregate;
mod error;
mod fan_out;
mod input;
pub mod lineage;
mod memory;
mod pace;
mod payloads;
mod readers;
mod shard;

#[cfg(test)]
mod scripted;

pub use api::{
    ApiError, Consumer, HashRange, IteratorFrom, ListedShard, Page, ShardApi, ShardEvents, StreamRecord, StreamSummary,
};
pub use aws::{AwsApi, Endpoint};
pub use deaggregate::{Aggregate, UserRecord, deaggregate};
pub use error::StreamError;
pub use input::{INPUT_SHARD, Input, InputApi, input_arn};
pub use memory::{MemoryBudget, Reservation};
pub use payloads::{Payload, Unwrapping, unwrap};
pub use readers::{Delivery, Event, Gap, Readers, ReadersOptions, Since, WallClock};

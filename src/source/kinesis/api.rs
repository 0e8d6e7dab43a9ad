//! What is asked of Kinesis, and the ways in which it says no.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;

use crate::model::{SequenceNumber, Span, StreamId, Timestamp};

/// First and last hash key of a shard, both included.
pub type HashRange = (u128, u128);

/// Kinesis, as far as one stream is concerned. Every call is one request: nothing retries here.
///
/// All methods are cancel-safe: a request that is dropped changes nothing.
pub trait ShardApi: Send + Sync + 'static {
    /// What a subscription brings.
    type Events: ShardEvents;

    /// The stream itself.
    fn describe(&self) -> impl Future<Output = Result<StreamSummary, ApiError>> + Send;

    /// Every shard that is still kept, open or closed.
    fn shards(&self) -> impl Future<Output = Result<Vec<ListedShard>, ApiError>> + Send;

    /// A place in a shard, from which it can be read for five minutes.
    fn iterator(&self, shard: &str, from: &IteratorFrom) -> impl Future<Output = Result<String, ApiError>> + Send;

    /// The records at that place, `limit` at most.
    fn read(&self, iterator: &str, limit: u32) -> impl Future<Output = Result<Page, ApiError>> + Send;

    /// A registered consumer of the stream; `NotFound` where there is none of that name.
    fn consumer(&self, stream: &StreamId, name: &str) -> impl Future<Output = Result<Consumer, ApiError>> + Send;

    /// Registers a consumer, which takes some time to become active.
    fn register(&self, stream: &StreamId, name: &str) -> impl Future<Output = Result<Consumer, ApiError>> + Send;

    /// Takes a registration back.
    fn deregister(&self, consumer: &str) -> impl Future<Output = Result<(), ApiError>> + Send;

    /// Lets a shard's records be pushed to a consumer, for five minutes.
    fn subscribe(
        &self,
        consumer: &str,
        shard: &str,
        from: &IteratorFrom,
    ) -> impl Future<Output = Result<Self::Events, ApiError>> + Send;
}

/// Records that are pushed.
pub trait ShardEvents: Send + 'static {
    /// What comes next: records, or word every few seconds that there are none. `None`: the subscription ran out.
    ///
    /// [`Page::next`] is the place from which another subscription goes on; none at the end of a closed shard. Cancel-safe.
    fn next(&mut self) -> impl Future<Output = Result<Option<Page>, ApiError>> + Send;
}

/// A registered consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// its ARN, which no later consumer of that name has
    pub arn: String,
    /// records can be pushed to it
    pub active: bool,
}

/// What a stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSummary {
    /// which one
    pub id: StreamId,
    /// how long records are kept
    pub retention: Span,
    /// a record's partition key decides on its shard; not so in streams that Kinesis distributes by itself
    pub placed_by_key: bool,
    /// the service's clock when it answered, to the second
    pub answered: Timestamp,
}

/// A shard of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedShard {
    /// `shardId-000000000000`
    pub id: String,
    /// the shard that was split, or the two that were merged; those that expired are named all the same
    pub parents: Vec<String>,
    /// hash keys of its records
    pub hash_range: Option<HashRange>,
    /// nothing will be added
    pub closed: bool,
}

/// Where reading begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IteratorFrom {
    /// the oldest record
    TrimHorizon,
    /// the first record that arrived then or later
    AtTimestamp(Timestamp),
    /// this record
    At(SequenceNumber),
    /// the record after this one
    After(SequenceNumber),
}

/// A record as it was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRecord {
    /// its place in the shard
    pub sequence: SequenceNumber,
    /// when it arrived, to the millisecond; not always in the order of the sequence
    pub arrival: Timestamp,
    /// the payload
    pub data: Bytes,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// in the order of the shard
    pub records: Vec<StreamRecord>,
    /// the place after them; `None` at the end of a closed shard
    pub next: Option<String>,
    /// how far the place lies behind the newest record of the shard
    pub behind: Duration,
    /// at the end of a closed shard: those that go on with its hash keys
    pub children: Vec<ListedShard>,
}

/// The ways in which Kinesis says no; for each we do something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// too many requests, or too many bytes: slow down and ask again
    #[error("throttled: {0}")]
    Throttled(String),
    /// the place in the shard is older than five minutes: take another one
    #[error("the iterator expired")]
    IteratorExpired,
    /// no such stream or shard: it was deleted, or it expired
    #[error("{0}")]
    NotFound(String),
    /// another subscription of the same consumer and shard is younger than five seconds
    #[error("in use: {0}")]
    InUse(String),
    /// the network, a timeout, or a fault of the service: ask again
    #[error("{0}")]
    Unavailable(String),
    /// the request is refused, and would be again: permissions, keys, arguments
    #[error("{code}: {message}")]
    Request {
        /// Kinesis's name for it
        code: String,
        /// its words
        message: String,
    },
}

impl ApiError {
    /// Whether asking again later may help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        !matches!(self, Self::NotFound(_) | Self::Request { .. })
    }
}

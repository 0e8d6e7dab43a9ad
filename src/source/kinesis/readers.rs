//! All shards of a stream that are being read.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use super::fan_out::FanOutReader;
use super::shard::{ShardReader, watched};
use super::{ApiError, IteratorFrom, ListedShard, MemoryBudget, Reservation, ShardApi, StreamRecord};
use crate::model::{Span, Timestamp};

/// Events that wait to be taken. Their records are bounded by the memory budget; this bounds their number.
const QUEUED: usize = 256;

/// The clock on the wall: of the machine, or of a test.
#[derive(Clone)]
pub struct WallClock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl WallClock {
    /// A clock that shows what `now` says.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WallClock")
    }
}

/// Records of one shard, in their order, and how far they bring its reader.
#[derive(Debug)]
pub struct Delivery {
    /// the shard
    pub shard: Arc<str>,
    /// the records; none where there was nothing to read
    pub records: Vec<StreamRecord>,
    /// everything that arrived before this instant has now been delivered
    pub reached: Timestamp,
    /// how far that lies behind the newest record
    pub behind: Duration,
    /// these records were the last: the shards that go on with the hash keys
    pub end: Option<Vec<ListedShard>>,
    /// what the records weigh; given back when dropped. `None` where they are not counted
    pub memory: Option<Reservation>,
}

/// Records expired before they were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// the shard
    pub shard: Arc<str>,
    /// up to then nothing is missing
    pub read: Timestamp,
    /// from then on nothing is missing
    pub kept: Timestamp,
    /// how long the stream keeps its records
    pub retention: Span,
}

/// What happens while shards are read.
#[derive(Debug)]
pub enum Event {
    /// records, or the news that there are none
    Delivery(Delivery),
    /// records expired unread; reading went on
    Gap(Gap),
    /// a read was refused or failed, and is tried again
    Retry {
        /// the shard
        shard: Arc<str>,
        /// why
        error: ApiError,
        /// it is time to tell a user
        told: bool,
    },
    /// records of a shard cannot be pushed to us, and are polled instead
    Polled {
        /// the shard
        shard: Arc<str>,
        /// why
        error: ApiError,
    },
    /// a shard can be read no further
    Failed {
        /// the shard
        shard: Arc<str>,
        /// why
        error: ApiError,
    },
}

/// How shards are read.
#[derive(Clone, Debug)]
pub struct ReadersOptions {
    /// records an answer
    pub max_records: u32,
    /// reads a second and shard
    pub reads_per_second: f64,
    /// ARN of the consumer to whom records are pushed; `None`: shards are polled
    pub consumer: Option<Arc<str>>,
}

/// What is known of a shard before its first read.
#[derive(Clone, Copy, Debug)]
pub struct Since {
    /// up to then nothing is missing
    pub read: Option<Timestamp>,
    /// when the stream was created: before, there was nothing
    pub created: Timestamp,
    /// how long records are kept
    pub retention: Span,
}

/// What the readers of a stream share.
pub(super) struct Shared<A> {
    pub(super) api: A,
    pub(super) memory: Arc<MemoryBudget>,
    pub(super) options: ReadersOptions,
    pub(super) clock: WallClock,
}

/// Where readers put what happens.
#[derive(Clone)]
pub(super) struct Outlet {
    events: mpsc::Sender<Event>,
}

impl Outlet {
    /// Waits until it is taken in; false where nobody listens any more.
    pub(super) async fn send(&self, event: Event) -> bool {
        self.events.send(event).await.is_ok()
    }
}

/// The readers of a stream's shards, one task each. All end when this is dropped.
pub struct Readers<A> {
    shared: Arc<Shared<A>>,
    outlet: Outlet,
    events: mpsc::Receiver<Event>,
    tasks: JoinSet<()>,
}

impl<A: ShardApi> Readers<A> {
    /// Readers of nothing yet. Must live in a runtime with time.
    pub fn new(api: A, memory: Arc<MemoryBudget>, options: ReadersOptions, clock: WallClock) -> Self {
        let (sender, events) = mpsc::channel(QUEUED);
        let shared = Arc::new(Shared { api, memory, options, clock });
        Self { shared, outlet: Outlet { events: sender }, events, tasks: JoinSet::new() }
    }

    /// What is asked of Kinesis.
    pub fn api(&self) -> &A {
        &self.shared.api
    }

    /// How many records an answer has at most.
    pub fn max_records(&self) -> usize {
        self.shared.options.max_records as usize
    }

    /// Begins to read a shard.
    pub fn start(&mut self, shard: &str, from: IteratorFrom, since: Since) {
        let reader = ShardReader {
            shared: Arc::clone(&self.shared),
            outlet: self.outlet.clone(),
            shard: shard.into(),
            from,
            since,
        };
        match self.shared.options.consumer.clone() {
            None => self.tasks.spawn(reader.run()),
            Some(consumer) => self.tasks.spawn(FanOutReader { reader, consumer }.run()),
        };
    }

    /// Asks for the list of shards in a task of its own.
    pub fn list(&self) -> JoinHandle<Result<Vec<ListedShard>, ApiError>> {
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move { watched(shared.api.shards()).await })
    }

    /// What happens next; for ever nothing where no shard is read. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// What has happened already.
    pub fn try_next(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// Ends all reading. What was delivered can still be taken.
    pub fn stop(&mut self) {
        self.tasks.abort_all();
    }
}

impl<A> fmt::Debug for Readers<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").field("shards", &self.tasks.len()).finish_non_exhaustive()
    }
}

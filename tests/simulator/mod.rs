//! An Amazon Kinesis Data Streams for tests, in this process: it answers the real SDK over HTTP, keeps the service's
//! quotas, lets a test move its clock, and fails on request.
//!
//! ```text
//! http       one request in, one answer out; how an answer is broken on the way
//! control    the same commands for programs that are no Rust (POST /_simulator/COMMAND)
//! api        JSON 1.1 of each operation
//! read, fan_out, list   what the operations that deliver records and shards decide
//! stream     streams, shards and records; resharding, trimming
//! fault      which call fails, and how
//! clock      the time it is there
//! ```
//!
//! What it does not do: encryption, tags, quotas of writing, other accounts. Numbers are those of the service's documentation.

#![allow(dead_code, reason = "each test program uses its part of the simulator")]

mod api;
pub mod clock;
mod control;
pub mod encoding;
mod fan_out;
pub mod fault;
mod http;
mod list;
mod read;
pub mod statistics;
pub mod stream;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};

use clock::{Clock, Pace};
use fault::{Rule, Script};
use statistics::Statistics;
use stream::{Placed, Stream, World};

/// How a simulator behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// how its time passes
    pub pace: Pace,
    /// reads a second a shard; 0 for no quota
    pub reads_per_second: u32,
    /// bytes a second that a shard delivers; 0 for no quota
    pub bytes_per_second: u64,
    /// iterators a second a shard; 0 for no quota
    pub iterators_per_second: u32,
    /// how long an iterator is good, in milliseconds
    pub iterator_life: i64,
    /// shards a page of `ListShards`
    pub shards_per_page: usize,
    /// records a page of `GetRecords`, of the 10,000 that the service allows
    pub records_per_page: usize,
    /// a closed shard ends with the page of its last record; otherwise with an empty page after it
    pub end_with_records: bool,
    /// how long a new consumer is `CREATING`, in milliseconds
    pub consumer_creation: i64,
    /// how long a subscription lasts, in milliseconds
    pub subscription_life: i64,
    /// between the events of a subscription that has nothing to deliver, in milliseconds
    pub heartbeat: i64,
    /// a subscription sooner than this after the last one of the same consumer and shard is refused, in milliseconds
    pub subscription_spacing: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pace: Pace::Real,
            reads_per_second: 5,
            bytes_per_second: 2 << 20,
            iterators_per_second: 5,
            iterator_life: 300_000,
            shards_per_page: 1000,
            records_per_page: 10_000,
            end_with_records: true,
            consumer_creation: 500,
            subscription_life: 300_000,
            heartbeat: 5_000,
            subscription_spacing: 5_000,
        }
    }
}

/// What the parts share.
pub(crate) struct Core {
    pub options: Mutex<Options>,
    pub clock: Clock,
    pub world: Mutex<World>,
    pub script: Mutex<Script>,
    pub statistics: Mutex<Statistics>,
    /// told whenever a shard has something new
    pub changed: Notify,
}

impl Core {
    pub fn new(options: Options) -> Arc<Self> {
        Arc::new(Self {
            clock: Clock::new(options.pace),
            options: Mutex::new(options),
            world: Mutex::default(),
            script: Mutex::default(),
            statistics: Mutex::default(),
            changed: Notify::new(),
        })
    }

    pub fn options(&self) -> Options {
        lock(&self.options).clone()
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // a panic of one request is that request's
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A running simulator; it stops when dropped.
pub struct Simulator {
    core: Arc<Core>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Simulator {
    /// Starts one on a port of its own.
    pub fn start(options: Options) -> Self {
        Self::start_at(options, "127.0.0.1:0")
    }

    pub fn start_at(options: Options, address: &str) -> Self {
        let core = Core::new(options);
        let listener = std::net::TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&core);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = http::serve(listener, served) => {}
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        });
        Self { core, address, stop: Some(stop), thread: Some(thread) }
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes how it behaves from now on; the pace of its clock stays.
    pub fn configure(&self, change: impl FnOnce(&mut Options)) {
        change(&mut lock(&self.core.options));
    }

    /// Milliseconds since 1970 on its clock.
    pub fn now(&self) -> i64 {
        self.core.clock.now()
    }

    /// Moves its clock on.
    pub fn advance(&self, milliseconds: i64) {
        self.core.clock.advance(milliseconds);
        self.core.changed.notify_waiters();
    }

    /// A new stream with shards of equal size, active at once. One of that name that is there already is replaced, as by
    /// deleting and creating it.
    pub fn create(&self, stream: &str, shards: u32) {
        let now = self.now();
        lock(&self.core.world).create(stream, shards, now);
    }

    pub fn delete(&self, stream: &str) {
        lock(&self.core.world).delete(stream);
    }

    /// Looks at or changes a stream.
    pub fn stream<T>(&self, stream: &str, with: impl FnOnce(&mut Stream) -> T) -> T {
        let answer = with(lock(&self.core.world).stream(stream).unwrap());
        self.core.changed.notify_waiters();
        answer
    }

    /// One record, placed by its partition key, arriving now.
    pub fn put(&self, stream: &str, key: &str, data: impl Into<Bytes>) -> Placed {
        self.put_at(stream, key, data, self.now())
    }

    /// One record that says that it arrived at `arrival`, in milliseconds since 1970.
    pub fn put_at(&self, stream: &str, key: &str, data: impl Into<Bytes>, arrival: i64) -> Placed {
        self.stream(stream, |stream| stream.put(key, None, data.into(), arrival).unwrap())
    }

    /// Splits a shard in the middle; its two children.
    pub fn split(&self, stream: &str, shard: &str) -> [String; 2] {
        let now = self.now();
        self.stream(stream, |stream| stream.split_in_the_middle(shard, now).unwrap())
    }

    /// Merges two neighbours; their child.
    pub fn merge(&self, stream: &str, shard: &str, adjacent: &str) -> String {
        let now = self.now();
        self.stream(stream, |stream| stream.merge(shard, adjacent, now).unwrap())
    }

    /// Splits or merges until there are so many open shards.
    pub fn update_shard_count(&self, stream: &str, shards: usize) {
        let now = self.now();
        self.stream(stream, |stream| stream.update_shard_count(shards, now).unwrap());
    }

    /// Removes what is older than the newest `kept` records of a shard, as retention would.
    pub fn trim(&self, stream: &str, shard: &str, kept: usize) {
        self.stream(stream, |stream| stream.shard_mut(shard).unwrap().trim_to(kept));
    }

    /// From now on calls that the rule takes fail.
    pub fn script(&self, rule: Rule) {
        lock(&self.core.script).add(rule);
    }

    /// No call fails any more.
    pub fn unscript(&self) {
        *lock(&self.core.script) = Script::default();
    }

    /// What was asked until now.
    pub fn statistics(&self) -> Statistics {
        lock(&self.core.statistics).clone()
    }

    /// Forgets what was asked until now.
    pub fn clear_statistics(&self) {
        lock(&self.core.statistics).clear();
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // it has ended already where nobody listens
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

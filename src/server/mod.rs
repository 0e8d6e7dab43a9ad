//! The HTTP face: the interface of Feast's feature server, so that Feast's own clients work unchanged.
//!
//! ```text
//! accept       connections: how many, how slow
//! router       endpoints, tokens, counting
//! body         request bodies: how long, how slow
//! online       /get-online-features                          read
//! push         /push, /push/ndjson, /write-to-online-store   write
//! materialize  /materialize[-incremental]                    write
//! watch        /metrics and /health of another command
//! answer       what comes back, failures in Feast's form
//! ```
//!
//! What waits for the network is asynchronous. Small reads run where they arrive: they take less time than to hand them to
//! another thread. Large reads and all writes leave the runtime's threads free for others.

mod accept;
mod answer;
mod body;
mod limits;
mod materialize;
mod members;
mod metrics;
mod online;
mod openapi;
mod push;
mod query;
mod router;
mod token;
mod watch;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::error::Error;
use crate::feature_store::{FeatureStore, Serving};
use crate::model::Timestamp;

pub use token::Token;
pub use watch::{Watched, watch};

use metrics::Metrics;

/// What a server says while it runs.
#[derive(Debug)]
pub enum Event<'a> {
    /// a request failed by no fault of its client
    Failed {
        /// the endpoint
        endpoint: &'a str,
        /// why
        error: &'a Error,
    },
    /// the registry changed, and is served as it is now
    Reloaded,
    /// the registry cannot be looked at; what was read last is served on
    Stale(&'a Error),
    /// a materialization that nobody waits for has failed
    Background(&'a Error),
}

/// What a server needs from its surroundings.
pub struct Setup {
    /// the repo that is served
    pub store: FeatureStore<'static>,
    /// what requests must bring; `None` lets everybody in
    pub token: Option<Token>,
    /// the time
    pub clock: fn() -> Timestamp,
    /// what is told of
    pub log: Box<dyn Fn(&Event<'_>) + Send + Sync>,
}

/// A server before and while it runs.
pub struct Server {
    serving: Arc<Serving>,
    token: Option<Token>,
    clock: fn() -> Timestamp,
    log: Box<dyn Fn(&Event<'_>) + Send + Sync>,
    metrics: Metrics,
    /// large reads at a time
    reads: Semaphore,
    /// large bodies without records at a time
    bodies: Semaphore,
    /// large bodies with records at a time
    record_bodies: Semaphore,
    /// bodies with records that are written at a time
    writes: Semaphore,
    /// bulk bodies, written as they come, at a time
    bulks: Semaphore,
    /// views that a request materializes in the background
    materializing: Mutex<BTreeSet<String>>,
}

impl Server {
    /// Reads the registry; after that the server can answer.
    ///
    /// # Errors
    /// A registry or a store that feast-rs cannot serve.
    pub fn new(setup: Setup) -> Result<Self, Error> {
        Ok(Self {
            serving: Arc::new(Serving::open(setup.store)?),
            token: setup.token,
            clock: setup.clock,
            log: setup.log,
            metrics: Metrics::new(),
            reads: Semaphore::new(limits::large_reads()),
            bodies: Semaphore::new(limits::LARGE_BODIES),
            record_bodies: Semaphore::new(limits::LARGE_RECORD_BODIES),
            writes: Semaphore::new(limits::WRITES),
            bulks: Semaphore::new(limits::BULKS),
            materializing: Mutex::default(),
        })
    }

    /// The endpoints as a service, for a caller with connections of its own: without the limits of `run` on connections, and
    /// with the registry as it was read. Needs a runtime with more than one thread.
    pub fn into_router(self) -> axum::Router {
        router::router(Arc::new(self))
    }

    /// Answers the connections of `listener` until `stop` ends; then takes no new ones and brings those at work to their
    /// end, for ten seconds at most. Needs a runtime with more than one thread. Not to be cancelled: dropping it leaves
    /// connections open.
    pub async fn run(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let server = Arc::new(self);
        let watch = tokio::spawn(Arc::clone(&server).watch_registry());
        accept::serve(&server, listener, stop).await;
        watch.abort();
    }

    /// Looks at the registry ten times a second.
    async fn watch_registry(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(limits::REGISTRY_LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut was_stale = false;
        loop {
            ticks.tick().await;
            let serving = Arc::clone(&self.serving);
            let Ok(looked) = tokio::task::spawn_blocking(move || serving.refresh()).await else { continue };
            self.tell_of_registry(&looked, &mut was_stale);
        }
    }

    fn tell_of_registry(&self, looked: &Result<bool, Error>, was_stale: &mut bool) {
        use std::sync::atomic::Ordering::Relaxed;
        match looked {
            Ok(false) => {}
            Ok(true) => {
                self.metrics.reloads.fetch_add(1, Relaxed);
                (self.log)(&Event::Reloaded);
            }
            Err(error) => {
                self.metrics.reload_failures.fetch_add(1, Relaxed);
                // once, not ten times a second
                if !*was_stale {
                    (self.log)(&Event::Stale(error));
                }
            }
        }
        *was_stale = looked.is_err();
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

//! From a stream to the online store and the historical log, until it is told to stop.
//!
//! ```text
//! readers    one task a shard: pages of records          --+ bounded by bytes
//! worker     off the runtime: unwrap, decode, transform,  <-+
//!            watermark, newest a key, dead letters       --+
//! lane       one thread: rows and positions, one commit  <-+
//! ```
//!
//! While one transaction is written the next is made. A position is stored with the rows that it counts as read, and
//! what becomes of a record depends on the record and on what is stored, never on the clock: whoever is killed and started
//! again ends with the same content.

mod check;
mod checkpoints;
mod consumers;
mod logs;
mod metrics;
mod open;
mod refused;
mod report;
mod run;
mod select;
mod start;
mod state;
mod status;
mod stop;
mod trouble;
mod view;
mod worker;

use super::historical_log::LogParts;
use crate::model::{FeatureView, OnGap, RecordPosition, Span, StartPosition};
use crate::source::kinesis::Input;

pub use check::StreamCheck;
pub use checkpoints::{Checkpoint, ResetReport, ResetTo, ShardInfo};
pub use consumers::Deregistered;
pub use metrics::{health, prometheus};
pub use report::{StreamIngestReport, StreamReport, StreamViewReport};
pub use status::{ShardStatus, StreamNotice, StreamObserver, StreamProgress};
pub use stop::{Stop, Stopper};

/// What a user asks for.
#[derive(Clone, Debug, Default)]
pub struct StreamIngestRequest {
    /// names of the views; empty: all whose stream source is Kinesis
    pub views: Vec<String>,
    /// where rows go; `None`: where each view declares
    pub to: Option<Destination>,
    /// where shards without a checkpoint begin; none: where the source says
    pub from: Vec<From>,
    /// another endpoint than the source's
    pub endpoint_url: Option<String>,
    /// end when nothing lies behind
    pub until_caught_up: bool,
    /// end after so many user records
    pub max_records: Option<u64>,
    /// end after that time
    pub duration: Option<Span>,
    /// read this instead of the stream
    pub input: Option<Input>,
    /// instead of what the source says
    pub on_gap: Option<OnGap>,
    /// when rows of a historical log become a file
    pub log_parts: LogParts,
}

/// Where rows go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// into the online store
    pub online: bool,
    /// into the historical log
    pub offline: bool,
}

/// Where shards without a checkpoint begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// all of them
    Everywhere(StartPosition),
    /// one of them, after a record that was read elsewhere
    After {
        /// the shard
        shard: String,
        /// the record
        position: RecordPosition,
    },
}

impl Destination {
    /// What the view's definition says.
    fn declared(view: &FeatureView) -> Self {
        Self { online: view.online, offline: view.offline }
    }
}

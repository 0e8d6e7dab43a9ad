//! Records that somebody hands over, into the views of a push source or into one view.
//!
//! ```text
//! input::Pieces   blocks of a file, a pipe or a text -> Piece: so many whole records     (a thread reads, one encodes)
//! PushPlan        a piece -> rows of every view; what is refused, told once
//! run             rows -> the store, a commit a piece and view                           (this thread)
//! ```
//!
//! A commit is made of a fixed number of records, so that a push that is repeated after it was cut short has the same
//! commits and skips those that are stored. Where nothing is logged, what has arrived is committed as soon as the pipe
//! pauses.

mod encode;
mod input;
mod log;
mod plan;
mod refused;
mod report;
mod run;

use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use crate::feature_store::records::Shape;
use crate::model::Timestamp;
use crate::row::Cast;

pub use encode::{Encoded, EncodedView, Encoder};
pub use input::{Piece, RecordForm};
pub use plan::PushPlan;
pub use refused::Refused;
pub use report::{PushReport, PushedView, ToldRefusal};

/// What a user asks for.
#[derive(Clone, Debug)]
pub struct PushRequest {
    /// name of a push source or of a view
    pub target: String,
    /// where the rows go
    pub to: PushTo,
    /// what the records look like
    pub shape: Shape,
    /// what is pushed replaces newer stored values
    pub overwrite: bool,
    /// what becomes of values that do not fit
    pub cast: Cast,
    /// a record with a key that no view knows is refused
    pub strict: bool,
    /// a record that lacks a feature is refused
    pub require_all: bool,
    /// read, judge and count, but write nothing
    pub dry_run: bool,
    /// where refused records are kept
    pub dead_letter: Option<PathBuf>,
    /// name of this push: a push of that name that is stored already stores nothing
    pub idempotency_key: Option<String>,
}

/// Where pushed rows go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PushTo {
    /// the online store
    #[default]
    Online,
    /// the historical log
    Offline,
    /// both, in one transaction
    Both,
}

impl PushTo {
    /// Feast's name for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Both => "online_and_offline",
        }
    }

    /// Whether rows go to the online store.
    #[must_use]
    pub fn online(self) -> bool {
        self != Self::Offline
    }

    /// Whether rows go to the historical log.
    #[must_use]
    pub fn offline(self) -> bool {
        self != Self::Online
    }
}

/// How pushed records are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PushFormat {
    /// as the name of the file, or the beginning of the text, says
    #[default]
    Auto,
    /// an array of objects, objects one after the other, or Feast's object of columns
    Json,
    /// an object a line
    Ndjson,
    /// comma-separated, with a header
    Csv,
    /// a parquet file
    Parquet,
    /// a file of refused records
    DeadLetter,
}

/// What is pushed.
pub enum PushInput {
    /// a text in memory
    Text(Vec<u8>),
    /// a file
    File(PathBuf),
    /// something that is read as it comes
    Pipe(Box<dyn Read + Send>),
}

/// What a push is told by the world while it runs.
pub struct PushContext<'a> {
    /// the time
    pub clock: &'a (dyn Fn() -> Timestamp + Sync),
    /// set: end as soon as what is in hand is stored
    pub stop: &'a AtomicBool,
}

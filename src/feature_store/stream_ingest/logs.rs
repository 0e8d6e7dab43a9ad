//! When spooled rows of historical logs become files.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::error::Error;
use crate::feature_store::historical_log::{HistoricalLog, LOG_PART_BYTES};
use crate::online::{Lane, SqliteStore};

/// The longest time that rows wait for their file.
const OLDEST: Duration = Duration::from_mins(5);

/// Rows that are spooled, and whether they are being written.
#[derive(Debug)]
pub(super) struct SpoolState {
    /// spooled since the last flush began
    pub bytes: u64,
    begun: Instant,
    pub flushing: Option<JoinHandle<Result<(), Error>>>,
}

impl SpoolState {
    pub fn new() -> Self {
        Self { bytes: 0, begun: Instant::now(), flushing: None }
    }

    /// Whether there is enough for a file, or what there is has waited long enough.
    pub fn is_due(&self) -> bool {
        let is_old = self.begun.elapsed() >= OLDEST;
        self.flushing.is_none() && (self.bytes >= LOG_PART_BYTES || (is_old && self.bytes > 0))
    }

    /// Writes what is spooled now, beside everything else.
    pub fn begin(&mut self, lane: Lane<SqliteStore>, logs: Vec<HistoricalLog>) {
        self.bytes = 0;
        self.begun = Instant::now();
        self.flushing = Some(tokio::spawn(flush(lane, logs)));
    }
}

/// Writes everything that is spooled for these logs, on the thread that owns the store.
///
/// # Errors
/// A log that cannot be written; its rows stay spooled.
pub(super) async fn flush(lane: Lane<SqliteStore>, logs: Vec<HistoricalLog>) -> Result<(), Error> {
    for log in logs {
        lane.run(move |store| Ok(log.flush(store))).await??;
    }
    Ok(())
}

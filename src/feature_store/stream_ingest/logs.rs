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

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn spooled(bytes: u64) -> SpoolState {
        SpoolState { bytes, ..SpoolState::new() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_is_made_of_enough_rows_or_of_rows_that_have_waited() {
        assert!(!spooled(LOG_PART_BYTES - 1).is_due());
        assert!(spooled(LOG_PART_BYTES).is_due());
        let (none, some) = (spooled(0), spooled(1));
        advance(OLDEST - Duration::from_millis(1)).await;
        assert!(!some.is_due());
        advance(Duration::from_millis(1)).await;
        assert!(some.is_due());
        assert!(!none.is_due(), "of nothing no file is made");
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_file_is_begun_beside_the_first() {
        let mut spool = spooled(LOG_PART_BYTES);
        spool.flushing = Some(tokio::spawn(async { Ok(()) }));
        assert!(!spool.is_due());
    }
}

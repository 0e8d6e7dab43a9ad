//! When spooled rows of historical logs become files.

use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::error::Error;
use crate::feature_store::historical_log::{HistoricalLog, LogParts};
use crate::online::{Lane, LogName, Spool, SqliteStore};

/// Rows that are spooled, and whether they are being written.
#[derive(Debug)]
pub(super) struct SpoolState {
    parts: LogParts,
    /// spooled since the last flush began
    pub bytes: u64,
    begun: Instant,
    pub flushing: Option<JoinHandle<Result<(), Error>>>,
}

impl SpoolState {
    /// So many bytes are spooled already.
    pub fn new(parts: LogParts, bytes: u64) -> Self {
        Self { parts, bytes, begun: Instant::now(), flushing: None }
    }

    /// Whether there is enough for a file, or what there is has waited long enough.
    pub fn is_due(&self) -> bool {
        let is_old = self.begun.elapsed() >= self.parts.age;
        self.flushing.is_none() && (self.bytes >= self.parts.bytes || (is_old && self.bytes > 0))
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

/// Bytes that an earlier run spooled for these logs and did not write.
///
/// # Errors
/// The store cannot be read.
pub(super) async fn spooled(lane: &Lane<SqliteStore>, logs: &[HistoricalLog]) -> Result<u64, Error> {
    if logs.is_empty() {
        return Ok(0);
    }
    let spooled = lane.run(Spool::spooled_logs).await?;
    let is_ours = |log: &LogName| logs.iter().any(|ours| ours.name() == log);
    Ok(spooled.iter().filter(|spooled| is_ours(&spooled.log)).map(|spooled| spooled.bytes).sum())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const PARTS: LogParts = LogParts { bytes: 1_000, age: Duration::from_mins(5) };

    #[test]
    fn a_part_is_128_mb_or_what_came_in_five_minutes() {
        assert_eq!(LogParts::default(), LogParts { bytes: 128 * 1024 * 1024, age: Duration::from_mins(5) });
    }

    #[tokio::test(start_paused = true)]
    async fn rows_become_a_file_when_they_are_enough_or_have_waited_long_enough() {
        let mut spool = SpoolState::new(PARTS, 0);
        spool.bytes = 999;
        assert!(!spool.is_due(), "neither enough nor old");
        spool.bytes = 1_000;
        assert!(spool.is_due(), "enough");
        spool.bytes = 1;
        tokio::time::advance(Duration::from_secs(299)).await;
        assert!(!spool.is_due(), "not old yet");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(spool.is_due(), "old");
        spool.bytes = 0;
        assert!(!spool.is_due(), "nothing to write");
    }

    /// Also those that a killed run left, although nothing comes after them.
    #[tokio::test(start_paused = true)]
    async fn rows_of_an_earlier_run_wait_no_longer() {
        let spool = SpoolState::new(PARTS, 1);
        tokio::time::advance(PARTS.age).await;
        assert!(spool.is_due());
    }
}

//! What a run did.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::feature_store::{RunOutcome, RunRecord};
use crate::model::{ShardPosition, ShardProgress, Timestamp};

/// What a run did, by stream.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StreamIngestReport {
    /// the streams, sorted by name
    pub streams: Vec<StreamReport>,
    /// a signal ended the run
    #[serde(skip)]
    pub interrupted: bool,
}

/// What was done with one stream.
#[derive(Clone, Debug, Serialize)]
pub struct StreamReport {
    /// its name
    pub stream: String,
    /// shards that were read
    pub shards: usize,
    /// user records: JSON objects after unpacking; a payload that could not be decoded counts as one
    pub records: u64,
    /// feature values stored
    pub written: u64,
    /// feature values that are older than what is stored
    pub stale: u64,
    /// feature values that a newer record of the same transaction replaced
    pub superseded: u64,
    /// records behind the watermark
    pub late: u64,
    /// records that cannot be used
    pub refused: u64,
    /// the file that has them, where there are any
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letter_file: Option<PathBuf>,
    /// how long it took
    pub seconds: f64,
    /// how far the slowest shard lay behind its newest record at the end
    pub lag_ms: u64,
    /// times that records expired unread
    #[serde(skip_serializing_if = "is_zero")]
    pub gaps: u64,
    /// the views
    pub views: Vec<StreamViewReport>,
}

/// Where one view stands.
#[derive(Clone, Debug, Serialize)]
pub struct StreamViewReport {
    /// its name
    pub view: String,
    /// shard -> sequence number of the last record whose rows are stored, or `TRIM_HORIZON`, `AT_TIMESTAMP=..`,
    /// `SHARD_END`
    pub checkpoints: BTreeMap<String, String>,
}

impl StreamIngestReport {
    /// What is kept of the run in the history, by view. The counts are those of the view's stream.
    #[must_use]
    pub fn records(&self, started: Timestamp, finished: Timestamp) -> Vec<RunRecord> {
        let of_stream = |stream: &StreamReport| {
            let record = |view: &StreamViewReport| RunRecord {
                command: "stream-ingest",
                view: view.view.clone(),
                started,
                finished,
                window: None,
                read: stream.records,
                written: stream.written,
                stale: stream.stale,
                refused: stream.refused,
                outcome: if stream.refused > 0 { RunOutcome::Partial } else { RunOutcome::Done },
            };
            stream.views.iter().map(record).collect::<Vec<_>>()
        };
        self.streams.iter().flat_map(of_stream).collect()
    }

    /// Whether records were refused.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.streams.iter().any(|stream| stream.refused > 0)
    }
}

/// A position in one word; inside an aggregate with the number of the user record.
pub(super) fn checkpoint(position: &ShardPosition) -> String {
    match &position.progress {
        ShardProgress::TrimHorizon => "TRIM_HORIZON".to_owned(),
        ShardProgress::AtTimestamp(at) => format!("AT_TIMESTAMP={at}"),
        ShardProgress::Ended => "SHARD_END".to_owned(),
        ShardProgress::After(position) if position.sub_sequence == 0 => position.sequence.to_string(),
        ShardProgress::After(position) => format!("{}:{}", position.sequence, position.sub_sequence),
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

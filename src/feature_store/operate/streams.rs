//! Where views stand in their streams.

use serde::Serialize;

use super::super::FeatureStore;
use super::status::seconds_between;
use crate::error::Error;
use crate::model::{FeatureView, ShardProgress, Timestamp};
use crate::online::SqliteReader;

/// Where a view stands in one shard.
#[derive(Clone, Debug, Serialize)]
pub struct StreamStatus {
    /// the stream's ARN
    pub stream: String,
    /// the shard
    pub shard: String,
    /// what has been read: a sequence number, `trim-horizon`, a time, or `ended`
    pub position: String,
    /// since when nothing is known to have been read: since the stream last said that nothing lay behind, or since the
    /// arrival of the last record that was read
    pub silent_seconds: Option<f64>,
    /// when the stream last said that nothing lay behind
    pub caught_up: Option<String>,
    /// largest event time seen
    pub watermark: Option<String>,
    /// the view's table was made anew since: the position waits for `kinesis checkpoints reset`
    pub refused: bool,
    /// everything was read, to the shard's end
    pub ended: bool,
}

impl FeatureStore<'_> {
    /// Where a view stands in its streams, shard by shard.
    pub(super) fn streams(
        &self,
        view: &FeatureView,
        table: &str,
        reader: &SqliteReader,
        now: Timestamp,
    ) -> Result<Vec<StreamStatus>, Error> {
        let generation = reader.generation(table)?;
        let stored = reader.positions(&self.settings.project, &view.name)?;
        let status = |stored: crate::online::StoredPosition| {
            let position = &stored.position;
            StreamStatus {
                stream: stored.key.stream.arn.clone(),
                shard: stored.key.shard.clone(),
                position: shown(&position.progress),
                silent_seconds: position.caught_up.max(position.arrival).map(|last| seconds_between(last, now)),
                caught_up: position.caught_up.map(|time| time.to_string()),
                watermark: position.watermark.map(|time| time.to_string()),
                refused: generation != Some(stored.generation),
                ended: position.progress == ShardProgress::Ended,
            }
        };
        Ok(stored.into_iter().map(status).collect())
    }
}

fn shown(progress: &ShardProgress) -> String {
    match progress {
        ShardProgress::TrimHorizon => "trim-horizon".to_owned(),
        ShardProgress::AtTimestamp(at) => at.to_string(),
        ShardProgress::After(after) if after.sub_sequence == 0 => after.sequence.to_string(),
        ShardProgress::After(after) => format!("{} ({})", after.sequence, after.sub_sequence),
        ShardProgress::Ended => "ended".to_owned(),
    }
}

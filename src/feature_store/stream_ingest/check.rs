//! Whether a run would work: each permission, and whether records can be decoded. Nothing is written.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::Serialize;

use super::StreamIngestRequest;
use super::open::READING;
use super::refused::DeadLetters;
use super::select::Stream;
use super::start::Standing;
use super::view::ViewWork;
use super::worker::{Batch, Worker};
use crate::error::{Error, StreamIngestError};
use crate::feature_store::FeatureStore;
use crate::feature_store::records::RecordPath;
use crate::model::{ShardPosition, ShardProgress};
use crate::registry::Access;
use crate::source::kinesis::{
    ApiError, AwsApi, Delivery, Endpoint, IteratorFrom, ListedShard, ShardApi, StreamError, StreamSummary, Unwrapping,
    WallClock,
};

/// Shards whose records are tried.
const SHARDS: usize = 4;
/// Records of each that are tried.
const RECORDS: u32 = 100;

/// What one check found.
#[derive(Clone, Debug, Serialize)]
pub struct StreamCheck {
    /// name of the stream
    pub stream: String,
    /// what was tried: `kinesis:ListShards`, `records`
    pub check: String,
    /// it works
    pub ok: bool,
    /// what was found
    pub message: String,
    /// the cure, where it does not work
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl FeatureStore<'_> {
    /// Tries everything that [`stream_ingest`](Self::stream_ingest) needs of the streams, and decodes some of their oldest
    /// records. Nothing is written.
    ///
    /// # Errors
    /// The definitions. What is wrong with a stream is in the answer.
    pub async fn check_streams(
        &self,
        request: &StreamIngestRequest,
        clock: WallClock,
    ) -> Result<Vec<StreamCheck>, Error> {
        let snapshot = self.registry(Access::Read)?.snapshot()?;
        let mut checks = Vec::new();
        for stream in self.kinesis_streams(&snapshot, request)? {
            let endpoint = Endpoint { url: request.endpoint_url.clone() };
            let api = AwsApi::new(&stream.kinesis, &endpoint, clock.clone()).await;
            self.check_stream(&api, &stream, &mut Checks { stream: stream.name(), found: &mut checks }).await?;
        }
        Ok(checks)
    }

    async fn check_stream(&self, api: &AwsApi, stream: &Stream, checks: &mut Checks<'_>) -> Result<(), Error> {
        let Some(summary) = checks.tell("kinesis:DescribeStreamSummary", api.describe().await, |summary| {
            format!("{}, records are kept for {}", summary.id.arn, summary.retention)
        }) else {
            return Ok(());
        };
        let Some(listed) = checks.tell("kinesis:ListShards", api.shards().await, |listed: &Vec<ListedShard>| {
            let open = listed.iter().filter(|shard| !shard.closed).count();
            format!("{open} open and {} closed", listed.len() - open)
        }) else {
            return Ok(());
        };
        let tried: Vec<&ListedShard> = listed.iter().take(SHARDS).collect();
        if let Some(first) = tried.first() {
            let permitted = api.try_read(&first.id).await;
            checks.tell("kinesis:GetShardIterator, kinesis:GetRecords", permitted, |()| "allowed".to_owned());
        }
        let mut worker = self.trial(stream, &summary, &tried)?;
        let mut deliveries = VecDeque::new();
        for shard in tried {
            if let Ok(delivery) = oldest(api, shard).await {
                deliveries.push_back(delivery);
            }
        }
        let (prepared, refused) =
            worker.judge(Batch { deliveries, reached: BTreeMap::new(), found: Vec::new(), most: None })?;
        let (records, count) = (prepared.added.records, prepared.added.refused);
        checks.found.push(StreamCheck {
            stream: checks.stream.to_owned(),
            check: "records".to_owned(),
            ok: count == 0,
            message: match refused.first_reason() {
                None => format!("{records} of the oldest records can be used"),
                Some(reason) => format!("{count} of the {records} oldest records cannot be used: {reason}"),
            },
            hint: (count > 0).then(|| "mend the producer, or the `schema_json` of the source".to_owned()),
        });
        Ok(())
    }

    /// A worker whose views have read nothing, and which writes nothing.
    fn trial(&self, stream: &Stream, summary: &StreamSummary, shards: &[&ListedShard]) -> Result<Worker, Error> {
        let mut views = Vec::new();
        for view in &stream.views {
            let progress = ShardProgress::TrimHorizon;
            let position = ShardPosition { progress, arrival: None, caught_up: None, watermark: None };
            views.push(ViewWork {
                path: RecordPath::new(&self.settings, &view.view, READING)?,
                log: None,
                standing: Standing {
                    view: view.clone(),
                    project: self.settings.project.clone(),
                    stream: summary.id.clone(),
                    endpoint: None,
                    generation: 0,
                    positions: shards.iter().map(|shard| (shard.id.clone(), position.clone())).collect(),
                },
                late: stream.kinesis.options.late,
                delay: stream.kinesis.watermark_delay_threshold,
                max_future: self.settings.feast_rs.max_future,
            });
        }
        Ok(Worker {
            views,
            unwrapping: Unwrapping { deaggregate: stream.kinesis.options.deaggregate, gunzip: true },
            hash_ranges: shards.iter().filter_map(|shard| Some((shard.id.clone(), shard.hash_range?))).collect(),
            placed_by_key: summary.placed_by_key,
            dead_letters: DeadLetters::none(),
        })
    }
}

/// Checks of one stream.
struct Checks<'a> {
    stream: &'a str,
    found: &'a mut Vec<StreamCheck>,
}

impl Checks<'_> {
    /// Notes how a call went, and hands its answer on.
    fn tell<T>(&mut self, check: &str, answer: Result<T, ApiError>, say: impl FnOnce(&T) -> String) -> Option<T> {
        let (ok, message, hint) = match &answer {
            Ok(value) => (true, say(value), None),
            Err(error) => {
                let stream = self.stream.to_owned();
                let told = StreamIngestError::from(StreamError::Api { doing: "use", stream, source: error.clone() });
                (false, error.to_string(), told.hint())
            }
        };
        let (stream, check) = (self.stream.to_owned(), check.to_owned());
        self.found.push(StreamCheck { stream, check, ok, message, hint });
        answer.ok()
    }
}

/// Some of the oldest records of a shard.
async fn oldest(api: &AwsApi, shard: &ListedShard) -> Result<Delivery, ApiError> {
    let iterator = api.iterator(&shard.id, &IteratorFrom::TrimHorizon).await?;
    let page = api.read(&iterator, RECORDS).await?;
    let reached = page.records.last().map_or(crate::model::Timestamp::EPOCH, |record| record.arrival);
    Ok(Delivery {
        shard: shard.id.as_str().into(),
        records: page.records,
        reached,
        behind: Duration::ZERO,
        end: None,
        memory: None,
    })
}

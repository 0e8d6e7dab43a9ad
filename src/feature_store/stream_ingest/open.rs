//! The verb: opens everything that a run needs, runs the streams side by side, and puts their reports together.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, timeout};

use super::refused::DeadLetters;
use super::run::{Limits, Run};
use super::select::{Stream, StreamView};
use super::start::{Standing, look, start_of};
use super::status::Counters;
use super::view::ViewWork;
use super::worker::Worker;
use super::{Stop, StreamIngestReport, StreamIngestRequest, StreamObserver, StreamReport};
use crate::error::{Error, StreamIngestError};
use crate::feature_store::FeatureStore;
use crate::feature_store::historical_log::{HistoricalLog, LogParts};
use crate::feature_store::records::{Absent, Reading, RecordPath, Shape};
use crate::model::{Span, StartPosition, Timestamp};
use crate::online::{Durability, Lane, SqliteStore, TableSpec, ViewLock};
use crate::registry::{Access, Snapshot};
use crate::row::{Cast, ViewLayout};
use crate::source::kinesis::{
    AwsApi, Endpoint, Input, InputApi, MemoryBudget, Readers, ReadersOptions, ShardApi, Unwrapping, WallClock,
};

/// What may be in memory of all streams together, before it is unpacked.
const MEMORY: usize = 32 * 1024 * 1024;
/// A column of a stream that a record does not bring is null.
pub(super) const READING: Reading =
    Reading { shape: Shape::Source, absent: Absent::Null, cast: Cast::Lossless, strict: false };
/// Reads of a file are not counted.
const UNPACED: f64 = 1e6;
/// Reads a second beyond which a shard of AWS refuses.
const QUOTA: f64 = 5.0;
/// How long a run that has ended waits for what it sent to the store.
const LAST_COMMIT: Duration = Duration::from_millis(500);
/// A difference of the clocks beyond this is one.
const SKEW: i64 = 2_000_000;

/// What the streams of a run share.
struct Shared {
    lane: Lane<SqliteStore>,
    memory: Arc<MemoryBudget>,
    observer: Arc<dyn StreamObserver>,
    clock: WallClock,
    end: Option<Instant>,
}

impl FeatureStore<'_> {
    /// Reads the streams of the request's views until `stop`, a limit of the request, or a failure. Rows and the positions
    /// that they reach are stored in one transaction; when this returns, everything that was read before is stored, unless
    /// that took longer than four seconds.
    ///
    /// Must be called in a runtime with time and network. Not cancel-safe: ask it to stop.
    ///
    /// # Errors
    /// The definitions, the stream, the store, or the dead-letter file. What was committed stays.
    pub async fn stream_ingest(
        &self,
        request: &StreamIngestRequest,
        clock: WallClock,
        stop: Stop,
        observer: Arc<dyn StreamObserver>,
    ) -> Result<StreamIngestReport, Error> {
        let snapshot = self.current()?;
        let streams = self.kinesis_streams(&snapshot, request)?;
        if request.input.is_some() && streams.len() > 1 {
            let streams = streams.into_iter().map(|stream| stream.source.name).collect();
            return Err(StreamIngestError::SeveralStreams { streams }.into());
        }
        let locks = self.locks(&streams)?;
        let store = self.online_store(Durability::Bulk)?;
        let (lane, thread) = Lane::start(store).map_err(|error| Error::internal("start a thread", error))?;
        let shared = Shared {
            lane,
            memory: MemoryBudget::new(MEMORY),
            observer,
            end: request.duration.map(|span| Instant::now() + duration(span)),
            clock,
        };
        let done = self.run_all(streams, request, &shared, stop).await;
        drop(shared);
        // what was sent to the store is done before the process ends, unless the store does not answer: then nothing of it
        // is stored, and the next run reads it again. Until then the views are ours
        let joined = spawn_blocking(move || {
            let _locks = locks;
            thread.join().is_ok()
        });
        let _ = timeout(LAST_COMMIT, joined).await;
        done
    }

    /// The registry as it is, with nothing pending.
    pub(super) fn current(&self) -> Result<Snapshot, Error> {
        let mut registry = self.registry(Access::Write)?;
        self.finish_pending(&mut registry)?;
        Ok(registry.snapshot()?)
    }

    /// The right to fill these views; another process that has it already is told of.
    fn locks(&self, streams: &[Stream]) -> Result<Vec<ViewLock>, Error> {
        let store = &self.online_settings()?.path;
        let views = streams.iter().flat_map(|stream| &stream.views);
        views.map(|view| Ok(ViewLock::take(store, "stream-ingest", &view.table)?)).collect()
    }

    async fn run_all(
        &self,
        streams: Vec<Stream>,
        request: &StreamIngestRequest,
        shared: &Shared,
        mut stop: Stop,
    ) -> Result<StreamIngestReport, Error> {
        let (stopper, stopped) = Stop::new();
        let mut runs = JoinSet::new();
        let mut report = StreamIngestReport::default();
        for stream in streams {
            tokio::select! {
                begun = self.begin_stream(&mut runs, stream, request, shared, &stopped) => begun?,
                () = stop.wait() => {
                    report.interrupted = true;
                    break;
                }
            }
        }
        if report.interrupted {
            stopper.stop();
        }
        let mut failure = None;
        loop {
            let done = tokio::select! {
                done = runs.join_next() => done,
                () = stop.wait(), if !report.interrupted => {
                    report.interrupted = true;
                    stopper.stop();
                    continue;
                }
            };
            let failed = match done {
                None => break,
                Some(Ok(Ok(stream))) => {
                    report.streams.push(stream);
                    continue;
                }
                Some(Ok(Err(error))) => error,
                Some(Err(error)) => Error::internal("read a stream", error),
            };
            failure.get_or_insert(failed);
            stopper.stop();
        }
        report.streams.sort_by(|a: &StreamReport, b| a.stream.cmp(&b.stream));
        failure.map_or(Ok(report), Err)
    }

    /// Opens one stream, and begins to read it.
    async fn begin_stream(
        &self,
        runs: &mut JoinSet<Result<StreamReport, Error>>,
        stream: Stream,
        request: &StreamIngestRequest,
        shared: &Shared,
        stopped: &Stop,
    ) -> Result<(), Error> {
        if let Some(input) = &request.input {
            let api = InputApi::open(input, shared.clock.clone())
                .map_err(|source| StreamIngestError::Input { input: input.to_string(), source })?;
            let run = self.open_stream(api, stream, request, shared).await?;
            runs.spawn(run.run(stopped.clone()));
        } else {
            let endpoint = Endpoint { url: request.endpoint_url.clone() };
            let api = AwsApi::new(&stream.kinesis, &endpoint, shared.clock.clone()).await;
            let run = self.open_stream(api, stream, request, shared).await?;
            runs.spawn(run.run(stopped.clone()));
        }
        Ok(())
    }

    /// Opens one stream: its shards, the positions of its views, and what makes rows of its records.
    async fn open_stream<A: ShardApi>(
        &self,
        api: A,
        stream: Stream,
        request: &StreamIngestRequest,
        shared: &Shared,
    ) -> Result<Run<A>, Error> {
        let is_input = request.input.is_some();
        let name = match &request.input {
            None => stream.name().to_owned(),
            // a file of the repo as the repo calls it
            Some(Input::File(path)) => path.strip_prefix(&self.settings.repo).unwrap_or(path).display().to_string(),
            Some(input) => input.to_string(),
        };
        let (summary, listed) = look(&api, &name).await.map_err(StreamIngestError::from)?;
        let options = stream.kinesis.options.clone();
        let declared = if is_input { StartPosition::TrimHorizon } else { options.start };
        let start = start_of(&request.from, declared, &name, &listed, summary.answered)?;
        let endpoint = request.endpoint_url.clone().or_else(|| options.endpoint_url.clone()).filter(|_| !is_input);
        let keeps_positions = request.input != Some(Input::Standard);
        let mut standings = Vec::new();
        for view in stream.views.clone() {
            let spec = spec(self, &view)?;
            let project = &self.settings.project;
            let mut standing = Standing::open(&shared.lane, view, spec, project, &summary.id, endpoint.clone()).await?;
            if !request.from.is_empty() && !standing.positions.is_empty() {
                let view = &standing.view.view.name;
                let text = format!(
                    "`{view}` goes on where it was: `--from` is for shards without a stored position \
                     (`feast-rs kinesis checkpoints reset {view} --to ..` moves it)"
                );
                shared.observer.notice(&super::StreamNotice::Info(text));
            }
            standing.begin(&shared.lane, &listed, &start, keeps_positions).await?;
            standings.push(standing);
        }
        let worker = self.worker(&stream, &standings, &name, request.input.as_ref(), summary.answered)?;
        let worker = Worker {
            hash_ranges: listed.iter().filter_map(|shard| Some((shard.id.clone(), shard.hash_range?))).collect(),
            placed_by_key: summary.placed_by_key,
            ..worker
        };
        let reads_per_second = if is_input { UNPACED } else { options.reads_per_second };
        if !is_input && reads_per_second > QUOTA {
            let text = format!(
                "`{name}`: {reads_per_second} reads a second are more than the {QUOTA} that a shard of AWS allows to all its \
                 readers; that is for endpoints without quotas"
            );
            shared.observer.notice(&super::StreamNotice::Warning(text));
        }
        let clock = service_clock(&shared.clock, summary.answered);
        let consumer = self.consumer(&api, &stream, &summary.id, &*shared.observer).await?;
        let readers_options = ReadersOptions { max_records: options.max_records, reads_per_second, consumer };
        Ok(Run {
            readers: Readers::new(api, Arc::clone(&shared.memory), readers_options, clock.clone()),
            counters: Counters::new(name.clone()),
            name,
            summary,
            lane: shared.lane.clone(),
            standings,
            listed,
            logs: logs(self, &stream, request.log_parts)?,
            log_parts: request.log_parts,
            limits: Limits {
                until_caught_up: request.until_caught_up || is_input,
                max_records: request.max_records,
                end: shared.end,
                on_gap: request.on_gap.unwrap_or(options.on_gap),
                keeps_positions,
            },
            observer: Arc::clone(&shared.observer),
            clock,
            worker: Some(worker),
        })
    }

    fn worker(
        &self,
        stream: &Stream,
        standings: &[Standing],
        name: &str,
        input: Option<&Input>,
        now: Timestamp,
    ) -> Result<Worker, Error> {
        let options = &stream.kinesis.options;
        let mut views = Vec::new();
        for standing in standings {
            views.push(ViewWork {
                standing: standing.clone(),
                path: RecordPath::new(&self.settings, &standing.view.view, READING)?,
                log: log(self, &standing.view)?,
                late: options.late,
                delay: stream.kinesis.watermark_delay_threshold,
                max_future: self.settings.feast_rs.max_future,
            });
        }
        // the records of standard input are numbered from 0 in every run
        let letters = if input == Some(&Input::Standard) { format!("{name} at {now}") } else { name.to_owned() };
        let file = self.settings.resolve(&options.dead_letter_of(&stream.source.name));
        Ok(Worker {
            views,
            unwrapping: Unwrapping { deaggregate: options.deaggregate && input.is_none(), gunzip: input.is_none() },
            hash_ranges: std::collections::BTreeMap::new(),
            placed_by_key: false,
            dead_letters: DeadLetters::open(file, letters)?,
        })
    }
}

/// The historical log of a view whose rows go there.
fn log(store: &FeatureStore<'_>, view: &StreamView) -> Result<Option<HistoricalLog>, Error> {
    view.to.offline.then(|| store.historical_log(&view.view)).transpose()
}

fn logs(store: &FeatureStore<'_>, stream: &Stream, parts: LogParts) -> Result<Vec<HistoricalLog>, Error> {
    let logs = stream.views.iter().map(|view| log(store, view)).collect::<Result<Vec<_>, _>>()?;
    Ok(logs.into_iter().flatten().map(|log| log.with_part_bytes(parts.bytes)).collect())
}

/// The table that a view needs.
pub(super) fn spec(store: &FeatureStore<'_>, view: &StreamView) -> Result<TableSpec, Error> {
    let layout = ViewLayout::of(&view.view, store.settings.entity_key_serialization_version)?;
    Ok(TableSpec::new(&view.table, &layout, store.online_settings()?))
}

/// The clock of the service, where ours is off.
fn service_clock(clock: &WallClock, answered: Timestamp) -> WallClock {
    let ahead = answered.micros().saturating_sub(clock.now().micros());
    if ahead.abs() <= SKEW {
        return clock.clone();
    }
    let clock = clock.clone();
    WallClock::new(move || clock.now().saturating_add(Span::from_micros(ahead)))
}

fn duration(span: Span) -> Duration {
    Duration::from_micros(span.micros().try_into().unwrap_or(0))
}

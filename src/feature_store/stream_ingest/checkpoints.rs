//! Positions of views in streams: shown, and moved.

use serde::Serialize;

use super::open::spec;
use super::report::checkpoint;
use super::select::{Stream, StreamView};
use super::start::{Standing, look, start_of};
use super::{From, StreamIngestRequest};
use crate::error::{Error, StreamIngestError};
use crate::feature_store::FeatureStore;
use crate::model::{ShardProgress, StartPosition, Timestamp};
use crate::online::{Advance, Durability, OnlineStore, SqliteStore, StoredPosition, ViewLock};
use crate::registry::{Access, Snapshot};
use crate::source::kinesis::lineage::{self, Positions};
use crate::source::kinesis::{AwsApi, Endpoint, Input, InputApi, ShardApi, WallClock};

/// A shard of a stream, and where the views stand in it.
#[derive(Clone, Debug, Serialize)]
pub struct ShardInfo {
    /// name of the stream
    pub stream: String,
    /// the shard
    pub shard: String,
    /// `open`, `closed`, or `expired`: no longer kept
    pub state: &'static str,
    /// the shards whose hash keys it goes on with
    pub parents: Vec<String>,
    /// where each view stands
    pub views: Vec<Checkpoint>,
}

/// Where a view stands in a shard.
#[derive(Clone, Debug, Serialize)]
pub struct Checkpoint {
    /// name of the view
    pub view: String,
    /// ARN of the stream, or `input:FILE`
    pub stream: String,
    /// the shard
    pub shard: String,
    /// sequence number of the last record whose rows are stored, or `TRIM_HORIZON`, `AT_TIMESTAMP=..`, `SHARD_END`
    pub checkpoint: String,
    /// when that record arrived
    pub arrival: Option<String>,
    /// everything that arrived before then is stored
    pub read_until: Option<String>,
    /// the largest event time seen
    pub watermark: Option<String>,
    /// where the stream was read
    pub endpoint: Option<String>,
}

/// Where a view goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetTo {
    /// in every shard of the stream there
    Place(StartPosition),
    /// where it was, although its table was made anew
    Keep,
}

/// What a reset did.
#[derive(Clone, Debug, Serialize)]
pub struct ResetReport {
    /// name of the view
    pub view: String,
    /// the stream; `None` where positions were kept
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// positions that hold now
    pub checkpoints: Vec<Checkpoint>,
}

impl FeatureStore<'_> {
    /// The stored positions of these views, of all views with a stream where none is named. Nothing is read but the store.
    ///
    /// # Errors
    /// An unknown view, or the store.
    pub fn checkpoints(&self, views: &[String]) -> Result<Vec<Checkpoint>, Error> {
        let snapshot = self.registry(Access::Read)?.snapshot()?;
        let mut found = Vec::new();
        for stream in self.streams_of(&snapshot, views)? {
            for view in &stream.views {
                found.extend(self.stored_positions(view)?.iter().map(Checkpoint::of));
            }
        }
        Ok(found)
    }

    /// The shards of the streams of these views, as Kinesis lists them, with the stored positions.
    ///
    /// # Errors
    /// An unknown view, the stream, or the store.
    pub async fn kinesis_shards(
        &self,
        views: &[String],
        endpoint_url: Option<String>,
        clock: WallClock,
    ) -> Result<Vec<ShardInfo>, Error> {
        let snapshot = self.registry(Access::Read)?.snapshot()?;
        let endpoint = Endpoint { url: endpoint_url };
        let mut found = Vec::new();
        for stream in self.streams_of(&snapshot, views)? {
            let api = AwsApi::new(&stream.kinesis, &endpoint, clock.clone()).await;
            let (summary, listed) = look(&api, stream.name()).await.map_err(StreamIngestError::from)?;
            let mut stored = Vec::new();
            for view in &stream.views {
                stored.extend(self.stored_positions(view)?.into_iter().filter(|at| at.key.stream == summary.id));
            }
            let info = |shard: &str, state, parents: &[String]| ShardInfo {
                stream: stream.name().to_owned(),
                shard: shard.to_owned(),
                state,
                parents: parents.to_vec(),
                views: stored.iter().filter(|at| at.key.shard == shard).map(Checkpoint::of).collect(),
            };
            found.extend(
                listed
                    .iter()
                    .map(|shard| info(&shard.id, if shard.closed { "closed" } else { "open" }, &shard.parents)),
            );
            let is_listed = |at: &&StoredPosition| listed.iter().any(|shard| shard.id == at.key.shard);
            let mut gone: Vec<&str> =
                stored.iter().filter(|at| !is_listed(at)).map(|at| at.key.shard.as_str()).collect();
            gone.sort_unstable();
            gone.dedup();
            found.extend(gone.into_iter().map(|shard| info(shard, "expired", &[])));
        }
        Ok(found)
    }

    /// Moves a view to another place in its stream, or in an input; its positions elsewhere stay.
    ///
    /// # Errors
    /// An unknown view, one that is being filled right now, the stream, or the store.
    pub async fn reset_checkpoints(
        &self,
        view: &str,
        to: ResetTo,
        input: Option<&Input>,
        endpoint_url: Option<String>,
        clock: WallClock,
    ) -> Result<ResetReport, Error> {
        let snapshot = self.current()?;
        let streams = self.streams_of(&snapshot, &[view.to_owned()])?;
        let found = streams.iter().find_map(|stream| Some((stream, stream.views.first()?)));
        let Some((stream, view)) = found else {
            return Err(StreamIngestError::NoStream { view: view.to_owned() }.into());
        };
        let _lock = ViewLock::take(&self.online_settings()?.path, "stream-ingest", &view.table)?;
        let mut moved = None;
        if let ResetTo::Place(place) = to {
            moved = Some(if let Some(input) = input {
                let api = InputApi::open(input, clock)
                    .map_err(|source| StreamIngestError::Input { input: input.to_string(), source })?;
                self.place(&api, &input.to_string(), view, place, None).await?
            } else {
                let endpoint = Endpoint { url: endpoint_url.clone() };
                let api = AwsApi::new(&stream.kinesis, &endpoint, clock).await;
                let shown = endpoint_url.or_else(|| stream.kinesis.options.endpoint_url.clone());
                self.place(&api, stream.name(), view, place, shown).await?
            });
        }
        let mut store = self.online_store(Durability::Full)?;
        let project = &self.settings.project;
        let name = &view.view.name;
        store.ensure(&spec(self, view)?)?;
        let Some(moved) = moved else {
            store.keep_positions(project, name, &view.table)?;
            let checkpoints = store.positions(project, name)?.iter().map(Checkpoint::of).collect();
            return Ok(ResetReport { view: name.clone(), stream: None, checkpoints });
        };
        let (standing, positions) = moved;
        replace(&mut store, standing, &positions)
    }

    /// Where a view would stand in a stream if it began there now.
    async fn place<A: ShardApi>(
        &self,
        api: &A,
        name: &str,
        view: &StreamView,
        place: StartPosition,
        endpoint: Option<String>,
    ) -> Result<(Standing, Positions), Error> {
        let (summary, listed) = look(api, name).await.map_err(StreamIngestError::from)?;
        let start = start_of(&[From::Everywhere(place)], place, name, &listed, summary.answered)?;
        let standing = Standing {
            view: view.clone(),
            project: self.settings.project.clone(),
            stream: summary.id,
            endpoint,
            generation: 0,
            positions: Positions::new(),
        };
        Ok((standing, lineage::begin(&listed, &Positions::new(), &start)))
    }

    fn streams_of(&self, snapshot: &Snapshot, views: &[String]) -> Result<Vec<Stream>, Error> {
        let anywhere = super::Destination { online: true, offline: false };
        let request =
            StreamIngestRequest { views: views.to_vec(), to: Some(anywhere), ..StreamIngestRequest::default() };
        self.kinesis_streams(snapshot, &request)
    }

    fn stored_positions(&self, view: &StreamView) -> Result<Vec<StoredPosition>, Error> {
        if !self.online_settings()?.path.exists() {
            return Ok(Vec::new());
        }
        Ok(self.online_to_read()?.positions(&self.settings.project, &view.view.name)?)
    }
}

/// Stores where a view goes on in one stream. What is stored of other streams stays, unless its values are gone.
fn replace(store: &mut SqliteStore, standing: Standing, positions: &Positions) -> Result<ResetReport, Error> {
    let (project, name) = (standing.project.clone(), standing.view.view.name.clone());
    let table = standing.view.table.clone();
    let generation = store.generation(&table)?.unwrap_or_default();
    let standing = Standing { generation, ..standing };
    let elsewhere =
        |stored: &StoredPosition| stored.key.stream.arn != standing.stream.arn && stored.generation == generation;
    let kept = store.positions(&project, &name)?.into_iter().filter(elsewhere);
    let kept = kept.map(|stored| Advance {
        key: stored.key,
        position: stored.position,
        table: table.clone(),
        generation,
        endpoint: stored.endpoint,
    });
    let all: Vec<Advance> = kept.chain(standing.advance(positions)).collect();
    store.replace_positions(&project, &name, &all)?;
    let stored = store.positions(&project, &name)?;
    let here = stored.iter().filter(|stored| stored.key.stream == standing.stream);
    Ok(ResetReport {
        view: name,
        stream: Some(standing.stream.arn.clone()),
        checkpoints: here.map(Checkpoint::of).collect(),
    })
}

impl Checkpoint {
    fn of(stored: &StoredPosition) -> Self {
        let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let position = &stored.position;
        let is_ended = position.progress == ShardProgress::Ended;
        Self {
            view: stored.key.view.clone(),
            stream: stored.key.stream.arn.clone(),
            shard: stored.key.shard.clone(),
            checkpoint: checkpoint(position),
            arrival: text(position.arrival),
            read_until: text(lineage::read_until(position).filter(|_| !is_ended)),
            watermark: text(position.watermark),
            endpoint: stored.endpoint.clone(),
        }
    }
}

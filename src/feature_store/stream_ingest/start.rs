//! Where each view stands before the first read: stored positions checked against the stream and the tables as they are
//! now, and positions for shards that have none, stored before anything is read.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::From;
use super::select::StreamView;
use crate::error::{Error, StreamIngestError};
use crate::model::{PositionKey, ShardPosition, ShardProgress, StartPosition, StreamId, Timestamp};
use crate::online::{Advance, Lane, OnlineError, OnlineStore, SqliteStore, StoredPosition, TableSpec, WriteSet};
use crate::source::kinesis::lineage::{self, Positions, Start};
use crate::source::kinesis::{ApiError, ListedShard, ShardApi, StreamError, StreamSummary};

/// How long the first answers are waited for. A run that reads already waits without end.
const PATIENCE: Duration = Duration::from_secs(20);
/// The first wait between two attempts; each is twice as long as the one before.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// A view of a stream, and what is stored of its positions.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub view: StreamView,
    pub project: String,
    pub stream: StreamId,
    pub endpoint: Option<String>,
    /// of the view's table
    pub generation: u64,
    /// as stored
    pub positions: Positions,
}

impl Standing {
    /// What stores these positions.
    pub fn advance(&self, positions: &Positions) -> Vec<Advance> {
        let advance = |(shard, position): (&String, &ShardPosition)| Advance {
            key: PositionKey {
                project: self.project.clone(),
                view: self.view.view.name.clone(),
                stream: self.stream.clone(),
                shard: shard.clone(),
            },
            position: position.clone(),
            table: self.view.table.clone(),
            generation: self.generation,
            endpoint: self.endpoint.clone(),
        };
        positions.iter().map(advance).collect()
    }

    /// Opens the view's table and reads the positions that are stored for `stream`.
    ///
    /// # Errors
    /// The stream or the table is another one than that of the positions.
    pub async fn open(
        lane: &Lane<SqliteStore>,
        view: StreamView,
        spec: TableSpec,
        project: &str,
        stream: &StreamId,
        endpoint: Option<String>,
    ) -> Result<Self, Error> {
        let name = view.view.name.clone();
        let (wanted, table) = (project.to_owned(), view.table.clone());
        let (generation, stored) = lane.run(move |store| stored(store, &wanted, &name, &table, &spec)).await?;
        let dropped = || StreamIngestError::TableDropped { view: view.view.name.clone() };
        let generation = generation.ok_or_else(dropped)?;
        let mut positions = Positions::new();
        for stored in stored.into_iter().filter(|stored| stored.key.stream.arn == stream.arn) {
            if stored.key.stream.created != stream.created {
                return Err(StreamIngestError::from(StreamError::Recreated {
                    stream: stream.arn.clone(),
                    read: stored.key.stream.created,
                    found: stream.created,
                })
                .into());
            }
            if stored.generation != generation {
                return Err(dropped().into());
            }
            positions.insert(stored.key.shard, stored.position);
        }
        Ok(Self { view, project: project.to_owned(), stream: stream.clone(), endpoint, generation, positions })
    }

    /// Gives the listed shards that have none a position, and stores it (unless positions are not kept): from here on the
    /// read has begun there, whatever happens.
    ///
    /// # Errors
    /// The store.
    pub async fn begin(
        &mut self,
        lane: &Lane<SqliteStore>,
        listed: &[ListedShard],
        start: &Start,
        kept: bool,
    ) -> Result<(), Error> {
        let begun = lineage::begin(listed, &self.positions, start);
        let advance = self.advance(&begun);
        if kept && !advance.is_empty() {
            let set = WriteSet { advance, ..WriteSet::default() };
            lane.commit(set).await.map_err(StreamIngestError::of_store)?;
        }
        self.positions.extend(begun);
        Ok(())
    }
}

/// The generation of a table and the positions of its view. A table that nobody reads into yet is made ready; one that
/// positions belong to is left as it is: making it again would hide that its values are gone.
fn stored(
    store: &mut SqliteStore,
    project: &str,
    view: &str,
    table: &str,
    spec: &TableSpec,
) -> Result<(Option<u64>, Vec<StoredPosition>), OnlineError> {
    let positions = store.positions(project, view)?;
    if positions.is_empty() {
        store.ensure(spec)?;
    }
    Ok((store.generation(table)?, positions))
}

/// Where reading begins, by what the user said, else by what the source says.
///
/// # Errors
/// A start in the future, a shard that is not listed.
pub(super) fn start_of(
    from: &[From],
    declared: StartPosition,
    stream: &str,
    listed: &[ListedShard],
    now: Timestamp,
) -> Result<Start, StreamIngestError> {
    let mut start = Start { everywhere: progress(declared, now)?, after: std::collections::BTreeMap::new() };
    for from in from {
        match from {
            From::Everywhere(position) => start.everywhere = progress(*position, now)?,
            From::After { shard, position } => {
                if !listed.iter().any(|listed| listed.id == *shard) {
                    return Err(StreamIngestError::NoShard { stream: stream.to_owned(), shard: shard.clone() });
                }
                start.after.insert(shard.clone(), position.clone());
            }
        }
    }
    Ok(start)
}

/// `LATEST` becomes an instant once and for all: asked for again later it would leave out what arrived between.
fn progress(position: StartPosition, now: Timestamp) -> Result<ShardProgress, StreamIngestError> {
    Ok(match position {
        StartPosition::Latest => ShardProgress::AtTimestamp(now),
        StartPosition::TrimHorizon => ShardProgress::TrimHorizon,
        StartPosition::AtTimestamp(at) if at > now => return Err(StreamIngestError::Future { at }),
        StartPosition::AtTimestamp(at) => ShardProgress::AtTimestamp(at),
    })
}

/// The stream and its shards.
///
/// # Errors
/// Kinesis refuses, or does not answer for some time.
pub(super) async fn look<A: ShardApi>(api: &A, stream: &str) -> Result<(StreamSummary, Vec<ListedShard>), StreamError> {
    let failed = |doing| move |source| StreamError::Api { doing, stream: stream.to_owned(), source };
    let mut patience = Patience::new();
    let summary = loop {
        match api.describe().await {
            Ok(summary) => break summary,
            Err(error) => patience.after(error).await.map_err(failed("read the description"))?,
        }
    };
    let listed = loop {
        match api.shards().await {
            Ok(listed) => break listed,
            Err(error) => patience.after(error).await.map_err(failed("list the shards"))?,
        }
    };
    Ok((summary, listed))
}

/// Waits between attempts, up to a limit in all.
struct Patience {
    until: Instant,
    wait: Duration,
}

impl Patience {
    fn new() -> Self {
        Self { until: Instant::now() + PATIENCE, wait: FIRST_WAIT }
    }

    /// Waits if another attempt makes sense.
    async fn after(&mut self, error: ApiError) -> Result<(), ApiError> {
        if !error.is_transient() || Instant::now() + self.wait > self.until {
            return Err(error);
        }
        sleep(self.wait.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        self.wait *= 2;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_record_is_an_instant_from_the_first_moment_on() {
        let now = Timestamp::from_micros(7);
        let of = |from: &[From]| start_of(from, StartPosition::Latest, "s", &[], now);
        assert_eq!(of(&[]).unwrap().everywhere, ShardProgress::AtTimestamp(now));
        let oldest = From::Everywhere(StartPosition::TrimHorizon);
        assert_eq!(of(&[oldest]).unwrap().everywhere, ShardProgress::TrimHorizon);
        let later = From::Everywhere(StartPosition::AtTimestamp(Timestamp::from_micros(8)));
        assert!(matches!(of(&[later]), Err(StreamIngestError::Future { .. })));
    }
}

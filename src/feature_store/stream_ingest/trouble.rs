//! What a run does when something is wrong with its stream or its store.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::timeout;

use super::run::Run;
use super::start::Standing;
use super::state::State;
use crate::error::{Error, StreamIngestError};
use crate::model::OnGap;
use crate::online::{OnlineError, Outcome};
use crate::source::kinesis::{ApiError, Delivery, Gap, ListedShard, ShardApi, StreamError, StreamSummary, lineage};

/// How long a look at the stream may take while the run waits for it.
const GLANCE: Duration = Duration::from_secs(2);

impl<A: ShardApi> Run<A> {
    /// What the store answered, said as what it means to a view.
    pub(super) fn stored(&self, outcome: Result<Result<Outcome, OnlineError>, JoinError>) -> Result<Outcome, Error> {
        let outcome = outcome.map_err(|error| Error::internal("store rows of a stream", error))?;
        outcome.map_err(|error| {
            let table_of = |table: &str| self.standings.iter().find(|standing| standing.view.table == table);
            let dropped = match &error {
                OnlineError::NoTable { table } => table_of(table),
                _ => None,
            };
            dropped.map_or_else(
                || StreamIngestError::of_store(error),
                |standing| StreamIngestError::TableDropped { view: standing.view.view.name.clone() }.into(),
            )
        })
    }

    pub(super) fn gap(&mut self, state: &mut State, gap: &Gap) {
        self.counters.gap();
        let error = StreamError::Gap {
            stream: self.name.clone(),
            shard: gap.shard.to_string(),
            read: gap.read,
            kept: gap.kept,
            retention: gap.retention,
        };
        match self.limits.on_gap {
            OnGap::Fail => self.fail(state, StreamIngestError::from(error).into()),
            OnGap::Warn => self.warn(error.to_string()),
        }
    }

    /// A shard can be read no further: it expired, or the stream is gone, or we may not.
    pub(super) async fn failed(&mut self, state: &mut State, shard: &str, source: ApiError) {
        let error = match glance(self.readers.api()).await {
            Some((summary, _)) if summary.id != self.summary.id => StreamError::Recreated {
                stream: self.name.clone(),
                read: self.summary.id.created,
                found: summary.id.created,
            },
            Some((_, listed)) if !listed.iter().any(|known| known.id == *shard) => {
                self.bury(state, shard);
                return;
            }
            _ => StreamError::Api { doing: "read a shard", stream: self.name.clone(), source },
        };
        self.fail(state, StreamIngestError::from(error).into());
    }

    /// Shards that expired before the run began, or before their turn came.
    pub(super) fn bury_gone(&mut self, state: &mut State) {
        let gone = |standing: &Standing| {
            let gone = lineage::gone(&self.listed, &standing.positions);
            gone.map(|(shard, _)| shard.to_owned()).collect::<Vec<_>>()
        };
        let gone: BTreeSet<String> = self.standings.iter().flat_map(gone).collect();
        for shard in gone {
            self.bury(state, &shard);
        }
    }

    /// A shard expired before it was read to its end: a gap, after which its children are read.
    fn bury(&mut self, state: &mut State, shard: &str) {
        let positions = self.standings.iter().filter_map(|standing| standing.positions.get(shard));
        let kept = self.clock.now().saturating_sub(self.summary.retention);
        let read = positions.filter_map(lineage::read_until).min().unwrap_or(kept);
        let shard: Arc<str> = shard.into();
        self.gap(state, &Gap { shard: Arc::clone(&shard), read, kept, retention: self.summary.retention });
        let is_child = |child: &&ListedShard| child.parents.iter().any(|parent| **parent == *shard);
        let children = self.listed.iter().filter(is_child).cloned().collect();
        self.listed.retain(|listed| *listed.id != *shard);
        if state.failure.is_none() {
            state.queue.push_back(Delivery {
                shard,
                records: Vec::new(),
                reached: read,
                behind: Duration::ZERO,
                end: Some(children),
                memory: None,
            });
        }
    }
}

/// The stream as it is now, by one attempt each.
async fn glance<A: ShardApi>(api: &A) -> Option<(StreamSummary, Vec<ListedShard>)> {
    let look = async { Some((api.describe().await.ok()?, api.shards().await.ok()?)) };
    timeout(GLANCE, look).await.ok().flatten()
}

//! A Kinesis of a few lines for unit tests, on the paused clock: it answers as scripted and keeps a log of what was asked.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    ApiError, Consumer, IteratorFrom, ListedShard, Page, ShardApi, ShardEvents, StreamRecord, StreamSummary, WallClock,
};
use crate::model::{SequenceNumber, Span, StreamId, Timestamp};

/// What a call answers instead of the truth.
#[derive(Clone, Debug)]
pub enum Fault {
    Error(ApiError),
    Hang,
    /// the page, without the next place
    NoNext,
    /// the subscription runs out
    End,
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    Iterator(String, IteratorFrom),
    Read(String),
    Subscribe(IteratorFrom),
}

#[derive(Debug, Default)]
pub struct State {
    pub shards: BTreeMap<String, (ListedShard, Vec<StreamRecord>)>,
    pub faults: VecDeque<Option<Fault>>,
    pub asked: Vec<(Instant, Asked)>,
    pub iterator_life: Option<Duration>,
    /// records that arrived earlier are gone
    pub trimmed: Option<Timestamp>,
    pub refuse_subscriptions: Option<ApiError>,
    tokens: BTreeMap<String, (String, usize, Instant)>,
}

#[derive(Clone, Debug)]
pub struct Scripted {
    pub state: Arc<Mutex<State>>,
    pub clock: WallClock,
    pub retention: Span,
}

/// The instant at which every test begins.
pub const BEGIN: Timestamp = Timestamp::from_micros(1_795_377_600_000_000);

pub fn record(sequence: u64, arrival: Timestamp, data: &str) -> StreamRecord {
    let sequence = SequenceNumber::parse(&sequence.to_string()).unwrap();
    StreamRecord { sequence, arrival, data: Bytes::copy_from_slice(data.as_bytes()) }
}

impl Scripted {
    /// One open shard `a` with these records.
    pub fn new(records: Vec<StreamRecord>) -> Self {
        let begun = Instant::now();
        let clock = WallClock::new(move || {
            let micros = i64::try_from(begun.elapsed().as_micros()).unwrap();
            BEGIN.saturating_add(Span::from_micros(micros))
        });
        let shard = ListedShard { id: "a".into(), parents: Vec::new(), hash_range: None, closed: false };
        let state = State { shards: [("a".to_owned(), (shard, records))].into(), ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), clock, retention: Span::from_seconds(86_400) }
    }

    pub fn with(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap());
    }

    /// Instants of the reads.
    pub fn reads(&self) -> Vec<Instant> {
        let state = self.state.lock().unwrap();
        state.asked.iter().filter(|(_, asked)| matches!(asked, Asked::Read(_))).map(|(at, _)| *at).collect()
    }

    pub fn iterators(&self) -> Vec<IteratorFrom> {
        let state = self.state.lock().unwrap();
        let of = |asked: &Asked| match asked {
            Asked::Iterator(_, from) => Some(from.clone()),
            Asked::Read(_) | Asked::Subscribe(_) => None,
        };
        state.asked.iter().filter_map(|(_, asked)| of(asked)).collect()
    }

    /// Instants and places of the subscriptions.
    pub fn subscriptions(&self) -> Vec<(Instant, IteratorFrom)> {
        let state = self.state.lock().unwrap();
        let of = |(at, asked): &(Instant, Asked)| match asked {
            Asked::Subscribe(from) => Some((*at, from.clone())),
            _ => None,
        };
        state.asked.iter().filter_map(of).collect()
    }
}

/// Events of a scripted shard: three records each, a heartbeat after five seconds without.
#[derive(Debug)]
pub struct ScriptedEvents {
    api: Scripted,
    token: String,
}

impl ShardEvents for ScriptedEvents {
    async fn next(&mut self) -> Result<Option<Page>, ApiError> {
        let fault = self.api.state.lock().unwrap().faults.pop_front().flatten();
        match fault {
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Error(error)) => return Err(error),
            Some(Fault::End) => return Ok(None),
            Some(Fault::NoNext) => {
                let page = self.api.state.lock().unwrap().page(&self.token, 3)?;
                return Ok(Some(Page { next: None, ..page }));
            }
            None => {}
        }
        let mut page = self.api.state.lock().unwrap().page(&self.token, 3)?;
        if page.records.is_empty() && page.next.is_some() {
            tokio::time::sleep(Duration::from_secs(5)).await;
            page = self.api.state.lock().unwrap().page(&self.token, 3)?;
        }
        if let Some(token) = &page.next {
            self.token.clone_from(token);
            let place = page.records.last().map_or("0".to_owned(), |record| record.sequence.to_string());
            page.next = Some(place);
        }
        Ok(Some(page))
    }
}

impl ShardApi for Scripted {
    type Events = ScriptedEvents;

    async fn consumer(&self, _: &StreamId, _: &str) -> Result<Consumer, ApiError> {
        Ok(Consumer { arn: "consumer".into(), active: true })
    }

    async fn register(&self, stream: &StreamId, name: &str) -> Result<Consumer, ApiError> {
        self.consumer(stream, name).await
    }

    async fn deregister(&self, _: &str) -> Result<(), ApiError> {
        Ok(())
    }

    async fn subscribe(&self, _: &str, shard: &str, from: &IteratorFrom) -> Result<ScriptedEvents, ApiError> {
        let mut state = self.state.lock().unwrap();
        state.asked.push((Instant::now(), Asked::Subscribe(from.clone())));
        if let Some(error) = state.refuse_subscriptions.clone() {
            return Err(error);
        }
        let place = state.place(shard, from)?;
        let token = state.token(shard, place);
        Ok(ScriptedEvents { api: self.clone(), token })
    }

    async fn describe(&self) -> Result<StreamSummary, ApiError> {
        let id = StreamId { arn: "arn:aws:kinesis:r:1:stream/s".into(), created: Timestamp::EPOCH };
        Ok(StreamSummary { id, retention: self.retention, placed_by_key: true, answered: self.clock.now() })
    }

    async fn shards(&self) -> Result<Vec<ListedShard>, ApiError> {
        Ok(self.state.lock().unwrap().shards.values().map(|(shard, _)| shard.clone()).collect())
    }

    async fn iterator(&self, shard: &str, from: &IteratorFrom) -> Result<String, ApiError> {
        let mut state = self.state.lock().unwrap();
        state.asked.push((Instant::now(), Asked::Iterator(shard.to_owned(), from.clone())));
        let place = state.place(shard, from)?;
        Ok(state.token(shard, place))
    }

    async fn read(&self, iterator: &str, limit: u32) -> Result<Page, ApiError> {
        let fault = {
            let mut state = self.state.lock().unwrap();
            state.asked.push((Instant::now(), Asked::Read(iterator.to_owned())));
            state.faults.pop_front().flatten()
        };
        match fault {
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Error(error)) => Err(error),
            Some(Fault::NoNext | Fault::End) => {
                self.state.lock().unwrap().page(iterator, limit).map(|page| Page { next: None, ..page })
            }
            None => self.state.lock().unwrap().page(iterator, limit),
        }
    }
}

impl State {
    fn token(&mut self, shard: &str, place: usize) -> String {
        let token = format!("{shard}/{place}/{}", self.tokens.len());
        self.tokens.insert(token.clone(), (shard.to_owned(), place, Instant::now()));
        token
    }

    fn place(&self, shard: &str, from: &IteratorFrom) -> Result<usize, ApiError> {
        let (_, records) = self.shards.get(shard).ok_or_else(|| ApiError::NotFound("no shard".into()))?;
        Ok(match from {
            IteratorFrom::TrimHorizon => 0,
            IteratorFrom::AtTimestamp(at) => records.partition_point(|record| record.arrival < *at),
            IteratorFrom::At(number) => records.partition_point(|record| record.sequence < *number),
            IteratorFrom::After(number) => records.partition_point(|record| record.sequence <= *number),
        })
    }

    fn page(&mut self, iterator: &str, limit: u32) -> Result<Page, ApiError> {
        let (shard, place, taken) = self.tokens[iterator].clone();
        if self.iterator_life.is_some_and(|life| taken.elapsed() >= life) {
            return Err(ApiError::IteratorExpired);
        }
        let trimmed = self.trimmed;
        let (listed, all) = &self.shards[&shard];
        let is_kept = |record: &&StreamRecord| trimmed.is_none_or(|at| record.arrival >= at);
        let records: Vec<_> = all.iter().skip(place).filter(is_kept).take(limit as usize).cloned().collect();
        let next = records
            .last()
            .map_or(all.len().max(place), |last| all.iter().position(|record| record == last).unwrap() + 1);
        let is_last = next >= all.len();
        let parent = shard.clone();
        let is_child = |child: &&ListedShard| child.parents.contains(&parent);
        let children = self.shards.values().map(|(shard, _)| shard).filter(is_child).cloned().collect();
        let ended = listed.closed && is_last;
        let behind = if is_last { Duration::ZERO } else { Duration::from_secs(1) };
        Ok(if ended {
            Page { records, next: None, behind, children }
        } else {
            Page { records, next: Some(self.token(&shard, next)), behind, children: Vec::new() }
        })
    }
}

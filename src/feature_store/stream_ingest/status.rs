//! How a run is doing: counted by the streams, read by whoever shows it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::model::Timestamp;

/// Lags over which the percentiles are taken: those of the last so many seconds.
const LAG_WINDOW: Duration = Duration::from_secs(10);
/// Bounds of the classes of lags: each a quarter above the one below, from one millisecond to some days.
const CLASSES: usize = 96;

/// Receives what a run has to say.
pub trait StreamObserver: Send + Sync {
    /// The counters of one stream, twice a second.
    fn status(&self, stream: &StreamProgress);

    /// Something that a user should know, once.
    fn notice(&self, notice: &StreamNotice);
}

impl StreamObserver for () {
    fn status(&self, _: &StreamProgress) {}

    fn notice(&self, _: &StreamNotice) {}
}

/// Something that a user should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamNotice {
    /// nothing is wrong
    Info(String),
    /// something may be
    Warning(String),
}

/// The counters of one stream since the run began.
#[derive(Clone, Debug, Default)]
pub struct StreamProgress {
    /// name of the stream
    pub stream: String,
    /// user records
    pub records: u64,
    /// bytes of their payloads
    pub bytes: u64,
    /// feature values stored
    pub written: u64,
    /// feature values older than what is stored
    pub stale: u64,
    /// feature values that a newer record of the same transaction replaced
    pub superseded: u64,
    /// records behind the watermark
    pub late: u64,
    /// records that cannot be used
    pub refused: u64,
    /// times that records expired unread
    pub gaps: u64,
    /// from arrival to stored, over the last ten seconds: median and 99th percentile
    pub lag: Option<(Duration, Duration)>,
    /// how long ago positions were last stored
    pub checkpoint_age: Option<Duration>,
    /// the shards that are being read
    pub shards: BTreeMap<String, ShardStatus>,
    /// how long the run lasts
    pub uptime: Duration,
}

impl StreamProgress {
    /// The same, looked at some time later.
    #[must_use]
    pub fn aged(mut self, by: Duration) -> Self {
        let older = |age: &mut Option<Duration>| *age = age.map(|age| age + by);
        self.uptime += by;
        older(&mut self.checkpoint_age);
        for shard in self.shards.values_mut() {
            older(&mut shard.read_age);
            older(&mut shard.unwritten_age);
        }
        self
    }
}

/// The counters of one shard.
#[derive(Clone, Debug, Default)]
pub struct ShardStatus {
    /// Kinesis records
    pub records: u64,
    /// their bytes
    pub bytes: u64,
    /// refused or failed requests
    pub retries: u64,
    /// how far the last answer lay behind the newest record
    pub behind: Duration,
    /// how long ago the last successful read was
    pub read_age: Option<Duration>,
    /// age of the oldest record that was read and is not stored yet
    pub unwritten_age: Option<Duration>,
    /// it was read to its end
    pub ended: bool,
}

/// The counters of one stream, shared by the run and whoever shows them.
#[derive(Clone, Debug)]
pub(super) struct Counters(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    status: StreamProgress,
    shards: BTreeMap<String, Shard>,
    began: Instant,
    committed: Option<Instant>,
    lags: Vec<(Instant, [u32; CLASSES])>,
}

#[derive(Debug, Default)]
struct Shard {
    status: ShardStatus,
    read: Option<Instant>,
    oldest_unwritten: Option<Timestamp>,
}

/// What one transaction adds.
#[derive(Clone, Debug, Default)]
pub(super) struct Added {
    pub records: u64,
    pub bytes: u64,
    pub superseded: u64,
    pub late: u64,
    pub refused: u64,
    /// bytes for historical logs
    pub logged: u64,
    /// times of arrival, and how many records arrived then
    pub arrivals: Vec<(Timestamp, u32)>,
}

impl Added {
    /// Adds what a second transaction would have added.
    pub fn absorb(&mut self, later: Self) {
        let Self { records, bytes, superseded, late, refused, logged, arrivals } = later;
        self.records += records;
        self.bytes += bytes;
        self.superseded += superseded;
        self.late += late;
        self.refused += refused;
        self.logged += logged;
        self.arrivals.extend(arrivals);
    }
}

impl Counters {
    pub fn new(stream: String) -> Self {
        let status = StreamProgress { stream, ..StreamProgress::default() };
        let (shards, lags) = (BTreeMap::new(), Vec::new());
        Self(Arc::new(Mutex::new(Inner { status, shards, began: Instant::now(), committed: None, lags })))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A shard is being read from now on.
    pub fn started(&self, shard: &str) {
        self.with(|inner| {
            inner.shards.entry(shard.to_owned()).or_default().read = Some(Instant::now());
        });
    }

    /// A read was answered; `oldest` is the arrival of its first record.
    pub fn read(&self, shard: &str, records: u64, bytes: u64, behind: Duration, oldest: Option<Timestamp>) {
        self.with(|inner| {
            let shard = inner.shards.entry(shard.to_owned()).or_default();
            shard.status.records += records;
            shard.status.bytes += bytes;
            shard.status.behind = behind;
            shard.read = Some(Instant::now());
            shard.oldest_unwritten = shard.oldest_unwritten.or(oldest);
        });
    }

    pub fn retried(&self, shard: &str) {
        self.with(|inner| inner.shards.entry(shard.to_owned()).or_default().status.retries += 1);
    }

    pub fn gap(&self) {
        self.with(|inner| inner.status.gaps += 1);
    }

    pub fn ended(&self, shard: &str) {
        self.with(|inner| {
            let shard = inner.shards.entry(shard.to_owned()).or_default();
            shard.status.ended = true;
            shard.status.behind = Duration::ZERO;
        });
    }

    /// A transaction is stored. `unwritten` are the shards with records in hand, with the oldest arrival of each.
    pub fn committed(
        &self,
        added: &Added,
        written: u64,
        stale: u64,
        now: Timestamp,
        unwritten: &BTreeMap<String, Timestamp>,
    ) {
        self.with(|inner| {
            let status = &mut inner.status;
            status.records += added.records;
            status.bytes += added.bytes;
            status.superseded += added.superseded;
            status.late += added.late;
            status.refused += added.refused;
            status.written += written;
            status.stale += stale;
            let at = Instant::now();
            inner.committed = Some(at);
            inner.lags.retain(|(when, _)| at.duration_since(*when) < LAG_WINDOW);
            if !added.arrivals.is_empty() {
                let mut classes = [0; CLASSES];
                for (arrival, count) in &added.arrivals {
                    if let Some(class) = classes.get_mut(class_of(now.micros().saturating_sub(arrival.micros()))) {
                        *class += count;
                    }
                }
                inner.lags.push((at, classes));
            }
            for (name, shard) in &mut inner.shards {
                shard.oldest_unwritten = unwritten.get(name).copied();
            }
        });
    }

    /// The counters now; `now` is the clock on the wall.
    pub fn status(&self, now: Timestamp) -> StreamProgress {
        self.with(|inner| {
            let mut status = inner.status.clone();
            status.uptime = inner.began.elapsed();
            status.checkpoint_age = inner.committed.map(|at| at.elapsed());
            inner.lags.retain(|(when, _)| when.elapsed() < LAG_WINDOW);
            status.lag = percentiles(&inner.lags);
            let shard = |shard: &Shard| ShardStatus {
                read_age: shard.read.map(|at| at.elapsed()),
                unwritten_age: shard.oldest_unwritten.map(|arrival| age(now, arrival)),
                ..shard.status.clone()
            };
            status.shards = inner.shards.iter().map(|(name, counters)| (name.clone(), shard(counters))).collect();
            status
        })
    }
}

fn age(now: Timestamp, arrival: Timestamp) -> Duration {
    Duration::from_micros(now.micros().saturating_sub(arrival.micros()).try_into().unwrap_or(0))
}

/// The class of a lag in microseconds.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a class of a lag"
)]
fn class_of(micros: i64) -> usize {
    let millis = micros as f64 / 1_000.0;
    if millis <= 1.0 { 0 } else { (millis.ln() / 1.25_f64.ln()).ceil() as usize }.min(CLASSES - 1)
}

/// The upper bound of a class.
#[allow(clippy::cast_precision_loss, reason = "a class of a lag")]
fn lag_of(class: usize) -> Duration {
    Duration::from_secs_f64(1.25_f64.powf(class as f64) / 1_000.0)
}

fn percentiles(lags: &[(Instant, [u32; CLASSES])]) -> Option<(Duration, Duration)> {
    let mut sums = [0_u64; CLASSES];
    for (_, classes) in lags {
        for (sum, count) in sums.iter_mut().zip(classes) {
            *sum += u64::from(*count);
        }
    }
    let total: u64 = sums.iter().sum();
    let at = |percent: u64| {
        let mut seen = 0;
        let class = sums.iter().position(|count| {
            seen += count;
            seen * 100 >= total * percent
        });
        lag_of(class.unwrap_or(CLASSES - 1))
    };
    (total > 0).then(|| (at(50), at(99)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lags_are_told_to_a_quarter() {
        let counters = Counters::new("s".into());
        let arrivals = vec![(Timestamp::from_micros(1_000_000 - 100_000), 98), (Timestamp::from_micros(0), 2)];
        let added = Added { arrivals, ..Added::default() };
        counters.committed(&added, 1, 2, Timestamp::from_micros(1_000_000), &BTreeMap::new());
        let status = counters.status(Timestamp::from_micros(1_000_000));
        let (median, high) = status.lag.unwrap();
        assert!((100..=125).contains(&median.as_millis()), "{median:?}");
        assert!((1_000..=1_250).contains(&high.as_millis()), "{high:?}");
        assert_eq!((status.written, status.stale), (1, 2));
    }

    #[test]
    fn the_oldest_record_in_hand_ages_until_it_is_stored() {
        let counters = Counters::new("s".into());
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        counters.read("a", 2, 10, Duration::ZERO, Some(at(5)));
        counters.read("a", 2, 10, Duration::ZERO, Some(at(7)));
        let age = |counters: &Counters| counters.status(at(10)).shards["a"].unwritten_age;
        assert_eq!(age(&counters), Some(Duration::from_secs(5)));
        counters.committed(&Added::default(), 0, 0, at(10), &BTreeMap::from([("a".to_owned(), at(7))]));
        assert_eq!(age(&counters), Some(Duration::from_secs(3)));
        counters.committed(&Added::default(), 0, 0, at(10), &BTreeMap::new());
        assert_eq!(age(&counters), None);
    }
}

//! One shard, polled to its end.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::lineage::expired_before;
use super::pace::Pace;
use super::readers::{Delivery, Event, Gap, Outlet, Shared, Since};
use super::{ApiError, IteratorFrom, ListedShard, Page, ShardApi};
use crate::model::{Span, Timestamp};

/// The most that an answer may weigh.
const LARGEST_PAGE: usize = 10 * 1024 * 1024;
/// The least that is set aside for one.
const SMALLEST_PAGE: usize = 256 * 1024;
/// What a record weighs beside its payload.
const RECORD_OVERHEAD: usize = 160;
/// An iterator lives five minutes; an older one is not even tried.
const ITERATOR_LIFE: Duration = Duration::from_secs(280);
/// A call that takes longer is given up: the SDK's own limits are below it.
pub(super) const WATCHDOG: Duration = Duration::from_secs(30);
/// Failures in a row after which a user hears of them, once.
const TOLD_AFTER: u32 = 3;

/// Reads one shard.
pub(super) struct ShardReader<A> {
    pub(super) shared: Arc<Shared<A>>,
    pub(super) outlet: Outlet,
    pub(super) shard: Arc<str>,
    /// where the next record is
    pub(super) from: IteratorFrom,
    /// what is known to be read
    pub(super) since: Since,
}

/// A place in the shard, and since when.
struct Iterator {
    token: String,
    taken: Instant,
}

impl<A: ShardApi> ShardReader<A> {
    /// Reads until the shard's end, a refusal, or until nobody takes what was read.
    pub(super) async fn run(mut self) {
        let mut pace = Pace::new(self.shared.options.reads_per_second, Instant::now());
        let mut iterator: Option<Iterator> = None;
        let mut weight = LARGEST_PAGE;
        loop {
            sleep_until(pace.next()).await;
            // set aside before the request, so that a stalled store stops the reading and not the machine
            let mut memory = self.shared.memory.reserve(weight).await;
            if !self.check_expired().await {
                return;
            }
            pace.begin(Instant::now());
            let page = match self.page(&mut iterator).await {
                Ok(page) => page,
                Err(error) => {
                    drop(memory);
                    iterator = None;
                    if !self.endure(error, &mut pace).await {
                        return;
                    }
                    continue;
                }
            };
            let bytes = weight_of(&page);
            memory.resize(bytes);
            weight = next_weight(bytes, &page, self.shared.options.max_records);
            pace.answered(Instant::now(), bytes, page.records.is_empty() && page.behind.is_zero());
            iterator = page.next.clone().map(|token| Iterator { token, taken: Instant::now() });
            let end = if page.next.is_some() {
                None
            } else {
                match self.children(&page).await {
                    Ok(Some(children)) => Some(children),
                    // an answer without a next place, from a shard that is open: not to be believed
                    Ok(None) => None,
                    Err(error) => {
                        // what was read is kept; the end will be told again
                        if !self.endure(error, &mut pace).await {
                            return;
                        }
                        None
                    }
                }
            };
            let ended = end.is_some();
            if !self.deliver(page, end, memory).await || ended {
                return;
            }
        }
    }

    /// One answer, from the iterator in hand or a new one.
    async fn page(&self, iterator: &mut Option<Iterator>) -> Result<Page, ApiError> {
        let token = match iterator.take().filter(|iterator| iterator.taken.elapsed() < ITERATOR_LIFE) {
            Some(iterator) => iterator.token,
            None => watched(self.shared.api.iterator(&self.shard, &self.from)).await?,
        };
        watched(self.shared.api.read(&token, self.shared.options.max_records)).await
    }

    /// Hands records on, and remembers the last: from here on a new iterator begins after it.
    pub(super) async fn deliver(
        &mut self,
        page: Page,
        end: Option<Vec<ListedShard>>,
        memory: super::Reservation,
    ) -> bool {
        if let Some(last) = page.records.last() {
            self.from = IteratorFrom::After(last.sequence.clone());
        }
        let behind = Span::from_micros(i64::try_from(page.behind.as_micros()).unwrap_or(i64::MAX));
        let reached = self.shared.clock.now().saturating_sub(behind);
        self.since.read = self.since.read.max(Some(reached));
        let delivery = Delivery {
            shard: Arc::clone(&self.shard),
            records: page.records,
            reached,
            behind: page.behind,
            end,
            memory: Some(memory),
        };
        self.outlet.send(Event::Delivery(delivery)).await
    }

    /// The shards that go on with this one's hash keys; `None` where it has not ended.
    pub(super) async fn children(&self, page: &Page) -> Result<Option<Vec<ListedShard>>, ApiError> {
        if !page.children.is_empty() {
            return Ok(Some(page.children.clone()));
        }
        let listed = watched(self.shared.api.shards()).await?;
        let is_open = listed.iter().any(|shard| *shard.id == *self.shard && !shard.closed);
        let is_child = |shard: &ListedShard| shard.parents.iter().any(|parent| **parent == *self.shard);
        Ok((!is_open).then(|| listed.into_iter().filter(is_child).collect()))
    }

    /// Says so where records expired before they were read. False: nobody listens any more.
    pub(super) async fn check_expired(&mut self) -> bool {
        let Some(read) = self.since.read else { return true };
        let now = self.shared.clock.now();
        if expired_before(read, self.since.created, now, self.since.retention).is_none() {
            return true;
        }
        // the retention may have been raised meanwhile
        let Ok(summary) = watched(self.shared.api.describe()).await else { return true };
        self.since.retention = summary.retention;
        let Some(kept) = expired_before(read, self.since.created, now, summary.retention) else { return true };
        self.since.read = Some(kept);
        let gap = Gap { shard: Arc::clone(&self.shard), read, kept, retention: summary.retention };
        self.outlet.send(Event::Gap(gap)).await
    }

    /// What is done about a refusal or a fault. False: the reading of this shard ends here.
    async fn endure(&mut self, error: ApiError, pace: &mut Pace) -> bool {
        let jitter = fastrand::f64();
        match &error {
            // a new one is taken at the next read; where it expires at once, each read brings its page all the same
            ApiError::IteratorExpired => {}
            ApiError::Throttled(_) => pace.throttled(Instant::now(), jitter),
            ApiError::Unavailable(_) | ApiError::InUse(_) => pace.failed(Instant::now(), jitter),
            ApiError::NotFound(_) | ApiError::Request { .. } => {
                let failed = Event::Failed { shard: Arc::clone(&self.shard), error };
                self.outlet.send(failed).await;
                return false;
            }
        }
        let retry = Event::Retry { shard: Arc::clone(&self.shard), error, told: pace.failures() == TOLD_AFTER };
        self.outlet.send(retry).await
    }
}

/// What an answer weighs.
pub(super) fn weight_of(page: &Page) -> usize {
    page.records.iter().map(|record| record.data.len() + RECORD_OVERHEAD).sum()
}

/// What the next answer may weigh. Before the first one, the largest there is.
fn next_weight(bytes: usize, page: &Page, limit: u32) -> usize {
    let is_full = page.records.len() >= limit as usize;
    // behind, and not for want of room in the answer: it may bring anything
    if !page.behind.is_zero() && !is_full && bytes < SMALLEST_PAGE {
        return LARGEST_PAGE;
    }
    (bytes + bytes / 2).clamp(SMALLEST_PAGE, LARGEST_PAGE)
}

/// A call with a limit: one that hangs is one that failed.
pub(super) async fn watched<T>(call: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    match timeout(WATCHDOG, call).await {
        Ok(answer) => answer,
        Err(_) => Err(ApiError::Unavailable(format!("no answer in {WATCHDOG:?}"))),
    }
}

impl Since {
    /// Nothing is known of what was read before.
    #[must_use]
    pub fn unknown(created: Timestamp, retention: Span) -> Self {
        Self { read: None, created, retention }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{BEGIN, Fault, Scripted, record};
    use super::super::{MemoryBudget, Readers, ReadersOptions, StreamRecord};
    use super::*;

    const MIB: usize = 1024 * 1024;

    fn records(count: u64) -> Vec<StreamRecord> {
        (1..=count).map(|number| record(number, BEGIN, "{}")).collect()
    }

    fn readers(api: &Scripted, memory: usize) -> Readers<Scripted> {
        let options = ReadersOptions { max_records: 10, reads_per_second: 4.0, consumer: None };
        Readers::new(api.clone(), MemoryBudget::new(memory), options, api.clock.clone())
    }

    fn started(api: &Scripted, from: IteratorFrom) -> Readers<Scripted> {
        let mut readers = readers(api, 64 * MIB);
        readers.start("a", from, Since::unknown(Timestamp::EPOCH, api.retention));
        readers
    }

    /// Takes events until so many records came; their numbers, and whether the shard ended.
    async fn take(readers: &mut Readers<Scripted>, count: usize) -> (Vec<u64>, bool) {
        let (mut numbers, mut ended) = (Vec::new(), false);
        while numbers.len() < count {
            match readers.next().await.unwrap() {
                Event::Delivery(delivery) => {
                    let number = |record: &StreamRecord| record.sequence.as_str().parse::<u64>().unwrap();
                    numbers.extend(delivery.records.iter().map(number));
                    ended = delivery.end.is_some();
                }
                Event::Retry { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        (numbers, ended)
    }

    fn most_in_a_second(reads: &[Instant]) -> usize {
        let window = Duration::from_secs(1);
        reads.iter().map(|at| reads.iter().filter(|read| **read >= *at && **read < *at + window).count()).max().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn faults_of_every_kind_lose_nothing_and_repeat_nothing() {
        let api = Scripted::new(records(200));
        let faults = [
            Some(Fault::Error(ApiError::Throttled("slow down".into()))),
            None,
            Some(Fault::Error(ApiError::IteratorExpired)),
            Some(Fault::Error(ApiError::Unavailable("reset".into()))),
            Some(Fault::Hang),
            Some(Fault::NoNext),
            None,
        ];
        api.with(|state| state.faults = faults.into_iter().cycle().take(100).collect());
        let mut readers = started(&api, IteratorFrom::TrimHorizon);
        let (numbers, ended) = take(&mut readers, 200).await;
        assert_eq!(numbers, (1..=200).collect::<Vec<_>>());
        assert!(!ended);
        assert!(most_in_a_second(&api.reads()) <= 5);
    }

    #[tokio::test(start_paused = true)]
    async fn an_iterator_that_expires_before_the_first_record_is_rebuilt_at_the_same_instant() {
        let api = Scripted::new(Vec::new());
        api.with(|state| state.iterator_life = Some(Duration::from_millis(100)));
        let mut readers = started(&api, IteratorFrom::AtTimestamp(BEGIN));
        tokio::time::sleep(Duration::from_secs(5)).await;
        api.with(|state| state.shards.get_mut("a").unwrap().1 = records(3));
        assert_eq!(take(&mut readers, 3).await.0, [1, 2, 3]);
        let iterators = api.iterators();
        assert!(iterators.len() > 3, "{iterators:?}");
        assert!(iterators.iter().all(|from| *from == IteratorFrom::AtTimestamp(BEGIN)), "{iterators:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn half_of_the_reads_refused_for_a_minute_and_recovered_within_five_seconds() {
        let api = Scripted::new(Vec::new());
        let refused = || Some(Fault::Error(ApiError::Throttled("slow down".into())));
        api.with(|state| state.faults = (0..1_000).map(|turn| if turn % 2 == 0 { refused() } else { None }).collect());
        let mut readers = started(&api, IteratorFrom::TrimHorizon);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_mins(1) {
            readers.next().await.unwrap();
        }
        api.with(|state| {
            state.faults.clear();
            state.shards.get_mut("a").unwrap().1 = records(30);
        });
        let healthy = Instant::now();
        assert_eq!(take(&mut readers, 30).await.0.len(), 30);
        assert!(healthy.elapsed() < Duration::from_secs(5), "{:?}", healthy.elapsed());
        assert!(most_in_a_second(&api.reads()) <= 5);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_closed_shard_names_its_children_and_an_open_shard_has_none() {
        let api = Scripted::new(records(5));
        api.with(|state| {
            let child = |id: &str| ListedShard {
                id: id.to_owned(),
                parents: vec!["a".to_owned()],
                hash_range: None,
                closed: false,
            };
            state.shards.get_mut("a").unwrap().0.closed = true;
            state.shards.insert("b".into(), (child("b"), Vec::new()));
            state.shards.insert("c".into(), (child("c"), Vec::new()));
        });
        let mut readers = started(&api, IteratorFrom::TrimHorizon);
        let Some(Event::Delivery(delivery)) = readers.next().await else { panic!() };
        assert_eq!(delivery.records.len(), 5);
        let children: Vec<_> = delivery.end.unwrap().into_iter().map(|shard| shard.id).collect();
        assert_eq!(children, ["b", "c"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_store_stops_the_reading() {
        let heavy: Vec<_> = (1..=1_000).map(|number| record(number, BEGIN, &"x".repeat(MIB / 10))).collect();
        let api = Scripted::new(heavy);
        let mut readers = readers(&api, 4 * MIB);
        readers.start("a", IteratorFrom::TrimHorizon, Since::unknown(Timestamp::EPOCH, api.retention));
        tokio::time::sleep(Duration::from_mins(10)).await;
        let stalled = api.reads().len();
        assert!(stalled <= 4, "{stalled} reads of a megabyte");
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert_eq!(api.reads().len(), stalled);
        let (numbers, _) = take(&mut readers, 1_000).await;
        assert_eq!(numbers, (1..=1_000).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn records_that_expired_unread_are_a_gap_with_its_bounds_told_once() {
        let mut api = Scripted::new(records(1));
        api.retention = Span::from_seconds(3_600);
        let mut readers = readers(&api, 64 * MIB);
        let read = BEGIN.saturating_sub(Span::from_seconds(7_200));
        let since = Since { read: Some(read), created: Timestamp::EPOCH, retention: api.retention };
        readers.start("a", IteratorFrom::TrimHorizon, since);
        let Some(Event::Gap(gap)) = readers.next().await else { panic!() };
        assert_eq!((gap.read, gap.kept), (read, BEGIN.saturating_sub(api.retention)));
        assert_eq!(take(&mut readers, 1).await.0, [1]);
        tokio::time::sleep(Duration::from_hours(2)).await;
        while let Some(event) = readers.try_next() {
            assert!(!matches!(event, Event::Gap(_)), "idle is no gap");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_for_good_ends_the_shard_with_its_reason() {
        let api = Scripted::new(records(1));
        let denied = ApiError::Request { code: "AccessDeniedException".into(), message: "no".into() };
        api.with(|state| state.faults.push_back(Some(Fault::Error(denied.clone()))));
        let mut readers = started(&api, IteratorFrom::TrimHorizon);
        let Some(Event::Failed { error, .. }) = readers.next().await else { panic!() };
        assert_eq!(error, denied);
    }
}

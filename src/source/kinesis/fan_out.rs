//! One shard, whose records are pushed to us: enhanced fan-out.
//!
//! A subscription lasts five minutes at most, and another of the same consumer and shard is refused within five seconds.
//! The service sends word every few seconds even where there is no record, so that silence means a dead connection. After
//! whatever happened, the next subscription goes on where the last event that was handed on left off.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::readers::Event;
use super::shard::{ShardReader, watched, weight_of};
use super::{ApiError, IteratorFrom, Page, ShardApi, ShardEvents};
use crate::model::SequenceNumber;

/// No second subscription within that time, with something to spare for the two clocks.
const SPACING: Duration = Duration::from_millis(5_200);
/// The longest wait after failures.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Three words that did not come.
const SILENCE: Duration = Duration::from_secs(15);
/// Failures in a row after which a user hears of them, once.
const TOLD_AFTER: u32 = 3;

/// Reads one shard by subscriptions.
pub(super) struct FanOutReader<A> {
    /// the place in the shard; and how to go on where nothing is pushed to us
    pub(super) reader: ShardReader<A>,
    /// ARN of the consumer
    pub(super) consumer: Arc<str>,
}

/// How a subscription ended.
enum End {
    /// it ran out, or failed: another one
    Again(Option<ApiError>),
    /// the shard was read to its end, or nobody listens
    Done,
}

impl<A: ShardApi> FanOutReader<A> {
    /// Reads until the shard's end, a refusal, or until nobody takes what was read.
    pub(super) async fn run(mut self) {
        let mut failures = 0_u32;
        let mut next = Instant::now();
        loop {
            sleep_until(next).await;
            if !self.reader.check_expired().await {
                return;
            }
            next = Instant::now() + wait(failures);
            let api = &self.reader.shared.api;
            let subscribed = watched(api.subscribe(&self.consumer, &self.reader.shard, &self.reader.from)).await;
            let error = match subscribed {
                Ok(events) => match self.follow(events, &mut failures).await {
                    End::Done => return,
                    End::Again(None) => continue,
                    End::Again(Some(error)) => error,
                },
                Err(error) => error,
            };
            failures += 1;
            next = next.max(Instant::now() + wait(failures).mul_f64(0.5 + fastrand::f64() / 2.0));
            match error {
                ApiError::Request { .. } => return self.poll(error).await,
                ApiError::NotFound(_) => {
                    let shard = Arc::clone(&self.reader.shard);
                    self.reader.outlet.send(Event::Failed { shard, error }).await;
                    return;
                }
                error => {
                    let shard = Arc::clone(&self.reader.shard);
                    let retry = Event::Retry { shard, error, told: failures == TOLD_AFTER };
                    if !self.reader.outlet.send(retry).await {
                        return;
                    }
                }
            }
        }
    }

    /// Hands on what a subscription brings.
    async fn follow(&mut self, mut events: A::Events, failures: &mut u32) -> End {
        loop {
            let page = match timeout(SILENCE, events.next()).await {
                Err(_) => return End::Again(Some(ApiError::Unavailable(format!("silent for {SILENCE:?}")))),
                Ok(Err(error)) => return End::Again(Some(error)),
                Ok(Ok(None)) => return End::Again(None),
                Ok(Ok(Some(page))) => page,
            };
            *failures = 0;
            // while this waits nothing is read from the connection, and the service sends no more
            let memory = self.reader.shared.memory.reserve(weight_of(&page)).await;
            let place = place_after(&page);
            let over = page.next.is_none();
            let end = if over { self.reader.children(&page).await } else { Ok(None) };
            // what was read is kept, also where it is not known whether more follows: the next subscription tells
            let (end, error) = end.map_or_else(|error| (None, Some(error)), |end| (end, None));
            let is_end = end.is_some();
            if !self.reader.deliver(page, end, memory).await || is_end {
                return End::Done;
            }
            if over {
                return End::Again(error);
            }
            if let Some(place) = place {
                self.reader.from = place;
            }
        }
    }

    /// Nothing is pushed to us: the shard is polled.
    async fn poll(self, error: ApiError) {
        let shard = Arc::clone(&self.reader.shard);
        if self.reader.outlet.send(Event::Polled { shard, error }).await {
            self.reader.run().await;
        }
    }
}

/// Where the next subscription begins after an event without records; after one with records it is the last of them.
fn place_after(page: &Page) -> Option<IteratorFrom> {
    let sequence = page.next.as_deref().filter(|_| page.records.is_empty())?;
    SequenceNumber::parse(sequence).ok().map(IteratorFrom::After)
}

fn wait(failures: u32) -> Duration {
    SPACING.saturating_mul(2_u32.saturating_pow(failures.min(4).saturating_sub(1))).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::super::scripted::{BEGIN, Fault, Scripted, record};
    use super::super::{MemoryBudget, Readers, ReadersOptions, Since, StreamRecord};
    use super::*;
    use crate::model::Timestamp;

    fn started(api: &Scripted) -> Readers<Scripted> {
        let options = ReadersOptions { max_records: 10, reads_per_second: 4.0, consumer: Some("c".into()) };
        let mut readers = Readers::new(api.clone(), MemoryBudget::new(1 << 20), options, api.clock.clone());
        readers.start("a", IteratorFrom::TrimHorizon, Since::unknown(Timestamp::EPOCH, api.retention));
        readers
    }

    fn records(count: u64) -> Vec<StreamRecord> {
        (1..=count).map(|number| record(number, BEGIN, "{}")).collect()
    }

    async fn take(readers: &mut Readers<Scripted>, count: usize) -> Vec<u64> {
        let mut numbers = Vec::new();
        while numbers.len() < count {
            if let Event::Delivery(delivery) = readers.next().await.unwrap() {
                let number = |record: &StreamRecord| record.sequence.as_str().parse::<u64>().unwrap();
                numbers.extend(delivery.records.iter().map(number));
            }
        }
        numbers
    }

    #[tokio::test(start_paused = true)]
    async fn faults_of_every_kind_lose_nothing_and_no_subscription_comes_too_early() {
        let api = Scripted::new(records(100));
        let faults = [
            None,
            Some(Fault::Error(ApiError::Unavailable("bad frame".into()))),
            None,
            Some(Fault::Hang),
            Some(Fault::NoNext),
            Some(Fault::End),
            Some(Fault::Error(ApiError::InUse("too early".into()))),
        ];
        api.with(|state| state.faults = faults.into_iter().cycle().take(60).collect());
        let mut readers = started(&api);
        assert_eq!(take(&mut readers, 100).await, (1..=100).collect::<Vec<_>>());
        let subscriptions = api.subscriptions();
        assert!(subscriptions.len() > 10, "{subscriptions:?}");
        let gaps = subscriptions.windows(2).map(|pair| pair[1].0.duration_since(pair[0].0));
        assert!(gaps.min().unwrap() >= Duration::from_secs(5));
        assert!(subscriptions[1..].iter().all(|(_, from)| matches!(from, IteratorFrom::After(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_a_dead_connection() {
        let api = Scripted::new(records(3));
        api.with(|state| state.faults = [None, Some(Fault::Hang)].into());
        let mut readers = started(&api);
        assert_eq!(take(&mut readers, 3).await, [1, 2, 3]);
        api.with(|state| state.shards.get_mut("a").unwrap().1 = records(4));
        let begun = Instant::now();
        assert_eq!(take(&mut readers, 1).await, [4]);
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn where_it_is_refused_the_shard_is_polled() {
        let api = Scripted::new(records(20));
        let denied = ApiError::Request { code: "AccessDeniedException".into(), message: "no".into() };
        api.with(|state| state.refuse_subscriptions = Some(denied.clone()));
        let mut readers = started(&api);
        let Some(Event::Polled { error, .. }) = readers.next().await else { panic!() };
        assert_eq!(error, denied);
        assert_eq!(take(&mut readers, 20).await, (1..=20).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_shard_comes_with_its_children() {
        let api = Scripted::new(records(4));
        api.with(|state| {
            let mut child = state.shards["a"].0.clone();
            child.id = "b".into();
            child.parents = vec!["a".into()];
            state.shards.get_mut("a").unwrap().0.closed = true;
            state.shards.insert("b".into(), (child, Vec::new()));
        });
        let mut readers = started(&api);
        let mut seen = 0;
        loop {
            let Some(Event::Delivery(delivery)) = readers.next().await else { panic!() };
            seen += delivery.records.len();
            if let Some(children) = delivery.end {
                assert_eq!((seen, children[0].id.as_str()), (4, "b"));
                return;
            }
        }
    }
}

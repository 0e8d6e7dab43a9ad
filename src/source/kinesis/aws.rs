//! The real Kinesis, by the AWS SDK. Its own retries are off, since they would use up the few reads that a shard allows;
//! its timeouts are on, since without them a connection that died silently is waited for without end.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::timeout::TimeoutConfig;
use aws_sdk_kinesis::config::{ConfigBag, Intercept, RuntimeComponents, StalledStreamProtectionConfig};
use aws_sdk_kinesis::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::operation::subscribe_to_shard::SubscribeToShardOutput;
use aws_sdk_kinesis::primitives::{DateTime, DateTimeFormat};
use aws_sdk_kinesis::types::{
    ChildShard, ConsumerStatus, HashKeyRange, Record, RecordDistributionStrategy, Shard, ShardIteratorType,
    StartingPosition, SubscribeToShardEventStream,
};
use bytes::Bytes;

use super::error::NO_CREDENTIALS;
use super::{
    ApiError, Consumer, HashRange, IteratorFrom, ListedShard, Page, ShardApi, ShardEvents, StreamRecord, StreamSummary,
    WallClock,
};
use crate::model::{KinesisSource, SequenceNumber, Span, StreamId, Timestamp};

/// A connection that takes longer is not coming.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest answer has ten megabytes, which a slow line brings in that time.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);
/// An instant that is younger may be ahead of another clock.
const LATELY: Span = Span::from_seconds(10);
/// Shards a page of the list.
const LIST_PAGE: i32 = 1_000;
/// Pages of the list: more shards than any account has.
const MAX_LIST_PAGES: usize = 1_000;

/// Where Kinesis is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// another one than AWS's own, for all streams
    pub url: Option<String>,
}

/// One stream of the real Kinesis.
#[derive(Clone, Debug)]
pub struct AwsApi {
    client: Client,
    /// for subscriptions, which last five minutes: without limits of time, which are ours to keep
    pushed: Client,
    name: Option<String>,
    arn: Option<String>,
    clock: WallClock,
    /// what the service's clock is ahead of ours, in microseconds; [`i64::MIN`] before the first answer
    ahead: Arc<AtomicI64>,
}

impl AwsApi {
    /// The stream of `source`, with credentials by the SDK's ordinary chain. Connects to nothing yet.
    pub async fn new(source: &KinesisSource, endpoint: &Endpoint, clock: WallClock) -> Self {
        let options = &source.options;
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .build(),
            )
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if !source.region.is_empty() {
            loader = loader.region(Region::new(source.region.clone()));
        }
        if let Some(url) = endpoint.url.as_ref().or(options.endpoint_url.as_ref()) {
            loader = loader.endpoint_url(url);
        }
        let config = loader.load().await;
        let ahead = Arc::new(AtomicI64::new(i64::MIN));
        Self {
            client: client(&config, &clock, &ahead),
            pushed: client(&without_limits(&config), &clock, &ahead),
            name: options.stream_arn.is_none().then(|| source.stream_name.clone()),
            arn: options.stream_arn.clone(),
            clock,
            ahead,
        }
    }

    /// Whether one read of `shard` would be allowed, without reading.
    ///
    /// # Errors
    /// What stands in the way.
    pub async fn try_read(&self, shard: &str) -> Result<(), ApiError> {
        let request = self.client.get_shard_iterator().shard_id(shard).shard_iterator_type(ShardIteratorType::Latest);
        let request = request.set_stream_name(self.name.clone()).set_stream_arn(self.arn.clone());
        let iterator = request.send().await.map_err(api_error)?.shard_iterator.unwrap_or_default();
        let request = self.client.get_records().shard_iterator(iterator).set_stream_arn(self.arn.clone());
        match request.limit(1).dry_run(true).send().await {
            // an endpoint that does not know dry runs answers, which is as good
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("DryRunOperationException") => Ok(()),
            Err(error) => Err(api_error(error)),
        }
    }

    /// An instant that has just passed here may still lie ahead of the service's clock, which refuses it until then.
    fn soon(&self, from: &IteratorFrom, error: ApiError) -> ApiError {
        match (from, error) {
            (IteratorFrom::AtTimestamp(at), ApiError::Request { code, message })
                if code == "InvalidArgumentException" && *at > self.clock.now().saturating_sub(LATELY) =>
            {
                ApiError::Unavailable(format!("{code}: {message}"))
            }
            (_, error) => error,
        }
    }

    /// The service's clock.
    fn now(&self) -> Timestamp {
        let ahead = self.ahead.load(Ordering::Relaxed);
        let now = self.clock.now();
        if ahead == i64::MIN { now } else { now.saturating_add(Span::from_micros(ahead)) }
    }
}

fn client(config: &SdkConfig, clock: &WallClock, ahead: &Arc<AtomicI64>) -> Client {
    let dates = Dates { clock: clock.clone(), ahead: Arc::clone(ahead) };
    Client::from_conf(aws_sdk_kinesis::config::Builder::from(config).interceptor(dates).build())
}

/// The same settings for connections that last.
fn without_limits(config: &SdkConfig) -> SdkConfig {
    let limits = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build();
    config.to_builder().timeout_config(limits).build()
}

impl ShardApi for AwsApi {
    type Events = AwsEvents;

    async fn describe(&self) -> Result<StreamSummary, ApiError> {
        let request = self.client.describe_stream_summary();
        let request = request.set_stream_name(self.name.clone()).set_stream_arn(self.arn.clone());
        let answer = request.send().await.map_err(api_error)?;
        let summary = answer.stream_description_summary.ok_or_else(|| unreadable("a description"))?;
        let created = instant(&summary.stream_creation_timestamp);
        Ok(StreamSummary {
            id: StreamId { arn: summary.stream_arn, created },
            retention: Span::from_seconds(i64::from(summary.retention_period_hours) * 3_600),
            placed_by_key: summary.record_distribution_strategy != Some(RecordDistributionStrategy::Auto),
            answered: self.now(),
        })
    }

    async fn shards(&self) -> Result<Vec<ListedShard>, ApiError> {
        let mut shards = Vec::new();
        let mut token = None;
        for _ in 0..MAX_LIST_PAGES {
            let request = self.client.list_shards().max_results(LIST_PAGE);
            // a page is asked for by its token alone
            let request = match token.take() {
                None => request.set_stream_name(self.name.clone()).set_stream_arn(self.arn.clone()),
                token => request.set_next_token(token),
            };
            let answer = request.send().await.map_err(api_error)?;
            shards.extend(answer.shards.unwrap_or_default().into_iter().map(listed));
            token = answer.next_token;
            if token.is_none() {
                break;
            }
        }
        Ok(shards)
    }

    async fn iterator(&self, shard: &str, from: &IteratorFrom) -> Result<String, ApiError> {
        let request = self.client.get_shard_iterator().shard_id(shard);
        let request = request.set_stream_name(self.name.clone()).set_stream_arn(self.arn.clone());
        let request = match from {
            IteratorFrom::TrimHorizon => request.shard_iterator_type(ShardIteratorType::TrimHorizon),
            IteratorFrom::AtTimestamp(at) => {
                request.shard_iterator_type(ShardIteratorType::AtTimestamp).timestamp(sdk_time(*at))
            }
            IteratorFrom::At(sequence) => request
                .shard_iterator_type(ShardIteratorType::AtSequenceNumber)
                .starting_sequence_number(sequence.as_str()),
            IteratorFrom::After(sequence) => request
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .starting_sequence_number(sequence.as_str()),
        };
        let answer = request.send().await.map_err(api_error).map_err(|error| self.soon(from, error))?;
        answer.shard_iterator.ok_or_else(|| unreadable("an iterator"))
    }

    async fn read(&self, iterator: &str, limit: u32) -> Result<Page, ApiError> {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let request = self.client.get_records().shard_iterator(iterator).limit(limit);
        let answer = request.set_stream_arn(self.arn.clone()).send().await.map_err(api_error)?;
        Ok(Page {
            records: answer.records.into_iter().map(record).collect::<Result<_, _>>()?,
            next: answer.next_shard_iterator,
            behind: Duration::from_millis(answer.millis_behind_latest.unwrap_or(0).try_into().unwrap_or(0)),
            children: answer.child_shards.unwrap_or_default().into_iter().map(child).collect(),
        })
    }

    async fn consumer(&self, stream: &StreamId, name: &str) -> Result<Consumer, ApiError> {
        let request = self.client.describe_stream_consumer().stream_arn(&stream.arn).consumer_name(name);
        let answer = request.send().await.map_err(api_error)?;
        let found = answer.consumer_description.ok_or_else(|| unreadable("a consumer"))?;
        Ok(Consumer { arn: found.consumer_arn, active: found.consumer_status == ConsumerStatus::Active })
    }

    async fn register(&self, stream: &StreamId, name: &str) -> Result<Consumer, ApiError> {
        let request = self.client.register_stream_consumer().stream_arn(&stream.arn).consumer_name(name);
        let answer = request.send().await.map_err(api_error)?;
        let made = answer.consumer.ok_or_else(|| unreadable("a consumer"))?;
        Ok(Consumer { arn: made.consumer_arn, active: made.consumer_status == ConsumerStatus::Active })
    }

    async fn deregister(&self, consumer: &str) -> Result<(), ApiError> {
        self.client.deregister_stream_consumer().consumer_arn(consumer).send().await.map_err(api_error)?;
        Ok(())
    }

    async fn subscribe(&self, consumer: &str, shard: &str, from: &IteratorFrom) -> Result<AwsEvents, ApiError> {
        let (kind, sequence, timestamp) = match from {
            IteratorFrom::TrimHorizon => (ShardIteratorType::TrimHorizon, None, None),
            IteratorFrom::AtTimestamp(at) => (ShardIteratorType::AtTimestamp, None, Some(sdk_time(*at))),
            IteratorFrom::At(sequence) => (ShardIteratorType::AtSequenceNumber, Some(sequence.to_string()), None),
            IteratorFrom::After(sequence) => (ShardIteratorType::AfterSequenceNumber, Some(sequence.to_string()), None),
        };
        let place = StartingPosition::builder().r#type(kind).set_sequence_number(sequence).set_timestamp(timestamp);
        let place = place.build().map_err(|error| ApiError::Unavailable(error.to_string()))?;
        let request = self.pushed.subscribe_to_shard().consumer_arn(consumer).shard_id(shard).starting_position(place);
        Ok(AwsEvents(request.send().await.map_err(api_error)?))
    }
}

/// A subscription to a shard.
pub struct AwsEvents(SubscribeToShardOutput);

impl std::fmt::Debug for AwsEvents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AwsEvents")
    }
}

impl ShardEvents for AwsEvents {
    async fn next(&mut self) -> Result<Option<Page>, ApiError> {
        let event = match self.0.event_stream.recv().await.map_err(|error| classified(&error, None))? {
            None => return Ok(None),
            Some(SubscribeToShardEventStream::SubscribeToShardEvent(event)) => event,
            // a kind of event that we do not know says at least that the connection lives
            Some(_) => return Err(unreadable("an event that is known")),
        };
        let children: Vec<ListedShard> = event.child_shards.unwrap_or_default().into_iter().map(child).collect();
        let place = Some(event.continuation_sequence_number).filter(|place| !place.is_empty() && children.is_empty());
        if place.is_none() && children.is_empty() {
            return Err(unreadable("the place after it, and children"));
        }
        Ok(Some(Page {
            records: event.records.into_iter().map(record).collect::<Result<_, _>>()?,
            next: place,
            behind: Duration::from_millis(event.millis_behind_latest.try_into().unwrap_or(0)),
            children,
        }))
    }
}

/// Looks at the date of every answer, to know the service's clock.
#[derive(Debug)]
struct Dates {
    clock: WallClock,
    ahead: Arc<AtomicI64>,
}

impl Intercept for Dates {
    fn name(&self) -> &'static str {
        "Dates"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = context.response().headers().get("date")
            && let Ok(date) = DateTime::from_str(date, DateTimeFormat::HttpDate)
        {
            let ahead = instant(&date).micros().saturating_sub(self.clock.now().micros());
            self.ahead.store(skew(ahead), Ordering::Relaxed);
        }
        Ok(())
    }
}

/// A date is cut to the second and was some time on its way: a difference of that size is none.
fn skew(ahead: i64) -> i64 {
    const NOISE: i64 = 2_000_000;
    if ahead.abs() <= NOISE { 0 } else { ahead }
}

fn record(record: Record) -> Result<StreamRecord, ApiError> {
    let sequence = SequenceNumber::parse(&record.sequence_number).map_err(ApiError::Unavailable)?;
    let arrival = record.approximate_arrival_timestamp.as_ref().map(instant);
    let arrival = arrival.ok_or_else(|| unreadable("a record's time of arrival"))?;
    Ok(StreamRecord { sequence, arrival, data: Bytes::from(record.data.into_inner()) })
}

fn listed(shard: Shard) -> ListedShard {
    let closed = shard.sequence_number_range.is_some_and(|range| range.ending_sequence_number.is_some());
    let parents = [shard.parent_shard_id, shard.adjacent_parent_shard_id].into_iter().flatten().collect();
    ListedShard { id: shard.shard_id, parents, hash_range: shard.hash_key_range.as_ref().and_then(hash_range), closed }
}

fn child(child: ChildShard) -> ListedShard {
    let hash_range = child.hash_key_range.as_ref().and_then(hash_range);
    ListedShard { id: child.shard_id, parents: child.parent_shards, hash_range, closed: false }
}

fn hash_range(range: &HashKeyRange) -> Option<HashRange> {
    Some((range.starting_hash_key.parse().ok()?, range.ending_hash_key.parse().ok()?))
}

/// To the nearest millisecond, which is what Kinesis means: the SDK reads instants as binary fractions of seconds, of which
/// many lie a little before it.
fn instant(time: &DateTime) -> Timestamp {
    let millis = (time.as_nanos() + 500_000).div_euclid(1_000_000);
    let most = if millis < 0 { i64::MIN } else { i64::MAX };
    Timestamp::from_micros(i64::try_from(millis.saturating_mul(1_000)).unwrap_or(most))
}

/// To the millisecond before: Kinesis knows no finer ones, and an earlier start loses nothing.
fn sdk_time(time: Timestamp) -> DateTime {
    DateTime::from_millis(time.micros().div_euclid(1_000))
}

fn unreadable(what: &str) -> ApiError {
    ApiError::Unavailable(format!("an answer lacks {what}"))
}

/// What an error of the SDK means to us.
#[allow(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn api_error<E>(error: SdkError<E>) -> ApiError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    classified(&error, error.raw_response().map(|response| response.status().as_u16()))
}

/// The same; `status` is that of the answer, where there was one.
fn classified<E, R>(error: &SdkError<E, R>, status: Option<u16>) -> ApiError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    if let SdkError::ConstructionFailure(_) = error {
        return ApiError::Request { code: NO_CREDENTIALS.into(), message: words(error) };
    }
    let Some(code) = error.as_service_error().and_then(ProvideErrorMetadata::code).map(str::to_owned) else {
        let words = words(error);
        return match error {
            // no connection was tried: there was nothing to sign the request with
            SdkError::DispatchFailure(failure)
                if !failure.is_io() && !failure.is_timeout() && words.contains("credentials") =>
            {
                ApiError::Request { code: NO_CREDENTIALS.into(), message: words }
            }
            _ => ApiError::Unavailable(words),
        };
    };
    let message = error.as_service_error().and_then(ProvideErrorMetadata::message);
    let message = message.unwrap_or("no reason given").to_owned();
    match code.as_str() {
        "ProvisionedThroughputExceededException"
        | "LimitExceededException"
        | "KMSThrottlingException"
        | "ThrottlingException"
        | "Throttling" => ApiError::Throttled(message),
        "ResourceInUseException" => ApiError::InUse(message),
        "ExpiredIteratorException" => ApiError::IteratorExpired,
        "ResourceNotFoundException" => ApiError::NotFound(message),
        // tokens are renewed, and an expired page of the list is asked for anew from the first
        "InternalFailure"
        | "InternalFailureException"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "RequestTimeout"
        | "RequestExpired"
        | "ExpiredTokenException"
        | "ExpiredNextTokenException"
        | "RequestTimeTooSkewed" => ApiError::Unavailable(format!("{code}: {message}")),
        _ if status.is_some_and(|status| status >= 500) => ApiError::Unavailable(format!("{code}: {message}")),
        _ => ApiError::Request { code, message },
    }
}

/// The chain of causes in one line.
fn words<E, R>(error: &SdkError<E, R>) -> String
where
    E: std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let words = inner.to_string();
        // some say their cause themselves
        if !said.contains(&words) {
            said.push_str(&format!(": {words}"));
        }
        cause = inner.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_exact_and_a_start_is_never_later_than_asked() {
        let time = Timestamp::from_micros(1_795_377_600_123_999);
        assert_eq!(sdk_time(time).to_millis().unwrap(), 1_795_377_600_123);
        assert_eq!(instant(&DateTime::from_millis(1_795_377_600_123)).micros(), 1_795_377_600_123_000);
        assert_eq!(sdk_time(Timestamp::from_micros(-1)).to_millis().unwrap(), -1);
        // as the SDK reads 1795677167.780: else a record that arrived at the very instant of a start would lie before it
        assert_eq!(instant(&DateTime::from_secs_f64(1_795_677_167.780)).micros(), 1_795_677_167_780_000);
    }

    #[test]
    fn a_date_header_of_the_same_second_is_no_skew() {
        assert_eq!((skew(-999_999), skew(1_500_000)), (0, 0));
        assert_eq!(skew(60_000_000), 60_000_000);
    }
}

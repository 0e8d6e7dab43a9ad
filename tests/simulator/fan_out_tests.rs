//! Subscriptions: what they deliver, how they end, how they break.

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::error::SdkError;
use aws_sdk_kinesis::operation::subscribe_to_shard::SubscribeToShardOutput;
use aws_sdk_kinesis::types::{ConsumerStatus, ShardIteratorType, StartingPosition, SubscribeToShardEvent};

use super::simulator::clock::Pace;
use super::simulator::fault::{Fault, Rule, When};
use super::simulator::{Options, Simulator};
use super::{client, code};

const SHARD: &str = "shardId-000000000000";

/// A stream `s` of one shard, a hundred times as fast as the world, and an active consumer's ARN.
async fn subscribable() -> (Simulator, Client, String) {
    let simulator = Simulator::start(Options { pace: Pace::Scaled(100.0), ..Options::default() });
    simulator.create("s", 1);
    let client = client(&simulator);
    let arn = simulator.stream("s", |stream| stream.arn());
    let made = client.register_stream_consumer().stream_arn(&arn).consumer_name("c").send().await.unwrap();
    let made = made.consumer.unwrap();
    assert_eq!(made.consumer_status, ConsumerStatus::Creating);
    simulator.advance(1000);
    let found = client.describe_stream_consumer().stream_arn(&arn).consumer_name("c").send().await.unwrap();
    let found = found.consumer_description.unwrap();
    assert_eq!((found.consumer_status, &found.consumer_arn), (ConsumerStatus::Active, &made.consumer_arn));
    (simulator, client, made.consumer_arn)
}

async fn subscribe(client: &Client, arn: &str, shard: &str, after: Option<&str>) -> SubscribeToShardOutput {
    let kind = if after.is_some() { ShardIteratorType::AfterSequenceNumber } else { ShardIteratorType::TrimHorizon };
    let position =
        StartingPosition::builder().r#type(kind).set_sequence_number(after.map(str::to_owned)).build().unwrap();
    let asked = client.subscribe_to_shard().consumer_arn(arn).shard_id(shard).starting_position(position);
    asked.send().await.unwrap()
}

async fn next(subscription: &mut SubscribeToShardOutput) -> Option<SubscribeToShardEvent> {
    let event = subscription.event_stream.recv().await.unwrap()?;
    Some(event.as_subscribe_to_shard_event().unwrap().clone())
}

#[tokio::test]
async fn records_are_pushed_and_a_quiet_shard_beats() {
    let (simulator, client, arn) = subscribable().await;
    simulator.put("s", "k", "a");
    let mut subscription = subscribe(&client, &arn, SHARD, None).await;
    let event = next(&mut subscription).await.unwrap();
    assert_eq!(event.records[0].data.as_ref(), b"a");
    let beat = next(&mut subscription).await.unwrap();
    assert!(beat.records.is_empty());
    simulator.put("s", "k", "b");
    loop {
        let event = next(&mut subscription).await.unwrap();
        if let Some(record) = event.records.first() {
            assert_eq!(record.data.as_ref(), b"b");
            assert_eq!(event.continuation_sequence_number, record.sequence_number);
            break;
        }
    }
}

#[tokio::test]
async fn a_subscription_ends_after_five_minutes_and_goes_on_where_it_stood() {
    let (simulator, client, arn) = subscribable().await;
    simulator.put("s", "k", "a");
    let mut subscription = subscribe(&client, &arn, SHARD, None).await;
    let event = next(&mut subscription).await.unwrap();
    simulator.advance(300_001);
    while next(&mut subscription).await.is_some() {}
    simulator.put("s", "k", "b");
    let mut subscription = subscribe(&client, &arn, SHARD, Some(&event.continuation_sequence_number)).await;
    assert_eq!(next(&mut subscription).await.unwrap().records[0].data.as_ref(), b"b");
}

#[tokio::test]
async fn a_second_subscription_is_refused_for_five_seconds_and_then_takes_over() {
    let (simulator, client, arn) = subscribable().await;
    simulator.configure(|options| options.subscription_spacing = 1 << 40);
    let mut first = subscribe(&client, &arn, SHARD, None).await;
    let position = StartingPosition::builder().r#type(ShardIteratorType::TrimHorizon).build().unwrap();
    let asked = client.subscribe_to_shard().consumer_arn(&arn).shard_id(SHARD).starting_position(position);
    assert_eq!(code(&asked.send().await.unwrap_err()), "ResourceInUseException");
    simulator.configure(|options| options.subscription_spacing = 0);
    let mut second = subscribe(&client, &arn, SHARD, None).await;
    simulator.put("s", "k", "a");
    while next(&mut first).await.is_some() {}
    while next(&mut second).await.unwrap().records.is_empty() {}
}

#[tokio::test]
async fn a_shard_ends_without_a_continuation_and_with_its_children() {
    let (simulator, client, arn) = subscribable().await;
    simulator.put("s", "k", "a");
    let children = simulator.split("s", SHARD);
    let mut subscription = subscribe(&client, &arn, SHARD, None).await;
    let event = next(&mut subscription).await.unwrap();
    assert_eq!(event.records.len(), 1);
    assert_eq!(event.continuation_sequence_number, "");
    assert_eq!(event.child_shards().iter().map(|child| child.shard_id.as_str()).collect::<Vec<_>>(), children);
    assert!(next(&mut subscription).await.is_none());
}

#[tokio::test]
async fn frames_break_as_the_script_says() {
    for fault in [
        Fault::CorruptFrame(1),
        Fault::CutFrame(1),
        Fault::ErrorFrame(1),
        Fault::ExceptionFrame(1, "InternalFailureException".to_owned()),
        Fault::EarlyEnd(1),
    ] {
        let (simulator, client, arn) = subscribable().await;
        simulator.put("s", "k", "a");
        simulator.script(Rule::new("SubscribeToShard", When::Call(1), fault.clone()));
        let mut subscription = subscribe(&client, &arn, SHARD, None).await;
        assert_eq!(next(&mut subscription).await.unwrap().records.len(), 1, "{fault:?}");
        let broken = subscription.event_stream.recv().await;
        let as_expected = match fault {
            Fault::EarlyEnd(_) => matches!(broken, Ok(None)),
            Fault::ExceptionFrame(..) => matches!(broken, Err(SdkError::ServiceError(_))),
            _ => broken.is_err(),
        };
        assert!(as_expected, "{fault:?}: {broken:?}");
    }
}

#[tokio::test]
async fn silence_is_silence() {
    let (simulator, client, arn) = subscribable().await;
    simulator.script(Rule::new("SubscribeToShard", When::Call(1), Fault::SilentFrames(0)));
    let mut subscription = subscribe(&client, &arn, SHARD, None).await;
    // a hundred heartbeats of its time
    let quiet = tokio::time::timeout(std::time::Duration::from_secs(5), subscription.event_stream.recv()).await;
    assert!(quiet.is_err());
}

#[tokio::test]
async fn a_consumer_is_deregistered_and_its_subscription_ends() {
    let (_simulator, client, arn) = subscribable().await;
    let mut subscription = subscribe(&client, &arn, SHARD, None).await;
    client.deregister_stream_consumer().consumer_arn(&arn).send().await.unwrap();
    let ended = loop {
        match subscription.event_stream.recv().await {
            Ok(Some(_)) => {}
            other => break other,
        }
    };
    assert!(ended.unwrap_err().into_service_error().is_resource_not_found_exception());
    let gone = client.describe_stream_consumer().consumer_arn(&arn).send().await.unwrap_err();
    assert_eq!(code(&gone), "ResourceNotFoundException");
}

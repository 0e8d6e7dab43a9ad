//! Reading by iterators, listing, resharding, quotas.

use aws_sdk_kinesis::primitives::{Blob, DateTime};
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, ShardFilter, ShardFilterType, ShardIteratorType};

use super::simulator::clock::Pace;
use super::simulator::{Options, Simulator};
use super::{client, code, iterator, iterator_at, page, texts};

const SHARD: &str = "shardId-000000000000";

/// The SDK reads instants as binary fractions of seconds, a little beside what was written.
fn nearest_millisecond(time: DateTime) -> i64 {
    time.secs() * 1000 + i64::from((time.subsec_nanos() + 500_000) / 1_000_000)
}

/// A stream `s` on a clock that stands still.
fn standing(shards: u32) -> Simulator {
    let simulator = Simulator::start(Options { pace: Pace::Manual, ..Options::default() });
    simulator.create("s", shards);
    simulator
}

#[tokio::test]
async fn every_type_of_iterator_begins_where_it_says() {
    let simulator = standing(1);
    let client = client(&simulator);
    simulator.configure(|options| options.iterators_per_second = 0);
    simulator.configure(|options| options.reads_per_second = 0);
    let begun = simulator.now();
    let mut placed = Vec::new();
    for text in ["a", "b", "c"] {
        simulator.advance(10);
        placed.push(simulator.put("s", "k", text));
    }
    let latest = iterator(&client, SHARD, ShardIteratorType::Latest, None).await;
    simulator.advance(10);
    simulator.put("s", "k", "d");
    let second = Some(placed[1].sequence.as_str());
    for (iterator, expected) in [
        (iterator(&client, SHARD, ShardIteratorType::TrimHorizon, None).await, &["a", "b", "c", "d"][..]),
        (iterator(&client, SHARD, ShardIteratorType::AtSequenceNumber, second).await, &["b", "c", "d"]),
        (iterator(&client, SHARD, ShardIteratorType::AfterSequenceNumber, second).await, &["c", "d"]),
        (iterator_at(&client, SHARD, begun + 20).await, &["b", "c", "d"]),
        (iterator_at(&client, SHARD, begun + 21).await, &["c", "d"]),
        (latest, &["d"]),
    ] {
        assert_eq!(texts(&page(&client, &iterator).await), expected);
    }
    let asked = client.get_shard_iterator().stream_name("s").shard_id(SHARD);
    let future = DateTime::from_millis(simulator.now() + 1);
    let refused = asked.shard_iterator_type(ShardIteratorType::AtTimestamp).timestamp(future).send().await;
    assert_eq!(code(&refused.unwrap_err()), "InvalidArgumentException");
}

#[tokio::test]
async fn a_page_tells_how_far_behind_it_is_and_where_to_go_on() {
    let simulator = standing(1);
    let client = client(&simulator);
    simulator.put("s", "k", "a");
    simulator.advance(700);
    simulator.put("s", "k", "b");
    simulator.advance(300);
    let first = iterator(&client, SHARD, ShardIteratorType::TrimHorizon, None).await;
    let one = client.get_records().shard_iterator(first).limit(1).send().await.unwrap();
    assert_eq!((texts(&one), one.millis_behind_latest), (vec!["a".to_owned()], Some(1000)));
    assert_eq!(one.records[0].sequence_number.len(), 56);
    let arrival = one.records[0].approximate_arrival_timestamp.unwrap();
    assert_eq!(nearest_millisecond(arrival), simulator.now() - 1000);
    let two = page(&client, &one.next_shard_iterator.unwrap()).await;
    assert_eq!((texts(&two), two.millis_behind_latest), (vec!["b".to_owned()], Some(0)));
    let none = page(&client, &two.next_shard_iterator.unwrap()).await;
    assert!(none.records.is_empty() && none.next_shard_iterator.is_some());
}

#[tokio::test]
async fn a_page_holds_ten_thousand_records_and_ten_mebibytes() {
    let simulator = standing(1);
    let client = client(&simulator);
    for _ in 0..10_001 {
        simulator.put("s", "k", "x");
    }
    let first = iterator(&client, SHARD, ShardIteratorType::TrimHorizon, None).await;
    assert_eq!(page(&client, &first).await.records.len(), 10_000);
    let refused = client.get_records().shard_iterator(&first).limit(10_001).send().await.unwrap_err();
    assert_eq!(code(&refused), "InvalidArgumentException");

    simulator.create("s", 1);
    for _ in 0..11 {
        simulator.put("s", "k", vec![b'x'; (1 << 20) - 1]);
    }
    let first = iterator(&client, SHARD, ShardIteratorType::TrimHorizon, None).await;
    let large = page(&client, &first).await;
    assert_eq!(large.records.len(), 10);
    // such a page is paid for five seconds
    let next = large.next_shard_iterator.unwrap();
    simulator.advance(4_900);
    let refused = client.get_records().shard_iterator(&next).send().await.unwrap_err();
    assert_eq!(code(&refused), "ProvisionedThroughputExceededException");
    simulator.advance(200);
    assert_eq!(page(&client, &next).await.records.len(), 1);
}

#[tokio::test]
async fn quotas_are_kept_and_counted() {
    let simulator = standing(1);
    let client = client(&simulator);
    let first = iterator(&client, SHARD, ShardIteratorType::TrimHorizon, None).await;
    for _ in 0..5 {
        page(&client, &first).await;
    }
    let refused = client.get_records().shard_iterator(&first).send().await.unwrap_err();
    assert_eq!(code(&refused), "ProvisionedThroughputExceededException");
    for _ in 0..4 {
        iterator(&client, SHARD, ShardIteratorType::TrimHorizon, None).await;
    }
    let asked = client.get_shard_iterator().stream_name("s").shard_id(SHARD);
    let refused = asked.shard_iterator_type(ShardIteratorType::Latest).send().await.unwrap_err();
    assert_eq!(code(&refused), "ProvisionedThroughputExceededException");
    let statistics = simulator.statistics();
    assert_eq!((statistics.most_reads_in_a_second(), statistics.throttled()), (6, 1));
    simulator.advance(1001);
    page(&client, &first).await;
}

#[tokio::test]
async fn an_iterator_dies_of_age_and_records_of_retention() {
    let simulator = standing(1);
    let client = client(&simulator);
    simulator.put("s", "k", "old");
    let first = iterator(&client, SHARD, ShardIteratorType::TrimHorizon, None).await;
    simulator.advance(300_001);
    let refused = client.get_records().shard_iterator(&first).send().await.unwrap_err();
    assert_eq!(code(&refused), "ExpiredIteratorException");
    simulator.advance(24 * 3_600_000 - 1000);
    let new = simulator.put("s", "k", "new");
    let first = iterator(&client, SHARD, ShardIteratorType::TrimHorizon, None).await;
    assert_eq!(texts(&page(&client, &first).await), ["new"]);
    simulator.trim("s", &new.shard, 0);
    assert!(page(&client, &first).await.records.is_empty());
}

#[tokio::test]
async fn a_closed_shard_ends_with_its_children_and_a_merge_has_two_parents() {
    let simulator = standing(1);
    let client = client(&simulator);
    simulator.put("s", "k", "a");
    let children = simulator.split("s", SHARD);
    let end = page(&client, &iterator(&client, SHARD, ShardIteratorType::TrimHorizon, None).await).await;
    assert_eq!((texts(&end), &end.next_shard_iterator), (vec!["a".to_owned()], &None));
    let named: Vec<_> = end.child_shards().iter().map(|child| child.shard_id.clone()).collect();
    assert_eq!(named, children);
    assert_eq!(end.child_shards()[0].parent_shards, [SHARD]);

    let merged = simulator.merge("s", &children[1], &children[0]);
    let end = page(&client, &iterator(&client, &children[0], ShardIteratorType::TrimHorizon, None).await).await;
    assert!(end.next_shard_iterator.is_none());
    let child = &end.child_shards()[0];
    assert_eq!(child.shard_id, merged);
    assert_eq!(child.parent_shards, [children[1].clone(), children[0].clone()]);
    assert_eq!(child.hash_key_range.as_ref().unwrap().ending_hash_key, u128::MAX.to_string());

    simulator.configure(|options| options.end_with_records = false);
    let last = page(&client, &iterator(&client, SHARD, ShardIteratorType::TrimHorizon, None).await).await;
    let end = page(&client, &last.next_shard_iterator.unwrap()).await;
    assert!(end.records.is_empty() && end.next_shard_iterator.is_none() && end.child_shards().len() == 2);
}

#[tokio::test]
async fn shards_are_listed_by_filter_and_in_pages() {
    let simulator = standing(2);
    let client = client(&simulator);
    simulator.configure(|options| options.shards_per_page = 2);
    let begun = simulator.now();
    simulator.advance(1000);
    simulator.split("s", SHARD);
    let listed = async |filter: Option<ShardFilter>| {
        let (mut found, mut token) = (Vec::new(), None);
        loop {
            let asked = client.list_shards();
            let asked = match token {
                Some(token) => asked.next_token(token),
                None => asked.stream_name("s").set_shard_filter(filter.clone()),
            };
            let answer = asked.send().await.unwrap();
            let ids = answer.shards().iter().map(|shard| shard.shard_id.replace("shardId-00000000000", ""));
            found.extend(ids);
            token = answer.next_token;
            if token.is_none() {
                return found.join(" ");
            }
        }
    };
    let filter = |kind| ShardFilter::builder().r#type(kind);
    assert_eq!(listed(None).await, "0 1 2 3");
    assert_eq!(listed(Some(filter(ShardFilterType::AtLatest).build().unwrap())).await, "1 2 3");
    assert_eq!(listed(Some(filter(ShardFilterType::AtTrimHorizon).build().unwrap())).await, "0 1");
    assert_eq!(listed(Some(filter(ShardFilterType::FromTrimHorizon).build().unwrap())).await, "0 1 2 3");
    let after = filter(ShardFilterType::AfterShardId).shard_id("shardId-000000000001").build().unwrap();
    assert_eq!(listed(Some(after)).await, "2 3");
    let at = |kind, time| filter(kind).timestamp(DateTime::from_millis(time)).build().unwrap();
    assert_eq!(listed(Some(at(ShardFilterType::AtTimestamp, begun))).await, "0 1");
    assert_eq!(listed(Some(at(ShardFilterType::AtTimestamp, begun + 1000))).await, "1 2 3");
    assert_eq!(listed(Some(at(ShardFilterType::FromTimestamp, begun + 1001))).await, "1 2 3");

    let first = client.list_shards().stream_name("s").send().await.unwrap();
    simulator.advance(300_001);
    let refused = client.list_shards().next_token(first.next_token.unwrap()).send().await.unwrap_err();
    assert_eq!(code(&refused), "ExpiredNextTokenException");
}

#[tokio::test]
async fn records_put_by_the_sdk_are_read_and_a_stream_is_described() {
    let simulator = standing(2);
    let client = client(&simulator);
    let entry =
        |key: &str| PutRecordsRequestEntry::builder().partition_key(key).data(Blob::new("\u{e9}")).build().unwrap();
    let put = client.put_records().stream_name("s").records(entry("a")).records(entry("b")).send().await.unwrap();
    assert_eq!(put.failed_record_count, Some(0));
    let mut read = 0;
    for shard in [SHARD, "shardId-000000000001"] {
        let found = page(&client, &iterator(&client, shard, ShardIteratorType::TrimHorizon, None).await).await;
        read += found.records.iter().filter(|record| record.data.as_ref() == "\u{e9}".as_bytes()).count();
    }
    assert_eq!(read, 2);
    let summary = client.describe_stream_summary().stream_name("s").send().await.unwrap();
    let summary = summary.stream_description_summary.unwrap();
    assert_eq!((summary.open_shard_count, summary.retention_period_hours), (2, 24));
    assert_eq!(nearest_millisecond(summary.stream_creation_timestamp), simulator.now());
    let by_arn = client.describe_stream_summary().stream_arn(summary.stream_arn).send().await.unwrap();
    assert_eq!(by_arn.stream_description_summary.unwrap().stream_name, "s");
    simulator.delete("s");
    let refused = client.describe_stream_summary().stream_name("s").send().await.unwrap_err();
    assert_eq!(code(&refused), "ResourceNotFoundException");
}

#[tokio::test]
async fn a_dry_run_says_that_it_would_have_worked() {
    let simulator = standing(1);
    let client = client(&simulator);
    let first = iterator(&client, SHARD, ShardIteratorType::TrimHorizon, None).await;
    let refused = client.get_records().shard_iterator(first).dry_run(true).send().await.unwrap_err();
    assert_eq!(code(&refused), "DryRunOperationException");
}

#[tokio::test]
async fn an_iterator_of_a_stream_that_was_made_again_finds_nothing() {
    let simulator = standing(1);
    let client = client(&simulator);
    let first = iterator(&client, SHARD, ShardIteratorType::TrimHorizon, None).await;
    let old = simulator.put("s", "k", "a");
    simulator.create("s", 1);
    let new = simulator.put("s", "k", "b");
    assert!(new.sequence > old.sequence);
    let refused = client.get_records().shard_iterator(first).send().await.unwrap_err();
    assert_eq!(code(&refused), "ResourceNotFoundException");
}

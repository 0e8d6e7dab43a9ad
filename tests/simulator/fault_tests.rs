//! Every scripted fault, as the SDK sees it.

use std::time::Duration;

use aws_sdk_kinesis::error::SdkError;
use aws_sdk_kinesis::types::ShardIteratorType;

use super::simulator::fault::{Fault, Rule, When};
use super::simulator::{Options, Simulator};
use super::{client, code, iterator, page, texts};

const SHARD: &str = "shardId-000000000000";

/// A stream with the records a, b, c in pages of one, whose second read fails so.
async fn second_read(fault: Fault) -> (Simulator, aws_sdk_kinesis::Client, String) {
    let options = Options { reads_per_second: 0, records_per_page: 1, ..Options::default() };
    let simulator = Simulator::start(options);
    simulator.create("s", 1);
    for text in ["a", "b", "c"] {
        simulator.put("s", "k", text);
    }
    simulator.script(Rule::new("GetRecords", When::Call(2), fault));
    let client = client(&simulator);
    let first = iterator(&client, SHARD, ShardIteratorType::TrimHorizon, None).await;
    let first = page(&client, &first).await;
    assert_eq!(texts(&first), ["a"]);
    (simulator, client, first.next_shard_iterator.unwrap())
}

#[tokio::test]
async fn errors_of_the_service_have_their_code() {
    for expected in [
        "ProvisionedThroughputExceededException",
        "ExpiredIteratorException",
        "KMSThrottlingException",
        "KMSAccessDeniedException",
        "InternalFailureException",
        "AccessDeniedException",
    ] {
        let (_simulator, client, next) = second_read(Fault::error(expected)).await;
        let refused = client.get_records().shard_iterator(&next).send().await.unwrap_err();
        assert_eq!(code(&refused), expected);
        assert_eq!(texts(&page(&client, &next).await), ["b"]);
    }
}

#[tokio::test]
async fn broken_answers_are_no_answers() {
    for fault in [Fault::Status(500), Fault::LostAnswer, Fault::Reset, Fault::Truncated, Fault::Hang(3_000)] {
        let (simulator, client, next) = second_read(fault.clone()).await;
        let failed = client.get_records().shard_iterator(&next).send().await.unwrap_err();
        let as_expected = match fault {
            Fault::Status(_) | Fault::LostAnswer => {
                failed.raw_response().is_some_and(|raw| raw.status().as_u16() == 500)
            }
            Fault::Hang(_) => matches!(failed, SdkError::TimeoutError(_)),
            _ => matches!(failed, SdkError::ResponseError(_) | SdkError::DispatchFailure(_)),
        };
        assert!(as_expected, "{fault:?}: {failed:?}");
        assert_eq!(texts(&page(&client, &next).await), ["b"], "{fault:?}");
        assert_eq!(simulator.statistics().calls("GetRecords", SHARD)[1].refused, Some(format!("{fault:?}")));
    }
}

#[tokio::test]
async fn a_slow_answer_is_whole() {
    let (_simulator, client, next) = second_read(Fault::Slow(200)).await;
    let begun = std::time::Instant::now();
    assert_eq!(texts(&page(&client, &next).await), ["b"]);
    assert!(begun.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn a_page_comes_twice_and_nothing_is_skipped() {
    let (_simulator, client, next) = second_read(Fault::DuplicatePage).await;
    let again = page(&client, &next).await;
    assert_eq!(texts(&again), ["a"]);
    let on = page(&client, &again.next_shard_iterator.unwrap()).await;
    assert_eq!(texts(&on), ["b"]);
}

#[tokio::test]
async fn an_empty_page_says_that_there_is_more() {
    let (_simulator, client, next) = second_read(Fault::EmptyPage).await;
    let empty = page(&client, &next).await;
    assert!(empty.records.is_empty() && empty.millis_behind_latest.unwrap() > 0);
    assert_eq!(texts(&page(&client, &empty.next_shard_iterator.unwrap()).await), ["b"]);
}

//! The simulator against the real SDK: what it promises its users.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

#[path = "mod.rs"]
mod simulator;

mod fan_out_tests;
mod fault_tests;
mod polling_tests;

use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::timeout::TimeoutConfig;
use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::operation::get_records::GetRecordsOutput;
use aws_sdk_kinesis::primitives::DateTime;
use aws_sdk_kinesis::types::ShardIteratorType;

use simulator::Simulator;

/// A client that gives up after one attempt of two seconds.
fn client(simulator: &Simulator) -> Client {
    let config = aws_sdk_kinesis::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("x", "x", None, None, "test"))
        .endpoint_url(simulator.url())
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(Duration::from_secs(2)).build())
        .build();
    Client::from_conf(config)
}

fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or("none").to_owned()
}

/// An iterator of a shard of the stream `s`.
async fn iterator(client: &Client, shard: &str, kind: ShardIteratorType, at: Option<&str>) -> String {
    let asked = client.get_shard_iterator().stream_name("s").shard_id(shard).shard_iterator_type(kind);
    let answer = asked.set_starting_sequence_number(at.map(str::to_owned)).send().await.unwrap();
    answer.shard_iterator.unwrap()
}

async fn iterator_at(client: &Client, shard: &str, milliseconds: i64) -> String {
    let asked = client.get_shard_iterator().stream_name("s").shard_id(shard);
    let asked =
        asked.shard_iterator_type(ShardIteratorType::AtTimestamp).timestamp(DateTime::from_millis(milliseconds));
    asked.send().await.unwrap().shard_iterator.unwrap()
}

async fn page(client: &Client, iterator: &str) -> GetRecordsOutput {
    client.get_records().shard_iterator(iterator).send().await.unwrap()
}

fn texts(page: &GetRecordsOutput) -> Vec<String> {
    page.records.iter().map(|record| String::from_utf8(record.data.as_ref().to_vec()).unwrap()).collect()
}

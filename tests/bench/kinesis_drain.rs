//! A bare drain of a Kinesis stream: `kinesis_drain STREAM` reads every shard by the SDK from its oldest record until an empty page,
//! as fast as the endpoint answers, and prints `records seconds`.
//!
//! What it leaves out is all that a feature store does besides: decoding, computing, encoding, storing, remembering where it is.

use std::time::Instant;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kinesis::types::ShardIteratorType;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (Some(stream), Ok(endpoint)) = (arguments.next(), std::env::var("AWS_ENDPOINT_URL_KINESIS")) else {
        // `cargo bench` and `cargo test` start it without arguments
        return Ok(());
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let begun = Instant::now();
    let records = runtime.block_on(drain(endpoint, stream))?;
    #[expect(clippy::print_stdout, reason = "the benchmark's result")]
    {
        println!("{records} {:.3}", begun.elapsed().as_secs_f64());
    }
    Ok(())
}

async fn drain(endpoint: String, stream: String) -> Result<usize, Failure> {
    let config = aws_sdk_kinesis::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("x", "x", None, None, "bench"))
        .endpoint_url(endpoint)
        .build();
    let client = Client::from_conf(config);
    let shards = client.list_shards().stream_name(&stream).send().await?.shards.unwrap_or_default();
    let drains: Vec<_> = shards
        .into_iter()
        .map(|shard| tokio::spawn(drain_shard(client.clone(), stream.clone(), shard.shard_id)))
        .collect();
    let mut records = 0;
    for drain in drains {
        records += drain.await??;
    }
    Ok(records)
}

async fn drain_shard(client: Client, stream: String, shard: String) -> Result<usize, Failure> {
    let asked = client.get_shard_iterator().stream_name(stream).shard_id(shard);
    let mut iterator = asked.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await?.shard_iterator;
    let mut records = 0;
    while let Some(token) = iterator {
        let page = client.get_records().shard_iterator(token).limit(10_000).send().await?;
        if page.records.is_empty() {
            break;
        }
        records += page.records.len();
        iterator = page.next_shard_iterator;
    }
    Ok(records)
}

//! From a record's arrival to its value in the store: `kinesis_latency FEAST_RS REPO SECONDS [fan-out]` starts a Kinesis of its own with
//! four shards, `FEAST_RS stream-ingest` on a copy of REPO, puts a hundred records a second into every shard, and prints
//! `records p50 p99 largest`, in milliseconds.
//!
//! Every record has a key of its own. Readable is when another connection to the online store sees its value; it looks every
//! two milliseconds, which the figures include.

#![allow(clippy::unwrap_used, reason = "a program of the benchmarks")]

#[path = "../simulator/mod.rs"]
mod simulator;

use std::collections::VecDeque;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use simulator::{Options, Simulator};

const SHARDS: u32 = 4;
const PER_SECOND: u32 = 100 * SHARDS;
const TABLE: &str = "bench_driver_hourly_stats_stream";
/// Not counted: the start of the process, the first iterators.
const WARM_UP: Duration = Duration::from_secs(3);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [binary, repo, seconds, rest @ ..] = arguments.as_slice() else {
        // `cargo bench` and `cargo test` start it without arguments
        return;
    };
    let fan_out = rest.iter().any(|argument| argument == "fan-out");
    let simulator = Simulator::start(Options::default());
    simulator.create("drivers", SHARDS);
    let work = tempfile::tempdir().unwrap();
    copy_repo(Path::new(repo), work.path(), fan_out);
    assert!(command(binary, work.path(), &simulator).arg("apply").status().unwrap().success());
    let mut ingest = command(binary, work.path(), &simulator).arg("stream-ingest").spawn().unwrap();
    let limit = WARM_UP + Duration::from_secs(seconds.parse().unwrap());
    let mut waits = measure(&simulator, &work.path().join("data/online_store.db"), limit, &mut ingest);
    ingest.kill().unwrap();
    ingest.wait().unwrap();
    waits.sort_unstable();
    let at = |percent: usize| waits[(waits.len() - 1) * percent / 100];
    #[expect(clippy::print_stdout, reason = "the benchmark's result")]
    {
        println!("{} {:.0} {:.0} {:.0}", waits.len(), at(50), at(99), at(100));
    }
}

fn copy_repo(from: &Path, to: &Path, fan_out: bool) {
    std::fs::create_dir(to.join("data")).unwrap();
    std::fs::copy(from.join("feature_store.yaml"), to.join("feature_store.yaml")).unwrap();
    let mut definitions = std::fs::read_to_string(from.join("definitions.yaml")).unwrap();
    if fan_out {
        definitions = definitions.replace(
            "start: TRIM_HORIZON",
            "start: TRIM_HORIZON\n      enhanced_fan_out: true\n      consumer_name: bench",
        );
    }
    std::fs::write(to.join("definitions.yaml"), definitions).unwrap();
    std::fs::copy(from.join("data/driver_stats.parquet"), to.join("data/driver_stats.parquet")).unwrap();
}

fn command(binary: &str, repo: &Path, simulator: &Simulator) -> Command {
    let mut command = Command::new(binary);
    command.current_dir(repo).env("AWS_ENDPOINT_URL_KINESIS", simulator.url());
    command.env("AWS_ACCESS_KEY_ID", "x").env("AWS_SECRET_ACCESS_KEY", "x");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A record that is not readable yet.
struct Waiting {
    driver: u32,
    put: Instant,
}

/// Milliseconds from arrival to readable, of each record after the warm-up.
fn measure(simulator: &Simulator, store: &Path, limit: Duration, ingest: &mut Child) -> Vec<u128> {
    let online = Connection::open(store).unwrap();
    let sql = format!("SELECT 1 FROM \"{TABLE}\" WHERE entity_key = ?1 AND feature_name = 'conv_percentage'");
    let mut readable = online.prepare(&sql).unwrap();
    let (begun, mut put, mut waits) = (Instant::now(), 0, Vec::new());
    let mut waiting: [VecDeque<Waiting>; SHARDS as usize] = Default::default();
    while begun.elapsed() < limit || waiting.iter().any(|shard| !shard.is_empty()) {
        assert!(begun.elapsed() < limit + Duration::from_secs(30), "records are not readable after 30 s");
        assert!(ingest.try_wait().unwrap().is_none(), "stream-ingest ended");
        while begun.elapsed() < limit && begun.elapsed() > Duration::from_secs(put) / PER_SECOND {
            put += 1;
            let driver = u32::try_from(put).unwrap();
            let shard = driver % SHARDS;
            put_record(simulator, driver, shard);
            waiting[shard as usize].push_back(Waiting { driver, put: Instant::now() });
        }
        for shard in &mut waiting {
            while let Some(first) = shard.front()
                && readable.exists([driver_key(first.driver)]).unwrap()
            {
                if first.put.duration_since(begun) > WARM_UP {
                    waits.push(first.put.elapsed().as_millis());
                }
                shard.pop_front();
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    waits
}

fn put_record(simulator: &Simulator, driver: u32, shard: u32) {
    let event = simulator.now();
    let json = format!(
        r#"{{"driver_id": {driver}, "event_timestamp": {event}, "conv_rate": 0.5, "acc_rate": 0.25, "avg_daily_trips": 7, "created": {event}}}"#
    );
    // the middle of the shard's hash keys
    let hash = u128::MAX / u128::from(SHARDS) * u128::from(shard) + (1 << 64);
    simulator.stream("drivers", |stream| stream.put("k", Some(hash), json.into(), event).unwrap());
}

/// Feast's bytes (version 3) of the key `driver_id = driver`.
fn driver_key(driver: u32) -> Vec<u8> {
    let mut key = b"\x01\0\0\0\x02\0\0\0\x09\0\0\0driver_id\x04\0\0\0\x08\0\0\0".to_vec();
    key.extend(u64::from(driver).to_le_bytes());
    key
}

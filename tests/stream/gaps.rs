//! Records that expired before they were read: told with their bounds, never passed over in silence.

use crate::load::record;
use crate::repo::{Reader, STREAM, Source};
use crate::simulator::{Options, Simulator};

const HOUR: i64 = 3_600_000;

/// A reader that stopped behind, thirty hours ago as the records say, and the retention of a day that takes what it had not read.
fn behind(source: &Source) -> (Simulator, Reader) {
    let options = Options {
        reads_per_second: 0,
        bytes_per_second: 0,
        iterators_per_second: 0,
        records_per_page: 10,
        ..Options::default()
    };
    let simulator = Simulator::start(options);
    simulator.create(STREAM, 1);
    let now = simulator.now();
    simulator.stream(STREAM, |stream| {
        stream.created = now - 100 * HOUR;
        stream.retention_hours = 8_760;
    });
    for (number, age) in (0..30).zip([30, 29, 1].into_iter().flat_map(|age| [age; 10])) {
        let arrival = now - age * HOUR;
        simulator.put_at(STREAM, "k", record(number, arrival, number), arrival);
    }
    let reader = Reader::new(&simulator, source);
    let first = reader.repo.run(["stream-ingest", "-o", "json", "--max-records", "10"]).ok();
    assert_eq!(first.json()["streams"][0]["records"], 10);
    simulator.stream(STREAM, |stream| stream.retention_hours = 24);
    (simulator, reader)
}

#[test]
fn a_gap_stops_the_run_and_names_its_bounds() {
    let (_simulator, reader) = behind(&Source::fast());
    let answer = reader.run(&[]).exits(1);
    let answer = answer.says(&["shardId-000000000000"]);
    assert!(answer.stderr.to_lowercase().contains("gap") || answer.stderr.contains("expired"), "{}", answer.all());
    assert_eq!(reader.newest().len(), 10);
    // it does not go away by asking again
    reader.run(&[]).exits(1);
}

#[test]
fn a_gap_is_passed_where_that_is_asked_for_and_still_told() {
    let (_simulator, reader) = behind(&Source::fast().with("on_gap: warn"));
    let answer = reader.run(&[]).ok();
    assert_eq!(answer.json()["streams"][0]["records"], 10);
    assert!(answer.stderr.contains("shardId-000000000000"), "{}", answer.all());
    assert_eq!(reader.newest().len(), 20);
    // once
    let again = reader.run(&[]).ok();
    assert!(!again.stderr.contains("shardId-000000000000"), "{}", again.all());

    let (_simulator, reader) = behind(&Source::fast());
    reader.run(&["--on-gap", "warn"]).ok();
    assert_eq!(reader.newest().len(), 20);
}

/// Idle is no gap: what is old was read.
#[test]
fn an_idle_stream_has_no_gap() {
    let (simulator, reader) = behind(&Source::fast());
    simulator.stream(STREAM, |stream| stream.retention_hours = 8_760);
    reader.catch_up();
    simulator.stream(STREAM, |stream| {
        stream.retention_hours = 24;
        let shard = stream.shard_mut("shardId-000000000000").unwrap();
        shard.records.clear();
    });
    assert_eq!(reader.catch_up()["records"], 0);
    assert_eq!(reader.newest().len(), 30);
}

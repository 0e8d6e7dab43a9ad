//! Where reading begins, and what was promised before.

use crate::load::{Load, record};
use crate::refused::aggregate;
use crate::repo::{Reader, Running, STREAM, Source, VIEW};
use crate::simulator::fault::{Fault, Rule, When};
use crate::simulator::{Options, Simulator};

fn unlimited() -> Options {
    Options { reads_per_second: 0, bytes_per_second: 0, iterators_per_second: 0, ..Options::default() }
}

/// Reads nothing of before, and everything of after: the moment is stored before the first read.
#[test]
fn latest_is_a_moment_that_is_kept() {
    let simulator = Simulator::start(unlimited());
    simulator.create(STREAM, 2);
    simulator.advance(60_000);
    let mut before = Load::new(&simulator);
    before.put(&simulator, 50);
    simulator.advance(60_000);
    let reader = Reader::new(&simulator, &Source::fast().with("start: LATEST"));
    // every read fails: it is killed before it has seen a record
    simulator.script(Rule::new("GetRecords", When::Always, Fault::Status(500)));
    let mut running = Running::start(reader.ingest(&[]));
    running.until("the first read", || simulator.statistics().count("GetRecords") > 2);
    running.kill();
    simulator.unscript();
    simulator.advance(60_000);
    let mut after = Load::new(&simulator);
    after.put(&simulator, 50);
    simulator.update_shard_count(STREAM, 3);
    after.put(&simulator, 50);
    assert_eq!(reader.catch_up()["records"], after.count());
    assert_eq!(reader.newest(), *after.expected());
}

#[test]
fn an_instant_holds_for_children_too() {
    let simulator = Simulator::start(unlimited());
    simulator.create(STREAM, 1);
    let mut before = Load::new(&simulator);
    before.put(&simulator, 30);
    let before_split = simulator.now();
    simulator.advance(10_000);
    simulator.update_shard_count(STREAM, 2);
    before.put(&simulator, 30);
    simulator.advance(10_000);
    let instant = simulator.now();
    assert!(instant > before_split);
    // the date of an answer, by which a reader knows the service's clock, has whole seconds
    simulator.advance(2_000);
    let mut after = Load::new(&simulator);
    after.put(&simulator, 30);
    let text = chrono_text(instant);
    let reader = Reader::new(&simulator, &Source::fast());
    let answer = reader.run(&["--from", &format!("at-timestamp={text}")]).ok();
    assert_eq!(answer.json()["streams"][0]["records"], after.count());
    assert_eq!(reader.newest(), *after.expected());
}

fn chrono_text(milliseconds: i64) -> String {
    chrono::DateTime::from_timestamp_millis(milliseconds).unwrap().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// A position that is stored is not overridden by `--from`.
#[test]
fn from_is_for_shards_without_a_position() {
    let simulator = Simulator::start(unlimited());
    simulator.create(STREAM, 1);
    let mut load = Load::new(&simulator);
    load.put(&simulator, 20);
    let reader = Reader::new(&simulator, &Source::fast());
    reader.catch_up();
    load.put(&simulator, 20);
    let answer = reader.run(&["--from", "latest"]).ok();
    assert_eq!(answer.json()["streams"][0]["records"], 20);
    let answer = reader.run(&["--from", "trim-horizon"]).ok();
    assert_eq!(answer.json()["streams"][0]["records"], 0);
    assert_eq!(reader.newest(), *load.expected());
}

/// Another stream of the same name is not the stream that was read.
#[test]
fn a_stream_that_was_made_again_stops_and_says_the_way_on() {
    let simulator = Simulator::start(unlimited());
    simulator.create(STREAM, 1);
    let mut load = Load::new(&simulator);
    load.put(&simulator, 20);
    let reader = Reader::new(&simulator, &Source::fast());
    reader.catch_up();
    simulator.advance(5_000);
    simulator.create(STREAM, 2);
    load.put(&simulator, 20);
    let answer = reader.run(&[]).exits(1);
    answer.says(&["kinesis checkpoints reset"]);
    reader.repo.run(["kinesis", "checkpoints", "reset", VIEW, "--to", "trim-horizon"]).ok();
    assert_eq!(reader.catch_up()["records"], 20);
    assert_eq!(reader.newest(), *load.expected());
}

/// While it is running, too.
#[test]
fn a_stream_that_is_made_again_meanwhile_stops_the_run() {
    let simulator = Simulator::start(unlimited());
    simulator.create(STREAM, 1);
    let mut load = Load::new(&simulator);
    load.put(&simulator, 20);
    let reader = Reader::new(&simulator, &Source::fast());
    let mut running = Running::start(reader.ingest(&[]));
    running.until("the first records", || reader.newest() == *load.expected());
    simulator.advance(5_000);
    simulator.create(STREAM, 1);
    let status = running.0.wait().unwrap();
    assert_ne!(status.code(), Some(0));
    assert_ne!(status.code(), Some(70));
}

#[test]
fn max_records_ends_after_whole_payloads_and_goes_on_there() {
    let simulator = Simulator::start(Options { records_per_page: 7, ..unlimited() });
    simulator.create(STREAM, 1);
    let event = simulator.now();
    // two objects in every record
    for number in 0..20 {
        let json = format!("{}\n{}", record(number, event, number), record(100 + number, event, number));
        simulator.put(STREAM, "k", json);
    }
    let reader = Reader::new(&simulator, &Source::fast());
    let first = reader.repo.run(["stream-ingest", "-o", "json", "--max-records", "9"]).ok();
    assert_eq!(first.json()["streams"][0]["records"], 10, "the fifth payload is read whole");
    assert_eq!(reader.catch_up()["records"], 30);
    assert_eq!(reader.newest().len(), 40);
}

/// Where a record holds one object, not one more is read than was asked for, also of several shards.
#[test]
fn max_records_is_exact() {
    let simulator = Simulator::start(Options { records_per_page: 7, ..unlimited() });
    simulator.create(STREAM, 3);
    let mut load = Load::new(&simulator);
    load.put(&simulator, 50);
    let reader = Reader::new(&simulator, &Source::fast());
    for most in [1, 9, 20] {
        let answer = reader.repo.run(["stream-ingest", "-o", "json", "--max-records", &most.to_string()]).ok();
        assert_eq!(answer.json()["streams"][0]["records"], most);
    }
    assert_eq!(reader.catch_up()["records"], 20);
    assert_eq!(reader.newest(), *load.expected());
}

/// Cut in the middle of an aggregate, again and again: every user record is read once.
#[test]
fn max_records_inside_aggregates_loses_nothing() {
    let simulator = Simulator::start(unlimited());
    simulator.create(STREAM, 1);
    let event = simulator.now();
    for outer in 0..5 {
        let user_records: Vec<_> = (0..10).map(|inner| record(outer * 10 + inner, event, inner)).collect();
        simulator.put(STREAM, "k", aggregate(&user_records));
    }
    let reader = Reader::new(&simulator, &Source::fast());
    let mut read = 0;
    // each run takes the aggregate whole that holds its seventh record
    for _ in 0..4 {
        let answer = reader.repo.run(["stream-ingest", "-o", "json", "--max-records", "7"]).ok();
        assert_eq!(answer.json()["streams"][0]["records"], 10);
        read += 10;
    }
    read += reader.catch_up()["records"].as_i64().unwrap();
    assert_eq!(read, 50);
    assert_eq!(reader.newest().len(), 50);
}

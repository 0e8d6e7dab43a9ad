//! How often a shard is asked: never more than its quota, hardly when it is idle, at once when it has recovered.

use crate::load::Load;
use crate::repo::{Reader, Running, STREAM, Source};
use crate::simulator::fault::{Fault, Rule, When};
use crate::simulator::statistics::Call;
use crate::simulator::{Options, Simulator};

const SHARD: &str = "shardId-000000000000";

fn wait(simulator: &Simulator, milliseconds: i64) {
    let until = simulator.now() + milliseconds;
    while simulator.now() < until {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// Of calls: those that were answered.
fn answered(calls: &[Call]) -> impl Iterator<Item = &Call> {
    calls.iter().filter(|call| call.refused.is_none())
}

#[test]
fn half_of_the_reads_refused_for_a_minute() {
    let simulator = Simulator::start(Options::default());
    simulator.create(STREAM, 2);
    let reader = Reader::new(&simulator, &Source::paced());
    let mut load = Load::new(&simulator);
    simulator.script(Rule::new("GetRecords", When::Percent(50, 1), Fault::throttled()));
    let mut running = Running::start(reader.ingest(&[]));
    for _ in 0..60 {
        load.put(&simulator, 20);
        wait(&simulator, 1_000);
    }
    simulator.unscript();
    let healthy = simulator.now();
    load.put(&simulator, 20);
    running.until("everything is read", || reader.newest() == *load.expected());
    let statistics = simulator.statistics();
    assert!(statistics.throttled() > 20, "{} reads were refused", statistics.throttled());
    assert!(statistics.most_reads_in_a_second() <= 5, "{} reads in a second", statistics.most_reads_in_a_second());
    for shard in statistics.shards("GetRecords") {
        let first = answered(statistics.calls("GetRecords", &shard)).find(|call| call.at >= healthy).unwrap();
        assert!(first.at - healthy <= 5_000, "{shard} is asked {} ms after it recovered", first.at - healthy);
    }
}

#[test]
fn iterators_that_live_for_a_second_lose_nothing() {
    let simulator = Simulator::start(Options { iterator_life: 1_000, ..Options::default() });
    simulator.create(STREAM, 2);
    let reader = Reader::new(&simulator, &Source::paced());
    let mut load = Load::new(&simulator);
    load.put(&simulator, 100);
    let mut running = Running::start(reader.ingest(&[]));
    for round in 0..4 {
        running.until("everything is read", || reader.newest() == *load.expected());
        // long enough for idleness to space the reads out beyond the life of an iterator
        wait(&simulator, 2_000 + round * 4_000);
        if round == 1 {
            simulator.update_shard_count(STREAM, 3);
        }
        load.put(&simulator, 100);
    }
    running.until("everything is read", || reader.newest() == *load.expected());
    let statistics = simulator.statistics();
    assert!(statistics.most_reads_in_a_second() <= 5, "{} reads in a second", statistics.most_reads_in_a_second());
}

#[test]
fn an_idle_shard_is_asked_once_a_second_at_most() {
    let simulator = Simulator::start(Options::default());
    simulator.create(STREAM, 1);
    let reader = Reader::new(&simulator, &Source::paced());
    let mut load = Load::new(&simulator);
    load.put(&simulator, 10);
    let mut running = Running::start(reader.ingest(&[]));
    running.until("the first records", || reader.newest() == *load.expected());
    wait(&simulator, 11_000);
    let idle = simulator.now();
    wait(&simulator, 60_000);
    let statistics = simulator.statistics();
    let reads = statistics.calls("GetRecords", SHARD).iter().filter(|call| call.at >= idle).count();
    assert!(reads <= 61, "{reads} reads in a minute");
    assert!(reads >= 10, "{reads} reads in a minute: nobody is waiting for records");
    // and what arrives then is read
    load.put(&simulator, 10);
    running.until("the next records", || reader.newest() == *load.expected());
}

//! The order of a key's records where its shard is followed by others while it is still being read.

use std::time::{Duration, Instant};

use crate::load::record;
use crate::repo::{Reader, Running, STREAM, Source};
use crate::simulator::fault::{Fault, Rule, When};
use crate::simulator::{Options, Simulator};

const A: &str = "shardId-000000000000";
const B: &str = "shardId-000000000001";
/// A hash key of the upper half of the first of two shards.
const UPPER_HALF: u128 = (1 << 126) + 1;
const LAST: u128 = u128::MAX;

/// The first shard lags. It is split, and its upper half is merged with the other shard, whose end is read first and tells of a
/// child with a parent that nobody has heard of.
#[test]
fn a_merged_shard_waits_for_a_parent_that_was_not_known_yet() {
    let options = Options { reads_per_second: 0, bytes_per_second: 0, iterators_per_second: 0, ..Options::default() };
    let simulator = Simulator::start(options);
    simulator.create(STREAM, 2);
    let event = simulator.now();
    let put = |hash: u128, id: i64, n: i64| {
        let data = record(id, event, n).into();
        simulator.stream(STREAM, |stream| stream.put("k", Some(hash), data, event).unwrap())
    };
    let reader = Reader::new(&simulator, &Source::fast());
    simulator.script(Rule::new("GetRecords", When::Always, Fault::throttled()).of_shard(A));
    put(LAST, 2, 1);
    let mut running = Running::start(reader.ingest(&[]));
    running.until("the other shard is read", || reader.newest().contains_key(&2));
    put(UPPER_HALF, 1, 1);
    let [_, upper] = simulator.split(STREAM, A);
    put(UPPER_HALF, 1, 2);
    let merged = simulator.merge(STREAM, &upper, B);
    put(UPPER_HALF, 1, 3);
    // time enough for the merged shard to be read before its turn
    let begun = Instant::now();
    while simulator.statistics().calls("GetRecords", &merged).is_empty() && begun.elapsed() < Duration::from_secs(4) {
        std::thread::sleep(Duration::from_millis(50));
    }
    simulator.unscript();
    running.until("everything is read", || !simulator.statistics().calls("GetRecords", &merged).is_empty());
    running.kill();
    reader.catch_up();
    assert_eq!(reader.newest()[&1], 3, "an older record was written over a newer one");
    let first = |shard: &str| simulator.statistics().calls("GetRecords", shard)[0].at;
    assert!(first(&upper) <= first(&merged), "the merged shard was read before its parent");
}

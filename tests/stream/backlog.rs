//! A backlog: the rows of many answers become one transaction.

use std::collections::BTreeMap;

use crate::load::record;
use crate::repo::{Reader, STREAM, Source};
use crate::simulator::{Options, Simulator};

const RECORDS: i64 = 5_000;
const KEYS: i64 = 200;
const HOUR: i64 = 3_600_000;
const FEATURES: i64 = 2;

/// Event times go up and down, so that of two answers either may hold the newer row of a key.
#[test]
fn each_key_of_a_backlog_keeps_its_newest_value_and_every_value_is_accounted_for() {
    let options = Options { reads_per_second: 0, bytes_per_second: 0, iterators_per_second: 0, ..Options::default() };
    let simulator = Simulator::start(options);
    simulator.create(STREAM, 4);
    let begin = simulator.now() - HOUR;
    let mut expected: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for n in 0..RECORDS {
        let (id, event) = (n % KEYS, begin - n * 7_919 % 60_000);
        simulator.put_at(STREAM, &id.to_string(), record(id, event, n), begin + n);
        // of equal times the later record wins
        expected.entry(id).and_modify(|known| *known = (event, n).max(*known)).or_insert((event, n));
    }
    let reader = Reader::new(&simulator, &Source::fast().with("max_records: 50"));
    let report = reader.catch_up();
    let newest: BTreeMap<i64, i64> = expected.into_iter().map(|(id, (_, n))| (id, n)).collect();
    assert_eq!(reader.newest(), newest);
    let count = |name: &str| report[name].as_i64().unwrap();
    assert_eq!(count("records"), RECORDS);
    assert_eq!(count("written") + count("stale") + count("superseded"), RECORDS * FEATURES, "{report}");
    // each answer by itself would write or pass over nearly all of its 50 rows, which have as many keys
    assert!(count("written") + count("stale") < RECORDS * FEATURES / 2, "{report}");
}

//! Memory has a bound, however many shards there are and however long the store does not answer.

use rusqlite::Connection;

use crate::load::record;
use crate::repo::{Reader, Running, STREAM, Source};
use crate::simulator::{Options, Simulator};

const SHARDS: u32 = 64;

/// Most memory that a process has had, in megabytes.
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
#[cfg(target_os = "linux")]
#[allow(clippy::print_stdout, reason = "the figure is what one wants to know")]
fn sixty_four_shards_and_a_store_that_does_not_answer() {
    let options = Options { reads_per_second: 0, bytes_per_second: 0, iterators_per_second: 0, ..Options::default() };
    let simulator = Simulator::start(options);
    simulator.create(STREAM, SHARDS);
    let event = simulator.now();
    // two megabytes a shard, of records that share their bytes here and not where they are read
    let padding = " ".repeat(20_000);
    let mut id = 0;
    for shard in 0..u128::from(SHARDS) {
        let hash = u128::MAX / u128::from(SHARDS) * shard + (1 << 64);
        for _ in 0..100 {
            id += 1;
            let data = record(id, event, id) + &padding;
            simulator.stream(STREAM, |stream| stream.put("k", Some(hash), data.into(), event).unwrap());
        }
    }
    let reader = Reader::new(&simulator, &Source::fast());
    let mut running = Running::start(reader.ingest(&[]));
    running.until("the first rows", || !reader.newest().is_empty());
    let blocked = Connection::open(reader.repo.path("data/online.db")).unwrap();
    blocked.busy_timeout(std::time::Duration::from_mins(1)).unwrap();
    blocked.execute_batch("BEGIN IMMEDIATE").unwrap();
    // until it reads no more
    let mut reads = simulator.statistics().count("GetRecords");
    running.until("the reading stops", || {
        std::thread::sleep(std::time::Duration::from_millis(1_500));
        std::mem::replace(&mut reads, simulator.statistics().count("GetRecords")) == reads
    });
    let stalled = peak(running.0.id());
    println!("{SHARDS} shards and a store that does not answer: {stalled} MB at most");
    assert!(stalled <= 150, "{stalled} MB");
    blocked.execute_batch("ROLLBACK").unwrap();
    drop(blocked);
    // it may have given the store up meanwhile, which is no loss
    running.kill();
    reader.catch_up();
    assert_eq!(reader.newest().len(), usize::try_from(id).unwrap());
}

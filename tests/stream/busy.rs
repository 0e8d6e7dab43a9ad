//! An online store that another process holds.

use std::thread;
use std::time::Duration;

use rusqlite::Connection;

use crate::load::Load;
use crate::repo::{Reader, Running, STREAM, Source};
use crate::simulator::{Options, Simulator};

const BUSY: i32 = 75;

fn unlimited() -> Options {
    Options { reads_per_second: 0, bytes_per_second: 0, iterators_per_second: 0, ..Options::default() }
}

/// A reader that has read something, at the store that another process has now.
fn held(simulator: &Simulator, load: &mut Load) -> (Reader, Running, Connection) {
    let reader = Reader::new(simulator, &Source::fast().logged());
    load.put(simulator, 100);
    let mut running = Running::start(reader.ingest(&[]));
    running.until("the first records", || reader.newest() == *load.expected());
    let holder = Connection::open(reader.repo.path("data/online.db")).unwrap();
    holder.busy_timeout(Duration::from_mins(1)).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    (reader, running, holder)
}

fn check(reader: &Reader, load: &Load) {
    reader.catch_up();
    assert_eq!(reader.newest(), *load.expected());
    assert_eq!(reader.logged(), (1..=load.count()).collect::<Vec<_>>());
}

/// Beyond the wait of a minute.
#[test]
fn a_store_that_stays_locked_ends_the_run_as_busy_and_nothing_is_lost() {
    let simulator = Simulator::start(unlimited());
    simulator.create(STREAM, 2);
    let mut load = Load::new(&simulator);
    let (reader, mut running, holder) = held(&simulator, &mut load);
    // some of them wait for the transaction before them
    for _ in 0..10 {
        load.put(&simulator, 100);
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(running.0.wait().unwrap().code(), Some(BUSY));
    holder.execute_batch("ROLLBACK").unwrap();
    check(&reader, &load);
    println!("trust: a store locked beyond the wait: 1 tried, 0 lost, 0 regressed, 0 panics");
}

/// Who is told to stop does not wait for a store that does not answer.
#[test]
fn stopped_at_a_locked_store_it_ends_all_the_same_and_nothing_is_lost() {
    let simulator = Simulator::start(unlimited());
    simulator.create(STREAM, 2);
    let mut load = Load::new(&simulator);
    let (reader, mut running, holder) = held(&simulator, &mut load);
    load.put(&simulator, 100);
    let reads = simulator.statistics().count("GetRecords");
    running.until("reading", || simulator.statistics().count("GetRecords") > reads + 4);
    let id = running.0.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    // the store is held until the end has come
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
    holder.execute_batch("ROLLBACK").unwrap();
    check(&reader, &load);
}

//! kill -9 at every commit and at any other time, while the stream is resharded under load.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::load::Load;
use crate::repo::{Reader, Running, STREAM, Source};
use crate::simulator::fault::next_random;
use crate::simulator::{Options, Simulator};
use crate::tally::Tally;

/// No quotas, small pages: many commits.
fn many_pages() -> Options {
    Options {
        reads_per_second: 0,
        bytes_per_second: 0,
        iterators_per_second: 0,
        records_per_page: 40,
        ..Options::default()
    }
}

/// Puts records while the stream goes from one shard to two, four and three.
pub fn reshard_under_load(simulator: &Simulator) -> Load {
    let mut load = Load::new(simulator);
    let rest = |load: &mut Load| {
        for _ in 0..8 {
            load.put(simulator, 50);
            thread::sleep(Duration::from_millis(100));
        }
    };
    rest(&mut load);
    for shards in [2, 4, 3] {
        simulator.update_shard_count(STREAM, shards);
        rest(&mut load);
    }
    load
}

/// Ends as one clean run ends, whatever happened.
fn check(simulator: &Simulator, reader: &Reader, load: &Load) {
    assert_eq!(reader.newest(), *load.expected(), "records are lost or out of order");
    let clean = Reader::new(simulator, &Source::fast());
    assert_eq!(clean.catch_up()["records"], load.count());
    assert_eq!(reader.content(), clean.content());
}

#[test]
fn killed_after_every_commit_it_ends_as_a_clean_run() {
    let simulator = Arc::new(Simulator::start(many_pages()));
    simulator.create(STREAM, 1);
    let reader = Reader::new(&simulator, &Source::fast());
    let loading = thread::spawn({
        let simulator = Arc::clone(&simulator);
        move || reshard_under_load(&simulator)
    });
    let tally = Tally::new("`stream-ingest`, killed after a commit, under load");
    let kill_after_a_commit = |or: &dyn Fn() -> bool| {
        let mut watch = reader.watch();
        let mut running = Running::start(reader.ingest(&[]));
        running.until("a commit", || watch.moved() || or());
        running.kill();
        tally.count();
    };
    while !loading.is_finished() {
        kill_after_a_commit(&|| loading.is_finished());
    }
    let load = loading.join().unwrap();
    while reader.newest() != *load.expected() {
        kill_after_a_commit(&|| false);
    }
    assert!(tally.tried() >= 5, "{} kills", tally.tried());
    tally.check(|| {
        reader.catch_up();
        check(&simulator, &reader, &load);
    });
    tally.report();
}

#[test]
fn killed_at_any_time_it_ends_as_a_clean_run() {
    const KILLS: u64 = 12;
    let simulator = Arc::new(Simulator::start(many_pages()));
    simulator.create(STREAM, 1);
    let reader = Reader::new(&simulator, &Source::fast());
    let loading = thread::spawn({
        let simulator = Arc::clone(&simulator);
        move || reshard_under_load(&simulator)
    });
    let tally = Tally::new("`stream-ingest`, killed at any time, under load");
    let mut random = 7;
    for _ in 0..KILLS {
        let mut running = Running::start(reader.ingest(&[]));
        thread::sleep(Duration::from_millis(100 + next_random(&mut random) % 700));
        assert_eq!(running.ended(), None, "it goes on until it is killed");
        running.kill();
        tally.count();
    }
    let load = loading.join().unwrap();
    tally.check(|| {
        reader.catch_up();
        check(&simulator, &reader, &load);
    });
    tally.report();
}

/// Every record is in the historical log once, whenever it was killed.
#[test]
fn killed_at_any_time_the_log_has_every_record_once() {
    const KILLS: u64 = 30;
    let simulator = Arc::new(Simulator::start(many_pages()));
    simulator.create(STREAM, 1);
    let reader = Reader::new(&simulator, &Source::fast().logged());
    let loading = thread::spawn({
        let simulator = Arc::clone(&simulator);
        move || reshard_under_load(&simulator)
    });
    let tally = Tally::new("`stream-ingest` with a log, killed at any time, under load");
    let mut random = 11;
    for kill in 0..KILLS {
        // some of them while it ends, and moves rows from the store to the log
        let mut running = Running::start(reader.ingest(if kill % 2 == 0 { &["--until-caught-up"] } else { &[] }));
        thread::sleep(Duration::from_millis(100 + next_random(&mut random) % 400));
        running.kill();
        tally.count();
    }
    let load = loading.join().unwrap();
    tally.check(|| {
        reader.catch_up();
        assert_eq!(reader.newest(), *load.expected());
        assert_eq!(reader.logged(), (1..=load.count()).collect::<Vec<_>>());
    });
    tally.report();
}

/// Rows that a killed run had stored and not yet logged do not wait for the next record, or for the end of the run.
#[test]
fn what_a_killed_run_left_is_logged_by_the_next_at_once() {
    let simulator = Simulator::start(many_pages());
    simulator.create(STREAM, 1);
    let reader = Reader::new(&simulator, &Source::fast().logged());
    let mut load = Load::new(&simulator);
    load.put(&simulator, 100);
    let mut running = Running::start(reader.ingest(&[]));
    running.until("the rows are stored", || reader.newest() == *load.expected());
    running.kill();
    assert_eq!(reader.logged(), Vec::<i64>::new());
    let mut running = Running::start(reader.ingest(&[]));
    running.until("the rows are logged", || !reader.logged().is_empty());
    assert_eq!(reader.logged(), (1..=load.count()).collect::<Vec<_>>());
}

#[test]
fn a_stream_that_was_resharded_while_nobody_read_is_read_in_order() {
    let simulator = Simulator::start(many_pages());
    simulator.create(STREAM, 1);
    let reader = Reader::new(&simulator, &Source::fast());
    let mut load = Load::new(&simulator);
    load.put(&simulator, 100);
    reader.catch_up();
    for shards in [3, 1, 4, 2] {
        load.put(&simulator, 200);
        simulator.update_shard_count(STREAM, shards);
    }
    load.put(&simulator, 200);
    assert_eq!(reader.catch_up()["records"], load.count() - 100);
    check(&simulator, &reader, &load);
    // every shard is read, once; those of before the last count that had ended are not asked again
    let again = reader.catch_up();
    assert_eq!(again["records"], 0);
    let shards =
        simulator.stream(STREAM, |stream| stream.shards.iter().map(|shard| shard.id.clone()).collect::<BTreeSet<_>>());
    let asked: BTreeSet<_> = simulator.statistics().shards("GetRecords").into_iter().collect();
    assert_eq!(asked, shards);
}

#[test]
fn two_processes_on_one_view_refuse_each_other() {
    let simulator = Simulator::start(many_pages());
    simulator.create(STREAM, 1);
    let reader = Reader::new(&simulator, &Source::fast());
    let mut load = Load::new(&simulator);
    load.put(&simulator, 10);
    let mut first = Running::start(reader.ingest(&[]));
    first.until("the first record", || reader.newest().len() == load.expected().len());
    let second = reader.run(&[]);
    assert_ne!(second.code, 0, "{}", second.all());
    assert!(second.stderr.contains("counts"), "the view is named: {}", second.all());
    first.kill();
    // a kill leaves no lock behind
    reader.catch_up();
}

/// SIGTERM: what was read is committed, and the process ends well.
#[test]
fn stopped_in_the_middle_it_commits_and_goes_on_there() {
    let simulator = Arc::new(Simulator::start(many_pages()));
    simulator.create(STREAM, 2);
    let reader = Reader::new(&simulator, &Source::fast());
    let stop = Arc::new(AtomicBool::new(false));
    let loading = thread::spawn({
        let (simulator, stop) = (Arc::clone(&simulator), Arc::clone(&stop));
        move || {
            let mut load = Load::new(&simulator);
            while !stop.load(Ordering::SeqCst) {
                load.put(&simulator, 20);
                thread::sleep(Duration::from_millis(20));
            }
            load
        }
    });
    for _ in 0..3 {
        let mut watch = reader.watch();
        let mut running = Running::start(reader.ingest(&[]));
        running.until("a commit", || watch.moved());
        let id = running.0.id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert_eq!(running.0.wait().unwrap().code(), Some(0));
    }
    stop.store(true, Ordering::SeqCst);
    let load = loading.join().unwrap();
    reader.catch_up();
    check(&simulator, &reader, &load);
}

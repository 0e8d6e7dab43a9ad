//! The historical log of a stream that was resharded: whatever fails at whichever change of a file, each record is in the
//! log once, and the store ends as after one clean run.

use rusqlite::Connection;

use crate::faults::on_threads;
use crate::load::Load;
use crate::repo::{Reader, STREAM, Source};
use crate::shim::{self, Fault, Ops};
use crate::simulator::fault::next_random;
use crate::simulator::{Options, Simulator};
use crate::tally::Tally;

/// Each run has its first fault at the change of its number.
const RUNS: u64 = 200;

/// A stream that went from one shard to two, four and three.
fn resharded() -> (Simulator, Load) {
    let options = Options {
        reads_per_second: 0,
        bytes_per_second: 0,
        iterators_per_second: 0,
        records_per_page: 40,
        ..Options::default()
    };
    let simulator = Simulator::start(options);
    simulator.create(STREAM, 1);
    let mut load = Load::new(&simulator);
    load.put(&simulator, 150);
    for shards in [2, 4, 3] {
        simulator.update_shard_count(STREAM, shards);
        load.put(&simulator, 150);
    }
    (simulator, load)
}

/// Runs into faults one after the other; how many of them the process met.
fn run_into(reader: &Reader, faults: &[Fault], seed: u64) -> u64 {
    let (mut random, mut met, mut change) = (seed, 0, seed);
    for _ in 0..=next_random(&mut random) % 3 {
        let number = usize::try_from(change + 1).unwrap();
        let mut command = reader.ingest(&["--until-caught-up"]);
        let fault = faults[usize::try_from(next_random(&mut random)).unwrap() % faults.len()];
        shim::arm(&mut command, &reader.repo.path("data"), Ops::Change, number, fault);
        met += u64::from(!command.output().unwrap().status.success());
        change = next_random(&mut random) % RUNS;
    }
    met
}

fn survives(what: &str, faults: &[Fault]) {
    let (simulator, load) = resharded();
    let template = Reader::new(&simulator, &Source::fast().logged());
    let clean = template.copied(&simulator);
    assert_eq!(clean.catch_up()["records"], load.count());
    let content = clean.content();
    let (met, tally) = (std::sync::atomic::AtomicU64::new(0), Tally::new(what));
    on_threads(RUNS, |seed| {
        let reader = template.copied(&simulator);
        met.fetch_add(run_into(&reader, faults, seed), std::sync::atomic::Ordering::SeqCst);
        reader.catch_up();
        tally.attempt(|| {
            assert_eq!(reader.logged(), (1..=load.count()).collect::<Vec<_>>(), "seed {seed}");
            assert_eq!(reader.newest(), *load.expected(), "seed {seed}");
            assert!(reader.content() == content, "seed {seed}: another content than that of a clean run");
            assert_eq!(spooled(&reader), 0, "seed {seed}");
        });
    });
    let met = met.into_inner();
    assert!(met >= RUNS / 2, "only {met} faults");
    tally.report();
}

/// Rows that wait for their file.
fn spooled(reader: &Reader) -> i64 {
    let online = Connection::open(reader.repo.path("data/online.db")).unwrap();
    online.query_row("SELECT count(*) FROM feast_rs_spool", [], |row| row.get(0)).unwrap()
}

#[test]
fn killed_at_each_change_of_a_file_and_at_random_it_is_logged_once() {
    survives("log of a resharded stream, killed at changes of its files", &[Fault::Kill, Fault::Torn]);
}

/// What follows a transaction that could not be stored is not stored either.
#[test]
fn a_disk_that_fails_once_and_works_again_loses_nothing() {
    survives("log of a resharded stream, a disk that fails once", &[Fault::NoSpace, Fault::Io]);
}

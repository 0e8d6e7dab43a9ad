//! Every way in which a call can fail, one at a time and mixed by chance: nothing is lost, nothing counts twice.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::load::Load;
use crate::repo::{Reader, STREAM, Source};
use crate::simulator::fault::{Fault, Rule, When, next_random};
use crate::simulator::{Options, Simulator};

/// Codes after which asking again helps.
const PASSING: &[&str] = &[
    "ProvisionedThroughputExceededException",
    "LimitExceededException",
    "InternalFailureException",
    "KMSThrottlingException",
    "ServiceUnavailable",
    "ThrottlingException",
];

const OPERATIONS: &[&str] = &["GetRecords", "GetShardIterator", "ListShards", "DescribeStreamSummary"];

fn few_pages() -> Options {
    Options {
        reads_per_second: 0,
        bytes_per_second: 0,
        iterators_per_second: 0,
        records_per_page: 30,
        ..Options::default()
    }
}

/// A stream that was resharded, with a few hundred records.
fn filled() -> (Simulator, Load) {
    let simulator = Simulator::start(few_pages());
    simulator.create(STREAM, 1);
    let mut load = Load::new(&simulator);
    for shards in [2, 3] {
        load.put(&simulator, 100);
        simulator.update_shard_count(STREAM, shards);
    }
    load.put(&simulator, 100);
    (simulator, load)
}

/// Reads all of it under these rules; each must have met a call.
fn survives(applied: &Reader, name: &str, rules: Vec<Rule>) {
    let (simulator, load) = filled();
    let reader = applied.copied(&simulator);
    for rule in rules {
        simulator.script(rule);
    }
    let report = reader.catch_up();
    assert_eq!(report["records"], load.count(), "{name}: {report}");
    assert_eq!(reader.newest(), *load.expected(), "{name}");
    assert!(simulator.statistics().faults() > 0, "{name}: no call failed");
    // and it goes on where it stood
    assert_eq!(reader.catch_up()["records"], 0, "{name}");
}

/// A repo whose view is registered, to be copied.
fn applied() -> Reader {
    let simulator = Simulator::start(few_pages());
    Reader::new(&simulator, &Source::fast())
}

/// Works off numbered jobs on a few threads, most of whose time is waiting.
pub fn on_threads(jobs: u64, job: impl Fn(u64) + Sync) {
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= jobs {
                        return;
                    }
                    job(number);
                }
            });
        }
    });
}

#[test]
fn each_fault_alone() {
    let mut cases = Vec::new();
    for operation in OPERATIONS {
        let mut faults: Vec<_> = PASSING.iter().map(|code| Fault::error(code)).collect();
        faults.extend([
            Fault::Status(500),
            Fault::Status(503),
            Fault::LostAnswer,
            Fault::Reset,
            Fault::Truncated,
            Fault::Slow(300),
        ]);
        if *operation == "GetRecords" {
            faults.extend([Fault::error("ExpiredIteratorException"), Fault::DuplicatePage, Fault::EmptyPage]);
        }
        cases.extend(faults.into_iter().map(|fault| (*operation, fault)));
    }
    let applied = applied();
    on_threads(cases.len() as u64, |number| {
        let (operation, fault) = &cases[usize::try_from(number).unwrap()];
        // on the first call, and in the middle
        let rules = vec![
            Rule::new(operation, When::Call(1), fault.clone()),
            Rule::new(operation, When::Call(3), fault.clone()),
            Rule::new(operation, When::Call(4), fault.clone()),
        ];
        survives(&applied, &format!("{operation} {fault:?}"), rules);
    });
    println!("trust: each fault of Kinesis alone: {} tried, 0 lost, 0 regressed, 0 panics", cases.len());
}

#[test]
fn a_call_that_hangs() {
    let hang = Rule::new("GetRecords", When::Call(2), Fault::Hang(3_600_000));
    survives(&applied(), "hang", vec![hang]);
}

#[test]
fn faults_mixed_by_chance() {
    const RUNS: u64 = 200;
    let applied = applied();
    on_threads(RUNS, |seed| {
        let mut random = seed;
        let mut faults: Vec<_> = PASSING.iter().map(|code| Fault::error(code)).collect();
        faults.extend([Fault::Status(500), Fault::Reset, Fault::Truncated, Fault::LostAnswer, Fault::Slow(20)]);
        let mut reads = faults.clone();
        reads.extend([Fault::error("ExpiredIteratorException"), Fault::DuplicatePage, Fault::EmptyPage]);
        let mut pick =
            |faults: &[Fault]| faults[usize::try_from(next_random(&mut random)).unwrap_or(0) % faults.len()].clone();
        let mut rules: Vec<_> =
            (0..4).map(|rule| Rule::new("GetRecords", When::Percent(6, seed * 10 + rule), pick(&reads))).collect();
        rules.push(Rule::new("GetShardIterator", When::Percent(10, seed), pick(&faults)));
        rules.push(Rule::new("ListShards", When::Percent(20, seed), pick(&faults)));
        // at least one call fails
        rules.push(Rule::new("GetRecords", When::Call(2), pick(&reads)));
        survives(&applied, &format!("seed {seed}"), rules);
    });
    println!("trust: faults of Kinesis mixed by chance: {RUNS} tried, 0 lost, 0 regressed, 0 panics");
}

/// What asking again does not mend ends the run with its name, and costs nothing.
#[test]
fn refusals_for_good_are_told() {
    let applied = applied();
    for code in [
        "KMSDisabledException",
        "KMSAccessDeniedException",
        "KMSInvalidStateException",
        "KMSNotFoundException",
        "KMSOptInRequired",
        "AccessDeniedException",
    ] {
        let (simulator, load) = filled();
        let reader = applied.copied(&simulator);
        simulator.script(Rule::new("GetRecords", When::Calls(2..u64::MAX), Fault::error(code)));
        let answer = reader.run(&[]);
        assert_ne!(answer.code, 0, "{code}: {}", answer.all());
        assert_ne!(answer.code, 70, "{code}: {}", answer.all());
        assert!(answer.stderr.contains(code), "{code}: {}", answer.all());
        simulator.unscript();
        reader.catch_up();
        assert_eq!(reader.newest(), *load.expected(), "{code}");
    }
}

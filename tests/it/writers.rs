//! Many writers on one store for as long as one likes, against an oracle: of each key the newest event time wins, the log
//! has every record once, and a reader never sees a value go back.
//!
//! `FEAST_RS_SECONDS` says how long it runs, some seconds without it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::Int64Type;
use chrono::{DateTime, SecondsFormat};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::harness::{Answer, Repo};
use crate::sample::{BEGIN, SETTINGS, WINDOW, write_parquet};

const DEFINITIONS: &str = "\
entities: [{name: driver, join_keys: [driver_id], value_type: INT64}]
data_sources:
  - {type: FileSource, name: history, path: data/history.parquet, timestamp_field: event_timestamp}
  - {type: PushSource, name: pushed, batch_source: history}
feature_views:
  - {name: v, entities: [driver], ttl: 0, source: pushed, schema: [{name: a, dtype: Int64}, {name: b, dtype: Int64}]}
";
const LOG: &str = "data/history.parquet";
const PUSHERS: usize = 8;
const KEYS: u64 = 40;
/// Records of one push, at most.
const RECORDS: u64 = 60;
/// Records come so many microseconds out of order, at most: many of them are older than what is stored.
const DISORDER: u64 = 5_000_000;
const READ_PAUSE: Duration = Duration::from_millis(20);

/// A driver and an event time, in microseconds after [`BEGIN`]. The time is the value of both features too.
type Written = (i64, i64);

/// How long to run.
fn seconds() -> Duration {
    let asked = std::env::var("FEAST_RS_SECONDS").ok();
    Duration::from_secs(asked.map_or(4, |seconds| seconds.parse().unwrap()))
}

/// The history has every driver once, at the beginning.
fn repo() -> (Repo, Vec<Written>) {
    let repo = Repo::new().file("feature_store.yaml", SETTINGS).file("features.yaml", DEFINITIONS);
    let drivers = || 0..i64::try_from(KEYS).unwrap();
    let zeros = || Arc::new(drivers().map(|_| Some(0)).collect::<Int64Array>()) as ArrayRef;
    let times = TimestampMicrosecondArray::from_iter_values(drivers().map(|_| BEGIN)).with_timezone("UTC");
    let columns = [
        ("driver_id", Arc::new(Int64Array::from_iter_values(drivers())) as ArrayRef),
        ("event_timestamp", Arc::new(times)),
        ("a", zeros()),
        ("b", zeros()),
    ];
    write_parquet(&repo.path(LOG), &RecordBatch::try_from_iter(columns).unwrap());
    repo.run(["apply"]).ok();
    (repo, drivers().map(|driver| (driver, 0)).collect())
}

/// Numbers that look random and are the same in every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// What the writers did, and what went wrong.
#[derive(Default)]
struct Tally {
    /// pushed to the online store, or to the log from which a last materialization brings them there
    written: Vec<Written>,
    logged: Vec<Written>,
    pushes: usize,
    materializations: usize,
    errors: Vec<String>,
    panics: usize,
}

impl Tally {
    /// Whether a command did what it should.
    fn takes(&mut self, answer: &Answer) -> bool {
        self.panics += usize::from(answer.stderr.contains("panicked"));
        if answer.code != 0 {
            self.errors.push(answer.all());
        }
        answer.code == 0
    }
}

/// A pusher at work; one that panics is at work no longer, too.
struct AtWork<'a>(&'a AtomicUsize);

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn push(repo: &Repo, numbers: &mut Numbers, begun: Instant, tally: &Mutex<Tally>) {
    let (mut lines, mut records) = (String::new(), Vec::new());
    let now = u64::try_from(begun.elapsed().as_micros()).unwrap();
    for _ in 0..=numbers.below(RECORDS) {
        let (driver, at) = (numbers.below(KEYS), i64::try_from(now + numbers.below(DISORDER)).unwrap());
        let time = DateTime::from_timestamp_micros(BEGIN + at).unwrap().to_rfc3339_opts(SecondsFormat::Micros, true);
        writeln!(lines, r#"{{"driver_id": {driver}, "event_timestamp": "{time}", "a": {at}, "b": {at}}}"#).unwrap();
        records.push((i64::try_from(driver).unwrap(), at));
    }
    let to = ["online", "online", "online", "online_and_offline", "offline"];
    let to = to[usize::try_from(numbers.below(5)).unwrap()];
    let answer = repo.run_with(["push", "pushed", "-", "--to", to], lines.as_bytes());
    let mut tally = tally.lock().unwrap();
    tally.pushes += 1;
    if tally.takes(&answer) {
        tally.written.extend(&records);
        if to != "online" {
            tally.logged.extend(&records);
        }
    }
}

/// `(driver, feature)` and its value, of every cell that is stored.
fn stored(repo: &Repo) -> BTreeMap<(i64, String), i64> {
    let online = repo.online();
    let sql = "SELECT entity_key, feature_name, value_text FROM driver_stats_v";
    let mut statement = online.prepare(sql).unwrap();
    let cells = statement.query_map([], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?, row.get::<_, String>(2)?)));
    let cell = |(key, feature, value): (Vec<u8>, String, String)| {
        let driver = i64::from_le_bytes(key[key.len() - 8..].try_into().unwrap());
        ((driver, feature), value.parse().unwrap())
    };
    cells.unwrap().map(|row| cell(row.unwrap())).collect()
}

/// Reads while others write: how often a value went back, or a row was half of one record and half of another.
fn watch(repo: &Repo, writing: &AtomicUsize) -> usize {
    let mut before = stored(repo);
    let mut regressed = 0;
    while writing.load(Ordering::Acquire) > 0 {
        thread::sleep(READ_PAUSE);
        let now = stored(repo);
        regressed += before.iter().filter(|(cell, value)| now.get(cell).is_none_or(|now| now < value)).count();
        let whole = |((driver, feature), value): (&(i64, String), &i64)| {
            feature != "a" || now.get(&(*driver, "b".to_owned())) == Some(value)
        };
        regressed += now.iter().filter(|cell| !whole(*cell)).count();
        before = now;
    }
    regressed
}

/// The rows of the log, in order.
fn log(repo: &Repo) -> Vec<Written> {
    let file = File::open(repo.path(LOG)).unwrap();
    let mut rows = Vec::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().map(Result::unwrap) {
        let column = |name| batch.column_by_name(name).unwrap().as_primitive::<Int64Type>().values().to_vec();
        rows.extend(column("driver_id").into_iter().zip(column("a")));
    }
    rows.sort_unstable();
    rows
}

/// How many times two ordered lists differ.
fn differences(left: &[Written], right: &[Written]) -> usize {
    let count = |rows: &[Written]| {
        let mut counts = BTreeMap::new();
        for row in rows {
            *counts.entry(*row).or_insert(0_usize) += 1;
        }
        counts
    };
    let (left, right) = (count(left), count(right));
    let of = |counts: &BTreeMap<Written, usize>, row| counts.get(row).copied().unwrap_or(0);
    let rows: BTreeSet<_> = left.keys().chain(right.keys()).collect();
    rows.into_iter().map(|row| of(&left, row).abs_diff(of(&right, row))).sum()
}

#[test]
fn eight_pushers_and_a_materialization_lose_nothing() {
    let (repo, history) = repo();
    let (limit, begun) = (seconds(), Instant::now());
    let tally = Mutex::new(Tally { written: history.clone(), logged: history, ..Tally::default() });
    let writing = AtomicUsize::new(PUSHERS);
    let regressed = thread::scope(|scope| {
        let (repo, tally, writing) = (&repo, &tally, &writing);
        for pusher in 0..PUSHERS {
            scope.spawn(move || {
                let _at_work = AtWork(writing);
                let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15 ^ (pusher as u64 + 1));
                // two rounds, however slow the machine is
                for round in 0.. {
                    if round >= 2 && begun.elapsed() >= limit {
                        break;
                    }
                    push(repo, &mut numbers, begun, tally);
                }
            });
        }
        scope.spawn(move || {
            while writing.load(Ordering::Acquire) > 0 {
                let answer = repo.run(["materialize", WINDOW[0], WINDOW[1]]);
                let mut tally = tally.lock().unwrap();
                tally.materializations += 1;
                tally.takes(&answer);
            }
        });
        scope.spawn(move || watch(repo, writing)).join().unwrap()
    });
    // brings what was pushed to the log alone
    let last = repo.run(["materialize", WINDOW[0], WINDOW[1]]);
    let mut tally = tally.into_inner().unwrap();
    tally.takes(&last);

    let mut newest = BTreeMap::new();
    for (driver, at) in &tally.written {
        for feature in ["a", "b"] {
            let value = newest.entry((*driver, feature.to_owned())).or_insert(*at);
            *value = (*value).max(*at);
        }
    }
    let found = stored(&repo);
    tally.logged.sort_unstable();
    let cells = newest.iter().filter(|(cell, value)| found.get(cell) != Some(value)).count();
    let lost = cells + differences(&log(&repo), &tally.logged);
    println!(
        "{} pushes of {} records ({} logged) and {} materializations in {:.1} s, {} errors",
        tally.pushes,
        tally.written.len(),
        tally.logged.len(),
        tally.materializations,
        begun.elapsed().as_secs_f64(),
        tally.errors.len(),
    );
    println!(
        "trust: {PUSHERS} pushers beside materialize on one store: {} tried, {lost} lost, {regressed} regressed, {} panics",
        tally.written.len(),
        tally.panics
    );
    assert!(tally.errors.is_empty(), "{}", tally.errors.join("\n"));
    assert_eq!((lost, regressed, tally.panics), (0, 0, 0));
    assert_eq!(found.len(), newest.len(), "cells that nobody wrote");
}

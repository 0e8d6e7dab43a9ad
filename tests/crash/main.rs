//! kill -9 at any moment: the next command completes what was begun, nothing is torn, nothing is lost.
//!
//! There are no hooks in the binary for this. A small library that is loaded before the C library (`shim.c`) kills the
//! process before its N-th call that changes a file, or lets it fail: every state that a file can be left in is met, for
//! N = 1, 2, 3, ... until the command ends by itself.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

#[path = "../it/harness.rs"]
#[allow(dead_code, reason = "the builder is shared with the other black-box tests")]
mod harness;
#[path = "../it/tally.rs"]
mod tally;

mod faults;
mod log;
mod shim;
mod state;

use std::fs::File;
use std::process::Stdio;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use harness::Repo;
use parquet::arrow::ArrowWriter;
use rusqlite::Connection;
use serde_json::json;
use shim::{Fault, Ops};
use tally::Tally;

/// 2024-01-01T00:00:00Z in microseconds
const BEGIN: i64 = 1_704_067_200_000_000;
const KEYS: i64 = 300;
const EVENTS: i64 = 4;
/// A command that changes files more often than this does not end.
const MOST_CHANGES: usize = 3_000;
const MATERIALIZE: [&str; 3] = ["materialize", "2024-01-01", "2024-01-02"];
const APPLY: [&str; 2] = ["apply", "--allow-destroy"];

const SETTINGS: &str = "\
project: p
registry: {registry_type: sql, path: sqlite:///data/registry.db}
online_store: {type: sqlite, path: data/online.db}
";
const SOURCES: &str = "\
data_sources: [{type: FileSource, name: s, path: s.parquet, timestamp_field: t}]
";
/// Every kind of step on the tables lies between these two.
const BEFORE: &str = "\
entities: [{name: e, join_keys: [id], value_type: INT64}, {name: f, join_keys: [id], value_type: INT64}]
feature_views:
  - {name: stays, entities: [e], ttl: 0, source: s, schema: [{name: a, dtype: Float64}, {name: b, dtype: Float64}]}
  - {name: goes, entities: [e], ttl: 0, source: s, schema: [{name: a, dtype: Float64}]}
  - {name: old_name, entities: [e], ttl: 0, source: s, schema: [{name: a, dtype: Float64}]}
  - {name: keyed, entities: [f], ttl: 0, source: s, schema: [{name: a, dtype: Float64}]}
";
const AFTER: &str = "\
entities: [{name: e, join_keys: [id], value_type: INT64}, {name: f, join_keys: [id], value_type: INT32}]
feature_views:
  - {name: stays, entities: [e], ttl: 0, source: s, schema: [{name: a, dtype: Float64}]}
  - {name: new_name, entities: [e], ttl: 0, source: s, schema: [{name: a, dtype: Float64}], x-renamed-from: old_name}
  - {name: keyed, entities: [f], ttl: 0, source: s, schema: [{name: a, dtype: Float64}]}
  - {name: comes, entities: [e], ttl: 0, source: s, schema: [{name: a, dtype: Float64}]}
";
const ONE_VIEW: &str = "\
entities: [{name: e, join_keys: [id], value_type: INT64}]
feature_views:
  - {name: v, entities: [e], ttl: 100000d, source: s, schema: [{name: a, dtype: Float64}, {name: b, dtype: Float64}]}
";

/// A repo with these definitions. Every key has events `0..EVENTS`; `a` and `b` of one event are equal, so that a torn row
/// shows.
fn repo(definitions: &str) -> Repo {
    let repo = Repo::new().file("feature_store.yaml", SETTINGS).file("sources.yaml", SOURCES);
    repo.write("features.yaml", definitions);
    let ids = (0..EVENTS).flat_map(|_| 0..KEYS);
    let times = (0..EVENTS).flat_map(|event| (0..KEYS).map(move |_| BEGIN + event * 1_000_000));
    #[expect(clippy::cast_precision_loss, reason = "a handful of events")]
    let values: Vec<f64> = (0..EVENTS).flat_map(|event| (0..KEYS).map(move |_| event as f64)).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(ids))),
        ("t", Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))),
        ("a", Arc::new(Float64Array::from(values.clone()))),
        ("b", Arc::new(Float64Array::from(values))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(repo.path("s.parquet")).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    repo
}

/// Runs the command and kills it before its `number`th change of a file. Whether it was killed; if not, it succeeded.
fn is_killed(repo: &Repo, arguments: &[&str], number: usize) -> bool {
    let mut command = repo.command(arguments);
    shim::arm(&mut command, &repo.path(""), Ops::Change, number, Fault::Kill);
    let done = command.stdout(Stdio::null()).output().unwrap();
    let code = done.status.code();
    assert!(matches!(code, None | Some(0)), "{arguments:?} at {number}: {}", String::from_utf8_lossy(&done.stderr));
    code.is_none()
}

/// Kills the command before each of its changes, every time from the same state, and looks at what is left.
fn at_every_change(repo: &Repo, arguments: &[&str], mut look: impl FnMut(usize)) {
    let saved = state::save(repo);
    let tally = Tally::new(format!("`{}`, killed before a change of a file", arguments[0]));
    for number in 1..MOST_CHANGES {
        state::restore(repo, &saved);
        let killed = is_killed(repo, arguments, number);
        let check = || {
            look(number);
            assert_sound(repo);
        };
        if !killed {
            check_last(&tally, number, check);
            tally.report();
            return;
        }
        tally.attempt(check);
    }
    panic!("{arguments:?} does not end");
}

/// The run that ends by itself is no kill, but what it leaves must be right as well.
fn check_last(tally: &Tally, number: usize, check: impl FnOnce()) {
    tally.check(check);
    // 10: an apply of nothing makes fewer
    assert!(number > 10, "only {number} changes were met");
}

#[track_caller]
fn assert_sound(repo: &Repo) {
    for file in ["data/registry.db", "data/online.db"].into_iter().filter(|file| repo.exists(file)) {
        let database = Connection::open(repo.path(file)).unwrap();
        let answer: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(answer, "ok", "{file}");
    }
}

/// Nothing is left to do, and nothing is wrong.
#[track_caller]
fn assert_done(repo: &Repo, number: usize) {
    let nothing = json!({"changes": [], "drift": [], "unmanaged": []});
    assert_eq!(repo.json(["plan", "-o", "json"]), nothing, "killed at {number}");
    repo.run(["registry", "check"]).ok();
}

fn tables(repo: &Repo) -> Vec<String> {
    let online = Connection::open(repo.path("data/online.db")).unwrap();
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'p\\_%' ESCAPE '\\' ORDER BY name";
    let mut statement = online.prepare(sql).unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

fn count(repo: &Repo, sql: &str) -> i64 {
    Connection::open(repo.path("data/online.db")).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

/// A folder on a disk that may only be read.
#[test]
fn doctor_tells_of_a_folder_that_cannot_be_written() {
    let repo = repo(ONE_VIEW);
    repo.run(APPLY).ok();
    let doctor = |number| {
        let mut command = repo.command(["doctor"]);
        shim::arm(&mut command, &repo.path(""), Ops::Change, number, Fault::ReadOnly);
        let (code, told, _) = harness::finish(command.spawn().unwrap(), "doctor");
        (code, told)
    };
    let told = (1..100).map(doctor).find(|(_, told)| told.contains("no file can be made beside `data/online.db`"));
    let (code, told) = told.unwrap_or_else(|| panic!("{:?}", doctor(1)));
    assert!(code == 1 && told.contains("FAIL") && told.contains("chmod u+wx"), "{told}");
}

#[test]
fn a_first_apply_is_completed_by_the_next() {
    let repo = repo(BEFORE);
    at_every_change(&repo, &APPLY, |number| {
        repo.run(["plan"]).ok();
        repo.run(APPLY).ok();
        assert_done(&repo, number);
    });
}

#[test]
fn an_apply_that_destroys_is_completed_by_the_next_command_that_writes() {
    let repo = repo(BEFORE);
    repo.run(APPLY).ok();
    repo.run(MATERIALIZE).ok();
    repo.write("features.yaml", AFTER);
    at_every_change(&repo, &APPLY, |number| {
        // a reading command works and repairs nothing
        repo.run(["plan"]).ok();
        if number % 2 == 0 {
            repo.run(["materialize", "2024-01-01", "2024-01-02", "-v", "stays"]).ok();
        }
        repo.run(APPLY).ok();
        assert_done(&repo, number);
        assert_eq!(tables(&repo), ["p_comes", "p_keyed", "p_new_name", "p_stays"], "killed at {number}");
        let kept = "SELECT (SELECT count(*) FROM p_stays) + (SELECT count(*) FROM p_new_name)";
        assert_eq!(count(&repo, kept), 2 * KEYS, "killed at {number}");
        assert_eq!(count(&repo, "SELECT count(*) FROM p_keyed"), 0, "keys of the old type, killed at {number}");
    });
}

#[test]
fn materialize_is_completed_by_the_next_run() {
    const INCREMENTAL: [&str; 2] = ["materialize-incremental", "2024-01-02"];
    let repo = repo(ONE_VIEW);
    repo.run(APPLY).ok();
    at_every_change(&repo, &INCREMENTAL, |number| {
        let torn = "SELECT count(*) FROM p_v x JOIN p_v y USING (entity_key)
                    WHERE x.feature_name = 'a' AND y.feature_name = 'b' AND x.value <> y.value";
        assert_eq!(count(&repo, torn), 0, "a torn row, killed at {number}");
        // whatever was recorded, a run that starts there leaves no key behind
        repo.run(INCREMENTAL).ok();
        assert_eq!(count(&repo, "SELECT count(*) FROM p_v WHERE value_text = '3.0'"), 2 * KEYS, "killed at {number}");
        repo.run(["registry", "check"]).ok();
    });
}

#[test]
fn teardown_and_delete_are_completed_by_the_next() {
    let repo = repo(ONE_VIEW);
    repo.run(APPLY).ok();
    repo.run(MATERIALIZE).ok();
    for command in [&["teardown", "--yes"][..], &["delete", "feature-view", "v", "--yes"]] {
        at_every_change(&repo, command, |number| {
            if number % 2 == 0 {
                repo.run(["teardown", "--yes"]).ok();
                assert_eq!(tables(&repo), [""; 0], "killed at {number}");
            }
            repo.run(APPLY).ok();
            assert_done(&repo, number);
            assert_eq!(tables(&repo), ["p_v"], "killed at {number}");
        });
    }
}

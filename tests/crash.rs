//! kill -9 at any moment: the next command completes what was begun, nothing is torn, nothing is lost.
//!
//! There are no hooks in the binary for this. The moments are spread evenly over the time that a whole run takes, many of
//! them, so that every step between the two files is met.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

#[path = "it/harness.rs"]
#[allow(dead_code, reason = "the builder is shared with the other black-box tests")]
mod harness;

use std::fmt::Write as _;
use std::fs::File;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use harness::Repo;
use parquet::arrow::ArrowWriter;
use rusqlite::Connection;
use serde_json::json;

const SETTINGS: &str = "\
project: p
registry: {registry_type: sql, path: sqlite:///data/registry.db}
online_store: {type: sqlite, path: data/online.db}
";
/// 2024-01-01T00:00:00Z in microseconds
const BEGIN: i64 = 1_704_067_200_000_000;
const KEYS: i64 = 5_000;
const EVENTS: i64 = 4;
const TRIES: u32 = 40;

/// Views `from..to` over one source.
fn definitions(from: usize, to: usize, features: &[&str]) -> String {
    let mut text = "\
entities: [{name: e, join_keys: [id], value_type: INT64}]
data_sources: [{type: FileSource, name: s, path: data/s.parquet, timestamp_field: t}]
feature_views:
"
    .to_owned();
    for view in from..to {
        let schema: Vec<_> = features.iter().map(|name| format!("{{name: {name}, dtype: Float64}}")).collect();
        let schema = schema.join(", ");
        writeln!(text, "  - {{name: v{view}, entities: [e], ttl: 0, source: s, schema: [{schema}]}}").unwrap();
    }
    text
}

/// Every key has events `0..EVENTS`; `a` and `b` of one event are equal, so that a torn row shows.
fn repo() -> Repo {
    let repo = Repo::new().file("feature_store.yaml", SETTINGS).file("features.yaml", definitions(0, 6, &["a", "b"]));
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
    std::fs::create_dir_all(repo.path("data")).unwrap();
    let file = File::create(repo.path("data/s.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    repo
}

/// The moments to kill at: evenly spread over `0..whole`, in an order that does not repeat a phase of the disk.
fn moments(whole: Duration) -> impl Iterator<Item = Duration> {
    (0..TRIES).map(move |index| whole.mul_f64((f64::from(index) * 0.618_034).fract()))
}

/// Starts the command and kills it after `delay`; whether it was still running.
fn kill_after(repo: &Repo, arguments: &[&str], delay: Duration) -> bool {
    let mut child = repo.command(arguments).spawn().unwrap();
    sleep(delay);
    let running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait_with_output().unwrap();
    running
}

fn whole(repo: &Repo, arguments: &[&str]) -> Duration {
    let begun = Instant::now();
    repo.run(arguments).ok();
    begun.elapsed()
}

#[track_caller]
fn assert_sound(repo: &Repo, file: &str) {
    let database = Connection::open(repo.path(file)).unwrap();
    let answer: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(answer, "ok", "{file}");
}

fn tables(repo: &Repo) -> Vec<String> {
    let online = Connection::open(repo.path("data/online.db")).unwrap();
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'p_v%' ORDER BY name";
    let mut statement = online.prepare(sql).unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

#[test]
fn apply_is_completed_by_the_next_apply() {
    const APPLY: [&str; 2] = ["apply", "--allow-destroy"];
    let repo = repo();
    // two repos that share some views: each apply creates, changes and drops
    let sides = [definitions(0, 6, &["a", "b"]), definitions(3, 9, &["a"])];
    let wanted = [(0..6).map(|v| format!("p_v{v}")).collect::<Vec<_>>(), (3..9).map(|v| format!("p_v{v}")).collect()];
    let took = whole(&repo, &APPLY);
    repo.run(["materialize", "2024-01-01", "2024-01-02"]).ok();
    let mut killed = 0;
    for (index, moment) in moments(took).enumerate() {
        let side = (index + 1) % 2;
        repo.write("features.yaml", &sides[side]);
        killed += u32::from(kill_after(&repo, &APPLY, moment));
        // a reading command works and repairs nothing
        repo.run(["plan"]).ok();

        repo.run(APPLY).ok();
        repo.run(["registry", "check"]).ok();
        assert_eq!(repo.json(["plan", "-o", "json"]), json!({"changes": [], "drift": [], "unmanaged": []}));
        assert_eq!(tables(&repo), wanted[side], "killed after {moment:?}");
        assert_sound(&repo, "data/registry.db");
        assert_sound(&repo, "data/online.db");
    }
    assert!(killed > TRIES / 4, "only {killed} of {TRIES} runs were met");
}

#[test]
fn a_first_apply_is_completed_too() {
    let took = whole(&repo(), &["apply"]);
    for moment in moments(took).take(15) {
        let repo = repo();
        kill_after(&repo, &["apply"], moment);
        repo.run(["apply"]).ok();
        repo.run(["registry", "check"]).ok();
        assert_eq!(repo.json(["plan", "-o", "json"]), json!({"changes": [], "drift": [], "unmanaged": []}));
    }
}

#[test]
fn materialize_is_completed_by_the_next_run() {
    const RUN: [&str; 3] = ["materialize", "2024-01-01", "2024-01-02"];
    let repo = repo();
    repo.write("features.yaml", definitions(0, 1, &["a", "b"]));
    repo.run(["apply"]).ok();
    let took = whole(&repo, &RUN);
    let mut killed = 0;
    for moment in moments(took).take(20) {
        Connection::open(repo.path("data/online.db")).unwrap().execute("DELETE FROM p_v0", []).unwrap();
        killed += u32::from(kill_after(&repo, &RUN, moment));
        let torn = "SELECT count(*) FROM p_v0 a JOIN p_v0 b USING (entity_key)
                    WHERE a.feature_name = 'a' AND b.feature_name = 'b' AND a.value <> b.value";
        assert_eq!(count(&repo, torn), 0, "a torn row after {moment:?}");
        repo.run(RUN).ok();
        assert_eq!(count(&repo, "SELECT count(*) FROM p_v0"), 2 * KEYS);
        assert_eq!(count(&repo, "SELECT count(*) FROM p_v0 WHERE value_text <> '3.0'"), 0);
        assert_sound(&repo, "data/online.db");
        repo.run(["registry", "check"]).ok();
    }
    assert!(killed > 5, "only {killed} of 20 runs were met");
}

#[test]
fn an_interval_is_recorded_after_the_rows_alone() {
    const RUN: [&str; 2] = ["materialize-incremental", "2024-01-02"];
    let took = {
        let repo = repo();
        repo.write("features.yaml", definitions(0, 1, &["a", "b"]));
        repo.run(["apply"]).ok();
        whole(&repo, &["materialize", "2024-01-01", "2024-01-02"])
    };
    let repo = repo();
    repo.write("features.yaml", definitions(0, 1, &["a", "b"]).replace("ttl: 0", "ttl: 100000d"));
    for moment in moments(took).take(15) {
        for file in ["data/registry.db", "data/online.db", "data/online.db-wal", "data/online.db-shm"] {
            let _ = std::fs::remove_file(repo.path(file));
        }
        repo.run(["apply"]).ok();
        kill_after(&repo, &RUN, moment);
        // whatever was recorded, an incremental run that starts there leaves no key behind
        repo.run(RUN).ok();
        assert_eq!(count(&repo, "SELECT count(*) FROM p_v0"), 2 * KEYS, "killed after {moment:?}");
    }
}

fn count(repo: &Repo, sql: &str) -> i64 {
    Connection::open(repo.path("data/online.db")).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

//! Many processes on one store at once: nothing is lost, nothing goes back, and nobody hears of a lock.

use std::fs::File;
use std::sync::Arc;
use std::thread;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::Int64Type;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::harness::{Repo, finish};

const SETTINGS: &str = "\
project: p
registry: {registry_type: sql, path: sqlite:///data/registry.db}
online_store: {type: sqlite, path: data/online.db}
";
const DEFINITIONS: &str = "\
entities: [{name: e, join_keys: [id], value_type: INT64}]
data_sources:
  - {type: FileSource, name: f, path: data/f.parquet, timestamp_field: t}
  - {type: PushSource, name: pushed, batch_source: f}
feature_views:
  - {name: v, entities: [e], ttl: 0, source: pushed, schema: [{name: a, dtype: Int64}, {name: b, dtype: Int64}]}
";
const LOG: &str = "data/f.parquet";
const PUSHERS: i64 = 3;
const PUSHES: i64 = 12;
const KEYS: i64 = 8;

/// The history has every key at minute 30, with the value 30.
fn repo() -> Repo {
    let repo = Repo::new().file("feature_store.yaml", SETTINGS).file("features.yaml", DEFINITIONS);
    let times = (0..KEYS).map(|_| 1_704_067_200_000_000 + 30 * 60_000_000);
    let values = || Arc::new((0..KEYS).map(|_| Some(30)).collect::<Int64Array>()) as ArrayRef;
    let columns: [(&str, ArrayRef); 4] = [
        ("id", Arc::new(Int64Array::from_iter_values(0..KEYS))),
        ("t", Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))),
        ("a", values()),
        ("b", values()),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    std::fs::create_dir_all(repo.path("data")).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(repo.path(LOG)).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    repo
}

/// Every key at a minute that no other push has; the value is the minute.
fn records(pusher: i64, push: i64) -> (i64, String) {
    let minute = push * PUSHERS + pusher;
    let record = |id: i64| {
        let at = format!("2024-01-01T00:{minute:02}:00Z");
        json!({"id": id, "t": at, "a": minute, "b": minute}).to_string() + "\n"
    };
    (minute, (0..KEYS).map(record).collect())
}

fn newest(repo: &Repo) -> Vec<Value> {
    let mut arguments = vec!["get-online-features".to_owned(), "-o".into(), "json".into()];
    arguments.extend(["-f", "v:a", "-f", "v:b"].map(str::to_owned));
    arguments.extend((0..KEYS).flat_map(|id| ["-e".to_owned(), format!("id={id}")]));
    let answer = repo.json(arguments);
    let results = answer["results"].as_array().unwrap();
    results[1..].iter().flat_map(|result| result["values"].as_array().unwrap().clone()).collect()
}

#[test]
fn pushes_beside_pushes_and_materializations_lose_nothing() {
    let repo = repo();
    repo.run(["apply"]).ok();
    thread::scope(|scope| {
        for pusher in 0..PUSHERS {
            let repo = &repo;
            scope.spawn(move || {
                // the newest comes first from one, last from the others
                for step in 0..PUSHES {
                    let push = if pusher == 0 { PUSHES - 1 - step } else { step };
                    let to = if push % 4 == 0 { "online_and_offline" } else { "online" };
                    repo.run_with(["push", "pushed", "-", "--to", to], records(pusher, push).1.as_bytes()).ok();
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..6 {
                repo.run(["materialize", "2024-01-01", "2024-01-02"]).ok();
                repo.run(["apply"]).ok();
            }
        });
    });
    let last = PUSHERS * PUSHES - 1;
    assert_eq!(newest(&repo), vec![json!(last); 2 * usize::try_from(KEYS).unwrap()]);

    // what was pushed to history is there once, beside what was there before
    let logged =
        (0..PUSHES).filter(|push| push % 4 == 0).flat_map(|push| (0..PUSHERS).map(move |p| records(p, push).0));
    let mut minutes: Vec<i64> = logged.chain([30]).flat_map(|minute| (0..KEYS).map(move |_| minute)).collect();
    minutes.sort_unstable();
    assert_eq!(values(&repo), minutes);
    assert_eq!(repo.json(["plan", "-o", "json"]), json!({"changes": [], "drift": [], "unmanaged": []}));
}

fn values(repo: &Repo) -> Vec<i64> {
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(File::open(repo.path(LOG)).unwrap()).unwrap().build().unwrap();
    let mut values: Vec<i64> = reader
        .map(Result::unwrap)
        .flat_map(|batch| batch.column_by_name("a").unwrap().as_primitive::<Int64Type>().values().to_vec())
        .collect();
    values.sort_unstable();
    values
}

/// A store that somebody holds makes it wait, so that one can look at it.
#[test]
#[cfg(target_os = "linux")]
fn a_materialization_has_the_lowest_priority_and_the_rest_of_its_process_has_not() {
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    let repo = repo();
    repo.run(["apply"]).ok();
    let held = rusqlite::Connection::open(repo.path("data/online.db")).unwrap();
    held.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut command = repo.command(["materialize", "2024-01-01", "2024-01-02"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while !priorities(child.id()).contains(&19) {
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", priorities(child.id()));
        thread::sleep(Duration::from_millis(2));
    }
    let first = priorities(child.id())[0];
    held.execute_batch("ROLLBACK").unwrap();
    assert_eq!(finish(child, "materialize").0, 0);
    assert_eq!(first, priorities(std::process::id())[0]);
}

/// The nice values of a process's threads, the first thread's first (proc(5), `stat`).
#[cfg(target_os = "linux")]
fn priorities(process: u32) -> Vec<i32> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let mut threads: Vec<u32> =
        tasks.map(|task| task.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect();
    threads.sort_unstable_by_key(|thread| (*thread != process, *thread));
    let nice = |thread: u32| {
        // a thread may end meanwhile
        let stat = std::fs::read_to_string(format!("/proc/{process}/task/{thread}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(16)?.parse().ok()
    };
    threads.into_iter().filter_map(nice).collect()
}

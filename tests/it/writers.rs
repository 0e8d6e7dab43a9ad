//! Eight writers and a materialization on one store for as long as FEAST_RS_SECONDS says: what is there at the end is the
//! newest event of every key, and what anybody reads meanwhile is never older than what was said to be stored before.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, TimestampMicrosecondArray};
use parquet::arrow::ArrowWriter;
use serde_json::json;

use crate::harness::Repo;
use crate::tally::Tally;

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
const WRITERS: u64 = 8;
const KEYS: i64 = 200;
/// Keys of one push.
const PUSHED: usize = 25;
/// 2024-01-01, in microseconds since 1970; the value of a feature is the distance of its event from here.
const BEGIN: i64 = 1_704_067_200_000_000;
/// Events of pushes lie in the day that begins there, and none shares its instant with another.
const DAY: i64 = 86_400_000_000;

/// The newest event of every key that a writer was told is stored.
type Stored = Mutex<BTreeMap<i64, i64>>;

/// The batch source has every key in the middle of the day.
fn repo() -> Repo {
    let repo = Repo::new().file("feature_store.yaml", SETTINGS).file("features.yaml", DEFINITIONS);
    let events = || (0..KEYS).map(|id| DAY / 2 + id * 1_000);
    let values = || Arc::new(Int64Array::from_iter_values(events())) as ArrayRef;
    let times = TimestampMicrosecondArray::from_iter_values(events().map(|event| BEGIN + event));
    let columns: [(&str, ArrayRef); 4] = [
        ("id", Arc::new(Int64Array::from_iter_values(0..KEYS))),
        ("t", Arc::new(times.with_timezone("UTC"))),
        ("a", values()),
        ("b", values()),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    std::fs::create_dir_all(repo.path("data")).unwrap();
    let file = File::create(repo.path("data/f.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    repo
}

/// Some keys, each with an event of its own: old ones and new ones in no order.
fn events(writer: u64, push: u64) -> Vec<(i64, i64)> {
    let mut random = fastrand::Rng::with_seed(writer * 1_000_000 + push);
    let ids = random.choose_multiple(0..KEYS, PUSHED);
    let event = |id| {
        // the last digits are the writer's alone
        let coarse = random.i64(0..DAY / 10_000) * 10_000;
        (id, coarse + i64::try_from(writer).unwrap() + 1)
    };
    ids.into_iter().map(event).collect()
}

fn remember(stored: &Stored, events: &[(i64, i64)]) {
    let mut stored = stored.lock().unwrap();
    for (id, event) in events {
        let newest = stored.entry(*id).or_insert(*event);
        *newest = (*newest).max(*event);
    }
}

fn push(repo: &Repo, events: &[(i64, i64)]) {
    let line = |(id, event): &(i64, i64)| {
        let at = BEGIN + event;
        let time = feast_rs::model::Timestamp::from_micros(at).to_string();
        json!({"id": id, "t": time, "a": event, "b": event}).to_string() + "\n"
    };
    repo.run_with(["push", "pushed", "-"], events.iter().map(line).collect::<String>().as_bytes()).ok();
}

/// Reads all keys and compares them with what had been stored before it began; says what it found.
fn read(repo: &Repo, stored: &Stored) -> BTreeMap<i64, i64> {
    let before = stored.lock().unwrap().clone();
    let mut arguments = vec!["get-online-features", "-o", "json", "-f", "v:a", "-f", "v:b"]
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    arguments.extend((0..KEYS).flat_map(|id| ["-e".to_owned(), format!("id={id}")]));
    let answer = repo.json(arguments);
    let column = |place: usize| answer["results"][place]["values"].as_array().unwrap().clone();
    let (ids, a, b) = (column(0), column(1), column(2));
    assert_eq!(a, b, "features of one record come from one record");
    let found: BTreeMap<i64, i64> =
        ids.iter().zip(&a).filter_map(|(id, event)| Some((id.as_i64()?, event.as_i64()?))).collect();
    for (id, event) in before {
        let now = found.get(&id).copied();
        assert!(now.is_some(), "key {id} is lost");
        assert!(now >= Some(event), "key {id} went back from {event} to {now:?}");
    }
    found
}

#[test]
fn eight_writers_and_a_materialization_lose_nothing() {
    let seconds = std::env::var("FEAST_RS_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let repo = repo();
    repo.run(["apply"]).ok();
    let (writes, reads) =
        (Tally::new("pushes of eight writers beside a materialization"), Tally::new("reads beside them"));
    let (stored, is_over) = (Stored::default(), AtomicBool::new(false));
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (repo, writes, stored, is_over) = (&repo, &writes, &stored, &is_over);
            scope.spawn(move || {
                for number in (0..).take_while(|_| !is_over.load(Ordering::Relaxed)) {
                    let events = events(writer, number);
                    writes.attempt(|| {
                        push(repo, &events);
                        remember(stored, &events);
                    });
                }
            });
        }
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                writes.attempt(|| {
                    repo.run(["materialize", "2024-01-01", "2024-01-02"]).ok();
                    remember(&stored, &(0..KEYS).map(|id| (id, DAY / 2 + id * 1_000)).collect::<Vec<_>>());
                });
            }
        });
        let end = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < end {
            reads.attempt(|| drop(read(&repo, &stored)));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    reads.attempt(|| assert_eq!(read(&repo, &stored), *stored.lock().unwrap(), "the newest of all that was written"));
    assert!(writes.tried() > WRITERS, "each writer wrote");
    writes.report();
    reads.report();
}

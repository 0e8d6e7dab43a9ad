//! One fault at a time, at every file operation of every command that writes: the disk is full, fails, or may only be
//! read, a lock is taken, the process is killed. What the command says is true, and the next one completes the work: the
//! registry and the store are as after a run without a fault.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use rusqlite::Connection;
use serde_json::Value;

use crate::harness::{Repo, finish};
use crate::log;
use crate::shim::{self, Fault, Ops};
use crate::state::{self, Saved};
use crate::tally::Tally;
use crate::{AFTER, APPLY, BEFORE, ONE_VIEW, assert_sound, repo};

/// Rows by what they are.
type Dump = BTreeMap<String, Vec<String>>;

/// What a command had to bear.
struct Tried {
    faults: Tally,
    kills: Tally,
}

/// A command, and the state that it begins with.
struct Case {
    command: &'static [&'static str],
    repo: Repo,
}

fn cases() -> Vec<Case> {
    let applied = |definitions: &str| {
        let repo = repo(definitions);
        repo.run(APPLY).ok();
        repo
    };
    let filled = |definitions: &str| {
        let repo = applied(definitions);
        repo.run(["materialize", "2024-01-01T00:00:00", "2024-01-01T00:00:01"]).ok();
        repo
    };
    let changed = filled(BEFORE);
    changed.write("features.yaml", AFTER);
    vec![
        Case { command: &APPLY, repo: repo(BEFORE) },
        Case { command: &APPLY, repo: changed },
        Case { command: &["materialize", "2024-01-01", "2024-01-02"], repo: applied(ONE_VIEW) },
        Case { command: &["materialize-incremental", "2024-01-02"], repo: filled(ONE_VIEW) },
        Case { command: &["delete", "feature-view", "v", "--yes"], repo: filled(ONE_VIEW) },
        Case { command: &["teardown", "--yes"], repo: filled(ONE_VIEW) },
        Case { command: &["push", "pushed", "in.ndjson", "--to", "online_and_offline"], repo: logged() },
        Case { command: &["stream-ingest", "--input", "in.ndjson", "--from", "trim-horizon"], repo: logged() },
    ]
}

/// A push source whose log is one file, and a stream whose log is a folder.
const LOGGED: &str = "\
entities: [{name: e, join_keys: [id], value_type: INT64}]
data_sources:
  - {type: FileSource, name: f, path: data/f.parquet, timestamp_field: t}
  - {type: PushSource, name: pushed, batch_source: f}
  - {type: FileSource, name: history, path: data/history, timestamp_field: t}
  - type: KinesisSource
    name: stream
    stream_name: stream
    region: us-east-1
    timestamp_field: t
    batch_source: s
    record_format: {type: JsonFormat, schema_json: \"id integer, t timestamp, a double, b double\"}
feature_views:
  - {name: v, entities: [e], ttl: 0, source: pushed, schema: [{name: a, dtype: Float64}, {name: b, dtype: Float64}]}
stream_feature_views:
  - name: w
    entities: [e]
    ttl: 0
    source: stream
    sink_source: history
    offline: true
    timestamp_field: t
    schema: [{name: a, dtype: Float64}]
    feature_transformation: {expressions: {a: a * 2.0}}
";

fn logged() -> Repo {
    let repo = repo(LOGGED);
    std::fs::create_dir_all(repo.path("data")).unwrap();
    std::fs::copy(repo.path("s.parquet"), repo.path("data/f.parquet")).unwrap();
    let record = |number: usize| {
        let (id, second) = (number % 20, number % 60);
        format!("{{\"id\": {id}, \"t\": \"2024-01-02T00:00:{second:02}Z\", \"a\": {number}.5, \"b\": 1.0}}\n")
    };
    repo.write("in.ndjson", (0..60).map(record).collect::<String>());
    repo.run(APPLY).ok();
    repo
}

#[test]
fn every_writing_command_survives_every_fault() {
    let tried: Vec<Tried> = std::thread::scope(|scope| {
        let cases: Vec<_> = cases().into_iter().map(|case| scope.spawn(move || case.survives())).collect();
        cases.into_iter().map(|case| case.join().unwrap()).collect()
    });
    let sum = |of: fn(&Tried) -> &Tally| tried.iter().map(|tried| of(tried).tried()).sum::<u64>();
    let (faults, kills) = (sum(|tried| &tried.faults), sum(|tried| &tried.kills));
    for tried in tried {
        tried.faults.report();
        tried.kills.report();
    }
    assert!(faults >= 1_000 && kills >= 200, "only {faults} faults and {kills} kills were tried");
}

impl Case {
    fn survives(&self) -> Tried {
        let before = state::save(&self.repo);
        self.repo.run(self.command).ok();
        let wanted = dump(&self.repo);
        let name = self.name();
        let faults = Tally::new(format!("{name}, a file operation fails or a lock is taken"));
        let kills = Tally::new(format!("{name}, killed before or in the middle of a write"));
        let failing = [Fault::NoSpace, Fault::Io, Fault::ReadOnly];
        let killing = [Fault::Kill, Fault::Torn];
        let bear = |tally: &Tally, ops, number, fault| {
            tally.attempt(|| self.bears(&before, &wanted, ops, number, fault));
        };
        for number in 1..=self.count(&before, Ops::Change) {
            bear(&faults, Ops::Change, number, failing[number % 3]);
            bear(&kills, Ops::Change, number, killing[number % 2]);
        }
        for number in 1..=self.count(&before, Ops::Read) {
            bear(&faults, Ops::Read, number, Fault::Io);
        }
        for number in 1..=self.count(&before, Ops::Lock) {
            bear(&faults, Ops::Lock, number, Fault::Busy);
        }
        Tried { faults, kills }
    }

    /// The command as the table names it.
    fn name(&self) -> String {
        let applied = if self.repo.exists("data/online.db") { "" } else { "first " };
        format!("{applied}`{}`", self.command[0])
    }

    /// How many such operations a run without a fault makes.
    fn count(&self, before: &Saved, ops: Ops) -> usize {
        state::restore(&self.repo, before);
        let file = self.repo.path("count");
        let mut command = self.repo.command(self.command);
        shim::count(&mut command, &self.repo.path(""), ops, &file);
        assert!(command.output().unwrap().status.success());
        let count = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
        assert!(count > 5, "{:?} makes {count} {ops:?}", self.command);
        count
    }

    fn bears(&self, before: &Saved, wanted: &Dump, ops: Ops, number: usize, fault: Fault) {
        let context = format!("{:?}: {fault:?} at {ops:?} {number}", self.command);
        state::restore(&self.repo, before);
        let mut command = self.repo.command(self.command);
        shim::arm(&mut command, &self.repo.path(""), ops, number, fault);
        let code = run(&mut command, &context);
        assert_sound(&self.repo);
        if code == Some(0) {
            assert_same(&dump(&self.repo), wanted, &format!("it said that all was done: {context}"));
            return;
        }
        let check = self.repo.run(["registry", "check"]);
        assert_eq!(check.code, 0, "{context}: {}", check.all());
        let again = self.repo.run(self.command);
        // what was removed is not there to be removed again
        let is_gone = self.command[0] == "delete" && again.code == 1 && again.stderr.contains("there is no");
        assert!(again.code == 0 || is_gone, "{context}: {}", again.all());
        assert_same(&dump(&self.repo), wanted, &context);
    }
}

#[track_caller]
fn assert_same(found: &Dump, wanted: &Dump, context: &str) {
    let names: BTreeSet<&String> = found.keys().chain(wanted.keys()).collect();
    for name in names {
        let rows = |dump: &Dump| dump.get(name).cloned().unwrap_or_default();
        let (found, wanted) = (rows(found), rows(wanted));
        if found == wanted {
            continue;
        }
        // a row that is there twice is told by the numbers
        let context = format!("{context}: {} rows, not {}", found.len(), wanted.len());
        let more: Vec<&String> = found.iter().filter(|row| !wanted.contains(row)).take(3).collect();
        let less: Vec<&String> = wanted.iter().filter(|row| !found.contains(row)).take(3).collect();
        let kind = if found.len() < wanted.len() { "rows are lost" } else { "a value went back" };
        panic!("{kind}: {context}\nin {name}\ntoo much: {more:?}\nmissing: {less:?}");
    }
}

/// How a command ended, which is one of the ways that are documented.
fn run(command: &mut Command, context: &str) -> Option<i32> {
    let (code, _, told) = finish(command.spawn().unwrap(), context);
    assert!(!told.contains("panicked at"), "{context}: {told}");
    let code = Some(code).filter(|code| *code >= 0);
    assert!(matches!(code, None | Some(0 | 1 | 3 | 70 | 75)), "{context}: {code:?} {told}");
    assert!(code.is_none_or(|code| code == 0 || told.contains("error")), "{context}: {told}");
    code
}

/// Everything that a user would miss: the registered objects, intervals, and stored values; not when they were written.
fn dump(repo: &Repo) -> Dump {
    let mut dump = BTreeMap::new();
    if repo.exists("data/registry.db") {
        let mut registry = repo.json(["registry-dump"]);
        timeless(&mut registry);
        dump.insert("registry".to_owned(), vec![serde_json::to_string_pretty(&registry).unwrap()]);
        let database = Connection::open(repo.path("data/registry.db")).unwrap();
        for table in ["feast_rs_pending", "feast_rs_owned", "feast_rs_newest_created"] {
            dump.insert(table.to_owned(), rows(&database, &format!("SELECT * FROM {table}")));
        }
    }
    for log in ["data/f.parquet", "data/history"].into_iter().filter(|log| repo.exists(log)) {
        dump.insert(log.to_owned(), log::rows(&repo.path(log)));
    }
    let database = Connection::open(repo.path("data/online.db")).unwrap();
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'p\\_%' ESCAPE '\\'";
    for table in rows(&database, tables) {
        let table = table.trim_matches(['[', ']', '"']).to_owned();
        let columns = "hex(entity_key), feature_name, hex(value), value_text, event_ts, created_ts, feast_rs_event_us";
        dump.insert(table.clone(), rows(&database, &format!("SELECT {columns} FROM \"{table}\"")));
    }
    dump
}

/// Rows as text, sorted.
fn rows(database: &Connection, sql: &str) -> Vec<String> {
    let mut statement = database.prepare(sql).unwrap();
    let columns = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        let values: Vec<Value> = (0..columns)
            .map(|column| match row.get_ref(column).unwrap() {
                rusqlite::types::ValueRef::Null => Value::Null,
                rusqlite::types::ValueRef::Integer(number) => number.into(),
                rusqlite::types::ValueRef::Real(number) => number.into(),
                rusqlite::types::ValueRef::Text(text) | rusqlite::types::ValueRef::Blob(text) => {
                    String::from_utf8_lossy(text).into_owned().into()
                }
            })
            .collect();
        Ok(serde_json::to_string(&values).unwrap())
    };
    let mut rows: Vec<String> = statement.query_map([], row).unwrap().map(Result::unwrap).collect();
    rows.sort();
    rows
}

/// Removes the times of writing, and makes one interval of several: a run that is repeated records its own again.
fn timeless(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| {
                !["createdTimestamp", "lastUpdatedTimestamp", "projectUuid"].contains(&name.as_str())
            });
            if let Some(Value::Array(intervals)) = fields.get_mut("materializationIntervals") {
                let text = |interval: &Value, side: &str| interval[side].as_str().unwrap().to_owned();
                let start = intervals.iter().map(|interval| text(interval, "startTime")).min();
                let end = intervals.iter().map(|interval| text(interval, "endTime")).max();
                *intervals = vec![serde_json::json!([start, end])];
            }
            fields.values_mut().for_each(timeless);
        }
        Value::Array(items) => items.iter_mut().for_each(timeless),
        _ => {}
    }
}

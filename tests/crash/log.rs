//! The historical log: killed anywhere, and read again with other batch boundaries, it holds every record once.
//!
//! The program under test is this test binary itself: [`driver`] reads a stream of numbered records from the stored
//! position, commits rows, positions and the log's rows together, and flushes now and then, as `stream-ingest` does; or it
//! pushes the same records again from the start, as a retried `push` does.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::Int64Type;
use arrow::util::display::array_value_to_string;
use feast_rs::feature_store::{FeatureStore, HistoricalLog, Location, PlanScope};
use feast_rs::model::{
    JournalMode, OnlineStoreSettings, PositionKey, RecordPosition, SequenceNumber, ShardPosition, ShardProgress,
    StreamId, Timestamp,
};
use feast_rs::online::{Advance, Durability, OnlineStore, PushMark, Spool, SqliteStore, TableRows, WriteSet};
use feast_rs::row::{Cast, FeatureColumn, RowBatch, RowColumns, ViewLayout};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rusqlite::Connection;

use crate::harness::Repo;
use crate::shim::{self, Fault, Ops};
use crate::state;

const RECORDS: i64 = 120;
const KEYS: i64 = 10;
/// Rows of the file before the first push.
const OLD_ROWS: i64 = 3;
/// Commits of a push end at fixed numbers of records.
const COMMIT: i64 = 16;
/// 2024-01-01T00:00:00Z in microseconds
const BEGIN: i64 = 1_704_067_200_000_000;

const SETTINGS: &str = "\
project: p
registry: {registry_type: sql, path: sqlite:///registry.db}
online_store: {type: sqlite, path: data/online.db}
";
const DEFINITIONS: &str = "\
entities: [{name: e, join_keys: [id], value_type: INT64}]
data_sources:
  - {type: FileSource, name: raw, path: raw.parquet, timestamp_field: t}
  - {type: PushSource, name: pushed, batch_source: raw}
  - {type: FileSource, name: file, path: data/file.parquet, timestamp_field: t}
  - {type: FileSource, name: history, path: data/history, timestamp_field: t}
feature_views:
  - {name: pushed_to, entities: [e], ttl: 0, source: file, schema: [{name: a, dtype: Int64}]}
stream_feature_views:
  - name: streamed
    entities: [e]
    ttl: 0
    source: pushed
    sink_source: history
    timestamp_field: t
    schema: [{name: a, dtype: Int64}]
    feature_transformation: {expressions: {a: a + 0}}
";

/// What the driver does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drive {
    Stream,
    Push,
}

impl Drive {
    fn view(self) -> &'static str {
        if self == Self::Stream { "streamed" } else { "pushed_to" }
    }
}

// ------------------------------------------------------------------------------------------------ the program under test

/// Not a test: the program that the tests start, with its task in the environment.
#[test]
fn driver() {
    let Some(folder) = std::env::var_os("LOG_DRIVER") else { return };
    let seed: u64 = std::env::var("LOG_SEED").unwrap().parse().unwrap();
    let drive = if std::env::var_os("LOG_PUSH").is_some() { Drive::Push } else { Drive::Stream };
    // the folder is the one that the test has made; nothing else is written
    Program::open(Path::new(&folder), drive).run(&mut fastrand::Rng::with_seed(seed));
}

struct Program {
    store: SqliteStore,
    log: HistoricalLog,
    layout: Arc<ViewLayout>,
    generation: u64,
    drive: Drive,
}

impl Program {
    fn open(folder: &Path, drive: Drive) -> Self {
        let location = Location { directory: folder.to_owned(), ..Location::default() };
        let environment = |_: &str| None;
        let feature_store = FeatureStore::open(&location, &environment).unwrap();
        let planned = feature_store.plan(PlanScope::default(), Timestamp::from_micros(BEGIN)).unwrap();
        let view = planned.definitions.feature_view(drive.view()).unwrap();
        let OnlineStoreSettings::Sqlite(settings) = &feature_store.settings.online_store else { panic!() };
        let mut store = SqliteStore::open(settings, JournalMode::Wal, Durability::Bulk).unwrap();
        let generation = store.generation(&format!("p_{}", drive.view())).unwrap().unwrap();
        let log = feature_store.historical_log(view).unwrap();
        Self { store, log, layout: Arc::new(ViewLayout::of(view, 3).unwrap()), generation, drive }
    }

    fn run(mut self, random: &mut fastrand::Rng) {
        let mut next = if self.drive == Drive::Stream { self.position() } else { 0 };
        while next < RECORDS {
            let end = if self.drive == Drive::Stream { next + random.i64(1..40) } else { next + COMMIT };
            let end = end.min(RECORDS);
            let set = self.write_set(next, end);
            self.store.commit(&set).unwrap();
            next = end;
            if random.u8(0..4) == 0 {
                self.log.flush(&mut self.store).unwrap();
            }
        }
        self.log.flush(&mut self.store).unwrap();
    }

    fn position(&mut self) -> i64 {
        let positions = self.store.positions("p", self.drive.view()).unwrap();
        match positions.first().map(|stored| &stored.position.progress) {
            Some(ShardProgress::After(after)) => after.sequence.as_str().parse().unwrap(),
            _ => 0,
        }
    }

    fn write_set(&self, next: i64, end: i64) -> WriteSet {
        let records = records(next, end);
        let column = |name: &str| Arc::clone(records.column_by_name(name).unwrap());
        let names = self.layout.features.iter().map(|field| field.name.as_str());
        let features = names.map(|name| Some(FeatureColumn { values: column(name), present: None })).collect();
        let columns = RowColumns {
            join_keys: vec![Arc::clone(records.column(0))],
            event: Arc::clone(records.column(1)),
            created: None,
            features,
        };
        let (batch, refused) = RowBatch::new(&self.layout, &columns, Cast::Lossless, None).unwrap();
        assert!(refused.is_empty());
        let table = format!("p_{}", self.drive.view());
        let (log, refused) = self.log.rows(&records).unwrap();
        assert!(refused.is_empty());
        let mut set = WriteSet {
            rows: vec![TableRows { table: table.clone(), batch: Arc::new(batch) }],
            log: vec![log],
            ..WriteSet::default()
        };
        match self.drive {
            Drive::Stream => set.advance.push(self.advance(end, table)),
            Drive::Push => {
                set.pushed = Some(PushMark { key: format!("push to {end}"), at: Timestamp::from_micros(BEGIN) });
            }
        }
        set
    }

    fn advance(&self, end: i64, table: String) -> Advance {
        let created = Timestamp::from_micros(0);
        let key = PositionKey {
            project: "p".to_owned(),
            view: self.drive.view().to_owned(),
            stream: StreamId { arn: "arn:aws:kinesis:eu-west-1:1:stream/s".to_owned(), created },
            shard: "shardId-000000000000".to_owned(),
        };
        let after = RecordPosition { sequence: SequenceNumber::parse(&end.to_string()).unwrap(), sub_sequence: 0 };
        let progress = ShardProgress::After(after);
        let position = ShardPosition { progress, arrival: None, caught_up: None, watermark: None };
        Advance { key, position, table, generation: self.generation, endpoint: None }
    }
}

/// Records `next..end`: each has its number as value, and the keys take turns.
fn records(next: i64, end: i64) -> RecordBatch {
    let times = TimestampMicrosecondArray::from_iter_values((next..end).map(|number| BEGIN + number));
    let columns: [(&str, ArrayRef); 3] = [
        ("id", Arc::new(Int64Array::from_iter_values((next..end).map(|number| number.rem_euclid(KEYS))))),
        ("t", Arc::new(times.with_timezone("UTC"))),
        ("a", Arc::new(Int64Array::from_iter_values(next..end))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

// ------------------------------------------------------------------------------------------------ the tests

fn write_parquet(path: &Path, batch: &RecordBatch) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

fn repo() -> Repo {
    let repo = Repo::new().file("feature_store.yaml", SETTINGS).file("features.yaml", DEFINITIONS);
    write_parquet(&repo.path("raw.parquet"), &records(0, 1));
    write_parquet(&repo.path("data/file.parquet"), &records(-OLD_ROWS, 0));
    repo.run(["apply"]).ok();
    repo
}

/// Changes of files that the driver makes by itself.
fn changes(repo: &Repo, drive: Drive, seed: u64) -> usize {
    let file = repo.path("count");
    let mut command = command(repo, drive, seed);
    shim::count(&mut command, &repo.path("data"), Ops::Change, &file);
    assert!(command.output().unwrap().status.success());
    std::fs::read_to_string(&file).unwrap().trim().parse().unwrap()
}

fn command(repo: &Repo, drive: Drive, seed: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["log::driver", "--exact", "--test-threads=1"]).env("LOG_DRIVER", repo.path(""));
    command.env("LOG_SEED", seed.to_string()).stdin(Stdio::null());
    if drive == Drive::Push {
        command.env("LOG_PUSH", "1");
    }
    command
}

/// Runs the driver; with a fault at its `number`th change of a file. Whether it ended by itself.
fn drive(repo: &Repo, drive: Drive, seed: u64, at: Option<(usize, Fault)>) -> bool {
    let mut command = command(repo, drive, seed);
    if let Some((number, fault)) = at {
        shim::arm(&mut command, &repo.path("data"), Ops::Change, number, fault);
    }
    let done = command.output().unwrap();
    let killed = done.status.code().is_none();
    let fails = at.is_some_and(|(_, fault)| !fault.kills());
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(killed || fails || done.status.success(), "{drive:?} {seed} {at:?}: {told}");
    !killed && done.status.success()
}

/// Every record is in the log once, in the files that its readers see; the online store has the newest of each key; and
/// nothing is left to be done.
#[track_caller]
fn assert_complete(repo: &Repo, drive: Drive, context: &dyn std::fmt::Debug) {
    let mut times = BTreeMap::new();
    let files = visible(&repo.path(if drive == Drive::Stream { "data/history" } else { "data/file.parquet" }));
    for file in &files {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap().build().unwrap();
        for batch in reader.map(Result::unwrap) {
            for value in batch.column_by_name("a").unwrap().as_primitive::<Int64Type>().values() {
                *times.entry(*value).or_insert(0) += 1;
            }
        }
    }
    let first = if drive == Drive::Stream { 0 } else { -OLD_ROWS };
    let expected: BTreeMap<i64, i32> = (first..RECORDS).map(|number| (number, 1)).collect();
    assert_eq!(times, expected, "{context:?}");

    let online = Connection::open(repo.path("data/online.db")).unwrap();
    let sql = format!(
        "SELECT value_text FROM p_{} WHERE feature_name = 'a' ORDER BY CAST(value_text AS INTEGER)",
        drive.view()
    );
    let mut statement = online.prepare(&sql).unwrap();
    let values: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let newest: Vec<String> = (RECORDS - KEYS..RECORDS).map(|number| number.to_string()).collect();
    assert_eq!(values, newest, "{context:?}");
    for table in ["feast_rs_spool", "feast_rs_claims"] {
        let left: i64 = online.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(left, 0, "{table} {context:?}");
    }
}

fn visible(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let files = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| !file.file_name().unwrap().to_string_lossy().starts_with('.')).collect()
}

/// The rows of a log, as text, sorted.
pub fn rows(path: &Path) -> Vec<String> {
    let mut rows = Vec::new();
    for file in visible(path) {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap().build().unwrap();
        for batch in reader.map(Result::unwrap) {
            let cell = |column: &ArrayRef, row| array_value_to_string(column, row).unwrap();
            let text = |row| batch.columns().iter().map(|column| cell(column, row)).collect::<Vec<_>>().join(",");
            rows.extend((0..batch.num_rows()).map(text));
        }
    }
    rows.sort();
    rows
}

/// A fault at every change of a file, from the same state each time; then the work is completed.
fn at_every_change(drive_as: Drive, faults: &[Fault]) {
    let repo = repo();
    let saved = state::save(&repo);
    let changes = changes(&repo, drive_as, 7);
    assert!(changes > 60, "only {changes}");
    for number in 1..=changes {
        let fault = faults[number % faults.len()];
        state::restore(&repo, &saved);
        let done = drive(&repo, drive_as, 7, Some((number, fault)));
        // another seed: the rows that are read again are cut otherwise
        if !done {
            assert!(drive(&repo, drive_as, 1_000 + number as u64, None));
        }
        assert_complete(&repo, drive_as, &(number, fault));
    }
    println!("trust: historical log, {faults:?} at every change: {changes} tried, 0 lost, 0 regressed, 0 panics");
}

#[test]
fn a_stream_killed_at_every_change_is_logged_once() {
    at_every_change(Drive::Stream, &[Fault::Kill, Fault::Torn]);
}

#[test]
fn a_stream_whose_disk_fails_at_every_change_is_logged_once() {
    at_every_change(Drive::Stream, &[Fault::NoSpace, Fault::Io, Fault::ReadOnly]);
}

#[test]
fn a_push_killed_at_every_change_is_logged_once() {
    at_every_change(Drive::Push, &[Fault::Kill, Fault::Torn]);
}

#[test]
fn a_push_whose_disk_fails_at_every_change_is_logged_once() {
    at_every_change(Drive::Push, &[Fault::NoSpace, Fault::Io, Fault::ReadOnly]);
}

/// Killed again and again at random, each time with other batch boundaries: 200 runs.
#[test]
fn killed_at_random_points_it_is_logged_once() {
    let repo = repo();
    let saved = state::save(&repo);
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let drive_as = if seed % 4 == 0 { Drive::Push } else { Drive::Stream };
        state::restore(&repo, &saved);
        for _ in 0..random.u8(1..5) {
            let fault = if random.bool() { Fault::Kill } else { Fault::Torn };
            drive(&repo, drive_as, random.u64(..), Some((random.usize(1..90), fault)));
        }
        assert!(drive(&repo, drive_as, random.u64(..), None));
        assert_complete(&repo, drive_as, &seed);
    }
    println!("trust: historical log killed at random: 200 tried, 0 lost, 0 regressed, 0 panics");
}

/// Rows whose log cannot be written wait, are told of with the cure, and go into it later.
#[test]
fn rows_wait_for_a_log_that_cannot_be_written() {
    let repo = repo();
    let mut program = Program::open(&repo.path(""), Drive::Push);
    let set = program.write_set(0, RECORDS);
    program.store.commit(&set).unwrap();
    let file = repo.path("data/file.parquet");
    let saved = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let error = program.log.flush(&mut program.store).unwrap_err();
    assert!(error.to_string().contains("file.parquet` does not exist"), "{error}");
    assert!(error.hint().is_some());
    std::fs::write(&file, b"PAR1 no longer PAR1").unwrap();
    assert!(program.log.flush(&mut program.store).is_err());
    assert_eq!(std::fs::read(&file).unwrap(), b"PAR1 no longer PAR1", "what is damaged is not made worse");
    assert_eq!(program.store.spooled_logs().unwrap().len(), 1);
    std::fs::write(&file, saved).unwrap();
    program.log.flush(&mut program.store).unwrap();
    assert_complete(&repo, Drive::Push, &"after the file came back");
}

//! A repo with one view over one stream, the binary in it, and what it leaves in the store.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use crate::harness::{Answer, Repo};
use crate::simulator::Simulator;

pub const STREAM: &str = "events";
pub const VIEW: &str = "counts";
const TABLE: &str = "p_counts";

const SETTINGS: &str = "\
project: p
registry: {registry_type: sql, path: sqlite:///data/registry.db}
online_store: {type: sqlite, path: data/online.db}
";

/// What a source says besides; each line is one of `x-kinesis`.
#[derive(Clone, Debug)]
pub struct Source {
    lines: Vec<String>,
    logged: bool,
}

impl Source {
    /// From the oldest record, and faster than a quota would allow.
    pub fn fast() -> Self {
        Self { lines: vec!["start: TRIM_HORIZON".to_owned(), "reads_per_second: 1000".to_owned()], logged: false }
    }

    /// From the oldest record, at the pace that is the default.
    pub fn paced() -> Self {
        Self { lines: vec!["start: TRIM_HORIZON".to_owned()], logged: false }
    }

    pub fn with(mut self, line: &str) -> Self {
        let key = line.split(':').next().unwrap();
        self.lines.retain(|known| known.split(':').next() != Some(key));
        self.lines.push(line.to_owned());
        self
    }

    /// The view goes to a historical log as well.
    pub fn logged(mut self) -> Self {
        self.logged = true;
        self
    }

    fn definitions(&self) -> String {
        let lines: Vec<_> = self.lines.iter().map(|line| format!("      {line}\n")).collect();
        let (log, sink) = if self.logged {
            (
                "  - {type: FileSource, name: log, path: data/log, timestamp_field: t}\n",
                "    offline: true\n    sink_source: log\n",
            )
        } else {
            ("", "")
        };
        format!(
            "\
entities: [{{name: e, join_keys: [id], value_type: INT64}}]
data_sources:
  - {{type: FileSource, name: history, path: data/history.parquet, timestamp_field: t}}
{log}  - type: KinesisSource
    name: stream
    stream_name: {STREAM}
    region: us-east-1
    timestamp_field: t
    batch_source: history
    record_format: {{type: JsonFormat, schema_json: \"id bigint, t timestamp, n bigint\"}}
    x-kinesis:
{}
stream_feature_views:
  - name: {VIEW}
    entities: [e]
    ttl: 0
    timestamp_field: t
    online: true
{sink}    source: stream
    schema: [{{name: n, dtype: Int64}}, {{name: twice, dtype: Int64}}]
    feature_transformation: {{expressions: {{n: n, twice: n * 2}}}}
",
            lines.concat()
        )
    }
}

/// A repo that reads the simulator's stream.
pub struct Reader {
    pub repo: Repo,
}

impl Reader {
    pub fn new(simulator: &Simulator, source: &Source) -> Self {
        let repo = Repo::new().file("feature_store.yaml", SETTINGS).file("features.yaml", source.definitions());
        let repo = repo.env("AWS_ENDPOINT_URL_KINESIS", &simulator.url()).env("AWS_REGION", "us-east-1");
        let repo = repo.env("AWS_ACCESS_KEY_ID", "x").env("AWS_SECRET_ACCESS_KEY", "x");
        std::fs::create_dir_all(repo.path("data")).unwrap();
        repo.run(["apply", "--skip-source-validation"]).ok();
        Self { repo }
    }

    /// The same repo, as it is now, for another simulator.
    pub fn copied(&self, simulator: &Simulator) -> Self {
        let repo = Repo::new().env("AWS_ENDPOINT_URL_KINESIS", &simulator.url()).env("AWS_REGION", "us-east-1");
        let repo = repo.env("AWS_ACCESS_KEY_ID", "x").env("AWS_SECRET_ACCESS_KEY", "x");
        copy_folder(&self.repo.path("."), &repo.path("."));
        Self { repo }
    }

    pub fn ingest(&self, arguments: &[&str]) -> Command {
        let mut all = vec!["stream-ingest", "-o", "json"];
        all.extend(arguments);
        self.repo.command(all)
    }

    /// Runs until nothing lies behind; its report on the stream.
    pub fn catch_up(&self) -> Value {
        let answer = self.run(&[]).ok();
        answer.json()["streams"][0].clone()
    }

    pub fn run(&self, arguments: &[&str]) -> Answer {
        let mut all = vec!["stream-ingest", "-o", "json", "--until-caught-up"];
        all.extend(arguments);
        self.repo.run(all)
    }

    fn open(&self) -> Connection {
        let path = self.repo.path("data/online.db");
        let online = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        online.busy_timeout(Duration::from_secs(30)).unwrap();
        online
    }

    /// What the store holds for the view: `(key, feature)` to everything else of the row.
    pub fn content(&self) -> BTreeMap<(Vec<u8>, String), (Vec<u8>, i64)> {
        let online = self.open();
        let sql = format!("SELECT entity_key, feature_name, value, feast_rs_event_us FROM \"{TABLE}\"");
        let mut rows = online.prepare(&sql).unwrap();
        let rows = rows.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?)))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// The feature `n` of every key.
    pub fn newest(&self) -> BTreeMap<i64, i64> {
        let online = self.open();
        let sql = format!("SELECT entity_key, value_text FROM \"{TABLE}\" WHERE feature_name = 'n'");
        let mut rows = online.prepare(&sql).unwrap();
        let rows = rows.query_map([], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, String>(1)?))).unwrap();
        rows.map(Result::unwrap).map(|(key, text)| (id_of(&key), text.parse().unwrap())).collect()
    }

    /// The feature `n` of every row of the historical log, sorted.
    pub fn logged(&self) -> Vec<i64> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(self.repo.path("data/log")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "parquet") {
                continue;
            }
            let file = std::fs::File::open(path).unwrap();
            for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
                let batch = batch.unwrap();
                let numbers = batch.column_by_name("n").unwrap().as_primitive::<Int64Type>();
                found.extend(numbers.iter().map(Option::unwrap));
            }
        }
        found.sort_unstable();
        found
    }

    /// A connection that sees commits of others.
    pub fn watch(&self) -> Watch {
        let online = self.open();
        let seen = data_version(&online);
        Watch { online, seen }
    }
}

/// Sees when somebody else commits.
pub struct Watch {
    online: Connection,
    seen: i64,
}

impl Watch {
    /// Whether there was a commit since the last look.
    pub fn moved(&mut self) -> bool {
        let now = data_version(&self.online);
        std::mem::replace(&mut self.seen, now) != now
    }
}

fn data_version(online: &Connection) -> i64 {
    online.query_row("PRAGMA data_version", [], |row| row.get(0)).unwrap()
}

/// The number at the end of Feast's key bytes.
fn id_of(key: &[u8]) -> i64 {
    let (_, number) = key.split_last_chunk::<8>().unwrap();
    i64::from_le_bytes(*number)
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A process that is killed when it is no longer looked at.
pub struct Running(pub Child);

impl Running {
    pub fn start(mut command: Command) -> Self {
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// kill -9
    pub fn kill(&mut self) {
        // it may have ended by itself
        let _ = self.0.kill();
        self.0.wait().unwrap();
    }

    pub fn ended(&mut self) -> Option<i32> {
        self.0.try_wait().unwrap().map(|status| status.code().unwrap_or(-1))
    }

    /// Waits until something holds; the process must go on meanwhile.
    #[track_caller]
    pub fn until(&mut self, what: &str, mut holds: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert_eq!(self.ended(), None, "stream-ingest ended before {what}");
            assert!(begun.elapsed() < Duration::from_mins(2), "not in two minutes: {what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

//! What a transformation costs among the other work of a batch: decodes 1,000 records of a stream, computes two features from
//! each, encodes and commits them, and prints the median seconds of each step and the share of the transformation.
//!
//! `cargo bench --bench transform`

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use feast_rs::feature_store::records::{Absent, NotAfter, Reading, RecordPath, RowOptions, Shape};
use feast_rs::model::{FeastRsSettings, OnlineStoreSettings, RegistrySettings, Settings, SqliteOnlineStore, Timestamp};
use feast_rs::online::{Durability, OnlineStore, SqliteStore, TableRows, TableSpec, WriteSet};
use feast_rs::repo::load_text;
use feast_rs::row::Cast;

const RECORDS: i64 = 1_000;
const ROUNDS: i64 = 300;
const NOW: Timestamp = Timestamp::from_micros(1_795_377_600_000_000);
const STEPS: [&str; 4] = ["decode", "transform", "encode", "commit"];

const DEFINITIONS: &str = "
entities: [{name: driver, join_keys: [driver_id], value_type: INT64}]
data_sources:
  - {type: FileSource, name: files, path: rows.parquet, timestamp_field: event_timestamp}
  - type: KinesisSource
    name: stream
    region: us-east-1
    stream_name: drivers
    timestamp_field: event_timestamp
    batch_source: files
    record_format:
      type: JsonFormat
      schema_json: 'driver_id integer, event_timestamp timestamp, conv_rate double, acc_rate double, created timestamp'
stream_feature_views:
  - name: v
    entities: [driver]
    source: stream
    timestamp_field: event_timestamp
    schema: [{name: conv_percentage, dtype: Float32}, {name: acc_percentage, dtype: Float32}]
    feature_transformation:
      expressions: {conv_percentage: conv_rate * 100.0, acc_percentage: acc_rate * 100.0}
";

fn main() -> Result<(), Box<dyn Error>> {
    if !std::env::args().any(|argument| argument == "--bench") {
        // `cargo test` starts it too
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let settings = settings(folder.path().join("online.db"));
    let env = |_: &str| None;
    let loaded = load_text(DEFINITIONS, &settings, &env, &|_: &_, _: &_| Vec::new(), NOW)
        .map_err(|error| format!("{:?}", error.problems()))?;
    let view = loaded.definitions.feature_view("v").ok_or("no view")?;
    let reading = Reading { shape: Shape::Source, absent: Absent::Null, cast: Cast::Lossless, strict: false };
    let path = RecordPath::new(&settings, view, reading)?;
    let OnlineStoreSettings::Sqlite(sqlite) = &settings.online_store else { return Err("no store".into()) };
    let mut store = SqliteStore::open(sqlite, settings.feast_rs.journal_mode, Durability::Bulk)?;
    store.ensure(&TableSpec::new("t", path.layout(), sqlite))?;

    let mut steps: [Vec<Duration>; STEPS.len()] = Default::default();
    for round in 0..ROUNDS {
        let payloads = payloads(round);
        for (step, took) in steps.iter_mut().zip(round_of(&path, &mut store, &payloads)?) {
            step.push(took);
        }
    }
    let medians = steps.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    });
    let whole: f64 = medians.iter().sum();
    let mut report = format!("{RECORDS} records a batch, median of {ROUNDS} batches\n");
    for (name, seconds) in STEPS.iter().zip(medians) {
        writeln!(report, "{name:10} {:8.1} us {:6.1} %", seconds * 1e6, 100.0 * seconds / whole)?;
    }
    #[allow(clippy::print_stdout, reason = "the result of this program")]
    {
        print!("{report}");
    }
    Ok(())
}

/// The time of each step for one batch.
fn round_of(
    path: &RecordPath,
    store: &mut SqliteStore,
    payloads: &[String],
) -> Result<[Duration; STEPS.len()], Box<dyn Error>> {
    let began = Instant::now();
    let decoded = path.decoder().decode(payloads.iter().map(String::as_bytes))?;
    let decode = began.elapsed();

    let began = Instant::now();
    let evaluated = path.evaluate(&decoded)?;
    let transform = began.elapsed();

    let began = Instant::now();
    let options = RowOptions { cast: Cast::Lossless, not_after: NotAfter::Same(NOW), wanted: None, newest: false };
    let rows = path.encode(&decoded, evaluated, &options)?;
    let encode = began.elapsed();
    assert_eq!(rows.rows.len(), payloads.len());

    let began = Instant::now();
    let rows = vec![TableRows { table: "t".to_owned(), batch: Arc::new(rows.batch) }];
    store.commit(&WriteSet { rows, ..WriteSet::default() })?;
    Ok([decode, transform, encode, began.elapsed()])
}

/// Records of 100,000 drivers, later ones newer.
fn payloads(round: i64) -> Vec<String> {
    let record = |number: i64| {
        let number = round * RECORDS + number;
        let driver = number.wrapping_mul(7_919).rem_euclid(100_000);
        let at = Timestamp::from_micros(NOW.micros() - (ROUNDS * RECORDS - number) * 1_000);
        #[allow(clippy::cast_precision_loss, reason = "small numbers")]
        let rate = (number % 1_000) as f64 / 1_000.0;
        format!(
            "{{\"driver_id\":{driver},\"event_timestamp\":\"{at}\",\"conv_rate\":{rate},\"acc_rate\":{},\"created\":\"{at}\"}}",
            rate / 2.0
        )
    };
    (0..RECORDS).map(record).collect()
}

fn settings(online: PathBuf) -> Settings {
    Settings {
        project: "p".to_owned(),
        project_description: String::new(),
        repo: PathBuf::from("/"),
        registry: RegistrySettings::Other { registry_type: "none".to_owned() },
        online_store: OnlineStoreSettings::Sqlite(SqliteOnlineStore {
            path: online,
            vector_enabled: false,
            text_search_enabled: false,
            enable_openai_compatible_store: false,
        }),
        offline_store: "dask".to_owned(),
        entity_key_serialization_version: 3,
        online_write_batch_size: None,
        feast_rs: FeastRsSettings::default(),
    }
}

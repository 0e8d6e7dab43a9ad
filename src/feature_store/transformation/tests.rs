//! One transformation, two ways: random rows as JSON through decoder, transformation and store, and as parquet through
//! `materialize`, leave the same cells.

use std::fmt::Write as _;
use std::fs::File;

use ::parquet::arrow::ArrowWriter;
use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::feature_store::records::{Absent, NotAfter, Reading, RecordPath, RowOptions, Shape};
use crate::feature_store::{FeatureStore, Location, MaterializeRequest, PlanScope, Window};
use crate::model::Timestamp;
use crate::online::{
    Durability, OnlineReader, OnlineStore, ReadRequest, SqliteReader, StoredValue, TableRows, WriteSet,
};
use crate::row::{Cast, KeyValue, Keys, encode_key};

/// 2026-11-22T20:00:00Z in milliseconds
const T: i64 = 1_795_377_600_000;
const NOW: Timestamp = Timestamp::from_micros((T + 3_600_000) * 1_000);
const SETTINGS: &str = "project: p\nprovider: local\nregistry: {registry_type: sql, path: 'sqlite:///registry.db'}\n\
                        online_store: {type: sqlite, path: online.db}\nentity_key_serialization_version: 3\n";
const DEFINITIONS: &str = "
entities: [{name: driver, join_keys: [driver_id], value_type: INT64}]
data_sources:
  - {type: FileSource, name: files, path: rows.parquet, timestamp_field: at}
  - type: KinesisSource
    name: stream
    region: us-east-1
    stream_name: drivers
    timestamp_field: at
    batch_source: files
    record_format:
      type: JsonFormat
      schema_json: 'driver_id bigint, at timestamp, rate double, trips bigint, city string, flag boolean'
stream_feature_views:
  - name: v
    entities: [driver]
    source: stream
    timestamp_field: at
    schema:
      - {name: percent, dtype: Float32}
      - {name: share, dtype: Int64}
      - {name: next, dtype: Int64}
      - {name: label, dtype: String}
      - {name: number, dtype: Int64}
      - {name: good, dtype: Bool}
      - {name: later, dtype: UnixTimestamp}
      - {name: spread, dtype: Float64}
    feature_transformation:
      filter: flag IS NOT NULL OR trips > 0
      expressions:
        percent: rate * 100.0
        share: 100 / trips
        next: trips + 1
        label: upper(city) || '-' || CAST(trips AS VARCHAR)
        number: coalesce(CAST(city AS BIGINT), -1)
        good: rate > 0.5 AND flag
        later: at + interval '90 minutes'
        spread: CASE WHEN rate < 0 THEN rate / 3 ELSE abs(rate) END
";
const FEATURES: [&str; 8] = ["percent", "share", "next", "label", "number", "good", "later", "spread"];

/// One row, as it lies in a file and as a record says it.
#[derive(Clone, Debug)]
struct Row {
    driver: Option<i64>,
    /// milliseconds after [`T`]
    at: i64,
    rate: Option<f64>,
    trips: Option<i64>,
    city: Option<String>,
    flag: Option<bool>,
    /// how a record writes it: times as a number, nulls left out
    plain_time: bool,
    terse: bool,
}

fn row() -> impl Strategy<Value = Row> {
    let rate = prop::option::weighted(
        0.9,
        prop_oneof![-2.0..2.0_f64, Just(1e300), Just(0.1), any::<i32>().prop_map(f64::from)],
    );
    let trips = prop::option::weighted(0.9, prop_oneof![-2..4_i64, Just(i64::MAX), Just(9_007_199_254_740_993)]);
    let city = prop::option::weighted(0.8, prop::sample::select(vec!["7", "-12", "Oslo", "", "zürich", "\"q\\"]));
    let driver = prop::option::weighted(0.95, 1..4_i64);
    let form = (any::<bool>(), any::<bool>());
    (driver, -5..5_i64, rate, trips, city, any::<Option<bool>>(), form).prop_map(
        |(driver, at, rate, trips, city, flag, (plain_time, terse))| Row {
            driver,
            at,
            rate,
            trips,
            city: city.map(str::to_owned),
            flag,
            plain_time,
            terse,
        },
    )
}

impl Row {
    fn record(&self) -> String {
        let instant = Timestamp::from_micros((T + self.at) * 1_000);
        let at = if self.plain_time { (T + self.at).to_string() } else { format!("\"{instant}\"") };
        let mut text = format!("{{\"at\": {at}");
        let city = self.city.as_ref().map(|city| serde_json::Value::from(city.as_str()).to_string());
        for (name, value) in [
            ("driver_id", self.driver.map(|driver| driver.to_string())),
            ("rate", self.rate.map(|rate| format!("{rate:?}"))),
            ("trips", self.trips.map(|trips| trips.to_string())),
            ("city", city),
            ("flag", self.flag.map(|flag| flag.to_string())),
        ] {
            match value {
                Some(value) => write!(text, ", \"{name}\": {value}").unwrap(),
                None if self.terse => {}
                None => write!(text, ", \"{name}\": null").unwrap(),
            }
        }
        text + "}"
    }
}

/// A repo of its own, whose files hold `rows`.
struct Repo {
    folder: TempDir,
}

impl Repo {
    fn new(rows: &[Row]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = TimestampMillisecondArray::from_iter_values(rows.iter().map(|row| T + row.at)).with_timezone("UTC");
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("driver_id", Arc::new(rows.iter().map(|row| row.driver).collect::<Int64Array>())),
            ("at", Arc::new(at)),
            ("rate", Arc::new(rows.iter().map(|row| row.rate).collect::<Float64Array>())),
            ("trips", Arc::new(rows.iter().map(|row| row.trips).collect::<Int64Array>())),
            ("city", Arc::new(rows.iter().map(|row| row.city.as_deref()).collect::<StringArray>())),
            ("flag", Arc::new(rows.iter().map(|row| row.flag).collect::<BooleanArray>())),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
        let file = File::create(folder.path().join("rows.parquet")).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        std::fs::write(folder.path().join("feature_store.yaml"), SETTINGS).unwrap();
        std::fs::write(folder.path().join("features.yaml"), DEFINITIONS).unwrap();
        let repo = Self { folder };
        repo.with(|store| {
            let planned = store.plan(PlanScope::default(), NOW).unwrap();
            store.apply(&planned, NOW).unwrap();
        });
        repo
    }

    fn with<T>(&self, act: impl FnOnce(&FeatureStore<'_>) -> T) -> T {
        let location = Location { directory: self.folder.path().to_owned(), ..Location::default() };
        let environment = |_: &str| None;
        act(&FeatureStore::open(&location, &environment).unwrap())
    }

    /// The rows of the files into the store; how many were refused.
    fn materialize(&self) {
        let request = MaterializeRequest {
            views: vec!["v".to_owned()],
            window: Window::UntilNow,
            allow_future: false,
            overwrite: false,
            cast: Cast::Lossless,
            dry_run: false,
        };
        self.with(|store| store.materialize(&request, NOW, &()).unwrap());
    }

    /// The same rows as records into the store, some at a time.
    fn ingest(&self, rows: &[Row], at_a_time: usize) {
        self.with(|store| {
            let snapshot = store.snapshot().unwrap();
            let view = snapshot.definitions.feature_view("v").unwrap();
            let reading = Reading { shape: Shape::Source, absent: Absent::Null, cast: Cast::Lossless, strict: true };
            let path = RecordPath::new(&store.settings, view, reading).unwrap();
            let options =
                RowOptions { cast: Cast::Lossless, not_after: NotAfter::Same(NOW), wanted: None, newest: false };
            let mut online = store.online_store(Durability::Bulk).unwrap();
            for rows in rows.chunks(at_a_time) {
                let records: Vec<String> = rows.iter().map(Row::record).collect();
                let decoded = path.decoder().decode(records.iter().map(String::as_bytes)).unwrap();
                let batch = Arc::new(path.rows(&decoded, &options).unwrap().batch);
                let rows = vec![TableRows { table: "p_v".to_owned(), batch }];
                online.commit(&WriteSet { rows, ..WriteSet::default() }).unwrap();
            }
        });
    }

    /// Every cell of the store.
    fn cells(&self) -> Vec<Option<StoredValue>> {
        let mut keys = Keys::default();
        for driver in 0..5 {
            keys.push(&encode_key(3, &[("driver_id", KeyValue::Int64(driver))]).unwrap());
        }
        let mut reader = SqliteReader::open(&self.folder.path().join("online.db")).unwrap();
        reader.read(&[ReadRequest { table: "p_v", keys: &keys, features: &FEATURES }]).unwrap().remove(0)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn records_and_files_leave_the_same_cells(rows in prop::collection::vec(row(), 1..40), at_a_time in 1_usize..9) {
        let (files, stream) = (Repo::new(&rows), Repo::new(&rows));
        files.materialize();
        stream.ingest(&rows, at_a_time);
        prop_assert_eq!(files.cells(), stream.cells());
    }
}

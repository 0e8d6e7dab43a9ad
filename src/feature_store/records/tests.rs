//! Records of every kind of view: what becomes a row, what is refused, what is left to the store.

use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::Float32Type;
use tempfile::TempDir;

use super::*;
use crate::error::Error;
use crate::feature_store::{FeatureStore, Location, PlanScope};
use crate::model::Timestamp;
use crate::row::{Cast, KeyValue, encode_key};

const NOW: Timestamp = Timestamp::from_micros(1_795_377_600_000_000);
const SETTINGS: &str = "project: p\nprovider: local\nregistry: {registry_type: sql, path: 'sqlite:///registry.db'}\n\
                        online_store: {type: sqlite, path: online.db}\nentity_key_serialization_version: 3\n";
const DEFINITIONS: &str = "
entities:
  - {name: driver, join_keys: [driver_id], value_type: INT64}
data_sources:
  - {type: FileSource, name: files, path: s.parquet, timestamp_field: ts, created_timestamp_column: created, field_mapping: {rate: conv_rate}}
  - {type: PushSource, name: pushed, batch_source: files}
  - type: KinesisSource
    name: stream
    region: us-east-1
    stream_name: drivers
    timestamp_field: event.at
    batch_source: raw
    record_format:
      type: JsonFormat
      schema_json: 'driver.id integer, event.at timestamp, rate double, trips integer NOT NULL'
    field_mapping: {driver.id: driver_id, event.at: at, rate: conv_rate}
  - {type: FileSource, name: raw, path: raw.parquet, timestamp_field: at}
feature_views:
  - {name: plain, entities: [driver], source: pushed, schema: [{name: conv_rate, dtype: Float32}, {name: trips, dtype: Int64}]}
  - {name: lonely, entities: [], source: pushed, schema: [{name: trips, dtype: Int64}]}
stream_feature_views:
  - name: computed
    entities: [driver]
    source: stream
    timestamp_field: at
    schema: [{name: percent, dtype: Float32}, {name: per_trip, dtype: Int64}]
    feature_transformation:
      filter: conv_rate IS NULL OR conv_rate >= 0
      expressions: {percent: conv_rate * 100.0, per_trip: 100 / trips}
  - name: computed_push
    entities: [driver]
    source: pushed
    timestamp_field: ts
    schema: [{name: twice, dtype: Float64}]
    feature_transformation: {expressions: {twice: conv_rate * 2}}
";

struct Repo {
    folder: TempDir,
}

impl Repo {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let times = || Arc::new(TimestampMicrosecondArray::from(vec![0]).with_timezone("UTC")) as ArrayRef;
        let ids = || Arc::new(Int64Array::from(vec![1])) as ArrayRef;
        let rates = || Arc::new(Float64Array::from(vec![0.5])) as ArrayRef;
        let write = |name: &str, columns: Vec<(&str, ArrayRef)>| {
            let batch = RecordBatch::try_from_iter(columns).unwrap();
            let file = std::fs::File::create(folder.path().join(name)).unwrap();
            let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap();
        };
        write(
            "s.parquet",
            vec![("driver_id", ids()), ("ts", times()), ("created", times()), ("rate", rates()), ("trips", ids())],
        );
        let trips = Arc::new(arrow::array::Int32Array::from(vec![1])) as ArrayRef;
        write("raw.parquet", vec![("driver_id", ids()), ("at", times()), ("conv_rate", rates()), ("trips", trips)]);
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

    fn path(&self, view: &str, reading: Reading) -> Result<RecordPath, Error> {
        self.with(|store| {
            let snapshot = store.snapshot().unwrap();
            let view = snapshot.definitions.feature_view(view).unwrap();
            Ok(RecordPath::new(&store.settings, view, reading)?)
        })
    }
}

const SOURCE: Reading = Reading { shape: Shape::Source, absent: Absent::Kept, cast: Cast::Lossless, strict: false };

fn rows(path: &RecordPath, text: &str) -> ViewRows {
    let decoded = path.decoder().decode([text.as_bytes()]).unwrap();
    let options = RowOptions { cast: Cast::Lossless, not_after: NotAfter::Same(NOW), wanted: None, newest: false };
    let mut rows = path.rows(&decoded, &options).unwrap();
    rows.refused.extend(decoded.refused);
    rows
}

fn told(rows: &ViewRows) -> Vec<(u32, &'static str, &str)> {
    rows.refused.iter().map(|refused| (refused.origin.index, refused.code, refused.message.as_str())).collect()
}

/// Key, event time, created time and the texts of the cells.
type Shown = (i64, i64, Option<i64>, Vec<Option<String>>);

fn shown(rows: &ViewRows) -> Vec<Shown> {
    let id = |key: &[u8]| (0..100).find(|id| encode_key(3, &[("driver_id", KeyValue::Int64(*id))]).unwrap() == key);
    let cells = |row: &crate::row::Row<'_>| {
        let features = rows.batch.layout().features.len();
        (0..features).map(|at| row.cell(at).map(|cell| cell.text.unwrap_or("null").to_owned())).collect()
    };
    let mut shown: Vec<_> = rows
        .batch
        .rows()
        .map(|row| (id(row.key()).unwrap_or(-1), row.event.micros(), row.created().map(Timestamp::micros), cells(&row)))
        .collect();
    shown.sort_by_key(|(id, ..)| *id);
    shown
}

fn texts(cells: &[Option<&str>]) -> Vec<Option<String>> {
    cells.iter().map(|cell| cell.map(str::to_owned)).collect()
}

#[test]
fn a_view_without_a_transformation_keeps_what_a_record_does_not_bring() {
    let repo = Repo::new();
    let text = r#"{"driver_id": 1, "ts": 5, "rate": 0.5, "trips": 7, "created": 6}
        {"driver_id": 2, "ts": 5, "conv_rate": null}
        {"driver_id": 3, "ts": 5, "other": 1}
        {"ts": 5, "trips": 1}
        {"driver_id": 4, "trips": 1}
        {"driver_id": 5, "ts": "2099-01-01", "trips": 1}
        {"driver_id": 6, "ts": 5, "trips": 1.5}"#;
    let rows = rows(&repo.path("plain", SOURCE).unwrap(), text);
    assert_eq!(
        shown(&rows),
        [
            (1, 5_000_000, Some(6_000_000), texts(&[Some("0.5"), Some("7")])),
            (2, 5_000_000, None, texts(&[Some("null"), None])),
        ]
    );
    assert_eq!((rows.rows.as_slice(), rows.empty.as_slice()), (&[0, 1][..], &[2][..]));
    assert_eq!(rows.columns.num_rows(), 2);
    assert_eq!(
        told(&rows),
        [
            (3, NO_KEY, "join key `driver_id` has no value"),
            (4, NO_EVENT_TIME, "a record needs an event time, and it has none"),
            (5, NO_EVENT_TIME, "its event time `2099-01-01T00:00:00Z` lies too far in the future"),
            (6, "E2003", "column `trips`: `1.5` is not a whole number of 64 bits"),
        ]
    );
}

#[test]
fn everything_can_be_demanded_of_a_record() {
    let repo = Repo::new();
    let demanding = Reading { absent: Absent::Refused, ..SOURCE };
    let text = r#"{"driver_id": 1, "ts": 5, "rate": 0.5, "trips": null}{"driver_id": 2, "ts": 5, "rate": 0.5}"#;
    let plain = rows(&repo.path("plain", demanding).unwrap(), text);
    assert_eq!((plain.batch.len(), told(&plain)), (1, vec![(1, "E2005", "column `trips` is absent")]));
    let text = r#"{"driver": {"id": 1}, "event": {"at": 5}, "rate": 0.5, "trips": 1}{"driver": {"id": 1}, "event": {"at": 5}, "trips": 1}"#;
    let computed = rows(&repo.path("computed", demanding).unwrap(), text);
    assert_eq!((computed.batch.len(), told(&computed)), (1, vec![(1, "E2005", "column `rate` is absent")]));
}

#[test]
fn a_stream_view_computes_its_features_from_nested_records() {
    let repo = Repo::new();
    let record = |id: i64, rest: &str| format!(r#"{{"driver": {{"id": {id}}}, "event": {{"at": 5}}, {rest}}}"#);
    let text = [
        record(1, r#""rate": 0.5, "trips": 4"#),
        record(2, r#""rate": -1, "trips": 4"#),
        record(3, r#""rate": 0.5, "trips": 0"#),
        record(4, r#""trips": 50"#),
        record(5, r#""rate": 0.5, "trips": null"#),
    ];
    let path = repo.path("computed", SOURCE).unwrap();
    let decoded = path.decoder().decode([text.join("\n").as_bytes()]).unwrap();
    let evaluated = path.evaluate(&decoded).unwrap();
    assert_eq!((evaluated.rows.as_slice(), evaluated.filtered), (&[0, 3][..], 1));
    let options = RowOptions { cast: Cast::Lossless, not_after: NotAfter::Same(NOW), wanted: None, newest: false };
    let rows = path.encode(&decoded, evaluated.clone(), &options).unwrap();
    assert_eq!(
        shown(&rows),
        [
            (1, 5_000_000, None, texts(&[Some("50.0"), Some("25")])),
            (4, 5_000_000, None, texts(&[Some("null"), Some("2")]))
        ]
    );
    assert_eq!(told(&rows), [(2, NOT_COMPUTED, "feature_transformation: Divide by zero error")]);
    assert_eq!(decoded.refused[0].message, "column `trips` is declared NOT NULL and has no value");
    let percents = rows.columns.column_by_name("percent").unwrap().as_primitive::<Float32Type>();
    assert_eq!(percents.iter().collect::<Vec<_>>(), [Some(50.0), None]);
    // between the steps a caller may leave rows out, and each record may have its own limit
    let late =
        path.encode(&decoded, evaluated.clone(), &RowOptions { wanted: Some(&[false, true]), ..options }).unwrap();
    assert_eq!((late.rows.as_slice(), late.refused.len()), (&[3][..], 1));
    let limits = [4_000_000, 0, 0, 5_000_000].map(Timestamp::from_micros);
    let options = RowOptions { not_after: NotAfter::PerRecord(&limits), ..options };
    let limited = path.encode(&decoded, evaluated, &options).unwrap();
    assert_eq!(limited.rows, [3]);
    assert_eq!(
        limited.refused.iter().map(|r| (r.origin.index, r.code)).collect::<Vec<_>>(),
        [(0, NO_EVENT_TIME), (2, NOT_COMPUTED)]
    );
}

#[test]
fn features_can_be_brought_as_they_are_stored() {
    let repo = Repo::new();
    let transformed = Reading { shape: Shape::Transformed, ..SOURCE };
    let text = r#"{"driver_id": 1, "at": 5, "percent": 50, "per_trip": 3}{"driver_id": 2, "event_timestamp": 5, "percent": 1}"#;
    let rows = rows(&repo.path("computed", transformed).unwrap(), text);
    assert_eq!(
        shown(&rows),
        [(1, 5_000_000, None, texts(&[Some("50.0"), Some("3")])), (2, 5_000_000, None, texts(&[Some("1.0"), None]))]
    );
}

#[test]
fn a_push_view_computes_from_records_like_its_files() {
    let repo = Repo::new();
    let text = r#"{"driver_id": 1, "ts": 5, "created": 6, "rate": 0.25}{"driver_id": 2, "ts": 5, "rate": "x"}"#;
    let rows = rows(&repo.path("computed_push", SOURCE).unwrap(), text);
    let shown = shown(&rows);
    assert_eq!((shown[0].0, shown[0].1, shown[0].2), (1, 5_000_000, Some(6_000_000)));
    assert!(shown[0].3.contains(&Some("0.5".to_owned())), "{shown:?}");
    assert_eq!(told(&rows), [(1, "E2003", "column `rate`: `\"x\"` is no number")]);
}

#[test]
fn a_view_without_entities_has_one_key() {
    let repo = Repo::new();
    let rows = rows(&repo.path("lonely", SOURCE).unwrap(), r#"{"ts": 5, "trips": 7}"#);
    let key = encode_key(3, &[("__dummy_id", KeyValue::String(String::new()))]).unwrap();
    assert_eq!(rows.batch.rows().map(|row| row.key().to_vec()).collect::<Vec<_>>(), [key]);
}

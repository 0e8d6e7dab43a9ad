//! Views with a transformation, from parquet files to stored cells.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float32Array, Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{Float32Type, Int64Type};
use feast_rs::feature_store::{
    EntityRows, FeatureSet, FeatureStore, HistoricalRequest, Location, MaterializeRequest, PlanScope, ViewReport,
    Window,
};
use feast_rs::model::Timestamp;
use feast_rs::online::{OnlineReader, ReadRequest, SqliteReader};
use feast_rs::row::{Cast, KeyValue, Keys, encode_key};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use proptest::prelude::*;

/// 2026-11-22T20:00:00Z
const T: i64 = 1_795_377_600_000_000;
const SECOND: i64 = 1_000_000;

const STORE: &str = "project: driver_stats
provider: local
registry: {registry_type: sql, path: 'sqlite:///data/registry.db'}
online_store: {type: sqlite, path: data/online_store.db}
entity_key_serialization_version: 3
";

const SOURCES: &str = "entities:
  - {name: driver, join_keys: [driver_id], value_type: INT64}
data_sources:
  - type: FileSource
    name: driver_stats_source
    path: data/driver_stats.parquet
    timestamp_field: event_timestamp
  - type: KinesisSource
    name: driver_stats_stream
    stream_name: drivers
    region: us-east-1
    timestamp_field: event_timestamp
    batch_source: driver_stats_source
    record_format:
      type: JsonFormat
      schema_json: \"driver_id integer, event_timestamp timestamp, conv_rate double, acc_rate double, trips bigint\"
";

/// One row of the files: driver, seconds after [`T`], conversion rate, trips.
type Row = (i64, i64, Option<f64>, Option<i64>);

fn write(path: &Path, rows: &[Row], group: usize) {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("driver_id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0)))),
        (
            "event_timestamp",
            Arc::new(
                TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| T + row.1 * SECOND))
                    .with_timezone("UTC"),
            ),
        ),
        ("conv_rate", Arc::new(rows.iter().map(|row| row.2).collect::<Float64Array>())),
        ("acc_rate", Arc::new(rows.iter().map(|row| row.2.map(|rate| rate / 2.0)).collect::<Float64Array>())),
        ("trips", Arc::new(rows.iter().map(|row| row.3).collect::<Int64Array>())),
    ];
    write_columns(path, columns, group);
}

fn write_columns(path: &Path, columns: Vec<(&str, ArrayRef)>, group: usize) {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true))).unwrap();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// A stream view over the sources above, with these lines below `schema` and `feature_transformation`.
fn stream_view(schema: &str, transformation: &str) -> String {
    format!(
        "{SOURCES}stream_feature_views:
  - name: v
    entities: [driver]
    source: driver_stats_stream
    timestamp_field: event_timestamp
    schema: [{schema}]
    feature_transformation:
{transformation}"
    )
}

struct Repo {
    folder: tempfile::TempDir,
}

type Cells = BTreeMap<(i64, String), (Vec<u8>, Timestamp)>;

impl Repo {
    fn new(definitions: &str, rows: &[Row]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("feature_store.yaml"), STORE).unwrap();
        std::fs::write(folder.path().join("features.yaml"), definitions).unwrap();
        write(&folder.path().join("data/driver_stats.parquet"), rows, 3);
        Self { folder }
    }

    fn materialize(&self) -> Result<ViewReport, feast_rs::error::Error> {
        self.materialize_with(false)
    }

    fn materialize_with(&self, overwrite: bool) -> Result<ViewReport, feast_rs::error::Error> {
        let location = Location { directory: self.folder.path().to_owned(), ..Location::default() };
        let environment = |_: &str| None;
        let store = FeatureStore::open(&location, &environment)?;
        let now = Timestamp::from_micros(T + 3_600 * SECOND);
        let planned = store.plan(PlanScope::default(), now)?;
        store.apply(&planned, now)?;
        let request = MaterializeRequest {
            views: vec!["v".to_owned()],
            window: Window::UntilNow,
            allow_future: false,
            overwrite,
            cast: Cast::Lossless,
            dry_run: false,
        };
        Ok(store.materialize(&request, now, &())?.views.remove(0))
    }

    fn cells(&self, drivers: impl IntoIterator<Item = i64>, features: &[&str]) -> Cells {
        let mut reader = SqliteReader::open(&self.folder.path().join("data/online_store.db")).unwrap();
        let mut cells = Cells::new();
        for driver in drivers {
            let mut keys = Keys::default();
            keys.push(&encode_key(3, &[("driver_id", KeyValue::Int64(driver))]).unwrap());
            let request = ReadRequest { table: "driver_stats_v", keys: &keys, features };
            for (feature, stored) in features.iter().zip(reader.read(&[request]).unwrap().remove(0)) {
                if let Some(stored) = stored {
                    cells.insert((driver, (*feature).to_owned()), (stored.value, stored.event));
                }
            }
        }
        cells
    }
}

/// `Value.float_val`
fn float(value: f32) -> Vec<u8> {
    [vec![0x35], value.to_le_bytes().to_vec()].concat()
}

#[test]
fn the_example_of_the_documentation() {
    let definitions = stream_view(
        "{name: conv_percentage, dtype: Float32}, {name: acc_percentage, dtype: Float32}",
        "      expressions:
        conv_percentage: conv_rate * 100.0
        acc_percentage: acc_rate * 100.0
",
    );
    let repo = Repo::new(&definitions, &[(1001, 0, Some(0.5), None), (1001, -60, Some(0.9), None)]);
    let report = repo.materialize().unwrap();
    assert_eq!((report.read, report.keys, report.written, report.refused), (2, 1, 2, 0));
    let cells = repo.cells([1001], &["conv_percentage", "acc_percentage"]);
    let cell = |feature: &str| cells[&(1001, feature.to_owned())].clone();
    assert_eq!(cell("conv_percentage"), (b"\x35\x00\x00\x48\x42".to_vec(), Timestamp::from_micros(T)));
    assert_eq!(cell("acc_percentage").0, b"\x35\x00\x00\xc8\x41");
}

#[test]
fn a_row_that_the_filter_drops_never_wins() {
    let definitions = stream_view(
        "{name: p, dtype: Float32}",
        "      sql: |
        SELECT driver_id, event_timestamp,
               conv_rate * 100.0 AS p
        FROM source
        WHERE trips > 3
",
    );
    let rows =
        [(1, 0, Some(0.5), Some(9)), (1, 10, Some(0.9), Some(3)), (1, 20, Some(0.8), None), (2, 0, None, Some(4))];
    let repo = Repo::new(&definitions, &rows);
    let report = repo.materialize().unwrap();
    assert_eq!((report.read, report.keys, report.filtered, report.refused), (2, 2, 2, 0));
    let cells = repo.cells([1, 2], &["p"]);
    assert_eq!(cells[&(1, "p".to_owned())], (float(50.0), Timestamp::from_micros(T)));
    assert_eq!(cells[&(2, "p".to_owned())].0, Vec::<u8>::new());
}

#[test]
fn an_overflow_refuses_its_row_and_the_newest_good_one_wins() {
    let definitions = stream_view("{name: next, dtype: Int64}", "      expressions: {next: trips + 1}\n");
    let rows =
        [(1, 0, None, Some(6)), (1, 10, None, Some(i64::MAX)), (2, 0, None, Some(7)), (3, 0, None, Some(i64::MAX))];
    let repo = Repo::new(&definitions, &rows);
    let report = repo.materialize().unwrap();
    assert_eq!((report.read, report.written, report.refused), (4, 2, 2));
    let refusal = &report.refusals[0];
    assert_eq!((refusal.row, refusal.value.contains("trips=9223372036854775807")), (1, true), "{refusal:?}");
    let cells = repo.cells([1, 2, 3], &["next"]);
    assert_eq!(cells[&(1, "next".to_owned())], (b"\x20\x07".to_vec(), Timestamp::from_micros(T)));
    assert_eq!(cells.len(), 2);
}

#[test]
fn keys_and_times_may_be_computed() {
    let definitions = stream_view(
        "{name: p, dtype: Float32}",
        "      sql: >-
        SELECT driver_id + 100 AS driver_id, event_timestamp - interval '1 hour' AS event_timestamp,
        conv_rate AS p FROM source
",
    );
    let repo = Repo::new(&definitions, &[(1, 7_000, Some(0.5), None), (1, 7_300, Some(0.25), None)]);
    let report = repo.materialize().unwrap();
    assert_eq!((report.read, report.keys, report.written), (1, 1, 1));
    let cells = repo.cells([1, 101], &["p"]);
    assert_eq!(cells[&(101, "p".to_owned())], (float(0.5), Timestamp::from_micros(T + 3_400 * SECOND)));
    assert_eq!(cells.len(), 1);
}

#[test]
fn aggregations_are_refused() {
    let definitions = stream_view("{name: p, dtype: Float32}", "      expressions: {p: conv_rate}\n")
        + "    aggregations: [{column: conv_rate, function: sum, time_window: 1h}]\n";
    let error = Repo::new(&definitions, &[(1, 0, None, None)]).materialize().unwrap_err();
    assert!(error.to_string().contains("aggregations"), "{error}");
}

#[test]
fn a_column_that_the_stream_has_no_room_for_is_an_error() {
    let repo = Repo::new(&stream_view("{name: p, dtype: Int64}", "      expressions: {p: trips}\n"), &[]);
    let text = std::fs::read_to_string(repo.folder.path().join("features.yaml")).unwrap();
    std::fs::write(repo.folder.path().join("features.yaml"), text.replace("trips bigint", "trips int")).unwrap();
    assert!(repo.materialize().is_err());
}

/// What the transformed view of the property test must hold, worked out row by row.
fn oracle(rows: &[Row]) -> (Cells, u64) {
    let mut newest: BTreeMap<i64, (i64, usize)> = BTreeMap::new();
    let mut cells = Cells::new();
    let keeps = |row: &Row| row.2.is_some_and(|rate| rate > 0.25);
    let next = |row: &Row| row.3.map_or(Ok(None), |trips| 12_i64.checked_div(trips).map(Some).ok_or(()));
    for (at, row) in rows.iter().enumerate().filter(|(_, row)| keeps(row) && next(row).is_ok()) {
        let entry = newest.entry(row.0).or_insert((row.1, at));
        *entry = (*entry).max((row.1, at));
    }
    for (driver, (event, at)) in &newest {
        let event = Timestamp::from_micros(T + event * SECOND);
        let rate = rows[*at].2.unwrap() * 100.0;
        #[allow(clippy::cast_possible_truncation, reason = "as the declaration says")]
        cells.insert((*driver, "p".to_owned()), (float(rate as f32), event));
        let mut value = Vec::new();
        if let Some(number) = next(&rows[*at]).unwrap() {
            value = [vec![0x20], varint(number)].concat();
        }
        cells.insert((*driver, "n".to_owned()), (value, event));
    }
    // refused are the bad rows of those keys whose newest row is bad
    let mut first: BTreeMap<i64, (i64, usize)> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate().filter(|(_, row)| keeps(row)) {
        let entry = first.entry(row.0).or_insert((row.1, at));
        *entry = (*entry).max((row.1, at));
    }
    let bad = |driver: &i64| first.get(driver).is_some_and(|(_, at)| next(&rows[*at]).is_err());
    let refused = rows.iter().filter(|row| keeps(row) && next(row).is_err() && bad(&row.0)).count();
    (cells, refused as u64)
}

fn varint(value: i64) -> Vec<u8> {
    let mut rest = u64::from_ne_bytes(value.to_ne_bytes());
    let mut bytes = Vec::new();
    while rest > 0x7f {
        bytes.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
        rest >>= 7;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes
}

const PROPERTY_SCHEMA: &str = "{name: p, dtype: Float32}, {name: n, dtype: Int64}";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn the_store_holds_what_row_by_row_computing_gives(
        rows in prop::collection::vec(
            (1_i64..4, -3_i64..4, prop::option::of(prop::sample::select(vec![0.1, 0.3, 0.7])), prop::option::of(0_i64..3)),
            1..14,
        ),
    ) {
        let text = "      expressions: {p: conv_rate * 100.0, n: 12 / trips}\n      filter: conv_rate > 0.25\n";
        let repo = Repo::new(&stream_view(PROPERTY_SCHEMA, text), &rows);
        let report = repo.materialize().unwrap();
        let (expected, refused) = oracle(&rows);
        prop_assert_eq!(repo.cells(1..4, &["p", "n"]), expected);
        prop_assert_eq!(report.refused, refused);
        prop_assert_eq!(report.read + report.filtered, rows.len() as u64);
    }

    #[test]
    fn a_pure_transformation_is_a_view_over_computed_files(
        rows in prop::collection::vec((1_i64..5, -3_i64..4, prop::option::of(-2.0_f64..2.0), prop::option::of(-50_i64..50)), 1..20),
    ) {
        let text = "      sql: SELECT conv_rate * 100.0 AS p, trips * 2 - 1 AS n FROM source\n";
        let transformed = Repo::new(&stream_view(PROPERTY_SCHEMA, text), &rows);
        transformed.materialize().unwrap();
        let plain = format!("{SOURCES}feature_views:\n  - name: v\n    entities: [driver]\n    source: {{type: file, name: done, path: data/done.parquet, timestamp_field: event_timestamp}}\n    schema: [{PROPERTY_SCHEMA}]\n");
        let plain = Repo::new(&plain, &rows);
        #[allow(clippy::cast_possible_truncation, reason = "as the declaration says")]
        let p = rows.iter().map(|row| row.2.map(|rate| f64::from((rate * 100.0) as f32))).collect::<Float64Array>();
        write_columns(&plain.folder.path().join("data/done.parquet"), vec![
            ("driver_id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0)))),
            ("event_timestamp", Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| T + row.1 * SECOND)))),
            ("p", Arc::new(p)),
            ("n", Arc::new(rows.iter().map(|row| row.3.map(|trips| trips * 2 - 1)).collect::<Int64Array>())),
        ], 5);
        plain.materialize().unwrap();
        let cells = |repo: &Repo| repo.cells(1..5, &["p", "n"]);
        prop_assert_eq!(cells(&transformed), cells(&plain));
    }
}

/// A row of the log: driver, seconds after [`T`], the features `p` and `n`.
type Logged = (i64, i64, Option<f32>, Option<i64>);

/// `p` and `n`
type Features = (Option<f32>, Option<i64>);

/// A row of the view, from wherever: driver, seconds after [`T`], features.
fn view_rows(rows: &[Row], log: &[Logged]) -> Vec<Logged> {
    #[allow(clippy::cast_possible_truncation, reason = "as the declaration says")]
    let computed = |row: &Row| {
        let rate = row.2.filter(|rate| *rate > 0.25)?;
        let next = row.3.map_or(Some(None), |trips| 12_i64.checked_div(trips).map(Some))?;
        Some((row.0, row.1, Some((rate * 100.0) as f32), next))
    };
    rows.iter().filter_map(computed).chain(log.iter().copied()).collect()
}

/// The newest row of a driver up to some second; of equal ones the last, so that the log comes before the batch source.
fn as_of(rows: &[Logged], driver: i64, at: i64, ttl: i64) -> Option<Logged> {
    let known = rows.iter().enumerate().filter(|(_, row)| row.0 == driver && row.1 <= at && row.1 >= at - ttl);
    known.max_by_key(|(place, row)| (row.1, *place)).map(|(_, row)| *row)
}

const WITH_LOG: &str = "    ttl: 4s
    sink_source: {type: file, name: log, path: data/log, timestamp_field: event_timestamp}
    feature_transformation:
      expressions: {p: conv_rate * 100.0, n: 12 / trips}
      filter: conv_rate > 0.25
";

impl Repo {
    fn with_log(rows: &[Row], log: &[Logged]) -> Self {
        let definitions = stream_view(PROPERTY_SCHEMA, "").replace("    feature_transformation:\n", WITH_LOG);
        let repo = Self::new(&definitions, rows);
        if !log.is_empty() {
            let instants = log.iter().map(|row| T + row.1 * SECOND);
            write_columns(
                &repo.folder.path().join("data/log/part-1.parquet"),
                vec![
                    ("driver_id", Arc::new(Int64Array::from_iter_values(log.iter().map(|row| row.0)))),
                    (
                        "event_timestamp",
                        Arc::new(TimestampMicrosecondArray::from_iter_values(instants).with_timezone("UTC")),
                    ),
                    ("p", Arc::new(log.iter().map(|row| row.2).collect::<Float32Array>())),
                    ("n", Arc::new(log.iter().map(|row| row.3).collect::<Int64Array>())),
                ],
                2,
            );
        }
        repo
    }

    /// The features of each driver at each second, and how many records were refused.
    fn history(&self, asked: &[(i64, i64)]) -> (Vec<Features>, u64) {
        let location = Location { directory: self.folder.path().to_owned(), ..Location::default() };
        let environment = |_: &str| None;
        let store = FeatureStore::open(&location, &environment).unwrap();
        let row = |(driver, at): &(i64, i64)| {
            let instant = Timestamp::from_micros(T + at * SECOND);
            format!("{{\"driver_id\": {driver}, \"event_timestamp\": \"{instant}\"}}")
        };
        let rows: Vec<String> = asked.iter().map(row).collect();
        let request = HistoricalRequest {
            features: FeatureSet::References(vec!["v:p".to_owned(), "v:n".to_owned()]),
            entities: EntityRows::Json(format!("[{}]", rows.join(","))),
            full_feature_names: false,
            out: None,
        };
        let report = store.get_historical_features(&request, Timestamp::from_micros(T), &()).unwrap();
        let mut answers = Vec::new();
        for batch in &report.table {
            let p = batch.column_by_name("p").unwrap().as_primitive::<Float32Type>();
            let n = batch.column_by_name("n").unwrap().as_primitive::<Int64Type>();
            answers.extend(p.iter().zip(n.iter()));
        }
        (answers, report.refused)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn history_and_store_read_the_batch_source_through_the_transformation_and_the_log_as_it_is(
        rows in prop::collection::vec(
            (1_i64..4, -3_i64..4, prop::option::of(prop::sample::select(vec![0.1, 0.3, 0.7])), prop::option::of(0_i64..3)),
            1..14,
        ),
        log in prop::collection::vec((1_i64..5, -3_i64..4, prop::option::of(0.0_f32..9.0), prop::option::of(-9_i64..9)), 0..6),
        asked in prop::collection::vec((1_i64..6, -5_i64..9), 1..8),
        overwrite in any::<bool>(),
    ) {
        let repo = Repo::with_log(&rows, &log);
        let report = repo.materialize_with(overwrite).unwrap();
        let known = view_rows(&rows, &log);
        let expected: Vec<_> =
            asked.iter().map(|(driver, at)| as_of(&known, *driver, *at, 4).map_or((None, None), |row| (row.2, row.3))).collect();
        prop_assert_eq!(repo.history(&asked).0, expected);
        let mut cells = Cells::new();
        for row in (1..5).filter_map(|driver| as_of(&known, driver, 3_600, 7_200)) {
            let event = Timestamp::from_micros(T + row.1 * SECOND);
            cells.insert((row.0, "p".to_owned()), (row.2.map(float).unwrap_or_default(), event));
            cells.insert((row.0, "n".to_owned()), (row.3.map(|n| [vec![0x20], varint(n)].concat()).unwrap_or_default(), event));
        }
        prop_assert_eq!(repo.cells(1..5, &["p", "n"]), cells);
        prop_assert_eq!(report.read + report.filtered, (rows.len() + log.len()) as u64);
    }
}

#[test]
fn a_record_that_cannot_be_computed_is_no_row_of_history_and_is_told_of() {
    let rows = [(1, 0, Some(0.5), Some(6)), (1, 1, Some(0.5), Some(0)), (2, 0, Some(0.5), Some(0))];
    let repo = Repo::with_log(&rows, &[]);
    repo.materialize().unwrap();
    let (answers, refused) = repo.history(&[(1, 2), (2, 2), (1, 0)]);
    assert_eq!(answers, [(Some(50.0), Some(2)), (None, None), (Some(50.0), Some(2))]);
    assert_eq!(refused, 2);
}

/// Line, column, underlined length, message and label of every problem.
fn problems(definitions: &str) -> Vec<(usize, usize, usize, String, String)> {
    let repo = Repo::new(definitions, &[(1, 0, Some(0.5), Some(1))]);
    let location = Location { directory: repo.folder.path().to_owned(), ..Location::default() };
    let environment = |_: &str| None;
    let store = FeatureStore::open(&location, &environment).unwrap();
    match store.validate(false, Timestamp::from_micros(T)) {
        Ok(_) => Vec::new(),
        Err(feast_rs::error::Error::Repo(error)) => {
            error.problems().iter().map(|p| (p.line, p.column, p.length, p.message.clone(), p.label.clone())).collect()
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn validate_points_into_the_expression() {
    let first = stream_view("{name: p, dtype: Float32}", "").lines().count();
    for (text, line, column) in [
        ("      expressions:\n        p: conv_ratio * 100.0\n", 2, 12),
        ("      expressions:\n        p: '1 + conv_ratio * 100.0'\n", 2, 17),
        ("      sql: |\n        SELECT driver_id,\n               2 * conv_ratio AS p\n        FROM source\n", 3, 20),
    ] {
        let found = problems(&stream_view("{name: p, dtype: Float32}", text));
        let expected =
            (first + line, column, 10, "there is no column `conv_ratio`".into(), "did you mean `conv_rate`?".into());
        assert_eq!(found, [expected], "{text}");
    }
}

#[test]
fn validate_refuses_what_cannot_be_computed_row_by_row_or_does_not_fit() {
    for (schema, text, words) in [
        ("{name: p, dtype: Float64}", "      expressions: {p: sum(conv_rate)}\n", "sum"),
        ("{name: p, dtype: Float64}", "      sql: SELECT conv_rate AS p FROM source LIMIT 3\n", "LIMIT"),
        ("{name: p, dtype: Float64}", "      sql: SELECT conv_rate AS p FROM source JOIN b ON 1 = 1\n", "JOIN"),
        ("{name: p, dtype: Float64}", "      expressions: {p: (SELECT 1)}\n", ""),
        ("{name: p, dtype: Int64}", "      expressions: {p: conv_rate * 2}\n", "declared Int64"),
        ("{name: p, dtype: Int32}", "      expressions: {p: trips + 1}\n", "declared Int32"),
        ("{name: p, dtype: String}", "      sql: SELECT conv_rate AS p FROM source\n", "declared String"),
    ] {
        let found = problems(&stream_view(schema, text));
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].3.contains(words), "{text}: {found:?}");
    }
    let two = "      expressions: {p: a, q: b}\n      filter: c\n";
    assert_eq!(problems(&stream_view("{name: p, dtype: Float32}, {name: q, dtype: Float32}", two)).len(), 3);
    assert_eq!(problems(&stream_view("{name: p, dtype: Float32}", "      expressions: {p: conv_rate * 2}\n")), []);
}

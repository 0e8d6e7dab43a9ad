//! The verb over a repo of its own: Feast's answers, a naive reference, and what it refuses.

use std::fs::File;
use std::path::Path;

use ::parquet::arrow::ArrowWriter;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use ::parquet::file::properties::WriterProperties;
use arrow::array::{Array, AsArray, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::feature_store::{Location, PlanScope};

const NOW: Timestamp = Timestamp::from_micros(1_795_377_600_000_000);
const SETTINGS: &str = "project: p\nprovider: local\nregistry: {registry_type: sql, path: 'sqlite:///registry.db'}\n\
                        online_store: {type: sqlite, path: online.db}\nentity_key_serialization_version: 3\n";

/// A folder with an applied repo.
struct Repo {
    folder: TempDir,
}

impl Repo {
    /// Definitions over files that `files` writes into the folder.
    fn new(definitions: &str, files: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        files(folder.path());
        std::fs::write(folder.path().join("feature_store.yaml"), SETTINGS).unwrap();
        std::fs::write(folder.path().join("features.yaml"), definitions).unwrap();
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

    fn ask(&self, request: &HistoricalRequest) -> Result<HistoricalReport, Error> {
        self.with(|store| store.get_historical_features(request, NOW, &()))
    }

    /// The answer as one table.
    fn table(&self, features: &[&str], entities: EntityRows) -> RecordBatch {
        let report = self.ask(&request(features, entities)).unwrap();
        let table = concat_batches(&report.table[0].schema(), &report.table).unwrap();
        assert_eq!(table.num_rows() as u64, report.rows);
        table
    }

    fn error(&self, features: &[&str], entities: &str) -> String {
        let error = self.ask(&request(features, EntityRows::Json(entities.to_owned()))).unwrap_err();
        format!("{error}; {}", error.hint().unwrap_or_default())
    }
}

fn request(features: &[&str], entities: EntityRows) -> HistoricalRequest {
    let features = FeatureSet::References(features.iter().map(|feature| (*feature).to_owned()).collect());
    HistoricalRequest { features, entities, full_feature_names: false, out: None }
}

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>, group: usize) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn utc(micros: impl IntoIterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(micros.into_iter().collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

fn view(name: &str, ttl: &str, source: &str, features: &str) -> String {
    format!("feature_views:\n  - {{name: {name}, entities: [e], ttl: {ttl}, source: {source}, schema: [{features}]}}\n")
}

const ENTITY: &str = "entities: [{name: e, join_keys: [eid], value_type: INT64}]\n";

fn source(created: bool) -> String {
    let created = if created { ", created_timestamp_column: created" } else { "" };
    format!("data_sources: [{{type: FileSource, name: s, path: s.parquet, timestamp_field: ts{created}}}]\n")
}

// --- Feast's answers

#[derive(serde::Deserialize)]
struct Case {
    label: String,
    parquet: String,
    ttl_seconds: f64,
    created_timestamp_column: Option<String>,
    kwargs: serde_json::Value,
    entity_df: Option<Vec<serde_json::Map<String, serde_json::Value>>>,
    columns: Vec<String>,
    rows_any_order: Vec<Vec<serde_json::Value>>,
}

/// Deliberate differences. Feast can leave out rows that were created after the instant
/// (`filter_by_created_timestamp`), and can ask for the entities of a stretch of time; we do neither.
const NOT_OURS: [&str; 2] = ["filter by created", "no entity frame"];

#[test]
fn answers_are_those_of_feast_but_for_the_rows_that_it_drops() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/feast");
    let text = std::fs::read(golden.join("historical.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_slice(&text).unwrap();
    let mut compared = 0;
    for case in cases.iter().filter(|case| !NOT_OURS.contains(&case.label.as_str())) {
        compare(case, &golden.join(&case.parquet));
        compared += 1;
    }
    assert_eq!(compared, 7);
}

fn compare(case: &Case, parquet: &Path) {
    let stored = ParquetRecordBatchReaderBuilder::try_new(File::open(parquet).unwrap()).unwrap();
    let dtype = match stored.schema().field_with_name("f").unwrap().data_type() {
        DataType::Float64 => "Float64",
        DataType::Int64 => "Int64",
        other => panic!("a feature of {other}"),
    };
    let time = ["ts", "event_timestamp"].into_iter().find(|name| stored.schema().column_with_name(name).is_some());
    let definitions = format!(
        "{ENTITY}{}{}",
        source(case.created_timestamp_column.is_some())
            .replace("timestamp_field: ts", &format!("timestamp_field: {}", time.unwrap())),
        view("fv", &format!("{}s", case.ttl_seconds), "s", &format!("{{name: f, dtype: {dtype}}}"))
    );
    let repo = Repo::new(&definitions, |folder| {
        std::fs::copy(parquet, folder.join("s.parquet")).unwrap();
    });
    let given: Vec<serde_json::Value> = case.entity_df.iter().flatten().map(plain).collect();
    let mut request = request(&["fv:f"], EntityRows::Json(serde_json::Value::Array(given.clone()).to_string()));
    request.full_feature_names = case.kwargs.get("full_feature_names").is_some();
    let report = repo.ask(&request).unwrap();
    assert_eq!(report.columns, case.columns, "{}", case.label);
    let answered: Vec<Vec<String>> = report.table.iter().flat_map(cells).collect();
    let wanted: Vec<Vec<String>> = case.rows_any_order.iter().map(|row| row.iter().map(cell).collect()).collect();
    // every entity row, in order
    assert_eq!(answered.len(), given.len(), "{}", case.label);
    for row in &wanted {
        assert!(answered.contains(row), "{}: {row:?} is not in {answered:?}", case.label);
    }
    // beyond Feast's rows only the dropped ones, with nulls, and the collapsed ones, which equal another but for their label
    for (row, given) in answered.iter().zip(&given).filter(|(row, _)| !wanted.contains(row)) {
        let is_dropped = row.last().unwrap() == "null";
        let is_collapsed = wanted.iter().any(|other| other[..2] == row[..2] && other.last() == row.last());
        assert!(is_dropped || is_collapsed, "{}: {row:?} for {given}", case.label);
    }
}

fn plain(row: &serde_json::Map<String, serde_json::Value>) -> serde_json::Value {
    row.iter().map(|(name, value)| (name.clone(), value.get("$ts").unwrap_or(value).clone())).collect()
}

/// Numbers as floats, times as microseconds.
fn cell(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(_) => {
            Timestamp::parse(value["$ts"].as_str().unwrap(), NOW).unwrap().micros().to_string()
        }
        serde_json::Value::Number(number) => number.as_f64().unwrap().to_string(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn cells(batch: &RecordBatch) -> Vec<Vec<String>> {
    let text = |column: &ArrayRef, row: usize| match column.data_type() {
        _ if column.is_null(row) => "null".to_owned(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::Timestamp(..) => column.as_primitive::<TimestampMicrosecondType>().value(row).to_string(),
        _ => column.as_string::<i32>().value(row).to_owned(),
    };
    (0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| text(column, row)).collect()).collect()
}

// --- a naive reference

#[derive(Clone, Debug)]
struct SourceRow {
    key: Option<i32>,
    event: Option<i64>,
    created: Option<i64>,
    value: Option<i64>,
}

fn source_row() -> impl Strategy<Value = SourceRow> {
    let key = prop::option::weighted(0.95, 0..4);
    let event = prop::option::weighted(0.95, -20_i64..60);
    let created = prop::option::weighted(0.8, 0_i64..4);
    (key, event, created, prop::option::of(0_i64..1000)).prop_map(|(key, event, created, value)| SourceRow {
        key,
        event,
        created,
        value,
    })
}

/// What a user would do by hand: look at every row.
fn naive(rows: &[SourceRow], asked: (Option<i64>, Option<i64>), ttl: Option<i64>) -> Option<i64> {
    let (key, at) = (asked.0?, asked.1?);
    let is_known = |row: &&SourceRow| {
        row.key.map(i64::from) == Some(key)
            && row.event.is_some_and(|event| event <= at && ttl.is_none_or(|ttl| event >= at - ttl))
    };
    let newest = rows.iter().enumerate().filter(|(_, row)| is_known(row));
    newest.max_by_key(|(place, row)| (row.event, row.created, *place)).and_then(|(_, row)| row.value)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn two_views_answer_as_by_hand(
        left in prop::collection::vec(source_row(), 1..80),
        right in prop::collection::vec(source_row(), 1..40),
        asked in prop::collection::vec((prop::option::weighted(0.9, -1_i64..6), prop::option::weighted(0.9, -30_i64..80)), 0..60),
        ttl in prop::option::of(1_i64..30),
        group in 1_usize..30,
    ) {
        let definitions = format!(
            "{ENTITY}data_sources:\n  - {{type: FileSource, name: s, path: s.parquet, timestamp_field: ts, created_timestamp_column: created}}\n\
             \x20 - {{type: FileSource, name: t, path: t.parquet, timestamp_field: ts, created_timestamp_column: created}}\n{}{}",
            view("left", &ttl.map_or("0s".to_owned(), |ttl| format!("{ttl}s")), "s", "{name: f, dtype: Int64}"),
            view("right", "0s", "t", "{name: g, dtype: Float64}").replace("feature_views:\n", ""),
        );
        let repo = Repo::new(&definitions, |folder| {
            for (name, feature, rows) in [("s.parquet", "f", &left), ("t.parquet", "g", &right)] {
                let seconds = |of: fn(&SourceRow) -> Option<i64>| utc(rows.iter().map(|row| of(row).map(|at| at * 1_000_000)));
                let columns: Vec<(&str, ArrayRef)> = vec![
                    ("eid", Arc::new(rows.iter().map(|row| row.key).collect::<Int32Array>())),
                    ("ts", seconds(|row| row.event)),
                    ("created", seconds(|row| row.created)),
                    (feature, Arc::new(rows.iter().map(|row| row.value).collect::<Int64Array>())),
                ];
                write(&folder.join(name), columns, group);
            }
            let keys: ArrayRef = Arc::new(asked.iter().map(|(key, _)| *key).collect::<Int64Array>());
            let times = utc(asked.iter().map(|(_, at)| at.map(|at| at * 1_000_000)));
            let numbers: ArrayRef = Arc::new((0_i32..).take(asked.len()).map(Some).collect::<Int32Array>());
            write(&folder.join("asked.parquet"), vec![("eid", keys), ("n", numbers), ("event_timestamp", times)], group);
        });
        let entities = EntityRows::File(repo.folder.path().join("asked.parquet"));
        let table = repo.table(&["right:g", "left:f"], entities);
        prop_assert_eq!(table.num_rows(), asked.len());
        prop_assert!(table.column(1).as_primitive::<arrow::datatypes::Int32Type>().values().iter().copied().eq((0..).take(asked.len())));
        let found: Vec<Option<i64>> = table.column_by_name("f").unwrap().as_primitive::<Int64Type>().iter().collect();
        let expected: Vec<Option<i64>> = asked.iter().map(|pair| naive(&left, *pair, ttl)).collect();
        prop_assert_eq!(found, expected);
        let found: Vec<Option<f64>> = table.column_by_name("g").unwrap().as_primitive::<Float64Type>().iter().collect();
        #[allow(clippy::cast_precision_loss, reason = "numbers below a thousand")]
        let expected: Vec<Option<f64>> = asked.iter().map(|pair| naive(&right, *pair, None).map(|value| value as f64)).collect();
        prop_assert_eq!(found, expected);
    }
}

// --- shapes of requests

fn sample() -> Repo {
    let definitions = format!(
        "{ENTITY}{}{}feature_services:\n  - name: pair\n    features:\n\
         \x20     - {{feature_view: fv, features: [f], name_alias: left, join_key_map: {{eid: left_id}}}}\n\
         \x20     - {{feature_view: fv, features: [f, when], name_alias: right, join_key_map: {{eid: right_id}}}}\n",
        source(false),
        view("fv", "0s", "s", "{name: f, dtype: Int64}, {name: when, dtype: UnixTimestamp}, {name: odd, dtype: Int64}")
    );
    Repo::new(&definitions, |folder| {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("eid", Arc::new(Int64Array::from(vec![1, 2, 2]))),
            ("ts", utc([Some(0), Some(0), Some(5_000_000)])),
            ("f", Arc::new(Int32Array::from(vec![10, 20, 21]))),
            (
                "when",
                Arc::new(
                    cast(&utc([Some(7), None, Some(9)]), &DataType::Timestamp(TimeUnit::Nanosecond, None)).unwrap(),
                ),
            ),
            ("odd", Arc::new(arrow::array::Float64Array::from(vec![1.0, 2.5, 3.0]))),
        ];
        write(&folder.join("s.parquet"), columns, 100);
    })
}

#[test]
fn a_service_joins_one_view_twice() {
    let repo = sample();
    let mut request = request(
        &[],
        EntityRows::Json(r#"[{"left_id": 1, "right_id": 2, "event_timestamp": "1970-01-01T00:00:09Z"}]"#.to_owned()),
    );
    request.features = FeatureSet::Service("pair".to_owned());
    assert!(repo.ask(&request).unwrap_err().hint().unwrap().contains("--full-feature-names"));
    request.full_feature_names = true;
    let report = repo.ask(&request).unwrap();
    assert_eq!(report.columns, ["left_id", "right_id", "event_timestamp", "left__f", "right__f", "right__when"]);
    let table = concat_batches(&report.table[0].schema(), &report.table).unwrap();
    assert_eq!(cells(&table)[0], ["1", "2", "9000000", "10", "21", "9"]);
    assert_eq!(*table.column(5).data_type(), DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
}

#[test]
fn entity_columns_keep_their_types_in_every_form() {
    let repo = sample();
    let csv = repo.folder.path().join("e.csv");
    std::fs::write(&csv, "note,eid,when_asked\nb,2,1970-01-01 00:00:04\na,7,1970-01-01T00:00:05Z\n").unwrap();
    let table = repo.table(&["fv:f"], EntityRows::File(csv));
    assert_eq!(cells(&table), [["b", "2", "4000000", "20"], ["a", "7", "5000000", "null"]]);
    let parquet = repo.folder.path().join("e.parquet");
    let small: ArrayRef = Arc::new(arrow::array::UInt8Array::from(vec![2, 1]));
    let naive: ArrayRef = Arc::new(arrow::array::TimestampSecondArray::from(vec![4, 5]));
    let label: ArrayRef = Arc::new(StringArray::from(vec!["x", "y"]));
    write(&parquet, vec![("eid", small.clone()), ("event_timestamp", naive.clone()), ("label", label.clone())], 1);
    let table = repo.table(&["fv:f"], EntityRows::File(parquet));
    assert_eq!(table.columns()[..3], [small, naive, label]);
    assert_eq!(table.column(3).as_primitive::<Int64Type>().values()[..], [20, 10]);
}

#[test]
fn files_hold_what_memory_would() {
    let repo = sample();
    let entities = r#"[{"eid": 2, "event_timestamp": "1970-01-01T00:00:05Z"}, {"eid": 3, "event_timestamp": null}]"#;
    let mut request = request(&["fv:f", "fv:when"], EntityRows::Json(entities.to_owned()));
    let memory = repo.ask(&request).unwrap().table;
    let out = repo.folder.path().join("out.parquet");
    request.out = Some(out.clone());
    let report = repo.ask(&request).unwrap();
    assert_eq!((report.rows, report.table.len()), (2, 0));
    let stored = ParquetRecordBatchReaderBuilder::try_new(File::open(out).unwrap()).unwrap().build().unwrap();
    let stored: Vec<RecordBatch> = stored.map(Result::unwrap).collect();
    assert_eq!(stored.iter().flat_map(cells).collect::<Vec<_>>(), memory.iter().flat_map(cells).collect::<Vec<_>>());
    let out = repo.folder.path().join("out.csv");
    request.out = Some(out.clone());
    repo.ask(&request).unwrap();
    assert_eq!(
        std::fs::read_to_string(out).unwrap(),
        "eid,event_timestamp,f,when\n2,1970-01-01T00:00:05Z,21,1970-01-01T00:00:00.000009Z\n3,,,\n"
    );
}

#[test]
fn a_value_that_does_not_fit_is_null_and_told_of() {
    let entities =
        r#"[{"eid": 2, "event_timestamp": "1970-01-01T00:00:01Z"}, {"eid": 2, "event_timestamp": "1970-01-02"}]"#;
    let report = sample().ask(&request(&["fv:odd"], EntityRows::Json(entities.to_owned()))).unwrap();
    assert_eq!(report.table.iter().flat_map(cells).map(|row| row[2].clone()).collect::<Vec<_>>(), ["null", "3"]);
    assert_eq!((report.refused, report.refusals[0].row, report.refusals[0].value.as_str()), (1, 1, "2.5"));
}

#[test]
fn an_entity_table_without_rows_has_its_columns() {
    let repo = sample();
    let path = repo.folder.path().join("e.csv");
    std::fs::write(&path, "eid,event_timestamp\n").unwrap();
    let table = repo.table(&["fv:f"], EntityRows::File(path));
    assert_eq!((table.num_rows(), table.num_columns()), (0, 3));
}

#[test]
fn mistakes_are_named_with_the_nearest_name() {
    let repo = sample();
    let good = r#"[{"eid": 2, "event_timestamp": "1970-01-01"}]"#;
    for (features, entities, words) in [
        (["fw:f"], good, "there is no feature view `fw`; there are: fv"),
        (["fv:ood"], good, "did you mean `odd`?"),
        (["f"], good, "`f` is no feature reference"),
        (
            ["fv:f"],
            r#"[{"edi": 2, "event_timestamp": "1970-01-01"}]"#,
            "there is no column of the entity table `eid`; did you mean `edi`?",
        ),
        (
            ["fv:f"],
            r#"[{"eid": true, "event_timestamp": "1970-01-01"}]"#,
            "column `eid` of the entity table cannot be the join key `eid`",
        ),
        (["fv:f"], r#"[{"eid": 2, "f": 1, "event_timestamp": "1970-01-01"}]"#, "has a column `f` already"),
        (["fv:f"], r#"[{"eid": 2}]"#, "does not say which column is the event time"),
        (["fv:f"], "[1]", "is no JSON array of objects"),
    ] {
        let said = repo.error(&features, entities);
        assert!(said.contains(words), "`{words}` is not in `{said}`");
    }
    let missing = repo.ask(&request(&["fv:f"], EntityRows::File("/nowhere/e.parquet".into()))).unwrap_err();
    assert_eq!(missing.kind(), crate::error::Kind::NotFound);
}

//! The pushes that Feast 0.67 was asked for, asked of us: the same cells, but for the listed differences.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use serde_json::{Value as Json, json};

use crate::harness::Repo;

/// Number of the case, our exit code, and why our cells are others than Feast's.
const DIFFERENCES: &[(u64, i32, &str)] = &[
    (2, 0, "a created time that is absent is null; Feast fails"),
    (5, 0, "a feature that is absent keeps what is stored; Feast fails"),
    (8, 0, "a null is a value, also where all are null; Feast writes nothing"),
    (12, 0, "times may be written in several ways; Feast fails"),
    (13, 0, "a number of that size is seconds; to Feast it is nanoseconds"),
    (15, 0, "a created time that is null is none; Feast fails"),
    (17, 0, "the newest event stays; in Feast the last row"),
    (18, 3, "a text is no Int64 unless `--cast lossy` says so"),
    (20, 3, "7.9 is no Int64 unless `--cast lossy` says so"),
];

fn repo(created: &str, two: bool) -> Repo {
    let created = if created.is_empty() { String::new() } else { format!(", created_timestamp_column: {created}") };
    let view = |name: &str, more: &str| {
        format!("  - {{name: {name}, entities: [e], source: ps, schema: [{{name: f, dtype: Int64}}{more}]}}\n")
    };
    let first = view("fv", ", {name: g, dtype: Float32}");
    let views = if two { first + &view("fv2", "") } else { first };
    let definitions = format!(
        "entities: [{{name: e, join_keys: [eid], value_type: INT64}}]\ndata_sources:\n  - {{type: FileSource, name: files, \
         path: s.parquet, timestamp_field: event_timestamp{created}}}\n  - {{type: PushSource, name: ps, batch_source: \
         files}}\nfeature_views:\n{views}"
    );
    let times = || Arc::new(TimestampMicrosecondArray::from(vec![0]).with_timezone("UTC")) as ArrayRef;
    let ints = || Arc::new(Int64Array::from(vec![1])) as ArrayRef;
    let floats = Arc::new(Float32Array::from(vec![1.0])) as ArrayRef;
    let columns =
        vec![("eid", ints()), ("event_timestamp", times()), ("created", times()), ("f", ints()), ("g", floats)];
    let repo = Repo::new()
        .file("feature_store.yaml", crate::sample::SETTINGS)
        .file("features.yaml", definitions)
        .parquet("s.parquet", &RecordBatch::try_from_iter(columns).unwrap());
    repo.run(["apply"]).ok();
    repo
}

/// A frame as Feast's own object of columns.
fn columns(frame: &Json) -> Json {
    let cell = |cell: &Json| match cell.get("$ts").unwrap_or(cell) {
        Json::String(text) if text == "NaT" => Json::Null,
        other => other.clone(),
    };
    let columns = frame.as_object().unwrap().iter();
    columns
        .map(|(name, cells)| (name.clone(), Json::Array(cells.as_array().unwrap().iter().map(cell).collect())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// `feature_name`, `value`, `value_text`, `event_ts`, `created_ts` of every cell.
fn stored(repo: &Repo, view: &str) -> Vec<Json> {
    let sql = format!(
        "SELECT feature_name, lower(hex(value)), value_text, event_ts, created_ts FROM driver_stats_{view} ORDER BY 1"
    );
    let online = repo.online();
    let mut statement = online.prepare(&sql).unwrap();
    let cells = statement.query_map([], |row| {
        let (name, value, text): (String, String, Option<String>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (event, created): (i64, Option<i64>) = (row.get(3)?, row.get(4)?);
        Ok(json!([name, value, text, event, created]))
    });
    cells.unwrap().map(Result::unwrap).collect()
}

fn theirs(rows: &Json) -> Vec<Json> {
    let cell =
        |row: &Json| json!([row["feature_name"], row["value"], row["value_text"], row["event_ts"], row["created_ts"]]);
    rows.as_array().map(|rows| rows.iter().map(cell).collect()).unwrap_or_default()
}

#[test]
fn what_feast_pushed_is_pushed_the_same() {
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/feast/push.json");
    let cases: Vec<Json> = serde_json::from_slice(&std::fs::read(golden).unwrap()).unwrap();
    let (mut same, mut different) = (0, 0);
    for case in cases.iter().filter(|case| case["to"] == "online") {
        let two = case["second_view_on_same_source"] == true;
        let repo = repo(case["source_created_column"].as_str().unwrap(), two);
        let answer = repo.run(["push", case["push_source"].as_str().unwrap(), &columns(&case["df"]).to_string()]);
        let id = case["id"].as_u64().unwrap();
        let difference = DIFFERENCES.iter().find(|(number, ..)| *number == id);
        let (ours, expected) = (stored(&repo, "fv"), theirs(&case["rows"]));
        if let Some((_, code, _)) = difference {
            assert_eq!(answer.code, *code, "{id}: {}", answer.all());
            assert_ne!(
                (answer.code != 0, ours),
                (!case["error"].is_null(), expected),
                "{id} is no difference any longer"
            );
            different += 1;
            continue;
        }
        assert_eq!(answer.code != 0, !case["error"].is_null(), "{id}: {}", answer.all());
        assert_eq!(ours, expected, "{id}: {}", answer.all());
        if two {
            assert_eq!(stored(&repo, "fv2"), theirs(&case["rows_fv2"]), "{id}");
        }
        same += 1;
    }
    assert_eq!((same, different), (14, DIFFERENCES.len()));
}

//! `get-historical-features`: entity tables of every form in, a table, JSON or a file out.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::harness::Repo;
use crate::sample::{BEGIN, HOUR};

const TRIPS: &str = "driver_hourly_stats:avg_daily_trips";

fn get(repo: &Repo, arguments: &[&str]) -> Value {
    let mut all = vec!["get-historical-features", "-o", "json"];
    all.extend(arguments);
    repo.json(all)
}

#[test]
fn each_row_is_answered_as_of_its_instant_and_in_order() {
    let repo = Repo::applied();
    let entities = r#"[
        {"driver_id": 1002, "event_timestamp": "2024-01-01T03:59:59"},
        {"driver_id": 1001, "event_timestamp": "2024-01-01T01:00:00+01:00"},
        {"driver_id": 1001, "event_timestamp": "2023-12-31T23:00:00Z"},
        {"driver_id": 7, "event_timestamp": "2024-01-02"},
        {"driver_id": 1002, "event_timestamp": "2024-01-01T03:59:59"}]"#;
    let answer = get(&repo, &["-d", entities, "-f", TRIPS, "-f", "driver_hourly_stats:conv_rate"]);
    let first = json!({"driver_id": 1002, "event_timestamp": "2024-01-01T03:59:59Z", "avg_daily_trips": 1032, "conv_rate": 0.3});
    assert_eq!(answer[0], first);
    assert_eq!(answer[4], first);
    let trips: Vec<_> = answer.as_array().unwrap().iter().map(|row| row["avg_daily_trips"].clone()).collect();
    assert_eq!(trips, [json!(1032), json!(1001), Value::Null, Value::Null, json!(1032)]);
}

#[test]
fn the_ttl_reaches_back_to_its_last_instant() {
    let repo = Repo::sample();
    repo.edit("features.yaml", "ttl: 100000d", "ttl: 1h");
    repo.run(["apply"]).ok();
    let entities = r#"[{"driver_id": 1001, "event_timestamp": "2024-01-01T06:00:00"},
        {"driver_id": 1001, "event_timestamp": "2024-01-01T06:00:00.000001"}]"#;
    let answer = get(&repo, &["--dataframe", entities, "-f", TRIPS]);
    assert_eq!((&answer[0]["avg_daily_trips"], &answer[1]["avg_daily_trips"]), (&json!(1051), &Value::Null));
}

#[test]
fn a_parquet_table_keeps_its_types_in_the_file_that_is_written() {
    let repo = Repo::applied();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("event_timestamp", Arc::new(TimestampMicrosecondArray::from(vec![BEGIN + HOUR, BEGIN - 1]))),
        ("driver_id", Arc::new(Int32Array::from(vec![1003, 1003]))),
    ];
    let repo = repo.parquet("entities.parquet", &RecordBatch::try_from_iter(columns.clone()).unwrap());
    let report = repo.json([
        "get-historical-features",
        "--entity-df",
        "entities.parquet",
        "-s",
        "driver_activity",
        "--out",
        "train.parquet",
        "--full-feature-names",
        "-o",
        "json",
    ]);
    assert_eq!(report["rows"], 2);
    assert_eq!(report["columns"][4], "driver_hourly_stats__avg_daily_trips");
    let file = File::open(repo.path("train.parquet")).unwrap();
    let mut batches = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let batch = batches.next().unwrap().unwrap();
    assert_eq!(batch.columns()[..2], columns.into_iter().map(|(_, column)| column).collect::<Vec<_>>());
    assert_eq!(*batch.column(2).data_type(), DataType::Float32);
    let trips = batch.column(4).as_primitive::<Int64Type>();
    assert_eq!((trips.value(0), trips.is_null(1)), (1013, true));
}

#[test]
fn csv_in_and_csv_out() {
    let repo =
        Repo::applied().file("entities.csv", "driver_id,when\n1001,2024-01-01 05:00:00\n5,2024-01-01 05:00:00\n");
    let arguments = ["get-historical-features", "--entity-df", "entities.csv", "-f", TRIPS, "--out", "train.csv"];
    repo.run(arguments).ok().says(&["`when` is taken as the event time", "Wrote 2 rows of 3 columns"]);
    assert_eq!(
        repo.read("train.csv"),
        "driver_id,when,avg_daily_trips\n1001,2024-01-01T05:00:00Z,1051\n5,2024-01-01T05:00:00Z,\n"
    );
}

#[test]
fn the_screen_shows_the_first_rows_and_says_so() {
    let rows: Vec<String> =
        (0..30).map(|row| format!("{{\"driver_id\": {row}, \"event_timestamp\": \"2024-01-01\"}}")).collect();
    let rows = rows.join("\n");
    let repo = Repo::applied().file("entities.ndjson", rows);
    let arguments = ["get-historical-features", "--entity-df", "entities.ndjson", "-f", TRIPS];
    repo.run(arguments).ok().says(&["avg_daily_trips", "20 of 30 rows"]);
}

#[test]
fn a_key_that_is_none_is_told_of_and_its_row_is_answered_with_nulls() {
    let repo = Repo::applied();
    let keys = ["\"1001\"", "\"x\"", "null"];
    let rows: Vec<String> = keys
        .iter()
        .map(|key| format!("{{\"driver_id\": {key}, \"event_timestamp\": \"2024-01-01T05:00:00Z\"}}"))
        .collect();
    let asked = format!("[{}]", rows.join(", "));
    let features = ["-f", TRIPS, "-f", "driver_hourly_stats:acc_rate"];
    let answer = repo.run(["get-historical-features", "-d", &asked, "-o", "csv"].iter().chain(&features)).exits(3);
    assert!(answer.stdout.contains("\n1001,2024-01-01T05:00:00Z,1051,"), "{}", answer.stdout);
    assert_eq!(answer.stderr.matches("is x: is no whole number").count(), 1, "{}", answer.stderr);
    answer.says(&["row 1 of the entity table: `driver_id`"]);
}

#[test]
fn mistakes_name_their_cure() {
    let repo = Repo::applied();
    let with =
        |entities: &str, feature: &str| repo.run(["get-historical-features", "-d", entities, "-f", feature]).exits(1);
    let good = r#"[{"driver_id": 1001, "event_timestamp": "2024-01-01"}]"#;
    with(good, "driver_hourly_stat:conv_rate").says(&["did you mean `driver_hourly_stats`?"]);
    with(good, "driver_hourly_stats:conv_rat").says(&["did you mean `conv_rate`?"]);
    with(r#"[{"driver": 1001, "event_timestamp": "2024-01-01"}]"#, TRIPS)
        .says(&["`driver_id`", "did you mean `driver`?"]);
    with(r#"[{"driver_id": true, "event_timestamp": "2024-01-01"}]"#, TRIPS)
        .says(&["cannot be the join key `driver_id`"]);
    with("entities.parquet", TRIPS).says(&["entities.parquet"]);
    with("entities.txt", TRIPS).says(&["*.parquet", "*.csv"]);
    repo.run(["get-historical-features", "-d", good]).exits(2);
    repo.run(["get-historical-features", "-d", good, "-f", TRIPS, "--out", "train.xlsx"])
        .exits(1)
        .says(&["*.parquet or *.csv"]);
}

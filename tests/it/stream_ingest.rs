//! `stream-ingest` with a file that poses as the stream, and the positions that it leaves.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::harness::Repo;
use crate::sample::SETTINGS;

const STREAM: &str = "\
entities:
  - {name: driver, join_keys: [driver_id], value_type: INT64}
data_sources:
  - {type: FileSource, name: history, path: data/history.parquet, timestamp_field: event_timestamp}
  - type: KinesisSource
    name: drivers_stream
    stream_name: drivers
    region: us-east-1
    timestamp_field: event_timestamp
    created_timestamp_column: created
    batch_source: history
    field_mapping: {position.speed: speed}
    record_format:
      type: JsonFormat
      schema_json: \"driver_id integer, event_timestamp timestamp, conv_rate double, created timestamp, position.speed double\"
    watermark_delay_threshold: 5m
    x-kinesis: {late: write}
stream_feature_views:
  - name: percentages
    entities: [driver]
    ttl: 0
    schema:
      - {name: percent, dtype: Float32}
    source: drivers_stream
    feature_transformation:
      expressions: {percent: conv_rate * 100.0}
  - name: speeds
    entities: [driver]
    ttl: 0
    schema:
      - {name: speed, dtype: Float64}
    source: drivers_stream
";

fn repo() -> Repo {
    repo_with_late("write")
}

fn repo_with_late(late: &str) -> Repo {
    let stream = STREAM.replace("late: write", &format!("late: {late}"));
    let repo = Repo::new().file("feature_store.yaml", SETTINGS).file("stream.yaml", stream);
    repo.run(["apply", "--skip-source-validation"]).ok();
    repo
}

fn record(driver: i64, minute: u32, rate: f64) -> String {
    json!({
        "driver_id": driver,
        "event_timestamp": format!("2026-11-22T20:{minute:02}:00Z"),
        "conv_rate": rate,
        "position": {"speed": rate * 10.0},
    })
    .to_string()
}

fn percent(repo: &Repo, driver: i64) -> Value {
    let entity = format!("driver_id={driver}");
    let answer = repo.json(["get-online-features", "-e", &entity, "-f", "percentages:percent", "-o", "json"]);
    answer["results"][1]["values"][0].clone()
}

fn stream(repo: &Repo, arguments: &[&str], code: i32) -> Value {
    let all = [&["stream-ingest", "-o", "json"], arguments].concat();
    repo.run(all).exits(code).json()["streams"][0].clone()
}

#[test]
fn the_newest_event_of_each_key_is_stored_and_a_second_run_goes_on() {
    let repo = repo();
    let lines = [record(1, 10, 0.5), record(2, 11, 0.25), record(1, 9, 0.125), record(3, 1, 0.75)];
    repo.write("in.ndjson", lines.join("\n"));
    let report = stream(&repo, &["--input", "in.ndjson"], 0);
    assert_eq!((&report["records"], &report["late"], &report["refused"]), (&json!(4), &json!(1), &json!(0)));
    // two views with one feature each; the older record of driver 1 is replaced before it is written
    assert_eq!((&report["written"], &report["superseded"]), (&json!(6), &json!(2)));
    assert_eq!([percent(&repo, 1), percent(&repo, 2), percent(&repo, 3)], [json!(50.0), json!(25.0), json!(75.0)]);
    let speed = repo.json(["get-online-features", "-e", "driver_id=1", "-f", "speeds:speed", "-o", "json"]);
    assert_eq!(speed["results"][1]["values"][0], json!(5.0));

    assert_eq!(stream(&repo, &["--input", "in.ndjson"], 0)["records"], json!(0));
    repo.write("in.ndjson", [&lines[..], &[record(2, 12, 1.0)]].concat().join("\n"));
    let report = stream(&repo, &["--input", "in.ndjson"], 0);
    assert_eq!((&report["records"], &report["written"]), (&json!(1), &json!(2)));
    assert_eq!(percent(&repo, 2), json!(100.0));
}

#[test]
fn refused_records_are_in_the_dead_letter_file_once_whatever_the_number_of_views_and_runs() {
    let repo = repo();
    let future = record(4, 1, 0.5).replace("2026-11-22", "2199-11-22");
    let lines = [record(1, 1, 0.5), "nonsense".into(), future, r#"{"driver_id": "x"}"#.into(), record(2, 2, 0.5)];
    repo.write("in.ndjson", lines.join("\n"));
    let report = stream(&repo, &["--input", "in.ndjson"], 3);
    assert_eq!((&report["records"], &report["refused"]), (&json!(5), &json!(3)));
    assert!(report["dead_letter_file"].as_str().unwrap().ends_with("data/dead/drivers_stream.ndjson"), "{report}");
    let letters = letters(&repo);
    let views: Vec<_> = letters.iter().map(|letter| letter["id"]["view"].as_str().unwrap()).collect();
    assert_eq!(views.iter().filter(|view| **view == "*").count(), 2, "{letters:#?}");
    assert_eq!(views.len(), 4, "the one in the future is refused by each view: {letters:#?}");

    // read again from the beginning: the same letters are not written twice
    repo.run(["kinesis", "checkpoints", "reset", "percentages", "--to", "trim-horizon", "--input", "in.ndjson"]).ok();
    stream(&repo, &["percentages", "--input", "in.ndjson"], 3);
    assert_eq!(self::letters(&repo), letters);
}

fn letters(repo: &Repo) -> Vec<Value> {
    repo.read("data/dead/drivers_stream.ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn late_records_are_dropped_or_kept_aside_where_the_source_says_so() {
    for (late, stored, kept_aside) in
        [("write", json!(75.0), 0), ("drop", Value::Null, 0), ("dead_letter", Value::Null, 2)]
    {
        let repo = repo_with_late(late);
        let lines = [record(1, 10, 0.5), record(3, 1, 0.75), record(2, 5, 0.5)];
        repo.write("in.ndjson", lines.join("\n"));
        let report = stream(&repo, &["--input", "in.ndjson"], 0);
        assert_eq!(
            (&report["records"], &report["late"], &report["refused"]),
            (&json!(3), &json!(1), &json!(0)),
            "{late}"
        );
        assert_eq!((percent(&repo, 3), percent(&repo, 2)), (stored, json!(50.0)), "{late}");
        let letters = if repo.exists("data/dead/drivers_stream.ndjson") { letters(&repo).len() } else { 0 };
        assert_eq!(letters, kept_aside, "{late}");
    }
}

#[test]
fn enough_records_are_enough_and_the_next_run_has_the_rest() {
    let repo = repo();
    let lines: Vec<_> = (0..50).map(|number| record(number, 1, 0.5)).collect();
    repo.write("in.ndjson", lines.join("\n"));
    assert_eq!(stream(&repo, &["--input", "in.ndjson", "--max-records", "20"], 0)["records"], json!(20));
    assert_eq!((percent(&repo, 19), percent(&repo, 20)), (json!(50.0), Value::Null));
    assert_eq!(stream(&repo, &["--input", "in.ndjson"], 0)["records"], json!(30));
    assert_eq!(percent(&repo, 49), json!(50.0));
}

#[test]
fn a_view_that_comes_later_begins_by_itself() {
    let repo = repo();
    repo.write("in.ndjson", [record(1, 1, 0.5), record(2, 1, 0.5)].join("\n"));
    assert_eq!(stream(&repo, &["percentages", "--input", "in.ndjson"], 0)["records"], json!(2));
    let report = stream(&repo, &["--input", "in.ndjson"], 0);
    assert_eq!((&report["records"], &report["written"]), (&json!(2), &json!(2)), "only `speeds` has them before it");
}

#[test]
fn a_table_that_python_dropped_stops_the_stream_with_the_ways_on() {
    let repo = repo();
    repo.write("in.ndjson", record(1, 1, 0.5));
    stream(&repo, &["--input", "in.ndjson"], 0);
    repo.online().execute_batch("DROP TABLE driver_stats_percentages").unwrap();
    repo.run(["stream-ingest", "--input", "in.ndjson"]).exits(1).says(&[
        "E2113",
        "percentages",
        "--to trim-horizon",
        "--to keep",
    ]);
    repo.run(["kinesis", "checkpoints", "reset", "percentages", "--to", "keep"]).ok().says(&["goes on where it was"]);
    assert_eq!(stream(&repo, &["--input", "in.ndjson"], 0)["records"], json!(0));
    assert_eq!(percent(&repo, 1), Value::Null);

    repo.online().execute_batch("DROP TABLE driver_stats_percentages").unwrap();
    let reset = ["kinesis", "checkpoints", "reset", "percentages", "--to", "trim-horizon", "--input", "in.ndjson"];
    repo.run(reset).ok();
    stream(&repo, &["--input", "in.ndjson"], 0);
    assert_eq!(percent(&repo, 1), json!(50.0));
}

#[test]
fn a_file_that_was_replaced_is_no_continuation() {
    let repo = repo();
    repo.write("in.ndjson", [record(1, 1, 0.5), record(2, 1, 0.5)].join("\n"));
    stream(&repo, &["--input", "in.ndjson"], 0);
    repo.write("in.ndjson", record(3, 1, 0.5));
    repo.run(["stream-ingest", "--input", "in.ndjson"]).exits(1).says(&["another one"]);
}

/// A run that waits for its standard input, with everything before it done.
fn waiting(repo: &Repo) -> Child {
    let mut child = repo.command(["stream-ingest", "--input", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(format!("{}\n", record(1, 1, 0.5)).as_bytes()).unwrap();
    while percent(repo, 1) == Value::Null {
        assert!(child.try_wait().unwrap().is_none(), "ended");
    }
    child
}

/// 128 MB of rows make a file, while the run goes on.
#[test]
fn enough_rows_make_a_file_of_the_log_without_waiting_for_the_end() {
    const LINES: usize = 1_500;
    let view = "speeds
    offline: true
    sink_source: {type: FileSource, name: speeds_log, path: data/log, timestamp_field: event_timestamp}";
    let definitions = STREAM
        .replace("speeds", view)
        .replace("speed, dtype: Float64", "speed, dtype: String")
        .replace("position.speed double", "position.speed string");
    let repo = Repo::new().file("feature_store.yaml", SETTINGS).file("stream.yaml", definitions);
    repo.run(["apply", "--skip-source-validation"]).ok();
    let files = || std::fs::read_dir(repo.path("data/log")).unwrap().map(|entry| entry.unwrap().path());
    let rows = || {
        let parts = files().filter(|path| path.extension().is_some_and(|extension| extension == "parquet"));
        parts
            .map(|path| ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap())
            .map(|reader| reader.metadata().file_metadata().num_rows())
            .sum::<i64>()
    };
    let speed = "x".repeat(100_000);
    let mut child = repo.command(["stream-ingest", "speeds", "--input", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    for number in 0..LINES {
        let line = json!({
            "driver_id": number % 10,
            "event_timestamp": "2026-11-22T20:00:00Z",
            "position": {"speed": speed},
        });
        writeln!(input, "{line}").unwrap();
    }
    while rows() == 0 {
        assert!(child.try_wait().unwrap().is_none(), "ended");
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(input);
    assert!(child.wait().unwrap().success());
    assert_eq!(rows(), i64::try_from(LINES).unwrap());
}

#[test]
fn one_run_fills_a_view_and_another_is_refused() {
    let repo = repo();
    let mut child = waiting(&repo);
    repo.write("in.ndjson", record(2, 1, 0.5));
    repo.run(["stream-ingest", "--input", "in.ndjson"]).exits(1).says(&["stream-ingest", "another process"]);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    stream(&repo, &["--input", "in.ndjson"], 0);
}

#[cfg(unix)]
#[test]
fn a_signal_brings_an_orderly_end_with_status_0() {
    let repo = repo();
    let mut child = waiting(&repo);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"nonsense\n").unwrap();
    while !repo.exists("data/dead/drivers_stream.ndjson") {
        assert!(child.try_wait().unwrap().is_none(), "ended");
    }
    let killed = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let mut told = String::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        told.push_str(&line.unwrap());
    }
    assert_eq!(child.wait().unwrap().code(), Some(0), "{told}");
    assert!(told.contains("stopping"), "{told}");
}

/// What an HTTP server answers, with its status line.
fn http(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_counters_are_told_to_prometheus_and_the_health_to_whoever_asks() {
    let repo = repo();
    let mut command = repo.command(["stream-ingest", "--input", "-", "--metrics-port", "0"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
    child.stdin.as_mut().unwrap().write_all(format!("{}\n", record(1, 1, 0.5)).as_bytes()).unwrap();
    let counted = "feast_rs_stream_records_total{stream=\"standard input\"} 1\n";
    let deadline = Instant::now() + Duration::from_mins(1);
    while !http(&address, "/metrics").contains(counted) {
        assert!(Instant::now() < deadline, "{}", http(&address, "/metrics"));
    }
    assert!(http(&address, "/health").starts_with("HTTP/1.1 200"));
    assert!(http(&address, "/other").starts_with("HTTP/1.1 404"));
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_transformed_stream_is_logged_once_where_the_view_has_a_log() {
    let sink = "percentages
    entities: [driver]
    offline: true
    sink_source: {type: FileSource, name: percentages_log, path: data/log, timestamp_field: event_timestamp}";
    let definitions = STREAM.replace("percentages\n    entities: [driver]", sink);
    let repo = Repo::new().file("feature_store.yaml", SETTINGS).file("stream.yaml", definitions);
    repo.run(["apply", "--skip-source-validation"]).ok();
    let lines: Vec<_> = (0..30).map(|number| record(number % 3, u32::try_from(number).unwrap(), 0.5)).collect();
    repo.write("in.ndjson", lines.join("\n"));
    stream(&repo, &["percentages", "--input", "in.ndjson", "--max-records", "20"], 0);
    stream(&repo, &["percentages", "--input", "in.ndjson"], 0);
    stream(&repo, &["percentages", "--input", "in.ndjson"], 0);
    assert_eq!(percent(&repo, 2), json!(50.0));
    let (mut rows, mut files) = (0, 0);
    for file in std::fs::read_dir(repo.path("data/log")).unwrap().map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|extension| extension == "parquet") {
            let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
            rows += reader.build().unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>();
            files += 1;
        }
    }
    assert_eq!(rows, 30, "in {files} files");

    // without a log of its own there is nowhere to write
    repo.run(["stream-ingest", "speeds", "--to", "offline", "--input", "in.ndjson"]).exits(1).says(&["sink_source"]);
}

#[test]
fn what_cannot_be_is_told_before_anything_is_read() {
    let repo = repo();
    let no_stream =
        "  - name: batch\n    entities: [driver]\n    schema: [{name: x, dtype: Float32}]\n    source: history\n";
    repo.write("batch.yaml", format!("feature_views:\n{no_stream}"));
    repo.run(["apply", "--skip-source-validation"]).ok();
    repo.run(["stream-ingest", "batch"]).exits(1).says(&["E2114", "batch"]);
    repo.run(["stream-ingest", "percentage"]).exits(1).says(&["E1006", "did you mean `percentages`?"]);
    repo.run(["stream-ingest", "--from", "newest"]).exits(2).says(&["trim-horizon"]);
    repo.run(["stream-ingest", "--input", "nowhere.ndjson"]).exits(1).says(&["E1010", "nowhere.ndjson"]);
    repo.run(["kinesis", "checkpoints", "list"]).ok().says(&["No stream was read yet"]);
}

#[test]
fn positions_are_shown_and_moved() {
    let repo = repo();
    repo.write("in.ndjson", [record(1, 1, 0.5), record(2, 2, 0.5)].join("\n"));
    stream(&repo, &["percentages", "--input", "in.ndjson"], 0);
    let listed = repo.json(["kinesis", "checkpoints", "list", "-o", "json"]);
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed:#}");
    assert_eq!(listed[0]["view"], json!("percentages"));
    assert_eq!(listed[0]["shard"], json!("shardId-000000000000"));
    assert!(listed[0]["stream"].as_str().unwrap().ends_with("in.ndjson"));
    assert_eq!(listed[0]["watermark"], json!("2026-11-22T20:02:00Z"));
    repo.run(["kinesis", "checkpoints", "list", "-o", "csv"]).ok().says(&["percentages"]);
    let reset =
        ["kinesis", "checkpoints", "reset", "percentages", "--to", "latest", "--input", "in.ndjson", "-o", "json"];
    let moved = repo.json(reset);
    assert!(moved["checkpoints"][0]["checkpoint"].as_str().unwrap().starts_with("AT_TIMESTAMP="), "{moved:#}");
    assert_eq!(stream(&repo, &["percentages", "--input", "in.ndjson"], 0)["records"], json!(0));
}

#[test]
fn the_history_of_runs_and_the_status_know_of_it() {
    let repo = repo();
    repo.write("in.ndjson", [record(1, 1, 0.5), "nonsense".into()].join("\n"));
    stream(&repo, &["--input", "in.ndjson"], 3);
    let runs = repo.json(["runs", "percentages", "-o", "json"]);
    assert_eq!(
        (&runs[0]["command"], &runs[0]["outcome"], &runs[0]["read"]),
        (&json!("stream-ingest"), &json!("partial"), &json!(2))
    );
    let status = repo.json(["status", "-o", "json"]);
    let view = status["views"].as_array().unwrap().iter().find(|view| view["view"] == "percentages").unwrap().clone();
    assert_eq!(view["last_run"]["command"], json!("stream-ingest"));
    assert_eq!(view["streams"].as_array().unwrap().len(), 1, "{view:#}");
    assert_eq!(view["streams"][0]["refused"], json!(false));

    repo.online().execute_batch("DROP TABLE driver_stats_percentages").unwrap();
    repo.run(["stream-ingest", "percentages", "--input", "in.ndjson"]).exits(1);
    assert_eq!(repo.json(["runs", "percentages", "-o", "json"])[0]["outcome"], json!("failed"));
    // without its table it is the table that is told of; once that is made again, the position
    repo.run(["doctor"]).exits(1).says(&["table driver_stats_percentages is missing"]);
    repo.run(["apply", "--skip-source-validation"]).ok();
    repo.run(["doctor"]).exits(1).says(&["refuses it", "kinesis checkpoints reset percentages"]);
}

#[test]
fn a_sources_name_cannot_lead_the_dead_letters_out_of_their_folder() {
    let repo = Repo::new()
        .file("feature_store.yaml", SETTINGS)
        .file("stream.yaml", STREAM.replace("drivers_stream", "\"../../../drivers\""))
        .file("in.ndjson", "nonsense");
    repo.run(["apply", "--skip-source-validation"]).ok();
    repo.run(["stream-ingest", "--input", "in.ndjson"]).exits(3);
    assert!(repo.exists("data/dead/_.._.._.._drivers.ndjson"));
}

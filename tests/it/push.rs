//! `push`: every format into every kind of view, what is refused, what stays, and what a retry does.

use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use serde_json::{Value, json};

use crate::harness::Repo;
use crate::sample::{BEGIN, FEATURES, SETTINGS, rows, write_rows};

/// A push source with two views that share its features.
const PUSHED: &str = "
data_sources:
  - {type: PushSource, name: pushed, batch_source: driver_stats_source}
feature_views:
  - name: fresh
    entities: [driver]
    schema: [{name: conv_rate, dtype: Float32}, {name: avg_daily_trips, dtype: Int64}]
    source: pushed
  - name: trips
    entities: [driver]
    schema: [{name: avg_daily_trips, dtype: Int64}]
    source: pushed
";

const RECORD: &str = r#"{"driver_id": 1001, "event_timestamp": "2024-03-01T00:00:00Z", "created": "2024-03-01T00:00:01Z", "conv_rate": 0.25, "avg_daily_trips": 7}"#;

fn repo() -> Repo {
    let repo =
        Repo::new().file("feature_store.yaml", SETTINGS).file("features.yaml", FEATURES).file("pushed.yaml", PUSHED);
    write_rows(&repo.path("data/driver_stats.parquet"), &rows());
    repo.run(["apply"]).ok();
    repo
}

fn text(repo: &Repo, view: &str, feature: &str, driver: i64) -> Option<String> {
    repo.cell(view, feature, driver).and_then(|(text, _)| text)
}

#[test]
fn a_record_goes_to_every_view_of_a_push_source() {
    let repo = repo();
    let report = repo.json(["-o", "json", "push", "pushed", RECORD]);
    assert_eq!(
        (&report["source"], &report["to"], &report["refused"]),
        (&json!("pushed"), &json!("online"), &json!([]))
    );
    assert_eq!(
        report["views"],
        json!([
            {"view": "fresh", "read": 1, "written": 2, "stale": 0, "superseded": 0},
            {"view": "trips", "read": 1, "written": 1, "stale": 0, "superseded": 0}
        ])
    );
    let runs = repo.json(["runs", "fresh", "-o", "json"]);
    assert_eq!(
        (&runs[0]["command"], &runs[0]["outcome"], &runs[0]["written"]),
        (&json!("push"), &json!("done"), &json!(2))
    );
    assert_eq!(repo.cell("fresh", "conv_rate", 1001), Some((Some("0.25".into()), 1_709_251_200)));
    assert_eq!(text(&repo, "trips", "avg_daily_trips", 1001).as_deref(), Some("7"));
    repo.run(["push", "trips", &RECORD.replace("7}", "8}").replace("03-01T", "03-02T")])
        .ok()
        .says(&["trips", "Pushed 1 record"]);
    assert_eq!(text(&repo, "trips", "avg_daily_trips", 1001).as_deref(), Some("8"));
    assert_eq!(text(&repo, "fresh", "avg_daily_trips", 1001).as_deref(), Some("7"));
}

#[test]
fn an_older_record_is_stale_unless_it_may_overwrite() {
    let repo = repo();
    repo.run(["push", "trips", RECORD]).ok();
    let older = RECORD.replace("2024-03", "2024-02").replace("7}", "5}");
    let report = repo.json(["-o", "json", "push", "trips", &older]);
    assert_eq!(report["views"][0], json!({"view": "trips", "read": 1, "written": 0, "stale": 1, "superseded": 0}));
    let report = repo.json(["-o", "json", "push", "trips", "--overwrite", &older]);
    assert_eq!(report["views"][0]["written"], 1);
    assert_eq!(text(&repo, "trips", "avg_daily_trips", 1001).as_deref(), Some("5"));
}

#[test]
fn of_many_records_of_a_key_the_newest_is_written_feature_by_feature() {
    let repo = repo();
    let record =
        |day: u32, rest: &str| format!(r#"{{"driver_id": 1001, "event_timestamp": "2024-03-{day:02}", {rest}}}"#);
    let both = |day, rate| record(day, &format!(r#""conv_rate": {rate}, "avg_daily_trips": {day}"#));
    let all = format!("[{}, {}, {}]", both(2, 0.5), both(4, 0.75), both(3, 0.25));
    let report = repo.json(["-o", "json", "push", "fresh", &all]);
    assert_eq!(report["views"][0], json!({"view": "fresh", "read": 3, "written": 2, "stale": 0, "superseded": 4}));
    assert_eq!(text(&repo, "fresh", "conv_rate", 1001).as_deref(), Some("0.75"));

    // a record that lacks a feature takes none away
    let parts = format!("[{}, {}]", record(6, r#""conv_rate": 0.125"#), record(5, r#""avg_daily_trips": 5"#));
    let report = repo.json(["-o", "json", "push", "fresh", &parts]);
    assert_eq!(report["views"][0], json!({"view": "fresh", "read": 2, "written": 2, "stale": 0, "superseded": 0}));
    assert_eq!(text(&repo, "fresh", "conv_rate", 1001).as_deref(), Some("0.125"));
    assert_eq!(text(&repo, "fresh", "avg_daily_trips", 1001).as_deref(), Some("5"));

    // who overwrites has the last word, not the newest
    repo.run(["push", "fresh", "--overwrite", &all]).ok();
    assert_eq!(text(&repo, "fresh", "conv_rate", 1001).as_deref(), Some("0.25"));
}

#[test]
fn absent_stays_and_null_is_a_value() {
    let repo = repo();
    repo.run(["push", "fresh", RECORD]).ok();
    let later = |rest: &str| format!(r#"{{"driver_id": 1001, "event_timestamp": "2024-04-01", {rest}}}"#);
    repo.run(["push", "fresh", &later(r#""conv_rate": null"#)]).ok();
    assert_eq!(repo.cell("fresh", "conv_rate", 1001), Some((None, 1_711_929_600)));
    assert_eq!(text(&repo, "fresh", "avg_daily_trips", 1001).as_deref(), Some("7"));
    repo.run(["push", "fresh", "--require-all", &later(r#""conv_rate": 1"#)]).exits(3).says(&[
        "refused record 1",
        "E2005",
        "`avg_daily_trips` is absent",
    ]);
    repo.run(["push", "fresh", &later(r#""convrate": 1"#)]).exits(3).says(&["E2012", "it brings no feature"]);
    repo.run(["push", "fresh", "--strict", &later(r#""conv_rate": 1, "convrate": 1"#)])
        .exits(3)
        .says(&["E2007", "`convrate`"]);
    repo.run(["push", "fresh", &later(r#""conv_rate": 1, "convrate": 1"#)])
        .ok()
        .says(&["1 keys of records belong to no column"]);
}

/// Three records in every form, each form into a store of its own.
#[test]
fn every_format_says_the_same() {
    let object = |id: i64| {
        format!(
            r#"{{"driver_id": {id}, "event_timestamp": "2024-03-01T00:00:00Z", "conv_rate": 0.5, "avg_daily_trips": {id}}}"#
        )
    };
    let objects: Vec<String> = (1..=3).map(object).collect();
    let csv = ["1", "2", "3"].map(|id| format!("{id},2024-03-01 00:00:00,0.5,{id}\n")).concat();
    let csv = format!("driver_id,event_timestamp,conv_rate,avg_daily_trips\n{csv}");
    let columns = r#"{"driver_id": [1, 2, 3], "event_timestamp": ["2024-03-01", "2024-03-01", 1709251200], "conv_rate": [0.5, 0.5, 0.5], "avg_daily_trips": [1, 2, 3]}"#;
    let pretty =
        serde_json::to_string_pretty(&objects.iter().map(|o| serde_json::from_str(o).unwrap()).collect::<Vec<Value>>())
            .unwrap();
    for (name, content) in [
        ("r.ndjson", objects.join("\n")),
        ("r.json", format!("[{}]", objects.join(","))),
        ("pretty.json", pretty),
        ("concatenated.json", objects.concat()),
        ("lines.txt", objects.join("\r\n\r\n")),
        ("columns.json", columns.to_owned()),
        ("r.csv", csv),
    ] {
        let repo = repo().file(name, &content);
        let report = repo.json(["-o", "json", "push", "fresh", name]);
        assert_eq!(report["views"][0]["written"], 6, "{name}: {report}");
        for id in 1..=3 {
            assert_eq!(repo.cell("fresh", "conv_rate", id), Some((Some("0.5".into()), 1_709_251_200)), "{name}");
            assert_eq!(text(&repo, "fresh", "avg_daily_trips", id), Some(id.to_string()), "{name}");
        }
        // the same from a pipe, which has no name to tell it by
        let report = repo.run_with(["-o", "json", "push", "trips", "-"], content.as_bytes()).ok().json();
        assert_eq!(report["views"][0]["written"], 3, "{name}: {report}");
    }
}

#[test]
fn parquet_is_taken_with_its_own_types() {
    let times = || Arc::new(TimestampMicrosecondArray::from(vec![BEGIN, BEGIN + 1]).with_timezone("UTC")) as ArrayRef;
    let ids = || Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef;
    let batch = |rates: ArrayRef| {
        RecordBatch::try_from_iter([("driver_id", ids()), ("event_timestamp", times()), ("conv_rate", rates)]).unwrap()
    };
    let repo = repo()
        .parquet("good.parquet", &batch(Arc::new(Float32Array::from(vec![0.1, 0.2]))))
        .parquet("wide.parquet", &batch(Arc::new(Float64Array::from(vec![0.5, 0.1]))));
    let report = repo.json(["-o", "json", "push", "fresh", "good.parquet"]);
    assert_eq!(report["views"][0]["written"], 2);
    assert_eq!(text(&repo, "fresh", "conv_rate", 1).as_deref(), Some("0.10000000149011612"));
    let bytes = std::fs::read(repo.path("good.parquet")).unwrap();
    assert_eq!(repo.run_with(["-o", "json", "push", "fresh"], &bytes).ok().json()["records"], 2);
    let answer = repo.run(["push", "fresh", "wide.parquet", "--dead-letter", "dead.ndjson"]).exits(3);
    answer.says(&["refused record 2", "E2011", "has no exact Float32"]);
    assert!(repo.read("dead.ndjson").contains(r#"\"conv_rate\":0.1"#), "{}", repo.read("dead.ndjson"));
    repo.run(["push", "fresh", "wide.parquet", "--cast", "lossy"]).ok();
}

#[test]
fn refused_records_are_told_kept_and_pushed_again() {
    let lines = [
        RECORD.to_owned(),
        RECORD.replace("1001", "1002").replace("7}", "1.7}"),
        "{\"driver_id\": 1003, ".to_owned(),
        RECORD.replace("1001", "null"),
        RECORD.replace("2024-03-01T00:00:00Z", "2999-01-01"),
        RECORD.replace("\"driver_id\": 1001", "\"driver_id\": 1, \"driver_id\": 2"),
        "5".to_owned(),
        RECORD.replace("1001", "1007"),
    ];
    let repo = repo().file("records.ndjson", lines.join("\n"));
    let push = |target: &str, more: &[&str]| {
        repo.run(["-o", "json", "push", target].iter().chain(more).copied().collect::<Vec<_>>()).exits(3).json()
    };
    let report = push("fresh", &["records.ndjson", "--dead-letter", "dead/letters.ndjson"]);
    assert_eq!(report["views"][0], json!({"view": "fresh", "read": 8, "written": 4, "stale": 0, "superseded": 0}));
    let told: Vec<(u64, &str)> = report["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refused| (refused["record"].as_u64().unwrap(), refused["code"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [(2, "E2003"), (3, "E2001"), (4, "E2008"), (5, "E2009"), (6, "E2004"), (7, "E2002")]);
    assert_eq!((&report["refused_count"], &report["dead_letters"]), (&json!(6), &json!(6)));
    let letters = repo.read("dead/letters.ndjson");
    let first: Value = serde_json::from_str(letters.lines().next().unwrap()).unwrap();
    assert_eq!(first["payload"], lines[1]);
    assert_eq!((&first["id"]["record"], &first["code"]), (&json!(2), &json!("E2003")));
    // the same push again adds nothing to the file
    let again = push("fresh", &["records.ndjson", "--dead-letter", "dead/letters.ndjson"]);
    assert_eq!(again["dead_letters"], Value::Null);
    assert_eq!(repo.read("dead/letters.ndjson"), letters);
    // what only lost a fraction is taken when it may
    let mended = push("fresh", &["dead/letters.ndjson", "--format", "dead-letter", "--cast", "lossy"]);
    assert_eq!((&mended["views"][0]["written"], &mended["refused_count"]), (&json!(2), &json!(5)));
    assert_eq!(text(&repo, "fresh", "avg_daily_trips", 1002).as_deref(), Some("1"));
    repo.run(["push", "fresh", "dead/letters.ndjson", "--dead-letter", "dead/letters.ndjson"])
        .exits(1)
        .says(&["cannot add to the file"]);
    repo.run(["push", "fresh", "records.ndjson", "--format", "dead-letter"])
        .exits(3)
        .says(&["E2014", "no dead letter"]);
    for code in ["E2001", "E2002", "E2003", "E2004", "E2008", "E2009", "E2014", "E2020"] {
        repo.run(["explain", code]).ok().says(&[code]);
    }
}

#[test]
fn a_view_that_refuses_does_not_keep_the_others_from_it() {
    let repo = repo();
    let record = RECORD.replace("0.25", "\"x\"");
    let report = repo.run(["-o", "json", "push", "pushed", &record]).exits(3).json();
    assert_eq!(report["refused"][0]["view"], "fresh");
    assert_eq!((&report["views"][0]["written"], &report["views"][1]["written"]), (&json!(0), &json!(1)));
}

#[test]
fn a_dry_run_writes_nothing() {
    let repo = repo();
    let report = repo.json(["-o", "json", "push", "fresh", "--dry-run", RECORD]);
    assert_eq!(report["views"][0]["written"], 2);
    assert_eq!(repo.cell("fresh", "conv_rate", 1001), None);
    repo.run(["push", "fresh", "--dry-run", "--dead-letter", "dead.ndjson", "{\"driver_id\": 1}"]).exits(3);
    assert!(!repo.exists("dead.ndjson"));
}

#[test]
fn what_cannot_be_pushed_to_says_so() {
    let repo = repo();
    repo.run(["push", "frseh", RECORD])
        .exits(1)
        .says(&["no push source or feature view `frseh`", "did you mean `fresh`?"]);
    repo.run(["push", "driver_stats_source", RECORD]).exits(1).says(&["is a FileSource, not a push source"]);
    repo.run(["push", "fresh", "nothing.ndjson"]).exits(1).says(&["nothing.ndjson"]);
    repo.run(["push", "fresh", "data"]).exits(1).says(&["is a folder"]);
    repo.run(["push", "fresh", "{\"driver_id\": [1], \"conv_rate\": [1, 2]}"]).exits(1).says(&["has 2 values"]);
    repo.run_with(["push", "fresh", "-"], b"who,what\n1,2\n").exits(1).says(&["`who` is none of"]);
    repo.run(["push", "fresh", "[]"]).ok().says(&["there were no records"]);
    repo.run(["push", "fresh", "[{\"driver_id\": 1"]).exits(3).says(&["E2001"]);
    repo.run(["push", "fresh", "--to", "elsewhere", RECORD]).exits(2);
    repo.edit("pushed.yaml", "name: trips\n", "name: trips\n    online: false\n");
    repo.run(["apply", "--allow-destroy"]).ok();
    repo.run(["push", "trips", RECORD]).exits(1).says(&["not served online"]);
    repo.run(["push", "pushed", RECORD]).ok();
}

/// A pipe that pauses has its records stored; one that is told to stop says what is.
#[cfg(unix)]
#[test]
fn a_pipe_is_committed_as_it_goes_and_says_what_is_stored_when_it_is_stopped() {
    let repo = repo();
    let mut command = repo.command(["-o", "json", "push", "trips", "-"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    writeln!(pipe, "{RECORD}").unwrap();
    pipe.flush().unwrap();
    wait_for(|| text(&repo, "trips", "avg_daily_trips", 1001).is_some());
    writeln!(pipe, "{}", RECORD.replace("1001", "1002")).unwrap();
    pipe.flush().unwrap();
    wait_for(|| text(&repo, "trips", "avg_daily_trips", 1002).is_some());
    let killed = std::process::Command::new("kill").arg("-TERM").arg(child.id().to_string()).status().unwrap();
    assert!(killed.success());
    let answer = child.wait_with_output().unwrap();
    drop(pipe);
    let stderr = String::from_utf8_lossy(&answer.stderr);
    assert_eq!(answer.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("interrupted: the first 2 records are stored"), "{stderr}");
    let report: Value = serde_json::from_slice(&answer.stdout).unwrap();
    assert_eq!((&report["records"], &report["interrupted"]), (&json!(2), &json!(true)));
}

/// Commits of a log have a fixed number of records: what comes again is skipped, whether it was a pipe or a file.
#[cfg(unix)]
#[test]
fn an_interrupted_push_to_the_log_goes_on_where_it_was() {
    /// Records of one commit of a view with two features.
    const COMMIT: usize = 16_384;
    let line = |id: usize| {
        let at = 1_709_251_200 + id;
        format!(
            r#"{{"driver_id": {id}, "event_timestamp": {at}, "created": {at}, "conv_rate": 0.5, "avg_daily_trips": {id}}}"#
        )
    };
    let lines: Vec<String> = (0..2 * COMMIT + 1000).map(|id| line(id) + "\n").collect();
    for input in ["-", "fifo"] {
        let repo = repo();
        let before = logged(&repo);
        assert!(std::process::Command::new("mkfifo").arg(repo.path("fifo")).status().unwrap().success());
        let push = ["-o", "json", "push", "fresh", input, "--format", "ndjson", "--to", "offline"];
        let mut child = repo.command(push).stdin(Stdio::piped()).spawn().unwrap();
        let mut pipe: Box<dyn Write> = match input {
            "-" => Box::new(child.stdin.take().unwrap()),
            _ => Box::new(std::fs::File::create(repo.path("fifo")).unwrap()),
        };
        pipe.write_all(lines.concat().as_bytes()).unwrap();
        wait_for(|| {
            let commits =
                repo.online().query_row("SELECT count(*) FROM feast_rs_pushed", [], |row| row.get::<_, i64>(0));
            commits.is_ok_and(|commits| commits == 2)
        });
        let killed = std::process::Command::new("kill").arg("-INT").arg(child.id().to_string()).status().unwrap();
        assert!(killed.success());
        let (code, stdout, stderr) = crate::harness::finish(child, "push");
        drop(pipe);
        assert_eq!(code, 3, "{stderr}");
        assert!(stderr.contains("interrupted: the first 32 768 records are stored, and no more"), "{stderr}");
        let report: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!((&report["records"], &report["logged"]), (&json!(2 * COMMIT), &json!(2 * COMMIT)), "{report}");
        assert_eq!(logged(&repo), before + 2 * COMMIT);

        let again = ["-o", "json", "push", "fresh", "--format", "ndjson", "--to", "offline"];
        let report = repo.run_with(again, lines.concat().as_bytes()).ok().json();
        assert_eq!((&report["repeated"], &report["logged"]), (&json!(2 * COMMIT), &json!(1000)), "{report}");
        assert_eq!(logged(&repo), before + lines.len());
    }
}

#[cfg(unix)]
#[track_caller]
fn wait_for(done: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !done() {
        assert!(begun.elapsed() < std::time::Duration::from_mins(2), "it never happened");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn many_records_of_a_pipe_arrive_all() {
    let repo = repo();
    let line = |id: i64| {
        format!(r#"{{"driver_id": {}, "event_timestamp": {}, "avg_daily_trips": {id}}}"#, id % 500, 1_709_251_200 + id)
    };
    let input: String = (0..40_000).map(|id| line(id) + "\n").collect();
    let report = repo.run_with(["-o", "json", "push", "trips", "-"], input.as_bytes()).ok().json();
    assert_eq!((&report["records"], &report["views"][0]["read"]), (&json!(40_000), &json!(40_000)));
    assert_eq!(repo.stored("trips", "avg_daily_trips"), 500);
    for driver in [0, 1, 499] {
        assert_eq!(text(&repo, "trips", "avg_daily_trips", driver), Some((39_500 + driver).to_string()));
    }
}

fn logged(repo: &Repo) -> usize {
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    let file = std::fs::File::open(repo.path("data/driver_stats.parquet")).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    reader.map(|batch| batch.unwrap().num_rows()).sum()
}

#[test]
fn the_log_gets_a_record_once_however_many_views_and_retries() {
    let repo = repo();
    let before = logged(&repo);
    let second = RECORD.replace("1001", "1002");
    let input = format!("{RECORD}\n{second}\n");
    let push =
        |to: &str| repo.run_with(["-o", "json", "push", "pushed", "-", "--to", to], input.as_bytes()).ok().json();
    let report = push("online_and_offline");
    assert_eq!((&report["logged"], &report["views"][0]["written"]), (&json!(2), &json!(4)), "{report}");
    assert_eq!(logged(&repo), before + 2);
    let again = push("online_and_offline");
    assert_eq!((&again["repeated"], &again["logged"]), (&json!(2), &Value::Null), "{again}");
    assert_eq!(logged(&repo), before + 2);
    assert_eq!(text(&repo, "trips", "avg_daily_trips", 1002).as_deref(), Some("7"));
    push("offline");
    assert_eq!(logged(&repo), before + 4, "another destination is another push");
    let keyed = || repo.json(["-o", "json", "push", "pushed", RECORD, "--to", "offline", "--idempotency-key", "a"]);
    assert_eq!(keyed()["logged"], 1);
    assert_eq!(keyed()["repeated"], 1);
    assert_eq!(logged(&repo), before + 5);
}

/// A view whose key is a number and a text.
const KEYED: &str = "
entities:
  - {name: city, join_keys: [city], value_type: STRING}
data_sources:
  - {type: FileSource, name: trips_source, path: data/trips.parquet, timestamp_field: event_timestamp}
feature_views:
  - name: by_city
    entities: [driver, city]
    schema: [{name: trips, dtype: Int64}]
    source: trips_source
";

/// As in Feast: whether a key came as a number or as its text, it is the same key.
#[test]
fn a_key_is_the_same_key_however_it_is_written() {
    let repo = repo().file("keyed.yaml", KEYED);
    let trips = |drivers: ArrayRef, cities: ArrayRef, trips: i64, hour: i64| {
        let time = TimestampMicrosecondArray::from(vec![BEGIN + hour * 3_600_000_000]).with_timezone("UTC");
        RecordBatch::try_from_iter([
            ("driver_id", drivers),
            ("city", cities),
            ("trips", Arc::new(Int64Array::from(vec![trips])) as ArrayRef),
            ("event_timestamp", Arc::new(time) as ArrayRef),
        ])
        .unwrap()
    };
    let numbers = |value: i64| Arc::new(Int64Array::from(vec![value])) as ArrayRef;
    let texts = |value: &str| Arc::new(arrow::array::StringArray::from(vec![value])) as ArrayRef;
    crate::sample::write_parquet(&repo.path("data/trips.parquet"), &trips(numbers(1001), texts("4"), 1, 0));
    repo.run(["apply"]).ok();
    let server = crate::http::Server::start(&repo, &[]);
    let read = || {
        let asked =
            ["get-online-features", "-f", "by_city:trips", "-e", "driver_id=1001", "-e", "city=4", "-o", "json"];
        let printed = repo.json(asked)["results"][2]["values"][0].clone();
        for entities in [json!({"driver_id": [1001], "city": ["4"]}), json!({"driver_id": ["1001"], "city": [4]})] {
            let answer =
                server.post("/get-online-features", &json!({"features": ["by_city:trips"], "entities": entities}));
            assert_eq!(answer.json()["results"][2]["values"][0], printed, "{}", answer.text());
        }
        printed
    };
    let record = |driver: &str, city: &str, hour: u8| {
        format!(
            r#"{{"driver_id": {driver}, "city": {city}, "event_timestamp": "2024-01-01T{hour:02}:00:00Z", "trips": {hour}}}"#
        )
    };
    for (hour, driver, city) in
        [(2, "1001", "\"4\""), (3, "\"1001\"", "4"), (4, "1001.0", "4"), (5, "\" 1001 \"", "\"4\"")]
    {
        repo.run(["push", "by_city", &record(driver, city, hour)]).ok();
        assert_eq!(read(), hour);
    }
    repo.run_with(["push", "by_city", "-"], record("\"1001\"", "4", 6).as_bytes()).ok();
    assert_eq!(read(), 6);
    repo.write("trips.csv", "driver_id,city,event_timestamp,trips\n1001.0,4,2024-01-01T07:00:00Z,7\n");
    repo.run(["push", "by_city", "trips.csv"]).ok();
    assert_eq!(read(), 7);
    crate::sample::write_parquet(&repo.path("pushed.parquet"), &trips(texts("1001"), numbers(4), 8, 8));
    repo.run(["push", "by_city", "pushed.parquet"]).ok();
    assert_eq!(read(), 8);
    let df = json!({"driver_id": ["1001"], "city": [4], "event_timestamp": ["2024-01-01T09:00:00Z"], "trips": [9]});
    assert_eq!(server.post("/write-to-online-store", &json!({"feature_view_name": "by_city", "df": df})).status, 200);
    assert_eq!(read(), 9);
    for (driver, city) in [("\"x\"", "4"), ("\"1.5\"", "4"), ("true", "4"), ("1001", "true"), ("1001", "4.5")] {
        repo.run(["push", "by_city", &record(driver, city, 10)]).exits(3).says(&["E2003"]);
    }
    assert_eq!(repo.json(["online", "count", "by_city", "-o", "json"])[0]["keys"], json!(1));
}

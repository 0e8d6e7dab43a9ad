//! Paths: those of the command line start where the command runs, those of the definitions at the repo, whatever `-c` says.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Repo, finish};
use crate::sample::WINDOW;

const STREAM: &str = "\
data_sources:
  - type: KinesisSource
    name: drivers_stream
    stream_name: drivers
    batch_source: driver_stats_source
    region: us-east-1
    timestamp_field: event_timestamp
    record_format: {type: JsonFormat, schema_json: \"driver_id integer, event_timestamp timestamp, conv_rate double\"}
stream_feature_views:
  - name: rates
    entities: [driver]
    ttl: 0
    schema: [{name: conv_rate, dtype: Float64}]
    source: drivers_stream
";
const RECORD: &str = r#"{"driver_id": 1001, "event_timestamp": "2024-03-01T00:00:00Z", "conv_rate": 0.25}"#;

/// Runs the binary in `folder`, with the repo named by `-c` and by `-c` alone.
fn outside(repo: &Repo, folder: &Path, arguments: &[&str], exits: i32) -> String {
    let repo_folder = repo.path("");
    let mut command: Command = repo.command(["-c", repo_folder.to_str().unwrap()].iter().chain(arguments));
    command.current_dir(folder);
    let (code, stdout, stderr) = finish(command.spawn().unwrap(), &arguments.join(" "));
    assert_eq!(code, exits, "{arguments:?}\n{stdout}\n{stderr}");
    stdout
}

#[test]
fn paths_of_the_command_line_start_where_it_runs() {
    let repo = Repo::sample().file("stream.yaml", STREAM);
    let elsewhere = tempfile::tempdir().unwrap();
    let here = elsewhere.path();
    let run = |arguments: &[&str], exits| outside(&repo, here, arguments, exits);
    // that of the definitions starts at the repo
    run(&["apply", "--skip-source-validation"], 0);
    run(&["materialize", WINDOW[0], WINDOW[1], "-v", "driver_hourly_stats"], 0);

    std::fs::write(here.join("records.ndjson"), format!("{RECORD}\n{{\"driver_id\": \"x\"}}\n")).unwrap();
    run(&["push", "driver_hourly_stats", "records.ndjson", "--dead-letter", "letters.ndjson"], 3);
    assert!(here.join("letters.ndjson").is_file());
    std::fs::write(here.join("stream.ndjson"), format!("{RECORD}\n")).unwrap();
    let report = run(&["stream-ingest", "rates", "--input", "stream.ndjson", "-o", "json"], 0);
    assert_eq!(serde_json::from_str::<Value>(&report).unwrap()["streams"][0]["records"], json!(1));
    run(&["kinesis", "checkpoints", "reset", "rates", "--to", "trim-horizon", "--input", "stream.ndjson"], 0);
    let again = run(&["stream-ingest", "rates", "--input", "./stream.ndjson", "-o", "json"], 0);
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap()["streams"][0]["records"], json!(1));
    std::fs::write(here.join("entities.csv"), "driver_id,event_timestamp\n1001,2024-04-01T00:00:00Z\n").unwrap();
    let features = ["-f", "driver_hourly_stats:conv_rate"];
    let joined = ["get-historical-features", "--entity-df", "entities.csv", "--out", "joined.csv"];
    run(&[&joined[..], &features].concat(), 0);
    assert!(std::fs::read_to_string(here.join("joined.csv")).unwrap().contains("1001"));
    for name in ["letters.ndjson", "joined.csv"] {
        assert!(!repo.exists(name), "{name} is not in the repo");
    }
}

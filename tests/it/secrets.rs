//! What is secret stays so: in settings, in messages, in logs and in metrics.

use std::process::Command;

use serde_json::json;

use crate::harness::Repo;
use crate::http::Server;

const SECRETS: [&str; 4] = ["aws-secret-XQ7", "session-XQ7", "hunter-XQ7", "0123456789abcdef-token-XQ7"];
/// What all of them have in common.
const MARK: &str = "XQ7";

const STREAM: &str = "\
data_sources:
  - type: KinesisSource
    name: drivers_stream
    stream_name: drivers
    batch_source: driver_stats_source
    region: us-east-1
    timestamp_field: event_timestamp
    record_format: {type: JsonFormat, schema_json: \"driver_id integer, event_timestamp timestamp, conv_rate double\"}
    x-kinesis: {endpoint_url: \"http://user:hunter-XQ7@127.0.0.1:9\"}
  - {type: FileSource, name: remote, path: \"${REMOTE_PATH}\", timestamp_field: event_timestamp}
feature_views:
  - {name: far, entities: [driver], ttl: 0, schema: [{name: conv_rate, dtype: Float64}], source: remote}
stream_feature_views:
  - {name: rates, entities: [driver], ttl: 0, schema: [{name: conv_rate, dtype: Float64}], source: drivers_stream}
";

fn repo() -> Repo {
    Repo::sample()
        .file("stream.yaml", STREAM)
        .file("token", SECRETS[3])
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", SECRETS[0])
        .env("AWS_SESSION_TOKEN", SECRETS[1])
        .env("DATABASE_PASSWORD", SECRETS[2])
        .env("REMOTE_PATH", "s3://me:hunter-XQ7@127.0.0.1/x.parquet")
}

/// Everything that the command prints, whatever becomes of it.
fn said(mut command: Command) -> String {
    let output = command.output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn commands_tell_no_secret() {
    let repo = repo();
    repo.edit(
        "feature_store.yaml",
        "online_store:",
        "offline_store: {type: postgres, password: \"${DATABASE_PASSWORD}\"}\nonline_store:",
    );
    let mut all = String::new();
    for arguments in [
        &["validate"][..],
        &["plan", "--skip-source-validation"],
        &["-vv", "apply", "--skip-source-validation"],
        &["materialize", "2024-01-01", "2024-01-02"],
        &["materialize-incremental", "2024-01-02", "-o", "json"],
        &[
            "get-historical-features",
            "-f",
            "far:conv_rate",
            "-d",
            "[{\"driver_id\": 1, \"event_timestamp\": \"2024-01-01\"}]",
        ],
        &["online", "diff", "far"],
        &["-v", "--log-format", "json", "stream-ingest", "rates", "--for", "2s"],
        &["-v", "stream-ingest", "rates", "--check", "--endpoint-url", "http://user:hunter-XQ7@127.0.0.1:9"],
        &["configuration"],
        &["configuration", "-o", "json"],
        &["doctor"],
        &["doctor", "-o", "json"],
        &["data-sources", "describe", "drivers_stream"],
        &["data-sources", "describe", "remote"],
        &["data-sources", "list", "-o", "json"],
        &["feature-views", "describe", "far"],
        &["registry-dump"],
        &["registry", "check", "-o", "json"],
        &["kinesis", "checkpoints", "list"],
        &["kinesis", "shards", "drivers_stream"],
        &["status"],
        &["status", "-o", "json"],
        &["runs"],
        &["runs", "-o", "json"],
    ] {
        let said = said(repo.command(arguments));
        assert!(!said.is_empty(), "{arguments:?} says something");
        assert!(!said.contains(MARK), "{arguments:?} tells a secret:\n{said}");
        all += &said;
    }
    assert!(all.matches("s3://me:***@").count() > 5, "{all}");
}

#[test]
fn the_server_tells_no_secret() {
    let repo = repo();
    repo.run(["apply", "--skip-source-validation"]).ok();
    let server = Server::start(&repo, &["--token-file", "token"]);
    let body = json!({"features": ["driver_hourly_stats:conv_rate"], "entities": {"driver_id": [1001]}}).to_string();
    let token = format!("authorization: Bearer {}", SECRETS[3]);
    let wrong = format!("authorization: Bearer {}-wrong", SECRETS[2]);
    let mut answers = String::new();
    for (method, path, headers) in [
        ("POST", "/get-online-features", &[token.as_str()][..]),
        ("POST", "/get-online-features", &[wrong.as_str()]),
        ("POST", "/nowhere", &[token.as_str()]),
        ("GET", "/metrics", &[token.as_str()]),
        ("GET", "/openapi.json", &[token.as_str()]),
        ("GET", "/health", &[]),
    ] {
        let reply = server.send(method, path, headers, body.as_bytes());
        assert!((200..500).contains(&reply.status), "{path}: {}", reply.status);
        answers += &reply.head;
        answers += reply.text();
    }
    let body = r#"{"start_ts": "2024-01-01T00:00:00", "end_ts": "2024-01-02T00:00:00", "feature_views": ["far"]}"#;
    let failed = server.send("POST", "/materialize", &[token.as_str()], body.as_bytes());
    assert!(failed.text().contains("s3://me:***@127.0.0.1/x.parquet"), "{}", failed.text());
    answers += failed.text();
    server.signal("-TERM");
    answers += &server.wait().1;
    assert!(!answers.contains(MARK), "{answers}");
}

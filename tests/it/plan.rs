//! `plan`: what it shows is what `apply` does.

use serde_json::{Value, json};

use crate::harness::Repo;

/// `(action, kind, name, destroys)` of each change.
fn changes(report: &Value) -> Vec<(String, String, String, u64)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let row = |c: &Value| (text(&c["action"]), text(&c["kind"]), text(&c["name"]), c["destroys"].as_u64().unwrap());
    report["changes"].as_array().unwrap().iter().map(row).collect()
}

fn change(action: &str, kind: &str, name: &str, destroys: u64) -> (String, String, String, u64) {
    (action.into(), kind.into(), name.into(), destroys)
}

#[test]
fn a_first_plan_creates_everything_and_writes_nothing() {
    let repo = Repo::sample();
    let report = repo.json(["plan", "-o", "json"]);
    for (kind, name) in [
        ("project", "driver_stats"),
        ("entity", "driver"),
        ("data_source", "driver_stats_source"),
        ("feature_view", "driver_hourly_stats"),
        ("feature_service", "driver_activity"),
    ] {
        assert!(changes(&report).contains(&change("create", kind, name, 0)), "{kind} {name}: {report:#}");
    }
    let view = report["changes"].as_array().unwrap().iter().find(|c| c["kind"] == "feature_view").unwrap();
    assert!(view["where"].as_str().unwrap().starts_with("features.yaml:14:"), "{view:#}");
    assert!(!repo.exists("data/registry.db") && !repo.exists("data/online_store.db"), "plan wrote a file");
}

#[test]
fn apply_reports_what_plan_showed() {
    let repo = Repo::sample();
    let planned = repo.json(["plan", "-o", "json"]);
    assert_eq!(repo.json(["apply", "-o", "json"])["changes"], planned["changes"]);
}

#[test]
fn an_update_tells_the_field_and_both_values() {
    let repo = Repo::applied();
    repo.edit("features.yaml", "ttl: 100000d", "ttl: 7d");
    let report = repo.json(["plan", "-o", "json"]);
    assert_eq!(changes(&report), [change("update", "feature_view", "driver_hourly_stats", 0)]);
    let details = report["changes"][0]["details"].to_string();
    assert!(details.contains("ttl"), "{details}");
    repo.run(["plan"]).ok().says(&["~ feature view", "driver_hourly_stats", "features.yaml:14", "100000d -> 7d"]);
    repo.run(["apply"]).ok();
    assert_eq!(repo.json(["plan", "-o", "json"])["changes"], json!([]));
}

#[test]
fn a_change_of_a_data_source_is_shown() {
    let repo = Repo::applied();
    repo.edit("features.yaml", "created_timestamp_column: created", "created_timestamp_column: ''");
    let report = repo.json(["plan", "-o", "json"]);
    assert!(changes(&report).contains(&change("update", "data_source", "driver_stats_source", 0)), "{report:#}");
}

#[test]
fn the_screen_has_a_line_an_object_and_a_sum() {
    let answer = Repo::sample().run(["plan"]).ok();
    for line in
        ["+ entity", "+ data source", "+ feature view", "+ feature service", "5 to add, 0 to change, 0 to destroy"]
    {
        assert!(answer.stdout.contains(line), "expected `{line}`: {}", answer.all());
    }
    assert!(!answer.stdout.contains("created_timestamp {"), "protobuf text: {}", answer.all());
}

#[test]
fn detailed_exitcode_tells_changes_from_none() {
    let repo = Repo::sample();
    repo.run(["plan"]).ok();
    repo.run(["plan", "--detailed-exitcode"]).exits(2);
    repo.run(["apply"]).ok();
    repo.run(["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn plans_are_the_same_from_run_to_run() {
    let repo = Repo::sample();
    let first = repo.run(["plan"]).ok().stdout;
    for _ in 0..3 {
        assert_eq!(repo.run(["plan"]).ok().stdout, first);
    }
}

#[test]
fn a_missing_table_is_drift_and_apply_makes_it_again() {
    let repo = Repo::materialized();
    repo.online().execute("DROP TABLE driver_stats_driver_hourly_stats", []).unwrap();
    let report = repo.json(["plan", "-o", "json"]);
    assert_eq!(report["changes"], json!([]));
    assert!(report["drift"].to_string().contains("driver_stats_driver_hourly_stats"), "{report:#}");
    repo.run(["plan", "--detailed-exitcode"]).exits(2).says(&["drift", "driver_stats_driver_hourly_stats"]);
    repo.run(["apply"]).ok();
    assert_eq!(repo.online_tables(), ["driver_stats_driver_hourly_stats"]);
    assert_eq!(repo.json(["plan", "-o", "json"])["drift"], json!([]));
}

#[test]
fn a_missing_online_store_is_drift_too() {
    let repo = Repo::materialized();
    for file in ["data/online_store.db", "data/online_store.db-wal", "data/online_store.db-shm"] {
        let _ = std::fs::remove_file(repo.path(file));
    }
    assert_ne!(repo.json(["plan", "-o", "json"])["drift"], json!([]));
    repo.run(["apply"]).ok();
    let answer =
        repo.json(["get-online-features", "-e", "driver_id=1001", "-f", "driver_hourly_stats:conv_rate", "-o", "json"]);
    assert_eq!(answer["results"][1]["statuses"], json!(["NOT_FOUND"]));
}

#[test]
fn stored_values_that_a_change_removes_are_counted() {
    let repo = Repo::materialized();
    repo.edit("features.yaml", "      - {name: avg_daily_trips, dtype: Int64}\n", "");
    let report = repo.json(["plan", "-o", "json"]);
    // the service holds the view's features, so it changes with it
    let service = change("update", "feature_service", "driver_activity", 0);
    assert_eq!(changes(&report), [change("update", "feature_view", "driver_hourly_stats", 3), service]);
    repo.run(["plan"]).ok().says(&["- feature", "avg_daily_trips", "removes 3 stored values"]);
}

#[test]
fn a_plan_of_nothing_but_settings_is_empty() {
    let repo = Repo::new().file("feature_store.yaml", crate::sample::SETTINGS);
    repo.run(["apply"]).ok();
    assert_eq!(repo.json(["plan", "-o", "json"])["changes"], json!([]));
}

//! The commands of whoever operates a store.

use serde_json::json;

use crate::harness::Repo;
use crate::sample::{self, HOUR, WINDOW};
use crate::store::driver_key;

const VIEW: &str = "driver_hourly_stats";
const TABLE: &str = "driver_stats_driver_hourly_stats";

/// What Python's UPSERT does: Feast's columns and no other.
fn written_by_python(repo: &Repo, driver: i64, feature: &str, value: &[u8], event_ts: i64) {
    let sql = format!(
        "INSERT INTO {TABLE} (entity_key, feature_name, value, value_text, event_ts, created_ts) VALUES (?1, ?2, ?3, NULL, ?4, \
         NULL) ON CONFLICT(entity_key, feature_name) DO UPDATE SET value = excluded.value, event_ts = excluded.event_ts, \
         created_ts = excluded.created_ts"
    );
    repo.online().execute(&sql, (driver_key(driver), feature, value, event_ts)).unwrap();
}

/// `float_val`
fn float(number: f32) -> Vec<u8> {
    [&[0x35][..], &number.to_le_bytes()].concat()
}

#[test]
fn get_shows_values_exact_times_and_who_wrote_them() {
    let repo = Repo::materialized();
    written_by_python(&repo, 1001, "conv_rate", &float(0.75), 1_704_090_000);
    written_by_python(&repo, 1001, "gone", &float(1.0), 1_704_090_000);
    let found = repo.json(["online", "get", VIEW, "-e", "driver_id=1001", "-o", "json"]);
    assert_eq!(found[0]["entity"], json!({"driver_id": 1001}));
    let value = |feature: &str| {
        let values = found[0]["values"].as_array().unwrap();
        values.iter().find(|value| value["feature"] == feature).unwrap_or_else(|| panic!("{feature}: {found}")).clone()
    };
    let conv_rate = value("conv_rate");
    assert_eq!((&conv_rate["value"], &conv_rate["writer"]), (&json!(0.75), &json!("Python")));
    assert_eq!(conv_rate["event_timestamp"], json!("2024-01-01T06:20:00Z"));
    let trips = value("avg_daily_trips");
    assert_eq!(
        (&trips["value"], &trips["writer"], &trips["registered"]),
        (&json!(1051), &json!("feast-rs"), &json!(true))
    );
    assert_eq!(
        (&trips["event_timestamp"], &trips["created_timestamp"]),
        (&json!("2024-01-01T05:00:00Z"), &json!("2024-01-01T05:01:00Z"))
    );
    assert_eq!(value("acc_rate")["value"], json!(null));
    assert_eq!(value("gone")["registered"], json!(false));
    // by the entity's name, and an entity of which nothing is stored
    let screen = repo.run(["online", "get", VIEW, "-e", "driver=1002", "-e", "driver=7"]).ok();
    screen.says(&["driver_id=1002", "feast-rs", "driver_id=7", "nothing is stored"]);
    repo.run(["online", "get", VIEW, "-e", "driver_idd=1"]).exits(1).says(&["did you mean `driver_id`?"]);
    repo.run(["online", "get", VIEW]).exits(1).says(&["-e driver_id="]);
    repo.run(["online", "get", "driver_hourly_stat", "-e", "driver_id=1"]).exits(1).says(&["did you mean"]);
}

#[test]
fn count_says_how_much_there_is() {
    let repo = Repo::materialized();
    written_by_python(&repo, 5000, "conv_rate", &float(0.75), 1_704_090_000);
    let counts = repo.json(["online", "count", "-o", "json"]);
    assert_eq!((&counts[0]["keys"], &counts[0]["values"]), (&json!(4), &json!(10)));
    assert_eq!(counts[0]["newest"], json!("2024-01-01T06:20:00Z"));
    let features = counts[0]["features"].as_array().unwrap();
    let acc_rate = features.iter().find(|feature| feature["feature"] == "acc_rate").unwrap();
    assert_eq!((&acc_rate["values"], &acc_rate["nulls"], &acc_rate["by_python"]), (&json!(3), &json!(3), &json!(0)));
    repo.run(["online", "count", VIEW]).ok().says(&["BY PYTHON", "conv_rate"]);
    repo.run(["online", "count", "-o", "csv"]).ok().says(&["view,table,exists,keys,values"]);
}

#[test]
fn diff_is_quiet_where_the_store_is_what_the_source_says() {
    let repo = Repo::materialized();
    let report = repo.json(["online", "diff", VIEW, "-o", "json"]);
    assert_eq!((&report["equal"], &report["keys"], &report["differences"]), (&json!(9), &json!(3), &json!([])));
    // a value that is newer than the history is what a store is for
    written_by_python(&repo, 1001, "conv_rate", &float(0.75), 1_704_099_600);
    let report = repo.json(["online", "diff", VIEW, "-o", "json"]);
    assert_eq!((&report["equal"], &report["newer"]), (&json!(8), &json!(1)));
}

#[test]
fn diff_finds_each_kind_of_difference() {
    let repo = Repo::materialized();
    let online = repo.online();
    let at = |driver: i64, feature: &str| (driver_key(driver), feature.to_owned());
    let of = "WHERE entity_key = ?1 AND feature_name = ?2";
    online.execute(&format!("DELETE FROM {TABLE} {of}"), at(1001, "conv_rate")).unwrap();
    let earlier = "event_ts = event_ts - 3600, feast_rs_event_us = feast_rs_event_us - 3600000000";
    online.execute(&format!("UPDATE {TABLE} SET {earlier} {of}"), at(1002, "conv_rate")).unwrap();
    online.execute(&format!("UPDATE {TABLE} SET value = x'3500008040' {of}"), at(1003, "conv_rate")).unwrap();
    drop(online);
    written_by_python(&repo, 4000, "conv_rate", &float(0.1), 1_704_070_000);
    let answer = repo.run(["online", "diff", VIEW, "-o", "json"]).exits(1);
    let report = answer.json();
    for kind in ["missing", "older", "value", "extra"] {
        assert_eq!(report[kind], json!(1), "{kind}: {report}");
    }
    let kinds: Vec<_> = report["differences"].as_array().unwrap().iter().map(|one| one["kind"].clone()).collect();
    assert_eq!(kinds.len(), 4);
    repo.run(["online", "diff", VIEW]).exits(1).says(&[
        "missing",
        "older",
        "extra",
        "{\"driver_id\":4000}",
        "they differ",
    ]);
    // another window, in which the source has nothing and the store has nothing
    repo.run(["online", "diff", VIEW, "--start", "2023-01-01", "--end", "2023-02-01"]).ok();
    repo.run(["online", "diff", VIEW, "--start", "2023-01-01"]).exits(2);
}

#[test]
fn diff_needs_a_window() {
    let repo = Repo::applied();
    repo.run(["online", "diff", VIEW]).exits(1).says(&["never materialized", "--start"]);
}

#[test]
fn expire_deletes_what_the_ttl_hides_and_asks_first() {
    let repo = Repo::materialized();
    repo.run(["online", "expire"]).ok().says(&["nothing", "Nothing to delete"]);
    repo.edit("features.yaml", "ttl: 100000d", "ttl: 1d");
    repo.run(["apply"]).ok();
    repo.run(["online", "expire"]).exits(1).says(&["9 stored values", "--yes"]);
    assert_eq!(repo.stored(VIEW, "conv_rate"), 3);
    let done = repo.json(["online", "expire", VIEW, "--yes", "-o", "json"]);
    assert_eq!((&done[0]["values"], &done[0]["ttl_seconds"]), (&json!(9), &json!(86_400)));
    assert_eq!(repo.stored(VIEW, "conv_rate"), 0);
    // what its ttl hides is no difference
    let report = repo.json(["online", "diff", VIEW, "-o", "json"]);
    assert_eq!((&report["expired"], &report["missing"]), (&json!(9), &json!(0)));
}

#[test]
fn expire_in_many_stretches_takes_exactly_the_old_ones() {
    let repo = Repo::sample();
    repo.edit("features.yaml", "ttl: 100000d", "ttl: 1d");
    repo.run(["apply"]).ok();
    let mut online = repo.online();
    let transaction = online.transaction().unwrap();
    for driver in 0..30_000_i64 {
        let sql = format!(
            "INSERT INTO {TABLE} (entity_key, feature_name, value, event_ts, feast_rs_event_us) VALUES (?1, 'conv_rate', x'', \
             ?2, ?2 * 1000000)"
        );
        let event: i64 = if driver % 3 == 0 { 1_000 } else { 4_102_444_800 };
        transaction.execute(&sql, (driver_key(driver), event)).unwrap();
    }
    transaction.commit().unwrap();
    drop(online);
    let done = repo.json(["online", "expire", VIEW, "--yes", "-o", "json"]);
    assert_eq!(done[0]["values"], json!(10_000));
    assert_eq!(repo.stored(VIEW, "conv_rate"), 20_000);
    // the others lie in 2100
    let done = repo.json(["online", "expire", "--future", "--yes", "-o", "json"]);
    assert_eq!(done[0]["values"], json!(20_000));
    assert_eq!(repo.stored(VIEW, "conv_rate"), 0);
}

#[test]
fn status_says_how_fresh_a_view_is() {
    let repo = Repo::applied();
    let report = repo.json(["status", "-o", "json"]);
    assert_eq!((&report["views"][0]["state"], &report["views"][0]["last_run"]), (&json!("empty"), &json!(null)));
    repo.run(["materialize", WINDOW[0], WINDOW[1]]).ok();
    let report = repo.json(["status", "-o", "json"]);
    let view = &report["views"][0];
    assert_eq!((&view["state"], &view["keys"], &view["values"]), (&json!("fresh"), &json!(3), &json!(9)));
    assert_eq!(view["newest_event"], json!("2024-01-01T05:00:00Z"));
    assert_eq!(view["materialized_until"], json!("2024-01-02T00:00:00Z"));
    assert_eq!(view["last_run"]["outcome"], json!("done"));
    assert!(view["age_seconds"].as_f64().unwrap() > 86_400.0);
    repo.edit("features.yaml", "ttl: 100000d", "ttl: 1d");
    repo.run(["apply"]).ok();
    repo.run(["status"]).ok().says(&["expired", "materialize done"]);
    repo.online().execute_batch(&format!("DROP TABLE {TABLE}")).unwrap();
    repo.run(["status"]).ok().says(&["no table"]);
}

#[test]
fn runs_are_kept_with_their_outcome() {
    let repo = Repo::applied();
    repo.run(["runs"]).ok().says(&["No runs"]);
    repo.run(["runs", VIEW]).ok().says(&["No runs"]);
    repo.run(["runs", "driver_hourly_stat"]).exits(1).says(&["did you mean `driver_hourly_stats`?"]);
    repo.run(["materialize", WINDOW[0], WINDOW[1]]).ok();
    repo.run(["materialize", WINDOW[0], WINDOW[1], "--dry-run"]).ok();
    // a row that cannot be used, then a source that is not there
    let mut rows = sample::rows();
    rows.push(sample::Row { event: 6 * HOUR, trips: None, ..rows[0] });
    sample::write_rows(&repo.path("data/driver_stats.parquet"), &rows);
    repo.run(["materialize", WINDOW[0], WINDOW[1]]).ok();
    std::fs::remove_file(repo.path("data/driver_stats.parquet")).unwrap();
    repo.run(["materialize", WINDOW[0], WINDOW[1]]).exits(1);
    let runs = repo.json(["runs", "-o", "json"]);
    let runs = runs.as_array().unwrap();
    assert_eq!(runs.len(), 3, "a dry run is no run");
    assert_eq!(
        (&runs[0]["outcome"], &runs[0]["command"], &runs[0]["view"]),
        (&json!("failed"), &json!("materialize"), &json!(VIEW))
    );
    assert!(runs[0]["message"].as_str().unwrap().contains("driver_stats.parquet"));
    assert_eq!((&runs[2]["outcome"], &runs[2]["read"], &runs[2]["written"]), (&json!("done"), &json!(18), &json!(9)));
    assert_eq!((&runs[2]["start"], &runs[2]["end"]), (&json!("2024-01-01T00:00:00Z"), &json!("2024-01-02T00:00:00Z")));
    assert_eq!(repo.json(["runs", "-n", "1", "-o", "json"]).as_array().unwrap().len(), 1);
    repo.run(["runs", "other"]).exits(1).says(&["no feature view `other`"]);
    repo.run(["runs"]).ok().says(&["failed", "done", VIEW]);
}

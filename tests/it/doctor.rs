//! `doctor` finds what is wrong, and names what mends it.

use serde_json::Value;

use crate::harness::Repo;
use crate::sample::{self, BEGIN, Row, WINDOW};
use crate::store::driver_key;

const TABLE: &str = "driver_stats_driver_hourly_stats";

/// The line about `check` whose message holds `word`.
fn line(checks: &Value, check: &str, word: &str) -> Value {
    let found = checks
        .as_array()
        .unwrap()
        .iter()
        .find(|line| line["check"] == check && line["message"].as_str().unwrap().contains(word));
    found.unwrap_or_else(|| panic!("no `{word}` about {check}: {checks:#}")).clone()
}

fn checks(repo: &Repo, exit: i32) -> Value {
    repo.run(["doctor", "-o", "json"]).exits(exit).json()
}

#[test]
fn a_sound_repo_has_nothing_but_ok() {
    let repo = Repo::materialized();
    let checks = checks(&repo, 0);
    assert!(checks.as_array().unwrap().iter().all(|line| line["status"] == "ok"), "{checks:#}");
    assert!(checks.as_array().unwrap().len() >= 4);
    repo.run(["doctor"]).ok().says(&["0 failed", "ok    definitions"]);
}

#[test]
fn each_fault_has_a_line_and_a_cure_that_cures_it() {
    let repo = Repo::materialized();
    // a value of 2099, which blocks every real one
    let future = 4_070_908_800_i64;
    let sql = format!("UPDATE {TABLE} SET event_ts = ?1, feast_rs_event_us = ?1 * 1000000 WHERE entity_key = ?2");
    repo.online().execute(&sql, (future, driver_key(1001))).unwrap();
    let found = line(&checks(&repo, 1), "view driver_hourly_stats", "in the future");
    assert_eq!(found["status"], "FAIL");
    assert_eq!(found["fix"], "`feast-rs online expire --future driver_hourly_stats`");
    repo.run(["online", "expire", "--future", "driver_hourly_stats", "--yes"]).ok();
    checks(&repo, 0);

    // a table that is gone
    repo.online().execute_batch(&format!("DROP TABLE {TABLE}")).unwrap();
    assert_eq!(line(&checks(&repo, 1), "view driver_hourly_stats", "missing")["fix"], "`feast-rs apply`");
    repo.run(["apply"]).ok();
    assert_eq!(line(&checks(&repo, 0), "view driver_hourly_stats", "nothing is stored")["status"], "warn");

    // definitions that were not applied, and definitions that are wrong
    repo.edit("features.yaml", "{name: acc_rate, dtype: Float32}", "{name: acc_rate, dtype: Float64}");
    assert_eq!(line(&checks(&repo, 0), "definitions", "not applied")["status"], "warn");
    repo.edit("features.yaml", "{name: acc_rate, dtype: Float64}", "{name: acc_ratio, dtype: Float64}");
    assert_eq!(line(&checks(&repo, 1), "definitions", "acc_ratio")["status"], "FAIL");
}

#[test]
fn what_a_definition_causes_is_told_with_its_place() {
    let repo = Repo::materialized();
    repo.edit("features.yaml", "{name: acc_rate, dtype: Float32}", "{name: acc_rate, dtype: Flaot32}");
    repo.edit("features.yaml", "join_keys: [driver_id]", "join_kyes: [driver_id]");
    let text = repo.read("features.yaml");
    let checks = checks(&repo, 1);
    for word in ["Flaot32", "join_kyes"] {
        let row = text.lines().position(|line| line.contains(word)).unwrap();
        let column = text.lines().nth(row).unwrap().find(word).unwrap();
        let found = line(&checks, "definitions", &format!("features.yaml:{}:{}: ", row + 1, column + 1));
        assert_eq!(found["status"], "FAIL");
        assert!(found["message"].as_str().unwrap().contains("did you mean"), "{found}");
    }
}

#[test]
fn a_registry_that_was_moved_tells_what_python_would_drop() {
    let repo = Repo::materialized();
    let moved = Repo::sample();
    for file in ["data/registry.db", "data/online_store.db"] {
        std::fs::copy(repo.path(file), moved.path(file)).unwrap();
    }
    let found = line(&checks(&moved, 0), "registry", "would drop it");
    assert_eq!((&found["status"], &found["fix"]), (&"warn".into(), &"`feast-rs apply` writes the right path".into()));
    moved.run(["apply"]).ok();
    checks(&moved, 0).as_array().unwrap().iter().for_each(|check| assert_eq!(check["status"], "ok", "{check}"));
}

/// Root may write whatever the mode says: for root the same is told in `tests/crash`.
#[cfg(unix)]
#[test]
fn files_that_may_not_be_written_are_told() {
    use std::os::unix::fs::PermissionsExt;
    let repo = Repo::materialized();
    let mode = |name: &str, mode| std::fs::set_permissions(repo.path(name), PermissionsExt::from_mode(mode)).unwrap();
    mode("data/online_store.db", 0o400);
    let is_root = std::fs::File::options().write(true).open(repo.path("data/online_store.db")).is_ok();
    if is_root {
        return;
    }
    assert_eq!(line(&checks(&repo, 1), "online store", "cannot be written")["fix"], "chmod u+w data/online_store.db");
    mode("data/online_store.db", 0o600);
    mode("data", 0o500);
    line(&checks(&repo, 1), "online store", "no file can be made beside");
    mode("data", 0o700);
    checks(&repo, 0);
}

#[test]
fn a_store_that_python_wrote_in_another_zone_is_found_and_mended() {
    let repo = Repo::materialized();
    // five hours late, and without our exact times: what Feast stores with TZ=America/New_York
    let shifted = format!("UPDATE {TABLE} SET event_ts = event_ts + 18000, created_ts = created_ts + 18000");
    repo.online().execute_batch(&shifted).unwrap();
    let found = line(&checks(&repo, 1), "view driver_hourly_stats", "5h off");
    let fix = found["fix"].as_str().unwrap().trim_matches('`').trim_start_matches("feast-rs ").to_owned();
    repo.run(fix.split(' ')).ok();
    checks(&repo, 0);
    assert_eq!(repo.cell("driver_hourly_stats", "conv_rate", 1001).unwrap().1, BEGIN / 1_000_000 + 5 * 3600);
}

#[test]
fn a_store_that_lags_behind_its_source_is_in_no_other_zone() {
    let repo = Repo::applied();
    // what Python wrote an hour before the source got its last rows; the values are those of the hour before
    repo.run(["materialize", WINDOW[0], "2024-01-01T04:00:00"]).ok();
    repo.online()
        .execute_batch(&format!("UPDATE {TABLE} SET feast_rs_event_us = NULL, feast_rs_created_us = NULL"))
        .unwrap();
    checks(&repo, 0);
    // the same where all hours have the same values
    let same = |row: Row| Row { conv_rate: Some(0.5), acc_rate: Some(0.5), trips: Some(7), ..row };
    let rows: Vec<Row> = sample::rows().into_iter().map(same).collect();
    sample::write_rows(&repo.path("data/driver_stats.parquet"), &rows);
    repo.run(["materialize", WINDOW[0], "2024-01-01T04:00:00", "--overwrite"]).ok();
    repo.online()
        .execute_batch(&format!("UPDATE {TABLE} SET feast_rs_event_us = NULL, feast_rs_created_us = NULL"))
        .unwrap();
    checks(&repo, 0);
}

#[test]
fn an_interval_in_the_future_is_told() {
    let repo = Repo::applied();
    repo.run(["materialize", WINDOW[0], "2099-01-01", "--allow-future"]).ok();
    let found = line(&checks(&repo, 0), "view driver_hourly_stats", "until 2099");
    assert_eq!(found["status"], "warn");
}

#[test]
fn what_python_would_delete_is_told_where_python_is_at_work() {
    let repo = Repo::materialized();
    repo.write("definitions.py", "# Python's\n");
    let found = line(&checks(&repo, 0), "Python", "driver_hourly_stats");
    assert_eq!(found["status"], "warn");
    repo.run(["registry", "export", "--format", "python"]).ok().says(&["driver_hourly_stats"]);
}

#[test]
fn a_damaged_file_and_a_damaged_registry_fail() {
    let repo = Repo::materialized();
    repo.write("data/online_store.db-wal", "");
    let path = repo.path("data/online_store.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let length = bytes.len();
    bytes[4096..length].fill(0x5a);
    std::fs::write(&path, bytes).unwrap();
    let found = checks(&repo, 1);
    assert!(
        found.as_array().unwrap().iter().any(|line| line["check"] == "online store" && line["status"] == "FAIL"),
        "{found:#}"
    );
    let sql = "UPDATE feature_views SET feature_view_proto = x'0aff'";
    repo.registry().execute_batch(sql).unwrap();
    let found = line(&checks(&repo, 1), "registry", "cannot be read");
    assert_eq!(found["status"], "FAIL");
    assert!(found["fix"].is_string());
}

#[test]
fn a_zone_in_the_environment_and_an_empty_repo_are_told() {
    let repo = Repo::sample();
    let found = line(&checks(&repo, 0), "registry", "no feature view")["fix"].clone();
    assert_eq!(found, "`feast-rs apply`");
    let repo = Repo::applied().env("TZ", "America/New_York");
    assert_eq!(line(&checks(&repo, 0), "time zone", "New_York")["fix"], "run Python with TZ=UTC");
}

#[test]
fn a_store_in_another_journal_mode_is_told() {
    let repo = Repo::materialized();
    let mode: String = repo.online().query_row("PRAGMA journal_mode=delete", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "delete");
    assert_eq!(line(&checks(&repo, 0), "online store", "journal mode")["status"], "warn");
    repo.run(["materialize", WINDOW[0], WINDOW[1]]).ok();
    checks(&repo, 0);
}

#[test]
fn positions_that_nobody_moves_and_positions_of_another_table_are_told() {
    let repo = Repo::materialized();
    // as `stream-ingest` stores them: the tables are made by the first writer, the position is a day old
    let generation: i64 = repo
        .online()
        .query_row("SELECT coalesce(max(generation), 0) FROM feast_rs_generations", [], |row| row.get(0))
        .unwrap();
    let insert = |shard: &str, generation: i64| {
        let sql = "INSERT INTO feast_rs_positions (project, view, stream_arn, stream_created, shard, table_name, generation, \
                   progress, sequence, sub_sequence, arrival) VALUES ('driver_stats', 'driver_hourly_stats', \
                   'arn:aws:kinesis:us-east-1:1:stream/drivers', 1, ?1, 'driver_stats_driver_hourly_stats', ?2, 'after', \
                   '49', 0, 1704067200000000)";
        repo.online().execute(sql, (shard, generation)).unwrap();
    };
    insert("shardId-000000000000", generation);
    let found = line(&checks(&repo, 0), "view driver_hourly_stats", "has not moved");
    assert_eq!(found["fix"], "`feast-rs stream-ingest driver_hourly_stats`");
    insert("shardId-000000000001", generation + 7);
    let found = line(&checks(&repo, 1), "view driver_hourly_stats", "refuses it");
    assert_eq!(found["fix"], "`feast-rs kinesis checkpoints reset driver_hourly_stats --to trim-horizon`");
    let status = repo.json(["status", "-o", "json"]);
    let streams = &status["views"][0]["streams"];
    assert_eq!((&streams[0]["position"], &streams[1]["refused"]), (&Value::from("49"), &Value::from(true)));
    repo.run(["status"]).ok().says(&["shardId-000000000001", "the table was made anew"]);
}

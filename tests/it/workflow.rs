//! The main path: apply, materialize, read, and each of them twice.

use serde_json::json;

use crate::harness::Repo;
use crate::sample::{self, BEGIN, HOUR, Row, WINDOW};

const VIEW: &str = "driver_hourly_stats";
const GET: [&str; 7] =
    ["get-online-features", "-e", "driver_id=1001", "-f", "driver_hourly_stats:conv_rate", "-o", "json"];

#[test]
fn apply_materialize_get() {
    let repo = Repo::sample();
    repo.run(["apply"]).ok();
    assert_eq!(repo.online_tables(), ["driver_stats_driver_hourly_stats"]);

    let report = repo.json(["materialize", WINDOW[0], WINDOW[1], "-o", "json"]);
    let view = &report["views"][0];
    assert_eq!(view["view"], VIEW);
    assert_eq!(
        [&view["read"], &view["keys"], &view["written"], &view["stale"], &view["refused"]],
        [&json!(18), &json!(3), &json!(9), &json!(0), &json!(0)]
    );
    assert_eq!(repo.cell(VIEW, "conv_rate", 1001), Some((Some("0.5".into()), BEGIN / 1_000_000 + 5 * 3600)));
    assert_eq!(repo.cell(VIEW, "acc_rate", 1001), Some((None, BEGIN / 1_000_000 + 5 * 3600)));
    assert_eq!(repo.cell(VIEW, "avg_daily_trips", 1003), Some((Some("1053".into()), BEGIN / 1_000_000 + 5 * 3600)));

    let answer = repo.json(GET);
    assert_eq!(answer["metadata"]["feature_names"], json!(["driver_id", "conv_rate"]));
    assert_eq!(answer["results"][1]["values"], json!([0.5]));
    assert_eq!(answer["results"][1]["statuses"], json!(["PRESENT"]));
}

#[test]
fn a_second_apply_does_nothing_and_says_so() {
    let repo = Repo::applied();
    let before = std::fs::read(repo.path("data/registry.db")).unwrap();
    assert_eq!(repo.json(["plan", "-o", "json"]), json!({"changes": [], "drift": [], "unmanaged": []}));
    assert_eq!(repo.json(["apply", "-o", "json"]), json!({"changes": [], "drift": [], "unmanaged": []}));
    repo.run(["apply"]).ok().says(&["No changes"]);
    assert!(std::fs::read(repo.path("data/registry.db")).unwrap() == before, "the registry was written");
}

#[test]
fn apply_after_materialize_does_nothing() {
    let repo = Repo::materialized();
    assert_eq!(repo.json(["apply", "-o", "json"])["changes"], json!([]));
    assert_eq!(repo.json(GET)["results"][1]["values"], json!([0.5]));
}

#[test]
fn materializing_again_changes_nothing() {
    let repo = Repo::materialized();
    let view = repo.json(["materialize", WINDOW[0], WINDOW[1], "-o", "json"])["views"][0].clone();
    assert_eq!([&view["read"], &view["keys"]], [&json!(18), &json!(3)]);
    assert_eq!(repo.cell(VIEW, "conv_rate", 1002), Some((Some("0.5".into()), BEGIN / 1_000_000 + 5 * 3600)));
    assert_eq!(repo.stored(VIEW, "conv_rate"), 3);
}

#[test]
fn an_older_window_does_not_replace_newer_values() {
    let repo = Repo::materialized();
    let older = repo.json(["materialize", WINDOW[0], "2024-01-01T02:00:00", "-o", "json"])["views"][0].clone();
    assert_eq!([&older["written"], &older["stale"]], [&json!(0), &json!(9)]);
    assert_eq!(repo.json(GET)["results"][1]["values"], json!([0.5]));

    let forced = repo.json(["materialize", WINDOW[0], "2024-01-01T02:00:00", "--overwrite", "-o", "json"]);
    assert_eq!(forced["views"][0]["written"], json!(9));
    assert_eq!(repo.cell(VIEW, "conv_rate", 1001).unwrap().0.as_deref(), Some("0.20000000298023224"));
}

#[test]
fn both_ends_of_the_window_are_read() {
    let repo = Repo::applied();
    let report = repo.json(["materialize", "2024-01-01T01:00:00", "2024-01-01T02:00:00", "-o", "json"]);
    assert_eq!(report["views"][0]["read"], json!(6));
}

#[test]
fn incremental_continues_where_the_last_run_ended() {
    let repo = Repo::applied();
    repo.run(["materialize", WINDOW[0], "2024-01-01T02:00:00"]).ok();
    let next = repo.json(["materialize-incremental", "2024-01-01T05:00:00", "-o", "json"])["views"][0].clone();
    assert_eq!(next["start"].as_str().unwrap().get(..19), Some("2024-01-01T02:00:00"));
    // hour 2 is read again: both ends are included
    assert_eq!([&next["read"], &next["written"]], [&json!(12), &json!(9)]);
    let last = repo.json(["materialize-incremental", "2024-01-01T06:00:00", "-o", "json"])["views"][0].clone();
    assert_eq!(last["read"], json!(3));
}

#[test]
fn a_row_that_arrives_late_is_found_by_its_created_time() {
    let repo = Repo::applied();
    repo.run(["materialize", WINDOW[0], "2024-01-01T06:00:00"]).ok();
    let mut rows = sample::rows();
    // happened at 04:00, before the last end; written at 07:00, after everything of the last run
    rows.push(Row {
        driver: 2000,
        event: 4 * HOUR,
        created: 7 * HOUR,
        conv_rate: Some(0.75),
        acc_rate: None,
        trips: None,
    });
    sample::write_rows(&repo.path("data/driver_stats.parquet"), &rows);
    repo.run(["materialize-incremental", "2024-01-01T08:00:00"]).ok();
    assert_eq!(repo.cell(VIEW, "conv_rate", 2000), Some((Some("0.75".into()), BEGIN / 1_000_000 + 4 * 3600)));
}

#[test]
fn a_dry_run_writes_nothing() {
    let repo = Repo::applied();
    let report = repo.json(["materialize", WINDOW[0], WINDOW[1], "--dry-run", "-o", "json"]);
    assert_eq!(report["views"][0]["read"], json!(18));
    assert_eq!(repo.stored(VIEW, "conv_rate"), 0);
}

#[test]
fn one_failing_view_does_not_stop_the_others() {
    let repo = Repo::sample();
    let second = "\
data_sources:
  - {type: FileSource, name: other_source, path: data/other.parquet, timestamp_field: event_timestamp}
feature_views:
  - name: a_other
    entities: [driver]
    ttl: 0
    schema: [{name: conv_rate, dtype: Float32}]
    source: other_source
";
    repo.write("other.yaml", second);
    sample::write_rows(&repo.path("data/other.parquet"), &sample::rows());
    repo.run(["apply"]).ok();
    std::fs::remove_file(repo.path("data/other.parquet")).unwrap();
    let answer = repo.run(["materialize", WINDOW[0], WINDOW[1]]).exits(3).says(&["a_other", "data/other.parquet"]);
    assert!(answer.stdout.contains(VIEW), "{}", answer.all());
    assert_eq!(repo.stored(VIEW, "conv_rate"), 3);
}

#[test]
fn only_the_named_views_are_materialized() {
    let repo = Repo::sample();
    repo.edit("features.yaml", "feature_services:", "  - name: second\n    entities: [driver]\n    ttl: 0\n    schema: [{name: acc_rate, dtype: Float32}]\n    source: driver_stats_source\n\nfeature_services:");
    repo.run(["apply"]).ok();
    let report = repo.json(["materialize", WINDOW[0], WINDOW[1], "-v", "second", "-o", "json"]);
    assert_eq!(report["views"].as_array().unwrap().len(), 1);
    assert_eq!((repo.stored("second", "acc_rate"), repo.stored(VIEW, "acc_rate")), (3, 0));
}

#[test]
fn the_zone_of_the_process_does_not_matter() {
    let cells = |zone: &str| {
        let repo = Repo::sample().env("TZ", zone);
        repo.run(["apply"]).ok();
        repo.run(["materialize", WINDOW[0], WINDOW[1]]).ok();
        (repo.cell(VIEW, "conv_rate", 1001), repo.json(GET))
    };
    assert_eq!(cells("America/New_York"), cells("UTC"));
}

#[test]
fn the_repo_is_found_from_elsewhere() {
    let repo = Repo::applied();
    repo.write("deep/er/note.txt", "");
    let elsewhere = std::env::temp_dir();
    let folder = repo.path("").to_string_lossy().into_owned();
    let in_ = |folder: &std::path::Path, arguments: &[&str]| {
        let output = repo.command(arguments).current_dir(folder).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert!(in_(&repo.path("deep/er"), &["entities", "list"]).1.contains("driver"));
    assert!(in_(&elsewhere, &["-c", &folder, "entities", "list"]).1.contains("driver"));
    let named =
        repo.command(["entities", "list"]).current_dir(&elsewhere).env("FEATURE_REPO_DIR_ENV_VAR", &folder).output();
    assert!(String::from_utf8_lossy(&named.unwrap().stdout).contains("driver"));
    assert_eq!(in_(std::path::Path::new("/"), &["entities", "list"]).0, Some(1));
}

#[test]
fn parallel_applies_all_succeed() {
    let repo = Repo::sample();
    let children: Vec<_> = (0..4).map(|_| repo.command(["apply"]).spawn().unwrap()).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(repo.json(["plan", "-o", "json"])["changes"], json!([]));
    repo.run(["registry", "check"]).ok();
}

#[test]
fn parallel_materializations_leave_a_whole_registry() {
    let repo = Repo::applied();
    let children: Vec<_> =
        (0..4).map(|_| repo.command(["materialize", WINDOW[0], WINDOW[1]]).spawn().unwrap()).collect();
    let codes: Vec<_> = children
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().unwrap();
            (output.status.code(), String::from_utf8(output.stderr).unwrap())
        })
        .collect();
    assert!(codes.iter().any(|(code, _)| *code == Some(0)), "{codes:?}");
    // one that finds the view taken says so
    assert!(codes.iter().all(|(code, said)| *code == Some(0) || said.contains(VIEW)), "{codes:?}");
    repo.run(["registry", "check"]).ok();
    assert_eq!(repo.json(GET)["results"][1]["values"], json!([0.5]));
}

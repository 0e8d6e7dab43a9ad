//! What destroys asks first; what only adds never does.

use serde_json::json;

use crate::harness::Repo;

const VIEW: &str = "driver_hourly_stats";

/// The sample without its view, the service with it.
fn without_view(repo: &Repo) {
    let text = repo.read("features.yaml");
    let end = text.find("feature_views:").unwrap();
    repo.write("features.yaml", &text[..end]);
}

#[test]
fn a_removed_view_is_not_dropped_without_consent() {
    let repo = Repo::materialized();
    without_view(&repo);
    repo.run(["plan"]).ok().says(&["- feature view", VIEW, "DESTROY", "9 stored"]);
    repo.run(["apply"]).exits(1).says(&["--allow-destroy", VIEW]);
    assert_eq!(repo.stored(VIEW, "conv_rate"), 3);
    // nothing of the plan was done
    assert!(!repo.json(["feature-services", "list", "-o", "json"]).as_array().unwrap().is_empty());

    repo.run(["apply", "--allow-destroy"]).ok();
    assert_eq!(repo.online_tables(), [""; 0]);
    assert_eq!(repo.json(["feature-views", "list", "-o", "json"]), json!([]));
    assert_eq!(repo.json(["plan", "-o", "json"])["changes"], json!([]));
}

#[test]
fn a_view_without_stored_values_goes_with_consent_only_too() {
    let repo = Repo::applied();
    without_view(&repo);
    let answer = repo.run(["apply"]);
    // nothing is lost, or consent is asked: both tell the truth, but the code must agree with what was done
    let gone = repo.online_tables().is_empty();
    assert_eq!(answer.code == 0, gone, "{}", answer.all());
}

#[test]
fn a_removed_feature_loses_its_values_with_consent() {
    let repo = Repo::materialized();
    repo.edit("features.yaml", "      - {name: avg_daily_trips, dtype: Int64}\n", "");
    repo.run(["apply"]).exits(1).says(&["--allow-destroy", "avg_daily_trips"]);
    assert_eq!(repo.stored(VIEW, "avg_daily_trips"), 3);
    repo.run(["apply", "--allow-destroy"]).ok();
    assert_eq!((repo.stored(VIEW, "avg_daily_trips"), repo.stored(VIEW, "conv_rate")), (0, 3));
}

#[test]
fn orphans_can_be_kept() {
    let repo = Repo::materialized();
    repo.edit("features.yaml", "      - {name: avg_daily_trips, dtype: Int64}\n", "");
    repo.run(["apply", "--keep-orphans"]).ok();
    assert_eq!(repo.stored(VIEW, "avg_daily_trips"), 3);
}

#[test]
fn a_retyped_feature_does_not_serve_old_values() {
    let repo = Repo::materialized();
    repo.edit("features.yaml", "{name: avg_daily_trips, dtype: Int64}", "{name: avg_daily_trips, dtype: Float64}");
    let report = repo.json(["plan", "-o", "json"]);
    assert_eq!(report["changes"][0]["destroys"], json!(3));
    repo.run(["apply"]).exits(1).says(&["--allow-destroy"]);
    repo.run(["apply", "--allow-destroy"]).ok();
    let reference = format!("{VIEW}:avg_daily_trips");
    let answer = repo.json(["get-online-features", "-e", "driver_id=1001", "-f", &reference, "-o", "json"]);
    assert_eq!(
        answer["results"][1],
        json!({
            "values": [null], "statuses": ["NOT_FOUND"], "event_timestamps": answer["results"][1]["event_timestamps"]
        })
    );
}

#[test]
fn a_rename_keeps_the_values() {
    let repo = Repo::materialized();
    repo.edit(
        "features.yaml",
        "  - name: driver_hourly_stats\n",
        "  - name: renamed\n    x-renamed-from: driver_hourly_stats\n",
    );
    repo.edit("features.yaml", "      - driver_hourly_stats", "      - renamed");
    repo.run(["apply"]).ok();
    assert_eq!(repo.online_tables(), ["driver_stats_renamed"]);
    assert_eq!(repo.stored("renamed", "conv_rate"), 3);
}

#[test]
fn teardown_asks_and_takes_everything() {
    let repo = Repo::materialized();
    repo.run(["teardown"]).exits(1).says(&["--yes", VIEW]);
    assert_eq!(repo.stored(VIEW, "conv_rate"), 3);
    let answer = repo.run(["teardown", "--yes"]).ok();
    assert!(!answer.all().trim().is_empty());
    assert!(!repo.exists("data/online_store.db") || repo.online_tables().is_empty());
    assert_eq!(repo.json(["feature-views", "list", "-o", "json"]), json!([]));
}

#[test]
fn apply_after_teardown_starts_anew() {
    let repo = Repo::materialized();
    repo.run(["teardown", "--yes"]).ok();
    repo.run(["apply"]).ok();
    assert_eq!(repo.online_tables(), ["driver_stats_driver_hourly_stats"]);
    let reference = format!("{VIEW}:conv_rate");
    let answer = repo.json(["get-online-features", "-e", "driver_id=1001", "-f", &reference, "-o", "json"]);
    assert_eq!(answer["results"][1]["statuses"], json!(["NOT_FOUND"]));
}

#[test]
fn teardown_leaves_other_projects_alone() {
    let repo = Repo::materialized();
    repo.edit("feature_store.yaml", "project: driver_stats", "project: other");
    repo.run(["apply"]).ok();
    repo.run(["teardown", "--yes"]).ok();
    repo.edit("feature_store.yaml", "project: other", "project: driver_stats");
    assert_eq!(repo.stored(VIEW, "conv_rate"), 3);
    assert_eq!(repo.json(["plan", "-o", "json"])["changes"], json!([]));
}

#[test]
fn delete_asks_and_tells_the_truth() {
    let repo = Repo::materialized();
    repo.run(["delete", "feature-view", "nope", "--yes"]).exits(1).says(&["nope"]);
    repo.run(["delete", "feature-service", "driver_activity"]).exits(1).says(&["--yes"]);
    assert_eq!(repo.json(["feature-services", "list", "-o", "json"]).as_array().unwrap().len(), 1);
    repo.run(["delete", "feature-service", "driver_activity", "--yes"]).ok();
    assert_eq!(repo.json(["feature-services", "list", "-o", "json"]), json!([]));
    repo.run(["delete", "feature-view", VIEW, "--yes"]).ok();
    assert_eq!(repo.online_tables(), [""; 0]);
}

#[test]
fn what_only_adds_never_asks() {
    let repo = Repo::materialized();
    repo.edit("features.yaml", "    ttl: 100000d\n", "    ttl: 100000d\n    description: hourly\n");
    repo.write("more.yaml", "feature_views:\n  - {name: more, entities: [driver], ttl: 0, source: driver_stats_source, schema: [{name: acc_rate, dtype: Float32}]}\n");
    repo.run(["apply"]).ok();
    assert_eq!((repo.stored(VIEW, "conv_rate"), repo.stored("more", "acc_rate")), (3, 0));
}

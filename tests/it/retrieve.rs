//! `get-online-features`: the answer of Feast's server, with the request's order of features.

use serde_json::{Value, json};

use crate::harness::Repo;
use crate::sample::WINDOW;

fn get(repo: &Repo, arguments: &[&str]) -> Value {
    let mut all = vec!["get-online-features", "-o", "json"];
    all.extend(arguments);
    repo.json(all)
}

#[test]
fn features_come_in_the_order_of_the_request() {
    let repo = Repo::materialized();
    let answer = get(
        &repo,
        &[
            "-e",
            "driver_id=1003",
            "-e",
            "driver_id=1001",
            "-f",
            "driver_hourly_stats:avg_daily_trips",
            "-f",
            "driver_hourly_stats:conv_rate",
        ],
    );
    assert_eq!(answer["metadata"]["feature_names"], json!(["driver_id", "avg_daily_trips", "conv_rate"]));
    let values: Vec<_> = answer["results"].as_array().unwrap().iter().map(|column| column["values"].clone()).collect();
    assert_eq!(values, [json!([1003, 1001]), json!([1053, 1051]), json!([0.5, 0.5])]);
    assert_eq!(answer["results"][1]["event_timestamps"][0].as_str().unwrap().get(..19), Some("2024-01-01T05:00:00"));
}

#[test]
fn null_and_unknown_are_told_apart() {
    let repo = Repo::materialized();
    let answer = get(&repo, &["-e", "driver_id=1001", "-e", "driver_id=7", "-f", "driver_hourly_stats:acc_rate"]);
    assert_eq!(answer["results"][1]["values"], json!([null, null]));
    let statuses = &answer["results"][1]["statuses"];
    assert_eq!(statuses[1], json!("NOT_FOUND"));
    assert_ne!(statuses[0], json!("NOT_FOUND"));
}

#[test]
fn a_service_names_its_features() {
    let repo = Repo::materialized();
    let answer = get(&repo, &["-e", "driver_id=1001", "-s", "driver_activity"]);
    assert_eq!(answer["metadata"]["feature_names"], json!(["driver_id", "conv_rate", "acc_rate", "avg_daily_trips"]));
}

#[test]
fn projections_rename_views_and_keys() {
    let repo = Repo::sample();
    repo.edit(
        "features.yaml",
        "feature_services:\n",
        "\
feature_services:
  - name: pair
    features:
      - {feature_view: driver_hourly_stats, features: [conv_rate], name_alias: left, join_key_map: {driver_id: left_id}}
      - {feature_view: driver_hourly_stats, features: [avg_daily_trips], name_alias: right, join_key_map: {driver_id: right_id}}
",
    );
    repo.run(["apply"]).ok();
    repo.run(["materialize", WINDOW[0], WINDOW[1]]).ok();
    let answer = get(&repo, &["-e", "left_id=1001", "-e", "right_id=1002", "-s", "pair", "--full-feature-names"]);
    let names = answer["metadata"]["feature_names"].as_array().unwrap();
    let value = |name: &str| {
        let at = names.iter().position(|found| found == name).unwrap_or_else(|| panic!("{name} is not in {names:?}"));
        answer["results"][at]["values"][0].clone()
    };
    assert_eq!(value("left__conv_rate"), json!(0.5));
    assert_eq!(value("right__avg_daily_trips"), json!(1052));
}

#[test]
fn values_older_than_the_ttl_are_not_served() {
    let repo = Repo::sample();
    repo.edit("features.yaml", "ttl: 100000d", "ttl: 1d");
    repo.run(["apply"]).ok();
    repo.run(["materialize", WINDOW[0], WINDOW[1]]).ok();
    let request = ["-e", "driver_id=1001", "-f", "driver_hourly_stats:conv_rate"];
    let answer = get(&repo, &request);
    assert_eq!(answer["results"][1]["values"], json!([null]));
    assert_eq!(answer["results"][1]["statuses"], json!(["OUTSIDE_MAX_AGE"]));

    repo.edit("feature_store.yaml", "provider: local", "provider: local\nfeast_rs: {ttl_on_read: false}");
    assert_eq!(get(&repo, &request)["results"][1]["values"], json!([0.5]));
}

#[test]
fn the_same_name_twice_needs_full_names() {
    let repo = Repo::sample();
    repo.edit("features.yaml", "feature_services:", "  - name: second\n    entities: [driver]\n    ttl: 0\n    schema: [{name: conv_rate, dtype: Float32}]\n    source: driver_stats_source\n\nfeature_services:");
    repo.run(["apply"]).ok();
    repo.run(["materialize", WINDOW[0], WINDOW[1]]).ok();
    let request = ["-e", "driver_id=1001", "-f", "driver_hourly_stats:conv_rate", "-f", "second:conv_rate"];
    let mut all = vec!["get-online-features"];
    all.extend(request);
    repo.run(&all).exits(1).says(&["conv_rate", "--full-feature-names"]);
    let mut full = request.to_vec();
    full.push("--full-feature-names");
    let names = get(&repo, &full)["metadata"]["feature_names"].clone();
    assert_eq!(names, json!(["driver_id", "driver_hourly_stats__conv_rate", "second__conv_rate"]));
}

#[test]
fn a_view_without_entities_has_one_value() {
    let repo = Repo::sample();
    repo.edit("features.yaml", "feature_services:", "  - name: fleet\n    entities: []\n    ttl: 0\n    schema: [{name: avg_daily_trips, dtype: Int64}]\n    source: driver_stats_source\n\nfeature_services:");
    repo.run(["apply"]).ok();
    repo.run(["materialize", WINDOW[0], WINDOW[1]]).ok();
    assert_eq!(repo.stored("fleet", "avg_daily_trips"), 1);
    let answer = get(&repo, &["-e", "driver_id=1001", "-f", "fleet:avg_daily_trips"]);
    let at =
        answer["metadata"]["feature_names"].as_array().unwrap().iter().position(|n| n == "avg_daily_trips").unwrap();
    assert_eq!(answer["results"][at]["statuses"], json!(["PRESENT"]));
}

#[test]
fn feasts_own_form_is_there_too() {
    let repo = Repo::materialized();
    let answer = repo.json([
        "get-online-features",
        "-e",
        "driver_id=1001",
        "-f",
        "driver_hourly_stats:conv_rate",
        "-o",
        "feast",
    ]);
    assert_eq!(answer, json!({"driver_id": [1001], "conv_rate": [0.5]}));
}

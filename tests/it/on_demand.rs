//! On-demand feature views: computed at reads, online and historical, from stored features and from values that come with
//! the request.

use serde_json::{Value, json};

use crate::harness::Repo;
use crate::sample::WINDOW;

/// Everything that an on-demand view can take: a view, some of its features under another name and key, a request source.
const VIEWS: &str = "
on_demand_feature_views:
  - name: fares
    sources:
      - driver_hourly_stats
      - {type: RequestSource, name: trip, schema: [{name: miles, dtype: Float64}, {name: stops, dtype: Int64}]}
    schema:
      - {name: fare, dtype: Float64}
      - {name: per_stop, dtype: Int64}
      - {name: label, dtype: String}
    feature_transformation:
      expressions:
        fare: conv_rate + miles * 2.0
        per_stop: avg_daily_trips / stops
        label: coalesce(CAST(acc_rate AS VARCHAR), 'none')
  - name: pickup
    sources:
      - {feature_view: driver_hourly_stats, features: [avg_daily_trips], name_alias: first, join_key_map: {driver_id: first_driver}}
    schema: [{name: twice, dtype: Int64}, {name: who, dtype: Int64}]
    feature_transformation:
      sql: |
        SELECT first__avg_daily_trips * 2 AS twice, first_driver AS who
        FROM source WHERE avg_daily_trips > 1051
  - name: python_only
    mode: python
    sources: [driver_hourly_stats]
    schema: [{name: p, dtype: Int64}]
    feature_transformation: {udf_string: \"def p(inputs): return {'p': [1]}\"}
";

fn repo() -> Repo {
    let repo = Repo::sample();
    repo.edit(
        "features.yaml",
        "      - driver_hourly_stats\n",
        "      - {feature_view: driver_hourly_stats, features: [conv_rate]}\n      - {feature_view: fares, features: [fare], name_alias: f}\n      - pickup\n",
    );
    repo.edit("features.yaml", "feature_services:\n", &format!("{VIEWS}\nfeature_services:\n"));
    repo
}

fn applied() -> Repo {
    let repo = repo();
    repo.run(["apply"]).ok();
    repo.run(["materialize", WINDOW[0], WINDOW[1]]).ok();
    repo
}

fn online(repo: &Repo, arguments: &[&str]) -> Value {
    repo.json(["get-online-features", "-o", "json"].iter().chain(arguments))
}

fn column<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let names = answer["metadata"]["feature_names"].as_array().unwrap();
    let place = names.iter().position(|found| found == name).unwrap_or_else(|| panic!("{name} is not in {names:?}"));
    &answer["results"][place]
}

#[test]
fn request_values_and_stored_features_meet_and_one_bad_row_harms_no_other() {
    let repo = applied();
    let entities = ["driver_id=1001", "driver_id=1002", "driver_id=7"].map(|pair| ["-e", pair]).concat();
    let miles = ["miles=1.5", "miles=2", "miles=0.25"].map(|pair| ["-e", pair]).concat();
    let stops = ["stops=2", "stops=0", "stops=1"].map(|pair| ["-e", pair]).concat();
    let features = ["-f", "fares:fare", "-f", "fares:per_stop", "-f", "fares:label"].to_vec();
    let answer = online(&repo, &[entities, miles, stops, features].concat());
    // request values and the features that are only read to compute others are not part of the answer
    assert_eq!(answer["metadata"]["feature_names"], json!(["driver_id", "fare", "per_stop", "label"]));
    assert_eq!(column(&answer, "fare")["values"], json!([3.5, 4.5, null]));
    assert_eq!(column(&answer, "per_stop")["values"], json!([525, null, null]));
    assert_eq!(column(&answer, "per_stop")["statuses"], json!(["PRESENT", "INVALID", "PRESENT"]));
    assert_eq!(column(&answer, "fare")["statuses"], json!(["PRESENT", "PRESENT", "PRESENT"]));
    assert_eq!(column(&answer, "label")["values"][2], json!("none"));
    let table = repo
        .run(["get-online-features", "-e", "driver_id=1002", "-e", "miles=1", "-e", "stops=0", "-f", "fares:per_stop"])
        .ok();
    assert!(table.stdout.contains("INVALID"), "{}", table.stdout);
}

#[test]
fn a_service_computes_projections_under_their_names_and_keys() {
    let repo = applied();
    let service = ["-s", "driver_activity", "--full-feature-names"];
    let entities = ["-e", "driver_id=1001", "-e", "first_driver=1003", "-e", "miles=1", "-e", "stops=1"];
    let answer = online(&repo, &[&service[..], &entities].concat());
    assert_eq!(
        answer["metadata"]["feature_names"],
        json!([
            "driver_id",
            "first_driver",
            "driver_hourly_stats__conv_rate",
            "f__fare",
            "pickup__twice",
            "pickup__who"
        ])
    );
    assert_eq!(column(&answer, "f__fare")["values"], json!([2.5]));
    assert_eq!(column(&answer, "pickup__twice")["values"], json!([2106]));
    assert_eq!(column(&answer, "pickup__who")["values"], json!([1003]));
    // a row that the filter rejects has nulls
    let answer = online(&repo, &["-e", "first_driver=1001", "-f", "pickup:twice"]);
    assert_eq!(column(&answer, "twice")["values"], json!([null]));
}

#[test]
fn history_is_computed_from_what_was_known_then() {
    let repo = applied();
    let entities = r#"[
        {"driver_id": 1001, "event_timestamp": "2024-01-01T05:00:00", "miles": 1.5, "stops": 2, "first_driver": 1003},
        {"driver_id": 1001, "event_timestamp": "2024-01-01T00:00:00", "miles": null, "stops": 0, "first_driver": 1002},
        {"driver_id": 7, "event_timestamp": "2024-01-01T00:00:00", "miles": 2, "stops": 1, "first_driver": 7}]"#;
    let arguments = ["-d", entities, "-f", "fares:per_stop", "-f", "fares:fare", "-f", "pickup:twice"];
    let answer = repo.run(["get-historical-features", "-o", "json"].iter().chain(&arguments));
    assert_eq!(answer.code, 3, "{answer:?}");
    assert!(
        answer.stderr.contains("row 1 of the entity table: `per_stop` is avg_daily_trips=1001, stops=0"),
        "{}",
        answer.stderr
    );
    let rows = answer.json();
    let values = |name: &str| rows.as_array().unwrap().iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    assert_eq!(values("per_stop"), [json!(525), Value::Null, Value::Null]);
    assert_eq!(values("fare"), [json!(3.5), Value::Null, Value::Null]);
    assert_eq!(values("twice"), [json!(2106), Value::Null, Value::Null]);
    assert_eq!(values("miles"), [json!(1.5), Value::Null, json!(2.0)]);
    assert_eq!(rows[0].as_object().unwrap().len(), 8, "{rows}");
}

#[test]
fn what_is_missing_or_only_pythons_is_said() {
    let repo = applied();
    for (arguments, words) in [
        (&["-e", "driver_id=1001", "-e", "miles=1", "-f", "fares:fare"][..], "no value was given for `stops`"),
        (
            &["-e", "driver_id=1001", "-e", "miles=far", "-e", "stops=1", "-f", "fares:fare"],
            "\"far\" is no value of `miles`: it is not a number",
        ),
        (&["-e", "driver_id=1001", "-f", "python_only:p"], "is a Python function, which feast-rs never executes"),
        (&["-e", "driver_id=1001", "-f", "fares:fore"], "did you mean `fare`?"),
    ] {
        let answer = repo.run(["get-online-features"].iter().chain(arguments));
        assert_eq!(answer.code, 1, "{answer:?}");
        assert!(answer.stderr.contains(words), "{words}: {}", answer.stderr);
    }
    let entities = r#"[{"driver_id": 1001, "event_timestamp": "2024-01-01", "miles": 1}]"#;
    let answer = repo.run(["get-historical-features", "-d", entities, "-f", "fares:fare"]);
    assert_eq!(answer.code, 1);
    assert!(answer.stderr.contains("the entity table has no column `stops`"), "{}", answer.stderr);
}

#[test]
fn validate_points_into_the_expressions() {
    let repo = repo();
    repo.edit("features.yaml", "fare: conv_rate + miles * 2.0", "fare: conv_ratio + miles * 2.0");
    repo.edit("features.yaml", "per_stop: avg_daily_trips / stops", "per_stop: avg_daily_trips / 2.5");
    repo.edit("features.yaml", "first__avg_daily_trips * 2 AS twice", "second__avg_daily_trips * 2 AS twice");
    let answer = repo.run(["validate"]);
    assert_eq!(answer.code, 1, "{answer:?}");
    for words in [
        "there is no column `conv_ratio`",
        "did you mean `conv_rate`?",
        "feature `per_stop` is declared Int64 and computed as Float64",
        "there is no column `second__avg_daily_trips`",
    ] {
        assert!(answer.stderr.contains(words), "{words}: {}", answer.stderr);
    }
}

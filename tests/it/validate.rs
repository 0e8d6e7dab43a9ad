//! `validate`: every problem at once, each where it stands.

use crate::harness::Repo;

#[test]
fn a_sound_repo_is_told_so() {
    let repo = Repo::sample();
    repo.run(["validate"]).ok().keeps_quiet_about(&["error", "warning"]);
    assert!(!repo.exists("data/registry.db") && !repo.exists("data/online_store.db"), "validate wrote a file");
}

#[test]
fn a_missing_column_is_shown_as_a_compiler_shows_it() {
    let repo = Repo::sample();
    repo.edit("features.yaml", "{name: conv_rate, dtype: Float32}", "{name: conv_ratio, dtype: Float32}");
    let answer = repo.run(["validate"]).exits(1);
    let shown = "\
error[E0203]: feature `conv_ratio` is not a column of `data/driver_stats.parquet`
  --> features.yaml:18:16
   |
18 |       - {name: conv_ratio, dtype: Float32}
   |                ^^^^^^^^^^ did you mean `conv_rate`?
";
    assert!(answer.stdout.contains(shown) || answer.stderr.contains(shown), "expected\n{shown}\n{}", answer.all());
    answer.says(&["columns: event_timestamp, driver_id, conv_rate, acc_rate, avg_daily_trips, created"]);
}

#[test]
fn all_problems_are_reported_at_once() {
    let repo = Repo::sample();
    repo.edit("features.yaml", "{name: conv_rate, dtype: Float32}", "{name: conv_ratio, dtype: Float23}");
    repo.edit("features.yaml", "entities: [driver]", "entities: [drivr]");
    repo.write("more.yaml", "feature_servces:\n  - name: x\n    features: []\n");
    repo.run(["validate"]).exits(1).says(&[
        "Float23",
        "Float32",
        "drivr",
        "did you mean `driver`",
        "feature_servces",
        "more.yaml:1:1",
    ]);
}

#[test]
fn every_code_that_is_shown_can_be_explained() {
    let repo = Repo::sample();
    repo.edit("features.yaml", "{name: conv_rate, dtype: Float32}", "{name: conv_ratio, dtype: Float32}");
    let said = repo.run(["validate"]).exits(1).all();
    let at = said.find("error[").unwrap();
    let code = &said[at + 6..at + 11];
    let answer = repo.run(["explain", code]).ok();
    assert!(answer.stdout.len() > 40, "{}", answer.all());
    repo.run(["explain", "E9999"]).exits(1);
}

#[test]
fn files_that_are_no_definitions_are_left_alone() {
    let repo = Repo::sample()
        .file("docker-compose.yaml", "services: {web: {image: x}}\n")
        .file("notes/empty.yml", "")
        .file(".feastignore", "broken.yaml\n")
        .file("broken.yaml", "entities: [\n");
    repo.run(["validate"]).ok();
}

#[test]
fn documents_anchors_and_merges_work() {
    let repo = Repo::sample().file(
        "more.yaml",
        "\
feature_views:
  - &base
    name: first
    entities: [driver]
    ttl: 1d12h
    schema: [{name: conv_rate, dtype: Float32}]
    source: driver_stats_source
  - <<: *base
    name: second
---
feature_services:
  - name: both
    features: [first, second]
",
    );
    repo.run(["apply"]).ok();
    let names: Vec<_> = repo
        .json(["feature-views", "list", "-o", "json"])
        .as_array()
        .unwrap()
        .iter()
        .map(|view| view["name"].as_str().unwrap().to_owned())
        .collect();
    assert!(names.contains(&"first".to_owned()) && names.contains(&"second".to_owned()), "{names:?}");
}

#[test]
fn a_schema_is_inferred_from_the_parquet() {
    let repo = Repo::sample();
    let text = repo.read("features.yaml");
    let begin = text.find("    schema:").unwrap();
    let end = text.find("    source: driver_stats_source").unwrap();
    repo.write("features.yaml", format!("{}{}", &text[..begin], &text[end..]).replace("    value_type: INT64\n", ""));
    repo.run(["apply"]).ok();
    let views = repo.json(["feature-views", "list", "-o", "json"]);
    let mut features: Vec<_> = views[0]["features"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| format!("{} {}", f["name"].as_str().unwrap(), f["dtype"].as_str().unwrap()))
        .collect();
    features.sort();
    assert_eq!(features, ["acc_rate Float32", "avg_daily_trips Int64", "conv_rate Float32"]);
}

//! `list`, `describe`, and the registry's own commands.

use serde_json::{Value, json};

use crate::harness::Repo;

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    list.as_array()
        .unwrap()
        .iter()
        .find(|item| item["name"] == name)
        .unwrap_or_else(|| panic!("{name} is not in {list:#}"))
}

#[test]
fn lists_show_what_the_definitions_say() {
    let repo = Repo::applied();
    let view = repo.json(["feature-views", "list", "-o", "json"]);
    let view = named(&view, "driver_hourly_stats");
    assert_eq!(view["entities"], json!(["driver"]));
    assert_eq!(view["ttl_seconds"].as_f64(), Some(8.64e9));
    assert_eq!(view["online"], json!(true));
    assert_eq!(view["source"], json!("driver_stats_source"));
    assert_eq!(view["features"][0]["name"], json!("conv_rate"));
    assert_eq!(view["features"][0]["dtype"], json!("Float32"));
    assert!(view["kind"].is_string());

    let features = repo.json(["features", "list", "-o", "json"]);
    assert_eq!(named(&features, "acc_rate")["feature_view"], json!("driver_hourly_stats"));
    named(&repo.json(["entities", "list", "-o", "json"]), "driver");
    named(&repo.json(["data-sources", "list", "-o", "json"]), "driver_stats_source");
    named(&repo.json(["feature-services", "list", "-o", "json"]), "driver_activity");
    named(&repo.json(["projects", "list", "-o", "json"]), "driver_stats");
}

#[test]
fn tables_show_readable_types() {
    let repo = Repo::applied();
    repo.run(["entities", "list"]).ok().says(&["driver", "INT64"]).keeps_quiet_about(&["__dummy"]);
    repo.run(["data-sources", "list"]).ok().says(&["FileSource"]).keeps_quiet_about(&["<class"]);
    repo.run(["feature-views", "list"]).ok().says(&["KIND"]);
}

#[test]
fn every_kind_can_be_described() {
    let repo = Repo::applied();
    for (kind, name) in [
        ("entities", "driver"),
        ("data-sources", "driver_stats_source"),
        ("feature-views", "driver_hourly_stats"),
        ("feature-services", "driver_activity"),
        ("projects", "driver_stats"),
    ] {
        let described = repo.json([kind, "describe", name, "-o", "json"]);
        assert!(described.to_string().contains(name), "{described:#}");
        repo.run([kind, "describe", name]).ok().says(&[name]);
        repo.run([kind, "describe", "nope"]).exits(1).says(&["nope"]);
    }
}

#[test]
fn tags_filter_lists() {
    let repo = Repo::applied();
    let with = |tag: &str| repo.json(["feature-views", "list", "--tags", tag, "-o", "json"]).as_array().unwrap().len();
    assert_eq!(with("team:driver_performance"), 1);
    assert_eq!(with("team:other"), 0);
}

#[test]
fn reading_leaves_the_registry_as_it_is() {
    let repo = Repo::applied();
    let before = std::fs::read(repo.path("data/registry.db")).unwrap();
    for arguments in
        [&["feature-views", "list"][..], &["registry-dump"], &["plan"], &["registry", "check"], &["registry", "export"]]
    {
        repo.run(arguments).ok();
    }
    assert!(std::fs::read(repo.path("data/registry.db")).unwrap() == before, "a reading command wrote");
}

#[test]
fn a_list_of_an_unapplied_repo_is_empty_and_makes_no_file() {
    let repo = Repo::sample();
    assert_eq!(repo.json(["entities", "list", "-o", "json"]), json!([]));
    assert!(!repo.exists("data/registry.db"));
}

#[test]
fn the_dump_is_json_with_every_object() {
    let dump = Repo::applied().json(["registry-dump"]).to_string();
    for name in ["driver", "driver_stats_source", "driver_hourly_stats", "driver_activity"] {
        assert!(dump.contains(name), "{name} is not in {dump}");
    }
}

#[test]
fn exported_yaml_applies_to_the_same_objects() {
    let repo = Repo::applied();
    let yaml = repo.run(["registry", "export", "--format", "yaml"]).ok().stdout;
    repo.write("features.yaml", yaml);
    repo.run(["validate"]).ok();
    assert_eq!(repo.json(["plan", "-o", "json"]), json!({"changes": [], "drift": [], "unmanaged": []}));
}

#[test]
fn a_damaged_registry_is_found() {
    let repo = Repo::applied();
    repo.run(["registry", "check"]).ok();
    repo.registry().execute("UPDATE feature_views SET feature_view_proto = x'ffffff'", []).unwrap();
    let answer = repo.run(["registry", "check"]).says(&["driver_hourly_stats"]);
    assert_ne!(answer.code, 0, "{}", answer.all());
}

#[test]
fn rows_and_fields_of_other_programs_survive() {
    let repo = Repo::applied();
    let unknown_field = [0xfa, 0x3f, 0x03, b'x', b'y', b'z']; // field 1023, three bytes
    let sql = "UPDATE feature_views SET feature_view_proto = CAST(feature_view_proto || ?1 AS BLOB)";
    repo.registry().execute(sql, [unknown_field.as_slice()]).unwrap();
    let sql = "INSERT INTO permissions (permission_name, project_id, last_updated_timestamp, permission_proto) VALUES ('p', 'driver_stats', 1, x'0a030a0170')";
    repo.registry().execute(sql, []).unwrap();
    repo.edit("features.yaml", "ttl: 100000d", "ttl: 99999d");
    repo.run(["apply"]).ok();
    repo.run(["materialize", "2024-01-01", "2024-01-02"]).ok();
    let proto: Vec<u8> =
        repo.registry().query_row("SELECT feature_view_proto FROM feature_views", [], |row| row.get(0)).unwrap();
    assert!(proto.windows(unknown_field.len()).any(|window| window == unknown_field), "the unknown field is gone");
    let kept: i64 = repo.registry().query_row("SELECT count(*) FROM permissions", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 1);
}

//! `configuration`, `schema` and `explain`: what holds, what may be written, what it means; and what is never shown.

use serde_json::{Value, json};

use crate::harness::Repo;
use crate::sample::{FEATURES, SETTINGS};

fn setting(settings: &Value, key: &str) -> Value {
    let found = settings.as_array().unwrap().iter().find(|setting| setting["key"] == key);
    found.unwrap_or_else(|| panic!("no {key}: {settings:#}")).clone()
}

#[test]
fn configuration_says_where_each_setting_comes_from() {
    let settings = SETTINGS.replace("data/online_store.db", "${STORE_FOLDER:-data}/${STORE_NAME}");
    let repo =
        Repo::new().file("feature_store.yaml", settings).env("STORE_NAME", "online.db").env("AWS_REGION", "eu-west-1");
    let settings = repo.json(["configuration", "-o", "json"]);
    assert_eq!(
        setting(&settings, "project"),
        json!({"key": "project", "value": "driver_stats", "origin": "feature_store.yaml:1"})
    );
    let path = setting(&settings, "online_store.path");
    assert_eq!(
        (&path["value"], &path["origin"]),
        (&json!("data/online.db"), &json!("feature_store.yaml:8, from the environment: STORE_NAME"))
    );
    assert_eq!(
        setting(&settings, "feast_rs.max_future"),
        json!({"key": "feast_rs.max_future", "value": "1d", "origin": "default"})
    );
    assert_eq!(setting(&settings, "online_store.vector_enabled")["value"], json!(false));
    assert_eq!(setting(&settings, "AWS_REGION")["origin"], json!("environment"));
    repo.run(["configuration"]).ok().says(&["SETTING", "feature_store.yaml:1", "default"]);
}

#[test]
fn no_secret_is_shown_anywhere() {
    let secrets = [
        "hunter2-registry",
        "AKIDEXAMPLE-abc",
        "wJalrXUtnFEMI/K7MDENG",
        "session-token-xyz",
        "token-of-the-server",
        "in-the-text",
    ];
    let settings = "\
project: driver_stats
registry: ${REGISTRY_URL}
online_store:
  type: redis
  connection_string: ${REDIS_PASSWORD}
  password: in-the-text
";
    let repo = Repo::new()
        .file("feature_store.yaml", settings)
        .file("features.yaml", FEATURES)
        .env("REGISTRY_URL", "postgresql://feast:hunter2-registry@db:5432/feast")
        .env("REDIS_PASSWORD", "token-of-the-server")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE-abc")
        .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG")
        .env("AWS_SESSION_TOKEN", "session-token-xyz");
    let with_file_registry = Repo::new()
        .file("feature_store.yaml", format!("{SETTINGS}wrong_{{}}: ${{AWS_SECRET_ACCESS_KEY}}\n"))
        .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG");
    let mut said = String::new();
    let commands: &[&[&str]] = &[
        &["configuration"],
        &["configuration", "-o", "json"],
        &["-vv", "validate"],
        &["-vv", "plan"],
        &["apply"],
        &["doctor", "-o", "json"],
        &["--log-format", "json", "apply"],
    ];
    for command in commands {
        for repo in [&repo, &with_file_registry] {
            said.push_str(&repo.run(*command).all());
        }
    }
    // what a user typed is masked too, where it is a secret of the environment
    for typed in [
        &["get-online-features", "-e", "driver_id=token-of-the-server", "-f", "a:b"][..],
        &["explain", "AKIDEXAMPLE-abc"],
    ] {
        said.push_str(&repo.run(typed).stderr);
    }
    for secret in secrets {
        assert!(!said.contains(secret), "`{secret}` is shown:\n{said}");
    }
    // the settings themselves are shown, masked
    let settings = repo.run(["configuration", "-o", "json"]);
    assert!(settings.all().contains("***"), "{}", settings.all());
}

#[test]
fn a_password_in_the_text_of_a_problem_is_masked() {
    let repo = Repo::new().file("feature_store.yaml", "project: p\nregistry: postgresql://me:hunter2@db/feast\n");
    repo.run(["plan"]).exits(1).says(&["postgresql://me:***@db/feast"]).keeps_quiet_about(&["hunter2"]);
    let repo = Repo::new().file(
        "feature_store.yaml",
        "project: p\nregistry: redis://me:hunter2@db/feast\nonline_stor: redis://a:hunter2@b\n",
    );
    repo.run(["plan"]).exits(1).says(&["online_stor"]).keeps_quiet_about(&["hunter2"]);
}

#[test]
fn schema_is_written_where_the_editor_line_points() {
    let repo = Repo::new();
    repo.run(["init", "shop"]).ok();
    let written: Value = serde_json::from_str(&repo.read("shop/.feast-rs/schema.json")).unwrap();
    for file in ["feature_store.yaml", "entities.yaml", "features.yaml", "stream.yaml"] {
        let text = repo.read(&format!("shop/{file}"));
        assert!(text.starts_with("# yaml-language-server: $schema=.feast-rs/schema.json\n"), "{file}");
    }
    let printed = repo.json(["-c", "shop", "schema", "--print"]);
    assert_eq!(printed, written);
    std::fs::remove_dir_all(repo.path("shop/.feast-rs")).unwrap();
    repo.run(["-c", "shop", "schema"]).ok().says(&["schema.json"]);
    assert_eq!(serde_json::from_str::<Value>(&repo.read("shop/.feast-rs/schema.json")).unwrap(), written);
}

#[test]
fn explain_knows_codes_keys_and_kinds() {
    let repo = Repo::new();
    repo.run(["explain", "e0203"]).ok().says(&["E0203"]);
    repo.run(["explain", "ttl"]).ok().says(&["How long a value may be served", "batch_feature_views"]);
    repo.run(["explain", "x-kinesis.late"]).ok().says(&["write, drop, dead_letter", "behind the watermark"]);
    repo.run(["explain", "data_sources"]).ok().says(&["stream_name", "record_format", "kafka_bootstrap_servers"]);
    repo.run(["explain", "ttll"]).exits(1).says(&["did you mean `ttl`?"]);
    repo.run(["explain", "nothing at all"]).exits(1).says(&["`feast-rs explain` lists the codes"]);
    let keys = repo.json(["explain", "feature_views.ttl", "-o", "json"]);
    assert_eq!(
        (&keys[0]["in"], &keys[0]["key"], &keys[0]["default"]),
        (&json!("feature_views"), &json!("ttl"), &json!("0"))
    );
}

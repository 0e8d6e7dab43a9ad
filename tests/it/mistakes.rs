//! The mistakes that users make with Feast: each gets one clear message and a true exit code.

use crate::harness::Repo;
use crate::sample::{self, SETTINGS, WINDOW};

/// One mistake: what is edited in the sample, what is run, and what must come of it.
struct Mistake {
    what: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
    run: &'static [&'static str],
    code: i32,
    says: &'static [&'static str],
}

const SETTINGS_FILE: &str = "feature_store.yaml";
const DEFINITIONS: &str = "features.yaml";

/// Mistakes in files, met by the first command that reads them.
const IN_FILES: &[Mistake] = &[
    Mistake {
        what: "the path of the parquet is wrong",
        file: DEFINITIONS,
        from: "path: data/driver_stats.parquet",
        to: "path: data/driver_stat.parquet",
        run: &["apply"],
        code: 1,
        says: &["data/driver_stat.parquet", "features.yaml:9"],
    },
    Mistake {
        what: "the timestamp field is not a column",
        file: DEFINITIONS,
        from: "timestamp_field: event_timestamp",
        to: "timestamp_field: event_timestmp",
        run: &["apply"],
        code: 1,
        says: &["event_timestmp", "did you mean `event_timestamp`", "features.yaml:10"],
    },
    Mistake {
        what: "the timestamp field is short for a column",
        file: DEFINITIONS,
        from: "timestamp_field: event_timestamp",
        to: "timestamp_field: event_ts",
        run: &["apply"],
        code: 1,
        says: &["event_ts", "did you mean `event_timestamp`", "features.yaml:10"],
    },
    Mistake {
        what: "the created column is not a column",
        file: DEFINITIONS,
        from: "created_timestamp_column: created",
        to: "created_timestamp_column: creatd",
        run: &["apply"],
        code: 1,
        says: &["creatd", "did you mean `created`", "features.yaml:11"],
    },
    Mistake {
        what: "a feature is not a column",
        file: DEFINITIONS,
        from: "{name: conv_rate, dtype: Float32}",
        to: "{name: conv_ratio, dtype: Float32}",
        run: &["apply"],
        code: 1,
        says: &["conv_ratio", "did you mean `conv_rate`", "features.yaml:18"],
    },
    Mistake {
        what: "the join key is not a column",
        file: DEFINITIONS,
        from: "join_keys: [driver_id]",
        to: "join_keys: [driverid]",
        run: &["apply"],
        code: 1,
        says: &["driverid", "did you mean `driver_id`"],
    },
    Mistake {
        what: "a float column is declared a string",
        file: DEFINITIONS,
        from: "{name: conv_rate, dtype: Float32}",
        to: "{name: conv_rate, dtype: String}",
        run: &["apply"],
        code: 1,
        says: &["conv_rate", "String", "features.yaml:18"],
    },
    Mistake {
        what: "a key of the settings is misspelt",
        file: SETTINGS_FILE,
        from: "online_store:\n",
        to: "online_stor:\n",
        run: &["apply"],
        code: 1,
        says: &["online_stor", "did you mean `online_store`", "feature_store.yaml:6"],
    },
    Mistake {
        what: "the type of the online store is misspelt",
        file: SETTINGS_FILE,
        from: "type: sqlite\n",
        to: "type: sqlit\n",
        run: &["apply"],
        code: 1,
        says: &["sqlit", "`sqlite`"],
    },
    Mistake {
        what: "an environment variable is not set",
        file: SETTINGS_FILE,
        from: "path: data/online_store.db",
        to: "path: ${NOT_SET}/online_store.db",
        run: &["apply"],
        code: 1,
        says: &["NOT_SET", "feature_store.yaml:8"],
    },
    Mistake {
        what: "the settings are not YAML",
        file: SETTINGS_FILE,
        from: "provider: local",
        to: "provider: [local",
        run: &["apply"],
        code: 1,
        says: &["feature_store.yaml:"],
    },
    Mistake {
        what: "the definitions are not YAML",
        file: DEFINITIONS,
        from: "entities: [driver]",
        to: "entities: [driver",
        run: &["apply"],
        code: 1,
        says: &["features.yaml:"],
    },
    Mistake {
        what: "the name of the project is no name",
        file: SETTINGS_FILE,
        from: "project: driver_stats",
        to: "project: driver-stats!",
        run: &["apply"],
        code: 1,
        says: &["driver-stats!", "feature_store.yaml:1"],
    },
    Mistake {
        what: "a key is given twice",
        file: DEFINITIONS,
        from: "    value_type: INT64\n",
        to: "    value_type: INT64\n    value_type: STRING\n",
        run: &["apply"],
        code: 1,
        says: &["value_type", "features.yaml:5"],
    },
    Mistake {
        what: "a key of a definition is misspelt",
        file: DEFINITIONS,
        from: "    ttl: 100000d",
        to: "    tll: 100000d",
        run: &["apply"],
        code: 1,
        says: &["tll", "did you mean `ttl`", "features.yaml:16"],
    },
    Mistake {
        what: "an entity is not defined",
        file: DEFINITIONS,
        from: "entities: [driver]",
        to: "entities: [diver]",
        run: &["apply"],
        code: 1,
        says: &["diver", "did you mean `driver`", "features.yaml:15"],
    },
    Mistake {
        what: "a source is not defined",
        file: DEFINITIONS,
        from: "    source: driver_stats_source",
        to: "    source: driver_stat_source",
        run: &["apply"],
        code: 1,
        says: &["driver_stat_source", "did you mean `driver_stats_source`"],
    },
    Mistake {
        what: "a view of a service is not defined",
        file: DEFINITIONS,
        from: "      - driver_hourly_stats",
        to: "      - driver_hourly_stat",
        run: &["apply"],
        code: 1,
        says: &["driver_hourly_stat", "did you mean `driver_hourly_stats`"],
    },
    Mistake {
        what: "a stream source lacks its batch source",
        file: DEFINITIONS,
        from: "\nfeature_views:",
        to: "  - {type: KinesisSource, name: k, region: us-east-1, stream_name: s, timestamp_field: event_timestamp, record_format: {type: JsonFormat, schema_json: 'driver_id long'}}\n\nfeature_views:\n  - {name: v, entities: [driver], source: k, schema: [{name: conv_rate, dtype: Float32}]}",
        run: &["validate"],
        code: 1,
        says: &["batch_source", "`k`"],
    },
    Mistake {
        what: "the example of the documentation: a Kinesis source without its region",
        file: DEFINITIONS,
        from: "\nfeature_views:",
        to: "  - {type: KinesisSource, name: k, stream_name: s, batch_source: driver_stats_source, timestamp_field: event_timestamp, record_format: {type: JsonFormat, schema_json: 'driver_id long, event_timestamp timestamp'}}\n\nfeature_views:",
        run: &["apply"],
        code: 1,
        says: &["`k` has no region", "AWS_REGION", "features.yaml:12"],
    },
    Mistake {
        what: "the example of the documentation: a function in a stream view",
        file: DEFINITIONS,
        from: "    source: driver_stats_source\n",
        to: "    source: driver_stats_source\n    udf: driver_hourly_stats_stream\n",
        run: &["apply"],
        code: 1,
        says: &["`udf`", "features.yaml:"],
    },
    Mistake {
        what: "a path of another machine",
        file: DEFINITIONS,
        from: "path: data/driver_stats.parquet",
        to: "path: s3://bucket/driver_stats.parquet",
        run: &["apply"],
        code: 1,
        says: &["`s3://bucket/driver_stats.parquet` is not on this machine"],
    },
    Mistake {
        what: "the registry is a file",
        file: SETTINGS_FILE,
        from: "registry:\n  registry_type: sql\n  path: sqlite:///data/registry.db",
        to: "registry: data/registry.db",
        run: &["apply"],
        code: 1,
        says: &["registry import"],
    },
];

/// Mistakes in commands, met in an applied and materialized repo.
const IN_COMMANDS: &[Mistake] = &[
    command("a time is not understood", &["materialize-incremental", "yesterday"], 2, &["yesterday", "now"]),
    command("the window is inverted", &["materialize", WINDOW[1], WINDOW[0]], 1, &["2024-01-02"]),
    command("the end is in the future", &["materialize-incremental", "2999-01-01"], 1, &["future", "--allow-future"]),
    command(
        "a view to materialize is unknown",
        &["materialize", WINDOW[0], WINDOW[1], "-v", "driver_hourly_stat"],
        1,
        &["did you mean `driver_hourly_stats`"],
    ),
    command(
        "a join key is unknown",
        &["get-online-features", "-e", "foo=1", "-f", "driver_hourly_stats:conv_rate"],
        1,
        &["`foo`", "driver_id"],
    ),
    command(
        "a feature is unknown",
        &["get-online-features", "-e", "driver_id=1", "-f", "driver_hourly_stats:conv_rat"],
        1,
        &["conv_rat", "did you mean `conv_rate`"],
    ),
    command(
        "a view is unknown",
        &["get-online-features", "-e", "driver_id=1", "-f", "driver_hourly_stat:conv_rate"],
        1,
        &["driver_hourly_stat", "did you mean `driver_hourly_stats`"],
    ),
    command(
        "a service is unknown",
        &["get-online-features", "-e", "driver_id=1", "-s", "driver_activty"],
        1,
        &["did you mean `driver_activity`"],
    ),
    command(
        "a feature reference has no colon",
        &["get-online-features", "-e", "driver_id=1", "-f", "conv_rate"],
        1,
        &["conv_rate", "VIEW:FEATURE"],
    ),
    command(
        "an entity's value is not of its type",
        &["get-online-features", "-e", "driver_id=abc", "-f", "driver_hourly_stats:conv_rate"],
        1,
        &["abc", "driver_id"],
    ),
    command("a filter by tags has no colon", &["feature-views", "list", "--tags", "foo"], 2, &["foo"]),
    command("a command of Feast that does not exist here", &["endpoint"], 2, &["unrecognized", "endpoint"]),
    command("a command that needs more of Feast than is installed", &["ui"], 2, &["unrecognized", "ui"]),
    command("an object to delete is unknown", &["delete", "entity", "nope", "--yes"], 1, &["nope"]),
    command(
        "an object to describe is unknown",
        &["entities", "describe", "drivr"],
        1,
        &["drivr", "did you mean `driver`"],
    ),
];

const fn command(
    what: &'static str,
    run: &'static [&'static str],
    code: i32,
    says: &'static [&'static str],
) -> Mistake {
    Mistake { what, file: DEFINITIONS, from: "", to: "", run, code, says }
}

#[test]
fn mistakes_in_files() {
    report(IN_FILES.iter().filter_map(|mistake| {
        let repo = Repo::sample();
        repo.edit(mistake.file, mistake.from, mistake.to);
        wrong(&repo, mistake).or_else(|| {
            let left =
                repo.exists("data/registry.db") || repo.exists("data/online_store.db") || repo.exists("${NOT_SET}");
            left.then(|| format!("{}: something was written", mistake.what))
        })
    }));
}

#[test]
fn mistakes_in_commands() {
    let repo = Repo::materialized();
    report(IN_COMMANDS.iter().filter_map(|mistake| wrong(&repo, mistake)));
}

/// What is wrong about the answer to a mistake.
fn wrong(repo: &Repo, mistake: &Mistake) -> Option<String> {
    let answer = repo.run(mistake.run);
    let said = format!("{}{}", answer.stdout, answer.stderr);
    let missing: Vec<_> = mistake.says.iter().filter(|word| !said.contains(**word)).collect();
    let clumsy = ["panicked", "Error(", "Some(", "https://", "0x"].iter().find(|word| said.contains(**word));
    let fine = answer.code == mistake.code && missing.is_empty() && clumsy.is_none() && said.lines().count() < 25;
    (!fine).then(|| {
        let Mistake { what, code, .. } = mistake;
        format!("{what}: expected exit {code} and {missing:?} (clumsy: {clumsy:?})\n{}", answer.all())
    })
}

#[track_caller]
fn report(wrong: impl Iterator<Item = String>) {
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{} of the mistakes are not answered well\n\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn a_missing_parquet_can_be_skipped_at_apply_and_fails_at_materialize() {
    let repo = Repo::sample();
    std::fs::remove_file(repo.path("data/driver_stats.parquet")).unwrap();
    repo.run(["apply"]).exits(1);
    repo.run(["apply", "--skip-source-validation"]).ok();
    let answer = repo.run(["materialize", WINDOW[0], WINDOW[1]]).says(&["data/driver_stats.parquet"]);
    assert!([1, 3].contains(&answer.code), "{}", answer.all());
}

#[test]
fn a_value_that_does_not_fit_refuses_its_row_alone() {
    use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
    use std::sync::Arc;

    let times = TimestampMicrosecondArray::from(vec![sample::BEGIN; 2]).with_timezone("UTC");
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("driver_id", Arc::new(Int64Array::from(vec![1, 2]))),
        ("event_timestamp", Arc::new(times)),
        ("trips", Arc::new(Int64Array::from(vec![5, 1 << 40]))),
        ("rate", Arc::new(Float64Array::from(vec![0.5, 0.25]))),
    ];
    let definitions = "\
entities: [{name: driver, join_keys: [driver_id], value_type: INT64}]
data_sources: [{type: FileSource, name: s, path: data/s.parquet, timestamp_field: event_timestamp}]
feature_views:
  - {name: v, entities: [driver], ttl: 0, source: s, schema: [{name: trips, dtype: Int32}, {name: rate, dtype: Float64}]}
";
    let repo = Repo::new()
        .file("feature_store.yaml", SETTINGS)
        .file("features.yaml", definitions)
        .parquet("data/s.parquet", &RecordBatch::try_from_iter(columns).unwrap());
    repo.run(["apply"]).ok();
    let answer = repo.run(["materialize", WINDOW[0], WINDOW[1], "-o", "json"]).exits(3);
    let view = answer.json()["views"][0].clone();
    assert_eq!((view["refused"].as_u64(), view["written"].as_u64()), (Some(1), Some(2)), "{view:#}");
    // the row, the column and the value are named
    assert!(["trips", "1099511627776"].iter().all(|word| answer.stderr.contains(word)), "{}", answer.all());
    assert_eq!((repo.cell("v", "trips", 1).is_some(), repo.cell("v", "rate", 2)), (true, None));
}

#[test]
fn a_stray_script_is_not_executed() {
    let repo = Repo::sample().file("cleanup_script.py", "open('executed', 'w')\n");
    repo.run(["plan"]).ok();
    repo.run(["apply"]).ok();
    assert!(!repo.exists("executed"));
}

#[test]
fn a_minimal_template_applies_as_it_is() {
    let repo = Repo::new();
    repo.run(["init", "bad", "-t", "minimal"]).ok();
    repo.run(["-c", "bad", "apply"]).ok();
}

#[test]
fn a_float_is_not_cut_to_an_integer() {
    let repo = Repo::sample();
    repo.edit("features.yaml", "{name: conv_rate, dtype: Float32}", "{name: conv_rate, dtype: Int64}");
    repo.run(["apply"]).ok();
    // of the hours only the first is a whole number, 0.0
    let answer = repo.run(["materialize", WINDOW[0], WINDOW[1], "-o", "json"]).exits(3).says(&["conv_rate", "0.5"]);
    assert_eq!(answer.json()["views"][0]["refused"], 15);
    assert_eq!(repo.cell("driver_hourly_stats", "conv_rate", 1001).unwrap().0.as_deref(), Some("0"));
}

#[test]
fn the_name_of_an_entity_serves_for_its_join_key() {
    let repo = Repo::materialized();
    repo.run(["get-online-features", "-e", "driver=1001", "-f", "driver_hourly_stats:conv_rate"]).ok().says(&["0.5"]);
}

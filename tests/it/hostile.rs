//! Hostile and broken input: a clear error within bounds of memory and time, nothing lost, nothing injected.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};

use crate::harness::Repo;
use crate::sample::{self, BEGIN, FEATURES, HOUR, SETTINGS, WINDOW};

const VIEW: &str = "driver_hourly_stats";
const TABLE: &str = "driver_stats_driver_hourly_stats";

/// Memory that a command may ask for, in kilobytes.
const MEMORY: u64 = 2 << 20;

/// One hostile thing: what is done to a repo whose store holds nine values, what is run, and what must come of it.
struct Case {
    what: &'static str,
    make: fn(&Repo),
    run: &'static [&'static str],
    code: i32,
    says: &'static [&'static str],
}

const MATERIALIZE: &[&str] = &["materialize", WINDOW[0], WINDOW[1]];
const GET: &[&str] = &["get-online-features", "-e", "driver_id=1001", "-f", "driver_hourly_stats:conv_rate"];

const CASES: &[Case] = &[
    Case {
        what: "aliases that grow to ten to the ninth",
        make: |repo| {
            let mut text = "x-0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
            for level in 1..9 {
                let last = vec![format!("*a{}", level - 1); 10].join(", ");
                text.push_str(&format!("x-{level}: &a{level} [{last}]\n"));
            }
            repo.write("bomb.yaml", text + "entities: *a8\n");
        },
        run: &["validate"],
        code: 1,
        says: &["E0109", "bomb.yaml"],
    },
    Case {
        what: "an alias that contains itself",
        make: |repo| repo.write("self.yaml", "entities: &a\n  - *a\n"),
        run: &["validate"],
        code: 1,
        says: &["self.yaml"],
    },
    Case {
        what: "lists a hundred thousand deep",
        make: |repo| repo.write("deep.yaml", format!("entities: {}", "[".repeat(100_000))),
        run: &["validate"],
        code: 1,
        says: &["recursion limit", "deep.yaml"],
    },
    Case {
        what: "a text of 100 MB in a definition",
        make: |repo| repo.write("big.yaml", format!("entities:\n  - name: {}\n", "a".repeat(100 << 20))),
        run: &["validate"],
        code: 1,
        says: &["E0112", "big.yaml", "more than"],
    },
    Case {
        what: "settings of 100 MB",
        make: |repo| repo.write("feature_store.yaml", format!("{SETTINGS}owner: {}\n", "a".repeat(100 << 20))),
        run: &["plan"],
        code: 1,
        says: &["E0109", "feature_store.yaml"],
    },
    Case {
        what: "bytes that are no text",
        make: |repo| repo.write("bytes.yaml", [b"entities: [".as_slice(), &[0xff, 0xfe, 0x00], b"]"].concat()),
        run: &["validate"],
        code: 1,
        says: &["E0112", "bytes.yaml"],
    },
    Case {
        what: "a parquet file that is cut off",
        make: |repo| {
            let bytes = std::fs::read(repo.path("data/driver_stats.parquet")).unwrap();
            repo.write("data/driver_stats.parquet", &bytes[..bytes.len() / 2]);
        },
        run: MATERIALIZE,
        code: 1,
        says: &["driver_stats.parquet"],
    },
    Case {
        what: "a parquet file whose footer says that it is two gigabytes long",
        make: |repo| repo.write("data/driver_stats.parquet", b"PAR1\x00\x00\x00\x7fPAR1"),
        run: &["apply"],
        code: 1,
        says: &["E0219", "driver_stats.parquet"],
    },
    Case {
        what: "an empty file as parquet",
        make: |repo| repo.write("data/driver_stats.parquet", ""),
        run: &["apply"],
        code: 1,
        says: &["E0219"],
    },
    Case {
        what: "damaged pages behind a sound footer",
        make: |repo| {
            let path = repo.path("data/driver_stats.parquet");
            let mut bytes = std::fs::read(&path).unwrap();
            let footer =
                bytes.len() - 8 - u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().unwrap()) as usize;
            bytes[4..footer].fill(0xa5);
            std::fs::write(path, bytes).unwrap();
        },
        run: MATERIALIZE,
        code: 1,
        says: &["driver_stats.parquet"],
    },
    Case {
        what: "a parquet file whose statistics lie",
        make: |repo| {
            // the largest event time of the footer, an hour too early
            let path = repo.path("data/driver_stats.parquet");
            let mut bytes = std::fs::read(&path).unwrap();
            let (last, earlier) = ((BEGIN + 5 * HOUR).to_le_bytes(), (BEGIN + 4 * HOUR).to_le_bytes());
            let footer =
                bytes.len() - 8 - u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().unwrap()) as usize;
            let mut changed = 0;
            for at in footer..bytes.len() - 8 {
                if bytes[at..].starts_with(&last) {
                    bytes[at..at + 8].copy_from_slice(&earlier);
                    changed += 1;
                }
            }
            assert!(changed > 0, "the footer has no statistics of the event time");
            std::fs::write(path, bytes).unwrap();
        },
        run: MATERIALIZE,
        code: 1,
        says: &["the footer of", "event_timestamp", "2024-01-01T05:00:00Z"],
    },
    Case {
        what: "a registry row that is no message",
        make: |repo| repo.registry().execute_batch("UPDATE feature_views SET feature_view_proto = x'0aff'").unwrap(),
        run: &["feature-views", "list"],
        code: 70,
        says: &["E1001", VIEW],
    },
    Case {
        what: "a registry that is a text file",
        make: |repo| repo.write("data/registry.db", "this is no database, and was never one ".repeat(100)),
        run: &["apply"],
        code: 1,
        says: &["E1001", "registry.db"],
    },
    Case {
        what: "a registry with tables of another program",
        make: |repo| {
            std::fs::remove_file(repo.path("data/registry.db")).unwrap();
            repo.registry().execute_batch("CREATE TABLE entities (id INTEGER); CREATE TABLE notes (text)").unwrap();
        },
        run: &["feature-views", "list"],
        code: 70,
        says: &["E1001"],
    },
    Case {
        what: "an online store that is a text file",
        make: |repo| repo.write("data/online_store.db", "this is no database, and was never one ".repeat(100)),
        run: MATERIALIZE,
        code: 70,
        says: &["E1002", "online_store.db"],
    },
    Case {
        what: "a table of another layout under the name of a view",
        make: |repo| {
            let sql = format!("DROP TABLE {TABLE}; CREATE TABLE {TABLE} (id INTEGER PRIMARY KEY, text TEXT)");
            repo.online().execute_batch(&sql).unwrap();
        },
        run: GET,
        code: 70,
        says: &["E1002"],
    },
    Case {
        what: "SQL in the name of a view",
        make: |repo| {
            repo.edit("features.yaml", "- name: driver_hourly_stats", "- name: 'x\"; DROP TABLE entities; --'");
        },
        run: &["apply"],
        code: 1,
        says: &["E0201"],
    },
    Case {
        what: "SQL in a reference",
        make: |_| (),
        run: &["get-online-features", "-e", "driver_id=1", "-f", "x\"; DROP TABLE entities; --:y"],
        code: 1,
        says: &["there is no feature view"],
    },
    Case {
        what: "SQL in the name of what is deleted",
        make: |_| (),
        run: &["delete", "feature-view", "x' OR '1'='1", "--yes"],
        code: 1,
        says: &["there is no feature view"],
    },
    Case {
        what: "SQL in the value of a key",
        make: |_| (),
        run: &["online", "get", VIEW, "-e", "driver_id=1; DROP TABLE x"],
        code: 1,
        says: &["whole number"],
    },
    Case {
        what: "an expression that makes gigabytes of a word",
        make: |repo| {
            let text = format!(
                "{FEATURES}\nbatch_feature_views:\n  - name: huge\n    entities: [driver]\n    online: true\n    source: \
                 driver_stats_source\n    schema: [{{name: x, dtype: String}}]\n    feature_transformation: \
                 {{expressions: {{x: \"lpad('a', 2147483647, 'b')\"}}}}\n"
            );
            repo.write("features.yaml", text);
        },
        run: &["apply"],
        code: 1,
        says: &["10000 at most"],
    },
];

#[test]
fn each_hostile_thing_is_told_within_bounds_and_loses_nothing() {
    let mut wrong = Vec::new();
    for case in CASES {
        let repo = Repo::materialized();
        (case.make)(&repo);
        let answer = repo.run_within(case.run, MEMORY);
        let missing: Vec<_> = case.says.iter().filter(|word| !answer.all().contains(**word)).collect();
        let panicked =
            answer.stderr.contains("panicked") || answer.stderr.contains("defect of feast-rs, or") && case.code != 70;
        if answer.code != case.code || !missing.is_empty() || panicked {
            wrong.push(format!("{}: expected exit {} and {missing:?}: {}", case.what, case.code, cut(&answer.all())));
        }
        let kept = rusqlite::Connection::open(repo.path("data/online_store.db")).and_then(|store| {
            store.query_row(&format!("SELECT count(*) FROM {TABLE}"), [], |row| row.get::<_, i64>(0))
        });
        let destroyed = case.what.contains("another layout") || case.what.contains("a text file");
        if !destroyed && kept != Ok(9) {
            wrong.push(format!("{}: nine values became {kept:?}", case.what));
        }
    }
    println!("{} hostile things tried", CASES.len());
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n\n"));
}

fn cut(text: &str) -> String {
    text.chars().take(1500).collect()
}

#[test]
fn a_name_that_can_be_no_name_of_a_table_is_refused() {
    for name in ["a.b", "a b", "a'b", "a\\\"b", "a;b", "a\\nb", "../x", "a/b", "__feast", ""] {
        let repo = Repo::sample();
        repo.edit("features.yaml", "- name: driver_hourly_stats", &format!("- name: \"{name}\""));
        let answer = repo.run(["apply"]).exits(1);
        assert!(answer.all().contains("E0201") || answer.all().contains("E0107"), "{name}: {}", answer.all());
        assert!(!repo.exists("data/online_store.db"), "{name}");
    }
}

/// Names that mean something to SQL, to a file system or to our own references, as names of features and of join keys.
fn odd_names() -> Vec<String> {
    let odd = ["a\"b", "a'b", "a.b", "a:b", "żółć", "x; DROP TABLE y", "../../etc", "%s", "a\\b", "select", "🙂"];
    odd.iter().map(ToString::to_string).chain([format!("n{}", "x".repeat(299))]).collect()
}

fn quoted(name: &str) -> String {
    serde_json::to_string(name).unwrap()
}

#[test]
fn odd_names_of_features_and_keys_go_all_the_way() {
    for name in odd_names() {
        let key = format!("key {name}");
        let repo = Repo::new().file("feature_store.yaml", SETTINGS).file(
            "features.yaml",
            format!(
                "entities: [{{name: e, join_keys: [{}], value_type: STRING}}]\n\
                 data_sources: [{{type: file, name: s, path: data/s.parquet, timestamp_field: event_timestamp}}]\n\
                 feature_views: [{{name: v, entities: [e], ttl: 100000d, source: s, schema: [{{name: {}, dtype: Float32}}]}}]\n",
                quoted(&key),
                quoted(&name)
            ),
        );
        let columns: Vec<(&str, ArrayRef)> = vec![
            (&key, Arc::new(StringArray::from(vec!["1' OR 1=1"]))),
            (&name, Arc::new(Float32Array::from(vec![0.5]))),
            ("event_timestamp", Arc::new(TimestampMicrosecondArray::from(vec![BEGIN + HOUR]).with_timezone("UTC"))),
        ];
        let repo = repo.parquet("data/s.parquet", &RecordBatch::try_from_iter(columns).unwrap());
        repo.run(["apply"]).ok();
        repo.run(MATERIALIZE).ok();
        let pair = format!("{key}=1' OR 1=1");
        let answer = repo.json(["get-online-features", "-e", &pair, "-f", &format!("v:{name}"), "-o", "json"]);
        assert_eq!(answer["results"][1]["values"], serde_json::json!([0.5]), "{name}: {answer}");
        let stored = repo.json(["online", "get", "v", "-e", &pair, "-o", "json"]);
        assert_eq!(stored[0]["values"][0]["feature"], serde_json::json!(name));
        repo.run(["online", "diff", "v"]).ok();
        repo.run(["registry", "check"]).ok();
    }
}

#[test]
fn long_and_foreign_names_of_views_go_all_the_way() {
    for name in ["żółć".to_owned(), format!("v{}", "x".repeat(299))] {
        let repo = Repo::sample();
        repo.edit("features.yaml", "- name: driver_hourly_stats", &format!("- name: {name}"));
        repo.edit("features.yaml", "      - driver_hourly_stats", &format!("      - {name}"));
        repo.run(["apply"]).ok();
        repo.run(MATERIALIZE).ok();
        let answer = repo.json([
            "get-online-features",
            "-e",
            "driver_id=1001",
            "-f",
            &format!("{name}:conv_rate"),
            "-o",
            "json",
        ]);
        assert_eq!(answer["results"][1]["values"], serde_json::json!([0.5]), "{name}");
    }
}

#[test]
fn a_key_of_a_megabyte_and_the_largest_numbers_are_values_like_any_other() {
    let repo = Repo::sample();
    let mut rows = sample::rows();
    rows.truncate(1);
    rows[0].driver = i64::MIN;
    sample::write_rows(&repo.path("data/driver_stats.parquet"), &rows);
    repo.run(["apply"]).ok();
    repo.run(MATERIALIZE).ok();
    repo.run(["online", "get", VIEW, "-e", "driver_id=-9223372036854775808"]).ok().says(&["conv_rate"]);
    let big = RecordBatch::try_from_iter([
        ("event_timestamp", Arc::new(TimestampMicrosecondArray::from(vec![BEGIN]).with_timezone("UTC")) as ArrayRef),
        ("driver_id", Arc::new(StringArray::from(vec!["k".repeat(1 << 20)]))),
        ("avg_daily_trips", Arc::new(Int64Array::from(vec![i64::MAX]))),
    ])
    .unwrap();
    let definitions = "entities: [{name: driver, join_keys: [driver_id], value_type: STRING}]\n\
         data_sources: [{type: file, name: s, path: data/s.parquet, timestamp_field: event_timestamp}]\n\
         feature_views: [{name: v, entities: [driver], ttl: 0, source: s, schema: [{avg_daily_trips: Int64}]}]\n";
    let repo = Repo::new()
        .file("feature_store.yaml", SETTINGS)
        .file("features.yaml", definitions)
        .parquet("data/s.parquet", &big);
    repo.run(["apply"]).ok();
    repo.run(MATERIALIZE).ok();
    let counts = repo.json(["online", "count", "-o", "json"]);
    assert_eq!((&counts[0]["keys"], &counts[0]["values"]), (&1.into(), &1.into()));
    repo.run(["online", "diff", "v"]).ok();
}

#[test]
fn a_table_of_an_older_feast_is_used_and_completed() {
    let repo = Repo::materialized();
    // Feast before `value_text`, and before our columns
    let sql = format!(
        "DROP TABLE {TABLE}; CREATE TABLE {TABLE} (entity_key BLOB, feature_name TEXT, value BLOB, vector_value BLOB, \
         event_ts timestamp, created_ts timestamp, PRIMARY KEY(entity_key, feature_name))"
    );
    repo.online().execute_batch(&sql).unwrap();
    repo.run(["doctor"]).exits(1).says(&["value_text"]);
    repo.run(MATERIALIZE).ok();
    assert_eq!(repo.cell(VIEW, "conv_rate", 1001).unwrap().0.as_deref(), Some("0.5"));
    repo.run(["online", "diff", VIEW]).ok();
}

#[test]
fn damage_in_any_row_of_the_registry_is_told_and_never_breaks_the_program() {
    let rows = [
        ("entities", "entity_proto"),
        ("data_sources", "data_source_proto"),
        ("feature_views", "feature_view_proto"),
        ("feature_services", "feature_service_proto"),
    ];
    for (table, column) in rows {
        let repo = Repo::materialized();
        let sound: Vec<u8> =
            repo.registry().query_row(&format!("SELECT {column} FROM {table} LIMIT 1"), [], |row| row.get(0)).unwrap();
        let cut = sound[..sound.len() - 1].to_vec();
        let flipped: Vec<u8> = sound.iter().map(|byte| byte ^ 0x55).collect();
        for damaged in [cut, flipped, vec![0xff; 64], vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], Vec::new()] {
            let sql = format!("UPDATE {table} SET {column} = ?1");
            repo.registry().execute(&sql, [&damaged]).unwrap();
            for command in
                [&["feature-views", "list"][..], &["plan"], &["registry", "check"], &["doctor"], &["registry-dump"]]
            {
                let answer = repo.run_within(command, MEMORY);
                assert!([0, 1, 70].contains(&answer.code), "{table}: {}", answer.all());
                assert!(
                    !answer.stderr.contains("panicked") && !answer.stderr.contains("cannot go on"),
                    "{}",
                    answer.all()
                );
            }
            // an empty message is a message: what it lacks is found by the check alone
            let checked = repo.run(["registry", "check", "-o", "json"]);
            assert_ne!(checked.json(), serde_json::json!([]), "{table} {damaged:02x?}");
        }
        assert_eq!(repo.stored(VIEW, "conv_rate"), 3);
    }
}

//! Hostile and broken input: a clear error within bounds of memory and time, nothing lost, nothing injected. What each
//! case is told stands in `docs/damaged-files.md`; `BLESS=1` writes it anew.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};

use crate::harness::{Answer, Repo};
use crate::sample::{self, BEGIN, FEATURES, HOUR, SETTINGS, WINDOW};
use crate::tally::Tally;

const VIEW: &str = "driver_hourly_stats";
const TABLE: &str = "driver_stats_driver_hourly_stats";

/// Memory that a command may ask for, in kilobytes.
const MEMORY: u64 = 2 << 20;

/// One hostile thing: what is done to a repo whose store holds nine values, what is run, and what must come of it.
struct Case {
    /// as the page calls it
    what: &'static str,
    make: fn(&Repo),
    run: &'static [&'static str],
    code: i32,
    says: &'static [&'static str],
    /// how many of the nine values are in the table then
    kept: i64,
}

const MATERIALIZE: &[&str] = &["materialize", WINDOW[0], WINDOW[1]];
const PUSH: &[&str] = &["push", VIEW, "in.ndjson"];
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
        kept: 9,
    },
    Case {
        what: "an alias that contains itself",
        make: |repo| repo.write("self.yaml", "entities: &a\n  - *a\n"),
        run: &["validate"],
        code: 1,
        says: &["self.yaml"],
        kept: 9,
    },
    Case {
        what: "lists a hundred thousand deep",
        make: |repo| repo.write("deep.yaml", format!("entities: {}", "[".repeat(100_000))),
        run: &["validate"],
        code: 1,
        says: &["recursion limit", "deep.yaml"],
        kept: 9,
    },
    Case {
        what: "a text of 100 MB in a definition",
        make: |repo| repo.write("big.yaml", format!("entities:\n  - name: {}\n", "a".repeat(100 << 20))),
        run: &["validate"],
        code: 1,
        says: &["E0112", "big.yaml", "more than"],
        kept: 9,
    },
    Case {
        what: "settings of 100 MB",
        make: |repo| repo.write("feature_store.yaml", format!("{SETTINGS}owner: {}\n", "a".repeat(100 << 20))),
        run: &["plan"],
        code: 1,
        says: &["E0109", "feature_store.yaml"],
        kept: 9,
    },
    Case {
        what: "bytes that are no text",
        make: |repo| repo.write("bytes.yaml", [b"entities: [".as_slice(), &[0xff, 0xfe, 0x00], b"]"].concat()),
        run: &["validate"],
        code: 1,
        says: &["E0112", "bytes.yaml"],
        kept: 9,
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
        kept: 9,
    },
    Case {
        what: "a parquet file whose footer says that it is two gigabytes long",
        make: |repo| repo.write("data/driver_stats.parquet", b"PAR1\x00\x00\x00\x7fPAR1"),
        run: &["apply"],
        code: 1,
        says: &["E0219", "driver_stats.parquet"],
        kept: 9,
    },
    Case {
        what: "an empty file as parquet",
        make: |repo| repo.write("data/driver_stats.parquet", ""),
        run: &["apply"],
        code: 1,
        says: &["E0219"],
        kept: 9,
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
        kept: 9,
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
        kept: 9,
    },
    Case {
        what: "a registry row that is no message",
        make: |repo| repo.registry().execute_batch("UPDATE feature_views SET feature_view_proto = x'0aff'").unwrap(),
        run: &["feature-views", "list"],
        code: 70,
        says: &["E1001", VIEW],
        kept: 9,
    },
    Case {
        what: "a registry that is a text file",
        make: |repo| repo.write("data/registry.db", "this is no database, and was never one ".repeat(100)),
        run: &["apply"],
        code: 1,
        says: &["E1001", "registry.db"],
        kept: 9,
    },
    Case {
        what: "a file registry without an end",
        make: |_| (),
        run: &["registry", "import", "/dev/zero"],
        code: 1,
        says: &["E1010", "/dev/zero", "256 MiB at most"],
        kept: 9,
    },
    Case {
        what: "a token file without an end",
        make: |_| (),
        run: &["serve", "--port", "0", "--token-file", "/dev/zero"],
        code: 1,
        says: &["E2307", "4096 bytes"],
        kept: 9,
    },
    Case {
        what: "a line of 100 MB of blanks",
        make: |repo| repo.write("blanks.ndjson", " ".repeat(100 << 20)),
        run: &["push", VIEW, "blanks.ndjson"],
        code: 3,
        says: &["E2006", "more than 16 MiB"],
        kept: 9,
    },
    Case {
        what: "a registry with tables of another program",
        make: |repo| {
            std::fs::remove_file(repo.path("data/registry.db")).unwrap();
            repo.registry().execute_batch("CREATE TABLE entities (id INTEGER); CREATE TABLE notes (text)").unwrap();
        },
        run: &["feature-views", "list"],
        code: 70,
        says: &["E1001", "no such column: entity_name", "of another program"],
        kept: 9,
    },
    Case {
        what: "an online store that is a text file",
        make: |repo| repo.write("data/online_store.db", "this is no database, and was never one ".repeat(100)),
        run: MATERIALIZE,
        code: 70,
        says: &["E1002", "online_store.db"],
        kept: 0,
    },
    Case {
        what: "a table of another layout under the name of a view",
        make: foreign_table,
        run: GET,
        code: 70,
        says: &["E1002", "it has no column `entity_key`", "move it out of the way"],
        kept: 0,
    },
    Case {
        what: "the same, and a command that would write to it",
        make: foreign_table,
        run: MATERIALIZE,
        code: 70,
        says: &["E1011", "it has no column `entity_key`"],
        kept: 0,
    },
    Case {
        what: "the same, and the command that looks for what is wrong",
        make: foreign_table,
        run: &["doctor"],
        code: 1,
        says: &["FAIL", "it has no column `entity_key`"],
        kept: 0,
    },
    Case {
        what: "SQL in the name of a view",
        make: |repo| {
            repo.edit("features.yaml", "- name: driver_hourly_stats", "- name: 'x\"; DROP TABLE entities; --'");
        },
        run: &["apply"],
        code: 1,
        says: &["E0201"],
        kept: 9,
    },
    Case {
        what: "SQL in a reference",
        make: |_| (),
        run: &["get-online-features", "-e", "driver_id=1", "-f", "x\"; DROP TABLE entities; --:y"],
        code: 1,
        says: &["there is no feature view"],
        kept: 9,
    },
    Case {
        what: "SQL in the name of what is deleted",
        make: |_| (),
        run: &["delete", "feature-view", "x' OR '1'='1", "--yes"],
        code: 1,
        says: &["there is no feature view"],
        kept: 9,
    },
    Case {
        what: "SQL in the value of a key",
        make: |_| (),
        run: &["online", "get", VIEW, "-e", "driver_id=1; DROP TABLE x"],
        code: 1,
        says: &["whole number"],
        kept: 9,
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
        kept: 9,
    },
    Case {
        what: "an expression that puts more and more in the place of each letter",
        make: |repo| {
            let text = format!(
                "{FEATURES}\nbatch_feature_views:\n  - name: huge\n    entities: [driver]\n    online: true\n    source: \
                 driver_stats_source\n    schema: [{{name: x, dtype: String}}]\n    feature_transformation: \
                 {{expressions: {{x: \"regexp_replace(repeat('a', 10000), 'a', 'bbbbbbbbbb', 'g')\"}}}}\n"
            );
            repo.write("features.yaml", text);
        },
        run: &["apply"],
        code: 1,
        says: &["more than 10000 times"],
        kept: 9,
    },
    Case {
        what: "a table that an older Feast made, without the columns of today",
        make: |repo| {
            let sql = format!("DROP TABLE {TABLE}; {OLDER_TABLE}");
            repo.online().execute_batch(&sql).unwrap();
        },
        run: &["doctor"],
        code: 1,
        says: &["value_text", "feast-rs apply"],
        kept: 0,
    },
    Case {
        what: "a registry that a later feast-rs wrote",
        make: |repo| later_version(&repo.registry()),
        run: MATERIALIZE,
        code: 1,
        says: &["E1001", "use the newer feast-rs"],
        kept: 9,
    },
    Case {
        what: "an online store that a later feast-rs wrote",
        make: |repo| later_version(&repo.online()),
        run: MATERIALIZE,
        code: 1,
        says: &["format 99", "a later one"],
        kept: 9,
    },
    Case {
        what: "a column of texts where the view has numbers",
        make: |repo| {
            let texts = |texts: [&str; 1]| Arc::new(StringArray::from(texts.to_vec())) as ArrayRef;
            let time = TimestampMicrosecondArray::from(vec![BEGIN]).with_timezone("UTC");
            let columns = [
                ("event_timestamp", Arc::new(time.clone()) as ArrayRef),
                ("created", Arc::new(time)),
                ("driver_id", Arc::new(Int64Array::from(vec![1001]))),
                ("conv_rate", texts(["0.5; DROP TABLE x"])),
                ("acc_rate", texts(["nan"])),
                ("avg_daily_trips", Arc::new(Int64Array::from(vec![7]))),
            ];
            write_parquet(repo, "data/driver_stats.parquet", &RecordBatch::try_from_iter(columns).unwrap());
        },
        run: &["apply"],
        code: 1,
        says: &["E0222", "conv_rate"],
        kept: 9,
    },
    Case {
        what: "a source that leads out of the repo, to a file of another kind",
        make: |repo| {
            repo.edit("features.yaml", "path: data/driver_stats.parquet", "path: ../../../../../../etc/hostname");
        },
        run: &["apply"],
        code: 1,
        says: &["E0219", "features.yaml"],
        kept: 9,
    },
    Case {
        what: "a name of a view that is a path",
        make: |repo| repo.edit("features.yaml", "- name: driver_hourly_stats", "- name: ../../x"),
        run: &["apply"],
        code: 1,
        says: &["E0201"],
        kept: 9,
    },
    Case {
        what: "a name of a project that is a path",
        make: |repo| repo.edit("feature_store.yaml", "project: driver_stats", "project: ../x"),
        run: &["apply"],
        code: 1,
        says: &["E0110"],
        kept: 9,
    },
    Case {
        what: "a dot in the name of a view",
        make: |repo| repo.edit("features.yaml", "- name: driver_hourly_stats", "- name: a.b"),
        run: &["apply"],
        code: 1,
        says: &["E0201"],
        kept: 9,
    },
    Case {
        what: "a quote in the name of a view",
        make: |repo| repo.edit("features.yaml", "- name: driver_hourly_stats", "- name: \"a'b\""),
        run: &["apply"],
        code: 1,
        says: &["E0201"],
        kept: 9,
    },
    Case {
        what: "letters of another alphabet in the name of a new view: a name like any other",
        make: |repo| repo.write("more.yaml", another_view("żółć")),
        run: &["apply"],
        code: 0,
        says: &["żółć", "1 added"],
        kept: 9,
    },
    Case {
        what: "300 letters in the name of a new view: a name like any other",
        make: |repo| repo.write("more.yaml", another_view(&"v".repeat(300))),
        run: &["apply"],
        code: 0,
        says: &["vvv", "1 added"],
        kept: 9,
    },
    Case {
        what: "a record nested a hundred thousand deep",
        make: |repo| repo.write("in.ndjson", format!("{{\"driver_id\": {}\n", "[".repeat(100_000))),
        run: PUSH,
        code: 3,
        says: &["E2006", "too deeply"],
        kept: 9,
    },
    Case {
        what: "a record of 20 MB, which is refused and not cut",
        make: |repo| {
            repo.write("in.ndjson", RECORD.replace('}', &format!(", \"x\": \"{}\"}}\n", "a".repeat(20 << 20))));
        },
        run: PUSH,
        code: 3,
        says: &["E2006", "more than 16 MiB"],
        kept: 9,
    },
    Case {
        what: "a record under `--format dead-letter` that is no dead letter",
        make: |repo| repo.write("in.ndjson", RECORD),
        run: &["push", VIEW, "in.ndjson", "--format", "dead-letter"],
        code: 3,
        says: &["E2014"],
        kept: 9,
    },
    Case {
        what: "records that are no text",
        make: |repo| repo.write("in.ndjson", [0xff, 0xfe, 0x7b, 0x00, 0x0a]),
        run: PUSH,
        code: 3,
        says: &["E2001", "UTF-8"],
        kept: 9,
    },
    Case {
        what: "a record whose event lies in the year 2999",
        make: |repo| repo.write("in.ndjson", RECORD.replace("2024-03-01", "2999-01-01")),
        run: PUSH,
        code: 3,
        says: &["E2009"],
        kept: 9,
    },
];

/// A record that fits, and is newer than what is stored.
const RECORD: &str = r#"{"driver_id": 1001, "event_timestamp": "2024-03-01T00:00:00Z", "created": "2024-03-01T00:00:00Z", "conv_rate": 0.25, "acc_rate": 0.25, "avg_daily_trips": 1}"#;

/// The columns of a table before Feast had `value_text`, and without ours.
const OLDER_TABLE: &str = "CREATE TABLE driver_stats_driver_hourly_stats (entity_key BLOB, feature_name TEXT, value BLOB, \
     vector_value BLOB, event_ts timestamp, created_ts timestamp, PRIMARY KEY(entity_key, feature_name))";

/// A table of another program stands under the name of a view's.
fn foreign_table(repo: &Repo) {
    let sql = format!("DROP TABLE {TABLE}; CREATE TABLE {TABLE} (id INTEGER PRIMARY KEY, text TEXT)");
    repo.online().execute_batch(&sql).unwrap();
}

/// Our own tables say that a version to come made them.
fn later_version(database: &rusqlite::Connection) {
    let changed = database.execute("UPDATE feast_rs_meta SET value = 99", []).unwrap();
    assert!(changed > 0);
}

fn write_parquet(repo: &Repo, name: &str, batch: &RecordBatch) {
    let file = std::fs::File::create(repo.path(name)).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

fn another_view(name: &str) -> String {
    format!(
        "feature_views:\n  - {{name: {name}, entities: [driver], ttl: 0, source: driver_stats_source, schema: [{{name: \
         conv_rate, dtype: Float32}}]}}\n"
    )
}

#[test]
fn each_hostile_thing_is_told_within_bounds_and_loses_nothing() {
    let tally = Tally::new("hostile files, names and records");
    let mut page = PAGE.to_owned();
    for case in CASES {
        tally.attempt(|| page.push_str(&case.line()));
    }
    tally.report();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/damaged-files.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), page, "BLESS=1 writes it anew");
}

/// What stands above the table.
const PAGE: &str = "\
# Damaged and foreign files, hostile names and records

Generated by `BLESS=1 cargo test --test it hostile` from the cases of `tests/it/hostile.rs`: what was done to a sound repo, the
command that met it, its exit status, and the first of what it said. Every case runs within 2 GB of addresses, none panics, and
what was stored before is stored afterwards, except where the case itself destroyed it.

| case | command | exit | message |
|---|---|--:|---|
";

impl Case {
    /// Tries it; its line of the table.
    fn line(&self) -> String {
        let repo = Repo::materialized();
        (self.make)(&repo);
        let answer = repo.run_within(self.run, MEMORY);
        let all = answer.all();
        let missing: Vec<_> = self.says.iter().filter(|word| !all.contains(**word)).collect();
        assert_eq!(answer.code, self.code, "{}: {}", self.what, cut(&all));
        assert!(missing.is_empty(), "{}: {missing:?} is missing: {}", self.what, cut(&all));
        assert!(!answer.stderr.contains("panicked at"), "{}: {}", self.what, cut(&all));
        assert_eq!(kept(&repo), self.kept, "{}: of nine values", self.what);
        let command = format!("`feast-rs {}`", self.run.join(" ")).replace('|', "\\|");
        format!("| {} | {command} | {} | {} |\n", self.what, self.code, told(&answer, &repo))
    }
}

/// How many values the table still has.
fn kept(repo: &Repo) -> i64 {
    let store = rusqlite::Connection::open(repo.path("data/online_store.db")).unwrap();
    store.query_row(&format!("SELECT count(*) FROM {TABLE}"), [], |row| row.get(0)).unwrap_or(0)
}

/// The first problem, its place and its cause, without what is of this machine.
fn told(answer: &Answer, repo: &Repo) -> String {
    let is_told = |line: &&str| {
        let line = line.trim_start();
        ["error", "warning", "FAIL", "-->", "caused by:", "hint:"].iter().any(|word| line.starts_with(word))
    };
    let said = if answer.stderr.is_empty() { &answer.stdout } else { &answer.stderr };
    let mut lines: Vec<String> = said.lines().filter(is_told).take(3).map(|line| line.trim().to_owned()).collect();
    if lines.is_empty() {
        lines.extend(said.lines().last().map(str::to_owned));
    }
    let folder = repo.path("").canonicalize().unwrap();
    let shown = |line: &String| {
        let line = line.replace(&format!("{}/", folder.display()), "").replace('|', "\\|");
        format!("`{}`", shortened(&line).replace('`', "'"))
    };
    lines.iter().map(shown).collect::<Vec<_>>().join("<br>")
}

/// A line of a table is not longer than this.
fn shortened(line: &str) -> String {
    const LONGEST: usize = 240;
    if line.chars().count() <= LONGEST {
        line.to_owned()
    } else {
        line.chars().take(LONGEST).collect::<String>() + ".."
    }
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
    repo.online().execute_batch(&format!("DROP TABLE {TABLE}; {OLDER_TABLE}")).unwrap();
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

#[test]
fn what_is_refused_is_not_written_as_well() {
    let too_long = RECORD.replace('}', &format!(", \"x\": \"{}\"}}", "a".repeat(20 << 20)));
    let repo = Repo::materialized().file("long.ndjson", &too_long).file("record.ndjson", RECORD);
    for arguments in
        [&["long.ndjson"][..], &["long.ndjson", "--format", "json"], &["record.ndjson", "--format", "dead-letter"]]
    {
        let arguments = [&["-o", "json", "push", VIEW], arguments].concat();
        let report = repo.run(arguments).exits(3).json();
        assert_eq!((&report["views"][0]["written"], &report["views"][0]["read"]), (&0.into(), &1.into()));
    }
    assert_eq!(repo.cell(VIEW, "conv_rate", 1001).unwrap().0.as_deref(), Some("0.5"));
}

#[test]
fn a_mark_of_utf_8_before_a_text_is_no_part_of_it() {
    let marked = |text: &str| format!("\u{feff}{text}");
    let csv = "driver_id,event_timestamp,conv_rate\n1002,2024-03-01T00:00:00Z,0.25\n";
    let entities = r#"[{"driver_id": 1001, "event_timestamp": "2024-03-02T00:00:00Z"}]"#;
    let repo = Repo::materialized()
        .file("in.ndjson", marked(&format!("{RECORD}\n")))
        .file("in.csv", marked(csv))
        .file("entities.json", marked(entities));
    for name in ["in.ndjson", "in.csv"] {
        repo.run(["push", VIEW, name]).ok();
    }
    repo.run_with(["push", VIEW, "-"], marked(&RECORD.replace("1001", "1003")).as_bytes()).ok();
    for driver in [1001, 1002, 1003] {
        assert_eq!(repo.cell(VIEW, "conv_rate", driver).unwrap().0.as_deref(), Some("0.25"), "{driver}");
    }
    repo.run(["get-historical-features", "-d", "entities.json", "-f", "driver_hourly_stats:conv_rate"]).ok();
}

/// That the disk is full is no defect of ours.
#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_told() {
    let repo = Repo::materialized();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let child = repo.command(GET).stdout(full).spawn().unwrap();
    let (code, _, told) = crate::harness::finish(child, "a full disk");
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("E1010") && !told.contains("defect"), "{told}");
}

/// A pipe with a name has no size: it is read as it comes, and not first as a whole.
#[cfg(unix)]
#[test]
fn a_named_pipe_is_stored_as_it_goes() {
    use std::io::Write as _;
    let repo = Repo::materialized();
    let pipe = repo.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let child = repo.command(["push", VIEW, "pipe", "--format", "ndjson"]).spawn().unwrap();
    let mut writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    writeln!(writer, "{RECORD}").unwrap();
    let begun = std::time::Instant::now();
    while repo.cell(VIEW, "conv_rate", 1001).unwrap().0.as_deref() != Some("0.25") {
        assert!(begun.elapsed() < std::time::Duration::from_mins(2), "nothing is stored before the pipe ends");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    drop(writer);
    let (code, _, told) = crate::harness::finish(child, "push of a pipe");
    assert_eq!(code, 0, "{told}");
}

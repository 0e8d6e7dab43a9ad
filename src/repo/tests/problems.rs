use std::collections::BTreeSet;

use super::*;
use crate::repo::CODES;

const VIEW: &str = "feature_views:\n  - name: v\n    entities: [driver]\n    source: stats\n";
const STREAM: &str = "  - type: KinesisSource
    name: k
    region: us-east-1
    stream_name: s
    timestamp_field: event_timestamp
    batch_source: stats
    record_format: {type: JsonFormat, schema_json: \"driver_id int, event_timestamp timestamp, conv_rate double\"}
";
const STREAM_VIEW: &str = "stream_feature_views:\n  - name: v\n    entities: [driver]\n    source: k\n";

/// A file that is wrong: what is put together, the code, the underlined text, and words of the label or the notes.
struct Case {
    parts: &'static [&'static str],
    code: &'static str,
    marked: &'static str,
    words: &'static str,
}

const fn case(parts: &'static [&'static str], code: &'static str, marked: &'static str, words: &'static str) -> Case {
    Case { parts, code, marked, words }
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    case(&["entities: [\n"], "E0101", "", ""),
    case(&["entities: []\nentities: []\n"], "E0102", "entities", "first given at features.yaml:1:1"),
    case(&["entities: [{name: '${GONE}'}]\n"], "E0103", "${GONE}", ""),
    case(&["entities: [{name: 'a ${A B}'}]\n"], "E0104", "${A B}", ""),
    case(&["entities: [{name: a, joinkeys: [b]}]\n"], "E0105", "joinkeys", "did you mean `join_keys`?"),
    case(&["feature_view: []\n"], "E0105", "feature_view", "did you mean `feature_views`?"),
    case(&["entity: []\n"], "E0105", "entity", "did you mean `entities`?"),
    case(&["entities: []\nmodels: []\n"], "E0105", "models", "kinds: projects"),
    case(&["entities: {name: a}\n"], "E0106", "{name: a}", ""),
    case(&["entities: [{name: 12}]\n"], "E0106", "12", "needs quotes"),
    case(&["entities: [{description: a}]\n"], "E0107", "{", ""),
    case(&["entities: [{nam: a}]\n"], "E0107", "{", "is `nam` meant to be it?"),
    case(&["data_sources: [{type: FileSourc, path: p}]\n"], "E0108", "FileSourc", "did you mean `FileSource`?"),
    case(&["entities: [{name: a, value_type: INT46}]\n"], "E0108", "INT46", "did you mean `INT64`?"),
    case(&["entities: &a [*a]\n"], "E0109", "*", ""),
    case(&[BASE, VIEW, "    ttl: 5x\n"], "E0113", "5x", ""),
    case(&[BASE, VIEW, "    ttl: {hour: 2}\n"], "E0105", "hour", "did you mean `hours`?"),
    case(&[BASE, VIEW, "    schema: [{name: note, dtype: Strin}]\n"], "E0114", "Strin", "did you mean `String`?"),
    case(&[BASE, VIEW, "    schema: [{name: note, dtype: {Set: {Array: Int}}}]\n"], "E0114", "Int", "did you mean `Int64`?"),
    case(&[BASE, "feature_views: [{name: my-view, entities: [driver], source: stats}]\n"], "E0201", "my-view", "`-` cannot stand"),
    case(&["entities: [{name: __x}]\n"], "E0201", "__x", ""),
    case(&["entities: [{name: a}, {name: a}]\n"], "E0202", "a", "first defined at features.yaml:1:19"),
    case(&[BASE, VIEW, "  - {name: V, entities: [driver], source: stats}\n"], "E0202", "V", ""),
    case(&[BASE, "  - {type: file, name: stats, path: data/one_time.parquet}\n"], "E0202", "stats", ""),
    case(&["feature_services: [{name: s, features: []}, {name: s, features: []}]\n"], "E0202", "s", ""),
    case(&[BASE, VIEW, "feature_services: [{name: s, features: [v, v]}]\n"], "E0202", "v", "name_alias"),
    case(&[BASE, VIEW, "    schema: [{name: conv_ratio, dtype: Float32}]\n"], "E0203", "conv_ratio", "did you mean `conv_rate`?"),
    case(&["data_sources: [{type: file, path: data/one_time.parquet, timestamp_field: att}]\n"], "E0203", "att", "did you mean `at`?"),
    case(&["entities: [{name: id2}]\n", "feature_views: [{name: v, entities: [id2], source: {type: file, path: data/one_time.parquet}}]\n"], "E0203", "id2", "did you mean `id`?"),
    case(&[BASE, "feature_views: [{name: v, entities: [drver], source: stats}]\n"], "E0204", "drver", "did you mean `driver`?"),
    case(&[BASE, "feature_views: [{name: v, entities: [driver], source: stat}]\n"], "E0204", "stat", "did you mean `stats`?"),
    case(&[BASE, VIEW, "feature_services: [{name: s, features: [vv]}]\n"], "E0204", "vv", ""),
    case(&["data_sources: [{type: push, name: p, batch_source: nothing}]\n"], "E0204", "nothing", ""),
    case(&["entities: [{name: a, join_keys: [b, c]}]\n"], "E0205", "[b, c]", "exactly one"),
    case(&["entities: [{name: a, join_keys: []}]\n"], "E0205", "[]", ""),
    case(&["entities: [{name: a, value_type: UUID}]\n"], "E0206", "UUID", "possible: STRING"),
    case(&["entities: [{name: driver_id}]\n", "feature_views: [{name: v, entities: [driver_id], source: {type: file, path: data/driver_stats.parquet, timestamp_field: event_timestamp}, schema: [driver_id: Float64, note: String]}]\n"], "E0206", "Float64", ""),
    case(&[BASE, "  - {type: push, name: p}\n", "feature_views: [{name: v, entities: [driver], source: p}]\n"], "E0207", "p", "history"),
    case(&["data_sources: [{type: kinesis, name: k, stream_name: s, record_format: {type: json, schema_json: 't timestamp'}}]\n"], "E0208", "k", "AWS_REGION"),
    case(&["data_sources: [{type: kinesis, name: k, region: r, record_format: {type: json, schema_json: 't timestamp'}}]\n"], "E0208", "k", "stream_name"),
    case(&[BASE, VIEW, "    schema: [note: String, note: String]\n"], "E0209", "note", "first listed at"),
    case(&[BASE, VIEW, "    schema: [created: UnixTimestamp]\n"], "E0210", "created", "it cannot be a feature"),
    case(&["data_sources: [{type: file, path: p, timestamp_field: t, created_timestamp_column: t}]\n"], "E0211", "t", ""),
    case(&["data_sources: [{type: file, path: data/one_time.parquet, event_timestamp_column: at}]\n"], "E0212", "event_timestamp_column", "write `timestamp_field`"),
    case(&[BASE, STREAM, STREAM_VIEW, "    offline: true\n"], "E0213", "true", "sink_source"),
    case(&[BASE, STREAM, STREAM_VIEW, "    sink_source: stats\n"], "E0214", "stats", "folder"),
    case(&[BASE, VIEW, "    sink_source: {type: file, path: data/log, timestamp_field: t}\n"], "E0214", "{type: file, path: data/log, timestamp_field: t}", "stream view"),
    case(&[BASE, VIEW, "  - {name: d, source: [v], schema: [a: Int64]}\n"], "E0214", "d", ""),
    case(&[BASE, STREAM, STREAM_VIEW, "    schema: [a: Int64]\n    feature_transformation: {sql: x, udf_string: y}\n"], "E0215", "{", ""),
    case(&[BASE, STREAM, STREAM_VIEW, "    schema: [a: Int64]\n    mode: python\n    feature_transformation: {sql: x}\n"], "E0215", "python", ""),
    case(&[BASE, STREAM, STREAM_VIEW, "    schema: [aa1: Int64]\n    feature_transformation: {expressions: {aa2: x, aa1: y}}\n"], "E0215", "aa2", "did you mean `aa1`?"),
    case(&[BASE, STREAM, STREAM_VIEW, "    schema: [a: Int64, b: Int64]\n    feature_transformation: {expressions: {a: x}}\n"], "E0215", "b", ""),
    case(&[BASE, STREAM, STREAM_VIEW, "    schema: [a: Int64]\n    feature_transformation: {sql: x, filter: y}\n"], "E0215", "y", ""),
    case(&["on_demand_feature_views: [{name: o, input_schema: [a: Int64], schema: [b: Int64]}]\n"], "E0215", "o", "feature_transformation"),
    case(&[BASE, "stream_feature_views: [{name: v, entities: [driver], source: stats}]\n"], "E0216", "stats", "KinesisSource"),
    case(&[BASE, STREAM, "batch_feature_views: [{name: v, entities: [driver], source: k}]\n"], "E0216", "k", "FileSource"),
    case(&[BASE, STREAM, "  - {type: push, name: p, batch_source: k}\n"], "E0216", "k", "FileSource"),
    case(&[BASE, VIEW, "feature_services: [{name: s, features: [{feature_view: v, features: [conv_rat]}]}]\n"], "E0217", "conv_rat", "did you mean `conv_rate`?"),
    case(&[BASE, VIEW, "feature_services: [{name: s, features: [{feature_view: v, join_key_map: {driver: x}}]}]\n"], "E0218", "driver", "join keys: driver_id"),
    case(&["data_sources: [{type: file, path: data/gone.parquet, timestamp_field: t}]\n"], "E0219", "data/gone.parquet", "looked for at"),
    case(&["data_sources: [{type: file, path: data/broken.parquet, timestamp_field: t}]\n"], "E0219", "data/broken.parquet", ""),
    case(&["data_sources: [{type: file, path: data/driver_stats.parquet}]\n"], "E0220", "data/driver_stats.parquet", "`event_timestamp`, `created`"),
    case(&["data_sources: [{type: file, path: data/odd.parquet, timestamp_field: event_timestamp}]\n"], "E0220", "event_timestamp", ""),
    case(&["data_sources: [{type: file, path: data/odd.parquet, timestamp_field: day}]\n"], "E0220", "day", "timestamp_field_type: DATE"),
    case(&[BASE, "  - {type: file, name: o, path: data/keys_only.parquet}\n", "feature_views: [{name: v, entities: [driver], source: o}]\n"], "E0221", "v", "add `schema`"),
    case(&["feature_views: [{name: v}]\n"], "E0221", "v", ""),
    case(&["entities: [{name: e}]\n", "feature_views: [{name: v, entities: [e], schema: [a: Int64]}]\n"], "E0221", "e", "add `value_type`"),
    case(&[BASE, VIEW, "    schema: [note: Int64]\n"], "E0222", "Int64", "the column's own type is String"),
    case(&[BASE, STREAM, STREAM_VIEW, "    schema: [conv_rate: String]\n"], "E0222", "String", ""),
    case(&["data_sources: [{type: kinesis, name: k, region: r, stream_name: s, timestamp_field: t, record_format: {type: json, schema_json: 't timestamp, x intt'}}]\n"], "E0223", "intt", "at character 16"),
    case(&[BASE, STREAM, STREAM_VIEW, "    schema: [acc_rate: Float64]\n"], "E0224", "acc_rate", "columns: driver_id"),
    case(&["data_sources: [{type: kinesis, name: k, region: r, stream_name: s, timestamp_field: tt, record_format: {type: json, schema_json: 't timestamp'}}]\n"], "E0224", "tt", "columns: t"),
    case(&[BASE, VIEW, "    schema: [driver_id: Int32, note: String]\n"], "E0225", "Int32", ""),
    case(&[BASE, STREAM, STREAM_VIEW, "    aggregations: [{column: conv_rate, function: sum, time_window: 1h}]\n"], "E0226", "[{column: conv_rate, function: sum, time_window: 1h}]", ""),
    case(&[BASE, STREAM, STREAM_VIEW, "    timestamp_field: event_timestamp\n    enable_tiling: true\n    tiling_hop_size: 2h\n    aggregations: [{column: conv_rate, function: sum, time_window: 1h}]\n"], "E0226", "2h", ""),
    case(&["projects: [{name: flet}]\n"], "E0227", "flet", "`fleet`"),
    case(&["data_sources: [{type: file, name: m, path: data/one_time.parquet, field_mapping: {x: y}}]\n", "feature_views: [{name: v, source: m, schema: [x: Float64]}]\n"], "E0228", "x", "write `y`"),
    case(&[BASE, STREAM, STREAM_VIEW, "    feature_transformation: {sql: SELECT 1}\n"], "E0229", "v", ""),
    case(&["data_sources: [{type: kinesis, name: k, region: r, stream_name: s, record_format: {type: json, schema_json: 't timestamp'}, x-kinesis: {max_records: 20000}}]\n"], "E0230", "20000", "1 to 10000"),
    case(&["data_sources: [{type: kinesis, name: k, region: r, stream_name: s, record_format: {type: json, schema_json: 't timestamp'}, x-kinesis: {reads_per_second: 0}}]\n"], "E0230", "0", "more than 0"),
    case(&["data_sources: [{type: kinesis, name: k, region: r, stream_name: s, record_format: {type: json, schema_json: 't timestamp'}, x-kinesis: {start: AT_TIMESTAMP}}]\n"], "E0230", "AT_TIMESTAMP", "at_timestamp"),
    case(&["on_demand_feature_views: [{name: o, schema: [b: Int64], feature_transformation: {expressions: {b: '1'}}}]\n"], "E0231", "o", "input_schema"),
    case(&[BASE, VIEW, "    version: new\n"], "E0232", "new", "latest"),
    case(&[BASE, "batch_feature_views: [{name: v, entities: [driver], source: stats, schema: [p: Float32], feature_transformation: {expressions: {p: conv_ratio * 2}}}]\n"], "E0233", "conv_ratio", "did you mean `conv_rate`?"),
];

#[test]
fn every_mistake_has_its_code_place_and_words() {
    for case in CASES {
        let text = case.parts.concat();
        let problems = match load_text(&text) {
            Err(error) => error.problems().to_vec(),
            Ok(_) => panic!("nothing is wrong with:\n{text}"),
        };
        let found = problems.iter().find(|problem| {
            let marked: String = problem.source_line.chars().skip(problem.column - 1).take(problem.length).collect();
            let words = format!("{} {}", problem.label, problem.notes.join(" "));
            problem.code == case.code && (case.marked.is_empty() || marked == case.marked) && words.contains(case.words)
        });
        let pictures: String = problems.iter().map(Problem::to_string).collect();
        assert!(found.is_some(), "expected {} at `{}` in:\n{text}\n{pictures}", case.code, case.marked);
        assert!(problems.iter().all(|problem| !problem.to_string().is_empty()));
    }
}

#[test]
fn every_code_is_tested() {
    let mut tested: BTreeSet<&str> = CASES.iter().map(|case| case.code).collect();
    // settings_tests, discover and the tests below
    tested.extend(["E0110", "E0111", "E0112", "E0115", "E0116", "E0301"]);
    let missing: Vec<_> = CODES.iter().filter(|(code, ..)| !tested.contains(code)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_screen_of_the_design_is_drawn() {
    let text = format!("{BASE}{VIEW}    schema:\n      - {{name: conv_ratio, dtype: Float32}}\n");
    let problems = wrong(&text);
    let expected = "\
error[E0203]: feature `conv_ratio` is not a column of `data/driver_stats.parquet`
  --> features.yaml:14:16
   |
14 |       - {name: conv_ratio, dtype: Float32}
   |                ^^^^^^^^^^ did you mean `conv_rate`?
   = columns: event_timestamp, driver_id, conv_rate, acc_rate, avg_daily_trips, note, __internal, created
";
    assert_eq!(problems.iter().map(Problem::to_string).collect::<String>(), expected);
}

#[test]
fn everything_wrong_is_reported_at_once_in_order() {
    let files = [
        ("a.yaml", "entities: [{name: a, value_type: UUID}, {name: b, join_keys: []}]\n"),
        ("b.yaml", "feature_views: [{name: x-y, entities: [c], source: s, ttl: z}]\n"),
        ("c.yaml", "feature_views: [\n"),
    ];
    let error = load_files(&files, false).unwrap_err();
    let found: Vec<_> = error.problems().iter().map(|p| (p.file.as_str(), p.code)).collect();
    let expected = [
        ("a.yaml", "E0206"),
        ("a.yaml", "E0205"),
        ("b.yaml", "E0201"),
        ("b.yaml", "E0221"),
        ("b.yaml", "E0204"),
        ("b.yaml", "E0204"),
        ("b.yaml", "E0113"),
        ("c.yaml", "E0101"),
    ];
    assert_eq!(found, expected);
    assert_eq!(error.to_string(), "8 errors in the feature repo");
    assert_eq!(error.hint().as_deref(), Some("`feast-rs explain E0206` says more"));
}

#[test]
fn what_is_only_registered_is_a_warning() {
    let text = format!(
        "{BASE}{STREAM}  - {{type: kinesis, name: a, region: r, stream_name: s, timestamp_field: t, record_format: {{type: AvroFormat, schema_json: x}}}}\n\
         {STREAM_VIEW}    timestamp_field: event_timestamp\n    schema: [conv_rate: Float64]\n    aggregations: [{{column: conv_rate, function: sum, time_window: 1h}}]\n"
    );
    let loaded = good(&text);
    let codes: Vec<_> = loaded.warnings.iter().map(|problem| (problem.code, problem.warning)).collect();
    assert_eq!(codes, [("E0301", true), ("E0301", true)]);
    assert!(loaded.warnings[0].to_string().starts_with("warning[E0301]: "));
}

#[test]
fn parquet_must_widen_to_the_streams_types() {
    let schema = |column: &str| {
        format!(
            "{BASE}{}{STREAM_VIEW}    schema: [x: Float32]\n    feature_transformation: {{expressions: {{x: '1'}}}}\n",
            STREAM.replace("conv_rate double", column)
        )
    };
    for column in [
        "conv_rate double",
        "conv_rate float",
        "acc_rate double",
        "avg_daily_trips bigint",
        "avg_daily_trips double",
        "extra int",
    ] {
        good(&schema(column));
    }
    for column in ["acc_rate float", "avg_daily_trips smallint", "note double"] {
        let problems = wrong(&schema(column));
        assert_eq!(problems.len(), 1, "{column}");
        let name = column.split(' ').next().unwrap();
        assert_eq!((problems[0].code, problems[0].length), ("E0222", name.len()), "{column}");
    }
}

#[test]
fn files_that_cannot_be_read_are_problems() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("feature_store.yaml"), STORE).unwrap();
    std::fs::write(folder.path().join("latin1.yaml"), b"entities: [{name: \xe4}]\n").unwrap();
    std::fs::write(folder.path().join("huge.yaml"), "entities: []\n".repeat(400_000)).unwrap();
    let settings = read_settings(&folder.path().join("feature_store.yaml"), &env).unwrap();
    let error = load(&settings, &env, &schemas, &transformations, false, NOW).unwrap_err();
    let found: Vec<_> = error.problems().iter().map(|p| (p.file.as_str(), p.code)).collect();
    assert_eq!(found, [("huge.yaml", "E0112"), ("latin1.yaml", "E0112")]);
}

#[test]
fn garbage_is_refused_without_panic() {
    let texts = [BASE, VIEW, STREAM, STREAM_VIEW];
    let whole = texts.concat();
    let chars: Vec<char> = whole.chars().collect();
    // every prefix, and every text with one character changed
    for end in (0..chars.len()).step_by(7) {
        let _ = load_text(&chars[..end].iter().collect::<String>());
        let mut broken = chars.clone();
        broken[end] = if end % 2 == 0 { '{' } else { '$' };
        let _ = load_text(&broken.iter().collect::<String>());
    }
    for text in [
        "entities: !tag [a]",
        "entities: [[]]",
        "feature_views: [null, 3, {}]",
        "entities: {a: {b: c}}",
        "\u{0}",
        "entities: [{name: {a: b}}]",
        "? [a]\n: b\nentities: []\n",
    ] {
        let _ = load_text(text);
    }
}

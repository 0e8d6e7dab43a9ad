use super::*;

/// The columns in DDL spelling, `!` for NOT NULL.
fn read(text: &str) -> Vec<String> {
    let columns = parse_schema_json(text).unwrap();
    columns.iter().map(|c| format!("{} {}{}", c.name, c.kind, if c.nullable { "" } else { "!" })).collect()
}

#[test]
fn the_schema_of_the_docs_is_read() {
    let text = "driver_id integer, event_timestamp timestamp, conv_rate double, acc_rate double, created timestamp";
    let expected =
        ["driver_id int", "event_timestamp timestamp", "conv_rate double", "acc_rate double", "created timestamp"];
    assert_eq!(read(text), expected);
}

#[test]
fn every_spelling_of_a_type_is_read() {
    let text = "a BOOL, b tinyint, c short, d long, e real, f VARCHAR(20), g binary, h date, i timestamp_ntz, \
                j decimal(10,2), k decimal, l array<map<string, struct<x: int, `y z` array<double> NOT NULL>>>, \
                `m n` bigint NOT NULL COMMENT 'it''s, ok', o: string comment \"c\"";
    let text = text.replace("''", " ");
    let expected = [
        "a boolean",
        "b tinyint",
        "c smallint",
        "d bigint",
        "e float",
        "f string",
        "g binary",
        "h date",
        "i timestamp",
        "j decimal(10,2)",
        "k decimal(10,0)",
        "l array<map<string,struct<x: int, y z: array<double>>>>",
        "m n bigint!",
        "o string",
    ];
    assert_eq!(read(&text), expected);
}

#[test]
fn errors_have_a_place_in_the_text() {
    for (text, at) in [
        ("a int, b intt", 9),
        ("a", 1),
        ("", 0),
        ("a int b int", 6),
        ("a array<int", 11),
        ("a int,", 6),
        ("ü int, b ?", 9),
        ("a int, a int", 7),
        ("a decimal(39)", 2),
        ("a int NOT", 9),
        ("a int COMMENT c", 14),
        ("a `b", 2),
        ("a int, `` int", 7),
    ] {
        let error = parse_schema_json(text).unwrap_err();
        assert_eq!(error.at, at, "{text}: {error}");
    }
    let deep = format!("a {}int{}", "array<".repeat(40), ">".repeat(40));
    assert!(parse_schema_json(&deep).is_err());
}

#[test]
fn a_json_schema_is_read_too() {
    let text = r#"{"type": "object", "required": ["id"], "properties": {
        "id": {"type": "integer"}, "n": {"type": ["integer", "null"], "format": "int32"},
        "at": {"type": "string", "format": "date-time"}, "s": {"type": "string"}, "x": {"type": "number"},
        "l": {"type": "array", "items": {"type": "boolean"}},
        "m": {"type": "object", "additionalProperties": {"type": "number"}},
        "o": {"type": "object", "properties": {"d": {"type": "string", "format": "date"}}}}}"#;
    let expected = [
        "id bigint!",
        "n int",
        "at timestamp",
        "s string",
        "x double",
        "l array<boolean>",
        "m map<string,double>",
        "o struct<d: date>",
    ];
    assert_eq!(read(text), expected);
    for text in ["{", "{}", r#"{"properties": {"a": {}}}"#, r#"{"properties": {"a": {"type": "tuple"}}}"#] {
        assert!(parse_schema_json(text).is_err(), "{text}");
    }
}

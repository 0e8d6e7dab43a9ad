//! What is read, what is refused, and that the one does not touch the other.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use proptest::prelude::*;

use super::*;
use crate::model::{DataType, parse_schema_json};

fn decoder(schema: &str) -> JsonDecoder {
    JsonDecoder::new(parse_schema_json(schema).unwrap().iter().map(JsonColumn::of_record).collect())
}

fn decode(schema: &str, payload: &str) -> DecodedRecords {
    decoder(schema).decode([payload.as_bytes()]).unwrap()
}

fn ints(decoded: &DecodedRecords, column: usize) -> Vec<Option<i64>> {
    decoded.batch.column(column).as_primitive::<Int64Type>().iter().collect()
}

fn told(decoded: &DecodedRecords) -> Vec<(u32, &'static str, &str)> {
    decoded.refused.iter().map(|refused| (refused.origin.index, refused.code, refused.message.as_str())).collect()
}

#[test]
fn objects_stand_in_lines_in_a_row_or_in_an_array() {
    for text in [
        "{\"a\": 1}\n{\"a\": 2}\r\n\n{\"a\": 3}\n",
        "{\"a\":1}{\"a\":2} {\"a\":3}",
        "[{\"a\": 1},\n {\"a\": 2}, {\"a\": 3}]",
        "{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}\n{\"a\":3}",
    ] {
        let decoded = decode("a bigint", text);
        assert_eq!(ints(&decoded, 0), [Some(1), Some(2), Some(3)], "{text}");
        assert_eq!(told(&decoded), [], "{text}");
        let slices: Vec<_> = decoded.origins.iter().map(|origin| origin.of(text.as_bytes())).collect();
        assert!(slices.iter().all(|slice| slice.starts_with(b"{") && slice.ends_with(b"}")), "{text}");
    }
    assert_eq!(decode("a bigint", " \n ").batch.num_rows(), 0);
}

#[test]
fn a_bad_record_leaves_the_others_alone() {
    let text = "{\"a\": 1, \"s\": \"x\"}\n{\"a\": 1.7, \"s\": \"y\"}\n{\"s\": \"z\", \"a\": }\n{\"a\": 2}\n7\n{\"s\": \"w\"}\n";
    let decoded = decode("a bigint, s string", text);
    assert_eq!(ints(&decoded, 0), [Some(1), Some(2), None]);
    let texts: Vec<_> = decoded.batch.column(1).as_string::<i32>().iter().collect();
    assert_eq!(texts, [Some("x"), None, Some("w")]);
    assert_eq!(
        told(&decoded),
        [
            (1, WRONG_VALUE, "column `a`: `1.7` is not a whole number of 64 bits"),
            (2, NOT_JSON, "not JSON: this is no value (character 17 of the record)"),
            (4, NO_OBJECT, "`7` is no object, as a record must be"),
        ]
    );
    assert_eq!(decoded.origins.iter().map(|origin| origin.index).collect::<Vec<_>>(), [0, 3, 5]);
    assert!(decoded.refused.iter().all(|refused| !refused.whole));
    let present: Vec<Vec<bool>> = decoded.present.iter().map(|p| p.as_ref().unwrap().iter().collect()).collect();
    assert_eq!(present, [[true, true, false], [true, false, true]]);
}

#[test]
fn an_unreadable_payload_is_told_whole() {
    let decoder = decoder("a bigint");
    let payloads: [&[u8]; 4] = [b"\xff\xfe", b"{\"a\": 1", b"{\"a\": 5}", b"{\"a\": 6}\n\xff\n{\"a\": 7}"];
    let decoded = decoder.decode(payloads).unwrap();
    assert_eq!(ints(&decoded, 0), [Some(5), Some(6), Some(7)]);
    let places: Vec<_> = decoded.refused.iter().map(|r| (r.origin.payload, r.origin.index, r.whole)).collect();
    assert_eq!(places, [(0, 0, true), (1, 0, true), (3, 1, false)]);
    assert_eq!(decoded.origins.iter().map(|o| (o.payload, o.index)).collect::<Vec<_>>(), [(2, 0), (3, 0), (3, 2)]);
    let cut = decoder.decode([&b"[{\"a\": 1}, {\"a\": 2}"[..]]).unwrap();
    assert_eq!(ints(&cut, 0), [Some(1), Some(2)]);
    assert_eq!(told(&cut), [(2, NOT_JSON, "not JSON: the array of records is never closed")]);
}

#[test]
fn absent_is_not_null_and_a_key_stands_once() {
    let decoded =
        decode("a bigint, b bigint", "{\"a\": null}\n{\"b\": 1, \"c\": [1, {\"x\": 2}]}\n{\"a\": 1, \"a\": 1}");
    assert_eq!(ints(&decoded, 0), [None, None]);
    let present: Vec<Vec<bool>> = decoded.present.iter().map(|p| p.as_ref().unwrap().iter().collect()).collect();
    assert_eq!(present, [[true, false], [false, true]]);
    assert_eq!(decoded.extra, 1);
    assert_eq!(told(&decoded), [(2, KEY_TWICE, "key `a` stands in the record twice")]);
    let all = decode("a bigint", "{\"a\": null}{\"a\": 1}");
    assert_eq!(all.present, [None]);
}

#[test]
fn what_is_declared_not_null_must_be_there() {
    let decoded = decode("a bigint NOT NULL, b bigint", "{\"a\": 1}{\"a\": null}{\"b\": 1}{\"a\": 2}");
    assert_eq!(ints(&decoded, 0), [Some(1), Some(2)]);
    assert_eq!(
        decoded.refused.iter().map(|r| (r.origin.index, r.code)).collect::<Vec<_>>(),
        [(1, MISSING), (2, MISSING)]
    );
}

#[test]
fn strict_decoders_know_every_key() {
    let decoder = decoder("a bigint").strict();
    let decoded = decoder.decode([&b"{\"a\": 1}{\"a\": 2, \"zz\": 3}"[..]]).unwrap();
    assert_eq!(told(&decoded), [(1, UNKNOWN_KEY, "key `zz` belongs to no column")]);
}

#[test]
fn dotted_names_reach_into_objects() {
    let text = r#"{"driver": {"id": 1, "name": {"first": "a"}}, "x.y": 5}
                  {"driver": {"id": 2}, "x": {"y": 6}}
                  {"driver": null}
                  {"driver": 3}"#;
    let columns = vec![
        JsonColumn::optional("driver.id", JsonKind::Int(64)),
        JsonColumn::optional("driver.name.first", JsonKind::Text),
        JsonColumn::optional("x.y", JsonKind::Int(64)),
        JsonColumn::optional("driver", JsonKind::Json),
    ];
    let decoded = JsonDecoder::new(columns.clone()).decode([text.as_bytes()]).unwrap();
    assert_eq!(ints(&decoded, 0), [Some(1), Some(2), None, None]);
    assert_eq!(ints(&decoded, 2), [Some(5), Some(6), None, None]);
    let whole: Vec<_> = decoded.batch.column(3).as_string::<i32>().iter().collect();
    assert_eq!(whole, [Some(r#"{"id": 1, "name": {"first": "a"}}"#), Some(r#"{"id": 2}"#), None, Some("3")]);
    let without = JsonDecoder::new(columns[..3].to_vec()).decode([text.as_bytes()]).unwrap();
    assert_eq!(told(&without), [(3, WRONG_VALUE, "key `driver`: `3` is no object")]);
}

#[test]
fn an_alias_is_the_same_column() {
    let decoder = JsonDecoder::new(vec![JsonColumn::optional("rate", JsonKind::Float64).or_called("conv_rate")]);
    let decoded = decoder.decode([&b"{\"rate\": 1}{\"conv_rate\": 2}{\"rate\": 1, \"conv_rate\": 2}"[..]]).unwrap();
    assert_eq!(decoded.batch.column(0).as_primitive::<Float64Type>().values(), &[1.0, 2.0]);
    assert_eq!(told(&decoded), [(2, KEY_TWICE, "key `conv_rate` stands in the record twice")]);
}

#[test]
fn every_kind_is_read_and_refused() {
    let schema = "b boolean, i tinyint, f float, d double, s string, y binary, t timestamp, day date, \
                  m decimal(5,2), l array<int>, o map<string, bigint>, r struct<p: int, q: string>";
    let good = r#"{"b": true, "i": -128, "f": 0.1, "d": 123, "s": "a\u00e9\n", "y": "AP8=", "t": "2026-11-22T20:00:00Z",
        "day": "1970-01-02", "m": 1.5, "l": [1, null, 3], "o": {"k": 7}, "r": {"q": "z", "extra": 0}}"#;
    let decoded = decode(schema, good);
    assert_eq!(told(&decoded), []);
    assert_eq!(decoded.extra, 1);
    let shown: Vec<String> =
        (0..12).map(|at| arrow::util::display::array_value_to_string(decoded.batch.column(at), 0).unwrap()).collect();
    assert_eq!(
        shown,
        [
            "true",
            "-128",
            "0.1",
            "123.0",
            "aé\n",
            "00ff",
            "2026-11-22T20:00:00Z",
            "1970-01-02",
            "1.50",
            "[1, , 3]",
            "{k: 7}",
            "{p: , q: z}"
        ]
    );
    for (key, value) in [
        ("b", "1"),
        ("b", "\"true\""),
        ("i", "128"),
        ("i", "1.5"),
        ("i", "\"1\""),
        ("f", "16777217"),
        ("f", "\"1\""),
        ("d", "9007199254740993"),
        ("d", "[1]"),
        ("s", "1"),
        ("s", "{}"),
        ("s", "\"\\ud800\""),
        ("y", "\"?\""),
        ("t", "\"noon\""),
        ("t", "true"),
        ("day", "\"2026-11-22T01:00:00Z\""),
        ("day", "5"),
        ("m", "1.005"),
        ("m", "\"x\""),
        ("l", "{}"),
        ("l", "[1.5]"),
        ("l", "[2147483648]"),
        ("o", "[]"),
        ("o", "{\"k\": \"x\"}"),
        ("o", "{\"k\": 1, \"k\": 2}"),
        ("r", "[]"),
        ("r", "{\"p\": 1, \"p\": 2}"),
        ("r", "{\"p\": \"x\"}"),
    ] {
        let text = format!("{good}{{\"{key}\": {value}}}{good}");
        let decoded = decode(schema, &text);
        assert_eq!(decoded.batch.num_rows(), 2, "{key}: {value}");
        assert_eq!(decoded.batch.slice(0, 1), decoded.batch.slice(1, 1), "{key}: {value}");
        let refused = &decoded.refused[0];
        assert_eq!((decoded.refused.len(), refused.code), (1, WRONG_VALUE), "{key}: {value}");
        assert!(refused.message.starts_with(&format!("column `{key}`: `")), "{}", refused.message);
    }
}

#[test]
fn nulls_of_every_kind_keep_the_rows_in_step() {
    let schema = "l array<struct<p: int>>, o map<string, array<int>>, r struct<p: array<string>>, a bigint";
    let text = r#"{"l": [{"p": 1}, null], "o": {"x": [1]}, "r": {"p": ["u"]}, "a": 1}
{"a": 2}
{"l": null, "o": null, "r": null, "a": 3}
{"l": [], "o": {}, "r": {}, "a": 4}
{"l": [{"p": 5}], "o": {"y": null}, "r": {"p": [null]}, "a": 5}"#;
    let decoded = decode(schema, text);
    assert_eq!(told(&decoded), []);
    assert_eq!(ints(&decoded, 3), (1..=5).map(Some).collect::<Vec<_>>());
    let lists = decoded.batch.column(0).as_list::<i32>();
    assert_eq!(
        (0..5).map(|row| lists.is_valid(row).then(|| lists.value_length(row))).collect::<Vec<_>>(),
        [Some(2), None, None, Some(0), Some(1)]
    );
    assert_eq!(decoded.batch.column(1).null_count(), 2);
    assert_eq!(decoded.batch.column(2).null_count(), 2);
}

#[test]
fn features_are_read_by_their_declared_types() {
    let kind = |dtype: &str| JsonKind::of_feature(&DataType::parse(dtype).unwrap());
    for (dtype, value, shown) in [
        ("Json", r#"{"a": [1, 2.50]}"#, r#"{"a": [1, 2.50]}"#),
        ("Json", r#""{\"a\": 1}""#, r#"{"a": 1}"#),
        ("Map", r#"{"a": 1}"#, r#"{"a": 1}"#),
        ("Array(Map)", r#"[{"a": 1}]"#, r#"[{"a": 1}]"#),
        ("Decimal", "1.50", "1.50"),
        ("Decimal", "\"1e3\"", "1e3"),
        ("Array(Float32)", "[0.1, null]", "[0.1, ]"),
        ("UnixTimestamp", "1795377600", "2026-11-22T20:00:00Z"),
    ] {
        let decoder = JsonDecoder::new(vec![JsonColumn::optional("f", kind(dtype))]);
        let decoded = decoder.decode([format!("{{\"f\": {value}}}").as_bytes()]).unwrap();
        assert_eq!(told(&decoded), [], "{dtype} {value}");
        let text = arrow::util::display::array_value_to_string(decoded.batch.column(0), 0).unwrap();
        assert_eq!(text, shown, "{dtype}");
    }
    let decoder = JsonDecoder::new(vec![JsonColumn::optional("f", kind("Decimal"))]);
    let decoded = decoder.decode([&b"{\"f\": {}}{\"f\": \"one\"}"[..]]).unwrap();
    assert_eq!(decoded.refused.len(), 2);
}

#[test]
fn lossy_casts_are_feasts() {
    let decoder = decoder("i int, b boolean, s string").with_cast(Cast::Lossy);
    let decoded = decoder.decode([&br#"{"i": 1.7, "b": 1, "s": 5}{"i": "7", "b": 0.0, "s": true}"#[..]]).unwrap();
    assert_eq!(told(&decoded), []);
    assert_eq!(decoded.batch.column(0).as_primitive::<Int32Type>().values(), &[1, 7]);
    assert_eq!(decoded.batch.column(1).as_boolean().iter().collect::<Vec<_>>(), [Some(true), Some(false)]);
    assert_eq!(decoded.batch.column(2).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("5"), Some("True")]);
}

#[test]
fn pandas_writes_nulls_as_nan() {
    let decoded = decode("i bigint, d double, t timestamp", r#"{"i": NaN, "d": NaN, "t": NaN}{"d": "Infinity"}"#);
    assert_eq!(told(&decoded), []);
    assert_eq!(ints(&decoded, 0), [None, None]);
    let doubles = decoded.batch.column(1).as_primitive::<Float64Type>();
    assert!(doubles.value(0).is_nan() && doubles.value(1).is_infinite());
    assert!(decoded.batch.column(2).as_primitive::<TimestampMicrosecondType>().is_null(0));
}

#[test]
fn columns_of_arrays_are_records_too() {
    let decoder = decoder("a bigint, s string");
    let decoded = decoder.decode_columnar(r#"{"a": [1, 1.5, null, 4], "x": [0, 0, 0, 0]}"#).unwrap();
    assert_eq!(ints(&decoded, 0), [Some(1), None, Some(4)]);
    assert_eq!(told(&decoded), [(1, WRONG_VALUE, "column `a`: `1.5` is not a whole number of 64 bits")]);
    assert_eq!(decoded.origins.iter().map(|o| o.index).collect::<Vec<_>>(), [0, 2, 3]);
    assert_eq!(
        decoded.present.iter().map(|p| p.as_ref().map(BooleanBuffer::count_set_bits)).collect::<Vec<_>>(),
        [None, Some(0)]
    );
    assert_eq!(decoded.extra, 4);
    assert_eq!(decoder.decode_columnar("{}").unwrap().batch.num_rows(), 0);
    assert_eq!(decoder.decode_columnar(r#"{"a": [], "s": []}"#).unwrap().batch.num_rows(), 0);
    for (text, code) in [
        (r#"{"a": [1], "s": []}"#, WRONG_VALUE),
        (r#"{"a": 1}"#, WRONG_VALUE),
        (r#"{"a": [1], "a": [2]}"#, KEY_TWICE),
        (r#"{"a": [1]"#, NOT_JSON),
        (r#"{"a": [1]} x"#, NOT_JSON),
        ("[]", NO_OBJECT),
    ] {
        assert_eq!(decoder.decode_columnar(text).unwrap_err().code, code, "{text}");
    }
}

#[test]
fn members_are_cut_out_of_an_object() {
    let found = members(r#" {"a": {"x": [1, 2]}, "b" : "\"" , "c":1}  "#).unwrap();
    let found: Vec<_> = found.iter().map(|(key, value)| (key.as_ref(), *value)).collect();
    assert_eq!(found, [("a", r#"{"x": [1, 2]}"#), ("b", r#""\"""#), ("c", "1")]);
    assert!(members("[]").is_err() && members("{} {}").is_err() && members("{\"a\": }").is_err());
}

#[test]
fn an_object_of_columns_is_told_and_cut_into_rows() {
    let text = r#"{"a": [1, [2, 3]], "b": ["x", null]}"#;
    assert_eq!(table_form(text), TableForm::Columns);
    assert_eq!(rows_of_columns(text, &[1]), [br#"{"a": [2, 3], "b": null}"#]);
    for text in ["{}", "[]", r#"{"a": [1], "b": 2}"#, r#"{"a": [1]} {"a": [2]}"#, r#"{"a": [1]"#] {
        assert_eq!(table_form(text), TableForm::Records, "{text}");
    }
}

#[test]
fn depth_and_size_have_limits() {
    let deep = format!("{{\"x\": {}1{}}}\n{{\"a\": 1}}", "[".repeat(200), "]".repeat(200));
    let decoded = decode("a bigint", &deep);
    assert_eq!(ints(&decoded, 0), [Some(1)]);
    assert_eq!(decoded.refused[0].code, TOO_LARGE);
    let open = "[".repeat(1_000_000);
    assert!(!decode("a bigint", &open).refused.is_empty());
}

/// Objects and what is nearly one.
fn lines() -> impl Strategy<Value = Vec<String>> {
    let value =
        prop::sample::select(vec!["1", "-7", "1.5", "null", "\"x\"", "[1]", "{\"q\": 2}", "tru", "", "\"", "1e2"]);
    let key = prop::sample::select(vec!["a", "b", "zz"]);
    let object = prop::collection::vec((key, value), 0..4).prop_map(|members| {
        let members: Vec<String> = members.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
        format!("{{{}}}", members.join(", "))
    });
    prop::collection::vec(object, 0..8)
}

proptest! {
    #[test]
    fn each_line_is_read_as_serde_reads_it(lines in lines()) {
        let decoded = decode("a bigint, b bigint", &lines.join("\n"));
        let mut expected = Vec::new();
        for line in &lines {
            let twice = |key: &str| line.matches(&format!("\"{key}\": ")).count() > 1;
            let number = |value: Option<&serde_json::Value>| match value {
                None | Some(serde_json::Value::Null) => Some(None),
                Some(serde_json::Value::Number(number)) => numbers::int64(&number.to_string()).ok().map(Some),
                Some(_) => None,
            };
            let Ok(value) = serde_json::from_str::<serde_json::Value>(line) else { continue };
            if twice("a") || twice("b") { continue }
            if let (Some(a), Some(b)) = (number(value.get("a")), number(value.get("b"))) {
                expected.push((a, b));
            }
        }
        let found: Vec<_> = ints(&decoded, 0).into_iter().zip(ints(&decoded, 1)).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(decoded.origins.len() + decoded.refused.len(), lines.len());
    }

    #[test]
    fn any_bytes_give_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..64), cut in 0_usize..40) {
        let decoder = decoder("a bigint, l array<struct<p: int>>, o map<string, bigint>");
        decoder.decode([&bytes[..]]).unwrap();
        let text = r#"{"a": 1, "l": [{"p": 1}], "o": {"k": 2}}"#;
        decoder.decode([text.get(..cut).unwrap().as_bytes()]).unwrap();
        let mut changed = text.as_bytes().to_vec();
        if let (Some(place), Some(byte)) = (changed.get_mut(cut), bytes.first()) { *place = *byte; }
        let decoded = decoder.decode([&changed[..]]).unwrap();
        prop_assert!(decoded.batch.num_rows() + decoded.refused.len() > 0 || changed.is_empty());
    }
}

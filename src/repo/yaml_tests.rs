use super::*;

/// The characters of a span.
fn slice(text: &str, span: (usize, usize)) -> String {
    text.chars().skip(span.0).take(span.1 - span.0).collect()
}

/// What `serde_yaml` alone makes of the text.
fn values(text: &str) -> Result<Vec<Value>, serde_yaml::Error> {
    Deserializer::from_str(text)
        .map(|document| {
            let mut value = Value::deserialize(document)?;
            value.apply_merge()?;
            Ok(value)
        })
        .collect()
}

/// Every scalar's span holds its text; every list and mapping has as many positions as values.
fn agrees(text: &str, cursor: Cursor<'_>) {
    let written = slice(text, cursor.span());
    match cursor.value() {
        Value::String(value) if !value.contains('\n') && !written.starts_with('*') => {
            assert!(written.contains(value.as_str()), "{written:?} is not {value:?}");
        }
        Value::Number(number) if !written.starts_with('*') => assert!(written.contains(&number.to_string())),
        _ => {}
    }
    for (key, entry) in cursor.entries() {
        assert_eq!(slice(text, entry.key_span()).trim_matches('"'), key);
        agrees(text, entry);
    }
    cursor.items().for_each(|item| agrees(text, item));
}

#[test]
fn both_parsers_agree_on_documents_merges_and_unicode() {
    for text in [
        "a: 1\nb: [x, y, {z: 3}]\n---\n- c\n- \"d\"\n---\nlast: ü\n",
        "# ü comment\nbase: &b {x: 1, y: two}\nuser:\n  <<: *b\n  y: three\n",
        "a: &a {p: 1}\nb: &b {q: 2, p: 9}\nc:\n  <<: [*a, *b]\n  r: 3\nlist: &l [1, 2]\nsame: *l\n",
        "tekst: \"zażółć\"\nnext: gęś\n\"quoted key\": v\n",
        "a:\r\n  b: c\r\nd: e\r\n",
        "empty:\nother: ~\n",
        "",
        "---\n---\na: 1\n",
    ] {
        let documents = parse(text).unwrap();
        let values = values(text).unwrap();
        assert_eq!(documents.iter().map(|d| d.value.clone()).collect::<Vec<_>>(), values, "{text}");
        for document in &documents {
            agrees(text, document.root());
        }
    }
}

#[test]
fn both_parsers_refuse_a_key_given_twice() {
    for text in ["a: 1\nb: 2\na: 3\n", "x: {k: 1, k: 2}\n", "l:\n  - n: 1\n    n: 2\n", "a: 1\n---\nb: 1\nb: 2\n"] {
        assert!(values(text).is_err(), "{text}");
        let error = parse(text).unwrap_err();
        assert_eq!(error.code, codes::DUPLICATE_KEY, "{text}");
    }
    let error = parse("aa: 1\nb: 2\naa: 3\n").unwrap_err();
    assert_eq!((error.start, error.end, error.note.as_deref()), (11, 13, Some("0")));
}

#[test]
fn a_merge_of_a_merge_arrives() {
    let text = "a: &a {x: 1}\nb: &b\n  <<: *a\n  y: 2\nc:\n  <<: *b\n  z: 3\n";
    let document = &parse(text).unwrap()[0];
    let (_, c) = document.root().entries().find(|(key, _)| key == "c").unwrap();
    let keys: Vec<String> = c.entries().map(|(key, _)| key).collect();
    assert_eq!(keys, ["z", "y", "x"]);
    let (_, x) = c.entries().find(|(key, _)| key == "x").unwrap();
    assert_eq!(x.span(), (10, 11));
}

#[test]
fn bombs_are_refused_before_they_grow() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}, ", level - 1).repeat(9);
        bomb += &format!("a{level}: &a{level} [{}]\n", before.trim_end_matches(", "));
    }
    assert_eq!(parse(&bomb).unwrap_err().code, codes::TOO_LARGE);
    assert_eq!(parse(&format!("{}{}", "[".repeat(100), "]".repeat(100))).unwrap_err().code, codes::TOO_LARGE);
    assert!(parse(&"[".repeat(100_000)).is_err());
    assert_eq!(parse("a: &a [*a]\n").unwrap_err().code, codes::TOO_LARGE);
    let many = format!("a: &a [{}]\nb: [{}]\n", "x, ".repeat(2_000), "*a, ".repeat(2_000));
    assert_eq!(parse(&many).unwrap_err().code, codes::TOO_LARGE);
}

#[test]
fn syntax_errors_have_a_place() {
    let error = parse("project: x\nregistry: [a\nonline_store: b\n").unwrap_err();
    assert_eq!(error.code, codes::SYNTAX);
    assert!(error.start > 10, "{error:?}");
    assert_eq!(parse("a: b: c\n").unwrap_err().code, codes::SYNTAX);
    assert_eq!(parse("a: *nowhere\n").unwrap_err().code, codes::SYNTAX);
    assert!(parse("a: <<\nb:\n  <<: 3\n").is_err());
}

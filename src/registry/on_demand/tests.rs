use super::*;
use crate::model::{DataSource, Field, Tags};

fn one(sql: &str) -> Option<String> {
    let text = python_function("f", &[("x".to_owned(), sql.to_owned())], None)?;
    let line = text.lines().find(|line| line.starts_with("        \"x\": ["))?;
    Some(line.trim_start_matches("        \"x\": [").trim_end_matches(" for i in rows],").to_owned())
}

fn request_view(
    inputs: &[(&str, DataType)],
    outputs: &[(&str, DataType)],
    transformation: Transformation,
) -> OnDemandFeatureView {
    let fields = |list: &[(&str, DataType)]| list.iter().map(|(n, t)| Field::new(*n, t.clone())).collect::<Vec<_>>();
    let source = DataSource::new("request", SourceKind::Request { schema: fields(inputs) });
    OnDemandFeatureView {
        name: "my view".to_owned(),
        sources: [("request".to_owned(), OnDemandSource::Request(Box::new(source)))].into(),
        features: fields(outputs),
        entities: Vec::new(),
        entity_columns: Vec::new(),
        mode: None,
        transformation: Some(transformation),
        write_to_online_store: false,
        singleton: false,
        track_metrics: false,
        aggregations: Vec::new(),
        version: "latest".to_owned(),
        enabled: true,
        description: String::new(),
        tags: Tags::new(),
        owner: String::new(),
        org: String::new(),
    }
}

fn expressions(list: &[(&str, &str)]) -> Transformation {
    let expressions = list.iter().map(|(name, sql)| ((*name).to_owned(), (*sql).to_owned())).collect();
    Transformation::Expressions { expressions, filter: None }
}

#[test]
fn a_function_stands_alone() {
    let expressions = [("x".to_owned(), "a + 1.50".to_owned()), ("y\n".to_owned(), "-b".to_owned())];
    let text = python_function("my view", &expressions, Some("a > 0")).unwrap();
    let expected = r#"def my_view(inputs):
    # computed from SQL by feast-rs: change the SQL, not this
    # x = a + 1.50
    # y  = -b

    def negative(a):
        return None if a is None else -a

    def plus(a, b):
        return None if a is None or b is None else a + b

    def less(a, b):
        return None if a is None or b is None else a < b or (a == a and b != b)

    rows = range(len(inputs["a"]))
    kept = [less(0, inputs["a"][i]) for i in rows]
    outputs = {
        "x": [plus(inputs["a"][i], 1.5) if kept[i] is True else None for i in rows],
        "y\n": [negative(inputs["b"][i]) if kept[i] is True else None for i in rows],
    }
    return outputs
"#;
    assert_eq!(text, expected);
}

#[test]
fn expressions_keep_their_structure() {
    for (sql, python) in [
        ("(a + b) * c", r#"times(plus(inputs["a"][i], inputs["b"][i]), inputs["c"][i])"#),
        ("a + b * c", r#"plus(inputs["a"][i], times(inputs["b"][i], inputs["c"][i]))"#),
        ("\"odd \"\"name\"", r#"inputs["odd \"name"][i]"#),
        ("-5 / 2", "divide(-5, 2)"),
        ("'it''s'", r#""it's""#),
        (".5e3", "500.0"),
        ("a <> b", r#"negated(equal(inputs["a"][i], inputs["b"][i]))"#),
        ("a >= b", r#"negated(less(inputs["a"][i], inputs["b"][i]))"#),
        ("coalesce(a, 0)", r#"first(lambda: inputs["a"][i], lambda: 0)"#),
        ("case when a is null then 1 else 2.5 end", r#"(real(1) if (inputs["a"][i] is None) is True else 2.5)"#),
        ("case a when 1 then 'x' end", r#"("x" if equal(inputs["a"][i], 1) is True else None)"#),
        ("not (a and b or true)", r#"negated(either(both(inputs["a"][i], lambda: inputs["b"][i]), lambda: True))"#),
        ("cast(a as double) / 2", r#"divide(real(inputs["a"][i]), 2)"#),
    ] {
        assert_eq!(one(sql).as_deref(), Some(python), "{sql}");
    }
}

#[test]
fn what_has_no_equivalent_is_said_so() {
    for sql in [
        "",
        "a +",
        "a b",
        "a; b",
        "sum(a)",
        "a || b",
        "a % b",
        "coalesce(a, b) / 2",
        "'x' + 1",
        "a = (select 1)",
        "coalesce(distinct a)",
        "coalesce(a) over ()",
        "9223372036854775808",
        "1e999",
        "case when 1 then 2 end",
        "case when a then 'x' else 1 end",
        "source.a",
        "a in (1, 2)",
        "try_cast(a as double)",
        "cast('1' as double)",
    ] {
        assert_eq!(one(sql), None, "{sql}");
    }
    let deep = format!("{}a{}", "(".repeat(3000), ")".repeat(3000));
    assert_eq!(one(&deep), None);
    let long = vec!["a"; 4000].join("+");
    assert_eq!(one(&long), None);
}

#[test]
fn declared_types_decide_what_is_whole() {
    let view = request_view(
        &[("a", DataType::Float64), ("n", DataType::Int64), ("s", DataType::String)],
        &[("x", DataType::Float64), ("y", DataType::Int64), ("z", DataType::Float32)],
        expressions(&[("x", "coalesce(a, n) / 2"), ("y", "n / 2"), ("z", "n + 1")]),
    );
    let text = function_of(&view).unwrap().text;
    for line in [
        "        \"a\": reals(inputs[\"a\"]),",
        "        \"n\": wholes(inputs[\"n\"]),",
        r#"        "x": [divide(first(lambda: inputs["a"][i], lambda: real(inputs["n"][i])), 2) for i in rows],"#,
        r#"        "y": [divide(inputs["n"][i], 2) for i in rows],"#,
        r#"        "z": [real(plus(inputs["n"][i], 1)) for i in rows],"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(!text.contains("inputs[\"s\"]"), "{text}");
}

#[test]
fn a_select_over_source_is_a_list_of_expressions() {
    let sql = "select id, a * 2 as x from source where a > 0";
    let view =
        request_view(&[("a", DataType::Float64)], &[("x", DataType::Float64)], Transformation::Sql(sql.to_owned()));
    let text = function_of(&view).unwrap().text;
    assert!(text.contains("kept = [less(0, inputs[\"a\"][i]) for i in rows]"), "{text}");
    assert!(!text.contains("\"id\""), "{text}");
    for sql in [
        "select a as x from source limit 1",
        "select distinct a as x from source",
        "select a as x from source, source",
        "select a as x from other",
        "select a as x from source group by a",
        "select a as y from source",
        "select * from source",
        "select missing as x from source",
    ] {
        let view =
            request_view(&[("a", DataType::Int64)], &[("x", DataType::Int64)], Transformation::Sql(sql.to_owned()));
        let function = function_of(&view).unwrap();
        assert_eq!(
            function.text,
            "def my_view(inputs):\n    raise NotImplementedError(\"on-demand feature view my view is computed by \
             feast-rs: its SQL has no equivalent in Python\")\n",
            "{sql}"
        );
        assert_eq!(function.name, "my_view");
    }
}

#[test]
fn a_singleton_gets_and_gives_values() {
    let mut view = request_view(&[("a", DataType::Int64)], &[("x", DataType::Int64)], expressions(&[("x", "a")]));
    view.singleton = true;
    let text = function_of(&view).unwrap().text;
    let wrapped = text.find("inputs = {name: [value] for name, value in inputs.items()}").unwrap();
    assert!(wrapped < text.find("wholes(inputs").unwrap(), "{text}");
    assert!(text.ends_with("    return {name: values[0] for name, values in outputs.items()}\n"), "{text}");
}

#[test]
fn pythons_own_function_is_left_to_python() {
    let view = request_view(&[], &[], Transformation::UdfString("def f(x): pass".to_owned()));
    assert_eq!(function_of(&view), None);
}

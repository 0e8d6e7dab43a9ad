//! Mistakes inside a transformation are underlined where they stand, however the text is written.

use super::*;

fn problems(transformation: &str) -> Vec<(usize, usize, usize)> {
    let text = format!(
        "{BASE}batch_feature_views:\n  - name: v\n    entities: [driver]\n    source: stats\n    schema: [p: Float32]\n    \
         feature_transformation:\n{transformation}"
    );
    let first = text.lines().count() - transformation.lines().count();
    wrong(&text)
        .iter()
        .map(|problem| {
            assert_eq!((problem.code, problem.label.as_str()), ("E0233", "did you mean `conv_rate`?"));
            (problem.line - first, problem.column, problem.length)
        })
        .collect()
}

#[test]
fn a_mistake_is_underlined_in_every_style_of_scalar() {
    for (text, place) in [
        ("      expressions:\n        p: conv_ratio * 100.0\n", (2, 12, 10)),
        ("      expressions: {p: 1 + conv_ratio}\n", (1, 28, 10)),
        ("      expressions:\n        p: 'ü + conv_ratio'\n", (2, 17, 10)),
        ("      expressions:\n        p: \"conv_ratio * 100.0\"\n", (2, 13, 10)),
        ("      sql: |\n        SELECT driver_id,\n               conv_ratio AS p\n        FROM source\n", (3, 16, 10)),
        ("      sql: |2\n          SELECT conv_ratio AS p\n        FROM source\n", (2, 18, 10)),
        ("      sql: |-\n\n        SELECT 1,\n\n          conv_ratio AS p\n        FROM source\n", (5, 11, 10)),
    ] {
        assert_eq!(problems(text), [place], "{text}");
    }
}

#[test]
fn a_folded_text_is_one_line_that_is_found_again() {
    let text = "      sql: >\n        SELECT driver_id,\n        conv_ratio AS p\n        FROM source\n";
    assert_eq!(problems(text), [(3, 9, 10)]);
}

#[test]
fn what_is_escaped_is_underlined_as_a_whole() {
    let text = "      expressions:\n        p: \"\\x31 + conv_ratio\"\n";
    assert_eq!(problems(text), [(2, 12, 19)]);
}

//! The text of a Python function: helpers, inputs, one list a feature.

use datafusion_sql::sqlparser::ast::Expr;

use super::expression::{Inputs, Kind, Translator};
use super::select::Parsed;
use crate::model::{DataType, Field};
use crate::registry::python_text::repr;

/// What the function gets and gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// lists, one item a row
    Lists,
    /// the values of one row (Feast's `singleton`)
    Single,
}

/// The declared types of a view.
pub struct Types<'a> {
    /// of what it gets
    pub inputs: Inputs<'a>,
    /// of what it computes
    pub features: &'a [Field],
}

impl Types<'_> {
    fn is_real(&self, feature: &str) -> bool {
        let real = |field: &Field| matches!(field.dtype, DataType::Float32 | DataType::Float64);
        self.features.iter().any(|field| field.name == feature && real(field))
    }
}

/// The helpers by name, in the order in which they are written. Each follows SQL on nulls; NaN is equal to itself and
/// larger than everything, as our engine has it.
const HELPERS: &[(&str, &str)] = &[
    ("real", "    def real(a):\n        return None if a is None else float(a)\n"),
    ("negative", "    def negative(a):\n        return None if a is None else -a\n"),
    ("plus", "    def plus(a, b):\n        return None if a is None or b is None else a + b\n"),
    ("minus", "    def minus(a, b):\n        return None if a is None or b is None else a - b\n"),
    ("times", "    def times(a, b):\n        return None if a is None or b is None else a * b\n"),
    (
        "divide",
        r"    def divide(a, b):
        from math import copysign, inf, nan

        if a is None or b is None:
            return None
        if isinstance(a, int) and isinstance(b, int):
            quotient = abs(a) // abs(b)
            return quotient if (a < 0) == (b < 0) else -quotient
        a, b = float(a), float(b)
        if b != 0:
            return a / b
        return nan if a == 0 or a != a else inf * copysign(1, a) * copysign(1, b)
",
    ),
    (
        "equal",
        "    def equal(a, b):\n        return None if a is None or b is None else a == b or (a != a and b != b)\n",
    ),
    ("less", "    def less(a, b):\n        return None if a is None or b is None else a < b or (a == a and b != b)\n"),
    ("negated", "    def negated(a):\n        return None if a is None else not a\n"),
    (
        "both",
        r"    def both(a, other):
        if a is False:
            return False
        b = other()
        return False if b is False else None if a is None or b is None else True
",
    ),
    (
        "either",
        r"    def either(a, other):
        if a is True:
            return True
        b = other()
        return True if b is True else None if a is None or b is None else False
",
    ),
    (
        "first",
        r"    def first(*values):
        for value in values:
            found = value()
            if found is not None:
                return found
        return None
",
    ),
    ("reals", "    def reals(column):\n        return [None if a is None or a != a else float(a) for a in column]\n"),
    ("wholes", "    def wholes(column):\n        return [None if a is None or a != a else int(a) for a in column]\n"),
];

/// The function, or `None` where an expression has no equivalent.
pub fn write(name: &str, parsed: &Parsed, types: Option<&Types>, shape: Shape) -> Option<String> {
    let mut translator = Translator::new(types.map(|types| &types.inputs));
    let filter = match &parsed.filter {
        Some(filter) => Some(translator.translate(filter).filter(super::expression::Python::is_flag)?.text),
        None => None,
    };
    let mut features = Vec::new();
    for (feature, expression) in &parsed.expressions {
        let mut python = translator.translate(expression)?;
        if python.kind == Kind::Whole && types.is_some_and(|types| types.is_real(feature)) {
            python = translator.real(&python);
        }
        features.push((feature, expression, python.text));
    }
    let conversion = conversions(&mut translator);
    let mut lines = vec![
        format!("def {name}(inputs):"),
        "    # computed from SQL by feast-rs: change the SQL, not this".to_owned(),
    ];
    lines.extend(features.iter().map(|(feature, sql, _)| format!("    # {}", one_line(&format!("{feature} = {sql}")))));
    let helpers = HELPERS.iter().filter(|(name, _)| translator.helpers.contains(name));
    lines.extend(helpers.map(|(_, helper)| format!("\n{}", helper.trim_end())));
    lines.push(String::new());
    if shape == Shape::Single {
        lines.push("    inputs = {name: [value] for name, value in inputs.items()}".to_owned());
    }
    lines.extend(conversion);
    lines.push(format!("    rows = range(len({}))", any_column(&translator)));
    lines.extend(filter.iter().map(|filter| format!("    kept = [{filter} for i in rows]")));
    let kept = if filter.is_some() { " if kept[i] is True else None" } else { "" };
    lines.push("    outputs = {".to_owned());
    let output = |(feature, _, python): &(&String, &Expr, String)| {
        format!("        {}: [{python}{kept} for i in rows],", repr(feature))
    };
    lines.extend(features.iter().map(output));
    lines.push("    }".to_owned());
    lines.push(match shape {
        Shape::Lists => "    return outputs\n".to_owned(),
        Shape::Single => "    return {name: values[0] for name, values in outputs.items()}\n".to_owned(),
    });
    Some(lines.join("\n"))
}

/// Makes numbers what their declared types say: Feast hands over what a caller sent, and whole numbers beside a null
/// as floating point numbers. NaN is Feast's null.
fn conversions(translator: &mut Translator) -> Vec<String> {
    let mut lines = Vec::new();
    for column in translator.columns.clone() {
        let helper = match translator.column_kind(&column) {
            Some(Kind::Real) => "reals",
            Some(Kind::Whole) => "wholes",
            _ => continue,
        };
        translator.helpers.insert(helper);
        let column = repr(&column);
        lines.push(format!("        {column}: {helper}(inputs[{column}]),"));
    }
    if !lines.is_empty() {
        lines.insert(0, "    inputs = {\n        **inputs,".to_owned());
        lines.push("    }".to_owned());
    }
    lines
}

fn any_column(translator: &Translator) -> String {
    match translator.columns.first() {
        Some(column) => format!("inputs[{}]", repr(column)),
        None => "next(iter(inputs.values()))".to_owned(),
    }
}

/// Text for a comment.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}').collect::<Vec<_>>().join(" ")
}

//! Python text for the expressions of an on-demand view: the arithmetic and comparisons that mean the same in Python,
//! and otherwise a function that says who can compute it.

use std::fmt::Write;

use crate::model::{DataType, Field, Transformation};

/// The name of the function in its text.
pub(super) const FUNCTION_NAME: &str = "transform";

/// The text of a function from columns to features. A singleton's columns are values, not lists.
pub(super) fn function(
    view: &str,
    transformation: &Transformation,
    features: &[Field],
    columns: &[(&str, &DataType)],
    singleton: bool,
) -> String {
    if let Transformation::UdfString(text) = transformation {
        return text.clone();
    }
    computing(transformation, features, columns, singleton).unwrap_or_else(|| refusing(view))
}

fn refusing(view: &str) -> String {
    let message = format!("on-demand feature view {view} is computed by feast-rs: its SQL has no equivalent here");
    format!("def {FUNCTION_NAME}(inputs):\n    raise NotImplementedError({})\n", python_text(&message))
}

fn computing(
    transformation: &Transformation,
    features: &[Field],
    columns: &[(&str, &DataType)],
    singleton: bool,
) -> Option<String> {
    let Transformation::Expressions { expressions, filter: None } = transformation else { return None };
    let mut lines = String::new();
    for feature in features {
        let (_, text) = expressions.iter().find(|(name, _)| *name == feature.name)?;
        let (body, used) = translate(text, columns)?;
        let name = python_text(&feature.name);
        let nulls: Vec<String> = (0..used.len()).map(|at| format!("v{at} is None")).collect();
        let body = if used.is_empty() { body } else { format!("None if {} else {body}", nulls.join(" or ")) };
        let parameters: Vec<String> = (0..used.len()).map(|at| format!("v{at}")).collect();
        let arguments: Vec<String> = used.iter().map(|column| format!("inputs[{}]", python_text(column))).collect();
        let (parameters, arguments) = (parameters.join(", "), arguments.join(", "));
        let call = match (singleton, used.is_empty()) {
            (true, _) => format!("(lambda {parameters}: {body})({arguments})"),
            (false, true) => format!("[{body} for _ in next(iter(inputs.values()), [])]"),
            (false, false) => format!("[(lambda {parameters}: {body})(*row) for row in zip({arguments})]"),
        };
        writeln!(lines, "        {name}: {call},").ok()?;
    }
    Some(format!("def {FUNCTION_NAME}(inputs):\n    return {{\n{lines}    }}\n"))
}

/// A text as Python and JSON both write it.
fn python_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The type of an expression, as far as it decides what an operator means.
#[derive(Clone, Copy, PartialEq)]
enum Type {
    Integer,
    Float,
    Flag,
}

/// The Python text of one SQL expression over `v0`, `v1`, ..., and the columns they stand for.
fn translate<'a>(sql: &str, columns: &[(&'a str, &DataType)]) -> Option<(String, Vec<&'a str>)> {
    let tokens = tokens(sql)?;
    let mut parser = Parser { tokens: &tokens, columns, used: Vec::new() };
    let (text, _) = parser.comparison(0)?;
    parser.tokens.is_empty().then_some((text, parser.used))
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    Number(String),
    Sign(&'static str),
}

const SIGNS: [&str; 13] = ["<=", ">=", "<>", "!=", "+", "-", "*", "/", "(", ")", "<", ">", "="];

fn tokens(mut text: &str) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    loop {
        text = text.trim_start();
        let Some(first) = text.chars().next() else { return Some(found) };
        let length = if first.is_ascii_digit() {
            let length = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
            let number = &text[..length];
            number.parse::<f64>().ok()?;
            found.push(Token::Number(number.to_owned()));
            length
        } else if first.is_alphabetic() || first == '_' {
            let length = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
            found.push(Token::Name(text[..length].to_owned()));
            length
        } else if first == '"' {
            let length = text[1..].find('"')?;
            found.push(Token::Name(text[1..=length].to_owned()));
            length + 2
        } else {
            // a comment is no two minus signs
            let sign = SIGNS.into_iter().find(|sign| text.starts_with(sign) && !text.starts_with("--"))?;
            found.push(Token::Sign(sign));
            sign.len()
        };
        text = &text[length..];
    }
}

/// How deep brackets may nest.
const MAX_DEPTH: usize = 50;

struct Parser<'t, 'c, 'a> {
    tokens: &'t [Token],
    columns: &'c [(&'a str, &'c DataType)],
    used: Vec<&'a str>,
}

impl Parser<'_, '_, '_> {
    fn sign(&mut self, signs: &[&'static str]) -> Option<&'static str> {
        let (Token::Sign(sign), rest) = self.tokens.split_first()? else { return None };
        signs.contains(sign).then(|| {
            self.tokens = rest;
            *sign
        })
    }

    fn comparison(&mut self, depth: usize) -> Option<(String, Type)> {
        let (left, kind) = self.sum(depth)?;
        let Some(sign) = self.sign(&["<=", ">=", "<>", "!=", "<", ">", "="]) else { return Some((left, kind)) };
        let (right, other) = self.sum(depth)?;
        if kind == Type::Flag || other == Type::Flag {
            return None;
        }
        let sign = match sign {
            "=" => "==",
            "<>" => "!=",
            same => same,
        };
        Some((format!("({left} {sign} {right})"), Type::Flag))
    }

    fn sum(&mut self, depth: usize) -> Option<(String, Type)> {
        let mut left = self.product(depth)?;
        while let Some(sign) = self.sign(&["+", "-"]) {
            let right = self.product(depth)?;
            left = arithmetic(left, sign, right)?;
        }
        Some(left)
    }

    fn product(&mut self, depth: usize) -> Option<(String, Type)> {
        let mut left = self.factor(depth)?;
        while let Some(sign) = self.sign(&["*", "/"]) {
            let right = self.factor(depth)?;
            left = arithmetic(left, sign, right)?;
        }
        Some(left)
    }

    fn factor(&mut self, depth: usize) -> Option<(String, Type)> {
        if depth > MAX_DEPTH {
            return None;
        }
        if self.sign(&["-"]).is_some() {
            let (text, kind) = self.factor(depth + 1)?;
            return (kind != Type::Flag).then(|| (format!("(-{text})"), kind));
        }
        if self.sign(&["("]).is_some() {
            let inner = self.comparison(depth + 1)?;
            self.sign(&[")"])?;
            return Some(inner);
        }
        let (token, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        match token {
            Token::Number(text) if text.contains('.') => {
                Some((format!("{:?}", text.parse::<f64>().ok()?), Type::Float))
            }
            Token::Number(text) => Some((text.parse::<i64>().ok()?.to_string(), Type::Integer)),
            Token::Name(name) => self.column(name),
            Token::Sign(_) => None,
        }
    }

    fn column(&mut self, name: &str) -> Option<(String, Type)> {
        // the same name from two sources would be ambiguous
        let mut matching = self.columns.iter().filter(|(column, _)| *column == name);
        let (column, dtype) = matching.next()?;
        if matching.next().is_some() {
            return None;
        }
        let kind = match dtype {
            DataType::Int32 | DataType::Int64 => Type::Integer,
            DataType::Float32 | DataType::Float64 => Type::Float,
            _ => return None,
        };
        let at = self.used.iter().position(|used| used == column).unwrap_or_else(|| {
            self.used.push(column);
            self.used.len() - 1
        });
        Some((format!("v{at}"), kind))
    }
}

/// `left sign right`, where Python means the same: a quotient of integers is cut in SQL and not in Python, and one by
/// zero is an error in Python, so only a quotient by a number that stands in the text is translated.
fn arithmetic((left, a): (String, Type), sign: &str, (right, b): (String, Type)) -> Option<(String, Type)> {
    if a == Type::Flag || b == Type::Flag {
        return None;
    }
    let kind = if a == Type::Integer && b == Type::Integer { Type::Integer } else { Type::Float };
    if sign == "/" {
        let divisor = right.parse::<f64>().ok().filter(|divisor| *divisor != 0.0);
        if kind == Type::Integer || divisor.is_none() {
            return None;
        }
    }
    Some((format!("({left} {sign} {right})"), kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_in_python_is_translated_and_the_rest_is_not() {
        let columns = [("a", &DataType::Float64), ("n", &DataType::Int64), ("s", &DataType::String)];
        let text = |sql: &str| translate(sql, &columns).map(|(text, _)| text);
        assert_eq!(text("a * 100.0").unwrap(), "(v0 * 100.0)");
        assert_eq!(text("(a + n) / 2 - -n").unwrap(), "(((v0 + v1) / 2) - (-v1))");
        assert_eq!(text("\"a\" >= 1").unwrap(), "(v0 >= 1)");
        assert_eq!(text("n <> 3").unwrap(), "(v0 != 3)");
        for sql in ["n / 2", "a / n", "a / 0", "s", "abs(a)", "a +", "(a", "a = 1 = 1", "a -- b", "b", "a; drop", ""] {
            assert_eq!(text(sql), None, "{sql}");
        }
        let deep = "(".repeat(10_000);
        assert_eq!(text(&deep), None);
    }

    #[test]
    fn an_expression_becomes_a_function_over_lists() {
        let expressions = vec![("x".to_owned(), "a * 2.0".to_owned())];
        let transformation = Transformation::Expressions { expressions, filter: None };
        let features = [Field::new("x", DataType::Float64)];
        let text = function("v", &transformation, &features, &[("a", &DataType::Float64)], false);
        assert_eq!(
            text,
            "def transform(inputs):\n    return {\n        \"x\": [(lambda v0: None if v0 is None else (v0 * 2.0))(*row) \
             for row in zip(inputs[\"a\"])],\n    }\n"
        );
        let sql = Transformation::Sql("SELECT 1".to_owned());
        assert!(function("v", &sql, &features, &[], false).contains("raise NotImplementedError"));
    }
}

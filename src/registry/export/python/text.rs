//! Python text: expressions laid out over lines, strings as Python reads them, names that are safe and unique.

use std::collections::BTreeSet;

use crate::registry::python_text::{identifier, repr};

/// Lines are broken beyond this.
const WIDTH: usize = 100;

/// A Python expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Py {
    /// written as it is: a name, a number, a flag
    Raw(String),
    /// a string
    Text(String),
    /// a class or function with its arguments; an argument without a name is positional
    Call(String, Vec<(&'static str, Py)>),
    /// a list
    List(Vec<Py>),
    /// a dictionary
    Dict(Vec<(String, Py)>),
}

impl Py {
    /// Something that is written as it is.
    pub fn raw(text: impl std::fmt::Display) -> Self {
        Self::Raw(text.to_string())
    }

    /// A string.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// `True` or `False`
    pub fn flag(value: bool) -> Self {
        Self::Raw(if value { "True" } else { "False" }.to_owned())
    }

    /// The expression in lines, the first of which follows `lead` characters of the statement.
    pub fn pretty(&self, indent: usize, lead: usize) -> String {
        let flat = self.flat();
        let parts = self.parts(indent + 4);
        if parts.is_empty() || (indent + lead + flat.len() <= WIDTH && !self.holds_lines()) {
            return flat;
        }
        let (open, close, separator) = self.brackets();
        let pad = " ".repeat(indent + 4);
        let body = parts.join(&format!("{separator}\n{pad}"));
        format!("{open}\n{pad}{body}{separator}\n{}{close}", " ".repeat(indent))
    }

    fn flat(&self) -> String {
        match self {
            Self::Raw(text) => text.clone(),
            Self::Text(text) => repr(text),
            _ => {
                let (open, close, _) = self.brackets();
                format!("{open}{}{close}", self.flat_parts().join(", "))
            }
        }
    }

    fn flat_parts(&self) -> Vec<String> {
        match self {
            Self::Raw(_) | Self::Text(_) => Vec::new(),
            Self::Call(_, arguments) => arguments.iter().map(|(name, value)| named(name, &value.flat())).collect(),
            Self::List(items) => items.iter().map(Self::flat).collect(),
            Self::Dict(items) => items.iter().map(|(key, value)| format!("{}: {}", repr(key), value.flat())).collect(),
        }
    }

    fn parts(&self, indent: usize) -> Vec<String> {
        match self {
            Self::Text(text) if text.trim_end_matches('\n').contains('\n') => {
                text.split_inclusive('\n').map(repr).collect()
            }
            Self::Raw(_) | Self::Text(_) => Vec::new(),
            Self::Call(_, arguments) => {
                arguments.iter().map(|(name, value)| named(name, &value.pretty(indent, name.len() + 2))).collect()
            }
            Self::List(items) => items.iter().map(|item| item.pretty(indent, 1)).collect(),
            Self::Dict(items) => items
                .iter()
                .map(|(key, value)| {
                    let key = repr(key);
                    format!("{key}: {}", value.pretty(indent, key.len() + 3))
                })
                .collect(),
        }
    }

    fn brackets(&self) -> (String, &'static str, &'static str) {
        match self {
            Self::Raw(_) | Self::Text(_) => ("(".to_owned(), ")", ""),
            Self::Call(name, _) => (format!("{name}("), ")", ","),
            Self::List(_) => ("[".to_owned(), "]", ","),
            Self::Dict(_) => ("{".to_owned(), "}", ","),
        }
    }

    /// Whether a text of several lines is in it, which reads best on as many.
    fn holds_lines(&self) -> bool {
        match self {
            Self::Raw(_) => false,
            Self::Text(text) => text.trim_end_matches('\n').contains('\n'),
            Self::Call(_, arguments) => arguments.iter().any(|(_, value)| value.holds_lines()),
            Self::List(items) => items.iter().any(Self::holds_lines),
            Self::Dict(items) => items.iter().any(|(_, value)| value.holds_lines()),
        }
    }
}

fn named(name: &str, value: &str) -> String {
    if name.is_empty() { value.to_owned() } else { format!("{name}={value}") }
}

/// The names that a file has given out.
#[derive(Debug, Default)]
pub struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    /// Keeps a name for another use.
    pub fn reserve(&mut self, name: impl Into<String>) {
        self.taken.insert(name.into());
    }

    /// A name like `wanted` that nothing else has.
    pub fn unique(&mut self, wanted: &str) -> String {
        let base = identifier(wanted);
        let mut name = base.clone();
        let mut number = 2;
        while !self.taken.insert(name.clone()) {
            name = format!("{base}_{number}");
            number += 1;
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_and_unique() {
        let mut names = Names::default();
        names.reserve("Entity");
        let given: Vec<String> = ["driver", "driver", "my-view", "my view", "1st", "class", "Entity", "é"]
            .map(|name| names.unique(name))
            .into();
        assert_eq!(given, ["driver", "driver_2", "my_view", "my_view_2", "_1st", "class_", "Entity_2", "_"]);
    }

    #[test]
    fn long_calls_are_broken_and_texts_stand_in_lines() {
        let call = Py::Call("F".to_owned(), vec![("name", Py::text("x")), ("ttl", Py::raw("None"))]);
        assert_eq!(call.pretty(0, 0), "F(name=\"x\", ttl=None)");
        let call = Py::Call("F".to_owned(), vec![("name", Py::text("a\nb\n"))]);
        assert_eq!(call.pretty(0, 0), "F(\n    name=(\n        \"a\\n\"\n        \"b\\n\"\n    ),\n)");
        let long = Py::List(vec![Py::text("x".repeat(60)), Py::text("y".repeat(60))]);
        assert_eq!(long.pretty(0, 0).lines().count(), 4);
    }
}

//! Environment variables in YAML: `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:?why}`, and `$$` for a dollar.

use super::codes;
use super::diagnostics::Replacement;

/// Looks an environment variable up; from any thread, since a server keeps it.
pub type Env<'a> = dyn Fn(&str) -> Option<String> + Send + Sync + 'a;

/// A reference that has no value, at characters `start..end` of the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadReference {
    pub code: &'static str,
    pub message: String,
    pub start: usize,
    pub end: usize,
}

/// A text with its variables in place.
#[derive(Debug, Default)]
pub(super) struct Expanded {
    pub text: String,
    pub replacements: Vec<Replacement>,
    /// references left as they were, because they have no value; places are those of the *old* text
    pub bad: Vec<BadReference>,
}

/// Puts the values of environment variables in place. A dollar that begins no reference stays.
pub(super) fn expand(text: &str, env: &Env<'_>) -> Expanded {
    let mut expanded = Expanded::default();
    let (mut old, mut new) = (0, 0);
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        let (before, tail) = rest.split_at(dollar);
        expanded.text += before;
        let plain = before.chars().count();
        (old, new) = (old + plain, new + plain);
        let (written, value) = reference(tail, env);
        let length = written.chars().count();
        let value = value.unwrap_or_else(|(code, message)| {
            expanded.bad.push(BadReference { code, message, start: old, end: old + length });
            written.to_owned()
        });
        let grown = value.chars().count();
        if value != written {
            let piece = Replacement { new_start: new, new_end: new + grown, old_start: old, old_end: old + length };
            expanded.replacements.push(piece);
        }
        expanded.text += &value;
        (old, new) = (old + length, new + grown);
        rest = tail.get(written.len()..).unwrap_or_default();
    }
    expanded.text += rest;
    expanded
}

/// The reference that `text` (which begins with a dollar) begins with, and its value.
fn reference<'t>(text: &'t str, env: &Env<'_>) -> (&'t str, Result<String, (&'static str, String)>) {
    let after = text.get(1..).unwrap_or_default();
    if after.starts_with('$') {
        return (text.get(..2).unwrap_or(text), Ok("$".to_owned()));
    }
    if let Some(inner) = after.strip_prefix('{') {
        let Some(end) = closing(inner) else {
            let line = text.lines().next().unwrap_or(text);
            return (line, Err((codes::BAD_VARIABLE, "`${` is never closed".to_owned())));
        };
        let inside = inner.get(..end).unwrap_or_default();
        return (text.get(..end + 3).unwrap_or(text), braced(inside, env));
    }
    let name = name_of(after);
    if name.is_empty() {
        return (text.get(..1).unwrap_or(text), Ok("$".to_owned()));
    }
    (text.get(..=name.len()).unwrap_or(text), lookup(name, env))
}

/// Where the `}` stands that closes the text before it; braces inside a default count. A reference ends on its line.
fn closing(inner: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            '\n' => return None,
            _ => {}
        }
    }
    None
}

fn name_of(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    let name = text.get(..end).unwrap_or_default();
    if name.starts_with(|c: char| c.is_ascii_digit()) { "" } else { name }
}

/// What stands between the braces.
fn braced(inside: &str, env: &Env<'_>) -> Result<String, (&'static str, String)> {
    let name = name_of(inside);
    let rest = inside.get(name.len()..).unwrap_or_default();
    let set = || env(name).filter(|value| !value.is_empty());
    if !name.is_empty() && rest.is_empty() {
        return lookup(name, env);
    }
    if let (false, Some(default)) = (name.is_empty(), rest.strip_prefix(":-")) {
        if default.contains("${") {
            let message = format!("`${{{inside}}}` has another reference as its default");
            return Err((codes::BAD_VARIABLE, message));
        }
        return Ok(set().unwrap_or_else(|| default.to_owned()));
    }
    if let (false, Some(why)) = (name.is_empty(), rest.strip_prefix(":?")) {
        let message = || format!("environment variable `{name}` is not set: {why}");
        return set().ok_or_else(|| (codes::UNSET_VARIABLE, message()));
    }
    Err((codes::BAD_VARIABLE, format!("`${{{inside}}}` is no reference to an environment variable")))
}

fn lookup(name: &str, env: &Env<'_>) -> Result<String, (&'static str, String)> {
    env(name).ok_or_else(|| (codes::UNSET_VARIABLE, format!("environment variable `{name}` is not set")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "A" => Some("alpha".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn references_are_replaced() {
        for (text, expected) in [
            ("x: $A/y", "x: alpha/y"),
            ("${A}${A}", "alphaalpha"),
            ("${B:-def}", "def"),
            ("${A:-def}", "alpha"),
            ("${EMPTY:-def} [${EMPTY}]", "def []"),
            ("${A:?why}", "alpha"),
            ("cost $$5, $5, $", "cost $5, $5, $"),
            ("${B:-{\"a\": 1}}", "{\"a\": 1}"),
            ("no dollars, żółć", "no dollars, żółć"),
        ] {
            let expanded = expand(text, &env);
            assert_eq!((expanded.text.as_str(), expanded.bad.as_slice()), (expected, [].as_slice()), "{text}");
        }
    }

    #[test]
    fn a_reference_without_a_value_stays_and_is_reported() {
        let expanded = expand("ü $A ${NOT_SET} $B ${C:?set it} ${} ${x y} ${open", &env);
        let found: Vec<_> = expanded.bad.iter().map(|bad| (bad.code, bad.start, bad.end)).collect();
        assert_eq!(
            found,
            [
                (codes::UNSET_VARIABLE, 5, 15),
                (codes::UNSET_VARIABLE, 16, 18),
                (codes::UNSET_VARIABLE, 19, 31),
                (codes::BAD_VARIABLE, 32, 35),
                (codes::BAD_VARIABLE, 36, 42),
                (codes::BAD_VARIABLE, 43, 49)
            ]
        );
        assert!(expanded.text.starts_with("ü alpha ${NOT_SET} $B"));
        assert_eq!(expanded.bad[2].message, "environment variable `C` is not set: set it");
        assert_eq!(expanded.replacements, [Replacement { new_start: 2, new_end: 7, old_start: 2, old_end: 4 }]);
    }
}

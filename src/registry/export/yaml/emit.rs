//! YAML text from a tree: block style, flow style where asked, strings quoted whenever a reader could take them for
//! something else.
//!
//! Written by hand because the house style of a repo (fields in one line, SQL in blocks) is no style of the library's.

/// A YAML value.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// a string of the user's: environment references in it are made literal
    Text(String),
    /// a number, a flag, `null` or a duration: written as it is
    Plain(String),
    /// written in one line: `[a, b]`, `{name: x}`
    Flow(Box<Node>),
    /// a sequence
    List(Vec<Node>),
    /// a mapping, in this order
    Map(Vec<(String, Node)>),
}

impl Node {
    /// A string.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Something that needs no quotes.
    pub fn plain(value: impl std::fmt::Display) -> Self {
        Self::Plain(value.to_string())
    }

    /// The lines of the value, as it stands at the left margin.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Map(members) if !members.is_empty() => {
                members.iter().flat_map(|(key, value)| member(&key_text(key), value)).collect()
            }
            Self::List(items) if !items.is_empty() => items.iter().flat_map(item).collect(),
            scalar => vec![scalar.flow()],
        }
    }

    /// The value in one line.
    fn flow(&self) -> String {
        match self {
            Self::Text(text) => scalar(text, true),
            Self::Plain(text) => text.clone(),
            Self::Flow(inner) => inner.flow(),
            Self::List(items) => format!("[{}]", items.iter().map(Self::flow).collect::<Vec<_>>().join(", ")),
            Self::Map(members) => {
                let members: Vec<String> =
                    members.iter().map(|(key, value)| format!("{}: {}", key_text(key), value.flow())).collect();
                format!("{{{}}}", members.join(", "))
            }
        }
    }

    fn is_block(&self) -> bool {
        match self {
            Self::List(items) => !items.is_empty(),
            Self::Map(members) => !members.is_empty(),
            _ => false,
        }
    }
}

fn member(key: &str, value: &Node) -> Vec<String> {
    match value {
        Node::Text(text) if is_block_text(text) => block_text(&format!("{key}: "), text),
        Node::Text(text) => vec![format!("{key}: {}", scalar(text, false))],
        block if block.is_block() => {
            let mut lines = vec![format!("{key}:")];
            lines.extend(block.lines().iter().map(|line| indented(line)));
            lines
        }
        inline => vec![format!("{key}: {}", inline.flow())],
    }
}

fn item(value: &Node) -> Vec<String> {
    let lines = match value {
        Node::Text(text) if is_block_text(text) => return block_text("- ", text),
        Node::Text(text) => vec![scalar(text, false)],
        other => other.lines(),
    };
    let dashed = |(at, line): (usize, &String)| if at == 0 { format!("- {line}") } else { indented(line) };
    lines.iter().enumerate().map(dashed).collect()
}

fn indented(line: &str) -> String {
    if line.is_empty() { String::new() } else { format!("  {line}") }
}

/// A literal block: several lines that mean themselves. The last line break is kept or not as the text has it.
fn block_text(prefix: &str, text: &str) -> Vec<String> {
    let (header, body) = match text.strip_suffix('\n') {
        Some(body) => ("|", body),
        None => ("|-", text),
    };
    let mut lines = vec![format!("{prefix}{header}")];
    lines.extend(literal(body).split('\n').map(indented));
    lines
}

/// Whether a literal block says the text without loss: several lines, nothing at their ends or before the first that a
/// block would fold, and no character that only quotes can hold.
fn is_block_text(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    body.contains('\n')
        && !body.starts_with(char::is_whitespace)
        && !body.ends_with('\n')
        && body.split('\n').all(|line| !line.ends_with(char::is_whitespace))
        && body.chars().all(|c| c == '\n' || is_printable(c))
}

/// A string as a scalar: bare where that is safe, else in double quotes.
fn scalar(text: &str, in_flow: bool) -> String {
    if is_bare(text, in_flow) { text.to_owned() } else { quoted(&literal(text)) }
}

/// Keys are no strings of the user's that the environment is put into, so `$` stands for itself.
fn key_text(key: &str) -> String {
    if is_bare(key, true) { key.to_owned() } else { quoted(key) }
}

/// `$` begins an environment reference in every string of a repo; `$$` is the character.
fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

const WORDS_WITH_A_MEANING: [&str; 11] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"];

fn is_bare(text: &str, in_flow: bool) -> bool {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_-./ ()*+=<>%'@".contains(c) || (!in_flow && c == ',');
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '/')
        && text.chars().all(safe)
        && !text.ends_with(' ')
        && !WORDS_WITH_A_MEANING.contains(&text.to_ascii_lowercase().as_str())
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if is_printable(c) => quoted.push(c),
            c => quoted.push_str(&escape(u32::from(c))),
        }
    }
    quoted.push('"');
    quoted
}

fn escape(code: u32) -> String {
    match code {
        0..=0xff => format!("\\x{code:02x}"),
        0x100..=0xffff => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    }
}

/// Printable in YAML's sense and not a line break of Unicode's.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
        && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> serde_yaml::Value {
        serde_yaml::from_str(text).unwrap_or_else(|e| panic!("{e}:\n{text}"))
    }

    #[test]
    fn every_string_is_read_back_as_it_was() {
        let hard = [
            "",
            " ",
            "null",
            "True",
            "1",
            "1e3",
            ".5",
            "~",
            "-",
            "- a",
            "a: b",
            "a #b",
            "#a",
            "'a'",
            "\"a\"",
            "[a]",
            "{a}",
            "a,b",
            "&a",
            "*a",
            "!a",
            "%a",
            "@a",
            "`a`",
            "|",
            ">",
            "a\nb",
            "a\nb\n",
            "a\n\nb\n\n",
            " a\nb",
            "a \nb",
            "a\tb",
            "\tb\nc",
            "a\r\nb",
            "\u{0}\u{7}\u{1b}\u{7f}\u{85}\u{2028}\u{feff}",
            "\u{1f600} é",
            "---",
            "...",
            "=",
            "<<",
            "SELECT a,\n       b -- c\nFROM source\n",
            "? a",
            "a:",
            "no",
            "0x1F",
            "2026-11-22",
            "trailing ",
            "a'b",
            "x\n# y",
        ];
        for text in hard {
            for node in [
                Node::Map(vec![("k".to_owned(), Node::text(text))]),
                Node::Flow(Box::new(Node::Map(vec![("k".to_owned(), Node::text(text))]))),
                Node::Map(vec![("k".to_owned(), Node::List(vec![Node::text(text)]))]),
                Node::List(vec![Node::Map(vec![("a".to_owned(), Node::plain(1)), ("k".to_owned(), Node::text(text))])]),
            ] {
                let written = node.lines().join("\n") + "\n";
                let value = read(&written);
                let found = value.get("k").or_else(|| value.get(0)?.get("k")).unwrap();
                let found = found.get(0).unwrap_or(found).as_str();
                assert_eq!(found, Some(text), "{written}");
            }
        }
    }

    #[test]
    fn keys_are_read_back_as_they_were() {
        for key in ["a b", "1", "null", "a: b", "", "x,y", "$HOME", "é"] {
            let node = Node::Map(vec![(
                key.to_owned(),
                Node::Flow(Box::new(Node::Map(vec![(key.to_owned(), Node::plain(1))]))),
            )]);
            let value = read(&node.lines().join("\n"));
            let inner = value.as_mapping().and_then(|map| map.get(serde_yaml::Value::from(key))).unwrap();
            assert!(inner.as_mapping().is_some_and(|map| map.contains_key(serde_yaml::Value::from(key))), "{key}");
        }
    }

    #[test]
    fn a_dollar_is_doubled_in_values() {
        assert_eq!(Node::text("${HOME}/x").lines(), ["\"$${HOME}/x\""]);
        assert_eq!(Node::Map(vec![("k".to_owned(), Node::text("a\n$b"))]).lines(), ["k: |-", "  a", "  $$b"]);
    }
}

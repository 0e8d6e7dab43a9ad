//! YAML text with positions: `serde_yaml` reads the values, `saphyr-parser` tells where they were written.
//!
//! The positions are a tree of their own in which an alias points to the node it names, so nothing is expanded there:
//! it also measures what expansion would cost before `serde_yaml` does it.

use saphyr_parser::{Event, Parser, Span};
use serde::Deserialize;
use serde_yaml::{Deserializer, Mapping, Value};

use super::codes;

/// Longest file, in bytes.
pub(super) const MAX_BYTES: usize = 4 << 20;
/// Deepest nesting of lists and mappings.
const MAX_DEPTH: usize = 64;
/// Most nodes of a document once every alias stands for what it names.
const MAX_NODES: usize = 1_000_000;

/// A text that cannot be used, at characters `start..end`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct YamlError {
    pub code: &'static str,
    pub message: String,
    pub note: Option<String>,
    pub start: usize,
    pub end: usize,
}

impl YamlError {
    fn new(code: &'static str, message: impl Into<String>, start: usize, end: usize) -> Self {
        Self { code, message: message.into(), note: None, start, end }
    }
}

/// One document of a file.
#[derive(Debug)]
pub(super) struct Document {
    /// what it says, merges done
    pub value: Value,
    positions: Positions,
}

/// Where every node of a document was written.
#[derive(Debug, Default)]
struct Positions {
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    /// characters of the file
    start: usize,
    end: usize,
    shape: Shape,
    /// nodes below, itself included, aliases expanded
    size: usize,
}

#[derive(Debug)]
enum Shape {
    Scalar(String),
    List(Vec<usize>),
    Map(Vec<(usize, usize)>),
    Alias(usize),
}

/// Reads all documents of a file.
///
/// # Errors
/// Text that is not YAML, a key given twice, an alias that contains itself, and a document that is too deep or too large.
pub(super) fn parse(text: &str) -> Result<Vec<Document>, YamlError> {
    let mut positions = positions(text)?.into_iter();
    let mut documents = Vec::new();
    for document in Deserializer::from_str(text) {
        let value = Value::deserialize(document).map_err(|error| value_error(&error, text))?;
        let positions = positions.next().unwrap_or_default();
        let value = merged(value).map_err(|message| {
            YamlError::new(codes::WRONG_SHAPE, message, positions.root_start(), positions.root_start() + 1)
        })?;
        documents.push(Document { value, positions });
    }
    Ok(documents)
}

/// `serde_yaml`'s own words, where the positions found nothing to say.
fn value_error(error: &serde_yaml::Error, text: &str) -> YamlError {
    let byte = error.location().map_or(0, |location| location.index()).min(text.len());
    let start = text.char_indices().take_while(|(at, _)| *at < byte).count();
    YamlError::new(codes::SYNTAX, format!("cannot read the YAML: {error}"), start, start + 1)
}

/// The value with every `<<` replaced by the entries it brings, own entries first and in their order.
fn merged(value: Value) -> Result<Value, String> {
    match value {
        Value::Sequence(items) => items.into_iter().map(merged).collect::<Result<_, _>>().map(Value::Sequence),
        Value::Mapping(entries) => merged_mapping(entries).map(Value::Mapping),
        Value::Tagged(tagged) => merged(tagged.value),
        scalar => Ok(scalar),
    }
}

fn merged_mapping(entries: Mapping) -> Result<Mapping, String> {
    let (mut own, mut merges) = (Mapping::new(), Vec::new());
    for (key, value) in entries {
        match (key.as_str(), merged(value)?) {
            (Some("<<"), Value::Sequence(items)) => merges.extend(items),
            (Some("<<"), other) => merges.push(other),
            (_, value) => {
                own.insert(key, value);
            }
        }
    }
    for merge in merges {
        let Value::Mapping(entries) = merge else {
            return Err("`<<` merges a mapping or a list of mappings".to_owned());
        };
        for (key, value) in entries {
            if !own.contains_key(&key) {
                own.insert(key, value);
            }
        }
    }
    Ok(own)
}

/// The positions of every document.
fn positions(text: &str) -> Result<Vec<Positions>, YamlError> {
    let mut documents = Vec::new();
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let at = error.marker().index();
            YamlError::new(codes::SYNTAX, format!("the file is not YAML: {}", error.info()), at, at + 1)
        })?;
        match event {
            Event::DocumentStart(_) => builder = Builder::default(),
            Event::DocumentEnd => documents.push(Positions { nodes: std::mem::take(&mut builder.nodes) }),
            event => builder.take(&event, span)?,
        }
    }
    Ok(documents)
}

/// Builds one document's tree from events.
#[derive(Default)]
struct Builder {
    nodes: Vec<Node>,
    /// open lists and mappings, with the key that waits for its value
    open: Vec<(usize, Option<usize>)>,
    /// anchor -> node
    anchors: std::collections::HashMap<usize, usize>,
}

impl Builder {
    fn take(&mut self, event: &Event<'_>, span: Span) -> Result<(), YamlError> {
        match event {
            Event::Scalar(text, _, anchor, _) => {
                let id = self.add(Shape::Scalar(text.to_string()), span, *anchor);
                self.attach(id)
            }
            Event::SequenceStart(anchor, _) => self.begin(Shape::List(Vec::new()), span, *anchor),
            Event::MappingStart(anchor, _) => self.begin(Shape::Map(Vec::new()), span, *anchor),
            Event::SequenceEnd | Event::MappingEnd => self.finish(span),
            Event::Alias(anchor) => self.alias(*anchor, span),
            _ => Ok(()),
        }
    }

    fn add(&mut self, shape: Shape, span: Span, anchor: usize) -> usize {
        let id = self.nodes.len();
        self.nodes.push(Node { start: span.start.index(), end: span.end.index(), shape, size: 1 });
        if anchor > 0 {
            self.anchors.insert(anchor, id);
        }
        id
    }

    fn begin(&mut self, shape: Shape, span: Span, anchor: usize) -> Result<(), YamlError> {
        let id = self.add(shape, span, anchor);
        if self.open.len() >= MAX_DEPTH {
            return Err(self.refuse(id, format!("the file is nested more than {MAX_DEPTH} levels deep")));
        }
        self.open.push((id, None));
        Ok(())
    }

    fn finish(&mut self, span: Span) -> Result<(), YamlError> {
        let Some((id, _)) = self.open.pop() else { return Ok(()) };
        if let Some(node) = self.nodes.get_mut(id) {
            node.end = span.end.index().max(node.start);
        }
        self.attach(id)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), YamlError> {
        let target = self.anchors.get(&anchor).copied().unwrap_or_default();
        let id = self.add(Shape::Alias(target), span, 0);
        if self.open.iter().any(|(open, _)| *open == target) {
            return Err(self.refuse(id, "an alias stands inside what it names".to_owned()));
        }
        let size = self.nodes.get(target).map_or(1, |node| node.size);
        if let Some(node) = self.nodes.get_mut(id) {
            node.size = size;
        }
        self.attach(id)
    }

    /// Hangs a finished node below the innermost open one.
    fn attach(&mut self, id: usize) -> Result<(), YamlError> {
        let size = self.nodes.get(id).map_or(1, |node| node.size);
        let Some((parent, key)) = self.open.last_mut() else { return Ok(()) };
        let (parent, waiting) = (*parent, key.take());
        let Some(node) = self.nodes.get_mut(parent) else { return Ok(()) };
        node.size = node.size.saturating_add(size);
        let grown = node.size > MAX_NODES;
        match (&mut node.shape, waiting) {
            (Shape::List(items), _) => items.push(id),
            (Shape::Map(entries), Some(key)) => entries.push((key, id)),
            (Shape::Map(_), None) => self.wait(parent, id)?,
            _ => {}
        }
        if grown {
            return Err(self.refuse(id, format!("the file has more than {MAX_NODES} nodes when aliases are expanded")));
        }
        Ok(())
    }

    /// Keeps a key until its value comes, and refuses one that was there before.
    fn wait(&mut self, parent: usize, key: usize) -> Result<(), YamlError> {
        if let Some((_, waiting)) = self.open.last_mut() {
            *waiting = Some(key);
        }
        let (Some(Shape::Map(entries)), Some(text)) =
            (self.nodes.get(parent).map(|node| &node.shape), self.scalar(key))
        else {
            return Ok(());
        };
        // mappings of a definition are short; a long one would make this quadratic, so only recent keys are compared
        // here and `serde_yaml` finds the rest
        let Some(first) = entries.iter().rev().take(1_000).find(|(other, _)| self.scalar(*other) == Some(text)) else {
            return Ok(());
        };
        let first = self.nodes.get(first.0).map_or(0, |node| node.start);
        let (start, end) = self.nodes.get(key).map_or((0, 1), |node| (node.start, node.end));
        let mut error = YamlError::new(codes::DUPLICATE_KEY, format!("`{text}` is given twice"), start, end);
        error.note = Some(first.to_string());
        Err(error)
    }

    fn scalar(&self, id: usize) -> Option<&str> {
        match &self.nodes.get(id)?.shape {
            Shape::Scalar(text) => Some(text),
            _ => None,
        }
    }

    fn refuse(&self, id: usize, message: String) -> YamlError {
        let start = self.nodes.get(id).map_or(0, |node| node.start);
        YamlError::new(codes::TOO_LARGE, message, start, start + 1)
    }
}

impl Positions {
    fn root_start(&self) -> usize {
        self.nodes.first().map_or(0, |node| node.start)
    }

    /// The node itself, or what its alias names.
    fn named(&self, id: usize) -> Option<&Node> {
        match self.nodes.get(id)? {
            Node { shape: Shape::Alias(target), .. } => self.nodes.get(*target),
            node => Some(node),
        }
    }

    /// The key and the value of an entry, looked for in merged mappings too.
    fn entry(&self, map: usize, key: &str) -> Option<(usize, usize)> {
        let Shape::Map(entries) = &self.named(map)?.shape else { return None };
        let is = |id: usize, text: &str| matches!(&self.named(id).map(|node| &node.shape), Some(Shape::Scalar(s)) if s == text);
        if let Some(entry) = entries.iter().find(|(name, _)| is(*name, key)) {
            return Some(*entry);
        }
        entries.iter().filter(|(name, _)| is(*name, "<<")).find_map(|(_, merge)| match &self.named(*merge)?.shape {
            Shape::List(merges) => merges.iter().find_map(|merge| self.entry(*merge, key)),
            _ => self.entry(*merge, key),
        })
    }

    fn item(&self, list: usize, index: usize) -> Option<usize> {
        match &self.named(list)?.shape {
            Shape::List(items) => items.get(index).copied(),
            _ => None,
        }
    }

    fn span(&self, id: usize) -> (usize, usize) {
        self.nodes.get(id).map_or((0, 0), |node| (node.start, node.end))
    }
}

/// A value and where it was written.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    document: &'a Document,
    value: &'a Value,
    node: usize,
    key: Option<usize>,
}

impl Document {
    /// The whole document.
    pub(super) fn root(&self) -> Cursor<'_> {
        Cursor { document: self, value: &self.value, node: 0, key: None }
    }
}

impl<'a> Cursor<'a> {
    /// What is written here.
    pub(super) fn value(self) -> &'a Value {
        self.value
    }

    /// First and one past the last character of the value.
    pub(super) fn span(self) -> (usize, usize) {
        self.document.positions.span(self.node)
    }

    /// First and one past the last character of the key before the value; of the value where there is none.
    pub(super) fn key_span(self) -> (usize, usize) {
        self.document.positions.span(self.key.unwrap_or(self.node))
    }

    /// The entries of a mapping, merged ones included, in order; nothing for another value.
    pub(super) fn entries(self) -> impl Iterator<Item = (String, Cursor<'a>)> {
        self.value.as_mapping().into_iter().flatten().map(move |(key, value)| {
            let key = key_text(key);
            let (name, node) = match self.document.positions.entry(self.node, &key) {
                Some((name, node)) => (Some(name), node),
                None => (None, self.node),
            };
            (key, Cursor { value, node, key: name, ..self })
        })
    }

    /// The items of a list; nothing for another value.
    pub(super) fn items(self) -> impl Iterator<Item = Cursor<'a>> {
        self.value.as_sequence().into_iter().flatten().enumerate().map(move |(index, value)| {
            let node = self.document.positions.item(self.node, index).unwrap_or(self.node);
            Cursor { value, node, key: None, ..self }
        })
    }
}

/// A key as text: numbers and flags as YAML writes them.
pub(super) fn key_text(key: &Value) -> String {
    match key {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
#[path = "yaml_tests.rs"]
mod tests;

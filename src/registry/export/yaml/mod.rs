//! Definitions as the YAML of a feature repo.

mod emit;
mod sources;
mod views;

use emit::Node;

use super::omit::{Language, Omitted, source_reason};
use crate::model::{Definitions, Entity, Field, Project, Span, Tags, ValueType};

const HEADER: &str = "# feast-rs definitions, written by `feast-rs registry export`.\n";

/// Definitions that load back to the same objects: one document with only what differs from the defaults, in the order
/// of `definitions`.
///
/// A source that the project has under its name is referred to by name; any other is written where it is used. Objects
/// that only Python can run, and what is built on them, are comments that say so.
#[must_use]
pub fn yaml(definitions: &Definitions) -> String {
    let omitted = Omitted::of(definitions, Language::Yaml);
    let mut text = HEADER.to_owned();
    section(&mut text, "projects", project(&definitions.project).into_iter().map(Entry::of).collect());
    section(&mut text, "entities", definitions.entities.iter().map(|entity| Entry::of(self::entity(entity))).collect());
    section(&mut text, "data_sources", sources(definitions));
    for (key, entries) in views::sections(definitions, &omitted) {
        section(&mut text, key, entries);
    }
    text
}

/// One object of a section: written, or a comment with the reason why not.
struct Entry {
    node: Option<Node>,
    reason: Option<String>,
}

impl Entry {
    fn of(node: Node) -> Self {
        Self { node: Some(node), reason: None }
    }

    fn unless(reason: Option<String>, node: Node) -> Self {
        Self { node: Some(node), reason }
    }
}

fn section(text: &mut String, key: &str, entries: Vec<Entry>) {
    if entries.is_empty() {
        return;
    }
    let lead = if entries.iter().all(|entry| entry.reason.is_some()) { "# " } else { "" };
    let mut lines = vec![String::new(), format!("{lead}{key}:")];
    for entry in entries {
        let object = entry.node.map_or_else(Vec::new, |node| Node::List(vec![node]).lines());
        let lead = if entry.reason.is_some() { "# " } else { "" };
        lines.extend(entry.reason.map(|reason| format!("  # left out: {}", one_line(&reason))));
        lines.extend(object.iter().map(|line| format!("  {lead}{line}").trim_end().to_owned()));
    }
    lines.push(String::new());
    text.push_str(&lines.join("\n"));
}

/// Text for a comment: some readers take these two for line breaks too.
fn one_line(text: &str) -> String {
    text.replace(|c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}', " ")
}

fn sources(definitions: &Definitions) -> Vec<Entry> {
    let entry = |source| match source_reason(source) {
        Some(reason) => Entry { node: None, reason: Some(reason) },
        None => Entry::of(sources::inline(definitions, source)),
    };
    definitions.data_sources.iter().map(entry).collect()
}

/// Members of a mapping, each written only if it says something.
#[derive(Default)]
struct Members(Vec<(String, Node)>);

impl Members {
    fn put(&mut self, key: &str, value: Node) {
        self.0.push((key.to_owned(), value));
    }

    fn text(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.put(key, Node::text(value));
        }
    }

    fn optional(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.put(key, Node::text(value));
        }
    }

    fn flag(&mut self, key: &str, value: bool, default: bool) {
        if value != default {
            self.put(key, Node::plain(value));
        }
    }

    fn span(&mut self, key: &str, value: Option<Span>) {
        if let Some(value) = value {
            self.put(key, Node::plain(value));
        }
    }

    fn list(&mut self, key: &str, values: Vec<Node>) {
        if !values.is_empty() {
            self.put(key, Node::List(values));
        }
    }

    fn names(&mut self, key: &str, values: &[String]) {
        if !values.is_empty() {
            self.put(key, names(values));
        }
    }

    fn map(&mut self, key: &str, values: &Tags) {
        if !values.is_empty() {
            self.put(key, Node::Map(values.iter().map(|(k, v)| (k.clone(), Node::text(v))).collect()));
        }
    }

    /// `description`, `tags` and `owner`, which nearly every object has.
    fn labels(&mut self, description: &str, tags: &Tags, owner: &str) {
        self.text("description", description);
        self.map("tags", tags);
        self.text("owner", owner);
    }

    fn into_node(self) -> Node {
        Node::Map(self.0)
    }
}

fn names(values: &[String]) -> Node {
    Node::Flow(Box::new(Node::List(values.iter().map(Node::text).collect())))
}

/// A project that says no more than its name is what `feature_store.yaml` means anyway.
fn project(project: &Project) -> Option<Node> {
    if project.description.is_empty() && project.tags.is_empty() && project.owner.is_empty() {
        return None;
    }
    let mut members = Members::default();
    members.put("name", Node::text(&project.name));
    members.labels(&project.description, &project.tags, &project.owner);
    Some(members.into_node())
}

fn entity(entity: &Entity) -> Node {
    let mut members = Members::default();
    members.put("name", Node::text(&entity.name));
    if entity.join_key != entity.name {
        members.names("join_keys", std::slice::from_ref(&entity.join_key));
    }
    if entity.value_type != ValueType::Unknown {
        members.put("value_type", Node::plain(entity.value_type));
    }
    members.labels(&entity.description, &entity.tags, &entity.owner);
    members.into_node()
}

fn field(field: &Field) -> Node {
    let mut members = Members::default();
    members.put("name", Node::text(&field.name));
    members.put("dtype", Node::text(field.dtype.to_string()));
    members.text("description", &field.description);
    members.map("tags", &field.tags);
    members.flag("vector_index", field.vector_index, false);
    if field.vector_length != 0 {
        members.put("vector_length", Node::plain(field.vector_length));
    }
    members.text("vector_search_metric", &field.vector_search_metric);
    Node::Flow(Box::new(members.into_node()))
}

fn fields<'a>(list: impl IntoIterator<Item = &'a Field>) -> Vec<Node> {
    list.into_iter().map(field).collect()
}

#[cfg(test)]
mod tests;

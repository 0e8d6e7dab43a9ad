//! The keys of objects that columns take.

use std::collections::HashMap;

use super::kind::JsonColumn;

/// A key at one level of nesting.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub name: Box<str>,
    /// the column that takes the value
    pub column: Option<usize>,
    /// the level below, where columns reach into the value
    pub level: Option<usize>,
}

/// All keys: those of the record itself are level 0.
#[derive(Clone, Debug)]
pub(super) struct Names {
    nodes: Vec<Node>,
    /// name -> node
    levels: Vec<HashMap<Box<str>, usize, foldhash::fast::FixedState>>,
}

/// Which key came after which in the last record: in most streams it does so again.
#[derive(Clone, Debug)]
pub(super) struct Habit {
    /// by the key before; the first keys of levels come after all keys
    next: Vec<usize>,
}

impl Names {
    pub(super) fn new(columns: &[JsonColumn]) -> Self {
        let mut names = Self { nodes: Vec::new(), levels: vec![HashMap::default()] };
        for (position, column) in columns.iter().enumerate() {
            names.add(0, &column.name, position);
            names.add_nested(&column.name, position);
        }
        for (position, column) in columns.iter().enumerate() {
            for alias in &column.aliases {
                names.add(0, alias, position);
                names.add_nested(alias, position);
            }
        }
        names
    }

    /// `a.b.c` is `c` in `b` in `a`, as well as a key that is called so.
    fn add_nested(&mut self, name: &str, column: usize) {
        let mut level = 0;
        let mut rest = name;
        while let Some((outer, inner)) =
            rest.split_once('.').filter(|(outer, inner)| !outer.is_empty() && !inner.is_empty())
        {
            let node = self.node(level, outer);
            let known = self.nodes.get(node).and_then(|node| node.level);
            level = known.unwrap_or(self.levels.len());
            if known.is_none() {
                self.levels.push(HashMap::default());
            }
            if let Some(node) = self.nodes.get_mut(node) {
                node.level = Some(level);
            }
            rest = inner;
        }
        if level > 0 {
            self.add(level, rest, column);
        }
    }

    /// The first column that wants a key has it.
    fn add(&mut self, level: usize, name: &str, column: usize) {
        let node = self.node(level, name);
        if let Some(node) = self.nodes.get_mut(node) {
            node.column.get_or_insert(column);
        }
    }

    fn node(&mut self, level: usize, name: &str) -> usize {
        let fresh = self.nodes.len();
        let Some(level) = self.levels.get_mut(level) else { return fresh };
        let node = *level.entry(name.into()).or_insert(fresh);
        if node == fresh {
            self.nodes.push(Node { name: name.into(), column: None, level: None });
        }
        node
    }

    pub(super) fn habit(&self) -> Habit {
        Habit { next: vec![usize::MAX; self.nodes.len() + self.levels.len()] }
    }

    /// What stands for "before the first key" of a level.
    pub(super) fn start(&self, level: usize) -> usize {
        self.nodes.len() + level
    }

    /// The node of a key that comes after the node `before`, if a column takes it.
    pub(super) fn find(&self, level: usize, before: usize, key: &str, habit: &mut Habit) -> Option<(usize, &Node)> {
        let expected = habit.next.get(before).copied().unwrap_or(usize::MAX);
        if let Some(node) = self.nodes.get(expected)
            && *node.name == *key
        {
            return Some((expected, node));
        }
        let found = *self.levels.get(level)?.get(key)?;
        if let Some(next) = habit.next.get_mut(before) {
            *next = found;
        }
        self.nodes.get(found).map(|node| (found, node))
    }
}

//! What is wrong with a transformation, and where in its text.

/// The part of a transformation that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// the expression of that feature
    Expression(String),
    /// the filter
    Filter,
    /// the SELECT
    Sql,
}

/// A place inside the text of one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// from 1
    pub line: usize,
    /// from 1, in characters
    pub column: usize,
    /// characters
    pub length: usize,
}

/// A transformation that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TransformError {
    /// which part
    pub part: Part,
    /// what is wrong, in one line
    pub message: String,
    /// where in the text of that part; `None`: all of it
    pub position: Option<Position>,
    /// the cure, where one is known
    pub hint: Option<String>,
}

impl TransformError {
    pub(super) fn new(part: &Part, message: impl Into<String>) -> Self {
        Self { part: part.clone(), message: message.into(), position: None, hint: None }
    }

    pub(super) fn at(self, position: Option<Position>) -> Self {
        Self { position, ..self }
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

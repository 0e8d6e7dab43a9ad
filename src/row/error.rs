//! What fails on the way to rows: a whole column ([`RowError`]) or single rows ([`Refusal`]).

use std::fmt;

/// A batch that cannot become rows at all.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// a join key whose type has no bytes in Feast's entity keys
    #[error("join key `{join_key}` is {value_type}, which cannot be part of an entity key")]
    KeyType {
        /// name of the join key
        join_key: String,
        /// name of its type
        value_type: String,
    },
    /// an Arrow column that cannot hold values of the declared type
    #[error("column `{column}` cannot be stored as declared: {reason}")]
    Column {
        /// name of the column
        column: String,
        /// why, for a human
        reason: String,
        /// whether `--cast lossy` would accept it
        lossy_helps: bool,
    },
    /// columns that do not belong together
    #[error("the columns of view `{view}` do not fit together: {reason}")]
    Shape {
        /// name of the view
        view: String,
        /// which and how
        reason: String,
    },
    /// entity keys in which two join keys have one name
    #[error("join key `{0}` is given twice")]
    DuplicateJoinKey(String),
    /// a number that version 1 of the entity keys has no room for
    #[error("`{0}` does not fit the 32 bits of entity keys of version 1")]
    KeyRange(i64),
    /// bytes that are no entity key of version 3
    #[error("damaged entity key: {0}")]
    DamagedKey(&'static str),
}

impl RowError {
    /// The cure, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::KeyType { .. } => {
                Some("declare the entity as INT64, INT32, STRING, BYTES or UNIX_TIMESTAMP".to_owned())
            }
            Self::Column { lossy_helps: true, .. } => {
                Some("change the declared type, or pass `--cast lossy` to convert as Feast does".to_owned())
            }
            Self::Column { .. } => Some("change the declared type".to_owned()),
            Self::KeyRange(_) => Some("set `entity_key_serialization_version: 3`".to_owned()),
            Self::Shape { .. } | Self::DuplicateJoinKey(_) | Self::DamagedKey(_) => None,
        }
    }
}

/// One row that is not written, and why.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Refusal {
    /// position in the batch it came in
    pub row: usize,
    /// the column at fault
    pub column: String,
    /// the value, as text
    pub value: String,
    /// why it is refused
    pub reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}, column `{}`, value `{}`: {}", self.row, self.column, self.value, self.reason)
    }
}

//! Entities: what features are about.

use super::{Tags, ValueType};

/// The entity that Feast registers for views without entities.
pub const DUMMY_ENTITY: &str = "__dummy";
/// Its join key.
pub const DUMMY_JOIN_KEY: &str = "__dummy_id";
/// The one value of its join key.
pub const DUMMY_VALUE: &str = "";

/// `feast.Entity`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// unique in the project
    pub name: String,
    /// the one column that identifies it
    pub join_key: String,
    /// type of the join key; `Unknown` is inferred, per view, from the batch source
    pub value_type: ValueType,
    /// free text
    pub description: String,
    /// labels
    pub tags: Tags,
    /// who answers for it
    pub owner: String,
}

impl Entity {
    /// The entity of views without entities, as Feast registers it.
    #[must_use]
    pub fn dummy() -> Self {
        Self {
            name: DUMMY_ENTITY.to_owned(),
            join_key: DUMMY_JOIN_KEY.to_owned(),
            value_type: ValueType::Unknown,
            description: String::new(),
            tags: Tags::new(),
            owner: String::new(),
        }
    }
}

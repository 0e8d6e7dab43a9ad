//! A column of a view's schema.

use super::{DataType, Tags};

/// `feast.Field`
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// column and feature name
    pub name: String,
    /// declared (or inferred) type
    pub dtype: DataType,
    /// free text
    pub description: String,
    /// labels; the tags in which Feast keeps a struct's schema and a nested type are made from `dtype`, not kept here
    pub tags: Tags,
    /// indexed for vector search (registered only)
    pub vector_index: bool,
    /// dimensions of the vector (registered only)
    pub vector_length: i32,
    /// metric of the vector search (registered only)
    pub vector_search_metric: String,
}

impl Field {
    /// A field with nothing but a name and a type.
    pub fn new(name: impl Into<String>, dtype: DataType) -> Self {
        Self {
            name: name.into(),
            dtype,
            description: String::new(),
            tags: Tags::new(),
            vector_index: false,
            vector_length: 0,
            vector_search_metric: String::new(),
        }
    }
}

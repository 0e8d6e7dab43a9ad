//! What rows of one view consist of.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};

use super::RowError;
use crate::model::{DUMMY_JOIN_KEY, DUMMY_VALUE, DataType, FeatureView, Field, ValueType};

/// One part of an entity key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinKey {
    /// column name
    pub name: String,
    /// type of its bytes
    pub value_type: ValueType,
}

/// What rows of one view consist of: join keys in the order of their bytes, and features.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewLayout {
    /// name of the view
    pub view: String,
    /// sorted by name, as they stand in an entity key
    pub join_keys: Vec<JoinKey>,
    /// in declared order
    pub features: Vec<Field>,
    /// `entity_key_serialization_version`
    pub key_version: u32,
}

impl ViewLayout {
    /// The layout of a view whose types are known.
    ///
    /// # Errors
    /// `KeyType` for a join key that cannot be one, `DuplicateJoinKey`.
    pub fn of(view: &FeatureView, key_version: u32) -> Result<Self, RowError> {
        let mut join_keys: Vec<JoinKey> = view
            .entity_columns
            .iter()
            .map(|column| JoinKey { name: column.name.clone(), value_type: column.dtype.value_type() })
            .collect();
        join_keys.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some(key) = join_keys.iter().find(|key| !key.value_type.is_key()) {
            return Err(RowError::KeyType { join_key: key.name.clone(), value_type: key.value_type.name().to_owned() });
        }
        if let Some(pair) = join_keys.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(RowError::DuplicateJoinKey(pair[0].name.clone()));
        }
        Ok(Self { view: view.name.clone(), join_keys, features: view.features.clone(), key_version })
    }

    /// The join key column of a view without entities: `rows` times the one value of Feast's dummy entity. `None` for a
    /// view with entities.
    #[must_use]
    pub fn dummy_column(&self, rows: usize) -> Option<ArrayRef> {
        let is_dummy = matches!(&self.join_keys[..], [key] if key.name == DUMMY_JOIN_KEY);
        is_dummy.then(|| Arc::new(StringArray::from(vec![DUMMY_VALUE; rows])) as ArrayRef)
    }

    /// Position of a feature.
    #[must_use]
    pub fn feature(&self, name: &str) -> Option<usize> {
        self.features.iter().position(|field| field.name == name)
    }

    /// Whether every feature is one number, text or flag: then the online table needs no `rowid`.
    #[must_use]
    pub fn scalars_only(&self) -> bool {
        self.features.iter().map(|field| &field.dtype).all(DataType::is_scalar)
    }
}

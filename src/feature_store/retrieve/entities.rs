//! The entities of a request, checked against the views that it reads.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::response::{FeatureVector, FieldStatus, OnlineResponse};
use crate::error::Error;
use crate::feature_store::references::{Lookup, Resolved};
use crate::model::{DUMMY_JOIN_KEY, Definitions, ValueType};
use crate::row::{KeyValue, Keys, encode_key};

/// What must come with a request.
#[derive(Debug)]
pub(super) struct Wanted {
    /// join keys by the name they have in the request
    keys: BTreeMap<String, ValueType>,
    /// name of an entity -> its join key
    entity_names: BTreeMap<String, String>,
    /// request value -> the on-demand view that needs it
    values: BTreeMap<String, String>,
    key_version: u32,
}

/// The entities of a request.
pub(super) struct Entities {
    columns: Vec<EntityColumn>,
    rows: usize,
    key_version: u32,
}

/// One column of a request; views without entities take any, which only say how many rows are asked for.
struct EntityColumn {
    name: String,
    /// the join key; empty where it is none
    values: Vec<KeyValue>,
    given: Vec<Json>,
    /// whether it stands in the answer
    shown: bool,
}

impl Wanted {
    pub fn of(definitions: &Definitions, resolved: &Resolved<'_>, key_version: u32) -> Result<Self, Error> {
        let keys = wanted_keys(&resolved.lookups)?;
        let entities = definitions.entities.iter().filter(|entity| keys.contains_key(&entity.join_key));
        let entity_names = entities.map(|entity| (entity.name.clone(), entity.join_key.clone())).collect();
        let values = resolved.request_values().into_iter();
        let values = values.map(|(name, view)| (name.to_owned(), view.to_owned())).collect();
        Ok(Self { keys, entity_names, values, key_version })
    }

    /// The column that a user means: a join key, a request value, or an entity, whose own name stands for its join key.
    fn column_name(&self, given: &str) -> Result<String, Error> {
        if self.keys.contains_key(given) || self.values.contains_key(given) {
            return Ok(given.to_owned());
        }
        if let Some(join_key) = self.entity_names.get(given) {
            return Ok(join_key.clone());
        }
        if self.keys.is_empty() && self.values.is_empty() {
            return Ok(given.to_owned());
        }
        let known = self.keys.keys().chain(self.values.keys()).map(String::as_str);
        Err(Error::not_found("join key of the requested features", given, known))
    }

    fn check_complete(&self, columns: &[EntityColumn]) -> Result<(), Error> {
        let is_missing = |name: &&String| columns.iter().all(|column| column.name != **name);
        if let Some(name) = self.keys.keys().find(is_missing) {
            return Err(Error::invalid(
                format!("no value was given for the join key `{name}`"),
                format!("add `-e {name}=...`"),
            ));
        }
        if let Some((name, view)) = self.values.iter().find(|(name, _)| is_missing(name)) {
            return Err(Error::invalid(
                format!("no value was given for `{name}`, which on-demand feature view `{view}` is computed from"),
                format!("add `-e {name}=...`"),
            ));
        }
        Ok(())
    }
}

impl Entities {
    pub fn of(wanted: &Wanted, given: &[(String, Vec<Json>)]) -> Result<Self, Error> {
        let mut columns: Vec<EntityColumn> = Vec::new();
        for (name, values) in given {
            let name = wanted.column_name(name)?;
            if columns.iter().any(|column| column.name == name) {
                return Err(Error::invalid(
                    format!("the join key `{name}` was given under two names"),
                    "an entity's own name stands for its join key: give one of them",
                ));
            }
            let is_value = wanted.values.contains_key(&name);
            columns.push(match wanted.keys.get(&name) {
                Some(value_type) => EntityColumn::key(name, *value_type, values)?,
                None => EntityColumn { name, values: Vec::new(), given: values.clone(), shown: !is_value },
            });
        }
        wanted.check_complete(&columns)?;
        let rows = given.first().map_or(1, |(_, values)| values.len());
        if given.iter().any(|(_, values)| values.len() != rows) {
            let counts: Vec<String> = given.iter().map(|(name, values)| format!("{name}: {}", values.len())).collect();
            return Err(Error::invalid(
                format!("the join keys have different numbers of values ({})", counts.join(", ")),
                "give each join key one value for each entity",
            ));
        }
        Ok(Self { columns, rows, key_version: wanted.key_version })
    }

    /// How many entities.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The values that were given under a name.
    pub fn given(&self, name: &str) -> Option<&[Json]> {
        self.columns.iter().find(|column| column.name == name).map(|column| column.given.as_slice())
    }

    /// The answer's first columns: the join keys as they were given, converted to their types. Request values are not part
    /// of an answer, as in Feast.
    pub fn columns(&self) -> OnlineResponse {
        let mut response = OnlineResponse::new();
        for column in self.columns.iter().filter(|column| column.shown) {
            let statuses = vec![FieldStatus::Present; self.rows];
            response.push(column.name.clone(), FeatureVector::timeless(column.given.clone(), statuses));
        }
        response
    }

    /// The entity keys of a view, in the order of the request: its join keys, and their names in the request.
    pub fn keys(&self, join_keys: &[(String, String)]) -> Result<Keys, Error> {
        let mut keys = Keys::default();
        for row in 0..self.rows {
            let mut pairs = Vec::new();
            for (join_key, name) in join_keys {
                let column = self.columns.iter().find(|column| column.name == *name);
                match column.and_then(|column| column.values.get(row)) {
                    Some(value) => pairs.push((join_key.as_str(), value.clone())),
                    None => pairs.push((join_key.as_str(), KeyValue::String(String::new()))),
                }
            }
            keys.push(&encode_key(self.key_version, &pairs)?);
        }
        Ok(keys)
    }
}

/// The join keys that the request must give, by the name they have there, with their types.
fn wanted_keys(lookups: &[Lookup]) -> Result<BTreeMap<String, ValueType>, Error> {
    let mut wanted: BTreeMap<String, ValueType> = BTreeMap::new();
    for lookup in lookups {
        for column in lookup.view.entity_columns.iter().filter(|column| column.name != DUMMY_JOIN_KEY) {
            let name = lookup.given_name(&column.name);
            let value_type = column.dtype.value_type();
            if *wanted.entry(name.to_owned()).or_insert(value_type) != value_type {
                return Err(Error::invalid(
                    format!("the requested views disagree on the type of the join key `{name}`"),
                    "ask for their features one view at a time",
                ));
            }
        }
    }
    Ok(wanted)
}

impl EntityColumn {
    fn key(name: String, value_type: ValueType, given: &[Json]) -> Result<Self, Error> {
        let mut values = Vec::with_capacity(given.len());
        for value in given {
            values.push(KeyValue::from_json(value, value_type).map_err(|reason| {
                Error::invalid(
                    format!("{value} is no value of the join key `{name}`: {reason}"),
                    format!("`{name}` is {value_type}"),
                )
            })?);
        }
        let given = values.iter().map(KeyValue::to_json).collect();
        Ok(Self { name, values, given, shown: true })
    }
}

//! `get-online-features`: the newest values of features, for entities.

use std::collections::BTreeMap;

use prost::Message;
use serde::Serialize;
use serde_json::Value as Json;

use super::FeatureStore;
use super::references::{FeatureSet, Lookup, output_names, resolve};
use crate::error::Error;
use crate::model::{DUMMY_JOIN_KEY, Definitions, Span, Timestamp, ValueType};
use crate::online::{OnlineReader, ReadRequest, SqliteReader, StoredValue};
use crate::proto::types::Value;
use crate::registry::Snapshot;
use crate::row::{KeyValue, Keys, encode_key, value_json};

/// What to read.
#[derive(Clone, Debug)]
pub struct OnlineRequest {
    /// which features
    pub features: FeatureSet,
    /// join key -> one value an entity; all of one length
    pub entities: Vec<(String, Vec<Json>)>,
    /// name each feature `view__feature`
    pub full_feature_names: bool,
}

/// Feast's answer: one column a name, one value an entity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OnlineResponse {
    /// the names of the columns
    pub metadata: ResponseMetadata,
    /// the columns, in the order of the names
    pub results: Vec<FeatureVector>,
}

/// The names of the columns: join keys, then features in the order of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResponseMetadata {
    /// one a column
    pub feature_names: Vec<String>,
}

/// One column of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FeatureVector {
    /// one an entity
    pub values: Vec<Json>,
    /// one an entity
    pub statuses: Vec<FieldStatus>,
    /// event time, or 1970 where there is none; whole seconds as Feast stores them
    pub event_timestamps: Vec<String>,
}

/// `feast.serving.FieldStatus`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FieldStatus {
    /// a stored value, null included
    Present,
    /// nothing is stored
    NotFound,
    /// older than the view's ttl
    OutsideMaxAge,
}

impl FeatureStore<'_> {
    /// The newest value of every requested feature, for every entity of the request, in its order.
    ///
    /// # Errors
    /// Unknown views, features, services and join keys; missing join keys; values that do not fit the key's type.
    pub fn get_online_features(&self, request: &OnlineRequest, now: Timestamp) -> Result<OnlineResponse, Error> {
        let snapshot = self.snapshot()?;
        let lookups = resolve(&snapshot.definitions, &request.features)?;
        let names = output_names(&lookups, request.full_feature_names)?;
        let entities = Entities::of(&snapshot.definitions, &lookups, &request.entities)?;
        let mut reader = self.online_to_read()?;
        let mut response = entities.columns();
        let mut results = BTreeMap::new();
        for lookup in &lookups {
            let keys = entities.keys(lookup, self.settings.entity_key_serialization_version)?;
            let columns = self.read(&mut reader, &snapshot, lookup, &keys, now)?;
            results.extend(lookup.features.iter().map(|feature| feature.place).zip(columns));
        }
        for (name, column) in names.into_iter().zip(results.into_values()) {
            response.push(name, column);
        }
        Ok(response)
    }

    /// The columns of the features of one view.
    fn read(
        &self,
        reader: &mut SqliteReader,
        snapshot: &Snapshot,
        lookup: &Lookup,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<Vec<FeatureVector>, Error> {
        let ttl = lookup.view.ttl.filter(|ttl| self.settings.feast_rs.ttl_on_read && *ttl > Span::ZERO);
        let oldest = ttl.map(|ttl| now.saturating_sub(ttl));
        let table = self.table_of(snapshot, &lookup.view.name);
        let features: Vec<&str> = lookup.features.iter().map(|feature| feature.name.as_str()).collect();
        let answers = reader.read(&[ReadRequest { table: &table, keys, features: &features }])?;
        let mut columns = vec![FeatureVector::default(); features.len()];
        for row in answers.iter().flat_map(|answers| answers.chunks(features.len())) {
            let row_time = row.iter().flatten().map(|stored| stored.event).max();
            for (cell, column) in row.iter().zip(&mut columns) {
                column.push(cell.as_ref(), row_time, oldest)?;
            }
        }
        Ok(columns)
    }
}

impl OnlineResponse {
    fn push(&mut self, name: String, column: FeatureVector) {
        self.metadata.feature_names.push(name);
        self.results.push(column);
    }
}

impl FeatureVector {
    /// Adds the value of one entity. `row_time` is the newest event time among the entity's features.
    fn push(
        &mut self,
        cell: Option<&StoredValue>,
        row_time: Option<Timestamp>,
        oldest: Option<Timestamp>,
    ) -> Result<(), Error> {
        let (value, status, time) = match cell {
            None => (Json::Null, FieldStatus::NotFound, row_time),
            Some(stored) if oldest.is_some_and(|oldest| stored.event < oldest) => {
                (Json::Null, FieldStatus::OutsideMaxAge, Some(stored.event))
            }
            Some(stored) => (stored_json(stored)?, FieldStatus::Present, Some(stored.event)),
        };
        self.values.push(value);
        self.statuses.push(status);
        let seconds = time.unwrap_or(Timestamp::EPOCH).seconds_toward_zero();
        self.event_timestamps.push(Timestamp::from_proto(seconds, 0).to_string());
        Ok(())
    }
}

fn stored_json(stored: &StoredValue) -> Result<Json, Error> {
    let value = Value::decode(stored.value.as_slice());
    value.map(|value| value_json(&value)).map_err(|e| Error::internal("decode a value of the online store", e))
}

/// The entities of a request, checked against the views that it reads.
struct Entities {
    /// name in the request -> type and values
    columns: Vec<EntityColumn>,
    rows: usize,
}

/// The values of one join key; views without entities take any, which only say how many rows are asked for.
struct EntityColumn {
    name: String,
    values: Vec<KeyValue>,
    given: Vec<Json>,
}

impl Entities {
    fn of(definitions: &Definitions, lookups: &[Lookup], given: &[(String, Vec<Json>)]) -> Result<Self, Error> {
        let wanted = wanted_keys(lookups)?;
        let mut columns = Vec::new();
        for (name, values) in given {
            let name = join_key_name(definitions, &wanted, name)?;
            if columns.iter().any(|column: &EntityColumn| column.name == name) {
                return Err(Error::invalid(
                    format!("the join key `{name}` was given under two names"),
                    "an entity's own name stands for its join key: give one of them",
                ));
            }
            columns.push(match wanted.get(&name) {
                Some(value_type) => EntityColumn::of(&name, *value_type, values)?,
                None => EntityColumn { name, values: Vec::new(), given: values.clone() },
            });
        }
        for name in wanted.keys() {
            if !columns.iter().any(|column| column.name == *name) {
                return Err(Error::invalid(
                    format!("no value was given for the join key `{name}`"),
                    format!("add `-e {name}=...`"),
                ));
            }
        }
        let rows = given.first().map_or(1, |(_, values)| values.len());
        if given.iter().any(|(_, values)| values.len() != rows) {
            let counts: Vec<String> = given.iter().map(|(name, values)| format!("{name}: {}", values.len())).collect();
            return Err(Error::invalid(
                format!("the join keys have different numbers of values ({})", counts.join(", ")),
                "give each join key one value for each entity",
            ));
        }
        Ok(Self { columns, rows })
    }

    /// The answer's first columns: the join keys as they were given, converted to their types.
    fn columns(&self) -> OnlineResponse {
        let mut response =
            OnlineResponse { metadata: ResponseMetadata { feature_names: Vec::new() }, results: Vec::new() };
        for column in &self.columns {
            let vector = FeatureVector {
                values: column.given.clone(),
                statuses: vec![FieldStatus::Present; self.rows],
                event_timestamps: vec![Timestamp::EPOCH.to_string(); self.rows],
            };
            response.push(column.name.clone(), vector);
        }
        response
    }

    /// The entity keys of one view, in the order of the request.
    fn keys(&self, lookup: &Lookup, version: u32) -> Result<Keys, Error> {
        let mut keys = Keys::default();
        for row in 0..self.rows {
            let mut pairs = Vec::new();
            for join_key in lookup.view.join_keys() {
                let name = lookup.given_name(join_key);
                let column = self.columns.iter().find(|column| column.name == name);
                match column.and_then(|column| column.values.get(row)) {
                    Some(value) => pairs.push((join_key, value.clone())),
                    None => pairs.push((join_key, KeyValue::String(String::new()))),
                }
            }
            keys.push(&encode_key(version, &pairs)?);
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

/// The join key that a user means: its own name, or the name of its entity.
fn join_key_name(
    definitions: &Definitions,
    wanted: &BTreeMap<String, ValueType>,
    given: &str,
) -> Result<String, Error> {
    if wanted.contains_key(given) {
        return Ok(given.to_owned());
    }
    if let Some(entity) = definitions.entity(given).filter(|entity| wanted.contains_key(&entity.join_key)) {
        return Ok(entity.join_key.clone());
    }
    if wanted.is_empty() {
        return Ok(given.to_owned());
    }
    Err(Error::not_found("join key of the requested features", given, wanted.keys().map(String::as_str)))
}

impl EntityColumn {
    fn of(name: &str, value_type: ValueType, given: &[Json]) -> Result<Self, Error> {
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
        Ok(Self { name: name.to_owned(), values, given })
    }
}

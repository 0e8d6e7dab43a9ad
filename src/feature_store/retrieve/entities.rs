//! The entities of a request, checked against the views that it reads.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::body::Body;
use super::response::FieldStatus;
use crate::error::Error;
use crate::feature_store::references::{Lookup, Resolved};
use crate::model::{DUMMY_JOIN_KEY, Definitions, ValueType};
use crate::row::{KeyValue, KeyWriter, Keys};

/// What must come with a request.
#[derive(Debug)]
pub(super) struct Wanted {
    /// join keys by the name they have in the request
    keys: BTreeMap<String, ValueType>,
    /// name of an entity -> its join key
    entity_names: BTreeMap<String, String>,
    /// request value -> the on-demand view that needs it
    values: BTreeMap<String, String>,
    /// entities and join keys of the project that these features do not need: a client may send one set of them always
    unneeded: BTreeSet<String>,
}

/// The entities of a request.
pub(super) struct Entities<'a> {
    columns: Vec<EntityColumn<'a>>,
    rows: usize,
}

/// One column of a request.
struct EntityColumn<'a> {
    name: String,
    values: Values<'a>,
}

enum Values<'a> {
    /// of a join key that is needed
    Keys(Vec<KeyValue>),
    /// of any other; views without entities take any, which only says how many rows are asked for
    Given(&'a [Json]),
    /// for on-demand views: not part of an answer, as in Feast
    Request(&'a [Json]),
}

/// The entity keys of one view: their bytes, and where in the request their values stand.
#[derive(Debug)]
pub(super) struct ViewKeys {
    writer: KeyWriter,
    /// the names in the request; `None` for the key of a view without entities
    names: Vec<Option<String>>,
}

impl Wanted {
    pub fn of(definitions: &Definitions, resolved: &Resolved<'_>) -> Result<Self, Error> {
        let keys = wanted_keys(&resolved.lookups)?;
        let entities = definitions.entities.iter().filter(|entity| keys.contains_key(&entity.join_key));
        let entity_names = entities.map(|entity| (entity.name.clone(), entity.join_key.clone())).collect();
        let values = resolved.request_values().into_iter();
        let values = values.map(|(name, view)| (name.to_owned(), view.to_owned())).collect();
        Ok(Self { keys, entity_names, values, unneeded: join_key_names(definitions) })
    }

    /// The column that a user means: a join key, a request value, or an entity, whose own name stands for its join key.
    /// `None` where it is not needed.
    fn column_name(&self, given: &str) -> Result<Option<String>, Error> {
        if self.keys.contains_key(given) || self.values.contains_key(given) {
            return Ok(Some(given.to_owned()));
        }
        if let Some(join_key) = self.entity_names.get(given) {
            return Ok(Some(join_key.clone()));
        }
        if self.keys.is_empty() && self.values.is_empty() {
            return Ok(Some(given.to_owned()));
        }
        if self.unneeded.contains(given) {
            return Ok(None);
        }
        let known = self.keys.keys().chain(self.values.keys()).map(String::as_str);
        Err(Error::not_found("join key", given, known))
    }

    fn check_complete(&self, columns: &[EntityColumn<'_>]) -> Result<(), Error> {
        let is_missing = |name: &&String| columns.iter().all(|column| column.name != **name);
        if let Some(name) = self.keys.keys().find(is_missing) {
            return Err(Error::invalid(
                format!("no value was given for the join key `{name}`"),
                format!("give one for each entity (`-e {name}=...`)"),
            ));
        }
        if let Some((name, view)) = self.values.iter().find(|(name, _)| is_missing(name)) {
            return Err(Error::invalid(
                format!("no value was given for `{name}`, which on-demand feature view `{view}` is computed from"),
                format!("give one for each entity (`-e {name}=...`)"),
            ));
        }
        Ok(())
    }
}

impl<'a> Entities<'a> {
    pub fn of(wanted: &Wanted, given: &'a [(String, Vec<Json>)]) -> Result<Self, Error> {
        let mut columns: Vec<EntityColumn<'a>> = Vec::new();
        for (name, values) in given {
            let Some(name) = wanted.column_name(name)? else { continue };
            if columns.iter().any(|column| column.name == name) {
                return Err(Error::invalid(
                    format!("the join key `{name}` was given under two names"),
                    "an entity's own name stands for its join key: give one of them",
                ));
            }
            let values = match wanted.keys.get(&name) {
                Some(value_type) => Values::Keys(key_values(&name, *value_type, values)?),
                None if wanted.values.contains_key(&name) => Values::Request(values),
                None => Values::Given(values),
            };
            columns.push(EntityColumn { name, values });
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
        Ok(Self { columns, rows })
    }

    /// How many entities.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The values that were given under a name, a join key's in its type.
    pub fn given(&self, name: &str) -> Cow<'a, [Json]> {
        match self.columns.iter().find(|column| column.name == name).map(|column| &column.values) {
            Some(Values::Keys(values)) => Cow::Owned(values.iter().map(KeyValue::to_json).collect()),
            Some(Values::Given(values) | Values::Request(values)) => Cow::Borrowed(values),
            None => Cow::Borrowed(&[]),
        }
    }

    /// The names of the answer's first columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.shown().map(|column| column.name.as_str())
    }

    fn shown(&self) -> impl Iterator<Item = &EntityColumn<'a>> {
        self.columns.iter().filter(|column| !matches!(column.values, Values::Request(_)))
    }

    /// Writes the answer's first columns: the join keys as they were given, converted to their types.
    pub fn put_columns(&self, body: &mut Body) {
        for column in self.shown() {
            match &column.values {
                Values::Keys(values) => body.timeless_column(values.iter().map(|value| (value, FieldStatus::Present))),
                Values::Given(values) | Values::Request(values) => {
                    body.timeless_column(values.iter().map(|value| (value, FieldStatus::Present)));
                }
            }
        }
    }
}

impl ViewKeys {
    /// The keys of a view: its join keys with their names in the request.
    ///
    /// # Errors
    /// A join key that stands in the view twice.
    pub fn new(key_version: u32, join_keys: &[(&str, &str)]) -> Result<Self, Error> {
        let own: Vec<&str> = join_keys.iter().map(|(join_key, _)| *join_key).collect();
        let given = |(join_key, name): &(&str, &str)| (*join_key != DUMMY_JOIN_KEY).then(|| (*name).to_owned());
        Ok(Self { writer: KeyWriter::new(key_version, &own)?, names: join_keys.iter().map(given).collect() })
    }

    /// Adds the keys of all entities, in the order of the request.
    pub fn put(&self, entities: &Entities<'_>, keys: &mut Keys) -> Result<(), Error> {
        static NONE: KeyValue = KeyValue::String(String::new());
        let columns: Vec<&[KeyValue]> = self.names.iter().map(|name| entities.keys(name.as_deref())).collect();
        for row in 0..entities.rows {
            let value = |place: usize| columns.get(place).and_then(|values| values.get(row)).unwrap_or(&NONE);
            keys.push_with(|bytes| self.writer.put(value, bytes))?;
        }
        Ok(())
    }
}

impl Entities<'_> {
    fn keys(&self, name: Option<&str>) -> &[KeyValue] {
        let column = self.columns.iter().find(|column| Some(column.name.as_str()) == name);
        match column.map(|column| &column.values) {
            Some(Values::Keys(values)) => values,
            _ => &[],
        }
    }
}

/// Every name that a join key has in the project: its own, its entity's, and those that services give it.
fn join_key_names(definitions: &Definitions) -> BTreeSet<String> {
    let entities = definitions.entities.iter().flat_map(|entity| [&entity.name, &entity.join_key]);
    let projections = definitions.feature_services.iter().flat_map(|service| &service.features);
    entities.chain(projections.flat_map(|projection| projection.join_key_map.values())).cloned().collect()
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

fn key_values(name: &str, value_type: ValueType, given: &[Json]) -> Result<Vec<KeyValue>, Error> {
    let value = |value: &Json| {
        KeyValue::from_json(value, value_type).map_err(|reason| {
            Error::invalid(
                format!("{} is no value of the join key `{name}`: {reason}", shortened(value)),
                format!("`{name}` is {value_type}"),
            )
        })
    };
    given.iter().map(value).collect()
}

/// A value as far as a message quotes it.
fn shortened(value: &Json) -> String {
    const LIMIT: usize = 80;
    let text = value.to_string();
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

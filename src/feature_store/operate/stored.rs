//! `online get` and `online count`: what is stored, as it is stored.

use prost::Message;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::super::FeatureStore;
use super::ViewTable;
use crate::error::Error;
use crate::model::{DUMMY_JOIN_KEY, DUMMY_VALUE, Definitions, FeatureView, Span, Timestamp};
use crate::online::{FeatureCounts, StoredFeature, Writer};
use crate::proto::types::Value;
use crate::row::{KeyValue, encode_key, value_json};

/// Everything that is stored for one entity of one view.
#[derive(Clone, Debug, Serialize)]
pub struct StoredEntity {
    /// the view
    pub view: String,
    /// its table
    pub table: String,
    /// join key -> value
    pub entity: Map<String, Json>,
    /// the bytes of the entity key, in hexadecimal
    pub entity_key: String,
    /// what is stored, by feature name; empty where nothing is
    pub values: Vec<StoredReport>,
}

/// One stored value.
#[derive(Clone, Debug, Serialize)]
pub struct StoredReport {
    /// name of the feature
    pub feature: String,
    /// the value; null for a stored null
    pub value: Json,
    /// event time, to the microsecond where feast-rs wrote it
    pub event_timestamp: String,
    /// created time, where the source has one
    pub created_timestamp: Option<String>,
    /// who wrote it last
    pub writer: Writer,
    /// older than the view's ttl, so that it is no longer served
    pub expired: bool,
    /// the view has such a feature
    pub registered: bool,
}

/// What a view's table holds.
#[derive(Clone, Debug, Serialize)]
pub struct CountReport {
    /// the view
    pub view: String,
    /// its table
    pub table: String,
    /// whether the table is there
    pub exists: bool,
    /// distinct entities
    pub keys: u64,
    /// feature values
    pub values: u64,
    /// earliest event time
    pub oldest: Option<String>,
    /// latest event time
    pub newest: Option<String>,
    /// the same by feature; features that the view no longer has included
    pub features: Vec<FeatureReport>,
}

/// What there is of one feature.
#[derive(Clone, Debug, Serialize)]
pub struct FeatureReport {
    /// its name
    pub feature: String,
    /// stored values, nulls included
    pub values: u64,
    /// nulls among them
    pub nulls: u64,
    /// values that Python wrote last
    pub by_python: u64,
    /// latest event time
    pub newest: Option<String>,
    /// the view has such a feature
    pub registered: bool,
}

impl FeatureStore<'_> {
    /// Everything that is stored for entities of a view: values, exact times, who wrote them. `entities` are columns, one
    /// value an entity, by join key or by the entity's name.
    ///
    /// # Errors
    /// No such view, no such join key, a value that does not fit it, or a store that cannot be read.
    pub fn online_get(
        &self,
        view: &str,
        entities: &[(String, Vec<Json>)],
        now: Timestamp,
    ) -> Result<Vec<StoredEntity>, Error> {
        let snapshot = self.snapshot()?;
        let tables = self.view_tables(&snapshot, Some(view))?;
        let reader = self.online_to_read()?;
        let mut found = Vec::new();
        for ViewTable { view, table } in &tables {
            let oldest = view.ttl.filter(|ttl| *ttl > Span::ZERO).map(|ttl| now.saturating_sub(ttl));
            for pairs in keys(&snapshot.definitions, view, entities)? {
                let borrowed: Vec<(&str, KeyValue)> =
                    pairs.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
                let key = encode_key(self.settings.entity_key_serialization_version, &borrowed)?;
                let stored = reader.entity(table, &key)?;
                let values = stored.iter().map(|value| report(view, value, oldest)).collect::<Result<_, _>>()?;
                found.push(StoredEntity {
                    view: view.name.clone(),
                    table: table.clone(),
                    entity: pairs.iter().map(|(name, value)| (name.clone(), value.to_json())).collect(),
                    entity_key: hex(&key),
                    values,
                });
            }
        }
        Ok(found)
    }

    /// How much is stored, of one view or of all.
    ///
    /// # Errors
    /// No such view, or a store that cannot be read.
    pub fn online_count(&self, view: Option<&str>) -> Result<Vec<CountReport>, Error> {
        let snapshot = self.snapshot()?;
        let reader = self.online_to_read()?;
        let mut reports = Vec::new();
        for ViewTable { view, table } in self.view_tables(&snapshot, view)? {
            let exists = reader.table_info(&table)?.is_some();
            let (keys, features) =
                if exists { (reader.count_keys(&table)?, reader.feature_counts(&table)?) } else { (0, Vec::new()) };
            reports.push(CountReport {
                view: view.name.clone(),
                exists,
                keys,
                values: features.iter().map(|feature| feature.values).sum(),
                oldest: features.iter().filter_map(|feature| feature.oldest).min().map(|time| time.to_string()),
                newest: features.iter().filter_map(|feature| feature.newest).max().map(|time| time.to_string()),
                features: features.into_iter().map(|feature| feature_report(view, feature)).collect(),
                table,
            });
        }
        Ok(reports)
    }
}

fn feature_report(view: &FeatureView, counts: FeatureCounts) -> FeatureReport {
    FeatureReport {
        registered: is_registered(view, &counts.feature),
        feature: counts.feature,
        values: counts.values,
        nulls: counts.nulls,
        by_python: counts.by_python,
        newest: counts.newest.map(|time| time.to_string()),
    }
}

fn is_registered(view: &FeatureView, feature: &str) -> bool {
    view.features.iter().any(|field| field.name == feature)
}

fn report(view: &FeatureView, found: &StoredFeature, oldest: Option<Timestamp>) -> Result<StoredReport, Error> {
    let StoredFeature { feature, stored, writer } = found;
    let value = Value::decode(stored.value.as_slice());
    let value = value.map_err(|e| Error::internal(format!("decode the stored value of `{feature}`"), e))?;
    Ok(StoredReport {
        feature: feature.clone(),
        value: value_json(&value),
        event_timestamp: stored.event.to_string(),
        created_timestamp: stored.created.map(|time| time.to_string()),
        writer: *writer,
        expired: oldest.is_some_and(|oldest| stored.event < oldest),
        registered: is_registered(view, feature),
    })
}

/// The entity keys that a request names: join key and value of each.
fn keys(
    definitions: &Definitions,
    view: &FeatureView,
    given: &[(String, Vec<Json>)],
) -> Result<Vec<Vec<(String, KeyValue)>>, Error> {
    let named = |name: &str| {
        let own = definitions.entity(name).map(|entity| entity.join_key.as_str());
        view.join_keys().find(|key| *key == name).or_else(|| view.join_keys().find(|key| Some(*key) == own))
    };
    for (name, _) in given {
        if named(name).is_none() {
            return Err(Error::not_found("join key", name, view.join_keys()));
        }
    }
    let rows = given.iter().map(|(_, values)| values.len()).max().unwrap_or(1);
    let mut entities = vec![Vec::new(); rows];
    for column in &view.entity_columns {
        if column.name == DUMMY_JOIN_KEY {
            for entity in &mut entities {
                entity.push((column.name.clone(), KeyValue::String(DUMMY_VALUE.to_owned())));
            }
            continue;
        }
        let values = given.iter().find(|(name, _)| named(name) == Some(column.name.as_str()));
        let values = values.map(|(_, values)| values.as_slice()).unwrap_or_default();
        if values.len() != rows {
            return Err(Error::invalid(
                format!("{} values were given for the join key `{}`, and {rows} are needed", values.len(), column.name),
                format!("add `-e {}=...`, once for each entity", column.name),
            ));
        }
        let value_type = column.dtype.value_type();
        for (entity, value) in entities.iter_mut().zip(values) {
            let value = KeyValue::from_json(value, value_type).map_err(|reason| {
                Error::invalid(
                    format!("{value} is no value of the join key `{}`: {reason}", column.name),
                    format!("`{}` is {value_type}", column.name),
                )
            })?;
            entity.push((column.name.clone(), value));
        }
    }
    Ok(entities)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

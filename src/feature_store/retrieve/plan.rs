//! What a request reads and computes: found in the registry once, used for any number of reads.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::entities::{Entities, Wanted};
use super::response::{FeatureVector, FieldStatus, OnlineResponse, stored_json};
use crate::error::Error;
use crate::feature_store::FeatureStore;
use crate::feature_store::on_demand::{Computed, OnDemand};
use crate::feature_store::references::{FeatureSet, Lookup, Origin, Resolved};
use crate::model::{Span, Timestamp};
use crate::online::{OnlineReader, ReadRequest, StoredValue};
use crate::registry::Snapshot;
use crate::row::{Cells, Keys, json_column};

/// What a request reads and computes, found in one state of the registry: views, tables, types, compiled expressions. It
/// borrows nothing, may be kept, and serves any number of reads from any number of threads.
#[derive(Debug)]
pub struct OnlinePlan {
    /// the names of the answer's features, by place
    names: Vec<String>,
    views: Vec<ViewRead>,
    computed: Vec<OnDemand>,
    wanted: Wanted,
}

/// Some features of one view's table.
#[derive(Debug)]
struct ViewRead {
    table: String,
    /// values older than this are not served
    ttl: Option<Span>,
    /// join keys of the view -> their names in the request
    keys: Vec<(String, String)>,
    features: Vec<String>,
    places: Vec<usize>,
}

impl FeatureStore<'_> {
    /// Finds what `features` names in this state of the registry. The names in the answer are those of the features, with
    /// `full_feature_names` those of view and feature.
    ///
    /// # Errors
    /// Unknown views, features and services; on-demand views that only Python Feast can compute.
    pub fn online_plan(
        &self,
        snapshot: &Snapshot,
        features: &FeatureSet,
        full_feature_names: bool,
    ) -> Result<OnlinePlan, Error> {
        let resolved = Resolved::new(&snapshot.definitions, features, full_feature_names)?;
        let views = resolved.lookups.iter().map(|lookup| self.view_read(snapshot, lookup)).collect();
        let wanted = Wanted::of(&snapshot.definitions, &resolved, self.settings.entity_key_serialization_version)?;
        let computed = resolved.computed.iter().map(OnDemand::compile).collect::<Result<_, _>>()?;
        Ok(OnlinePlan { names: resolved.names, views, computed, wanted })
    }

    fn view_read(&self, snapshot: &Snapshot, lookup: &Lookup<'_>) -> ViewRead {
        let given = |key: &str| (key.to_owned(), lookup.given_name(key).to_owned());
        ViewRead {
            table: self.table_of(snapshot, &lookup.view.name),
            ttl: lookup.view.ttl.filter(|ttl| self.settings.feast_rs.ttl_on_read && *ttl > Span::ZERO),
            keys: lookup.view.join_keys().map(given).collect(),
            features: lookup.features.iter().map(|feature| feature.name.clone()).collect(),
            places: lookup.features.iter().map(|feature| feature.place).collect(),
        }
    }
}

impl OnlinePlan {
    /// The newest values for these entities, in their order: join key or request value -> one value an entity. All views
    /// are read from one state of the store.
    ///
    /// # Errors
    /// Unknown or missing join keys, missing request values, values that do not fit their type; a store that cannot be
    /// read.
    pub fn read<R: OnlineReader>(
        &self,
        reader: &mut R,
        entities: &[(String, Vec<Json>)],
        now: Timestamp,
    ) -> Result<OnlineResponse, Error> {
        let entities = Entities::of(&self.wanted, entities)?;
        let mut columns = self.stored(reader, &entities, now)?;
        for on_demand in &self.computed {
            let features = compute(on_demand, &entities, &columns)?;
            columns.extend(features);
        }
        let mut response = entities.columns();
        for (name, column) in self.names.iter().zip(columns.into_values()) {
            response.push(name.clone(), column);
        }
        Ok(response)
    }

    /// The columns that are read, by place.
    fn stored<R: OnlineReader>(
        &self,
        reader: &mut R,
        entities: &Entities,
        now: Timestamp,
    ) -> Result<BTreeMap<usize, FeatureVector>, Error> {
        let keys: Vec<Keys> = self.views.iter().map(|view| entities.keys(&view.keys)).collect::<Result<_, _>>()?;
        let features: Vec<Vec<&str>> =
            self.views.iter().map(|view| view.features.iter().map(String::as_str).collect()).collect();
        let requests: Vec<ReadRequest<'_>> = (self.views.iter().zip(&keys).zip(&features))
            .map(|((view, keys), features)| ReadRequest { table: &view.table, keys, features })
            .collect();
        let answers = if requests.is_empty() { Vec::new() } else { reader.read(&requests)? };
        let mut columns = BTreeMap::new();
        for (view, answers) in self.views.iter().zip(&answers) {
            columns.extend(view.places.iter().copied().zip(view.columns(answers, now)?));
        }
        Ok(columns)
    }
}

impl ViewRead {
    fn columns(&self, answers: &[Option<StoredValue>], now: Timestamp) -> Result<Vec<FeatureVector>, Error> {
        let oldest = self.ttl.map(|ttl| now.saturating_sub(ttl));
        let mut columns = vec![FeatureVector::default(); self.features.len()];
        for row in answers.chunks(self.features.len().max(1)) {
            let row_time = row.iter().flatten().map(|stored| stored.event).max();
            for (cell, column) in row.iter().zip(&mut columns) {
                column.push(cell.as_ref(), row_time, oldest)?;
            }
        }
        Ok(columns)
    }
}

/// The features of one on-demand view, by place.
fn compute(
    on_demand: &OnDemand,
    entities: &Entities,
    columns: &BTreeMap<usize, FeatureVector>,
) -> Result<Vec<(usize, FeatureVector)>, Error> {
    let mut inputs = Vec::new();
    for input in on_demand.inputs() {
        let values = match &input.origin {
            Origin::Place(place) => columns.get(place).map(|column| column.values.as_slice()),
            Origin::JoinKey(name) | Origin::Request(name) => entities.given(name),
        };
        let values = values.unwrap_or_default();
        inputs.push(json_column(values, &input.dtype).map_err(|(row, reason)| {
            let value = values.get(row).unwrap_or(&Json::Null);
            Error::invalid(
                format!("{value} is no value of `{}`: {reason}", input.name),
                format!("it is {}", input.dtype),
            )
        })?);
    }
    let computed = on_demand.compute(entities.rows(), &inputs)?;
    computed.into_iter().map(|feature| Ok((feature.place, vector(&feature, entities.rows())?))).collect()
}

fn vector(feature: &Computed, rows: usize) -> Result<FeatureVector, Error> {
    let mut cells = Cells::with_capacity(rows, 16);
    let mut statuses = vec![FieldStatus::Present; rows];
    let encoder = feature.encoder()?;
    for row in 0..rows {
        let refused = feature.refused.binary_search_by_key(&row, |refusal| refusal.row).is_ok();
        if encoder.encode(row, &mut cells).is_err() || refused {
            statuses.iter_mut().skip(row).take(1).for_each(|status| *status = FieldStatus::Invalid);
        }
    }
    let values = (0..rows).map(|row| cells.get(row).map_or(Ok(Json::Null), |cell| stored_json(cell.value)));
    Ok(FeatureVector::timeless(values.collect::<Result<_, _>>()?, statuses))
}

//! What a request reads and computes: found in the registry once, used for any number of reads.

use std::borrow::Cow;
use std::collections::BTreeMap;

use prost::Message;
use serde_json::Value as Json;

use super::body::{Body, Stored};
use super::entities::{Entities, ViewKeys, Wanted};
use super::found::Found;
use super::response::FieldStatus;
use crate::error::Error;
use crate::feature_store::FeatureStore;
use crate::feature_store::on_demand::{Computed, OnDemand};
use crate::feature_store::references::{FeatureSet, Lookup, Origin, Resolved};
use crate::model::{Span, Timestamp};
use crate::online::{OnlineReader, ReadRequest};
use crate::proto::types::Value;
use crate::registry::Snapshot;
use crate::row::{Cells, Keys, json_column, value_json};

/// What a request reads and computes, found in one state of the registry: views, tables, types, compiled expressions. It
/// borrows nothing, may be kept, and serves any number of reads from any number of threads.
#[derive(Debug)]
pub struct OnlinePlan {
    /// the names of the answer's features, by place
    names: Vec<String>,
    /// where the column of a place is read; `None`: it is computed
    columns: Vec<Option<ReadColumn>>,
    views: Vec<ViewRead>,
    computed: Vec<OnDemand>,
    wanted: Wanted,
}

/// A feature of a view.
#[derive(Clone, Copy, Debug)]
struct ReadColumn {
    view: usize,
    feature: usize,
}

/// Some features of one view's table.
#[derive(Debug)]
struct ViewRead {
    view: String,
    version: i32,
    table: String,
    /// values older than this are not served
    ttl: Option<Span>,
    keys: ViewKeys,
    features: Vec<String>,
}

/// What reading needs room for; kept from one read to the next.
#[derive(Debug, Default)]
pub struct OnlineScratch {
    keys: Vec<Keys>,
    found: Found,
}

/// An answer.
#[derive(Debug)]
pub struct OnlineAnswer<'p> {
    /// Feast's answer in JSON
    pub body: Vec<u8>,
    /// how many entities were asked for
    pub entities: usize,
    /// what was found, one a view
    pub counts: Vec<ViewCounts<'p>>,
}

/// What was found of one view, in values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewCounts<'p> {
    /// its name
    pub view: &'p str,
    /// stored, null included
    pub present: u64,
    /// not stored
    pub not_found: u64,
    /// older than the ttl
    pub outside_max_age: u64,
}

/// A column that is computed.
type ComputedColumn = (Vec<Json>, Vec<FieldStatus>);

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
        let views = resolved.lookups.iter().map(|lookup| self.view_read(snapshot, lookup)).collect::<Result<_, _>>()?;
        let wanted = Wanted::of(&snapshot.definitions, &resolved)?;
        let computed = resolved.computed.iter().map(OnDemand::compile).collect::<Result<_, _>>()?;
        let mut columns = Vec::new();
        for (view, lookup) in resolved.lookups.iter().enumerate() {
            for (feature, requested) in lookup.features.iter().enumerate() {
                columns.resize(columns.len().max(requested.place + 1), None);
                if let Some(column) = columns.get_mut(requested.place) {
                    *column = Some(ReadColumn { view, feature });
                }
            }
        }
        Ok(OnlinePlan { names: resolved.names, columns, views, computed, wanted })
    }

    fn view_read(&self, snapshot: &Snapshot, lookup: &Lookup<'_>) -> Result<ViewRead, Error> {
        let view = &lookup.view;
        let keys: Vec<_> = view.join_keys().map(|key| (key, lookup.given_name(key))).collect();
        Ok(ViewRead {
            view: view.name.clone(),
            version: snapshot.states.get(&view.name).map_or(0, |state| state.current_version_number),
            table: self.table_of(snapshot, &view.name),
            ttl: view.ttl.filter(|ttl| self.settings.feast_rs.ttl_on_read && *ttl > Span::ZERO),
            keys: ViewKeys::new(self.settings.entity_key_serialization_version, &keys)?,
            features: lookup.features.iter().map(|feature| feature.name.clone()).collect(),
        })
    }
}

impl OnlinePlan {
    /// How many features are asked for.
    #[must_use]
    pub fn width(&self) -> usize {
        self.names.len()
    }

    /// How many views they come from.
    #[must_use]
    pub fn views(&self) -> usize {
        self.views.len()
    }

    /// The newest values for these entities, in their order: join key or request value -> one value an entity. All views
    /// are read from one state of the store. Values go from the store's pages to the answer by way of one buffer.
    ///
    /// # Errors
    /// Unknown or missing join keys, missing request values, values that do not fit their type; a store that cannot be
    /// read.
    pub fn answer<'p, R: OnlineReader>(
        &'p self,
        reader: &mut R,
        scratch: &mut OnlineScratch,
        request: &AnswerRequest<'_>,
    ) -> Result<OnlineAnswer<'p>, Error> {
        let entities = Entities::of(&self.wanted, request.entities)?;
        self.read(reader, scratch, &entities)?;
        let view = View { plan: self, found: &scratch.found, now: request.now, rows: entities.rows() };
        let computed = view.compute(&entities)?;
        let names = entities.names().chain(self.names.iter().map(String::as_str));
        let versions: Vec<_> = self.views.iter().map(|view| (view.view.as_str(), view.version)).collect();
        let versions = request.versions.then_some(versions.as_slice());
        let mut body = Body::new(names, versions, (self.names.len() + 1) * entities.rows());
        entities.put_columns(&mut body);
        for place in 0..self.names.len() {
            match (self.columns.get(place).copied().flatten(), computed.get(&place)) {
                (Some(column), _) => body.stored_column(view.column(column))?,
                (None, Some((values, statuses))) => {
                    body.timeless_column(values.iter().zip(statuses.iter().copied()));
                }
                (None, None) => return Err(Error::internal("find a column of the answer", "it was not computed")),
            }
        }
        Ok(OnlineAnswer { body: body.end(), entities: entities.rows(), counts: view.counts() })
    }

    fn read<R: OnlineReader>(
        &self,
        reader: &mut R,
        scratch: &mut OnlineScratch,
        entities: &Entities<'_>,
    ) -> Result<(), Error> {
        let OnlineScratch { keys, found } = scratch;
        keys.resize_with(keys.len().max(self.views.len()), Keys::default);
        for (view, keys) in self.views.iter().zip(keys.iter_mut()) {
            keys.clear();
            view.keys.put(entities, keys)?;
        }
        let features: Vec<Vec<&str>> =
            self.views.iter().map(|view| view.features.iter().map(String::as_str).collect()).collect();
        let requests: Vec<ReadRequest<'_>> = (self.views.iter().zip(keys.iter()).zip(&features))
            .map(|((view, keys), features)| ReadRequest { table: &view.table, keys, features })
            .collect();
        found.reset(&requests);
        if !requests.is_empty() {
            reader.visit(&requests, &mut |place, cell| found.keep(place, cell))?;
        }
        Ok(())
    }
}

/// What is asked of a plan.
#[derive(Clone, Copy, Debug)]
pub struct AnswerRequest<'a> {
    /// join key or request value -> one value an entity; all of one length
    pub entities: &'a [(String, Vec<Json>)],
    /// whether the answer names the versions of the views
    pub versions: bool,
    /// the time that a ttl is counted back from
    pub now: Timestamp,
}

/// What was read, as the plan sees it.
struct View<'p, 'f> {
    plan: &'p OnlinePlan,
    found: &'f Found,
    now: Timestamp,
    rows: usize,
}

impl<'p, 'f> View<'p, 'f> {
    /// The values of one feature, one an entity.
    fn column(&self, column: ReadColumn) -> impl Iterator<Item = Stored<'f>> + Clone + use<'f> {
        let ReadColumn { view, feature } = column;
        let found = self.found;
        let oldest = self.oldest(view);
        found.column(view, feature, self.rows).enumerate().map(move |(row, cell)| match cell {
            None => {
                let time = found.row_time(view, row).unwrap_or(Timestamp::EPOCH);
                Stored { value: None, status: FieldStatus::NotFound, time }
            }
            Some((_, time)) if oldest.is_some_and(|oldest| time < oldest) => {
                Stored { value: None, status: FieldStatus::OutsideMaxAge, time }
            }
            Some((value, time)) => Stored { value: Some(value), status: FieldStatus::Present, time },
        })
    }

    fn oldest(&self, view: usize) -> Option<Timestamp> {
        let ttl = self.plan.views.get(view).and_then(|view| view.ttl);
        ttl.map(|ttl| self.now.saturating_sub(ttl))
    }

    fn counts(&self) -> Vec<ViewCounts<'p>> {
        let counts = |(place, view): (usize, &'p ViewRead)| {
            let (present, outside_max_age) = self.found.counts(place, self.oldest(place));
            let all = (view.features.len() * self.rows) as u64;
            let not_found = all - present - outside_max_age;
            ViewCounts { view: &view.view, present, not_found, outside_max_age }
        };
        self.plan.views.iter().enumerate().map(counts).collect()
    }

    /// The columns of on-demand views, by place.
    fn compute(&self, entities: &Entities<'_>) -> Result<BTreeMap<usize, ComputedColumn>, Error> {
        let mut columns = BTreeMap::new();
        for on_demand in &self.plan.computed {
            let mut inputs = Vec::new();
            for input in on_demand.inputs() {
                let values = match &input.origin {
                    Origin::Place(place) => Cow::Owned(self.json(*place)?),
                    Origin::JoinKey(name) | Origin::Request(name) => entities.given(name),
                };
                inputs.push(json_column(&values, &input.dtype).map_err(|(row, reason)| {
                    let value = values.get(row).unwrap_or(&Json::Null);
                    Error::invalid(
                        format!("{value} is no value of `{}`: {reason}", input.name),
                        format!("it is {}", input.dtype),
                    )
                })?);
            }
            for feature in on_demand.compute(self.rows, &inputs)? {
                columns.insert(feature.place, computed_column(&feature, self.rows)?);
            }
        }
        Ok(columns)
    }

    /// A column that is read, for a computation.
    fn json(&self, place: usize) -> Result<Vec<Json>, Error> {
        let Some(column) = self.plan.columns.get(place).copied().flatten() else { return Ok(Vec::new()) };
        self.column(column).map(|stored| stored.value.map_or(Ok(Json::Null), stored_json)).collect()
    }
}

fn computed_column(feature: &Computed, rows: usize) -> Result<ComputedColumn, Error> {
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
    Ok((values.collect::<Result<_, _>>()?, statuses))
}

/// What Feast's server shows for the bytes of a `feast.types.Value`.
fn stored_json(value: &[u8]) -> Result<Json, Error> {
    let value = Value::decode(value);
    value.map(|value| value_json(&value)).map_err(|error| Error::internal("decode a value of the online store", error))
}

//! `get-historical-features`: for each row of an entity table, the features as they were known at its instant.
//!
//! ```text
//! EntityTable   a chunk of rows -+
//! ViewJoin      for each view: the newest row at or before each instant, then its features
//! TableWriter   entity columns and features, in the order of the rows
//! ```

mod join;
mod on_demand;
mod side;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};
use serde::Serialize;

use super::on_demand::OnDemand;
use super::references::{FeatureSet, Origin, Resolved};
use super::{FeatureStore, Observer, RefusedValue};
use crate::error::Error;
use crate::model::{DUMMY_JOIN_KEY, Timestamp, ValueType};
use crate::offline::{EntityRows, EntityTable, TableWriter};
use join::{Refusals, ViewJoin};

/// Bytes that a chunk of the entity table takes with its answers, about. Each time the sources are scanned once.
const CHUNK_BYTES: u64 = 512 << 20;
/// Rows of a chunk, at least and at most.
const CHUNK_ROWS: (u64, u64) = (1 << 16, 4 << 20);
/// What a row takes beside its columns and features: its key, its question, and an answer a thread.
const ROW_BYTES: u64 = 200;

/// What to join.
#[derive(Clone, Debug)]
pub struct HistoricalRequest {
    /// which features
    pub features: FeatureSet,
    /// which entities, and when
    pub entities: EntityRows,
    /// name each feature `view__feature`
    pub full_feature_names: bool,
    /// the parquet or CSV file to write; `None`: the answer is kept in memory
    pub out: Option<PathBuf>,
}

/// What a join did.
#[derive(Debug, Serialize)]
pub struct HistoricalReport {
    /// rows answered: all of the entity table
    pub rows: u64,
    /// names of the columns: those of the entity table, then the features in the order of the request
    pub columns: Vec<String>,
    /// the file that was written
    pub out: Option<PathBuf>,
    /// the column of the entity table that was taken as the event time
    pub event_timestamp: String,
    /// values of the sources that do not fit their declared type, and on-demand features that cannot be computed; they are
    /// null in the answer
    pub refused: u64,
    /// the first of them
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<RefusedValue>,
    /// how long it took
    pub seconds: f64,
    /// the answer, where no file was asked for
    #[serde(skip)]
    pub table: Vec<RecordBatch>,
}

impl FeatureStore<'_> {
    /// Joins features to a table of entities and instants. For each of its rows, in order, and each view: of the rows of the
    /// view's source with the same join keys whose event lies at or before the instant, and not more than the view's ttl
    /// before it, the newest; of equal events the newest created, then the later row. Where there is none, nulls.
    ///
    /// Columns of the entity table keep their types, features have that of their declaration. A file appears when it is
    /// complete. Memory: half a gigabyte of entity rows with their answers at a time, whatever the size of table and sources;
    /// the sources are scanned once for each such chunk. Without a file the answer is held as a whole.
    ///
    /// # Errors
    /// Unknown views, features and services; an entity table without a join key or an event time, or with a column that is
    /// called as a feature; sources that cannot be read, or hold other types; views whose rows have yet to be computed.
    pub fn get_historical_features(
        &self,
        request: &HistoricalRequest,
        now: Timestamp,
        observer: &dyn Observer,
    ) -> Result<HistoricalReport, Error> {
        let began = Instant::now();
        let snapshot = self.snapshot()?;
        let resolved = Resolved::new(&snapshot.definitions, &request.features, request.full_feature_names)?;
        let Resolved { lookups, names, .. } = &resolved;
        let mut entities = EntityTable::open(&request.entities, &texts(&resolved), now)?;
        check_columns(entities.schema(), &resolved)?;
        let computed: Vec<OnDemand> = resolved.computed.iter().map(OnDemand::compile).collect::<Result<_, _>>()?;
        let mut seen = HashSet::new();
        let joins: Vec<ViewJoin> =
            lookups.iter().map(|lookup| ViewJoin::open(&self.settings, lookup, &mut seen)).collect::<Result<_, _>>()?;
        let schema = answer_schema(entities.schema(), &joins, &computed, names);
        let mut sink = Sink::open(request.out.as_ref(), &schema)?;
        let mut refusals = Refusals::default();
        let mut answered = 0;
        let (rows, bytes) = chunk_size(&joins);
        while let Some(chunk) = entities.next_chunk(rows, bytes)? {
            let mut features: BTreeMap<usize, ArrayRef> = BTreeMap::new();
            for join in &joins {
                features.extend(join.answer(&chunk, answered, &mut refusals, observer)?);
            }
            for on_demand in &computed {
                on_demand::compute(on_demand, &chunk, answered, &mut features, &mut refusals)?;
            }
            answered += chunk.batch.num_rows() as u64;
            let features = features.into_values().take(names.len());
            let columns = chunk.batch.columns().iter().cloned().chain(features).collect();
            let answer = RecordBatch::try_new(Arc::clone(&schema), columns);
            sink.write(answer.map_err(|error| Error::internal("put the answer together", error))?)?;
        }
        let (rows, table) = sink.finish()?;
        Ok(HistoricalReport {
            rows,
            columns: schema.fields().iter().map(|field| field.name().clone()).collect(),
            out: request.out.clone(),
            event_timestamp: entities.event_column().to_owned(),
            refused: refusals.count,
            refusals: refusals.first,
            seconds: began.elapsed().as_secs_f64(),
            table,
        })
    }
}

/// How much of the entity table is answered together: rows, and bytes of their own columns. Features are held as they are
/// read, as they are declared, and in the order of the entity rows.
fn chunk_size(joins: &[ViewJoin<'_>]) -> (usize, usize) {
    let features: u64 = joins.iter().map(|join| 3 * join.row_bytes()).sum();
    let rows = (CHUNK_BYTES / (ROW_BYTES + features)).clamp(CHUNK_ROWS.0, CHUNK_ROWS.1);
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    (size(rows), size(CHUNK_BYTES / 4))
}

/// Where answers go.
enum Sink {
    File(Box<TableWriter>, u64),
    Memory(Vec<RecordBatch>),
}

impl Sink {
    fn open(out: Option<&PathBuf>, schema: &SchemaRef) -> Result<Self, Error> {
        Ok(match out {
            Some(path) => Self::File(Box::new(TableWriter::create(path, schema)?), 0),
            None => Self::Memory(vec![RecordBatch::new_empty(Arc::clone(schema))]),
        })
    }

    fn write(&mut self, batch: RecordBatch) -> Result<(), Error> {
        match self {
            Self::File(writer, rows) => {
                *rows += batch.num_rows() as u64;
                writer.write(&batch)?;
            }
            Self::Memory(batches) => batches.push(batch),
        }
        Ok(())
    }

    fn finish(self) -> Result<(u64, Vec<RecordBatch>), Error> {
        match self {
            Self::File(writer, rows) => {
                writer.finish()?;
                Ok((rows, Vec::new()))
            }
            Self::Memory(batches) => Ok((batches.iter().map(|batch| batch.num_rows() as u64).sum(), batches)),
        }
    }
}

/// The join keys and request values of texts, as the entity table calls them: `007` is no number there.
fn texts(resolved: &Resolved<'_>) -> BTreeSet<String> {
    let keys = resolved.lookups.iter().flat_map(|lookup| {
        let texts = lookup.view.entity_columns.iter().filter(|key| key.dtype.value_type() == ValueType::String);
        texts.map(|key| lookup.given_name(&key.name).to_owned())
    });
    let inputs = resolved.computed.iter().flat_map(|computed| &computed.inputs);
    let values = inputs.filter_map(|input| match (&input.origin, input.dtype.value_type()) {
        (Origin::Request(name), ValueType::String) => Some(name.clone()),
        _ => None,
    });
    keys.chain(values).collect()
}

/// Every join key and request value is there, and no name is taken twice.
fn check_columns(schema: &Schema, resolved: &Resolved<'_>) -> Result<(), Error> {
    let known = || schema.fields().iter().map(|field| field.name().as_str());
    let is_missing = |name: &str| schema.column_with_name(name).is_none();
    for lookup in &resolved.lookups {
        let keys = lookup.view.join_keys().filter(|key| *key != DUMMY_JOIN_KEY).map(|key| lookup.given_name(key));
        for given in keys {
            if is_missing(given) {
                return Err(Error::not_found("column of the entity table", given, known()));
            }
        }
    }
    for (name, view) in resolved.request_values() {
        if is_missing(name) {
            return Err(Error::invalid(
                format!(
                    "the entity table has no column `{name}`, which on-demand feature view `{view}` is computed from"
                ),
                format!("add it, with the value of `{name}` for each row"),
            ));
        }
    }
    match resolved.names.iter().find(|name| !is_missing(name)) {
        Some(name) => Err(Error::invalid(
            format!("the entity table has a column `{name}` already, which one of the requested features is called"),
            "use `--full-feature-names` (`full_feature_names`), or rename the column",
        )),
        None => Ok(()),
    }
}

/// The columns of the entity table, then the features by their places.
fn answer_schema(entities: &Schema, joins: &[ViewJoin<'_>], computed: &[OnDemand], names: &[String]) -> SchemaRef {
    let types = joins.iter().flat_map(ViewJoin::types).chain(computed.iter().flat_map(OnDemand::types));
    let types: BTreeMap<usize, _> = types.collect();
    let features = names.iter().zip(types.into_values()).map(|(name, dtype)| Arc::new(Field::new(name, dtype, true)));
    Arc::new(Schema::new(entities.fields().iter().cloned().chain(features).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests;

//! One view joined to a chunk of the entity table.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::{concat, take};
use arrow::datatypes::DataType as Arrow;

use super::side::{Gathered, Side};
use crate::error::Error;
use crate::feature_store::references::Lookup;
use crate::feature_store::{Observer, Progress, RefusedValue};
use crate::model::{DataSource, FeatureView, Field, FileFormat, Settings, SourceKind, Span, ValueType};
use crate::offline::EntityChunk;
use crate::row::{KeyEncoder, Keys, Refusal, RowError, ViewLayout};
use crate::source::SourceError;
use crate::source::as_of::{Answers, Questions};
use crate::source::parquet::{AsOf, Dataset};

/// Threads that read: beyond a few, the disk and the memory are what is waited for.
const MAX_THREADS: usize = 8;
/// Refused values that are remembered, at most.
const REMEMBERED: usize = 20;

/// One view of a request, its files opened and its types checked.
pub(super) struct ViewJoin<'a> {
    lookup: &'a Lookup<'a>,
    /// its batch source, and its log where it has one
    sides: Vec<Side<'a>>,
    layout: ViewLayout,
    encoder: KeyEncoder,
    /// one a requested feature
    types: Vec<Arrow>,
    threads: usize,
    /// the columns of keys that no other join tells of
    tells_of: BTreeSet<String>,
}

/// Values that do not fit their declared type, or cannot be computed.
#[derive(Default)]
pub(super) struct Refusals {
    pub count: u64,
    pub first: Vec<RefusedValue>,
}

impl Refusals {
    /// Counts one, and remembers it if it is among the first.
    pub fn push(&mut self, value: impl FnOnce() -> RefusedValue) {
        self.count += 1;
        if self.first.len() < REMEMBERED {
            self.first.push(value());
        }
    }
}

/// What is told of a row of the entity table.
pub(super) fn told(Refusal { row, column, value, reason }: Refusal, first_row: u64) -> RefusedValue {
    RefusedValue { file: "the entity table".to_owned(), row: first_row + row as u64, column, value, reason }
}

/// For each row of a chunk the row that answers it.
type Found = Vec<Option<u64>>;

impl<'a> ViewJoin<'a> {
    /// `seen`: the columns of keys that the joins before this one tell of.
    pub fn open(
        settings: &Settings,
        lookup: &'a Lookup<'a>,
        seen: &mut HashSet<(String, ValueType)>,
    ) -> Result<Self, Error> {
        let view = lookup.view;
        check_supported(view)?;
        let layout = ViewLayout::of(view, settings.entity_key_serialization_version)?;
        let name = |name: &str| view.features.iter().find(|field| field.name == name);
        let requested: Vec<&Field> = lookup.features.iter().filter_map(|feature| name(&feature.name)).collect();
        let source = batch_source(view)?;
        let path = settings.resolve(&source_path(view, source)?);
        let mut sides = vec![Side::transformed(view, source, &path, &layout, &requested)?];
        if let Some(log) = &view.sink_source {
            let path = settings.resolve(&source_path(view, log)?);
            if is_logged(&path)? {
                sides.push(Side::plain(log, view.logged_event(log), &path, &layout, &requested)?);
            }
        }
        let mut first_row = 0;
        for side in &mut sides {
            side.first_row = first_row;
            first_row += side.dataset.rows();
        }
        let types = sides.first().map(Side::types).unwrap_or_default();
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MAX_THREADS);
        let given = layout.join_keys.iter().map(|key| (lookup.given_name(&key.name).to_owned(), key.value_type));
        let tells_of = given.filter(|key| seen.insert(key.clone())).map(|(name, _)| name).collect();
        Ok(Self { lookup, sides, encoder: KeyEncoder::new(&layout)?, layout, types, threads, tells_of })
    }

    /// Place in the answer and type of each feature.
    pub fn types(&self) -> impl Iterator<Item = (usize, Arrow)> {
        let places = self.lookup.features.iter().map(|feature| feature.place);
        places.zip(self.types.iter().cloned())
    }

    /// Bytes of the features of one row, about.
    pub fn row_bytes(&self) -> u64 {
        self.sides.iter().map(Side::row_bytes).max().unwrap_or_default()
    }

    /// Place in the answer and values of each feature, one value a row of `chunk`, whose first row has that number.
    pub fn answer(
        &self,
        chunk: &EntityChunk,
        first_row: u64,
        refusals: &mut Refusals,
        observer: &dyn Observer,
    ) -> Result<Vec<(usize, ArrayRef)>, Error> {
        let view = &self.lookup.view.name;
        observer.progress(Progress::Reading { view, rows: self.sides.iter().map(|side| side.dataset.rows()).sum() });
        let keys = self.keys(chunk, first_row, refusals)?;
        let progress = |rows| observer.progress(Progress::Read { rows });
        let mut found = self.newest(chunk, &keys, None, refusals, &progress)?;
        let mut winners = winners(&found);
        let mut gathered = self.gather(&winners)?;
        if !gathered.bad.is_empty() {
            // a record that cannot be computed is no row of the view: the newest good one answers
            found = self.newest(chunk, &keys, Some((&found, &gathered.bad)), refusals, &|_| ())?;
            winners = self::winners(&found);
            gathered = self.gather(&winners)?;
        }
        for unfit in &gathered.unfit {
            if let Some(side) = self.sides.iter().rev().find(|side| side.first_row <= unfit.row) {
                refusals.push(|| side.refused_value(unfit));
            }
        }
        let place = |row: &u64| winners.binary_search(row).ok().and_then(|place| u32::try_from(place).ok());
        let places: UInt32Array = found.iter().map(|row| row.as_ref().and_then(place)).collect();
        observer.progress(Progress::Done { view });
        let taken = gathered.columns.iter().map(|column| take(column, &places, None));
        let taken: Result<Vec<ArrayRef>, _> = taken.collect();
        let taken = taken.map_err(|error| Error::internal("put the features in the order of the entities", error))?;
        Ok(self.lookup.features.iter().map(|feature| feature.place).zip(taken).collect())
    }

    /// For each row of `chunk` the row of the view that answers it. With `again` (an earlier answer, and the rows of it that
    /// are bad) only what was answered by a bad row is asked again, and every row of those keys is judged.
    fn newest(
        &self,
        chunk: &EntityChunk,
        keys: &Keys,
        again: Option<(&Found, &[u64])>,
        refusals: &mut Refusals,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Found, Error> {
        let is_bad = |row: usize, (found, bad): (&Found, &[u64])| {
            found.get(row).copied().flatten().is_some_and(|row| bad.binary_search(&row).is_ok())
        };
        let pairs = keys.iter().zip(&chunk.instants).enumerate().map(|(row, (key, instant))| {
            // a key that is null, or that the view's type has no room for, is nobody's
            let asked = !<[u8]>::is_empty(key) && again.is_none_or(|again| is_bad(row, again));
            instant.filter(|_| asked).map(|at| (key, at.micros()))
        });
        let questions = Questions::new(pairs);
        let questions =
            questions.map_err(|_| Error::invalid("the entity table has too many rows", "join it in parts"))?;
        let ttl = self.lookup.view.ttl.filter(|ttl| *ttl > Span::ZERO).map(Span::micros);
        let mut answers = Answers::new(&questions);
        for side in &self.sides {
            let judge = again.and_then(|_| side.judge());
            let how = AsOf { ttl, first_row: side.first_row, judge, threads: self.threads };
            let refused = side.scan(&self.layout)?.answer(&mut answers, &how, &self.encoder, progress)?;
            for row in refused.first() {
                refusals.push(|| side.refused_value(row));
            }
            refusals.count += refused.count() - refused.first().len() as u64;
        }
        let rows = answers.rows(chunk.instants.len(), ttl);
        let Some(again) = again else { return Ok(rows) };
        let kept = again.0.iter().enumerate().zip(rows);
        Ok(kept.map(|((row, found), newer)| if is_bad(row, again) { newer } else { *found }).collect())
    }

    /// The keys of the entities. One that is null, or that the view's type has no room for, is empty; the latter is told of.
    fn keys(&self, chunk: &EntityChunk, first_row: u64, refusals: &mut Refusals) -> Result<Keys, Error> {
        let rows = chunk.batch.num_rows();
        let columns: Vec<ArrayRef> = if let Some(dummy) = self.layout.dummy_column(rows) {
            vec![dummy]
        } else {
            let given = self.layout.join_keys.iter().map(|key| self.lookup.given_name(&key.name));
            given.filter_map(|name| chunk.batch.column_by_name(name)).map(Arc::clone).collect()
        };
        let mut keys = Keys::with_capacity(rows, 32);
        let unfit = self.encoder.encode(&columns, &mut keys).map_err(|error| match error {
            RowError::Column { column, reason, .. } => {
                let given = self.lookup.given_name(&column);
                Error::invalid(
                    format!("column `{given}` of the entity table cannot be the join key `{column}`: {reason}"),
                    format!("write `{given}` with the type of the entity"),
                )
            }
            other => Error::Row(other),
        })?;
        for refusal in unfit {
            let named = self.layout.join_keys.iter().zip(&columns).find(|(key, _)| key.name == refusal.column);
            let given = self.lookup.given_name(&refusal.column);
            if named.is_some_and(|(_, column)| column.is_valid(refusal.row)) && self.tells_of.contains(given) {
                refusals.push(|| told(Refusal { column: given.to_owned(), ..refusal }, first_row));
            }
        }
        Ok(keys)
    }

    /// The features of these rows, which are in order, in their declared types.
    fn gather(&self, winners: &[u64]) -> Result<Gathered, Error> {
        let part = winners.len().div_ceil(self.threads).max(1);
        let thread = || Error::internal("read features", "a thread ended early");
        let parts = std::thread::scope(|scope| {
            let parts = self.sides.iter().flat_map(|side| {
                let rows = side.first_row..side.first_row + side.dataset.rows();
                let own =
                    winners.partition_point(|row| *row < rows.start)..winners.partition_point(|row| *row < rows.end);
                winners.get(own).unwrap_or_default().chunks(part).map(move |rows| (side, rows))
            });
            let threads: Vec<_> =
                parts.map(|(side, rows)| scope.spawn(move || side.gather(rows, &self.types))).collect();
            let done = threads.into_iter().map(|gathered| gathered.join().unwrap_or_else(|_| Err(thread())));
            done.collect::<Result<Vec<Gathered>, Error>>()
        })?;
        let mut whole = Gathered { columns: Side::nothing(&self.types), ..Gathered::default() };
        for (place, column) in whole.columns.iter_mut().enumerate() {
            let pieces = parts.iter().filter_map(|part| part.columns.get(place));
            let pieces: Vec<&dyn Array> = std::iter::once(&*column).chain(pieces).map(AsRef::as_ref).collect();
            *column = concat(&pieces).map_err(|error| Error::internal("put features together", error))?;
        }
        for part in parts {
            whole.unfit.extend(part.unfit);
            whole.bad.extend(part.bad);
        }
        Ok(whole)
    }
}

/// Whether anything was logged yet.
fn is_logged(path: &Path) -> Result<bool, Error> {
    match Dataset::open(path) {
        Ok(dataset) => Ok(dataset.rows() > 0),
        Err(SourceError::Missing { .. } | SourceError::NoFiles { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The rows that answer anything, in order.
fn winners(found: &Found) -> Vec<u64> {
    let mut winners: Vec<u64> = found.iter().flatten().copied().collect();
    winners.sort_unstable();
    winners.dedup();
    winners
}
fn check_supported(view: &FeatureView) -> Result<(), Error> {
    if !view.aggregations.is_empty() {
        return Err(Error::unsupported(
            format!("view `{}` has aggregations, which are registered only", view.name),
            "aggregate before the rows are written",
        ));
    }
    if view.transformation.is_some() && !view.source_views.is_empty() {
        return Err(Error::unsupported(
            format!("the transformation of view `{}` reads other views, which feast-rs does not run", view.name),
            "write the transformed rows to its `sink_source`, and define a view over that without a transformation",
        ));
    }
    Ok(())
}

fn batch_source(view: &FeatureView) -> Result<&DataSource, Error> {
    let own = view.batch_source.as_ref().and_then(DataSource::batch);
    let source = own.or_else(|| view.stream_source.as_ref().and_then(DataSource::batch));
    let source = source.ok_or_else(|| {
        Error::invalid(
            format!("view `{}` has no batch source, so it has no history", view.name),
            "give its source a `batch_source`, and run `feast-rs apply`",
        )
    })?;
    if source.timestamp_field.is_empty() {
        return Err(Error::invalid(
            format!("the source `{}` of view `{}` has no `timestamp_field`", source.name, view.name),
            "name the column of the event time in `timestamp_field`",
        ));
    }
    Ok(source)
}

fn source_path(view: &FeatureView, source: &DataSource) -> Result<String, Error> {
    let what = match &source.kind {
        SourceKind::File(file) if file.file_format == Some(FileFormat::Delta) => "Delta table",
        SourceKind::File(file) => return Ok(file.path.clone()),
        _ => source.class_name(),
    };
    Err(Error::unsupported(
        format!("the source `{}` of view `{}` is a {what}", source.name, view.name),
        "name parquet files in a FileSource, or ask Python Feast",
    ))
}

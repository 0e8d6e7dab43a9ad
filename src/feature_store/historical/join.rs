//! One view joined to a chunk of the entity table.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt32Array, new_null_array};
use arrow::compute::{concat, take};
use arrow::datatypes::DataType as Arrow;

use crate::error::Error;
use crate::feature_store::references::Lookup;
use crate::feature_store::{Observer, Progress, RefusedValue};
use crate::model::{DataSource, FeatureView, FileFormat, Settings, SourceKind, Span, Timestamp};
use crate::offline::EntityChunk;
use crate::row::{DeclaredColumn, KeyEncoder, Keys, Refusal, RowError, ViewLayout};
use crate::source::SourceError;
use crate::source::as_of::Questions;
use crate::source::parquet::{Dataset, Scan};

/// Threads that read: beyond a few, the disk and the memory are what is waited for.
const MAX_THREADS: usize = 8;
/// Refused values that are remembered, at most.
const REMEMBERED: usize = 20;

/// One view of a request, its files opened and its types checked.
pub(super) struct ViewJoin<'a> {
    lookup: &'a Lookup<'a>,
    source: &'a DataSource,
    dataset: Dataset,
    layout: ViewLayout,
    encoder: KeyEncoder,
    /// one a requested feature
    features: Vec<DeclaredColumn>,
    /// their names in the files
    columns: Vec<String>,
    threads: usize,
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

impl<'a> ViewJoin<'a> {
    pub fn open(settings: &Settings, lookup: &'a Lookup<'a>) -> Result<Self, Error> {
        let view = lookup.view;
        check_supported(view)?;
        let source = batch_source(view)?;
        let layout = ViewLayout::of(view, settings.entity_key_serialization_version)?;
        let dataset = Dataset::open(&settings.resolve(&source_path(view, source)?))?;
        let mut join = Self {
            lookup,
            source,
            encoder: KeyEncoder::new(&layout)?,
            layout,
            dataset,
            features: Vec::new(),
            columns: Vec::new(),
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MAX_THREADS),
        };
        for feature in &lookup.features {
            join.add_feature(&feature.name)?;
        }
        join.scan()?;
        Ok(join)
    }

    fn add_feature(&mut self, name: &str) -> Result<(), Error> {
        let Some(field) = self.lookup.view.features.iter().find(|field| field.name == name) else { return Ok(()) };
        let column = self.source.column_of(name).to_owned();
        let found = self.dataset.column(&column)?;
        let declared = DeclaredColumn::new(name, found, &field.dtype).map_err(|error| match error {
            RowError::Column { reason, .. } => Error::Source(SourceError::WrongType {
                path: self.dataset.path().to_owned(),
                column: column.clone(),
                role: format!("feature `{name}` ({})", field.dtype),
                reason,
                hint: Some("change the declared type, or the file".to_owned()),
            }),
            other => Error::Row(other),
        })?;
        self.features.push(declared);
        self.columns.push(column);
        Ok(())
    }

    fn scan(&self) -> Result<Scan<'_>, Error> {
        let column = |name: &str| self.source.column_of(name).to_owned();
        let created = &self.source.created_timestamp_column;
        let keys = self.layout.join_keys.iter().map(|key| column(&key.name)).collect();
        let created = (!created.is_empty()).then(|| column(created));
        let dates = self.source.timestamp_field_type == "DATE";
        Ok(Scan::new(&self.dataset, keys, column(&self.source.timestamp_field), created, dates)?)
    }

    /// Place in the answer and type of each feature.
    pub fn types(&self) -> impl Iterator<Item = (usize, Arrow)> {
        let places = self.lookup.features.iter().map(|feature| feature.place);
        places.zip(self.features.iter().map(|feature| feature.arrow_type().clone()))
    }

    /// Place in the answer and values of each feature, one value a row of `chunk`.
    pub fn answer(
        &self,
        chunk: &EntityChunk,
        refusals: &mut Refusals,
        observer: &dyn Observer,
    ) -> Result<Vec<(usize, ArrayRef)>, Error> {
        let view = &self.lookup.view.name;
        observer.progress(Progress::Reading { view, rows: self.dataset.rows() });
        let found = self.newest(chunk, observer)?;
        let mut winners: Vec<u64> = found.iter().flatten().copied().collect();
        winners.sort_unstable();
        winners.dedup();
        let columns = self.gather(&winners, refusals)?;
        let place = |row: &u64| winners.binary_search(row).ok().and_then(|place| u32::try_from(place).ok());
        let places: UInt32Array = found.iter().map(|row| row.as_ref().and_then(place)).collect();
        observer.progress(Progress::Done { view });
        let taken = columns.iter().map(|column| take(column, &places, None));
        let taken: Result<Vec<ArrayRef>, _> = taken.collect();
        let taken = taken.map_err(|error| Error::internal("put the features in the order of the entities", error))?;
        Ok(self.lookup.features.iter().map(|feature| feature.place).zip(taken).collect())
    }

    /// For each row of `chunk` the row of the source that answers it.
    fn newest(&self, chunk: &EntityChunk, observer: &dyn Observer) -> Result<Vec<Option<u64>>, Error> {
        let keys = self.keys(chunk)?;
        // a key that is null, or that the view's type has no room for, is nobody's
        let pair =
            |(key, instant): (_, &Option<Timestamp>)| instant.filter(|_| !<[u8]>::is_empty(key)).map(|at| (key, at));
        let pairs = keys.iter().zip(&chunk.instants).map(pair);
        let questions = Questions::new(pairs.map(|pair| pair.map(|(key, at)| (key, at.micros()))));
        let questions =
            questions.map_err(|_| Error::invalid("the entity table has too many rows", "join it in parts"))?;
        let ttl = self.lookup.view.ttl.filter(|ttl| *ttl > Span::ZERO).map(Span::micros);
        let progress = |rows| observer.progress(Progress::Read { rows });
        let rows = chunk.instants.len();
        Ok(self.scan()?.as_of(&questions, rows, ttl, &self.encoder, self.threads, &progress)?)
    }

    fn keys(&self, chunk: &EntityChunk) -> Result<Keys, Error> {
        let rows = chunk.batch.num_rows();
        let columns: Vec<ArrayRef> = if let Some(dummy) = self.layout.dummy_column(rows) {
            vec![dummy]
        } else {
            let given = self.layout.join_keys.iter().map(|key| self.lookup.given_name(&key.name));
            given.filter_map(|name| chunk.batch.column_by_name(name)).map(Arc::clone).collect()
        };
        let mut keys = Keys::with_capacity(rows, 32);
        self.encoder.encode(&columns, &mut keys).map_err(|error| match error {
            RowError::Column { column, reason, .. } => {
                let given = self.lookup.given_name(&column);
                Error::invalid(
                    format!("column `{given}` of the entity table cannot be the join key `{column}`: {reason}"),
                    format!("write `{given}` with the type of the entity"),
                )
            }
            other => Error::Row(other),
        })?;
        Ok(keys)
    }

    /// The features of these rows, which are in order, in their declared types.
    fn gather(&self, winners: &[u64], refusals: &mut Refusals) -> Result<Vec<ArrayRef>, Error> {
        let part = winners.len().div_ceil(self.threads).max(1);
        let thread = || Error::internal("read features", "a thread ended early");
        let parts = std::thread::scope(|scope| {
            let threads: Vec<_> = winners.chunks(part).map(|rows| scope.spawn(|| self.gather_part(rows))).collect();
            let done = threads.into_iter().map(|gathered| gathered.join().unwrap_or_else(|_| Err(thread())));
            done.collect::<Result<Vec<Part>, Error>>()
        })?;
        parts.iter().flat_map(|part| &part.refused).for_each(|refused| refusals.push(|| self.refused_value(refused)));
        let join = |(index, feature): (usize, &DeclaredColumn)| {
            let empty = new_null_array(feature.arrow_type(), 0);
            let pieces = parts.iter().filter_map(|part| part.columns.get(index));
            let pieces: Vec<&dyn Array> = std::iter::once(&empty).chain(pieces).map(AsRef::as_ref).collect();
            concat(&pieces).map_err(|error| Error::internal("put features together", error))
        };
        self.features.iter().enumerate().map(join).collect()
    }

    fn gather_part(&self, rows: &[u64]) -> Result<Part, Error> {
        let gathered = self.dataset.gather(&self.columns, rows.iter().copied())?.columns(0..rows.len())?;
        let mut part = Part::default();
        for (feature, column) in self.features.iter().zip(&gathered) {
            let (converted, refused) = feature.convert(column)?;
            let number = |refusal: Refusal| Some((*rows.get(refusal.row)?, refusal));
            part.refused.extend(refused.into_iter().filter_map(number));
            part.columns.push(converted);
        }
        Ok(part)
    }

    fn refused_value(&self, (row, refusal): &(u64, Refusal)) -> RefusedValue {
        let (file, row) = self.dataset.place(*row);
        RefusedValue {
            file: file.display().to_string(),
            row,
            column: refusal.column.clone(),
            value: refusal.value.clone(),
            reason: refusal.reason.clone(),
        }
    }
}

/// What one thread read.
#[derive(Default)]
struct Part {
    columns: Vec<ArrayRef>,
    /// number of the row in the source, and what is wrong with it
    refused: Vec<(u64, Refusal)>,
}

fn check_supported(view: &FeatureView) -> Result<(), Error> {
    if !view.aggregations.is_empty() {
        return Err(Error::unsupported(
            format!("view `{}` has aggregations, which are registered only", view.name),
            "aggregate before the rows are written",
        ));
    }
    if view.transformation.is_some() {
        return Err(Error::unsupported(
            format!("view `{}` has a transformation, which is not applied to its history yet", view.name),
            "join a view over the transformed files",
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

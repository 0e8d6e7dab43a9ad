//! The historical log of a view: where it is, which columns it has, and how spooled rows get into its files.
//!
//! ```text
//! commit    rows, positions and the log's rows, in one transaction of the online store
//! claim     which spooled rows make the next file, and its name; durable
//! write     the file: staged, synchronized, renamed
//! release   the spooled rows go
//! ```
//!
//! A crash anywhere leaves a claim, and whoever flushes next finds out from the files whether its rows arrived. So every
//! row is in the log once, wherever the work was interrupted and however the rows were cut into commits.

mod fit;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType as Arrow, Field, Schema, SchemaRef, TimeUnit};
use serde::Serialize;

use super::FeatureStore;
use crate::error::Error;
use crate::model::{DUMMY_JOIN_KEY, DataSource, FeatureView, SourceKind};
use crate::offline::{LogError, LogFiles};
use crate::online::{Claim, LogName, LogRows, Spool};
use crate::row::{Refusal, declared_arrow};
use crate::source;

use fit::LogColumn;

/// Spooled bytes that make a file of a directory log.
pub const LOG_PART_BYTES: u64 = 128 * 1024 * 1024;
/// Another program that rewrites the one file of a log rarely meets us so often in a row.
const REWRITES: usize = 5;

/// The historical log of one view.
#[derive(Clone, Debug)]
pub struct HistoricalLog {
    name: LogName,
    path: PathBuf,
    columns: Vec<LogColumn>,
    part_bytes: u64,
}

/// When the spooled rows of a stream become a part file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogParts {
    /// when so many bytes are spooled
    pub bytes: u64,
    /// when rows have waited for so long
    pub age: Duration,
}

impl Default for LogParts {
    fn default() -> Self {
        Self { bytes: LOG_PART_BYTES, age: Duration::from_mins(5) }
    }
}

/// What a flush wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Flushed {
    /// files written
    pub files: u64,
    /// rows in them
    pub rows: u64,
}

impl FeatureStore<'_> {
    /// The log that rows of `view` go to: its `sink_source`, or the batch source of what is pushed. The folder of a
    /// `sink_source` is made, with its columns, where it is not there.
    ///
    /// # Errors
    /// A view that has no log; a log that is not there or cannot be read.
    pub fn historical_log(&self, view: &FeatureView) -> Result<HistoricalLog, Error> {
        let (source, is_sink) = log_source(view)?;
        let SourceKind::File(file) = &source.kind else {
            return Err(Error::unsupported(
                format!("the log of `{}` is a {}, which feast-rs does not write", view.name, source.class_name()),
                "name parquet files in a FileSource",
            ));
        };
        let path = self.settings.resolve(&file.path);
        let log = LogName { project: self.settings.project.clone(), path: file.path.clone() };
        let files = LogFiles::at(&path)?;
        if is_sink {
            let columns = sink_columns(view, source);
            files.ensure(&schema(&columns), &batch_name())?;
            return Ok(HistoricalLog { name: log, path, columns, part_bytes: LOG_PART_BYTES });
        }
        let theirs = match source::parquet::schema(&path) {
            Ok(theirs) => theirs,
            Err(source::SourceError::Missing { .. } | source::SourceError::NoFiles { .. }) => {
                return Err(LogError::Missing { path }.into());
            }
            Err(error) => return Err(error.into()),
        };
        let columns = file_columns(&theirs, source);
        Ok(HistoricalLog { name: log, path, columns, part_bytes: LOG_PART_BYTES })
    }

    /// Makes the folders of the logs that views have of their own: readers need the columns before the first row. A log
    /// that lies where only Python writes is registered all the same.
    pub(super) fn ensure_logs(&self, views: &[FeatureView]) -> Result<(), Error> {
        for view in views.iter().filter(|view| view.sink_source.is_some() && view.source_views.is_empty()) {
            match self.historical_log(view) {
                Ok(_) | Err(Error::Log(LogError::NoPlace { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes everything that is spooled for logs of this project into their files.
    ///
    /// # Errors
    /// A log that cannot be written; its rows stay spooled.
    pub fn flush_logs(&self, store: &mut impl Spool) -> Result<Flushed, Error> {
        let mut flushed = Flushed::default();
        for spooled in store.spooled_logs()? {
            if spooled.log.project == self.settings.project {
                let path = self.settings.resolve(&spooled.log.path);
                let more = flush(store, &spooled.log, &path, LOG_PART_BYTES)?;
                flushed.files += more.files;
                flushed.rows += more.rows;
            }
        }
        Ok(flushed)
    }
}

impl HistoricalLog {
    /// The same log, whose files get about so many bytes of spooled rows each.
    #[must_use]
    pub fn with_part_bytes(self, part_bytes: u64) -> Self {
        Self { part_bytes, ..self }
    }

    /// `batch`, whose columns are called as in the log or as in the view, as rows for this log, and the rows of it that
    /// the log's columns cannot hold exactly: these are left out.
    ///
    /// # Errors
    /// A column whose type can never be the log's.
    pub fn rows(&self, batch: &RecordBatch) -> Result<(LogRows, Vec<Refusal>), Error> {
        let fitted = fit::fit(&self.columns, batch);
        let (batch, refused) =
            fitted.map_err(|error| LogError::Columns { path: self.path.clone(), reason: error.to_string() })?;
        Ok((LogRows { log: self.name.clone(), batch }, refused))
    }

    /// Which log it is.
    #[must_use]
    pub fn name(&self) -> &LogName {
        &self.name
    }

    /// Writes the rows that are spooled for this log into its files, those of an interrupted flush first. Files of a
    /// directory get about [`LOG_PART_BYTES`] of spooled rows each, or what [`with_part_bytes`](Self::with_part_bytes) said.
    ///
    /// # Errors
    /// The log or the store cannot be written; the rows stay spooled, and the next flush begins where this one stopped.
    pub fn flush(&self, store: &mut impl Spool) -> Result<Flushed, Error> {
        flush(store, &self.name, &self.path, self.part_bytes)
    }
}

fn flush(store: &mut impl Spool, log: &LogName, path: &std::path::Path, part_bytes: u64) -> Result<Flushed, Error> {
    let files = LogFiles::at(path)?;
    let _turn = files.lock()?;
    let mut flushed = Flushed::default();
    loop {
        // the name is only a proposal: the claim of an interrupted flush has its own
        let Some(claim) = store.claim(log, part_bytes, &batch_name())? else { return Ok(flushed) };
        if !files.has(&claim.part)? {
            flushed.rows += write(store, &files, &claim)?;
            flushed.files += 1;
        }
        store.release(&claim)?;
    }
}

fn write(store: &mut impl Spool, files: &LogFiles, claim: &Claim) -> Result<u64, Error> {
    let mut tries = 1;
    loop {
        match write_once(store, files, claim) {
            Err(Error::Log(LogError::Changed { .. })) if tries < REWRITES => tries += 1,
            other => return other,
        }
    }
}

fn write_once(store: &mut impl Spool, files: &LogFiles, claim: &Claim) -> Result<u64, Error> {
    let (mut writer, mut rows, mut after) = (None, 0, 0);
    while let Some((last, batches)) = store.spooled(claim, after)? {
        for batch in batches {
            let writer = match &mut writer {
                Some(writer) => writer,
                none => none.insert(files.begin(&claim.part, &batch.schema())?),
            };
            writer.write(&batch)?;
            rows += batch.num_rows() as u64;
        }
        after = last;
    }
    if let Some(writer) = writer {
        writer.finish()?;
    }
    Ok(rows)
}

/// A name that no other batch has.
fn batch_name() -> String {
    format!("part-{}", uuid::Uuid::new_v4())
}

/// Where rows of a view are logged, and whether the log is the view's own.
fn log_source(view: &FeatureView) -> Result<(&DataSource, bool), Error> {
    if let Some(sink) = &view.sink_source {
        return Ok((sink, true));
    }
    let hint = "give the view a `sink_source`: a FileSource whose path is a folder";
    if view.transformation.is_some() || view.is_kinesis() {
        let what = format!(
            "the rows of `{}` cannot be logged: its batch source holds the columns as they come, not as they are stored",
            view.name
        );
        return Err(Error::invalid(what, hint));
    }
    let own = view.batch_source.as_ref().and_then(DataSource::batch);
    let source = own.or_else(|| view.stream_source.as_ref().and_then(DataSource::batch));
    let none = || Error::invalid(format!("the rows of `{}` cannot be logged: it has no batch source", view.name), hint);
    source.map(|source| (source, false)).ok_or_else(none)
}

/// The columns of a view's own log: join keys, event time, created time, features.
fn sink_columns(view: &FeatureView, sink: &DataSource) -> Vec<LogColumn> {
    let instant = || Some(Arrow::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
    let column = |in_view: &str, arrow, nullable| LogColumn {
        name: sink.column_of(in_view).to_owned(),
        in_view: in_view.to_owned(),
        arrow,
        nullable,
    };
    let keys = view.entity_columns.iter().filter(|key| key.name != DUMMY_JOIN_KEY);
    let mut columns: Vec<LogColumn> = keys.map(|key| column(&key.name, declared_arrow(&key.dtype), true)).collect();
    let event = if sink.timestamp_field.is_empty() { &view.timestamp_field } else { &sink.timestamp_field };
    columns.push(LogColumn {
        name: event.clone(),
        in_view: sink.mapped(event).to_owned(),
        arrow: instant(),
        nullable: true,
    });
    if !sink.created_timestamp_column.is_empty() {
        let created = &sink.created_timestamp_column;
        columns.push(LogColumn {
            name: created.clone(),
            in_view: sink.mapped(created).to_owned(),
            arrow: instant(),
            nullable: true,
        });
    }
    for feature in &view.features {
        let column = column(&feature.name, declared_arrow(&feature.dtype), true);
        if columns.iter().all(|other| other.name != column.name) {
            columns.push(column);
        }
    }
    columns
}

/// The columns that the files of a source have.
fn file_columns(theirs: &SchemaRef, source: &DataSource) -> Vec<LogColumn> {
    let column = |field: &Field| LogColumn {
        name: field.name().clone(),
        in_view: source.mapped(field.name()).to_owned(),
        arrow: Some(field.data_type().clone()),
        nullable: field.is_nullable(),
    };
    theirs.fields().iter().map(|field| column(field)).collect()
}

/// The columns of a log before its first row; those whose type the rows decide come with the first of them.
fn schema(columns: &[LogColumn]) -> SchemaRef {
    let fields =
        columns.iter().filter_map(|column| Some(Field::new(&column.name, column.arrow.clone()?, column.nullable)));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

//! `online diff`: the batch source is read again, and what it gives is compared with what is stored.

use std::collections::HashSet;

use prost::Message;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::super::materialize::recompute_view;
use super::super::{FeatureStore, MaterializeRequest, Observer, ViewJob, Window};
use super::ViewTable;
use crate::error::Error;
use crate::model::{FeatureView, Interval, Span, Timestamp};
use crate::online::{OnlineError, OnlineReader, ReadRequest, SqliteReader, StoredValue};
use crate::proto::types::Value;
use crate::registry::{Access, Snapshot};
use crate::row::{Keys, RowBatch, decode_key, value_json};

/// Differences that are listed; the rest is counted.
const LISTED: usize = 20;

/// How a stored value differs from the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DifferenceKind {
    /// the source has it, the store has not
    Missing,
    /// the store holds an earlier event than the source
    Older,
    /// the same event time, another value
    Value,
    /// an event of the compared window whose entity the source does not have there
    Extra,
}

/// One value that is not what the source says.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// how it differs
    pub kind: DifferenceKind,
    /// join key -> value
    pub entity: Json,
    /// the feature; empty for an entity that only the store has
    pub feature: String,
    /// what is stored
    pub stored: Option<Json>,
    /// its event time
    pub stored_event: Option<String>,
    /// what the source says
    pub source: Option<Json>,
    /// its event time
    pub source_event: Option<String>,
}

/// A comparison of a view's table with its batch source.
#[derive(Clone, Debug, Serialize)]
pub struct DiffReport {
    /// the view
    pub view: String,
    /// first event time that was compared
    pub start: String,
    /// last event time that was compared
    pub end: String,
    /// entities that the source has in the window
    pub keys: u64,
    /// values that are the same
    pub equal: u64,
    /// values whose stored event is newer than the source's: pushed, streamed, or of a later window
    pub newer: u64,
    /// values that the store lacks, but that the view's ttl would hide
    pub expired: u64,
    /// values that the store lacks
    pub missing: u64,
    /// values of an earlier event than the source's
    pub older: u64,
    /// values that differ though their event is the same
    pub value: u64,
    /// entities that only the store has, with an event in the window
    pub extra: u64,
    /// rows of the source that cannot be used
    pub refused: u64,
    /// the first differences
    pub differences: Vec<Difference>,
}

impl DiffReport {
    /// Whether the store is what the source says. Newer values are what a store is for.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.missing + self.older + self.value + self.extra == 0
    }
}

impl FeatureStore<'_> {
    /// Compares what is stored for a view with what its batch source gives for `window`; `None` is everything from the
    /// first to the last recorded materialization. Nothing is written.
    ///
    /// # Errors
    /// No such view, no window, files or a store that cannot be read.
    pub fn online_diff(
        &self,
        view: &str,
        window: Option<Interval>,
        now: Timestamp,
        observer: &dyn Observer,
    ) -> Result<DiffReport, Error> {
        let snapshot = self.snapshot()?;
        let Some(ViewTable { view, table }) = self.view_tables(&snapshot, Some(view))?.pop() else {
            return Err(Error::not_found("feature view", view, std::iter::empty()));
        };
        let interval = window.map_or_else(|| recorded(&snapshot, view), Ok)?;
        let reader = self.online_to_read()?;
        let mut comparison = Comparison::new(view, &table, interval, now, reader);
        self.recompute(&snapshot, view, &table, interval, now, observer, &mut |batch| comparison.batch(batch))
            .map(|recomputed| comparison.report.refused = recomputed)?;
        comparison.finish()
    }

    /// Hands the newest rows that the batch source has in `interval` to `take`; says how many cannot be used.
    #[allow(clippy::too_many_arguments, reason = "one call of materialize's own pass, which has as many")]
    pub(super) fn recompute(
        &self,
        snapshot: &Snapshot,
        view: &FeatureView,
        table: &str,
        interval: Interval,
        now: Timestamp,
        observer: &dyn Observer,
        take: &mut (dyn FnMut(&RowBatch) -> bool + Send),
    ) -> Result<u64, Error> {
        let state = snapshot.states.get(&view.name).cloned().unwrap_or_default();
        let newest_created = self.registry(Access::Read)?.newest_created(&view.name)?;
        let job = ViewJob { view, state: &state, newest_created, table };
        let request = MaterializeRequest {
            views: Vec::new(),
            window: Window::Between(interval),
            allow_future: true,
            overwrite: false,
            cast: crate::row::Cast::default(),
            dry_run: true,
        };
        Ok(recompute_view(&self.settings, &job, &request, now, observer, take)?)
    }
}

/// From the first to the last recorded event time.
fn recorded(snapshot: &Snapshot, view: &FeatureView) -> Result<Interval, Error> {
    let intervals = snapshot.states.get(&view.name).map(|state| state.intervals.as_slice()).unwrap_or_default();
    let ends = intervals.iter().map(|interval| interval.end).max();
    let starts = intervals.iter().map(|interval| interval.start).min();
    match (starts, ends) {
        (Some(start), Some(end)) => Ok(Interval { start, end }),
        _ => Err(Error::invalid(
            format!("`{}` was never materialized, so there is no window to compare", view.name),
            "name one with `--start` and `--end`, or materialize first",
        )),
    }
}

/// A comparison under way.
struct Comparison<'a> {
    features: Vec<&'a str>,
    table: &'a str,
    interval: Interval,
    reader: SqliteReader,
    /// what is earlier is no longer served
    oldest: Option<Timestamp>,
    /// live rows: then the store may hold entities that the history does not have
    is_live: bool,
    seen: HashSet<Vec<u8>>,
    report: DiffReport,
    failure: Option<OnlineError>,
}

impl<'a> Comparison<'a> {
    fn new(view: &'a FeatureView, table: &'a str, interval: Interval, now: Timestamp, reader: SqliteReader) -> Self {
        let report = DiffReport {
            view: view.name.clone(),
            start: interval.start.to_string(),
            end: interval.end.to_string(),
            keys: 0,
            equal: 0,
            newer: 0,
            expired: 0,
            missing: 0,
            older: 0,
            value: 0,
            extra: 0,
            refused: 0,
            differences: Vec::new(),
        };
        Self {
            features: view.features.iter().map(|field| field.name.as_str()).collect(),
            table,
            interval,
            reader,
            oldest: view.ttl.filter(|ttl| *ttl > Span::ZERO).map(|ttl| now.saturating_sub(ttl)),
            is_live: view.stream_source.is_some(),
            seen: HashSet::new(),
            report,
            failure: None,
        }
    }

    /// Compares the rows of a batch; `false` where the store cannot be read.
    fn batch(&mut self, batch: &RowBatch) -> bool {
        let mut keys = Keys::default();
        for row in batch.rows() {
            keys.push(row.key());
        }
        let request = ReadRequest { table: self.table, keys: &keys, features: &self.features };
        let answers = match self.reader.read(&[request]) {
            Ok(answers) => answers,
            Err(error) => {
                self.failure = Some(error);
                return false;
            }
        };
        let width = self.features.len().max(1);
        for (row, stored) in batch.rows().zip(answers.iter().flat_map(|answer| answer.chunks(width))) {
            self.seen.insert(row.key().to_vec());
            for (position, stored) in stored.iter().enumerate() {
                let Some(cell) = row.cell(position) else { continue };
                self.cell(row.key(), position, stored.as_ref(), (cell.value, row.event, row.created()));
            }
        }
        true
    }

    fn cell(
        &mut self,
        key: &[u8],
        feature: usize,
        stored: Option<&StoredValue>,
        (value, event, created): (&[u8], Timestamp, Option<Timestamp>),
    ) {
        let kind = match stored {
            None if self.oldest.is_some_and(|oldest| event < oldest) => {
                self.report.expired += 1;
                return;
            }
            None => DifferenceKind::Missing,
            // what Python wrote has whole seconds
            Some(stored) if is_earlier(stored.event, event) => DifferenceKind::Older,
            Some(stored) if stored.event > event => {
                self.report.newer += 1;
                return;
            }
            Some(stored) if same_value(&stored.value, value) => {
                self.report.equal += 1;
                return;
            }
            // the same event, created later
            Some(stored) if stored.created > created => {
                self.report.newer += 1;
                return;
            }
            Some(_) => DifferenceKind::Value,
        };
        let stored = stored.map(|stored| (shown(&stored.value), stored.event.to_string()));
        let feature = self.features.get(feature).copied().unwrap_or_default();
        let source = Some((shown(value), event.to_string()));
        self.difference(kind, key, feature, stored, source);
    }

    fn difference(
        &mut self,
        kind: DifferenceKind,
        key: &[u8],
        feature: &str,
        stored: Option<(Json, String)>,
        source: Option<(Json, String)>,
    ) {
        *match kind {
            DifferenceKind::Missing => &mut self.report.missing,
            DifferenceKind::Older => &mut self.report.older,
            DifferenceKind::Value => &mut self.report.value,
            DifferenceKind::Extra => &mut self.report.extra,
        } += 1;
        if self.report.differences.len() < LISTED {
            let (stored, stored_event) = stored.unzip();
            let (source, source_event) = source.unzip();
            let feature = feature.to_owned();
            let entity = entity(key);
            let difference = Difference { kind, entity, feature, stored, stored_event, source, source_event };
            self.report.differences.push(difference);
        }
    }

    /// What the store has beyond the source.
    fn finish(mut self) -> Result<DiffReport, Error> {
        if let Some(failure) = self.failure {
            return Err(failure.into());
        }
        self.report.keys = self.seen.len() as u64;
        if !self.is_live {
            let mut extra = Vec::new();
            let (window, seen) = ((self.interval.start, self.interval.end), &self.seen);
            self.reader.keys_between(self.table, window, &mut |key, _| {
                if !seen.contains(key) {
                    extra.push(key.to_vec());
                }
            })?;
            for key in extra {
                self.difference(DifferenceKind::Extra, &key, "", None, None);
            }
        }
        Ok(self.report)
    }
}

/// Earlier even if the stored time lost its fraction of a second.
fn is_earlier(stored: Timestamp, source: Timestamp) -> bool {
    stored < source && stored.micros() != source.seconds_toward_zero().saturating_mul(1_000_000)
}

/// Maps and sets have no order in their bytes.
fn same_value(stored: &[u8], source: &[u8]) -> bool {
    stored == source || matches!((Value::decode(stored), Value::decode(source)), (Ok(a), Ok(b)) if a == b)
}

fn shown(value: &[u8]) -> Json {
    Value::decode(value).map_or(Json::Null, |value| value_json(&value))
}

/// Join key -> value, or the bytes of a key that cannot be read back.
pub(super) fn entity(key: &[u8]) -> Json {
    match decode_key(key) {
        Ok(pairs) => {
            Json::Object(pairs.into_iter().map(|(name, value)| (name, value.to_json())).collect::<Map<_, _>>())
        }
        Err(_) => Json::from(super::stored::hex(key)),
    }
}

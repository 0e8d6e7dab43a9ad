//! `status`: how full and how fresh each view is.

use std::collections::HashMap;

use serde::Serialize;

use super::super::FeatureStore;
use super::runs::RunSummary;
use super::streams::StreamStatus;
use super::{CountReport, ViewTable};
use crate::error::Error;
use crate::model::{Span, Timestamp, ViewKind};

/// How the whole project stands.
#[derive(Clone, Debug, Serialize)]
pub struct StatusReport {
    /// name of the project
    pub project: String,
    /// the moment of the report
    pub now: String,
    /// path of the online store
    pub online_store: String,
    /// steps of an interrupted command that wait to be finished
    pub pending: usize,
    /// one a view
    pub views: Vec<ViewStatus>,
}

/// How one view stands.
#[derive(Clone, Debug, Serialize)]
pub struct ViewStatus {
    /// its name
    pub view: String,
    /// `FeatureView`, `BatchFeatureView` or `StreamFeatureView`
    pub kind: &'static str,
    /// distinct entities
    pub keys: u64,
    /// feature values
    pub values: u64,
    /// latest event time
    pub newest_event: Option<String>,
    /// how long ago that was
    pub age_seconds: Option<f64>,
    /// how long a value is served; null: for ever
    pub ttl_seconds: Option<i64>,
    /// `fresh`, `expired` (even the newest value is older than the ttl), `empty`, or `no table`
    pub state: &'static str,
    /// latest end of the recorded intervals
    pub materialized_until: Option<String>,
    /// the latest run that wrote to it
    pub last_run: Option<RunSummary>,
    /// where it stands in its streams
    pub streams: Vec<StreamStatus>,
}

impl FeatureStore<'_> {
    /// How full and how fresh every view is.
    ///
    /// # Errors
    /// A registry or a store that cannot be read.
    pub fn status(&self, now: Timestamp) -> Result<StatusReport, Error> {
        let snapshot = self.snapshot()?;
        let counts = self.counts_by_view()?;
        let mut last_runs = HashMap::new();
        for run in self.runs(None, usize::MAX)? {
            last_runs.entry(run.view.clone()).or_insert(run);
        }
        let reader = self.online_reader()?;
        let mut views = Vec::new();
        for ViewTable { view, table } in self.view_tables(&snapshot, None)? {
            let count = counts.get(&view.name);
            let newest =
                count.and_then(|count| count.newest.as_deref()).and_then(|time| Timestamp::parse(time, now).ok());
            let ttl = view.ttl.filter(|ttl| *ttl > Span::ZERO);
            let intervals = snapshot.states.get(&view.name).map(|state| state.intervals.as_slice()).unwrap_or_default();
            views.push(ViewStatus {
                view: view.name.clone(),
                kind: class(view.kind),
                keys: count.map_or(0, |count| count.keys),
                values: count.map_or(0, |count| count.values),
                newest_event: newest.map(|time| time.to_string()),
                age_seconds: newest.map(|newest| seconds_between(newest, now)),
                ttl_seconds: ttl.map(|ttl| ttl.to_proto().0),
                state: state(count, newest, ttl, now),
                materialized_until: intervals.iter().map(|interval| interval.end).max().map(|end| end.to_string()),
                last_run: last_runs.remove(&view.name),
                streams: match &reader {
                    Some(reader) => self.streams(view, &table, reader, now)?,
                    None => Vec::new(),
                },
            });
        }
        Ok(StatusReport {
            project: self.settings.project.clone(),
            now: now.to_string(),
            online_store: self.online_store_name(),
            pending: snapshot.pending.len(),
            views,
        })
    }

    /// What each view's table holds; nothing where there is no store yet.
    fn counts_by_view(&self) -> Result<HashMap<String, CountReport>, Error> {
        if self.online_reader()?.is_none() {
            return Ok(HashMap::new());
        }
        Ok(self.online_count(None)?.into_iter().map(|count| (count.view.clone(), count)).collect())
    }
}

fn class(kind: ViewKind) -> &'static str {
    match kind {
        ViewKind::FeatureView => "FeatureView",
        ViewKind::BatchFeatureView => "BatchFeatureView",
        ViewKind::StreamFeatureView => "StreamFeatureView",
    }
}

fn state(count: Option<&CountReport>, newest: Option<Timestamp>, ttl: Option<Span>, now: Timestamp) -> &'static str {
    if count.is_none_or(|count| !count.exists) {
        return "no table";
    }
    match (newest, ttl) {
        (None, _) => "empty",
        (Some(newest), Some(ttl)) if newest < now.saturating_sub(ttl) => "expired",
        _ => "fresh",
    }
}

pub(super) fn seconds_between(earlier: Timestamp, later: Timestamp) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "an age needs no more")]
    let seconds = later.micros().saturating_sub(earlier.micros()) as f64 / 1e6;
    seconds
}

//! The history of runs: what each writing command did, view by view. The newest thousand of a project are kept.

use serde::Serialize;
use serde_json::{Value, json};

use super::super::{FeatureStore, ViewReport};
use crate::error::Error;
use crate::model::{Interval, Timestamp, without_passwords};
use crate::registry::{Access, Registry, Run};

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunOutcome {
    /// everything was done
    Done,
    /// some rows or records were refused
    Partial,
    /// nothing is known to be done; why
    Failed(String),
}

/// One run of a writing command on one view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRecord {
    /// the command: `materialize`, `push`, `stream-ingest`
    pub command: &'static str,
    /// which view
    pub view: String,
    /// when it began
    pub started: Timestamp,
    /// when it ended
    pub finished: Timestamp,
    /// the event times that were asked for, where the command has such
    pub window: Option<Interval>,
    /// rows or records that were read
    pub read: u64,
    /// feature values that were stored
    pub written: u64,
    /// feature values that were older than what is stored
    pub stale: u64,
    /// rows or records that were refused
    pub refused: u64,
    /// how it ended
    pub outcome: RunOutcome,
}

/// A recorded run, as `runs` shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunSummary {
    /// the command
    pub command: String,
    /// which view
    pub view: String,
    /// when it began
    pub started: String,
    /// how long it took
    pub seconds: f64,
    /// `done`, `partial` or `failed`
    pub outcome: String,
    /// first event time of the window
    pub start: Option<String>,
    /// last event time of the window
    pub end: Option<String>,
    /// rows or records that were read
    pub read: u64,
    /// feature values that were stored
    pub written: u64,
    /// feature values that were older than what is stored
    pub stale: u64,
    /// rows or records that were refused
    pub refused: u64,
    /// why it failed
    pub message: Option<String>,
}

impl RunRecord {
    /// The record of one view's materialization.
    pub(in crate::feature_store) fn of_view(report: &ViewReport, started: Timestamp, finished: Timestamp) -> Self {
        Self {
            command: "materialize",
            view: report.view.clone(),
            started,
            finished,
            window: Some(report.interval),
            read: report.read,
            written: report.written,
            stale: report.stale,
            refused: report.refused,
            outcome: if report.refused > 0 { RunOutcome::Partial } else { RunOutcome::Done },
        }
    }

    /// The record of a run that failed before it could count.
    #[must_use]
    pub fn failed(
        command: &'static str,
        view: &str,
        (started, finished): (Timestamp, Timestamp),
        message: String,
    ) -> Self {
        let outcome = RunOutcome::Failed(message);
        let view = view.to_owned();
        let (window, read, written, stale, refused) = (None, 0, 0, 0, 0);
        Self { command, view, started, finished, window, read, written, stale, refused, outcome }
    }

    /// Keeps the record in an open registry. The history is a courtesy: that it cannot be kept fails no run.
    pub(in crate::feature_store) fn keep(&self, registry: &mut Registry) {
        let _ = registry.record_run(&self.as_run());
    }

    fn as_run(&self) -> Run {
        let (outcome, message) = match &self.outcome {
            RunOutcome::Done => ("done", None),
            RunOutcome::Partial => ("partial", None),
            RunOutcome::Failed(message) => ("failed", Some(without_passwords(message))),
        };
        let report = json!({
            "outcome": outcome,
            "start": self.window.map(|window| window.start.to_string()),
            "end": self.window.map(|window| window.end.to_string()),
            "read": self.read,
            "written": self.written,
            "stale": self.stale,
            "refused": self.refused,
            "message": message,
        });
        Run {
            verb: self.command.to_owned(),
            view: self.view.clone(),
            started: self.started.micros(),
            finished: self.finished.micros(),
            report,
        }
    }
}

impl FeatureStore<'_> {
    /// Keeps what a run did. The history is a courtesy: that it cannot be kept fails no run.
    pub fn record_runs(&self, records: &[RunRecord]) {
        let Ok(mut registry) = self.registry(Access::Write) else { return };
        for record in records {
            record.keep(&mut registry);
        }
    }

    /// The latest runs, newest first: of one view or of all, `limit` at most.
    ///
    /// # Errors
    /// A registry that cannot be read, or a view that neither is there nor ever ran.
    pub fn runs(&self, view: Option<&str>, limit: usize) -> Result<Vec<RunSummary>, Error> {
        let all = self.registry(Access::Read)?.runs(usize::MAX)?;
        if let Some(name) = view.filter(|name| all.iter().all(|run| run.view != *name)) {
            self.view_tables(&self.snapshot()?, Some(name))?;
        }
        let chosen = all.iter().filter(|run| view.is_none_or(|view| run.view == view));
        Ok(chosen.take(limit).map(summary).collect())
    }
}

fn summary(run: &Run) -> RunSummary {
    let text = |name: &str| run.report[name].as_str().map(str::to_owned);
    let number = |name: &str| run.report[name].as_u64().unwrap_or(0);
    #[allow(clippy::cast_precision_loss, reason = "seconds need no more")]
    let seconds = run.finished.saturating_sub(run.started) as f64 / 1e6;
    RunSummary {
        command: run.verb.clone(),
        view: run.view.clone(),
        started: Timestamp::from_micros(run.started).to_string(),
        seconds,
        outcome: text("outcome").unwrap_or_default(),
        start: text("start"),
        end: text("end"),
        read: number("read"),
        written: number("written"),
        stale: number("stale"),
        refused: number("refused"),
        message: run.report.get("message").and_then(Value::as_str).map(str::to_owned),
    }
}

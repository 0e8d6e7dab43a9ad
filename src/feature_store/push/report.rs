//! What a push did.

use serde::Serialize;

use crate::feature_store::{RunOutcome, RunRecord};
use crate::model::Timestamp;

/// What a push did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PushReport {
    /// the push source or view that was named
    pub source: String,
    /// `online`, `offline`, `online_and_offline`
    pub to: String,
    /// what became of the records in each view
    pub views: Vec<PushedView>,
    /// the first of the refused records
    pub refused: Vec<ToldRefusal>,
    /// how many were refused by a view at least
    pub refused_count: u64,
    /// how many records were read; those up to here are stored, told or both
    pub records: u64,
    /// keys of records that no view knows
    #[serde(skip_serializing_if = "is_zero")]
    pub extra: u64,
    /// records that an earlier push of the same had stored already
    #[serde(skip_serializing_if = "is_zero")]
    pub repeated: u64,
    /// rows that were written into the files of historical logs
    #[serde(skip_serializing_if = "is_zero")]
    pub logged: u64,
    /// refused records that were added to the dead-letter file
    #[serde(skip_serializing_if = "is_zero")]
    pub dead_letters: u64,
    /// the push was stopped before the end of its input
    #[serde(skip_serializing_if = "is_false")]
    pub interrupted: bool,
    /// how long it took
    pub seconds: f64,
}

/// What became of the records in one view.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PushedView {
    /// its name
    pub view: String,
    /// records that it was offered
    pub read: u64,
    /// feature values stored; in a dry run, those that would be offered to the store; offline only, those logged
    pub written: u64,
    /// feature values older than what is stored
    pub stale: u64,
    /// feature values that a newer record of the same transaction replaced
    pub superseded: u64,
    /// records that the transformation's filter leaves out
    #[serde(skip_serializing_if = "is_zero")]
    pub filtered: u64,
}

/// A refused record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToldRefusal {
    /// its number in what was pushed, from 1
    pub record: u64,
    /// what is wrong, as `explain` knows it
    pub code: String,
    /// what is wrong with this one
    pub message: String,
    /// the view that refuses it, where others do not
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
}

impl PushReport {
    /// What is kept of the push in the history of runs, by view. Refused are the records that any view refused.
    #[must_use]
    pub fn runs(&self, started: Timestamp, finished: Timestamp) -> Vec<RunRecord> {
        let outcome = if self.is_partial() { RunOutcome::Partial } else { RunOutcome::Done };
        let record = |view: &PushedView| RunRecord {
            command: "push",
            view: view.view.clone(),
            started,
            finished,
            window: None,
            read: view.read,
            written: view.written,
            stale: view.stale,
            refused: self.refused_count,
            outcome: outcome.clone(),
        };
        self.views.iter().map(record).collect()
    }

    /// Whether records were refused, or the input was not read to its end.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.refused_count > 0 || self.interrupted
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

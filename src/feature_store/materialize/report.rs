//! What a run did.

use serde::Serialize;

use crate::model::{Interval, Timestamp};

/// What a run did, view by view.
#[derive(Debug, Default, Serialize)]
pub struct MaterializeReport {
    /// the views that were done, in the order in which they were
    pub views: Vec<ViewReport>,
    /// the views that failed: the others were done all the same
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<ViewFailure>,
    /// how long all of it took
    pub seconds: f64,
}

/// What was done with one view.
#[derive(Clone, Debug, Serialize)]
pub struct ViewReport {
    /// its name
    pub view: String,
    /// first and last event time, RFC 3339
    #[serde(flatten, serialize_with = "ends")]
    pub interval: Interval,
    /// rows in the window
    pub read: u64,
    /// distinct entities among them
    pub keys: u64,
    /// feature values stored; in a dry run, those that would be offered to the store
    pub written: u64,
    /// feature values that are older than what is stored
    pub stale: u64,
    /// rows that cannot be used
    pub refused: u64,
    /// how long it took
    pub seconds: f64,
    /// rows without an event time, which belong to no window
    #[serde(skip_serializing_if = "is_zero")]
    pub undated: u64,
    /// the first of the refused rows
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<RefusedValue>,
    /// the created time to record with the interval: rows up to it have all been read
    #[serde(skip)]
    pub newest_created: Option<Timestamp>,
}

/// A row that cannot be used.
#[derive(Clone, Debug, Serialize)]
pub struct RefusedValue {
    /// its file
    pub file: String,
    /// its number in that file, from 0
    pub row: u64,
    /// the column at fault
    pub column: String,
    /// the value, as text
    pub value: String,
    /// why
    pub reason: String,
}

/// A view that failed.
#[derive(Debug, Serialize)]
pub struct ViewFailure {
    /// its name
    pub view: String,
    /// what was wrong, with its causes
    pub message: String,
    /// the cure
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl MaterializeReport {
    /// Whether some views failed or some rows were refused.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        !self.failed.is_empty() || self.views.iter().any(|view| view.refused > 0)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn ends<S: serde::Serializer>(interval: &Interval, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let mut map = serializer.serialize_map(Some(2))?;
    map.serialize_entry("start", &interval.start.to_string())?;
    map.serialize_entry("end", &interval.end.to_string())?;
    map.end()
}

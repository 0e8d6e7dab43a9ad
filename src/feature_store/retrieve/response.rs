//! The answer: Feast's columns of values, statuses and times.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Feast's answer: one column a name, one value an entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OnlineResponse {
    /// the names of the columns
    pub metadata: ResponseMetadata,
    /// the columns, in the order of the names
    pub results: Vec<FeatureVector>,
}

/// The names of the columns: join keys, then features in the order of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseMetadata {
    /// one a column
    pub feature_names: Vec<String>,
}

/// One column of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FeatureVector {
    /// one an entity
    pub values: Vec<Json>,
    /// one an entity
    pub statuses: Vec<FieldStatus>,
    /// event time, or 1970 where there is none; whole seconds as Feast stores them
    pub event_timestamps: Vec<String>,
}

/// `feast.serving.FieldStatus`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FieldStatus {
    /// a stored or a computed value, null included
    Present,
    /// nothing is stored
    NotFound,
    /// older than the view's ttl
    OutsideMaxAge,
    /// could not be computed for this entity: an overflow, a division by zero, a failed cast
    Invalid,
}

impl FieldStatus {
    /// As an answer writes it.
    pub(super) fn json(self) -> &'static [u8] {
        match self {
            Self::Present => b"\"PRESENT\"",
            Self::NotFound => b"\"NOT_FOUND\"",
            Self::OutsideMaxAge => b"\"OUTSIDE_MAX_AGE\"",
            Self::Invalid => b"\"INVALID\"",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_written_as_it_is_read() {
        for status in [FieldStatus::Present, FieldStatus::NotFound, FieldStatus::OutsideMaxAge, FieldStatus::Invalid] {
            assert_eq!(serde_json::to_vec(&status).unwrap(), status.json());
        }
    }
}

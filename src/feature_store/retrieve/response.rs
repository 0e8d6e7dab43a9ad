//! The answer: Feast's columns of values, statuses and times.

use prost::Message;
use serde::Serialize;
use serde_json::Value as Json;

use crate::error::Error;
use crate::model::Timestamp;
use crate::online::StoredValue;
use crate::proto::types::Value;
use crate::row::value_json;

/// Feast's answer: one column a name, one value an entity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OnlineResponse {
    /// the names of the columns
    pub metadata: ResponseMetadata,
    /// the columns, in the order of the names
    pub results: Vec<FeatureVector>,
}

/// The names of the columns: join keys, then features in the order of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResponseMetadata {
    /// one a column
    pub feature_names: Vec<String>,
}

/// One column of an answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FeatureVector {
    /// one an entity
    pub values: Vec<Json>,
    /// one an entity
    pub statuses: Vec<FieldStatus>,
    /// event time, or 1970 where there is none; whole seconds as Feast stores them
    pub event_timestamps: Vec<String>,
}

/// `feast.serving.FieldStatus`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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

impl OnlineResponse {
    pub(super) fn new() -> Self {
        Self { metadata: ResponseMetadata { feature_names: Vec::new() }, results: Vec::new() }
    }

    pub(super) fn push(&mut self, name: String, column: FeatureVector) {
        self.metadata.feature_names.push(name);
        self.results.push(column);
    }
}

impl FeatureVector {
    /// Values that have no event time.
    pub(super) fn timeless(values: Vec<Json>, statuses: Vec<FieldStatus>) -> Self {
        let event_timestamps = vec![Timestamp::EPOCH.to_string(); values.len()];
        Self { values, statuses, event_timestamps }
    }

    /// Adds the value of one entity. `row_time` is the newest event time among the entity's features.
    pub(super) fn push(
        &mut self,
        cell: Option<&StoredValue>,
        row_time: Option<Timestamp>,
        oldest: Option<Timestamp>,
    ) -> Result<(), Error> {
        let (value, status, time) = match cell {
            None => (Json::Null, FieldStatus::NotFound, row_time),
            Some(stored) if oldest.is_some_and(|oldest| stored.event < oldest) => {
                (Json::Null, FieldStatus::OutsideMaxAge, Some(stored.event))
            }
            Some(stored) => (stored_json(&stored.value)?, FieldStatus::Present, Some(stored.event)),
        };
        self.values.push(value);
        self.statuses.push(status);
        let seconds = time.unwrap_or(Timestamp::EPOCH).seconds_toward_zero();
        self.event_timestamps.push(Timestamp::from_proto(seconds, 0).to_string());
        Ok(())
    }
}

/// What Feast's server shows for the bytes of a `feast.types.Value`.
pub(super) fn stored_json(value: &[u8]) -> Result<Json, Error> {
    let value = Value::decode(value);
    value.map(|value| value_json(&value)).map_err(|e| Error::internal("decode a value of the online store", e))
}

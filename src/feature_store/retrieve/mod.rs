//! `get-online-features`: the newest values of features, for entities.
//!
//! ```text
//! OnlinePlan   what a request reads and computes, found once in the registry
//! Entities     its join keys and request values, checked
//! read         one transaction of the online store, then the on-demand views
//! ```

mod body;
mod entities;
mod found;
mod plan;
mod response;
mod times;

use serde_json::Value as Json;

use super::FeatureStore;
use super::references::FeatureSet;
use crate::error::Error;
use crate::model::Timestamp;

pub use plan::{AnswerRequest, OnlineAnswer, OnlinePlan, OnlineScratch, ViewCounts};
pub use response::{FeatureVector, FieldStatus, OnlineResponse, ResponseMetadata};

/// What to read.
#[derive(Clone, Debug)]
pub struct OnlineRequest {
    /// which features
    pub features: FeatureSet,
    /// join key or request value -> one value an entity; all of one length
    pub entities: Vec<(String, Vec<Json>)>,
    /// name each feature `view__feature`
    pub full_feature_names: bool,
}

impl FeatureStore<'_> {
    /// The newest value of every requested feature, for every entity of the request, in its order.
    ///
    /// # Errors
    /// Unknown views, features, services and join keys; missing join keys and request values; values that do not fit
    /// their type; on-demand views that only Python Feast can compute.
    pub fn get_online_features(&self, request: &OnlineRequest, now: Timestamp) -> Result<OnlineResponse, Error> {
        let plan = self.online_plan(&self.snapshot()?, &request.features, request.full_feature_names)?;
        let asked = AnswerRequest { entities: &request.entities, versions: false, now };
        let answer = plan.answer(&mut self.online_to_read()?, &mut OnlineScratch::default(), &asked)?;
        serde_json::from_slice(&answer.body).map_err(|error| Error::internal("read our own answer", error))
    }
}

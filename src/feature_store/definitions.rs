//! Loading the definitions of a repo, and `validate`.

use arrow::datatypes::SchemaRef;
use serde::Serialize;

use super::{FeatureStore, check_transformation};
use crate::error::Error;
use crate::model::{DataSource, SourceKind, Timestamp};
use crate::repo::{self, Loaded, Problem, SchemaProblem};
use crate::source::{self, SourceError};

/// What a valid repo defines.
#[derive(Clone, Debug, Serialize)]
pub struct ValidationReport {
    /// how many entities
    pub entities: usize,
    /// how many data sources
    pub data_sources: usize,
    /// how many feature views, stream and batch feature views included
    pub feature_views: usize,
    /// how many on-demand feature views
    pub on_demand_feature_views: usize,
    /// how many feature services
    pub feature_services: usize,
    /// what is worth a word, but no obstacle
    pub warnings: Vec<Problem>,
    /// files that were passed over, and the like
    #[serde(skip)]
    pub notices: Vec<String>,
}

impl FeatureStore<'_> {
    /// Reads and checks every definition; writes nothing.
    ///
    /// # Errors
    /// All problems at once, each with its place.
    pub fn validate(&self, skip_source_validation: bool, now: Timestamp) -> Result<ValidationReport, Error> {
        let Loaded { definitions, warnings, notices } = self.load(skip_source_validation, now)?;
        Ok(ValidationReport {
            entities: definitions.entities.len(),
            data_sources: definitions.data_sources.len(),
            feature_views: definitions.feature_views.len(),
            on_demand_feature_views: definitions.on_demand_feature_views.len(),
            feature_services: definitions.feature_services.len(),
            warnings,
            notices,
        })
    }

    pub(super) fn load(&self, skip_source_validation: bool, now: Timestamp) -> Result<Loaded, Error> {
        let schemas = |source: &DataSource| self.schema_of(source);
        let transformations = &check_transformation::Compiler;
        Ok(repo::load(&self.settings, self.environment, &schemas, transformations, skip_source_validation, now)?)
    }

    /// The columns of a file source.
    fn schema_of(&self, source: &DataSource) -> Result<SchemaRef, SchemaProblem> {
        let SourceKind::File(file) = &source.kind else {
            return Err(SchemaProblem::Unreadable(format!("a {} has no files", source.class_name())));
        };
        source::parquet::schema(&self.settings.resolve(&file.path)).map_err(|error| match error {
            SourceError::Missing { .. } | SourceError::NoFiles { .. } => SchemaProblem::NotFound,
            other => SchemaProblem::Unreadable(in_one_line(&other)),
        })
    }
}

/// An error with its causes.
pub(super) fn in_one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    text
}

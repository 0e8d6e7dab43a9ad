//! Why no record can get into a view.

use arrow::error::ArrowError;

use crate::row::RowError;
use crate::source::SourceError;
use crate::transform::TransformError;

/// Why no record can get into a view. What is wrong with single records is told of each.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// the files that say of which types records are
    #[error(transparent)]
    Source(#[from] SourceError),
    /// keys and values
    #[error(transparent)]
    Row(#[from] RowError),
    /// Feast has it, we do not
    #[error("no record can get into view `{view}`: {what}")]
    Unsupported {
        /// name of the view
        view: String,
        /// what stands in the way
        what: String,
        /// what to do instead
        hint: String,
    },
    /// its transformation
    #[error("compiling the transformation of view `{view}`")]
    Transformation {
        /// name of the view
        view: String,
        /// what is wrong with it
        source: Box<TransformError>,
    },
    /// a source that does not say which column is the event time
    #[error("the source `{source_name}` of view `{view}` has no `timestamp_field`")]
    NoTimestampField {
        /// name of the view
        view: String,
        /// name of the source
        source_name: String,
    },
    /// records without a column that the view needs
    #[error("the {what} `{column}` of view `{view}` is no column of its records")]
    NoColumn {
        /// name of the view
        view: String,
        /// `feature`, `join key`, `event time`
        what: String,
        /// its name in the view
        column: String,
        /// what records have, by the names in the view
        columns: Vec<String>,
    },
    /// columns that do not fit what was compiled
    #[error("computing the rows of view `{view}`")]
    Columns {
        /// name of the view
        view: String,
        /// what Arrow says
        source: ArrowError,
    },
}

impl IngestError {
    /// The cure, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Source(error) => return error.hint(),
            Self::Row(error) => return error.hint(),
            Self::Unsupported { hint, .. } => hint.clone(),
            Self::Transformation { source, .. } => return source.hint.clone(),
            Self::NoTimestampField { .. } => "name the column of the event time in `timestamp_field`".to_owned(),
            Self::NoColumn { columns, .. } => format!(
                "add it to `schema_json`, rename a column with `field_mapping`, or compute it; records have: {}",
                columns.join(", ")
            ),
            Self::Columns { .. } => "this is a defect of feast-rs; please report it".to_owned(),
        })
    }
}

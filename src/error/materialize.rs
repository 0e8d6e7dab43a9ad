//! Why a view was not materialized.

use crate::model::Timestamp;
use crate::online::OnlineError;
use crate::row::RowError;
use crate::source::SourceError;
use crate::transform::TransformError;

/// Why a view was not materialized.
#[derive(Debug, thiserror::Error)]
pub enum MaterializeError {
    /// its files
    #[error(transparent)]
    Source(#[from] SourceError),
    /// its keys and values
    #[error(transparent)]
    Row(#[from] RowError),
    /// the online store
    #[error(transparent)]
    Online(#[from] OnlineError),
    /// Feast has it, we do not
    #[error("view `{view}` cannot be materialized: {what}")]
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
    /// a column of the files that the transformation reads and that holds more than a record of the stream can
    #[error(
        "column `{column}` of view `{view}` is {found} in the files and {wanted} in the stream: it would lose values"
    )]
    Narrowing {
        /// name of the view
        view: String,
        /// name of the column in the view
        column: String,
        /// its Arrow type
        found: String,
        /// its type in `schema_json`
        wanted: String,
    },
    /// a view without history
    #[error("view `{view}` has no batch source to materialize from")]
    NoBatchSource {
        /// name of the view
        view: String,
    },
    /// a source that does not say which column is the event time
    #[error("the source `{name}` of view `{view}` has no `timestamp_field`")]
    NoTimestampField {
        /// name of the view
        view: String,
        /// name of the source
        name: String,
    },
    /// a window that ends before it starts
    #[error("the start {start} is later than the end {end}")]
    StartAfterEnd {
        /// first event time
        start: Timestamp,
        /// last event time
        end: Timestamp,
        /// the start is the recorded end of an earlier run
        recorded: bool,
    },
    /// a window that ends in the future
    #[error("the end {end} lies in the future")]
    FutureEnd {
        /// last event time
        end: Timestamp,
    },
    /// `apply` ran meanwhile
    #[error("the definition of view `{view}` changed while it was materialized")]
    Changed {
        /// name of the view
        view: String,
    },
    /// a thread of ours ended early
    #[error("a thread of this run ended in the middle of view `{view}`")]
    Thread {
        /// name of the view
        view: String,
    },
}

impl MaterializeError {
    /// The cure, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Source(error) => return error.hint(),
            Self::Row(error) => return error.hint(),
            Self::Online(error) => return error.hint(),
            Self::Unsupported { hint, .. } => hint.clone(),
            Self::Transformation { source, .. } => return source.hint.clone(),
            Self::Narrowing { .. } => {
                "declare the wider type in `schema_json`, or write the files with the narrower one".to_owned()
            }
            Self::NoBatchSource { .. } => "give its source a `batch_source`, and run `feast-rs apply`".to_owned(),
            Self::NoTimestampField { .. } => "name the column of the event time in `timestamp_field`".to_owned(),
            Self::StartAfterEnd { recorded: true, .. } => {
                "an earlier run recorded a later end; materialize the missing stretch with `feast-rs materialize START END`"
                    .to_owned()
            }
            Self::StartAfterEnd { .. } => "write the earlier time first".to_owned(),
            Self::FutureEnd { .. } => {
                "later runs would skip rows that arrive until then; pass `--allow-future` if that is wanted".to_owned()
            }
            Self::Changed { .. } => "materialize it again".to_owned(),
            Self::Thread { .. } => "this is a defect of feast-rs; please report it".to_owned(),
        })
    }
}

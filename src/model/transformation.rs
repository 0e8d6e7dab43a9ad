//! What happens to a row between its source and the store.

use super::Span;

/// `feature_transformation` of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transformation {
    /// one SELECT over the table `source`
    Sql(String),
    /// one scalar SQL expression a feature, in the order written, and a predicate before them
    Expressions {
        /// feature -> expression
        expressions: Vec<(String, String)>,
        /// SQL predicate over the input columns
        filter: Option<String>,
    },
    /// Python text: registered, never executed
    UdfString(String),
}

/// `feast.Aggregation`: registered only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregation {
    /// column that is aggregated
    pub column: String,
    /// `sum`, `mean`, ...
    pub function: String,
    /// length of the window
    pub time_window: Option<Span>,
    /// step of the window; the window itself where absent
    pub slide_interval: Option<Span>,
    /// name of the result
    pub name: String,
}

//! From parquet files to the online store.
//!
//! ```text
//! Scan::newest      all cores: join keys and times -> the newest row of every key
//! Winners::deliver  one thread: their features -> batches in key order --+ bounded channel
//! BulkWriter        this thread: batches -> the store  <-----------------+
//! ```
//!
//! When a view's report comes back its rows are durable; its interval is recorded after that. A run that is killed leaves
//! good rows and no interval, and running it again completes it.

mod files;
mod report;
mod run;
mod view;
mod window;

pub use report::{MaterializeReport, RefusedValue, ViewFailure, ViewReport};
pub(super) use view::recompute_view;
pub use view::{ViewJob, materialize_view};
pub use window::Window;

use crate::row::Cast;

/// What a user asks for.
#[derive(Clone, Debug)]
pub struct MaterializeRequest {
    /// names of the views; empty: all that are served online
    pub views: Vec<String>,
    /// which event times
    pub window: Window,
    /// the window may end in the future
    pub allow_future: bool,
    /// what is read replaces newer stored values
    pub overwrite: bool,
    /// what becomes of values that do not fit
    pub cast: Cast,
    /// read and count, but write nothing
    pub dry_run: bool,
}

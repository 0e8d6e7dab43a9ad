//! The verbs: each drives the stations from definitions or rows to what is stored.

mod materialize;
mod observer;

pub use materialize::{
    MaterializeError, MaterializeReport, MaterializeRequest, RefusedValue, ViewFailure, ViewJob, ViewReport, Window,
    is_selected, materialize_view,
};
pub use observer::{Observer, Progress};

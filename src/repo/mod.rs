//! The feature repo: `feature_store.yaml` and YAML definitions in, [`crate::model::Definitions`] out.
//!
//! Files are found ([`discover`](self)), read with positions (`yaml`), mirrored (`raw*`) and given their meaning
//! (`check*`). Everything that is wrong is reported at once.

mod check;
mod check_columns;
mod check_service;
mod check_source;
mod check_transformation;
mod check_view;
mod codes;
mod diagnostics;
mod discover;
mod env;
mod error;
mod fields;
mod known;
mod load;
mod problem;
mod raw;
mod raw_service;
mod raw_source;
mod raw_view;
mod settings;
pub mod template;
mod yaml;

#[cfg(test)]
mod tests;

pub use check::{SchemaProblem, Schemas};
pub use codes::CODES;
pub use env::Env;
pub use error::RepoError;
pub use load::{Loaded, load};
pub use problem::{Paint, Problem};
pub use settings::{project_name, read_settings};

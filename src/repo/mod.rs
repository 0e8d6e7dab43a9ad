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
mod configuration;
mod diagnostics;
mod discover;
mod env;
mod error;
mod fields;
mod json_schema;
pub mod keys;
mod known;
mod load;
mod place;
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
pub use check_transformation::{TransformationProblem, TransformationText, Transformations};
pub use codes::CODES;
pub use configuration::{Setting, configuration};
pub use env::Env;
pub use error::RepoError;
pub use json_schema::{SCHEMA_FILE, json_schema};
pub use load::{Loaded, load, load_text};
pub use problem::{Paint, Problem};
pub use settings::{project_name, read_settings};

//! The feature repo: `feature_store.yaml` and YAML definitions in, [`crate::model::Definitions`] out.

mod codes;
mod diagnostics;
mod discover;
mod env;
mod error;
mod fields;
mod known;
mod problem;
mod settings;
mod yaml;

pub use codes::CODES;
pub use env::Env;
pub use error::RepoError;
pub use problem::{Paint, Problem};
pub use settings::{project_name, read_settings};

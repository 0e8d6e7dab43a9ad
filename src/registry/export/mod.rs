//! A registry as text: definitions that apply to the same objects, for feast-rs (YAML) and for Feast (Python).

mod omit;
mod python;
#[cfg(test)]
mod samples;
mod schema;
mod stored;
mod yaml;

pub use python::python;
pub use yaml::yaml;

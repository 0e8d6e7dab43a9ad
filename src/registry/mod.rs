//! What a project holds, in Feast's registry.

pub mod export;
pub mod on_demand;
mod python_text;

//! Feast's messages: `prost` structs for what we read and write ([`core`], [`types`]), tables for everything else
//! ([`descriptor`]), protobuf JSON ([`json`]) and the fields of a row that we do not know ([`wire`]).

pub mod core;
pub mod descriptor;
pub mod json;
pub mod types;
pub mod well_known;
pub mod wire;

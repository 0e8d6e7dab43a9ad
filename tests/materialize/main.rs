//! From parquet files to the online store: against Feast's answers, against a naive reference, and against bad input.

mod files;
mod golden;
mod oracle;
mod repo;
mod rules;

//! From parquet files to the online store: against Feast's answers, against a naive reference, and against bad input.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod files;
mod golden;
mod oracle;
mod repo;
mod rules;

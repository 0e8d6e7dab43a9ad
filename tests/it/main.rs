//! Black-box tests: the binary, run in a folder, by what it prints, how it exits and what it leaves behind.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod harness;
mod http;
mod sample;
mod store;

mod concurrency;
mod consent;
mod doctor;
mod historical;
mod hostile;
mod inspect;
mod mistakes;
mod on_demand;
mod operate;
mod output;
mod plan;
mod push;
mod push_golden;
mod releases;
mod retrieve;
mod serve;
mod serve_golden;
mod settings;
mod stream_ingest;
mod template;
mod validate;
mod workflow;
mod writers;

//! `feast-rs stream-ingest`, the real binary, against a simulated Kinesis: whatever fails, and whenever it is killed, no record is lost,
//! none counts twice, and the store ends as after one clean run.
//!
//! Nothing here measures this machine's time: what is about pace is counted, on the simulator's clock.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

#[path = "../it/harness.rs"]
#[allow(dead_code, reason = "the builder is shared with the other black-box tests")]
mod harness;
#[cfg(target_os = "linux")]
#[path = "../crash/shim.rs"]
#[allow(dead_code, reason = "the faults are shared with the other tests of crashes")]
mod shim;
#[path = "../simulator/mod.rs"]
mod simulator;
#[path = "../it/tally.rs"]
mod tally;

mod backlog;
mod busy;
mod fan_out;
mod faults;
mod gaps;
mod kills;
mod load;
#[cfg(target_os = "linux")]
mod logged;
mod memory;
mod order;
mod pace;
mod refused;
mod repo;
mod starts;
mod store;

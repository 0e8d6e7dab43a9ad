//! The registry against golden files of real Feast and against itself.

mod fixtures;
mod golden;
mod planning;
mod round_trip;
mod storing;

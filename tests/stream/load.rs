//! Records whose order matters: all records of a key have one event time, so that the later one wins by its place alone.

use std::collections::BTreeMap;

use crate::repo::STREAM;
use crate::simulator::Simulator;

/// Keys that records of all places share; further records have a key of their own, so that each that is lost is missed.
const SHARED: i64 = 40;

/// What was put, and what must be in the store.
#[derive(Debug)]
pub struct Load {
    /// event time of all of them, in milliseconds
    event: i64,
    count: i64,
    expected: BTreeMap<i64, i64>,
}

impl Load {
    pub fn new(simulator: &Simulator) -> Self {
        Self { event: simulator.now(), count: 0, expected: BTreeMap::new() }
    }

    /// Puts so many records.
    pub fn put(&mut self, simulator: &Simulator, records: i64) {
        for _ in 0..records {
            self.count += 1;
            let id = if self.count % 2 == 0 { self.count % SHARED } else { 1_000_000 + self.count };
            let json = record(id, self.event, self.count);
            simulator.put(STREAM, &id.to_string(), json);
            self.expected.insert(id, self.count);
        }
    }

    pub fn count(&self) -> i64 {
        self.count
    }

    /// The newest `n` of every key.
    pub fn expected(&self) -> &BTreeMap<i64, i64> {
        &self.expected
    }
}

pub fn record(id: i64, event: i64, n: i64) -> String {
    format!(r#"{{"id": {id}, "t": {event}, "n": {n}}}"#)
}

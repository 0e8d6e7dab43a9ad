//! When many commits follow each other, others get their turn in between.

use std::thread;
use std::time::{Duration, Instant};

/// Between two transactions our own writers look for their turn.
const BREATH: Duration = Duration::from_millis(2);

/// So often Python, which looks at ever longer intervals (100 ms at most), gets a gap that it cannot miss.
const GAP_EVERY: Duration = Duration::from_secs(2);
const GAP: Duration = Duration::from_millis(110);

/// When the last transactions were, and when others had their turn.
#[derive(Debug)]
pub struct Turns {
    last_gap: Instant,
    last_write: Instant,
}

impl Default for Turns {
    fn default() -> Self {
        Self::new()
    }
}

impl Turns {
    /// For transactions from now on.
    #[must_use]
    pub fn new() -> Self {
        let now = Instant::now();
        Self { last_gap: now, last_write: now }
    }

    /// Waits as long as others need between the last transaction and the next.
    pub fn make_way(&mut self) {
        let idle = self.last_write.elapsed();
        if idle >= GAP {
            self.last_gap = Instant::now();
        } else if self.last_gap.elapsed() >= GAP_EVERY {
            thread::sleep(GAP);
            self.last_gap = Instant::now();
        } else if idle < BREATH {
            thread::sleep(BREATH);
        }
    }

    /// A transaction has ended.
    pub fn wrote(&mut self) {
        self.last_write = Instant::now();
    }
}

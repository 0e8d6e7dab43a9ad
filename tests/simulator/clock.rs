//! The time it is in the simulator.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;
use tokio::time::Instant;

/// How the simulator's time passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// as everybody's
    Real,
    /// so many times as fast
    Scaled(f64),
    /// only when it is moved on
    Manual,
}

/// Begins at the machine's time. Follows tokio's clock, so that it stands still where a test pauses that.
#[derive(Debug)]
pub struct Clock {
    origin: i64,
    begun: Instant,
    pace: f64,
    added: AtomicI64,
    moved: Notify,
}

impl Clock {
    pub fn new(pace: Pace) -> Self {
        let origin = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let pace = match pace {
            Pace::Real => 1.0,
            Pace::Scaled(factor) => factor,
            Pace::Manual => 0.0,
        };
        Self {
            origin: i64::try_from(origin).unwrap(),
            begun: Instant::now(),
            pace,
            added: AtomicI64::new(0),
            moved: Notify::new(),
        }
    }

    /// Milliseconds since 1970.
    #[allow(clippy::cast_possible_truncation, reason = "milliseconds of a test")]
    pub fn now(&self) -> i64 {
        let passed = self.begun.elapsed().as_secs_f64() * 1000.0 * self.pace;
        self.origin + passed as i64 + self.added.load(Ordering::SeqCst)
    }

    pub fn advance(&self, milliseconds: i64) {
        self.added.fetch_add(milliseconds, Ordering::SeqCst);
        self.moved.notify_waiters();
    }

    /// Waits until it is `time`.
    #[allow(clippy::cast_precision_loss, reason = "milliseconds of a test")]
    pub async fn sleep_until(&self, time: i64) {
        loop {
            let moved = self.moved.notified();
            let left = time - self.now();
            if left <= 0 {
                return;
            }
            let real = if self.pace > 0.0 { left as f64 / 1000.0 / self.pace } else { 3600.0 };
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs_f64(real.max(0.001))) => {}
                () = moved => {}
            }
        }
    }

    /// Waits for so many milliseconds of its own time.
    pub async fn sleep(&self, milliseconds: i64) {
        self.sleep_until(self.now() + milliseconds).await;
    }
}

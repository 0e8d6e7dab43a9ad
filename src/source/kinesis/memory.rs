//! How much of the streams may be in memory at a time.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// A number of bytes that all readers of a process share. A reader takes what its next answer may weigh before it asks,
/// and what it took is given back when the records have become rows: when the store stalls, no more do, and reading stops.
#[derive(Debug)]
pub struct MemoryBudget {
    total: i64,
    /// below zero where answers were larger than expected
    free: Mutex<i64>,
    freed: Notify,
    /// first come, first served: who needs much is not overtaken for ever by those who need little
    turn: tokio::sync::Mutex<()>,
}

/// Bytes that were taken; given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: Arc<MemoryBudget>,
    bytes: i64,
}

impl MemoryBudget {
    /// A budget of so many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Arc<Self> {
        let total = i64::try_from(bytes).unwrap_or(i64::MAX);
        Arc::new(Self { total, free: Mutex::new(total), freed: Notify::new(), turn: tokio::sync::Mutex::new(()) })
    }

    /// Waits until so many bytes are free, and takes them. More than there are in all can be had when nobody holds any.
    ///
    /// Cancel-safe: nothing is taken before it returns.
    pub async fn reserve(self: &Arc<Self>, bytes: usize) -> Reservation {
        let wanted = i64::try_from(bytes).unwrap_or(i64::MAX).min(self.total);
        let _turn = self.turn.lock().await;
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // enabled before the look, so that what is freed between the look and the wait is not missed
            freed.as_mut().enable();
            if self.take_if_free(wanted) {
                return Reservation { budget: Arc::clone(self), bytes: wanted };
            }
            freed.await;
        }
    }

    /// Bytes that are taken.
    #[must_use]
    pub fn used(&self) -> i64 {
        self.total - *self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_if_free(&self, bytes: i64) -> bool {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = *free >= bytes;
        if fits {
            *free -= bytes;
        }
        fits
    }

    fn give(&self, bytes: i64) {
        *self.free.lock().unwrap_or_else(PoisonError::into_inner) += bytes;
        self.freed.notify_waiters();
    }
}

impl Reservation {
    /// Makes it what is really held.
    pub fn resize(&mut self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.budget.give(self.bytes - bytes);
        self.bytes = bytes;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.give(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_reader_waits_until_others_gave_back_what_it_needs() {
        let budget = MemoryBudget::new(100);
        let mut first = budget.reserve(60).await;
        assert!(tokio::time::timeout(Duration::from_secs(1), budget.reserve(50)).await.is_err());
        first.resize(40);
        let second = budget.reserve(50).await;
        assert_eq!(budget.used(), 90);
        drop((first, second));
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_larger_than_everything_is_held_and_stops_the_others() {
        let budget = MemoryBudget::new(100);
        let mut first = budget.reserve(1_000).await;
        first.resize(300);
        assert!(tokio::time::timeout(Duration::from_secs(1), budget.reserve(1)).await.is_err());
        let waiting = tokio::spawn({
            let budget = Arc::clone(&budget);
            async move { budget.reserve(100).await.bytes }
        });
        tokio::task::yield_now().await;
        drop(first);
        assert_eq!(waiting.await.unwrap(), 100);
    }
}

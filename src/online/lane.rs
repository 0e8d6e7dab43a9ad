//! The lane: one thread owns a store, and asynchronous callers wait for their turn on it without blocking theirs.

use std::thread::{self, JoinHandle};

use tokio::sync::{mpsc, oneshot};

use super::{OnlineError, OnlineStore, Outcome, WriteSet};

/// Write sets that wait. More would only hold more memory: a caller that waits reads no further, and so the wait is felt
/// up to where the rows come from.
const WAITING: usize = 4;

type Work<S> = Box<dyn FnOnce(&mut S) + Send>;

/// The way to a store that a thread owns. Clones share the thread, which ends when the last of them is dropped and
/// everything sent before is done.
#[derive(Debug)]
pub struct Lane<S> {
    sender: mpsc::Sender<Work<S>>,
}

impl<S> Clone for Lane<S> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone() }
    }
}

impl<S: Send + 'static> Lane<S> {
    /// Gives `store` to a thread of its own. Joining the handle, after the last lane was dropped, gives it back.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(store: S) -> std::io::Result<(Self, JoinHandle<S>)> {
        let (sender, receiver) = mpsc::channel(WAITING);
        let thread = thread::Builder::new().name("online store".to_owned()).spawn(move || work(store, receiver))?;
        Ok((Self { sender }, thread))
    }

    /// Runs `work` on the store, after everything that was sent before it.
    ///
    /// Not cancel-safe: once it was sent, the work is done even if nobody waits for its answer any longer.
    ///
    /// # Errors
    /// What `work` fails with; `LaneEnded` where the thread panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut S) -> Result<T, OnlineError> + Send + 'static,
    ) -> Result<T, OnlineError> {
        let (answer, answered) = oneshot::channel();
        let work: Work<S> = Box::new(move |store| {
            // whoever asked may be gone; the work is done all the same
            let _ = answer.send(work(store));
        });
        self.sender.send(work).await.map_err(|_| OnlineError::LaneEnded)?;
        answered.await.map_err(|_| OnlineError::LaneEnded)?
    }
}

impl<S: OnlineStore + Send + 'static> Lane<S> {
    /// Stores a [`WriteSet`]: see [`OnlineStore::commit`]. Not cancel-safe, as [`run`](Self::run).
    ///
    /// # Errors
    /// As [`OnlineStore::commit`], and `LaneEnded`.
    pub async fn commit(&self, set: WriteSet) -> Result<Outcome, OnlineError> {
        self.run(move |store| store.commit(&set)).await
    }
}

fn work<S>(mut store: S, mut receiver: mpsc::Receiver<Work<S>>) -> S {
    while let Some(work) = receiver.blocking_recv() {
        work(&mut store);
    }
    store
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::online::{MemoryStore, TableSpec};

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
    }

    #[test]
    fn work_is_done_in_order_and_the_store_comes_back() {
        let (lane, thread) = Lane::start(Vec::new()).unwrap();
        let other = lane.clone();
        runtime().block_on(async {
            for number in 0..100 {
                let lane = if number % 2 == 0 { &lane } else { &other };
                let length = lane.run(move |store: &mut Vec<i32>| {
                    store.push(number);
                    Ok(store.len())
                });
                assert_eq!(length.await.unwrap(), usize::try_from(number).unwrap() + 1);
            }
        });
        drop((lane, other));
        assert_eq!(thread.join().unwrap(), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn what_was_sent_is_done_although_nobody_waits() {
        let (lane, thread) = Lane::start(0).unwrap();
        runtime().block_on(async {
            let sent = lane.run(|store: &mut i32| {
                *store += 1;
                Ok(())
            });
            // polled once: sent, and then forgotten
            let _ = tokio::time::timeout(std::time::Duration::ZERO, sent).await;
        });
        drop(lane);
        assert_eq!(thread.join().unwrap(), 1);
    }

    #[test]
    fn errors_are_those_of_the_store_and_a_panic_ends_the_lane() {
        let (lane, thread) = Lane::start(MemoryStore::default()).unwrap();
        runtime().block_on(async {
            assert_eq!(lane.commit(WriteSet::default()).await.unwrap(), Outcome::default());
            let spec = TableSpec { name: "t".into(), scalars_only: true, value_num: false, needs_rowid: false };
            lane.run(move |store| store.ensure(&spec)).await.unwrap();
            let nothing = lane.run(|store| store.keep_positions("p", "v", "nothing")).await;
            assert!(matches!(nothing, Err(OnlineError::NoTable { .. })));
            let panics = lane.run(|_| -> Result<(), OnlineError> { panic!("on purpose") }).await;
            assert!(matches!(panics, Err(OnlineError::LaneEnded)));
            assert!(matches!(lane.commit(WriteSet::default()).await, Err(OnlineError::LaneEnded)));
        });
        drop(lane);
        assert!(thread.join().is_err());
    }
}

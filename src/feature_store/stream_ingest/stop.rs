//! The word to stop.

use tokio::sync::watch;

/// Says when to stop. Dropping it without a word lets the run go on.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Hears when to stop; clones hear the same.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Both ends.
    #[must_use]
    pub fn new() -> (Stopper, Self) {
        let (sender, receiver) = watch::channel(false);
        (Stopper(sender), Self(receiver))
    }

    /// Waits for the word; for ever where it cannot come any more. Cancel-safe.
    pub async fn wait(&mut self) {
        if self.0.wait_for(|stopped| *stopped).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Stopper {
    /// Everything that hears it comes to an orderly end.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

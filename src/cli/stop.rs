//! SIGINT and SIGTERM as a flag that work in hand looks at.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::runtime::Builder;
use tokio::signal::ctrl_c;

use crate::error::Error;

static STOP: AtomicBool = AtomicBool::new(false);

/// Set by the first SIGINT or SIGTERM from now on; the second ends the process at once, which loses nothing that was
/// committed.
pub fn on_signal() -> Result<&'static AtomicBool, Error> {
    let what = "wait for signals";
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| Error::io(what, error))?;
    // the thread ends with the process
    let spawned = thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            signalled().await;
            STOP.store(true, Ordering::Relaxed);
            signalled().await;
        });
        std::process::exit(130);
    });
    spawned.map_err(|error| Error::io(what, error))?;
    Ok(&STOP)
}

#[cfg(unix)]
async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        // without a handler the signal does what it does to any process
        return std::future::pending().await;
    };
    tokio::select! {
        _ = ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signalled() {
    if ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

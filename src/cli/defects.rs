//! A panic is a defect of ours, or of a library on bytes that no writer makes. It is told like any other failure.
//!
//! Decoders are allowed to panic: where they run, the panic is caught and becomes an error of its own, so nothing is
//! printed when it happens. One that nobody catches ends the command with what is known of it.

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, PoisonError};

use super::exit::Exit;
use super::output;
use crate::error::{Error, Kind};

/// Runs a command; a panic that comes out of it is told on stderr and ends it as an internal failure.
pub fn told(command: impl FnOnce() -> Exit) -> Exit {
    let last: Arc<Mutex<String>> = Arc::default();
    let seen = Arc::clone(&last);
    panic::set_hook(Box::new(move |info| *seen.lock().unwrap_or_else(PoisonError::into_inner) = info.to_string()));
    panic::catch_unwind(AssertUnwindSafe(command)).unwrap_or_else(|_| {
        let what = last.lock().unwrap_or_else(PoisonError::into_inner).replace('\n', " ");
        output::tell(&Error::internal("go on", what));
        Exit::Failed(Kind::Internal)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_internal_failure() {
        assert_eq!(told(|| panic!("on purpose")), Exit::Failed(Kind::Internal));
        assert_eq!(told(|| Exit::Done), Exit::Done);
        drop(panic::take_hook());
    }
}

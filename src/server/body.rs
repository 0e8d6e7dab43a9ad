//! Request bodies: how long they may be, and how slow.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::limits;
use crate::error::ServerError;

/// How much of a body is taken, and how long it is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub bytes: usize,
    /// what to do with a body that has more
    pub hint: &'static str,
    pub time: Duration,
}

/// A body, and the turn that a large one has.
pub(super) struct Held<'a> {
    pub bytes: Vec<u8>,
    pub turn: Option<SemaphorePermit<'a>>,
}

/// The whole body, whatever its content type; a large one is taken when it has a turn, and has it until it is dropped. Safe
/// to cancel: what has arrived is lost then.
pub(super) async fn read(body: Body, bounds: Bounds, turns: &Semaphore) -> Result<Held<'_>, ServerError> {
    let seconds = bounds.time.as_secs();
    timeout(bounds.time, read_all(body, bounds, turns)).await.unwrap_or(Err(ServerError::TooSlow { seconds }))
}

async fn read_all(mut body: Body, bounds: Bounds, turns: &Semaphore) -> Result<Held<'_>, ServerError> {
    let told = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if told > bounds.bytes {
        return Err(too_long(bounds));
    }
    let mut bytes = Vec::with_capacity(told.min(limits::SMALL_BODY));
    let mut turn = None;
    while let Some(chunk) = next_chunk(&mut body).await? {
        let length = bytes.len() + chunk.len();
        if length > bounds.bytes {
            return Err(too_long(bounds));
        }
        if length > limits::SMALL_BODY && turn.is_none() {
            // never closed
            turn = turns.acquire().await.ok();
            bytes.reserve_exact(told.saturating_sub(bytes.len()));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Held { bytes, turn })
}

/// The next piece of a body; `None` at its end. Safe to cancel.
pub(super) async fn next_chunk(body: &mut Body) -> Result<Option<bytes::Bytes>, ServerError> {
    loop {
        match poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
            None => return Ok(None),
            Some(Err(_)) => return Err(ServerError::Interrupted),
            Some(Ok(frame)) => {
                // trailers say nothing to us
                if let Ok(chunk) = frame.into_data() {
                    return Ok(Some(chunk));
                }
            }
        }
    }
}

fn too_long(bounds: Bounds) -> ServerError {
    ServerError::TooMuch {
        what: format!("the body is longer than {} bytes, the most that this endpoint takes", bounds.bytes),
        hint: bounds.hint,
    }
}

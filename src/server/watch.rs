//! `/metrics` and `/health` of a process that does something else.

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use tokio::net::TcpListener;

/// What such a process tells.
pub trait Watched: Send + Sync + 'static {
    /// in Prometheus's text form
    fn metrics(&self) -> String;

    /// A word on its health.
    ///
    /// # Errors
    /// What is wrong; answered with status 503.
    fn health(&self) -> Result<String, String>;
}

/// Answers `/metrics` and `/health` on `listener` until it is dropped.
///
/// # Errors
/// The listener fails.
pub async fn watch(listener: TcpListener, watched: Arc<dyn Watched>) -> std::io::Result<()> {
    let health = Arc::clone(&watched);
    let metrics = move || async move { ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], watched.metrics()) };
    let health = move || async move {
        match health.health() {
            Ok(text) => (StatusCode::OK, text),
            Err(text) => (StatusCode::SERVICE_UNAVAILABLE, text),
        }
    };
    axum::serve(listener, Router::new().route("/metrics", get(metrics)).route("/health", get(health))).await
}

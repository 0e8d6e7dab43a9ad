//! Endpoints: who may ask, which are there, and what is counted of them.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};

use super::{Event, Server, answer, materialize, online, openapi, push};
use crate::error::{Error, ServerError};

/// The paths that are counted under their own name.
const ENDPOINTS: &[&str] = &[
    "/get-online-features",
    "/push",
    "/push/ndjson",
    "/write-to-online-store",
    "/materialize",
    "/materialize-incremental",
    "/health",
    "/metrics",
    "/openapi.json",
];

/// How much a request asked for; a response carries it to where it is counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    pub features: usize,
    pub views: usize,
}

pub(super) fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route("/get-online-features", post(online::get_online_features))
        .route("/push", post(push::push))
        .route("/push/ndjson", post(push::ndjson))
        .route("/write-to-online-store", post(push::write_to_online_store))
        .route("/materialize", post(materialize::between))
        .route("/materialize-incremental", post(materialize::incremental))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi::document))
        .fallback(|| async { answer::detail(StatusCode::NOT_FOUND, "Not Found") })
        .method_not_allowed_fallback(|| async { answer::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed") })
        .layer(from_fn_with_state(Arc::clone(&server), around))
        .with_state(server)
}

/// What happens around every request.
async fn around(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let path = request.uri().path();
    let endpoint = ENDPOINTS.iter().find(|known| **known == path).copied().unwrap_or("other");
    let is_open = endpoint == "/health" || server.token.as_ref().is_none_or(|token| token.is_in(request.headers()));
    let response = if is_open { next.run(request).await } else { answer::failure(&ServerError::Unauthorized.into()) };
    server.metrics.request(endpoint, response.status().as_u16());
    let asked = response.extensions().get::<Asked>().copied().unwrap_or_default();
    server.metrics.latency(endpoint, asked.features, asked.views, began.elapsed());
    response
}

/// Whether features can be read: an empty answer, as Feast's. Needs no token, so that a load balancer can ask.
async fn health(State(server): State<Arc<Server>>) -> Response {
    let serving = Arc::clone(&server.serving);
    match tokio::task::spawn_blocking(move || serving.check()).await {
        Ok(Ok(())) => answer::empty(StatusCode::OK),
        _ => answer::empty(StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn metrics(State(server): State<Arc<Server>>) -> Response {
    let freshness = server.serving.freshness(server.now());
    let text = server.metrics.text(server.serving.project(), &freshness);
    let mut response = Response::new(text.into());
    let form = axum::http::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, form);
    response
}

impl Server {
    /// A handler's result as a response. Failures that no client can mend are told of.
    pub(super) fn respond(&self, endpoint: &str, result: Result<Response, Error>) -> Response {
        result.unwrap_or_else(|error| {
            let response = answer::failure(&error);
            if response.status().is_server_error() {
                (self.log)(&Event::Failed { endpoint, error: &error });
            }
            response
        })
    }
}

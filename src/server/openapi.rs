//! `GET /openapi.json`: the interface, for programs.

use axum::http::StatusCode;
use axum::response::Response;

use super::answer;

const DOCUMENT: &str = include_str!("openapi.json");

pub(super) async fn document() -> Response {
    answer::json(StatusCode::OK, DOCUMENT)
}

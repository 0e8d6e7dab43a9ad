//! What comes back: JSON, and failures in the form that Feast's client reads.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Value as Json, json};

use crate::error::Error;
use crate::model::without_passwords;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Seconds after which a busy store is worth another try.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// An answer with a body.
pub(super) fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// An answer of a given status and nothing else.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// What Feast's server answers to unknown paths and wrong methods.
pub(super) fn detail(status: StatusCode, detail: &str) -> Response {
    json(status, json!({ "detail": detail }).to_string())
}

/// A failure. Feast's client expects a JSON text that holds an object: it raises the class that it names, with the message.
pub(super) fn failure(error: &Error) -> Response {
    let status = StatusCode::from_u16(http_status(error)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, Json::from(object(error).to_string()).to_string());
    match status {
        StatusCode::SERVICE_UNAVAILABLE => response.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS),
        StatusCode::UNAUTHORIZED => response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
        _ => None,
    };
    response
}

fn object(error: &Error) -> Json {
    let (code, hint) = (error.code(), error.hint());
    let message = in_one_line(error, hint.as_deref());
    let (message, hint) = (without_passwords(&message), hint.as_deref().map(without_passwords));
    json!({"module": "feast.errors", "class": class(error), "message": message, "code": code, "hint": hint})
}

/// A failure with its causes and its cure: all that a Python user sees of it.
fn in_one_line(error: &Error, hint: Option<&str>) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    if let Some(hint) = hint {
        text.push_str(&format!(" ({hint})"));
    }
    text
}

/// The class of `feast.errors` that says the same.
fn class(error: &Error) -> &'static str {
    match error {
        Error::NotFound { what, .. } => match what.as_str() {
            "feature view" => "FeatureViewNotFoundException",
            "feature service" => "FeatureServiceNotFoundException",
            "push source or feature view" => "PushSourceNotFoundException",
            _ => "FeastObjectNotFoundException",
        },
        Error::Server(crate::error::ServerError::Unauthorized) => "FeastPermissionError",
        _ => "FeastError",
    }
}

/// Feast answers 422 where there is no such push source.
fn http_status(error: &Error) -> u16 {
    if class(error) == "PushSourceNotFoundException" { 422 } else { error.http_status() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ServerError;

    #[test]
    fn a_failure_is_a_text_that_holds_an_object() {
        let error = Error::not_found("feature view", "nope", ["note"].into_iter());
        let object = object(&error);
        assert_eq!(object["class"], "FeatureViewNotFoundException");
        assert_eq!(object["message"], "there is no feature view `nope` (did you mean `note`?)");
        assert_eq!((object["code"].as_str(), object["module"].as_str()), (Some("E1006"), Some("feast.errors")));
        assert_eq!(failure(&error).status(), 404);
    }

    #[test]
    fn statuses_say_whether_to_try_again() {
        let busy = Error::from(crate::error::ServerError::Ending);
        let response = failure(&busy);
        assert_eq!((response.status().as_u16(), response.headers().contains_key(RETRY_AFTER)), (503, true));
        let response = failure(&ServerError::Unauthorized.into());
        assert_eq!((response.status().as_u16(), response.headers().contains_key(WWW_AUTHENTICATE)), (401, true));
        let source = Error::not_found("push source or feature view", "nope", std::iter::empty());
        assert_eq!(failure(&source).status(), 422);
        assert_eq!(failure(&Error::invalid("x", "y")).status(), 422);
        assert_eq!(failure(&Error::internal("x", "y")).status(), 500);
    }
}

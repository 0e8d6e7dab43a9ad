//! `POST /materialize` and `POST /materialize-incremental`: waited for, or with `?async=true` begun.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::task::spawn_blocking;

use super::online::BOUNDS;
use super::{Event, Server, answer, body, limits};
use crate::error::{Error, ServerError};
use crate::feature_store::{Cast, MaterializeReport, MaterializeRequest, Window};
use crate::model::{Interval, Span, Timestamp};

/// The body of `/materialize`; what it does not name is Feast's default.
#[derive(Debug, Deserialize)]
struct Between {
    start_ts: Option<String>,
    end_ts: Option<String>,
    feature_views: Option<Vec<String>>,
    #[serde(default)]
    disable_event_timestamp: bool,
    version: Option<String>,
}

/// The body of `/materialize-incremental`.
#[derive(Debug, Deserialize)]
struct Incremental {
    end_ts: String,
    feature_views: Option<Vec<String>>,
    version: Option<String>,
}

pub(super) async fn between(State(server): State<Arc<Server>>, request: Request) -> Response {
    let done = async {
        let in_background = is_async(&request);
        let asked: Between = parse(&server, request).await?;
        let window = asked.window(server.now())?;
        server.materialize(window, asked.feature_views, asked.version, in_background).await
    };
    server.respond("/materialize", done.await)
}

pub(super) async fn incremental(State(server): State<Arc<Server>>, request: Request) -> Response {
    let done = async {
        let in_background = is_async(&request);
        let asked: Incremental = parse(&server, request).await?;
        let now = server.now();
        let window = Window::Since { end: Some(end(&asked.end_ts, now)?), lookback: Span::ZERO };
        server.materialize(window, asked.feature_views, asked.version, in_background).await
    };
    server.respond("/materialize-incremental", done.await)
}

/// `?async=true`, as `FastAPI` reads flags. `force`, which overrides a state that Feast's server may leave behind, is not
/// needed: ours are the operating system's locks.
fn is_async(request: &Request) -> bool {
    let mut pairs = request.uri().query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let is_set = |value: &str| ["true", "1", "on", "yes"].iter().any(|yes| value.eq_ignore_ascii_case(yes));
    pairs.any(|(name, value)| name == "async" && is_set(value))
}

async fn parse<T: DeserializeOwned>(server: &Server, request: Request) -> Result<T, ServerError> {
    let body = body::read(request.into_body(), BOUNDS, &server.bodies).await?;
    serde_json::from_slice(&body.bytes).map_err(|error| ServerError::Body { reason: error.to_string() })
}

impl Between {
    fn window(&self, now: Timestamp) -> Result<Window, Error> {
        if self.disable_event_timestamp {
            return Ok(Window::UntilNow);
        }
        let (Some(start), Some(until)) = (&self.start_ts, &self.end_ts) else {
            let reason = "`start_ts` and `end_ts` are required unless `disable_event_timestamp` is true".to_owned();
            return Err(ServerError::Body { reason }.into());
        };
        Ok(Window::Between(Interval { start: time(start, now)?, end: end(until, now)? }))
    }
}

fn time(text: &str, now: Timestamp) -> Result<Timestamp, Error> {
    Timestamp::parse(text, now).map_err(|reason| Error::invalid(reason, "a time without a zone is UTC"))
}

/// A client asks "until now" by its own clock, which may be ahead of ours.
fn end(text: &str, now: Timestamp) -> Result<Timestamp, Error> {
    let end = time(text, now)?;
    let is_skew = end > now && end <= now.saturating_add(Span::from_seconds(limits::CLOCK_SKEW_SECONDS));
    Ok(if is_skew { now } else { end })
}

impl Server {
    async fn materialize(
        self: &Arc<Self>,
        window: Window,
        views: Option<Vec<String>>,
        version: Option<String>,
        in_background: bool,
    ) -> Result<Response, Error> {
        if version.is_some() {
            return Err(Error::unsupported(
                "an earlier version of a view cannot be materialized",
                "leave `version` out: the current one is materialized",
            ));
        }
        let views = self.serving.views_to_materialize(views.as_deref())?;
        let now = self.now();
        let request = MaterializeRequest {
            views: views.clone(),
            window,
            allow_future: false,
            overwrite: false,
            cast: Cast::Lossless,
            dry_run: false,
        };
        if in_background {
            self.begin(request, now)?;
            let accepted = json!({"status": "accepted", "feature_views": views});
            return Ok(answer::json(StatusCode::ACCEPTED, accepted.to_string()));
        }
        let server = Arc::clone(self);
        let done = spawn_blocking(move || server.work(&request, now)).await;
        done.map_err(|error| Error::internal("materialize", error))??;
        Ok(answer::json(StatusCode::OK, "null"))
    }

    /// Begins a materialization that nobody waits for.
    fn begin(self: &Arc<Self>, request: MaterializeRequest, now: Timestamp) -> Result<(), Error> {
        let claim = Claim::take(self, &request.views)?;
        spawn_blocking(move || {
            if let Err(error) = claim.server.work(&request, now) {
                (claim.server.log)(&Event::Background(&error));
            }
        });
        Ok(())
    }

    /// Materializes and counts. A run that left something out is a failure that says what; the rest was done.
    fn work(&self, request: &MaterializeRequest, now: Timestamp) -> Result<(), Error> {
        let done = self.serving.store().materialize(request, now, &());
        match &done {
            Ok(report) => {
                report.views.iter().for_each(|view| self.metrics.materialized(&view.view, true, view.seconds));
                report.failed.iter().for_each(|failed| self.metrics.materialized(&failed.view, false, 0.0));
            }
            Err(_) => request.views.iter().for_each(|view| self.metrics.materialized(view, false, 0.0)),
        }
        left_out(&done?).map_or(Ok(()), |what| {
            Err(Error::invalid(what, "the rest was materialized; `feast-rs materialize` shows every refused row"))
        })
    }
}

/// What a run did not materialize.
fn left_out(report: &MaterializeReport) -> Option<String> {
    let failed =
        report.failed.iter().map(|failed| format!("`{}` was not materialized: {}", failed.view, failed.message));
    let refused = report.views.iter().filter(|view| view.refused > 0).map(|view| {
        let first = view.refusals.first();
        let first = first.map(|first| {
            let (row, file) = (first.row, &first.file);
            format!(", the first is row {row} of {file}: `{}` is {}: {}", first.column, first.value, first.reason)
        });
        format!("`{}`: {} rows were refused{}", view.view, view.refused, first.unwrap_or_default())
    });
    let all: Vec<String> = failed.chain(refused).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// The right to materialize some views in the background; it ends when this is dropped.
struct Claim {
    server: Arc<Server>,
    views: Vec<String>,
}

impl Claim {
    fn take(server: &Arc<Server>, views: &[String]) -> Result<Self, ServerError> {
        let mut taken = server.materializing.lock().unwrap_or_else(PoisonError::into_inner);
        let busy: BTreeSet<&str> = views.iter().filter(|view| taken.contains(*view)).map(String::as_str).collect();
        if !busy.is_empty() {
            return Err(ServerError::Materializing { views: busy.into_iter().collect::<Vec<_>>().join(", ") });
        }
        taken.extend(views.iter().cloned());
        drop(taken);
        Ok(Self { server: Arc::clone(server), views: views.to_vec() })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut taken = self.server.materializing.lock().unwrap_or_else(PoisonError::into_inner);
        self.views.iter().for_each(|view| {
            taken.remove(view);
        });
    }
}

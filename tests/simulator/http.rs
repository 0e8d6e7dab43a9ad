//! One request in, one answer out; how an answer is broken on the way.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::routing::post;
use bytes::Bytes;
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::api::{Answer, call, shard_of};
use super::fan_out::Part;
use super::fault::Fault;
use super::statistics::Call;
use super::stream::Refusal;
use super::{Core, control, encoding, lock};

/// The largest request: 500 records of 1 MiB in base64.
const LARGEST: usize = 700 << 20;

pub async fn serve(listener: TcpListener, core: Arc<Core>) {
    let dated = Arc::clone(&core);
    // readers know the service's clock by the date of its answers
    let date = move |mut answer: Response<Body>| {
        let date = encoding::http_date(dated.clock.now());
        answer.headers_mut().insert(header::DATE, date.parse().unwrap());
        std::future::ready(answer)
    };
    let routes = Router::new()
        .route("/", post(answer))
        .route("/_simulator/{command}", post(command))
        .layer(axum::middleware::map_response(date))
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(core);
    axum::serve(listener, routes).await.unwrap();
}

async fn command(State(core): State<Arc<Core>>, Path(name): Path<String>, body: Bytes) -> Response<Body> {
    let asked = if body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&body) };
    let answered = match asked {
        Ok(asked) => control::run(&core, &name, &asked),
        Err(error) => Err(Refusal::argument(error.to_string())),
    };
    match answered {
        Ok(value) => json_answer(StatusCode::OK, value.to_string().into_bytes()),
        Err(refusal) => refused(&refusal),
    }
}

async fn answer(State(core): State<Arc<Core>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let Ok(body) = serde_json::from_slice::<Value>(if body.is_empty() { b"{}" } else { &body }) else {
        return refused(&Refusal::new("SerializationException", "the request is no JSON"));
    };
    let shard = shard_of(&operation, &body);
    let fault = lock(&core.script).next(&operation, &shard);
    let answered = match scripted_error(fault.as_ref()) {
        Some(refusal) => Err(refusal),
        None => call(&core, &operation, &body, fault.as_ref()),
    };
    let seen = Call {
        at: core.clock.now(),
        refused: match (&answered, &fault) {
            (Err(refusal), _) => Some(refusal.code.to_owned()),
            (_, Some(fault)) => Some(format!("{fault:?}")),
            _ => None,
        },
        records: answered.as_ref().map_or(0, |(_, records)| *records),
    };
    lock(&core.statistics).add(&operation, &shard, seen);
    match answered {
        Ok((Answer::Json(body), _)) => broken(body, fault).await,
        // it is accepted, and whoever asked does not hear of it
        Ok((Answer::Events(_), _)) if matches!(fault, Some(Fault::Status(_))) => broken(Vec::new(), fault).await,
        Ok((Answer::Events(subscription), _)) => {
            let (sender, body) = channel_body();
            tokio::spawn(subscription.send(sender));
            http_answer(StatusCode::OK, "application/vnd.amazon.eventstream", body)
        }
        Err(refusal) => refused(&refusal),
    }
}

/// The refusal that a fault is, where it is one.
fn scripted_error(fault: Option<&Fault>) -> Option<Refusal> {
    let Fault::Error(code) = fault? else { return None };
    // codes live as long as the program: there are a few dozen
    Some(Refusal::new(String::leak(code.clone()), "scripted"))
}

/// The answer as a fault leaves it.
async fn broken(body: Vec<u8>, fault: Option<Fault>) -> Response<Body> {
    let half = body.len() / 2;
    match fault {
        Some(Fault::Status(status)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            http_answer(status, "text/html", Body::from("<html>scripted</html>"))
        }
        Some(Fault::LostAnswer) => http_answer(StatusCode::INTERNAL_SERVER_ERROR, "text/html", Body::empty()),
        Some(Fault::Truncated) => json_answer(StatusCode::OK, body[..half].to_vec()),
        Some(Fault::Hang(milliseconds)) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            http_answer(StatusCode::GATEWAY_TIMEOUT, "text/html", Body::empty())
        }
        Some(Fault::Reset) => {
            let (sender, broken) = channel_body();
            tokio::spawn(async move {
                // the second part is an error, on which the server drops the connection
                let _ = sender.send(Ok(Bytes::from(body).slice(..half))).await;
                let _ = sender.send(Err(std::io::Error::other("reset"))).await;
            });
            http_answer(StatusCode::OK, "application/x-amz-json-1.1", broken)
        }
        Some(Fault::Slow(milliseconds)) => {
            let (sender, slow) = channel_body();
            tokio::spawn(async move {
                let body = Bytes::from(body);
                let step = (body.len() / 10).max(1);
                for at in (0..body.len()).step_by(step) {
                    tokio::time::sleep(Duration::from_millis(milliseconds / 10)).await;
                    if sender.send(Ok(body.slice(at..body.len().min(at + step)))).await.is_err() {
                        return;
                    }
                }
            });
            http_answer(StatusCode::OK, "application/x-amz-json-1.1", slow)
        }
        _ => json_answer(StatusCode::OK, body),
    }
}

fn refused(refusal: &Refusal) -> Response<Body> {
    let status = if refusal.code == "InternalFailureException" {
        StatusCode::INTERNAL_SERVER_ERROR
    } else {
        StatusCode::BAD_REQUEST
    };
    json_answer(status, json!({"__type": refusal.code, "message": refusal.message}).to_string().into_bytes())
}

fn json_answer(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    http_answer(status, "application/x-amz-json-1.1", Body::from(body))
}

fn http_answer(status: StatusCode, content: &'static str, body: Body) -> Response<Body> {
    let answer = Response::builder().status(status).header(header::CONTENT_TYPE, content);
    answer.header("x-amzn-requestid", "00000000-0000-0000-0000-000000000000").body(body).unwrap()
}

fn channel_body() -> (mpsc::Sender<Part>, Body) {
    let (sender, receiver) = mpsc::channel(4);
    (sender, Body::new(ChannelBody(receiver)))
}

/// A body whose parts come by a channel.
struct ChannelBody(mpsc::Receiver<Part>);

impl HttpBody for ChannelBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.0.poll_recv(context).map(|part| part.map(|part| part.map(Frame::data)))
    }
}

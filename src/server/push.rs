//! `POST /push`, `POST /write-to-online-store` and, in bulk, `POST /push/ndjson`.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::{Buf, Bytes};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::body::{self, Bounds, Held};
use super::members::{count_items, members};
use super::{Server, answer, limits};
use crate::error::{Error, ServerError};
use crate::feature_store::Cast;
use crate::feature_store::push::{PushContext, PushFormat, PushInput, PushReport, PushRequest, PushTo};
use crate::feature_store::records::Shape;

const BOUNDS: Bounds = Bounds {
    bytes: limits::RECORD_BYTES,
    hint: "push in several requests, or in bulk with `POST /push/ndjson`",
    time: limits::RECORD_TIME,
};

/// Pieces of a bulk body that wait for the writer.
const PIECES: usize = 4;

/// Records with the place where they go.
struct Pushed {
    target: String,
    to: PushTo,
    shape: Shape,
    /// the records, as Feast's object of columns
    records: Vec<u8>,
}

pub(super) async fn push(State(server): State<Arc<Server>>, request: Request) -> Response {
    let done = async {
        let Held { bytes, turn: _held } = body::read(request.into_body(), BOUNDS, &server.record_bodies).await?;
        let report = server.push(Pushed::of_push(bytes)?).await?;
        whole(&report).map(|()| answer::empty(StatusCode::OK))
    };
    server.respond("/push", done.await)
}

pub(super) async fn write_to_online_store(State(server): State<Arc<Server>>, request: Request) -> Response {
    let done = async {
        let Held { bytes, turn: _held } = body::read(request.into_body(), BOUNDS, &server.record_bodies).await?;
        let mut pushed = Pushed::of_write(bytes)?;
        server.serving.check_view(&pushed.target)?;
        server.rename_times(&mut pushed);
        let report = server.push(pushed).await?;
        whole(&report).map(|()| answer::json(StatusCode::OK, "null"))
    };
    server.respond("/write-to-online-store", done.await)
}

/// Records that were refused are a failure that says which; the good ones are stored.
fn whole(report: &PushReport) -> Result<(), Error> {
    let Some(first) = report.refused.first() else { return Ok(()) };
    let written: u64 = report.views.iter().map(|view| view.written).sum();
    Err(ServerError::Refused {
        count: report.refused_count,
        records: report.records,
        written,
        first: format!("record {}: {} [{}]", first.record, first.message, first.code),
    }
    .into())
}

impl Pushed {
    fn of_push(body: Vec<u8>) -> Result<Self, ServerError> {
        let object = Object::new(body)?;
        let target = object.required("push_source_name")?;
        let to = object.optional::<String>("to")?.map_or(Ok(PushTo::Online), |to| to_of(&to))?;
        let transforms = object.optional("transform_on_write")?.unwrap_or(true);
        let shape = if transforms { Shape::Source } else { Shape::Transformed };
        Ok(Self { target, to, shape, records: object.records()? })
    }

    fn of_write(body: Vec<u8>) -> Result<Self, ServerError> {
        let object = Object::new(body)?;
        let target = object.required("feature_view_name")?;
        Ok(Self { target, to: PushTo::Online, shape: Shape::Transformed, records: object.records()? })
    }
}

fn to_of(name: &str) -> Result<PushTo, ServerError> {
    match name {
        "online" => Ok(PushTo::Online),
        "offline" => Ok(PushTo::Offline),
        "online_and_offline" => Ok(PushTo::Both),
        other => Err(ServerError::Body {
            reason: format!("`{other}` is no place to push to: `online`, `offline` or `online_and_offline`"),
        }),
    }
}

/// The body of a request whose records are not looked at here.
struct Object {
    body: Vec<u8>,
    members: Vec<(String, Range<usize>)>,
}

impl Object {
    fn new(body: Vec<u8>) -> Result<Self, ServerError> {
        let members = members(&body).map_err(|reason| ServerError::Body { reason })?;
        Ok(Self { body, members })
    }

    fn place(&self, name: &str) -> Option<Range<usize>> {
        self.members.iter().find(|(key, _)| key == name).map(|(_, place)| place.clone())
    }

    fn optional<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ServerError> {
        let Some(text) = self.place(name).and_then(|place| self.body.get(place)) else { return Ok(None) };
        serde_json::from_slice(text).map_err(|error| ServerError::Body { reason: format!("`{name}`: {error}") })
    }

    fn required<T: DeserializeOwned>(&self, name: &str) -> Result<T, ServerError> {
        let missing = || ServerError::Body { reason: format!("missing field `{name}`") };
        self.optional(name)?.ok_or_else(missing)
    }

    /// The records, in the memory that they came in.
    fn records(mut self) -> Result<Vec<u8>, ServerError> {
        let missing = || ServerError::Body { reason: "missing field `df`".to_owned() };
        let place = self.place("df").ok_or_else(missing)?;
        if self.body.get(place.start) != Some(&b'{') {
            return Err(ServerError::Body {
                reason: "`df` is no object with a list of values for each column".to_owned(),
            });
        }
        check_length(self.body.get(place.clone()).unwrap_or_default())?;
        self.body.truncate(place.end);
        self.body.drain(..place.start);
        Ok(self.body)
    }
}

/// Short values make many records of few bytes, and each one that is refused takes more than its bytes.
fn check_length(records: &[u8]) -> Result<(), ServerError> {
    let columns = members(records).map_err(|reason| ServerError::Body { reason: format!("`df`: {reason}") })?;
    let most = limits::RECORDS + 1;
    let is_long = |place: Range<usize>| count_items(records.get(place).unwrap_or_default(), most) == most;
    if columns.into_iter().any(|(_, place)| is_long(place)) {
        let what = format!("more than {} records are pushed", limits::RECORDS);
        return Err(ServerError::TooMuch { what, hint: BOUNDS.hint });
    }
    Ok(())
}

impl Server {
    async fn push(self: &Arc<Self>, pushed: Pushed) -> Result<PushReport, Error> {
        let Pushed { target, to, shape, records } = pushed;
        let request = request(target, to, shape, None);
        // never closed
        let _turn = self.writes.acquire().await;
        self.run_push(request, PushInput::Text(records), PushFormat::Json).await
    }

    async fn run_push(
        self: &Arc<Self>,
        request: PushRequest,
        input: PushInput,
        format: PushFormat,
    ) -> Result<PushReport, Error> {
        let server = Arc::clone(self);
        let pushed = spawn_blocking(move || {
            let clock = || server.now();
            let context = PushContext { clock: &clock, stop: &AtomicBool::new(false) };
            let report = server.serving.push(&request, input, format, &context)?;
            server.metrics.push(&report.source, &report.to, report.refused_count);
            Ok(report)
        });
        pushed.await.map_err(|error| Error::internal("push records", error))?
    }

    /// Feast's client calls the times `event_timestamp` and `created`, whatever their source calls them.
    fn rename_times(&self, pushed: &mut Pushed) {
        let Some((event, created)) = self.serving.time_columns(&pushed.target) else { return };
        for (theirs, own) in [("created", created), ("event_timestamp", Some(event))] {
            if let Some(own) = own.filter(|own| own != theirs) {
                rename(&mut pushed.records, theirs, &own);
            }
        }
    }
}

/// Renames a column, unless there is one of the new name.
fn rename(records: &mut Vec<u8>, from: &str, to: &str) {
    let Ok(columns) = members(records) else { return };
    if columns.iter().any(|(name, _)| name == to) {
        return;
    }
    let Some((_, place)) = columns.into_iter().find(|(name, _)| name == from) else { return };
    // the name stands before its value, in quotes and written without escapes
    let quoted = format!("\"{from}\"");
    let before = records.get(..place.start).unwrap_or_default();
    let at = before.windows(quoted.len()).rposition(|window| window == quoted.as_bytes());
    if let (Some(at), Ok(new)) = (at, serde_json::to_vec(to)) {
        records.splice(at..at + quoted.len(), new);
    }
}

fn request(target: String, to: PushTo, shape: Shape, idempotency_key: Option<String>) -> PushRequest {
    PushRequest {
        target,
        to,
        shape,
        overwrite: false,
        cast: Cast::Lossless,
        strict: false,
        require_all: false,
        dry_run: false,
        dead_letter: None,
        idempotency_key,
    }
}

pub(super) async fn ndjson(State(server): State<Arc<Server>>, request: Request) -> Response {
    server.respond("/push/ndjson", bulk(&server, request).await)
}

async fn bulk(server: &Arc<Server>, asked: Request) -> Result<Response, Error> {
    let _turn = server.bulks.acquire().await;
    let (parts, body) = asked.into_parts();
    let option = |name: &str| option(parts.uri.query().unwrap_or_default(), name);
    let missing = || ServerError::Body { reason: "missing query parameter `push_source_name`".to_owned() };
    let target = option("push_source_name").ok_or_else(missing)?;
    let to = option("to").map_or(Ok(PushTo::Online), |to| to_of(&to))?;
    let is_transformed = option("transform_on_write").is_some_and(|value| value.eq_ignore_ascii_case("false"));
    let shape = if is_transformed { Shape::Transformed } else { Shape::Source };
    let key = parts.headers.get("idempotency-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
    let (sender, receiver) = mpsc::channel(PIECES);
    let broken = Arc::new(AtomicBool::new(false));
    let input = PushInput::Pipe(Box::new(BodyReader { receiver, piece: Bytes::new(), broken: Arc::clone(&broken) }));
    let pushing = server.run_push(request(target, to, shape, key), input, PushFormat::Ndjson);
    let (sent, report) = tokio::join!(send_pieces(body, sender, &broken), pushing);
    let report = match (report, sent) {
        (Ok(report), _) => report,
        (Err(error), Ok(())) => return Err(error),
        (Err(error), Err(cause)) => return Err(cut_off(error, cause)),
    };
    let text = serde_json::to_string(&report).map_err(|error| Error::internal("write the report", error))?;
    Ok(answer::json(StatusCode::OK, text))
}

/// A body that broke off: why, with how much of it is stored.
fn cut_off(error: Error, cause: ServerError) -> Error {
    match error {
        Error::Partly { what, .. } => Error::Partly { what, source: Box::new(cause.into()) },
        _ => cause.into(),
    }
}

/// Hands the body on, piece by piece, no faster than it is stored. A body that ends too early is marked as broken before its
/// end is handed on.
async fn send_pieces(mut body: Body, sender: mpsc::Sender<Bytes>, broken: &AtomicBool) -> Result<(), ServerError> {
    loop {
        let next = timeout(limits::PIECE_TIME, body::next_chunk(&mut body)).await;
        let next = next.unwrap_or(Err(ServerError::TooSlow { seconds: limits::PIECE_TIME.as_secs() }));
        match next {
            Ok(Some(piece)) => {
                if sender.send(piece).await.is_err() {
                    return Ok(());
                }
            }
            Ok(None) => return Ok(()),
            Err(error) => {
                broken.store(true, Ordering::Release);
                return Err(error);
            }
        }
    }
}

/// The pieces of a body, for a thread that reads.
struct BodyReader {
    receiver: mpsc::Receiver<Bytes>,
    piece: Bytes,
    broken: Arc<AtomicBool>,
}

impl Read for BodyReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.piece = piece,
                None if self.broken.load(Ordering::Acquire) => return Err(io::ErrorKind::UnexpectedEof.into()),
                None => return Ok(0),
            }
        }
        let length = self.piece.len().min(into.len());
        self.piece.copy_to_slice(into.get_mut(..length).unwrap_or_default());
        Ok(length)
    }
}

/// A query parameter, `%` and `+` decoded.
fn option(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| decoded(value))
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            (other, _) => bytes.push(*other),
        }
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_stay_where_they_came() {
        let body = br#"{"push_source_name": "s", "df": {"a": [1, "}"]}, "to": "offline", "transform_on_write": false}"#;
        let pushed = Pushed::of_push(body.to_vec()).unwrap();
        assert_eq!((pushed.target.as_str(), pushed.to, pushed.shape), ("s", PushTo::Offline, Shape::Transformed));
        assert_eq!(pushed.records, br#"{"a": [1, "}"]}"#);
        for bad in [
            &b"{}"[..],
            br#"{"push_source_name": "s"}"#,
            br#"{"push_source_name": 1, "df": {}}"#,
            br#"{"push_source_name": "s", "df": []}"#,
            br#"{"push_source_name": "s", "df": {}, "to": "bogus"}"#,
        ] {
            assert!(Pushed::of_push(bad.to_vec()).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn times_are_renamed_where_nothing_of_that_name_is_there() {
        let mut records = br#"{"event_timestamp": ["event_timestamp"], "x": [1]}"#.to_vec();
        rename(&mut records, "event_timestamp", "ts");
        assert_eq!(records, br#"{"ts": ["event_timestamp"], "x": [1]}"#);
        rename(&mut records, "x", "ts");
        rename(&mut records, "absent", "y");
        assert_eq!(records, br#"{"ts": ["event_timestamp"], "x": [1]}"#);
    }

    #[test]
    fn parameters_are_decoded() {
        assert_eq!(option("a=1&b=x%20y+z%", "b").as_deref(), Some("x y z%"));
        assert_eq!(option("a=1", "b"), None);
    }
}

//! Enhanced fan-out: consumers, and the event stream of `SubscribeToShard`.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_kinesis::primitives::event_stream::{Header, HeaderValue, Message};
use aws_smithy_eventstream::frame::write_message_to;
use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;

use super::api::{children_json, push_records, refuse_dry_run, stream_name, text};
use super::fault::Fault;
use super::read::{Page, Start, page_at, start_of};
use super::stream::{Consumer, Refusal, Stream};
use super::{Core, encoding, lock};

/// A part of an HTTP body, or the connection's end.
pub type Part = Result<Bytes, std::io::Error>;

/// Records of an event at most.
const EVENT_RECORDS: usize = 1000;

/// Between looks at a shard that has nothing new, in milliseconds of the simulator's time.
const LOOK: i64 = 50;

pub fn register(core: &Core, body: &Value) -> Result<Value, Refusal> {
    let now = core.clock.now();
    let name = text(body, "ConsumerName")?;
    let mut world = lock(&core.world);
    let stream = world.stream(stream_name(body)?)?;
    if stream.consumers.iter().any(|consumer| consumer.name == name) {
        return Err(Refusal::new("ResourceInUseException", format!("Consumer {name} already exists.")));
    }
    if stream.consumers.len() >= 20 {
        return Err(Refusal::new("LimitExceededException", "20 consumers are registered"));
    }
    let arn = format!("{}/consumer/{name}:{}", stream.arn(), now / 1000);
    stream.consumers.push(Consumer { name: name.to_owned(), arn, created: now, subscriptions: BTreeMap::new() });
    Ok(json!({"Consumer": consumer_json(core, stream.consumers.last().unwrap(), false)}))
}

fn consumer_json(core: &Core, consumer: &Consumer, described: bool) -> Value {
    let status = if is_active(core, consumer) { "ACTIVE" } else { "CREATING" };
    let mut value = json!({
        "ConsumerName": consumer.name,
        "ConsumerARN": consumer.arn,
        "ConsumerStatus": status,
        "ConsumerCreationTimestamp": encoding::seconds(consumer.created),
    });
    if described {
        value["StreamARN"] = consumer.arn.split("/consumer/").next().unwrap_or_default().into();
    }
    value
}

fn is_active(core: &Core, consumer: &Consumer) -> bool {
    core.clock.now() - consumer.created >= core.options().consumer_creation
}

/// Index of the consumer that a call names by its ARN, or by its name and its stream.
fn find<'a>(world: &'a mut super::stream::World, body: &Value) -> Result<(&'a mut Stream, usize), Refusal> {
    let arn = body["ConsumerARN"].as_str();
    let stream = match arn.and_then(|arn| arn.split_once("/consumer/")) {
        Some((stream, _)) => stream.rsplit(":stream/").next().unwrap_or_default().to_owned(),
        None => stream_name(body)?.to_owned(),
    };
    let stream = world.stream(&stream)?;
    let is_meant = |consumer: &Consumer| match arn {
        Some(arn) => consumer.arn == arn,
        None => Some(consumer.name.as_str()) == body["ConsumerName"].as_str(),
    };
    let found = stream.consumers.iter().position(is_meant);
    let found = found.ok_or_else(|| Refusal::not_found("Consumer not found."))?;
    Ok((stream, found))
}

pub fn describe(core: &Core, body: &Value) -> Result<Value, Refusal> {
    let mut world = lock(&core.world);
    let (stream, at) = find(&mut world, body)?;
    Ok(json!({"ConsumerDescription": consumer_json(core, &stream.consumers[at], true)}))
}

pub fn deregister(core: &Core, body: &Value) -> Result<Value, Refusal> {
    let mut world = lock(&core.world);
    let (stream, at) = find(&mut world, body)?;
    stream.consumers.remove(at);
    Ok(json!({}))
}

pub fn list(core: &Core, body: &Value) -> Result<Value, Refusal> {
    let mut world = lock(&core.world);
    let stream = world.stream(stream_name(body)?)?;
    let consumers: Vec<_> = stream.consumers.iter().map(|consumer| consumer_json(core, consumer, false)).collect();
    Ok(json!({"Consumers": consumers}))
}

/// An accepted subscription, whose events are still to be sent.
pub struct Subscription {
    core: Arc<Core>,
    consumer: String,
    shard: String,
    incarnation: u64,
    /// of its consumer and shard; a later one takes over
    number: u64,
    next: Start,
    ends: i64,
    fault: Option<Fault>,
}

pub fn subscribe(core: &Arc<Core>, body: &Value, fault: Option<&Fault>) -> Result<Subscription, Refusal> {
    let (options, now) = (core.options(), core.clock.now());
    let shard = text(body, "ShardId")?.to_owned();
    let mut world = lock(&core.world);
    let (stream, at) = find(&mut world, body)?;
    stream.expire(now);
    if !is_active(core, &stream.consumers[at]) {
        return Err(Refusal::new("ResourceInUseException", "Consumer is not ACTIVE."));
    }
    let position = &body["StartingPosition"];
    let next = start_of(
        stream,
        stream.shard(&shard)?,
        text(position, "Type")?,
        position["SequenceNumber"].as_str(),
        encoding::milliseconds(&position["Timestamp"]),
        now,
    )?;
    refuse_dry_run(body)?;
    let incarnation = stream.incarnation;
    let consumer = &mut stream.consumers[at];
    let last = consumer.subscriptions.get(&shard).copied();
    if last.is_some_and(|(accepted, _)| now - accepted < options.subscription_spacing) {
        let words = format!("Another active subscription exists for this consumer: {}", consumer.name);
        return Err(Refusal::new("ResourceInUseException", words));
    }
    let number = last.map_or(0, |(_, number)| number) + 1;
    consumer.subscriptions.insert(shard.clone(), (now, number));
    let consumer = consumer.name.clone();
    let (core, fault) = (Arc::clone(core), fault.cloned());
    Ok(Subscription { core, consumer, shard, incarnation, number, next, ends: now + options.subscription_life, fault })
}

/// What a subscription has to say next.
enum Said {
    Page(Page),
    /// it is over, with the code of an exception where there is one
    Over(Option<&'static str>),
}

impl Subscription {
    /// Sends its events until it ends or nobody listens.
    pub async fn send(mut self, parts: Sender<Part>) {
        let is_greeted = self.fault != Some(Fault::NoInitialResponse);
        if is_greeted && parts.send(Ok(frame("initial-response", b"{}"))).await.is_err() {
            return;
        }
        let mut events = 0;
        let heartbeat = self.core.options().heartbeat;
        let mut quiet_since = self.core.clock.now();
        loop {
            let page = match self.look() {
                Said::Page(page) => page,
                Said::Over(code) => {
                    if let Some(code) = code {
                        let _ = parts.send(Ok(exception(code))).await;
                    }
                    return;
                }
            };
            let ended = page.next.is_none();
            let now = self.core.clock.now();
            if page.records.is_empty() && !ended && now - quiet_since < heartbeat {
                self.wait().await;
                continue;
            }
            quiet_since = now;
            let event = event(&page);
            if let Some(sent) = self.break_after(events, &event, &parts).await
                && !sent
            {
                return;
            }
            if parts.send(Ok(event)).await.is_err() {
                return;
            }
            events += 1;
            if ended {
                return;
            }
            self.next = page.next.map_or(self.next, Start::Number);
        }
    }

    fn look(&self) -> Said {
        let now = self.core.clock.now();
        let mut world = lock(&self.core.world);
        let Ok(stream) = world.incarnation(self.incarnation) else {
            return Said::Over(Some("ResourceNotFoundException"));
        };
        let consumer = stream.consumers.iter().find(|consumer| consumer.name == self.consumer);
        let Some(consumer) = consumer else { return Said::Over(Some("ResourceNotFoundException")) };
        if consumer.subscriptions.get(&self.shard).is_some_and(|(_, number)| *number != self.number) {
            // a later subscription took over
            return Said::Over(None);
        }
        if now >= self.ends {
            return Said::Over(None);
        }
        stream.expire(now);
        let Ok(shard) = stream.shard(&self.shard) else { return Said::Over(Some("ResourceNotFoundException")) };
        Said::Page(page_at(stream, shard, self.next, EVENT_RECORDS, true, now))
    }

    async fn wait(&self) {
        tokio::select! {
            () = self.core.changed.notified() => {}
            () = self.core.clock.sleep(LOOK) => {}
        }
    }

    /// Does what the script says once so many events have been sent: `None` where it has nothing to say yet, else whether the
    /// subscription goes on.
    async fn break_after(&self, events: usize, event: &Bytes, parts: &Sender<Part>) -> Option<bool> {
        let broken = match self.fault.as_ref()? {
            Fault::CorruptFrame(after) if events >= *after => {
                let mut bytes = BytesMut::from(&event[..]);
                let last = bytes.len() - 1;
                bytes[last] ^= 0xff;
                Ok(bytes.freeze())
            }
            Fault::CutFrame(after) if events >= *after => {
                let _ = parts.send(Ok(event.slice(..event.len() / 2))).await;
                Err(std::io::Error::other("cut"))
            }
            Fault::ErrorFrame(after) if events >= *after => Ok(error_frame()),
            Fault::ExceptionFrame(after, code) if events >= *after => Ok(exception(code)),
            Fault::SilentFrames(after) if events >= *after => {
                parts.closed().await;
                return Some(false);
            }
            Fault::EarlyEnd(after) if events >= *after => return Some(false),
            _ => return None,
        };
        let _ = parts.send(broken).await;
        Some(false)
    }
}

fn event(page: &Page) -> Bytes {
    let mut payload = Vec::new();
    payload.extend_from_slice(br#"{"Records":"#);
    push_records(&mut payload, &page.records);
    payload.extend_from_slice(format!(r#","MillisBehindLatest":{}"#, page.behind).as_bytes());
    match page.next {
        Some(next) => {
            // what is continued after is the number before the next
            let number = encoding::sequence(next.saturating_sub(1));
            payload.extend_from_slice(format!(r#","ContinuationSequenceNumber":"{number}"}}"#).as_bytes());
        }
        None => payload.extend_from_slice(
            format!(r#","ContinuationSequenceNumber":null,"ChildShards":{}}}"#, children_json(&page.children))
                .as_bytes(),
        ),
    }
    frame("SubscribeToShardEvent", &payload)
}

fn frame(event_type: &str, payload: &[u8]) -> Bytes {
    written(
        &[(":message-type", "event"), (":event-type", event_type), (":content-type", "application/x-amz-json-1.1")],
        payload,
    )
}

fn exception(code: &str) -> Bytes {
    let payload = json!({"message": "scripted"}).to_string();
    let headers =
        [(":message-type", "exception"), (":exception-type", code), (":content-type", "application/x-amz-json-1.1")];
    written(&headers, payload.as_bytes())
}

fn error_frame() -> Bytes {
    written(&[(":message-type", "error"), (":error-code", "InternalFailure"), (":error-message", "scripted")], b"")
}

fn written(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let header =
        |(name, value): &(&str, &str)| Header::new((*name).to_owned(), HeaderValue::String((*value).to_owned().into()));
    let message = Message::new_from_parts(headers.iter().map(header).collect(), Bytes::copy_from_slice(payload));
    let mut out = BytesMut::new();
    write_message_to(&message, &mut out).unwrap();
    out.freeze()
}

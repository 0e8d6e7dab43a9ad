//! JSON 1.1 of each operation.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::fault::Fault;
use super::list::{filtered, hash_range, shard_json};
use super::read::{PAGE_RECORDS, Page, ShardIterator, get_records, start_of, take_quota};
use super::stream::{Record, Refusal, Stream};
use super::{Core, encoding, fan_out, lock};

/// How a call is answered.
pub enum Answer {
    Json(Vec<u8>),
    Events(fan_out::Subscription),
}

/// One call: what it is, on which shard, and what the service answers. `fault` is one that changes the answer itself.
pub fn call(
    core: &Arc<Core>,
    operation: &str,
    body: &Value,
    fault: Option<&Fault>,
) -> Result<(Answer, usize), Refusal> {
    if operation == "SubscribeToShard" {
        return fan_out::subscribe(core, body, fault).map(|subscription| (Answer::Events(subscription), 0));
    }
    if operation == "GetRecords" {
        let page = read(core, body, fault)?;
        return Ok((Answer::Json(page_json(&page)), page.records.len()));
    }
    let value = match operation {
        "ListShards" => list_shards(core, body),
        "GetShardIterator" => get_shard_iterator(core, body),
        "DescribeStreamSummary" | "DescribeStream" => describe(core, operation, body),
        "PutRecords" => put_records(core, body),
        "PutRecord" => put_record(core, body),
        "RegisterStreamConsumer" => fan_out::register(core, body),
        "DescribeStreamConsumer" => fan_out::describe(core, body),
        "DeregisterStreamConsumer" => fan_out::deregister(core, body),
        "ListStreamConsumers" => fan_out::list(core, body),
        _ => manage(core, operation, body),
    };
    Ok((Answer::Json(value?.to_string().into_bytes()), 0))
}

/// The shard that a call is about; empty where it is about a stream.
pub fn shard_of(operation: &str, body: &Value) -> String {
    if operation == "GetRecords" {
        let iterator = body["ShardIterator"].as_str().and_then(ShardIterator::parse);
        return iterator.map(|iterator| iterator.shard).unwrap_or_default();
    }
    body["ShardId"].as_str().unwrap_or_default().to_owned()
}

/// The stream's name, from its name or its ARN.
pub fn stream_name(body: &Value) -> Result<&str, Refusal> {
    let by_arn = body["StreamARN"].as_str().and_then(|arn| arn.split_once(":stream/")).map(|(_, name)| name);
    by_arn
        .or_else(|| body["StreamName"].as_str())
        .ok_or_else(|| Refusal::argument("Either StreamName or StreamARN must be given"))
}

pub fn text<'a>(body: &'a Value, key: &str) -> Result<&'a str, Refusal> {
    body[key].as_str().ok_or_else(|| Refusal::new("ValidationException", format!("{key} is missing")))
}

pub fn refuse_dry_run(body: &Value) -> Result<(), Refusal> {
    if body["DryRun"] == true {
        return Err(Refusal::new("DryRunOperationException", "Request would have succeeded, but DryRun flag is set."));
    }
    Ok(())
}

fn read(core: &Core, body: &Value, fault: Option<&Fault>) -> Result<Page, Refusal> {
    let iterator = ShardIterator::parse(text(body, "ShardIterator")?)
        .ok_or_else(|| Refusal::argument("Invalid ShardIterator."))?;
    let limit = body["Limit"].as_u64().unwrap_or(PAGE_RECORDS as u64);
    let limit = usize::try_from(limit).ok().filter(|limit| (1..=PAGE_RECORDS).contains(limit));
    let limit = limit.ok_or_else(|| Refusal::argument("Limit must be between 1 and 10000"))?;
    refuse_dry_run(body)?;
    let mut page = get_records(core, &iterator, limit, fault)?;
    if let Some(next) = page.next {
        let next = ShardIterator { start: super::read::Start::Number(next), issued: core.clock.now(), ..iterator };
        page.iterator = Some(next.to_text());
    }
    Ok(page)
}

fn page_json(page: &Page) -> Vec<u8> {
    let mut out = Vec::with_capacity(200 + page.records.len() * 400);
    out.extend_from_slice(br#"{"Records":"#);
    push_records(&mut out, &page.records);
    if let Some(iterator) = &page.iterator {
        out.extend_from_slice(br#","NextShardIterator":""#);
        out.extend_from_slice(iterator.as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(br#","ChildShards":"#);
        out.extend_from_slice(children_json(&page.children).to_string().as_bytes());
    }
    out.extend_from_slice(format!(r#","MillisBehindLatest":{}}}"#, page.behind).as_bytes());
    out
}

/// A JSON array of records.
pub fn push_records(out: &mut Vec<u8>, records: &[Record]) {
    out.push(b'[');
    for (index, record) in records.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let arrival = encoding::seconds_text(record.arrival);
        let number = encoding::sequence(record.number);
        let key = Value::from(record.key.as_str());
        out.extend_from_slice(
            format!(
                r#"{{"SequenceNumber":"{number}","ApproximateArrivalTimestamp":{arrival},"PartitionKey":{key},"Data":""#
            )
            .as_bytes(),
        );
        encoding::push_base64(out, &record.data);
        out.extend_from_slice(br#""}"#);
    }
    out.push(b']');
}

pub fn children_json(children: &[super::read::Child]) -> Value {
    let child = |child: &super::read::Child| json!({"ShardId": child.shard, "ParentShards": child.parents, "HashKeyRange": hash_range(child.hash_range)});
    children.iter().map(child).collect()
}

fn get_shard_iterator(core: &Core, body: &Value) -> Result<Value, Refusal> {
    let (options, now) = (core.options(), core.clock.now());
    let (name, id) = (stream_name(body)?, text(body, "ShardId")?);
    let mut world = lock(&core.world);
    let stream = world.stream(name)?;
    stream.expire(now);
    let shard = stream.shard_mut(id)?;
    refuse_dry_run(body)?;
    take_quota(&mut shard.iterators, options.iterators_per_second, now, id)?;
    let start = start_of(
        stream,
        stream.shard(id)?,
        text(body, "ShardIteratorType")?,
        body["StartingSequenceNumber"].as_str(),
        encoding::milliseconds(&body["Timestamp"]),
        now,
    )?;
    let iterator = ShardIterator { incarnation: stream.incarnation, shard: id.to_owned(), start, issued: now };
    Ok(json!({"ShardIterator": iterator.to_text()}))
}

fn list_shards(core: &Core, body: &Value) -> Result<Value, Refusal> {
    let (options, now) = (core.options(), core.clock.now());
    let token = body["NextToken"].as_str();
    let (name, filter, after) = match token {
        Some(_) if !body["StreamName"].is_null() || !body["ShardFilter"].is_null() => {
            return Err(Refusal::argument("NextToken and StreamName or ShardFilter cannot be provided together."));
        }
        Some(token) => parse_token(token, now)?,
        None => {
            let after = body["ExclusiveStartShardId"].as_str().unwrap_or_default().to_owned();
            (stream_name(body)?.to_owned(), body["ShardFilter"].clone(), after)
        }
    };
    let mut world = lock(&core.world);
    let stream = world.stream(&name)?;
    stream.expire(now);
    let asked = body["MaxResults"].as_u64().and_then(|asked| usize::try_from(asked).ok()).unwrap_or(1000);
    let mut found = filtered(stream, &filter, now)?;
    found.retain(|shard| shard.id > after);
    let page = asked.min(options.shards_per_page).min(found.len());
    let mut answer = json!({"Shards": found[..page].iter().map(|shard| shard_json(shard)).collect::<Vec<_>>()});
    if page < found.len() {
        let token = json!({"stream": name, "filter": filter, "after": found[page - 1].id, "at": now}).to_string();
        let mut text = Vec::new();
        encoding::push_base64(&mut text, token.as_bytes());
        answer["NextToken"] = String::from_utf8_lossy(&text).into();
    }
    Ok(answer)
}

/// A page's token lives for 300 seconds.
fn parse_token(token: &str, now: i64) -> Result<(String, Value, String), Refusal> {
    let parsed: Option<Value> = encoding::from_base64(token).and_then(|json| serde_json::from_slice(&json).ok());
    let parsed = parsed.ok_or_else(|| Refusal::argument("NextToken is invalid"))?;
    if parsed["at"].as_i64().is_none_or(|at| now - at > 300_000) {
        return Err(Refusal::new("ExpiredNextTokenException", "NextToken has expired."));
    }
    Ok((text(&parsed, "stream")?.to_owned(), parsed["filter"].clone(), text(&parsed, "after")?.to_owned()))
}

fn describe(core: &Core, operation: &str, body: &Value) -> Result<Value, Refusal> {
    let now = core.clock.now();
    let mut world = lock(&core.world);
    let stream = world.stream(stream_name(body)?)?;
    stream.expire(now);
    let mut described = json!({
        "StreamName": stream.name,
        "StreamARN": stream.arn(),
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": {"StreamMode": if stream.on_demand { "ON_DEMAND" } else { "PROVISIONED" }},
        "RetentionPeriodHours": stream.retention_hours,
        "StreamCreationTimestamp": encoding::seconds(stream.created),
        "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
        "EncryptionType": "NONE",
    });
    if operation == "DescribeStream" {
        described["Shards"] = stream.shards.iter().map(shard_json).collect();
        described["HasMoreShards"] = false.into();
        return Ok(json!({"StreamDescription": described}));
    }
    described["OpenShardCount"] = stream.open_shards().count().into();
    described["ConsumerCount"] = stream.consumers.len().into();
    described["MaxRecordSizeInKiB"] = 1024.into();
    if stream.auto_distribution {
        described["RecordDistributionStrategy"] = "AUTO".into();
    }
    Ok(json!({"StreamDescriptionSummary": described}))
}

/// What is asked in `PutRecord` and in each entry of `PutRecords`.
fn put(stream: &mut Stream, entry: &Value, now: i64) -> Result<Value, Refusal> {
    let data = encoding::from_base64(text(entry, "Data")?);
    let data = Bytes::from(data.ok_or_else(|| Refusal::new("SerializationException", "Data is not base64"))?);
    if data.len() > 1 << 20 {
        return Err(Refusal::new("ValidationException", "a record is larger than 1 MiB"));
    }
    let hash_key = entry["ExplicitHashKey"].as_str().map(str::parse).transpose();
    let hash_key = hash_key.map_err(|_| Refusal::argument("ExplicitHashKey is no number"))?;
    let placed = stream.put(text(entry, "PartitionKey")?, hash_key, data, now)?;
    Ok(json!({"ShardId": placed.shard, "SequenceNumber": placed.sequence}))
}

fn put_record(core: &Core, body: &Value) -> Result<Value, Refusal> {
    let now = core.clock.now();
    let answer = put(lock(&core.world).stream(stream_name(body)?)?, body, now)?;
    core.changed.notify_waiters();
    Ok(answer)
}

fn put_records(core: &Core, body: &Value) -> Result<Value, Refusal> {
    let now = core.clock.now();
    let entries = body["Records"].as_array().filter(|entries| (1..=500).contains(&entries.len()));
    let entries = entries.ok_or_else(|| Refusal::new("ValidationException", "between 1 and 500 records"))?;
    let mut world = lock(&core.world);
    let stream = world.stream(stream_name(body)?)?;
    let records: Result<Vec<Value>, Refusal> = entries.iter().map(|entry| put(stream, entry, now)).collect();
    drop(world);
    core.changed.notify_waiters();
    Ok(json!({"FailedRecordCount": 0, "Records": records?}))
}

/// Operations that change streams.
fn manage(core: &Core, operation: &str, body: &Value) -> Result<Value, Refusal> {
    let now = core.clock.now();
    let mut world = lock(&core.world);
    match operation {
        "ListStreams" => return Ok(json!({"StreamNames": world.names(), "HasMoreStreams": false})),
        "CreateStream" => return create(&mut world, body, now),
        _ => {}
    }
    let name = stream_name(body)?.to_owned();
    let stream = world.stream(&name)?;
    match operation {
        "DeleteStream" => {
            world.delete(&name);
        }
        "SplitShard" => {
            let start = text(body, "NewStartingHashKey")?.parse();
            let start = start.map_err(|_| Refusal::argument("NewStartingHashKey is no number"))?;
            stream.split(text(body, "ShardToSplit")?, start, now)?;
        }
        "MergeShards" => {
            stream.merge(text(body, "ShardToMerge")?, text(body, "AdjacentShardToMerge")?, now)?;
        }
        "UpdateShardCount" => {
            let target = body["TargetShardCount"].as_u64().and_then(|count| usize::try_from(count).ok());
            stream.update_shard_count(target.unwrap_or(0), now)?;
        }
        "IncreaseStreamRetentionPeriod" | "DecreaseStreamRetentionPeriod" => {
            let hours = body["RetentionPeriodHours"].as_u64().and_then(|hours| u32::try_from(hours).ok());
            stream.retention_hours = hours.ok_or_else(|| Refusal::argument("RetentionPeriodHours is missing"))?;
        }
        other => return Err(Refusal::new("UnknownOperationException", other)),
    }
    core.changed.notify_waiters();
    Ok(json!({}))
}

fn create(world: &mut super::stream::World, body: &Value, now: i64) -> Result<Value, Refusal> {
    let name = text(body, "StreamName")?;
    if world.stream(name).is_ok() {
        return Err(Refusal::new("ResourceInUseException", format!("Stream {name} already exists.")));
    }
    let on_demand = body["StreamModeDetails"]["StreamMode"] == "ON_DEMAND";
    let shards = body["ShardCount"].as_u64().and_then(|count| u32::try_from(count).ok());
    world.create(name, shards.unwrap_or(if on_demand { 4 } else { 1 }), now);
    world.stream(name)?.on_demand = on_demand;
    Ok(json!({}))
}

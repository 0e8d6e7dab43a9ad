//! Which shards `ListShards` names.

use serde_json::{Value, json};

use super::encoding;
use super::stream::{Refusal, Shard, Stream};

/// The shards that a `ShardFilter` takes, in their order; all where there is none.
pub fn filtered<'a>(stream: &'a Stream, filter: &Value, now: i64) -> Result<Vec<&'a Shard>, Refusal> {
    let kind = filter["Type"].as_str().unwrap_or("FROM_TRIM_HORIZON");
    let horizon = stream.horizon(now).max(stream.created);
    let time = || {
        let time = encoding::milliseconds(&filter["Timestamp"]);
        time.map(|time| time.max(horizon)).ok_or_else(|| Refusal::argument("Timestamp is missing"))
    };
    let was_open =
        |time: i64| move |shard: &&Shard| shard.created <= time && shard.closed.is_none_or(|(_, closed)| closed > time);
    let ends_after = |time: i64| move |shard: &&Shard| shard.closed.is_none_or(|(_, closed)| closed >= time);
    let all = stream.shards.iter();
    Ok(match kind {
        "AFTER_SHARD_ID" => {
            let after = filter["ShardId"].as_str().ok_or_else(|| Refusal::argument("ShardId is missing"))?;
            all.filter(|shard| shard.id.as_str() > after).collect()
        }
        "AT_TRIM_HORIZON" => all.filter(was_open(horizon)).collect(),
        "FROM_TRIM_HORIZON" => all.filter(ends_after(horizon)).collect(),
        "AT_LATEST" => all.filter(|shard| shard.closed.is_none()).collect(),
        "AT_TIMESTAMP" => all.filter(was_open(time()?)).collect(),
        "FROM_TIMESTAMP" => all.filter(ends_after(time()?)).collect(),
        other => return Err(Refusal::argument(format!("{other} is no type of filter"))),
    })
}

/// A shard as the API writes it.
pub fn shard_json(shard: &Shard) -> Value {
    let mut value = json!({
        "ShardId": shard.id,
        "HashKeyRange": hash_range(shard.hash_range),
        "SequenceNumberRange": {"StartingSequenceNumber": encoding::sequence(shard.first)},
    });
    if let Some((last, _)) = shard.closed {
        value["SequenceNumberRange"]["EndingSequenceNumber"] = encoding::sequence(last).into();
    }
    if let Some(parent) = &shard.parent {
        value["ParentShardId"] = parent.as_str().into();
    }
    if let Some(parent) = &shard.adjacent_parent {
        value["AdjacentParentShardId"] = parent.as_str().into();
    }
    value
}

pub fn hash_range((first, last): (u128, u128)) -> Value {
    json!({"StartingHashKey": first.to_string(), "EndingHashKey": last.to_string()})
}

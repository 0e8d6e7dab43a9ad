//! The simulator's own commands for programs that are no Rust: `POST /_simulator/COMMAND` with a JSON object.
//!
//! ```text
//! create      {"stream", "shards"}                      replaces a stream of that name
//! put         {"stream", "records": [{"key", "data" (text), "arrival"?}]}
//! split       {"stream", "shard"}                       in the middle
//! merge       {"stream", "shard", "adjacent"}
//! update      {"stream", "shards"}
//! trim        {"stream", "shard", "kept"}
//! forget      {"stream", "shard"}                       the shard is gone
//! advance     {"milliseconds"}
//! script      a rule, see `fault`                       unscript {} ends all rules
//! statistics  {}                                        clear {} forgets them
//! now         {}
//! ```

use bytes::Bytes;
use serde_json::{Value, json};

use super::api::text;
use super::fault::{Rule, Script};
use super::stream::Refusal;
use super::{Core, lock};

pub fn run(core: &Core, command: &str, asked: &Value) -> Result<Value, Refusal> {
    match command {
        "now" => return Ok(json!({"now": core.clock.now()})),
        "statistics" => return Ok(lock(&core.statistics).to_json()),
        "clear" => lock(&core.statistics).clear(),
        "unscript" => *lock(&core.script) = Script::default(),
        "script" => {
            let rule = Rule::from_json(asked).ok_or_else(|| Refusal::argument("this is no rule"))?;
            lock(&core.script).add(rule);
        }
        "advance" => core.clock.advance(number(asked, "milliseconds")?),
        "create" => {
            let shards =
                u32::try_from(number(asked, "shards")?).map_err(|error| Refusal::argument(error.to_string()))?;
            let now = core.clock.now();
            lock(&core.world).create(text(asked, "stream")?, shards, now);
        }
        _ => return of_stream(core, command, asked),
    }
    core.changed.notify_waiters();
    Ok(json!({}))
}

fn of_stream(core: &Core, command: &str, asked: &Value) -> Result<Value, Refusal> {
    let now = core.clock.now();
    let mut world = lock(&core.world);
    let stream = world.stream(text(asked, "stream")?)?;
    let count = |key: &str| number(asked, key).map(|number| usize::try_from(number).unwrap_or(0));
    let answer = match command {
        "put" => {
            let mut placed = Vec::new();
            for record in asked["records"].as_array().into_iter().flatten() {
                let data = Bytes::copy_from_slice(text(record, "data")?.as_bytes());
                let arrival = record["arrival"].as_i64().unwrap_or(now);
                let at = stream.put(text(record, "key")?, None, data, arrival)?;
                placed.push(json!({"shard": at.shard, "sequence": at.sequence}));
            }
            json!({"records": placed})
        }
        "split" => json!({"shards": stream.split_in_the_middle(text(asked, "shard")?, now)?}),
        "merge" => json!({"shards": [stream.merge(text(asked, "shard")?, text(asked, "adjacent")?, now)?]}),
        "update" => {
            stream.update_shard_count(count("shards")?, now)?;
            json!({"shards": stream.open_shards().map(|shard| shard.id.clone()).collect::<Vec<_>>()})
        }
        "trim" => {
            stream.shard_mut(text(asked, "shard")?)?.trim_to(count("kept")?);
            json!({})
        }
        "forget" => {
            stream.forget_shard(text(asked, "shard")?);
            json!({})
        }
        other => return Err(Refusal::new("UnknownOperationException", other)),
    };
    drop(world);
    core.changed.notify_waiters();
    Ok(answer)
}

fn number(asked: &Value, key: &str) -> Result<i64, Refusal> {
    asked[key].as_i64().ok_or_else(|| Refusal::argument(format!("{key} is missing")))
}

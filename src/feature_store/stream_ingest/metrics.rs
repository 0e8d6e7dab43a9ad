//! The counters of a run in Prometheus's text form, and whether it is healthy.

use std::fmt::Write;
use std::time::Duration;

use super::status::{ShardStatus, StreamProgress};

/// A shard without a successful read for so long is not healthy.
const UNREAD: Duration = Duration::from_mins(1);

/// A value of a stream.
type OfStream = fn(&StreamProgress) -> Option<f64>;
/// A value of a shard.
type OfShard = fn(&ShardStatus) -> Option<f64>;

/// Name, type, help and value of what is told of each stream.
const STREAM: &[(&str, &str, &str, OfStream)] = &[
    ("records_total", "counter", "user records read", |stream| count(stream.records)),
    ("bytes_total", "counter", "bytes of their payloads", |stream| count(stream.bytes)),
    ("values_written_total", "counter", "feature values stored", |stream| count(stream.written)),
    ("values_stale_total", "counter", "feature values older than what is stored", |stream| count(stream.stale)),
    ("values_superseded_total", "counter", "feature values replaced before they were written", |stream| {
        count(stream.superseded)
    }),
    ("records_late_total", "counter", "records behind the watermark", |stream| count(stream.late)),
    ("records_refused_total", "counter", "records that cannot be used", |stream| count(stream.refused)),
    ("gaps_total", "counter", "times that records expired unread", |stream| count(stream.gaps)),
    ("lag_seconds_median", "gauge", "from arrival to stored, median of ten seconds", |stream| {
        stream.lag.map(|(median, _)| median.as_secs_f64())
    }),
    ("lag_seconds_p99", "gauge", "from arrival to stored, 99th percentile of ten seconds", |stream| {
        stream.lag.map(|(_, high)| high.as_secs_f64())
    }),
    ("checkpoint_age_seconds", "gauge", "since positions were last stored", |stream| {
        stream.checkpoint_age.map(|age| age.as_secs_f64())
    }),
    ("uptime_seconds", "gauge", "since the run began", |stream| Some(stream.uptime.as_secs_f64())),
];

/// The same of each shard.
const SHARD: &[(&str, &str, &str, OfShard)] = &[
    ("shard_records_total", "counter", "Kinesis records read", |shard| count(shard.records)),
    ("shard_bytes_total", "counter", "bytes read", |shard| count(shard.bytes)),
    ("shard_retries_total", "counter", "refused or failed requests", |shard| count(shard.retries)),
    ("shard_behind_seconds", "gauge", "MillisBehindLatest of the last answer", |shard| {
        Some(shard.behind.as_secs_f64())
    }),
    ("shard_unwritten_age_seconds", "gauge", "age of the oldest record that is read and not stored", |shard| {
        Some(shard.unwritten_age.unwrap_or_default().as_secs_f64())
    }),
    ("shard_read_age_seconds", "gauge", "since the last successful read", |shard| {
        shard.read_age.filter(|_| !shard.ended).map(|age| age.as_secs_f64())
    }),
];

/// What `/metrics` answers. Values that are not known are left out.
#[must_use]
pub fn prometheus(streams: &[StreamProgress]) -> String {
    let mut text = String::new();
    for (name, kind, help, value) in STREAM {
        head(&mut text, name, kind, help);
        for stream in streams {
            if let Some(value) = value(stream) {
                line(&mut text, name, &format!("stream=\"{}\"", escaped(&stream.stream)), value);
            }
        }
    }
    for (name, kind, help, value) in SHARD {
        head(&mut text, name, kind, help);
        for stream in streams {
            for (shard, status) in &stream.shards {
                let labels = format!("stream=\"{}\",shard=\"{}\"", escaped(&stream.stream), escaped(shard));
                if let Some(value) = value(status) {
                    line(&mut text, name, &labels, value);
                }
            }
        }
    }
    text
}

/// What `/health` answers.
///
/// # Errors
/// The shards that were not read for a minute, a line each.
pub fn health(streams: &[StreamProgress]) -> Result<String, String> {
    let mut unread = String::new();
    for stream in streams {
        let silent = |status: &&ShardStatus| !status.ended && status.read_age.is_some_and(|age| age > UNREAD);
        for (shard, status) in stream.shards.iter().filter(|(_, status)| silent(status)) {
            let age = status.read_age.unwrap_or_default().as_secs();
            unread.push_str(&format!("{} {shard}: no successful read for {age} s\n", stream.stream));
        }
    }
    if unread.is_empty() { Ok("ok\n".to_owned()) } else { Err(unread) }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    text.push_str(&format!("# HELP feast_rs_stream_{name} {help}\n# TYPE feast_rs_stream_{name} {kind}\n"));
}

fn line(text: &mut String, name: &str, labels: &str, value: f64) {
    // writing to a text cannot fail
    let _ = writeln!(text, "feast_rs_stream_{name}{{{labels}}} {value}");
}

/// A label's value: backslash, quote and line end are escaped.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[allow(clippy::cast_precision_loss, clippy::unnecessary_wraps, reason = "Prometheus counts in doubles")]
fn count(number: u64) -> Option<f64> {
    Some(number as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(age: u64, ended: bool) -> StreamProgress {
        let shard = ShardStatus {
            records: 7,
            behind: Duration::from_millis(1_500),
            read_age: Some(Duration::from_secs(age)),
            ended,
            ..ShardStatus::default()
        };
        StreamProgress {
            stream: "dri\"vers".into(),
            records: 12,
            shards: [("shardId-0".to_owned(), shard)].into(),
            ..StreamProgress::default()
        }
    }

    #[test]
    fn counters_are_told_by_stream_and_shard() {
        let text = prometheus(&[stream(1, false)]);
        for expected in [
            "# TYPE feast_rs_stream_records_total counter\nfeast_rs_stream_records_total{stream=\"dri\\\"vers\"} 12\n",
            "feast_rs_stream_shard_behind_seconds{stream=\"dri\\\"vers\",shard=\"shardId-0\"} 1.5\n",
            "feast_rs_stream_shard_read_age_seconds{stream=\"dri\\\"vers\",shard=\"shardId-0\"} 1\n",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        assert!(!text.contains("checkpoint_age_seconds{"), "not known yet");
    }

    #[test]
    fn a_shard_that_is_not_read_for_a_minute_is_not_healthy_unless_it_ended() {
        assert!(health(&[]).is_ok());
        assert!(health(&[stream(60, false)]).is_ok());
        assert!(health(&[stream(61, false)]).unwrap_err().contains("shardId-0: no successful read for 61 s"));
        assert!(health(&[stream(61, true)]).is_ok());
    }
}

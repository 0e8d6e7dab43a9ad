//! `stream-ingest` and `kinesis ...`.

#![allow(clippy::doc_markdown, reason = "these comments are the help that a terminal shows")]

use clap::{Args, Subcommand, ValueEnum};

use crate::model::{RecordPosition, SequenceNumber, Span, Timestamp};

/// `stream-ingest`
#[derive(Args, Debug)]
pub struct StreamIngestArgs {
    /// Only these views [default: every view whose stream source is Kinesis]
    #[arg(value_name = "VIEW")]
    pub views: Vec<String>,
    /// Where rows go [default: where the view declares]
    #[arg(long, value_enum, ignore_case = true, value_name = "WHERE")]
    pub to: Option<DestinationArg>,
    /// Where shards without a checkpoint begin: latest, trim-horizon, at-timestamp=TIME or after=SHARD:SEQUENCE (may be
    /// given several times) [default: as the source declares]
    #[arg(long, value_name = "PLACE", value_parser = place)]
    pub from: Vec<PlaceArg>,
    /// Another endpoint than AWS's own (also by AWS_ENDPOINT_URL_KINESIS)
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// End when nothing lies behind any more
    #[arg(long)]
    pub until_caught_up: bool,
    /// End after so many records of a stream; an aggregate, or a payload of several objects, is read whole
    #[arg(long, value_name = "N")]
    pub max_records: Option<u64>,
    /// End after that time: 90s, 5m, 2h
    #[arg(long = "for", value_name = "DURATION", value_parser = Span::parse)]
    pub duration: Option<Span>,
    /// Read JSON lines from this file, or from - (standard input), as if they were the stream
    #[arg(long, value_name = "FILE|-", conflicts_with = "endpoint_url")]
    pub input: Option<String>,
    /// Test permissions and decoding; write nothing
    #[arg(long, conflicts_with = "input")]
    pub check: bool,
    /// Answer /metrics (Prometheus) and /health on this port; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    pub metrics_port: Option<u16>,
    /// The address of that port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", requires = "metrics_port")]
    pub metrics_host: String,
    /// What happens when records expired before they were read [default: as the source declares]
    #[arg(long, value_enum, ignore_case = true, value_name = "WHAT")]
    pub on_gap: Option<OnGapArg>,
}

/// Where rows go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum DestinationArg {
    Online,
    Offline,
    #[value(name = "online_and_offline", alias = "online-and-offline")]
    OnlineAndOffline,
}

/// What happens when records expired before they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnGapArg {
    /// stop with an error
    Fail,
    /// say so and go on
    Warn,
}

/// A place in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceArg {
    /// after the newest record
    Latest,
    /// at the oldest record
    TrimHorizon,
    /// at the first record that arrived then; which instant it is depends on the clock, and is found later
    AtTimestamp(String),
    /// after a record of a shard
    After(String, RecordPosition),
}

/// Reads `latest`, `trim-horizon`, `at-timestamp=T`, `after=SHARD:SEQUENCE[:SUB-SEQUENCE]`.
fn place(text: &str) -> Result<PlaceArg, String> {
    match text.split_once('=') {
        None => match text.to_ascii_lowercase().replace('_', "-").as_str() {
            "latest" => Ok(PlaceArg::Latest),
            "trim-horizon" => Ok(PlaceArg::TrimHorizon),
            _ => Err("write latest, trim-horizon, at-timestamp=TIME or after=SHARD:SEQUENCE".to_owned()),
        },
        Some((name, time))
            if name.eq_ignore_ascii_case("at-timestamp") || name.eq_ignore_ascii_case("at_timestamp") =>
        {
            Timestamp::parse(time, Timestamp::EPOCH)?;
            Ok(PlaceArg::AtTimestamp(time.to_owned()))
        }
        Some((name, place)) if name.eq_ignore_ascii_case("after") => {
            let wrong = || "write it as after=shardId-000000000000:SEQUENCE".to_owned();
            let (shard, number) = place.split_once(':').ok_or_else(wrong)?;
            let (sequence, sub) = number.split_once(':').unwrap_or((number, "0"));
            let position = RecordPosition {
                sequence: SequenceNumber::parse(sequence)?,
                sub_sequence: sub.parse().map_err(|_| wrong())?,
            };
            Ok(PlaceArg::After(shard.to_owned(), position))
        }
        Some(_) => Err("write latest, trim-horizon, at-timestamp=TIME or after=SHARD:SEQUENCE".to_owned()),
    }
}

/// `kinesis ...`
#[derive(Debug, Subcommand)]
pub enum KinesisCommand {
    /// The shards of the streams, and where each view stands in them
    Shards {
        /// Only these views [default: every view whose stream source is Kinesis]
        #[arg(value_name = "VIEW")]
        views: Vec<String>,
        /// Another endpoint than AWS's own (also by AWS_ENDPOINT_URL_KINESIS)
        #[arg(long, value_name = "URL")]
        endpoint_url: Option<String>,
    },
    /// Stored positions
    #[command(subcommand)]
    Checkpoints(CheckpointsCommand),
    /// Take the consumers back that feast-rs registered for enhanced fan-out
    Deregister {
        /// Only those of these views' streams [default: every view whose stream source is Kinesis]
        #[arg(value_name = "VIEW")]
        views: Vec<String>,
        /// Another endpoint than AWS's own (also by AWS_ENDPOINT_URL_KINESIS)
        #[arg(long, value_name = "URL")]
        endpoint_url: Option<String>,
    },
}

/// `kinesis checkpoints ...`
#[derive(Debug, Subcommand)]
pub enum CheckpointsCommand {
    /// Where each view stands, as it is stored
    List {
        /// Only these views
        #[arg(value_name = "VIEW")]
        views: Vec<String>,
    },
    /// Let a view go on somewhere else
    Reset {
        /// The view
        view: String,
        /// latest, trim-horizon, at-timestamp=TIME; keep: where it was, although its table was dropped
        #[arg(long, value_name = "PLACE", value_parser = reset_place)]
        to: ResetArg,
        /// Another endpoint than AWS's own (also by AWS_ENDPOINT_URL_KINESIS)
        #[arg(long, value_name = "URL")]
        endpoint_url: Option<String>,
        /// The positions in this file of `stream-ingest --input`, instead of those in the stream
        #[arg(long, value_name = "FILE", conflicts_with = "endpoint_url")]
        input: Option<std::path::PathBuf>,
    },
}

/// Where a view goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResetArg {
    /// somewhere else
    Place(PlaceArg),
    /// where it was
    Keep,
}

fn reset_place(text: &str) -> Result<ResetArg, String> {
    if text.eq_ignore_ascii_case("keep") {
        return Ok(ResetArg::Keep);
    }
    match place(text) {
        Ok(PlaceArg::After(..)) => Err("write latest, trim-horizon, at-timestamp=TIME or keep".to_owned()),
        other => other.map(ResetArg::Place),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_people_write_them() {
        for text in ["latest", "LATEST"] {
            assert_eq!(place(text).unwrap(), PlaceArg::Latest);
        }
        assert_eq!(place("TRIM_HORIZON").unwrap(), PlaceArg::TrimHorizon);
        assert_eq!(place("at-timestamp=2h-ago").unwrap(), PlaceArg::AtTimestamp("2h-ago".into()));
        let after = place("after=shardId-000000000001:495:3").unwrap();
        let position = RecordPosition { sequence: SequenceNumber::parse("495").unwrap(), sub_sequence: 3 };
        assert_eq!(after, PlaceArg::After("shardId-000000000001".into(), position));
        for wrong in ["", "newest", "at-timestamp=x", "after=7", "after=s:x", "after=s:1:x", "before=s:1"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
        assert_eq!(reset_place("keep").unwrap(), ResetArg::Keep);
        assert!(reset_place("after=s:1").is_err());
    }
}

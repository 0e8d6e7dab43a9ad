//! How a Kinesis stream is read: what Feast has no field for.

use super::Timestamp;

/// `x-kinesis` of a Kinesis source.
#[derive(Clone, Debug, PartialEq)]
pub struct KinesisOptions {
    /// where a shard without a checkpoint begins
    pub start: StartPosition,
    /// another endpoint than AWS's own
    pub endpoint_url: Option<String>,
    /// records a read, 1 to 10,000
    pub max_records: u32,
    /// reads a second and shard; five are allowed to all readers together
    pub reads_per_second: f64,
    /// a push connection of our own instead of polling
    pub enhanced_fan_out: bool,
    /// name under which we register for fan-out
    pub consumer_name: Option<String>,
    /// unpack records that the Kinesis Producer Library packed together
    pub deaggregate: bool,
    /// file of refused records; `{source}` is the source's name
    pub dead_letter: String,
    /// what happens to a record behind the watermark
    pub late: LateRecords,
    /// what happens when records were trimmed before we read them
    pub on_gap: OnGap,
    /// ARN of the stream, also of another account
    pub stream_arn: Option<String>,
}

impl KinesisOptions {
    /// The file of refused records for the source of that name, as a path from the repo. Whatever the name holds, it stays
    /// one part of a file's name: it cannot lead out of the folder that the option names.
    #[must_use]
    pub fn dead_letter_of(&self, source: &str) -> String {
        let is_plain = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let name: String = source.chars().map(|c| if is_plain(&c) { c } else { '_' }).collect();
        let name = if name.starts_with('.') { format!("_{name}") } else { name };
        self.dead_letter.replace("{source}", &name)
    }
}

/// Where a shard without a checkpoint begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartPosition {
    /// after the newest record
    Latest,
    /// at the oldest record
    TrimHorizon,
    /// at the first record that arrived then or later
    AtTimestamp(Timestamp),
}

/// What happens to a record behind the watermark. It is counted in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LateRecords {
    /// written if it is the newest of its key
    Write,
    /// left out
    Drop,
    /// left out and kept in the dead-letter file
    DeadLetter,
}

/// What happens when records were trimmed before we read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnGap {
    /// stop with an error
    Fail,
    /// say so and go on
    Warn,
}

impl Default for KinesisOptions {
    fn default() -> Self {
        Self {
            start: StartPosition::Latest,
            endpoint_url: None,
            max_records: 10_000,
            reads_per_second: 4.0,
            enhanced_fan_out: false,
            consumer_name: None,
            deaggregate: true,
            dead_letter: "data/dead/{source}.ndjson".to_owned(),
            late: LateRecords::Write,
            on_gap: OnGap::Fail,
            stream_arn: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sources_name_leads_nowhere() {
        let options = KinesisOptions::default();
        for (source, file) in [
            ("driver_stats.v2", "data/dead/driver_stats.v2.ndjson"),
            ("../../etc/passwd", "data/dead/_.._.._etc_passwd.ndjson"),
            ("/abs", "data/dead/_abs.ndjson"),
            ("żółć \0", "data/dead/żółć__.ndjson"),
        ] {
            assert_eq!(options.dead_letter_of(source), file);
        }
    }
}

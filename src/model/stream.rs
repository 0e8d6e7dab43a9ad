//! Where a reader of a stream stands.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::Timestamp;

/// Digits that a sequence number may have.
const MAX_DIGITS: usize = 128;

/// A sequence number of a Kinesis record: a decimal number of up to 128 digits, in practice of 56, which no integer type
/// holds. Ordered by value. Kept as it is spelled: some of those that pose as Kinesis put zeros in front, and compare texts.
#[derive(Clone, Debug)]
pub struct SequenceNumber(Arc<str>);

impl SequenceNumber {
    /// From its digits; zeros in front do not count.
    ///
    /// # Errors
    /// A text that is no decimal number of at most 128 digits, said in one line.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > MAX_DIGITS || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("`{text}` is no sequence number: a decimal number of at most {MAX_DIGITS} digits"));
        }
        Ok(Self(text.into()))
    }

    /// Its digits, as they were given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits that count; none of zero.
    fn significant(&self) -> &str {
        self.0.trim_start_matches('0')
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Ord for SequenceNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        let (left, right) = (self.significant(), other.significant());
        left.len().cmp(&right.len()).then_with(|| left.cmp(right))
    }
}

impl PartialEq for SequenceNumber {
    fn eq(&self, other: &Self) -> bool {
        self.significant() == other.significant()
    }
}

impl Eq for SequenceNumber {}

impl Hash for SequenceNumber {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.significant().hash(state);
    }
}

impl PartialOrd for SequenceNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Where a record stands in its shard.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordPosition {
    /// of the Kinesis record
    pub sequence: SequenceNumber,
    /// of the user record in an aggregate; 0 in a plain record
    pub sub_sequence: u64,
}

/// What of a shard has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShardProgress {
    /// nothing yet; reading begins at the oldest record
    TrimHorizon,
    /// nothing yet; reading begins at the first record that arrived then or later
    AtTimestamp(Timestamp),
    /// everything up to and including this record
    After(RecordPosition),
    /// everything, to the shard's end
    Ended,
}

/// Where one view stands in one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardPosition {
    /// what has been read
    pub progress: ShardProgress,
    /// when the last record that was read arrived
    pub arrival: Option<Timestamp>,
    /// when the stream last said that nothing lay behind
    pub caught_up: Option<Timestamp>,
    /// largest event time seen, each cut to its record's arrival; records earlier than this less the allowed delay are late
    pub watermark: Option<Timestamp>,
}

/// A stream, told apart from another one that had its name before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// `arn:aws:kinesis:REGION:ACCOUNT:stream/NAME`
    pub arn: String,
    /// when the stream was created
    pub created: Timestamp,
}

/// Whose position it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PositionKey {
    /// name of the project
    pub project: String,
    /// name of the view
    pub view: String,
    /// the stream
    pub stream: StreamId,
    /// `shardId-000000000000`
    pub shard: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_order_by_value_and_hold_any_length() {
        let number = |text: &str| SequenceNumber::parse(text).unwrap();
        let long = "49546986683135544286507457936321625675700192471156785154";
        assert!(number("9") < number("10"));
        assert!(number(long) > number("99"));
        assert_eq!(number("0007"), number("7"));
        assert!(number("0009") < number("10"));
        assert!(number("000") < number("1"));
        assert_eq!(number("0007").as_str(), "0007", "it is given back as it came");
        assert_eq!(number(&"9".repeat(128)).as_str().len(), 128);
        for wrong in ["", "1a", "-1", " 1", &"9".repeat(129)] {
            assert!(SequenceNumber::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_position_is_ordered_by_sequence_number_and_then_inside_the_aggregate() {
        let at = |sequence: &str, sub_sequence| RecordPosition {
            sequence: SequenceNumber::parse(sequence).unwrap(),
            sub_sequence,
        };
        assert!(at("9", 5) < at("10", 0));
        assert!(at("10", 0) < at("10", 1));
    }
}

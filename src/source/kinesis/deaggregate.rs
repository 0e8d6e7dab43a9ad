//! Records of the Kinesis Producer Library: several user records in one Kinesis record.
//!
//! An aggregate is four magic bytes, a protobuf message `AggregatedRecord` and the MD5 of that message. What counts as
//! one, and what happens to a user record that the producer put into the wrong shard, is decided as the Kinesis Client
//! Library decides it; format: `aggregation-format.md` of the Kinesis Producer Library.

use bytes::Bytes;
use md5::{Digest, Md5};

use crate::proto::wire::{Content, Damaged, RawField, each_field};

const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];

/// Bytes of the MD5 at the end.
const DIGEST: usize = 16;

/// What a Kinesis record's payload turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// no aggregate: the payload is one user record
    Plain,
    /// its user records, in order; none in an empty aggregate, which still counts as read
    Records(Vec<UserRecord>),
    /// a user record belongs to another shard: the producer did not know of a resharding when it made the aggregate, and
    /// sends all of it again to where it belongs
    OutsideShard,
    /// an intact aggregate whose content contradicts itself, in one line
    Malformed(String),
}

/// One user record of an aggregate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// its place in the aggregate, from 0
    pub sub_sequence: u64,
    /// its payload: a slice of the Kinesis record's
    pub data: Bytes,
}

/// The user records of a Kinesis record's payload. One level is undone: an aggregate inside an aggregate stays as it is.
///
/// `shard_hash_range` is the first and the last hash key of the shard; `None` where records are not placed by their
/// partition key, and then none is found to lie outside.
#[must_use]
pub fn deaggregate(data: &Bytes, shard_hash_range: Option<&(u128, u128)>) -> Aggregate {
    let Some(message) = message_of(data) else { return Aggregate::Plain };
    // an intact digest over what is no such message: somebody else's bytes
    let Ok(message) = Message::parse(message) else { return Aggregate::Plain };
    match message.first_outside(shard_hash_range) {
        Ok(false) => Aggregate::Records(message.user_records(data)),
        Ok(true) => Aggregate::OutsideShard,
        Err(reason) => Aggregate::Malformed(reason),
    }
}

/// The message between magic and digest, where both are right.
fn message_of(data: &[u8]) -> Option<&[u8]> {
    let rest = data.strip_prefix(&MAGIC)?;
    let length = rest.len().checked_sub(DIGEST).filter(|length| *length > 0)?;
    let (message, digest) = rest.split_at_checked(length)?;
    (Md5::digest(message).as_slice() == digest).then_some(message)
}

/// `AggregatedRecord`
#[derive(Default)]
struct Message<'a> {
    /// field 1
    partition_keys: Vec<&'a [u8]>,
    /// field 2: decimal numbers of 128 bits
    hash_keys: Vec<&'a [u8]>,
    /// field 3
    records: Vec<Record<'a>>,
}

/// `Record`
struct Record<'a> {
    /// field 1: index in the table
    partition_key: u64,
    /// field 2: index in the table
    hash_key: Option<u64>,
    /// field 3
    data: &'a [u8],
}

impl<'a> Message<'a> {
    fn parse(message: &'a [u8]) -> Result<Self, Damaged> {
        let mut parsed = Self::default();
        for field in each_field(message) {
            match field? {
                RawField { number: 1, content: Content::Bytes(key), .. } => parsed.partition_keys.push(key),
                RawField { number: 2, content: Content::Bytes(key), .. } => parsed.hash_keys.push(key),
                RawField { number: 3, content: Content::Bytes(record), .. } => {
                    parsed.records.push(Record::parse(record)?);
                }
                _ => {}
            }
        }
        Ok(parsed)
    }

    /// Whether a user record lies outside the shard, told by the first that does.
    ///
    /// # Errors
    /// The first record that points outside a table or at a hash key that is no number, in one line.
    fn first_outside(&self, range: Option<&(u128, u128)>) -> Result<bool, String> {
        let mut partition_hashes = vec![None; self.partition_keys.len()];
        for (index, record) in self.records.iter().enumerate() {
            let explicit = self.explicit_hash_key(record).map_err(|reason| format!("user record {index} {reason}"))?;
            let (key, hash) = at(&self.partition_keys, record.partition_key)
                .zip(usize::try_from(record.partition_key).ok().and_then(|at| partition_hashes.get_mut(at)))
                .ok_or_else(|| {
                    format!(
                        "user record {index} names partition key {}, which the aggregate does not have",
                        record.partition_key
                    )
                })?;
            let Some((first, last)) = range else { continue };
            let effective = explicit.unwrap_or_else(|| *hash.get_or_insert_with(|| hash_of(key)));
            if effective < *first || effective > *last {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn explicit_hash_key(&self, record: &Record<'_>) -> Result<Option<u128>, String> {
        let Some(index) = record.hash_key else { return Ok(None) };
        let key = at(&self.hash_keys, index)
            .ok_or_else(|| format!("names explicit hash key {index}, which the aggregate does not have"))?;
        let number = std::str::from_utf8(key).ok().and_then(|text| text.parse().ok());
        number.map(Some).ok_or_else(|| {
            format!("has the explicit hash key `{}`, which is no number of 128 bits", String::from_utf8_lossy(key))
        })
    }

    fn user_records(&self, data: &Bytes) -> Vec<UserRecord> {
        let numbered = (0..).zip(&self.records);
        numbered.map(|(sub_sequence, record)| UserRecord { sub_sequence, data: data.slice_ref(record.data) }).collect()
    }
}

impl<'a> Record<'a> {
    fn parse(message: &'a [u8]) -> Result<Self, Damaged> {
        let (mut partition_key, mut hash_key, mut data) = (None, None, None);
        for field in each_field(message) {
            match field? {
                RawField { number: 1, content: Content::Varint(index), .. } => partition_key = Some(index),
                RawField { number: 2, content: Content::Varint(index), .. } => hash_key = Some(index),
                RawField { number: 3, content: Content::Bytes(bytes), .. } => data = Some(bytes),
                RawField { number: 4, content: Content::Bytes(tag), .. } => check_tag(tag)?,
                _ => {}
            }
        }
        match (partition_key, data) {
            (Some(partition_key), Some(data)) => Ok(Self { partition_key, hash_key, data }),
            _ => Err(Damaged("a required field is missing")),
        }
    }
}

/// A tag is reserved and carries nothing for us, but a message without its required key is none.
fn check_tag(tag: &[u8]) -> Result<(), Damaged> {
    let mut has_key = false;
    for field in each_field(tag) {
        has_key |= matches!(field?, RawField { number: 1, content: Content::Bytes(_), .. });
    }
    has_key.then_some(()).ok_or(Damaged("a required field is missing"))
}

/// Where a partition key is placed: its MD5 as a number.
fn hash_of(partition_key: &[u8]) -> u128 {
    u128::from_be_bytes(Md5::digest(partition_key).into())
}

fn at<'a>(table: &[&'a [u8]], index: u64) -> Option<&'a [u8]> {
    usize::try_from(index).ok().and_then(|index| table.get(index).copied())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::proto::json::from_base64;

    const VECTORS: &str = include_str!("../../../tests/golden/kpl-vectors.json");

    fn text<'a>(value: &'a Value, key: &str) -> &'a str {
        value[key].as_str().unwrap()
    }

    fn range(vector: &Value) -> Option<(u128, u128)> {
        let [first, last] = vector["range"].as_array()?.as_slice() else { panic!("{vector}") };
        Some((first.as_str().unwrap().parse().unwrap(), last.as_str().unwrap().parse().unwrap()))
    }

    /// What real KCL 3.1.3 answered; where it died, the aggregate is malformed.
    fn expected(vector: &Value, data: &Bytes) -> Option<Aggregate> {
        let records = vector.get("kcl_3_1_3")?.as_array().unwrap();
        if let [record] = records.as_slice()
            && record["aggregated"] == false
        {
            assert_eq!(from_base64(text(record, "data_b64")).as_deref(), Some(&data[..]), "{vector}");
            return Some(Aggregate::Plain);
        }
        let user_record = |record: &Value| UserRecord {
            sub_sequence: record["subSequenceNumber"].as_u64().unwrap(),
            data: from_base64(text(record, "data_b64")).unwrap().into(),
        };
        if records.is_empty() && !vector["range"].is_null() {
            return Some(Aggregate::OutsideShard);
        }
        Some(Aggregate::Records(records.iter().map(user_record).collect()))
    }

    #[test]
    fn every_vector_is_answered_as_the_client_library_answers() {
        let vectors: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
        assert_eq!(vectors.len(), 19);
        for vector in &vectors {
            let data = Bytes::from(from_base64(text(vector, "data_b64")).unwrap());
            let found = deaggregate(&data, range(vector).as_ref());
            match expected(vector, &data) {
                Some(expected) => assert_eq!(found, expected, "{}", text(vector, "name")),
                None => assert!(matches!(found, Aggregate::Malformed(_)), "{}: {found:?}", text(vector, "name")),
            }
        }
    }

    /// An aggregate of hand-written fields.
    fn aggregate(message: &[u8]) -> Bytes {
        let mut data = MAGIC.to_vec();
        data.extend_from_slice(message);
        data.extend_from_slice(&Md5::digest(message));
        data.into()
    }

    #[test]
    fn user_records_share_the_buffer_that_was_received() {
        let data = aggregate(b"\x0a\x01k\x1a\x07\x08\x00\x1a\x03abc");
        let Aggregate::Records(records) = deaggregate(&data, None) else { panic!() };
        assert_eq!(records.len(), 1);
        assert!(data.as_ptr_range().contains(&records[0].data.as_ptr()));
    }

    #[test]
    fn what_contradicts_itself_is_told_with_its_place() {
        let reason = |message: &[u8]| match deaggregate(&aggregate(message), None) {
            Aggregate::Malformed(reason) => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            reason(b"\x0a\x01k\x1a\x05\x08\x00\x1a\x01a\x1a\x05\x08\x09\x1a\x01b"),
            "user record 1 names partition key 9, which the aggregate does not have"
        );
        assert_eq!(
            reason(b"\x0a\x01k\x1a\x07\x08\x00\x10\x03\x1a\x01a"),
            "user record 0 names explicit hash key 3, which the aggregate does not have"
        );
        for key in ["x", "", "-1", "340282366920938463463374607431768211456"] {
            let mut message = vec![0x0a, 1, b'k', 0x12, u8::try_from(key.len()).unwrap()];
            message.extend_from_slice(key.as_bytes());
            message.extend_from_slice(b"\x1a\x07\x08\x00\x10\x00\x1a\x01a");
            assert!(reason(&message).contains("no number of 128 bits"), "{key}");
        }
    }

    #[test]
    fn a_message_without_a_required_field_is_somebody_elses() {
        // no data; no index; a tag without a key; an index of the wrong wire type
        for message in [
            &b"\x0a\x01k\x1a\x02\x08\x00"[..],
            b"\x0a\x01k\x1a\x03\x1a\x01a",
            b"\x0a\x01k\x1a\x09\x08\x00\x1a\x01a\x22\x02\x12\x00",
            b"\x0a\x01k\x1a\x06\x0a\x01k\x1a\x01a",
        ] {
            assert_eq!(deaggregate(&aggregate(message), None), Aggregate::Plain, "{message:?}");
        }
    }

    #[test]
    fn an_empty_aggregate_has_no_user_records() {
        assert_eq!(deaggregate(&aggregate(b"\x0a\x01k"), Some(&(5, 6))), Aggregate::Records(Vec::new()));
    }

    #[test]
    fn a_cut_aggregate_is_one_plain_record_wherever_it_is_cut() {
        let data = aggregate(b"\x0a\x01k\x1a\x07\x08\x00\x1a\x03abc");
        for length in 0..data.len() {
            assert_eq!(deaggregate(&data.slice(..length), None), Aggregate::Plain, "{length}");
        }
    }
}

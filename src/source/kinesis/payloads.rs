//! What producers wrap their payloads in: aggregates of the Kinesis Producer Library, and gzip.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;

use super::{Aggregate, HashRange, StreamRecord, deaggregate};
use crate::model::{RecordPosition, SequenceNumber, Timestamp};

/// The first bytes of gzip with its only method.
const GZIP: [u8; 3] = [0x1f, 0x8b, 0x08];

/// What a payload may be unpacked to: far more than a record can sensibly hold, far less than the memory.
const MAX_UNPACKED: u64 = 64 * 1024 * 1024;

/// How the records of a stream are unwrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unwrapping {
    /// aggregates come apart
    pub deaggregate: bool,
    /// gzip is unpacked
    pub gunzip: bool,
}

/// The payload of one user record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// where it stands
    pub position: RecordPosition,
    /// when its Kinesis record arrived
    pub arrival: Timestamp,
    /// as it was put, in any case
    pub raw: Bytes,
    content: Content,
}

/// What a payload holds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    AsPut,
    Unpacked(Bytes),
    /// with the reason
    Damaged(String),
}

impl Payload {
    /// The payload without its wrapping, or why that cannot be had.
    ///
    /// # Errors
    /// The reason, in one line.
    pub fn data(&self) -> Result<&[u8], &str> {
        match &self.content {
            Content::AsPut => Ok(&self.raw),
            Content::Unpacked(data) => Ok(data),
            Content::Damaged(reason) => Err(reason),
        }
    }
}

/// The user records of a Kinesis record, in order: one of a plain record, none of an aggregate that is empty or was put
/// into the wrong shard (its producer sends it again).
///
/// `hash_range` is that of the shard; `None` where records are not placed by their keys.
pub fn unwrap(record: StreamRecord, hash_range: Option<&HashRange>, how: Unwrapping, mut each: impl FnMut(Payload)) {
    let StreamRecord { sequence, arrival, data } = record;
    let mut payload = |sequence: SequenceNumber, sub_sequence: u64, raw: Bytes, fault: Option<String>| {
        let content = match fault {
            Some(fault) => Content::Damaged(fault),
            None if how.gunzip => gunzip(&raw),
            None => Content::AsPut,
        };
        each(Payload { position: RecordPosition { sequence, sub_sequence }, arrival, raw, content });
    };
    if !how.deaggregate {
        return payload(sequence, 0, data, None);
    }
    match deaggregate(&data, hash_range) {
        Aggregate::Plain => payload(sequence, 0, data, None),
        Aggregate::Records(records) => {
            for user in records {
                payload(sequence.clone(), user.sub_sequence, user.data, None);
            }
        }
        Aggregate::OutsideShard => {}
        Aggregate::Malformed(reason) => {
            let fault = format!("a damaged aggregate of the Kinesis Producer Library: {reason}");
            payload(sequence, 0, data, Some(fault));
        }
    }
}

/// What gzip holds; anything else as it is.
fn gunzip(data: &[u8]) -> Content {
    if !data.starts_with(&GZIP) {
        return Content::AsPut;
    }
    let mut unpacked = Vec::new();
    match MultiGzDecoder::new(data).take(MAX_UNPACKED + 1).read_to_end(&mut unpacked) {
        Err(error) => Content::Damaged(format!("damaged gzip: {error}")),
        Ok(size) if size as u64 > MAX_UNPACKED => {
            Content::Damaged(format!("gzip of more than {} MB", MAX_UNPACKED / 1024 / 1024))
        }
        Ok(_) => Content::Unpacked(Bytes::from(unpacked)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const BOTH: Unwrapping = Unwrapping { deaggregate: true, gunzip: true };

    fn unwrapped(data: &[u8], how: Unwrapping) -> Vec<(u64, Result<Vec<u8>, String>)> {
        let record = StreamRecord {
            sequence: SequenceNumber::parse("7").unwrap(),
            arrival: Timestamp::EPOCH,
            data: Bytes::copy_from_slice(data),
        };
        let mut found = Vec::new();
        unwrap(record, None, how, |payload| {
            let data = payload.data().map(<[u8]>::to_vec).map_err(str::to_owned);
            found.push((payload.position.sub_sequence, data));
        });
        found
    }

    fn packed(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn plain_and_packed_payloads_say_the_same() {
        for data in [br#"{"a":1}"#.to_vec(), packed(br#"{"a":1}"#)] {
            assert_eq!(unwrapped(&data, BOTH), [(0, Ok(br#"{"a":1}"#.to_vec()))]);
        }
        let two = [packed(b"{}"), packed(b"{}")].concat();
        assert_eq!(unwrapped(&two, BOTH), [(0, Ok(b"{}{}".to_vec()))]);
        let raw = packed(b"{}");
        let nothing = Unwrapping { deaggregate: false, gunzip: false };
        assert_eq!(unwrapped(&raw, nothing), [(0, Ok(raw))]);
    }

    #[test]
    fn damaged_and_endless_gzip_is_refused_with_its_reason() {
        let mut cut = packed(br#"{"a":1}"#);
        cut.truncate(12);
        let reason = |data: &[u8]| unwrapped(data, BOTH).remove(0).1.unwrap_err();
        assert!(reason(&cut).contains("damaged gzip"));
        let endless = packed(&vec![b' '; usize::try_from(MAX_UNPACKED).unwrap() + 1]);
        assert!(reason(&endless).contains("64 MB"));
    }

    /// Vectors that the Kinesis Client Library 3.1.3 answered, here through everything that unwraps.
    #[test]
    fn aggregates_come_apart_and_a_damaged_one_is_refused_whole_and_once() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/kpl-vectors.json");
        let vectors: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let (mut apart, mut damaged) = (0, 0);
        for vector in vectors.as_array().unwrap() {
            let data = base64(vector["data_b64"].as_str().unwrap());
            let found = unwrapped(&data, BOTH);
            if found.len() == 1 && found[0].1.is_err() {
                damaged += 1;
            } else if found.len() > 1 {
                apart += 1;
                let subs: Vec<_> = found.iter().map(|(sub, _)| *sub).collect();
                assert_eq!(subs, (0..found.len() as u64).collect::<Vec<_>>(), "{}", vector["name"]);
            }
        }
        assert!(apart > 3 && damaged > 0, "{apart} came apart, {damaged} were damaged");
    }

    fn base64(text: &str) -> Vec<u8> {
        let value = |byte: u8| match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        let mut out = Vec::new();
        let (mut bits, mut held) = (0_u32, 0);
        for byte in text.bytes().filter(|byte| *byte != b'=') {
            bits = bits << 6 | u32::from(value(byte));
            held += 6;
            if held >= 8 {
                held -= 8;
                out.push(u8::try_from(bits >> held & 0xff).unwrap());
            }
        }
        out
    }
}

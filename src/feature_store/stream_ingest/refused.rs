//! Records that are not used: counted once, whatever the number of views, and kept in the dead-letter file.

use std::collections::BTreeSet;

use super::view::Records;
use crate::error::Error;
use crate::offline::{DeadLetter, DeadLetterId, DeadLetterWriter, Payload as Text};
use crate::source::json::{NOT_JSON, RecordOrigin, RefusedRecord};

/// A record behind the watermark.
pub(super) const LATE: &str = "E2101";
/// An aggregate or gzip that is damaged.
pub(super) const DAMAGED: &str = "E2102";
/// Stands for all views.
const ALL_VIEWS: &str = "*";

/// Which record: payload, and number of the object in it.
type Place = (u32, u32);

/// Records of one transaction that are not used.
#[derive(Debug, Default)]
pub(super) struct Refused {
    places: BTreeSet<Place>,
    late: BTreeSet<Place>,
    letters: Vec<Letter>,
    /// the same, ready to be written
    addressed: Vec<DeadLetter>,
}

#[derive(Debug)]
struct Letter {
    record: RefusedRecord,
    view: String,
}

impl Refused {
    /// Payloads and objects that nobody can read: told of once for all views.
    pub fn undecodable(&mut self, records: &Records<'_>, wanted: &[bool]) {
        let is_wanted = |payload: u32| wanted.get(payload as usize).copied().unwrap_or(false);
        for (payload, found) in (0_u32..).zip(records.payloads) {
            let (code, message) = match found.data() {
                Err(reason) => (DAMAGED, reason.to_owned()),
                Ok(data) if data.trim_ascii().is_empty() => (NOT_JSON, "the payload is empty".to_owned()),
                Ok(_) => continue,
            };
            if is_wanted(payload) {
                let origin = RecordOrigin { payload, index: 0, start: 0, end: 0 };
                self.record(RefusedRecord { origin, code, message, whole: true }, ALL_VIEWS);
            }
        }
        for refused in &records.decoded.refused {
            let damaged =
                records.payloads.get(refused.origin.payload as usize).is_none_or(|found| found.data().is_err());
            if !damaged && is_wanted(refused.origin.payload) {
                self.record(refused.clone(), ALL_VIEWS);
            }
        }
    }

    /// A record that a view cannot use.
    pub fn record(&mut self, record: RefusedRecord, view: &str) {
        self.places.insert((record.origin.payload, record.origin.index));
        self.letter(record, view);
    }

    /// A record that goes to the dead-letter file without being refused.
    pub fn letter(&mut self, record: RefusedRecord, view: &str) {
        self.letters.push(Letter { record, view: view.to_owned() });
    }

    /// A record that is late for a view.
    pub fn late(&mut self, origin: RecordOrigin) {
        self.late.insert((origin.payload, origin.index));
    }

    /// Makes the letters whole, as long as the records are at hand.
    pub fn address(&mut self, records: &Records<'_>, file: &DeadLetters) {
        self.addressed = self.letters.iter().filter_map(|letter| file.letter(records, letter)).collect();
    }

    /// Why the first of them is refused.
    pub fn first_reason(&self) -> Option<&str> {
        self.letters.first().map(|letter| letter.record.message.as_str())
    }

    /// How many are refused.
    pub fn count(&self) -> u64 {
        self.places.len() as u64
    }

    /// How many are late.
    pub fn late_count(&self) -> u64 {
        self.late.len() as u64
    }

    /// How many there are in all, the good ones and the others.
    pub fn records(&self, records: &Records<'_>, wanted: &[bool]) -> u64 {
        let is_wanted = |payload: u32| wanted.get(payload as usize).copied().unwrap_or(false);
        let good = records.decoded.origins.iter().filter(|origin| is_wanted(origin.payload)).count() as u64;
        let undecodable = self.letters.iter().filter(|letter| letter.view == ALL_VIEWS).count() as u64;
        good + undecodable
    }
}

/// The dead-letter file of a stream; made when the first letter comes.
#[derive(Debug)]
pub(super) struct DeadLetters {
    path: std::path::PathBuf,
    /// name of the stream in the letters
    stream: String,
    writer: Option<DeadLetterWriter>,
}

impl DeadLetters {
    /// The file at `path`. One that is there is read for the letters that it holds.
    ///
    /// # Errors
    /// It is no dead-letter file, or cannot be written.
    pub fn open(path: std::path::PathBuf, stream: String) -> Result<Self, Error> {
        let writer = if path.exists() { Some(DeadLetterWriter::open(&path)?) } else { None };
        Ok(Self { path, stream, writer })
    }

    /// Letters of nothing, for who writes none.
    pub fn none() -> Self {
        Self { path: std::path::PathBuf::new(), stream: String::new(), writer: None }
    }

    /// The file, once it is there.
    pub fn file(&self) -> Option<&std::path::Path> {
        self.writer.as_ref().map(|_| self.path.as_path())
    }

    /// Adds the letters of a transaction that the file does not hold yet, and waits until they are on the disk.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&mut self, refused: &Refused) -> Result<(), Error> {
        if refused.addressed.is_empty() {
            return Ok(());
        }
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(DeadLetterWriter::open(&self.path)?),
        };
        writer.append(&refused.addressed)?;
        Ok(writer.sync()?)
    }

    fn letter(&self, records: &Records<'_>, Letter { record, view }: &Letter) -> Option<DeadLetter> {
        let payload = records.payloads.get(record.origin.payload as usize)?;
        let number = record.origin.payload as usize;
        let stretch = records.stretches.iter().find(|stretch| stretch.range.contains(&number))?;
        let text = match payload.data() {
            Ok(data) if !record.whole => record.origin.of(data),
            _ => &payload.raw,
        };
        Some(DeadLetter {
            id: DeadLetterId::Stream {
                stream: self.stream.clone(),
                shard: stretch.shard.to_string(),
                sequence: payload.position.sequence.to_string(),
                sub_sequence: payload.position.sub_sequence,
                index: record.origin.index,
                view: view.clone(),
            },
            code: record.code.to_owned(),
            reason: record.message.clone(),
            arrival: Some(payload.arrival.to_string()),
            payload: Text::of(text),
        })
    }
}

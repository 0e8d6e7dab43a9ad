//! Files of refused records, one JSON object a line (`docs/dead-letter.md`): what was refused, why, and where it came from,
//! so that nothing is lost and everything can be pushed again.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::hash::BuildHasher;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use foldhash::quality::FixedState;
use serde::{Deserialize, Serialize};

use super::OfflineError;
use crate::proto::json::{base64, from_base64};

/// A line that is longer is no dead letter: 64 MiB.
const MAX_LINE: u64 = 64 << 20;

/// One refused record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// which record: no two letters of a file have the same
    pub id: DeadLetterId,
    /// what was wrong, as `explain` knows it
    pub code: String,
    /// what was wrong with this one
    pub reason: String,
    /// when the record reached its stream, RFC 3339
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrival: Option<String>,
    /// the record itself
    #[serde(flatten)]
    pub payload: Payload,
}

/// Which record.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DeadLetterId {
    /// one of a stream
    Stream {
        /// name of the stream
        stream: String,
        /// id of the shard
        shard: String,
        /// sequence number of the Kinesis record
        sequence: String,
        /// number of the user record in an aggregated one
        sub_sequence: u64,
        /// number of the JSON object in the payload
        index: u32,
        /// the view that refused it; `*`: all
        view: String,
    },
    /// one of a push
    Pushed {
        /// push source or view that it was pushed to
        source: String,
        /// its number in what was pushed, from 1
        record: u64,
        /// hash of its bytes, so that the same number of another push is another record
        digest: String,
        /// the view that refused it; `*`: all
        view: String,
    },
}

/// The bytes of a record: as text where they are some.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// UTF-8
    #[serde(rename = "payload")]
    Text(String),
    /// base64
    #[serde(rename = "payload_base64")]
    Base64(String),
}

impl DeadLetter {
    /// Reads one line of a file.
    ///
    /// # Errors
    /// It is none, said for a human.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        match serde_json::from_slice::<Self>(line) {
            Ok(letter) if letter.payload.bytes().is_some() => Ok(letter),
            Ok(_) => Err("its `payload_base64` is no base64".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Payload {
    /// The form for these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Base64(base64(bytes)),
        }
    }

    /// The bytes; `None` where the base64 is none.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) => Some(text.clone().into_bytes()),
            Self::Base64(text) => from_base64(text),
        }
    }
}

/// Writes dead letters at the end of a file, none twice.
#[derive(Debug)]
pub struct DeadLetterWriter {
    path: PathBuf,
    file: File,
    known: HashSet<(u64, u64)>,
    lines: Vec<u8>,
}

impl DeadLetterWriter {
    /// Opens `path`, or makes it and its folders. What an earlier process wrote is read once for its ids; a last line that
    /// it did not end is cut off.
    ///
    /// # Errors
    /// `Io`, `DeadLetter` where the file is none of dead letters.
    pub fn open(path: &Path) -> Result<Self, OfflineError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|source| OfflineError::io("make the folder of", path, source))?;
        }
        let options = OpenOptions::new().read(true).append(true).create(true).clone();
        let file = options.open(path).map_err(|source| OfflineError::io("open", path, source))?;
        let mut writer = Self { path: path.to_owned(), file, known: HashSet::new(), lines: Vec::new() };
        writer.learn()?;
        Ok(writer)
    }

    fn learn(&mut self) -> Result<(), OfflineError> {
        let mut reader = DeadLetterReader::new(&self.path, BufReader::new(&self.file));
        let mut known = HashSet::new();
        while let Some(letter) = reader.next_whole() {
            known.insert(hash(&letter?.id));
        }
        let (whole, all) = (reader.whole, reader.position);
        self.known = known;
        if whole < all {
            self.file
                .set_len(whole)
                .map_err(|source| OfflineError::io("cut off the last line of", &self.path, source))?;
        }
        Ok(())
    }

    /// Adds letters that the file does not have; says how many they were. They are safe once [`sync`](Self::sync) returns.
    ///
    /// # Errors
    /// `Io`: the disk does not take them.
    pub fn append(&mut self, letters: &[DeadLetter]) -> Result<u64, OfflineError> {
        let mut added = 0;
        self.lines.clear();
        for letter in letters {
            if self.known.insert(hash(&letter.id)) {
                serde_json::to_writer(&mut self.lines, letter)
                    .map_err(|error| OfflineError::io("write", &self.path, error.into()))?;
                self.lines.push(b'\n');
                added += 1;
            }
        }
        self.file.write_all(&self.lines).map_err(|source| OfflineError::io("write", &self.path, source))?;
        Ok(added)
    }

    /// Makes everything that was added safe from a loss of power.
    ///
    /// # Errors
    /// `Io`: the disk does not take it.
    pub fn sync(&mut self) -> Result<(), OfflineError> {
        self.file.sync_data().map_err(|source| OfflineError::io("synchronize", &self.path, source))
    }
}

/// 128 bits of an id: a file of millions is known by less memory than it has bytes, and no two ids are taken for one.
fn hash(id: &DeadLetterId) -> (u64, u64) {
    (FixedState::with_seed(0).hash_one(id), FixedState::with_seed(1).hash_one(id))
}

/// Reads dead letters one after the other.
#[derive(Debug)]
pub struct DeadLetterReader<R> {
    path: PathBuf,
    source: R,
    line: Vec<u8>,
    number: u64,
    /// bytes read, and bytes up to the end of the last whole line
    position: u64,
    whole: u64,
}

impl DeadLetterReader<BufReader<File>> {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// `Io`.
    pub fn open(path: &Path) -> Result<Self, OfflineError> {
        let file = File::open(path).map_err(|source| OfflineError::io("open", path, source))?;
        Ok(Self::new(path, BufReader::new(file)))
    }
}

impl<R: BufRead> DeadLetterReader<R> {
    /// Reads what `source` holds, which messages call `path`.
    pub fn new(path: &Path, source: R) -> Self {
        Self { path: path.to_owned(), source, line: Vec::new(), number: 0, position: 0, whole: 0 }
    }

    /// The next letter of a line that its writer ended.
    fn next_whole(&mut self) -> Option<Result<DeadLetter, OfflineError>> {
        loop {
            self.line.clear();
            self.number += 1;
            match (&mut self.source).take(MAX_LINE).read_until(b'\n', &mut self.line) {
                Err(source) => return Some(Err(OfflineError::io("read", &self.path, source))),
                Ok(0) => return None,
                Ok(length) => self.position += length as u64,
            }
            if self.line.last() != Some(&b'\n') && (self.line.len() as u64) < MAX_LINE {
                return None;
            }
            self.whole = self.position;
            if !self.line.trim_ascii().is_empty() {
                return Some(self.parsed());
            }
        }
    }

    fn parsed(&self) -> Result<DeadLetter, OfflineError> {
        DeadLetter::parse(&self.line).map_err(|reason| OfflineError::DeadLetter {
            path: self.path.clone(),
            line: self.number,
            reason,
        })
    }
}

impl<R: BufRead> Iterator for DeadLetterReader<R> {
    type Item = Result<DeadLetter, OfflineError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.next_whole() {
            // a last line without its end is whole, or torn: what it says decides
            None if !self.line.trim_ascii().is_empty() => {
                let letter = self.parsed();
                self.line.clear();
                Some(letter)
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(record: u64, bytes: &[u8]) -> DeadLetter {
        DeadLetter {
            id: DeadLetterId::Pushed { source: "s".into(), record, digest: "d".into(), view: "*".into() },
            code: "E2001".into(),
            reason: "not JSON".into(),
            arrival: None,
            payload: Payload::of(bytes),
        }
    }

    fn read(path: &Path) -> Vec<DeadLetter> {
        DeadLetterReader::open(path).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn letters_come_back_as_they_were_and_none_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dead/letters.ndjson");
        let letters = [letter(1, b"{\"a\": 1"), letter(2, b"\xff\x00")];
        let mut writer = DeadLetterWriter::open(&path).unwrap();
        assert_eq!(writer.append(&letters).unwrap(), 2);
        assert_eq!(writer.append(&letters).unwrap(), 0);
        drop(writer);
        let mut again = DeadLetterWriter::open(&path).unwrap();
        assert_eq!(again.append(&[letters[1].clone(), letter(3, b"x")]).unwrap(), 1);
        again.sync().unwrap();
        assert_eq!(read(&path), [letters[0].clone(), letters[1].clone(), letter(3, b"x")]);
        assert_eq!(read(&path)[1].payload.bytes().unwrap(), b"\xff\x00");
        let lines = fs::read_to_string(&path).unwrap();
        assert!(lines.starts_with(
            r#"{"id":{"source":"s","record":1,"digest":"d","view":"*"},"code":"E2001","reason":"not JSON","payload":"{\"a\": 1"}"#
        ));
    }

    #[test]
    fn ids_of_a_stream_have_their_own_form() {
        let id = DeadLetterId::Stream {
            stream: "drivers".into(),
            shard: "shardId-0".into(),
            sequence: "495".into(),
            sub_sequence: 2,
            index: 0,
            view: "v".into(),
        };
        let text = serde_json::to_string(&id).unwrap();
        assert_eq!(
            text,
            r#"{"stream":"drivers","shard":"shardId-0","sequence":"495","sub_sequence":2,"index":0,"view":"v"}"#
        );
        assert_eq!(serde_json::from_str::<DeadLetterId>(&text).unwrap(), id);
    }

    #[test]
    fn a_line_that_was_never_ended_is_cut_off_by_the_next_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("letters.ndjson");
        DeadLetterWriter::open(&path).unwrap().append(&[letter(1, b"a"), letter(2, b"b")]).unwrap();
        let text = fs::read(&path).unwrap();
        fs::write(&path, &text[..text.len() - 5]).unwrap();
        assert_eq!(DeadLetterWriter::open(&path).unwrap().append(&[letter(2, b"b")]).unwrap(), 1);
        assert_eq!(read(&path), [letter(1, b"a"), letter(2, b"b")]);
    }

    #[test]
    fn another_file_is_no_file_of_dead_letters() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.ndjson");
        for text in [
            "{\"a\": 1}\n",
            "x\n",
            "{\"id\": {\"source\": \"s\", \"record\": 1, \"digest\": \"\", \"view\": \"*\"}, \
             \"code\": \"E\", \"reason\": \"r\", \"payload_base64\": \"?\"}\n",
        ] {
            fs::write(&path, text).unwrap();
            assert!(matches!(DeadLetterWriter::open(&path), Err(OfflineError::DeadLetter { line: 1, .. })), "{text}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}

//! A file of JSON lines that poses as a stream with one shard: the whole path without a service.
//!
//! A record is a line. Its sequence number is the place of its first byte, so that a run that was stopped goes on where it
//! was; it arrived when the file was last changed, whatever the clock says, so that a repeated run decides the same.
//! Standard input can be read once only: its records are numbered from 0, and they arrive when it is opened.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::{
    ApiError, Consumer, IteratorFrom, ListedShard, Page, ShardApi, ShardEvents, StreamRecord, StreamSummary, WallClock,
};
use crate::model::{SequenceNumber, Span, StreamId, Timestamp};

/// The only shard.
pub const INPUT_SHARD: &str = "shardId-000000000000";

/// Bytes of a page.
const PAGE: usize = 4 * 1024 * 1024;
/// The longest line: the largest record that a stream can hold.
const LONGEST_LINE: u64 = 10 * 1024 * 1024;
/// Buffer between the file and the lines.
const BUFFER: usize = 256 * 1024;
/// A file keeps its lines.
const RETENTION: Span = Span::from_seconds(100 * 365 * 86_400);
/// There is more in the file.
const BEHIND: Duration = Duration::from_millis(1);

/// What poses as a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// a file, whose position is kept
    File(PathBuf),
    /// standard input
    Standard,
}

impl std::fmt::Display for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Standard => f.write_str("standard input"),
        }
    }
}

/// JSON lines as a stream.
#[derive(Clone, Debug)]
pub struct InputApi {
    id: StreamId,
    arrival: Timestamp,
    clock: WallClock,
    lines: Arc<Mutex<Lines>>,
}

/// The lines, and where we are in them.
enum Lines {
    File { reader: BufReader<File>, at: u64 },
    Standard { reader: BufReader<io::Stdin>, number: u64 },
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if matches!(self, Self::File { .. }) { "File" } else { "Standard" })
    }
}

impl InputApi {
    /// Opens the input.
    ///
    /// # Errors
    /// There is no such file, or it cannot be read.
    pub fn open(input: &Input, clock: WallClock) -> io::Result<Self> {
        let (name, arrival, lines) = match input {
            Input::Standard => {
                let reader = BufReader::with_capacity(BUFFER, io::stdin());
                ("-".to_owned(), clock.now(), Lines::Standard { reader, number: 0 })
            }
            Input::File(path) => {
                let file = File::open(path)?;
                let metadata = file.metadata()?;
                if !metadata.is_file() {
                    return Err(io::Error::new(io::ErrorKind::InvalidInput, "is no file; pipe it in with `--input -`"));
                }
                let name = path.canonicalize()?.display().to_string();
                let lines = Lines::File { reader: BufReader::with_capacity(BUFFER, file), at: 0 };
                (name, changed(&metadata), lines)
            }
        };
        let id = StreamId { arn: format!("input:{name}"), created: Timestamp::EPOCH };
        Ok(Self { id, arrival, clock, lines: Arc::new(Mutex::new(lines)) })
    }

    /// Works with the lines where blocking is allowed.
    async fn with_lines<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Lines) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let lines = Arc::clone(&self.lines);
        let work = move || work(&mut lines.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(work).await.map_err(|error| failed("read the input", &error.to_string()))?
    }
}

/// Nothing is pushed from a file.
#[derive(Debug)]
pub enum NoEvents {}

impl ShardEvents for NoEvents {
    async fn next(&mut self) -> Result<Option<Page>, ApiError> {
        match *self {}
    }
}

impl ShardApi for InputApi {
    type Events = NoEvents;

    async fn describe(&self) -> Result<StreamSummary, ApiError> {
        let id = self.id.clone();
        Ok(StreamSummary { id, retention: RETENTION, placed_by_key: false, answered: self.clock.now() })
    }

    async fn shards(&self) -> Result<Vec<ListedShard>, ApiError> {
        let id = INPUT_SHARD.to_owned();
        Ok(vec![ListedShard { id, parents: Vec::new(), hash_range: None, closed: false }])
    }

    async fn iterator(&self, _: &str, from: &IteratorFrom) -> Result<String, ApiError> {
        let (from, arrival) = (from.clone(), self.arrival);
        self.with_lines(move |lines| Ok(lines.place(&from, arrival)?.to_string())).await
    }

    async fn read(&self, iterator: &str, limit: u32) -> Result<Page, ApiError> {
        let place = iterator.parse().map_err(|_| failed("read the input", "no such place"))?;
        let arrival = self.arrival;
        self.with_lines(move |lines| lines.page(place, limit as usize, arrival)).await
    }

    async fn consumer(&self, _: &StreamId, _: &str) -> Result<Consumer, ApiError> {
        Err(failed("push records", "a file has no consumers"))
    }

    async fn register(&self, _: &StreamId, _: &str) -> Result<Consumer, ApiError> {
        Err(failed("push records", "a file has no consumers"))
    }

    async fn deregister(&self, _: &str) -> Result<(), ApiError> {
        Err(failed("push records", "a file has no consumers"))
    }

    async fn subscribe(&self, _: &str, _: &str, _: &IteratorFrom) -> Result<NoEvents, ApiError> {
        Err(failed("push records", "a file has no consumers"))
    }
}

impl Lines {
    /// The place of the next line.
    fn place(&mut self, from: &IteratorFrom, arrival: Timestamp) -> Result<u64, ApiError> {
        let Self::File { reader, at } = self else { return Ok(0) };
        let io = |error: io::Error| failed("read the input", &error.to_string());
        let length = reader.get_ref().metadata().map_err(io)?.len();
        let number = |sequence: &SequenceNumber| sequence.as_str().parse().map_err(|_| replaced());
        let place = match from {
            IteratorFrom::TrimHorizon => return Ok(0),
            IteratorFrom::AtTimestamp(instant) => return Ok(if arrival >= *instant { 0 } else { length }),
            IteratorFrom::At(sequence) | IteratorFrom::After(sequence) => number(sequence)?,
        };
        // another file of that name does not have a line begin just there, as a rule
        if place > 0 {
            let mut before = [0];
            reader.seek(SeekFrom::Start(place - 1)).map_err(io)?;
            *at = place;
            if reader.read(&mut before).map_err(io)? == 0 || before != *b"\n" {
                return Err(replaced());
            }
        }
        if place >= length {
            return Err(replaced());
        }
        if matches!(from, IteratorFrom::At(_)) {
            return Ok(place);
        }
        reader.seek(SeekFrom::Start(place)).map_err(io)?;
        let skipped = reader.by_ref().take(LONGEST_LINE).skip_until(b'\n').map_err(io)?;
        *at = place + skipped as u64;
        Ok(*at)
    }

    fn page(&mut self, place: u64, limit: usize, arrival: Timestamp) -> Result<Page, ApiError> {
        let io = |error: io::Error| failed("read the input", &error.to_string());
        let (mut records, mut bytes) = (Vec::new(), 0);
        let mut line = Vec::new();
        if let Self::File { reader, at } = self
            && *at != place
        {
            reader.seek(SeekFrom::Start(place)).map_err(io)?;
            *at = place;
        }
        while records.len() < limit && bytes < PAGE {
            line.clear();
            let number = self.number();
            let read = self.line(&mut line).map_err(io)?;
            if read == 0 {
                let end = matches!(self, Self::Standard { .. });
                let next = (!end).then(|| self.number().to_string());
                return Ok(Page { records, next, ..Page::default() });
            }
            let text = line.trim_ascii();
            if !text.is_empty() {
                let sequence = SequenceNumber::parse(&number.to_string()).map_err(|reason| failed("count", &reason))?;
                records.push(StreamRecord { sequence, arrival, data: Bytes::copy_from_slice(text) });
                bytes += text.len();
            }
            if self.would_wait() && !records.is_empty() {
                break;
            }
        }
        Ok(Page { records, next: Some(self.number().to_string()), behind: BEHIND, ..Page::default() })
    }

    /// The sequence number of the next line.
    fn number(&self) -> u64 {
        match self {
            Self::File { at, .. } => *at,
            Self::Standard { number, .. } => *number,
        }
    }

    /// The next line; 0 bytes at the end.
    fn line(&mut self, line: &mut Vec<u8>) -> io::Result<usize> {
        let read = match self {
            Self::File { reader, at } => {
                let read = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', line)?;
                *at += read as u64;
                read
            }
            Self::Standard { reader, number } => {
                *number += 1;
                reader.by_ref().take(LONGEST_LINE).read_until(b'\n', line)?
            }
        };
        Ok(read)
    }

    /// Whether whoever writes to standard input has to come first.
    fn would_wait(&self) -> bool {
        matches!(self, Self::Standard { reader, .. } if !reader.buffer().contains(&b'\n'))
    }
}

/// When a file was last changed: its content, or its place on this disk (an unpacked archive keeps the times of old).
fn changed(metadata: &Metadata) -> Timestamp {
    let content = metadata.modified().map_or(Timestamp::EPOCH, timestamp);
    content.max(placed(metadata))
}

#[cfg(unix)]
fn placed(metadata: &Metadata) -> Timestamp {
    use std::os::unix::fs::MetadataExt;
    Timestamp::from_micros(metadata.ctime().saturating_mul(1_000_000).saturating_add(metadata.ctime_nsec() / 1_000))
}

#[cfg(not(unix))]
fn placed(metadata: &Metadata) -> Timestamp {
    metadata.created().map_or(Timestamp::EPOCH, timestamp)
}

fn timestamp(time: SystemTime) -> Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

fn failed(what: &str, why: &str) -> ApiError {
    ApiError::Request { code: "Input".to_owned(), message: format!("cannot {what}: {why}") }
}

fn replaced() -> ApiError {
    failed("go on", "the file is shorter than it was, or another one")
}

/// The name of an input as its stream's ARN.
#[must_use]
pub fn input_arn(path: &Path) -> Option<String> {
    path.canonicalize().ok().map(|path| format!("input:{}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.ndjson");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn api(path: &Path) -> InputApi {
        InputApi::open(&Input::File(path.to_owned()), WallClock::new(|| Timestamp::EPOCH)).unwrap()
    }

    async fn lines(api: &InputApi, from: IteratorFrom, limit: u32) -> Vec<(String, String)> {
        let mut place = api.iterator(INPUT_SHARD, &from).await.unwrap();
        let mut found = Vec::new();
        loop {
            let page = api.read(&place, limit).await.unwrap();
            let text = |record: &StreamRecord| String::from_utf8(record.data.to_vec()).unwrap();
            found.extend(page.records.iter().map(|record| (record.sequence.to_string(), text(record))));
            place = page.next.unwrap();
            if page.records.is_empty() && page.behind.is_zero() {
                return found;
            }
        }
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(place, text)| ((*place).to_owned(), (*text).to_owned())).collect()
    }

    #[tokio::test]
    async fn a_line_is_a_record_and_its_place_is_its_number() {
        let (_folder, path) = file("{\"a\":1}\n\n  {\"b\":2}\r\n{\"c\":3}");
        let expected = pairs(&[("0", "{\"a\":1}"), ("9", "{\"b\":2}"), ("20", "{\"c\":3}")]);
        for limit in [1, 2, 100] {
            assert_eq!(lines(&api(&path), IteratorFrom::TrimHorizon, limit).await, expected);
        }
        let number = SequenceNumber::parse("9").unwrap();
        assert_eq!(lines(&api(&path), IteratorFrom::At(number.clone()), 1).await, expected[1..]);
        assert_eq!(lines(&api(&path), IteratorFrom::After(number), 1).await, expected[2..]);
    }

    #[tokio::test]
    async fn a_file_that_grows_goes_on_and_one_that_was_replaced_is_noticed() {
        let (_folder, path) = file("{\"a\":1}\n");
        let after = |place: &str| IteratorFrom::After(SequenceNumber::parse(place).unwrap());
        assert!(lines(&api(&path), after("0"), 5).await.is_empty());
        std::fs::write(&path, "{\"a\":1}\n{\"b\":2}\n").unwrap();
        assert_eq!(lines(&api(&path), after("0"), 5).await, pairs(&[("8", "{\"b\":2}")]));
        std::fs::write(&path, "{\"other\":1}\n{\"b\":2}\n").unwrap();
        let error = api(&path).iterator(INPUT_SHARD, &after("8")).await.unwrap_err();
        assert!(error.to_string().contains("another one"), "{error}");
        std::fs::write(&path, "").unwrap();
        assert!(api(&path).iterator(INPUT_SHARD, &after("8")).await.is_err());
    }

    #[tokio::test]
    async fn records_arrive_when_the_file_was_changed() {
        let (_folder, path) = file("{}\n");
        let before = timestamp(SystemTime::now()).saturating_sub(Span::from_seconds(60));
        assert_eq!(lines(&api(&path), IteratorFrom::AtTimestamp(before), 5).await.len(), 1);
        let later = before.saturating_add(Span::from_seconds(3_600));
        assert!(lines(&api(&path), IteratorFrom::AtTimestamp(later), 5).await.is_empty());
    }
}

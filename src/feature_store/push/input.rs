//! What is pushed, as pieces: so many whole records, a table of them, or an object of columns.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use arrow::array::RecordBatch;
use sha2::{Digest, Sha256};

use super::{PushFormat, PushInput};
use crate::error::Error;
use crate::source::json::{TableForm, table_form};
use crate::source::parquet::Rows;
use crate::source::pushed::{Form, Layout, Records, SNIFFED, Splitter, sniff};

/// Bytes that are read at a time.
const BLOCK: usize = 256 << 10;
/// Blocks between the thread that reads and the one that encodes.
const BLOCKS: usize = 4;
/// Bytes of one piece, about.
const PIECE: usize = 8 << 20;
/// What must be held as a whole (an object of columns, parquet from a pipe) has so many bytes at most: 256 MiB.
const WHOLE: usize = 256 << 20;
const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];
/// A pipe that pauses so long has its records committed.
const PAUSE: Duration = Duration::from_millis(200);

/// Some of what is pushed.
#[derive(Clone, Debug)]
pub enum Piece {
    /// whole records as they are written
    Records(Records, RecordForm),
    /// Feast's object of columns
    Columns(String),
    /// rows of a table
    Table(RecordBatch),
}

/// How the records of a piece are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordForm {
    /// JSON
    Json,
    /// lines of CSV; the first of the first piece is the header
    Csv,
    /// dead letters
    DeadLetter,
}

/// A piece and its mark: a hash of everything up to its end.
#[derive(Clone, Debug)]
pub(super) struct Marked {
    pub piece: Piece,
    pub hash: String,
}

/// What arrives.
pub(super) enum Arrival {
    Block(Vec<u8>),
    Pause,
    End,
    Failed(io::Error),
}

/// Pieces of one input.
pub(super) enum Pieces {
    /// one that is here already
    One(Box<Option<Marked>>),
    /// rows of a parquet file
    Rows { rows: Box<Rows>, digest: String, next: u64 },
    /// records that are cut as they arrive
    Cut(Box<Cutter>),
}

/// Cuts what arrives.
pub(super) struct Cutter {
    arrivals: Arrivals,
    splitter: Splitter,
    form: RecordForm,
    records: usize,
    hasher: Sha256,
    ended: bool,
    /// what is pushed, for messages
    name: String,
}

/// Where blocks come from.
enum Arrivals {
    /// all of it, read before
    Memory(Option<Vec<u8>>),
    /// what was read to tell the format, then a thread that reads the rest
    Thread(Option<Vec<u8>>, Receiver<Arrival>),
}

impl Arrivals {
    fn next(&mut self) -> Arrival {
        match self {
            Self::Memory(text) => text.take().map_or(Arrival::End, Arrival::Block),
            Self::Thread(first, receiver) => match first.take() {
                Some(block) => Arrival::Block(block),
                None => match receiver.recv_timeout(PAUSE) {
                    Ok(arrival) => arrival,
                    Err(RecvTimeoutError::Timeout) => Arrival::Pause,
                    Err(RecvTimeoutError::Disconnected) => Arrival::End,
                },
            },
        }
    }
}

/// What one look at the input gives.
pub(super) enum Next {
    Piece(Marked),
    /// nothing yet: look for a stop, and ask again
    Nothing,
    End,
}

impl Pieces {
    /// Opens an input. `records`: how many a piece has.
    pub(super) fn open(input: PushInput, format: PushFormat, records: usize) -> Result<Self, Error> {
        let name = match &input {
            PushInput::File(path) => format!("`{}`", path.display()),
            PushInput::Text(_) => "the records".to_owned(),
            PushInput::Pipe(_) => "standard input".to_owned(),
        };
        let named = match &input {
            PushInput::File(path) => format_of_name(path),
            _ => None,
        };
        let format = if format == PushFormat::Auto { named.unwrap_or(format) } else { format };
        if let (PushInput::File(path), PushFormat::Parquet) = (&input, format) {
            return Self::parquet_file(path, records);
        }
        let mut source = Source::open(input, &name)?;
        let mut beginning = source.beginning(&name)?;
        // some programs mark a text as UTF-8 by it
        if beginning.starts_with(BYTE_ORDER_MARK) {
            beginning.drain(..BYTE_ORDER_MARK.len());
        }
        let (form, sniffed) = match format {
            PushFormat::DeadLetter => (RecordForm::DeadLetter, Form::Ndjson),
            PushFormat::Ndjson => (RecordForm::Json, Form::Ndjson),
            PushFormat::Csv => (RecordForm::Csv, Form::Csv),
            PushFormat::Json => (RecordForm::Json, Form::Json),
            PushFormat::Parquet => (RecordForm::Json, Form::Parquet),
            PushFormat::Auto => match sniff(&beginning) {
                Form::Csv => (RecordForm::Csv, Form::Csv),
                other => (RecordForm::Json, other),
            },
        };
        if sniffed == Form::Parquet {
            if let Source::File(_, path) = &source {
                return Self::parquet_file(path, records);
            }
            let bytes = source.whole(beginning, &name)?;
            let digest = hex(&Sha256::digest(&bytes));
            let rows = Box::new(Rows::of_bytes(Path::new(&name), bytes, records)?);
            return Ok(Self::Rows { rows, digest, next: 0 });
        }
        let layout = match sniffed {
            Form::Ndjson => Layout::Lines,
            Form::Csv => Layout::QuotedLines,
            _ => Layout::Values,
        };
        if sniffed.may_be_table(&beginning) {
            let bytes = source.whole(beginning, &name)?;
            return Ok(Self::of_columns(bytes, records, name));
        }
        let arrivals = source.arrivals(beginning);
        Ok(Self::Cut(Box::new(Cutter::new(arrivals, layout, form, records, name))))
    }

    /// Feast's object of columns, or records that only look like it.
    fn of_columns(bytes: Vec<u8>, records: usize, name: String) -> Self {
        let text = match String::from_utf8(bytes) {
            Ok(text) if table_form(&text) == TableForm::Columns => text,
            Ok(text) => return Self::in_memory(text.into_bytes(), records, name),
            Err(error) => return Self::in_memory(error.into_bytes(), records, name),
        };
        let hash = hex(&Sha256::digest(&text));
        Self::One(Box::new(Some(Marked { piece: Piece::Columns(text), hash })))
    }

    fn in_memory(bytes: Vec<u8>, records: usize, name: String) -> Self {
        let arrivals = Arrivals::Memory(Some(bytes));
        Self::Cut(Box::new(Cutter::new(arrivals, Layout::Values, RecordForm::Json, records, name)))
    }

    fn parquet_file(path: &Path, records: usize) -> Result<Self, Error> {
        let what = || format!("read `{}`", path.display());
        let rows = Box::new(Rows::of_file(path, records)?);
        let mut hasher = Sha256::new();
        let mut file = File::open(path).map_err(|error| Error::io(what(), error))?;
        let mut block = vec![0; BLOCK];
        loop {
            match file.read(&mut block).map_err(|error| Error::io(what(), error))? {
                0 => break,
                length => hasher.update(block.get(..length).unwrap_or_default()),
            }
        }
        Ok(Self::Rows { rows, digest: hex(&hasher.finalize()), next: 0 })
    }

    /// Whether the input may pause: then it is worth a thread, and a look for a stop now and then.
    pub(super) fn is_slow(&self) -> bool {
        match self {
            Self::One(_) => false,
            Self::Rows { .. } => true,
            Self::Cut(cutter) => matches!(cutter.arrivals, Arrivals::Thread(..)),
        }
    }

    /// What comes next. `early`: what is whole is a piece as soon as the input pauses.
    pub(super) fn next(&mut self, early: bool) -> Result<Next, Error> {
        match self {
            Self::One(piece) => Ok(piece.take().map_or(Next::End, Next::Piece)),
            Self::Rows { rows, digest, next } => match rows.next() {
                None => Ok(Next::End),
                Some(batch) => {
                    *next += 1;
                    Ok(Next::Piece(Marked { piece: Piece::Table(batch?), hash: format!("{digest}-{next}") }))
                }
            },
            Self::Cut(cutter) => cutter.next(early),
        }
    }

    /// What is whole already, when the input is left before its end.
    pub(super) fn rest(&mut self) -> Option<Marked> {
        let Self::Cut(cutter) = self else { return None };
        let records = cutter.splitter.take_all()?;
        Some(cutter.marked(records))
    }
}

impl Cutter {
    fn new(arrivals: Arrivals, layout: Layout, form: RecordForm, records: usize, name: String) -> Self {
        Self { arrivals, splitter: Splitter::new(layout), form, records, hasher: Sha256::new(), ended: false, name }
    }

    fn next(&mut self, early: bool) -> Result<Next, Error> {
        loop {
            let whole = if self.ended {
                self.splitter.take_all_of(self.records, PIECE)
            } else {
                self.splitter.take(self.records, PIECE)
            };
            if let Some(records) = whole {
                return Ok(Next::Piece(self.marked(records)));
            }
            if self.ended {
                return Ok(Next::End);
            }
            match self.arrivals.next() {
                Arrival::Block(block) => self.splitter.feed(&block),
                Arrival::End => {
                    self.splitter.finish();
                    self.ended = true;
                }
                Arrival::Pause => {
                    let whole = if early { self.splitter.take_all() } else { None };
                    return Ok(whole.map_or(Next::Nothing, |records| Next::Piece(self.marked(records))));
                }
                Arrival::Failed(error) => return Err(Error::io(format!("read {}", self.name), error)),
            }
        }
    }

    fn marked(&mut self, records: Records) -> Marked {
        self.hasher.update(&records.bytes);
        Marked { hash: hex(&self.hasher.clone().finalize()), piece: Piece::Records(records, self.form) }
    }
}

/// What is read from, and by whom.
enum Source {
    Text(Vec<u8>),
    File(File, PathBuf),
    Pipe(Box<dyn Read + Send>),
}

impl Source {
    fn open(input: PushInput, name: &str) -> Result<Self, Error> {
        Ok(match input {
            PushInput::Text(text) => Self::Text(text),
            PushInput::Pipe(pipe) => Self::Pipe(pipe),
            PushInput::File(path) => {
                let file = File::open(&path).map_err(|error| Error::io(format!("read {name}"), error))?;
                Self::File(file, path)
            }
        })
    }

    /// Enough to tell the format by: the first line and as much as there is at once.
    fn beginning(&mut self, name: &str) -> Result<Vec<u8>, Error> {
        let reader: &mut dyn Read = match self {
            Self::Text(text) => return Ok(std::mem::take(text)),
            Self::File(file, _) => file,
            Self::Pipe(pipe) => pipe,
        };
        let mut beginning = vec![0; SNIFFED];
        let mut length = 0;
        while length < SNIFFED {
            match reader.read(beginning.get_mut(length..).unwrap_or_default()) {
                Ok(0) => break,
                Ok(more) => length += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::io(format!("read {name}"), error)),
            }
            if beginning.get(..length).is_some_and(|text| text.contains(&b'\n')) {
                break;
            }
        }
        beginning.truncate(length);
        Ok(beginning)
    }

    /// All of it.
    fn whole(self, mut beginning: Vec<u8>, name: &str) -> Result<Vec<u8>, Error> {
        let reader: &mut dyn Read = &mut match self {
            Self::Text(_) => return Ok(beginning),
            Self::File(file, _) => Box::new(file) as Box<dyn Read>,
            Self::Pipe(pipe) => pipe,
        };
        let room = WHOLE.saturating_sub(beginning.len()) as u64;
        reader.take(room + 1).read_to_end(&mut beginning).map_err(|error| Error::io(format!("read {name}"), error))?;
        if beginning.len() > WHOLE {
            return Err(Error::invalid(
                format!("{name}: an object of columns, or parquet from a pipe, has more than 256 MiB"),
                "write one JSON object a line, or name the parquet file",
            ));
        }
        Ok(beginning)
    }

    /// Blocks, of which the first was read.
    fn arrivals(self, beginning: Vec<u8>) -> Arrivals {
        match self {
            Self::Text(_) => Arrivals::Memory(Some(beginning)),
            Self::File(mut file, _) => {
                // a pipe or a device that has a name has no size, and perhaps no end
                let is_small = file.metadata().is_ok_and(|found| found.is_file() && found.len() <= BLOCK as u64);
                if !is_small {
                    return Arrivals::Thread(Some(beginning), read_on_a_thread(Box::new(file)));
                }
                let mut all = beginning;
                match file.read_to_end(&mut all) {
                    Ok(_) => Arrivals::Memory(Some(all)),
                    Err(error) => {
                        let (sender, receiver) = sync_channel(1);
                        // the receiver is here, with room for one
                        let _ = sender.send(Arrival::Failed(error));
                        Arrivals::Thread(Some(all), receiver)
                    }
                }
            }
            Self::Pipe(pipe) => Arrivals::Thread(Some(beginning), read_on_a_thread(pipe)),
        }
    }
}

/// Reads blocks on a thread of its own, which is left behind when nobody wants them any longer: it may wait for a pipe.
fn read_on_a_thread(mut source: Box<dyn Read + Send>) -> Receiver<Arrival> {
    let (sender, receiver): (SyncSender<Arrival>, _) = sync_channel(BLOCKS);
    std::thread::spawn(move || {
        loop {
            let mut block = vec![0; BLOCK];
            let arrival = match source.read(&mut block) {
                Ok(0) => Arrival::End,
                Ok(length) => {
                    block.truncate(length);
                    Arrival::Block(block)
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Arrival::Failed(error),
            };
            let is_last = matches!(arrival, Arrival::End | Arrival::Failed(_));
            if sender.send(arrival).is_err() || is_last {
                return;
            }
        }
    });
    receiver
}

fn format_of_name(path: &Path) -> Option<PushFormat> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "ndjson" | "jsonl" => Some(PushFormat::Ndjson),
        "csv" => Some(PushFormat::Csv),
        "parquet" | "parq" | "pq" => Some(PushFormat::Parquet),
        _ => None,
    }
}

/// The digits of a hash.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|half| DIGITS.get(usize::from(half))).collect()
}

//! A file that is read in several steps and has to be the same one in all of them: writers replace files at their paths.

use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use ::parquet::errors::Result as ParquetResult;
use ::parquet::file::reader::{ChunkReader, Length};
use bytes::Bytes;

use crate::source::SourceError;

/// A file as it was when its footer was read.
#[derive(Debug)]
pub(super) struct HeldFile {
    path: PathBuf,
    /// `None`: opened anew for each step, and compared
    held: Option<FileReader>,
    state: State,
}

/// What tells a file from one that replaced it.
#[derive(Debug, PartialEq, Eq)]
struct State {
    length: u64,
    modified: Option<SystemTime>,
}

impl HeldFile {
    /// Opens a file. With `hold` it stays open; without, each step opens it again, so that a source may have more files
    /// than a process may have open.
    pub(super) fn open(path: &Path, hold: bool) -> Result<(Self, FileReader), SourceError> {
        let (reader, state) = open(path)?;
        Ok((Self { path: path.to_owned(), held: hold.then(|| reader.clone()), state }, reader))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes that the footer is about.
    ///
    /// # Errors
    /// `Changed`: there is another file at the path now.
    pub(super) fn reader(&self) -> Result<FileReader, SourceError> {
        if let Some(held) = &self.held {
            return Ok(held.clone());
        }
        let (reader, state) = open(&self.path)?;
        if state == self.state { Ok(reader) } else { Err(SourceError::Changed { path: self.path.clone() }) }
    }
}

fn open(path: &Path) -> Result<(FileReader, State), SourceError> {
    let failed = |source| SourceError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let state = State { length: metadata.len(), modified: Metadata::modified(&metadata).ok() };
    Ok((FileReader { file: Arc::new(file), length: metadata.len() }, state))
}

/// An open file that several threads read at once, each at its own place.
#[derive(Clone, Debug)]
pub(super) struct FileReader {
    file: Arc<File>,
    length: u64,
}

impl Length for FileReader {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for FileReader {
    type T = BufReader<From>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(BufReader::new(From { file: Arc::clone(&self.file), next: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        // a damaged footer may ask for more than there is memory
        if start.saturating_add(length as u64) > self.length {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let mut bytes = vec![0; length];
        From { file: Arc::clone(&self.file), next: start }.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }
}

/// Reads on from a place of the file.
#[derive(Debug)]
pub(super) struct From {
    file: Arc<File>,
    next: u64,
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = read_at(&self.file, buffer, self.next)?;
        self.next += read as u64;
        Ok(read)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(held: &HeldFile) -> Result<Vec<u8>, SourceError> {
        let reader = held.reader()?;
        Ok(reader.get_bytes(1, 2).unwrap().to_vec())
    }

    #[test]
    fn what_replaces_a_file_is_not_taken_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, b"abc").unwrap();
        let (held, reader) = HeldFile::open(&path, true).unwrap();
        let (compared, _) = HeldFile::open(&path, false).unwrap();
        assert_eq!(bytes(&compared).unwrap(), b"bc");
        std::fs::write(dir.path().join("g"), b"xyz1").unwrap();
        std::fs::rename(dir.path().join("g"), &path).unwrap();
        assert_eq!(bytes(&held).unwrap(), b"bc");
        assert!(matches!(bytes(&compared), Err(SourceError::Changed { .. })));

        assert_eq!(reader.len(), 3);
        assert!(reader.get_bytes(2, 2).is_err(), "behind the end");
        let mut rest = String::new();
        reader.get_read(1).unwrap().read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "bc");
    }
}

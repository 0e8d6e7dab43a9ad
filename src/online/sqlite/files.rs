//! Locks on files beside the store. They are the operating system's: a process that dies leaves none behind.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::online::OnlineError;

/// How long a writer waits for its turn.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// How often it looks. A bulk writer's pause between two transactions is longer.
const LOOK: Duration = Duration::from_micros(500);

/// The queue of our own writers.
#[derive(Debug)]
pub(super) struct WriterLock {
    file: File,
    store: PathBuf,
}

/// A writer's turn; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    file: File,
}

impl WriterLock {
    /// The queue of the store at `store`; makes its folder.
    pub(super) fn beside(store: &Path) -> Result<Self, OnlineError> {
        if let Some(folder) = store.parent() {
            fs::create_dir_all(folder).map_err(file_error("cannot make the folder", folder))?;
        }
        Ok(Self { file: open_lock(&with_suffix(store, "-feast-rs.lock"))?, store: store.to_owned() })
    }

    /// Waits for a turn.
    pub(super) fn wait(&self) -> Result<Turn, OnlineError> {
        let since = Instant::now();
        loop {
            match self.file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if since.elapsed() < PATIENCE => thread::sleep(LOOK),
                Err(TryLockError::WouldBlock) => return Err(OnlineError::Busy { path: self.store.clone() }),
                Err(TryLockError::Error(error)) => return Err(file_error("cannot lock beside", &self.store)(error)),
            }
        }
        let file = self.file.try_clone().map_err(file_error("cannot lock beside", &self.store))?;
        Ok(Turn { file })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // an error would mean that there is no lock to give back
        let _ = self.file.unlock();
    }
}

/// The right to do one thing with one view; it ends when this is dropped.
#[derive(Debug)]
pub struct ViewLock {
    _file: File,
}

impl ViewLock {
    /// Takes the right to do `what` (`materialize`, `stream-ingest`) with the view whose table is `table` in the store at
    /// `store`, without waiting.
    ///
    /// # Errors
    /// `ViewLocked` where another process has it, `File`.
    pub fn take(store: &Path, what: &str, table: &str) -> Result<Self, OnlineError> {
        if let Some(folder) = store.parent() {
            fs::create_dir_all(folder).map_err(file_error("cannot make the folder", folder))?;
        }
        let name = file_name(table);
        let path = with_suffix(store, &format!("-feast-rs.{what}.{name}.lock"));
        let file = open_lock(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(OnlineError::ViewLocked { what: what.to_owned(), table: table.to_owned() })
            }
            Err(TryLockError::Error(error)) => Err(file_error("cannot lock", &path)(error)),
        }
    }
}

/// The longest name of a table that stands in a file's name as it is: file systems take 255 bytes.
const LONGEST: usize = 100;

/// A table's name in the name of a file. Of a long one it has the beginning and a hash of all.
fn file_name(table: &str) -> String {
    let name: String = table.chars().map(|char| if char.is_alphanumeric() { char } else { '_' }).collect();
    if name.len() <= LONGEST {
        return name;
    }
    // FNV-1a: it must be the same in every process and version
    let hash = table
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let end = (0..=LONGEST).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    format!("{}-{hash:016x}", name.get(..end).unwrap_or_default())
}

fn open_lock(path: &Path) -> Result<File, OnlineError> {
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(file_error("cannot open the lock file", path))
}

/// `online.db` and `-wal` make `online.db-wal`.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

pub(super) fn file_error(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> OnlineError {
    let path = path.to_owned();
    move |source| OnlineError::File { doing, path, source }
}

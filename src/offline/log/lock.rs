//! One writer of a log at a time.

use std::fs::{self, File, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use super::{Form, LogError, LogFiles, io};

/// How long a writer waits for its turn: rewriting a large file takes a while.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(5);

/// A writer's turn; it ends when this is dropped. It is the operating system's, on a file that readers of the log pass
/// over: a process that dies leaves none behind.
#[derive(Debug)]
pub struct LogLock {
    _file: File,
}

impl LogLock {
    pub(super) fn wait(log: &LogFiles) -> Result<Self, LogError> {
        let path = if let (Form::File, Some(name)) = (log.form, log.path.file_name()) {
            log.path.with_file_name(format!(".{}.lock", name.to_string_lossy()))
        } else {
            // somebody may have removed the folder while rows waited for it
            fs::create_dir_all(&log.path).map_err(io("make the folder", &log.path))?;
            log.path.join(".lock")
        };
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(io("open the lock file", &path))?;
        let since = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if since.elapsed() < PATIENCE => thread::sleep(LOOK),
                Err(TryLockError::WouldBlock) => return Err(LogError::Busy { path: log.path.clone() }),
                Err(TryLockError::Error(error)) => return Err(io("lock", &path)(error)),
            }
        }
    }
}

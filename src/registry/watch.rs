//! Whether a registry has changed, without reading it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::{Doing, RegistryError};

/// Which file it is, whatever its name.
type Identity = (u64, u64);

/// A look does not wait for a writer: the next look is soon enough.
const PATIENCE: Duration = Duration::from_millis(50);

/// Notices changes of the file of a SQL registry: a commit of any program, and another file in its place.
#[derive(Debug)]
pub struct Watch {
    path: PathBuf,
    seen: Option<Seen>,
}

#[derive(Debug)]
struct Seen {
    identity: Identity,
    connection: Connection,
    /// changes with every commit of another connection
    data_version: i64,
}

impl Watch {
    /// Watches the registry at `path`. The first look finds it changed.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), seen: None }
    }

    /// Whether anything was committed to the file since the last look, or it became another file. To be asked before
    /// reading: a commit between the two is found by the next look. Costs a `stat` and a few reads of one page.
    ///
    /// # Errors
    /// The file is gone, is locked, or is no database; the look does not count then.
    pub fn changed(&mut self) -> Result<bool, RegistryError> {
        let found = identity(&self.path)?;
        if let Some(seen) = self.seen.as_mut().filter(|seen| seen.identity == found) {
            let now = data_version(&seen.connection)?;
            let before = std::mem::replace(&mut seen.data_version, now);
            return Ok(before != now);
        }
        self.seen = None;
        let connection = Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .doing("open the registry to watch it")?;
        connection.busy_timeout(PATIENCE).doing("open the registry to watch it")?;
        let data_version = data_version(&connection)?;
        self.seen = Some(Seen { identity: found, connection, data_version });
        Ok(true)
    }

    /// Makes the next look find the registry changed.
    pub fn forget(&mut self) {
        self.seen = None;
    }
}

fn data_version(connection: &Connection) -> Result<i64, RegistryError> {
    connection.query_row("PRAGMA data_version", [], |row| row.get(0)).doing("watch the registry")
}

#[cfg(unix)]
fn identity(path: &Path) -> Result<Identity, RegistryError> {
    use std::os::unix::fs::MetadataExt;
    let file = metadata(path)?;
    Ok((file.dev(), file.ino()))
}

/// Elsewhere an open file cannot be replaced.
#[cfg(not(unix))]
fn identity(path: &Path) -> Result<Identity, RegistryError> {
    metadata(path).map(|_| (0, 0))
}

fn metadata(path: &Path) -> Result<fs::Metadata, RegistryError> {
    fs::metadata(path).map_err(|source| RegistryError::File {
        doing: "look at the registry",
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_of_others_and_other_files_are_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.db");
        let mut watch = Watch::new(&path);
        assert!(matches!(watch.changed(), Err(RegistryError::File { .. })));
        let python = Connection::open(&path).unwrap();
        python.execute_batch("CREATE TABLE t (n)").unwrap();
        assert!(watch.changed().unwrap(), "the first look");
        assert!(!watch.changed().unwrap());
        python.execute_batch("INSERT INTO t VALUES (1)").unwrap();
        assert!(watch.changed().unwrap(), "a commit");
        assert!(!watch.changed().unwrap());
        python.execute_batch("BEGIN; INSERT INTO t VALUES (2); ROLLBACK").unwrap();
        assert!(!watch.changed().unwrap(), "nothing was committed");
        watch.forget();
        assert!(watch.changed().unwrap());
        fs::rename(&path, folder.path().join("old.db")).unwrap();
        assert!(watch.changed().is_err(), "gone");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (n)").unwrap();
        assert!(watch.changed().unwrap(), "another file");
        assert!(!watch.changed().unwrap());
    }
}

//! The registry file: opening, reading, and the small facts beside the objects.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};
use serde::Serialize;

use super::error::{Doing, RegistryError, RowDamage};
use super::plan::TableStep;
use super::snapshot::{Content, PendingStep, Row, Snapshot};
use super::sql;
use super::table::Table;
use crate::model::{ObjectId, ObjectKind, Timestamp};

/// How long we wait for another program's lock. Python gives up after five seconds, so its own locks are short.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// What a registry is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// nothing is created or changed; a missing file is an empty registry
    Read,
    /// Feast's tables and ours are created where they are missing
    Write,
}

/// A registry in Feast's SQL layout, in one SQLite file, as one project sees it.
#[derive(Debug)]
pub struct Registry {
    /// `None`: opened for reading, and there is no file
    connection: Option<Connection>,
    pub(super) project: String,
    access: Access,
}

/// One finished run of a verb, for `runs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Run {
    /// `materialize`, `push`, ...
    pub verb: String,
    /// which view
    pub view: String,
    /// when it began, microseconds since 1970 UTC
    pub started: i64,
    /// when it ended, microseconds since 1970 UTC
    pub finished: i64,
    /// its counts, as JSON
    pub report: serde_json::Value,
}

impl Registry {
    /// Opens the registry at `path` for one project.
    ///
    /// # Errors
    /// The file is no database, is locked for too long, or has tables of ours from a later version.
    pub fn open(path: &Path, project: &str, access: Access) -> Result<Self, RegistryError> {
        let connection = match access {
            Access::Read => open_to_read(path)?,
            Access::Write => Some(open_to_write(path)?),
        };
        if let Some(connection) = &connection {
            check_format(connection)?;
        }
        Ok(Self { connection, project: project.to_owned(), access })
    }

    /// Everything of the project, in one read transaction.
    ///
    /// # Errors
    /// A damaged row, named with its table.
    pub fn snapshot(&self) -> Result<Snapshot, RegistryError> {
        let Some(connection) = &self.connection else { return Ok(Snapshot::empty(&self.project)) };
        let transaction = connection.unchecked_transaction().doing("read the registry")?;
        let content = read(&transaction, &self.project)?;
        let pending = read_pending(&transaction, &self.project)?;
        transaction.finish().doing("read the registry")?;
        Snapshot::new(&self.project, content, pending)
    }

    /// Every row as it stands, without understanding any.
    pub(super) fn content(&self) -> Result<(Content, Vec<PendingStep>), RegistryError> {
        let Some(connection) = &self.connection else { return Ok((Content::default(), Vec::new())) };
        let transaction = connection.unchecked_transaction().doing("read the registry")?;
        Ok((read(&transaction, &self.project)?, read_pending(&transaction, &self.project)?))
    }

    /// The steps on the online store that were decided and not yet done, in order.
    ///
    /// # Errors
    /// The registry cannot be read.
    pub fn pending(&self) -> Result<Vec<PendingStep>, RegistryError> {
        self.connection.as_ref().map_or(Ok(Vec::new()), |connection| read_pending(connection, &self.project))
    }

    /// Forgets a pending step that is done.
    ///
    /// # Errors
    /// The registry cannot be written.
    pub fn clear_pending(&mut self, step: &PendingStep) -> Result<(), RegistryError> {
        let connection = self.writable()?;
        connection.execute(sql::DELETE_PENDING, params![self.project, step.id]).doing("clear a pending step")?;
        Ok(())
    }

    /// The newest created time that a run of `view` has seen.
    ///
    /// # Errors
    /// The registry cannot be read.
    pub fn newest_created(&self, view: &str) -> Result<Option<Timestamp>, RegistryError> {
        let Some(connection) = &self.connection else { return Ok(None) };
        if !tables(connection)?.contains("feast_rs_newest_created") {
            return Ok(None);
        }
        let micros = connection
            .query_row(sql::SELECT_NEWEST, params![self.project, view], |row| row.get(0))
            .optional()
            .doing("read the newest created time")?;
        Ok(micros.map(Timestamp::from_micros))
    }

    /// Keeps what a run did; the newest thousand runs of a project are kept.
    ///
    /// # Errors
    /// The registry cannot be written.
    pub fn record_run(&mut self, run: &Run) -> Result<(), RegistryError> {
        let project = self.project.clone();
        let report = run.report.to_string();
        let transaction = self.begin("record a run")?;
        transaction
            .execute(sql::INSERT_RUN, params![project, run.verb, run.view, run.started, run.finished, report])
            .doing("record a run")?;
        transaction.execute(sql::TRIM_RUNS, params![project]).doing("record a run")?;
        transaction.commit().doing("record a run")
    }

    /// The latest runs, newest first.
    ///
    /// # Errors
    /// The registry cannot be read.
    pub fn runs(&self, limit: usize) -> Result<Vec<Run>, RegistryError> {
        let Some(connection) = &self.connection else { return Ok(Vec::new()) };
        if !tables(connection)?.contains("feast_rs_runs") {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = connection.prepare(sql::SELECT_RUNS).doing("read the runs")?;
        let runs = statement.query_map(params![self.project, limit], |row| {
            let report: String = row.get(4)?;
            Ok(Run {
                verb: row.get(0)?,
                view: row.get(1)?,
                started: row.get(2)?,
                finished: row.get(3)?,
                report: serde_json::from_str(&report).unwrap_or(serde_json::Value::Null),
            })
        });
        runs.and_then(Iterator::collect).doing("read the runs")
    }

    /// What SQLite finds wrong with the file, in its own words; nothing for a sound one. Reads all of it.
    ///
    /// # Errors
    /// The registry cannot be read.
    pub fn damage(&self) -> Result<Vec<String>, RegistryError> {
        let Some(connection) = &self.connection else { return Ok(Vec::new()) };
        let mut statement = connection.prepare(sql::QUICK_CHECK).doing("check the registry")?;
        let found = statement.query_map([], |row| row.get::<_, String>(0));
        let found: Vec<String> = found.and_then(Iterator::collect).doing("check the registry")?;
        Ok(found.into_iter().filter(|line| line != "ok").collect())
    }

    fn writable(&self) -> Result<&Connection, RegistryError> {
        match (&self.connection, self.access) {
            (Some(connection), Access::Write) => Ok(connection),
            _ => Err(RegistryError::ReadOnly),
        }
    }

    /// Begins a write transaction: nobody else writes until it ends.
    pub(super) fn begin(&mut self, doing: &'static str) -> Result<Transaction<'_>, RegistryError> {
        match (&mut self.connection, self.access) {
            (Some(connection), Access::Write) => {
                connection.transaction_with_behavior(TransactionBehavior::Immediate).doing(doing)
            }
            _ => Err(RegistryError::ReadOnly),
        }
    }
}

/// Opened so that SQLite can finish a transaction that a crash interrupted, and so that we cannot write.
fn open_to_read(path: &Path) -> Result<Option<Connection>, RegistryError> {
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) => return Ok(None),
        Err(source) => return Err(RegistryError::File { doing: "look for", path: path.to_owned(), source }),
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|source| open_error(path, source))?;
    prepare(&connection, "PRAGMA query_only = ON").map_err(|source| open_error(path, source))?;
    Ok(Some(connection))
}

fn open_to_write(path: &Path) -> Result<Connection, RegistryError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|source| RegistryError::File {
            doing: "create the folder",
            path: folder.to_owned(),
            source,
        })?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(|source| open_error(path, source))?;
    prepare(&connection, "SELECT 1").map_err(|source| open_error(path, source))?;
    create_tables(&mut connection)?;
    Ok(connection)
}

/// Sets the timeout and touches the file, so that one that is no database is found here.
fn prepare(connection: &Connection, first: &str) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch(first)?;
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))
}

fn open_error(path: &Path, source: rusqlite::Error) -> RegistryError {
    RegistryError::Open { path: PathBuf::from(path), source }
}

/// Writes only where something is missing, so that opening a complete registry takes no lock.
fn create_tables(connection: &mut Connection) -> Result<(), RegistryError> {
    const DOING: &str = "create the tables of the registry";
    check_format(connection)?;
    let complete = |found: &BTreeSet<String>| {
        let ours = sql::OUR_PROJECT_TABLES.into_iter().chain(["feast_rs_meta"]);
        sql::FEAST_TABLES.iter().map(|(name, _)| *name).chain(ours).all(|name| found.contains(name))
    };
    if complete(&tables(connection)?) {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).doing(DOING)?;
    let found = tables(&transaction)?;
    for (name, ddl) in sql::FEAST_TABLES {
        if !found.contains(name) {
            transaction.execute_batch(ddl).doing(DOING)?;
        }
    }
    transaction.execute_batch(sql::OUR_TABLES).doing(DOING)?;
    transaction.commit().doing(DOING)
}

fn check_format(connection: &Connection) -> Result<(), RegistryError> {
    if !tables(connection)?.contains("feast_rs_meta") {
        return Ok(());
    }
    let found: Option<i64> = connection
        .query_row(sql::SELECT_FORMAT, [], |row| row.get(0))
        .optional()
        .doing("read the format of the registry")?;
    match found {
        Some(found) if found > sql::FORMAT => Err(RegistryError::Newer { found, known: sql::FORMAT }),
        _ => Ok(()),
    }
}

fn tables(connection: &Connection) -> Result<BTreeSet<String>, RegistryError> {
    let mut statement = connection.prepare(sql::TABLE_NAMES).doing("list the tables of the registry")?;
    let names = statement.query_map([], |row| row.get(0));
    names.and_then(Iterator::collect).doing("list the tables of the registry")
}

/// All that a plan looks at. A table that is missing is an empty one.
pub(super) fn read(connection: &Connection, project: &str) -> Result<Content, RegistryError> {
    let found = tables(connection)?;
    let mut content = Content::default();
    for table in Table::ALL {
        if found.contains(table.name()) {
            read_rows(connection, project, table, &mut content)?;
        }
    }
    if found.contains("feast_rs_owned") {
        content.owned = read_owned(connection, project)?;
    }
    if found.contains("feature_view_version_history") {
        let mut statement = connection.prepare(sql::SELECT_VERSIONS).doing("read the versions")?;
        let versions = statement.query_map(params![project], |row| Ok((row.get(0)?, row.get(1)?)));
        content.versions = versions.and_then(Iterator::collect).doing("read the versions")?;
    }
    if found.contains("feast_metadata") {
        content.project_uuid = connection
            .query_row(sql::SELECT_METADATA, params![project, "project_uuid"], |row| row.get(0))
            .optional()
            .doing("read the project's id")?;
    }
    Ok(content)
}

fn read_rows(connection: &Connection, project: &str, table: Table, content: &mut Content) -> Result<(), RegistryError> {
    let mut statement = connection.prepare(&sql::select_rows(table)).doing("read the registry")?;
    let mut found = statement.query(params![project]).doing("read the registry")?;
    while let Some(row) = found.next().doing("read the registry")? {
        let name: String = row.get(0).doing("read the registry")?;
        match row.get_ref(1).doing("read the registry")? {
            ValueRef::Blob(proto) => content.rows.push(Row { table, name, proto: proto.to_vec() }),
            other => {
                let found = format!("its message is stored as {}, not as BLOB", other.data_type());
                content.not_blobs.push((table, name, found));
            }
        }
    }
    Ok(())
}

fn read_owned(connection: &Connection, project: &str) -> Result<BTreeSet<ObjectId>, RegistryError> {
    let mut statement = connection.prepare(sql::SELECT_OWNED).doing("read what feast-rs applied")?;
    let owned = statement.query_map(params![project], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)));
    let owned: Vec<(String, String)> = owned.and_then(Iterator::collect).doing("read what feast-rs applied")?;
    Ok(owned.into_iter().filter_map(|(kind, name)| Some(ObjectId::new(ObjectKind::from_id(&kind)?, name))).collect())
}

fn read_pending(connection: &Connection, project: &str) -> Result<Vec<PendingStep>, RegistryError> {
    const DOING: &str = "read the pending steps";
    if !tables(connection)?.contains("feast_rs_pending") {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare(sql::SELECT_PENDING).doing(DOING)?;
    let steps = statement.query_map(params![project], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
    let steps: Vec<(i64, String)> = steps.and_then(Iterator::collect).doing(DOING)?;
    let parse = |(id, text): (i64, String)| {
        let step: TableStep = serde_json::from_str(&text).map_err(|error| RegistryError::Damaged {
            table: "feast_rs_pending",
            name: id.to_string(),
            source: RowDamage::Column(error.to_string()),
        })?;
        Ok(PendingStep { id, step })
    };
    steps.into_iter().map(parse).collect()
}

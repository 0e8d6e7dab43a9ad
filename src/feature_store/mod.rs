//! The verbs: each drives the stations from definitions or rows to what is stored.

mod apply;
mod check_transformation;
mod definitions;
mod historical;
mod historical_log;
mod inspect;
mod materialize;
mod observer;
mod on_demand;
mod operate;
pub mod push;
pub mod records;
mod references;
mod registry_files;
mod retrieve;
mod serving;
mod stream_ingest;
mod transformation;

use std::path::{Path, PathBuf};

pub use crate::offline::EntityRows;
pub use crate::registry::{Action, Change, Detail, Finding, Prune, Severity};
pub use crate::row::Cast;
pub use apply::{Drift, PlanScope, Planned, Removal};
pub use definitions::ValidationReport;
pub use historical::{HistoricalReport, HistoricalRequest};
pub use historical_log::{Flushed, HistoricalLog, LOG_PART_BYTES, LogParts};
pub use inspect::{Description, Listing};
pub use materialize::{
    MaterializeReport, MaterializeRequest, RefusedValue, ViewFailure, ViewJob, ViewReport, Window, materialize_view,
};
pub use observer::{Observer, Progress};
pub use operate::{
    Check, CheckStatus, CountReport, DiffReport, Difference, DifferenceKind, Expiry, ExpiryScope, RunOutcome,
    RunRecord, RunSummary, StatusReport, StoredEntity, StoredReport, StreamStatus, ViewStatus,
};
pub use references::FeatureSet;
pub use registry_files::ImportReport;
pub use retrieve::{
    AnswerRequest, FeatureVector, FieldStatus, OnlineAnswer, OnlinePlan, OnlineRequest, OnlineResponse, OnlineScratch,
    ResponseMetadata, ViewCounts,
};
pub use serving::{FeatureNames, Freshness, Serving};

pub use crate::source::kinesis::{Input, WallClock};
pub use stream_ingest::{
    Checkpoint, Deregistered, Destination, From as StreamFrom, ResetReport, ResetTo, ShardInfo, ShardStatus, Stop,
    Stopper, StreamCheck, StreamIngestReport, StreamIngestRequest, StreamNotice, StreamObserver, StreamProgress,
    StreamReport, StreamViewReport, health as stream_health, prometheus as stream_metrics,
};

use crate::error::Error;
use crate::model::{OnlineStoreSettings, RegistrySettings, Settings, SqliteOnlineStore};
use crate::online::{Durability, SqliteReader, SqliteStore};
use crate::registry::{Access, Registry, Snapshot};
use crate::repo::{self, Env};

/// One repo, opened: its settings, and what it takes to reach its registry and its stores. Threads may share it: it holds
/// no connection.
pub struct FeatureStore<'a> {
    /// `feature_store.yaml`
    pub settings: Settings,
    environment: &'a Env<'a>,
}

/// Where the settings of a repo are looked for.
#[derive(Clone, Debug, Default)]
pub struct Location {
    /// where the process runs, or the folder that the user named
    pub directory: PathBuf,
    /// whether the folders above are searched too
    pub search_parents: bool,
    /// another settings file than `feature_store.yaml`
    pub settings_file: Option<PathBuf>,
}

/// The name of the settings file.
const SETTINGS_FILE: &str = "feature_store.yaml";

impl Location {
    /// The settings file; the folder that it lies in is the repo.
    ///
    /// # Errors
    /// There is none, here or above.
    pub fn find(&self) -> Result<PathBuf, Error> {
        if let Some(file) = &self.settings_file {
            return Ok(self.directory.join(file));
        }
        let own = self.directory.join(SETTINGS_FILE);
        if own.is_file() {
            return Ok(own);
        }
        let above = self.directory.ancestors().skip(1).map(|folder| folder.join(SETTINGS_FILE));
        let found = above.into_iter().find(|file| self.search_parents && file.is_file());
        found.ok_or_else(|| Error::NoRepo(self.directory.clone()))
    }
}

impl<'a> FeatureStore<'a> {
    /// Opens the repo at `location`: reads its settings, nothing else.
    ///
    /// # Errors
    /// No settings file, or one with problems.
    pub fn open(location: &Location, environment: &'a Env<'a>) -> Result<Self, Error> {
        let settings = repo::read_settings(&location.find()?, environment)?;
        Ok(Self { settings, environment })
    }

    /// The SQL registry of the repo.
    fn registry(&self, access: Access) -> Result<Registry, Error> {
        match &self.settings.registry {
            RegistrySettings::Sqlite { path, .. } => Ok(Registry::open(path, &self.settings.project, access)?),
            RegistrySettings::File { .. } => Err(Error::unsupported(
                "this repo keeps its registry in a file of Feast's default kind, which only `list`, `describe`, \
                 `registry-dump` and `registry export` read",
                "set `registry: {registry_type: sql, path: \"sqlite:///data/registry_sql.db\"}` in feature_store.yaml, \
                 then copy the old one with `feast-rs registry import FILE`",
            )),
            RegistrySettings::Other { registry_type } => Err(Error::unsupported(
                format!("a registry of type `{registry_type}` is Python Feast's alone"),
                "use `registry_type: sql` with a `sqlite:///` path",
            )),
        }
    }

    /// Everything that the registry holds of this project. A file registry is read too.
    fn snapshot_of_any(&self) -> Result<Snapshot, Error> {
        match &self.settings.registry {
            RegistrySettings::File { path } => Ok(crate::registry::read_file(path, &self.settings.project)?),
            _ => self.snapshot(),
        }
    }

    /// Everything that the SQL registry holds of this project.
    fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(self.registry(Access::Read)?.snapshot()?)
    }

    fn online_settings(&self) -> Result<&SqliteOnlineStore, Error> {
        match &self.settings.online_store {
            OnlineStoreSettings::Sqlite(sqlite) => Ok(sqlite),
            OnlineStoreSettings::None => Err(Error::unsupported(
                "this repo has no online store (`online_store: null`)",
                "set `online_store: {type: sqlite, path: data/online_store.db}`",
            )),
            OnlineStoreSettings::Other { store_type } => Err(Error::unsupported(
                format!("an online store of type `{store_type}` is Python Feast's alone"),
                "use `online_store: {type: sqlite, path: data/online_store.db}`",
            )),
        }
    }

    fn online_store(&self, durability: Durability) -> Result<SqliteStore, Error> {
        Ok(SqliteStore::open(self.online_settings()?, self.settings.feast_rs.journal_mode, durability)?)
    }

    /// A reader of the online store, which must be there.
    fn online_to_read(&self) -> Result<SqliteReader, Error> {
        Ok(SqliteReader::open(&self.online_settings()?.path)?)
    }

    /// The online store as a user calls it: its path, relative to the repo where it lies inside.
    #[must_use]
    pub fn online_store_name(&self) -> String {
        let path = self.online_settings().map_or(Path::new(""), |store| store.path.as_path());
        path.strip_prefix(&self.settings.repo).unwrap_or(path).display().to_string()
    }
}

//! `feature_store.yaml`, as far as feast-rs acts on it.

use std::path::{Path, PathBuf};

use super::Span;

/// The settings of one repo.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// name of the project; also the prefix of the online tables
    pub project: String,
    /// `project_description`
    pub project_description: String,
    /// absolute path of the repo: of the folder that `feature_store.yaml` lies in
    pub repo: PathBuf,
    /// where the definitions are kept
    pub registry: RegistrySettings,
    /// where the newest values are kept
    pub online_store: OnlineStoreSettings,
    /// `offline_store.type`, as written (`dask`, `file`, `duckdb`, ...)
    pub offline_store: String,
    /// version of the entity keys' bytes: 3, or 2 and less for old stores
    pub entity_key_serialization_version: u32,
    /// `materialization.online_write_batch_size`: rows a transaction at most
    pub online_write_batch_size: Option<usize>,
    /// the block `feast_rs`, which Feast ignores
    pub feast_rs: FeastRsSettings,
}

/// `registry` in `feature_store.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistrySettings {
    /// `registry_type: sql` with a `sqlite:///` path
    Sqlite {
        /// absolute path of the database
        path: PathBuf,
        /// `enable_online_feature_view_versioning`
        versioning: bool,
    },
    /// a file registry, Feast's default: read, not written
    File {
        /// absolute path of the file
        path: PathBuf,
    },
    /// anything else (`snowflake.registry`, `remote`, postgres, ...)
    Other {
        /// as written
        registry_type: String,
    },
}

/// `online_store` in `feature_store.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnlineStoreSettings {
    /// `type: sqlite`
    Sqlite(SqliteOnlineStore),
    /// `online_store: null`
    None,
    /// anything else (`redis`, ...)
    Other {
        /// as written
        store_type: String,
    },
}

/// `online_store: {type: sqlite, ..}`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteOnlineStore {
    /// absolute path, exactly as Feast builds it: repo + `/` + path as written
    pub path: PathBuf,
    /// keep a vector in `vector_value`
    pub vector_enabled: bool,
    /// full-text search of Feast
    pub text_search_enabled: bool,
    /// the table has a column `value_num`
    pub enable_openai_compatible_store: bool,
}

impl SqliteOnlineStore {
    /// Whether Feast's searches need the table's `rowid`.
    #[must_use]
    pub fn needs_rowid(&self) -> bool {
        self.vector_enabled || self.text_search_enabled || self.enable_openai_compatible_store
    }
}

/// The block `feast_rs` of `feature_store.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeastRsSettings {
    /// how far in the future an event may lie
    pub max_future: Span,
    /// values older than the view's ttl are not served
    pub ttl_on_read: bool,
    /// journal of the online store
    pub journal_mode: JournalMode,
}

impl Default for FeastRsSettings {
    fn default() -> Self {
        Self { max_future: Span::from_seconds(86_400), ttl_on_read: true, journal_mode: JournalMode::Wal }
    }
}

/// SQLite's `journal_mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalMode {
    /// readers and a writer at the same time
    Wal,
    /// for network disks and read-only mounts
    Delete,
}

impl Settings {
    /// A path of a definition: absolute as it is, relative from the repo; `file://` before an absolute path says no more.
    /// The address of another machine stays as it is.
    #[must_use]
    pub fn resolve(&self, path: &str) -> PathBuf {
        match path.split_once("://") {
            Some(("file", absolute)) if absolute.starts_with('/') => PathBuf::from(absolute),
            Some(_) => PathBuf::from(path),
            None => self.repo.join(Path::new(path)),
        }
    }

    /// The name of a view's table in the online store (without versioning).
    #[must_use]
    pub fn table(&self, view: &str) -> String {
        format!("{}_{view}", self.project)
    }
}

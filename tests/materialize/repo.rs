//! A view over a file, and a store to materialize it into.

use std::path::{Path, PathBuf};

use feast_rs::error::MaterializeError;
use feast_rs::feature_store::{MaterializeRequest, ViewJob, ViewReport, Window, materialize_view};
use feast_rs::model::{
    DataSource, DataType, FeastRsSettings, FeatureView, Field, FileSource, Interval, JournalMode, OnlineStoreSettings,
    RegistrySettings, Settings, SourceKind, SqliteOnlineStore, Timestamp, ViewKind, ViewState,
};
use feast_rs::online::{Durability, OnlineStore, SqliteStore, TableSpec};
use feast_rs::row::{Cast, ViewLayout};

/// 2026-11-22T20:00:00Z
pub const NOW: Timestamp = Timestamp::from_micros(1_795_377_600_000_000);
pub const TABLE: &str = "p_v";

/// One view, one store.
pub struct Repo {
    pub dir: tempfile::TempDir,
    pub settings: Settings,
    pub view: FeatureView,
    pub state: ViewState,
    pub newest_created: Option<Timestamp>,
    pub request: MaterializeRequest,
}

/// A row of the online table, as Python sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stored {
    pub key: Vec<u8>,
    pub feature: String,
    pub value: Vec<u8>,
    pub text: Option<String>,
    pub event: i64,
    pub created: Option<i64>,
}

impl Repo {
    /// A view `v` with join key `eid` over `path` (relative to the repo).
    pub fn new(path: &str, features: &[(&str, DataType)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = FileSource { path: path.to_owned(), file_format: None, s3_endpoint_override: String::new() };
        let mut source = DataSource::new("s", SourceKind::File(file));
        source.timestamp_field = String::from("event_timestamp");
        let settings = settings(dir.path());
        let request = MaterializeRequest {
            views: Vec::new(),
            window: Window::UntilNow,
            allow_future: false,
            overwrite: false,
            cast: Cast::Lossless,
            dry_run: false,
        };
        let view = view(source, features);
        Self { dir, settings, view, state: ViewState::default(), newest_created: None, request }
    }

    pub fn source(&mut self) -> &mut DataSource {
        self.view.batch_source.as_mut().unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn between(&mut self, start: i64, end: i64) -> &mut Self {
        let at = Timestamp::from_micros;
        self.request.window = Window::Between(Interval { start: at(start), end: at(end) });
        self
    }

    /// Materializes and records the interval, as a verb does.
    pub fn run(&mut self) -> Result<ViewReport, MaterializeError> {
        let mut store = self.store();
        let job = ViewJob { view: &self.view, state: &self.state, newest_created: self.newest_created, table: TABLE };
        let store = (!self.request.dry_run).then_some(&mut store);
        let report = materialize_view(&self.settings, &job, &self.request, store, NOW, &())?;
        self.state.intervals.push(report.interval);
        self.newest_created = report.newest_created.or(self.newest_created);
        Ok(report)
    }

    fn store(&self) -> SqliteStore {
        let OnlineStoreSettings::Sqlite(online) = &self.settings.online_store else { unreachable!() };
        let mut store = SqliteStore::open(online, JournalMode::Wal, Durability::Full).unwrap();
        if let Ok(layout) = ViewLayout::of(&self.view, 3) {
            store.ensure(&TableSpec::new(TABLE, &layout, online)).unwrap();
        }
        store
    }

    /// What is stored, by key and feature.
    pub fn stored(&self) -> Vec<Stored> {
        let db = rusqlite::Connection::open(self.path("online.db")).unwrap();
        let text = "SELECT entity_key, feature_name, value, value_text, event_ts, created_ts FROM p_v ORDER BY 1, 2";
        let Ok(mut statement) = db.prepare(text) else { return Vec::new() };
        let rows = statement.query_map([], |row| {
            Ok(Stored {
                key: row.get(0)?,
                feature: row.get(1)?,
                value: row.get(2)?,
                text: row.get(3)?,
                event: row.get(4)?,
                created: row.get(5)?,
            })
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    /// The texts of the stored values.
    pub fn texts(&self) -> Vec<Option<String>> {
        self.stored().into_iter().map(|row| row.text).collect()
    }
}

fn settings(repo: &Path) -> Settings {
    let online = SqliteOnlineStore {
        path: repo.join("online.db"),
        vector_enabled: false,
        text_search_enabled: false,
        enable_openai_compatible_store: false,
    };
    Settings {
        project: "p".to_owned(),
        project_description: String::new(),
        repo: repo.to_owned(),
        registry: RegistrySettings::Sqlite { path: repo.join("registry.db"), versioning: false },
        online_store: OnlineStoreSettings::Sqlite(online),
        offline_store: "file".to_owned(),
        entity_key_serialization_version: 3,
        online_write_batch_size: None,
        feast_rs: FeastRsSettings::default(),
    }
}

fn view(source: DataSource, features: &[(&str, DataType)]) -> FeatureView {
    FeatureView {
        kind: ViewKind::FeatureView,
        name: "v".to_owned(),
        entities: vec!["e".to_owned()],
        entity_columns: vec![Field::new("eid", DataType::Int64)],
        features: features.iter().map(|(name, dtype)| Field::new(*name, dtype.clone())).collect(),
        ttl: None,
        online: true,
        offline: false,
        batch_source: Some(source),
        stream_source: None,
        sink_source: None,
        source_views: Vec::new(),
        mode: None,
        transformation: None,
        aggregations: Vec::new(),
        timestamp_field: String::new(),
        enable_tiling: false,
        tiling_hop_size: None,
        enable_validation: false,
        version: "latest".to_owned(),
        enabled: true,
        description: String::new(),
        tags: std::collections::BTreeMap::new(),
        owner: String::new(),
        org: String::new(),
        renamed_from: None,
    }
}

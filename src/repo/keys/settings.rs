//! `feature_store.yaml`

use super::{Key, Object, REQUIRED, Shape, key, passed};

/// `feature_store.yaml`
pub static SETTINGS: Object = Object {
    what: "feature_store.yaml",
    name: "feature_store",
    keys: &[
        key("project", Shape::Text, REQUIRED, "The name of the project, which online tables begin with."),
        key("project_description", Shape::Text, "\"\"", "Free text."),
        key(
            "registry",
            Shape::Either(&[Shape::Text, Shape::Store(&[(&SQL_REGISTRY, &["sql"]), (&REGISTRY, &["file"])])]),
            REQUIRED,
            "Where the definitions are kept: an SQL registry on SQLite, or a file of Feast's, which is read only.",
        ),
        key(
            "online_store",
            Shape::Either(&[Shape::Text, Shape::Store(&[(&ONLINE_STORE, &["sqlite"])])]),
            "SQLite in data/online.db",
            "Where the newest values are kept.",
        ),
        key(
            "offline_store",
            Shape::Either(&[Shape::Text, Shape::Store(&[(&OFFLINE_STORE, &["dask", "file"]), (&DUCKDB, &["duckdb"])])]),
            "dask",
            "Feast's engine for history; feast-rs reads parquet itself.",
        ),
        key(
            "entity_key_serialization_version",
            Shape::Whole(0),
            "3",
            "Version of the bytes of entity keys; 3 unless the store was written by an old Feast.",
        ),
        key("materialization", Shape::Object(&MATERIALIZATION), "none", "Settings of `materialize`."),
        key("feast_rs", Shape::Object(&FEAST_RS), "none", "Settings of feast-rs, which Feast ignores."),
        passed("provider", "Feast's provider; `local`."),
        passed("coerce_tz_aware", "Python's."),
        passed("auth", "Python's."),
        passed("feature_server", "Python's."),
        passed("embedding_model", "Python's."),
        passed("openlineage", "Python's."),
        passed("mlflow", "Python's."),
        passed("data_quality_monitoring", "Python's."),
        passed("flags", "Python's."),
        passed("repo_path", "Python's."),
        passed("batch_engine", "Python's."),
    ],
};

const REGISTRY_TYPE: Key =
    key("registry_type", Shape::Text, "file", "sql, or Feast's other types, which feast-rs does not run.");
const REGISTRY_PATH: Key = key(
    "path",
    Shape::Text,
    REQUIRED,
    "sqlite:///data/registry.db, relative to the repo; with four slashes an absolute path.",
);
const VERSIONING: Key = key(
    "enable_online_feature_view_versioning",
    Shape::Flag,
    "false",
    "Each version of a view has a table of its own.",
);

/// `registry`: a file of Feast's
pub static REGISTRY: Object = Object {
    what: "the registry",
    name: "registry",
    keys: &[
        REGISTRY_TYPE,
        REGISTRY_PATH,
        VERSIONING,
        passed("registry_store_type", "Python's."),
        passed("cache_ttl_seconds", "Python's."),
        passed("cache_mode", "Python's."),
        passed("s3_additional_kwargs", "Python's."),
        passed("purge_feast_metadata", "Python's."),
        passed("serve_features_while_materializing", "Python's."),
        passed("mcp", "Python's."),
    ],
};

/// `registry` with `registry_type: sql`
pub static SQL_REGISTRY: Object = Object {
    what: "the registry",
    name: "sql_registry",
    keys: &[
        REGISTRY_TYPE,
        REGISTRY_PATH,
        VERSIONING,
        passed("registry_store_type", "Python's."),
        passed("cache_ttl_seconds", "Python's."),
        passed("cache_mode", "Python's."),
        passed("s3_additional_kwargs", "Python's."),
        passed("purge_feast_metadata", "Python's."),
        passed("serve_features_while_materializing", "Python's."),
        passed("mcp", "Python's."),
        passed("read_path", "Python's."),
        passed("schema_mode", "Python's."),
        passed("sqlalchemy_config_kwargs", "Python's."),
        passed("thread_pool_executor_worker_count", "Python's."),
    ],
};

/// `online_store`
pub static ONLINE_STORE: Object = Object {
    what: "the online store",
    name: "online_store",
    keys: &[
        key("type", Shape::Text, "sqlite", "sqlite, or Feast's other types, which feast-rs does not run."),
        key("path", Shape::Text, "data/online.db", "The file, relative to the repo."),
        key("vector_enabled", Shape::Flag, "false", "Keep the physical form that Feast's vector search needs."),
        key("text_search_enabled", Shape::Flag, "false", "Keep the physical form that Feast's text search needs."),
        key("enable_openai_compatible_store", Shape::Flag, "false", "Keep numbers in a column of their own."),
        passed("similarity", "Python's."),
    ],
};

/// `materialization`
pub static MATERIALIZATION: Object = Object {
    what: "materialization",
    name: "materialization",
    keys: &[
        key("online_write_batch_size", Shape::Whole(1), "none", "Rows a transaction at most."),
        passed("pull_latest_features", "Python's."),
    ],
};

/// `offline_store`
pub static OFFLINE_STORE: Object = Object {
    what: "the offline store",
    name: "offline_store",
    keys: &[key("type", Shape::Text, "dask", "Feast's engine for history.")],
};

/// `offline_store` with `type: duckdb`
pub static DUCKDB: Object = Object {
    what: "the offline store",
    name: "duckdb",
    keys: &[
        key("type", Shape::Text, REQUIRED, "Feast's engine for history."),
        passed("staging_location", "Python's."),
        passed("staging_location_endpoint_override", "Python's."),
    ],
};

/// `feast_rs`
pub static FEAST_RS: Object = Object {
    what: "feast_rs",
    name: "feast_rs",
    keys: &[
        key(
            "max_future",
            Shape::Duration,
            "1d",
            "How far in the future an event may lie; what lies further is refused.",
        ),
        key("ttl_on_read", Shape::Flag, "true", "A value older than its view's ttl is not served."),
        key(
            "journal_mode",
            Shape::OneOf(&["wal", "delete"]),
            "wal",
            "Journal of the online store; `delete` for network disks and read-only mounts.",
        ),
    ],
};

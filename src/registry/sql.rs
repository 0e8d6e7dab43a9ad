//! The SQL of the registry: Feast's tables as SQLAlchemy creates them, ours beside them, and every statement.

use super::table::Table;

/// Feast's tables and their indexes, text for text (Feast 0.67.0).
pub(super) const FEAST_TABLES: [(&str, &str); 14] = [
    (
        "projects",
        "CREATE TABLE projects (\n\tproject_id VARCHAR(255) NOT NULL, \n\t\
         project_name VARCHAR(255) NOT NULL, \n\t\
         last_updated_timestamp BIGINT NOT NULL, \n\t\
         project_proto BLOB NOT NULL, \n\t\
         PRIMARY KEY (project_id)\n);\n\
         CREATE INDEX idx_projects_project_id ON projects (project_id)",
    ),
    (
        "entities",
        "CREATE TABLE entities (\n\tentity_name VARCHAR(255) NOT NULL, \n\t\
         project_id VARCHAR(255) NOT NULL, \n\t\
         last_updated_timestamp BIGINT NOT NULL, \n\t\
         entity_proto BLOB NOT NULL, \n\t\
         PRIMARY KEY (entity_name, project_id)\n);\n\
         CREATE INDEX idx_entities_project_id ON entities (project_id)",
    ),
    (
        "data_sources",
        "CREATE TABLE data_sources (\n\tdata_source_name VARCHAR(255) NOT NULL, \n\t\
         project_id VARCHAR(255) NOT NULL, \n\t\
         last_updated_timestamp BIGINT NOT NULL, \n\t\
         data_source_proto BLOB NOT NULL, \n\t\
         PRIMARY KEY (data_source_name, project_id)\n);\n\
         CREATE INDEX idx_data_sources_project_id ON data_sources (project_id)",
    ),
    (
        "feature_views",
        "CREATE TABLE feature_views (\n\tfeature_view_name VARCHAR(255) NOT NULL, \n\t\
         project_id VARCHAR(255) NOT NULL, \n\t\
         last_updated_timestamp BIGINT NOT NULL, \n\t\
         materialized_intervals BLOB, \n\t\
         feature_view_proto BLOB NOT NULL, \n\t\
         user_metadata BLOB, \n\t\
         PRIMARY KEY (feature_view_name, project_id)\n);\n\
         CREATE INDEX idx_feature_views_project_id ON feature_views (project_id)",
    ),
    (
        "stream_feature_views",
        "CREATE TABLE stream_feature_views (\n\tfeature_view_name VARCHAR(255) NOT NULL, \n\t\
         project_id VARCHAR(255) NOT NULL, \n\t\
         last_updated_timestamp BIGINT NOT NULL, \n\t\
         feature_view_proto BLOB NOT NULL, \n\t\
         user_metadata BLOB, \n\t\
         PRIMARY KEY (feature_view_name, project_id)\n);\n\
         CREATE INDEX idx_stream_feature_views_project_id ON stream_feature_views (project_id)",
    ),
    (
        "on_demand_feature_views",
        "CREATE TABLE on_demand_feature_views (\n\tfeature_view_name VARCHAR(255) NOT NULL, \n\t\
         project_id VARCHAR(255) NOT NULL, \n\t\
         last_updated_timestamp BIGINT NOT NULL, \n\t\
         feature_view_proto BLOB NOT NULL, \n\t\
         user_metadata BLOB, \n\t\
         PRIMARY KEY (feature_view_name, project_id)\n);\n\
         CREATE INDEX idx_on_demand_feature_views_project_id ON on_demand_feature_views (project_id)",
    ),
    (
        "label_views",
        "CREATE TABLE label_views (\n\tfeature_view_name VARCHAR(255) NOT NULL, \n\t\
         project_id VARCHAR(255) NOT NULL, \n\t\
         last_updated_timestamp BIGINT NOT NULL, \n\t\
         feature_view_proto BLOB NOT NULL, \n\t\
         user_metadata BLOB, \n\t\
         PRIMARY KEY (feature_view_name, project_id)\n);\n\
         CREATE INDEX idx_label_views_project_id ON label_views (project_id)",
    ),
    (
        "feature_services",
        "CREATE TABLE feature_services (\n\tfeature_service_name VARCHAR(255) NOT NULL, \n\t\
         project_id VARCHAR(255) NOT NULL, \n\t\
         last_updated_timestamp BIGINT NOT NULL, \n\t\
         feature_service_proto BLOB NOT NULL, \n\t\
         PRIMARY KEY (feature_service_name, project_id)\n);\n\
         CREATE INDEX idx_feature_services_project_id ON feature_services (project_id)",
    ),
    (
        "saved_datasets",
        "CREATE TABLE saved_datasets (\n\tsaved_dataset_name VARCHAR(255) NOT NULL, \n\t\
         project_id VARCHAR(255) NOT NULL, \n\t\
         last_updated_timestamp BIGINT NOT NULL, \n\t\
         saved_dataset_proto BLOB NOT NULL, \n\t\
         PRIMARY KEY (saved_dataset_name, project_id)\n);\n\
         CREATE INDEX idx_saved_datasets_project_id ON saved_datasets (project_id)",
    ),
    (
        "validation_references",
        "CREATE TABLE validation_references (\n\tvalidation_reference_name VARCHAR(255) NOT NULL, \n\t\
         project_id VARCHAR(255) NOT NULL, \n\t\
         last_updated_timestamp BIGINT NOT NULL, \n\t\
         validation_reference_proto BLOB NOT NULL, \n\t\
         PRIMARY KEY (validation_reference_name, project_id)\n);\n\
         CREATE INDEX idx_validation_references_project_id ON validation_references (project_id)",
    ),
    (
        "managed_infra",
        "CREATE TABLE managed_infra (\n\tinfra_name VARCHAR(255) NOT NULL, \n\t\
         project_id VARCHAR(255) NOT NULL, \n\t\
         last_updated_timestamp BIGINT NOT NULL, \n\t\
         infra_proto BLOB NOT NULL, \n\t\
         PRIMARY KEY (infra_name, project_id)\n);\n\
         CREATE INDEX idx_managed_infra_project_id ON managed_infra (project_id)",
    ),
    (
        "permissions",
        "CREATE TABLE permissions (\n\tpermission_name VARCHAR(255) NOT NULL, \n\t\
         project_id VARCHAR(255) NOT NULL, \n\t\
         last_updated_timestamp BIGINT NOT NULL, \n\t\
         permission_proto BLOB NOT NULL, \n\t\
         PRIMARY KEY (permission_name, project_id)\n);\n\
         CREATE INDEX idx_permissions_project_id ON permissions (project_id)",
    ),
    (
        "feature_view_version_history",
        "CREATE TABLE feature_view_version_history (\n\tfeature_view_name VARCHAR(255) NOT NULL, \n\t\
         project_id VARCHAR(255) NOT NULL, \n\t\
         version_number INTEGER NOT NULL, \n\t\
         feature_view_type VARCHAR(50) NOT NULL, \n\t\
         feature_view_proto BLOB NOT NULL, \n\t\
         created_timestamp BIGINT NOT NULL, \n\t\
         description TEXT, \n\t\
         version_id VARCHAR(36) NOT NULL, \n\t\
         PRIMARY KEY (feature_view_name, project_id, version_number)\n);\n\
         CREATE INDEX idx_fv_version_history_project_id ON feature_view_version_history (project_id)",
    ),
    (
        "feast_metadata",
        "CREATE TABLE feast_metadata (\n\tproject_id VARCHAR(255) NOT NULL, \n\t\
         metadata_key VARCHAR(50) NOT NULL, \n\t\
         metadata_value TEXT NOT NULL, \n\t\
         last_updated_timestamp BIGINT NOT NULL, \n\t\
         PRIMARY KEY (project_id, metadata_key)\n);\n\
         CREATE INDEX idx_feast_metadata_project_id ON feast_metadata (project_id)",
    ),
];

/// Tables of our own, in the same file; Feast never looks at them.
pub(super) const OUR_TABLES: &str = "
CREATE TABLE IF NOT EXISTS feast_rs_meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS feast_rs_owned (
    project_id TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (project_id, kind, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS feast_rs_pending (id INTEGER PRIMARY KEY, project_id TEXT NOT NULL, step TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS feast_rs_newest_created (
    project_id TEXT NOT NULL, view TEXT NOT NULL, micros INTEGER NOT NULL, PRIMARY KEY (project_id, view)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS feast_rs_runs (
    id INTEGER PRIMARY KEY, project_id TEXT NOT NULL, verb TEXT NOT NULL, view TEXT NOT NULL,
    started INTEGER NOT NULL, finished INTEGER NOT NULL, report TEXT NOT NULL
);
INSERT INTO feast_rs_meta (key, value) VALUES ('format', 1) ON CONFLICT (key) DO NOTHING;
";

/// The names of our tables that have rows of a project.
pub(super) const OUR_PROJECT_TABLES: [&str; 4] =
    ["feast_rs_owned", "feast_rs_pending", "feast_rs_newest_created", "feast_rs_runs"];

/// The format of our tables that this program writes.
pub(super) const FORMAT: i64 = 1;

pub(super) const TABLE_NAMES: &str = "SELECT name FROM sqlite_master WHERE type = 'table'";
pub(super) const SELECT_FORMAT: &str = "SELECT value FROM feast_rs_meta WHERE key = 'format'";

pub(super) const SELECT_OWNED: &str = "SELECT kind, name FROM feast_rs_owned WHERE project_id = ?1";
pub(super) const DELETE_OWNED: &str = "DELETE FROM feast_rs_owned WHERE project_id = ?1";
pub(super) const INSERT_OWNED: &str = "INSERT INTO feast_rs_owned (project_id, kind, name) VALUES (?1, ?2, ?3)";

pub(super) const SELECT_PENDING: &str = "SELECT id, step FROM feast_rs_pending WHERE project_id = ?1 ORDER BY id";
pub(super) const INSERT_PENDING: &str = "INSERT INTO feast_rs_pending (project_id, step) VALUES (?1, ?2)";
pub(super) const DELETE_PENDING: &str = "DELETE FROM feast_rs_pending WHERE project_id = ?1 AND id = ?2";

pub(super) const SELECT_NEWEST: &str = "SELECT micros FROM feast_rs_newest_created WHERE project_id = ?1 AND view = ?2";
pub(super) const UPSERT_NEWEST: &str = "INSERT INTO feast_rs_newest_created (project_id, view, micros) \
     VALUES (?1, ?2, ?3) ON CONFLICT (project_id, view) DO UPDATE SET micros = max(micros, excluded.micros)";
pub(super) const DELETE_NEWEST: &str = "DELETE FROM feast_rs_newest_created WHERE project_id = ?1 AND view = ?2";
pub(super) const RENAME_NEWEST: &str =
    "UPDATE OR REPLACE feast_rs_newest_created SET view = ?3 WHERE project_id = ?1 AND view = ?2";

pub(super) const INSERT_RUN: &str = "INSERT INTO feast_rs_runs (project_id, verb, view, started, finished, report) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
pub(super) const QUICK_CHECK: &str = "PRAGMA quick_check(5)";
/// The table of runs is bounded: the newest thousand of a project.
pub(super) const TRIM_RUNS: &str = "DELETE FROM feast_rs_runs WHERE project_id = ?1 AND id NOT IN \
     (SELECT id FROM feast_rs_runs WHERE project_id = ?1 ORDER BY id DESC LIMIT 1000)";
pub(super) const SELECT_RUNS: &str = "SELECT verb, view, started, finished, report FROM feast_rs_runs \
     WHERE project_id = ?1 ORDER BY id DESC LIMIT ?2";

pub(super) const SELECT_METADATA: &str =
    "SELECT metadata_value FROM feast_metadata WHERE project_id = ?1 AND metadata_key = ?2";
pub(super) const INSERT_METADATA: &str = "INSERT INTO feast_metadata \
     (project_id, metadata_key, metadata_value, last_updated_timestamp) VALUES (?1, ?2, ?3, ?4) \
     ON CONFLICT (project_id, metadata_key) DO NOTHING";
pub(super) const UPSERT_METADATA: &str = "INSERT INTO feast_metadata \
     (project_id, metadata_key, metadata_value, last_updated_timestamp) VALUES (?1, ?2, ?3, ?4) \
     ON CONFLICT (project_id, metadata_key) DO UPDATE SET metadata_value = excluded.metadata_value, \
     last_updated_timestamp = excluded.last_updated_timestamp";

pub(super) const SELECT_VERSIONS: &str = "SELECT feature_view_name, max(version_number) \
     FROM feature_view_version_history WHERE project_id = ?1 GROUP BY feature_view_name";
pub(super) const INSERT_VERSION: &str = "INSERT INTO feature_view_version_history (feature_view_name, project_id, \
     version_number, feature_view_type, feature_view_proto, created_timestamp, description, version_id) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
pub(super) const DELETE_VERSIONS: &str =
    "DELETE FROM feature_view_version_history WHERE project_id = ?1 AND feature_view_name = ?2";
pub(super) const RENAME_VERSIONS: &str = "UPDATE OR REPLACE feature_view_version_history SET feature_view_name = ?3 \
     WHERE project_id = ?1 AND feature_view_name = ?2";

/// Name and message of every row of a project.
pub(super) fn select_rows(table: Table) -> String {
    let (name, key, proto) = (table.name(), table.key(), table.proto());
    format!("SELECT {key}, {proto} FROM {name} WHERE project_id = ?1 ORDER BY rowid")
}

/// The message of one row.
pub(super) fn select_row(table: Table) -> String {
    let (name, key, proto) = (table.name(), table.key(), table.proto());
    format!("SELECT {proto} FROM {name} WHERE project_id = ?1 AND {key} = ?2")
}

/// Writes one row: project, name, seconds, message.
pub(super) fn upsert_row(table: Table) -> String {
    let (name, key, proto) = (table.name(), table.key(), table.proto());
    if table == Table::Projects {
        return format!(
            "INSERT INTO {name} (project_id, project_name, last_updated_timestamp, {proto}) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (project_id) DO UPDATE SET {proto} = excluded.{proto}, \
             last_updated_timestamp = excluded.last_updated_timestamp"
        );
    }
    format!(
        "INSERT INTO {name} (project_id, {key}, last_updated_timestamp, {proto}) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT ({key}, project_id) DO UPDATE SET {proto} = excluded.{proto}, \
         last_updated_timestamp = excluded.last_updated_timestamp"
    )
}

/// Removes one row: project, name.
pub(super) fn delete_row(table: Table) -> String {
    format!("DELETE FROM {} WHERE project_id = ?1 AND {} = ?2", table.name(), table.key())
}

/// Removes every row of a project.
pub(super) fn delete_project(table: &str) -> String {
    format!("DELETE FROM {table} WHERE project_id = ?1")
}

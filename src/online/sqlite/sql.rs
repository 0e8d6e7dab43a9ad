//! All SQL text of the online store.

use crate::online::Conflict;

/// Writers queue here, so that none waits in the middle of a transaction.
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";
pub(super) const BEGIN_READ: &str = "BEGIN";
pub(super) const COMMIT: &str = "COMMIT";
pub(super) const ROLLBACK: &str = "ROLLBACK";

/// Changes whenever any process changes a table of the file.
pub(super) const SCHEMA_VERSION: &str = "PRAGMA schema_version";
pub(super) const CHECKPOINT: &str = "PRAGMA wal_checkpoint(TRUNCATE)";
pub(super) const SYNC_FULL: &str = "PRAGMA synchronous=FULL";
pub(super) const SYNC_NORMAL: &str = "PRAGMA synchronous=NORMAL";
pub(super) const SHRINK: &str = "PRAGMA shrink_memory";
pub(super) const QUERY_ONLY: &str = "PRAGMA query_only=ON";

/// Pages of a writer's own cache: 64 MiB, so that the inner pages of a large tree stay.
pub(super) const WRITER_CACHE: &str = "PRAGMA cache_size=-65536";
/// Pages of a reader's own cache: 1 MiB. A server has two readers a processor, and the inner pages that they meet often stay.
pub(super) const READER_CACHE: &str = "PRAGMA cache_size=-1024";
/// The same for rows in the order of the tree: 16 MiB hold what one transaction touches; what lies behind is not met again.
pub(super) const BULK_CACHE: &str = "PRAGMA cache_size=-16384";
/// Pages (of 4 KiB) in the log before a commit copies them into the database: 16 MiB, so that a page which many rows of
/// a bulk load touch is copied once.
pub(super) const WRITER_CHECKPOINTS: &str = "PRAGMA wal_autocheckpoint=4096";

/// Exact event time in microseconds since 1970 UTC. Python never writes it: see [`NEWER`].
pub(super) const EVENT_US: &str = "feast_rs_event_us";
/// Exact created time in microseconds since 1970 UTC.
pub(super) const CREATED_US: &str = "feast_rs_created_us";

pub(super) const TABLES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
pub(super) const TABLE: &str =
    "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name = ?1 COLLATE NOCASE";
pub(super) const COLUMNS: &str = "SELECT name FROM pragma_table_info(?1) ORDER BY cid";
pub(super) const INDEX: &str = "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND name = ?1 COLLATE NOCASE";

/// Whether an arriving value (`excluded`) replaces the stored one (`stored`).
///
/// Our exact times hold where their seconds, cut towards zero as Feast cuts them, are those of Feast's own columns.
/// Python's UPSERT names Feast's columns only, so after it they disagree: then whole seconds are compared, and in the
/// same second the later arrival wins. A created time that is missing is older than any.
const NEWER: &str = "CASE WHEN stored.feast_rs_event_us / 1000000 = stored.event_ts \
AND stored.feast_rs_created_us / 1000000 IS stored.created_ts \
THEN excluded.feast_rs_event_us > stored.feast_rs_event_us \
OR (excluded.feast_rs_event_us = stored.feast_rs_event_us \
AND (stored.feast_rs_created_us IS NULL OR excluded.feast_rs_created_us >= stored.feast_rs_created_us)) \
ELSE (excluded.event_ts < stored.event_ts) IS NOT TRUE END";

/// Tables of our own beside the values; Feast never looks at them. The registry has a table `feast_rs_meta` too, and may
/// lie in the same file.
pub(super) const STATE_TABLES: &str = "
CREATE TABLE IF NOT EXISTS feast_rs_meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS feast_rs_generations (
    table_name TEXT COLLATE NOCASE PRIMARY KEY, generation INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS feast_rs_positions (
    project TEXT NOT NULL, view TEXT NOT NULL, stream_arn TEXT NOT NULL, stream_created INTEGER NOT NULL,
    shard TEXT NOT NULL, table_name TEXT COLLATE NOCASE NOT NULL, generation INTEGER NOT NULL, progress TEXT NOT NULL,
    at INTEGER, sequence TEXT, sub_sequence INTEGER, arrival INTEGER, caught_up INTEGER, watermark INTEGER,
    endpoint TEXT, PRIMARY KEY (project, view, stream_arn, stream_created, shard)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS feast_rs_pushed (key TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS feast_rs_pushed_at ON feast_rs_pushed (at);
CREATE TABLE IF NOT EXISTS feast_rs_spool (
    id INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL, path TEXT NOT NULL, columns TEXT NOT NULL,
    bytes INTEGER NOT NULL, batch BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS feast_rs_spool_log ON feast_rs_spool (project, path);
CREATE TABLE IF NOT EXISTS feast_rs_claims (
    project TEXT NOT NULL, path TEXT NOT NULL, part TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (project, path)
) WITHOUT ROWID;
INSERT INTO feast_rs_meta (key, value) VALUES ('online_format', 1) ON CONFLICT (key) DO NOTHING;
";

/// The names of our tables, and of the one in which SQLite keeps their numbers.
pub(super) const STATE_NAMES: [&str; 7] = [
    "feast_rs_claims",
    "feast_rs_generations",
    "feast_rs_meta",
    "feast_rs_positions",
    "feast_rs_pushed",
    "feast_rs_spool",
    "sqlite_sequence",
];

/// The format of our tables that this program writes.
pub(super) const FORMAT: i64 = 1;
pub(super) const SELECT_FORMAT: &str = "SELECT value FROM feast_rs_meta WHERE key = 'online_format'";

pub(super) const SELECT_GENERATION: &str = "SELECT generation FROM feast_rs_generations WHERE table_name = ?1";
pub(super) const RAISE_GENERATION: &str = "INSERT INTO feast_rs_generations (table_name, generation) VALUES (?1, 1) \
ON CONFLICT (table_name) DO UPDATE SET generation = generation + 1";
/// The generation of a table that takes over another's name and values is one that neither has had.
pub(super) const RENAME_GENERATION: &str = "INSERT INTO feast_rs_generations (table_name, generation) \
SELECT ?2, coalesce(max(generation), 0) + 1 FROM feast_rs_generations WHERE table_name IN (?1, ?2) \
ON CONFLICT (table_name) DO UPDATE SET generation = excluded.generation";

pub(super) const SELECT_POSITIONS: &str = "SELECT stream_arn, stream_created, shard, generation, progress, at, sequence, \
sub_sequence, arrival, caught_up, watermark, endpoint FROM feast_rs_positions WHERE project = ?1 AND view = ?2 \
ORDER BY stream_arn, stream_created, shard";
pub(super) const UPSERT_POSITION: &str = "INSERT OR REPLACE INTO feast_rs_positions (project, view, stream_arn, \
stream_created, shard, table_name, generation, progress, at, sequence, sub_sequence, arrival, caught_up, watermark, \
endpoint) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
pub(super) const DELETE_POSITIONS: &str = "DELETE FROM feast_rs_positions WHERE project = ?1 AND view = ?2";
pub(super) const DELETE_POSITIONS_OF_PROJECT: &str = "DELETE FROM feast_rs_positions WHERE project = ?1";
pub(super) const KEEP_POSITIONS: &str =
    "UPDATE feast_rs_positions SET table_name = ?3, generation = ?4 WHERE project = ?1 AND view = ?2";
/// Those of the generation `?4` of the table `?1` are of the generation `?5` of the table `?2`; the others are of none.
pub(super) const RENAME_POSITIONS: &str = "UPDATE OR REPLACE feast_rs_positions SET view = ?3, table_name = ?2, \
generation = CASE generation WHEN ?4 THEN ?5 ELSE 0 END WHERE table_name = ?1";

pub(super) const SELECT_MARK: &str = "SELECT 1 FROM feast_rs_pushed WHERE key = ?1";
pub(super) const INSERT_MARK: &str =
    "INSERT INTO feast_rs_pushed (key, at) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING";
pub(super) const TRIM_MARKS: &str = "DELETE FROM feast_rs_pushed WHERE at < ?1";

pub(super) const INSERT_SPOOL: &str =
    "INSERT INTO feast_rs_spool (project, path, columns, bytes, batch) VALUES (?1, ?2, ?3, ?4, ?5)";
pub(super) const SPOOLED_LOGS: &str =
    "SELECT project, path, sum(bytes) FROM feast_rs_spool GROUP BY project, path ORDER BY project, path";
pub(super) const SPOOL_ENTRIES: &str =
    "SELECT id, columns, bytes FROM feast_rs_spool WHERE project = ?1 AND path = ?2 ORDER BY id";
pub(super) const SELECT_SPOOL: &str = "SELECT id, bytes, batch FROM feast_rs_spool WHERE project = ?1 AND path = ?2 \
AND id > ?3 AND id <= ?4 ORDER BY id";
/// At most `?5` entries, the oldest first.
pub(super) const DELETE_SPOOL: &str = "DELETE FROM feast_rs_spool WHERE id IN (SELECT id FROM feast_rs_spool \
WHERE project = ?1 AND path = ?2 AND id >= ?3 AND id <= ?4 ORDER BY id LIMIT ?5)";
pub(super) const SELECT_CLAIM: &str = "SELECT part, first, last FROM feast_rs_claims WHERE project = ?1 AND path = ?2";
pub(super) const INSERT_CLAIM: &str =
    "INSERT INTO feast_rs_claims (project, path, part, first, last) VALUES (?1, ?2, ?3, ?4, ?5)";
pub(super) const DELETE_CLAIM: &str = "DELETE FROM feast_rs_claims WHERE project = ?1 AND path = ?2 AND part = ?3";

/// An identifier in quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in quotes.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The name that Feast gives a table's index.
pub(super) fn index_name(table: &str) -> String {
    format!("{table}_ek")
}

/// Feast's columns in Feast's order, then ours.
pub(super) fn create_table(table: &str, value_num: bool, without_rowid: bool) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {} (entity_key BLOB, feature_name TEXT, value BLOB, value_text TEXT, {}vector_value \
         BLOB, event_ts timestamp, created_ts timestamp, {EVENT_US} INTEGER, {CREATED_US} INTEGER, PRIMARY \
         KEY(entity_key, feature_name)){}",
        quoted(table),
        if value_num { "value_num REAL, " } else { "" },
        if without_rowid { " WITHOUT ROWID" } else { "" },
    )
}

pub(super) fn create_index(table: &str) -> String {
    format!("CREATE INDEX IF NOT EXISTS {} ON {} (entity_key)", quoted(&index_name(table)), quoted(table))
}

pub(super) fn drop_index(table: &str) -> String {
    format!("DROP INDEX IF EXISTS {}", quoted(&index_name(table)))
}

pub(super) fn add_column(table: &str, column: &str, column_type: &str) -> String {
    format!("ALTER TABLE {} ADD COLUMN {} {column_type}", quoted(table), quoted(column))
}

pub(super) fn drop_table(table: &str) -> String {
    format!("DROP TABLE IF EXISTS {}", quoted(table))
}

pub(super) fn rename_table(from: &str, to: &str) -> String {
    format!("ALTER TABLE {} RENAME TO {}", quoted(from), quoted(to))
}

/// Copies `columns` of all rows.
pub(super) fn copy_table(from: &str, to: &str, columns: &[String]) -> String {
    let columns = columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(", ");
    format!("INSERT INTO {} ({columns}) SELECT {columns} FROM {}", quoted(to), quoted(from))
}

pub(super) fn delete_feature(table: &str) -> String {
    format!("DELETE FROM {} WHERE feature_name = ?1", quoted(table))
}

pub(super) fn count_values(table: &str) -> String {
    format!("SELECT count(*) FROM {}", quoted(table))
}

pub(super) fn count_feature_values(table: &str) -> String {
    format!("SELECT count(*) FROM {} WHERE feature_name = ?1", quoted(table))
}

/// Whether feast-rs wrote a value last: the rule that [`NEWER`] begins with.
const IS_OURS: &str =
    "(feast_rs_event_us / 1000000 = event_ts AND feast_rs_created_us / 1000000 IS created_ts) IS TRUE";

pub(super) const QUICK_CHECK: &str = "PRAGMA quick_check(5)";
pub(super) const JOURNAL_MODE: &str = "PRAGMA journal_mode";

/// Event time in microseconds: exact where feast-rs wrote it.
fn event(exact: bool) -> String {
    let seconds = "CAST(event_ts * 1000000 AS INTEGER)";
    if exact { format!("CASE WHEN {IS_OURS} THEN {EVENT_US} ELSE {seconds} END") } else { seconds.to_owned() }
}

/// All values of one entity, in the columns of [`select_all`].
pub(super) fn entity(table: &str, exact: bool) -> String {
    let times = if exact { format!("{EVENT_US}, {CREATED_US}") } else { "NULL, NULL".to_owned() };
    format!(
        "SELECT feature_name, value, event_ts, created_ts, {times} FROM {} WHERE entity_key = ?1 ORDER BY feature_name",
        quoted(table),
    )
}

pub(super) fn count_keys(table: &str) -> String {
    format!("SELECT count(*) FROM (SELECT DISTINCT entity_key FROM {})", quoted(table))
}

/// Feature, values, nulls, values that Python wrote, earliest and latest event time.
pub(super) fn feature_counts(table: &str, exact: bool) -> String {
    let ours = if exact { IS_OURS } else { "0" };
    let event = event(exact);
    format!(
        "SELECT feature_name, count(*), count(CASE WHEN length(value) = 0 THEN 1 END), count(*) - coalesce(sum({ours}), 0), \
         min({event}), max({event}) FROM {} GROUP BY feature_name ORDER BY feature_name",
        quoted(table),
    )
}

pub(super) fn count_events(table: &str, exact: bool, operator: &str) -> String {
    format!("SELECT count(*) FROM {} WHERE {} {operator} ?1", quoted(table), event(exact))
}

pub(super) fn keys_between(table: &str, exact: bool) -> String {
    format!(
        "SELECT entity_key, count(*) FROM {} WHERE {} BETWEEN ?1 AND ?2 GROUP BY entity_key ORDER BY entity_key",
        quoted(table),
        event(exact)
    )
}

pub(super) fn python_keys(table: &str, exact: bool) -> String {
    let theirs = if exact { format!("NOT ({IS_OURS})") } else { "1".to_owned() };
    format!(
        "SELECT entity_key, CAST(max(event_ts) * 1000000 AS INTEGER) FROM {} WHERE {theirs} GROUP BY entity_key LIMIT ?1",
        quoted(table)
    )
}

/// The key so many values behind another.
pub(super) fn key_behind(table: &str) -> String {
    format!("SELECT entity_key FROM {} WHERE entity_key > ?1 ORDER BY entity_key LIMIT 1 OFFSET ?2", quoted(table))
}

/// Deletes by event time (`?1`) behind a key (`?2`), up to another (`?3`) where there is one.
pub(super) fn delete_events(table: &str, exact: bool, operator: &str, ends: bool) -> String {
    let end = if ends { " AND entity_key <= ?3" } else { "" };
    format!("DELETE FROM {} WHERE entity_key > ?2{end} AND {} {operator} ?1", quoted(table), event(exact))
}

/// Parameters that all values of a row share: entity key, event and created seconds, event and created microseconds.
pub(super) const ROW_PARAMETERS: usize = 5;

/// Parameters of each value: `value`, `value_text` and, where there is one, `value_num`.
pub(super) const fn cell_parameters(value_num: bool) -> usize {
    if value_num { 3 } else { 2 }
}

/// Stores values of several features of one entity: `?1` to `?5` are [`ROW_PARAMETERS`], then come each feature's.
pub(super) fn upsert(table: &str, features: &[&str], value_num: bool, conflict: Conflict) -> String {
    let width = cell_parameters(value_num);
    let rows = features.iter().enumerate().map(|(position, feature)| {
        let first = ROW_PARAMETERS + position * width + 1;
        let cells = (first..first + width).map(|number| format!("?{number}")).collect::<Vec<_>>().join(", ");
        format!("(?1, {}, {cells}, ?2, ?3, ?4, ?5)", literal(feature))
    });
    let rows = rows.collect::<Vec<_>>().join(", ");
    let (column, update) = if value_num { ("value_num, ", "value_num = excluded.value_num, ") } else { ("", "") };
    let condition = match conflict {
        Conflict::NewestWins => format!(" WHERE {NEWER}"),
        Conflict::Overwrite => String::new(),
    };
    format!(
        "INSERT INTO {} AS stored (entity_key, feature_name, value, value_text, {column}event_ts, created_ts, \
         {EVENT_US}, {CREATED_US}) VALUES {rows} ON CONFLICT(entity_key, feature_name) DO UPDATE SET value = \
         excluded.value, value_text = excluded.value_text, {update}vector_value = NULL, event_ts = \
         excluded.event_ts, created_ts = excluded.created_ts, {EVENT_US} = excluded.{EVENT_US}, {CREATED_US} = \
         excluded.{CREATED_US}{condition}",
        quoted(table),
    )
}

/// All values of one entity: `?1` is its key. In the table's primary key they lie side by side.
pub(super) fn select_all(table: &str, exact: bool) -> String {
    select(table, exact, "entity_key = ?1")
}

/// One value of one entity: `?1` is its key, `?2` the feature.
pub(super) fn select_one(table: &str, exact: bool) -> String {
    select(table, exact, "entity_key = ?1 AND feature_name = ?2")
}

/// Without our columns the exact times are null.
fn select(table: &str, exact: bool, condition: &str) -> String {
    let times = if exact { format!("{EVENT_US}, {CREATED_US}") } else { "NULL, NULL".to_owned() };
    format!("SELECT feature_name, value, event_ts, created_ts, {times} FROM {} WHERE {condition}", quoted(table))
}

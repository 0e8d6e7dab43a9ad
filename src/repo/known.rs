//! The types of registries and stores that Feast 0.67 knows (`feast/repo_config.py`).

use super::codes;
use super::diagnostics::{At, Diagnostics, Finding};

pub(super) const REGISTRIES: &[&str] = &["file", "sql", "snowflake.registry", "remote"];

pub(super) const ONLINE_STORES: &[&str] = &[
    "sqlite",
    "redis",
    "postgres",
    "dynamodb",
    "datastore",
    "bigtable",
    "snowflake.online",
    "remote",
    "mysql",
    "cassandra",
    "scylladb",
    "hbase",
    "hazelcast",
    "elasticsearch",
    "singlestore",
    "qdrant",
    "milvus",
    "mongodb",
    "couchbase.online",
    "aerospike",
    "hybrid",
    "chronon",
];

pub(super) const OFFLINE_STORES: &[&str] = &[
    "dask",
    "file",
    "duckdb",
    "bigquery",
    "redshift",
    "snowflake.offline",
    "spark",
    "trino",
    "postgres",
    "athena",
    "mssql",
    "remote",
    "couchbase.offline",
    "clickhouse",
    "ray",
    "oracle",
    "chronon",
    "hybrid",
];

/// Reports a type that is none of Feast's and no custom class (`module.Class`); says whether it may stay.
pub(super) fn check(name: &At<String>, known: &[&'static str], what: &str, diagnostics: &Diagnostics) -> bool {
    let custom = name.value.contains('.') && name.value.split('.').all(|part| !part.is_empty());
    if known.contains(&name.value.as_str()) || custom {
        return true;
    }
    let message = format!("`{}` is no {what}", name.value);
    let finding = Finding::error(codes::STORE_TYPE, name.spot, message).near(&name.value, known.iter().copied());
    diagnostics.report(finding.note(format!("known: {}", known.join(", "))));
    false
}

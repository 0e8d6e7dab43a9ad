//! `managed_infra`: which tables Feast believes to have made, with the path exactly as it builds it. A path that is
//! spelled otherwise makes `feast apply` drop the table.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;

use super::{PlanOptions, table_name};
use crate::proto::core;
use crate::proto::wire;
use crate::registry::snapshot::Snapshot;

/// The class by which Python reads a table back.
const TABLE_CLASS: &str = "feast.infra.online_stores.sqlite.SqliteTable";

/// The new message, or `None` where the stored one says the same already.
pub(super) fn new_infra(snapshot: &Snapshot, views: &BTreeMap<String, i32>, options: &PlanOptions) -> Option<Vec<u8>> {
    let path = options.online_store_path.as_deref()?;
    let name = |view: &str, version: i32| table_name(&snapshot.project, view, version, options.versioning);
    let mut missing: BTreeSet<String> = views.iter().map(|(view, version)| name(view, *version)).collect();
    // every table that a view of ours has or had: what else stands there is another's
    let ours: BTreeSet<String> =
        snapshot.states.iter().map(|(view, state)| name(view, state.current_version_number)).collect();
    let ours: BTreeSet<String> = ours.union(&missing).cloned().collect();

    let stored = snapshot.infra_row().map_or(&[][..], |row| &row.proto);
    let mut kept = Vec::new();
    let mut dropped = false;
    for field in wire::fields(stored).ok()? {
        match table_of(&field) {
            Some(table) if ours.contains(&table.name) => {
                if table.path == path && missing.remove(&table.name) {
                    kept.extend_from_slice(field.raw);
                } else {
                    dropped = true;
                }
            }
            _ => kept.extend_from_slice(field.raw),
        }
    }
    if missing.is_empty() && !dropped && snapshot.infra_row().is_some() {
        return None;
    }
    let added = core::Infra { infra_objects: missing.into_iter().map(|name| object(path, name)).collect() };
    kept.extend(added.encode_to_vec());
    Some(kept)
}

fn table_of(field: &wire::RawField) -> Option<core::SqliteTable> {
    let wire::Content::Bytes(bytes) = field.content else { return None };
    let object = core::InfraObject::decode(bytes).ok().filter(|_| field.number == 1)?;
    let core::InfraObjectInfraObject::SqliteTable(table) = object.infra_object?;
    Some(table)
}

fn object(path: &str, name: String) -> core::InfraObject {
    let table = core::SqliteTable { path: path.to_owned(), name };
    core::InfraObject {
        infra_object_class_type: TABLE_CLASS.to_owned(),
        infra_object: Some(core::InfraObjectInfraObject::SqliteTable(table)),
    }
}

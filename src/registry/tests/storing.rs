//! What is written, what stays, and what is refused.

use std::collections::BTreeMap;

use prost::Message as _;
use rusqlite::params;

use super::fixtures::{
    LATER, NOW, apply, changes, copy, empty, golden, golden_definitions, kinesis_source, options, plan, trips, view,
};
use crate::model::{Definitions, FeatureView, LateRecords, ObjectId, ObjectKind, SourceKind, Span, ViewKind};
use crate::proto::{core, wire};
use crate::registry::{Access, Finding, Plan, Registry, RegistryError, Run, Severity, Table, read_file, sql};

#[test]
fn reading_creates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none/registry.db");
    let mut registry = Registry::open(&path, "fleet", Access::Read).unwrap();
    assert!(registry.snapshot().unwrap().rows.is_empty());
    assert!(registry.runs(5).unwrap().is_empty() && registry.pending().unwrap().is_empty());
    assert!(!folder.path().join("none").exists());
    assert!(matches!(registry.teardown(), Err(RegistryError::ReadOnly)));
}

#[test]
fn a_file_that_is_no_database_is_told_with_the_cure() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    std::fs::write(&path, [b'x'; 4096]).unwrap();
    for access in [Access::Read, Access::Write] {
        let error = Registry::open(&path, "fleet", access).unwrap_err();
        assert!(error.hint().unwrap().contains("registry import"), "{error}");
    }
}

#[test]
fn a_stale_plan_is_refused_and_writes_nothing() {
    let (folder, mut registry) = empty();
    let stale = plan(&registry, &golden_definitions());
    let mut other = Registry::open(&folder.path().join("data/registry.db"), "fleet", Access::Write).unwrap();
    let mut few = golden_definitions();
    few.feature_services.clear();
    apply(&mut other, &few, NOW);
    let before = registry.snapshot().unwrap();
    assert!(matches!(registry.apply(&stale, NOW), Err(RegistryError::Conflict)));
    assert_eq!(registry.snapshot().unwrap().base, before.base);
    assert!(!apply(&mut registry, &golden_definitions(), NOW).is_empty());
}

#[test]
fn another_program_may_hold_the_lock() {
    let (folder, mut registry) = empty();
    let holder = rusqlite::Connection::open(folder.path().join("data/registry.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let snapshot = registry.snapshot().unwrap();
    assert!(snapshot.rows.is_empty(), "readers go on");
    holder.execute_batch("ROLLBACK").unwrap();
    apply(&mut registry, &golden_definitions(), NOW);
}

/// Appends an unknown field to a message at a place of nested fields.
fn add_unknown(message: &[u8], path: &[u32]) -> Vec<u8> {
    let Some((first, rest)) = path.split_first() else { return [message, &[0xf8, 0x07, 42]].concat() };
    let inner = wire::submessage(message, *first).unwrap().unwrap();
    wire::replace(message, *first, &add_unknown(inner, rest)).unwrap()
}

#[test]
fn fields_that_we_do_not_know_survive_an_update() {
    let (_folder, path) = copy("registry_after_apply.db");
    let mut registry = Registry::open(&path, "fleet", Access::Write).unwrap();
    apply(&mut registry, &golden_definitions(), NOW);
    let connection = rusqlite::Connection::open(&path).unwrap();
    let stored: Vec<u8> = connection
        .query_row("SELECT feature_view_proto FROM feature_views WHERE feature_view_name = 'driver_trips'", [], |row| {
            row.get(0)
        })
        .unwrap();
    let stored = add_unknown(&add_unknown(&add_unknown(&stored, &[]), &[1]), &[2]);
    connection
        .execute(
            "UPDATE feature_views SET feature_view_proto = ?1 WHERE feature_view_name = 'driver_trips'",
            params![stored],
        )
        .unwrap();
    let mut changed = golden_definitions();
    assert!(!plan(&registry, &changed).writes(), "they are no difference");
    changed.feature_views[0].ttl = Some(Span::from_seconds(1));
    apply(&mut registry, &changed, LATER);
    let snapshot = registry.snapshot().unwrap();
    let row = snapshot.rows.iter().find(|row| row.name == "driver_trips" && row.table == Table::FeatureViews).unwrap();
    for (part, known) in [(1, 20), (2, 6)] {
        let inner = wire::submessage(&row.proto, part).unwrap().unwrap();
        let known: Vec<u32> = (1..=known).collect();
        assert_eq!(wire::unknown_fields(inner, &known).unwrap(), [0xf8, 0x07, 42]);
    }
    assert_eq!(wire::unknown_fields(&row.proto, &[1, 2]).unwrap(), [0xf8, 0x07, 42]);
    assert_eq!(snapshot.definitions.feature_views[0].ttl, Some(Span::from_seconds(1)));
}

#[test]
fn a_damaged_row_is_named_and_the_others_are_checked() {
    let (_folder, path) = copy("registry_after_apply.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    let sql = "UPDATE entities SET entity_proto = x'0aff' WHERE entity_name = 'driver'";
    connection.execute(sql, []).unwrap();
    connection
        .execute("UPDATE data_sources SET data_source_name = 'x' WHERE data_source_name = 'driver_trips_src'", [])
        .unwrap();
    let registry = Registry::open(&path, "fleet", Access::Read).unwrap();
    let error = registry.snapshot().unwrap_err();
    assert_eq!(error.to_string(), "row `driver` of table `entities` in the registry is damaged");
    let findings = registry.check(&options()).unwrap();
    let found = |text: &str| findings.iter().filter(|finding| finding.message.contains(text)).count();
    assert_eq!((found("cannot be read"), found("differ")), (1, 1));
    assert_eq!(found("needs entity `driver`"), 5);
    assert_eq!(found("needs data source `driver_trips_src`"), 5);
}

#[test]
fn a_message_that_is_no_blob_is_a_finding_with_its_cure() {
    let (_folder, path) = copy("registry_after_apply.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("UPDATE entities SET entity_proto = 'text' WHERE entity_name = 'driver'", []).unwrap();
    let registry = Registry::open(&path, "fleet", Access::Read).unwrap();
    let error = registry.snapshot().unwrap_err();
    assert_eq!(error.to_string(), "row `driver` of table `entities` in the registry is damaged");
    let findings = registry.check(&options()).unwrap();
    let damaged = findings.iter().find(|finding| finding.message.contains("not as BLOB")).unwrap();
    let cure = damaged.hint.clone().unwrap();
    let sql = cure.split('`').nth(1).unwrap();
    assert_eq!(connection.execute(sql, []).unwrap(), 1, "{sql}");
}

#[test]
fn the_history_that_feasts_teardown_leaves_behind_is_no_obstacle() {
    let (folder, mut registry) = empty();
    apply(&mut registry, &golden_definitions(), NOW);
    let connection = rusqlite::Connection::open(folder.path().join("data/registry.db")).unwrap();
    for table in sql::FEAST_TABLES.iter().map(|(name, _)| *name).filter(|name| !name.contains("history")) {
        connection.execute(&sql::delete_project(table), params!["fleet"]).unwrap();
    }
    apply(&mut registry, &golden_definitions(), LATER);
    let versions: i64 = connection
        .query_row("SELECT max(version_number) FROM feature_view_version_history", [], |row| row.get(0))
        .unwrap();
    assert_eq!(versions, 0);
    assert_eq!(registry.check(&options()).unwrap(), []);
}

#[test]
fn a_row_that_breaks_python_is_found_and_mended() {
    let (folder, mut registry) = empty();
    let golden = golden_definitions();
    apply(&mut registry, &golden, NOW);
    let path = folder.path().join("data/registry.db");
    let spec = core::StreamFeatureViewSpec {
        name: "poison".to_owned(),
        entities: vec!["driver".to_owned()],
        stream_source: Some(core::DataSource { r#type: 4, name: "k".to_owned(), ..core::DataSource::default() }),
        ..core::StreamFeatureViewSpec::default()
    };
    let proto = core::StreamFeatureView { spec: Some(spec), meta: None }.encode_to_vec();
    let connection = rusqlite::Connection::open(path).unwrap();
    let sql = "INSERT INTO stream_feature_views VALUES ('poison', 'fleet', 0, ?1, NULL)";
    connection.execute(sql, params![proto]).unwrap();
    let poison = |finding: &Finding| finding.name == "poison" && finding.message.contains("Python");
    let findings = registry.check(&options()).unwrap();
    assert!(findings.iter().any(|finding| poison(finding) && finding.severity == Severity::Error));
    let mut cure = golden.clone();
    let view = view("poison", 1, kinesis_source("k"));
    cure.feature_views.push(FeatureView { kind: ViewKind::StreamFeatureView, ..view });
    apply(&mut registry, &cure, LATER);
    assert_eq!(registry.check(&options()).unwrap(), []);
    let view = registry.snapshot().unwrap().definitions.feature_view("poison").cloned().unwrap();
    assert_eq!((view.kind, view.online), (ViewKind::StreamFeatureView, true));
}

#[test]
fn an_object_that_others_need_is_not_deleted() {
    let (_folder, mut registry) = empty();
    apply(&mut registry, &golden_definitions(), NOW);
    let driver = ObjectId::new(ObjectKind::Entity, "driver");
    let error = registry.delete(&driver, &options(), LATER).unwrap_err();
    assert!(error.to_string().contains("is used by feature view `driver_trips`"), "{error}");
    let service = ObjectId::new(ObjectKind::FeatureService, "driver_svc");
    registry.delete(&service, &options(), LATER).unwrap();
    let view = ObjectId::new(ObjectKind::FeatureView, "driver_trips_push");
    let plan = registry.delete(&view, &options(), LATER).unwrap();
    assert_eq!(changes(&plan), ["Delete feature view driver_trips_push"]);
    assert_eq!(registry.pending().unwrap().len(), 1);
    assert!(registry.snapshot().unwrap().infra.iter().all(|table| table.name != "fleet_driver_trips_push"));
    assert!(matches!(registry.delete(&view, &options(), LATER), Err(RegistryError::NotFound(_))));
}

#[test]
fn teardown_leaves_other_projects_alone() {
    let (folder, mut registry) = empty();
    apply(&mut registry, &golden_definitions(), NOW);
    let path = folder.path().join("data/registry.db");
    let mut other = Registry::open(&path, "other", Access::Write).unwrap();
    let mut definitions = golden_definitions();
    definitions.project.name = "other".to_owned();
    apply(&mut other, &definitions, NOW);
    registry.teardown().unwrap();
    let connection = rusqlite::Connection::open(path).unwrap();
    let count = |table: &str, project: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table} WHERE project_id = ?1");
        connection.query_row(&sql, params![project], |row| row.get(0)).unwrap()
    };
    for table in ["projects", "feature_views", "feature_view_version_history", "feast_metadata", "feast_rs_owned"] {
        assert_eq!((count(table, "fleet"), count(table, "other") > 0), (0, true), "{table}");
    }
}

#[test]
fn runs_are_kept_newest_first() {
    let (_folder, mut registry) = empty();
    let run = |started| Run {
        verb: "materialize".to_owned(),
        view: "v".to_owned(),
        started,
        finished: started + 1,
        report: serde_json::json!({"written": 3}),
    };
    registry.record_run(&run(1)).unwrap();
    registry.record_run(&run(2)).unwrap();
    assert_eq!(registry.runs(1).unwrap(), [run(2)]);
}

/// A file registry made of a SQL one, as Feast writes it: `spec.project` everywhere.
fn file_registry() -> Vec<u8> {
    let registry = Registry::open(&golden("registry_after_apply.db"), "fleet", Access::Read).unwrap();
    let mut file = core::Registry { registry_schema_version: "1".to_owned(), ..core::Registry::default() };
    for row in registry.snapshot().unwrap().rows {
        let bytes = &*row.proto;
        match row.table {
            Table::Projects => file.projects.push(core::Project::decode(bytes).unwrap()),
            Table::Entities => file.entities.push(core::Entity::decode(bytes).unwrap()),
            Table::DataSources => file.data_sources.push(core::DataSource::decode(bytes).unwrap()),
            Table::FeatureViews => file.feature_views.push(core::FeatureView::decode(bytes).unwrap()),
            Table::StreamFeatureViews => {
                file.stream_feature_views.push(core::StreamFeatureView::decode(bytes).unwrap());
            }
            Table::FeatureServices => file.feature_services.push(core::FeatureService::decode(bytes).unwrap()),
            Table::ManagedInfra => file.infra = Some(core::Infra::decode(bytes).unwrap()),
            _ => {}
        }
    }
    let project = || "fleet".to_owned();
    file.entities.iter_mut().for_each(|e| e.spec.as_mut().unwrap().project = project());
    file.data_sources.iter_mut().for_each(|s| s.project = project());
    file.feature_services.iter_mut().for_each(|s| s.spec.as_mut().unwrap().project = project());
    file.project_metadata.push(core::ProjectMetadata { project: project(), project_uuid: "u".to_owned() });
    let record = core::FeatureViewVersionRecord {
        feature_view_name: "driver_trips".to_owned(),
        project_id: project(),
        feature_view_type: "feature_view".to_owned(),
        version_number: 4,
        version_id: "v".to_owned(),
        ..core::FeatureViewVersionRecord::default()
    };
    file.feature_view_version_history = Some(core::FeatureViewVersionHistory { records: vec![record] });
    let mut stranger = file.entities[0].clone();
    stranger.spec.as_mut().unwrap().project = "stranger".to_owned();
    file.entities.push(stranger);
    let mut bytes = file.encode_to_vec();
    // a permission, which we do not model: field 16, spec { name: "p" project: "fleet" }
    bytes.extend([0x82, 0x01, 12, 0x0a, 10, 0x0a, 1, b'p', 0x12, 5, b'f', b'l', b'e', b'e', b't']);
    bytes
}

#[test]
fn a_file_registry_is_read_and_imported() {
    let (folder, mut registry) = empty();
    let path = folder.path().join("file.pb");
    std::fs::write(&path, file_registry()).unwrap();
    let read = read_file(&path, "fleet").unwrap();
    assert_eq!(read.definitions.feature_views.len(), 5);
    assert_eq!(read.project_uuid.as_deref(), Some("u"));
    assert!(Plan::between(&read, &golden_definitions(), &options()).is_empty());
    assert_eq!(registry.import_file(&path, NOW).unwrap(), 1 + 2 + 5 + 5 + 2 + 1);
    let snapshot = registry.snapshot().unwrap();
    assert!(Plan::between(&snapshot, &golden_definitions(), &options()).is_empty());
    assert!(snapshot.rows.iter().any(|row| row.table == Table::Permissions && row.name == "p"));
    assert_eq!((snapshot.versions["driver_trips"], snapshot.project_uuid.as_deref()), (4, Some("u")));
    assert!(matches!(registry.import_file(&path, NOW), Err(RegistryError::NotEmpty(_))));
    std::fs::write(&path, b"SQLite format 3\0").unwrap();
    assert!(matches!(read_file(&path, "fleet"), Err(RegistryError::NotFileRegistry { .. })));
}

#[test]
fn an_empty_project_is_planned_and_applied_once() {
    let (_folder, mut registry) = empty();
    let mut nothing = Definitions::default();
    nothing.project.name = "fleet".to_owned();
    let first = apply(&mut registry, &nothing, NOW);
    assert_eq!(changes(&first), ["Create project fleet"]);
    assert!(!plan(&registry, &nothing).writes());
}

#[test]
fn a_source_with_a_field_mapping_is_changed_like_any_other() {
    let (_folder, mut registry) = empty();
    let mut wanted = Definitions::default();
    wanted.project.name = "fleet".to_owned();
    let mut source = kinesis_source("stream");
    source.field_mapping = BTreeMap::from([("payload.rate".to_owned(), "conv_rate".to_owned())]);
    wanted.data_sources = vec![trips(), source];
    apply(&mut registry, &wanted, NOW);
    let Some(SourceKind::Kinesis(kinesis)) = wanted.data_sources.last_mut().map(|source| &mut source.kind) else {
        panic!("the last source is a stream")
    };
    kinesis.options.late = LateRecords::Drop;
    let done = apply(&mut registry, &wanted, NOW);
    assert_eq!(changes(&done).len(), 1, "{:?}", changes(&done));
    let details = &done.changes[0].details;
    assert_eq!(details.len(), 1, "{details:?}");
    assert_eq!((details[0].field.as_str(), details[0].to.as_deref()), ("x-kinesis late", Some("drop")));
    let mapping = &registry.snapshot().unwrap().definitions.data_sources;
    assert!(mapping.iter().any(|source| source.field_mapping.contains_key("payload.rate")));
}

//! Registries that real Feast 0.67.0 wrote.

use super::fixtures::{
    LATER, NOW, apply, changes, copy, empty, golden, golden_definitions, options, own_definitions, plan,
};
use crate::model::{DataType, Interval, ObjectId, ObjectKind, SourceKind, Span, ViewKind};
use crate::registry::encode::encode;
use crate::registry::message::Message;
use crate::registry::{Access, Registry, Snapshot, native};

fn snapshot(file: &str) -> Snapshot {
    // opened for reading: the golden file must not change
    let before = std::fs::read(golden(file)).unwrap();
    let snapshot = Registry::open(&golden(file), "fleet", Access::Read).unwrap().snapshot().unwrap();
    assert_eq!(std::fs::read(golden(file)).unwrap(), before);
    snapshot
}

#[test]
fn what_python_applied_is_understood() {
    let snapshot = snapshot("registry_after_apply.db");
    let found = &snapshot.definitions;
    let view = found.feature_view("driver_trips").unwrap();
    assert_eq!(view.ttl, Some(Span::from_seconds(86_400)));
    assert_eq!(view.features[0].tags["unit"], "ratio");
    assert_eq!(view.entity_columns[0].dtype, DataType::Int64);
    let kinesis = found.feature_view("driver_trips_kinesis").unwrap();
    assert!(kinesis.is_kinesis() && kinesis.kind == ViewKind::FeatureView);
    let stream = found.feature_view("driver_trips_stream").unwrap();
    assert_eq!((stream.kind, stream.features.len()), (ViewKind::StreamFeatureView, 5), "its join key is a feature too");
    assert!(matches!(stream.stream_source.as_ref().unwrap().kind, SourceKind::Push));
    assert_eq!((found.entities.len(), found.data_sources.len(), found.feature_services.len()), (1, 5, 2));
    assert_eq!(snapshot.infra.len(), 5);
    assert_eq!(snapshot.project_uuid.as_deref(), Some("4817a264-64ff-4c2c-b4e7-b8f8f972a020"));
    assert!(snapshot.owned.is_empty() && snapshot.pending.is_empty());
}

#[test]
fn what_is_decoded_encodes_to_the_same_rows() {
    for file in ["registry_after_apply.db", "repo/data/registry.db"] {
        let snapshot = snapshot(file);
        let functions = native::functions(snapshot.stored.iter().map(|stored| &stored.message));
        let encoded = encode(&snapshot.definitions, &functions);
        assert_eq!(encoded.len() + 1, snapshot.stored.len(), "all but the dummy entity");
        for row in encoded {
            let stored = snapshot.find(&row.id).unwrap();
            assert_eq!(row.message.bare(), stored.message.bare(), "{:?} of {file}", row.id);
            let Message::FeatureView(view) = row.message else { continue };
            let Message::FeatureView(stored) = &stored.message else { panic!("another table") };
            let class = |spec: Option<&crate::proto::core::FeatureViewSpec>| {
                spec.unwrap().batch_source.as_ref().unwrap().data_source_class_type.clone()
            };
            assert_eq!(class(view.spec.as_ref()), class(stored.spec.as_ref()));
        }
    }
}

#[test]
fn the_same_definitions_change_nothing_before_and_after_materialize() {
    for file in ["registry_after_apply.db", "repo/data/registry.db"] {
        let (_folder, path) = copy(file);
        let mut registry = Registry::open(&path, "fleet", Access::Write).unwrap();
        let before = registry.snapshot().unwrap();
        let first = plan(&registry, &golden_definitions());
        assert_eq!(changes(&first), Vec::<String>::new(), "{file}: {:?}", first.changes);
        assert_eq!(first.take_over.len(), 13);
        assert!(first.infra.is_none() && first.unmanaged.is_empty() && first.writes(), "taking over is written");
        registry.apply(&first, NOW).unwrap();
        let after = registry.snapshot().unwrap();
        assert_eq!(after.rows, before.rows, "no row is touched");
        assert_eq!(after.owned.len(), 14);
        assert!(!plan(&registry, &golden_definitions()).writes(), "and then there is nothing left");
    }
}

#[test]
fn our_registry_has_feasts_tables_and_feasts_rows() {
    let (folder, mut registry) = empty();
    apply(&mut registry, &golden_definitions(), NOW);
    let ours = registry.snapshot().unwrap();
    let theirs = snapshot("registry_after_apply.db");
    assert_eq!(ours.stored.len(), theirs.stored.len());
    for stored in &theirs.stored {
        let mine = ours.find(&stored.id).unwrap();
        assert_eq!(mine.message.bare(), stored.message.bare(), "{:?}", stored.id);
    }
    let sorted = |snapshot: &Snapshot| {
        let mut infra = snapshot.infra.clone();
        infra.sort();
        infra
    };
    assert_eq!(sorted(&ours), sorted(&theirs));
    let ddl = |path: &std::path::Path| -> Vec<String> {
        let connection = rusqlite::Connection::open(path).unwrap();
        let sql = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name NOT LIKE 'feast_rs%' ORDER BY 1";
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(ddl(&folder.path().join("data/registry.db")), ddl(&golden("registry_after_apply.db")));
}

#[test]
fn a_recorded_interval_looks_as_if_feast_had_recorded_it() {
    let (_folder, path) = copy("registry_after_apply.db");
    let mut registry = Registry::open(&path, "fleet", Access::Write).unwrap();
    let theirs = snapshot("repo/data/registry.db");
    for (name, state) in &theirs.states {
        for interval in &state.intervals {
            registry.record_materialization(name, *interval, Some(NOW), LATER).unwrap();
        }
    }
    let ours = registry.snapshot().unwrap();
    for (name, state) in &theirs.states {
        let mine = &ours.states[name];
        assert_eq!(
            (&mine.intervals, mine.state, mine.created),
            (&state.intervals, state.state, state.created),
            "{name}"
        );
        let project = |snapshot: &Snapshot| match &snapshot.find_view(name).unwrap().message {
            Message::FeatureView(view) => view.spec.as_ref().unwrap().project.clone(),
            Message::StreamFeatureView(view) => view.spec.as_ref().unwrap().project.clone(),
            _ => panic!("no view"),
        };
        assert_eq!(project(&ours), project(&theirs), "{name}");
    }
    assert_eq!(registry.newest_created("driver_trips").unwrap(), Some(NOW));
    let nobody = registry.record_materialization("nobody", Interval { start: NOW, end: NOW }, None, LATER);
    assert!(nobody.unwrap_err().to_string().contains("`nobody`"));
}

#[test]
fn the_dump_lists_kinds_and_names_in_order() {
    let registry = Registry::open(&golden("registry_after_apply.db"), "fleet", Access::Read).unwrap();
    let dump = registry.dump_json().unwrap();
    let keys: Vec<&String> = dump.as_object().unwrap().keys().collect();
    let expected = [
        "dataSources",
        "entities",
        "featureServices",
        "featureViews",
        "infra",
        "project",
        "projectMetadata",
        "streamFeatureViews",
    ];
    assert_eq!(keys, expected);
    assert_eq!(dump["featureViews"][0]["spec"]["ttl"], "86400s");
    assert!(dump["featureViews"][0]["spec"].get("project").is_none());
    let id = ObjectId::new(ObjectKind::Entity, "driver");
    assert_eq!(registry.describe(&id).unwrap().unwrap()["spec"]["joinKey"], "driver_id");
    assert_eq!(registry.describe(&ObjectId::new(ObjectKind::Entity, "nobody")).unwrap(), None);
}

#[test]
fn a_golden_registry_is_whole() {
    let registry = Registry::open(&golden("registry_after_apply.db"), "fleet", Access::Read).unwrap();
    assert_eq!(registry.check(&options()).unwrap(), []);
}

/// Writes registries for real Feast to read: `FEAST_RS_WRITE_REGISTRIES=<folder>`; without it, into a folder that goes.
#[test]
fn registries_are_written_for_real_feast() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = std::env::var("FEAST_RS_WRITE_REGISTRIES")
        .map_or_else(|_| temporary.path().to_owned(), std::path::PathBuf::from);
    for (file, definitions) in [("golden.db", golden_definitions()), ("own.db", own_definitions())] {
        let mut registry = Registry::open(&folder.join(file), "fleet", Access::Write).unwrap();
        apply(&mut registry, &definitions, NOW);
        assert!(!plan(&registry, &definitions).writes(), "{file}");
        assert_eq!(registry.check(&options()).unwrap(), [], "{file}");
    }
}

//! What a plan says and what it leaves alone.

use super::fixtures::{
    LATER, NOW, apply, changes, copy, empty, expressions, golden_definitions, own_definitions, pending, plan, trips,
    view,
};
use crate::model::{DataType, Definitions, Field, ObjectId, ObjectKind, Span, ViewKind};
use crate::registry::{Access, Detail, Plan, PlanOptions, Prune, Registry, TableStep};

fn edit(change: impl FnOnce(&mut Definitions)) -> Definitions {
    let mut definitions = golden_definitions();
    change(&mut definitions);
    definitions
}

fn detail(field: &str, from: Option<&str>, to: Option<&str>) -> Detail {
    Detail { field: field.to_owned(), from: from.map(str::to_owned), to: to.map(str::to_owned) }
}

fn delete_feature(feature: &str) -> TableStep {
    TableStep::DeleteFeature {
        view: "driver_trips".to_owned(),
        table: "fleet_driver_trips".to_owned(),
        feature: feature.to_owned(),
    }
}

#[test]
fn a_change_is_told_field_by_field_and_what_python_knows_stays() {
    let (_folder, path) = copy("repo/data/registry.db");
    let mut registry = Registry::open(&path, "fleet", Access::Write).unwrap();
    let before = registry.snapshot().unwrap().states["driver_trips"].clone();
    let desired = edit(|d| {
        let view = &mut d.feature_views[0];
        view.ttl = Some(Span::from_seconds(7 * 86_400));
        view.features.retain(|field| field.name != "avg_daily_trips");
        view.features[1].dtype = DataType::Float64;
        view.tags.insert("stage".to_owned(), "test".to_owned());
    });
    let plan = apply(&mut registry, &desired, LATER);
    assert_eq!(changes(&plan), ["Update feature view driver_trips"]);
    let expected = [
        detail("feature acc_rate", Some("Float32"), Some("Float64")),
        detail("feature avg_daily_trips", Some("Int64"), None),
        detail("ttl", Some("1d"), Some("7d")),
        detail("tag stage", Some("prod"), Some("test")),
    ];
    assert_eq!(plan.changes[0].details, expected);
    assert_eq!(pending(&plan), [&delete_feature("acc_rate"), &delete_feature("avg_daily_trips")]);
    let after = registry.snapshot().unwrap().states["driver_trips"].clone();
    assert_eq!((&after.intervals, after.created, after.state), (&before.intervals, before.created, before.state));
    assert_eq!((after.last_updated, after.current_version_number), (Some(LATER), 1));
    assert_eq!(registry.snapshot().unwrap().versions["driver_trips"], 1);
}

#[test]
fn only_a_change_of_schema_makes_a_version() {
    let (_folder, mut registry) = empty();
    apply(&mut registry, &golden_definitions(), NOW);
    let ttl = edit(|d| d.feature_views[0].ttl = None);
    let plan = apply(&mut registry, &ttl, LATER);
    assert_eq!(plan.changes[0].details, [detail("ttl", Some("1d"), None)]);
    assert_eq!(registry.snapshot().unwrap().states["driver_trips"].current_version_number, 0);
    let order = edit(|d| {
        d.feature_views[0].ttl = None;
        d.feature_views[0].features.reverse();
    });
    let plan = apply(&mut registry, &order, LATER);
    assert_eq!(plan.changes[0].details[0].field, "order of features");
    assert_eq!(registry.snapshot().unwrap().versions["driver_trips"], 0);
}

#[test]
fn a_batch_source_behind_a_stream_is_compared_too() {
    let (_folder, mut registry) = empty();
    apply(&mut registry, &golden_definitions(), NOW);
    let moved = edit(|d| {
        let kinesis = d.feature_views[2].stream_source.as_mut().unwrap();
        kinesis.batch_source.as_mut().unwrap().description = "other".to_owned();
    });
    let plan = plan(&registry, &moved);
    let expected = ["Update data source driver_trips_kinesis_src", "Update feature view driver_trips_kinesis"];
    assert_eq!(changes(&plan), expected);
    assert_eq!(plan.changes[0].details, [detail("batch_source description", Some("hourly trips"), Some("other"))]);
}

#[test]
fn only_what_feast_rs_applied_is_deleted() {
    let (_folder, path) = copy("registry_after_apply.db");
    let mut registry = Registry::open(&path, "fleet", Access::Write).unwrap();
    let mut few = golden_definitions();
    few.feature_services.clear();
    few.feature_views.retain(|view| view.name == "driver_trips");
    let first = apply(&mut registry, &few, NOW);
    assert!(first.is_empty());
    assert_eq!(first.take_over.len(), 3, "{:?}", first.take_over);
    assert_eq!(first.unmanaged.len(), 10, "{:?}", first.unmanaged);
    // now it is ours, and its entity and source are needed by Python's views
    let none = Definitions { project: few.project.clone(), ..Definitions::default() };
    let second = plan(&registry, &none);
    assert_eq!(changes(&second), Vec::<String>::new(), "Python's services need the view");
    let all = PlanOptions { prune: Prune::All, ..super::fixtures::options() };
    let third = Plan::between(&registry.snapshot().unwrap(), &none, &all);
    assert_eq!(third.changes.len(), 13);
    assert_eq!(pending(&third).len(), 5);
    let nothing = PlanOptions { prune: Prune::None, ..super::fixtures::options() };
    assert!(Plan::between(&registry.snapshot().unwrap(), &none, &nothing).is_empty());
}

#[test]
fn a_view_that_goes_takes_its_sources_its_table_and_its_history() {
    let (_folder, mut registry) = empty();
    apply(&mut registry, &golden_definitions(), NOW);
    let fewer = edit(|d| d.feature_views.retain(|view| view.name != "driver_trips_kafka"));
    let plan = plan(&registry, &fewer);
    let expected = ["Delete data source driver_trips_kafka_src", "Delete stream feature view driver_trips_kafka"];
    assert_eq!(changes(&plan), expected);
    let drop = TableStep::Drop { view: "driver_trips_kafka".to_owned(), table: "fleet_driver_trips_kafka".to_owned() };
    assert_eq!(pending(&plan), [&drop]);
    registry.apply(&plan, LATER).unwrap();
    // a crash here leaves the step in the registry
    let waiting = registry.pending().unwrap();
    assert_eq!(waiting.iter().map(|step| &step.step).collect::<Vec<_>>(), [&drop]);
    let snapshot = registry.snapshot().unwrap();
    assert!(!snapshot.versions.contains_key("driver_trips_kafka"));
    assert!(snapshot.infra.iter().all(|table| table.name != "fleet_driver_trips_kafka"));
    assert!(registry.check(&super::fixtures::options()).unwrap()[0].message.contains("waits"));
    registry.clear_pending(&waiting[0]).unwrap();
    assert!(registry.pending().unwrap().is_empty());
}

#[test]
fn a_renamed_view_keeps_its_values_and_intervals() {
    let (_folder, mut registry) = empty();
    let before = Definitions { feature_services: Vec::new(), ..golden_definitions() };
    apply(&mut registry, &before, NOW);
    let interval = crate::model::Interval { start: NOW, end: LATER };
    registry.record_materialization("driver_trips", interval, Some(NOW), LATER).unwrap();
    let mut renamed = before.clone();
    renamed.feature_views[0].name = "trips".to_owned();
    renamed.feature_views[0].renamed_from = Some("driver_trips".to_owned());
    let plan = apply(&mut registry, &renamed, LATER);
    assert_eq!(changes(&plan), ["Update feature view trips"]);
    assert_eq!(plan.changes[0].details, [detail("name", Some("driver_trips"), Some("trips"))]);
    let rename = TableStep::Rename {
        view: "trips".to_owned(),
        from: "fleet_driver_trips".to_owned(),
        to: "fleet_trips".to_owned(),
    };
    assert_eq!(pending(&plan), [&rename]);
    let snapshot = registry.snapshot().unwrap();
    assert_eq!(snapshot.states["trips"].intervals, [interval]);
    assert!(!snapshot.states.contains_key("driver_trips") && snapshot.versions.contains_key("trips"));
    assert_eq!(registry.newest_created("trips").unwrap(), Some(NOW));
    assert!(!super::fixtures::plan(&registry, &renamed).writes(), "the word may stay in the definition");
}

#[test]
fn another_key_empties_the_table_and_orphans_may_be_kept() {
    let (_folder, mut registry) = empty();
    apply(&mut registry, &golden_definitions(), NOW);
    let typed = edit(|d| {
        d.feature_views[0].entity_columns = vec![Field::new("driver_id", DataType::String)];
        d.feature_views[1].features.pop();
    });
    let plan = plan(&registry, &typed);
    assert!(matches!(pending(&plan)[..], [TableStep::Recreate { .. }, TableStep::DeleteFeature { .. }]));
    let keep = PlanOptions { keep_orphans: true, ..super::fixtures::options() };
    let kept = Plan::between(&registry.snapshot().unwrap(), &typed, &keep);
    assert_eq!(pending(&kept), Vec::<&TableStep>::new());
    assert_eq!(changes(&kept), changes(&plan));
}

#[test]
fn a_view_may_become_another_kind_and_move_to_another_table() {
    let (_folder, mut registry) = empty();
    apply(&mut registry, &golden_definitions(), NOW);
    let stream = edit(|d| d.feature_views[1].kind = ViewKind::StreamFeatureView);
    let plan = apply(&mut registry, &stream, LATER);
    assert_eq!(changes(&plan), ["Update stream feature view driver_trips_push"]);
    assert_eq!(plan.changes[0].details[0], detail("kind", Some("FeatureView"), Some("StreamFeatureView")));
    assert!(pending(&plan).is_empty(), "its values stay");
    let snapshot = registry.snapshot().unwrap();
    assert_eq!(snapshot.states["driver_trips_push"].created, Some(NOW));
    assert!(!super::fixtures::plan(&registry, &stream).writes());
}

#[test]
fn our_own_forms_are_stable_and_their_expressions_are_compared() {
    let (_folder, mut registry) = empty();
    let mut definitions = own_definitions();
    let first = apply(&mut registry, &definitions, NOW);
    let kinds = |plan: &Plan, kind| plan.changes.iter().filter(|change| change.id.kind == kind).count();
    assert_eq!(kinds(&first, ObjectKind::StreamFeatureView), 3);
    assert_eq!(kinds(&first, ObjectKind::FeatureView), 3);
    assert!(!plan(&registry, &definitions).writes());
    definitions.feature_views[0].transformation = Some(expressions(&[("conv_percentage", "conv_rate * 10.0")]));
    let second = plan(&registry, &definitions);
    assert_eq!(changes(&second), ["Update stream feature view stream_hidden"]);
    let expected = [detail("expression conv_percentage", Some("conv_rate * 100.0"), Some("conv_rate * 10.0"))];
    assert_eq!(second.changes[0].details, expected);
}

#[test]
fn the_json_is_as_promised() {
    let (_folder, registry) = empty();
    let mut definitions = Definitions { feature_views: vec![view("v", 1, trips())], ..Definitions::default() };
    definitions.project.name = "fleet".to_owned();
    let id = ObjectId::new(ObjectKind::FeatureView, "v");
    let origin = crate::model::Origin { file: "f.yaml".to_owned(), line: 3, column: 5 };
    definitions.origins.insert(id, origin);
    let plan = plan(&registry, &definitions);
    let json = serde_json::to_value(plan.report(Vec::<()>::new())).unwrap();
    assert_eq!(
        json["changes"][2],
        serde_json::json!({"action": "create", "kind": "feature_view", "name": "v", "destroys": 0,
            "where": "f.yaml:3:5", "details": []})
    );
    assert_eq!(json["changes"][1]["kind"], "data_source");
    assert_eq!((json["drift"].clone(), json["unmanaged"].clone()), (serde_json::json!([]), serde_json::json!([])));
}

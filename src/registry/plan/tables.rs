//! What a plan means for the tables of the online store.

use std::collections::BTreeMap;

use super::{PlanOptions, TableStep};
use crate::model::{FeatureView, Field, ValueType};
use crate::registry::snapshot::Snapshot;

/// The table of a view: `{project}_{view}`, with `_v{version}` where versions have tables of their own.
#[must_use]
pub fn table_name(project: &str, view: &str, version: i32, versioning: bool) -> String {
    if versioning && version > 0 { format!("{project}_{view}_v{version}") } else { format!("{project}_{view}") }
}

/// Knows how tables are called.
pub(super) struct Namer<'a> {
    pub(super) project: &'a str,
    pub(super) versioning: bool,
}

/// The steps for a view that stays or comes, given what it was before and at which version.
pub(super) fn steps(
    namer: &Namer,
    view: &FeatureView,
    version: i32,
    old: Option<(&FeatureView, i32)>,
    keep_orphans: bool,
) -> Vec<TableStep> {
    let name = |view: &str, version| table_name(namer.project, view, version, namer.versioning);
    let table = name(&view.name, version);
    let ensure = TableStep::Ensure { view: view.name.clone(), table: table.clone() };
    let Some((old, old_version)) = old else { return vec![ensure] };
    let old_table = name(&old.name, old_version);
    let renamed = old.name != view.name;
    if old_table != table && !renamed {
        // a version with a table of its own starts empty; the old one keeps its values
        return vec![ensure];
    }
    let mut steps = if renamed {
        vec![TableStep::Rename { view: view.name.clone(), from: old_table, to: table.clone() }]
    } else {
        vec![ensure]
    };
    if keep_orphans {
        return steps;
    }
    if keys(old) != keys(view) {
        steps.push(TableStep::Recreate { view: view.name.clone(), table });
        return steps;
    }
    steps.extend(lost_features(old, view).map(|feature| TableStep::DeleteFeature {
        view: view.name.clone(),
        table: table.clone(),
        feature: feature.to_owned(),
    }));
    steps
}

/// What the bytes of an entity key depend on.
fn keys(view: &FeatureView) -> BTreeMap<&str, ValueType> {
    view.entity_columns.iter().map(|column| (column.name.as_str(), column.dtype.value_type())).collect()
}

/// Features that are gone, or whose stored values are of another type now.
fn lost_features<'a>(old: &'a FeatureView, new: &'a FeatureView) -> impl Iterator<Item = &'a str> {
    let same = |old: &Field| new.features.iter().any(|new| new.name == old.name && new.dtype == old.dtype);
    old.features.iter().filter(move |feature| !same(feature)).map(|feature| feature.name.as_str())
}

/// The tables of a view that goes, those of its old versions included.
pub(super) fn drop_all(snapshot: &Snapshot, view: &str, options: &PlanOptions) -> Vec<TableStep> {
    let current = snapshot.states.get(view).map_or(0, |state| state.current_version_number);
    let newest = snapshot.versions.get(view).copied().unwrap_or(0).max(current);
    let last = if options.versioning { newest } else { 0 };
    let tables = (0..=last).map(|version| table_name(&snapshot.project, view, version, options.versioning));
    tables.map(|table| TableStep::Drop { view: view.to_owned(), table }).collect()
}

//! Deleting one object, or everything.

use std::collections::{BTreeMap, BTreeSet};

use super::between::needed_by;
use super::{Action, Change, Plan, PlanOptions, Write, details, infra, tables};
use crate::model::{ObjectId, ObjectKind};
use crate::registry::decode::Object;
use crate::registry::error::RegistryError;
use crate::registry::snapshot::{Snapshot, Stored};

impl Plan {
    /// What deleting one object does.
    ///
    /// # Errors
    /// `NotFound`, or `InUse` with everything that needs the object.
    pub fn deletion(snapshot: &Snapshot, id: &ObjectId, options: &PlanOptions) -> Result<Self, RegistryError> {
        let stored = snapshot.find(id).filter(|stored| stored.id.kind != ObjectKind::Project);
        let stored = stored.ok_or_else(|| RegistryError::NotFound(id.clone()))?;
        let dependents = dependents(snapshot, id);
        if !dependents.is_empty() {
            return Err(RegistryError::InUse { id: id.clone(), dependents });
        }
        let owned: BTreeSet<ObjectId> = snapshot.owned.iter().filter(|owned| *owned != id).cloned().collect();
        let is_view = |stored: &&Stored| matches!(stored.object, Object::FeatureView(_)) && stored.id != *id;
        let version = |name: &str| snapshot.states.get(name).map_or(0, |state| state.current_version_number);
        let remaining: BTreeMap<String, i32> = snapshot
            .stored
            .iter()
            .filter(is_view)
            .map(|stored| (stored.id.name.clone(), version(&stored.id.name)))
            .collect();
        let has_table = matches!(stored.object, Object::FeatureView(_));
        Ok(Self {
            changes: vec![Change {
                action: Action::Delete,
                id: id.clone(),
                destroys: 0,
                origin: None,
                note: details::note(Some(&stored.object)),
                details: Vec::new(),
            }],
            unmanaged: Vec::new(),
            take_over: Vec::new(),
            steps: if has_table { tables::drop_all(snapshot, &id.name, options) } else { Vec::new() },
            project: snapshot.project.clone(),
            base: snapshot.base,
            writes: vec![Write::Remove { table: stored.message.table(), name: id.name.clone() }],
            owned: Some(owned).filter(|owned| *owned != snapshot.owned),
            infra: if has_table { infra::new_infra(snapshot, &remaining, options) } else { None },
        })
    }
}

fn dependents(snapshot: &Snapshot, id: &ObjectId) -> Vec<ObjectId> {
    let others = snapshot.stored.iter().filter(|stored| stored.id != *id);
    others.filter(|stored| needed_by(&[stored]).contains(id)).map(|stored| stored.id.clone()).collect()
}

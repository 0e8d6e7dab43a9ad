//! `registry-dump`, `registry import`, `registry export` and `registry check`.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::{FeatureStore, PlanScope};
use crate::error::Error;
use crate::model::Timestamp;
use crate::online::{Durability, OnlineStore};
use crate::registry::{Access, Finding, export};

/// What was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// registered objects
    pub objects: usize,
}

impl FeatureStore<'_> {
    /// The whole registry, in the layout of `feast registry-dump`. A file registry is read too.
    ///
    /// # Errors
    /// A registry that cannot be read.
    pub fn registry_dump(&self) -> Result<Value, Error> {
        Ok(self.snapshot_of_any()?.dump_json()?)
    }

    /// Copies this project from a file registry into the SQL registry of the repo, and makes the online tables that are
    /// not there yet.
    ///
    /// # Errors
    /// A file that cannot be read, or a registry that already holds objects of this project.
    pub fn import_registry(&self, file: &Path, now: Timestamp) -> Result<ImportReport, Error> {
        let mut registry = self.registry(Access::Write)?;
        let objects = registry.import_file(file, now)?;
        if self.online_settings().is_ok() {
            let snapshot = registry.snapshot()?;
            let mut store = self.online_store(Durability::Full)?;
            for view in &snapshot.definitions.feature_views {
                store.ensure(&self.table_spec(&self.table_of(&snapshot, &view.name), view)?)?;
            }
        }
        Ok(ImportReport { objects })
    }

    /// The registry as YAML definitions that apply to the same objects. A file registry is read too.
    ///
    /// # Errors
    /// A registry that cannot be read.
    pub fn export_yaml(&self) -> Result<String, Error> {
        Ok(export::yaml(&self.snapshot_of_any()?.definitions))
    }

    /// The registry as Python definitions for Feast. A file registry is read too.
    ///
    /// # Errors
    /// A registry that cannot be read.
    pub fn export_python(&self) -> Result<String, Error> {
        Ok(export::python(&self.snapshot_of_any()?.definitions))
    }

    /// Damage in the registry, and what would break Python Feast.
    ///
    /// # Errors
    /// A registry that cannot be read at all.
    pub fn check_registry(&self) -> Result<Vec<Finding>, Error> {
        Ok(self.registry(Access::Read)?.check(&self.plan_options(PlanScope::default()))?)
    }
}

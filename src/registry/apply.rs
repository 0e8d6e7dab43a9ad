//! Doing what a plan says, in one transaction.

use rusqlite::{Transaction, params};

use super::error::{Doing, RegistryError};
use super::plan::{Plan, PlanOptions, Put, TableStep, Version, Write};
use super::snapshot::Content;
use super::sql;
use super::stamp::Stamps;
use super::store::{self, Registry};
use super::table::{INFRA_NAME, Table};
use crate::model::{ObjectId, Timestamp};

const DOING: &str = "write the registry";

impl Registry {
    /// Writes what `plan` says, all of it or nothing, and keeps its steps on the online store as pending until
    /// [`Registry::clear_pending`]. `Ensure` steps must have been done before.
    ///
    /// # Errors
    /// `Conflict` where the registry is not what the plan was made from; then nothing was written.
    pub fn apply(&mut self, plan: &Plan, now: Timestamp) -> Result<(), RegistryError> {
        if !plan.writes() {
            return Ok(());
        }
        let project = self.project.clone();
        let transaction = self.begin(DOING)?;
        let content = store::read(&transaction, &project)?;
        if content.fingerprint() != plan.base || plan.project != project {
            return Err(RegistryError::Conflict);
        }
        let writer = Writer { transaction: &transaction, project: &project, now };
        writer.write_rows(plan, &content)?;
        writer.write_beside(plan)?;
        writer.touch()?;
        transaction.commit().doing(DOING)
    }

    /// Deletes one object that nothing else needs. The steps on the online store are pending afterwards.
    ///
    /// # Errors
    /// `NotFound`, or `InUse` with what needs the object.
    pub fn delete(&mut self, id: &ObjectId, options: &PlanOptions, now: Timestamp) -> Result<Plan, RegistryError> {
        let plan = Plan::deletion(&self.snapshot()?, id, options)?;
        self.apply(&plan, now)?;
        Ok(plan)
    }

    /// Removes everything of this project, from Feast's tables and ours. Other projects stay.
    ///
    /// # Errors
    /// The registry cannot be written.
    pub fn teardown(&mut self) -> Result<(), RegistryError> {
        let project = self.project.clone();
        let transaction = self.begin(DOING)?;
        let tables = sql::FEAST_TABLES.iter().map(|(name, _)| *name).chain(sql::OUR_PROJECT_TABLES);
        for table in tables {
            transaction.execute(&sql::delete_project(table), params![project]).doing(DOING)?;
        }
        transaction.commit().doing(DOING)
    }
}

/// Writes the rows of one project within a transaction.
pub(super) struct Writer<'a> {
    pub(super) transaction: &'a Transaction<'a>,
    pub(super) project: &'a str,
    pub(super) now: Timestamp,
}

impl Writer<'_> {
    fn write_rows(&self, plan: &Plan, content: &Content) -> Result<(), RegistryError> {
        let stamps = Stamps::new(self.project, self.now, content, &plan.writes);
        for write in &plan.writes {
            match write {
                Write::Put(put) => self.put(put, &stamps)?,
                Write::Remove { table, name } => self.remove(*table, name)?,
            }
        }
        match &plan.infra {
            Some(infra) => self.row(Table::ManagedInfra, INFRA_NAME, infra),
            None => Ok(()),
        }
    }

    fn put(&self, put: &Put, stamps: &Stamps) -> Result<(), RegistryError> {
        let (table, name) = (put.message.table(), put.message.name());
        let damaged = |source| RegistryError::Damaged { table: table.name(), name: name.to_owned(), source };
        let bytes = stamps.finish(put).map_err(damaged)?;
        if let Some((old_table, old_name)) = &put.moved_from {
            self.execute(&sql::delete_row(*old_table), params![self.project, old_name])?;
            if old_name != name {
                self.execute(sql::RENAME_VERSIONS, params![self.project, old_name, name])?;
                self.execute(sql::RENAME_NEWEST, params![self.project, old_name, name])?;
            }
        }
        self.row(table, name, &bytes)?;
        let Version::New { number, keep_old } = put.version else { return Ok(()) };
        if put.stored.is_none() {
            // Feast's teardown leaves the history of a view behind; it is not the history of this one
            self.execute(sql::DELETE_VERSIONS, params![self.project, name])?;
        }
        if let Some(old) = put.stored.as_ref().filter(|_| keep_old) {
            let old_table = put.moved_from.as_ref().map_or(table, |(table, _)| *table);
            self.version(old_table, name, 0, old)?;
        }
        self.version(table, name, number, &bytes)
    }

    /// A row of the version history, with an id of its own as Feast gives one.
    pub(super) fn version(&self, table: Table, name: &str, number: i32, proto: &[u8]) -> Result<(), RegistryError> {
        let Some(kind) = table.version_type() else { return Ok(()) };
        let id = uuid::Uuid::new_v4().to_string();
        self.execute(sql::INSERT_VERSION, params![name, self.project, number, kind, proto, self.seconds(), "", id])
    }

    fn remove(&self, table: Table, name: &str) -> Result<(), RegistryError> {
        self.execute(&sql::delete_row(table), params![self.project, name])?;
        if table.version_type().is_none() {
            return Ok(());
        }
        self.execute(sql::DELETE_VERSIONS, params![self.project, name])?;
        self.execute(sql::DELETE_NEWEST, params![self.project, name])
    }

    pub(super) fn row(&self, table: Table, name: &str, proto: &[u8]) -> Result<(), RegistryError> {
        self.execute(&sql::upsert_row(table), params![self.project, name, self.seconds(), proto])
    }

    /// Ownership and pending steps.
    fn write_beside(&self, plan: &Plan) -> Result<(), RegistryError> {
        if let Some(owned) = &plan.owned {
            self.execute(sql::DELETE_OWNED, params![self.project])?;
            for id in owned {
                self.execute(sql::INSERT_OWNED, params![self.project, id.kind.id(), id.name])?;
            }
        }
        for step in plan.steps.iter().filter(|step| step.is_pending()) {
            self.execute(sql::INSERT_PENDING, params![self.project, step_json(step)])?;
        }
        Ok(())
    }

    /// What Feast writes beside every object: the project's id, once, and when it was last written.
    pub(super) fn touch(&self) -> Result<(), RegistryError> {
        let id = uuid::Uuid::new_v4().to_string();
        self.execute(sql::INSERT_METADATA, params![self.project, "project_uuid", id, self.seconds()])?;
        let seconds = self.seconds();
        let key = "last_updated_timestamp";
        self.execute(sql::UPSERT_METADATA, params![self.project, key, seconds.to_string(), seconds])
    }

    pub(super) fn execute(&self, sql: &str, params: impl rusqlite::Params) -> Result<(), RegistryError> {
        self.transaction.execute(sql, params).map(drop).doing(DOING)
    }

    /// Feast's unit in the columns beside a message.
    fn seconds(&self) -> i64 {
        self.now.micros().div_euclid(1_000_000)
    }
}

fn step_json(step: &TableStep) -> String {
    // names and tags only: it cannot fail
    serde_json::to_string(step).unwrap_or_default()
}

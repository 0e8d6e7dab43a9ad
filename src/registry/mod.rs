//! The registry: definitions in Feast's SQL layout, in one SQLite file that Python Feast reads and writes too.
//!
//! [`Registry::snapshot`] reads everything, [`Plan::between`] decides what has to change without touching anything, and
//! [`Registry::apply`] does exactly that in one transaction. Beside Feast's tables stand ours, named `feast_rs_*`: which
//! objects feast-rs applied, which steps on the online store wait to be done, the newest created time of each view, runs.

mod apply;
mod check;
mod decode;
mod dump;
mod encode;
mod error;
pub mod export;
mod file;
mod materialization;
mod message;
mod native;
pub mod on_demand;
mod plan;
mod python_text;
mod snapshot;
mod sql;
mod stamp;
mod store;
mod table;
mod tags;
#[cfg(test)]
mod tests;
mod watch;

pub use check::{Finding, Severity};
pub use error::{RegistryError, RowDamage};
pub use file::{read_file, read_serialized};
pub use plan::{Action, Change, Detail, ObjectName, Plan, PlanOptions, PlanReport, Prune, TableStep, table_name};
pub use snapshot::{Fingerprint, InfraTable, PendingStep, Row, Snapshot};
pub use store::{Access, Registry, Run};
pub use table::Table;
pub use watch::Watch;

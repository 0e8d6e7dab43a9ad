//! The registry, and what Python would do to it.

use super::Findings;
use crate::error::Error;
use crate::feature_store::FeatureStore;
use crate::model::{ObjectKind, Timestamp};
use crate::registry::{Access, Severity, Snapshot};

const CHECK: &str = "registry";

impl FeatureStore<'_> {
    /// What the registry holds, if it can be read.
    pub(super) fn examine_registry(&self, now: Timestamp, findings: &mut Findings) -> Option<Snapshot> {
        let registry = match self.registry(Access::Read) {
            Ok(registry) => registry,
            Err(error) => {
                findings.error(CHECK, &error);
                return None;
            }
        };
        match registry.damage() {
            Ok(damage) if damage.is_empty() => {}
            Ok(damage) => {
                findings.fail(CHECK, format!("the file is damaged: {}", damage.join("; ")), "restore a copy of it");
            }
            Err(error) => findings.error(CHECK, &error.into()),
        }
        match self.check_registry() {
            Ok(found) => {
                for finding in found {
                    let message = format!("{} {}: {}", finding.table, finding.name, finding.message);
                    let fix = finding.hint.unwrap_or_else(|| "`feast-rs registry check` shows it".to_owned());
                    match finding.severity {
                        Severity::Error => findings.fail(CHECK, message, fix),
                        Severity::Warning => findings.warn(CHECK, message, fix),
                    }
                }
            }
            Err(error) => findings.error(CHECK, &error),
        }
        let snapshot = match registry.snapshot() {
            Ok(snapshot) => snapshot,
            Err(error) => {
                findings.error(CHECK, &Error::from(error));
                return None;
            }
        };
        if snapshot.definitions.feature_views.is_empty() {
            findings.warn(CHECK, "no feature view is registered", "`feast-rs apply`");
        } else {
            findings.ok(CHECK, format!("readable, {} feature views", snapshot.definitions.feature_views.len()));
        }
        self.examine_python(&snapshot, findings);
        examine_intervals(&snapshot, now, findings);
        Some(snapshot)
    }

    /// `feast apply` deletes what its own definitions do not name.
    fn examine_python(&self, snapshot: &Snapshot, findings: &mut Findings) {
        let views = snapshot.owned.iter().filter(|id| {
            matches!(id.kind, ObjectKind::FeatureView | ObjectKind::StreamFeatureView | ObjectKind::OnDemandFeatureView)
        });
        let views: Vec<&str> = views.map(|id| id.name.as_str()).collect();
        if views.is_empty() || !self.is_shared_with_python(snapshot) {
            return;
        }
        findings.warn(
            "Python",
            format!(
                "`feast apply` over Python definitions that lack them deletes these views and drops their tables: {}",
                views.join(", ")
            ),
            "`feast-rs registry export --format python` prints them for the Python repo",
        );
    }
}

/// An interval that ends in the future hides the rows that arrive until then from incremental runs.
fn examine_intervals(snapshot: &Snapshot, now: Timestamp, findings: &mut Findings) {
    for (view, state) in &snapshot.states {
        let Some(end) = state.intervals.iter().map(|interval| interval.end).max().filter(|end| *end > now) else {
            continue;
        };
        findings.warn(
            &format!("view {view}"),
            format!("recorded as materialized until {end}: incremental runs read nothing until then"),
            format!("`feast-rs materialize START now -v {view}` reads a stretch all the same"),
        );
    }
}

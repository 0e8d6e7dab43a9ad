//! `doctor`: everything that can be known to be wrong, each with the command that mends it.

mod registry;
mod store;
mod zones;

use serde::Serialize;

use super::super::definitions::in_one_line;
use super::super::{FeatureStore, Observer, PlanScope};
use crate::error::Error;
use crate::model::Timestamp;
use crate::registry::Snapshot;
use crate::repo::Problem;

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum CheckStatus {
    /// as it should be
    #[serde(rename = "ok")]
    Ok,
    /// works, but not as somebody may think
    #[serde(rename = "warn")]
    Warn,
    /// does not work, or loses something
    #[serde(rename = "FAIL")]
    Fail,
}

/// One line of the doctor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// what was looked at: `registry`, `online store`, `view driver_hourly_stats`, ...
    pub check: String,
    /// what was found
    pub status: CheckStatus,
    /// in a sentence
    pub message: String,
    /// what mends it
    pub fix: Option<String>,
}

/// Collects what is found.
pub(super) struct Findings(Vec<Check>);

impl Findings {
    fn add(&mut self, status: CheckStatus, check: &str, message: impl Into<String>, fix: Option<String>) {
        self.0.push(Check { check: check.to_owned(), status, message: message.into(), fix });
    }

    fn ok(&mut self, check: &str, message: impl Into<String>) {
        self.add(CheckStatus::Ok, check, message, None);
    }

    fn warn(&mut self, check: &str, message: impl Into<String>, fix: impl Into<String>) {
        self.add(CheckStatus::Warn, check, message, Some(fix.into()));
    }

    fn fail(&mut self, check: &str, message: impl Into<String>, fix: impl Into<String>) {
        self.add(CheckStatus::Fail, check, message, Some(fix.into()));
    }

    /// A part that could not be looked at.
    fn error(&mut self, check: &str, error: &Error) {
        self.add(CheckStatus::Fail, check, in_one_line(error), error.hint());
    }
}

/// Each problem of the definitions by itself.
fn tell_problems(check: &str, error: &Error, findings: &mut Findings) {
    const FIX: &str = "`feast-rs validate` shows each problem in its line";
    let problems = match error {
        Error::Repo(error) => error.problems(),
        _ => &[],
    };
    if problems.is_empty() {
        findings.fail(check, in_one_line(error), FIX);
    }
    for problem in problems.iter().filter(|problem| !problem.warning) {
        findings.fail(check, in_its_place(problem), FIX);
    }
}

/// `features.yaml:12:11: a type is unknown, did you mean ..? [E0114]`
fn in_its_place(problem: &Problem) -> String {
    let Problem { code, message, file, line, column, label, .. } = problem;
    let label = if label.is_empty() { String::new() } else { format!(", {label}") };
    match line {
        0 => format!("{file}: {message}{label} [{code}]"),
        _ => format!("{file}:{line}:{column}: {message}{label} [{code}]"),
    }
}

impl FeatureStore<'_> {
    /// Looks at definitions, registry, online store, every view's table and every stream's position. Nothing is changed,
    /// except that a file is made and removed where it has to be known whether that is possible.
    pub fn doctor(&self, now: Timestamp, observer: &dyn Observer) -> Vec<Check> {
        let mut findings = Findings(Vec::new());
        self.check_definitions(now, &mut findings);
        self.check_environment(&mut findings);
        let Some(snapshot) = self.examine_registry(now, &mut findings) else { return findings.0 };
        self.examine_store(&snapshot, now, observer, &mut findings);
        findings.0
    }

    fn check_definitions(&self, now: Timestamp, findings: &mut Findings) {
        const CHECK: &str = "definitions";
        if let Err(error) = self.load(false, now) {
            return tell_problems(CHECK, &error, findings);
        }
        // what is wrong with the registry is told by its own check
        let Ok(planned) = self.plan(PlanScope::default(), now) else { return findings.ok(CHECK, "valid") };
        if planned.plan.changes.is_empty() {
            findings.ok(CHECK, "valid, and applied");
        } else {
            let number = planned.plan.changes.len();
            findings.warn(
                CHECK,
                format!("valid, but not applied: {number} to change"),
                "`feast-rs plan`, then `feast-rs apply`",
            );
        }
        for drift in &planned.drift {
            findings.fail(&format!("view {}", drift.view), drift.message.clone(), "`feast-rs apply`");
        }
    }

    /// Python takes the zone of its process for that of every time that it stores.
    fn check_environment(&self, findings: &mut Findings) {
        let zone = (self.environment)("TZ").filter(|zone| !zone.is_empty());
        let is_utc = |zone: &str| ["UTC", "UTC0", "GMT", "Etc/UTC", ":UTC", "Z"].contains(&zone);
        if let Some(zone) = zone.filter(|zone| !is_utc(zone)) {
            findings.warn(
                "time zone",
                format!("TZ is {zone}: Python Feast with this environment stores event times that are shifted"),
                "run Python with TZ=UTC",
            );
        }
    }

    /// Whether Python seems to be at work on this repo too: it has definitions here, or objects in the registry.
    fn is_shared_with_python(&self, snapshot: &Snapshot) -> bool {
        let files = std::fs::read_dir(&self.settings.repo).into_iter().flatten().flatten();
        let scripts = files.into_iter().any(|file| file.path().extension().is_some_and(|extension| extension == "py"));
        scripts
            || snapshot
                .definitions
                .feature_views
                .iter()
                .any(|view| !snapshot.owned.iter().any(|id| id.name == view.name))
    }
}

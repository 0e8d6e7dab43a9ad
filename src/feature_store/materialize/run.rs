//! All views of a run, one after the other: one that fails does not stop the others.

use std::collections::BTreeSet;
use std::time::Instant;

use super::{MaterializeReport, MaterializeRequest, ViewFailure, ViewJob, ViewReport, materialize_view};
use crate::error::{Error, MaterializeError};
use crate::feature_store::definitions::in_one_line;
use crate::feature_store::{FeatureStore, Observer, RunRecord};
use crate::model::{FeatureView, Span, Timestamp};
use crate::nice;
use crate::online::{Durability, SqliteStore};
use crate::registry::{Access, Registry, Snapshot};

impl FeatureStore<'_> {
    /// Materializes the views of `request` into the online store. The interval of each is recorded once its rows are
    /// durable; in a dry run nothing is written at all. It gives way to everything else on the machine.
    ///
    /// # Errors
    /// An unknown view, a registry or a store that cannot be used, or a window that no view can have. What is wrong with
    /// one view alone is in the report, unless it was the only one asked for.
    pub fn materialize(
        &self,
        request: &MaterializeRequest,
        now: Timestamp,
        observer: &dyn Observer,
    ) -> Result<MaterializeReport, Error> {
        // a thread of its own: it, and those that it starts, cannot take back what they give way
        std::thread::scope(|scope| {
            let run = scope.spawn(|| {
                nice::lowest();
                self.materialize_all(request, now, observer)
            });
            run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn materialize_all(
        &self,
        request: &MaterializeRequest,
        now: Timestamp,
        observer: &dyn Observer,
    ) -> Result<MaterializeReport, Error> {
        let began = Instant::now();
        let mut run = Run::open(self, request, now)?;
        let views = run.selected()?;
        let mut report = MaterializeReport::default();
        for view in &views {
            let started = now.saturating_add(elapsed(began));
            let result = run.view(view, observer);
            run.record(view, &result, (started, now.saturating_add(elapsed(began))));
            match result {
                Ok(done) => report.views.push(done),
                Err(error) if views.len() == 1 || is_about_the_window(&error) => return Err(error),
                Err(error) => report.failed.push(failure(view, &error)),
            }
        }
        report.seconds = began.elapsed().as_secs_f64();
        Ok(report)
    }
}

/// What all views of a run share.
struct Run<'a> {
    feature_store: &'a FeatureStore<'a>,
    request: &'a MaterializeRequest,
    now: Timestamp,
    registry: Registry,
    snapshot: Snapshot,
    /// `None` in a dry run
    online: Option<SqliteStore>,
}

impl<'a> Run<'a> {
    fn open(
        feature_store: &'a FeatureStore<'a>,
        request: &'a MaterializeRequest,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let access = if request.dry_run { Access::Read } else { Access::Write };
        let mut registry = feature_store.registry(access)?;
        if !request.dry_run {
            feature_store.finish_pending(&mut registry)?;
        }
        let snapshot = registry.snapshot()?;
        let online = if request.dry_run { None } else { Some(feature_store.online_store(Durability::Bulk)?) };
        Ok(Self { feature_store, request, now, registry, snapshot, online })
    }

    /// The views that were named, or all that are served online.
    fn selected(&self) -> Result<Vec<FeatureView>, Error> {
        let all = &self.snapshot.definitions.feature_views;
        let names: BTreeSet<&str> = self.request.views.iter().map(String::as_str).collect();
        for name in &names {
            if !all.iter().any(|view| view.name == *name) {
                return Err(Error::not_found("feature view", *name, all.iter().map(|view| view.name.as_str())));
            }
        }
        let is_selected =
            |view: &&FeatureView| if names.is_empty() { view.online } else { names.contains(view.name.as_str()) };
        let selected: Vec<FeatureView> = all.iter().filter(is_selected).cloned().collect();
        if selected.is_empty() {
            return Err(Error::invalid(
                "no registered view is served online, so there is nothing to materialize",
                "register views with `feast-rs apply`",
            ));
        }
        Ok(selected)
    }

    fn view(&mut self, view: &FeatureView, observer: &dyn Observer) -> Result<ViewReport, Error> {
        let state = self.snapshot.states.get(&view.name).cloned().unwrap_or_default();
        let table = self.feature_store.table_of(&self.snapshot, &view.name);
        let job =
            ViewJob { view, state: &state, newest_created: self.registry.newest_created(&view.name)?, table: &table };
        let settings = &self.feature_store.settings;
        let done = materialize_view(settings, &job, self.request, self.online.as_mut(), self.now, observer)?;
        if !self.request.dry_run {
            self.check_unchanged(view)?;
            self.registry.record_materialization(&view.name, done.interval, done.newest_created, self.now)?;
        }
        Ok(done)
    }
}

impl Run<'_> {
    /// Keeps what was done in the history of runs.
    fn record(&mut self, view: &FeatureView, result: &Result<ViewReport, Error>, times: (Timestamp, Timestamp)) {
        if self.request.dry_run {
            return;
        }
        let record = match result {
            Ok(done) => RunRecord::of_view(done, times.0, times.1),
            Err(error) => RunRecord::failed("materialize", &view.name, times, in_one_line(error)),
        };
        record.keep(&mut self.registry);
    }

    /// The rows of a view that was changed meanwhile are those of the old definition: its interval is not recorded.
    fn check_unchanged(&self, view: &FeatureView) -> Result<(), Error> {
        let now = self.registry.snapshot()?;
        let same = now
            .definitions
            .feature_view(&view.name)
            .is_some_and(|now| now.entity_columns == view.entity_columns && now.features == view.features);
        if same { Ok(()) } else { Err(MaterializeError::Changed { view: view.name.clone() }.into()) }
    }
}

/// A window that is wrong for one view is wrong for all.
fn is_about_the_window(error: &Error) -> bool {
    matches!(
        error,
        Error::Materialize(
            MaterializeError::FutureEnd { .. } | MaterializeError::StartAfterEnd { recorded: false, .. }
        )
    )
}

fn failure(view: &FeatureView, error: &Error) -> ViewFailure {
    ViewFailure { view: view.name.clone(), message: in_one_line(error), hint: error.hint() }
}

fn elapsed(since: Instant) -> Span {
    Span::from_micros(i64::try_from(since.elapsed().as_micros()).unwrap_or(i64::MAX))
}

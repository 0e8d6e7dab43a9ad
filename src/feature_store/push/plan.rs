//! Which views a push goes to, and how its records get into each.

use super::PushRequest;
use crate::error::Error;
use crate::feature_store::records::{Absent, Reading, RecordPath};
use crate::feature_store::{FeatureStore, HistoricalLog};
use crate::model::{FeatureView, SourceKind};
use crate::online::Conflict;
use crate::registry::Snapshot;

/// Feature values in one commit, about: they are written in less than 200 ms, after which others want their turn.
const COMMIT_VALUES: usize = 48 << 10;
/// Records in one commit, at least and at most.
const COMMIT_RECORDS: (usize, usize) = (64, 16 << 10);

/// The way of records from a push into its views. Made once, used for any number of pieces, from any thread.
#[derive(Clone, Debug)]
pub struct PushPlan {
    pub(super) source: String,
    pub(super) views: Vec<PlannedView>,
    pub(super) conflict: Conflict,
    pub(super) request: PushRequest,
}

#[derive(Clone, Debug)]
pub(super) struct PlannedView {
    pub view: FeatureView,
    pub table: String,
    pub path: RecordPath,
    /// where its rows are logged, if they are
    pub log: Option<HistoricalLog>,
}

impl PushPlan {
    /// The views that `request` names, as `snapshot` has them.
    ///
    /// # Errors
    /// No such push source or view; a view that cannot be pushed to, or that has no log where one is asked for.
    pub fn new(store: &FeatureStore<'_>, snapshot: &Snapshot, request: &PushRequest) -> Result<Self, Error> {
        let reading = Reading {
            shape: request.shape,
            absent: if request.require_all { Absent::Refused } else { Absent::Kept },
            cast: request.cast,
            strict: request.strict,
        };
        let mut views = Vec::new();
        for view in targets(snapshot, request)? {
            let log = if request.to.offline() { Some(store.historical_log(view)?) } else { None };
            views.push(PlannedView {
                path: RecordPath::new(&store.settings, view, reading)?,
                table: store.table_of(snapshot, &view.name),
                view: view.clone(),
                log,
            });
        }
        let conflict = if request.overwrite { Conflict::Overwrite } else { Conflict::NewestWins };
        Ok(Self { source: request.target.clone(), views, conflict, request: request.clone() })
    }

    /// Records of one commit.
    #[must_use]
    pub fn commit_records(&self) -> usize {
        let values: usize = self.views.iter().map(|planned| planned.path.layout().features.len()).sum();
        (COMMIT_VALUES / values.max(1)).clamp(COMMIT_RECORDS.0, COMMIT_RECORDS.1)
    }
}

/// The views of a push source, or the view of that name.
fn targets<'a>(snapshot: &'a Snapshot, request: &PushRequest) -> Result<Vec<&'a FeatureView>, Error> {
    let (name, definitions) = (request.target.as_str(), &snapshot.definitions);
    let is_pushed = |view: &&FeatureView| {
        view.stream_source.as_ref().is_some_and(|source| source.kind == SourceKind::Push && source.name == name)
    };
    let of_source: Vec<&FeatureView> = definitions.feature_views.iter().filter(is_pushed).collect();
    if !of_source.is_empty() {
        let usable: Vec<&FeatureView> = of_source.iter().copied().filter(|view| is_usable(view, request)).collect();
        return match (usable.is_empty(), of_source.first()) {
            (true, Some(view)) => Err(unusable(view)),
            _ => Ok(usable),
        };
    }
    if let Some(view) = definitions.feature_view(name) {
        return if is_usable(view, request) { Ok(vec![view]) } else { Err(unusable(view)) };
    }
    let source = definitions.data_sources.iter().find(|source| source.name == name);
    match source {
        Some(source) if source.kind == SourceKind::Push => Err(Error::invalid(
            format!("no feature view reads the push source `{name}`, so its records have nowhere to go"),
            "name it as the `source` of a view, and run `feast-rs apply`",
        )),
        Some(source) => Err(Error::invalid(
            format!("`{name}` is a {}, not a push source", source.class_name()),
            "push to a view, or to a push source",
        )),
        None => {
            let pushed = definitions.data_sources.iter().filter(|source| source.kind == SourceKind::Push);
            let known = pushed.map(|source| source.name.as_str());
            let views = definitions.feature_views.iter().map(|view| view.name.as_str());
            Err(Error::not_found("push source or feature view", name, known.chain(views)))
        }
    }
}

fn is_usable(view: &FeatureView, request: &PushRequest) -> bool {
    view.enabled && (view.online || !request.to.online())
}

fn unusable(view: &FeatureView) -> Error {
    if view.enabled {
        return Error::invalid(
            format!("feature view `{}` is not served online", view.name),
            "set `online: true` and apply, or push with `--to offline`",
        );
    }
    Error::invalid(format!("feature view `{}` is disabled", view.name), "set `enabled: true` and apply")
}

//! What a server keeps from request to request: one state of the registry, plans made from it, readers and writers of
//! the store.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::push::{PushContext, PushFormat, PushInput, PushPlan, PushReport, PushRequest};
use super::retrieve::{AnswerRequest, OnlineAnswer, OnlinePlan, OnlineScratch};
use super::{FeatureSet, FeatureStore};
use crate::error::Error;
use crate::model::{RegistrySettings, Timestamp};
use crate::online::{Durability, OnlineError, OnlineReader, SqliteReader, SqliteStore};
use crate::registry::{Access, Snapshot, Watch};

/// Bytes of feature references that plans are kept for. A plan has about ten times its references; where more are asked
/// for, all are made again.
const PLAN_BYTES: usize = 1 << 20;

/// Readers that are kept open; more are opened where more threads read.
const READERS: usize = 16;
/// Writers that are kept open.
const WRITERS: usize = 2;

/// A feature store that answers many requests from many threads.
///
/// The registry is read when it has changed, not for a request: [`Serving::refresh`] looks. Requests that were planned
/// before are answered from the state that they were planned in.
pub struct Serving {
    store: FeatureStore<'static>,
    watch: Mutex<Watch>,
    catalog: RwLock<Arc<Catalog>>,
    desks: Mutex<Vec<Desk>>,
    writers: Mutex<Vec<SqliteStore>>,
}

/// One state of the registry, and the plans that were made from it.
#[derive(Debug)]
struct Catalog {
    snapshot: Snapshot,
    plans: RwLock<Plans>,
}

#[derive(Debug, Default)]
struct Plans {
    known: HashMap<Vec<u8>, Arc<OnlinePlan>>,
    bytes: usize,
}

/// What one thread reads with.
#[derive(Debug)]
struct Desk {
    reader: SqliteReader,
    scratch: OnlineScratch,
}

/// Which features to read, as a request writes them.
#[derive(Clone, Copy, Debug)]
pub enum FeatureNames<'a> {
    /// references `view:feature`
    References(&'a [Cow<'a, str>]),
    /// all features of a service
    Service(&'a str),
}

/// How long ago a view was materialized.
#[derive(Clone, Debug, PartialEq)]
pub struct Freshness {
    /// its name
    pub view: String,
    /// since the end of its last interval
    pub seconds: f64,
}

impl Serving {
    /// Reads the registry.
    ///
    /// # Errors
    /// A registry that cannot be read, or settings that only Python Feast can serve.
    pub fn open(store: FeatureStore<'static>) -> Result<Self, Error> {
        let mut watch = store.watch()?;
        store.online_settings()?;
        // looked at before it is read: what is committed in between is found by the next look
        watch.changed()?;
        let catalog = RwLock::new(Arc::new(Catalog::read(&store)?));
        Ok(Self { store, watch: Mutex::new(watch), catalog, desks: Mutex::default(), writers: Mutex::default() })
    }

    /// The store that is served.
    #[must_use]
    pub fn store(&self) -> &FeatureStore<'static> {
        &self.store
    }

    /// The project that is served.
    #[must_use]
    pub fn project(&self) -> &str {
        &self.store.settings.project
    }

    /// Looks whether the registry has changed, and reads it if so; says whether it did. Where it cannot be read, what was
    /// read last is served on, and the next call tries again.
    ///
    /// # Errors
    /// A registry that is gone, locked or damaged.
    pub fn refresh(&self) -> Result<bool, Error> {
        let mut watch = locked(&self.watch);
        if !watch.changed()? {
            return Ok(false);
        }
        let catalog = Catalog::read(&self.store).inspect_err(|_| watch.forget())?;
        *self.catalog.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(catalog);
        Ok(true)
    }

    fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The plan for some features; made once for each state of the registry.
    ///
    /// # Errors
    /// Those of [`FeatureStore::online_plan`].
    pub fn plan(&self, features: FeatureNames<'_>, full_feature_names: bool) -> Result<Arc<OnlinePlan>, Error> {
        let catalog = self.catalog();
        let key = plan_key(features, full_feature_names);
        let known = catalog.plans.read().unwrap_or_else(PoisonError::into_inner).known.get(&key).cloned();
        if let Some(plan) = known {
            return Ok(plan);
        }
        let plan = self.store.online_plan(&catalog.snapshot, &features.owned(), full_feature_names)?;
        let plan = Arc::new(plan);
        catalog.plans.write().unwrap_or_else(PoisonError::into_inner).keep(key, Arc::clone(&plan));
        Ok(plan)
    }

    /// Answers a request with a reader of its own.
    ///
    /// # Errors
    /// Those of [`OnlinePlan::answer`].
    pub fn answer<'p>(&self, plan: &'p OnlinePlan, request: &AnswerRequest<'_>) -> Result<OnlineAnswer<'p>, Error> {
        self.with_desk(|desk| plan.answer(&mut desk.reader, &mut desk.scratch, request))
    }

    /// Pushes records by the registry as it is now, with a writer of its own.
    ///
    /// # Errors
    /// Those of [`FeatureStore::push`].
    pub fn push(
        &self,
        request: &PushRequest,
        input: PushInput,
        format: PushFormat,
        context: &PushContext<'_>,
    ) -> Result<PushReport, Error> {
        // where the registry cannot be looked at, what was read last is served on: whoever looks regularly tells of it
        let _ = self.refresh();
        let catalog = self.catalog();
        if !catalog.snapshot.pending.is_empty() {
            self.store.finish_pending(&mut self.store.registry(Access::Write)?)?;
        }
        let plan = PushPlan::new(&self.store, &catalog.snapshot, request)?;
        let kept = locked(&self.writers).pop().filter(SqliteStore::is_current);
        let mut writer = kept.map_or_else(|| self.store.online_store(Durability::Full), Ok)?;
        let report = self.store.push_planned(&plan, Some(&mut writer), input, format, context)?;
        let rests = writer.rest().is_ok();
        let mut writers = locked(&self.writers);
        if rests && writers.len() < WRITERS {
            writers.push(writer);
        }
        Ok(report)
    }

    /// Whether the online store can be read.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<(), Error> {
        self.with_desk(|desk| Ok(desk.reader.visit(&[], &mut |_, _| {})?))
    }

    /// Lets a reader work. One whose file was replaced is opened anew: `teardown` and `apply` do that under a server.
    fn with_desk<T>(&self, work: impl Fn(&mut Desk) -> Result<T, Error>) -> Result<T, Error> {
        let mut desk = match locked(&self.desks).pop() {
            Some(desk) => desk,
            None => self.open_desk()?,
        };
        let mut done = work(&mut desk);
        if matches!(done, Err(Error::Online(OnlineError::Replaced { .. }))) {
            // the others read the same file that is no more
            locked(&self.desks).clear();
            desk = self.open_desk()?;
            done = work(&mut desk);
        }
        let mut desks = locked(&self.desks);
        if desks.len() < READERS {
            desks.push(desk);
        }
        done
    }

    fn open_desk(&self) -> Result<Desk, Error> {
        Ok(Desk { reader: self.store.online_to_read()?, scratch: OnlineScratch::default() })
    }

    /// How long ago each view was materialized; those that never were are left out.
    #[must_use]
    pub fn freshness(&self, now: Timestamp) -> Vec<Freshness> {
        let catalog = self.catalog();
        let views = catalog.snapshot.definitions.feature_views.iter().filter_map(|view| {
            let state = catalog.snapshot.states.get(&view.name)?;
            let end = state.intervals.iter().map(|interval| interval.end).max()?;
            #[allow(clippy::cast_precision_loss, reason = "a length of time for a graph")]
            let seconds = (now.micros() - end.micros()) as f64 / 1e6;
            Some(Freshness { view: view.name.clone(), seconds })
        });
        views.collect()
    }

    /// Whether there is a view of that name.
    ///
    /// # Errors
    /// There is none.
    pub fn check_view(&self, name: &str) -> Result<(), Error> {
        let catalog = self.catalog();
        let views = &catalog.snapshot.definitions.feature_views;
        if views.iter().any(|view| view.name == name) {
            return Ok(());
        }
        Err(Error::not_found("feature view to write to", name, views.iter().map(|view| view.name.as_str())))
    }

    /// What a view's source calls the event time and the created time.
    #[must_use]
    pub fn time_columns(&self, view: &str) -> Option<(String, Option<String>)> {
        let catalog = self.catalog();
        let view = catalog.snapshot.definitions.feature_view(view)?;
        let batch = view.batch_source.as_ref();
        let stream = view.stream_source.as_ref().filter(|stream| !stream.timestamp_field.is_empty());
        let source = stream.or(batch)?;
        let created = Some(source.created_timestamp_column.clone()).filter(|created| !created.is_empty());
        Some((source.timestamp_field.clone(), created))
    }

    /// The names of the views that a materialization of `views` means: these, or all that are served online.
    ///
    /// # Errors
    /// A name that no view has; no view at all.
    pub fn views_to_materialize(&self, views: Option<&[String]>) -> Result<Vec<String>, Error> {
        let catalog = self.catalog();
        let all = &catalog.snapshot.definitions.feature_views;
        let Some(named) = views.filter(|views| !views.is_empty()) else {
            return Ok(all.iter().filter(|view| view.online).map(|view| view.name.clone()).collect());
        };
        let is_unknown = |name: &&String| !all.iter().any(|view| view.name == **name);
        match named.iter().find(is_unknown) {
            Some(name) => Err(Error::not_found("feature view", name, all.iter().map(|view| view.name.as_str()))),
            None => Ok(named.to_vec()),
        }
    }
}

/// What was kept stays usable after a panic of whoever held it.
fn locked<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Catalog {
    fn read(store: &FeatureStore<'_>) -> Result<Self, Error> {
        Ok(Self { snapshot: store.snapshot()?, plans: RwLock::default() })
    }
}

impl Plans {
    fn keep(&mut self, key: Vec<u8>, plan: Arc<OnlinePlan>) {
        if self.bytes + key.len() > PLAN_BYTES {
            *self = Self::default();
        }
        self.bytes += key.len();
        self.known.insert(key, plan);
    }
}

impl FeatureNames<'_> {
    fn owned(self) -> FeatureSet {
        match self {
            Self::References(names) => FeatureSet::References(names.iter().map(ToString::to_string).collect()),
            Self::Service(name) => FeatureSet::Service(name.to_owned()),
        }
    }
}

/// What tells one plan from another. Names carry their lengths, so that no two lists of names are alike.
fn plan_key(features: FeatureNames<'_>, full_feature_names: bool) -> Vec<u8> {
    let mut key = vec![u8::from(full_feature_names)];
    let mut put = |name: &str| {
        key.extend_from_slice(&name.len().to_le_bytes());
        key.extend_from_slice(name.as_bytes());
    };
    match features {
        FeatureNames::References(names) => names.iter().for_each(|name| put(name)),
        FeatureNames::Service(name) => {
            put(name);
            key.push(b's');
        }
    }
    key
}

impl FeatureStore<'_> {
    fn watch(&self) -> Result<Watch, Error> {
        match &self.settings.registry {
            RegistrySettings::Sqlite { path, .. } => Ok(Watch::new(path)),
            // the others cannot be opened, which says why
            _ => Err(self.snapshot().err().unwrap_or_else(|| Error::unsupported("this registry", "use another"))),
        }
    }
}

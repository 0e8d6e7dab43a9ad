//! `list` and `describe`: what the registry holds.

use serde_json::{Value, json};

use super::FeatureStore;
use crate::error::Error;
use crate::model::{
    DataSource, Definitions, FeatureView, ObjectId, ObjectKind, OnDemandSource, SourceKind, Span, Tags, ViewKind,
};
use crate::registry::{Snapshot, export};

/// The lists there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// entities, without the dummy
    Entities,
    /// data sources
    DataSources,
    /// views of every kind
    FeatureViews,
    /// stream feature views
    StreamFeatureViews,
    /// on-demand feature views
    OnDemandFeatureViews,
    /// feature services
    FeatureServices,
    /// features
    Features,
    /// projects
    Projects,
}

/// One object, for people and for programs.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// the definition, as it would be written in YAML, with what the registry knows beyond it
    pub text: String,
    /// the registered message as protobuf JSON, as Feast prints it
    pub message: Value,
}

impl FeatureStore<'_> {
    /// One JSON object for each registered object of that list that has all of `tags`, by name.
    ///
    /// # Errors
    /// A registry that cannot be read.
    pub fn list(&self, listing: Listing, tags: &[(String, String)]) -> Result<Vec<Value>, Error> {
        let snapshot = self.snapshot_of_any()?;
        let mut rows = rows(&snapshot, listing);
        rows.retain(|row| tags.iter().all(|(key, value)| row["tags"][key] == value.as_str()));
        rows.sort_by_key(|row| (row["feature_view"].to_string(), row["name"].to_string()));
        Ok(rows)
    }

    /// Everything about the object called `name`.
    ///
    /// # Errors
    /// Nothing has that name; a registry that cannot be read.
    pub fn describe(&self, listing: Listing, name: &str) -> Result<Description, Error> {
        let snapshot = self.snapshot_of_any()?;
        let rows = rows(&snapshot, listing);
        let found = rows.iter().find(|row| row["name"] == name);
        let found = found.ok_or_else(|| {
            Error::not_found(listing.noun(), name, rows.iter().filter_map(|row| row["name"].as_str()))
        })?;
        let Some(kind) = listing.kind(found) else {
            return Ok(Description { text: pretty(found), message: found.clone() });
        };
        let message = snapshot.describe(&ObjectId::new(kind, name))?.unwrap_or(Value::Null);
        let text = if kind == ObjectKind::Project { pretty(found) } else { definition(&snapshot, kind, name) };
        Ok(Description { text, message })
    }
}

impl Listing {
    /// What one of them is called.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::Entities => "entity",
            Self::DataSources => "data source",
            Self::FeatureViews => "feature view",
            Self::StreamFeatureViews => "stream feature view",
            Self::OnDemandFeatureViews => "on-demand feature view",
            Self::FeatureServices => "feature service",
            Self::Features => "feature",
            Self::Projects => "project",
        }
    }

    /// The kind of the listed object; `None` for features, which are parts of views.
    fn kind(self, row: &Value) -> Option<ObjectKind> {
        Some(match self {
            Self::Entities => ObjectKind::Entity,
            Self::DataSources => ObjectKind::DataSource,
            Self::FeatureViews | Self::StreamFeatureViews | Self::OnDemandFeatureViews => match row["kind"].as_str() {
                Some("StreamFeatureView") => ObjectKind::StreamFeatureView,
                Some("OnDemandFeatureView") => ObjectKind::OnDemandFeatureView,
                _ => ObjectKind::FeatureView,
            },
            Self::FeatureServices => ObjectKind::FeatureService,
            Self::Projects => ObjectKind::Project,
            Self::Features => return None,
        })
    }
}

fn rows(snapshot: &Snapshot, listing: Listing) -> Vec<Value> {
    let definitions = &snapshot.definitions;
    match listing {
        Listing::Entities => definitions.entities.iter().map(entity_row).collect(),
        Listing::DataSources => definitions.data_sources.iter().map(source_row).collect(),
        Listing::FeatureViews => {
            let views = definitions.feature_views.iter().map(|view| view_row(snapshot, view));
            views.chain(on_demand_rows(definitions)).collect()
        }
        Listing::StreamFeatureViews => {
            let streams = definitions.feature_views.iter().filter(|view| view.kind == ViewKind::StreamFeatureView);
            streams.map(|view| view_row(snapshot, view)).collect()
        }
        Listing::OnDemandFeatureViews => on_demand_rows(definitions).collect(),
        Listing::FeatureServices => definitions.feature_services.iter().map(service_row).collect(),
        Listing::Features => feature_rows(definitions),
        Listing::Projects => {
            let project = &definitions.project;
            vec![json!({
                "name": project.name,
                "description": project.description,
                "tags": project.tags,
                "owner": project.owner,
            })]
        }
    }
}

fn entity_row(entity: &crate::model::Entity) -> Value {
    json!({
        "name": entity.name,
        "join_key": entity.join_key,
        "value_type": entity.value_type.name(),
        "description": entity.description,
        "tags": entity.tags,
        "owner": entity.owner,
    })
}

fn source_row(source: &DataSource) -> Value {
    json!({
        "name": source.name,
        "type": source.class_name(),
        "location": location(source),
        "timestamp_field": source.timestamp_field,
        "created_timestamp_column": source.created_timestamp_column,
        "batch_source": source.batch_source.as_ref().map(|batch| batch.name.as_str()),
        "description": source.description,
        "tags": source.tags,
        "owner": source.owner,
    })
}

/// Where the rows of a source are: a path, `stream @ region`, `topic @ servers`.
pub fn location(source: &DataSource) -> String {
    match &source.kind {
        SourceKind::File(file) => file.path.clone(),
        SourceKind::Kinesis(kinesis) => format!("{} @ {}", kinesis.stream_name, kinesis.region),
        SourceKind::Kafka(kafka) => format!("{} @ {}", kafka.topic, kafka.bootstrap_servers),
        SourceKind::Push | SourceKind::Request { .. } | SourceKind::Foreign { .. } => String::new(),
    }
}

fn view_row(snapshot: &Snapshot, view: &FeatureView) -> Value {
    let kind = match view.kind {
        ViewKind::FeatureView => "FeatureView",
        ViewKind::BatchFeatureView => "BatchFeatureView",
        ViewKind::StreamFeatureView => "StreamFeatureView",
    };
    let state = snapshot.states.get(&view.name);
    let last = state.and_then(|state| state.intervals.iter().map(|interval| interval.end).max());
    json!({
        "name": view.name,
        "kind": kind,
        "entities": view.entities,
        "features": fields(&view.features),
        "ttl_seconds": seconds(view.ttl.unwrap_or(Span::ZERO)),
        "online": view.online,
        "source": view.source_name(),
        "enabled": view.enabled,
        "materialized_until": last.map(|end| end.to_string()),
        "description": view.description,
        "tags": view.tags,
        "owner": view.owner,
    })
}

/// Whole seconds as a whole number.
#[allow(clippy::cast_precision_loss, reason = "a ttl of 285 years keeps its microseconds")]
fn seconds(span: Span) -> Value {
    if span.micros() % 1_000_000 == 0 { Value::from(span.seconds()) } else { Value::from(span.micros() as f64 / 1e6) }
}

fn on_demand_rows(definitions: &Definitions) -> impl Iterator<Item = Value> + '_ {
    definitions.on_demand_feature_views.iter().map(|view| {
        let sources: Vec<&str> = view
            .sources
            .values()
            .map(|source| match source {
                OnDemandSource::View(projection) => projection.view.as_str(),
                OnDemandSource::Request(request) => request.name.as_str(),
            })
            .collect();
        json!({
            "name": view.name,
            "kind": "OnDemandFeatureView",
            "entities": view.entities,
            "features": fields(&view.features),
            "ttl_seconds": 0,
            "online": view.write_to_online_store,
            "source": sources.join(", "),
            "enabled": view.enabled,
            "materialized_until": null,
            "description": view.description,
            "tags": view.tags,
            "owner": view.owner,
        })
    })
}

fn fields(fields: &[crate::model::Field]) -> Value {
    fields.iter().map(|field| json!({"name": field.name, "dtype": field.dtype.to_string()})).collect()
}

fn service_row(service: &crate::model::FeatureService) -> Value {
    let features: Vec<String> = service
        .features
        .iter()
        .flat_map(|p| p.features.iter().map(|field| format!("{}:{}", p.name_to_use(), field.name)))
        .collect();
    json!({
        "name": service.name,
        "features": features,
        "description": service.description,
        "tags": service.tags,
        "owner": service.owner,
    })
}

fn feature_rows(definitions: &Definitions) -> Vec<Value> {
    let views = definitions.feature_views.iter().map(|view| (&view.name, &view.features, &view.tags));
    let on_demand = definitions.on_demand_feature_views.iter().map(|view| (&view.name, &view.features, &view.tags));
    views
        .chain(on_demand)
        .flat_map(|(view, features, tags)| features.iter().map(|f| feature_row(view, f, tags)))
        .collect()
}

fn feature_row(view: &str, field: &crate::model::Field, view_tags: &Tags) -> Value {
    let tags: Tags = view_tags.iter().chain(&field.tags).map(|(key, value)| (key.clone(), value.clone())).collect();
    json!({
        "name": field.name,
        "feature_view": view,
        "dtype": field.dtype.to_string(),
        "description": field.description,
        "tags": tags,
    })
}

/// The one object as a definition, and below it what the registry knows beyond that.
fn definition(snapshot: &Snapshot, kind: ObjectKind, name: &str) -> String {
    let all = &snapshot.definitions;
    let mut one = Definitions { project: all.project.clone(), ..Definitions::default() };
    match kind {
        ObjectKind::Project => {}
        ObjectKind::Entity => one.entities = keep(&all.entities, |entity| entity.name == name),
        ObjectKind::DataSource => one.data_sources = keep(&all.data_sources, |source| source.name == name),
        ObjectKind::FeatureView | ObjectKind::StreamFeatureView => {
            one.feature_views = keep(&all.feature_views, |view| view.name == name);
        }
        ObjectKind::OnDemandFeatureView => {
            one.on_demand_feature_views = keep(&all.on_demand_feature_views, |view| view.name == name);
        }
        ObjectKind::FeatureService => {
            one.feature_services = keep(&all.feature_services, |service| service.name == name);
        }
    }
    let mut text = export::yaml(&one);
    if let Some(state) = snapshot.states.get(name).filter(|_| !one.feature_views.is_empty()) {
        for (what, time) in [("created", state.created), ("last updated", state.last_updated)] {
            if let Some(time) = time {
                text.push_str(&format!("# {what} {time}\n"));
            }
        }
        for interval in &state.intervals {
            text.push_str(&format!("# materialized {} .. {}\n", interval.start, interval.end));
        }
    }
    text
}

fn keep<T: Clone>(items: &[T], wanted: impl Fn(&T) -> bool) -> Vec<T> {
    items.iter().filter(|item| wanted(item)).cloned().collect()
}

fn pretty(row: &Value) -> String {
    serde_json::to_string_pretty(row).unwrap_or_default()
}

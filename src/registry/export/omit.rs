//! Which objects a language cannot say, and why.

use std::collections::BTreeMap;

use crate::model::{
    DataSource, Definitions, FeatureService, FeatureView, OnDemandFeatureView, OnDemandSource, SourceKind,
    Transformation, ViewKind,
};

/// The language of the definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// ours
    Yaml,
    /// Feast's
    Python,
}

/// The views that the language cannot say, with the reasons.
#[derive(Debug, Default)]
pub struct Omitted {
    views: BTreeMap<String, String>,
}

impl Omitted {
    /// Looks at every view of `definitions`, and at what is built on views that are left out.
    pub fn of(definitions: &Definitions, language: Language) -> Self {
        let mut omitted = Self::default();
        loop {
            let before = omitted.views.len();
            for view in &definitions.feature_views {
                if let Some(reason) = omitted.feature_view_reason(view, language) {
                    omitted.views.entry(view.name.clone()).or_insert(reason);
                }
            }
            for view in &definitions.on_demand_feature_views {
                if let Some(reason) = omitted.on_demand_reason(view, language) {
                    omitted.views.entry(view.name.clone()).or_insert(reason);
                }
            }
            if omitted.views.len() == before {
                return omitted;
            }
        }
    }

    /// Why the view is left out.
    pub fn view(&self, name: &str) -> Option<&str> {
        self.views.get(name).map(String::as_str)
    }

    /// Why the service is left out.
    pub fn service(&self, service: &FeatureService) -> Option<String> {
        service.features.iter().find_map(|projection| self.built_on(&projection.view))
    }

    fn feature_view_reason(&self, view: &FeatureView, language: Language) -> Option<String> {
        let sources = [&view.batch_source, &view.stream_source, &view.sink_source];
        if let Some(reason) = sources.into_iter().flatten().find_map(source_reason) {
            return Some(reason);
        }
        if let Some(reason) = view.source_views.iter().find_map(|name| self.built_on(name)) {
            return Some(reason);
        }
        let is_stream = view.kind == ViewKind::StreamFeatureView && view.source_views.is_empty();
        if is_stream && view.stream_source.is_none() && language == Language::Python {
            return Some("Feast takes no stream feature view without a stream source".to_owned());
        }
        let is_udf = matches!(view.transformation, Some(Transformation::UdfString(_)));
        (is_udf && language == Language::Yaml).then(|| ONLY_PYTHON.to_owned())
    }

    fn on_demand_reason(&self, view: &OnDemandFeatureView, language: Language) -> Option<String> {
        let inputs = view.sources.values().filter_map(|source| match source {
            OnDemandSource::View(projection) => self.built_on(&projection.view),
            OnDemandSource::Request(_) => None,
        });
        if let Some(reason) = inputs.into_iter().next() {
            return Some(reason);
        }
        match (&view.transformation, language) {
            (Some(Transformation::UdfString(_)) | None, Language::Yaml) => Some(ONLY_PYTHON.to_owned()),
            (None, Language::Python) if view.aggregations.is_empty() => {
                Some("its function is not kept as text, so it cannot be written down".to_owned())
            }
            _ => None,
        }
    }

    fn built_on(&self, view: &str) -> Option<String> {
        self.views.contains_key(view).then(|| format!("it uses `{view}`, which is left out"))
    }
}

const ONLY_PYTHON: &str = "a Python function computes it, which only Python Feast can run";

/// Why the source is left out: it, or the history behind it, is of a kind that only Python can use.
pub fn source_reason(source: &DataSource) -> Option<String> {
    if matches!(source.kind, SourceKind::Foreign { .. }) {
        return Some(format!("`{}` is a {}, which only Python Feast can use", source.name, source.class_name()));
    }
    source.batch_source.as_deref().and_then(source_reason)
}

//! Definitions as the registry keeps them: the exact tags, flags and function texts that a row gets.

use std::collections::BTreeMap;

use crate::model::{DataSource, Definitions, FeatureView, OnDemandFeatureView, Tags, Transformation};
use crate::proto::core::{
    FeatureTransformationV2Transformation, FeatureViewSpec, OnDemandFeatureViewSpec, StreamFeatureViewSpec,
};
use crate::registry::encode::{TRACK_METRICS_TAG, encode};
use crate::registry::message::Message;
use crate::registry::native::NativeFunction;

/// The rows of all definitions. Names are unique among the views of a project, whatever their kind.
#[derive(Default)]
pub struct Stored {
    sources: BTreeMap<String, Tags>,
    plain: BTreeMap<String, FeatureViewSpec>,
    streams: BTreeMap<String, StreamFeatureViewSpec>,
    on_demand: BTreeMap<String, OnDemandFeatureViewSpec>,
}

impl Stored {
    /// Encodes everything, Python functions as Python's own.
    pub fn of(definitions: &Definitions) -> Self {
        let mut stored = Self::default();
        for row in encode(definitions, &functions(definitions)) {
            match row.message {
                Message::DataSource(source) => {
                    stored.sources.insert(source.name, source.tags);
                }
                Message::FeatureView(view) => {
                    stored.plain.extend(view.spec.map(|spec| (spec.name.clone(), spec)));
                }
                Message::StreamFeatureView(view) => {
                    stored.streams.extend(view.spec.map(|spec| (spec.name.clone(), spec)));
                }
                Message::OnDemandFeatureView(view) => {
                    stored.on_demand.extend(view.spec.map(|spec| (spec.name.clone(), spec)));
                }
                Message::Project(_) | Message::Entity(_) | Message::FeatureService(_) => {}
            }
        }
        stored
    }

    /// All tags of a source.
    pub fn source_tags(&self, source: &DataSource) -> Tags {
        self.sources.get(&source.name).unwrap_or(&source.tags).clone()
    }

    /// The row of a view that Feast keeps as a plain feature view.
    pub fn plain(&self, view: &FeatureView) -> Option<&FeatureViewSpec> {
        self.plain.get(&view.name)
    }

    /// The row of a view that Feast keeps as a stream feature view.
    pub fn stream(&self, view: &FeatureView) -> Option<&StreamFeatureViewSpec> {
        self.streams.get(&view.name)
    }

    /// All tags of an on-demand view but the one that Feast makes from `track_metrics`.
    pub fn on_demand_tags(&self, view: &OnDemandFeatureView) -> Tags {
        let mut tags = self.on_demand.get(&view.name).map_or_else(|| view.tags.clone(), |spec| spec.tags.clone());
        tags.remove(TRACK_METRICS_TAG);
        tags
    }

    /// Name and text of the function that stands for an on-demand view's SQL.
    pub fn function(&self, view: &str) -> Option<(&str, &str)> {
        let transformation = self.on_demand.get(view)?.feature_transformation.as_ref()?;
        let FeatureTransformationV2Transformation::UserDefinedFunction(udf) = transformation.transformation.as_ref()?
        else {
            return None;
        };
        Some((&udf.name, &udf.body_text))
    }

    /// The names of all such functions.
    pub fn function_names(&self) -> impl Iterator<Item = &str> {
        self.on_demand.keys().filter_map(|view| self.function(view)).map(|(name, _)| name)
    }
}

/// The Python functions, without the pickled bytes that only Python can make.
fn functions(definitions: &Definitions) -> BTreeMap<String, NativeFunction> {
    let views = definitions.feature_views.iter().map(|view| (&view.name, &view.transformation));
    let on_demand = definitions.on_demand_feature_views.iter().map(|view| (&view.name, &view.transformation));
    let function = |(name, transformation): (&String, &Option<Transformation>)| match transformation {
        Some(Transformation::UdfString(text)) => {
            Some((name.clone(), NativeFunction { text: text.clone(), old_form: None, transformation: None }))
        }
        _ => None,
    };
    views.chain(on_demand).filter_map(function).collect()
}

//! What a request names: features of views, one by one or as a service.

mod resolve;

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Error;
use crate::model::{DataType, Definitions, FeatureView, OnDemandFeatureView};

/// Which features to read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FeatureSet {
    /// references `view:feature`
    References(Vec<String>),
    /// all features of a service
    Service(String),
}

/// What a request asks for. Columns have places: those of the answer come first, in the order of the request; after them
/// come the columns that are only read to compute others.
#[derive(Debug)]
pub(super) struct Resolved<'a> {
    /// what is read
    pub lookups: Vec<Lookup<'a>>,
    /// what is computed from it
    pub computed: Vec<Computation<'a>>,
    /// the names of the answer's features, by place
    pub names: Vec<String>,
}

/// The features of one projection of one view.
#[derive(Debug)]
pub(super) struct Lookup<'a> {
    pub view: &'a FeatureView,
    /// the name that full feature names begin with
    pub name: String,
    /// join key of the view -> name in the request
    pub join_key_map: BTreeMap<String, String>,
    pub features: Vec<Requested>,
}

/// The requested features of one on-demand view.
#[derive(Debug)]
pub(super) struct Computation<'a> {
    pub view: &'a OnDemandFeatureView,
    /// the name that full feature names begin with
    pub name: String,
    pub inputs: Vec<Input>,
    pub features: Vec<Requested>,
}

/// A column that the expressions of an on-demand view may name.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub name: String,
    pub dtype: DataType,
    pub origin: Origin,
}

/// Where the values of an input come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// a feature that is read
    Place(usize),
    /// a join key that comes with the entities, under that name
    JoinKey(String),
    /// a value that comes with the entities, under that name
    Request(String),
}

/// One requested feature and its place in the answer.
#[derive(Debug)]
pub(super) struct Requested {
    pub name: String,
    pub place: usize,
}

impl Lookup<'_> {
    /// The name that a join key of the view has in the request.
    pub fn given_name<'b>(&'b self, join_key: &'b str) -> &'b str {
        self.join_key_map.get(join_key).map_or(join_key, String::as_str)
    }
}

impl<'a> Resolved<'a> {
    /// Finds what `features` names. The names in the answer are those of the features, with `full` those of view and
    /// feature.
    ///
    /// # Errors
    /// Unknown views, features and services; two columns of one name; what only Python Feast can compute.
    pub fn new(definitions: &'a Definitions, features: &FeatureSet, full: bool) -> Result<Self, Error> {
        let mut resolver = resolve::Resolver::new(definitions);
        match features {
            FeatureSet::References(references) => resolver.references(references)?,
            FeatureSet::Service(name) => resolver.service(name)?,
        }
        let names = output_names(&resolver.lookups, &resolver.computed, full)?;
        resolver.inputs()?;
        Ok(Self { lookups: resolver.lookups, computed: resolver.computed, names })
    }

    /// The values that must come with the entities beside the join keys, each with the on-demand view that needs it.
    pub fn request_values(&self) -> BTreeMap<&str, &str> {
        let mut values = BTreeMap::new();
        for computed in &self.computed {
            for input in &computed.inputs {
                if let Origin::Request(name) = &input.origin {
                    values.insert(name.as_str(), computed.view.name.as_str());
                }
            }
        }
        values
    }
}

/// What the expressions of an on-demand view may name.
///
/// # Errors
/// Unknown views and features; a view that only Python Feast computes.
pub(super) fn on_demand_inputs(definitions: &Definitions, view: &OnDemandFeatureView) -> Result<Vec<Input>, Error> {
    resolve::Resolver::new(definitions).inputs_of(view)
}

/// The names of the features in the answer, by place.
fn output_names(lookups: &[Lookup], computed: &[Computation], full: bool) -> Result<Vec<String>, Error> {
    let read = lookups.iter().map(|lookup| (&lookup.name, &lookup.features));
    let all = read.chain(computed.iter().map(|computed| (&computed.name, &computed.features)));
    let mut names = BTreeMap::new();
    for (view, features) in all {
        for feature in features {
            let name = if full { format!("{view}__{}", feature.name) } else { feature.name.clone() };
            names.insert(feature.place, name);
        }
    }
    let mut seen = BTreeSet::new();
    for name in names.values() {
        if !seen.insert(name) {
            return Err(Error::invalid(
                format!("two of the requested features are called `{name}`"),
                "use `--full-feature-names` (`full_feature_names`), or ask for each feature once",
            ));
        }
    }
    Ok(names.into_values().collect())
}

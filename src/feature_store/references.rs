//! What a request names: features of views, one by one or as a service.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Error;
use crate::model::{Definitions, FeatureView, Projection};

/// Which features to read.
#[derive(Clone, Debug)]
pub enum FeatureSet {
    /// references `view:feature`
    References(Vec<String>),
    /// all features of a service
    Service(String),
}

/// The features of one projection of one view.
pub(super) struct Lookup<'a> {
    pub view: &'a FeatureView,
    /// the name that full feature names begin with
    pub name: String,
    /// join key of the view -> name in the request
    pub join_key_map: BTreeMap<String, String>,
    pub features: Vec<Requested>,
}

/// One requested feature and its place in the answer.
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

pub(super) fn resolve<'a>(definitions: &'a Definitions, features: &FeatureSet) -> Result<Vec<Lookup<'a>>, Error> {
    match features {
        FeatureSet::References(references) => resolve_references(definitions, references),
        FeatureSet::Service(name) => resolve_service(definitions, name),
    }
}

fn resolve_references<'a>(definitions: &'a Definitions, references: &[String]) -> Result<Vec<Lookup<'a>>, Error> {
    if references.is_empty() {
        return Err(Error::invalid("no features were asked for", "name them as VIEW:FEATURE, or name a service"));
    }
    let mut lookups: Vec<Lookup> = Vec::new();
    for (place, reference) in references.iter().enumerate() {
        let (view, feature) = split_reference(reference)?;
        let view = find_view(definitions, view)?;
        let requested = find_feature(view, feature, place)?;
        match lookups.iter_mut().find(|lookup| lookup.view.name == view.name) {
            Some(lookup) => lookup.features.push(requested),
            None => lookups.push(Lookup {
                view,
                name: view.name.clone(),
                join_key_map: BTreeMap::new(),
                features: vec![requested],
            }),
        }
    }
    Ok(lookups)
}

fn resolve_service<'a>(definitions: &'a Definitions, name: &str) -> Result<Vec<Lookup<'a>>, Error> {
    let service = definitions.feature_services.iter().find(|service| service.name == name).ok_or_else(|| {
        Error::not_found("feature service", name, definitions.feature_services.iter().map(|s| s.name.as_str()))
    })?;
    let mut place = 0;
    service.features.iter().map(|projection| resolve_projection(definitions, projection, &mut place)).collect()
}

fn resolve_projection<'a>(
    definitions: &'a Definitions,
    projection: &Projection,
    place: &mut usize,
) -> Result<Lookup<'a>, Error> {
    let view = find_view(definitions, &projection.view)?;
    let mut features = Vec::new();
    for field in &projection.features {
        features.push(find_feature(view, &field.name, *place)?);
        *place += 1;
    }
    Ok(Lookup {
        view,
        name: projection.name_to_use().to_owned(),
        join_key_map: projection.join_key_map.clone(),
        features,
    })
}

fn split_reference(reference: &str) -> Result<(&str, &str), Error> {
    match reference.split_once(':') {
        Some((view, feature)) if !view.is_empty() && !feature.is_empty() => Ok((view, feature)),
        _ => Err(Error::invalid(
            format!("`{reference}` is no feature reference"),
            "write it as VIEW:FEATURE, for example driver_hourly_stats:conv_rate",
        )),
    }
}

fn find_view<'a>(definitions: &'a Definitions, name: &str) -> Result<&'a FeatureView, Error> {
    if definitions.on_demand_feature_views.iter().any(|view| view.name == name) {
        return Err(Error::unsupported(
            format!("`{name}` is an on-demand feature view, which is registered but not computed yet"),
            "read the features it is made from",
        ));
    }
    let view = definitions.feature_view(name).ok_or_else(|| {
        Error::not_found("feature view", name, definitions.feature_views.iter().map(|v| v.name.as_str()))
    })?;
    if !view.enabled {
        return Err(Error::invalid(format!("feature view `{name}` is disabled"), "set `enabled: true` and apply"));
    }
    Ok(view)
}

fn find_feature(view: &FeatureView, name: &str, place: usize) -> Result<Requested, Error> {
    let field = view.features.iter().find(|field| field.name == name).ok_or_else(|| {
        let known = view.features.iter().map(|field| field.name.as_str());
        Error::not_found(format!("feature of `{}`", view.name), name, known)
    })?;
    Ok(Requested { name: field.name.clone(), place })
}

/// The names of the features in the answer, by place.
pub(super) fn output_names(lookups: &[Lookup], full: bool) -> Result<Vec<String>, Error> {
    let mut names = BTreeMap::new();
    for lookup in lookups {
        for feature in &lookup.features {
            let name = if full { format!("{}__{}", lookup.name, feature.name) } else { feature.name.clone() };
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

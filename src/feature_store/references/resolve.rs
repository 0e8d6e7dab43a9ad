//! From names to views: references one by one, services, and the inputs of on-demand views.

use std::collections::BTreeMap;

use super::{Computation, Input, Lookup, Origin, Requested};
use crate::error::Error;
use crate::model::{
    DUMMY_JOIN_KEY, DataType, Definitions, FeatureView, Field, OnDemandFeatureView, OnDemandSource, Projection,
    SourceKind, Transformation,
};

/// Collects what is read and what is computed.
pub(super) struct Resolver<'a> {
    definitions: &'a Definitions,
    pub lookups: Vec<Lookup<'a>>,
    pub computed: Vec<Computation<'a>>,
    /// the place of the next column
    next: usize,
}

/// A view of either sort.
enum Named<'a> {
    Stored(&'a FeatureView),
    OnDemand(&'a OnDemandFeatureView),
}

impl<'a> Resolver<'a> {
    pub fn new(definitions: &'a Definitions) -> Self {
        Self { definitions, lookups: Vec::new(), computed: Vec::new(), next: 0 }
    }

    /// References `view:feature`; those of one view are read together.
    pub fn references(&mut self, references: &[String]) -> Result<(), Error> {
        if references.is_empty() {
            return Err(Error::invalid("no features were asked for", "name them as VIEW:FEATURE, or name a service"));
        }
        for reference in references {
            let (view, feature) = split_reference(reference)?;
            match self.find_view(view)? {
                Named::Stored(view) => {
                    let requested = self.requested(&view.name, &view.features, feature)?;
                    self.lookup(view, &view.name, &BTreeMap::new()).features.push(requested);
                }
                Named::OnDemand(view) => {
                    let requested = self.requested(&view.name, &view.features, feature)?;
                    match self.computed.iter_mut().find(|computed| computed.view.name == view.name) {
                        Some(computed) => computed.features.push(requested),
                        None => self.computed.push(computation(view, &view.name, vec![requested])),
                    }
                }
            }
        }
        Ok(())
    }

    /// All features of a service.
    pub fn service(&mut self, name: &str) -> Result<(), Error> {
        let services = &self.definitions.feature_services;
        let service = services.iter().find(|service| service.name == name).ok_or_else(|| {
            Error::not_found("feature service", name, services.iter().map(|service| service.name.as_str()))
        })?;
        service.features.iter().try_for_each(|projection| self.projection(projection))
    }

    fn projection(&mut self, projection: &Projection) -> Result<(), Error> {
        let named = self.find_view(&projection.view)?;
        let (view, features) = match named {
            Named::Stored(view) => (&view.name, &view.features),
            Named::OnDemand(view) => (&view.name, &view.features),
        };
        let mut requested = Vec::new();
        for field in &projection.features {
            requested.push(self.requested(view, features, &field.name)?);
        }
        let name = projection.name_to_use();
        match named {
            Named::Stored(view) => self.lookups.push(Lookup {
                view,
                name: name.to_owned(),
                join_key_map: projection.join_key_map.clone(),
                features: requested,
            }),
            Named::OnDemand(view) => self.computed.push(computation(view, name, requested)),
        }
        Ok(())
    }

    /// Finds what the on-demand views read: after the answer's own columns, unless these hold it already.
    pub fn inputs(&mut self) -> Result<(), Error> {
        for place in 0..self.computed.len() {
            let Some(view) = self.computed.get(place).map(|computed| computed.view) else { continue };
            let inputs = self.inputs_of(view)?;
            if let Some(computed) = self.computed.get_mut(place) {
                computed.inputs = inputs;
            }
        }
        Ok(())
    }

    /// What the expressions of `view` may name.
    pub fn inputs_of(&mut self, view: &OnDemandFeatureView) -> Result<Vec<Input>, Error> {
        check_supported(view)?;
        let mut inputs = Inputs::default();
        for source in view.sources.values() {
            match source {
                OnDemandSource::Request(source) => {
                    let SourceKind::Request { schema } = &source.kind else { continue };
                    for field in schema {
                        inputs.add(field, Origin::Request(field.name.clone()));
                    }
                }
                OnDemandSource::View(projection) => self.inputs_from(view, projection, &mut inputs)?,
            }
        }
        Ok(inputs.finish())
    }

    fn inputs_from(
        &mut self,
        on_demand: &OnDemandFeatureView,
        projection: &Projection,
        inputs: &mut Inputs,
    ) -> Result<(), Error> {
        let Named::Stored(view) = self.find_view(&projection.view)? else {
            return Err(Error::unsupported(
                format!("`{}` is computed from `{}`, an on-demand view itself", on_demand.name, projection.view),
                "compute it from stored views and request sources",
            ));
        };
        for field in &projection.features {
            let found = find_feature(&view.name, &view.features, &field.name)?;
            let place = self.place_of(view, projection, &field.name);
            inputs.add(found, Origin::Place(place));
            let full = format!("{}__{}", projection.name_to_use(), field.name);
            inputs.add_further(full, &found.dtype, Origin::Place(place));
        }
        for key in view.entity_columns.iter().filter(|key| key.name != DUMMY_JOIN_KEY) {
            let given = projection.join_key_map.get(&key.name).unwrap_or(&key.name);
            inputs.add_further(given.clone(), &key.dtype, Origin::JoinKey(given.clone()));
        }
        Ok(())
    }

    /// The place of a feature that is read with these join keys.
    fn place_of(&mut self, view: &'a FeatureView, projection: &Projection, feature: &str) -> usize {
        let place = self.next;
        let lookup = self.lookup(view, projection.name_to_use(), &projection.join_key_map);
        if let Some(known) = lookup.features.iter().find(|known| known.name == feature) {
            return known.place;
        }
        lookup.features.push(Requested { name: feature.to_owned(), place });
        self.next += 1;
        place
    }

    fn requested(&mut self, view: &str, features: &[Field], name: &str) -> Result<Requested, Error> {
        let name = find_feature(view, features, name)?.name.clone();
        let place = self.next;
        self.next += 1;
        Ok(Requested { name, place })
    }

    /// The lookup of a view by these join keys, made if there is none.
    fn lookup(
        &mut self,
        view: &'a FeatureView,
        name: &str,
        join_key_map: &BTreeMap<String, String>,
    ) -> &mut Lookup<'a> {
        let is_same = |lookup: &Lookup| lookup.view.name == view.name && lookup.join_key_map == *join_key_map;
        let place = self.lookups.iter().position(is_same).unwrap_or_else(|| {
            self.lookups.push(Lookup {
                view,
                name: name.to_owned(),
                join_key_map: join_key_map.clone(),
                features: Vec::new(),
            });
            self.lookups.len() - 1
        });
        &mut self.lookups[place]
    }

    fn find_view(&self, name: &str) -> Result<Named<'a>, Error> {
        let definitions = self.definitions;
        let on_demand = definitions.on_demand_feature_views.iter().find(|view| view.name == name);
        let (found, enabled) = match (definitions.feature_view(name), on_demand) {
            (Some(view), _) => (Named::Stored(view), view.enabled),
            (None, Some(view)) => (Named::OnDemand(view), view.enabled),
            (None, None) => {
                let names = definitions.feature_views.iter().map(|view| view.name.as_str());
                let names = names.chain(definitions.on_demand_feature_views.iter().map(|view| view.name.as_str()));
                return Err(Error::not_found("feature view", name, names));
            }
        };
        if enabled {
            return Ok(found);
        }
        Err(Error::invalid(format!("feature view `{name}` is disabled"), "set `enabled: true` and apply"))
    }
}

/// The inputs of one on-demand view, by name.
#[derive(Default)]
struct Inputs {
    /// by their own names
    plain: Vec<Input>,
    /// names that two of them have
    ambiguous: Vec<String>,
    /// full names and join keys: where nothing else has that name
    further: Vec<Input>,
}

impl Inputs {
    /// A name that two sources have stands for none of them: full names tell features apart.
    fn add(&mut self, field: &Field, origin: Origin) {
        if self.plain.iter().any(|known| known.name == field.name) {
            self.ambiguous.push(field.name.clone());
        }
        self.plain.push(Input { name: field.name.clone(), dtype: field.dtype.clone(), origin });
    }

    fn add_further(&mut self, name: String, dtype: &DataType, origin: Origin) {
        if self.further.iter().all(|known| known.name != name) {
            self.further.push(Input { name, dtype: dtype.clone(), origin });
        }
    }

    fn finish(mut self) -> Vec<Input> {
        self.further.retain(|input| self.plain.iter().all(|known| known.name != input.name));
        self.plain.retain(|input| !self.ambiguous.contains(&input.name));
        self.plain.append(&mut self.further);
        self.plain
    }
}

fn computation<'a>(view: &'a OnDemandFeatureView, name: &str, features: Vec<Requested>) -> Computation<'a> {
    Computation { view, name: name.to_owned(), inputs: Vec::new(), features }
}

fn check_supported(view: &OnDemandFeatureView) -> Result<(), Error> {
    if !view.aggregations.is_empty() {
        return Err(Error::unsupported(
            format!("on-demand feature view `{}` has aggregations, which are registered only", view.name),
            "aggregate before the rows are written",
        ));
    }
    match view.transformation {
        Some(Transformation::Sql(_) | Transformation::Expressions { .. }) => Ok(()),
        Some(Transformation::UdfString(_)) | None => Err(Error::unsupported(
            format!("on-demand feature view `{}` is a Python function, which feast-rs never executes", view.name),
            "ask Python Feast for it, or write its `feature_transformation` as `sql` or `expressions`",
        )),
    }
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

fn find_feature<'a>(view: &str, features: &'a [Field], name: &str) -> Result<&'a Field, Error> {
    features.iter().find(|field| field.name == name).ok_or_else(|| {
        let known = features.iter().map(|field| field.name.as_str());
        Error::not_found(format!("feature of `{view}` called"), name, known)
    })
}

//! What both languages ask of a view: which fields must be declared, which features a projection means.

use crate::model::{
    DataSource, DataType, Definitions, Field, OnDemandFeatureView, OnDemandSource, Projection, SourceKind,
};

/// The request source that Feast makes from `input_schema` is named this, then the view's name.
const INPUT_SCHEMA_PREFIX: &str = "__input_schema__";

/// The fields of `schema`: the join keys whose type the entity does not say, then the features.
pub fn declared_fields<'a>(
    definitions: &Definitions,
    entities: &'a [String],
    entity_columns: &'a [Field],
    features: &'a [Field],
) -> impl Iterator<Item = &'a Field> {
    let keys: Vec<&Field> = entities
        .iter()
        .zip(entity_columns)
        .filter(|(entity, column)| column.dtype != DataType::Unknown && !says(definitions, entity, column))
        .map(|(_, column)| column)
        .collect();
    keys.into_iter().chain(features)
}

/// Whether the entity alone makes that column.
fn says(definitions: &Definitions, entity: &str, column: &Field) -> bool {
    definitions
        .entity(entity)
        .is_some_and(|entity| *column == Field::new(&entity.join_key, DataType::from_value_type(entity.value_type)))
}

/// The features that a projection means.
#[derive(Debug, PartialEq, Eq)]
pub enum Selection {
    /// all of the view's, in its order
    All,
    /// these
    Some(Vec<String>),
}

/// Which features of its view the projection means.
pub fn selection(definitions: &Definitions, projection: &Projection) -> Selection {
    let on_demand = || definitions.on_demand_feature_views.iter().find(|view| view.name == projection.view);
    let all = definitions
        .feature_view(&projection.view)
        .map(|view| view.features.as_slice())
        .or_else(|| on_demand().map(|view| view.features.as_slice()))
        .unwrap_or_default();
    let names = |fields: &[Field]| fields.iter().map(|field| field.name.clone()).collect::<Vec<_>>();
    let (selected, all) = (names(&projection.features), names(all));
    if selected.is_empty() || selected == all { Selection::All } else { Selection::Some(selected) }
}

/// Whether the source is the one that Feast makes from the view's `input_schema`.
pub fn is_input_schema(view: &OnDemandFeatureView, source: &DataSource) -> bool {
    source.name.strip_prefix(INPUT_SCHEMA_PREFIX) == Some(view.name.as_str())
}

/// The `input_schema` that the view was declared with.
pub fn input_schema(view: &OnDemandFeatureView) -> Option<&[Field]> {
    view.sources.values().find_map(|source| match source {
        OnDemandSource::Request(source) if is_input_schema(view, source) => match &source.kind {
            SourceKind::Request { schema } => Some(schema.as_slice()),
            _ => None,
        },
        _ => None,
    })
}

//! What both languages ask of a view: which fields must be declared, which features a projection means.

use crate::model::{
    DUMMY_JOIN_KEY, DataSource, DataType, Definitions, Entity, Field, OnDemandFeatureView, OnDemandSource, Projection,
    SourceKind,
};

/// The request source that Feast makes from `input_schema` is named this, then the view's name.
const INPUT_SCHEMA_PREFIX: &str = "__input_schema__";

/// The fields of `schema`: the features, after the join keys where the entities do not say these in their order.
pub fn declared_fields<'a>(
    definitions: &Definitions,
    entities: &[String],
    entity_columns: &'a [Field],
    features: &'a [Field],
) -> impl Iterator<Item = &'a Field> {
    let said: Vec<Field> = entities.iter().filter_map(|name| definitions.entity(name)).map(column).collect();
    // one declared key comes before those that are not, so it is all or none
    let keys = if said == entity_columns { &[][..] } else { entity_columns };
    let keys = keys.iter().filter(|key| key.dtype != DataType::Unknown && key.name != DUMMY_JOIN_KEY);
    // stream views may count their join keys among their features
    keys.chain(features.iter().filter(|feature| entity_columns.iter().all(|key| key.name != feature.name)))
}

/// The column that an entity alone makes.
fn column(entity: &Entity) -> Field {
    Field::new(&entity.join_key, DataType::from_value_type(entity.value_type))
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
    let on_demand = definitions.on_demand_feature_views.iter().find(|view| view.name == projection.view);
    let (all, keys) = match (definitions.feature_view(&projection.view), on_demand) {
        (Some(view), _) => (view.features.as_slice(), view.entity_columns.as_slice()),
        (None, Some(view)) => (view.features.as_slice(), view.entity_columns.as_slice()),
        (None, None) => (&[][..], &[][..]),
    };
    // stream views may count their join keys among their features
    let names = |fields: &[Field]| -> Vec<String> {
        let features = fields.iter().filter(|field| keys.iter().all(|key| key.name != field.name));
        features.map(|field| field.name.clone()).collect()
    };
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

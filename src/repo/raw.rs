//! Definition files as written: each struct mirrors a mapping, with the place of everything a message may point at.

use crate::model::{DataType, Field, Tags, Timestamp, ValueType};

use super::codes;
use super::diagnostics::{At, Finding, Spot, nearest};
use super::fields::{Fields, Place};
use super::keys;
use super::raw_service::{RawOnDemandView, RawService};
use super::raw_source::RawSource;
use super::raw_view::RawView;
use crate::model::ViewKind;

/// The top-level keys of definition files.
pub(super) fn top_level() -> impl Iterator<Item = &'static str> + Clone {
    keys::KINDS.iter().map(|(name, _)| *name)
}

/// Everything that all files of a repo say.
#[derive(Default)]
pub(super) struct RawDefinitions {
    pub projects: Vec<RawProject>,
    pub entities: Vec<RawEntity>,
    pub data_sources: Vec<RawSource>,
    pub views: Vec<RawView>,
    pub on_demand_views: Vec<RawOnDemandView>,
    pub services: Vec<RawService>,
    /// kinds that only Python uses, with their numbers
    pub passed_over: Vec<(String, usize)>,
}

/// What every object may say about itself.
#[derive(Clone, Debug, Default)]
pub(super) struct About {
    pub description: String,
    pub tags: Tags,
    pub owner: String,
}

/// An object by name or in place.
#[derive(Clone, Debug)]
pub(super) enum Ref<T> {
    Name(At<String>),
    Inline(Box<T>),
}

pub(super) struct RawProject {
    pub name: At<String>,
    pub about: About,
}

#[derive(Clone, Debug)]
pub(super) struct RawEntity {
    pub spot: Spot,
    pub name: At<String>,
    pub join_keys: Option<At<Vec<At<String>>>>,
    pub value_type: Option<At<ValueType>>,
    pub about: About,
}

/// A field of a schema; its dtype is read, because that needs nothing else.
#[derive(Clone, Debug)]
pub(super) struct RawField {
    pub name: At<String>,
    pub dtype_spot: Spot,
    pub field: Field,
}

impl RawDefinitions {
    /// Takes in one document of a definition file.
    pub(super) fn read(&mut self, document: Place<'_>, now: Timestamp) {
        for (key, place) in document.entries() {
            if place.is_null() {
                continue;
            }
            match key.as_str() {
                "projects" => self.projects.extend(place.list().into_iter().filter_map(RawProject::read)),
                "entities" => self.entities.extend(place.list().into_iter().filter_map(RawEntity::read)),
                "data_sources" => {
                    self.data_sources.extend(place.list().into_iter().filter_map(|p| RawSource::read(p, now)));
                }
                "feature_views" => self.views(place, ViewKind::FeatureView, now),
                "batch_feature_views" => self.views(place, ViewKind::BatchFeatureView, now),
                "stream_feature_views" => self.views(place, ViewKind::StreamFeatureView, now),
                "on_demand_feature_views" => {
                    self.on_demand_views.extend(place.list().into_iter().filter_map(|p| RawOnDemandView::read(p, now)));
                }
                "feature_services" => self.services.extend(place.list().into_iter().filter_map(RawService::read)),
                key if top_level().any(|known| known == key) => {
                    self.passed_over.push((key.to_owned(), place.list().len()));
                }
                key if key.starts_with("x-") => {}
                key => unknown_top_level(key, place),
            }
        }
    }

    fn views(&mut self, place: Place<'_>, kind: ViewKind, now: Timestamp) {
        self.views.extend(place.list().into_iter().filter_map(|place| RawView::read(place, kind, now)));
    }
}

/// A key that is no kind of object, close to one or not.
pub(super) fn unknown_top_level(key: &str, place: Place<'_>) {
    let finding = Finding::error(codes::UNKNOWN_KEY, place.key_spot(), format!("there is no kind of object `{key}`"));
    let finding = match near_top_level(key) {
        Some(near) => finding.label(format!("did you mean `{near}`?")),
        None => finding.note(format!("kinds: {}", top_level().collect::<Vec<_>>().join(", "))),
    };
    place.diagnostics.report(finding);
}

/// The kind that a misspelt (or singular) top-level key means.
pub(super) fn near_top_level(key: &str) -> Option<&'static str> {
    let plural = key.strip_suffix('y').map_or_else(|| format!("{key}s"), |stem| format!("{stem}ies"));
    let exact = top_level().find(|known| *known == plural);
    exact.or_else(|| nearest(key, top_level()))
}

impl About {
    pub(super) fn read(fields: &Fields<'_>) -> Self {
        Self {
            description: fields.text_or_empty("description"),
            tags: fields.tags("tags"),
            owner: fields.text_or_empty("owner"),
        }
    }
}

impl<T> Ref<T> {
    /// A name, or an object that `read` takes in.
    pub(super) fn read(place: Place<'_>, read: impl FnOnce(Place<'_>) -> Option<T>) -> Option<Self> {
        match place.as_text() {
            Some(_) => place.text().map(Ref::Name),
            None => read(place).map(|object| Ref::Inline(Box::new(object))),
        }
    }
}

impl RawProject {
    fn read(place: Place<'_>) -> Option<Self> {
        let fields = Fields::open(place, &keys::PROJECT)?;
        let name = fields.required_text("name");
        let about = About::read(&fields);
        fields.close();
        Some(Self { name: name?, about })
    }
}

impl RawEntity {
    pub(super) fn read(place: Place<'_>) -> Option<Self> {
        let fields = Fields::open(place, &keys::ENTITY)?;
        let name = fields.required_text("name");
        fields.renamed("join_key", "join_keys: [..]");
        let join_keys = fields
            .get("join_keys")
            .map(|place| At::new(place.list().into_iter().filter_map(Place::text).collect(), place.spot()));
        let value_type = fields.get("value_type").and_then(value_type);
        let about = About::read(&fields);
        fields.close();
        Some(Self { spot: place.spot(), name: name?, join_keys, value_type, about })
    }
}

/// `INT64`, also as `ValueType.INT64`.
fn value_type(place: Place<'_>) -> Option<At<ValueType>> {
    let text = place.text()?;
    let name = text.value.strip_prefix("ValueType.").unwrap_or(&text.value).to_uppercase();
    let found = ValueType::ALL.iter().find(|value_type| value_type.name() == name);
    if found.is_none() {
        let names = ValueType::ALL.iter().map(|value_type| value_type.name());
        let message = format!("`{}` is not a value type", text.value);
        place.diagnostics.report(Finding::error(codes::BAD_VALUE, text.spot, message).near(&name, names));
    }
    found.map(|value_type| At::new(*value_type, text.spot))
}

impl RawField {
    /// The fields of a list.
    pub(super) fn list(place: Place<'_>) -> Vec<Self> {
        place.list().into_iter().filter_map(Self::read).collect()
    }

    /// `{name: conv_rate, dtype: Float32, ..}` or `conv_rate: Float32`.
    fn read(place: Place<'_>) -> Option<Self> {
        let entries = place.entries();
        if let [(name, value)] = entries.as_slice()
            && name != "name"
            && name != "dtype"
        {
            let dtype = dtype(*value)?;
            let field = Field::new(name.as_str(), dtype);
            return Some(Self { name: At::new(name.clone(), value.key_spot()), dtype_spot: value.spot(), field });
        }
        let fields = Fields::open(place, &keys::FIELD)?;
        let name = fields.required_text("name");
        let dtype_place = fields.required("dtype");
        let dtype = dtype_place.and_then(dtype);
        let description = fields.text_or_empty("description");
        let tags = fields.tags("tags");
        let vector_index = fields.flag("vector_index", false);
        let vector_length = fields.get("vector_length").and_then(|place| place.whole(0)).unwrap_or(0);
        let vector_search_metric = fields.text_or_empty("vector_search_metric");
        fields.close();
        let (name, dtype_spot) = (name?, dtype_place?.spot());
        let field = Field {
            name: name.value.clone(),
            dtype: dtype?,
            description,
            tags,
            vector_index,
            vector_length: i32::try_from(vector_length).unwrap_or(i32::MAX),
            vector_search_metric,
        };
        Some(Self { name, dtype_spot, field })
    }
}

/// `Float32`, `Array(Int64)`, `{Array: Int64}`, `{Struct: {name: String}}`.
fn dtype(place: Place<'_>) -> Option<DataType> {
    let parsed = match place.as_text() {
        Some(text) => DataType::parse(text.trim_start_matches("feast.types.")),
        None => match place.entries().as_slice() {
            [(name, inner)] if name == "Array" => DataType::array(dtype(*inner)?),
            [(name, inner)] if name == "Set" => DataType::set(dtype(*inner)?),
            [(name, inner)] if name == "Struct" => {
                let fields = inner.entries().into_iter().map(|(name, place)| Some((name, dtype(place)?)));
                let fields: Vec<(String, DataType)> = fields.collect::<Option<_>>()?;
                Ok(DataType::Struct(fields))
            }
            _ => {
                place.expected("a type, like Float32 or {Array: Int64}");
                return None;
            }
        },
    };
    parsed.map_err(|error| no_type(place, &error.to_string())).ok()
}

fn no_type(place: Place<'_>, message: &str) {
    let names: Vec<&str> = DataType::SCALARS.iter().map(|(name, _)| *name).chain(["Array", "Set", "Struct"]).collect();
    let written = place.as_text().unwrap_or_default();
    let wrong = written.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty() && !names.contains(word));
    let finding = Finding::error(codes::DTYPE, place.spot(), message);
    let finding = match wrong.and_then(|word| alias(word).or_else(|| nearest(word, names.iter().copied()))) {
        Some(near) => finding.label(format!("did you mean `{near}`?")),
        None => finding.note(format!("types: {}", names.join(", "))),
    };
    place.diagnostics.report(finding);
}

/// What other systems call Feast's types.
fn alias(word: &str) -> Option<&'static str> {
    Some(match word.to_lowercase().as_str() {
        "int" | "integer" | "long" | "bigint" => "Int64",
        "float" | "real" => "Float32",
        "double" => "Float64",
        "str" | "text" | "varchar" => "String",
        "boolean" => "Bool",
        "timestamp" | "datetime" => "UnixTimestamp",
        "list" => "Array",
        _ => return None,
    })
}

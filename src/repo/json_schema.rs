//! The JSON Schema that editors check a repo with, made from the tables of keys.

use serde_json::{Map, Value, json};

use super::keys::{KINDS, Key, OBJECTS, Object, SETTINGS, Shape};

/// Where an editor finds it, from the repo.
pub const SCHEMA_FILE: &str = ".feast-rs/schema.json";

/// The JSON Schema (draft 07) of definition files and of `feature_store.yaml`, which alone has a `project`.
#[must_use]
pub fn json_schema() -> Value {
    let mut definitions = Map::new();
    for (_, object) in OBJECTS {
        definitions.insert(object.name.to_owned(), mapping(object));
    }
    definitions.insert("data_source".to_owned(), any_source());
    definitions.insert("definitions".to_owned(), definition_file());
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "feast-rs: definitions and feature_store.yaml",
        "type": ["object", "null"],
        "if": {"required": ["project"]},
        "then": reference(&SETTINGS),
        "else": {"$ref": "#/definitions/definitions"},
        "definitions": definitions,
    })
}

fn definition_file() -> Value {
    let mut properties = Map::new();
    for (name, objects) in KINDS {
        let item = match *objects {
            [] => json!({}),
            [object] => reference(object),
            _ => json!({"$ref": "#/definitions/data_source"}),
        };
        properties.insert((*name).to_owned(), json!({"type": ["array", "null"], "items": item}));
    }
    json!({"properties": properties, "patternProperties": {"^x-": {}}, "additionalProperties": false})
}

/// The class decides which keys there are.
fn any_source() -> Value {
    let sources =
        KINDS.iter().find(|(name, _)| *name == "data_sources").map(|(_, objects)| *objects).unwrap_or_default();
    let classes = |object: &Object| match object.key("type").map(|key| key.shape) {
        Some(Shape::OneOf(names)) => names,
        _ => &[],
    };
    let all: Vec<&str> = sources.iter().flat_map(|object| classes(object)).copied().collect();
    let by_class = sources.iter().map(|object| {
        json!({
            "if": {"properties": {"type": {"enum": classes(object)}}, "required": ["type"]},
            "then": reference(object),
        })
    });
    json!({
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": all, "description": "The Python class of the source, or its short form."}},
        "allOf": by_class.collect::<Vec<_>>(),
    })
}

fn mapping(object: &Object) -> Value {
    let properties: Map<String, Value> = object.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> = object.keys.iter().filter(|key| key.is_required()).map(|key| key.name).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// A key that may be absent may be null.
fn property(key: &Key) -> Value {
    let default =
        if key.default.is_empty() || key.is_required() { String::new() } else { format!(" Default: {}.", key.default) };
    let description = format!("{}{default}", key.about);
    if !key.read {
        return json!({"description": description});
    }
    let mut shapes = alternatives(key.shape);
    if !key.is_required() {
        shapes.push(json!({"type": "null"}));
    }
    json!({"description": description, "anyOf": shapes})
}

fn reference(object: &Object) -> Value {
    json!({"$ref": format!("#/definitions/{}", object.name)})
}

/// A scalar that an environment variable stands for.
fn variable() -> Value {
    json!({"type": "string", "pattern": "\\$"})
}

fn alternatives(shape: Shape) -> Vec<Value> {
    match shape {
        Shape::Text | Shape::Instant => vec![json!({"type": "string"})],
        Shape::Scalar => vec![json!({"type": ["string", "number", "boolean"]})],
        Shape::Flag => {
            vec![json!({"type": "boolean"}), json!({"enum": ["true", "false", "True", "False"]}), variable()]
        }
        Shape::Whole(least) => {
            vec![json!({"type": "integer", "minimum": least}), json!({"type": "string", "pattern": "^[0-9]+$|\\$"})]
        }
        Shape::Number => vec![json!({"type": "number"}), json!({"type": "string", "pattern": "^[-+0-9.eE]+$|\\$"})],
        Shape::Duration => {
            let units = ["weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds"];
            let units: Map<String, Value> =
                units.into_iter().map(|unit| (unit.to_owned(), json!({"type": "number"}))).collect();
            vec![
                json!({"type": ["integer", "string"]}),
                json!({"type": "object", "properties": units, "additionalProperties": false}),
            ]
        }
        Shape::OneOf(values) => vec![json!({"enum": values}), variable()],
        Shape::Dtype => {
            vec![json!({"type": "string"}), json!({"type": "object", "minProperties": 1, "maxProperties": 1})]
        }
        Shape::Texts => {
            vec![json!({"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}})]
        }
        Shape::ShortField => vec![json!({
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "propertyNames": {"not": {"enum": ["name", "dtype"]}},
            "additionalProperties": {"anyOf": alternatives(Shape::Dtype)},
        })],
        Shape::JsonSchema => vec![json!({"type": "string"}), json!({"type": "object"})],
        Shape::Any => vec![json!({})],
        Shape::Source => vec![json!({"$ref": "#/definitions/data_source"})],
        Shape::Store(kinds) => vec![store(kinds)],
        Shape::Object(object) => vec![reference(object)],
        Shape::List(item) => vec![json!({"type": "array", "items": {"anyOf": alternatives(*item)}})],
        Shape::Either(shapes) => shapes.iter().flat_map(|shape| alternatives(*shape)).collect(),
    }
}

/// A mapping whose type decides which keys it has; another's store may have any.
fn store(kinds: &[(&Object, &[&str])]) -> Value {
    let by_type = kinds.iter().map(|(object, types)| {
        let own = if object.key("registry_type").is_some() { "registry_type" } else { "type" };
        let is_default = object.key(own).is_some_and(|key| types.contains(&key.default));
        let required = if is_default { vec![] } else { vec![own] };
        json!({"if": {"properties": {own: {"enum": types}}, "required": required}, "then": reference(object)})
    });
    json!({"type": "object", "allOf": by_type.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every reference leads somewhere.
    #[test]
    fn the_schema_is_closed() {
        let schema = json_schema();
        let text = schema.to_string();
        let names: Vec<&str> = text.split("#/definitions/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(names.len() > 30, "{}", names.len());
        for name in names {
            assert!(schema["definitions"].get(name).is_some(), "{name}");
        }
    }

    #[test]
    fn every_key_is_explained_once() {
        for (place, object) in OBJECTS {
            let mut names: Vec<&str> = object.keys.iter().map(|key| key.name).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{place}: {names:?}");
            for key in object.keys {
                assert!(key.about.ends_with('.'), "{place}.{}", key.name);
            }
        }
    }
}

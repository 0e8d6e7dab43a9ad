//! The body of `/get-online-features`, read with bounds: no body makes the server hold more than a few times its length.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};

use super::limits;
use crate::error::ServerError;

/// What a client asks for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Query<'a> {
    pub features: Vec<Cow<'a, str>>,
    pub feature_service: Option<Cow<'a, str>>,
    /// join key or request value -> one value an entity
    pub entities: Vec<(String, Vec<Json>)>,
    pub full_feature_names: bool,
    pub include_feature_view_version_metadata: bool,
}

impl<'a> Query<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// `Body` where it is no such request, `TooMuch` where it asks for more than one request may.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, ServerError> {
        let room = Room { values: Cell::new(limits::GIVEN_VALUES), overrun: Cell::new(None) };
        let mut json = serde_json::Deserializer::from_slice(body);
        let parsed = json.deserialize_map(QueryVisitor(&room)).and_then(|query| json.end().map(|()| query));
        if let Some(what) = room.overrun.take() {
            return Err(ServerError::TooMuch { what, hint: "ask in several requests" });
        }
        parsed.map_err(|error| ServerError::Body { reason: error.to_string() })
    }
}

/// How much may still come, and what came too much.
struct Room {
    values: Cell<usize>,
    overrun: Cell<Option<String>>,
}

impl Room {
    fn take<E: serde::de::Error>(&self) -> Result<(), E> {
        match self.values.get().checked_sub(1) {
            Some(left) => {
                self.values.set(left);
                Ok(())
            }
            None => Err(self.over(format!("`entities` holds more than {} values", limits::GIVEN_VALUES))),
        }
    }

    fn over<E: serde::de::Error>(&self, what: String) -> E {
        self.overrun.set(Some(what));
        E::custom("too much")
    }
}

struct QueryVisitor<'r>(&'r Room);

impl<'de> Visitor<'de> for QueryVisitor<'_> {
    type Value = Query<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `entities`, and `features` or `feature_service`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Query<'de>, A::Error> {
        let mut query = Query::default();
        let mut has_entities = false;
        while let Some(Text(key)) = map.next_key_seed(TextSeed)? {
            match key.as_ref() {
                "features" => query.features = map.next_value_seed(Optional(FeaturesSeed(self.0)))?.unwrap_or_default(),
                "feature_service" => {
                    query.feature_service = map.next_value_seed(Optional(TextSeed))?.map(|text| text.0);
                }
                "entities" => {
                    query.entities = map.next_value_seed(EntitiesSeed(self.0))?;
                    has_entities = true;
                }
                "full_feature_names" => query.full_feature_names = map.next_value()?,
                "include_feature_view_version_metadata" => {
                    query.include_feature_view_version_metadata = map.next_value()?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if has_entities { Ok(query) } else { Err(A::Error::missing_field("entities")) }
    }
}

/// A text that is borrowed from the body where it holds no escapes.
struct Text<'a>(Cow<'a, str>);

struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Text<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Text<'de>, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

/// A value that may be null.
struct Optional<S>(S);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Optional<S> {
    type Value = Option<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_option(self)
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for Optional<S> {
    type Value = Option<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or null")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        self.0.deserialize(from).map(Some)
    }
}

struct FeaturesSeed<'r>(&'r Room);

impl<'de> DeserializeSeed<'de> for FeaturesSeed<'_> {
    type Value = Vec<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for FeaturesSeed<'_> {
    type Value = Vec<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of feature references")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut features = Vec::new();
        while let Some(Text(feature)) = list.next_element_seed(TextSeed)? {
            if features.len() == limits::FEATURES {
                return Err(self.0.over(format!("more than {} features are asked for", limits::FEATURES)));
            }
            features.push(feature);
        }
        Ok(features)
    }
}

struct EntitiesSeed<'r>(&'r Room);

impl<'de> DeserializeSeed<'de> for EntitiesSeed<'_> {
    type Value = Vec<(String, Vec<Json>)>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EntitiesSeed<'_> {
    type Value = Vec<(String, Vec<Json>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a list of values for each join key")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entities: Vec<(String, Vec<Json>)> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            self.0.take()?;
            let values = map.next_value_seed(ValuesSeed(self.0))?;
            // of a name that is given twice the last counts, as in Python
            match entities.iter_mut().find(|(known, _)| *known == name) {
                Some((_, old)) => *old = values,
                None => entities.push((name, values)),
            }
        }
        Ok(entities)
    }
}

/// The values of one join key.
struct ValuesSeed<'r>(&'r Room);

impl<'de> DeserializeSeed<'de> for ValuesSeed<'_> {
    type Value = Vec<Json>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ValuesSeed<'_> {
    type Value = Vec<Json>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Json>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(ValueSeed(self.0))? {
            if values.len() == limits::ENTITIES {
                return Err(self.0.over(format!("more than {} entities are asked for", limits::ENTITIES)));
            }
            values.push(value);
        }
        Ok(values)
    }
}

/// Any JSON, as long as there is room.
struct ValueSeed<'r>(&'r Room);

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Json, D::Error> {
        self.0.take()?;
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Json, E> {
        Ok(Json::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::from(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::from(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Json::from(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::from(text))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(ValueSeed(self.0))? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(ValueSeed(self.0))?;
            object.insert(key, value);
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: &str) -> Result<Query<'_>, ServerError> {
        Query::parse(body.as_bytes())
    }

    #[test]
    fn a_request_of_feast_is_read() {
        let body = r#" {"features": ["v:f", "v:\u0067"], "entities": {"id": [1, "2", null, 1.5, [true], {"a": -1}]},
            "full_feature_names": true, "unknown": {"x": [[]]}, "feature_service": null} "#;
        let query = parse(body).unwrap();
        assert_eq!(query.features, ["v:f", "v:g"]);
        assert!(matches!(query.features[0], Cow::Borrowed(_)));
        let values = vec![json!(1), json!("2"), json!(null), json!(1.5), json!([true]), json!({"a": -1})];
        assert_eq!(query.entities, [("id".to_owned(), values)]);
        assert!(query.full_feature_names && !query.include_feature_view_version_metadata);
        let service = parse(r#"{"feature_service": "s", "entities": {"a": [1], "a": [2]}, "features": null}"#).unwrap();
        assert_eq!(service.feature_service.as_deref(), Some("s"));
        assert_eq!(service.entities, [("a".to_owned(), vec![json!(2)])], "the last counts");
    }

    #[test]
    fn what_is_no_request_is_told_with_its_place() {
        for (body, words) in [
            ("", "EOF"),
            ("{bad", "line 1 column 2"),
            ("[]", "expected an object with `entities`"),
            ("{\"features\": []}", "missing field `entities`"),
            ("{\"entities\": [1]}", "a list of values for each join key"),
            ("{\"entities\": {\"a\": 1}}", "expected a list of values"),
            ("{\"entities\": {}, \"features\": [1]}", "expected a text"),
            ("{\"entities\": {}, \"full_feature_names\": \"yes\"}", "expected a boolean"),
            ("{\"entities\": {}} trailing", "trailing characters"),
            ("{\"entities\": {\"a\": [1e999]}}", "out of range"),
            ("{\"entities\": {\"a\": [\"\\ud800\"]}}", "hex escape"),
        ] {
            match parse(body) {
                Err(ServerError::Body { reason }) => assert!(reason.contains(words), "{body}: {reason}"),
                other => panic!("{body}: {other:?}"),
            }
        }
        assert!(Query::parse(b"{\"entities\": {\"\xff\": []}}").is_err(), "not UTF-8");
        let deep = format!("{{\"entities\": {{\"a\": [{}1{}]}}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(parse(&deep).is_err(), "nested deeper than a stack is");
    }

    #[test]
    fn bounds_are_told_as_bounds() {
        let list = |item: &str, count: usize| vec![item; count].join(",");
        for (body, words) in [
            (format!("{{\"entities\": {{\"a\": [{}]}}}}", list("1", limits::ENTITIES + 1)), "10000 entities"),
            (format!("{{\"features\": [{}]}}", list("\"v:f\"", limits::FEATURES + 1)), "1000 features"),
            (format!("{{\"entities\": {{\"a\": [[{}]]}}}}", list("1", limits::GIVEN_VALUES)), "100000 values"),
        ] {
            match parse(&body) {
                Err(ServerError::TooMuch { what, .. }) => assert!(what.contains(words), "{what}"),
                other => panic!("{other:?}"),
            }
        }
        let most = format!("{{\"entities\": {{\"a\": [{}]}}}}", list("1", limits::ENTITIES));
        assert!(parse(&most).is_ok());
    }
}

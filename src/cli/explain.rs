//! `explain`: what an error code, a YAML key or a kind of object means.

use serde::Serialize;
use serde_json::json;

use super::output::{Columns, Output};
use crate::error::{self, Error};
use crate::repo;
use crate::repo::keys::{Key, OBJECTS, Object};

#[derive(Serialize)]
pub struct Explanation {
    pub code: &'static str,
    pub title: &'static str,
    pub text: &'static str,
}

/// Every code, in order.
pub fn codes() -> Vec<Explanation> {
    let mut all: Vec<Explanation> =
        repo::CODES.iter().chain(error::CODES).map(|(code, title, text)| Explanation { code, title, text }).collect();
    all.sort_by_key(|one| one.code);
    all
}

pub fn run(topic: Option<&str>) -> Result<Output, Error> {
    let all = codes();
    let Some(topic) = topic else {
        let mut table = Columns::new(&["CODE", "MEANING"]);
        for one in &all {
            table.row([one.code, one.title]);
        }
        return Output::new(&all, table.text());
    };
    if let Some(found) = all.iter().find(|one| one.code.eq_ignore_ascii_case(topic)) {
        return Output::new(found, format!("{}: {}\n\n{}", found.code, found.title, found.text));
    }
    let objects: Vec<&(&str, &Object)> = OBJECTS.iter().filter(|(place, object)| names(place, object, topic)).collect();
    if !objects.is_empty() {
        return explain_objects(&objects);
    }
    let keys = keys_of(topic);
    if keys.is_empty() {
        let known = OBJECTS
            .iter()
            .flat_map(|(place, object)| std::iter::once(*place).chain(object.keys.iter().map(|key| key.name)));
        // a word that is no code, key or kind is most often a slip
        let known: Vec<&str> = all.iter().map(|one| one.code).chain(known).collect();
        let near = Error::not_found("error code or key", topic, known.into_iter());
        return Err(match near {
            Error::NotFound { what, name, hint } if hint.starts_with("there are") => Error::NotFound {
                what,
                name,
                hint: "`feast-rs explain` lists the codes, `feast-rs explain feature_views` the keys of a kind"
                    .to_owned(),
            },
            other => other,
        });
    }
    explain_keys(&keys)
}

fn names(place: &str, object: &Object, topic: &str) -> bool {
    place == topic || object.name == topic || place.split_once(" (").is_some_and(|(kind, _)| kind == topic)
}

/// `ttl`, or `feature_views.ttl` for one kind alone.
fn keys_of(topic: &str) -> Vec<(&'static str, &'static Key)> {
    let (kind, name) = match topic.rsplit_once('.') {
        Some((kind, name)) => (Some(kind), name),
        None => (None, topic),
    };
    let of = OBJECTS.iter().filter(|(place, object)| kind.is_none_or(|kind| names(place, object, kind)));
    of.filter_map(|(place, object)| object.key(name).map(|key| (*place, key))).collect()
}

fn explain_keys(keys: &[(&'static str, &'static Key)]) -> Result<Output, Error> {
    let mut said: Vec<(&'static Key, Vec<&'static str>)> = Vec::new();
    for (place, key) in keys {
        match said.iter_mut().find(|(other, _)| other.about == key.about && other.default == key.default) {
            Some((_, places)) => places.push(place),
            None => said.push((key, vec![place])),
        }
    }
    let blocks = said.iter().map(|(key, places)| {
        format!(
            "{}: {}\n  values   {}\n  default  {}\n  in       {}",
            key.name,
            key.about,
            key.shape,
            default(key),
            places.join(", ")
        )
    });
    let text = blocks.collect::<Vec<_>>().join("\n\n");
    let report: Vec<_> = keys.iter().map(|(place, key)| key_report(place, key)).collect();
    Output::new(&report, text)
}

fn explain_objects(objects: &[&(&'static str, &'static Object)]) -> Result<Output, Error> {
    let mut blocks = Vec::new();
    let mut report = Vec::new();
    for (place, object) in objects {
        let mut table = Columns::new(&["KEY", "DEFAULT", "MEANING"]);
        for key in object.keys {
            table.row([key.name.to_owned(), default(key), key.about.to_owned()]);
            report.push(key_report(place, key));
        }
        blocks.push(format!("{place}\n{}", table.text()));
    }
    Output::new(&report, blocks.join("\n\n"))
}

fn default(key: &Key) -> String {
    if key.default.is_empty() { "-".to_owned() } else { key.default.to_owned() }
}

fn key_report(place: &str, key: &Key) -> serde_json::Value {
    json!({
        "in": place,
        "key": key.name,
        "values": key.shape.to_string(),
        "default": key.default,
        "meaning": key.about,
    })
}

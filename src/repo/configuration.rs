//! Effective settings, each with its origin.

use std::path::Path;

use serde::Serialize;
use serde_json::Value as Json;

use super::RepoError;
use super::env::Env;
use super::fields::Place;
use super::keys::{FEAST_RS, ONLINE_STORE, Object, SETTINGS};
use super::settings::Parsed;
use crate::model::{MASK, is_secret, without_passwords};

/// One setting that holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// its path: `online_store.path`
    pub key: String,
    /// what holds; a secret is masked
    pub value: Json,
    /// `feature_store.yaml:8`, with the environment variables that it was made from, or `default`
    pub origin: String,
}

/// Everything that `feature_store.yaml` sets, in its order, then the defaults of what it leaves out.
///
/// # Errors
/// A file that is missing or cannot be read, or everything that is wrong in it, at once.
pub fn configuration(file: &Path, env: &Env<'_>) -> Result<Vec<Setting>, RepoError> {
    let parsed = Parsed::of(file, env)?;
    let mut settings = Vec::new();
    let root = parsed.root();
    let problems = parsed.diagnostics.take();
    let Some(root) = root.filter(|_| problems.iter().all(|problem| problem.warning)) else {
        return Err(RepoError::Invalid(problems));
    };
    for (key, place) in root.entries() {
        collect(&key, place, env, &mut settings);
    }
    defaults("", &SETTINGS, &mut settings);
    defaults("feast_rs.", &FEAST_RS, &mut settings);
    if is_sqlite(&settings) {
        settings.retain(|setting| setting.key != "online_store" || setting.origin != DEFAULT);
        defaults("online_store.", &ONLINE_STORE, &mut settings);
    }
    Ok(settings)
}

const DEFAULT: &str = "default";

/// Whether the online store's own defaults hold.
fn is_sqlite(settings: &[Setting]) -> bool {
    let value =
        |key: &str| settings.iter().find(|setting| setting.key == key).filter(|setting| setting.origin != DEFAULT);
    match (value("online_store"), value("online_store.type")) {
        (Some(setting), _) | (None, Some(setting)) => setting.value == "sqlite",
        (None, None) => true,
    }
}

/// A scalar or a list is a setting; a mapping holds some.
fn collect(key: &str, place: Place<'_>, env: &Env<'_>, settings: &mut Vec<Setting>) {
    if place.cursor.value().is_mapping() {
        for (name, inner) in place.entries() {
            collect(&format!("{key}.{name}"), inner, env, settings);
        }
        return;
    }
    let value = serde_json::to_value(place.cursor.value()).unwrap_or(Json::Null);
    let at = place.diagnostics.origin(place.spot());
    let line = place.diagnostics.line_of(place.spot());
    let variables = variables(&line);
    let set: Vec<&str> = variables.iter().map(String::as_str).filter(|name| env(name).is_some()).collect();
    let from = match (variables.as_slice(), set.as_slice()) {
        ([], _) => String::new(),
        (names, []) => format!(", by default, because {} is not set", names.join(", ")),
        (_, set) => format!(", from the environment: {}", set.join(", ")),
    };
    let secret = is_secret(key) || set.iter().any(|name| is_secret(name));
    settings.push(Setting {
        key: key.to_owned(),
        value: masked(value, secret),
        origin: format!("{}:{}{from}", at.file, at.line),
    });
}

fn masked(value: Json, secret: bool) -> Json {
    match value {
        Json::Null => Json::Null,
        _ if secret => Json::from(MASK),
        Json::String(text) => Json::from(without_passwords(&text)),
        Json::Array(items) => items.into_iter().map(|item| masked(item, false)).collect(),
        other => other,
    }
}

/// Names of the variables that a line of the file refers to.
fn variables(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    let line = line.replace("$$", "");
    for piece in line.split('$').skip(1) {
        let piece = piece.strip_prefix('{').unwrap_or(piece);
        let end = piece.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(piece.len());
        if end > 0 {
            names.push(piece.get(..end).unwrap_or_default().to_owned());
        }
    }
    names
}

/// Adds what is not set.
fn defaults(prefix: &str, object: &Object, settings: &mut Vec<Setting>) {
    for key in object.keys.iter().filter(|key| key.read && !key.is_required()) {
        let name = format!("{prefix}{}", key.name);
        let below = format!("{name}.");
        if settings.iter().any(|setting| setting.key == name || setting.key.starts_with(&below))
            || key.default == "none"
        {
            continue;
        }
        let value = serde_yaml::from_str(key.default).unwrap_or_else(|_| Json::from(key.default));
        settings.push(Setting { key: name, value, origin: DEFAULT.to_owned() });
    }
}

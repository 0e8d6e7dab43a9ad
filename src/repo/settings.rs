//! `feature_store.yaml`, as Feast reads it, with Feast's defaults.

use std::io::Read;
use std::path::{Component, Path, PathBuf};

use crate::model::{FeastRsSettings, JournalMode, OnlineStoreSettings, RegistrySettings, Settings, SqliteOnlineStore};

use super::RepoError;
use super::codes;
use super::diagnostics::{At, Diagnostics, Finding, Spot};
use super::env::{Env, expand};
use super::fields::{Fields, Place};
use super::yaml::{self, Document};
use super::{keys, known};

/// Reads `feature_store.yaml`. Variables are put in place before the YAML is read, as Feast does; those in comments
/// need no value. Relative paths become absolute from the folder of the file, without following links.
///
/// # Errors
/// A file that is missing or cannot be read, or everything that is wrong in it, at once.
pub fn read_settings(file: &Path, env: &Env<'_>) -> Result<Settings, RepoError> {
    let parsed = Parsed::of(file, env)?;
    let settings = parsed.root().and_then(|place| read(place, &repo_of(file), &parsed.diagnostics));
    let problems = parsed.diagnostics.take();
    match settings {
        Some(settings) if problems.iter().all(|problem| problem.warning) => Ok(settings),
        _ => Err(RepoError::Invalid(problems)),
    }
}

/// `feature_store.yaml`, parsed; what is wrong with its text is in the diagnostics.
pub(super) struct Parsed {
    pub(super) diagnostics: Diagnostics,
    documents: Option<Vec<Document>>,
    /// the file, as it reads with its variables in place
    number: usize,
}

impl Parsed {
    pub(super) fn of(file: &Path, env: &Env<'_>) -> Result<Self, RepoError> {
        let text = read_text(file)?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let diagnostics = Diagnostics::default();
        let expanded = expand(&text, env);
        let number = diagnostics.add_file(&name, &text, expanded.replacements.clone());
        let original = diagnostics.add_file(&name, &text, Vec::new());
        let documents = documents(&expanded.text, number, &diagnostics);
        for bad in &expanded.bad {
            let spot = Spot { file: original, start: bad.start, end: bad.end };
            let comment = in_comment(&text, bad.start);
            if !comment {
                diagnostics.report(Finding::error(bad.code, spot, bad.message.as_str()));
            }
        }
        Ok(Self { diagnostics, documents, number })
    }

    /// The mapping of the file; a file that cannot be parsed, or that is empty, was reported.
    pub(super) fn root(&self) -> Option<Place<'_>> {
        let root = self.documents.as_ref()?.first().map(Document::root).filter(|root| !root.value().is_null());
        if root.is_none() {
            let start = Spot { file: self.number, start: 0, end: 1 };
            let message = "the file is empty: it needs `project` and `registry`";
            self.diagnostics.report(Finding::error(codes::MISSING_KEY, start, message));
        }
        root.map(|root| Place::new(root, self.number, &self.diagnostics))
    }
}

/// The text, or as much of it as shows that it is too long.
fn read_text(file: &Path) -> Result<String, RepoError> {
    let mut bytes = Vec::new();
    let limit = yaml::MAX_BYTES as u64 + 1;
    let read = std::fs::File::open(file).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    let text = read.and_then(|_| match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        // cut inside a character
        Err(error) if error.as_bytes().len() > yaml::MAX_BYTES => {
            Ok(String::from_utf8_lossy(error.as_bytes()).into_owned())
        }
        Err(error) => Err(std::io::Error::new(std::io::ErrorKind::InvalidData, error)),
    });
    match text {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(RepoError::NoSettings { path: file.to_owned() })
        }
        Err(source) => Err(RepoError::Read { path: file.to_owned(), source }),
    }
}

/// The documents of a text, or nothing after a report.
pub(super) fn documents(text: &str, file: usize, diagnostics: &Diagnostics) -> Option<Vec<Document>> {
    let parsed = if text.len() > yaml::MAX_BYTES {
        Err(yaml::YamlError {
            code: codes::TOO_LARGE,
            message: format!("the file has more than {} bytes", yaml::MAX_BYTES),
            note: None,
            start: 0,
            end: 1,
        })
    } else {
        yaml::parse(text)
    };
    parsed
        .map_err(|error| {
            let spot = Spot { file, start: error.start, end: error.end };
            let finding = Finding::error(error.code, spot, error.message);
            let first = error.note.and_then(|note| note.parse::<usize>().ok());
            diagnostics.report(match first {
                Some(start) => {
                    let origin = diagnostics.origin(Spot { file, start, end: start });
                    finding.note(format!("first given at {origin}"))
                }
                None => finding,
            });
        })
        .ok()
}

/// Whether a character stands behind a `#` that begins a comment.
fn in_comment(text: &str, index: usize) -> bool {
    let before: String = text.chars().take(index).collect();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let (mut quote, mut previous) = (None, ' ');
    for c in line.chars() {
        match (quote, c) {
            (None, '#') if previous.is_whitespace() => return true,
            (None, '\'' | '"') if !previous.is_alphanumeric() => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
        previous = c;
    }
    false
}

/// The folder of the file: absolute, `.` and `..` taken out of the text as Python's `abspath` does.
fn repo_of(file: &Path) -> PathBuf {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let mut repo = PathBuf::new();
    for component in absolute.parent().unwrap_or(Path::new("/")).components() {
        match component {
            Component::ParentDir => {
                repo.pop();
            }
            Component::CurDir => {}
            component => repo.push(component),
        }
    }
    repo
}

/// `repo / path` as Python's `pathlib` joins: an absolute path stays, `./` and doubled slashes go, `..` stays.
fn join(repo: &Path, path: &str) -> PathBuf {
    repo.join(path).components().collect()
}

fn read(root: Place<'_>, repo: &Path, diagnostics: &Diagnostics) -> Option<Settings> {
    let fields = Fields::open(root, &keys::SETTINGS)?;
    let project = fields.required_text("project").filter(|name| check_project(name, diagnostics));
    let project_description = fields.text_or_empty("project_description");
    let registry = fields.required("registry").and_then(|place| registry(place, repo));
    let online_store = online_store(fields.present("online_store"), repo);
    let offline_store = offline_store(fields.get("offline_store"));
    let version = key_version(&fields);
    let online_write_batch_size = fields.get("materialization").and_then(batch_size);
    let feast_rs = fields.get("feast_rs").map_or_else(FeastRsSettings::default, feast_rs);
    fields.close();
    Some(Settings {
        project: project?.value,
        project_description,
        repo: repo.to_owned(),
        registry: registry?,
        online_store: online_store?,
        offline_store: offline_store?,
        entity_key_serialization_version: version?,
        online_write_batch_size,
        feast_rs,
    })
}

fn check_project(name: &At<String>, diagnostics: &Diagnostics) -> bool {
    let Err(reason) = project_name(&name.value) else { return true };
    diagnostics.report(
        Finding::error(codes::PROJECT_NAME, name.spot, format!("`{}` cannot be the name of a project", name.value))
            .label(reason),
    );
    false
}

/// Whether a text can be the name of a project.
///
/// # Errors
/// The rule it breaks, in a few words.
pub fn project_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("it is empty");
    }
    if name.contains('-') {
        return Err("a hyphen cannot stand in the name of a table");
    }
    if name.starts_with('_') || name.chars().next().is_some_and(char::is_numeric) {
        return Err("it must begin with a letter");
    }
    if name.chars().all(|c| c.is_alphanumeric() || c == '_') { Ok(()) } else { Err("only letters, digits and `_`") }
}

fn key_version(fields: &Fields<'_>) -> Option<u32> {
    let Some(place) = fields.get("entity_key_serialization_version") else { return Some(3) };
    if place.as_text().is_some() {
        place.expected("a whole number");
        return None;
    }
    place.whole(0).map(|version| u32::try_from(version).unwrap_or(u32::MAX))
}

fn batch_size(place: Place<'_>) -> Option<usize> {
    let fields = Fields::open(place, &keys::MATERIALIZATION)?;
    let size = fields.get("online_write_batch_size").and_then(|place| place.whole(1));
    fields.close();
    size.and_then(|size| usize::try_from(size).ok())
}

fn registry(place: Place<'_>, repo: &Path) -> Option<RegistrySettings> {
    if let Some(path) = place.as_text() {
        return file_registry(place, path, repo);
    }
    let fields = Fields::open(place, &keys::REGISTRY)?;
    let registry_type = fields.text("registry_type");
    let name = registry_type.as_ref().map_or("file", |text| text.value.as_str());
    if let Some(written) = &registry_type {
        known::check(written, known::REGISTRIES, "registry type", place.diagnostics);
    }
    if name != "file" && name != "sql" {
        return Some(RegistrySettings::Other { registry_type: name.to_owned() });
    }
    let versioning = fields.flag("enable_online_feature_view_versioning", false);
    if name == "sql" {
        fields.narrow(&keys::SQL_REGISTRY);
    }
    let path = fields.get("path");
    let missing = path.is_none().then(|| fields.required("path"));
    fields.close();
    let (Some(path), None) = (path, missing) else { return None };
    let text = path.text()?.value;
    if name == "sql" { sql_registry(path, &text, versioning, repo) } else { file_registry(path, &text, repo) }
}

fn file_registry(place: Place<'_>, path: &str, repo: &Path) -> Option<RegistrySettings> {
    match path.split_once("://") {
        None => Some(RegistrySettings::File { path: join(repo, path) }),
        Some((scheme, _)) if scheme.starts_with("sqlite") || scheme.starts_with("postgres") => {
            let message = "a database as the registry needs its type";
            place.diagnostics.report(
                Finding::error(codes::REGISTRY_PATH, place.spot(), message)
                    .label(format!("write {{registry_type: sql, path: {path}}}")),
            );
            None
        }
        Some((scheme, _)) => Some(RegistrySettings::Other { registry_type: format!("file on {scheme}") }),
    }
}

/// `sqlite:///relative`, `sqlite:////absolute`; other databases are left to Python.
fn sql_registry(place: Place<'_>, url: &str, versioning: bool, repo: &Path) -> Option<RegistrySettings> {
    let report = |label: &str| {
        let message = format!("`{url}` is no path of an SQL registry");
        place.diagnostics.report(Finding::error(codes::REGISTRY_PATH, place.spot(), message).label(label));
    };
    let Some((scheme, rest)) = url.split_once("://") else {
        report("write sqlite:///data/registry.db");
        return None;
    };
    if scheme != "sqlite" && !scheme.starts_with("sqlite+") {
        return Some(RegistrySettings::Other { registry_type: format!("sql on {scheme}") });
    }
    let path = rest.strip_prefix('/').map(|path| path.split('?').next().unwrap_or_default());
    match path {
        Some("" | ":memory:") => report("a registry in memory is gone when the command ends"),
        Some(path) => return Some(RegistrySettings::Sqlite { path: join(repo, path), versioning }),
        None => report("three slashes: sqlite:///data/registry.db"),
    }
    None
}

fn online_store(place: Option<Place<'_>>, repo: &Path) -> Option<OnlineStoreSettings> {
    let default = |path: &str| {
        OnlineStoreSettings::Sqlite(SqliteOnlineStore {
            path: join(repo, path),
            vector_enabled: false,
            text_search_enabled: false,
            enable_openai_compatible_store: false,
        })
    };
    let Some(place) = place else { return Some(default(DEFAULT_ONLINE_PATH)) };
    if place.is_null() {
        return Some(OnlineStoreSettings::None);
    }
    if let Some(text) = place.as_text() {
        if ["none", "null"].contains(&text.to_lowercase().as_str()) {
            return Some(OnlineStoreSettings::None);
        }
        let name = known_online(&place.text()?, place.diagnostics)?;
        return Some(
            name.map_or_else(|| default(DEFAULT_ONLINE_PATH), |store_type| OnlineStoreSettings::Other { store_type }),
        );
    }
    let fields = Fields::open(place, &keys::ONLINE_STORE)?;
    if let Some(store_type) = fields.text("type")
        && let Some(store_type) = known_online(&store_type, place.diagnostics)?
    {
        return Some(OnlineStoreSettings::Other { store_type });
    }
    let path = fields.text("path").map_or_else(|| DEFAULT_ONLINE_PATH.to_owned(), |path| path.value);
    let store = SqliteOnlineStore {
        path: join(repo, &path),
        vector_enabled: fields.flag("vector_enabled", false),
        text_search_enabled: fields.flag("text_search_enabled", false),
        enable_openai_compatible_store: fields.flag("enable_openai_compatible_store", false),
    };
    fields.close();
    Some(OnlineStoreSettings::Sqlite(store))
}

/// Feast's default.
const DEFAULT_ONLINE_PATH: &str = "data/online.db";

/// The type of an online store that is not SQLite; inside, nothing for SQLite; outside, nothing for a report.
#[allow(clippy::option_option, reason = "reported, ours, another's: three answers")]
fn known_online(name: &At<String>, diagnostics: &Diagnostics) -> Option<Option<String>> {
    if !known::check(name, known::ONLINE_STORES, "online store type", diagnostics) {
        return None;
    }
    let ours = name.value == "sqlite" || name.value.ends_with(".SqliteOnlineStore");
    Some((!ours).then(|| name.value.clone()))
}

fn offline_store(place: Option<Place<'_>>) -> Option<String> {
    let Some(place) = place else { return Some("dask".to_owned()) };
    let name = if place.as_text().is_some() {
        place.text()?
    } else {
        let fields = Fields::open(place, &keys::OFFLINE_STORE)?;
        let name = fields.text("type").unwrap_or_else(|| At::new("dask".to_owned(), place.spot()));
        match name.value.as_str() {
            "dask" | "file" => fields.close(),
            "duckdb" => {
                fields.narrow(&keys::DUCKDB);
                fields.close();
            }
            _ => {}
        }
        name
    };
    known::check(&name, known::OFFLINE_STORES, "offline store type", place.diagnostics).then_some(name.value)
}

/// The block that Feast ignores.
fn feast_rs(place: Place<'_>) -> FeastRsSettings {
    let mut settings = FeastRsSettings::default();
    let Some(fields) = Fields::open(place, &keys::FEAST_RS) else { return settings };
    settings.max_future = fields.duration("max_future").unwrap_or(settings.max_future);
    settings.ttl_on_read = fields.flag("ttl_on_read", settings.ttl_on_read);
    if let Some("delete") = fields.get("journal_mode").and_then(|place| place.one_of(&["wal", "delete"])) {
        settings.journal_mode = JournalMode::Delete;
    }
    fields.close();
    settings
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;

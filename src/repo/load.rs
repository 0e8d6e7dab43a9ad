//! Reads every definition file of a repo.

use std::path::Path;

use serde_yaml::{Mapping, Value};

use crate::model::{Definitions, Settings, Timestamp};

use super::RepoError;
use super::check::{Context, SchemaProblem, Schemas, check};
use super::check_transformation::Transformations;
use super::codes;
use super::diagnostics::{Diagnostics, Finding, Spot};
use super::discover::yaml_files;
use super::env::{Env, expand};
use super::fields::Place;
use super::problem::Problem;
use super::raw::{RawDefinitions, near_top_level, top_level, unknown_top_level};
use super::settings::documents;
use super::yaml::{Cursor, Document, MAX_BYTES};

/// What a repo means.
#[derive(Debug)]
pub struct Loaded {
    /// everything that is defined
    pub definitions: Definitions,
    /// worth a word, but no obstacle
    pub warnings: Vec<Problem>,
    /// for a user who asks (`-v`): files that were passed over, and why
    pub notices: Vec<String>,
}

/// Reads and checks all definition files of a repo. `schemas` opens the files of a source, and `transformations` compiles
/// over their columns; with `skip_source_validation` files are not asked for. `now` gives relative times (`7d-ago`) their
/// meaning.
///
/// # Errors
/// A folder that cannot be listed, or everything that is wrong in the files, at once.
pub fn load(
    settings: &Settings,
    env: &Env<'_>,
    schemas: &Schemas<'_>,
    transformations: &dyn Transformations,
    skip_source_validation: bool,
    now: Timestamp,
) -> Result<Loaded, RepoError> {
    let diagnostics = Diagnostics::default();
    let mut raw = RawDefinitions::default();
    let mut notices = Vec::new();
    for path in yaml_files(&settings.repo, &diagnostics)? {
        let file = Reader { diagnostics: &diagnostics, env, now };
        notices.extend(file.read(&settings.repo, &path, &mut raw));
    }
    let context =
        Context { diagnostics: &diagnostics, settings, env, schemas, transformations, skip_source_validation };
    meaning(&raw, notices, &context)
}

/// What one text means, read and checked as if it were the only definition file of the repo. No file is opened.
///
/// # Errors
/// Everything that is wrong in the text, at once.
pub fn load_text(
    text: &str,
    settings: &Settings,
    env: &Env<'_>,
    transformations: &dyn Transformations,
    now: Timestamp,
) -> Result<Loaded, RepoError> {
    let diagnostics = Diagnostics::default();
    let mut raw = RawDefinitions::default();
    let notice = Reader { diagnostics: &diagnostics, env, now }.take("definitions.yaml", text, &mut raw);
    let schemas: &Schemas<'_> = &|_| Err(SchemaProblem::NotFound);
    let context =
        Context { diagnostics: &diagnostics, settings, env, schemas, transformations, skip_source_validation: true };
    meaning(&raw, notice.into_iter().collect(), &context)
}

fn meaning(raw: &RawDefinitions, mut notices: Vec<String>, context: &Context<'_>) -> Result<Loaded, RepoError> {
    let (definitions, more) = check(raw, context);
    notices.extend(more);
    let problems = context.diagnostics.take();
    if problems.iter().any(|problem| !problem.warning) {
        return Err(RepoError::Invalid(problems));
    }
    Ok(Loaded { definitions, warnings: problems, notices })
}

struct Reader<'a> {
    diagnostics: &'a Diagnostics,
    env: &'a Env<'a>,
    now: Timestamp,
}

impl Reader<'_> {
    /// Takes in one file; answers with a notice if it holds no definitions.
    fn read(&self, repo: &Path, path: &Path, raw: &mut RawDefinitions) -> Option<String> {
        let name = path.to_string_lossy().replace('\\', "/");
        let text = match read_text(&repo.join(path)) {
            Ok(text) => text,
            Err(why) => {
                let file = self.diagnostics.add_file(&name, "", Vec::new());
                let spot = Spot { file, start: 0, end: 1 };
                self.diagnostics.report(Finding::error(codes::NOT_READABLE, spot, format!("cannot read it: {why}")));
                return None;
            }
        };
        self.take(&name, &text, raw)
    }

    /// Takes in the text of one file.
    fn take(&self, name: &str, text: &str, raw: &mut RawDefinitions) -> Option<String> {
        if !mentions_a_kind(text) {
            return Some(format!("{name}: passed over, no definitions in it"));
        }
        let file = self.diagnostics.add_file(name, text, Vec::new());
        let mut documents = documents(text, file, self.diagnostics)?;
        if !documents.iter().any(defines) {
            let found = documents.iter().filter(|d| reports_near(Place::new(d.root(), file, self.diagnostics)));
            return (found.count() == 0).then(|| format!("{name}: passed over, no definitions in it"));
        }
        for document in &mut documents {
            document.value = self.expanded(document.root(), file);
        }
        for document in documents.iter().filter(|document| !document.value.is_null()) {
            raw.read(Place::new(document.root(), file, self.diagnostics), self.now);
        }
        None
    }

    /// The value with environment variables in place, in every text but the keys.
    fn expanded(&self, cursor: Cursor<'_>, file: usize) -> Value {
        match cursor.value() {
            Value::String(text) if text.contains('$') => Value::String(self.expanded_text(text, cursor, file)),
            Value::Sequence(_) => Value::Sequence(cursor.items().map(|item| self.expanded(item, file)).collect()),
            Value::Mapping(entries) => {
                let keys = entries.keys().cloned();
                let values = cursor.entries().map(|(_, entry)| self.expanded(entry, file));
                Value::Mapping(keys.zip(values).collect::<Mapping>())
            }
            other => other.clone(),
        }
    }

    fn expanded_text(&self, text: &str, cursor: Cursor<'_>, file: usize) -> String {
        let expanded = expand(text, self.env);
        let (start, end) = cursor.span();
        let whole = Spot { file, start, end };
        for bad in expanded.bad {
            let reference: String = text.chars().skip(bad.start).take(bad.end - bad.start).collect();
            let written = self.diagnostics.written(whole);
            let spot = match written.find(&reference) {
                Some(byte) => {
                    let start = start + written.get(..byte).map_or(0, |before| before.chars().count());
                    Spot { file, start, end: start + reference.chars().count() }
                }
                None => whole,
            };
            self.diagnostics.report(Finding::error(bad.code, spot, bad.message));
        }
        expanded.text
    }
}

fn read_text(path: &Path) -> Result<String, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > MAX_BYTES as u64 {
        return Err(format!(
            "it has {size} bytes, more than {MAX_BYTES}; name it in .feastignore if it defines nothing"
        ));
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Whether a line begins like one of our keys or nearly so: other YAML (charts with templates, ...) is not even parsed.
fn mentions_a_kind(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start_matches(['{', ' ', '"', '\'']);
        let key = line.split([':', '"', '\'']).next().unwrap_or_default().trim_end();
        !key.is_empty() && key.len() < 40 && (top_level().any(|known| known == key) || near_top_level(key).is_some())
    })
}

fn defines(document: &Document) -> bool {
    document.root().entries().any(|(key, _)| top_level().any(|known| known == key))
}

/// Reports top-level keys that are nearly kinds of objects; says whether there were some.
fn reports_near(place: Place<'_>) -> bool {
    let mut found = false;
    for (key, cursor) in place.cursor.entries().filter(|(key, _)| near_top_level(key).is_some()) {
        unknown_top_level(&key, Place { cursor, ..place });
        found = true;
    }
    found
}

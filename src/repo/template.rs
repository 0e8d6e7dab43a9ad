//! New feature repos: the files of `feature_repo_template/`, which the binary carries.

use std::path::{Path, PathBuf};

use super::RepoError;
use super::json_schema::{SCHEMA_FILE, json_schema};
use super::settings::project_name;

/// What a new repo begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// a batch view, a push source, a service and a Kinesis stream view over sample data
    Local,
    /// the Kinesis stream view alone
    Kinesis,
    /// settings and an empty definition file
    Minimal,
}

const PROJECT: &str = "driver_stats";
const FEATURE_STORE: &str = include_str!("../../feature_repo_template/feature_store.yaml");
const ENTITIES: &str = include_str!("../../feature_repo_template/entities.yaml");
const FEATURES: &str = include_str!("../../feature_repo_template/features.yaml");
const STREAM: &str = include_str!("../../feature_repo_template/stream.yaml");
const README: &str = include_str!("../../feature_repo_template/README.md");
const GITIGNORE: &str = include_str!("../../feature_repo_template/.gitignore");
const SAMPLE: &[u8] = include_bytes!("../../feature_repo_template/data/driver_stats.parquet");
const RECORDS: &str = include_str!("../../feature_repo_template/data/drivers.ndjson");

const EMPTY: &str = "\
# yaml-language-server: $schema=.feast-rs/schema.json
# Define entities, data_sources, feature_views, ... here or in any other .yaml file of this folder.

entities: []

# data_sources:
#   - type: FileSource
#     name: my_source
#     path: data/my_data.parquet
#     timestamp_field: event_timestamp
#
# feature_views:
#   - name: my_view
#     source: my_source
";

/// Writes a new repo for `project` into `dir`, which is created where needed, and answers with the files written.
///
/// # Errors
/// A name that no project can have, a file that is there already (then nothing is written), or one that cannot be
/// written.
pub fn write(dir: &Path, template: Template, project: &str) -> Result<Vec<PathBuf>, RepoError> {
    let bad_name = |reason: &str| RepoError::ProjectName { name: project.to_owned(), reason: reason.to_owned() };
    project_name(project).map_err(bad_name)?;
    let files = files(template, project);
    if let Some(path) = files.iter().map(|(name, _)| dir.join(name)).find(|path| path.exists()) {
        return Err(RepoError::Exists { path });
    }
    let mut written = Vec::new();
    for (name, content) in files {
        let path = dir.join(name);
        let writing = |source| RepoError::Write { path: path.clone(), source };
        std::fs::create_dir_all(path.parent().unwrap_or(dir)).map_err(writing)?;
        std::fs::write(&path, content).map_err(writing)?;
        written.push(path);
    }
    Ok(written)
}

fn files(template: Template, project: &str) -> Vec<(&'static str, Vec<u8>)> {
    let settings = FEATURE_STORE.replacen(PROJECT, project, 1);
    let title = README.replacen(PROJECT, project, 1);
    let mut files: Vec<(&'static str, Vec<u8>)> = vec![
        ("feature_store.yaml", settings.into()),
        (".gitignore", GITIGNORE.into()),
        (SCHEMA_FILE, format!("{:#}\n", json_schema()).into()),
    ];
    match template {
        Template::Local => {
            files.push(("README.md", title.into()));
            files.push(("entities.yaml", ENTITIES.into()));
            files.push(("features.yaml", FEATURES.into()));
            files.push(("stream.yaml", STREAM.into()));
            files.push(("data/driver_stats.parquet", SAMPLE.into()));
            files.push(("data/drivers.ndjson", RECORDS.into()));
        }
        Template::Kinesis => {
            files.push(("README.md", sections(&title, &["The stream view", "When something is wrong"]).into()));
            files.push(("entities.yaml", ENTITIES.into()));
            files.push(("stream.yaml", STREAM.into()));
            files.push(("data/driver_stats.parquet", SAMPLE.into()));
            files.push(("data/drivers.ndjson", RECORDS.into()));
        }
        Template::Minimal => {
            files.push(("README.md", sections(&title, &["When something is wrong"]).into()));
            files.push(("features.yaml", EMPTY.into()));
        }
    }
    files
}

/// The beginning of a text and some of its sections.
fn sections(text: &str, kept: &[&str]) -> String {
    let mut parts = text.split("\n## ");
    let beginning = parts.next().unwrap_or_default().to_owned();
    let wanted = parts.filter(|part| kept.iter().any(|title| part.starts_with(title)));
    let mut text = wanted.fold(beginning, |text, part| text + "\n## " + part).trim_end().to_owned();
    text.push('\n');
    text
}

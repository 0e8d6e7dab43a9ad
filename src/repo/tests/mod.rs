//! Whole repos: what they mean, and every code that a problem can carry.

mod meaning;
mod places;
mod problems;
mod templates;

use std::sync::Arc;

use arrow::datatypes::{DataType as Arrow, Field, Schema, SchemaRef, TimeUnit};

use super::{
    Loaded, Problem, RepoError, SchemaProblem, TransformationProblem, TransformationText, load, read_settings,
};
use crate::model::{DataSource, FeatureView, SourceKind, Timestamp, Transformation};

const STORE: &str = "project: fleet\nregistry: {registry_type: sql, path: 'sqlite:///data/registry.db'}\n";

/// An entity and a file source that most tests need.
const BASE: &str = "\
entities:
  - {name: driver, join_keys: [driver_id], value_type: INT64}
data_sources:
  - type: FileSource
    name: stats
    path: data/driver_stats.parquet
    timestamp_field: event_timestamp
    created_timestamp_column: created
";

/// 2026-11-22T20:00:00Z
const NOW: Timestamp = Timestamp::from_micros(1_795_377_600_000_000);

fn env(name: &str) -> Option<String> {
    match name {
        "HOST" => Some("localhost".to_owned()),
        _ => None,
    }
}

fn utc() -> Arrow {
    Arrow::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The columns of the files that exist in tests.
fn schemas(source: &DataSource) -> Result<SchemaRef, SchemaProblem> {
    let SourceKind::File(file) = &source.kind else { return Err(SchemaProblem::Unreadable("no file".to_owned())) };
    let columns = |columns: &[(&str, Arrow)]| -> Result<SchemaRef, SchemaProblem> {
        let fields: Vec<Field> = columns.iter().map(|(name, kind)| Field::new(*name, kind.clone(), true)).collect();
        Ok(Arc::new(Schema::new(fields)))
    };
    match file.path.as_str() {
        "data/driver_stats.parquet" => columns(&[
            ("event_timestamp", utc()),
            ("driver_id", Arrow::Int64),
            ("conv_rate", Arrow::Float32),
            ("acc_rate", Arrow::Float64),
            ("avg_daily_trips", Arrow::Int32),
            ("note", Arrow::Utf8),
            ("__internal", Arrow::Utf8),
            ("created", utc()),
        ]),
        "data/one_time.parquet" => columns(&[("id", Arrow::Utf8), ("at", utc()), ("x", Arrow::Float64)]),
        "data/keys_only.parquet" => columns(&[("driver_id", Arrow::Int64), ("event_timestamp", utc())]),
        "data/odd.parquet" => columns(&[
            ("driver_id", Arrow::Float64),
            ("event_timestamp", Arrow::Utf8),
            ("tree", Arrow::Time64(TimeUnit::Microsecond)),
            ("day", Arrow::Date32),
        ]),
        "data/broken.parquet" => Err(SchemaProblem::Unreadable("no parquet footer".to_owned())),
        _ => Err(SchemaProblem::NotFound),
    }
}

/// Stands for a compiler that knows of one mistake: `conv_ratio`.
fn transformations(view: &FeatureView, _: &SchemaRef) -> Vec<TransformationProblem> {
    let texts: Vec<(TransformationText, &String)> = match &view.transformation {
        Some(Transformation::Sql(sql)) => vec![(TransformationText::Sql, sql)],
        Some(Transformation::Expressions { expressions, .. }) => {
            expressions.iter().map(|(name, text)| (TransformationText::Expression(name.clone()), text)).collect()
        }
        _ => Vec::new(),
    };
    let wrong = texts.into_iter().flat_map(|(text, sql)| {
        let lines = sql
            .lines()
            .enumerate()
            .filter_map(|(line, words)| Some((line + 1, words.split_once("conv_ratio")?.0.chars().count() + 1, 10)));
        lines
            .map(move |place| TransformationProblem {
                text: text.clone(),
                message: "there is no column `conv_ratio`".to_owned(),
                place: Some(place),
                label: "did you mean `conv_rate`?".to_owned(),
                notes: Vec::new(),
            })
            .collect::<Vec<_>>()
    });
    wrong.collect()
}

/// Loads a repo of several files.
fn load_files(files: &[(&str, &str)], skip: bool) -> Result<Loaded, RepoError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("feature_store.yaml"), STORE).unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let settings = read_settings(&folder.path().join("feature_store.yaml"), &env).unwrap();
    load(&settings, &env, &schemas, &transformations, skip, NOW)
}

/// Loads one definition file.
fn load_text(text: &str) -> Result<Loaded, RepoError> {
    load_files(&[("features.yaml", text)], false)
}

/// What a file means; a problem fails the test with its picture.
fn good(text: &str) -> Loaded {
    load_text(text).unwrap_or_else(|error| {
        let pictures: Vec<String> = error.problems().iter().map(Problem::to_string).collect();
        panic!("{error}\n{}", pictures.join("\n"))
    })
}

/// Everything that is wrong in a file.
fn wrong(text: &str) -> Vec<Problem> {
    load_text(text).unwrap_err().problems().to_vec()
}

//! What Feast 0.67.0 stored of the same files, and where we differ on purpose.

use std::path::Path;

use feast_rs::model::{DataType, Field, Timestamp, ValueType};
use serde_json::Value as Json;

use crate::repo::{NOW, Repo, Stored};

/// Where we differ, why, and the `value_text` of what we store instead.
const DIFFERENCES: &[(&str, &str, &[&str])] = &[
    ("null created alone fails", "a missing created time is stored as null", &["10"]),
    ("null int entity fails whole batch", "only the row without a key is refused", &["20"]),
    ("null string entity fails", "only the row without a key is refused", &["1"]),
    ("older window overwrites newer row", "the newest event time wins on every write path", &["2"]),
];

#[test]
fn the_store_holds_what_feast_stored_but_for_the_listed_differences() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/feast");
    let vectors: Json = serde_json::from_slice(&std::fs::read(folder.join("materialize.json")).unwrap()).unwrap();
    let vectors = vectors.as_array().unwrap();
    assert_eq!(vectors.len(), 34);
    let mut differing = 0;
    for vector in vectors {
        let label = vector["label"].as_str().unwrap();
        let (stored, failed) = run(&folder, vector);
        if let Some((_, why, texts)) = DIFFERENCES.iter().find(|(known, ..)| *known == label) {
            differing += 1;
            assert_ne!(stored, feasts(vector), "{label} is no longer different: {why}");
            let found: Vec<&str> = stored.iter().filter_map(|row| row.text.as_deref()).collect();
            assert_eq!((found.as_slice(), failed), (*texts, false), "{label}: {why}");
            continue;
        }
        assert_eq!(stored, feasts(vector), "{label}");
        assert_eq!(failed, vector.get("error").is_some(), "{label}");
    }
    assert_eq!(differing, DIFFERENCES.len());
}

/// What is stored after all windows of a vector, and whether one of them failed.
fn run(folder: &Path, vector: &Json) -> (Vec<Stored>, bool) {
    let fields = |name: &str| vector[name].as_array().unwrap().clone();
    let features = fields("features").iter().map(field).collect::<Vec<_>>();
    let mut repo = Repo::new("x.parquet", &[]);
    std::fs::copy(folder.join(vector["parquet"].as_str().unwrap()), repo.path("x.parquet")).unwrap();
    repo.view.features = features;
    repo.view.entity_columns = fields("entities").iter().map(join_key).collect();
    if repo.view.entity_columns.is_empty() {
        repo.view.entities.clear();
        repo.view.entity_columns = vec![Field::new("__dummy_id", DataType::String)];
    }
    let mapping = vector["field_mapping"].as_object().unwrap().iter();
    repo.source().field_mapping = mapping.map(|(from, to)| (from.clone(), to.as_str().unwrap().to_owned())).collect();
    let created = vector["created_timestamp_column"].as_str().unwrap_or_default();
    repo.source().created_timestamp_column = String::from(created);
    if let Some(version) = vector["config_extra"]["entity_key_serialization_version"].as_u64() {
        repo.settings.entity_key_serialization_version = u32::try_from(version).unwrap();
    }
    let mut failed = false;
    for window in fields("windows") {
        let at = |index: usize| Timestamp::parse(window[index].as_str().unwrap(), NOW).unwrap().micros();
        failed |= repo.between(at(0), at(1)).run().is_err();
    }
    (repo.stored(), failed)
}

fn field(field: &Json) -> Field {
    Field::new(field["name"].as_str().unwrap(), DataType::parse(field["dtype"].as_str().unwrap()).unwrap())
}

fn join_key(entity: &Json) -> Field {
    let name = entity["value_type"].as_str().unwrap();
    let value_type = ValueType::ALL.iter().find(|value_type| value_type.name() == name).unwrap();
    Field::new(entity["join_key"].as_str().unwrap(), DataType::from_value_type(*value_type))
}

fn feasts(vector: &Json) -> Vec<Stored> {
    let rows = vector.get("rows").or_else(|| vector.get("rows_after_error")).unwrap().as_array().unwrap();
    let mut rows: Vec<Stored> = rows
        .iter()
        .map(|row| Stored {
            key: unhex(row["entity_key"].as_str().unwrap()),
            feature: row["feature_name"].as_str().unwrap().to_owned(),
            value: unhex(row["value"].as_str().unwrap()),
            text: row["value_text"].as_str().map(str::to_owned),
            event: row["event_ts"].as_i64().unwrap(),
            created: row["created_ts"].as_i64(),
        })
        .collect();
    rows.sort();
    rows
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

use std::path::Path;

use super::*;
use crate::repo::template::{Template, write};

fn written(template: Template) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let repo = folder.path().join("new");
    let files = write(&repo, template, "my_project").unwrap();
    assert!(files.iter().all(|file| file.is_file()));
    let settings = read_settings(&repo.join("feature_store.yaml"), &env).unwrap();
    assert_eq!(settings.project, "my_project");
    let again = write(&repo, template, "my_project").unwrap_err();
    assert!(matches!(again, RepoError::Exists { .. }));
    load(&settings, &env, &schemas, false, NOW).unwrap_or_else(|error| panic!("{:#?}", error.problems()))
}

#[test]
fn every_template_loads_without_a_word() {
    let names = |loaded: &Loaded| -> Vec<String> {
        loaded.definitions.feature_views.iter().map(|view| view.name.clone()).collect()
    };
    let local = written(Template::Local);
    assert_eq!(names(&local), ["driver_hourly_stats", "driver_hourly_stats_fresh", "driver_hourly_stats_stream"]);
    assert_eq!(local.definitions.feature_services.len(), 1);
    assert!(local.warnings.is_empty() && local.notices.is_empty());
    assert_eq!(names(&written(Template::Kinesis)), ["driver_hourly_stats_stream"]);
    assert!(names(&written(Template::Minimal)).is_empty());
}

#[test]
fn a_new_repo_needs_a_good_name() {
    let folder = tempfile::tempdir().unwrap();
    let error = write(folder.path(), Template::Minimal, "my-project").unwrap_err();
    assert!(matches!(error, RepoError::ProjectName { .. }));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_sample_is_small_and_the_folder_itself_is_a_repo() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("feature_repo_template");
    let sample = std::fs::metadata(folder.join("data/driver_stats.parquet")).unwrap();
    assert!(sample.len() < 60_000);
    let settings = read_settings(&folder.join("feature_store.yaml"), &env).unwrap();
    assert!(load(&settings, &env, &schemas, false, NOW).is_ok());
}

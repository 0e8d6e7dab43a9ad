use super::*;
use crate::model::Span;

fn env(name: &str) -> Option<String> {
    (name == "DB").then(|| "from/env.db".to_owned())
}

fn settings(text: &str) -> Result<Settings, RepoError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feature_store.yaml");
    std::fs::write(&file, text).unwrap();
    let mut settings = read_settings(&file, &env)?;
    // tests compare with a fixed folder
    let fixed = |path: &Path| Path::new("/repo").join(path.strip_prefix(folder.path()).unwrap_or(path));
    if let RegistrySettings::Sqlite { path, .. } | RegistrySettings::File { path } = &mut settings.registry {
        *path = fixed(path);
    }
    if let OnlineStoreSettings::Sqlite(store) = &mut settings.online_store {
        store.path = fixed(&store.path);
    }
    assert_eq!(settings.repo, folder.path());
    Ok(settings)
}

/// Code, line, column and label of everything wrong.
fn wrong(text: &str) -> Vec<(&'static str, usize, usize, String)> {
    let error = settings(text).unwrap_err();
    error.problems().iter().map(|p| (p.code, p.line, p.column, p.label.clone())).collect()
}

#[test]
fn the_file_of_the_docs_is_read() {
    let text = "project: driver_stats\nprovider: local\nregistry:\n  registry_type: sql\n  path: sqlite:///data/registry.db\n\
                online_store:\n  type: sqlite\n  path: data/online_store.db\nentity_key_serialization_version: 3\n";
    let read = settings(text).unwrap();
    assert_eq!(read.project, "driver_stats");
    assert_eq!(read.registry, RegistrySettings::Sqlite { path: "/repo/data/registry.db".into(), versioning: false });
    let OnlineStoreSettings::Sqlite(store) = &read.online_store else { panic!("{read:?}") };
    assert_eq!(store.path, Path::new("/repo/data/online_store.db"));
    assert_eq!((read.offline_store.as_str(), read.entity_key_serialization_version), ("dask", 3));
    assert_eq!(read.feast_rs, FeastRsSettings::default());
}

#[test]
fn defaults_are_feasts() {
    let read = settings("project: p\nregistry: data/registry.db\n").unwrap();
    assert_eq!(read.registry, RegistrySettings::File { path: "/repo/data/registry.db".into() });
    let OnlineStoreSettings::Sqlite(store) = &read.online_store else { panic!("{read:?}") };
    assert_eq!(store.path, Path::new("/repo/data/online.db"));
    let none = settings("project: p\nregistry: r.db\nonline_store: null\noffline_store: duckdb\n").unwrap();
    assert_eq!((none.online_store, none.offline_store.as_str()), (OnlineStoreSettings::None, "duckdb"));
    let text = "project: p\nregistry: r.db\nonline_store: {path: ./a//b.db}\n";
    let OnlineStoreSettings::Sqlite(store) = settings(text).unwrap().online_store else { panic!() };
    assert_eq!(store.path.to_str(), Some("/repo/a/b.db"));
}

#[test]
fn registry_paths_are_urls() {
    let read = |path: &str| settings(&format!("project: p\nregistry: {{registry_type: sql, path: '{path}'}}\n"));
    let sqlite = |path: &str| RegistrySettings::Sqlite { path: path.into(), versioning: false };
    assert_eq!(read("sqlite:////abs/r.db").unwrap().registry, sqlite("/abs/r.db"));
    assert_eq!(read("sqlite:///r.db?timeout=5").unwrap().registry, sqlite("/repo/r.db"));
    assert_eq!(read("sqlite+pysqlite:///r.db").unwrap().registry, sqlite("/repo/r.db"));
    let other = RegistrySettings::Other { registry_type: "sql on postgresql".to_owned() };
    assert_eq!(read("postgresql://h/db").unwrap().registry, other);
    for path in ["data/registry.db", "sqlite://", "sqlite://data/r.db", "sqlite:///:memory:"] {
        assert_eq!(read(path).unwrap_err().problems()[0].code, codes::REGISTRY_PATH, "{path}");
    }
    assert_eq!(wrong("project: p\nregistry: sqlite:///r.db\n")[0].0, codes::REGISTRY_PATH);
}

#[test]
fn other_stores_are_read_without_complaint() {
    let text = "project: p\nprovider: aws\nregistry:\n  registry_type: snowflake.registry\n  account: x\n\
                online_store:\n  type: redis\n  connection_string: h:6379\noffline_store:\n  type: spark\n  spark_conf: {a: b}\n\
                batch_engine: {type: spark.engine}\nfeature_server: {enabled: true}\nauth: {type: no_auth}\n\
                materialization: {online_write_batch_size: 1000}\nflags: null\nopenlineage: {enabled: false}\n";
    let read = settings(text).unwrap();
    assert_eq!(read.registry, RegistrySettings::Other { registry_type: "snowflake.registry".to_owned() });
    assert_eq!(read.online_store, OnlineStoreSettings::Other { store_type: "redis".to_owned() });
    assert_eq!((read.offline_store.as_str(), read.online_write_batch_size), ("spark", Some(1000)));
    assert!(settings("project: p\nregistry: r.db\nonline_store: my.module.OwnOnlineStore\n").is_ok());
}

#[test]
fn misspelt_keys_and_types_are_errors() {
    let found = wrong("project: p\nregistry: r.db\nonline_stor:\n  type: sqlite\n");
    assert_eq!(found, [(codes::UNKNOWN_KEY, 3, 1, "did you mean `online_store`?".to_owned())]);
    let found = wrong("project: p\nregistry: r.db\nonline_store:\n  type: sqlit\n");
    assert_eq!(found, [(codes::STORE_TYPE, 4, 9, "did you mean `sqlite`?".to_owned())]);
    let found = wrong("project: p\nregistry: {registry_type: sq, path: x}\n");
    assert_eq!(found[0], (codes::STORE_TYPE, 2, 27, "did you mean `sql`?".to_owned()));
    let found = wrong("project: p\nregistry: r.db\nonline_store: {type: sqlite, pth: x}\n");
    assert_eq!(found, [(codes::UNKNOWN_KEY, 3, 30, "did you mean `path`?".to_owned())]);
    let found = wrong("project: p\nregistry: r.db\nfeast_rs: {max_futur: 1d, journal_mode: wall}\n");
    assert_eq!(found.iter().map(|f| f.0).collect::<Vec<_>>(), [codes::UNKNOWN_KEY, codes::BAD_VALUE]);
    assert_eq!(wrong("project: p\nregistry: r.db\noffline_store: dusk\n")[0].3, "did you mean `dask`?");
}

#[test]
fn the_block_for_feast_rs_is_read() {
    let read =
        settings("project: p\nregistry: r.db\nfeast_rs: {max_future: 2h, ttl_on_read: false, journal_mode: delete}\n");
    let expected = FeastRsSettings {
        max_future: Span::from_seconds(7_200),
        ttl_on_read: false,
        journal_mode: JournalMode::Delete,
    };
    assert_eq!(read.unwrap().feast_rs, expected);
}

#[test]
fn variables_are_put_in_before_the_yaml_is_read() {
    let read = settings("project: p\nregistry: $DB # not $HERE\n# nor ${HERE}\nonline_store: {path: \"${X:-o.db}\"}\n")
        .unwrap();
    assert_eq!(read.registry, RegistrySettings::File { path: "/repo/from/env.db".into() });
    let found = wrong("project: p\nregistry: r.db\nonline_store:\n  path: ${NOT_SET}/o.db\n");
    assert_eq!(found, [(codes::UNSET_VARIABLE, 4, 9, String::new())]);
    let found = wrong("project: p\nregistry: {path: $DB, pth: x}\n");
    assert_eq!((found[0].0, found[0].1, found[0].2), (codes::UNKNOWN_KEY, 2, 23));
}

#[test]
fn names_of_projects_are_checked() {
    for name in ["_p", "my-project", "9lives", "a b", "a.b"] {
        assert_eq!(wrong(&format!("project: {name}\nregistry: r.db\n"))[0].0, codes::PROJECT_NAME, "{name}");
    }
    assert!(settings("project: größe_2\nregistry: r.db\n").is_ok());
    assert_eq!(wrong("project: 12\nregistry: r.db\n")[0].0, codes::WRONG_SHAPE);
}

#[test]
fn missing_keys_wrong_shapes_and_syntax_have_places() {
    assert_eq!(wrong("provider: local\n").iter().map(|f| f.0).collect::<Vec<_>>(), [codes::MISSING_KEY; 2]);
    assert_eq!(wrong("")[0].0, codes::MISSING_KEY);
    assert_eq!(wrong("- a\n")[0].0, codes::WRONG_SHAPE);
    let text = "project: p\nregistry: r.db\nentity_key_serialization_version: \"3\"\n";
    assert_eq!(wrong(text), [(codes::WRONG_SHAPE, 3, 35, String::new())]);
    let found = wrong("project: p\nregistry: [a\nprovider: local\n");
    assert_eq!(found[0].0, codes::SYNTAX);
    assert!(found[0].1 >= 2);
    let found = settings("project: p\nregistry: r.db\nproject: q\n").unwrap_err();
    assert_eq!(found.problems()[0].code, codes::DUPLICATE_KEY);
    assert_eq!(found.problems()[0].notes, ["first given at feature_store.yaml:1:1"]);
    let missing = read_settings(Path::new("/nowhere/feature_store.yaml"), &env).unwrap_err();
    assert!(matches!(missing, RepoError::NoSettings { .. }) && missing.hint().is_some());
}

#[test]
fn paths_are_made_absolute_as_python_does() {
    assert_eq!(repo_of(Path::new("/a/./b/../c/feature_store.yaml")), Path::new("/a/c"));
    assert_eq!(join(Path::new("/r"), "./b//c/../d").to_str(), Some("/r/b/c/../d"));
    assert_eq!(join(Path::new("/r"), "/x").to_str(), Some("/x"));
}

//! What each released version wrote still opens: `tests/golden/releases/VERSION/` is a repo with registry, store and parquet
//! as that version left it, and what it answered.
//!
//! `RELEASE=1 cargo test --test it releases` writes the folder of the version that is being built, where there is none.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::Repo;
use crate::sample::WINDOW;

fn releases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/releases")
}

const FILES: &[&str] =
    &["feature_store.yaml", "features.yaml", "data/driver_stats.parquet", "data/registry.db", "data/online_store.db"];

/// What is asked of every version's files.
fn answers(repo: &Repo) -> Value {
    let get = |driver: &str| repo.json(["get-online-features", "-e", driver, "-s", "driver_activity", "-o", "json"]);
    let counts = repo.json(["online", "count", "-o", "json"]);
    json!({
        "get": [get("driver_id=1001"), get("driver_id=1002")],
        "count": [counts[0]["keys"], counts[0]["values"], counts[0]["newest"]],
        "plan": repo.json(["plan", "-o", "json"])["changes"],
        "runs": repo.json(["runs", "-o", "json"]).as_array().unwrap().len(),
    })
}

fn copied(release: &Path) -> Repo {
    let repo = Repo::new();
    for file in FILES {
        repo.write(file, fs::read(release.join(file)).unwrap());
    }
    repo
}

#[test]
fn what_released_versions_wrote_opens() {
    let version = releases().join(env!("CARGO_PKG_VERSION"));
    if std::env::var_os("RELEASE").is_some() && !version.exists() {
        write_release(&version);
    }
    let mut opened = 0;
    for release in fs::read_dir(releases()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let expected: Value = serde_json::from_slice(&fs::read(release.join("answers.json")).unwrap()).unwrap();
        let repo = copied(&release);
        assert_eq!(answers(&repo), expected, "{}", release.display());
        // and it is written on
        repo.run(["apply"]).ok();
        repo.run(["materialize", WINDOW[0], WINDOW[1]]).ok();
        repo.run(["online", "diff", "driver_hourly_stats"]).ok();
        repo.run(["materialize-incremental"]).ok();
        repo.run(["doctor"]).ok();
        assert_eq!(answers(&repo)["get"], expected["get"]);
        opened += 1;
    }
    assert!(opened > 0, "there is no release to open");
}

fn write_release(folder: &Path) {
    let repo = Repo::materialized();
    for file in FILES {
        let to = folder.join(file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        // one file each, without a log beside it
        if Path::new(file).extension().is_some_and(|extension| extension == "db") {
            let database = rusqlite::Connection::open(repo.path(file)).unwrap();
            database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        }
        fs::copy(repo.path(file), to).unwrap();
    }
    let answers = serde_json::to_string_pretty(&answers(&repo)).unwrap();
    fs::write(folder.join("answers.json"), answers + "\n").unwrap();
}

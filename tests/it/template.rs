//! What `init` writes works as it is; `demo` is the whole tour.

use serde_json::json;

use crate::harness::Repo;

#[test]
fn what_init_wrote_applies_and_materializes() {
    let repo = Repo::new();
    repo.run(["init", "shop"]).ok().says(&["apply", "materialize"]);
    for file in ["shop/feature_store.yaml", "shop/.gitignore"] {
        assert!(repo.exists(file), "{file} is missing");
    }
    repo.run(["-c", "shop", "validate"]).ok();
    repo.run(["-c", "shop", "apply"]).ok().keeps_quiet_about(&["warning", "Warning"]);
    assert_eq!(repo.json(["-c", "shop", "plan", "-o", "json"])["changes"], json!([]));
    // the sample's own days: it does not grow younger
    let report = repo.json(["-c", "shop", "materialize", "2026-11-01", "2026-11-22T23:59:59", "-o", "json"]);
    let written: u64 = report["views"].as_array().unwrap().iter().map(|view| view["written"].as_u64().unwrap()).sum();
    assert!(written > 0, "nothing was written: {report:#}");
}

#[test]
fn every_template_applies() {
    for template in ["local", "kinesis", "minimal"] {
        let repo = Repo::new();
        repo.run(["init", "here", "-t", template]).ok();
        repo.run(["-c", "here", "apply"]).ok();
        repo.run(["-c", "here", "apply"]).ok().says(&["No changes"]);
    }
}

/// The next steps are typed as they stand.
#[test]
fn init_names_its_folder_as_a_shell_takes_it() {
    let repo = Repo::new();
    for (folder, shown) in
        [("a shop", "cd 'a shop'"), ("-shop", "cd ./-shop"), ("o'shop", "cd 'o'\\''shop'"), ("s_1", "cd s_1")]
    {
        repo.run(["init", "--", folder]).ok().says(&[shown]);
        let mut shell = std::process::Command::new("sh");
        shell.arg("-c").arg(format!("{shown} && test -f feature_store.yaml")).current_dir(repo.path(""));
        assert!(shell.status().unwrap().success(), "{shown}");
    }
}

#[test]
fn init_does_not_overwrite() {
    let repo = Repo::new().file("shop/feature_store.yaml", "project: mine\n");
    repo.run(["init", "shop"]).exits(1).says(&["shop"]);
    assert_eq!(repo.read("shop/feature_store.yaml"), "project: mine\n");
}

#[test]
fn the_demo_shows_each_command_and_its_output() {
    let repo = Repo::new();
    let answer = repo.run(["demo", "--keep", "tour"]).ok();
    answer.says(&[
        "$ feast-rs init",
        "$ feast-rs plan",
        "$ feast-rs apply",
        "$ feast-rs materialize",
        "$ feast-rs get-online-features",
    ]);
    assert!(repo.exists("tour"), "--keep kept nothing");
}

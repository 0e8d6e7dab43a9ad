//! stdout is the result, stderr is talk, and the exit code tells the truth.

use std::io::Read;

use crate::harness::Repo;
use crate::sample::WINDOW;

const ESCAPE: &str = "\u{1b}[";

#[test]
fn json_is_all_there_is_on_stdout() {
    let repo = Repo::sample();
    for arguments in [
        &["validate"][..],
        &["plan"],
        &["apply"],
        &["apply"],
        &["materialize", WINDOW[0], WINDOW[1]],
        &["materialize-incremental", "2024-01-02T01:00:00"],
        &["get-online-features", "-e", "driver_id=1001", "-f", "driver_hourly_stats:conv_rate"],
        &["entities", "list"],
        &["data-sources", "list"],
        &["feature-views", "list"],
        &["stream-feature-views", "list"],
        &["on-demand-feature-views", "list"],
        &["feature-services", "list"],
        &["features", "list"],
        &["projects", "list"],
        &["registry", "check"],
        &["version"],
        &["teardown", "--yes"],
    ] {
        let mut after = arguments.to_vec();
        after.extend(["-o", "json"]);
        repo.run(&after).ok().json();
    }
    let mut before = vec!["-o", "json"];
    before.extend(["plan"]);
    repo.run(before).ok().json();
}

#[test]
fn tables_go_to_stdout_and_progress_does_not() {
    let repo = Repo::applied();
    let answer = repo.run(["materialize", WINDOW[0], WINDOW[1]]).ok();
    for word in ["view", "read", "keys", "written", "stale", "refused", "driver_hourly_stats", "18"] {
        assert!(answer.stdout.contains(word), "expected `{word}` on stdout: {}", answer.all());
    }
}

#[test]
fn errors_go_to_stderr() {
    let repo = Repo::applied();
    let answer = repo.run(["feature-views", "describe", "nope"]).exits(1);
    assert_eq!(answer.stdout, "", "{}", answer.all());
    assert!(answer.stderr.starts_with("error"), "{}", answer.all());
}

#[test]
fn pipes_get_no_escape_codes() {
    let repo = Repo::sample();
    for arguments in [&["plan"][..], &["apply"], &["materialize", WINDOW[0], WINDOW[1]], &["version"], &["nope"]] {
        repo.run(arguments).keeps_quiet_about(&[ESCAPE]);
    }
    repo.edit("features.yaml", "dtype: Int64", "dtype: Int46");
    repo.run(["validate"]).exits(1).keeps_quiet_about(&[ESCAPE]);
}

#[test]
fn colour_can_be_asked_for_and_refused() {
    let repo = Repo::sample();
    repo.edit("features.yaml", "dtype: Int64", "dtype: Int46");
    let coloured = repo.run(["--color", "always", "validate"]).exits(1);
    assert!(coloured.all().contains(ESCAPE), "{}", coloured.all());
    repo.run(["--color", "never", "validate"]).exits(1).keeps_quiet_about(&[ESCAPE]);
    let repo = repo.env("NO_COLOR", "1");
    repo.run(["validate"]).exits(1).keeps_quiet_about(&[ESCAPE]);
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let repo = Repo::applied();
    let mut child = repo.command(["registry-dump"]).spawn().unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(child.wait().is_ok());
    assert_eq!(said, "");
}

#[test]
fn a_wrong_command_line_exits_with_two() {
    let repo = Repo::applied();
    for arguments in [
        &["plan", "--nope"][..],
        &["nope"],
        &["materialize"],
        &["materialize", "2024-01-01"],
        &["get-online-features", "-e", "driver_id:1", "-f", "driver_hourly_stats:conv_rate"],
        &["get-online-features", "-e", "driver_id=1"],
        &["feature-views", "list", "-o", "xml"],
        &["apply", "--prune=some"],
    ] {
        let answer = repo.run(arguments).exits(2);
        assert_eq!(answer.stdout, "", "{}", answer.all());
    }
}

#[test]
fn a_close_command_or_flag_is_suggested() {
    let repo = Repo::sample();
    repo.run(["aply"]).exits(2).says(&["apply"]);
    repo.run(["apply", "--allow-destory"]).exits(2).says(&["--allow-destroy"]);
}

#[test]
fn version_help_and_completions_need_no_repo() {
    let nowhere = Repo::new();
    nowhere.run(["version"]).ok().says(&[env!("CARGO_PKG_VERSION")]);
    nowhere.run(["--help"]).ok().says(&["materialize", "get-online-features"]);
    nowhere.run(["help", "apply"]).ok().says(&["--allow-destroy"]);
    nowhere.run(["completions", "bash"]).ok().says(&["feast-rs"]);
    nowhere.run(["plan"]).exits(1).says(&["feature_store.yaml"]);
}

#[test]
fn no_progress_and_quiet_leave_nothing_on_stderr() {
    let repo = Repo::applied().env("FEAST_NO_PROGRESS", "1");
    assert_eq!(repo.run(["materialize", WINDOW[0], WINDOW[1]]).ok().stderr, "");
    assert_eq!(repo.run(["-q", "plan"]).ok().stderr, "");
}

//! The documentation is executed: every shell block of the README and of `docs/`, page by page, each page in a folder of
//! its own. What is generated (the reference, the screens of `demo`) is compared; `BLESS=1` writes it anew.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Why a block may not be run: it stands as `<!-- not run: REASON -->` above it.
const REASONS: &[&str] = &["needs a Rust toolchain", "needs AWS", "needs a network", "stays in the foreground"];

/// A fenced block of a page.
struct Block {
    line: usize,
    language: String,
    text: String,
    not_run: Option<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README and docs, by name.
fn pages() -> Vec<(String, String)> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = docs.filter(|path| path.extension().is_some_and(|e| e == "md")).collect();
    files.push(root().join("README.md"));
    files.sort();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    files.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<Block> = None;
    let mut before = "";
    for (number, line) in page.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(block), None) => block.text.push_str(&format!("{line}\n")),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(language)) => {
                let reason = before.strip_prefix("<!-- not run: ").and_then(|rest| rest.strip_suffix(" -->"));
                let not_run = reason.map(str::to_owned);
                open = Some(Block { line: number + 1, language: language.to_owned(), text: String::new(), not_run });
            }
            (None, None) => {}
        }
        if !line.trim().is_empty() {
            before = line.trim();
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// The folder in which a page begins.
fn folder_for(page: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    if page == "from-feast.md" {
        let golden = root().join("tests/golden");
        for file in
            ["feature_store.yaml", "defs.py", "data/driver_trips.parquet", "data/online_store.db", "data/registry.db"]
        {
            let to = folder.path().join(file);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(golden.join("feast/repo").join(file), to).unwrap();
        }
        fs::copy(golden.join("file_registry.db"), folder.path().join("data/registry_file.db")).unwrap();
    }
    folder
}

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_feast-rs"))
}

/// Runs a page's blocks one after the other in one shell.
fn run(page: &str, blocks: &[&Block]) {
    let folder = folder_for(page);
    let mut script = "set -euo pipefail\n".to_owned();
    for block in blocks {
        script.push_str(&format!("echo '== {page}:{}' >&2\n{}", block.line, block.text));
    }
    let path = format!("{}:{}", binary().parent().unwrap().display(), std::env::var("PATH").unwrap());
    let output = Command::new("timeout")
        .args(["120", "bash", "-c", &script])
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder.path())
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{page} ended with {}\n--- stdout\n{out}\n--- stderr\n{err}", output.status);
    assert!(!err.contains("panicked at"), "{err}");
}

#[test]
fn every_shell_block_runs_or_says_why_not() {
    let (mut ran, mut passed_over) = (0, Vec::new());
    for (page, text) in pages() {
        let blocks = blocks(&text);
        let shell: Vec<&Block> = blocks.iter().filter(|block| block.language == "sh").collect();
        let foreign = ["bash", "shell", "console"];
        let wrong = blocks.iter().find(|block| foreign.contains(&block.language.as_str()));
        assert!(wrong.is_none(), "{page}:{}: write ```sh, so that it is run", wrong.map_or(0, |block| block.line));
        let (run_here, not_run): (Vec<&Block>, Vec<&Block>) =
            shell.into_iter().partition(|block| block.not_run.is_none());
        for block in &not_run {
            let reason = block.not_run.as_deref().unwrap();
            assert!(REASONS.contains(&reason), "{page}:{}: `{reason}` is none of {REASONS:?}", block.line);
            passed_over.push(format!("{page}:{} {reason}", block.line));
        }
        if !run_here.is_empty() {
            run(&page, &run_here);
        }
        ran += run_here.len();
    }
    println!("{ran} shell blocks were run, {} were not: {passed_over:#?}", passed_over.len());
    assert!(ran >= 20, "only {ran} shell blocks were run");
}

#[test]
fn links_between_pages_lead_somewhere() {
    for (page, text) in pages() {
        let home = if page == "README.md" { root().to_owned() } else { root().join("docs") };
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap();
            if !file.is_empty() && !file.contains("://") {
                assert!(home.join(file).exists(), "{page} links to {target}");
            }
        }
    }
}

/// Compares a file with what is generated, or writes it.
fn compare(file: &str, generated: &str) {
    let path = root().join(file);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, generated).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let first = written.lines().zip(generated.lines()).position(|(a, b)| a != b);
    assert!(
        written == generated,
        "{file} is stale (line {:?}): write it anew with `BLESS=1 cargo test --test docs`",
        first.map(|line| line + 1)
    );
}

fn feast_rs(arguments: &[&str]) -> String {
    let output = Command::new(binary()).args(arguments).env_remove("NO_COLOR").stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_reference_is_what_the_program_knows() {
    compare("docs/reference.md", &feast_rs(&["explain", "--markdown"]));
}

const SCREENS_BEGIN: &str =
    "<!-- the output of `feast-rs demo`, written by BLESS=1 cargo test --test docs -->\n```text\n";
const SCREENS_END: &str = "```\n<!-- end of demo -->\n";

#[test]
fn the_screens_of_the_readme_are_those_of_demo() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let begin = readme.find(SCREENS_BEGIN).unwrap() + SCREENS_BEGIN.len();
    let end = begin + readme[begin..].find(SCREENS_END).unwrap();
    let screens = steady(&feast_rs(&["demo"]));
    compare("README.md", &format!("{}{screens}{}", &readme[..begin], &readme[end..]));
}

/// A screen without what differs from run to run: how long things took, how much memory they had, when they happened.
fn steady(screen: &str) -> String {
    let line = |line: &str| {
        let words = line.split(' ').map(|word| match word {
            word if is_seconds(word) => "0.01s".to_owned(),
            word => word.to_owned(),
        });
        let line = words.collect::<Vec<_>>().join(" ");
        match line.split_once(" in 0.").or_else(|| line.split_once(" in 1.")) {
            Some((done, _)) => format!("{done} in 0.05 s."),
            None => line,
        }
    };
    screen.lines().map(|text| line(text) + "\n").collect()
}

/// `0.07s`
fn is_seconds(word: &str) -> bool {
    let number = word.strip_suffix('s').unwrap_or_default();
    number.len() == 4 && number.contains('.') && number.parse::<f64>().is_ok()
}

#[test]
fn each_line_of_the_afternoon_has_a_test_that_there_is() {
    let page = fs::read_to_string(root().join("docs/afternoon.md")).unwrap();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit())
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim_matches([' ', '|', '`'])).collect())
        .collect();
    assert_eq!(rows.len(), 42);
    let mut sources = String::new();
    read_all(&root().join("tests"), &mut sources);
    let mut tested = 0;
    for (number, row) in rows.iter().enumerate() {
        assert_eq!(row[0], (number + 1).to_string());
        let test = row[row.len() - 1];
        if test != "-" {
            assert!(sources.contains(&format!("fn {test}()")), "line {}: there is no test `{test}`", number + 1);
            tested += 1;
        }
    }
    assert!(tested >= 36, "only {tested} of 42 lines have a test");
}

fn read_all(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            read_all(&entry, text);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(entry).unwrap());
        }
    }
}

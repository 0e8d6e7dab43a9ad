//! Finds the YAML files of a repo that may hold definitions.

use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};

use super::RepoError;
use super::codes;
use super::diagnostics::{Diagnostics, Finding, Spot};

/// Folders inside folders that are looked through.
const MAX_DEPTH: usize = 64;

/// `*` stays within one folder and leaves hidden files alone only if the pattern says so, as Python's `Path.glob`.
const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };

/// Every `*.yaml` and `*.yml` below `repo`, relative and sorted, without hidden folders, `feature_store*.yaml` and what
/// `.feastignore` names. Links to folders are not followed.
///
/// # Errors
/// A folder that cannot be listed. A bad line of `.feastignore` is reported to `diagnostics`.
pub(super) fn yaml_files(repo: &Path, diagnostics: &Diagnostics) -> Result<Vec<PathBuf>, RepoError> {
    let ignored = ignored(repo, diagnostics)?;
    let mut found = Vec::new();
    visit(repo, Path::new(""), &ignored, &mut found, 0)?;
    found.sort();
    Ok(found)
}

fn visit(
    repo: &Path,
    folder: &Path,
    ignored: &[Pattern],
    found: &mut Vec<PathBuf>,
    depth: usize,
) -> Result<(), RepoError> {
    let path = repo.join(folder);
    let reading = |source| RepoError::Read { path: path.clone(), source };
    for entry in std::fs::read_dir(&path).map_err(reading)? {
        let entry = entry.map_err(reading)?;
        let name = entry.file_name();
        let relative = folder.join(&name);
        if name.as_encoded_bytes().starts_with(b".") || is_ignored(&relative, ignored) {
            continue;
        }
        if entry.file_type().map_err(reading)?.is_dir() {
            if depth < MAX_DEPTH {
                visit(repo, &relative, ignored, found, depth + 1)?;
            }
        } else if is_candidate(&relative) && repo.join(&relative).is_file() {
            found.push(relative);
        }
    }
    Ok(())
}

fn is_candidate(path: &Path) -> bool {
    let yaml = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    yaml && !name.starts_with("feature_store")
}

/// Whether a pattern matches; a folder that matches is not looked into, so that everything below it is left out.
fn is_ignored(path: &Path, ignored: &[Pattern]) -> bool {
    ignored.iter().any(|pattern| pattern.matches_path_with(path, OPTIONS))
}

/// The patterns of `.feastignore`: one a line, `#` begins a comment.
fn ignored(repo: &Path, diagnostics: &Diagnostics) -> Result<Vec<Pattern>, RepoError> {
    let path = repo.join(".feastignore");
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(&path).map_err(|source| RepoError::Read { path, source })?;
    let file = diagnostics.add_file(".feastignore", &text, Vec::new());
    let mut patterns = Vec::new();
    let mut start = 0;
    for line in text.split('\n') {
        let written = line.split('#').next().unwrap_or_default().trim();
        let spot = Spot { file, start, end: start + written.chars().count().max(1) };
        start += line.chars().count() + 1;
        let pattern = written.trim_start_matches("./").trim_end_matches('/');
        match Pattern::new(pattern) {
            Ok(_) if pattern.is_empty() => {}
            Ok(pattern) => patterns.push(pattern),
            Err(error) => diagnostics.report(Finding::error(
                codes::IGNORE_PATTERN,
                spot,
                format!("`{written}` is no pattern: {}", error.msg),
            )),
        }
    }
    Ok(patterns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_files_are_found_and_ignored_as_feast_does() {
        let repo = tempfile::tempdir().unwrap();
        for path in [
            "features.yaml",
            "feature_store.yaml",
            "feature_store.prod.yaml",
            "sub/deep/views.yml",
            "sub/notes.txt",
            ".github/workflows/ci.yaml",
            "node/x.yaml",
            "node/deep/y.yaml",
            "sub/skip_me.yaml",
            "keep/node.yaml",
            "a/b/tmp/z.yaml",
        ] {
            let path = repo.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let ignore = "# comment\nnode/   # a folder\nsub/skip_*\n**/tmp\n\n[\n";
        std::fs::write(repo.path().join(".feastignore"), ignore).unwrap();
        let diagnostics = Diagnostics::default();
        let found = yaml_files(repo.path(), &diagnostics).unwrap();
        let expected: Vec<PathBuf> = ["features.yaml", "keep/node.yaml", "sub/deep/views.yml"].map(Into::into).into();
        assert_eq!(found, expected);
        let problems = diagnostics.take();
        assert_eq!(problems.len(), 1);
        assert_eq!((problems[0].code, problems[0].line), (codes::IGNORE_PATTERN, 6));
    }
}

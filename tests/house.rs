//! The direction of dependencies inside the crate, which Cargo cannot check: which module of `src/` may use which, and
//! in which files a crate may be named. One line a violation: file and line, what is named, the rule.
//!
//! ```text
//! model --+--> row ----+--> source, transform --+
//!         |            +--> online, offline ----+
//!         +--> repo ----------------------------+--> error -> feature_store -> server -> cli -> main
//! proto --+--> registry ------------------------+
//! nice: where data is worked on
//! ```

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

use std::fs;
use std::path::{Path, PathBuf};

/// Module of `src/` -> the modules it may use (itself always).
const MODULES: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("nice", &[]),
    ("proto", &["model"]),
    ("row", &["model", "nice", "proto"]),
    ("transform", &["model", "proto", "row"]),
    ("source", &["model", "nice", "proto", "row"]),
    ("online", &["model", "nice", "proto", "row"]),
    ("offline", &["model", "proto", "row"]),
    ("repo", &["model", "row"]),
    ("registry", &["model", "proto"]),
    ("error", &["model", "offline", "online", "registry", "repo", "row", "source", "transform"]),
    (
        "feature_store",
        &["error", "model", "nice", "offline", "online", "proto", "registry", "repo", "row", "source", "transform"],
    ),
    ("server", &["error", "feature_store", "model"]),
    ("cli", &["error", "feature_store", "model", "repo", "server"]),
    ("main", &["cli"]),
];

/// Crate -> the beginnings of the paths in which it may be named (tests aside: they check with what they like).
const CRATES: &[(&str, &[&str])] = &[
    ("rusqlite", &["src/registry/", "src/online/"]),
    ("parquet", &["src/source/", "src/offline/"]),
    ("serde_yaml", &["src/repo/", "src/registry/export", "src/cli/output.rs"]),
    ("saphyr_parser", &["src/repo/"]),
    ("annotate_snippets", &["src/repo/"]),
    ("glob", &["src/repo/", "src/source/"]),
    ("aws_config", &["src/source/kinesis"]),
    ("aws_sdk_kinesis", &["src/source/kinesis"]),
    ("datafusion_common", &["src/transform/"]),
    ("datafusion_expr", &["src/transform/"]),
    ("datafusion_functions", &["src/transform/"]),
    ("datafusion_optimizer", &["src/transform/"]),
    ("datafusion_physical_expr", &["src/transform/"]),
    // an on-demand view is registered as a Python function, made from the parsed SQL
    ("datafusion_sql", &["src/transform/", "src/registry/on_demand/"]),
    ("tokio", &["src/source/kinesis", "src/server/", "src/online/lane", "src/feature_store/stream_ingest", "src/cli/"]),
    ("axum", &["src/server/"]),
    ("hyper", &["src/server/"]),
    ("hyper_util", &["src/server/"]),
    ("rustix", &["src/nice.rs"]),
    ("subtle", &["src/server/"]),
    ("clap", &["src/cli/", "src/main.rs"]),
    ("clap_complete", &["src/cli/"]),
    ("comfy_table", &["src/cli/"]),
    ("indicatif", &["src/cli/"]),
];

#[test]
fn every_file_of_src_keeps_the_direction() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    rust_files(&root.join("src"), &mut files);
    assert!(files.len() > 10, "only {} files found under src", files.len());
    let mut violations = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
        violations.extend(check(&name, &text));
    }
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn the_table_of_modules_has_no_cycle() {
    for (index, (module, uses)) in MODULES.iter().enumerate() {
        for used in *uses {
            let place = MODULES.iter().position(|(name, _)| name == used);
            // `error` stands after the stations, so a table in the order of the data path proves it
            assert!(
                place.is_some_and(|place| place < index),
                "`{module}` uses `{used}`, which does not come before it"
            );
        }
    }
}

/// What is wrong in one file, a line each.
fn check(file: &str, text: &str) -> Vec<String> {
    let Some(home) = home_of(file) else { return Vec::new() };
    let tokens = tokens(text);
    let mut found = check_modules(file, &home, &tokens);
    if !is_test_file(file) {
        found.extend(check_crates(file, &tokens));
    }
    found
}

fn check_modules(file: &str, home: &[String], tokens: &[Token]) -> Vec<String> {
    // the crate's root is the map of the house: it declares and re-exports
    let Some(module) = home.first() else { return Vec::new() };
    let Some((_, allowed)) = MODULES.iter().find(|(name, _)| name == module) else {
        return vec![format!("{file}: module `{module}` is not in the table of modules: add it with what it may use")];
    };
    let rule = if allowed.is_empty() { "nothing else".to_owned() } else { allowed.join(", ") };
    uses_of(home, tokens)
        .into_iter()
        .filter(|used| used.module != *module && !allowed.contains(&used.module.as_str()))
        .map(|used| format!("{file}:{}: `{module}` names `{}`, but may use {rule}", used.line, used.module))
        .collect()
}

fn check_crates(file: &str, tokens: &[Token]) -> Vec<String> {
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if token.in_test {
            continue;
        }
        let Some((name, prefixes)) = CRATES.iter().find(|(name, _)| *name == token.text) else { continue };
        let before = index.checked_sub(1).map_or("", |before| tokens[before].text.as_str());
        let after = tokens.get(index + 1).map_or("", |after| after.text.as_str());
        let is_crate = before == "use" || (after == "::" && before != "::" && !is_imported(tokens, name));
        if is_crate && !prefixes.iter().any(|prefix| file.starts_with(prefix)) {
            found.push(format!("{file}:{}: crate `{name}` may be named in {} only", token.line, prefixes.join(", ")));
        }
    }
    found
}

/// Whether a module of ours with the crate's name is imported: `use crate::source::parquet;`, `use crate::source::parquet::{self, ..};`
fn is_imported(tokens: &[Token], name: &str) -> bool {
    let text = |index: usize| tokens.get(index).map_or("", |token| token.text.as_str());
    (1..tokens.len()).any(|at| {
        let itself =
            matches!(text(at + 1), ";" | "," | "}") || [at + 1, at + 2, at + 3].map(text) == ["::", "{", "self"];
        text(at) == name && matches!(text(at - 1), "::" | "{" | ",") && itself
    })
}

/// The module path of a file: `src/row/value/mod.rs` is `[row, value]`, `src/lib.rs` is `[]`, other files `None`.
fn home_of(file: &str) -> Option<Vec<String>> {
    let inner = file.strip_prefix("src/")?.strip_suffix(".rs")?;
    let mut home: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if home.last().is_some_and(|last| last == "mod") {
        home.pop();
    }
    if home == ["lib"] {
        home.clear();
    }
    Some(home)
}

fn is_test_file(file: &str) -> bool {
    let inner = file.trim_end_matches(".rs");
    inner.split('/').any(|part| part == "tests" || part.ends_with("_tests") || part == "testing")
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            rust_files(&entry, files);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            files.push(entry);
        }
    }
}

// --- paths: `crate::x`, `super::super::x`, `feast_rs::x`, and the same inside `{..}` of a `use`

struct Used {
    module: String,
    line: usize,
}

/// Every top-level module that is named, from a file whose own module path is `home`.
fn uses_of(home: &[String], tokens: &[Token]) -> Vec<Used> {
    let mut found = Vec::new();
    let mut index = 0;
    while index < tokens.len() {
        let token = &tokens[index];
        let starts = matches!(token.text.as_str(), "crate" | "super" | "self" | "feast_rs")
            && tokens.get(index + 1).is_some_and(|next| next.text == "::")
            && index.checked_sub(1).is_none_or(|before| tokens[before].text != "::");
        if starts {
            let mut base = home.to_vec();
            base.extend(token.inline.iter().cloned());
            index = follow(tokens, index, Some(base), &mut found);
        } else {
            index += 1;
        }
    }
    found
}

/// Follows one path or tree of paths; `at` is where it stands, `None` where that no longer matters. Returns the index after it.
fn follow(tokens: &[Token], mut index: usize, mut at: Option<Vec<String>>, found: &mut Vec<Used>) -> usize {
    loop {
        let Some(token) = tokens.get(index) else { return index };
        if token.text == "{" {
            return follow_group(tokens, index + 1, at.as_ref(), found);
        }
        at = at.and_then(|at| step(at, token, found));
        if tokens.get(index + 1).is_none_or(|next| next.text != "::") {
            return index + 1;
        }
        index += 2;
    }
}

fn follow_group(tokens: &[Token], mut index: usize, at: Option<&Vec<String>>, found: &mut Vec<Used>) -> usize {
    while let Some(token) = tokens.get(index) {
        index = match token.text.as_str() {
            "}" => return index + 1,
            "," => index + 1,
            "as" => index + 2,
            _ => follow(tokens, index, at.cloned(), found),
        };
    }
    index
}

/// One segment further; a segment that leaves the crate's root names a module, and is the end of our interest.
fn step(mut at: Vec<String>, token: &Token, found: &mut Vec<Used>) -> Option<Vec<String>> {
    match token.text.as_str() {
        "crate" | "feast_rs" => Some(Vec::new()),
        "self" => Some(at),
        "super" => {
            at.pop();
            Some(at)
        }
        name if at.is_empty() => {
            found.push(Used { module: name.to_owned(), line: token.line });
            None
        }
        _ => None,
    }
}

// --- tokens: identifiers, `::` and punctuation, without comments, strings and lifetimes

struct Token {
    text: String,
    line: usize,
    /// the inline modules around it
    inline: Vec<String>,
    /// inside a `#[cfg(test)]` module
    in_test: bool,
}

fn tokens(text: &str) -> Vec<Token> {
    place(lex(text))
}

/// Identifiers and punctuation with their lines.
fn lex(text: &str) -> Vec<(String, usize)> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let (mut index, mut line) = (0, 1);
    while index < chars.len() {
        let rest = &chars[index..];
        let skipped = skipped(rest);
        if skipped > 0 {
            line += rest[..skipped].iter().filter(|c| **c == '\n').count();
            index += skipped;
            continue;
        }
        let length = token_length(rest);
        found.push((rest[..length].iter().collect(), line));
        index += length;
    }
    found
}

/// How many characters from here say nothing: blank, comment, string, character, lifetime.
fn skipped(rest: &[char]) -> usize {
    match rest {
        [c, ..] if c.is_whitespace() => 1,
        ['/', '/', ..] => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => block_comment(rest),
        ['"', ..] => string(rest, 1),
        ['b' | 'c', '"', ..] => string(rest, 2),
        ['r', '"' | '#', ..] => raw_string(rest, 1),
        ['b' | 'c', 'r', '"' | '#', ..] => raw_string(rest, 2),
        ['\'', '\\', ..] => 3 + rest[3..].iter().position(|c| *c == '\'').map_or(0, |end| end + 1),
        ['\'', _, '\'', ..] => 3,
        ['\'', ..] => 1 + rest[1..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').count(),
        _ => 0,
    }
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut index) = (0, 0);
    while index < rest.len() {
        match &rest[index..] {
            ['/', '*', ..] => (depth, index) = (depth + 1, index + 2),
            ['*', '/', ..] => (depth, index) = (depth - 1, index + 2),
            _ => index += 1,
        }
        if depth == 0 {
            return index;
        }
    }
    index
}

fn string(rest: &[char], quote: usize) -> usize {
    let mut index = quote;
    while index < rest.len() {
        match rest[index] {
            '\\' => index += 2,
            '"' => return index + 1,
            _ => index += 1,
        }
    }
    index
}

fn raw_string(rest: &[char], start: usize) -> usize {
    let hashes = rest[start..].iter().take_while(|c| **c == '#').count();
    // `r#type` is an identifier
    if rest.get(start + hashes) != Some(&'"') {
        return 0;
    }
    let mut index = start + hashes + 1;
    while index < rest.len() {
        let closes =
            rest[index] == '"' && rest[index + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
        index += 1;
        if closes {
            return index + hashes;
        }
    }
    index
}

fn token_length(rest: &[char]) -> usize {
    let word = rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').count();
    match rest {
        _ if word > 0 => word,
        [':', ':', ..] => 2,
        _ => 1,
    }
}

/// Adds to each token the inline modules it stands in.
fn place(lexed: Vec<(String, usize)>) -> Vec<Token> {
    let texts: Vec<String> = lexed.iter().map(|(text, _)| text.clone()).collect();
    let mut open: Vec<Option<String>> = Vec::new();
    let mut test_depths: Vec<usize> = Vec::new();
    let mut found = Vec::new();
    for (index, (text, line)) in lexed.into_iter().enumerate() {
        match text.as_str() {
            "{" => {
                let module = inline_module(&texts, index);
                if module.is_some() && behind_cfg_test(&texts, index) {
                    test_depths.push(open.len());
                }
                open.push(module);
            }
            "}" => {
                open.pop();
                test_depths.retain(|depth| *depth < open.len());
            }
            _ => {}
        }
        found.push(Token {
            text,
            line,
            inline: open.iter().flatten().cloned().collect(),
            in_test: !test_depths.is_empty(),
        });
    }
    found
}

/// The name of the module that the `{` at `brace` opens.
fn inline_module(texts: &[String], brace: usize) -> Option<String> {
    let [keyword, name] = texts.get(brace.checked_sub(2)?..brace)? else { return None };
    (keyword == "mod").then(|| name.clone())
}

/// Whether `#[cfg(test)]` stands before the `mod name {` at `brace`.
fn behind_cfg_test(texts: &[String], brace: usize) -> bool {
    const CFG_TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let before = texts.get(brace.saturating_sub(9)..brace.saturating_sub(2)).unwrap_or_default();
    before.iter().map(String::as_str).eq(CFG_TEST)
}

// --- proof by mutation: sources that must fail, and their neighbours that must pass

#[track_caller]
fn fails(file: &str, text: &str, line: &str) {
    let found = check(file, text);
    assert!(found.iter().any(|found| found.starts_with(line)), "expected `{line}`, found {found:?}");
}

#[track_caller]
fn passes(file: &str, text: &str) {
    assert_eq!(check(file, text), Vec::<String>::new());
}

#[test]
fn a_station_may_not_name_another_station() {
    fails("src/repo/check.rs", "use crate::registry::Registry;", "src/repo/check.rs:1: `repo` names `registry`");
    fails("src/source/mod.rs", "\nuse crate::{model, online::Cell};", "src/source/mod.rs:2: `source` names `online`");
    fails("src/online/mod.rs", "fn f() { crate::repo::load() }", "src/online/mod.rs:1: `online` names `repo`");
    passes("src/source/mod.rs", "use crate::{model::{Field, Span}, row::RowBatch};");
}

#[test]
fn nothing_reaches_upwards() {
    fails("src/model/time.rs", "use crate::error::Error;", "src/model/time.rs:1: `model` names `error`");
    fails("src/row/mod.rs", "use feast_rs::feature_store::apply;", "src/row/mod.rs:1: `row` names `feature_store`");
    fails(
        "src/feature_store/get.rs",
        "use crate::cli::Printer;",
        "src/feature_store/get.rs:1: `feature_store` names `cli`",
    );
    fails("src/error.rs", "use crate::feature_store::X;", "src/error.rs:1: `error` names `feature_store`");
    passes("src/error.rs", "use crate::{repo::RepoError, registry::RegistryError};");
}

#[test]
fn a_face_does_not_talk_to_a_store() {
    fails("src/cli/get.rs", "use crate::online::SqliteStore;", "src/cli/get.rs:1: `cli` names `online`");
    fails("src/main.rs", "fn main() { feast_rs::registry::open() }", "src/main.rs:1: `main` names `registry`");
    passes("src/main.rs", "fn main() { feast_rs::cli::run() }");
}

#[test]
fn super_is_followed_to_the_root() {
    fails(
        "src/repo/raw/view.rs",
        "use super::super::super::online::X;",
        "src/repo/raw/view.rs:1: `repo` names `online`",
    );
    fails("src/repo.rs", "use super::{model, source::scan};", "src/repo.rs:1: `repo` names `source`");
    fails(
        "src/row/mod.rs",
        "mod a { mod b { use super::super::super::repo::X; } }",
        "src/row/mod.rs:1: `row` names `repo`",
    );
    passes("src/repo/raw/view.rs", "use super::super::online::X;");
    passes("src/row/mod.rs", "mod tests { use super::online; }");
}

#[test]
fn nested_groups_are_seen_through() {
    fails(
        "src/row/key.rs",
        "use crate::{model::{A, B as C}, proto, source::X};",
        "src/row/key.rs:1: `row` names `source`",
    );
    fails("src/row/key.rs", "use crate::{self as root, repo};", "src/row/key.rs:1: `row` names `repo`");
}

#[test]
fn a_new_module_must_be_entered() {
    fails("src/metrics/mod.rs", "", "src/metrics/mod.rs: module `metrics` is not in the table");
    fails("src/row/mod.rs", "use crate::Error;", "src/row/mod.rs:1: `row` names `Error`");
}

#[test]
fn a_crate_stays_in_its_files() {
    fails("src/cli/list.rs", "use rusqlite::Connection;", "src/cli/list.rs:1: crate `rusqlite`");
    fails("src/repo/mod.rs", "use parquet;", "src/repo/mod.rs:1: crate `parquet`");
    fails(
        "src/feature_store/apply.rs",
        "#[derive(clap::Args)] struct A;",
        "src/feature_store/apply.rs:1: crate `clap`",
    );
    fails("src/model/mod.rs", "#[cfg(test)]\nmod tests {}\nuse tokio::spawn;", "src/model/mod.rs:3: crate `tokio`");
    passes("src/online/sqlite/read.rs", "use rusqlite::Connection;");
    passes("src/row/value.rs", "#[cfg(test)]\nmod tests { use parquet::arrow::ArrowWriter; }");
    passes("src/source/mod.rs", "pub mod parquet; use crate::source::parquet::schema;");
    passes("src/feature_store/x.rs", "use crate::source::parquet::{self, X};\nfn f() { parquet::schema() }");
    passes("src/feature_store/x.rs", "use crate::source::{kinesis, parquet};\nfn f() { parquet::schema() }");
    fails(
        "src/feature_store/x.rs",
        "use crate::source::kinesis;\nfn f() { parquet::schema() }",
        "src/feature_store/x.rs:2: crate `parquet`",
    );
}

#[test]
fn words_in_comments_and_strings_are_not_names() {
    passes("src/row/mod.rs", "// crate::online::X\n/* use crate::repo; /* rusqlite:: */ */\nfn f<'a>(s: &'a str) {}");
    passes("src/row/mod.rs", "const A: &str = \"crate::online\"; const B: &str = r#\"use rusqlite::\"x\" \"#;");
    fails("src/row/mod.rs", "const C: char = '\"'; use crate::online::X;", "src/row/mod.rs:1: `row` names `online`");
    fails("src/row/mod.rs", "const C: char = '\\''; use crate::online::X;", "src/row/mod.rs:1: `row` names `online`");
}

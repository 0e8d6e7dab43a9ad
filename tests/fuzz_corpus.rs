//! Replays the corpus of every fuzz target, so that what a fuzzer once found stays found.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

#[path = "fuzz/targets.rs"]
mod targets;

use std::fs;
use std::path::Path;

#[test]
fn every_corpus_passes_its_target() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    for (name, target) in targets::TARGETS {
        let mut inputs = 0;
        for file in fs::read_dir(corpora.join(name)).unwrap() {
            let path = file.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            // the name of the input is the message of a panic
            let result = std::panic::catch_unwind(|| target(&bytes));
            assert!(result.is_ok(), "{name}: {}", path.display());
            inputs += 1;
        }
        assert!(inputs >= 5, "{name} has {inputs} inputs only");
    }
    let folders = fs::read_dir(&corpora).unwrap().count();
    assert_eq!(folders, targets::TARGETS.len(), "a corpus without a target");
}

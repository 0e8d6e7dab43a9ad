//! The corpus of every fuzz target, replayed, so that what a fuzzer once found stays found; and mutated blindly, where no
//! fuzzer can be built: `FUZZ_INPUTS=1000000 cargo test --test fuzz_corpus` tries so many of each (`FUZZ_TARGET` names one).

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

#[path = "it/tally.rs"]
mod tally;
#[path = "fuzz/targets.rs"]
mod targets;

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use tally::Tally;
use targets::TARGETS;

/// Mutations of each corpus in every run of the tests.
const INPUTS: u64 = 2_000;
/// The longest input that is mutated: longer ones are slow and add little.
const LONGEST: usize = 2_048;

fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut inputs: Vec<_> = files.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect();
    inputs.sort();
    inputs
}

#[test]
fn every_corpus_passes_its_target() {
    let tally = Tally::new("inputs that a fuzzer found, replayed");
    for (name, target) in TARGETS {
        let inputs = corpus(name);
        assert!(inputs.len() >= 5, "{name} has {} inputs only", inputs.len());
        for (path, bytes) in inputs {
            tally.attempt(|| passes(*target, &bytes, &path));
        }
    }
    tally.report();
    let folders = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus")).unwrap().count();
    assert_eq!(folders, TARGETS.len(), "a corpus without a target");
}

#[test]
fn mutations_of_every_corpus_pass_its_target() {
    let inputs = std::env::var("FUZZ_INPUTS").map_or(INPUTS, |number| number.parse().unwrap());
    let only = std::env::var("FUZZ_TARGET").ok();
    for (name, target) in TARGETS.iter().filter(|(name, _)| only.as_deref().is_none_or(|only| only == *name)) {
        let seeds: Vec<Vec<u8>> =
            corpus(name).into_iter().map(|(_, bytes)| bytes).filter(|b| b.len() <= LONGEST).collect();
        // the same inputs in every run
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
        let tally = Tally::new(format!("`{name}`, mutations of those inputs"));
        for _ in 0..inputs {
            let input = mutated(&seeds, &mut chance);
            tally.attempt(|| passes(*target, &input, &String::from_utf8_lossy(&input)));
        }
        tally.report();
    }
}

/// A panic of a target is a panic of the program.
fn passes(target: targets::Target, input: &[u8], shown: &str) {
    assert!(catch_unwind(|| target(input)).is_ok(), "panicked at {shown:?}");
}

/// A sequence of numbers that look random (xorshift64*).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }
}

/// A seed with a few bytes changed, removed, repeated, or exchanged for those of another seed.
fn mutated(seeds: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    const NASTY: &[&[u8]] = &[
        b"\0",
        b"\xff",
        b"-",
        b"9999999999999999999",
        b"{",
        b"[",
        b"\"",
        b"'",
        b"\\",
        b"\n",
        b"1e999",
        b"null",
        b"\xf0\x9f\x99\x82",
    ];
    let mut input = seeds[chance.below(seeds.len())].clone();
    for _ in 0..=chance.below(4) {
        let at = chance.below(input.len() + 1);
        let end = at + chance.below((input.len() - at).min(16) + 1);
        match chance.below(6) {
            0 if at < input.len() => input[at] ^= 1 << chance.below(8),
            1 => drop(input.drain(at..end)),
            2 => input.splice(at..at, NASTY[chance.below(NASTY.len())].iter().copied()).for_each(drop),
            3 => {
                let piece = input[at..end].to_vec();
                input.splice(at..at, piece).for_each(drop);
            }
            4 => {
                let other = &seeds[chance.below(seeds.len())];
                let from = chance.below(other.len() + 1);
                let piece = other[from..(from + 32).min(other.len())].to_vec();
                input.splice(at..end, piece).for_each(drop);
            }
            _ => input.truncate(at.max(1).min(input.len())),
        }
        input.truncate(2 * LONGEST);
    }
    input
}

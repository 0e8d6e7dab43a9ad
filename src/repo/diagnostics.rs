//! Collects what is wrong, with places, so that everything is reported at once.

use std::cell::RefCell;

use crate::model::Origin;

use super::problem::Problem;

/// Characters `start..end` of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub file: usize,
    pub start: usize,
    pub end: usize,
}

/// Something read from a file, and where.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub value: T,
    pub spot: Spot,
}

impl<T> At<T> {
    pub(super) fn new(value: T, spot: Spot) -> Self {
        Self { value, spot }
    }
}

/// A piece of text that was put in place of another: characters of the new text and of the old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Replacement {
    pub new_start: usize,
    pub new_end: usize,
    pub old_start: usize,
    pub old_end: usize,
}

/// A file as a user sees it.
#[derive(Debug)]
struct SourceFile {
    name: String,
    text: String,
    /// first character of every line
    lines: Vec<usize>,
    /// where the text that was parsed differs from what the user sees
    replacements: Vec<Replacement>,
}

impl SourceFile {
    /// The character of the file that a character of the parsed text comes from.
    fn original(&self, index: usize) -> usize {
        let mut shifted = index;
        for piece in &self.replacements {
            if index >= piece.new_end {
                shifted = piece.old_end + (index - piece.new_end);
            } else if index >= piece.new_start {
                return piece.old_start;
            }
        }
        shifted
    }

    /// Line and column, both from 1.
    fn position(&self, index: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= index).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or(0);
        (line, index.saturating_sub(start) + 1)
    }
}

/// One finding before its place is worked out.
#[derive(Debug)]
pub(super) struct Finding {
    code: &'static str,
    spot: Spot,
    message: String,
    label: String,
    notes: Vec<String>,
    warning: bool,
}

impl Finding {
    /// Something that must be mended.
    pub(super) fn error(code: &'static str, spot: Spot, message: impl Into<String>) -> Self {
        Self { code, spot, message: message.into(), label: String::new(), notes: Vec::new(), warning: false }
    }

    /// Something worth a word.
    pub(super) fn warning(code: &'static str, spot: Spot, message: impl Into<String>) -> Self {
        Self { warning: true, ..Self::error(code, spot, message) }
    }

    /// The words beside the underline.
    pub(super) fn label(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }

    /// A further line below.
    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// ``did you mean `x`?`` beside the underline, if a candidate is close to `word`, or `word` is short for it.
    pub(super) fn near<'a>(self, word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        let candidates: Vec<&str> = candidates.into_iter().collect();
        match nearest(word, candidates.iter().copied()).or_else(|| in_full(word, &candidates)) {
            Some(candidate) => self.label(format!("did you mean `{candidate}`?")),
            None => self,
        }
    }
}

/// The only candidate that `word` is short for: it begins the same, and has all letters of `word` in their order.
fn in_full<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    const SAME: usize = 4;
    let is_in = |candidate: &str| {
        let mut letters = candidate.chars();
        word.chars().all(|letter| letters.any(|other| other == letter))
    };
    let begins = |candidate: &str| word.get(..SAME).is_some_and(|begin| candidate.starts_with(begin));
    let mut found = candidates.iter().filter(|candidate| begins(candidate) && is_in(candidate));
    found.next().copied().filter(|_| found.next().is_none())
}

/// The candidate that is a slip of the finger away from `word`.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The files that were read and what is wrong in them.
#[derive(Debug, Default)]
pub(super) struct Diagnostics {
    files: RefCell<Vec<SourceFile>>,
    problems: RefCell<Vec<(Spot, Problem)>>,
}

impl Diagnostics {
    /// Takes in a file; the number stands for it in a [`Spot`].
    pub(super) fn add_file(&self, name: &str, text: &str, replacements: Vec<Replacement>) -> usize {
        let starts = text.chars().enumerate().filter(|(_, c)| *c == '\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(starts).collect();
        let file = SourceFile { name: name.to_owned(), text: text.to_owned(), lines, replacements };
        let mut files = self.files.borrow_mut();
        files.push(file);
        files.len() - 1
    }

    /// Keeps a finding.
    pub(super) fn report(&self, finding: Finding) {
        let spot = finding.spot;
        let problem = self.problem(finding);
        self.problems.borrow_mut().push((spot, problem));
    }

    /// File, line and column of a spot.
    pub(super) fn origin(&self, spot: Spot) -> Origin {
        let files = self.files.borrow();
        let Some(file) = files.get(spot.file) else { return Origin { file: String::new(), line: 0, column: 0 } };
        let (line, column) = file.position(file.original(spot.start));
        Origin { file: file.name.clone(), line, column }
    }

    /// The characters of the parsed text at a spot; empty where an environment variable was put in.
    pub(super) fn written(&self, spot: Spot) -> String {
        let files = self.files.borrow();
        files
            .get(spot.file)
            .map(|file| file.text.chars().skip(spot.start).take(spot.end.saturating_sub(spot.start)).collect())
            .unwrap_or_default()
    }

    /// The line of the file that a spot begins in, as it is written.
    pub(super) fn line_of(&self, spot: Spot) -> String {
        let files = self.files.borrow();
        let Some(file) = files.get(spot.file) else { return String::new() };
        let (line, _) = file.position(file.original(spot.start));
        file.text.lines().nth(line.saturating_sub(1)).unwrap_or_default().to_owned()
    }

    /// Everything reported so far, in the order of the files, each finding once.
    pub(super) fn take(&self) -> Vec<Problem> {
        let mut problems = std::mem::take(&mut *self.problems.borrow_mut());
        problems.sort_by_key(|(spot, _)| *spot);
        let mut taken: Vec<Problem> = Vec::with_capacity(problems.len());
        for (_, problem) in problems {
            if !taken.contains(&problem) {
                taken.push(problem);
            }
        }
        taken
    }

    fn problem(&self, finding: Finding) -> Problem {
        let files = self.files.borrow();
        let mut problem = Problem {
            code: finding.code,
            message: finding.message,
            file: String::new(),
            line: 0,
            column: 0,
            length: 0,
            label: finding.label,
            notes: finding.notes,
            warning: finding.warning,
            source_line: String::new(),
        };
        let Some(file) = files.get(finding.spot.file) else { return problem };
        let (start, end) = (file.original(finding.spot.start), file.original(finding.spot.end));
        let (line, column) = file.position(start);
        let source = file.text.lines().nth(line - 1).unwrap_or_default();
        let underlined: String = source.chars().skip(column - 1).take(end.saturating_sub(start)).collect();
        problem.file.clone_from(&file.name);
        (problem.line, problem.column) = (line, column);
        problem.length = underlined.trim_end().chars().count().max(1);
        source.clone_into(&mut problem.source_line);
        problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spot_becomes_line_and_column_in_characters() {
        let diagnostics = Diagnostics::default();
        let file = diagnostics.add_file("f.yaml", "ü: 1\nname: żółć  # c\n", Vec::new());
        let spot = Spot { file, start: 11, end: 17 };
        assert_eq!(diagnostics.origin(spot), Origin { file: "f.yaml".to_owned(), line: 2, column: 7 });
        diagnostics.report(Finding::error("E0201", spot, "m"));
        diagnostics.report(Finding::error("E0201", spot, "m"));
        let problems = diagnostics.take();
        assert_eq!(problems.len(), 1);
        assert_eq!((problems[0].line, problems[0].column, problems[0].length), (2, 7, 4));
    }

    #[test]
    fn places_are_those_of_the_text_before_replacement() {
        let diagnostics = Diagnostics::default();
        // parsed as `a: long_value, b: c`
        let piece = Replacement { new_start: 3, new_end: 13, old_start: 3, old_end: 5 };
        let file = diagnostics.add_file("f.yaml", "a: $X, b: c", vec![piece]);
        assert_eq!(diagnostics.origin(Spot { file, start: 15, end: 16 }).column, 8);
        assert_eq!(diagnostics.origin(Spot { file, start: 5, end: 6 }).column, 4);
        assert_eq!(diagnostics.origin(Spot { file, start: 1, end: 2 }).column, 2);
    }

    #[test]
    fn slips_are_near_and_other_words_are_not() {
        assert_eq!(nearest("conv_ratio", ["acc_rate", "conv_rate"]), Some("conv_rate"));
        assert_eq!(nearest("online_stor", ["offline_store", "online_store"]), Some("online_store"));
        assert_eq!(nearest("sqlit", ["sqlite", "redis"]), Some("sqlite"));
        assert_eq!(nearest("Driver", ["driver"]), Some("driver"));
        assert_eq!(nearest("weather", ["driver", "ttl"]), None);
        assert_eq!(in_full("event_ts", &["driver", "event_timestamp", "event"]), Some("event_timestamp"));
        assert_eq!(in_full("event_ts", &["event_timestamp", "event_times"]), None, "which of them?");
        assert_eq!(in_full("ev", &["event"]), None, "too short to tell");
    }
}

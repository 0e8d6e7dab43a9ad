//! One thing that is wrong in a repo: where, what, why and perhaps how to mend it.

use std::fmt;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::Serialize;

/// A finding about one place of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// `E0203`; all codes are in [`super::CODES`]
    pub code: &'static str,
    /// what is wrong, in one line
    pub message: String,
    /// path relative to the repo
    pub file: String,
    /// from 1; 0 where the whole file is meant
    pub line: usize,
    /// from 1, in characters
    pub column: usize,
    /// characters underlined, at least 1
    pub length: usize,
    /// beside the underline: ``did you mean `conv_rate`?``; may be empty
    pub label: String,
    /// further lines below: `columns: a, b`
    pub notes: Vec<String>,
    /// worth a word, but no obstacle
    pub warning: bool,
    /// the line as it is in the file
    #[serde(skip)]
    pub source_line: String,
}

/// Whether a picture of a problem has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// characters only
    Plain,
    /// with terminal escapes
    Coloured,
}

impl Problem {
    /// A picture of the problem over several lines: title, place, source line, underline, notes.
    pub fn render(&self, paint: Paint) -> String {
        let renderer = match paint {
            Paint::Plain => Renderer::plain(),
            Paint::Coloured => Renderer::styled(),
        };
        let picture = renderer.render(&[self.picture()]);
        let lines: Vec<&str> = picture.lines().collect();
        let mut text = String::new();
        for (at, line) in lines.iter().enumerate() {
            if is_rule(line) && lines.get(at + 1).is_some_and(|next| is_note(next)) {
                continue;
            }
            text += line;
            text.push('\n');
        }
        text
    }

    fn picture(&self) -> Group<'_> {
        let level = if self.warning { Level::WARNING } else { Level::ERROR };
        let title = level.primary_title(self.message.as_str()).id(self.code);
        let notes = self.notes.iter().map(|note| Level::NOTE.no_name().message(note.as_str()));
        if self.line == 0 {
            return title.element(Origin::path(self.file.as_str())).elements(notes);
        }
        let mut mark = AnnotationKind::Primary.span(self.underlined());
        if !self.label.is_empty() {
            mark = mark.label(self.label.as_str());
        }
        let snippet =
            Snippet::source(self.source_line.as_str()).line_start(self.line).path(self.file.as_str()).annotation(mark);
        title.element(snippet).elements(notes)
    }

    /// The underlined bytes of the source line.
    fn underlined(&self) -> std::ops::Range<usize> {
        let byte =
            |chars: usize| self.source_line.char_indices().nth(chars).map_or(self.source_line.len(), |(at, _)| at);
        let start = self.column.saturating_sub(1);
        byte(start)..byte(start + self.length)
    }
}

/// An empty line of the picture: its bar and nothing else.
fn is_rule(line: &str) -> bool {
    without_escapes(line).trim() == "|"
}

fn is_note(line: &str) -> bool {
    without_escapes(line).trim_start().starts_with("= ")
}

/// A line without the terminal escapes of its colours (`ESC [ .. m`).
fn without_escapes(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
}

impl fmt::Display for Problem {
    /// The picture without colours.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Paint::Plain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem() -> Problem {
        Problem {
            code: "E0203",
            message: "feature `conv_ratio` is not a column of `data/driver_stats.parquet`".to_owned(),
            file: "features.yaml".to_owned(),
            line: 24,
            column: 16,
            length: 10,
            label: "did you mean `conv_rate`?".to_owned(),
            notes: vec!["columns: event_timestamp, driver_id, conv_rate".to_owned()],
            warning: false,
            source_line: "      - {name: conv_ratio, dtype: Float32}".to_owned(),
        }
    }

    #[test]
    fn a_problem_is_drawn_like_a_compilers() {
        let expected = "\
error[E0203]: feature `conv_ratio` is not a column of `data/driver_stats.parquet`
  --> features.yaml:24:16
   |
24 |       - {name: conv_ratio, dtype: Float32}
   |                ^^^^^^^^^^ did you mean `conv_rate`?
   = columns: event_timestamp, driver_id, conv_rate
";
        assert_eq!(problem().to_string(), expected);
        let coloured = problem().render(Paint::Coloured);
        assert_ne!(coloured, expected);
        assert_eq!(coloured.lines().map(without_escapes).collect::<Vec<_>>().join("\n") + "\n", expected);
    }

    #[test]
    fn a_problem_without_a_line_names_the_file() {
        let problem = Problem { line: 0, warning: true, ..problem() };
        assert_eq!(
            problem.to_string(),
            "warning[E0203]: feature `conv_ratio` is not a column of `data/driver_stats.parquet`\n--> features.yaml\n = columns: event_timestamp, driver_id, conv_rate\n"
        );
    }

    #[test]
    fn a_problem_is_json() {
        let json = serde_json::to_value(problem()).unwrap();
        assert_eq!((&json["code"], &json["line"], &json["warning"]), (&"E0203".into(), &24.into(), &false.into()));
        assert!(json.get("source_line").is_none());
    }
}

//! What a command hands back, and how it is printed: the result on stdout, talk on stderr.

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};

use comfy_table::{Cell, CellAlignment, Table, presets};
use serde::Serialize;
use serde_json::Value;

use super::args::{Color, Common, Format, LogFormat, LogLevel};
use super::exit::Exit;
use crate::error::Error;
use crate::model::{Secrets, without_passwords};
use crate::repo::{Paint, Problem, RepoError};

/// The result of a command.
pub struct Output {
    json: Value,
    text: String,
    /// values of users, which are printed as they are
    is_data: bool,
    /// how the process ends
    pub exit: Exit,
}

impl Output {
    /// A report (the contract) with its form for people. Passwords in URLs are masked in both.
    pub fn new(report: &impl Serialize, text: String) -> Result<Self, Error> {
        let json = serde_json::to_value(report).map_err(|e| Error::internal("print the result as JSON", e))?;
        Ok(Self { json, text, is_data: false, exit: Exit::Done })
    }

    /// Values of users, with their form for people; nothing in them is masked.
    pub fn data(values: &impl Serialize, text: String) -> Result<Self, Error> {
        Ok(Self { is_data: true, ..Self::new(values, text)? })
    }

    fn shown(&self) -> (Cow<'_, Value>, Cow<'_, str>) {
        if self.is_data {
            return (Cow::Borrowed(&self.json), Cow::Borrowed(&self.text));
        }
        let mut json = self.json.clone();
        mask(&mut json);
        (Cow::Owned(json), without_passwords(&self.text))
    }

    /// The same, ending with `exit`.
    #[must_use]
    pub fn ending(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }
}

/// Where results and talk go.
#[derive(Clone)]
pub struct Printer {
    format: Format,
    level: LogLevel,
    log_format: LogFormat,
    colour_out: bool,
    colour_err: bool,
    progress: bool,
    secrets: Secrets,
}

impl Printer {
    /// A printer for these options; `verbose` counts `-v`.
    pub fn new(common: &Common, verbose: u8, env: &dyn Fn(&str) -> Option<String>) -> Self {
        let plain = env("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = |terminal: bool| match common.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !plain,
        };
        let level = match (common.quiet, verbose) {
            (true, _) => LogLevel::Error,
            (false, 0) => common.log_level,
            (false, _) => LogLevel::Debug,
        };
        let progress = io::stderr().is_terminal() && !common.no_progress && env("FEAST_NO_PROGRESS").is_none();
        Self {
            format: common.output,
            level,
            log_format: common.log_format,
            colour_out: colour(io::stdout().is_terminal()),
            colour_err: colour(io::stderr().is_terminal()),
            secrets: environment_secrets(),
            progress: progress && level <= LogLevel::Info && common.log_format == LogFormat::Text,
        }
    }

    /// The form that was asked for.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether stdout is coloured.
    pub fn colour(&self) -> bool {
        self.colour_out
    }

    /// Whether progress bars are drawn.
    pub fn progress(&self) -> bool {
        self.progress
    }

    /// Prints a result on stdout in the form that was asked for; nothing at all for one that is null.
    pub fn result(&self, output: &Output) -> Result<(), Error> {
        if output.json.is_null() {
            return Ok(());
        }
        let (json, text) = output.shown();
        let text = match self.format {
            Format::Table => text.into_owned(),
            Format::Json => pretty(&json),
            Format::Feast => as_feast(&json)?,
            Format::Ndjson => ndjson(&json),
            Format::Yaml => yaml(&json)?,
            Format::Csv => csv(&json)?,
        };
        self.text(&text)
    }

    /// Prints text on stdout. A reader that has gone away ends the output quietly.
    #[allow(clippy::unused_self, reason = "all output goes through a printer")]
    pub fn text(&self, text: &str) -> Result<(), Error> {
        let mut out = io::stdout().lock();
        let line_end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        match out
            .write_all(text.as_bytes())
            .and_then(|()| out.write_all(line_end.as_bytes()))
            .and_then(|()| out.flush())
        {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(|e| Error::io("write the result", e)),
        }
    }

    /// A notice on stderr.
    pub fn info(&self, text: &str) {
        self.talk(LogLevel::Info, "info", text);
    }

    /// A notice that only `-v` shows.
    pub fn debug(&self, text: &str) {
        self.talk(LogLevel::Debug, "debug", text);
    }

    /// What may be wrong, on stderr.
    pub fn warn(&self, text: &str) {
        self.talk(LogLevel::Warning, "warning", text);
    }

    /// What went wrong, on stderr.
    pub fn error(&self, error: &Error) {
        if let Error::Repo(RepoError::Invalid(problems)) = error {
            for problem in problems {
                self.problem(problem);
            }
        }
        match self.log_format {
            LogFormat::Text => self.to_stderr(&error_text(error, self.colour_err)),
            LogFormat::Json => self.to_stderr(&log_line("error", &error_text(error, false))),
        }
    }

    /// A problem of the definitions, on stderr.
    pub fn problem(&self, problem: &Problem) {
        if problem.warning && self.level > LogLevel::Warning {
            return;
        }
        match self.log_format {
            LogFormat::Text => self.to_stderr(&format!(
                "{}\n",
                problem.render(if self.colour_err { Paint::Coloured } else { Paint::Plain }).trim_end()
            )),
            LogFormat::Json => self.to_stderr(
                &serde_json::json!({"level": if problem.warning { "warning" } else { "error" }, "problem": problem})
                    .to_string(),
            ),
        }
    }

    /// A question on stderr; the answer comes on the same line.
    pub fn ask(&self, question: &str) {
        let mut err = io::stderr().lock();
        // nobody is left to be asked if stderr is gone; the answer is then no
        let _ = write!(err, "{}", self.secrets.hide(question)).and_then(|()| err.flush());
    }

    /// Lines on stderr, without secrets.
    fn to_stderr(&self, text: &str) {
        to_stderr(&self.secrets.hide(text));
    }

    fn talk(&self, level: LogLevel, name: &str, text: &str) {
        if level < self.level {
            return;
        }
        match self.log_format {
            LogFormat::Json => self.to_stderr(&log_line(name, text)),
            LogFormat::Text if level == LogLevel::Warning => {
                self.to_stderr(&format!("{} {text}", paint("warning:", YELLOW, self.colour_err)));
            }
            LogFormat::Text => self.to_stderr(text),
        }
    }
}

/// Masks the passwords of URLs in every text.
fn mask(json: &mut Value) {
    match json {
        Value::String(text) => *text = without_passwords(text).into_owned(),
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Object(members) => members.values_mut().for_each(mask),
        _ => {}
    }
}

/// An error on stderr, where there is no printer.
pub fn tell(error: &Error) {
    to_stderr(&environment_secrets().hide(&error_text(error, false)));
}

/// The secrets of the process's environment.
fn environment_secrets() -> Secrets {
    let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    Secrets::of(std::env::vars_os().filter_map(text))
}

fn to_stderr(text: &str) {
    // nobody is left to be told that stderr is gone
    let _ = writeln!(io::stderr().lock(), "{}", text.trim_end_matches('\n'));
}

fn log_line(level: &str, text: &str) -> String {
    serde_json::json!({"level": level, "message": text}).to_string()
}

/// `error: what\n  caused by: why\n  hint: cure`
fn error_text(error: &Error, colour: bool) -> String {
    let code = error.code().map(|code| format!("[{code}]")).unwrap_or_default();
    let mut text = format!("{} {error}", paint(&format!("error{code}:"), RED, colour));
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !said.contains(&words) {
            text.push_str(&format!("\n  caused by: {words}"));
        }
        said = words;
        cause = inner.source();
    }
    if let Some(hint) = error.hint() {
        text.push_str(&format!("\n  {} {hint}", paint("hint:", CYAN, colour)));
    }
    text
}

/// SGR parameters of red.
pub const RED: &str = "1;31";
/// SGR parameters of yellow.
pub const YELLOW: &str = "1;33";
/// SGR parameters of green.
pub const GREEN: &str = "32";
/// SGR parameters of cyan.
pub const CYAN: &str = "36";
/// SGR parameters of bold.
pub const BOLD: &str = "1";

/// `text` in a colour, where there are colours.
pub fn paint(text: &str, sgr: &str, colour: bool) -> String {
    if colour { format!("\x1b[{sgr}m{text}\x1b[0m") } else { text.to_owned() }
}

/// A table without borders: names in the first line, columns two blanks apart.
pub struct Columns {
    table: Table,
    right: Vec<bool>,
}

impl Columns {
    /// A table with these headings; a heading that begins with `>` stands over numbers.
    pub fn new(headings: &[&str]) -> Self {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        table.set_header(headings.iter().map(|heading| heading.trim_start_matches('>')));
        let right = headings.iter().map(|heading| heading.starts_with('>')).collect();
        Self { table, right }
    }

    /// Adds a line.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let cells = cells.into_iter().zip(&self.right).map(|(text, right)| {
            let cell = Cell::new(text.into());
            if *right { cell.set_alignment(CellAlignment::Right) } else { cell }
        });
        self.table.add_row(cells);
    }

    /// The lines, without blanks at their ends.
    pub fn text(mut self) -> String {
        for (index, column) in self.table.column_iter_mut().enumerate() {
            column.set_padding((0, 2));
            if self.right.get(index) == Some(&true) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let lines: Vec<String> = self.table.lines().map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n")
    }
}

/// `1 234 567`
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// `1 view`, `2 views`
pub fn counted(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn pretty(json: &Value) -> String {
    serde_json::to_string_pretty(json).unwrap_or_default()
}

/// As Python's `json.dumps(.., indent=4)`: four blanks, and nothing but ASCII.
fn as_feast(json: &Value) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    json.serialize(&mut serializer).map_err(|e| Error::internal("print the result as JSON", e))?;
    let mut out = String::new();
    for c in String::from_utf8_lossy(&bytes).chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    Ok(out)
}

fn ndjson(json: &Value) -> String {
    match json {
        Value::Array(items) => items.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"),
        single => single.to_string(),
    }
}

fn yaml(json: &Value) -> Result<String, Error> {
    serde_yaml::to_string(json).map_err(|e| Error::internal("print the result as YAML", e))
}

/// An array of objects as lines of values; whatever is not a number, text or flag is written as JSON.
fn csv(json: &Value) -> Result<String, Error> {
    let no_table = || Error::invalid("this result is no table, so it has no CSV form", "use `-o json`");
    let Value::Array(rows) = json else { return Err(no_table()) };
    let Some(first) = rows.first() else { return Ok(String::new()) };
    let names: Vec<&String> = first.as_object().ok_or_else(no_table)?.keys().collect();
    let mut out = names.iter().map(|name| csv_cell(name)).collect::<Vec<_>>().join(",");
    for row in rows {
        let cells = names.iter().map(|name| match &row[name.as_str()] {
            Value::Null => String::new(),
            Value::String(text) => csv_cell(text),
            other => csv_cell(&other.to_string()),
        });
        out.push('\n');
        out.push_str(&cells.collect::<Vec<_>>().join(","));
    }
    Ok(out)
}

fn csv_cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1 000"), (48_216, "48 216"), (1_234_567, "1 234 567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        let json = serde_json::json!([{"name": "a,b", "count": 3, "tags": {"x": "y"}}, {"name": null, "count": 4, "tags": {}}]);
        assert_eq!(csv(&json).unwrap(), "name,count,tags\n\"a,b\",3,\"{\"\"x\"\":\"\"y\"\"}\"\n,4,{}");
        assert!(csv(&serde_json::json!({"a": 1})).is_err());
    }
}

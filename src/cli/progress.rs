//! Progress on a terminal: rows or keys a second, and the time that is left.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::feature_store::{Observer, Progress};

/// A bar on stderr; without a terminal it draws nothing.
pub struct Bar {
    bar: ProgressBar,
}

/// How often the bar is redrawn, at most, a second.
const REDRAWS: u8 = 10;

impl Bar {
    /// A bar that is drawn, or one that is not.
    pub fn new(drawn: bool) -> Self {
        let target = if drawn { ProgressDrawTarget::stderr_with_hz(REDRAWS) } else { ProgressDrawTarget::hidden() };
        Self { bar: ProgressBar::with_draw_target(None, target) }
    }

    /// Takes the bar off the screen.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn begin(&self, view: &str, what: &str, length: u64) {
        let template = "{msg} [{bar:30}] {human_pos}/{human_len}  {per_sec}  {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("=> "));
        }
        self.bar.reset();
        self.bar.set_length(length);
        self.bar.set_message(format!("{view}: {what}"));
    }
}

impl Observer for Bar {
    fn progress(&self, event: Progress<'_>) {
        match event {
            Progress::Reading { view, rows } => self.begin(view, "reading rows", rows),
            Progress::Writing { view, keys } => self.begin(view, "writing keys", keys),
            Progress::Read { rows } => self.bar.inc(rows),
            Progress::Written { keys } => self.bar.inc(keys),
            Progress::Done { .. } => self.bar.reset(),
        }
    }
}

/// The most memory that the process has had so far, in MB; `None` where the system does not tell.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024)
}

/// Lines on stderr that are redrawn; without a terminal nothing is drawn.
pub struct Line {
    bar: ProgressBar,
}

impl Line {
    /// A line that is drawn, or one that is not.
    pub fn new(drawn: bool) -> Self {
        let target = if drawn { ProgressDrawTarget::stderr_with_hz(REDRAWS) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// What it says from now on.
    pub fn show(&self, text: &str) {
        self.bar.set_message(text.to_owned());
        self.bar.tick();
    }

    /// Lets something else be said above it.
    pub fn aside(&self, say: impl FnOnce()) {
        self.bar.suspend(say);
    }

    /// Takes it off the screen.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

//! `status` and `runs`: how fresh each view is, and what was done to it.

use super::Context;
use super::args::RunsArgs;
use super::output::{Columns, GREEN, Output, RED, YELLOW, grouped, paint};
use crate::error::Error;
use crate::feature_store::{RunSummary, StatusReport, ViewStatus};
use crate::model::Span;

pub fn status(context: &Context) -> Result<Output, Error> {
    let report = context.open()?.status(context.now)?;
    let screen = status_screen(&report, context.printer.colour());
    Output::new(&report, screen)
}

fn status_screen(report: &StatusReport, colour: bool) -> String {
    let mut table = Columns::new(&["VIEW", "STATE", ">KEYS", ">VALUES", "NEWEST EVENT", ">AGE", ">TTL", "LAST RUN"]);
    for view in &report.views {
        table.row([
            view.view.clone(),
            view.state.to_owned(),
            grouped(view.keys),
            grouped(view.values),
            view.newest_event.clone().unwrap_or_else(|| "-".to_owned()),
            view.age_seconds.map_or_else(|| "-".to_owned(), age),
            view.ttl_seconds.map_or_else(|| "-".to_owned(), |seconds| Span::from_seconds(seconds).to_string()),
            last_run(view),
        ]);
    }
    let mut text = format!("project {}, online store {}\n{}", report.project, report.online_store, table.text());
    text.push_str(&streams_screen(report));
    if report.pending > 0 {
        text.push_str(&format!(
            "\n{} an interrupted command left {} to be done: run `feast-rs apply`",
            paint("!", YELLOW, colour),
            super::output::counted(report.pending, "step")
        ));
    }
    text
}

/// One line a shard, where there are positions.
fn streams_screen(report: &StatusReport) -> String {
    if report.views.iter().all(|view| view.streams.is_empty()) {
        return String::new();
    }
    let mut table = Columns::new(&["VIEW", "STREAM", "SHARD", "READ UP TO", ">SILENT FOR", ""]);
    for view in &report.views {
        for shard in &view.streams {
            table.row([
                view.view.clone(),
                shard.stream.rsplit('/').next().unwrap_or(&shard.stream).to_owned(),
                shard.shard.clone(),
                shard.position.clone(),
                shard.silent_seconds.map_or_else(|| "-".to_owned(), age),
                if shard.refused { "the table was made anew: reset it" } else { "" }.to_owned(),
            ]);
        }
    }
    format!("\n\n{}", table.text())
}

fn last_run(view: &ViewStatus) -> String {
    match &view.last_run {
        None => "-".to_owned(),
        Some(run) => format!("{} {} {}", run.command, run.outcome, run.started.get(..16).unwrap_or(&run.started)),
    }
}

/// A length of time in its two largest units: `3d4h`, `12m5s`, `0.3s`; negative where an event lies in the future.
pub fn age(seconds: f64) -> String {
    if seconds < 0.0 {
        return format!("-{}", age(-seconds));
    }
    if seconds < 10.0 {
        return format!("{seconds:.1}s");
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole seconds of a positive number")]
    let whole = seconds as u64;
    let units = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
    let first = units.iter().position(|(_, unit)| whole >= *unit).unwrap_or(3);
    let mut rest = whole;
    let mut text = String::new();
    for (name, unit) in units.iter().skip(first).take(2) {
        if rest / unit > 0 {
            text.push_str(&format!("{}{name}", rest / unit));
        }
        rest %= unit;
    }
    text
}

pub fn runs(context: &Context, args: &RunsArgs) -> Result<Output, Error> {
    let runs = context.open()?.runs(args.view.as_deref(), args.limit)?;
    let screen = runs_screen(&runs, context.printer.colour());
    Output::new(&runs, screen)
}

fn runs_screen(runs: &[RunSummary], colour: bool) -> String {
    if runs.is_empty() {
        return "No runs are recorded.".to_owned();
    }
    let mut table = Columns::new(&[
        "STARTED",
        "COMMAND",
        "VIEW",
        "WINDOW (UTC)",
        ">READ",
        ">WRITTEN",
        ">STALE",
        ">REFUSED",
        ">TIME",
        "OUTCOME",
    ]);
    for run in runs {
        let minute = |time: &str| time.get(..16).unwrap_or(time).replace('T', " ");
        let window = match (&run.start, &run.end) {
            (Some(start), Some(end)) => format!("{} -> {}", minute(start), minute(end)),
            _ => "-".to_owned(),
        };
        let sgr = match run.outcome.as_str() {
            "done" => GREEN,
            "partial" => YELLOW,
            _ => RED,
        };
        let outcome = paint(&run.outcome, sgr, colour);
        table.row([
            run.started.clone(),
            run.command.clone(),
            run.view.clone(),
            window,
            grouped(run.read),
            grouped(run.written),
            grouped(run.stale),
            grouped(run.refused),
            format!("{:.2}s", run.seconds),
            run.message.as_ref().map_or(outcome.clone(), |message| format!("{outcome}: {message}")),
        ]);
    }
    table.text()
}

#[cfg(test)]
mod tests {
    use super::age;

    #[test]
    fn an_age_has_two_units_at_most() {
        for (seconds, text) in
            [(0.25, "0.2s"), (9.94, "9.9s"), (60.0, "1m"), (725.0, "12m5s"), (273_600.0, "3d4h"), (-90.0, "-1m30s")]
        {
            assert_eq!(age(seconds), text);
        }
    }
}

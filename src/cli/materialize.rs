//! `materialize` and `materialize-incremental`: counts in any case, a progress bar on a terminal.

use super::Context;
use super::args::{CastArg, IncrementalArgs, MaterializeArgs, MaterializeScope};
use super::exit::Exit;
use super::output::{Columns, Output, counted, grouped};
use super::progress::Bar;
use crate::error::Error;
use crate::feature_store::{Cast, MaterializeReport, MaterializeRequest, RefusedValue, ViewReport, Window};
use crate::model::Interval;

pub fn between(context: &Context, args: &MaterializeArgs) -> Result<Output, Error> {
    let window = match (&args.start, &args.end) {
        (Some(start), Some(end)) => Window::Between(Interval { start: context.time(start)?, end: context.time(end)? }),
        _ => Window::UntilNow,
    };
    run(context, window, &args.scope)
}

pub fn incremental(context: &Context, args: &IncrementalArgs) -> Result<Output, Error> {
    let window = Window::Since { end: Some(context.time(&args.end)?), lookback: args.lookback };
    run(context, window, &args.scope)
}

fn run(context: &Context, window: Window, scope: &MaterializeScope) -> Result<Output, Error> {
    let request = MaterializeRequest {
        views: scope.views.clone(),
        window,
        allow_future: scope.allow_future,
        overwrite: scope.overwrite,
        cast: match scope.cast {
            CastArg::Lossless => Cast::Lossless,
            CastArg::Lossy => Cast::Lossy,
        },
        dry_run: scope.dry_run,
    };
    let store = context.open()?;
    let bar = Bar::new(context.printer.progress());
    let report = store.materialize(&request, context.now, &bar)?;
    bar.clear();
    for view in &report.views {
        tell_refusals(context, view);
    }
    for failed in &report.failed {
        let hint = failed.hint.as_ref().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
        context.printer.warn(&format!("`{}` was not materialized: {}{hint}", failed.view, failed.message));
    }
    let exit = if report.is_partial() { Exit::Partial } else { Exit::Done };
    Ok(Output::new(&report, screen(&report, scope.dry_run))?.ending(exit))
}

fn tell_refusals(context: &Context, view: &ViewReport) {
    for RefusedValue { file, row, column, value, reason } in &view.refusals {
        context
            .printer
            .warn(&format!("`{}`: refused row {row} of {file}: `{column}` is `{value}`: {reason}", view.view));
    }
    let unsaid = view.refused.saturating_sub(view.refusals.len() as u64);
    if unsaid > 0 {
        context.printer.warn(&format!("`{}`: refused {} more rows", view.view, grouped(unsaid)));
    }
    if view.undated > 0 {
        let rows = if view.undated == 1 { "row has" } else { "rows have" };
        context.printer.warn(&format!(
            "`{}`: {} {rows} no event time and belong to no window",
            view.view,
            grouped(view.undated)
        ));
    }
    if view.refused > 0 {
        context
            .printer
            .info("  hint: mend the data, declare a wider type, or let values lose something with `--cast lossy`");
    }
}

fn screen(report: &MaterializeReport, dry_run: bool) -> String {
    let mut columns =
        Columns::new(&["view", "window (UTC)", ">read", ">keys", ">written", ">stale", ">refused", ">time"]);
    for view in &report.views {
        columns.row([
            view.view.clone(),
            format!("{} -> {}", minute(&view.interval.start.to_string()), minute(&view.interval.end.to_string())),
            grouped(view.read),
            grouped(view.keys),
            grouped(view.written),
            grouped(view.stale),
            grouped(view.refused),
            format!("{:.2}s", view.seconds),
        ]);
    }
    format!("{}\n{}", columns.text(), summary(report, dry_run))
}

/// `2026-11-22T21:40:05.25Z` -> `2026-11-22 21:40`
fn minute(time: &str) -> String {
    time.get(..16).unwrap_or(time).replace('T', " ")
}

fn summary(report: &MaterializeReport, dry_run: bool) -> String {
    let rows: u64 = report.views.iter().map(|view| view.read).sum();
    let values: u64 = report.views.iter().map(|view| view.written).sum();
    let peak = super::progress::peak_memory().map(|mb| format!(", peak {mb} MB")).unwrap_or_default();
    let verb = if dry_run { "Would materialize" } else { "Materialized" };
    let failed = match report.failed.len() {
        0 => String::new(),
        number => format!(" {} failed.", counted(number, "view")),
    };
    format!(
        "{verb} {}, {} {} in {:.2} s ({}{peak}).{failed}",
        counted(report.views.len(), "view"),
        grouped(values),
        if values == 1 { "value" } else { "values" },
        report.seconds,
        rate(rows, report.seconds)
    )
}

/// `488 k rows/s`, `25 rows/s`
#[allow(clippy::cast_precision_loss, reason = "a rate needs no more digits")]
fn rate(rows: u64, seconds: f64) -> String {
    let rate = rows as f64 / seconds.max(0.001);
    if rate < 10_000.0 { format!("{rate:.0} rows/s") } else { format!("{:.0} k rows/s", rate / 1000.0) }
}

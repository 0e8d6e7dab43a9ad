//! `push`: records from a file, a pipe or the command line.

use std::io::{IsTerminal, stdin};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use super::args::{CastArg, FormatArg, PushArgs, ToArg};
use super::exit::Exit;
use super::output::{Columns, Output, grouped};
use super::{Context, now, stop};
use crate::error::Error;
use crate::feature_store::Cast;
use crate::feature_store::push::{PushContext, PushFormat, PushInput, PushReport, PushRequest, PushTo, ToldRefusal};
use crate::feature_store::records::Shape;

/// Refused records that are told one by one; `-o json` has more of them.
const TOLD: usize = 20;

pub fn run(context: &Context, args: &PushArgs) -> Result<Output, Error> {
    let request = request(args);
    let store = context.open()?;
    let input = input(context, &args.input)?;
    let never = AtomicBool::new(false);
    // records of the command line end soon
    let stop = if matches!(input, PushInput::Text(_)) { &never } else { stop::on_signal()? };
    let report = store.push(&request, input, format(args.format), &PushContext { clock: &now, stop })?;
    if !args.dry_run {
        store.record_runs(&report.runs(context.now, now()));
    }
    tell(context, &report);
    let exit = if report.is_partial() { Exit::Partial } else { Exit::Done };
    Ok(Output::new(&report, screen(&report, args.dry_run))?.ending(exit))
}

fn request(args: &PushArgs) -> PushRequest {
    PushRequest {
        target: args.target.clone(),
        to: match args.to {
            ToArg::Online => PushTo::Online,
            ToArg::Offline => PushTo::Offline,
            ToArg::OnlineAndOffline => PushTo::Both,
        },
        shape: if args.transformed { Shape::Transformed } else { Shape::Source },
        overwrite: args.overwrite,
        cast: match args.cast {
            CastArg::Lossless => Cast::Lossless,
            CastArg::Lossy => Cast::Lossy,
        },
        strict: args.strict,
        require_all: args.require_all,
        dry_run: args.dry_run,
        dead_letter: args.dead_letter.clone(),
        idempotency_key: args.idempotency_key.clone(),
    }
}

fn format(format: FormatArg) -> PushFormat {
    match format {
        FormatArg::Auto => PushFormat::Auto,
        FormatArg::Json => PushFormat::Json,
        FormatArg::Ndjson => PushFormat::Ndjson,
        FormatArg::Csv => PushFormat::Csv,
        FormatArg::Parquet => PushFormat::Parquet,
        FormatArg::DeadLetter => PushFormat::DeadLetter,
    }
}

/// What the argument names: JSON begins with a bracket, which no file's name does.
fn input(context: &Context, argument: &str) -> Result<PushInput, Error> {
    if argument == "-" {
        if stdin().is_terminal() {
            context.printer.info("reading records from the terminal, an object a line; end with Ctrl-D");
        }
        return Ok(PushInput::Pipe(Box::new(stdin())));
    }
    if argument.trim_start().starts_with(['{', '[']) {
        return Ok(PushInput::Text(argument.as_bytes().to_vec()));
    }
    let path = PathBuf::from(argument);
    if path.is_dir() {
        return Err(Error::invalid(
            format!("`{argument}` is a folder"),
            "push one file at a time; `materialize` reads folders of parquet",
        ));
    }
    Ok(PushInput::File(path))
}

fn tell(context: &Context, report: &PushReport) {
    let printer = context.printer;
    for ToldRefusal { record, code, message, view } in report.refused.iter().take(TOLD) {
        let of = view.as_ref().map(|view| format!(" of `{view}`")).unwrap_or_default();
        printer.warn(&format!("refused record {record}{of} [{code}]: {message}"));
    }
    let unsaid = report.refused_count.saturating_sub(report.refused.len().min(TOLD) as u64);
    if unsaid > 0 {
        printer.warn(&format!("refused {} more records", grouped(unsaid)));
    }
    if report.extra > 0 {
        printer.info(&format!("{} keys of records belong to no column and were ignored", grouped(report.extra)));
    }
    if report.repeated > 0 {
        printer.info(&format!("{} records were stored by an earlier push of the same", grouped(report.repeated)));
    }
    if report.interrupted {
        printer.warn(&format!("interrupted: the first {} records are stored, and no more", grouped(report.records)));
    }
    if report.records == 0 && !report.interrupted {
        printer.warn("there were no records");
    }
}

fn screen(report: &PushReport, dry_run: bool) -> String {
    let mut columns = Columns::new(&["view", ">read", ">written", ">stale", ">superseded"]);
    for view in &report.views {
        let counts = [view.read, view.written, view.stale, view.superseded].map(grouped);
        columns.row(std::iter::once(view.view.clone()).chain(counts));
    }
    let verb = if dry_run { "Would push" } else { "Pushed" };
    let noun = if report.records == 1 { "record" } else { "records" };
    let refused = match report.refused_count {
        0 => String::new(),
        count => format!(", {} refused", grouped(count)),
    };
    format!("{}\n{verb} {} {noun}{refused} in {:.2} s.", columns.text(), grouped(report.records), report.seconds)
}

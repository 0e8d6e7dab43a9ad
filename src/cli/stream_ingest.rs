//! `stream-ingest`: runs until it is told to stop, with one line that says how it goes.

use std::path::Path;
use std::sync::Arc;

use super::args::{DestinationArg, OnGapArg, PlaceArg, StreamIngestArgs};
use super::exit::Exit;
use super::output::{Columns, GREEN, Output, RED, counted, grouped, paint};
use super::stream_watch::Watch;
use super::{Context, absolute};
use crate::error::Error;
use crate::feature_store::{
    Destination, Input, LogParts, RunRecord, Stop, Stopper, StreamCheck, StreamFrom, StreamIngestReport,
    StreamIngestRequest, StreamNotice, StreamObserver, WallClock,
};
use crate::model::{OnGap, StartPosition, Timestamp};

/// Threads that wait for the network and take answers apart.
const MAX_THREADS: usize = 4;
/// The exit status of a process that was told twice to end.
const KILLED: i32 = 130;

pub fn run(context: &Context, args: &StreamIngestArgs) -> Result<Output, Error> {
    let request = request(context, args)?;
    let store = context.open()?;
    if args.check {
        let checks = runtime()?.block_on(store.check_streams(&request, clock()))?;
        let exit = if checks.iter().all(|check| check.ok) { Exit::Done } else { Exit::Findings };
        return Ok(Output::new(&checks, checks_screen(&checks, context.printer.colour()))?.ending(exit));
    }
    let watch = Arc::new(Watch::new(context.printer));
    let runtime = runtime()?;
    let report = runtime.block_on(async {
        if let Some(port) = args.metrics_port {
            let address = format!("{}:{port}", args.metrics_host);
            let listener = tokio::net::TcpListener::bind(&address).await;
            let listener = listener.map_err(|error| Error::io(format!("listen on {address}"), error))?;
            tokio::spawn(watch_over(listener, Arc::clone(&watch)));
        }
        let (stopper, stop) = Stop::new();
        let signals = tokio::spawn(signals(stopper, Arc::clone(&watch)));
        let observer: Arc<dyn StreamObserver> = watch.clone();
        let report = store.stream_ingest(&request, clock(), stop, observer).await;
        signals.abort();
        report
    });
    // a read of standard input that nobody ends is not waited for
    runtime.shutdown_background();
    watch.line.clear();
    let finished = super::now();
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            store.record_runs(&failures(args, (context.now, finished), &error));
            return Err(error);
        }
    };
    store.record_runs(&report.records(context.now, finished));
    let exit = if report.is_partial() && !report.interrupted { Exit::Partial } else { Exit::Done };
    Ok(Output::new(&report, screen(&report))?.ending(exit))
}

/// What is kept of a run that failed, for each view that was named; `*` stands for all.
fn failures(args: &StreamIngestArgs, times: (Timestamp, Timestamp), error: &Error) -> Vec<RunRecord> {
    let all = ["*".to_owned()];
    let views = if args.views.is_empty() { &all[..] } else { &args.views };
    views.iter().map(|view| RunRecord::failed("stream-ingest", view, times, error.to_string())).collect()
}

/// Answers `/metrics` and `/health` for as long as the run lasts.
async fn watch_over(listener: tokio::net::TcpListener, watch: Arc<Watch>) {
    let notice = match listener.local_addr() {
        Ok(address) => StreamNotice::Info(format!("http://{address}/metrics and /health")),
        Err(error) => StreamNotice::Warning(error.to_string()),
    };
    watch.notice(&notice);
    if let Err(error) = crate::server::watch(listener, Arc::clone(&watch) as Arc<dyn crate::server::Watched>).await {
        watch.notice(&StreamNotice::Warning(format!("`/metrics` ended: {error}")));
    }
}

/// A runtime for whatever waits for the network.
pub fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MAX_THREADS);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    runtime.map_err(|error| Error::internal("start a runtime", error))
}

/// The machine's clock.
pub fn clock() -> WallClock {
    WallClock::new(super::now)
}

fn request(context: &Context, args: &StreamIngestArgs) -> Result<StreamIngestRequest, Error> {
    Ok(StreamIngestRequest {
        views: args.views.clone(),
        to: args.to.map(destination),
        from: args.from.iter().map(|place| from(context, place)).collect::<Result<_, _>>()?,
        endpoint_url: args.endpoint_url.clone(),
        until_caught_up: args.until_caught_up,
        max_records: args.max_records,
        duration: args.duration,
        input: args.input.as_deref().map(input).transpose()?,
        on_gap: args.on_gap.map(|on_gap| match on_gap {
            OnGapArg::Fail => OnGap::Fail,
            OnGapArg::Warn => OnGap::Warn,
        }),
        log_parts: LogParts::default(),
    })
}

fn destination(to: DestinationArg) -> Destination {
    Destination { online: to != DestinationArg::Offline, offline: to != DestinationArg::Online }
}

fn input(input: &str) -> Result<Input, Error> {
    if input == "-" { Ok(Input::Standard) } else { Ok(Input::File(absolute(Path::new(input))?)) }
}

fn from(context: &Context, place: &PlaceArg) -> Result<StreamFrom, Error> {
    Ok(match place {
        PlaceArg::Latest => StreamFrom::Everywhere(StartPosition::Latest),
        PlaceArg::TrimHorizon => StreamFrom::Everywhere(StartPosition::TrimHorizon),
        PlaceArg::AtTimestamp(time) => StreamFrom::Everywhere(StartPosition::AtTimestamp(context.time(time)?)),
        PlaceArg::After(shard, position) => StreamFrom::After { shard: shard.clone(), position: position.clone() },
    })
}

/// The first signal brings an orderly end, the second ends at once: commits are whole in any case.
async fn signals(stopper: Stopper, watch: Arc<Watch>) {
    if signal().await.is_err() {
        return;
    }
    watch.notice(&StreamNotice::Info("stopping: what was read is being stored; once more ends at once".into()));
    stopper.stop();
    if signal().await.is_ok() {
        std::process::exit(KILLED);
    }
}

#[cfg(unix)]
async fn signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn signal() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

fn checks_screen(checks: &[StreamCheck], colour: bool) -> String {
    let mut text = String::new();
    for check in checks {
        let mark = if check.ok { paint("ok", GREEN, colour) } else { paint("FAIL", RED, colour) };
        text.push_str(&format!("{mark:4}  {}  {}: {}\n", check.stream, check.check, check.message));
        if let Some(hint) = &check.hint {
            text.push_str(&format!("      hint: {hint}\n"));
        }
    }
    text
}

fn screen(report: &StreamIngestReport) -> String {
    let mut columns = Columns::new(&[
        "stream",
        ">shards",
        ">records",
        ">written",
        ">stale",
        ">superseded",
        ">late",
        ">refused",
        ">time",
        "views",
    ]);
    for stream in &report.streams {
        let views: Vec<&str> = stream.views.iter().map(|view| view.view.as_str()).collect();
        columns.row([
            stream.stream.clone(),
            stream.shards.to_string(),
            grouped(stream.records),
            grouped(stream.written),
            grouped(stream.stale),
            grouped(stream.superseded),
            grouped(stream.late),
            grouped(stream.refused),
            format!("{:.2}s", stream.seconds),
            views.join(", "),
        ]);
    }
    let records: u64 = report.streams.iter().map(|stream| stream.records).sum();
    let values: u64 = report.streams.iter().map(|stream| stream.written).sum();
    let how = if report.interrupted { "Stopped after" } else { "Ingested" };
    let letters = report.streams.iter().filter_map(|stream| stream.dead_letter_file.as_deref());
    let letters = letters.fold(String::new(), |text, file| {
        let file = file.display();
        text + &format!(
            "\nRefused records are in {file}; `feast-rs push VIEW {file} --format dead-letter` replays them."
        )
    });
    format!(
        "{}\n{how} {} of {}, {} values written.{letters}",
        columns.text(),
        counted_records(records),
        counted(report.streams.len(), "stream"),
        grouped(values),
    )
}

fn counted_records(records: u64) -> String {
    if records == 1 { "1 record".to_owned() } else { format!("{} records", grouped(records)) }
}

//! How a run of `stream-ingest` goes: on the screen, and for whoever asks over HTTP.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::output::{Printer, counted, grouped};
use super::progress::Line;
use crate::feature_store::{StreamNotice, StreamObserver, StreamProgress, stream_health, stream_metrics};
use crate::server::Watched;

/// Time between two lines of a log.
const LOG_EVERY: Duration = Duration::from_secs(10);
/// Time over which rates are taken.
const RATE_OVER: Duration = Duration::from_secs(2);

/// Shows how a run goes: one line redrawn on a terminal, a line every ten seconds elsewhere.
pub struct Watch {
    printer: Printer,
    /// on the screen
    pub line: Line,
    shown: Mutex<BTreeMap<String, Shown>>,
}

/// What was last said of a stream.
struct Shown {
    text: String,
    logged: Instant,
    status: StreamProgress,
    at: Instant,
    /// counters some time ago, for the rates
    past: Vec<(Instant, u64, u64)>,
}

impl Watch {
    /// What a run says goes to `printer`.
    pub fn new(printer: &Printer) -> Self {
        Self { printer: printer.clone(), line: Line::new(printer.progress()), shown: Mutex::new(BTreeMap::new()) }
    }
}

impl StreamObserver for Watch {
    fn status(&self, status: &StreamProgress) {
        let mut all = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = all.entry(status.stream.clone()).or_insert_with(|| Shown {
            text: String::new(),
            logged: Instant::now(),
            status: StreamProgress::default(),
            at: Instant::now(),
            past: vec![(Instant::now(), 0, 0)],
        });
        shown.text = line(status, shown.rates(status));
        shown.status = status.clone();
        shown.at = Instant::now();
        if self.printer.progress() {
            let lines: Vec<&str> = all.values().map(|shown| shown.text.as_str()).collect();
            self.line.show(&lines.join("\n"));
        } else if shown.logged.elapsed() >= LOG_EVERY {
            shown.logged = Instant::now();
            self.printer.info(&shown.text);
        }
    }

    fn notice(&self, notice: &StreamNotice) {
        self.line.aside(|| match notice {
            StreamNotice::Info(text) => self.printer.info(text),
            StreamNotice::Warning(text) => self.printer.warn(text),
        });
    }
}

impl Shown {
    /// Records and bytes a second.
    #[allow(clippy::cast_precision_loss, reason = "a rate needs no more")]
    fn rates(&mut self, status: &StreamProgress) -> (f64, f64) {
        let now = Instant::now();
        self.past.push((now, status.records, status.bytes));
        while self.past.len() > 2 && self.past.get(1).is_some_and(|(at, ..)| now.duration_since(*at) > RATE_OVER) {
            self.past.remove(0);
        }
        let Some((at, records, bytes)) = self.past.first() else { return (0.0, 0.0) };
        let seconds = now.duration_since(*at).as_secs_f64().max(0.001);
        ((status.records - records) as f64 / seconds, (status.bytes - bytes) as f64 / seconds)
    }
}

/// `drivers  4 shards  12 431 rec/s  9.8 MB/s  lag 84 ms (p99 210)  stale 3  refused 1  checkpoint 0.4 s ago  up 00:12:41`
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate is positive and small")]
fn line(status: &StreamProgress, (records, bytes): (f64, f64)) -> String {
    let open = status.shards.values().filter(|shard| !shard.ended).count();
    let behind = status.shards.values().map(|shard| shard.behind).max().unwrap_or_default();
    let lag = status.lag.map_or_else(
        || format!("lag {} ms", behind.as_millis()),
        |(median, high)| format!("lag {} ms (p99 {})", median.as_millis(), high.as_millis()),
    );
    let late = if status.late > 0 { format!("  late {}", grouped(status.late)) } else { String::new() };
    let age =
        status.checkpoint_age.map(|age| format!("  checkpoint {:.1} s ago", age.as_secs_f64())).unwrap_or_default();
    let up = status.uptime.as_secs();
    format!(
        "{}  {}  {} rec/s  {:.1} MB/s  {lag}  stale {}{late}  refused {}{age}  up {:02}:{:02}:{:02}",
        status.stream,
        counted(open, "shard"),
        grouped(records.round() as u64),
        bytes / 1e6,
        grouped(status.stale),
        grouped(status.refused),
        up / 3_600,
        up / 60 % 60,
        up % 60,
    )
}

impl Watch {
    /// The counters as they are known, with everything as old as it is now.
    fn progress(&self) -> Vec<StreamProgress> {
        let all = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        all.values().map(|shown| shown.status.clone().aged(shown.at.elapsed())).collect()
    }
}

impl Watched for Watch {
    fn metrics(&self) -> String {
        stream_metrics(&self.progress())
    }

    fn health(&self) -> Result<String, String> {
        stream_health(&self.progress())
    }
}

//! What `/metrics` tells: under Feast's names what Feast's server counts too, under `feast_rs_` the rest.

mod histogram;
mod process;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use crate::feature_store::{Freshness, ViewCounts};
use histogram::Histogram;
use process::Process;

/// Upper bounds of seconds, as Feast has them.
const SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const READ_SECONDS: &[f64] = &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const RUN_SECONDS: &[f64] = &[1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];
const ENTITIES: &[f64] = &[1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0];
/// Upper bounds of the label `feature_count`, as Feast has them by default.
const FEATURE_BINS: &[usize] = &[10, 50, 200];

/// A metric with the values of its labels, in order.
type Labels = Vec<String>;

/// Everything that is counted.
#[derive(Debug)]
pub(super) struct Metrics {
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    latencies: RwLock<HashMap<LatencyLabels, Arc<Histogram>>>,
    reads: AtomicU64,
    entities: Histogram,
    read_seconds: Histogram,
    statuses: RwLock<BTreeMap<String, Arc<[AtomicU64; 3]>>>,
    pushes: Mutex<BTreeMap<Labels, u64>>,
    refused: Mutex<BTreeMap<Labels, u64>>,
    runs: Mutex<BTreeMap<Labels, u64>>,
    run_seconds: Mutex<BTreeMap<String, Histogram>>,
    process: Mutex<Process>,
    /// open connections
    pub connections: AtomicI64,
    /// changes of the registry that were picked up
    pub reloads: AtomicU64,
    /// looks at the registry that failed
    pub reload_failures: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct LatencyLabels {
    endpoint: &'static str,
    features: &'static str,
    views: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Metrics {
    pub(super) fn new() -> Self {
        Self {
            requests: Mutex::default(),
            latencies: RwLock::default(),
            reads: AtomicU64::new(0),
            entities: Histogram::new(ENTITIES),
            read_seconds: Histogram::new(READ_SECONDS),
            statuses: RwLock::default(),
            pushes: Mutex::default(),
            refused: Mutex::default(),
            runs: Mutex::default(),
            run_seconds: Mutex::default(),
            process: Mutex::new(Process::new()),
            connections: AtomicI64::new(0),
            reloads: AtomicU64::new(0),
            reload_failures: AtomicU64::new(0),
        }
    }

    /// One request was answered.
    pub(super) fn request(&self, endpoint: &'static str, status: u16) {
        *lock(&self.requests).entry((endpoint, status)).or_insert(0) += 1;
    }

    /// How long a request took; `features` and `views` are those that it named.
    pub(super) fn latency(&self, endpoint: &'static str, features: usize, views: usize, took: Duration) {
        let labels = LatencyLabels { endpoint, features: feature_bin(features), views };
        let known = self.latencies.read().unwrap_or_else(PoisonError::into_inner).get(&labels).cloned();
        let histogram = known.unwrap_or_else(|| {
            let mut all = self.latencies.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(labels).or_insert_with(|| Arc::new(Histogram::new(SECONDS))))
        });
        histogram.observe(took.as_secs_f64());
    }

    /// Features were read for so many entities.
    pub(super) fn read(&self, entities: usize, took: Duration, counts: &[ViewCounts<'_>]) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        #[allow(clippy::cast_precision_loss, reason = "entities of one request")]
        self.entities.observe(entities as f64);
        self.read_seconds.observe(took.as_secs_f64());
        for view in counts {
            let known = self.statuses.read().unwrap_or_else(PoisonError::into_inner).get(view.view).cloned();
            let counters = known.unwrap_or_else(|| {
                let mut all = self.statuses.write().unwrap_or_else(PoisonError::into_inner);
                Arc::clone(all.entry(view.view.to_owned()).or_default())
            });
            for (counter, number) in counters.iter().zip([view.present, view.not_found, view.outside_max_age]) {
                counter.fetch_add(number, Ordering::Relaxed);
            }
        }
    }

    /// Records were pushed.
    pub(super) fn push(&self, source: &str, mode: &str, refused: u64) {
        *lock(&self.pushes).entry(vec![source.to_owned(), mode.to_owned()]).or_insert(0) += 1;
        if refused > 0 {
            *lock(&self.refused).entry(vec![source.to_owned()]).or_insert(0) += refused;
        }
    }

    /// A view was materialized, or could not be.
    pub(super) fn materialized(&self, view: &str, is_done: bool, seconds: f64) {
        let status = if is_done { "success" } else { "failure" };
        *lock(&self.runs).entry(vec![view.to_owned(), status.to_owned()]).or_insert(0) += 1;
        if is_done {
            let mut runs = lock(&self.run_seconds);
            runs.entry(view.to_owned()).or_insert_with(|| Histogram::new(RUN_SECONDS)).observe(seconds);
        }
    }

    /// Everything in Prometheus's text format.
    pub(super) fn text(&self, project: &str, freshness: &[Freshness]) -> String {
        let mut out = String::new();
        self.put_requests(&mut out);
        self.put_reads(&mut out);
        self.put_writes(&mut out);
        head(&mut out, "feast_feature_freshness_seconds", "gauge", "Seconds since the end of the last materialization");
        for Freshness { view, seconds } in freshness {
            let (view, project) = (escaped(view), escaped(project));
            line(
                &mut out,
                "feast_feature_freshness_seconds",
                &[("feature_view", &view), ("project", &project)],
                seconds,
            );
        }
        self.put_process(&mut out);
        out
    }

    fn put_requests(&self, out: &mut String) {
        let name = "feast_feature_server_request_total";
        head(out, name, "counter", "Requests by endpoint and status");
        for ((endpoint, status), number) in &*lock(&self.requests) {
            line(out, name, &[("endpoint", endpoint), ("status", &status.to_string())], number);
        }
        let name = "feast_feature_server_request_latency_seconds";
        head(out, name, "histogram", "Latency of requests in seconds");
        let latencies = self.latencies.read().unwrap_or_else(PoisonError::into_inner);
        for (LatencyLabels { endpoint, features, views }, histogram) in &*latencies {
            let labels = format!("endpoint=\"{endpoint}\",feature_count=\"{features}\",feature_view_count=\"{views}\"");
            histogram.put(name, &labels, out);
        }
    }

    fn put_reads(&self, out: &mut String) {
        head(out, "feast_online_features_request_total", "counter", "Online feature retrievals");
        line(out, "feast_online_features_request_total", &[], self.reads.load(Ordering::Relaxed));
        head(out, "feast_online_features_entity_count", "histogram", "Entities of a request");
        self.entities.put("feast_online_features_entity_count", "", out);
        let name = "feast_feature_server_online_store_read_duration_seconds";
        head(out, name, "histogram", "Seconds that a request read the online store");
        self.read_seconds.put(name, "", out);
        let name = "feast_online_features_status_total";
        head(out, name, "counter", "Feature values by status and feature view");
        for (view, counters) in &*self.statuses.read().unwrap_or_else(PoisonError::into_inner) {
            for (status, counter) in ["PRESENT", "NOT_FOUND", "OUTSIDE_MAX_AGE"].iter().zip(counters.iter()) {
                let labels = [("feature_view", escaped(view)), ("status", (*status).to_owned())];
                let labels = labels.each_ref().map(|(name, value)| (*name, value.as_str()));
                line(out, name, &labels, counter.load(Ordering::Relaxed));
            }
        }
    }

    fn put_writes(&self, out: &mut String) {
        put_counts(out, "feast_push_request_total", "Pushes", ["push_source", "mode"], &lock(&self.pushes));
        let refused = &lock(&self.refused);
        put_counts(out, "feast_rs_refused_records_total", "Pushed records that were refused", ["push_source"], refused);
        let runs = &lock(&self.runs);
        let help = "Materializations by view";
        put_counts(out, "feast_materialization_result_total", help, ["feature_view", "status"], runs);
        let name = "feast_materialization_duration_seconds";
        head(out, name, "histogram", "Seconds that the materialization of a view took");
        for (view, histogram) in &*lock(&self.run_seconds) {
            histogram.put(name, &format!("feature_view=\"{}\"", escaped(view)), out);
        }
    }

    fn put_process(&self, out: &mut String) {
        let mut gauge = |name: &str, help: &str, value: f64| {
            head(out, name, "gauge", help);
            line(out, name, &[], value);
        };
        if let Some(usage) = lock(&self.process).look() {
            gauge(
                "feast_feature_server_cpu_usage",
                "Percent of one processor since the last scrape",
                usage.cpu_percent,
            );
            gauge("feast_feature_server_memory_usage", "Percent of the machine's memory", usage.memory_percent);
            gauge("feast_rs_resident_memory_bytes", "Resident memory", usage.resident);
        }
        #[allow(clippy::cast_precision_loss, reason = "a number of connections")]
        let connections = self.connections.load(Ordering::Relaxed) as f64;
        gauge("feast_rs_connections", "Open connections", connections);
        for (name, help, counter) in [
            ("feast_rs_registry_reloads_total", "Changes of the registry that were picked up", &self.reloads),
            ("feast_rs_registry_failures_total", "Looks at the registry that failed", &self.reload_failures),
        ] {
            head(out, name, "counter", help);
            line(out, name, &[], counter.load(Ordering::Relaxed));
        }
        head(out, "feast_rs_build_info", "gauge", "The version of feast-rs");
        line(out, "feast_rs_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    }
}

/// Feast's label for a number of features.
fn feature_bin(count: usize) -> &'static str {
    const NAMES: &[&str] = &["1-10", "11-50", "51-200", "201+"];
    if count == 0 {
        return "0";
    }
    let place = FEATURE_BINS.iter().position(|upper| count <= *upper).unwrap_or(FEATURE_BINS.len());
    NAMES.get(place).copied().unwrap_or_default()
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(out: &mut String, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    let braces = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    let _ = writeln!(out, "{name}{braces} {value}");
}

fn put_counts<const N: usize>(
    out: &mut String,
    name: &str,
    help: &str,
    labels: [&str; N],
    counts: &BTreeMap<Labels, u64>,
) {
    head(out, name, "counter", help);
    for (values, number) in counts {
        let values: Vec<String> = values.iter().map(|value| escaped(value)).collect();
        let labels: Vec<(&str, &str)> = labels.iter().copied().zip(values.iter().map(String::as_str)).collect();
        line(out, name, &labels, number);
    }
}

/// The value of a label: backslashes, quotes and line ends are escaped.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feasts_names_carry_feasts_labels() {
        let metrics = Metrics::new();
        metrics.request("/get-online-features", 200);
        metrics.request("/get-online-features", 200);
        metrics.latency("/get-online-features", 11, 2, Duration::from_millis(7));
        let counts = [ViewCounts { view: "a\"b", present: 5, not_found: 1, outside_max_age: 0 }];
        metrics.read(6, Duration::from_micros(30), &counts);
        metrics.push("src", "online", 2);
        metrics.materialized("v", true, 0.5);
        metrics.materialized("v", false, 0.0);
        let text = metrics.text("p", &[Freshness { view: "v".to_owned(), seconds: 12.5 }]);
        for expected in [
            "feast_feature_server_request_total{endpoint=\"/get-online-features\",status=\"200\"} 2\n",
            "feast_feature_server_request_latency_seconds_bucket{endpoint=\"/get-online-features\",\
             feature_count=\"11-50\",feature_view_count=\"2\",le=\"0.01\"} 1\n",
            "feast_online_features_request_total 1\n",
            "feast_online_features_entity_count_bucket{le=\"10.0\"} 1\n",
            "feast_online_features_status_total{feature_view=\"a\\\"b\",status=\"PRESENT\"} 5\n",
            "feast_push_request_total{push_source=\"src\",mode=\"online\"} 1\n",
            "feast_rs_refused_records_total{push_source=\"src\"} 2\n",
            "feast_materialization_result_total{feature_view=\"v\",status=\"failure\"} 1\n",
            "feast_materialization_duration_seconds_count{feature_view=\"v\"} 1\n",
            "feast_feature_freshness_seconds{feature_view=\"v\",project=\"p\"} 12.5\n",
        ] {
            assert!(text.contains(expected), "{expected}\n{text}");
        }
        assert!(text.lines().all(|line| line.starts_with('#') || line.split(' ').count() == 2), "{text}");
    }

    #[test]
    fn the_label_of_a_number_of_features_is_a_range() {
        let bins = [0, 1, 10, 11, 50, 51, 200, 201].map(feature_bin);
        assert_eq!(bins, ["0", "1-10", "1-10", "11-50", "11-50", "51-200", "51-200", "201+"]);
    }
}

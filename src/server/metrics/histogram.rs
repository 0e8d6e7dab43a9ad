//! Counts of observations below bounds, as Prometheus reads them.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many observations lay below each of some bounds, and their sum.
#[derive(Debug)]
pub(super) struct Histogram {
    bounds: &'static [f64],
    /// one a bound, and one for what lies above all of them
    counts: Vec<AtomicU64>,
    /// in millionths
    sum: AtomicU64,
}

const MILLION: f64 = 1e6;

impl Histogram {
    pub(super) fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }

    pub(super) fn observe(&self, value: f64) {
        let place = self.bounds.iter().position(|bound| value <= *bound).unwrap_or(self.bounds.len());
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "times and counts are positive")]
        self.sum.fetch_add((value * MILLION) as u64, Ordering::Relaxed);
    }

    /// Adds the lines of the metric `name`; `labels` are `a="b"` with commas between.
    pub(super) fn put(&self, name: &str, labels: &str, out: &mut String) {
        let mut below = 0;
        let comma = if labels.is_empty() { "" } else { "," };
        for (place, count) in self.counts.iter().enumerate() {
            below += count.load(Ordering::Relaxed);
            let bound = self.bounds.get(place).map_or_else(|| "+Inf".to_owned(), |bound| format!("{bound:?}"));
            let _ = writeln!(out, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {below}");
        }
        #[allow(clippy::cast_precision_loss, reason = "a sum of seconds")]
        let sum = self.sum.load(Ordering::Relaxed) as f64 / MILLION;
        let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = writeln!(out, "{name}_sum{braces} {sum}\n{name}_count{braces} {below}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_a_bound_belongs_to_its_own() {
        let histogram = Histogram::new(&[0.5, 2.0]);
        for value in [0.25, 0.5, 1.0, 9.0] {
            histogram.observe(value);
        }
        let mut out = String::new();
        histogram.put("m", "a=\"b\"", &mut out);
        let expected = "m_bucket{a=\"b\",le=\"0.5\"} 2\nm_bucket{a=\"b\",le=\"2.0\"} 3\n\
                        m_bucket{a=\"b\",le=\"+Inf\"} 4\nm_sum{a=\"b\"} 10.75\nm_count{a=\"b\"} 4\n";
        assert_eq!(out, expected);
        out.clear();
        histogram.put("m", "", &mut out);
        assert!(out.contains("m_bucket{le=\"0.5\"} 2\n") && out.ends_with("m_sum 10.75\nm_count 4\n"), "{out}");
    }
}

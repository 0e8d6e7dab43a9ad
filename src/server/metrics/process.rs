//! What the process takes of the machine, where Linux says so.

use std::fs;
use std::time::Instant;

/// Ticks of processor time in a second, as Linux counts them for programs on every architecture.
const TICKS: f64 = 100.0;
const PAGE: f64 = 4096.0;

/// Processor time at an earlier look.
#[derive(Debug)]
pub(super) struct Process {
    at: Instant,
    seconds: f64,
}

/// One look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// percent of one processor since the last look
    pub cpu_percent: f64,
    /// bytes
    pub resident: f64,
    /// percent of the machine's memory
    pub memory_percent: f64,
}

impl Process {
    pub(super) fn new() -> Self {
        Self { at: Instant::now(), seconds: cpu_seconds().unwrap_or(0.0) }
    }

    pub(super) fn look(&mut self) -> Option<Usage> {
        let (now, seconds) = (Instant::now(), cpu_seconds()?);
        let passed = now.duration_since(self.at).as_secs_f64().max(0.001);
        let cpu_percent = (seconds - self.seconds) / passed * 100.0;
        (self.at, self.seconds) = (now, seconds);
        let resident = word(&fs::read_to_string("/proc/self/statm").ok()?, 1)? * PAGE;
        let total = word(fs::read_to_string("/proc/meminfo").ok()?.lines().next()?, 1)? * 1024.0;
        Some(Usage { cpu_percent, resident, memory_percent: resident / total * 100.0 })
    }
}

/// User and system time of all threads.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // the name of the program stands in parentheses and may hold anything
    let (_, after) = stat.rsplit_once(')')?;
    Some((word(after, 11)? + word(after, 12)?) / TICKS)
}

fn word(line: &str, place: usize) -> Option<f64> {
    line.split_ascii_whitespace().nth(place)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn linux_tells() {
        let usage = Process::new().look().unwrap();
        assert!(usage.resident > 1e6 && usage.memory_percent > 0.0 && usage.cpu_percent >= 0.0, "{usage:?}");
    }
}

//! When a shard may be read again.
//!
//! A shard allows five reads a second and some bytes a second to all its readers together; beyond either it answers
//! `ProvisionedThroughputExceeded`, and asking again at once makes it worse. Reads are therefore a fixed time apart,
//! whatever they bring: answers, refusals or faults. What the bytes may be is learned from refusals.

use std::time::Duration;

use tokio::time::Instant;

/// Empty answers for so long make a shard idle.
const IDLE_AFTER: Duration = Duration::from_secs(10);
/// Time between two reads of an idle shard.
const IDLE_INTERVAL: Duration = Duration::from_secs(1);
/// The first wait after a refusal or a fault, before jitter.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait after a refusal: a shard refuses for a second, after a large answer for five.
const LONGEST_WAIT_THROTTLED: Duration = Duration::from_millis(2_500);
/// The longest wait after a fault.
const LONGEST_WAIT_FAULT: Duration = Duration::from_secs(5);
/// The time over which bytes are averaged: after its largest answer a shard refuses for five seconds.
const WINDOW: Duration = Duration::from_secs(5);
/// The byte rate is never learned to be less than this.
const LEAST_RATE: f64 = 512.0 * 1024.0;
/// A rate beyond this is as good as none.
const FREE_RATE: f64 = 32.0 * 1024.0 * 1024.0;
/// How much the learned rate grows in a second.
const GROWTH: f64 = 1.01;
/// How much of what was let through is tried next.
const CAUTION: f64 = 0.9;

/// When one shard may be read again. Knows no clock: every instant is told.
#[derive(Debug)]
pub struct Pace {
    interval: Duration,
    /// no read before then
    next: Instant,
    idle_since: Option<Instant>,
    failures: u32,
    /// bytes a second that the shard let through when it refused; `None`: it never did
    rate: Option<f64>,
    /// answers of the last seconds
    recent: Vec<(Instant, usize)>,
    /// the last answer
    answered: Instant,
}

impl Pace {
    /// So many reads a second at most; the first may happen now.
    #[must_use]
    pub fn new(reads_per_second: f64, now: Instant) -> Self {
        let interval = Duration::try_from_secs_f64(1.0 / reads_per_second).unwrap_or(IDLE_INTERVAL);
        Self { interval, next: now, idle_since: None, failures: 0, rate: None, recent: Vec::new(), answered: now }
    }

    /// The earliest instant of the next read.
    #[must_use]
    pub fn next(&self) -> Instant {
        self.next
    }

    /// A read begins.
    pub fn begin(&mut self, now: Instant) {
        self.next = now + self.interval();
    }

    /// It was answered: `caught_up` where it was empty and nothing lay behind.
    pub fn answered(&mut self, now: Instant, bytes: usize, caught_up: bool) {
        self.failures = 0;
        if caught_up {
            self.idle_since.get_or_insert(now);
        } else {
            self.idle_since = None;
        }
        self.recent.retain(|(when, _)| now.duration_since(*when) < WINDOW);
        self.recent.push((now, bytes));
        if let Some(rate) = &mut self.rate {
            #[allow(clippy::cast_precision_loss, reason = "a wait needs no more")]
            let wait = Duration::from_secs_f64(bytes as f64 / *rate);
            self.next = self.next.max(now + wait);
            *rate *= GROWTH.powf(now.duration_since(self.answered).as_secs_f64());
        }
        self.answered = now;
        self.rate = self.rate.filter(|rate| *rate < FREE_RATE);
        if self.is_idle(now) {
            self.next = self.next.max(now + IDLE_INTERVAL);
        }
    }

    /// It was refused: too many reads or too many bytes.
    pub fn throttled(&mut self, now: Instant, jitter: f64) {
        // a refusal after a refusal says nothing new
        if self.failures == 0 {
            self.recent.retain(|(when, _)| now.duration_since(*when) < WINDOW);
            let bytes: usize = self.recent.iter().map(|(_, bytes)| bytes).sum();
            #[allow(clippy::cast_precision_loss, reason = "a rate needs no more")]
            let let_through = bytes as f64 / WINDOW.as_secs_f64();
            self.rate = Some((let_through * CAUTION).max(LEAST_RATE));
        }
        self.wait(now, LONGEST_WAIT_THROTTLED, jitter);
    }

    /// It failed on the way.
    pub fn failed(&mut self, now: Instant, jitter: f64) {
        self.wait(now, LONGEST_WAIT_FAULT, jitter);
    }

    /// How often in a row it was refused or failed.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Twice as long each time, of which a random part (`jitter`: 0 to 1) is waited.
    fn wait(&mut self, now: Instant, longest: Duration, jitter: f64) {
        let doubled = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(self.failures.min(8)));
        self.failures = self.failures.saturating_add(1);
        let most = doubled.min(longest).saturating_sub(FIRST_WAIT);
        self.next = self.next.max(now + FIRST_WAIT + most.mul_f64(jitter.clamp(0.0, 1.0)));
    }

    fn is_idle(&self, now: Instant) -> bool {
        self.idle_since.is_some_and(|since| now.duration_since(since) >= IDLE_AFTER)
    }

    fn interval(&self) -> Duration {
        if self.idle_since.is_some_and(|since| self.next.duration_since(since) >= IDLE_AFTER) {
            self.interval.max(IDLE_INTERVAL)
        } else {
            self.interval
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    /// Reads for so long; says when.
    fn reads(
        pace: &mut Pace,
        from: Instant,
        long: Duration,
        mut answer: impl FnMut(&mut Pace, Instant),
    ) -> Vec<Duration> {
        let mut when = Vec::new();
        while pace.next().duration_since(from) < long {
            let now = pace.next();
            pace.begin(now);
            answer(pace, now);
            when.push(now.duration_since(from));
        }
        when
    }

    fn most_in_a_second(when: &[Duration]) -> usize {
        let second = Duration::from_secs(1);
        when.iter()
            .map(|start| when.iter().filter(|at| **at >= *start && **at < *start + second).count())
            .max()
            .unwrap()
    }

    #[test]
    fn never_more_reads_a_second_than_allowed_however_they_end() {
        let now = Instant::now();
        let mut pace = Pace::new(4.0, now);
        let mut turn = 0;
        let when = reads(&mut pace, now, Duration::from_mins(1), |pace, now| {
            turn += 1;
            match turn % 3 {
                0 => pace.throttled(now, 0.0),
                1 => pace.failed(now, 0.0),
                _ => pace.answered(now, 100, false),
            }
        });
        assert_eq!(most_in_a_second(&when), 4);
        assert!(when.len() > 200, "{}", when.len());
    }

    #[test]
    fn an_idle_shard_is_read_once_a_second_until_something_comes() {
        let now = Instant::now();
        let mut pace = Pace::new(4.0, now);
        let when = reads(&mut pace, now, Duration::from_secs(70), |pace, now| pace.answered(now, 0, true));
        let early = when.iter().filter(|at| at.as_secs() < 10).count();
        let late = when.iter().filter(|at| at.as_secs() >= 10).count();
        assert!((40..=41).contains(&early), "{early}");
        assert!(late <= 60, "{late}");
        let now = pace.next();
        pace.begin(now);
        pace.answered(now, 100, false);
        let when = reads(&mut pace, now, Duration::from_secs(5), |pace, now| pace.answered(now, 100, false));
        assert!(when.len() >= 15, "{}", when.len());
    }

    #[test]
    fn a_sparse_shard_that_lies_behind_is_not_idle() {
        let now = Instant::now();
        let mut pace = Pace::new(4.0, now);
        let when = reads(&mut pace, now, Duration::from_secs(30), |pace, now| pace.answered(now, 0, false));
        assert!(when.len() >= 119, "{}", when.len());
    }

    /// A shard as AWS has it: two megabytes a second, and large answers on credit.
    #[test]
    fn the_byte_rate_is_learned_and_used_well() {
        let now = Instant::now();
        let mut pace = Pace::new(4.0, now);
        let (mut read, mut refused, mut open) = (0, 0, now);
        reads(&mut pace, now, Duration::from_mins(5), |pace, now| {
            if now < open {
                refused += 1;
                pace.throttled(now, 0.5);
                return;
            }
            read += 10 * MIB;
            open = now + Duration::from_secs(5);
            pace.answered(now, 10 * MIB, false);
        });
        assert!(read >= 300 * 2 * MIB * 85 / 100, "read {} MiB in 300 s", read / MIB);
        assert!(refused < 40, "{refused} refusals");
    }

    #[test]
    fn waits_grow_with_failures_stay_bounded_and_end_with_an_answer() {
        let now = Instant::now();
        let mut pace = Pace::new(4.0, now);
        let mut longest = Duration::ZERO;
        for _ in 0..20 {
            let now = pace.next();
            pace.begin(now);
            pace.throttled(now, 1.0);
            longest = longest.max(pace.next().duration_since(now));
        }
        assert_eq!(longest, LONGEST_WAIT_THROTTLED);
        let now = pace.next();
        pace.begin(now);
        pace.answered(now, 1000, false);
        assert_eq!((pace.failures(), pace.next().duration_since(now)), (0, Duration::from_millis(250)));
    }
}

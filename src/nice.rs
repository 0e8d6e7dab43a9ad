//! Work that gives way to everything else on the machine: whoever answers a request is waited for, whoever materializes is not.
//!
//! A low priority alone leaves a server's threads waiting. When one wakes up, the kernel looks for an idle processor, and one
//! that runs anything is none, however low its priority: two threads of the server then share a processor beside it until the
//! next tick, 4 ms later. A thread that sleeps now and then leaves an idle processor behind, and so they find one.

#[cfg(target_os = "linux")]
pub use linux::{lowest, pause};

/// Elsewhere a priority is that of the whole process: it stays as it is.
#[cfg(not(target_os = "linux"))]
pub fn lowest() {}

/// Elsewhere no thread has a priority of its own: none pauses.
#[cfg(not(target_os = "linux"))]
pub fn pause() {}

#[cfg(target_os = "linux")]
mod linux {
    use std::cell::Cell;
    use std::thread;
    use std::time::{Duration, Instant};

    use rustix::process::{getpriority_process, setpriority_process};
    use rustix::time::{ClockId, clock_gettime};

    /// The lowest ordinary priority.
    const LOWEST: i32 = 19;
    /// Work between two pauses.
    const STRETCH: Duration = Duration::from_micros(300);
    /// With what the kernel adds, about twice as long.
    const PAUSE: Duration = Duration::from_micros(50);
    /// A thread that lost less time than this had its processor for itself.
    const NEGLIGIBLE: Duration = Duration::from_micros(10);
    /// For so long after somebody else wanted the processor there are pauses.
    const BUSY: Duration = Duration::from_millis(10);

    /// Gives this thread the lowest ordinary priority, nice 19, and with it those that it starts from now on. Where that is
    /// not allowed, all goes on as it was.
    pub fn lowest() {
        let _ = setpriority_process(None, LOWEST);
    }

    /// A place at which a thread of the lowest priority sleeps for a moment, if others want the processors and its last
    /// pause is some time ago. For loops: where there is nothing to do it costs a look at the clock.
    pub fn pause() {
        thread_local! {
            static WORK: Option<Cell<Work>> =
                (getpriority_process(None) == Ok(LOWEST)).then(|| Cell::new(Work::begin(None)));
        }
        WORK.with(|work| {
            let Some(work) = work else { return };
            let (begun, now) = (work.get(), Instant::now());
            if now.duration_since(begun.began) < STRETCH {
                return;
            }
            let busy_until = begun.busy_until(now, processor_time());
            if busy_until.is_some() {
                thread::sleep(PAUSE);
            }
            work.set(Work::begin(busy_until));
        });
    }

    /// What a thread does between two pauses.
    #[derive(Clone, Copy)]
    struct Work {
        began: Instant,
        /// processor time of the thread by then
        used: Duration,
        /// others want the processor, until then at least
        busy_until: Option<Instant>,
    }

    impl Work {
        fn begin(busy_until: Option<Instant>) -> Self {
            Self { began: Instant::now(), used: processor_time(), busy_until }
        }

        /// Until when others want the processor, by what this work got of it until `now`; `None`: nobody does.
        fn busy_until(&self, now: Instant, used: Duration) -> Option<Instant> {
            let lost = now.duration_since(self.began).saturating_sub(used.saturating_sub(self.used));
            if lost > NEGLIGIBLE {
                return Some(now + BUSY);
            }
            self.busy_until.filter(|until| now < *until)
        }
    }

    /// Of this thread, so far.
    fn processor_time() -> Duration {
        Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn who_had_the_processor_for_itself_does_not_pause_and_who_lost_it_does_for_a_while() {
            let began = Instant::now();
            let (alone, shared) = (Duration::from_micros(995), Duration::from_micros(700));
            let millis = |millis| began + Duration::from_millis(millis);
            let work = Work { began, used: Duration::from_secs(3), busy_until: None };
            assert_eq!(work.busy_until(millis(1), work.used + alone), None);
            let busy_until = work.busy_until(millis(1), work.used + shared);
            assert_eq!(busy_until, Some(millis(11)));

            let after = |millis_after| Work { began: millis(millis_after), used: Duration::ZERO, busy_until };
            assert_eq!(after(9).busy_until(millis(10), alone), Some(millis(11)));
            assert_eq!(after(10).busy_until(millis(11), alone), None);
        }

        #[test]
        fn only_threads_of_the_lowest_priority_pause_and_those_that_they_start() {
            let processor_for = |time: Duration| {
                let until = processor_time() + time;
                while processor_time() < until {}
            };
            let sleeps = move || {
                pause();
                let before = voluntary_switches();
                for _ in 0..5 {
                    processor_for(STRETCH);
                    // a loss that the next look finds
                    thread::sleep(PAUSE);
                    pause();
                }
                voluntary_switches() - before
            };
            let started_with_tests = thread::spawn(sleeps).join().unwrap();
            let lowest = thread::spawn(move || {
                lowest();
                thread::spawn(sleeps).join().unwrap()
            });
            let lowest = lowest.join().unwrap();
            // the tests themselves may run at nice 19
            let are_tests_lowest = getpriority_process(None) == Ok(LOWEST);
            assert_eq!(
                (started_with_tests >= 10, lowest >= 10),
                (are_tests_lowest, true),
                "{started_with_tests} {lowest}"
            );
        }

        /// How often this thread went to sleep (proc(5), `status`).
        fn voluntary_switches() -> u64 {
            let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
            line.trim().parse().unwrap()
        }
    }
}

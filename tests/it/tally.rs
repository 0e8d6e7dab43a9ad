//! What a suite has tried, counted: one line, which `tests/run trust` gathers into a table.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Attempts of one kind, and what came of them.
pub struct Tally {
    what: String,
    tried: AtomicU64,
    wrong: Mutex<Vec<String>>,
}

impl Tally {
    /// Nothing tried yet. `what` names the attempts in the table.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), tried: AtomicU64::new(0), wrong: Mutex::default() }
    }

    /// How many attempts there were.
    pub fn tried(&self) -> u64 {
        self.tried.load(Ordering::Relaxed)
    }

    /// Counts an attempt that a later `check` looks at.
    pub fn count(&self) {
        self.tried.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an attempt, and what `check` finds wrong with it; the next one is tried in any case.
    pub fn attempt(&self, check: impl FnOnce()) {
        self.count();
        self.check(check);
    }

    /// Counts what `check` finds wrong.
    pub fn check(&self, check: impl FnOnce()) {
        if let Err(cause) = catch_unwind(AssertUnwindSafe(check)) {
            self.wrong.lock().unwrap().push(message(cause.as_ref()));
        }
    }

    /// Prints the line, and fails where anything was wrong.
    #[track_caller]
    #[allow(clippy::print_stdout, reason = "the figures are what the suite is run for")]
    pub fn report(self) {
        let (what, tried, wrong) = (self.what, self.tried.into_inner(), self.wrong.into_inner().unwrap());
        let [lost, regressed, panics] = sorted(&wrong);
        println!("trust: {what}: {tried} tried, {lost} lost, {regressed} regressed, {panics} panics");
        assert!(wrong.is_empty(), "{what}: {} of {tried} went wrong:\n{}", wrong.len(), wrong.join("\n\n"));
    }
}

/// How many of these are lost, regressed, panicked. What is neither said to have gone back nor a panic counts as lost.
fn sorted(wrong: &[String]) -> [usize; 3] {
    let panics = wrong.iter().filter(|text| text.contains("panicked at")).count();
    let regressed = wrong.iter().filter(|text| !text.contains("panicked at") && text.contains("went back")).count();
    [wrong.len() - panics - regressed, regressed, panics]
}

fn message(cause: &(dyn Any + Send)) -> String {
    let text = cause.downcast_ref::<String>().cloned();
    text.or_else(|| cause.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}

#[test]
fn a_tally_counts_what_goes_wrong_and_fails() {
    let tally = Tally::new("nothing");
    tally.attempt(|| ());
    tally.attempt(|| panic!("a row is missing"));
    tally.attempt(|| panic!("a value went back"));
    tally.attempt(|| panic!("thread 'main' panicked at src/x.rs"));
    assert_eq!((tally.tried(), sorted(&tally.wrong.lock().unwrap())), (4, [1, 1, 1]));
    assert!(catch_unwind(AssertUnwindSafe(|| tally.report())).is_err());
}

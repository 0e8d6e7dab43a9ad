//! Which call fails, and how.

use std::collections::BTreeMap;

use serde_json::Value;

/// How a call fails.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// an error of the service by its code: status 400, or 500 for `InternalFailureException`
    Error(String),
    /// an HTTP status with a body that is no JSON
    Status(u16),
    /// the connection ends in the middle of the answer
    Reset,
    /// half of the JSON, in an answer that is otherwise whole
    Truncated,
    /// no answer for so many milliseconds of the machine's time, and then none
    Hang(u64),
    /// an answer that takes so many milliseconds of the machine's time
    Slow(u64),
    /// the page before this one once more, and an iterator that stands behind that page
    DuplicatePage,
    /// an empty page that says that there is more
    EmptyPage,
    /// the answer is done, but its confirmation is lost: status 500 after the fact
    LostAnswer,
    /// an event stream that so many events later has a wrong checksum
    CorruptFrame(usize),
    /// an event stream that so many events later ends inside a frame
    CutFrame(usize),
    /// an event stream that so many events later brings a frame of the type `error`
    ErrorFrame(usize),
    /// an event stream that so many events later brings an exception with this code
    ExceptionFrame(usize, String),
    /// an event stream that so many events later says nothing more, not even heartbeats
    SilentFrames(usize),
    /// an event stream without the initial response that comes first
    NoInitialResponse,
    /// an event stream that so many events later ends as if it were done
    EarlyEnd(usize),
}

impl Fault {
    pub fn error(code: &str) -> Self {
        Self::Error(code.to_owned())
    }

    pub fn throttled() -> Self {
        Self::error("ProvisionedThroughputExceededException")
    }
}

/// Which calls of an operation fail.
#[derive(Clone, Debug)]
pub struct Rule {
    pub operation: String,
    /// any where none is named
    pub shard: Option<String>,
    pub when: When,
    pub fault: Fault,
}

/// Counted from 1, by operation and shard, from when the rule was made.
#[derive(Clone, Debug)]
pub enum When {
    Call(u64),
    Calls(std::ops::Range<u64>),
    Every(u64),
    /// so many of a hundred, by chance, and by that seed always the same ones
    Percent(u32, u64),
    Always,
}

impl Rule {
    pub fn new(operation: &str, when: When, fault: Fault) -> Self {
        Self { operation: operation.to_owned(), shard: None, when, fault }
    }

    pub fn of_shard(mut self, shard: &str) -> Self {
        self.shard = Some(shard.to_owned());
        self
    }

    /// `{"operation": .., "shard"?: .., "call"?|"every"?|"percent"? (with "seed"?): .., "fault": NAME, "code"?: .., "status"?: .., "milliseconds"?: .., "events"?: ..}`
    pub fn from_json(value: &Value) -> Option<Self> {
        let number = |key: &str| value[key].as_u64();
        let events = || usize::try_from(number("events").unwrap_or(0)).ok();
        let code = value["code"].as_str().unwrap_or("InternalFailureException");
        let when = if let Some(call) = number("call") {
            When::Call(call)
        } else if let Some(every) = number("every") {
            When::Every(every)
        } else if let Some(percent) = number("percent") {
            When::Percent(u32::try_from(percent).ok()?, number("seed").unwrap_or(0))
        } else {
            When::Always
        };
        let fault = match value["fault"].as_str()? {
            "error" => Fault::error(code),
            "status" => Fault::Status(u16::try_from(number("status")?).ok()?),
            "reset" => Fault::Reset,
            "truncated" => Fault::Truncated,
            "hang" => Fault::Hang(number("milliseconds")?),
            "slow" => Fault::Slow(number("milliseconds")?),
            "duplicate_page" => Fault::DuplicatePage,
            "empty_page" => Fault::EmptyPage,
            "lost_answer" => Fault::LostAnswer,
            "corrupt_frame" => Fault::CorruptFrame(events()?),
            "cut_frame" => Fault::CutFrame(events()?),
            "error_frame" => Fault::ErrorFrame(events()?),
            "exception_frame" => Fault::ExceptionFrame(events()?, code.to_owned()),
            "silent_frames" => Fault::SilentFrames(events()?),
            "no_initial_response" => Fault::NoInitialResponse,
            "early_end" => Fault::EarlyEnd(events()?),
            _ => return None,
        };
        let shard = value["shard"].as_str().map(str::to_owned);
        Some(Self { operation: value["operation"].as_str()?.to_owned(), shard, when, fault })
    }
}

/// Every rule, and how many calls each has seen.
#[derive(Debug, Default)]
pub(crate) struct Script {
    rules: Vec<(Rule, BTreeMap<String, u64>, u64)>,
}

impl Script {
    pub fn add(&mut self, rule: Rule) {
        let seed = if let When::Percent(_, seed) = rule.when { seed } else { 0 };
        self.rules.push((rule, BTreeMap::new(), seed));
    }

    /// How this call fails: the first rule that takes it decides; all of them count it.
    pub fn next(&mut self, operation: &str, shard: &str) -> Option<Fault> {
        let mut found = None;
        for (rule, counts, random) in &mut self.rules {
            if rule.operation != operation || rule.shard.as_deref().is_some_and(|wanted| wanted != shard) {
                continue;
            }
            let count = counts.entry(shard.to_owned()).or_default();
            *count += 1;
            let takes = match &rule.when {
                When::Call(call) => count == call,
                When::Calls(calls) => calls.contains(count),
                When::Every(every) => count.is_multiple_of(*every),
                When::Percent(percent, _) => next_random(random) % 100 < u64::from(*percent),
                When::Always => true,
            };
            if takes && found.is_none() {
                found = Some(rule.fault.clone());
            }
        }
        found
    }
}

/// `SplitMix64`: small, and the same on every machine.
pub fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    #[test]
    fn calls_are_counted_by_shard() {
        let mut script = super::Script::default();
        script.add(super::Rule::new("GetRecords", super::When::Call(2), super::Fault::Reset));
        script.add(super::Rule::new("GetRecords", super::When::Every(3), super::Fault::Truncated).of_shard("b"));
        assert_eq!(script.next("GetRecords", "a"), None);
        assert_eq!(script.next("GetRecords", "b"), None);
        assert_eq!(script.next("ListShards", ""), None);
        assert_eq!(script.next("GetRecords", "a"), Some(super::Fault::Reset));
        assert_eq!(script.next("GetRecords", "b"), Some(super::Fault::Reset));
        assert_eq!(script.next("GetRecords", "b"), Some(super::Fault::Truncated));
    }

    #[test]
    fn chance_is_the_same_for_the_same_seed() {
        let faults = |seed| {
            let mut script = super::Script::default();
            script.add(super::Rule::new("GetRecords", super::When::Percent(50, seed), super::Fault::Reset));
            (0..1000).map(|_| script.next("GetRecords", "a").is_some()).collect::<Vec<_>>()
        };
        assert_eq!(faults(1), faults(1));
        assert_ne!(faults(1), faults(2));
        let hits = faults(3).iter().filter(|hit| **hit).count();
        assert!((400..600).contains(&hits), "{hits}");
    }
}

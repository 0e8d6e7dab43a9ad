//! What was asked of the simulator.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    /// milliseconds since 1970, on the simulator's clock
    pub at: i64,
    /// error code that it was answered with, a scripted fault included
    pub refused: Option<String>,
    /// records that it delivered
    pub records: usize,
}

/// Calls by operation and shard (empty for operations on a stream).
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    calls: BTreeMap<(String, String), Vec<Call>>,
}

impl Statistics {
    pub(crate) fn add(&mut self, operation: &str, shard: &str, call: Call) {
        self.calls.entry((operation.to_owned(), shard.to_owned())).or_default().push(call);
    }

    pub(crate) fn clear(&mut self) {
        self.calls.clear();
    }

    pub fn calls(&self, operation: &str, shard: &str) -> &[Call] {
        self.calls.get(&(operation.to_owned(), shard.to_owned())).map_or(&[], Vec::as_slice)
    }

    pub fn shards(&self, operation: &str) -> Vec<String> {
        self.calls.keys().filter(|(called, _)| called == operation).map(|(_, shard)| shard.clone()).collect()
    }

    /// How often an operation was called, on whatever.
    pub fn count(&self, operation: &str) -> usize {
        self.calls.iter().filter(|((called, _), _)| called == operation).map(|(_, calls)| calls.len()).sum()
    }

    /// The most reads that any shard was asked for within one second, refused ones included.
    pub fn most_reads_in_a_second(&self) -> usize {
        let reads = self.calls.iter().filter(|((operation, _), _)| operation == "GetRecords");
        reads.map(|(_, calls)| most_in(calls, 1000)).max().unwrap_or(0)
    }

    /// Calls that a script answered, or that were refused.
    pub fn faults(&self) -> usize {
        self.calls.values().flatten().filter(|call| call.refused.is_some()).count()
    }

    /// Reads that were refused because they were too many.
    pub fn throttled(&self) -> usize {
        let reads = self.calls.iter().filter(|((operation, _), _)| operation == "GetRecords");
        let refused = |call: &&Call| call.refused.as_deref() == Some("ProvisionedThroughputExceededException");
        reads.map(|(_, calls)| calls.iter().filter(refused).count()).sum()
    }

    pub(crate) fn to_json(&self) -> Value {
        let calls = self.calls.iter().map(|((operation, shard), calls)| {
            let refused = calls.iter().filter(|call| call.refused.is_some()).count();
            let records: usize = calls.iter().map(|call| call.records).sum();
            let times: Vec<i64> = calls.iter().map(|call| call.at).collect();
            json!({"operation": operation, "shard": shard, "calls": calls.len(), "refused": refused, "records": records,
                "at": times})
        });
        json!({"calls": calls.collect::<Vec<_>>(), "most_reads_in_a_second": self.most_reads_in_a_second()})
    }
}

/// The most calls within any span of so many milliseconds.
fn most_in(calls: &[Call], span: i64) -> usize {
    let (mut first, mut most) = (0, 0);
    for (index, call) in calls.iter().enumerate() {
        while calls[first].at <= call.at - span {
            first += 1;
        }
        most = most.max(index + 1 - first);
    }
    most
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_busiest_second_is_found_wherever_it_begins() {
        let call = |at| super::Call { at, refused: None, records: 0 };
        let calls: Vec<_> = [0, 600, 900, 1100, 1599, 1600, 5000].map(call).into();
        assert_eq!(super::most_in(&calls, 1000), 4);
        assert_eq!(super::most_in(&[], 1000), 0);
    }
}

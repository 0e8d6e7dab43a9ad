//! Pass 1 of a point-in-time join: for each entity row the newest row of the source at or before its instant.

use super::scan::{Rows, Scan, Sink, Window};
use crate::row::{KeyEncoder, Refusal};
use crate::source::SourceError;
use crate::source::as_of::{Answers, Questions};

impl Scan<'_> {
    /// For each of `questions`, in their order, the number of the newest row at or before the instant: newest event, then
    /// newest created time, then the later row; none that is older than `ttl` microseconds. Rows whose key cannot be one
    /// match nothing. `threads` does not change the result.
    pub fn as_of(
        &self,
        questions: &Questions,
        pairs: usize,
        ttl: Option<i64>,
        encoder: &KeyEncoder,
        threads: usize,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Vec<Option<u64>>, SourceError> {
        let Some((first, last)) = questions.bounds() else { return Ok(vec![None; pairs]) };
        let start = ttl.map_or(i64::MIN, |ttl| first.saturating_sub(ttl));
        let window = Window { start, end: last, late_after: None, not_after: i64::MAX };
        let mut sinks: Vec<Join<'_>> = (0..threads.max(1)).map(|_| Join { answers: Answers::new(questions) }).collect();
        self.run(&window, encoder, &[], &mut sinks, progress)?;
        let mut whole = Answers::new(questions);
        for sink in &sinks {
            whole.merge(&sink.answers);
        }
        Ok(whole.rows(pairs, ttl))
    }
}

struct Join<'a> {
    answers: Answers<'a>,
}

impl Sink for Join<'_> {
    fn take(&mut self, rows: &Rows<'_>) -> Result<(), SourceError> {
        for (key, stamp) in rows.keys.iter().zip(rows.stamps).filter(|(key, _)| !key.is_empty()) {
            self.answers.offer(key, *stamp);
        }
        Ok(())
    }

    fn count(&mut self, _in_window: u64, _undated: u64) {}

    fn refuse(&mut self, _row: u64, _refusal: Refusal) {}

    fn dropped(&mut self, _rows: u64) {}
}

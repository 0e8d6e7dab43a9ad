//! Pass 1 of a point-in-time join: for each entity row the newest row of the source at or before its instant.

use arrow::array::ArrayRef;

use super::reduce::Refused;
use super::scan::{Rows, Scan, Sink, Window};
use super::step;
use crate::row::{KeyEncoder, Refusal};
use crate::source::SourceError;
use crate::source::as_of::{Answers, Questions};

/// How a scan answers questions.
#[derive(Clone, Copy)]
pub struct AsOf<'a> {
    /// microseconds before the instant beyond which no row counts
    pub ttl: Option<i64>,
    /// what the source's rows are numbered from, among those of several sources
    pub first_row: u64,
    /// tells good rows; without one all are
    pub judge: Option<&'a dyn Judge>,
    /// threads that read; their number does not change the result
    pub threads: usize,
}

/// Tells rows that can be used from those that cannot.
pub trait Judge: Sync {
    /// The columns of the files that it looks at.
    fn columns(&self) -> &[String];

    /// The rows that cannot be used, ascending.
    ///
    /// # Errors
    /// Columns of other types than the files declare.
    fn refused(&self, rows: usize, columns: &[ArrayRef]) -> Result<Vec<Refusal>, SourceError>;
}

impl Scan<'_> {
    /// Offers every row that may answer one of the questions of `answers`. Rows whose key cannot be one match nothing. What
    /// comes back are the rows that could not be computed.
    pub fn answer(
        &self,
        answers: &mut Answers<'_>,
        how: &AsOf<'_>,
        encoder: &KeyEncoder,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Refused, SourceError> {
        let questions = answers.questions();
        let Some((first, last)) = questions.bounds() else { return Ok(Refused::default()) };
        let start = how.ttl.map_or(i64::MIN, |ttl| first.saturating_sub(ttl));
        let window = Window { start, end: last, late_after: None, not_after: i64::MAX };
        let sink =
            || Join { scan: self, how, questions, answers: Answers::new(questions), refused: Refused::default() };
        let mut sinks: Vec<Join<'_, '_>> = (0..how.threads.max(1)).map(|_| sink()).collect();
        let columns = how.judge.map_or(&[][..], |judge| judge.columns());
        self.run(&window, encoder, columns, &mut sinks, progress)?;
        let mut refused = Refused::default();
        for sink in sinks {
            answers.merge(&sink.answers);
            refused.merge(sink.refused);
        }
        Ok(refused)
    }
}

struct Join<'a, 'q> {
    scan: &'a Scan<'a>,
    how: &'a AsOf<'a>,
    questions: &'q Questions,
    answers: Answers<'q>,
    refused: Refused,
}

impl Sink for Join<'_, '_> {
    fn take(&mut self, rows: &Rows<'_>) -> Result<(), SourceError> {
        if let Some(judge) = self.how.judge {
            return self.judged(judge, rows);
        }
        for (key, stamp) in rows.keys.iter().zip(rows.stamps).filter(|(key, _)| !key.is_empty()) {
            self.answers.offer(key, stamp.after(self.how.first_row));
        }
        Ok(())
    }

    fn count(&mut self, _in_window: u64, _undated: u64) {}

    fn refuse(&mut self, _row: u64, _refusal: Refusal) {}

    fn uncomputed(&mut self, row: u64, refusal: Refusal) {
        // where rows are judged they are looked at for the second time
        if self.how.judge.is_none() {
            self.refused.add(self.how.first_row + row, refusal);
        }
    }

    fn dropped(&mut self, _rows: u64) {}
}

impl Join<'_, '_> {
    /// Offers the good rows among those that anybody asks about.
    fn judged(&mut self, judge: &dyn Judge, rows: &Rows<'_>) -> Result<(), SourceError> {
        let asked = |(_, key): &(u32, &[u8])| !key.is_empty() && self.questions.contains(key);
        let places: Vec<u32> = (0..).zip(rows.keys.iter()).filter(asked).map(|(place, _)| place).collect();
        if places.is_empty() {
            return Ok(());
        }
        let columns = step::pick(rows.extra, &places, self.scan.dataset.path())?;
        let mut refused = judge.refused(places.len(), &columns)?.into_iter().peekable();
        for (number, place) in places.iter().enumerate() {
            let place = *place as usize;
            let Some(stamp) = rows.stamps.get(place) else { continue };
            let stamp = stamp.after(self.how.first_row);
            match refused.next_if(|refusal| refusal.row == number) {
                Some(refusal) => self.refused.add(stamp.row, refusal),
                None => self.answers.offer(rows.keys.get(place), stamp),
            }
        }
        Ok(())
    }
}

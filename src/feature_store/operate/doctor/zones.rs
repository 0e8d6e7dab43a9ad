//! Stores whose times are those of another zone: Python reads the UTC wall clock of an event as local time.

use std::collections::HashMap;

use crate::error::Error;
use crate::feature_store::{FeatureStore, Observer};
use crate::model::{FeatureView, Interval, Span, Timestamp};
use crate::online::SqliteReader;
use crate::registry::Snapshot;

/// Entities that are compared with the source.
const SAMPLE: usize = 500;
/// Fewer may differ by whole hours by chance.
const ENOUGH: usize = 3;
/// Zones are 14 hours from UTC at most, in steps of 15 minutes.
const FARTHEST: i64 = 14 * 3_600;
const STEP: i64 = 900;
const HOUR: i64 = 3_600;

impl FeatureStore<'_> {
    /// How far the times that Python stored are off, where nearly all are by the same whole quarters of an hour (or, across
    /// a change to summer time, by two that differ by one hour).
    pub(super) fn shift(
        &self,
        snapshot: &Snapshot,
        view: &FeatureView,
        table: &str,
        reader: &SqliteReader,
        now: Timestamp,
        observer: &dyn Observer,
    ) -> Result<Option<Span>, Error> {
        let stored: HashMap<Vec<u8>, Timestamp> = reader.python_keys(table, SAMPLE)?.into_iter().collect();
        if stored.len() < ENOUGH || view.batch_source.is_none() {
            return Ok(None);
        }
        let mut offsets = Vec::new();
        let all = Interval {
            start: Timestamp::from_micros(i64::MIN / 2),
            end: now.saturating_add(self.settings.feast_rs.max_future),
        };
        let read = self.recompute(snapshot, view, table, all, now, observer, &mut |batch| {
            for row in batch.rows() {
                if let Some(event) = stored.get(row.key()) {
                    offsets.push(event.seconds_toward_zero() - row.event.seconds_toward_zero());
                }
            }
            true
        });
        // a source that cannot be read is told by the definitions' own check
        Ok(read.ok().and_then(|_| constant(&offsets)).map(Span::from_seconds))
    }
}

/// The offset that nine of ten have.
fn constant(offsets: &[i64]) -> Option<i64> {
    let mut counts: HashMap<i64, usize> = HashMap::new();
    for offset in offsets {
        *counts.entry(*offset).or_default() += 1;
    }
    let (offset, count) = counts.iter().max_by_key(|(offset, count)| (**count, **offset)).map(|(o, c)| (*o, *c))?;
    let beside = [offset - HOUR, offset + HOUR].iter().filter_map(|near| counts.get(near)).max().copied().unwrap_or(0);
    let is_zone = offset != 0 && offset.abs() <= FARTHEST && offset % STEP == 0;
    (is_zone && offsets.len() >= ENOUGH && (count + beside) * 10 >= offsets.len() * 9).then_some(offset)
}

#[cfg(test)]
mod tests {
    use super::constant;

    #[test]
    fn a_zone_is_a_constant_offset_and_nothing_else_is() {
        assert_eq!(constant(&[18_000, 18_000, 18_000]), Some(18_000));
        assert_eq!(constant(&[18_000, 14_400, 18_000, 18_000]), Some(18_000), "summer time");
        assert_eq!(constant(&[-20_700; 5]), Some(-20_700), "Kathmandu");
        assert_eq!(constant(&[0, 0, 0, 18_000]), None);
        assert_eq!(constant(&[18_000, 18_000]), None, "too few");
        assert_eq!(constant(&[100, 100, 100]), None, "no zone");
        assert_eq!(constant(&[18_000, 36_000, 54_000]), None, "rows that were pushed later");
        assert_eq!(constant(&[]), None);
    }
}

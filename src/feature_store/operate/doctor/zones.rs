//! Stores whose times are those of another zone: Python reads the UTC wall clock of an event as local time.

use std::collections::HashMap;

use crate::error::Error;
use crate::feature_store::{FeatureStore, Observer};
use crate::model::{FeatureView, Interval, Span, Timestamp};
use crate::online::SqliteReader;
use crate::registry::Snapshot;
use crate::row::Row;

/// Entities that are compared with the source.
const SAMPLE: usize = 500;
/// Fewer may differ by whole hours by chance.
const ENOUGH: usize = 3;
/// Zones are 14 hours from UTC at most, in steps of 15 minutes.
const FARTHEST: i64 = 14 * 3_600;
const STEP: i64 = 900;
const HOUR: i64 = 3_600;

/// What is stored for one entity by Python: its event time and its values by feature.
type Stored = HashMap<Vec<u8>, (Timestamp, HashMap<String, Vec<u8>>)>;

impl FeatureStore<'_> {
    /// How far the times that Python stored are off, where nearly all values are those of the source's newest rows and
    /// their times are off by the same whole quarters of an hour (or, across a change to summer time, by two that differ
    /// by one hour).
    pub(super) fn shift(
        &self,
        snapshot: &Snapshot,
        view: &FeatureView,
        table: &str,
        reader: &SqliteReader,
        now: Timestamp,
        observer: &dyn Observer,
    ) -> Result<Option<Span>, Error> {
        if view.batch_source.is_none() {
            return Ok(None);
        }
        let stored = stored_by_python(reader, table)?;
        let Some(newest) = stored.values().map(|(event, _)| *event).max().filter(|_| stored.len() >= ENOUGH) else {
            return Ok(None);
        };
        let offsets = |end: Timestamp| {
            let mut offsets = Vec::new();
            let interval = Interval { start: Timestamp::from_micros(i64::MIN / 2), end };
            let read = self.recompute(snapshot, view, table, interval, now, observer, &mut |batch| {
                offsets.extend(batch.rows().filter_map(|row| offset(&row, &stored, view)));
                true
            });
            // a source that cannot be read is told by the definitions' own check
            read.map_or_else(|_| Vec::new(), |_| offsets)
        };
        let found = constant(&offsets(now.saturating_add(self.settings.feast_rs.max_future)), stored.len());
        // rows that were materialized before the source got later ones, with the same values, are no shift
        let is_late = found.is_some_and(|shift| shift < 0) && constant_zero(&offsets(newest), stored.len());
        Ok(found.filter(|_| !is_late).map(Span::from_seconds))
    }
}

fn stored_by_python(reader: &SqliteReader, table: &str) -> Result<Stored, Error> {
    let mut stored = Stored::new();
    for (key, event) in reader.python_keys(table, SAMPLE)? {
        let values = reader.entity(table, &key)?.into_iter().map(|found| (found.feature, found.stored.value)).collect();
        stored.insert(key, (event, values));
    }
    Ok(stored)
}

/// Stored time less source time in seconds, where the stored values are those of the row.
fn offset(row: &Row<'_>, stored: &Stored, view: &FeatureView) -> Option<i64> {
    let (event, values) = stored.get(row.key())?;
    let is_same = view.features.iter().enumerate().all(|(position, feature)| {
        let cell = row.cell(position).map(|cell| cell.value);
        values.get(&feature.name).is_none_or(|stored| cell == Some(stored.as_slice()))
    });
    is_same.then(|| event.seconds_toward_zero() - row.event.seconds_toward_zero())
}

/// Whether nine of ten of `all` have the time of the source.
fn constant_zero(offsets: &[i64], all: usize) -> bool {
    offsets.iter().filter(|offset| **offset == 0).count() * 10 >= all * 9
}

/// The offset that nine of ten of `all` have.
fn constant(offsets: &[i64], all: usize) -> Option<i64> {
    let mut counts: HashMap<i64, usize> = HashMap::new();
    for offset in offsets {
        *counts.entry(*offset).or_default() += 1;
    }
    let (offset, count) = counts.iter().max_by_key(|(offset, count)| (**count, **offset)).map(|(o, c)| (*o, *c))?;
    let beside = [offset - HOUR, offset + HOUR].iter().filter_map(|near| counts.get(near)).max().copied().unwrap_or(0);
    let is_zone = offset != 0 && offset.abs() <= FARTHEST && offset % STEP == 0;
    (is_zone && offsets.len() >= ENOUGH && (count + beside) * 10 >= all * 9).then_some(offset)
}

#[cfg(test)]
mod tests {
    use super::constant;

    #[test]
    fn a_zone_is_a_constant_offset_and_nothing_else_is() {
        let of = |offsets: &[i64]| constant(offsets, offsets.len());
        assert_eq!(of(&[18_000, 18_000, 18_000]), Some(18_000));
        assert_eq!(of(&[18_000, 14_400, 18_000, 18_000]), Some(18_000), "summer time");
        assert_eq!(of(&[-20_700; 5]), Some(-20_700), "Kathmandu");
        assert_eq!(of(&[0, 0, 0, 18_000]), None);
        assert_eq!(of(&[18_000, 18_000]), None, "too few");
        assert_eq!(of(&[100, 100, 100]), None, "no zone");
        assert_eq!(of(&[18_000, 36_000, 54_000]), None, "rows that were pushed later");
        assert_eq!(of(&[]), None);
        assert_eq!(constant(&[18_000; 3], 10), None, "the other seven have other values");
    }
}

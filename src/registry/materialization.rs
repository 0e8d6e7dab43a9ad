//! Recording that a window of a view was materialized.

use prost::Message as _;
use rusqlite::{OptionalExtension, params};

use super::apply::Writer;
use super::error::{Doing, RegistryError, RowDamage};
use super::sql;
use super::stamp::instant;
use super::store::Registry;
use super::table::Table;
use crate::model::{Interval, ObjectId, ObjectKind, Timestamp};
use crate::proto::core::{FeatureViewMeta, MaterializationInterval};
use crate::proto::wire;

/// `FeatureViewState.AVAILABLE_ONLINE`
const AVAILABLE_ONLINE: i32 = 4;
/// Fields of `feast.core.FeatureViewMeta` that are written anew here.
const LAST_UPDATED: u32 = 2;
const STATE: u32 = 6;
/// `project` in the spec of a view of either kind: Feast drops it here.
const SPEC_PROJECT: u32 = 2;

impl Registry {
    /// Appends `interval`, exactly as given, to those of `view`, and keeps the newest created time that the run saw.
    /// Fields of the row that we do not know stay.
    ///
    /// # Errors
    /// `NotFound`, or the row is damaged.
    pub fn record_materialization(
        &mut self,
        view: &str,
        interval: Interval,
        newest_created: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), RegistryError> {
        const DOING: &str = "record a materialization";
        let project = self.project.clone();
        let transaction = self.begin(DOING)?;
        let mut found = None;
        for table in [Table::FeatureViews, Table::StreamFeatureViews] {
            let row = transaction
                .query_row(&sql::select_row(table), params![project, view], |row| row.get::<_, Vec<u8>>(0))
                .optional()
                .doing(DOING)?;
            found = found.or(row.map(|bytes| (table, bytes)));
        }
        let (table, stored) =
            found.ok_or_else(|| RegistryError::NotFound(ObjectId::new(ObjectKind::FeatureView, view)))?;
        let bytes = with_interval(&stored, interval, now).map_err(|source| RegistryError::Damaged {
            table: table.name(),
            name: view.to_owned(),
            source,
        })?;
        let writer = Writer { transaction: &transaction, project: &project, now };
        writer.row(table, view, &bytes)?;
        if let Some(newest) = newest_created {
            writer.execute(sql::UPSERT_NEWEST, params![project, view, newest.micros()])?;
        }
        writer.touch()?;
        transaction.commit().doing(DOING)
    }
}

/// The row of a feature view or stream feature view (their outer fields have the same numbers) with one interval more.
fn with_interval(stored: &[u8], interval: Interval, now: Timestamp) -> Result<Vec<u8>, RowDamage> {
    let meta = wire::submessage(stored, 2)?.unwrap_or_default();
    // nothing is added to what cannot be read
    FeatureViewMeta::decode(meta)?;
    let mut meta = wire::unknown_fields(meta, &[LAST_UPDATED, STATE])?;
    let added = FeatureViewMeta {
        last_updated_timestamp: Some(instant(now)),
        materialization_intervals: vec![MaterializationInterval {
            start_time: Some(instant(interval.start)),
            end_time: Some(instant(interval.end)),
        }],
        state: AVAILABLE_ONLINE,
        ..FeatureViewMeta::default()
    };
    meta.extend(added.encode_to_vec());
    let spec = wire::unknown_fields(wire::submessage(stored, 1)?.unwrap_or_default(), &[SPEC_PROJECT])?;
    Ok(wire::replace(&wire::replace(stored, 1, &spec)?, 2, &meta)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::core::FeatureView;

    #[test]
    fn an_interval_is_appended_and_unknown_fields_stay() {
        let meta = [0x1a, 0, 0xf8, 0x07, 7];
        let stored = [&[0x0a, 6, 0x0a, 1, b'v', 0x12, 1, b'p', 0x12, 5][..], &meta, &[0xf8, 0x07, 9]].concat();
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        let bytes = with_interval(&stored, Interval { start: at(1), end: at(2) }, at(3)).unwrap();
        let view = FeatureView::decode(&*bytes).unwrap();
        assert_eq!(view.spec.as_ref().unwrap().project, "");
        assert_eq!(view.spec.unwrap().name, "v");
        let read = view.meta.unwrap();
        assert_eq!((read.materialization_intervals.len(), read.state), (2, 4));
        assert_eq!(wire::unknown_fields(&bytes, &[1, 2]).unwrap(), [0xf8, 0x07, 9]);
        let meta = wire::submessage(&bytes, 2).unwrap().unwrap();
        assert_eq!(wire::unknown_fields(meta, &[1, 2, 3, 4, 5, 6]).unwrap(), [0xf8, 0x07, 7]);
    }
}

//! Deleting by event time, in transactions as short as those of a bulk load.

use super::{BulkWriter, sql};
use crate::online::OnlineError;
use crate::online::sqlite::stored::Events;

/// Values that one transaction looks at.
const STRETCH: i64 = 20_000;

const DOING: &str = "deleting values from";

impl BulkWriter<'_> {
    /// Deletes the values with such event times, key by key in the order of their bytes; says how many there were. A value
    /// that is replaced meanwhile is judged by what replaced it.
    ///
    /// # Errors
    /// `NoTable`, `Replaced`, `Busy`, or the store cannot be written. What was deleted before stays deleted.
    pub fn delete(&mut self, events: Events) -> Result<u64, OnlineError> {
        let (mut deleted, mut from) = (0, Some(Vec::new()));
        while let Some(after) = from {
            self.turns.make_way();
            let (count, next) = self.delete_stretch(&after, events)?;
            deleted += count;
            from = next;
        }
        Ok(deleted)
    }

    /// One transaction over the keys behind `after`; says where the next begins.
    fn delete_stretch(&mut self, after: &[u8], events: Events) -> Result<(u64, Option<Vec<u8>>), OnlineError> {
        let table = self.table.clone();
        self.store.transaction(|store| {
            let exact = store.schema.shape(&store.db, &table)?.is_exact();
            let end: Option<Vec<u8>> = store.db.one(&sql::key_behind(&table), (after, STRETCH), DOING)?;
            let text = sql::delete_events(&table, exact, events.operator(), end.is_some());
            let instant = events.instant().micros();
            let deleted = match &end {
                Some(end) => store.db.execute(&text, (instant, after, end), DOING)?,
                None => store.db.execute(&text, (instant, after), DOING)?,
            };
            Ok((deleted as u64, end))
        })
    }
}

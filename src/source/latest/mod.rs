//! The newest row of every key. Memory grows with the keys, not with the rows.

mod narrow;
mod wide;

use std::cmp::Ordering;
use std::ops::Range;

use narrow::{Narrow, Slot, write_key};
use wide::{SortedWide, Wide};

/// Stands for a created time that is null: it loses every tie.
pub const NO_CREATED: i64 = i64::MIN;

/// What decides between two rows of one key: the newer event, then the newer created time, then the later row. The order
/// is total, so that the result does not depend on the order in which rows are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// event time in microseconds
    pub event: i64,
    /// created time in microseconds, or [`NO_CREATED`]
    pub created: i64,
    /// number of the row in the source
    pub row: u64,
}

impl Stamp {
    /// The same row, numbered after `rows` others.
    #[must_use]
    pub fn after(self, rows: u64) -> Self {
        Self { row: rows.saturating_add(self.row), ..self }
    }
}

/// The newest row of every key that was offered.
#[derive(Debug, Default)]
pub struct Latest {
    kept: Kept,
}

#[derive(Debug)]
enum Kept {
    Narrow(Narrow),
    Wide(Wide),
}

impl Default for Kept {
    fn default() -> Self {
        Self::Narrow(Narrow::default())
    }
}

/// More keys than a table can number.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

impl Latest {
    /// How many keys there may be.
    pub const LIMIT: usize = u32::MAX as usize;

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.kept {
            Kept::Narrow(narrow) => narrow.len(),
            Kept::Wide(wide) => wide.len(),
        }
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `key` was offered.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        match &self.kept {
            Kept::Narrow(narrow) => narrow.contains(key),
            Kept::Wide(wide) => wide.contains(key),
        }
    }

    /// Keeps the row if it is the newest of its key so far.
    ///
    /// # Errors
    /// There is no number left for a new key.
    pub fn offer(&mut self, key: &[u8], stamp: Stamp) -> Result<(), Full> {
        if let Kept::Narrow(narrow) = &mut self.kept
            && let Some(tail) = narrow.tail(key)
        {
            narrow.offer(tail, stamp);
            return Ok(());
        }
        self.widened()?.offer(key, stamp)
    }

    /// Offers everything that `other` kept.
    pub fn merge(&mut self, other: &Self) -> Result<(), Full> {
        if let (Kept::Narrow(narrow), Kept::Narrow(other)) = (&mut self.kept, &other.kept)
            && narrow.merge(other)
        {
            return Ok(());
        }
        match &other.kept {
            Kept::Narrow(other) => other.try_each(|key, stamp| self.offer(key, stamp)),
            Kept::Wide(other) => other.try_each(|key, stamp| self.offer(key, stamp)),
        }
    }

    /// For each table the rows that are its alone or the newest of their key, and those that lose against the other's; of
    /// equal times the later table's row is the newest.
    ///
    /// # Errors
    /// None that these tables did not have.
    pub fn settle(self, later: Self) -> Result<[(Self, Self); 2], Full> {
        let (earlier, later) = (self.sorted(), later.sorted());
        let mut settled = [(Self::default(), Self::default()), (Self::default(), Self::default())];
        let [own, other] = &mut settled;
        let (mut left, mut right) = (0, 0);
        loop {
            let (here, there) = (earlier.row(left), later.row(right));
            let order = match (&here, &there) {
                (None, None) => return Ok(settled),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((key, _)), Some((other, _))) => key.cmp(other),
            };
            if let Some((key, stamp)) = here.filter(|_| order.is_le()) {
                let loses = there.as_ref().is_some_and(|(_, other)| {
                    order.is_eq() && (other.event, other.created) >= (stamp.event, stamp.created)
                });
                if loses { &mut own.1 } else { &mut own.0 }.offer(&key, stamp)?;
                left += 1;
            }
            if let Some((key, stamp)) = there.filter(|_| order.is_ge()) {
                let loses = order.is_eq() && own.0.contains(&key);
                if loses { &mut other.1 } else { &mut other.0 }.offer(&key, stamp)?;
                right += 1;
            }
        }
    }

    /// The keys in the order of their bytes.
    #[must_use]
    pub fn sorted(self) -> Sorted {
        Sorted {
            keys: match self.kept {
                Kept::Narrow(narrow) => {
                    let (head, slots) = narrow.sorted();
                    SortedKeys::Narrow { head, slots }
                }
                Kept::Wide(wide) => SortedKeys::Wide(wide.sorted()),
            },
        }
    }

    /// The table for keys of any length; a narrow one becomes it.
    fn widened(&mut self) -> Result<&mut Wide, Full> {
        if let Kept::Narrow(narrow) = &self.kept {
            let mut wide = Wide::new();
            narrow.try_each(|key, stamp| wide.offer(key, stamp))?;
            self.kept = Kept::Wide(wide);
        }
        match &mut self.kept {
            Kept::Wide(wide) => Ok(wide),
            Kept::Narrow(_) => Err(Full),
        }
    }
}

/// Keys in the order of their bytes, each with its newest row.
#[derive(Debug)]
pub struct Sorted {
    keys: SortedKeys,
}

#[derive(Debug)]
enum SortedKeys {
    Narrow { head: Vec<u8>, slots: Vec<Slot> },
    Wide(SortedWide),
}

impl Sorted {
    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.keys {
            SortedKeys::Narrow { slots, .. } => slots.len(),
            SortedKeys::Wide(wide) => wide.len(),
        }
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn row(&self, position: usize) -> Option<(Vec<u8>, Stamp)> {
        self.key(position).zip(self.stamp(position))
    }

    /// The newest rows of the keys at these positions.
    pub fn stamps(&self, range: Range<usize>) -> impl Iterator<Item = Stamp> + Clone {
        range.filter_map(|position| self.stamp(position))
    }

    /// The newest row of the key at that position.
    #[must_use]
    pub fn stamp(&self, position: usize) -> Option<Stamp> {
        match &self.keys {
            SortedKeys::Narrow { slots, .. } => slots.get(position).map(|slot| slot.stamp),
            SortedKeys::Wide(wide) => wide.stamp(position),
        }
    }

    /// The key at that position.
    #[must_use]
    pub fn key(&self, position: usize) -> Option<Vec<u8>> {
        match &self.keys {
            SortedKeys::Narrow { head, slots } => {
                let mut key = Vec::with_capacity(head.len() + 8);
                write_key(head, *slots.get(position)?, &mut key);
                Some(key)
            }
            SortedKeys::Wide(wide) => wide.key(position).map(<[u8]>::to_vec),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    impl Latest {
        fn copy(&self) -> Self {
            let mut copy = Self::default();
            copy.merge(self).unwrap();
            copy
        }
    }

    fn stamp(event: i64, created: i64, row: u64) -> Stamp {
        Stamp { event, created, row }
    }

    #[test]
    fn the_newer_event_wins_then_the_newer_created_time_then_the_later_row() {
        let mut ordered =
            vec![stamp(1, 9, 9), stamp(2, NO_CREATED, 3), stamp(2, -5, 1), stamp(2, 4, 0), stamp(2, 4, 7)];
        let expected = ordered.clone();
        ordered.reverse();
        ordered.sort();
        assert_eq!(ordered, expected);
    }

    fn rows(key: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<(Vec<u8>, i64, i64)>> {
        prop::collection::vec((key, 0_i64..4, 0_i64..3), 0..200)
    }

    proptest! {
        #[test]
        fn any_split_of_the_rows_gives_the_same_newest_rows_in_key_order(
            rows in prop_oneof![
                rows(prop::collection::vec(0_u8..3, 0..12)),
                rows(prop::collection::vec(0_u8..3, 12..=12)),
                rows((0_u64..40).prop_map(|number| [&b"head"[..], &number.to_le_bytes()[..]].concat())),
            ],
            cut in 0_usize..200,
        ) {
            let [mut left, mut right] = [Latest::default(), Latest::default()];
            let mut naive: BTreeMap<Vec<u8>, Stamp> = BTreeMap::new();
            for (row, (key, event, created)) in rows.iter().enumerate() {
                let stamp = stamp(*event, *created, row as u64);
                let side = if row < cut { &mut left } else { &mut right };
                side.offer(key, stamp).unwrap();
                naive.entry(key.clone()).and_modify(|known| *known = stamp.max(*known)).or_insert(stamp);
            }
            for (side, name) in left.copy().settle(right.copy()).unwrap().into_iter().zip([&left, &right]) {
                prop_assert_eq!(side.0.len() + side.1.len(), name.len());
                let winners = side.0.sorted();
                for at in 0..winners.len() {
                    prop_assert_eq!(winners.stamp(at), naive.get(&winners.key(at).unwrap()).copied());
                }
            }
            right.merge(&left).unwrap();
            prop_assert!(naive.keys().all(|key| right.contains(key)));
            prop_assert!(!right.contains(&[7]));
            let sorted = right.sorted();
            let found: Vec<_> =
                (0..sorted.len()).map(|at| (sorted.key(at).unwrap(), sorted.stamp(at).unwrap())).collect();
            prop_assert_eq!(found, naive.into_iter().collect::<Vec<_>>());
        }
    }
}

//! The newest row of every key. Memory grows with the keys, not with the rows.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Slot;

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

/// The newest row of every key that was offered. The bytes of the keys lie in one buffer.
#[derive(Debug)]
pub struct Latest {
    hasher: RandomState,
    table: HashTable<Hashed>,
    entries: Vec<Entry>,
    keys: Vec<u8>,
}

/// A slot of the table: it carries the hash so that growing never looks at the keys, and a wrong neighbour seldom.
#[derive(Clone, Copy, Debug)]
struct Hashed {
    hash: u32,
    entry: u32,
}

impl Hashed {
    /// The hash as the table wants it: different in its high and in its low bits.
    fn spread(hash: u32) -> u64 {
        u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    stamp: Stamp,
    key_start: usize,
    key_length: u32,
}

/// More keys than a table can number.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

impl Latest {
    /// How many keys there may be.
    pub const LIMIT: usize = u32::MAX as usize;

    /// No keys yet. Tables that will be merged must share the `hasher`.
    #[must_use]
    pub fn new(hasher: RandomState) -> Self {
        Self { hasher, table: HashTable::new(), entries: Vec::new(), keys: Vec::new() }
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether `key` was offered.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        let hash = self.hash(key);
        self.table.find(Hashed::spread(hash), |slot| slot.hash == hash && self.has_key(slot.entry, key)).is_some()
    }

    /// Keeps the row if it is the newest of its key so far.
    ///
    /// # Errors
    /// There is no number left for a new key.
    pub fn offer(&mut self, key: &[u8], stamp: Stamp) -> Result<(), Full> {
        let hash = self.hash(key);
        let Self { table, entries, keys, .. } = self;
        let is_key = |slot: &Hashed| {
            slot.hash == hash && entries.get(slot.entry as usize).is_some_and(|entry| entry.key(keys) == key)
        };
        match table.entry(Hashed::spread(hash), is_key, |slot| Hashed::spread(slot.hash)) {
            Slot::Occupied(slot) => {
                if let Some(entry) = entries.get_mut(slot.get().entry as usize) {
                    entry.stamp = entry.stamp.max(stamp);
                }
            }
            Slot::Vacant(slot) => {
                let entry = u32::try_from(entries.len()).map_err(|_| Full)?;
                let key_length = u32::try_from(key.len()).map_err(|_| Full)?;
                slot.insert(Hashed { hash, entry });
                entries.push(Entry { stamp, key_start: keys.len(), key_length });
                keys.extend_from_slice(key);
            }
        }
        Ok(())
    }

    /// Offers everything that `other` kept.
    pub fn merge(&mut self, other: &Self) -> Result<(), Full> {
        other.entries.iter().try_for_each(|entry| self.offer(entry.key(&other.keys), entry.stamp))
    }

    /// The keys in the order of their bytes.
    #[must_use]
    pub fn sorted(self) -> Sorted {
        let Self { table, entries, keys, .. } = self;
        drop(table);
        let shared = shared_prefix(&entries, &keys);
        let mut order: Vec<(u64, u32)> = (0_u32..)
            .zip(&entries)
            .map(|(index, entry)| (leading(entry.key(&keys).get(shared..).unwrap_or_default()), index))
            .collect();
        let key = |index: u32| entries.get(index as usize).map_or(&[][..], |entry| entry.key(&keys));
        order.sort_unstable_by(|(a, i), (b, j)| a.cmp(b).then_with(|| key(*i).cmp(key(*j))));
        let order = order.into_iter().map(|(_, index)| index).collect();
        Sorted { order, entries, keys }
    }

    #[allow(clippy::cast_possible_truncation, reason = "half of the hash is enough")]
    fn hash(&self, key: &[u8]) -> u32 {
        self.hasher.hash_one(key) as u32
    }

    fn has_key(&self, entry: u32, key: &[u8]) -> bool {
        self.entries.get(entry as usize).is_some_and(|entry| entry.key(&self.keys) == key)
    }
}

impl Entry {
    fn key<'a>(&self, keys: &'a [u8]) -> &'a [u8] {
        keys.get(self.key_start..self.key_start + self.key_length as usize).unwrap_or_default()
    }
}

/// How many bytes all keys begin with. Entity keys begin with the names of their join keys: sorting skips them.
fn shared_prefix(entries: &[Entry], keys: &[u8]) -> usize {
    let Some(first) = entries.first().map(|entry| entry.key(keys)) else { return 0 };
    entries.iter().fold(first.len(), |shared, entry| {
        let same = first.iter().zip(entry.key(keys)).take(shared);
        same.take_while(|(a, b)| a == b).count()
    })
}

/// The first eight bytes as a number of the same order.
fn leading(bytes: &[u8]) -> u64 {
    let mut head = [0; 8];
    for (to, from) in head.iter_mut().zip(bytes) {
        *to = *from;
    }
    u64::from_be_bytes(head)
}

/// Keys in the order of their bytes, each with its newest row.
#[derive(Debug)]
pub struct Sorted {
    order: Vec<u32>,
    entries: Vec<Entry>,
    keys: Vec<u8>,
}

impl Sorted {
    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Key and newest row of the keys at these positions.
    pub fn range(&self, range: std::ops::Range<usize>) -> impl ExactSizeIterator<Item = (&[u8], Stamp)> {
        let order = self.order.get(range).unwrap_or_default();
        order.iter().map(|index| match self.entries.get(*index as usize) {
            Some(entry) => (entry.key(&self.keys), entry.stamp),
            None => (&[][..], Stamp { event: 0, created: NO_CREATED, row: 0 }),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

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

    proptest! {
        #[test]
        fn any_split_of_the_rows_gives_the_same_newest_rows_in_key_order(
            rows in prop::collection::vec((prop::collection::vec(0_u8..3, 0..12), 0_i64..4, 0_i64..3), 0..200),
            cut in 0_usize..200,
        ) {
            let hasher = RandomState::default();
            let [mut left, mut right] = [Latest::new(hasher.clone()), Latest::new(hasher)];
            let mut naive: BTreeMap<Vec<u8>, Stamp> = BTreeMap::new();
            for (row, (key, event, created)) in rows.iter().enumerate() {
                let stamp = stamp(*event, *created, row as u64);
                let side = if row < cut { &mut left } else { &mut right };
                side.offer(key, stamp).unwrap();
                naive.entry(key.clone()).and_modify(|known| *known = stamp.max(*known)).or_insert(stamp);
            }
            right.merge(&left).unwrap();
            prop_assert!(naive.keys().all(|key| right.contains(key)));
            prop_assert!(!right.contains(&[7]));
            let sorted = right.sorted();
            let found: Vec<_> = sorted.range(0..sorted.len()).map(|(key, stamp)| (key.to_vec(), stamp)).collect();
            prop_assert_eq!(found, naive.into_iter().collect::<Vec<_>>());
        }
    }
}

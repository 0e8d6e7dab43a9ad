//! Keys of any length. Their bytes lie in one buffer.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Place;

use super::{Full, Stamp};

/// The newest row of every key that was offered.
#[derive(Debug)]
pub(super) struct Wide {
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

impl Entry {
    fn key<'a>(&self, keys: &'a [u8]) -> &'a [u8] {
        keys.get(self.key_start..self.key_start + self.key_length as usize).unwrap_or_default()
    }
}

impl Wide {
    pub(super) fn new() -> Self {
        Self { hasher: RandomState::default(), table: HashTable::new(), entries: Vec::new(), keys: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn contains(&self, key: &[u8]) -> bool {
        let hash = self.hash(key);
        let has_key = |slot: &Hashed| self.entries.get(slot.entry as usize).is_some_and(|e| e.key(&self.keys) == key);
        self.table.find(Hashed::spread(hash), |slot| slot.hash == hash && has_key(slot)).is_some()
    }

    pub(super) fn offer(&mut self, key: &[u8], stamp: Stamp) -> Result<(), Full> {
        let hash = self.hash(key);
        let Self { table, entries, keys, .. } = self;
        let is_key = |slot: &Hashed| {
            slot.hash == hash && entries.get(slot.entry as usize).is_some_and(|entry| entry.key(keys) == key)
        };
        match table.entry(Hashed::spread(hash), is_key, |slot| Hashed::spread(slot.hash)) {
            Place::Occupied(slot) => {
                if let Some(entry) = entries.get_mut(slot.get().entry as usize) {
                    entry.stamp = entry.stamp.max(stamp);
                }
            }
            Place::Vacant(slot) => {
                let entry = u32::try_from(entries.len()).map_err(|_| Full)?;
                let key_length = u32::try_from(key.len()).map_err(|_| Full)?;
                slot.insert(Hashed { hash, entry });
                entries.push(Entry { stamp, key_start: keys.len(), key_length });
                keys.extend_from_slice(key);
            }
        }
        Ok(())
    }

    /// Hands out every key with its newest row, until one is refused.
    pub(super) fn try_each<E>(&self, mut take: impl FnMut(&[u8], Stamp) -> Result<(), E>) -> Result<(), E> {
        self.entries.iter().try_for_each(|entry| take(entry.key(&self.keys), entry.stamp))
    }

    pub(super) fn sorted(self) -> SortedWide {
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
        SortedWide { order, entries, keys }
    }

    #[allow(clippy::cast_possible_truncation, reason = "half of the hash is enough")]
    fn hash(&self, key: &[u8]) -> u32 {
        self.hasher.hash_one(key) as u32
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

/// Keys in the order of their bytes.
#[derive(Debug)]
pub(super) struct SortedWide {
    order: Vec<u32>,
    entries: Vec<Entry>,
    keys: Vec<u8>,
}

impl SortedWide {
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn stamp(&self, position: usize) -> Option<Stamp> {
        self.entry(position).map(|entry| entry.stamp)
    }

    pub(super) fn key(&self, position: usize) -> Option<&[u8]> {
        self.entry(position).map(|entry| entry.key(&self.keys))
    }

    fn entry(&self, position: usize) -> Option<&Entry> {
        self.entries.get(*self.order.get(position)? as usize)
    }
}

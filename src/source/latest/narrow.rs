//! Keys that differ in their last eight bytes alone, as those of one number do: each is its own slot in the table, so that
//! a lookup touches one place in memory.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::Stamp;

/// Bytes in which the keys may differ.
const TAIL: usize = 8;

/// Keys of one length that share all but their last eight bytes.
#[derive(Debug, Default)]
pub(super) struct Narrow {
    /// what all keys begin with, once there is one
    head: Option<Vec<u8>>,
    table: HashTable<Slot>,
}

/// One key and its newest row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// big endian: numbers in the order of the bytes
    tail: u64,
    pub(super) stamp: Stamp,
}

/// The same in every table, so that one can be merged into another from one end to the other.
const HASHER: FixedState = FixedState::with_seed(0);

impl Slot {
    fn hash(self) -> u64 {
        HASHER.hash_one(self.tail)
    }
}

impl Narrow {
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// The last bytes of a key that fits; the first key decides what the others must begin with.
    pub(super) fn tail(&mut self, key: &[u8]) -> Option<u64> {
        let (head, tail) = key.split_last_chunk::<TAIL>()?;
        let known = self.head.get_or_insert_with(|| head.to_vec());
        (known == head).then(|| u64::from_be_bytes(*tail))
    }

    pub(super) fn offer(&mut self, tail: u64, stamp: Stamp) {
        let slot = Slot { tail, stamp };
        match self.table.entry(slot.hash(), |known| known.tail == tail, |known| known.hash()) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.stamp = known.stamp.max(stamp);
            }
            Entry::Vacant(place) => {
                place.insert(slot);
            }
        }
    }

    pub(super) fn contains(&self, key: &[u8]) -> bool {
        let Some((head, tail)) = key.split_last_chunk::<TAIL>() else { return false };
        let tail = u64::from_be_bytes(*tail);
        self.head.as_deref() == Some(head)
            && self.table.find(HASHER.hash_one(tail), |known| known.tail == tail).is_some()
    }

    /// Takes all slots of `other` if its keys begin as these do.
    pub(super) fn merge(&mut self, other: &Self) -> bool {
        let fits = other.head.is_none() || self.head.is_none() || self.head == other.head;
        if fits {
            self.head = self.head.take().or_else(|| other.head.clone());
            // both tables are in the order of one hash: this walks through memory from one end to the other
            other.table.iter().for_each(|slot| self.offer(slot.tail, slot.stamp));
        }
        fits
    }

    /// Hands out every key with its newest row, until one is refused.
    pub(super) fn try_each<E>(&self, mut take: impl FnMut(&[u8], Stamp) -> Result<(), E>) -> Result<(), E> {
        let mut key = Vec::new();
        self.table.iter().try_for_each(|slot| {
            write_key(self.head.as_deref().unwrap_or_default(), *slot, &mut key);
            take(&key, slot.stamp)
        })
    }

    /// What all keys begin with, and the slots in the order of their keys.
    pub(super) fn sorted(self) -> (Vec<u8>, Vec<Slot>) {
        let mut slots: Vec<Slot> = self.table.into_iter().collect();
        slots.sort_unstable_by_key(|slot| slot.tail);
        (self.head.unwrap_or_default(), slots)
    }
}

/// Puts head and tail together.
pub(super) fn write_key(head: &[u8], slot: Slot, key: &mut Vec<u8>) {
    key.clear();
    key.extend_from_slice(head);
    key.extend_from_slice(&slot.tail.to_be_bytes());
}

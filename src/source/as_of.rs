//! The newest row of a key at or before an instant, for many instants. Memory grows with the instants, not with the rows.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::latest::{Full, Stamp};

/// Instants that are asked about, by key.
#[derive(Debug)]
pub struct Questions {
    hasher: RandomState,
    table: HashTable<Entry>,
    keys: Vec<Key>,
    bytes: Vec<u8>,
    /// in the order of key and instant
    asked: Vec<Asked>,
}

/// A key in the hash table. Most keys that are looked for are not there, and the part of the hash says so without a look at
/// the bytes, which lie elsewhere in memory.
#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    number: u32,
}

/// One key: its bytes, and its questions.
#[derive(Clone, Copy, Debug)]
struct Key {
    start: usize,
    length: usize,
    first: usize,
    count: usize,
}

/// One instant, and who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    key: u32,
    instant: i64,
    row: u32,
}

impl Questions {
    /// Collects pairs of key and instant (microseconds since 1970 UTC); the answers keep their order. A pair that is
    /// `None` has no answer.
    ///
    /// # Errors
    /// More questions than can be numbered.
    pub fn new<'a>(pairs: impl Iterator<Item = Option<(&'a [u8], i64)>>) -> Result<Self, Full> {
        let mut questions = Self {
            hasher: RandomState::default(),
            table: HashTable::new(),
            keys: Vec::new(),
            bytes: Vec::new(),
            asked: Vec::new(),
        };
        for (row, pair) in pairs.enumerate() {
            let row = u32::try_from(row).map_err(|_| Full)?;
            if let Some((key, instant)) = pair {
                let key = questions.number(key)?;
                questions.asked.push(Asked { key, instant, row });
            }
        }
        questions.asked.sort_unstable();
        for (place, asked) in questions.asked.iter().enumerate() {
            if let Some(key) = questions.keys.get_mut(asked.key as usize) {
                if key.count == 0 {
                    key.first = place;
                }
                key.count += 1;
            }
        }
        Ok(questions)
    }

    /// First and last instant that is asked about.
    #[must_use]
    pub fn bounds(&self) -> Option<(i64, i64)> {
        let instants = || self.asked.iter().map(|asked| asked.instant);
        Some((instants().min()?, instants().max()?))
    }

    /// Whether anything is asked about `key`.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        self.find(self.hasher.hash_one(key), key).is_some()
    }

    fn number(&mut self, key: &[u8]) -> Result<u32, Full> {
        let hash = self.hasher.hash_one(key);
        if let Some(number) = self.find(hash, key) {
            return Ok(number);
        }
        let number = u32::try_from(self.keys.len()).map_err(|_| Full)?;
        self.keys.push(Key { start: self.bytes.len(), length: key.len(), first: 0, count: 0 });
        self.bytes.extend_from_slice(key);
        let Self { hasher, table, keys, bytes, .. } = self;
        let entry = Entry { hash: part(hash), number };
        table.insert_unique(hash, entry, |known| hasher.hash_one(bytes_of(keys, bytes, known.number)));
        Ok(number)
    }

    fn find(&self, hash: u64, key: &[u8]) -> Option<u32> {
        let is_it = |known: &Entry| known.hash == part(hash) && bytes_of(&self.keys, &self.bytes, known.number) == key;
        self.table.find(hash, is_it).map(|known| known.number)
    }
}

/// Bits of a hash that the table itself does not look at first.
#[allow(clippy::cast_possible_truncation, reason = "a part of it is wanted")]
fn part(hash: u64) -> u32 {
    (hash >> 24) as u32
}

fn bytes_of<'a>(keys: &[Key], bytes: &'a [u8], number: u32) -> &'a [u8] {
    let key = keys.get(number as usize);
    key.and_then(|key| bytes.get(key.start..key.start + key.length)).unwrap_or_default()
}

/// Answers in the making; each thread may have its own and merge them.
#[derive(Debug)]
pub struct Answers<'a> {
    questions: &'a Questions,
    best: Vec<Option<Stamp>>,
}

impl<'a> Answers<'a> {
    /// No answer yet.
    #[must_use]
    pub fn new(questions: &'a Questions) -> Self {
        Self { questions, best: vec![None; questions.asked.len()] }
    }

    /// What is asked.
    #[must_use]
    pub fn questions(&self) -> &'a Questions {
        self.questions
    }

    /// Tells of a row: it answers every question of its key from its own instant on, until a newer row does.
    pub fn offer(&mut self, key: &[u8], stamp: Stamp) {
        let Some(number) = self.questions.find(self.questions.hasher.hash_one(key), key) else { return };
        let Some(key) = self.questions.keys.get(number as usize) else { return };
        let range = key.first..key.first + key.count;
        let (Some(asked), Some(best)) = (self.questions.asked.get(range.clone()), self.best.get_mut(range)) else {
            return;
        };
        // answers never get older with the instants, so the first one that is newer ends the walk
        let from = asked.partition_point(|asked| asked.instant < stamp.event);
        for answer in best.iter_mut().skip(from) {
            if *answer >= Some(stamp) {
                return;
            }
            *answer = Some(stamp);
        }
    }

    /// Adds what another thread found.
    pub fn merge(&mut self, other: &Self) {
        for (own, other) in self.best.iter_mut().zip(&other.best) {
            *own = (*own).max(*other);
        }
    }

    /// For each pair that was asked about, in its order, the number of the newest row; rows older than `ttl` microseconds
    /// before the instant do not count.
    #[must_use]
    pub fn rows(&self, pairs: usize, ttl: Option<i64>) -> Vec<Option<u64>> {
        let mut rows = vec![None; pairs];
        for (asked, best) in self.questions.asked.iter().zip(&self.best) {
            let fresh = best.filter(|stamp| ttl.is_none_or(|ttl| stamp.event >= asked.instant.saturating_sub(ttl)));
            if let (Some(stamp), Some(row)) = (fresh, rows.get_mut(asked.row as usize)) {
                *row = Some(stamp.row);
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_answer_is_that_of_looking_at_every_row(
            rows in prop::collection::vec((0_u8..3, -5_i64..20, 0_i64..3), 0..120),
            asked in prop::collection::vec(prop::option::of((0_u8..4, -5_i64..25)), 0..60),
            cut in 0_usize..120,
            ttl in prop::option::of(0_i64..12),
        ) {
            let pairs: Vec<Option<([u8; 1], i64)>> = asked.iter().map(|pair| pair.map(|(key, at)| ([key], at))).collect();
            let questions = Questions::new(pairs.iter().map(|p| p.as_ref().map(|(key, at)| (&key[..], *at)))).unwrap();
            let [mut left, mut right] = [Answers::new(&questions), Answers::new(&questions)];
            for (row, (key, event, created)) in rows.iter().enumerate() {
                let side = if row < cut { &mut left } else { &mut right };
                side.offer(&[*key], Stamp { event: *event, created: *created, row: row as u64 });
            }
            left.merge(&right);
            let expected: Vec<Option<u64>> = asked.iter().map(|pair| {
                let (key, at) = (*pair)?;
                let newest = rows.iter().enumerate().filter(|(_, (k, event, _))| *k == key && *event <= at);
                let (row, (_, event, _)) = newest.max_by_key(|(row, (_, event, created))| (*event, *created, *row))?;
                ttl.is_none_or(|ttl| *event >= at - ttl).then_some(row as u64)
            }).collect();
            prop_assert_eq!(left.rows(asked.len(), ttl), expected);
        }
    }

    #[test]
    fn the_bounds_are_those_of_the_instants() {
        let questions = Questions::new([Some((&b"a"[..], 5)), None, Some((&b"b"[..], -2))].into_iter()).unwrap();
        assert_eq!(questions.bounds(), Some((-2, 5)));
        assert_eq!(Questions::new(std::iter::empty()).unwrap().bounds(), None);
    }
}

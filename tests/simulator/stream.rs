//! Streams, shards and records; resharding and trimming.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use md5::{Digest, Md5};

use super::encoding;

/// Why a call is refused: the service's error code and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub fn argument(message: impl Into<String>) -> Self {
        Self::new("InvalidArgumentException", message)
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new("ResourceNotFoundException", message)
    }
}

/// Every stream of the account.
#[derive(Debug, Default)]
pub struct World {
    streams: BTreeMap<String, Stream>,
    created: u64,
}

impl World {
    pub fn create(&mut self, name: &str, shards: u32, now: i64) {
        self.created += 1;
        // a stream that is made later has larger numbers, as the service's, which have the time in them
        self.streams.insert(name.to_owned(), Stream::new(name, shards, now, self.created));
    }

    pub fn delete(&mut self, name: &str) -> bool {
        self.streams.remove(name).is_some()
    }

    pub fn names(&self) -> Vec<&str> {
        self.streams.keys().map(String::as_str).collect()
    }

    pub fn stream(&mut self, name: &str) -> Result<&mut Stream, Refusal> {
        self.streams
            .get_mut(name)
            .ok_or_else(|| Refusal::not_found(format!("Stream {name} under account 000000000000 not found.")))
    }

    /// The stream that was made as the `incarnation`th, unless it is gone.
    pub fn incarnation(&mut self, incarnation: u64) -> Result<&mut Stream, Refusal> {
        let found = self.streams.values_mut().find(|stream| stream.incarnation == incarnation);
        found.ok_or_else(|| Refusal::not_found("Stream of the iterator not found."))
    }
}

#[derive(Debug)]
pub struct Stream {
    pub name: String,
    pub created: i64,
    pub incarnation: u64,
    pub retention_hours: u32,
    /// partition keys do not decide where a record goes
    pub auto_distribution: bool,
    pub on_demand: bool,
    /// in the order in which they were made
    pub shards: Vec<Shard>,
    pub consumers: Vec<Consumer>,
    next: u64,
    made: u32,
}

#[derive(Debug)]
pub struct Shard {
    pub id: String,
    pub parent: Option<String>,
    pub adjacent_parent: Option<String>,
    pub hash_range: (u128, u128),
    pub created: i64,
    pub first: u64,
    /// last number and when it was closed
    pub closed: Option<(u64, i64)>,
    pub children: Vec<String>,
    pub records: VecDeque<Record>,
    /// times of reads and of iterators within the last second, and when the delivered bytes are paid for
    pub reads: VecDeque<i64>,
    pub iterators: VecDeque<i64>,
    pub bytes_paid: i64,
    /// the last page: its records and what stood after it
    pub last_page: Option<(u64, u64)>,
}

#[derive(Clone, Debug)]
pub struct Record {
    pub number: u64,
    pub arrival: i64,
    pub key: String,
    pub data: Bytes,
}

/// A consumer of enhanced fan-out.
#[derive(Debug)]
pub struct Consumer {
    pub name: String,
    pub arn: String,
    pub created: i64,
    /// by shard: when the last subscription was accepted, and its number
    pub subscriptions: BTreeMap<String, (i64, u64)>,
}

/// Where a record went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub shard: String,
    pub sequence: String,
}

impl Stream {
    fn new(name: &str, shards: u32, now: i64, incarnation: u64) -> Self {
        let mut stream = Self {
            name: name.to_owned(),
            created: now,
            incarnation,
            retention_hours: 24,
            auto_distribution: false,
            on_demand: false,
            shards: Vec::new(),
            consumers: Vec::new(),
            next: incarnation << 40,
            made: 0,
        };
        let width = u128::MAX / u128::from(shards.max(1));
        for index in 0..u128::from(shards) {
            let first = if index == 0 { 0 } else { width * index + 1 };
            let last = if index + 1 == u128::from(shards) { u128::MAX } else { width * (index + 1) };
            stream.add_shard((first, last), [None, None], now);
        }
        stream
    }

    pub fn arn(&self) -> String {
        format!("arn:aws:kinesis:us-east-1:000000000000:stream/{}", self.name)
    }

    fn take_number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// The number that the next record will have at least.
    pub fn latest(&self) -> u64 {
        self.next + 1
    }

    fn add_shard(
        &mut self,
        hash_range: (u128, u128),
        [parent, adjacent_parent]: [Option<String>; 2],
        now: i64,
    ) -> String {
        let id = format!("shardId-{:012}", self.made);
        self.made += 1;
        let first = self.take_number();
        self.shards.push(Shard {
            id: id.clone(),
            parent,
            adjacent_parent,
            hash_range,
            created: now,
            first,
            closed: None,
            children: Vec::new(),
            records: VecDeque::new(),
            reads: VecDeque::new(),
            iterators: VecDeque::new(),
            bytes_paid: 0,
            last_page: None,
        });
        id
    }

    pub fn shard(&self, id: &str) -> Result<&Shard, Refusal> {
        self.shards.iter().find(|shard| shard.id == id).ok_or_else(|| self.no_shard(id))
    }

    pub fn shard_mut(&mut self, id: &str) -> Result<&mut Shard, Refusal> {
        let missing = self.no_shard(id);
        self.shards.iter_mut().find(|shard| shard.id == id).ok_or(missing)
    }

    fn no_shard(&self, id: &str) -> Refusal {
        Refusal::not_found(format!("Shard {id} in stream {} under account 000000000000 does not exist", self.name))
    }

    pub fn open_shards(&self) -> impl Iterator<Item = &Shard> {
        self.shards.iter().filter(|shard| shard.closed.is_none())
    }

    pub fn put(&mut self, key: &str, hash_key: Option<u128>, data: Bytes, arrival: i64) -> Result<Placed, Refusal> {
        let hash = hash_key.unwrap_or_else(|| u128::from_be_bytes(Md5::digest(key).into()));
        let number = self.take_number();
        let open =
            |shard: &&mut Shard| shard.closed.is_none() && shard.hash_range.0 <= hash && hash <= shard.hash_range.1;
        let shard =
            self.shards.iter_mut().find(open).ok_or_else(|| Refusal::new("InternalFailureException", "no shard"))?;
        shard.records.push_back(Record { number, arrival, key: key.to_owned(), data });
        Ok(Placed { shard: shard.id.clone(), sequence: encoding::sequence(number) })
    }

    pub fn split_in_the_middle(&mut self, id: &str, now: i64) -> Result<[String; 2], Refusal> {
        let (first, last) = self.shard(id)?.hash_range;
        self.split(id, first + (last - first) / 2 + 1, now)
    }

    pub fn split(&mut self, id: &str, start: u128, now: i64) -> Result<[String; 2], Refusal> {
        let shard = self.shard(id)?;
        let (first, last) = shard.hash_range;
        if shard.closed.is_some() {
            return Err(Refusal::argument(format!("Shard {id} has already been split or merged")));
        }
        if start <= first || start > last {
            return Err(Refusal::argument("NewStartingHashKey is not inside the shard's range"));
        }
        self.close(&[id], now)?;
        let parents = || [Some(id.to_owned()), None];
        let children =
            [self.add_shard((first, start - 1), parents(), now), self.add_shard((start, last), parents(), now)];
        self.shard_mut(id)?.children = children.to_vec();
        Ok(children)
    }

    pub fn merge(&mut self, id: &str, adjacent: &str, now: i64) -> Result<String, Refusal> {
        let (one, other) = (self.shard(id)?, self.shard(adjacent)?);
        let (low, high) = if one.hash_range.0 < other.hash_range.0 { (one, other) } else { (other, one) };
        if one.closed.is_some() || other.closed.is_some() {
            return Err(Refusal::argument("a shard is closed"));
        }
        if low.hash_range.1.checked_add(1) != Some(high.hash_range.0) {
            return Err(Refusal::argument(format!("Shards {id} and {adjacent} are not adjacent")));
        }
        let range = (low.hash_range.0, high.hash_range.1);
        self.close(&[id, adjacent], now)?;
        let child = self.add_shard(range, [Some(id.to_owned()), Some(adjacent.to_owned())], now);
        for parent in [id, adjacent] {
            self.shard_mut(parent)?.children = vec![child.clone()];
        }
        Ok(child)
    }

    fn close(&mut self, shards: &[&str], now: i64) -> Result<(), Refusal> {
        for id in shards {
            let last = self.take_number();
            self.shard_mut(id)?.closed = Some((last, now));
        }
        Ok(())
    }

    pub fn update_shard_count(&mut self, target: usize, now: i64) -> Result<(), Refusal> {
        if target == 0 {
            return Err(Refusal::argument("a stream has at least one shard"));
        }
        while self.open_shards().count() < target {
            let largest = self.open_shards().max_by_key(|shard| shard.hash_range.1 - shard.hash_range.0);
            let id = largest.map(|shard| shard.id.clone()).unwrap_or_default();
            self.split_in_the_middle(&id, now)?;
        }
        while self.open_shards().count() > target {
            let mut open: Vec<_> = self.open_shards().map(|shard| (shard.hash_range, shard.id.clone())).collect();
            open.sort();
            let smallest = open.windows(2).min_by_key(|pair| pair[1].0.1 - pair[0].0.0).map(<[_]>::to_vec);
            let Some([one, other]) = smallest.as_deref() else { return Err(Refusal::argument("nothing to merge")) };
            self.merge(&one.1, &other.1, now)?;
        }
        Ok(())
    }

    /// Removes what retention lets go: old records, and closed shards that end before it.
    pub fn expire(&mut self, now: i64) {
        let horizon = self.horizon(now);
        for shard in &mut self.shards {
            while shard.records.front().is_some_and(|record| record.arrival < horizon) {
                shard.records.pop_front();
            }
        }
        self.shards
            .retain(|shard| shard.closed.is_none_or(|(_, closed)| closed >= horizon) || !shard.records.is_empty());
    }

    /// The oldest arrival that is kept.
    pub fn horizon(&self, now: i64) -> i64 {
        now - i64::from(self.retention_hours) * 3_600_000
    }

    /// Removes a shard altogether, as the service does when the retention of a closed one has passed.
    pub fn forget_shard(&mut self, id: &str) {
        self.shards.retain(|shard| shard.id != id);
    }
}

impl Shard {
    pub fn trim_to(&mut self, kept: usize) {
        let gone = self.records.len().saturating_sub(kept);
        self.records.drain(..gone);
    }

    /// Index of the first record with this number or a larger one.
    pub fn index_of(&self, number: u64) -> usize {
        self.records.partition_point(|record| record.number < number)
    }

    /// Number of the first record that arrived then or later, or of what comes after the last.
    pub fn number_at(&self, time: i64) -> Option<u64> {
        self.records.iter().find(|record| record.arrival >= time).map(|record| record.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(stream: &Stream) {
        let mut ranges: Vec<_> = stream.open_shards().map(|shard| shard.hash_range).collect();
        ranges.sort_unstable();
        assert_eq!(ranges.first().map(|range| range.0), Some(0));
        assert_eq!(ranges.last().map(|range| range.1), Some(u128::MAX));
        assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{ranges:?}");
    }

    #[test]
    fn open_shards_always_cover_the_hash_keys() {
        for shards in [1, 2, 3, 4, 64] {
            let mut stream = Stream::new("s", shards, 0, 1);
            covers(&stream);
            for target in [1, 5, 2, 7, 3] {
                stream.update_shard_count(target, 1).unwrap();
                assert_eq!(stream.open_shards().count(), target);
                covers(&stream);
            }
        }
    }

    #[test]
    fn a_merge_has_two_parents_and_a_split_one() {
        let mut stream = Stream::new("s", 2, 0, 1);
        let child = stream.merge("shardId-000000000000", "shardId-000000000001", 5).unwrap();
        let merged = stream.shard(&child).unwrap();
        assert_eq!(merged.parent.as_deref(), Some("shardId-000000000000"));
        assert_eq!(merged.adjacent_parent.as_deref(), Some("shardId-000000000001"));
        let [low, high] = stream.split_in_the_middle(&child, 6).unwrap();
        assert_eq!(stream.shard(&child).unwrap().children, [low, high]);
        assert!(stream.split_in_the_middle(&child, 7).is_err());
        assert!(stream.merge("shardId-000000000003", "shardId-000000000000", 7).is_err());
    }

    #[test]
    fn retention_takes_records_and_then_closed_shards() {
        let day = 24 * 3_600_000;
        let mut stream = Stream::new("s", 1, 0, 1);
        stream.put("a", None, Bytes::from_static(b"1"), 10).unwrap();
        stream.put("a", None, Bytes::from_static(b"2"), 20).unwrap();
        stream.split_in_the_middle("shardId-000000000000", 30).unwrap();
        stream.expire(day + 15);
        assert_eq!(stream.shards[0].records.len(), 1);
        stream.expire(day + 31);
        assert_eq!(stream.shards.len(), 2);
    }
}

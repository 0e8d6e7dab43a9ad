//! Iterators and pages of records.

use super::encoding;
use super::fault::Fault;
use super::stream::{Record, Refusal, Shard, Stream};
use super::{Core, lock};

/// Bytes of a page at most.
const PAGE_BYTES: usize = 10 << 20;

/// Records of a page at most.
pub const PAGE_RECORDS: usize = 10_000;

/// Where reading goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// with this number or the next larger one
    Number(u64),
    /// with the first record that arrived then or later
    Time(i64),
}

/// An iterator, as its text holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardIterator {
    pub incarnation: u64,
    pub shard: String,
    pub start: Start,
    pub issued: i64,
}

impl ShardIterator {
    pub fn to_text(&self) -> String {
        let start = match self.start {
            Start::Number(number) => format!("n{number}"),
            Start::Time(time) => format!("t{time}"),
        };
        let mut text = Vec::new();
        encoding::push_base64(
            &mut text,
            format!("{} {} {start} {}", self.incarnation, self.shard, self.issued).as_bytes(),
        );
        String::from_utf8_lossy(&text).into_owned()
    }

    pub fn parse(text: &str) -> Option<Self> {
        let inner = String::from_utf8(encoding::from_base64(text)?).ok()?;
        let mut parts = inner.split(' ');
        let incarnation = parts.next()?.parse().ok()?;
        let shard = parts.next()?.to_owned();
        let (kind, number) = parts.next()?.split_at_checked(1)?;
        let start = if kind == "n" { Start::Number(number.parse().ok()?) } else { Start::Time(number.parse().ok()?) };
        Some(Self { incarnation, shard, start, issued: parts.next()?.parse().ok()? })
    }
}

/// A page of records.
#[derive(Debug)]
pub struct Page {
    pub records: Vec<Record>,
    /// none at the end of a closed shard
    pub next: Option<u64>,
    /// the text of the iterator there
    pub iterator: Option<String>,
    pub behind: i64,
    /// at the end of a closed shard
    pub children: Vec<Child>,
}

/// A shard that goes on where others end.
#[derive(Debug)]
pub struct Child {
    pub shard: String,
    pub parents: Vec<String>,
    pub hash_range: (u128, u128),
}

/// Where an iterator or a subscription of this type begins.
pub fn start_of(
    stream: &Stream,
    shard: &Shard,
    kind: &str,
    sequence: Option<&str>,
    time: Option<i64>,
    now: i64,
) -> Result<Start, Refusal> {
    match kind {
        "TRIM_HORIZON" => Ok(Start::Number(0)),
        "LATEST" => Ok(Start::Number(stream.latest())),
        "AT_TIMESTAMP" => {
            let time = time.ok_or_else(|| Refusal::argument("Must specify timestamp"))?;
            if time > now {
                return Err(Refusal::argument("The timestamp cannot be in the future"));
            }
            Ok(Start::Time(time))
        }
        "AT_SEQUENCE_NUMBER" | "AFTER_SEQUENCE_NUMBER" => {
            let text = sequence.ok_or_else(|| Refusal::argument("Must specify a sequence number"))?;
            let number = encoding::number(text)
                .filter(|number| *number >= shard.first && shard.closed.is_none_or(|(last, _)| *number <= last))
                .ok_or_else(|| Refusal::argument(format!("StartingSequenceNumber {text} is not of {}", shard.id)))?;
            Ok(Start::Number(number + u64::from(kind.starts_with("AFTER"))))
        }
        other => Err(Refusal::argument(format!("{other} is no type of iterator"))),
    }
}

/// The page that begins there, of at most so many records.
pub fn page_at(stream: &Stream, shard: &Shard, start: Start, limit: usize, end_with_records: bool, now: i64) -> Page {
    let from = match start {
        Start::Number(number) => number,
        Start::Time(time) => {
            shard.number_at(time).unwrap_or_else(|| shard.closed.map_or(stream.latest(), |(last, _)| last))
        }
    };
    let first = shard.index_of(from);
    let mut bytes = 0;
    let fits = |record: &&Record| {
        bytes += record.data.len() + record.key.len();
        bytes <= PAGE_BYTES
    };
    let records: Vec<Record> = shard.records.range(first..).take(limit).take_while(fits).cloned().collect();
    let after = shard.records.get(first + records.len());
    let behind = match (after, records.last()) {
        (None, _) => 0,
        (Some(_), Some(last)) => now - last.arrival,
        (Some(next), None) => now - next.arrival,
    };
    let done = shard.closed.is_some() && after.is_none() && (end_with_records || records.is_empty());
    let next = records.last().map_or(from, |last| last.number + 1);
    Page {
        next: (!done).then_some(next),
        iterator: None,
        behind: behind.max(0),
        children: if done { children(stream, shard) } else { Vec::new() },
        records,
    }
}

fn children(stream: &Stream, shard: &Shard) -> Vec<Child> {
    let found = shard.children.iter().filter_map(|id| stream.shard(id).ok());
    let child = |child: &Shard| Child {
        shard: child.id.clone(),
        parents: child.parent.iter().chain(&child.adjacent_parent).cloned().collect(),
        hash_range: child.hash_range,
    };
    found.map(child).collect()
}

/// `GetRecords`: quotas, life of the iterator, and the page.
pub fn get_records(
    core: &Core,
    iterator: &ShardIterator,
    limit: usize,
    fault: Option<&Fault>,
) -> Result<Page, Refusal> {
    let (options, now) = (core.options(), core.clock.now());
    let mut world = lock(&core.world);
    let stream = world.incarnation(iterator.incarnation)?;
    stream.expire(now);
    let shard = stream.shard_mut(&iterator.shard)?;
    // a read that is refused for the iterator's age or by the quota does not use the quota up
    if now - iterator.issued > options.iterator_life {
        return Err(Refusal::new("ExpiredIteratorException", "Iterator expired."));
    }
    take_quota(&mut shard.reads, options.reads_per_second, now, &shard.id)?;
    if options.bytes_per_second > 0 && shard.bytes_paid > now {
        return Err(throttled(&shard.id));
    }
    let shard = stream.shard(&iterator.shard)?;
    let limit = limit.min(options.records_per_page);
    // only a reader that goes on behind that page can be shown it again
    let is_repeated =
        |(_, end): &(u64, u64)| fault == Some(&Fault::DuplicatePage) && iterator.start == Start::Number(*end);
    let duplicate = shard.last_page.filter(is_repeated);
    let mut page = match (fault, duplicate) {
        (Some(Fault::EmptyPage), _) => empty_page(stream, shard, iterator.start, now),
        (_, Some((start, end))) => {
            let records = shard.index_of(end) - shard.index_of(start);
            page_at(stream, shard, Start::Number(start), records, false, now)
        }
        _ => page_at(stream, shard, iterator.start, limit, options.end_with_records, now),
    };
    if duplicate.is_some() {
        page.next = page.next.or(duplicate.map(|(_, end)| end));
    }
    let bytes: usize = page.records.iter().map(|record| record.data.len() + record.key.len()).sum();
    let shard = stream.shard_mut(&iterator.shard)?;
    if let Some(cost) = (bytes as u64 * 1000).checked_div(options.bytes_per_second) {
        shard.bytes_paid = now + i64::try_from(cost).unwrap_or(i64::MAX);
    }
    if let (Some(first), Some(last)) = (page.records.first(), page.records.last()) {
        shard.last_page = Some((first.number, last.number + 1));
    }
    Ok(page)
}

/// What the service answers while it walks a sparse shard: nothing, and more to come.
fn empty_page(stream: &Stream, shard: &Shard, start: Start, now: i64) -> Page {
    let mut page = page_at(stream, shard, start, 1, false, now);
    page.next = match (start, page.records.first()) {
        (_, Some(record)) => Some(record.number),
        (Start::Number(number), None) => Some(number),
        (Start::Time(_), None) => page.next.or(Some(shard.first)),
    };
    page.behind = page.behind.max(1000);
    page.children.clear();
    page.records.clear();
    page
}

/// Takes one of so many calls a second.
pub fn take_quota(
    taken: &mut std::collections::VecDeque<i64>,
    per_second: u32,
    now: i64,
    shard: &str,
) -> Result<(), Refusal> {
    if per_second == 0 {
        return Ok(());
    }
    while taken.front().is_some_and(|at| *at <= now - 1000) {
        taken.pop_front();
    }
    if taken.len() >= per_second as usize {
        return Err(throttled(shard));
    }
    taken.push_back(now);
    Ok(())
}

fn throttled(shard: &str) -> Refusal {
    Refusal::new("ProvisionedThroughputExceededException", format!("Rate exceeded for shard {shard}"))
}

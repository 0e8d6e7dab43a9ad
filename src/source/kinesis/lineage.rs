//! Which shards may be read now, and from where. Pure: lists and positions in, decisions out.
//!
//! A shard that is split or merged is closed, and its hash keys go on in its children. To keep the order of each key, a
//! child is read when all its parents have been read to their end. A child goes on where its parents would have: at its
//! oldest record where records of a parent were read or would have been from its beginning, at the same instant where
//! the parents had nothing since the instant at which reading began.

use std::collections::{BTreeMap, BTreeSet};

use super::{IteratorFrom, ListedShard};
use crate::model::{RecordPosition, ShardPosition, ShardProgress, Span, Timestamp};

/// Where one reader stands in each shard.
pub type Positions = BTreeMap<String, ShardPosition>;

/// Where reading a stream begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// in shards of which nothing else is said; [`ShardProgress::TrimHorizon`] or [`ShardProgress::AtTimestamp`]
    pub everywhere: ShardProgress,
    /// shards that were read elsewhere up to a record; their parents count as read, their children begin at their oldest
    pub after: BTreeMap<String, RecordPosition>,
}

/// Positions of the listed shards that have none: all of them for a new reader, later the children of those it knows.
#[must_use]
pub fn begin(listed: &[ListedShard], known: &Positions, start: &Start) -> Positions {
    let mut found = Positions::new();
    if known.is_empty() {
        found.extend(listed.iter().map(|shard| (shard.id.clone(), fresh(start.everywhere.clone()))));
        begin_after(listed, &start.after, &mut found);
        return found;
    }
    // parents first, however the list is sorted
    let mut waiting: Vec<&ListedShard> = listed.iter().filter(|shard| !known.contains_key(&shard.id)).collect();
    while !waiting.is_empty() {
        let ids: BTreeSet<&str> = waiting.iter().map(|shard| shard.id.as_str()).collect();
        let waits = |shard: &&ListedShard| shard.parents.iter().any(|parent| ids.contains(parent.as_str()));
        let (later, now): (Vec<&ListedShard>, Vec<&ListedShard>) = waiting.iter().partition(|shard| waits(shard));
        if now.is_empty() {
            // shards that name each other as parents: no service does that, and nothing is lost by reading them all
            found.extend(later.iter().map(|shard| (shard.id.clone(), fresh(ShardProgress::TrimHorizon))));
            break;
        }
        for shard in now {
            let parents = shard.parents.iter().filter_map(|parent| known.get(parent).or_else(|| found.get(parent)));
            let child = child_of(&parents.collect::<Vec<_>>());
            found.insert(shard.id.clone(), child);
        }
        waiting = later;
    }
    found
}

/// What is stored when `shard` has been read to its end: its own position and those of its children, in one transaction.
/// `positions` are those before the end.
#[must_use]
pub fn end(positions: &Positions, shard: &str, children: &[ListedShard]) -> Positions {
    let Some(parent) = positions.get(shard) else { return Positions::new() };
    let mut changed = Positions::new();
    for child in children {
        let position = match positions.get(&child.id) {
            // begun already: nothing of it may be read twice because of us
            Some(known) if is_begun(known) || known.progress == ShardProgress::Ended => continue,
            Some(known) => {
                let inherited = child_of(&[parent]);
                let progress = earlier_start(&known.progress, &inherited.progress);
                ShardPosition { progress, watermark: known.watermark.max(parent.watermark), ..known.clone() }
            }
            None => {
                let parents = child.parents.iter().filter_map(|parent| positions.get(parent));
                let mut parents: Vec<_> = parents.collect();
                if parents.is_empty() {
                    parents.push(parent);
                }
                let mut position = child_of(&parents);
                position.watermark = position.watermark.max(parent.watermark);
                position
            }
        };
        changed.insert(child.id.clone(), position);
    }
    changed.insert(shard.to_owned(), ShardPosition { progress: ShardProgress::Ended, ..parent.clone() });
    changed
}

/// The shards that may be read now: not read to their end, and no parent in the list that is not.
pub fn readable(listed: &[ListedShard], is_ended: impl Fn(&str) -> bool) -> impl Iterator<Item = &ListedShard> {
    let blocking: BTreeSet<&str> =
        listed.iter().map(|shard| shard.id.as_str()).filter(|shard| !is_ended(shard)).collect();
    listed.iter().filter(move |shard| {
        blocking.contains(shard.id.as_str()) && !shard.parents.iter().any(|parent| blocking.contains(parent.as_str()))
    })
}

/// The shards that are not read to their end and are no longer kept.
pub fn gone<'a>(
    listed: &[ListedShard],
    positions: &'a Positions,
) -> impl Iterator<Item = (&'a str, &'a ShardPosition)> {
    let listed: BTreeSet<String> = listed.iter().map(|shard| shard.id.clone()).collect();
    positions
        .iter()
        .filter(move |(shard, position)| position.progress != ShardProgress::Ended && !listed.contains(*shard))
        .map(|(shard, position)| (shard.as_str(), position))
}

/// The earliest place that serves all of these positions in one shard; `None` where all are at its end.
#[must_use]
pub fn from<'a>(positions: impl IntoIterator<Item = &'a ShardPosition>) -> Option<IteratorFrom> {
    let (mut instant, mut record): (Option<Timestamp>, Option<(&RecordPosition, Option<Timestamp>)>) = (None, None);
    for position in positions {
        match &position.progress {
            ShardProgress::TrimHorizon => return Some(IteratorFrom::TrimHorizon),
            ShardProgress::AtTimestamp(at) => instant = Some(instant.map_or(*at, |known| known.min(*at))),
            ShardProgress::After(at) if record.is_none_or(|(known, _)| at < known) => {
                record = Some((at, position.arrival));
            }
            ShardProgress::After(_) | ShardProgress::Ended => {}
        }
    }
    match (instant, record) {
        (None, None) => None,
        (Some(instant), None) => Some(IteratorFrom::AtTimestamp(instant)),
        // a record that arrived before the instant lies before it, one that arrived later may lie on either side
        (Some(instant), Some((_, arrival))) if arrival.is_none_or(|arrival| arrival >= instant) => {
            Some(IteratorFrom::AtTimestamp(instant))
        }
        // the record itself: it may be an aggregate of which a part was read
        (_, Some((at, _))) => Some(IteratorFrom::At(at.sequence.clone())),
    }
}

/// Up to when nothing is missing at this position; `None` where that is not known, or everything is read.
#[must_use]
pub fn read_until(position: &ShardPosition) -> Option<Timestamp> {
    match &position.progress {
        ShardProgress::Ended => None,
        ShardProgress::TrimHorizon => position.caught_up,
        ShardProgress::AtTimestamp(at) => position.caught_up.max(Some(*at)),
        ShardProgress::After(_) => position.caught_up.max(position.arrival),
    }
}

/// The instant before which nothing is kept any more, where records between `read` and it may have expired unread.
#[must_use]
pub fn expired_before(read: Timestamp, created: Timestamp, now: Timestamp, retention: Span) -> Option<Timestamp> {
    let kept = now.saturating_sub(retention);
    (read.max(created) < kept).then_some(kept)
}

fn fresh(progress: ShardProgress) -> ShardPosition {
    ShardPosition { progress, arrival: None, caught_up: None, watermark: None }
}

fn is_begun(position: &ShardPosition) -> bool {
    matches!(position.progress, ShardProgress::After(_))
}

/// Where a shard begins whose parents stand there.
fn child_of(parents: &[&ShardPosition]) -> ShardPosition {
    let mut instant = None;
    let mut from_oldest = parents.is_empty();
    for parent in parents {
        match parent.progress {
            ShardProgress::AtTimestamp(at) if parent.arrival.is_none() => {
                instant = Some(instant.map_or(at, |known: Timestamp| known.min(at)));
            }
            _ => from_oldest = true,
        }
    }
    let progress = instant.filter(|_| !from_oldest).map_or(ShardProgress::TrimHorizon, ShardProgress::AtTimestamp);
    let watermark = parents.iter().filter_map(|parent| parent.watermark).max();
    ShardPosition { watermark, ..fresh(progress) }
}

fn earlier_start(left: &ShardProgress, right: &ShardProgress) -> ShardProgress {
    match (left, right) {
        (ShardProgress::AtTimestamp(left), ShardProgress::AtTimestamp(right)) => {
            ShardProgress::AtTimestamp(*left.min(right))
        }
        _ => ShardProgress::TrimHorizon,
    }
}

fn begin_after(listed: &[ListedShard], after: &BTreeMap<String, RecordPosition>, found: &mut Positions) {
    let parents_of = |id: &str| listed.iter().find(|shard| shard.id == id).map_or(&[][..], |shard| &shard.parents);
    for (shard, position) in after {
        let mut ancestors: Vec<&String> = parents_of(shard).iter().collect();
        while let Some(ancestor) = ancestors.pop() {
            if found.get(ancestor).is_some_and(|known| known.progress != ShardProgress::Ended) {
                found.insert(ancestor.clone(), fresh(ShardProgress::Ended));
                ancestors.extend(parents_of(ancestor));
            }
        }
        let mut descendants = vec![shard.as_str()];
        while let Some(parent) = descendants.pop() {
            for child in listed.iter().filter(|child| child.parents.iter().any(|id| id == parent)) {
                if found.get(&child.id).is_some_and(|known| known.progress != ShardProgress::TrimHorizon) {
                    found.insert(child.id.clone(), fresh(ShardProgress::TrimHorizon));
                    descendants.push(&child.id);
                }
            }
        }
        found.insert(shard.clone(), fresh(ShardProgress::After(position.clone())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SequenceNumber;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn shard(id: &str, parents: &[&str]) -> ListedShard {
        let parents = parents.iter().map(ToString::to_string).collect();
        ListedShard { id: id.to_owned(), parents, hash_range: None, closed: false }
    }

    fn after(sequence: &str, arrival: i64) -> ShardPosition {
        let position = RecordPosition { sequence: SequenceNumber::parse(sequence).unwrap(), sub_sequence: 0 };
        ShardPosition { arrival: Some(at(arrival)), ..fresh(ShardProgress::After(position)) }
    }

    fn start(everywhere: ShardProgress) -> Start {
        Start { everywhere, after: BTreeMap::new() }
    }

    /// a splits into b and c, these merge into d
    fn diamond() -> Vec<ListedShard> {
        vec![shard("d", &["b", "c"]), shard("a", &["z"]), shard("b", &["a"]), shard("c", &["a"])]
    }

    fn ids<'a>(shards: impl Iterator<Item = &'a ListedShard>) -> Vec<&'a str> {
        shards.map(|shard| shard.id.as_str()).collect()
    }

    #[test]
    fn parents_come_before_children_and_a_merge_waits_for_both() {
        let listed = diamond();
        let next = |ended: &[&str]| ids(readable(&listed, |shard| ended.contains(&shard)));
        assert_eq!(next(&[]), ["a"], "a parent that expired blocks nothing");
        assert_eq!(next(&["a"]), ["b", "c"]);
        assert_eq!(next(&["a", "b"]), ["c"]);
        assert_eq!(next(&["a", "b", "c"]), ["d"]);
        assert_eq!(next(&["a", "b", "c", "d"]), Vec::<&str>::new());
    }

    #[test]
    fn a_new_reader_begins_everywhere_in_the_same_way() {
        let instant = ShardProgress::AtTimestamp(at(5));
        let begun = begin(&diamond(), &Positions::new(), &start(instant.clone()));
        assert_eq!(begun.len(), 4);
        assert!(begun.values().all(|position| position.progress == instant));
    }

    #[test]
    fn a_reader_that_was_elsewhere_goes_on_after_its_record() {
        let RecordPosition { sequence, .. } =
            RecordPosition { sequence: SequenceNumber::parse("77").unwrap(), sub_sequence: 0 };
        let mut start = start(ShardProgress::AtTimestamp(at(9)));
        start.after.insert("b".into(), RecordPosition { sequence, sub_sequence: 0 });
        let listed = [diamond(), vec![shard("x", &[])]].concat();
        let begun = begin(&listed, &Positions::new(), &start);
        let progress = |shard: &str| begun[shard].progress.clone();
        assert_eq!(progress("a"), ShardProgress::Ended);
        assert!(matches!(progress("b"), ShardProgress::After(_)));
        assert_eq!(progress("d"), ShardProgress::TrimHorizon);
        assert_eq!(progress("x"), ShardProgress::AtTimestamp(at(9)));
    }

    #[test]
    fn children_found_after_a_stop_begin_where_their_parents_would_have_gone_on() {
        let instant = ShardProgress::AtTimestamp(at(5));
        let of = |parent: ShardPosition| {
            let known = Positions::from([("a".to_owned(), parent)]);
            let begun = begin(&diamond(), &known, &start(instant.clone()));
            assert_eq!(begun.len(), 3);
            begun["d"].progress.clone()
        };
        assert_eq!(of(fresh(instant.clone())), instant);
        assert_eq!(of(fresh(ShardProgress::TrimHorizon)), ShardProgress::TrimHorizon);
        assert_eq!(of(after("7", 6)), ShardProgress::TrimHorizon);
    }

    #[test]
    fn the_end_of_a_shard_begins_its_children_with_the_largest_watermark() {
        let listed = diamond();
        let (b, c) = (vec![listed[0].clone()], vec![listed[0].clone()]);
        let instant = ShardProgress::AtTimestamp(at(5));
        let mut positions = Positions::new();
        positions.insert("b".into(), ShardPosition { watermark: Some(at(8)), ..fresh(instant.clone()) });
        positions.insert("c".into(), ShardPosition { watermark: Some(at(9)), ..fresh(instant.clone()) });
        let changed = end(&positions, "c", &c);
        assert_eq!(changed["c"].progress, ShardProgress::Ended);
        assert_eq!((&changed["d"].progress, changed["d"].watermark), (&instant, Some(at(9))));
        positions.extend(changed);
        // meanwhile the other parent brought a record
        positions.insert("b".into(), ShardPosition { watermark: Some(at(12)), ..after("7", 6) });
        let changed = end(&positions, "b", &b);
        assert_eq!((&changed["d"].progress, changed["d"].watermark), (&ShardProgress::TrimHorizon, Some(at(12))));
        positions.extend(changed);
        // a child that is being read is left alone
        positions.insert("d".into(), after("9", 7));
        assert!(!end(&positions, "b", &b).contains_key("d"));
    }

    #[test]
    fn a_shard_without_records_since_the_instant_hands_the_instant_on() {
        let instant = ShardProgress::AtTimestamp(at(5));
        let positions = Positions::from([("a".to_owned(), fresh(instant.clone()))]);
        let changed = end(&positions, "a", &[shard("b", &["a"]), shard("c", &["a"])]);
        assert_eq!([&changed["b"].progress, &changed["c"].progress], [&instant, &instant]);
    }

    #[test]
    fn the_earliest_of_several_readers_decides_where_a_shard_is_read_from() {
        let number = |digits: &str| SequenceNumber::parse(digits).unwrap();
        let oldest = fresh(ShardProgress::TrimHorizon);
        let instant = fresh(ShardProgress::AtTimestamp(at(50)));
        let ended = fresh(ShardProgress::Ended);
        let (early, late) = (after("9", 40), after("10", 60));
        for (positions, expected) in [
            (vec![&ended], None),
            (vec![&ended, &late], Some(IteratorFrom::At(number("10")))),
            (vec![&late, &early], Some(IteratorFrom::At(number("9")))),
            (vec![&late, &oldest, &early], Some(IteratorFrom::TrimHorizon)),
            (vec![&late, &instant], Some(IteratorFrom::AtTimestamp(at(50)))),
            (vec![&early, &instant], Some(IteratorFrom::At(number("9")))),
            (vec![&instant], Some(IteratorFrom::AtTimestamp(at(50)))),
        ] {
            assert_eq!(from(positions.iter().copied()), expected, "{positions:?}");
        }
    }

    #[test]
    fn what_expired_unread_is_known_by_its_bounds() {
        let retention = Span::from_seconds(100);
        let position = ShardPosition { caught_up: Some(at(40)), ..after("9", 10) };
        assert_eq!(read_until(&position), Some(at(40)));
        assert_eq!(read_until(&after("9", 10)), Some(at(10)));
        assert_eq!(read_until(&fresh(ShardProgress::TrimHorizon)), None);
        assert_eq!(read_until(&fresh(ShardProgress::AtTimestamp(at(7)))), Some(at(7)));
        assert_eq!(expired_before(at(40), at(0), at(140), retention), None);
        assert_eq!(expired_before(at(40), at(0), at(141), retention), Some(at(41)));
        assert_eq!(expired_before(at(40), at(45), at(141), retention), None, "the stream is younger than that");
    }

    #[test]
    fn shards_that_are_no_longer_kept_are_named_unless_they_were_read() {
        let positions = Positions::from([
            ("a".to_owned(), after("1", 1)),
            ("y".to_owned(), after("1", 1)),
            ("z".to_owned(), fresh(ShardProgress::Ended)),
        ]);
        let gone: Vec<_> = gone(&diamond(), &positions).map(|(shard, _)| shard).collect();
        assert_eq!(gone, ["y"]);
    }
}

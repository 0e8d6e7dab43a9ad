//! Random rows in random files, against a reference that reads one row after the other.

use std::collections::BTreeMap;

use feast_rs::model::{DataType, ValueType};
use feast_rs::row::{JoinKey, KeyEncoder, KeyValue, ViewLayout, decode_key};
use feast_rs::source::latest::NO_CREATED;
use feast_rs::source::parquet::{Dataset, Scan, Window};
use proptest::prelude::*;

use crate::files::{TestRow, write};
use crate::repo::{NOW, Repo};

/// The day before [`NOW`], in microseconds.
const START: i64 = NOW.micros() - 86_400_000_000;

fn rows() -> impl Strategy<Value = Vec<TestRow>> {
    let optional = |range: std::ops::Range<i64>| prop::option::weighted(0.9, range);
    // a quarter of the values are refused: Int64 has no halves
    let value = prop::option::weighted(
        0.9,
        (0_i32..40)
            .prop_map(|quarters| f64::from(quarters - quarters % 4) / 4.0 + if quarters % 4 == 3 { 0.5 } else { 0.0 }),
    );
    let row = (optional(0..6), optional(-3..12), optional(0..4), value).prop_map(|(eid, event, created, f)| TestRow {
        eid,
        event: event.map(|event| START + event),
        created: created.map(|created| START + created),
        f,
    });
    prop::collection::vec(row, 1..120)
}

/// Position of a row, and the row.
type Winner = (usize, TestRow);

fn is_good(row: &TestRow) -> bool {
    row.f.is_none_or(|f| f.fract() == 0.0)
}

fn rank((position, row): &Winner) -> (Option<i64>, Option<i64>, usize) {
    (row.event, row.created, *position)
}

/// The newest good row of every key in the window.
fn naive(rows: &[TestRow], start: i64, end: i64) -> BTreeMap<i64, TestRow> {
    let mut newest: BTreeMap<i64, Winner> = BTreeMap::new();
    for (position, row) in rows.iter().enumerate() {
        let (Some(eid), Some(event)) = (row.eid, row.event) else { continue };
        if event < start || event > end || !is_good(row) {
            continue;
        }
        let winner = (position, *row);
        let known = newest.entry(eid).or_insert(winner);
        if rank(&winner) > rank(known) {
            *known = winner;
        }
    }
    newest.into_iter().map(|(eid, (_, row))| (eid, row)).collect()
}

/// Splits rows over three files, whose names are in the order of the rows.
fn write_files(repo: &Repo, rows: &[TestRow], group: usize) {
    for (index, part) in rows.chunks(rows.len().div_ceil(3)).enumerate() {
        write(&repo.path(&format!("x/part={index}/{index}.parquet")), part, group);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_newest_good_row_of_every_entity_is_stored(rows in rows(), group in 1_usize..50, start in 0_i64..6) {
        let mut repo = Repo::new("x", &[("f", DataType::Int64)]);
        repo.source().created_timestamp_column = "created".to_owned();
        write_files(&repo, &rows, group);
        let (start, end) = (START + start, START + 9);
        let report = repo.between(start, end).run().unwrap();

        let expected: Vec<_> = naive(&rows, start, end)
            .into_iter()
            .map(|(eid, row)| (eid, row.f.map(|f| format!("{f}")), row.event.map(|t| t / 1_000_000), row.created.map(|t| t / 1_000_000)))
            .collect();
        let mut stored: Vec<_> = repo
            .stored()
            .into_iter()
            .map(|row| {
                let eid = match &decode_key(&row.key).unwrap()[0].1 { KeyValue::Int64(eid) => *eid, other => panic!("{other:?}") };
                (eid, row.text, Some(row.event), row.created)
            })
            .collect();
        stored.sort();
        prop_assert_eq!(&stored, &expected);

        let inside = rows.iter().filter(|row| row.event.is_some_and(|event| start <= event && event <= end));
        prop_assert_eq!(report.read, inside.clone().count() as u64);
        prop_assert_eq!(report.written, expected.len() as u64);
        let keyless = inside.filter(|row| row.eid.is_none()).count() as u64;
        prop_assert!(report.refused >= keyless);
        let again = repo.run().unwrap();
        prop_assert_eq!((again.written, again.stale), (report.written, 0), "a row that is read again is a tie");
    }

    #[test]
    fn threads_do_not_change_the_newest_rows(rows in rows(), group in 1_usize..20) {
        let repo = Repo::new("x", &[]);
        write_files(&repo, &rows, group);
        let dataset = Dataset::open(&repo.path("x")).unwrap();
        let join_keys = vec![JoinKey { name: "eid".to_owned(), value_type: ValueType::Int64 }];
        let layout = ViewLayout { view: "v".to_owned(), join_keys, features: Vec::new(), key_version: 3 };
        let encoder = KeyEncoder::new(&layout).unwrap();
        let created = Some("created".to_owned());
        let scan = Scan::new(&dataset, vec!["eid".to_owned()], "event_timestamp".to_owned(), created, false).unwrap();
        let window = Window { start: START, end: START + 9, late_after: Some(START + 2), not_after: START + 8 };
        let found = |threads| {
            let newest = scan.newest(&window, &encoder, threads, &|_| ()).unwrap();
            let (counts, refused) = (newest.counts, newest.refused);
            let sorted = newest.rows.sorted();
            let rows: Vec<_> = (0..sorted.len()).map(|at| (sorted.key(at), sorted.stamp(at))).collect();
            (rows, counts, refused)
        };
        let one = found(1);
        for threads in [2, 5] {
            prop_assert_eq!(&found(threads), &one);
        }
        let created = |row: &TestRow| row.created.unwrap_or(NO_CREATED);
        let inside = rows.iter().filter(|row| row.event.is_some_and(|event| {
            event <= window.end && (event >= window.start || created(row) >= START + 2)
        }));
        prop_assert_eq!(one.1.read, inside.count() as u64);
        let undated = rows.iter().filter(|row| row.event.is_none()).count() as u64;
        prop_assert!(one.1.undated <= undated, "those of pruned row groups are not met");
    }
}

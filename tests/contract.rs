//! What every online store promises, run over all of them; then what the SQLite store promises beside Python.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, TimestampSecondArray,
};
use arrow::buffer::BooleanBuffer;
use feast_rs::model::{
    DataType, Field, JournalMode, PositionKey, RecordPosition, SequenceNumber, ShardPosition, ShardProgress, Span,
    SqliteOnlineStore, StreamId, Timestamp, ValueType,
};
use feast_rs::online::sqlite::Drift;
use feast_rs::online::{
    Advance, BulkWriter, Claim, Conflict, Durability, LogName, LogRows, MemoryStore, OnlineError, OnlineReader,
    OnlineStore, Outcome, PUSH_MARK_AGE, PushMark, ReadRequest, Spool, SqliteReader, SqliteStore, StoredPosition,
    StoredValue, TableRows, TableSpec, ViewLock, WriteSet,
};
use feast_rs::row::{Cast, FeatureColumn, JoinKey, KeyValue, Keys, RowBatch, RowColumns, ViewLayout, encode_key};
use proptest::prelude::*;
use serde_json::Value as Json;

const TABLE: &str = "shop_drivers";
const FEATURES: [&str; 2] = ["f", "g"];

// ------------------------------------------------------------------------------------------------ rows

/// One row as a test writes it; a feature that is `None` is not brought.
#[derive(Clone, Debug)]
struct Arrival {
    key: i64,
    event: i64,
    created: Option<i64>,
    values: [Option<i64>; 2],
}

fn arrival(key: i64, event: i64, created: Option<i64>, value: i64) -> Arrival {
    Arrival { key, event, created, values: [Some(value), Some(value)] }
}

fn layout() -> Arc<ViewLayout> {
    Arc::new(ViewLayout {
        view: "drivers".to_owned(),
        join_keys: vec![JoinKey { name: "driver_id".to_owned(), value_type: ValueType::Int64 }],
        features: FEATURES.iter().map(|name| Field::new(*name, DataType::Int64)).collect(),
        key_version: 3,
    })
}

fn batch(arrivals: &[Arrival]) -> Arc<RowBatch> {
    let feature = |position: usize| {
        let values = arrivals.iter().map(|arrival| arrival.values[position]);
        Some(FeatureColumn {
            values: Arc::new(values.clone().collect::<Int64Array>()) as ArrayRef,
            present: Some(values.map(|value| value.is_some()).collect::<BooleanBuffer>()),
        })
    };
    let columns = RowColumns {
        join_keys: vec![Arc::new(arrivals.iter().map(|arrival| Some(arrival.key)).collect::<Int64Array>())],
        event: Arc::new(TimestampMicrosecondArray::from_iter_values(arrivals.iter().map(|arrival| arrival.event))),
        created: Some(Arc::new(arrivals.iter().map(|a| a.created).collect::<TimestampMicrosecondArray>())),
        features: vec![feature(0), feature(1)],
    };
    let (batch, refusals) = RowBatch::new(&layout(), &columns, Cast::Lossless, None).unwrap();
    assert_eq!(refusals, []);
    Arc::new(batch)
}

fn write_set(arrivals: &[Arrival], conflict: Conflict) -> WriteSet {
    let rows = vec![TableRows { table: TABLE.to_owned(), batch: batch(arrivals) }];
    WriteSet { rows, conflict, ..WriteSet::default() }
}

fn key(driver: i64) -> Vec<u8> {
    encode_key(3, &[("driver_id", KeyValue::Int64(driver))]).unwrap()
}

fn keys(drivers: impl IntoIterator<Item = i64>) -> Keys {
    let mut keys = Keys::default();
    drivers.into_iter().for_each(|driver| keys.push(&key(driver)));
    keys
}

/// `int64_val` as protobuf writes it.
fn value(number: i64) -> Vec<u8> {
    let mut bytes = vec![0x20];
    prost::encoding::encode_varint(number.cast_unsigned(), &mut bytes);
    bytes
}

// ------------------------------------------------------------------------------------------------ stores

fn spec() -> TableSpec {
    TableSpec { name: TABLE.to_owned(), scalars_only: true, value_num: false, needs_rowid: false }
}

fn settings(folder: &Path) -> SqliteOnlineStore {
    SqliteOnlineStore {
        path: folder.join("data").join("online.db"),
        vector_enabled: false,
        text_search_enabled: false,
        enable_openai_compatible_store: false,
    }
}

fn sqlite(folder: &Path) -> SqliteStore {
    SqliteStore::open(&settings(folder), JournalMode::Wal, Durability::Bulk).unwrap()
}

fn raw(folder: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(settings(folder).path).unwrap()
}

fn read(store: &impl OnlineStore, drivers: impl IntoIterator<Item = i64>) -> Vec<Option<StoredValue>> {
    let request = ReadRequest { table: TABLE, keys: &keys(drivers), features: &FEATURES };
    store.reader().unwrap().read(&[request]).unwrap().remove(0)
}

#[allow(clippy::unnecessary_wraps, reason = "answers are optional")]
fn stored(number: i64, event: i64, created: Option<i64>) -> Option<StoredValue> {
    let created = created.map(Timestamp::from_micros);
    Some(StoredValue { value: value(number), event: Timestamp::from_micros(event), created })
}

// ------------------------------------------------------------------------------------------------ every store

fn newest_wins(store: &mut impl OnlineStore) {
    store.ensure(&spec()).unwrap();
    let mut commit = |arrivals: &[Arrival], conflict| store.commit(&write_set(arrivals, conflict)).unwrap();
    let newest = Conflict::NewestWins;
    assert_eq!(commit(&[arrival(1, 10, None, 1)], newest), Outcome { written: 2, stale: 0 });
    assert_eq!(commit(&[arrival(1, 9, None, 2)], newest), Outcome { written: 0, stale: 2 }, "older by a microsecond");
    assert_eq!(
        commit(&[arrival(1, 10, None, 3)], newest),
        Outcome { written: 2, stale: 0 },
        "a tie: the later arrival"
    );
    assert_eq!(commit(&[arrival(1, 10, Some(5), 4)], newest), Outcome { written: 2, stale: 0 }, "created beats none");
    assert_eq!(
        commit(&[arrival(1, 10, None, 5)], newest),
        Outcome { written: 0, stale: 2 },
        "none does not beat created"
    );
    assert_eq!(commit(&[arrival(1, 10, Some(4), 6)], newest), Outcome { written: 0, stale: 2 }, "created earlier");
    assert_eq!(commit(&[arrival(1, 10, Some(5), 7)], newest), Outcome { written: 2, stale: 0 }, "a tie in both");
    assert_eq!(commit(&[arrival(1, -10, None, 8)], Conflict::Overwrite), Outcome { written: 2, stale: 0 });
    assert_eq!(read(store, [1]), [stored(8, -10, None), stored(8, -10, None)]);
}

fn answers_keep_the_order_asked(store: &mut impl OnlineStore) {
    store.ensure(&spec()).unwrap();
    let arrivals: Vec<Arrival> = (0..50).map(|driver| arrival(driver, driver, None, driver * 7)).collect();
    store.commit(&write_set(&arrivals, Conflict::NewestWins)).unwrap();
    let request = ReadRequest { table: TABLE, keys: &keys([49, 1000, 0, 49]), features: &["g", "nothing", "f"] };
    let answers = store.reader().unwrap().read(&[request, request]).unwrap();
    let last = || stored(343, 49, None);
    let none = || None;
    let first = || stored(0, 0, None);
    let expected =
        vec![last(), none(), last(), none(), none(), none(), first(), none(), first(), last(), none(), last()];
    assert_eq!(answers, [expected.clone(), expected]);
}

fn what_a_row_does_not_bring_stays(store: &mut impl OnlineStore) {
    store.ensure(&spec()).unwrap();
    let rows = [
        arrival(1, 10, None, 1),
        Arrival { key: 1, event: 20, created: None, values: [Some(2), None] },
        Arrival { key: 1, event: 15, created: None, values: [None, Some(3)] },
    ];
    let outcome = store.commit(&write_set(&rows, Conflict::NewestWins)).unwrap();
    assert_eq!(outcome, Outcome { written: 4, stale: 0 });
    assert_eq!(read(store, [1]), [stored(2, 20, None), stored(3, 15, None)]);
}

fn a_commit_is_all_or_nothing(store: &mut impl OnlineStore) {
    store.ensure(&spec()).unwrap();
    let mut set = write_set(&[arrival(1, 10, None, 1)], Conflict::NewestWins);
    set.rows.push(TableRows { table: "no_such_table".to_owned(), batch: batch(&[arrival(2, 10, None, 1)]) });
    assert!(matches!(store.commit(&set), Err(OnlineError::NoTable { table }) if table == "no_such_table"));
    assert_eq!(read(store, [1]), [None, None]);
    store.commit(&write_set(&[arrival(1, 10, None, 1)], Conflict::NewestWins)).unwrap();
    assert_eq!(read(store, [1])[0], stored(1, 10, None), "the store works on after an error");
}

fn ensuring_twice_keeps_values_and_forgetting_drops_them(store: &mut impl OnlineStore) {
    store.ensure(&spec()).unwrap();
    store.commit(&write_set(&[arrival(1, 10, None, 1)], Conflict::NewestWins)).unwrap();
    store.ensure(&spec()).unwrap();
    assert_eq!(read(store, [1])[0], stored(1, 10, None));
    store.forget(TABLE).unwrap();
    store.forget(TABLE).unwrap();
    let request = ReadRequest { table: TABLE, keys: &keys([1]), features: &FEATURES };
    assert!(matches!(store.reader().unwrap().read(&[request]), Err(OnlineError::NoTable { .. })));
    store.ensure(&spec()).unwrap();
    assert_eq!(read(store, [1]), [None, None]);
}

fn a_reader_sees_every_commit_before_it_was_asked(store: &mut impl OnlineStore) {
    store.ensure(&spec()).unwrap();
    let mut reader = store.reader().unwrap();
    let asked = keys([1]);
    for event in 0..5 {
        store.commit(&write_set(&[arrival(1, event, None, event)], Conflict::NewestWins)).unwrap();
        let answers = reader.read(&[ReadRequest { table: TABLE, keys: &asked, features: &["f"] }]).unwrap();
        assert_eq!(answers, [[stored(event, event, None)]]);
    }
}

// --- what stands beside the values

fn place(progress: ShardProgress) -> ShardPosition {
    let at = |seconds: i64| Some(Timestamp::from_micros(seconds * 1_000_000));
    ShardPosition { progress, arrival: at(1), caught_up: None, watermark: at(-3) }
}

fn after(sequence: &str, sub_sequence: u64) -> ShardPosition {
    let sequence = SequenceNumber::parse(sequence).unwrap();
    place(ShardProgress::After(RecordPosition { sequence, sub_sequence }))
}

fn advance(view: &str, shard: u8, position: ShardPosition, generation: u64) -> Advance {
    let created = Timestamp::from_micros(1_700_000_000_000_000);
    let stream = StreamId { arn: "arn:aws:kinesis:eu-west-1:1:stream/drivers".to_owned(), created };
    let key = PositionKey {
        project: "shop".to_owned(),
        view: view.to_owned(),
        stream,
        shard: format!("shardId-{shard:012}"),
    };
    Advance { key, position, table: TABLE.to_owned(), generation, endpoint: Some("http://127.0.0.1:4567".to_owned()) }
}

fn stored_position(advance: &Advance) -> StoredPosition {
    StoredPosition {
        key: advance.key.clone(),
        position: advance.position.clone(),
        generation: advance.generation,
        endpoint: advance.endpoint.clone(),
    }
}

fn advancing(arrivals: &[Arrival], advance: Vec<Advance>) -> WriteSet {
    WriteSet { advance, ..write_set(arrivals, Conflict::NewestWins) }
}

fn rows_and_positions_are_stored_together(store: &mut impl OnlineStore) {
    assert_eq!(store.positions("shop", "drivers").unwrap(), []);
    store.ensure(&spec()).unwrap();
    let generation = store.generation(TABLE).unwrap().unwrap();
    let long = "9".repeat(128);
    let places = [
        place(ShardProgress::TrimHorizon),
        place(ShardProgress::AtTimestamp(Timestamp::from_micros(-5))),
        after(&long, u64::MAX),
        place(ShardProgress::Ended),
    ];
    let advances: Vec<Advance> =
        places.into_iter().zip(0..).map(|(place, shard)| advance("drivers", shard, place, generation)).collect();
    store.commit(&advancing(&[arrival(1, 10, None, 1)], advances.clone())).unwrap();
    let expected: Vec<StoredPosition> = advances.iter().map(stored_position).collect();
    assert_eq!(store.positions("shop", "drivers").unwrap(), expected);
    assert_eq!(store.positions("shop", "others").unwrap(), []);
    assert_eq!(store.positions("other", "drivers").unwrap(), []);

    let next = advance("drivers", 0, after("7", 0), generation);
    let mut broken = advancing(&[arrival(1, 20, None, 2)], vec![next.clone()]);
    broken.rows.push(TableRows { table: "no_such_table".to_owned(), batch: batch(&[arrival(2, 10, None, 1)]) });
    assert!(store.commit(&broken).is_err());
    assert_eq!(store.positions("shop", "drivers").unwrap(), expected, "no position without its rows");
    store.commit(&advancing(&[], vec![next.clone()])).unwrap();
    assert_eq!(store.positions("shop", "drivers").unwrap()[0], stored_position(&next), "a position alone may advance");
}

fn a_position_of_another_generation_is_refused(store: &mut impl OnlineStore) {
    assert_eq!(store.generation(TABLE).unwrap(), None, "there is no table");
    store.ensure(&spec()).unwrap();
    let first = store.generation(TABLE).unwrap().unwrap();
    store.ensure(&spec()).unwrap();
    assert_eq!(store.generation(TABLE).unwrap(), Some(first), "nothing was made");
    let old = advance("drivers", 0, after("1", 0), first);
    store.commit(&advancing(&[], vec![old.clone()])).unwrap();
    store.forget(TABLE).unwrap();
    assert_eq!(store.generation(TABLE).unwrap(), None);
    let refused = |result: Result<Outcome, OnlineError>| matches!(result, Err(OnlineError::Generation { .. }));
    let next = advance("drivers", 0, after("2", 0), first);
    assert!(refused(store.commit(&advancing(&[], vec![next.clone()]))), "the table is gone");
    store.ensure(&spec()).unwrap();
    let second = store.generation(TABLE).unwrap().unwrap();
    assert!(second > first);
    assert!(refused(store.commit(&advancing(&[arrival(1, 10, None, 1)], vec![next]))));
    assert_eq!(read(store, [1]), [None, None], "its rows are refused too");
    assert_eq!(store.positions("shop", "drivers").unwrap(), [stored_position(&old)]);

    assert!(store.replace_positions("shop", "drivers", std::slice::from_ref(&old)).is_err());
    store.keep_positions("shop", "drivers", TABLE).unwrap();
    let kept = Advance { generation: second, ..old };
    assert_eq!(store.positions("shop", "drivers").unwrap(), [stored_position(&kept)]);
    assert!(matches!(store.keep_positions("shop", "drivers", "gone"), Err(OnlineError::NoTable { .. })));
    let horizon = advance("drivers", 1, place(ShardProgress::TrimHorizon), second);
    store.replace_positions("shop", "drivers", std::slice::from_ref(&horizon)).unwrap();
    assert_eq!(store.positions("shop", "drivers").unwrap(), [stored_position(&horizon)]);
    store.commit(&advancing(&[], vec![advance("others", 0, after("1", 0), second)])).unwrap();
    store.replace_positions("shop", "drivers", &[]).unwrap();
    assert_eq!(store.positions("shop", "drivers").unwrap(), []);
    assert_eq!(store.positions("shop", "others").unwrap().len(), 1);
}

fn a_marked_push_is_stored_once(store: &mut impl OnlineStore) {
    store.ensure(&spec()).unwrap();
    let pushed = |key: &str, at: Timestamp, value: i64| WriteSet {
        pushed: Some(PushMark { key: key.to_owned(), at }),
        ..write_set(&[arrival(1, value, None, value)], Conflict::Overwrite)
    };
    let start = Timestamp::from_micros(0);
    assert!(!store.was_pushed("a").unwrap());
    assert_eq!(store.commit(&pushed("a", start, 1)).unwrap(), Outcome { written: 2, stale: 0 });
    assert!(store.was_pushed("a").unwrap());
    assert_eq!(store.commit(&pushed("a", start, 2)).unwrap(), Outcome::default());
    assert_eq!(store.commit(&pushed("b", start.saturating_add(PUSH_MARK_AGE), 3)).unwrap().written, 2);
    assert_eq!(read(store, [1])[0], stored(3, 3, None));
    assert_eq!(store.commit(&pushed("a", start.saturating_add(PUSH_MARK_AGE), 4)).unwrap().written, 0);
    let later = start.saturating_add(PUSH_MARK_AGE).saturating_add(Span::from_micros(1));
    assert_eq!(store.commit(&pushed("c", later, 5)).unwrap().written, 2);
    assert!(!store.was_pushed("a").unwrap(), "a mark has an age");
    assert!(store.was_pushed("b").unwrap());
    let mut broken = pushed("d", later, 6);
    broken.rows[0].table = String::from("no_such_table");
    assert!(store.commit(&broken).is_err());
    assert!(!store.was_pushed("d").unwrap(), "no mark without its rows");
}

fn log(path: &str) -> LogName {
    LogName { project: "shop".to_owned(), path: path.to_owned() }
}

fn log_rows(path: &str, column: &str, values: std::ops::Range<i64>) -> LogRows {
    let values: ArrayRef = Arc::new(Int64Array::from_iter_values(values));
    LogRows { log: log(path), batch: RecordBatch::try_from_iter([(column, values)]).unwrap() }
}

/// All rows of a claim in their order.
fn claimed(store: &mut impl Spool, claim: &Claim) -> Vec<RecordBatch> {
    let (mut batches, mut after) = (Vec::new(), 0);
    while let Some((last, some)) = store.spooled(claim, after).unwrap() {
        assert!(last > after);
        batches.extend(some);
        after = last;
    }
    batches
}

fn spooled_rows_wait_until_they_are_released<S: OnlineStore + Spool>(store: &mut S) {
    assert_eq!(store.spooled_logs().unwrap(), []);
    assert_eq!(store.claim(&log("a"), 1, "p0").unwrap(), None);
    let rows = [log_rows("a", "x", 0..3), log_rows("b", "x", 3..4), log_rows("a", "x", 4..6), log_rows("a", "y", 6..7)];
    store.commit(&WriteSet { log: rows[..2].to_vec(), ..WriteSet::default() }).unwrap();
    store.commit(&WriteSet { log: rows[2..].to_vec(), ..WriteSet::default() }).unwrap();
    let logs: Vec<LogName> = store.spooled_logs().unwrap().into_iter().map(|spooled| spooled.log).collect();
    assert_eq!(logs, [log("a"), log("b")]);

    let claim = store.claim(&log("a"), u64::MAX, "p1").unwrap().unwrap();
    assert_eq!(claim.part, "p1");
    assert_eq!(claimed(store, &claim), [rows[0].batch.clone(), rows[2].batch.clone()], "other columns wait");
    store.commit(&WriteSet { log: vec![log_rows("a", "x", 7..9)], ..WriteSet::default() }).unwrap();
    assert_eq!(store.claim(&log("a"), 1, "p2").unwrap().unwrap(), claim, "it stays until it is released");
    assert_eq!(claimed(store, &claim).len(), 2, "what comes later is not in it");
    store.release(&claim).unwrap();

    let next = store.claim(&log("a"), u64::MAX, "p3").unwrap().unwrap();
    assert_eq!(claimed(store, &next), [rows[3].batch.clone()]);
    store.release(&next).unwrap();
    let last = store.claim(&log("a"), 1, "p4").unwrap().unwrap();
    assert_eq!(claimed(store, &last), [log_rows("a", "x", 7..9).batch]);
    store.release(&last).unwrap();
    assert_eq!(store.claim(&log("a"), 1, "p5").unwrap(), None);
    assert_eq!(store.spooled_logs().unwrap().len(), 1);

    for values in [0..100, 100..200, 200..300] {
        store.commit(&WriteSet { log: vec![log_rows("c", "x", values)], ..WriteSet::default() }).unwrap();
    }
    let small = store.claim(&log("c"), 1, "p6").unwrap().unwrap();
    assert_eq!(claimed(store, &small).len(), 1, "a claim is not much larger than asked for");
}

macro_rules! contract {
    ($($promise:ident,)*) => {
        mod memory {
            use super::*;
            $(#[test] fn $promise() { super::$promise(&mut MemoryStore::default()); })*
        }
        mod on_sqlite {
            use super::*;
            $(#[test] fn $promise() {
                let folder = tempfile::tempdir().unwrap();
                super::$promise(&mut sqlite(folder.path()));
            })*
        }
    };
}

contract! {
    newest_wins,
    answers_keep_the_order_asked,
    what_a_row_does_not_bring_stays,
    a_commit_is_all_or_nothing,
    ensuring_twice_keeps_values_and_forgetting_drops_them,
    a_reader_sees_every_commit_before_it_was_asked,
    rows_and_positions_are_stored_together,
    a_position_of_another_generation_is_refused,
    a_marked_push_is_stored_once,
    spooled_rows_wait_until_they_are_released,
}

// ------------------------------------------------------------------------------------------------ random histories

/// Times around the borders of seconds, before and after 1970.
fn any_time() -> impl Strategy<Value = i64> {
    prop_oneof![
        Just(-1_000_001_i64),
        Just(-1_000_000),
        Just(-999_999),
        Just(-1),
        Just(0),
        Just(1),
        Just(999_999),
        Just(1_000_000),
        Just(1_000_001),
        Just(1_999_999),
        Just(2_000_000),
    ]
}

fn any_arrival() -> impl Strategy<Value = Arrival> {
    let values = prop_oneof![Just([true, true]), Just([true, false]), Just([false, true])];
    (0_i64..3, any_time(), proptest::option::of(any_time()), values, any::<i64>()).prop_map(
        |(key, event, created, brought, value)| Arrival {
            key,
            event,
            created,
            values: brought.map(|brought| brought.then_some(value)),
        },
    )
}

/// The newest of everything that arrived, found the slow way: by looking at all of it.
fn oracle(history: &[Arrival], driver: i64, feature: usize) -> Option<StoredValue> {
    let arrivals = history.iter().filter(|arrival| arrival.key == driver);
    let brought = arrivals.filter_map(|arrival| Some((arrival.event, arrival.created, arrival.values[feature]?)));
    // `max_by_key` takes the last of equal ones
    let (event, created, number) = brought.max_by_key(|(event, created, _)| (*event, *created))?;
    stored(number, event, created)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_history_ends_with_the_newest_values(
        commits in proptest::collection::vec(proptest::collection::vec(any_arrival(), 1..6), 1..8)
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut sqlite = sqlite(folder.path());
        let mut memory = MemoryStore::default();
        sqlite.ensure(&spec()).unwrap();
        memory.ensure(&spec()).unwrap();
        for commit in &commits {
            let set = write_set(commit, Conflict::NewestWins);
            prop_assert_eq!(sqlite.commit(&set).unwrap(), memory.commit(&set).unwrap());
        }
        let history: Vec<Arrival> = commits.concat();
        let expected: Vec<_> = (0..3).flat_map(|driver| [0, 1].map(|f| oracle(&history, driver, f))).collect();
        prop_assert_eq!(&read(&memory, 0..3), &expected);
        prop_assert_eq!(&read(&sqlite, 0..3), &expected);
    }

    /// A table that Python made, Python's own UPSERTs in between, and ours: the rule of decision 1, written out here.
    #[test]
    fn python_may_write_in_between(
        steps in proptest::collection::vec((any::<bool>(), any_arrival()), 1..16)
    ) {
        let folder = tempfile::tempdir().unwrap();
        drop(sqlite(folder.path()));
        python_makes_its_table(folder.path());
        let mut store = sqlite(folder.path());
        let mut model = BTreeMap::new();
        for (by_python, step) in &steps {
            if *by_python {
                python_writes(folder.path(), step);
            } else {
                store.commit(&write_set(std::slice::from_ref(step), Conflict::NewestWins)).unwrap();
            }
            model_step(&mut model, *by_python, step);
        }
        for driver in 0..3 {
            let ours = read(&store, [driver]);
            for feature in [0, 1] {
                let expected = model.get(&(driver, feature)).map(|place: &Place| place.number);
                prop_assert_eq!(ours[feature].as_ref().map(|s| s.value.clone()), expected.map(value));
            }
        }
    }
}

/// Feast's columns in seconds, and ours as we last left them.
#[derive(Clone, Copy, Debug)]
struct Place {
    number: i64,
    seconds: (i64, Option<i64>),
    exact: Option<(i64, Option<i64>)>,
}

fn seconds(times: (i64, Option<i64>)) -> (i64, Option<i64>) {
    (times.0 / 1_000_000, times.1.map(|created| created / 1_000_000))
}

fn model_step(model: &mut BTreeMap<(i64, usize), Place>, by_python: bool, step: &Arrival) {
    let times = (step.event, step.created);
    for (feature, number) in step.values.iter().enumerate().filter_map(|(f, number)| Some((f, (*number)?))) {
        let before = model.get(&(step.key, feature)).copied();
        let arriving = Place { number, seconds: seconds(times), exact: Some(times) };
        let place = match before {
            None if by_python => Place { exact: None, ..arriving },
            None => arriving,
            Some(before) if by_python => Place { exact: before.exact, ..arriving },
            Some(before) => match before.exact.filter(|exact| seconds(*exact) == before.seconds) {
                Some(exact) if times < exact => before,
                None if arriving.seconds.0 < before.seconds.0 => before,
                _ => arriving,
            },
        };
        model.insert((step.key, feature), place);
    }
}

/// The statements of `feast apply` (0.67.0).
fn python_makes_its_table(folder: &Path) {
    raw(folder)
        .execute_batch(
            "CREATE TABLE shop_drivers (entity_key BLOB, feature_name TEXT, value BLOB, value_text TEXT, vector_value \
             BLOB, event_ts timestamp, created_ts timestamp, PRIMARY KEY(entity_key, feature_name));\
             CREATE INDEX IF NOT EXISTS shop_drivers_ek ON shop_drivers (entity_key)",
        )
        .unwrap();
}

/// The statement of Feast's `online_write_batch` (0.67.0) under `TZ=UTC`.
fn python_writes(folder: &Path, arrival: &Arrival) {
    let connection = raw(folder);
    let (event, created) = seconds((arrival.event, arrival.created));
    for (feature, number) in FEATURES.iter().zip(arrival.values).filter_map(|(f, number)| Some((f, number?))) {
        connection
            .execute(
                "INSERT INTO shop_drivers (entity_key, feature_name, value, value_text, event_ts, created_ts) VALUES \
                 (?, ?, ?, ?, ?, ?) ON CONFLICT(entity_key, feature_name) DO UPDATE SET value = excluded.value, \
                 value_text = excluded.value_text, event_ts = excluded.event_ts, created_ts = excluded.created_ts",
                (key(arrival.key), feature, value(number), number.to_string(), event, created),
            )
            .unwrap();
    }
}

// ------------------------------------------------------------------------------------------------ Feast's tables

#[test]
fn a_new_table_has_feasts_columns_in_feasts_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = sqlite(folder.path());
    store.ensure(&spec()).unwrap();
    store.commit(&write_set(&[arrival(1, 1_500_000, Some(-1_500_000), 7)], Conflict::NewestWins)).unwrap();
    let info = store.reader().unwrap().table_info(TABLE).unwrap().unwrap();
    let feasts = ["entity_key", "feature_name", "value", "value_text", "vector_value", "event_ts", "created_ts"];
    assert_eq!(info.columns[..7], feasts);
    assert!(info.without_rowid && info.has_exact_columns && !info.has_index);
    let sql = "SELECT hex(value), value_text, event_ts, created_ts, typeof(event_ts) FROM shop_drivers WHERE feature_name = 'f'";
    let row: (String, String, i64, i64, String) = raw(folder.path())
        .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
        .unwrap();
    // cut towards zero, before 1970 too
    assert_eq!(row, ("2007".to_owned(), "7".to_owned(), 1, -1, "integer".to_owned()));
}

#[test]
fn a_table_of_python_is_used_as_it_is_and_gets_our_columns() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = sqlite(folder.path());
    python_makes_its_table(folder.path());
    python_writes(folder.path(), &arrival(1, 5_000_000, None, 1));
    assert_eq!(read(&store, [1])[0], stored(1, 5_000_000, None), "readable before any write of ours");
    store.ensure(&spec()).unwrap();
    store.commit(&write_set(&[arrival(1, 5_000_001, None, 2)], Conflict::NewestWins)).unwrap();
    assert_eq!(read(&store, [1])[0], stored(2, 5_000_001, None));
    let info = store.reader().unwrap().table_info(TABLE).unwrap().unwrap();
    assert!(!info.without_rowid && info.has_exact_columns && info.has_index);
    assert_eq!(info.drift(&spec()), []);
}

#[test]
fn a_table_of_an_old_feast_gets_its_value_text() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = sqlite(folder.path());
    raw(folder.path())
        .execute_batch(
            "CREATE TABLE shop_drivers (entity_key BLOB, feature_name TEXT, value BLOB, vector_value BLOB, event_ts \
             timestamp, created_ts timestamp, PRIMARY KEY(entity_key, feature_name))",
        )
        .unwrap();
    let drift = store.reader().unwrap().table_info(TABLE).unwrap().unwrap().drift(&spec());
    assert_eq!(drift, [Drift::MissingColumn("value_text")]);
    store.commit(&write_set(&[arrival(1, 1, None, 42)], Conflict::NewestWins)).unwrap();
    let text: String =
        raw(folder.path()).query_row("SELECT value_text FROM shop_drivers LIMIT 1", [], |row| row.get(0)).unwrap();
    assert_eq!(text, "42");
}

#[test]
fn an_index_that_python_put_back_is_drift_and_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = sqlite(folder.path());
    store.ensure(&spec()).unwrap();
    raw(folder.path()).execute_batch("CREATE INDEX shop_drivers_ek ON shop_drivers (entity_key)").unwrap();
    let drift = |store: &SqliteStore| store.reader().unwrap().table_info(TABLE).unwrap().unwrap().drift(&spec());
    assert_eq!(drift(&store), [Drift::RedundantIndex]);
    store.ensure(&spec()).unwrap();
    assert_eq!(drift(&store), []);
}

#[test]
fn a_table_that_needs_a_rowid_is_rebuilt_with_its_values() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = sqlite(folder.path());
    store.ensure(&spec()).unwrap();
    store.commit(&write_set(&[arrival(1, 1, Some(2), 3)], Conflict::NewestWins)).unwrap();
    let searched = TableSpec { needs_rowid: true, value_num: true, ..spec() };
    let info = |store: &SqliteStore| store.reader().unwrap().table_info(TABLE).unwrap().unwrap();
    assert_eq!(info(&store).drift(&searched), [Drift::MissingColumn("value_num"), Drift::NeedsRowid]);
    store.ensure(&searched).unwrap();
    assert_eq!(info(&store).drift(&searched), []);
    assert!(info(&store).has_index);
    assert_eq!(info(&store).columns[4], "value_num");
    assert_eq!(read(&store, [1])[0], stored(3, 1, Some(2)));
    store.commit(&write_set(&[arrival(1, 2, None, 4)], Conflict::NewestWins)).unwrap();
    let number: f64 = raw(folder.path())
        .query_row("SELECT value_num FROM shop_drivers ORDER BY rowid LIMIT 1", [], |row| row.get(0))
        .unwrap();
    assert!((number - 4.0).abs() < f64::EPSILON);
}

#[test]
fn a_table_dropped_and_made_again_by_python_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = sqlite(folder.path());
    store.ensure(&spec()).unwrap();
    store.commit(&write_set(&[arrival(1, 1, None, 1)], Conflict::NewestWins)).unwrap();
    let mut reader = store.reader().unwrap();
    let asked = keys([1]);
    let request = ReadRequest { table: TABLE, keys: &asked, features: &["f"] };
    assert_eq!(reader.read(&[request]).unwrap(), [[stored(1, 1, None)]]);
    raw(folder.path()).execute_batch("DROP TABLE shop_drivers").unwrap();
    assert!(matches!(reader.read(&[request]), Err(OnlineError::NoTable { .. })));
    assert!(matches!(
        store.commit(&write_set(&[arrival(1, 1, None, 1)], Conflict::NewestWins)),
        Err(OnlineError::NoTable { .. })
    ));
    python_makes_its_table(folder.path());
    assert_eq!(reader.read(&[request]).unwrap(), [[None]]);
    store.commit(&write_set(&[arrival(1, 0, None, 2)], Conflict::NewestWins)).unwrap();
    assert_eq!(reader.read(&[request]).unwrap(), [[stored(2, 0, None)]]);
}

#[test]
fn features_are_counted_and_removed_and_tables_renamed() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = sqlite(folder.path());
    store.ensure(&TableSpec { scalars_only: false, ..spec() }).unwrap();
    let arrivals: Vec<Arrival> = (0..10).map(|driver| arrival(driver, 0, None, driver)).collect();
    store.commit(&write_set(&arrivals, Conflict::NewestWins)).unwrap();
    let reader = store.reader().unwrap();
    assert_eq!(reader.count_values(TABLE, None).unwrap(), 20);
    assert_eq!(reader.count_values("nothing", None).unwrap(), 0);
    assert_eq!(store.delete_feature(TABLE, "g").unwrap(), 10);
    assert_eq!(reader.count_values(TABLE, Some("f")).unwrap(), 10);
    assert_eq!(reader.count_values(TABLE, Some("g")).unwrap(), 0);
    store.rename_table(TABLE, "shop_\"quoted\" name", "\"quoted\" name").unwrap();
    store.rename_table(TABLE, "shop_\"quoted\" name", "\"quoted\" name").unwrap();
    assert_eq!(reader.tables("shop_").unwrap(), ["shop_\"quoted\" name"]);
    assert_eq!(reader.count_values("shop_\"quoted\" name", Some("f")).unwrap(), 10);
    assert!(reader.table_info("shop_\"quoted\" name").unwrap().unwrap().has_index);
}

#[test]
fn positions_follow_a_renamed_view() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = sqlite(folder.path());
    store.ensure(&spec()).unwrap();
    let generation = store.generation(TABLE).unwrap().unwrap();
    store.commit(&advancing(&[], vec![advance("drivers", 0, after("1", 0), generation)])).unwrap();
    for _ in 0..2 {
        store.rename_table(TABLE, "shop_riders", "riders").unwrap();
        assert_eq!(store.positions("shop", "drivers").unwrap(), []);
        let renamed = store.positions("shop", "riders").unwrap();
        assert_eq!(renamed.len(), 1);
        assert_eq!(store.generation("shop_riders").unwrap(), Some(renamed[0].generation), "they are good");
        assert_eq!(store.reader().unwrap().positions("shop", "riders").unwrap(), renamed);
    }
    // whoever drops the table, the positions take the new name, but are good for no table
    store.forget("shop_riders").unwrap();
    store.rename_table("shop_riders", "shop_drivers", "drivers").unwrap();
    store.ensure(&spec()).unwrap();
    let positions = store.positions("shop", "drivers").unwrap();
    assert_eq!(positions.len(), 1);
    assert_ne!(store.generation(TABLE).unwrap(), Some(positions[0].generation));
    store.forget_positions("other").unwrap();
    assert_eq!(store.positions("shop", "drivers").unwrap(), positions);
    store.forget_positions("shop").unwrap();
    assert_eq!(store.positions("shop", "drivers").unwrap(), []);
}

#[test]
fn a_table_that_python_made_has_no_generation() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = sqlite(folder.path());
    store.ensure(&spec()).unwrap();
    let first = store.generation(TABLE).unwrap().unwrap();
    let position = advance("drivers", 0, after("1", 0), first);
    store.commit(&advancing(&[], vec![position.clone()])).unwrap();
    raw(folder.path()).execute(&format!("DROP TABLE {TABLE}"), []).unwrap();
    assert!(matches!(store.commit(&advancing(&[], vec![position.clone()])), Err(OnlineError::Generation { .. })));
    python_makes_its_table(folder.path());
    assert_eq!(store.generation(TABLE).unwrap(), None);
    assert!(matches!(store.commit(&advancing(&[], vec![position.clone()])), Err(OnlineError::Generation { .. })));
    // a write adds our columns; what the position says was written before is gone all the same
    store.commit(&write_set(&[arrival(1, 1, None, 1)], Conflict::NewestWins)).unwrap();
    assert!(store.generation(TABLE).unwrap().unwrap() > first);
    assert!(matches!(store.commit(&advancing(&[], vec![position])), Err(OnlineError::Generation { .. })));
    assert!(store.reader().unwrap().tables("").unwrap() == [TABLE], "our own tables are none of a view's");
}

#[test]
fn what_a_later_version_wrote_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = sqlite(folder.path());
    store.ensure(&spec()).unwrap();
    let newer = "UPDATE feast_rs_meta SET value = 2 WHERE key = 'online_format'; CREATE TABLE later (x)";
    raw(folder.path()).execute_batch(newer).unwrap();
    let set = write_set(&[arrival(1, 1, None, 1)], Conflict::NewestWins);
    let is_newer = |error: &OnlineError| matches!(error, OnlineError::Newer { found: 2, known: 1, .. });
    assert!(is_newer(&store.commit(&set).unwrap_err()));
    assert!(is_newer(&store.positions("shop", "drivers").unwrap_err()));
    assert!(is_newer(&sqlite(folder.path()).ensure(&spec()).unwrap_err()));
    assert!(is_newer(&store.reader().unwrap().read(&[]).unwrap_err()));
}

#[test]
fn a_damaged_position_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = sqlite(folder.path());
    store.ensure(&spec()).unwrap();
    let generation = store.generation(TABLE).unwrap().unwrap();
    store.commit(&advancing(&[], vec![advance("drivers", 0, after("1", 0), generation)])).unwrap();
    for damage in ["sequence = '12x'", "sequence = NULL", "progress = 'nowhere'"] {
        raw(folder.path()).execute(&format!("UPDATE feast_rs_positions SET {damage}"), []).unwrap();
        let error = store.positions("shop", "drivers").unwrap_err();
        assert!(matches!(error, OnlineError::Damaged { table: "feast_rs_positions", .. }), "{error}");
    }
}

// ------------------------------------------------------------------------------------------------ files and locks

#[test]
fn a_store_that_was_replaced_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = sqlite(folder.path());
    store.ensure(&spec()).unwrap();
    let mut reader = store.reader().unwrap();
    std::fs::remove_file(settings(folder.path()).path).unwrap();
    let set = write_set(&[arrival(1, 1, None, 1)], Conflict::NewestWins);
    assert!(matches!(store.commit(&set), Err(OnlineError::Replaced { .. })));
    assert!(matches!(reader.read(&[]), Err(OnlineError::Replaced { .. })));
    drop(sqlite(folder.path()));
    assert!(matches!(store.commit(&set), Err(OnlineError::Replaced { .. })));
}

#[test]
fn a_few_features_of_a_wide_view_are_answered_however_they_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = sqlite(folder.path());
    store.ensure(&spec()).unwrap();
    let insert = format!("INSERT INTO {TABLE} (entity_key, feature_name, value, event_ts) VALUES (?1, ?2, ?3, ?4)");
    let python = raw(folder.path());
    for driver in [1, 2] {
        for feature in 0..64 {
            let row = rusqlite::params![key(driver), format!("f{feature}"), value(driver * 100 + feature), feature];
            python.execute(&insert, row).unwrap();
        }
    }
    let asked = keys([2, 9, 1, 2]);
    let number = |number, seconds: i64| stored(number, seconds * 1_000_000, None);
    let expected = [207, 0, 107, 207].map(|seven| match seven {
        0 => [None, None, None, None],
        _ => [number(seven, 7), None, number(seven + 56, 63), number(seven, 7)],
    });
    let mut reader = store.reader().unwrap();
    for round in 0..3 {
        let request = ReadRequest { table: TABLE, keys: &asked, features: &["f7", "nothing", "f63", "f7"] };
        assert_eq!(reader.read(&[request]).unwrap().remove(0), expected.concat(), "round {round}");
    }
}

#[test]
fn reading_makes_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = settings(folder.path()).path;
    assert!(matches!(SqliteReader::open(&path), Err(OnlineError::NoStore { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_journal_mode_is_the_one_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mode =
        |folder: &Path| -> String { raw(folder).query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap() };
    drop(sqlite(folder.path()));
    assert_eq!(mode(folder.path()), "wal");
    drop(SqliteStore::open(&settings(folder.path()), JournalMode::Delete, Durability::Full).unwrap());
    assert_eq!(mode(folder.path()), "delete");
}

#[test]
fn one_view_is_materialized_once_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = settings(folder.path()).path;
    let first = ViewLock::take(&path, "materialize", "a").unwrap();
    assert!(matches!(ViewLock::take(&path, "materialize", "a"), Err(OnlineError::ViewLocked { .. })));
    ViewLock::take(&path, "materialize", "b").unwrap();
    ViewLock::take(&path, "stream-ingest", "a").unwrap();
    drop(first);
    ViewLock::take(&path, "materialize", "a").unwrap();
}

#[test]
fn a_bulk_write_is_the_same_as_a_commit() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = sqlite(folder.path());
    store.ensure(&spec()).unwrap();
    store.commit(&write_set(&[arrival(3, 100, None, -1)], Conflict::NewestWins)).unwrap();
    let arrivals: Vec<Arrival> = (0..2000).map(|n| arrival(n % 500, n % 7, None, n)).collect();
    let mut memory = MemoryStore::default();
    memory.ensure(&spec()).unwrap();
    memory.commit(&write_set(&[arrival(3, 100, None, -1)], Conflict::NewestWins)).unwrap();
    let expected = memory.commit(&write_set(&arrivals, Conflict::NewestWins)).unwrap();
    let mut bulk = BulkWriter::new(&mut store, TABLE, Conflict::NewestWins).unwrap();
    let mut outcome = Outcome::default();
    for part in arrivals.chunks(700) {
        outcome += bulk.write(&batch(part)).unwrap();
    }
    bulk.finish().unwrap();
    assert_eq!(outcome, expected);
    assert_eq!(read(&store, 0..500), read(&memory, 0..500));
    let log = std::fs::metadata(folder.path().join("data/online.db-wal")).map_or(0, |file| file.len());
    assert_eq!(log, 0, "the log is empty at the end");
}

#[test]
fn writers_of_one_store_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    sqlite(folder.path()).ensure(&spec()).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = folder.path();
            scope.spawn(move || {
                let mut store = sqlite(path);
                for number in 0..50 {
                    let driver = writer * 1000 + number;
                    store.commit(&write_set(&[arrival(driver, 0, None, driver)], Conflict::NewestWins)).unwrap();
                }
            });
        }
    });
    let reader = SqliteReader::open(&settings(folder.path()).path).unwrap();
    assert_eq!(reader.count_values(TABLE, None).unwrap(), 400);
}

// ------------------------------------------------------------------------------------------------ golden rows

fn golden(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/feast").join(name)
}

fn golden_json(name: &str) -> Json {
    serde_json::from_slice(&std::fs::read(golden(name)).unwrap()).unwrap()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn rows_that_feast_wrote_are_read_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("online.db");
    std::fs::copy(golden("repo/data/online_store.db"), &path).unwrap();
    let mut reader = SqliteReader::open(&path).unwrap();
    let mut compared = 0;
    for (table, rows) in golden_json("online.json").as_object().unwrap() {
        for row in rows.as_array().unwrap() {
            let mut asked = Keys::default();
            asked.push(&unhex(row["entity_key"].as_str().unwrap()));
            let features = [row["feature_name"].as_str().unwrap()];
            let answers = reader.read(&[ReadRequest { table, keys: &asked, features: &features }]).unwrap();
            let found = answers[0][0].as_ref().unwrap();
            assert_eq!(found.value, unhex(row["value"].as_str().unwrap()), "{row}");
            assert_eq!(Some(found.event.micros() / 1_000_000), row["event_ts"].as_i64(), "{row}");
            assert_eq!(found.created.map(|t| t.micros() / 1_000_000), row["created_ts"].as_i64(), "{row}");
            compared += 1;
        }
    }
    assert!(compared > 20, "{compared} rows compared");
}

#[test]
fn event_times_are_stored_as_feast_stores_them_in_utc() {
    for vector in golden_json("timezones.json").as_array().unwrap().iter().filter(|vector| vector["zone"] == "UTC") {
        let event = Timestamp::parse(vector["event_utc"].as_str().unwrap(), Timestamp::EPOCH).unwrap();
        assert_eq!(Some(event.seconds_toward_zero()), vector["stored"].as_i64(), "{vector}");
    }
}

/// The columns of one golden row an entity: Feast's values of `fleet_driver_trips`, as a source would bring them.
fn golden_columns(rows: &[Json], features: &[Field]) -> (Vec<Vec<u8>>, RowColumns) {
    let mut entities: BTreeMap<Vec<u8>, BTreeMap<&str, &Json>> = BTreeMap::new();
    for row in rows {
        let features = entities.entry(unhex(row["entity_key"].as_str().unwrap())).or_default();
        features.insert(row["feature_name"].as_str().unwrap(), row);
    }
    let cells = |name: &str| entities.values().map(|cells| &cells[name]["value_json"]).collect::<Vec<_>>();
    let column = |field: &Field| -> ArrayRef {
        let cells = cells(&field.name);
        match field.dtype {
            DataType::Float32 => {
                let number =
                    |cell: &&Json| cell["float_val"].as_f64().map(|number| number.to_string().parse::<f32>().unwrap());
                Arc::new(cells.iter().map(number).collect::<Float32Array>())
            }
            DataType::Int64 => {
                let number = |cell: &&Json| cell["int64_val"].as_str().map(|text| text.parse::<i64>().unwrap());
                Arc::new(cells.iter().map(number).collect::<Int64Array>())
            }
            _ => Arc::new(cells.iter().map(|cell| cell["string_val"].as_str()).collect::<StringArray>()),
        }
    };
    let times = |name: &str| -> ArrayRef {
        let seconds = entities.values().map(|cells| cells["conv_rate"][name].as_i64());
        Arc::new(seconds.collect::<TimestampSecondArray>())
    };
    let drivers = entities.values().map(|cells| cells["conv_rate"]["entity"]["driver_id"]["int64_val"].as_str());
    let columns = RowColumns {
        join_keys: vec![Arc::new(drivers.map(|text| text.map(|t| t.parse::<i64>().unwrap())).collect::<Int64Array>())],
        event: times("event_ts"),
        created: Some(times("created_ts")),
        features: features.iter().map(|field| Some(FeatureColumn { values: column(field), present: None })).collect(),
    };
    (entities.keys().cloned().collect(), columns)
}

#[test]
fn what_we_write_is_what_feast_writes() {
    let folder = tempfile::tempdir().unwrap();
    let table = "fleet_driver_trips";
    let online = golden_json("online.json");
    let golden = online[table].as_array().unwrap();
    let features = [
        Field::new("conv_rate", DataType::Float32),
        Field::new("acc_rate", DataType::Float32),
        Field::new("avg_daily_trips", DataType::Int64),
        Field::new("note", DataType::String),
    ];
    let (keys, columns) = golden_columns(golden, &features);
    let layout = Arc::new(ViewLayout { features: features.to_vec(), ..layout().as_ref().clone() });
    let (batch, refusals) = RowBatch::new(&layout, &columns, Cast::Lossless, None).unwrap();
    assert_eq!(refusals, []);
    assert_eq!(batch.rows().map(|row| row.key().to_vec()).collect::<Vec<_>>(), keys);
    let mut store = sqlite(folder.path());
    store.ensure(&TableSpec::new(table, &layout, &settings(folder.path()))).unwrap();
    let rows = vec![TableRows { table: table.to_owned(), batch: Arc::new(batch) }];
    store.commit(&WriteSet { rows, ..WriteSet::default() }).unwrap();

    let connection = raw(folder.path());
    let mut statement = connection
        .prepare(&format!(
            "SELECT lower(hex(entity_key)), feature_name, lower(hex(value)), value_text, event_ts, created_ts FROM \
             {table} ORDER BY 1, 2"
        ))
        .unwrap();
    let shown = statement.query_map([], |row| {
        Ok(serde_json::json!([
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, String>(2)?,
            row.get::<_, Option<String>>(3)?,
            row.get::<_, i64>(4)?,
            row.get::<_, Option<i64>>(5)?,
        ]))
    });
    let ours: Vec<Json> = shown.unwrap().map(Result::unwrap).collect();
    let names = ["entity_key", "feature_name", "value", "value_text", "event_ts", "created_ts"];
    let mut theirs: Vec<Json> = golden.iter().map(|row| Json::from(names.map(|n| row[n].clone()).to_vec())).collect();
    theirs.sort_by_key(ToString::to_string);
    assert_eq!(ours, theirs);
    assert!(ours.len() >= 8, "{} values compared", ours.len());
}

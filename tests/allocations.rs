//! The hot path of a write owns its buffers: how much is allocated does not depend on how many rows a commit has.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

use std::alloc::System;
use std::sync::Arc;

use arrow::array::{Float32Array, Int64Array, TimestampMicrosecondArray};
use feast_rs::model::{DataType, Field, JournalMode, SqliteOnlineStore, ValueType};
use feast_rs::online::{Conflict, Durability, OnlineStore, SqliteStore, TableRows, TableSpec, WriteSet};
use feast_rs::row::{Cast, FeatureColumn, JoinKey, RowBatch, RowColumns, ViewLayout};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TABLE: &str = "shop_drivers";

fn write_set(layout: &Arc<ViewLayout>, rows: i64, event: i64) -> WriteSet {
    let column = |values| Some(FeatureColumn { values, present: None });
    let columns = RowColumns {
        join_keys: vec![Arc::new(Int64Array::from_iter_values(0..rows))],
        event: Arc::new(TimestampMicrosecondArray::from_iter_values((0..rows).map(|_| event))),
        created: None,
        features: vec![
            column(Arc::new(Int64Array::from_iter_values(0..rows)) as _),
            column(Arc::new(Float32Array::from_iter_values((0..rows).map(|_| 0.5))) as _),
        ],
    };
    let (batch, refused) = RowBatch::new(layout, &columns, Cast::Lossless, None).unwrap();
    assert_eq!(refused, []);
    WriteSet {
        rows: vec![TableRows { table: TABLE.to_owned(), batch: Arc::new(batch) }],
        conflict: Conflict::NewestWins,
        ..WriteSet::default()
    }
}

#[test]
fn a_commit_allocates_the_same_for_one_row_and_for_ten_thousand() {
    let folder = tempfile::tempdir().unwrap();
    let settings = SqliteOnlineStore {
        path: folder.path().join("online.db"),
        vector_enabled: false,
        text_search_enabled: false,
        enable_openai_compatible_store: false,
    };
    let layout = Arc::new(ViewLayout {
        view: "drivers".to_owned(),
        join_keys: vec![JoinKey { name: "driver_id".to_owned(), value_type: ValueType::Int64 }],
        features: vec![Field::new("trips", DataType::Int64), Field::new("rate", DataType::Float32)],
        key_version: 3,
    });
    let mut store = SqliteStore::open(&settings, JournalMode::Wal, Durability::Full).unwrap();
    store.ensure(&TableSpec::new(TABLE, &layout, &settings)).unwrap();
    // the statements are prepared, the shape of the table is known
    store.commit(&write_set(&layout, 10_000, 1)).unwrap();
    let allocated = [(1, 2), (10_000, 3)].map(|(rows, event)| {
        let set = write_set(&layout, rows, event);
        let region = Region::new(ALLOCATOR);
        let outcome = store.commit(&set).unwrap();
        let change = region.change();
        assert_eq!(outcome.written, 2 * rows.unsigned_abs());
        change.allocations + change.reallocations
    });
    assert_eq!(allocated[0], allocated[1]);
}

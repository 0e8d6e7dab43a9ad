//! Parquet files made on the spot.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

/// A row of a test: join key, event and created time in microseconds, feature `f`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TestRow {
    pub eid: Option<i64>,
    pub event: Option<i64>,
    pub created: Option<i64>,
    pub f: Option<f64>,
}

/// A row with everything in it.
pub fn row(eid: i64, event: i64, created: i64, f: f64) -> TestRow {
    TestRow { eid: Some(eid), event: Some(event), created: Some(created), f: Some(f) }
}

/// Writes rows as columns `eid`, `event_timestamp`, `created`, `f` (a float), in row groups of `group` rows.
pub fn write(path: &Path, rows: &[TestRow], group: usize) {
    write_columns(path, &columns(rows), group, EnabledStatistics::Chunk);
}

pub fn columns(rows: &[TestRow]) -> Vec<(&'static str, ArrayRef)> {
    let eid: Int64Array = rows.iter().map(|row| row.eid).collect();
    let event: TimestampMicrosecondArray = rows.iter().map(|row| row.event).collect();
    let created: TimestampMicrosecondArray = rows.iter().map(|row| row.created).collect();
    let f: Float64Array = rows.iter().map(|row| row.f).collect();
    vec![
        ("eid", Arc::new(eid)),
        ("event_timestamp", Arc::new(event.with_timezone("UTC"))),
        ("created", Arc::new(created)),
        ("f", Arc::new(f)),
    ]
}

pub fn write_columns(path: &Path, columns: &[(&str, ArrayRef)], group: usize, statistics: EnabledStatistics) {
    write_compressed(path, columns, group, statistics, Compression::UNCOMPRESSED);
}

pub fn write_compressed(
    path: &Path,
    columns: &[(&str, ArrayRef)],
    group: usize,
    statistics: EnabledStatistics,
    compression: Compression,
) {
    let columns = columns.iter().map(|(name, column)| (*name, Arc::clone(column), true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group))
        .set_statistics_enabled(statistics)
        .set_data_page_row_count_limit(3)
        .set_write_batch_size(1)
        .set_compression(compression)
        .build();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

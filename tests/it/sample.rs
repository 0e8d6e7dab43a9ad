//! The driver example: its settings, definitions and rows.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use parquet::arrow::ArrowWriter;

use crate::harness::Repo;

pub const SETTINGS: &str = "\
project: driver_stats
provider: local
registry:
  registry_type: sql
  path: sqlite:///data/registry.db
online_store:
  type: sqlite
  path: data/online_store.db
entity_key_serialization_version: 3
";

/// One entity, one source, one view with a ttl so long that no test outlives it.
pub const FEATURES: &str = "\
entities:
  - name: driver
    join_keys: [driver_id]
    value_type: INT64

data_sources:
  - type: FileSource
    name: driver_stats_source
    path: data/driver_stats.parquet
    timestamp_field: event_timestamp
    created_timestamp_column: created

feature_views:
  - name: driver_hourly_stats
    entities: [driver]
    ttl: 100000d
    schema:
      - {name: conv_rate, dtype: Float32}
      - {name: acc_rate, dtype: Float32}
      - {name: avg_daily_trips, dtype: Int64}
    source: driver_stats_source
    tags: {team: driver_performance}

feature_services:
  - name: driver_activity
    features:
      - driver_hourly_stats
";

/// 2024-01-01T00:00:00Z in microseconds
pub const BEGIN: i64 = 1_704_067_200_000_000;
pub const HOUR: i64 = 3_600_000_000;
/// the window that holds every sample row
pub const WINDOW: [&str; 2] = ["2024-01-01T00:00:00", "2024-01-02T00:00:00"];

/// One row of the sample.
#[derive(Clone, Copy)]
pub struct Row {
    pub driver: i64,
    /// microseconds after [`BEGIN`]
    pub event: i64,
    /// microseconds after [`BEGIN`]
    pub created: i64,
    pub conv_rate: Option<f32>,
    pub acc_rate: Option<f32>,
    pub trips: Option<i64>,
}

/// Three drivers, six hours each; the newest row of driver 1001 is `conv_rate` 0.5, `acc_rate` null, 1051 trips.
pub fn rows() -> Vec<Row> {
    (1001..=1003).flat_map(|driver| (0..6).map(move |hour| row(driver, hour))).collect()
}

fn row(driver: i64, hour: i64) -> Row {
    #[expect(clippy::cast_precision_loss, reason = "hours below six")]
    let conv_rate = hour as f32 / 10.0;
    Row {
        driver,
        event: hour * HOUR,
        created: hour * HOUR + HOUR / 60,
        conv_rate: Some(conv_rate),
        acc_rate: (hour != 5).then_some(0.25),
        trips: Some(hour * 10 + driver),
    }
}

/// Writes rows as the sample's parquet.
pub fn write_rows(path: &Path, rows: &[Row]) {
    let micros = |of: fn(&Row) -> i64| -> ArrayRef {
        Arc::new(
            TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| BEGIN + of(row))).with_timezone("UTC"),
        )
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("event_timestamp", micros(|row| row.event)),
        ("driver_id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.driver)))),
        ("conv_rate", Arc::new(rows.iter().map(|row| row.conv_rate).collect::<Float32Array>())),
        ("acc_rate", Arc::new(rows.iter().map(|row| row.acc_rate).collect::<Float32Array>())),
        ("avg_daily_trips", Arc::new(rows.iter().map(|row| row.trips).collect::<Int64Array>())),
        ("created", micros(|row| row.created)),
    ];
    write_parquet(path, &RecordBatch::try_from_iter(columns).unwrap());
}

pub fn write_parquet(path: &Path, batch: &RecordBatch) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

impl Repo {
    /// Writes a batch as parquet.
    pub fn parquet(self, name: &str, batch: &RecordBatch) -> Self {
        write_parquet(&self.path(name), batch);
        self
    }

    /// The driver example with its rows, nothing applied.
    pub fn sample() -> Self {
        let repo = Self::new().file("feature_store.yaml", SETTINGS).file("features.yaml", FEATURES);
        write_rows(&repo.path("data/driver_stats.parquet"), &rows());
        repo
    }

    /// The driver example, applied.
    pub fn applied() -> Self {
        let repo = Self::sample();
        repo.run(["apply"]).ok();
        repo
    }

    /// The driver example, applied and materialized.
    pub fn materialized() -> Self {
        let repo = Self::applied();
        repo.run(["materialize", WINDOW[0], WINDOW[1]]).ok();
        repo
    }
}

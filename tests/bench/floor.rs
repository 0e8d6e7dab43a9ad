//! The floors of materialize and push: `floor KEYS DATABASE` upserts three cells a key, made in memory and sorted, by one
//! prepared statement in one transaction into the table that feast-rs makes; `floor KEYS DATABASE RECORDS` upserts those of
//! so many records of random keys, 16,384 records a transaction, each sorted and synchronized. Prints the seconds and the
//! processor seconds that took.
//!
//! What it leaves out is all that a feature store does besides: reading parquet, choosing the newest row, encoding,
//! comparing with what is stored, and letting other writers in.

use std::time::Instant;

use rusqlite::{Connection, params};

/// The table as feast-rs makes it.
const TABLE: &str = r#"CREATE TABLE "bench_driver_hourly_stats" (entity_key BLOB, feature_name TEXT, value BLOB,
value_text TEXT, vector_value BLOB, event_ts timestamp, created_ts timestamp, feast_rs_event_us INTEGER,
feast_rs_created_us INTEGER, PRIMARY KEY(entity_key, feature_name)) WITHOUT ROWID"#;

const UPSERT: &str = r#"INSERT INTO "bench_driver_hourly_stats" (entity_key, feature_name, value, value_text, event_ts,
created_ts, feast_rs_event_us, feast_rs_created_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT(entity_key, feature_name) DO UPDATE SET value = excluded.value, value_text = excluded.value_text,
event_ts = excluded.event_ts, created_ts = excluded.created_ts, feast_rs_event_us = excluded.feast_rs_event_us,
feast_rs_created_us = excluded.feast_rs_created_us"#;

/// Version 3 of Feast's entity keys: one join key named `driver_id`, one INT64.
const KEY_PREFIX: &[u8] = b"\x01\0\0\0\x02\0\0\0\x09\0\0\0driver_id\x04\0\0\0\x08\0\0\0";

const EVENT: i64 = 1_793_000_000_000_000;

struct Cell {
    key: Vec<u8>,
    feature: &'static str,
    value: Vec<u8>,
    text: String,
    event: i64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (Some(keys), Some(path)) = (arguments.next(), arguments.next()) else {
        // `cargo bench` and `cargo test` start it without arguments
        return Ok(());
    };
    let keys: i64 = keys.parse()?;
    let commits = match arguments.next() {
        None => vec![cells(1_000..1_000 + keys)],
        Some(records) => pushed(keys, records.parse()?),
    };
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{path}{suffix}"));
    }
    let before = processor_seconds();
    let seconds = upsert(&path, &commits)?;
    let busy = processor_seconds() - before;
    #[allow(clippy::print_stdout, reason = "the result of this program")]
    {
        println!("{seconds} {busy:.2}");
    }
    Ok(())
}

/// What this process has used so far, in user and system mode, where the system tells it; else 0.
fn processor_seconds() -> f64 {
    /// Linux counts in these whatever the kernel's own clock is.
    const TICKS_PER_SECOND: f64 = 100.0;
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS_PER_SECOND
}

fn upsert(path: &str, commits: &[Vec<Cell>]) -> rusqlite::Result<f64> {
    let began = Instant::now();
    let db = Connection::open(path)?;
    let synchronous = if commits.len() > 1 { "FULL" } else { "NORMAL" };
    db.execute_batch(&format!(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous}; PRAGMA cache_size=-65536; {TABLE}"
    ))?;
    let mut statement = db.prepare(UPSERT)?;
    for cells in commits {
        let transaction = db.unchecked_transaction()?;
        for Cell { key, feature, value, text, event } in cells {
            let created = event + 1_000_000;
            statement.execute(params![
                key,
                feature,
                value,
                text,
                event / 1_000_000,
                created / 1_000_000,
                event,
                created
            ])?;
        }
        transaction.commit()?;
    }
    db.execute_batch("PRAGMA synchronous=FULL; PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(began.elapsed().as_secs_f64())
}

/// Records of random keys, in the transactions that a push makes of them.
fn pushed(keys: i64, mut records: usize) -> Vec<Vec<Cell>> {
    const RECORDS_A_COMMIT: usize = 16_384;
    let mut random = 11_u64;
    let mut commits = Vec::new();
    while records > 0 {
        let count = records.min(RECORDS_A_COMMIT);
        let drawn = (0..count).map(|_| 1_000 + i64::try_from(next(&mut random) >> 33).unwrap_or(0) % keys);
        commits.push(cells(drawn));
        records -= count;
    }
    commits
}

fn next(random: &mut u64) -> u64 {
    *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *random
}

/// Three cells a key, in the order of the table's own tree. The numbers are as long as the benchmark's.
fn cells(keys: impl Iterator<Item = i64>) -> Vec<Cell> {
    let mut ids: Vec<[u8; 8]> = keys.map(i64::to_le_bytes).collect();
    ids.sort_unstable();
    let mut random = 7_u64;
    let mut cells = Vec::with_capacity(ids.len() * 3);
    for id in ids {
        let key = [KEY_PREFIX, &id[..]].concat();
        for feature in ["acc_rate", "avg_daily_trips", "conv_rate"] {
            let drawn = u16::try_from(next(&mut random) >> 48).unwrap_or(0);
            let rate = f32::from(drawn) / 65_537.0;
            let (value, text) = match feature {
                "avg_daily_trips" => (vec![0x18, (drawn % 128) as u8], (drawn % 1_000).to_string()),
                _ => ([&[0x35], &rate.to_le_bytes()[..]].concat(), f64::from(rate).to_string()),
            };
            let event = EVENT + i64::from(drawn) * 1_000;
            cells.push(Cell { key: key.clone(), feature, value, text, event });
        }
    }
    cells
}

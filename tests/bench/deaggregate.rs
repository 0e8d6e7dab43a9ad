//! User records a second of one core that come out of aggregates: `cargo bench --bench deaggregate`. Floor: 1 million.
//!
//! The aggregates are what the Kinesis Producer Library makes of driver statistics: 200-byte JSON records over 100 partition keys, up to
//! 50 KB a Kinesis record; the shard's hash range is known, so that every partition key is hashed as well.

use std::time::{Duration, Instant};

use bytes::Bytes;
use feast_rs::source::kinesis::{Aggregate, deaggregate};
use md5::{Digest, Md5};

const USER_RECORDS: usize = 250;
const FLOOR: f64 = 1_000_000.0;

fn main() {
    let full = std::env::args().any(|argument| argument == "--bench");
    let data = aggregate();
    let range = (0, u128::MAX);
    let limit = if full { Duration::from_secs(2) } else { Duration::ZERO };
    let (begun, mut seen) = (Instant::now(), 0_usize);
    loop {
        let Aggregate::Records(records) = deaggregate(&data, Some(&range)) else { unreachable!("not an aggregate") };
        seen += std::hint::black_box(records).len();
        if begun.elapsed() >= limit {
            break;
        }
    }
    assert_eq!(seen % USER_RECORDS, 0);
    if !full {
        // `cargo test` starts it without `--bench`, and not optimised
        return;
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let rate = seen as f64 / begun.elapsed().as_secs_f64();
    let verdict = if rate >= FLOOR { "ok" } else { "BELOW THE FLOOR" };
    #[expect(clippy::print_stdout, reason = "the benchmark's result")]
    {
        println!("deaggregate: {:.2} M user records/s/core (floor {:.0} M): {verdict}", rate / 1e6, FLOOR / 1e6);
    }
    std::process::exit(i32::from(rate < FLOOR));
}

fn aggregate() -> Bytes {
    let mut message = Vec::new();
    for key in 0..100 {
        field(&mut message, 1, format!("driver_{key}").as_bytes());
    }
    for index in 0..USER_RECORDS {
        let json = format!(
            r#"{{"driver_id": {}, "event_timestamp": "2026-11-20T00:00:00.{:03}+00:00", "conv_rate": 0.237965, "acc_rate": 0.544229, "avg_daily_trips": 378, "created": "2026-11-20T00:00:00.000+00:00", "note": "pad"}}"#,
            1000 + index,
            index
        );
        let mut record = vec![0x08, u8::try_from(index % 100).unwrap_or_default()];
        field(&mut record, 3, json.as_bytes());
        field(&mut message, 3, &record);
    }
    let mut data = vec![0xf3, 0x89, 0x9a, 0xc2];
    data.extend_from_slice(&message);
    data.extend_from_slice(&Md5::digest(&message));
    data.into()
}

fn field(out: &mut Vec<u8>, number: u32, content: &[u8]) {
    prost::encoding::encode_key(number, prost::encoding::WireType::LengthDelimited, out);
    prost::encoding::encode_varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

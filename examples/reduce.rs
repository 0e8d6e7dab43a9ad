use feast_rs::model::{DataType, Field, ValueType};
use feast_rs::row::*;
use feast_rs::source::parquet::*;
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let threads: usize = std::env::args().nth(2).unwrap().parse().unwrap();
    let t = std::time::Instant::now();
    let d = Dataset::open(path.as_ref()).unwrap();
    let layout = ViewLayout {
        view: "v".into(),
        join_keys: vec![JoinKey { name: "driver_id".into(), value_type: ValueType::Int64 }],
        features: vec![Field::new("conv_rate", DataType::Float32)],
        key_version: 3,
    };
    let enc = KeyEncoder::new(&layout).unwrap();
    let s = Scan::new(&d, vec!["driver_id".into()], "event_timestamp".into(), Some("created".into()), false).unwrap();
    let w = Window { start: i64::MIN, end: i64::MAX, late_after: None, not_after: i64::MAX };
    let n = s.newest(&w, &enc, threads, &|_| ()).unwrap();
    eprintln!("reduce {:?} read {} keys {}", t.elapsed(), n.read, n.rows.len());
    let t = std::time::Instant::now();
    let sorted = n.rows.sorted();
    eprintln!("sort {:?}", t.elapsed());
    let cols = ["conv_rate", "acc_rate", "avg_daily_trips"].map(String::from);
    let t = std::time::Instant::now();
    let chunk = 1 << 17;
    let mut i = 0;
    while i < sorted.len() {
        let end = (i + chunk).min(sorted.len());
        let g = d.gather(&cols, sorted.range(i..end).map(|(_, s)| s.row)).unwrap();
        if i == 0 {
            eprintln!("first chunk {:?} batches {}", t.elapsed(), g.batches().len());
        }
        i = end;
    }
    eprintln!("gather {:?}", t.elapsed());
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    eprintln!("{}", status.lines().find(|l| l.starts_with("VmHWM")).unwrap());
}

//! Records that cannot be taken: counted exactly, each in the dead-letter file once, and no obstacle to the others.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use crate::load::record;
use crate::repo::{Reader, Running, STREAM, Source};
use crate::simulator::{Options, Simulator};
use crate::tally::Tally;

fn unlimited() -> Options {
    Options { reads_per_second: 0, bytes_per_second: 0, iterators_per_second: 0, ..Options::default() }
}

const DEAD: &str = "data/dead/stream.ndjson";

/// How often each `(shard, sequence, sub-sequence, index)` is in the dead-letter file.
fn dead_letters(reader: &Reader) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for line in reader.repo.read(DEAD).lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        *found.entry(line["id"].to_string()).or_default() += 1;
    }
    found
}

/// One in a hundred of so many records is bad, in one of several ways.
fn put_with_bad_ones(simulator: &Simulator, records: i64) -> i64 {
    const BAD: &[&str] =
        &["{", "7", "\"text\"", r#"{"id": 1, "n": 2}"#, r#"{"id": "x", "t": 0, "n": 2}"#, "\u{0}\u{1}\u{2}"];
    let (event, mut bad) = (simulator.now(), 0);
    for number in 0..records {
        let data = if number % 100 == 37 {
            bad += 1;
            Bytes::from_static(BAD[usize::try_from(number / 100).unwrap() % BAD.len()].as_bytes())
        } else {
            record(number % 1_000, event, number).into()
        };
        simulator.put(STREAM, &number.to_string(), data);
    }
    bad
}

#[test]
fn one_in_a_hundred_is_bad() {
    let records = std::env::var("STREAM_RECORDS").map_or(50_000, |records| records.parse().unwrap());
    let simulator = Simulator::start(unlimited());
    simulator.create(STREAM, 4);
    let bad = put_with_bad_ones(&simulator, records);
    let reader = Reader::new(&simulator, &Source::fast());
    let answer = reader.run(&[]).exits(3);
    let report = answer.json()["streams"][0].clone();
    assert_eq!((&report["records"], &report["refused"]), (&records.into(), &bad.into()));
    let tally = Tally::new(format!("`stream-ingest`, bad records among {records}"));
    (0..bad).for_each(|_| tally.count());
    tally.check(|| {
        let dead = dead_letters(&reader);
        assert_eq!(dead.len(), usize::try_from(bad).unwrap());
        assert!(dead.values().all(|times| *times == 1));
        assert_eq!(reader.newest().len(), 1_000 - 10);
    });
    tally.report();
}

/// Kinesis takes records of no bytes.
#[test]
fn an_empty_payload_is_told_of() {
    let simulator = Simulator::start(unlimited());
    simulator.create(STREAM, 1);
    let event = simulator.now();
    for payload in [String::new(), record(1, event, 1), " \n".to_owned(), record(2, event, 2)] {
        simulator.put(STREAM, "k", payload);
    }
    simulator.put(STREAM, "k", aggregate(&[record(3, event, 3), String::new()]));
    let reader = Reader::new(&simulator, &Source::fast());
    let report = reader.run(&[]).exits(3).json()["streams"][0].clone();
    assert_eq!((&report["records"], &report["refused"]), (&6.into(), &3.into()));
    assert_eq!(reader.newest(), [(1, 1), (2, 2), (3, 3)].into());
    let letters: Vec<Value> = reader.repo.read(DEAD).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(letters.len(), 3);
    for letter in &letters {
        assert_eq!((&letter["code"], &letter["reason"]), (&"E2001".into(), &"the payload is empty".into()));
    }
    assert_eq!(letters[2]["id"]["sub_sequence"], 1);
    assert_eq!(reader.catch_up()["refused"], 0);
}

/// Killed at every commit: the file is written before the position passes, and not again.
#[test]
fn killed_at_every_commit_each_is_written_once() {
    let simulator = Simulator::start(Options { records_per_page: 50, ..unlimited() });
    simulator.create(STREAM, 2);
    let bad = put_with_bad_ones(&simulator, 3_000);
    let reader = Reader::new(&simulator, &Source::fast());
    for _ in 0..25 {
        let mut watch = reader.watch();
        let mut running = Running::start(reader.ingest(&["--until-caught-up"]));
        while running.ended().is_none() && !watch.moved() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        running.kill();
    }
    let last = reader.run(&[]);
    assert!(matches!(last.code, 0 | 3), "{}", last.all());
    let dead = dead_letters(&reader);
    assert_eq!(dead.len(), usize::try_from(bad).unwrap());
    assert!(dead.values().all(|times| *times == 1), "{dead:?}");
}

/// An aggregate that contradicts itself is one refused record; a good one is as many as it holds.
#[test]
fn aggregates_come_apart_and_malformed_ones_are_refused_whole() {
    let vectors: Vec<Value> = serde_json::from_str(include_str!("../golden/kpl-vectors.json")).unwrap();
    let malformed = vectors.iter().find(|vector| vector["name"] == "pk_index_out_of_range").unwrap();
    let simulator = Simulator::start(unlimited());
    simulator.create(STREAM, 1);
    let event = simulator.now();
    let user_records: Vec<_> = (0..100).map(|number| record(number, event, number)).collect();
    simulator.put(STREAM, "k", aggregate(&user_records));
    simulator.put(STREAM, "k", base64(malformed["data_b64"].as_str().unwrap()));
    simulator.put(STREAM, "k", record(7, event, 1_000));
    let reader = Reader::new(&simulator, &Source::fast());
    let report = reader.run(&[]).exits(3).json()["streams"][0].clone();
    assert_eq!((&report["records"], &report["refused"]), (&102.into(), &1.into()));
    let newest = reader.newest();
    assert_eq!((newest.len(), newest[&7], newest[&8]), (100, 1_000, 8));
    assert_eq!(dead_letters(&reader).len(), 1);
}

/// As the Kinesis Producer Library makes it: one partition key, `k`.
pub fn aggregate(user_records: &[String]) -> Vec<u8> {
    use md5::{Digest, Md5};
    let mut message = vec![0x0a, 1, b'k'];
    let field = |out: &mut Vec<u8>, content: &[u8]| {
        prost::encoding::encode_key(3, prost::encoding::WireType::LengthDelimited, out);
        prost::encoding::encode_varint(content.len() as u64, out);
        out.extend_from_slice(content);
    };
    for user_record in user_records {
        let mut record = vec![0x08, 0];
        field(&mut record, user_record.as_bytes());
        field(&mut message, &record);
    }
    let mut data = vec![0xf3, 0x89, 0x9a, 0xc2];
    data.extend_from_slice(&message);
    data.extend_from_slice(&Md5::digest(&message));
    data
}

fn base64(text: &str) -> Vec<u8> {
    crate::simulator::encoding::from_base64(text).unwrap()
}

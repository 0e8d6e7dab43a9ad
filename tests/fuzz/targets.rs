//! What each fuzz target does with its bytes. A test replays the corpora through the same functions.

#![allow(dead_code, reason = "a target uses its own function only")]
#![allow(clippy::unwrap_used, reason = "a panic is what a fuzzer looks for")]

#[path = "http.rs"]
mod http;

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType as Arrow, Field as ArrowField, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use feast_rs::model::{
    DataType, FeastRsSettings, Field, OnlineStoreSettings, RegistrySettings, Settings, Timestamp, Transformation,
    parse_schema_json,
};
use feast_rs::registry::{export, read_serialized};
use feast_rs::repo::{Paint, load_text};
use feast_rs::row::{decode_key, encode_key};
use feast_rs::source::json::{JsonColumn, JsonDecoder};
use feast_rs::source::kinesis::{Aggregate, deaggregate};
use feast_rs::transform::Compiled;

/// What a target is.
pub type Target = fn(&[u8]);

/// Name -> function, as the corpora's folders are called.
pub const TARGETS: &[(&str, Target)] = &[
    ("definitions", definitions),
    ("schema_json", schema_json),
    ("json_records", json_records),
    ("kpl_aggregates", kpl_aggregates),
    ("entity_keys", entity_keys),
    ("registry_protos", registry_protos),
    ("sql_expressions", sql_expressions),
    ("http_bodies", http_bodies),
];

const NOW: Timestamp = Timestamp::from_micros(1_795_377_600_000_000);

static SETTINGS: LazyLock<Settings> = LazyLock::new(|| Settings {
    project: "fuzz".to_owned(),
    project_description: String::new(),
    repo: PathBuf::from("/nonexistent/repo"),
    registry: RegistrySettings::Other { registry_type: "none".to_owned() },
    online_store: OnlineStoreSettings::None,
    offline_store: "dask".to_owned(),
    entity_key_serialization_version: 3,
    online_write_batch_size: None,
    feast_rs: FeastRsSettings::default(),
});

/// A definition file: whatever it says, each problem has a place and a picture. What is valid survives the way through
/// YAML and back.
pub fn definitions(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let env = |name: &str| (name == "HOME").then(|| "/home/fuzz".to_owned());
    let load = |text: &str| load_text(text, &SETTINGS, &env, &|_: &_, _: &_| Vec::new(), NOW);
    match load(text) {
        Ok(loaded) => {
            let written = export::yaml(&loaded.definitions);
            if !loaded.definitions.feature_views.is_empty() || !loaded.definitions.entities.is_empty() {
                load(&written).unwrap_or_else(|error| panic!("{:#?}\n{written}", error.problems()));
            }
        }
        Err(error) => {
            for problem in error.problems() {
                assert!(!problem.render(Paint::Plain).is_empty());
            }
        }
    }
}

/// The schema of a record, as DDL or as a JSON Schema.
pub fn schema_json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(columns) = parse_schema_json(text) {
        assert!(columns.iter().all(|column| !column.name.is_empty()));
    }
}

static DECODER: LazyLock<JsonDecoder> = LazyLock::new(|| {
    let ddl = "driver_id bigint, event_timestamp timestamp, conv_rate double, small float, flag boolean, name string, day date, \
               trips int, tags array<string>, nested struct<a: int, b: array<double>>, words map<string,string>, price decimal(10,2)";
    JsonDecoder::new(parse_schema_json(ddl).unwrap().iter().map(JsonColumn::of_record).collect())
});

/// Payloads of JSON records: each row comes from a place in its payload, and what is refused says why.
pub fn json_records(data: &[u8]) {
    let halves = data.split_at(data.len() / 2);
    for payloads in [vec![data], vec![halves.0, halves.1]] {
        let decoded = DECODER.decode(payloads.iter().copied()).unwrap();
        assert_eq!(decoded.batch.num_rows(), decoded.origins.len());
        assert!(decoded.origins.iter().all(|origin| (origin.payload as usize) < payloads.len()));
        assert!(decoded.refused.iter().all(|refused| !refused.message.is_empty()));
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(decoded) = DECODER.decode_columnar(text)
    {
        assert_eq!(decoded.batch.num_rows(), decoded.origins.len());
    }
}

/// A payload of a stream, with or without an aggregate in it.
pub fn kpl_aggregates(data: &[u8]) {
    let payload = Bytes::copy_from_slice(data);
    let range = (0, u128::MAX / 2);
    if let Aggregate::Records(records) = deaggregate(&payload, None) {
        let length: usize = records.iter().map(|record| record.data.len()).sum();
        assert!(length <= data.len(), "records are slices of the payload");
        assert!(records.iter().zip(0..).all(|(record, place)| record.sub_sequence == place));
    }
    let _ = deaggregate(&payload, Some(&range));
    // with an intact digest, so that the message itself is reached
    let digest = md5(data);
    let whole = [&[0xf3, 0x89, 0x9a, 0xc2], data, &digest[..]].concat();
    let _ = deaggregate(&Bytes::from(whole), Some(&range));
}

fn md5(data: &[u8]) -> [u8; 16] {
    use md5::{Digest, Md5};
    Md5::digest(data).into()
}

/// The bytes of an entity key: what can be read is written the same way again.
pub fn entity_keys(data: &[u8]) {
    let Ok(pairs) = decode_key(data) else { return };
    let borrowed: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    if pairs.windows(2).all(|pair| pair[0].0 < pair[1].0) {
        assert_eq!(encode_key(3, &borrowed).unwrap(), data);
    }
}

/// A registry file: whatever it holds, it can be shown and exported, or it is refused.
pub fn registry_protos(data: &[u8]) {
    let Ok(snapshot) = read_serialized(data, Path::new("registry.db"), "fuzz") else { return };
    let _ = snapshot.dump_json();
    let _ = export::yaml(&snapshot.definitions);
    let _ = export::python(&snapshot.definitions);
}

static INPUT: LazyLock<SchemaRef> = LazyLock::new(|| {
    let time = Arrow::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let columns = [
        ("driver_id", Arrow::Int64),
        ("trips", Arrow::Int32),
        ("conv_rate", Arrow::Float64),
        ("name", Arrow::Utf8),
        ("flag", Arrow::Boolean),
        ("event_timestamp", time),
    ];
    Arc::new(Schema::new(columns.map(|(name, kind)| ArrowField::new(name, kind, true)).to_vec()))
});

/// An expression, a predicate and a SELECT over columns of every common type: compiled, and run over rows where it compiles.
pub fn sql_expressions(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let features = [Field::new("x", DataType::Float64)];
    let expressions = vec![("x".to_owned(), text.to_owned())];
    for transformation in [
        Transformation::Sql(text.to_owned()),
        Transformation::Expressions { expressions, filter: None },
        Transformation::Expressions { expressions: Vec::new(), filter: Some(text.to_owned()) },
    ] {
        let wanted = if matches!(&transformation, Transformation::Expressions { filter: Some(_), .. }) {
            &[][..]
        } else {
            &features
        };
        if let Ok(compiled) = Compiled::new(&transformation, &INPUT, &["driver_id"], wanted) {
            // a computation that fails is refused row by row
            let _ = compiled.run(&rows());
        }
    }
}

/// Rows with extremes and nulls.
fn rows() -> RecordBatch {
    use arrow::array::{
        ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![Some(i64::MAX), Some(i64::MIN), None, Some(0)])),
        Arc::new(Int32Array::from(vec![Some(i32::MIN), Some(-1), None, Some(0)])),
        Arc::new(Float64Array::from(vec![Some(f64::NAN), Some(f64::INFINITY), None, Some(-0.0)])),
        Arc::new(StringArray::from(vec![Some("żółć"), Some(""), None, Some("2024-02-30")])),
        Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true)])),
        Arc::new(
            TimestampMicrosecondArray::from(vec![Some(i64::MAX), Some(i64::MIN), None, Some(0)]).with_timezone("UTC"),
        ),
    ];
    RecordBatch::try_new(Arc::clone(&INPUT), columns).unwrap()
}

/// A request to the server: its first byte chooses the endpoint, the rest is the body. Whatever it says, the server answers
/// and finds the fault with the client.
pub fn http_bodies(data: &[u8]) {
    http::post(data);
}

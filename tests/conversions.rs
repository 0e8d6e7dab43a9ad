//! Parquet columns become the values that Feast's `materialize` makes of them: all vectors of Feast 0.67.0, and the
//! table of those where feast-rs differs on purpose.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::File;
use std::path::Path;

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use feast_rs::model::DataType;
use feast_rs::row::{Cast, Cells, ValueEncoder};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value as Json;

/// What one vector comes to: value (hex) and text of every row, or `refused` for a row or the whole column.
type Outcome = Vec<String>;

const EXACT: &str = "integers beside a null stay integers; in Feast's frames they become floats";
const LOSSLESS: &str = "a value that the declared type cannot hold is refused, unless `--cast lossy` is given";
const WIDEN: &str = "every value is kept exactly, and Feast refuses them only for how numpy names their type";
const SECONDS: &str = "whole seconds, rounded down, as for the scalar, whatever the unit of the column";
const SETS: &str = "a set keeps the order of arrival; Python's own order changes from process to process";

/// Label, how it is cast, what feast-rs does, and why that is not what Feast does.
#[rustfmt::skip]
const DIFFERENCES: &[(&str, Cast, &[&str], &str)] = &[
    ("int64 with null loses precision", Cast::Lossless, &["2001 1", "", "208180808080808010 9007199254740993"], EXACT),
    ("int64 with null loses precision", Cast::Lossy, &["2001 1", "", "208180808080808010 9007199254740993"], EXACT),
    ("double as Int64 truncates", Cast::Lossless, &["refused", "refused", ""], LOSSLESS),
    ("double as Float32", Cast::Lossless, &["refused", "refused", "refused", "refused"], LOSSLESS),
    ("int64 as Float32", Cast::Lossless, &["3500004040 3.0", "refused"], LOSSLESS),
    ("float32 as Float64 rejected", Cast::Lossless, &["29000000000000e03f 0.5"], WIDEN),
    ("float32 as Float64 rejected", Cast::Lossy, &["29000000000000e03f 0.5"], WIDEN),
    ("int64 as Float64", Cast::Lossless, &["290000000000000840 3.0", "refused"], LOSSLESS),
    ("int32 as Float64 rejected", Cast::Lossless, &["290000000000000840 3.0"], WIDEN),
    ("int32 as Float64 rejected", Cast::Lossy, &["290000000000000840 3.0"], WIDEN),
    ("int64 as String with null", Cast::Lossless, &["refused"], LOSSLESS),
    ("int64 as String with null", Cast::Lossy, &["120131 1", ""], EXACT),
    ("bool as String", Cast::Lossless, &["refused"], LOSSLESS),
    ("binary as String", Cast::Lossless, &["refused"], LOSSLESS),
    ("double as String", Cast::Lossless, &["refused"], LOSSLESS),
    ("int64 as Bool", Cast::Lossless, &["refused"], LOSSLESS),
    ("int32 as Bool rejected", Cast::Lossy, &["3801 True"], "all integers are treated as int64 is"),
    ("int64 with null as UnixTimestamp all NaT", Cast::Lossless, &["4080e2cfaa06", "4080808080808080808001"], EXACT),
    ("int64 with null as UnixTimestamp all NaT", Cast::Lossy, &["4080e2cfaa06", "4080808080808080808001"], EXACT),
    ("double as UnixTimestamp all NaT", Cast::Lossless, &["refused"], LOSSLESS),
    ("double as UnixTimestamp all NaT", Cast::Lossy, &["4001", "4002"], "seconds rounded down say more than no time at all"),
    ("timestamp as String", Cast::Lossless, &["refused"], LOSSLESS),
    ("struct as Map", Cast::Lossless, &["a201090a070a016112022001", ""], EXACT),
    ("struct as Map", Cast::Lossy, &["a201090a070a016112022001", ""], EXACT),
    ("arrow map as Map rejected", Cast::Lossless, &["a2010a0a080a01611203120178"], "a map is what a Map is"),
    ("arrow map as Map rejected", Cast::Lossy, &["a2010a0a080a01611203120178"], "a map is what a Map is"),
    ("list int64 as Array(Float64) rejected", Cast::Lossless, &["7a0a0a08000000000000f03f"], WIDEN),
    ("list int64 as Array(Float64) rejected", Cast::Lossy, &["7a0a0a08000000000000f03f"], WIDEN),
    ("list timestamp us", Cast::Lossless, &["92011b0a198081c8ac06ffffffffffffffffff0180808080808080808001"], SECONDS),
    ("list timestamp us", Cast::Lossy, &["92011b0a198081c8ac06ffffffffffffffffff0180808080808080808001"], SECONDS),
    ("list timestamp ns stores nanoseconds", Cast::Lossless, &["9201070a058081c8ac06"], SECONDS),
    ("list timestamp ns stores nanoseconds", Cast::Lossy, &["9201070a058081c8ac06"], SECONDS),
    ("list as Set(Int64)", Cast::Lossless, &["ca01050a03030102", "ca0100", ""], SETS),
    ("list as Set(Int64)", Cast::Lossy, &["ca01050a03030102", "ca0100", ""], SETS),
    ("list in scalar column becomes null", Cast::Lossless, &["refused"], "a list that becomes null is lost without a word"),
    ("list in scalar column becomes null", Cast::Lossy, &["refused"], "a list that becomes null is lost without a word"),
];

fn golden() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/feast"))
}

fn column(file: &str) -> ArrayRef {
    let file = File::open(golden().join(file)).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let batches: Vec<_> = reader.map(Result::unwrap).collect();
    let columns: Vec<&dyn Array> = batches.iter().map(|batch| batch.column_by_name("f").unwrap().as_ref()).collect();
    concat(&columns).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn shown(value: &str, text: Option<&str>) -> String {
    text.map_or_else(|| value.to_owned(), |text| format!("{value} {text}"))
}

fn ours(vector: &Json, cast: Cast) -> Outcome {
    let column = column(vector["parquet"].as_str().unwrap());
    let dtype = DataType::parse(vector["dtype"].as_str().unwrap()).unwrap();
    let Ok(encoder) = ValueEncoder::new("f", &column, &dtype, cast) else { return vec!["refused".to_owned()] };
    let mut cells = Cells::default();
    (0..column.len())
        .map(|row| match encoder.encode(row, &mut cells) {
            Ok(()) => {
                let cell = cells.get(cells.len() - 1).unwrap();
                shown(&hex(cell.value), cell.text)
            }
            Err(_) => "refused".to_owned(),
        })
        .collect()
}

fn theirs(vector: &Json) -> Outcome {
    let Some(rows) = vector["rows"].as_array() else { return vec!["refused".to_owned()] };
    rows.iter().map(|row| shown(row["value"].as_str().unwrap(), row["value_text"].as_str())).collect()
}

#[test]
fn every_column_becomes_what_feast_makes_of_it_or_differs_on_purpose() {
    let vectors: Json = serde_json::from_slice(&std::fs::read(golden().join("conversions.json")).unwrap()).unwrap();
    let vectors = vectors.as_array().unwrap();
    assert_eq!(vectors.len(), 62);
    let mut differences = 0;
    for (vector, cast) in vectors.iter().flat_map(|vector| [(vector, Cast::Lossless), (vector, Cast::Lossy)]) {
        let label = vector["label"].as_str().unwrap();
        let ours = ours(vector, cast);
        match DIFFERENCES.iter().find(|entry| entry.0 == label && entry.1 == cast) {
            Some((_, _, expected, why)) => {
                differences += 1;
                assert_eq!(ours, *expected, "{label}, {cast:?}: {why}");
                assert_ne!(ours, theirs(vector), "{label}, {cast:?} is no difference any more");
            }
            None => assert_eq!(ours, theirs(vector), "{label}, {cast:?}"),
        }
    }
    assert_eq!(differences, DIFFERENCES.len(), "every entry names a vector");
}

//! The rules of a run, one by one: windows, late rows, refusals, files of every shape and the errors of bad ones.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Int32Array, Int64Array, StringArray, TimestampMillisecondArray, TimestampNanosecondArray,
};
use feast_rs::error::MaterializeError;
use feast_rs::feature_store::{ViewReport, Window};
use feast_rs::model::{Aggregation, DataType, Span, Timestamp, Transformation};
use feast_rs::online::{OnlineError, ViewLock};
use feast_rs::row::Cast;
use feast_rs::source::SourceError;
use feast_rs::source::parquet::{Dataset, Scan};
use parquet::file::properties::EnabledStatistics;

use crate::files::{TestRow, columns, row, write, write_columns, write_compressed};
use crate::repo::{NOW, Repo, TABLE};

const HOUR: i64 = 3_600_000_000;
const T: i64 = NOW.micros() - 100 * HOUR;

fn repo(rows: &[TestRow]) -> Repo {
    let mut repo = Repo::new("x.parquet", &[("f", DataType::Float64)]);
    repo.source().created_timestamp_column = String::from("created");
    write(&repo.path("x.parquet"), rows, 100);
    repo
}

fn texts(repo: &Repo) -> Vec<String> {
    repo.texts().into_iter().map(Option::unwrap_or_default).collect()
}

fn failure(repo: &mut Repo) -> MaterializeError {
    repo.run().map(|report| report.view).unwrap_err()
}

fn source_error(repo: &mut Repo) -> SourceError {
    match failure(repo) {
        MaterializeError::Source(error) => error,
        other => panic!("{other}"),
    }
}

#[test]
fn the_newest_row_wins_also_against_what_is_stored() {
    let mut repo = repo(&[row(1, T, T, 1.0), row(1, T + 1, T, 2.0), row(2, T, T, 3.0)]);
    let report = repo.run().unwrap();
    assert_eq!((report.read, report.keys, report.written, report.stale, report.refused), (3, 2, 2, 0, 0));
    assert_eq!(texts(&repo), ["2.0", "3.0"]);
    write(&repo.path("x.parquet"), &[row(1, T, T, 9.0), row(2, T, T + 1, 8.0)], 100);
    let report = repo.run().unwrap();
    assert_eq!((report.written, report.stale), (1, 1));
    assert_eq!(texts(&repo), ["2.0", "8.0"], "older by a microsecond, and newer by its created time");
    repo.request.overwrite = true;
    repo.run().unwrap();
    assert_eq!(texts(&repo), ["9.0", "8.0"]);
}

#[test]
fn a_dry_run_reads_and_judges_but_writes_nothing() {
    let mut repo = repo(&[row(1, T, T, 1.0), row(2, T, T, 3.0)]);
    repo.request.dry_run = true;
    let report = repo.run().unwrap();
    assert_eq!((report.read, report.keys, report.written), (2, 2, 2));
    assert!(repo.stored().is_empty());
}

#[test]
fn rows_that_arrive_late_are_found_by_their_created_time() {
    let mut repo = repo(&[row(1, T, T, 1.0), row(2, T + HOUR, T + HOUR, 2.0)]);
    let incremental = |end: i64| Window::Since { end: Some(Timestamp::from_micros(end)), lookback: Span::ZERO };
    repo.request.window = incremental(T + 2 * HOUR);
    repo.run().unwrap();
    assert_eq!(repo.newest_created, Some(Timestamp::from_micros(T + HOUR)));
    let late = row(3, T, T + 3 * HOUR, 3.0);
    let together = row(4, T, T + HOUR, 4.0);
    let seen = row(6, T, T + HOUR - 1, 6.0);
    write(&repo.path("x.parquet"), &[late, together, seen, row(5, T + 2 * HOUR, NOW.micros() + HOUR, 5.0)], 1);
    repo.request.window = incremental(T + 5 * HOUR);
    let report = repo.run().unwrap();
    assert_eq!(report.read, 3, "the late row, one that shares the newest created time, and the one at the last end");
    assert_eq!(texts(&repo), ["1.0", "2.0", "3.0", "4.0", "5.0"]);
    assert_eq!(repo.newest_created, Some(NOW), "a created time in the future must not hide what arrives until then");
    repo.newest_created = None;
    repo.request.window = Window::Since { end: None, lookback: Span::from_micros(5 * HOUR) };
    assert_eq!(repo.run().unwrap().read, 4, "without created times there is `--lookback`");
}

#[test]
fn a_refused_row_gives_way_to_the_newest_good_one() {
    let mut repo = Repo::new("x.parquet", &[("f", DataType::Int64)]);
    let half = |eid, event| row(eid, event, T, 0.5);
    let rows =
        [row(1, T, T, 1.0), row(1, T + 1, T, 2.0), half(1, T + 2), half(1, T + 3), half(2, T), row(3, T, T, 3.0)];
    write(&repo.path("x.parquet"), &rows, 2);
    let report = repo.run().unwrap();
    assert_eq!(texts(&repo), ["2", "3"]);
    assert_eq!((report.read, report.keys, report.written, report.refused), (6, 3, 2, 3));
    let first = &report.refusals[0];
    assert_eq!((first.row, first.column.as_str(), first.value.as_str()), (2, "f", "0.5"));
    assert!(first.file.ends_with("x.parquet"));
    repo.request.cast = Cast::Lossy;
    let report = repo.run().unwrap();
    assert_eq!((texts(&repo), report.refused), (["0", "0", "3"].map(str::to_owned).to_vec(), 0));
}

#[test]
fn rows_without_key_or_time_and_rows_of_the_far_future_do_not_stop_the_others() {
    let no_key = TestRow { eid: None, ..row(0, T, T, 1.0) };
    let no_time = TestRow { event: None, ..row(7, T, T, 1.0) };
    let far = row(1, NOW.micros() + 30 * HOUR, T, 9.0);
    let soon = row(2, NOW.micros() + 20 * HOUR, T, 8.0);
    let mut repo = repo(&[row(1, T, T, 1.0), no_key, no_time, far, soon]);
    repo.request.allow_future = true;
    let ViewReport { read, refused, undated, refusals, .. } = repo.between(T, NOW.micros() + 40 * HOUR).run().unwrap();
    assert_eq!((read, refused, undated), (4, 2, 1));
    assert_eq!(texts(&repo), ["1.0", "8.0"]);
    assert_eq!(refusals.iter().map(|refusal| refusal.row).collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn partitions_units_and_columns_without_values_make_one_table() {
    let mut repo = Repo::new("x", &[("f", DataType::Int64), ("day", DataType::String), ("n", DataType::Int64)]);
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let millis: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![T / 1_000]).with_timezone("UTC"));
    let nanos: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![T * 1_000 + 1_000]));
    let nothing = arrow::array::new_null_array(&arrow::datatypes::DataType::Null, 1);
    for (file, event, f) in [("day=a/n=1/1.parquet", millis, nothing), ("day=b/n=2/2.parquet", nanos, Arc::clone(&ids))]
    {
        let columns = [("f", f), ("event_timestamp", event), ("eid", Arc::clone(&ids))];
        write_columns(&repo.path("x").join(file), &columns, 10, EnabledStatistics::Chunk);
    }
    assert_eq!(repo.run().unwrap().read, 2);
    assert_eq!(texts(&repo), ["b", "1", "2"], "features in the order of their names; the newer row is the second");
    repo.source().kind = feast_rs::model::SourceKind::File(feast_rs::model::FileSource {
        path: "x/day=a/**/*.parquet".to_owned(),
        file_format: None,
        s3_endpoint_override: String::new(),
    });
    repo.request.overwrite = true;
    assert!(matches!(source_error(&mut repo), SourceError::NoColumn { column, .. } if column == "day"));
    repo.view.features.retain(|field| field.name != "day");
    repo.run().unwrap();
    assert_eq!(repo.texts()[1..], [None, Some("1".to_owned())]);
}

#[test]
fn every_compression_is_read() {
    use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
    let all = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::BROTLI(BrotliLevel::default()),
    ];
    let mut repo = Repo::new("x", &[("f", DataType::Float64)]);
    for (key, compression) in (0..).zip(all) {
        let rows = [row(key, T, T, 0.5)];
        let path = repo.path("x").join(format!("{key}.parquet"));
        write_compressed(&path, &columns(&rows), 10, EnabledStatistics::Chunk, compression);
    }
    assert_eq!(repo.run().unwrap().keys, 7);
    assert_eq!(texts(&repo), ["0.5"; 7]);
}

#[test]
fn dates_are_midnights_where_the_source_says_so() {
    let mut repo = Repo::new("x.parquet", &[("eid2", DataType::Int64)]);
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 1]));
    let days: ArrayRef = Arc::new(Date32Array::from(vec![20_000, 20_001]));
    let columns = [("eid", Arc::clone(&ids)), ("eid2", ids), ("event_timestamp", days)];
    write_columns(&repo.path("x.parquet"), &columns, 10, EnabledStatistics::Chunk);
    let error = failure(&mut repo);
    assert!(error.hint().unwrap().contains("DATE"), "{error}");
    repo.source().timestamp_field_type = "DATE".to_owned();
    let midnight = 20_001 * 86_400_000_000;
    assert_eq!(repo.between(midnight, midnight).run().unwrap().read, 1);
    assert_eq!(repo.stored()[0].event, 20_001 * 86_400);
}

#[test]
fn row_groups_outside_the_window_are_not_read_where_statistics_tell() {
    let rows: Vec<TestRow> = (0..100).map(|index| row(index, T + index, T, 1.0)).collect();
    for (statistics, looked_at) in [(EnabledStatistics::Chunk, 20), (EnabledStatistics::None, 100)] {
        let mut repo = repo(&[]);
        write_columns(&repo.path("x.parquet"), &columns(&rows), 10, statistics);
        let dataset = Dataset::open(&repo.path("x.parquet")).unwrap();
        let scan = Scan::new(&dataset, vec!["eid".to_owned()], "event_timestamp".to_owned(), None, false).unwrap();
        let window =
            feast_rs::source::parquet::Window { start: T + 19, end: T + 20, late_after: None, not_after: i64::MAX };
        assert_eq!(scan.rows_in(&window), looked_at);
        assert_eq!(repo.between(T + 19, T + 20).run().unwrap().read, 2);
    }
}

#[test]
fn files_that_cannot_be_read_say_what_they_are() {
    let mut repo = repo(&[row(1, T, T, 1.0)]);
    let good = std::fs::read(repo.path("x.parquet")).unwrap();
    let mut check = |bytes: &[u8], is_expected: fn(&SourceError) -> bool| {
        std::fs::write(repo.path("x.parquet"), bytes).unwrap();
        let error = source_error(&mut repo);
        assert!(is_expected(&error), "{error:?}");
        assert!(error.to_string().contains("x.parquet"), "{error}");
    };
    check(b"", |error| matches!(error, SourceError::NotParquet { .. }));
    check(b"a,b\n1,2\n3,4\n", |error| matches!(error, SourceError::NotParquet { .. }));
    check(&good[..good.len() - 9], |error| matches!(error, SourceError::Truncated { .. }));
    let mut lying = good.clone();
    let footer = lying.len() - 8;
    lying[footer..footer + 4].copy_from_slice(&[255; 4]);
    check(&lying, |error| matches!(error, SourceError::Damaged { .. }));
    let mut mangled = good.clone();
    mangled[4..60].fill(0xFF);
    check(&mangled, |error| {
        matches!(error, SourceError::Damaged { .. } | SourceError::Decode { .. } | SourceError::Broken { .. })
    });
    std::fs::remove_file(repo.path("x.parquet")).unwrap();
    assert!(matches!(source_error(&mut repo), SourceError::Missing { .. }));
    std::fs::create_dir(repo.path("x.parquet")).unwrap();
    assert!(matches!(source_error(&mut repo), SourceError::NoFiles { .. }));
}

/// Whatever byte of a file is wrong, there is an answer.
#[test]
fn no_damage_makes_it_panic() {
    let rows: Vec<TestRow> = (0..40).map(|index| row(index % 7, T + index, T, 1.0)).collect();
    let mut repo = repo(&rows);
    let good = std::fs::read(repo.path("x.parquet")).unwrap();
    repo.request.dry_run = true;
    for at in (0..good.len()).step_by(7) {
        let mut bad = good.clone();
        bad[at] ^= 0x55;
        std::fs::write(repo.path("x.parquet"), &bad).unwrap();
        let _ = repo.run();
    }
}

#[test]
fn files_that_disagree_and_columns_that_are_not_there_are_named() {
    let mut repo = Repo::new("x", &[("f", DataType::Float64)]);
    write(&repo.path("x/1.parquet"), &[row(1, T, T, 1.0)], 10);
    let mut other = columns(&[row(1, T, T, 1.0)]);
    other[3].1 = Arc::new(StringArray::from(vec!["1"]));
    write_columns(&repo.path("x/2.parquet"), &other, 10, EnabledStatistics::Chunk);
    let error = source_error(&mut repo);
    assert!(matches!(&error, SourceError::Disagree { column, .. } if column == "f"), "{error}");
    other.truncate(3);
    write_columns(&repo.path("x/2.parquet"), &other, 10, EnabledStatistics::Chunk);
    let error = source_error(&mut repo);
    assert!(matches!(&error, SourceError::NoColumn { path, .. } if path.ends_with("2.parquet")), "{error}");
    let twice = [columns(&[row(1, T, T, 1.0)]), columns(&[row(1, T, T, 2.0)])].concat();
    write_columns(&repo.path("x/2.parquet"), &twice, 10, EnabledStatistics::Chunk);
    let error = source_error(&mut repo);
    assert!(matches!(&error, SourceError::TwoColumns { column, .. } if column == "eid"), "{error}");
    other.truncate(3);
    write_columns(&repo.path("x/2.parquet"), &other, 10, EnabledStatistics::Chunk);
    repo.view.features[0].name = "event_timestmp".to_owned();
    let error = source_error(&mut repo);
    assert!(error.hint().unwrap().contains("did you mean `event_timestamp`"), "{:?}", error.hint());
}

#[test]
fn a_column_that_never_fits_stops_the_view_before_anything_is_written() {
    let mut repo = repo(&[row(1, T, T, 1.5)]);
    repo.view.features[0].dtype = DataType::Bytes;
    assert!(matches!(source_error(&mut repo), SourceError::WrongType { column, .. } if column == "f"));
    repo.view.features[0].dtype = DataType::Float64;
    repo.source().timestamp_field = "f".to_owned();
    assert!(matches!(source_error(&mut repo), SourceError::WrongType { role, .. } if role == "the event time"));
    let eid: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    write_columns(&repo.path("x.parquet"), &[("eid", eid)], 10, EnabledStatistics::Chunk);
    assert!(matches!(source_error(&mut repo), SourceError::NoColumn { .. }));
    assert!(repo.stored().is_empty());
}

#[test]
fn what_cannot_be_materialized_says_so() {
    let mut repo = repo(&[row(1, T, T, 1.0)]);
    let lock = ViewLock::take(&repo.path("online.db"), "materialize", TABLE).unwrap();
    assert!(matches!(failure(&mut repo), MaterializeError::Online(OnlineError::ViewLocked { .. })));
    drop(lock);
    repo.run().unwrap();
    repo.view.transformation = Some(Transformation::Sql("SELECT 1".to_owned()));
    assert!(matches!(failure(&mut repo), MaterializeError::Transformation { .. }));
    repo.view.transformation = None;
    let aggregation = Aggregation {
        column: "f".to_owned(),
        function: "sum".to_owned(),
        time_window: None,
        slide_interval: None,
        name: "s".to_owned(),
    };
    repo.view.aggregations = vec![aggregation];
    assert!(matches!(failure(&mut repo), MaterializeError::Unsupported { .. }));
    repo.view.aggregations.clear();
    repo.view.batch_source = None;
    assert!(matches!(failure(&mut repo), MaterializeError::NoBatchSource { .. }));
}

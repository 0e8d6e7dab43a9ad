use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use ::parquet::file::metadata::KeyValue;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;

use super::*;

fn batch(values: std::ops::Range<i64>) -> RecordBatch {
    let texts = values.clone().map(|value| Some(value.to_string())).collect::<StringArray>();
    let columns: [(&str, ArrayRef); 2] =
        [("x", Arc::new(Int64Array::from_iter_values(values))), ("s", Arc::new(texts))];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn rows(path: &Path) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    if batches.is_empty() { batch(0..0) } else { concat_batches(&batches[0].schema(), &batches).unwrap() }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn write(log: &LogFiles, name: &str, values: std::ops::Range<i64>) -> Result<(), LogError> {
    let batch = batch(values);
    let mut writer = log.begin(name, &batch.schema())?;
    writer.write(&batch)?;
    writer.finish()
}

#[test]
fn a_directory_gets_part_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let log = LogFiles::at(&path).unwrap();
    log.ensure(&batch(0..0).schema(), "empty").unwrap();
    log.ensure(&batch(0..0).schema(), "other").unwrap();
    assert_eq!(names(&path), ["empty.parquet"]);
    assert_eq!(rows(&path.join("empty.parquet")).num_rows(), 0);
    assert!(!log.has("a").unwrap());
    write(&log, "a", 0..3).unwrap();
    assert!(log.has("a").unwrap());
    assert_eq!(rows(&path.join("a.parquet")), batch(0..3));

    let mut unfinished = log.begin("b", &batch(0..0).schema()).unwrap();
    unfinished.write(&batch(0..3)).unwrap();
    assert!(!log.has("b").unwrap());
    drop(unfinished);
    assert_eq!(names(&path), ["a.parquet", "empty.parquet"]);
}

#[test]
fn one_file_is_rewritten_with_the_new_rows_first() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.parquet");
    let log = LogFiles::at(&path).unwrap();
    assert!(matches!(write(&log, "a", 0..1), Err(LogError::Missing { .. })));
    assert!(matches!(log.ensure(&batch(0..0).schema(), "empty"), Err(LogError::Missing { .. })));
    let mut old = ArrowWriter::try_new(File::create(&path).unwrap(), batch(0..0).schema(), None).unwrap();
    old.append_key_value_metadata(KeyValue::new("pandas".to_owned(), "{}".to_owned()));
    old.write(&batch(0..2)).unwrap();
    old.close().unwrap();
    write(&log, "a", 2..4).unwrap();
    write(&log, "b", 4..5).unwrap();
    let expected = concat_batches(&batch(0..0).schema(), &[batch(4..5), batch(2..4), batch(0..2)]).unwrap();
    assert_eq!(rows(&path), expected);
    assert!(log.has("b").unwrap() && !log.has("a").unwrap(), "the last batch is known");
    let footer = log.footer().unwrap();
    let entries = footer.metadata().file_metadata().key_value_metadata().unwrap();
    assert_eq!(entries.iter().filter(|entry| entry.key == "pandas").count(), 1);
    assert_eq!(entries.iter().filter(|entry| entry.key == BATCH_KEY).count(), 1);
    assert_eq!(names(dir.path()), ["log.parquet"]);
}

#[test]
fn a_file_with_other_columns_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.parquet");
    let other = RecordBatch::try_from_iter([("x", Arc::new(StringArray::from(vec!["a"])) as ArrayRef)]).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), other.schema(), None).unwrap();
    writer.write(&other).unwrap();
    writer.close().unwrap();
    let before = fs::read(&path).unwrap();
    let error = write(&LogFiles::at(&path).unwrap(), "a", 0..1).unwrap_err();
    assert!(matches!(&error, LogError::Columns { reason, .. } if reason.contains("`x` Int64")), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    fs::write(&path, b"no parquet at all").unwrap();
    assert!(matches!(write(&LogFiles::at(&path).unwrap(), "a", 0..1), Err(LogError::Parquet { .. })));
}

#[test]
fn a_file_that_another_program_writes_meanwhile_is_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.parquet");
    let put = |values| {
        let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch(0..0).schema(), None).unwrap();
        writer.write(&batch(values)).unwrap();
        writer.close().unwrap();
    };
    put(0..2);
    let log = LogFiles::at(&path).unwrap();
    let mut writer = log.begin("a", &batch(0..0).schema()).unwrap();
    writer.write(&batch(2..4)).unwrap();
    put(0..100);
    assert!(matches!(writer.finish(), Err(LogError::Changed { .. } | LogError::Parquet { .. })));
    assert_eq!(rows(&path), batch(0..100));
    assert_eq!(names(dir.path()), ["log.parquet"]);
}

#[test]
fn one_writer_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let log = LogFiles::at(dir.path()).unwrap();
    let first = log.lock().unwrap();
    let waiting = std::thread::spawn({
        let log = log.clone();
        move || log.lock().map(drop)
    });
    assert!(!waiting.is_finished());
    drop(first);
    waiting.join().unwrap().unwrap();
    let removed = LogFiles::at(&dir.path().join("removed")).unwrap();
    drop(removed.lock().unwrap());
    assert!(matches!(LogFiles::at(Path::new("/x/s3://b/y")), Err(LogError::NoPlace { .. })));
    assert!(matches!(LogFiles::at(&dir.path().join("*.parquet")), Err(LogError::NoPlace { .. })));
}

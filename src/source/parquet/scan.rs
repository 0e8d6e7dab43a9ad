//! Pass 1: join keys and times of all rows in the window, on all cores.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;

use super::dataset::{Dataset, Unit};
use super::time::{self, Instants};
use crate::row::{KeyEncoder, Keys, Refusal};
use crate::source::SourceError;
use crate::source::latest::{NO_CREATED, Stamp};

/// Which rows count, by their times in microseconds since 1970 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// first event time
    pub start: i64,
    /// last event time
    pub end: i64,
    /// rows that were created after this count too when their event lies before `start`
    pub late_after: Option<i64>,
    /// events after this are refused
    pub not_after: i64,
}

impl Window {
    fn holds(&self, event: i64, created: i64) -> bool {
        event <= self.end && (event >= self.start || self.late_after.is_some_and(|late| created > late))
    }
}

/// How the rows of a view lie in the files of its source.
#[derive(Debug)]
pub struct Scan<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) keys: Vec<String>,
    pub(super) event: String,
    pub(super) created: Option<String>,
}

impl<'a> Scan<'a> {
    /// A scan by the names that the columns have in the files: join keys in the order of the entity key's bytes, event time
    /// and created time. `dates`: the source says that its times are dates.
    ///
    /// # Errors
    /// `NoColumn`, `WrongType`: a time column that holds no instants.
    pub fn new(
        dataset: &'a Dataset,
        keys: Vec<String>,
        event: String,
        created: Option<String>,
        dates: bool,
    ) -> Result<Self, SourceError> {
        for key in keys.iter().filter(|key| *key != crate::model::DUMMY_JOIN_KEY) {
            dataset.column(key)?;
        }
        check_time(dataset, &event, "the event time", dates)?;
        if let Some(created) = &created {
            check_time(dataset, created, "the created time", dates)?;
        }
        Ok(Self { dataset, keys, event, created })
    }

    /// The files that are scanned.
    #[must_use]
    pub fn dataset(&self) -> &'a Dataset {
        self.dataset
    }

    /// Rows of the row groups that the window touches: what a scan will look at.
    #[must_use]
    pub fn rows_in(&self, window: &Window) -> u64 {
        self.dataset.units_in(window, &self.event, self.created.as_deref()).iter().map(|unit| unit.rows).sum()
    }

    /// Feeds every row of the window to one of `sinks`, each of which works on a thread of its own. `extra` columns come
    /// along. `progress` is told how many rows were looked at.
    pub(super) fn run<S: Sink + Send>(
        &self,
        window: &Window,
        encoder: &KeyEncoder,
        extra: &[String],
        sinks: &mut [S],
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), SourceError> {
        let units = self.dataset.units_in(window, &self.event, self.created.as_deref());
        let pass = Pass { scan: self, window, encoder, columns: self.columns(extra), progress };
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let mut failures: Vec<(usize, SourceError)> = std::thread::scope(|scope| {
            let workers: Vec<_> =
                sinks.iter_mut().map(|sink| scope.spawn(|| pass.work(&units, &next, &stop, sink))).collect();
            workers
                .into_iter()
                .filter_map(|worker| worker.join().unwrap_or_else(|_| Some((0, self.broken()))))
                .collect()
        });
        failures.sort_by_key(|(unit, _)| *unit);
        failures.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
    }

    fn broken(&self) -> SourceError {
        SourceError::Broken { path: self.dataset.path().to_owned() }
    }

    fn columns(&self, extra: &[String]) -> Vec<String> {
        let mut columns = self.keys.clone();
        columns.push(self.event.clone());
        columns.extend(self.created.clone());
        columns.extend(extra.iter().cloned());
        columns
    }
}

fn check_time(dataset: &Dataset, column: &str, role: &str, dates: bool) -> Result<(), SourceError> {
    time::check(dataset.column(column)?, dates).map_err(|(reason, hint)| SourceError::WrongType {
        path: dataset.path().to_owned(),
        column: column.to_owned(),
        role: role.to_owned(),
        reason,
        hint,
    })
}

/// What becomes of the rows of a window; one a thread.
pub(super) trait Sink {
    /// Rows with an event time in the window and, but for refused ones, a key.
    fn take(&mut self, rows: &Rows<'_>) -> Result<(), SourceError>;
    /// How many rows of a batch are in the window, refused ones included, and how many have no event time.
    fn count(&mut self, in_window: u64, undated: u64);
    /// A row in the window that cannot be used; its number is that of the source.
    fn refuse(&mut self, row: u64, refusal: Refusal);
}

/// Some rows of one batch.
pub(super) struct Rows<'a> {
    /// empty for a refused row
    pub keys: &'a Keys,
    pub stamps: &'a [Stamp],
    /// the extra columns
    pub extra: &'a [ArrayRef],
}

struct Pass<'a> {
    scan: &'a Scan<'a>,
    window: &'a Window,
    encoder: &'a KeyEncoder,
    columns: Vec<String>,
    progress: &'a (dyn Fn(u64) + Sync),
}

/// Buffers that live as long as a worker.
#[derive(Default)]
struct Buffers {
    keys: Keys,
    stamps: Vec<Stamp>,
    places: Vec<u32>,
}

impl Pass<'_> {
    /// Takes row groups until there are none left; the answer is the first failure and where it was.
    fn work<S: Sink>(
        &self,
        units: &[Unit],
        next: &AtomicUsize,
        stop: &AtomicBool,
        sink: &mut S,
    ) -> Option<(usize, SourceError)> {
        let mut buffers = Buffers::default();
        while !stop.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let unit = units.get(index)?;
            // the decoder may panic on bytes that no writer makes
            let result = catch_unwind(AssertUnwindSafe(|| self.unit(unit, &mut buffers, sink)));
            if let Err(error) = result.unwrap_or_else(|_| Err(self.broken(unit))) {
                stop.store(true, Ordering::Relaxed);
                return Some((index, error));
            }
        }
        None
    }

    fn broken(&self, unit: &Unit) -> SourceError {
        let path = self.scan.dataset.place(unit.first_row).0;
        SourceError::Broken { path: path.to_owned() }
    }

    fn unit<S: Sink>(&self, unit: &Unit, buffers: &mut Buffers, sink: &mut S) -> Result<(), SourceError> {
        let mut first_row = unit.first_row;
        for batch in self.scan.dataset.read(unit, &self.columns, None)? {
            let (rows, columns) = batch?;
            self.batch(first_row, &columns, buffers, sink)?;
            first_row += rows as u64;
            (self.progress)(rows as u64);
        }
        Ok(())
    }

    fn batch<S: Sink>(
        &self,
        first_row: u64,
        columns: &[ArrayRef],
        buffers: &mut Buffers,
        sink: &mut S,
    ) -> Result<(), SourceError> {
        let (keys, rest) = columns.split_at_checked(self.scan.keys.len()).unwrap_or_default();
        let (times, extra) = rest.split_at_checked(1 + usize::from(self.scan.created.is_some())).unwrap_or_default();
        self.select(first_row, times, buffers, sink)?;
        if buffers.stamps.is_empty() {
            return Ok(());
        }
        let all = times.first().is_some_and(|event| event.len() == buffers.places.len());
        let (keys, extra) = if all { (keys.to_vec(), extra.to_vec()) } else { self.pick(keys, extra, buffers)? };
        buffers.keys.clear();
        for refusal in self.encoder.encode(&keys, &mut buffers.keys)? {
            if let Some(stamp) = buffers.stamps.get(refusal.row) {
                sink.refuse(stamp.row, refusal);
            }
        }
        sink.take(&Rows { keys: &buffers.keys, stamps: &buffers.stamps, extra: &extra })
    }

    /// Notes place and stamp of the rows in the window.
    fn select<S: Sink>(
        &self,
        first_row: u64,
        times: &[ArrayRef],
        buffers: &mut Buffers,
        sink: &mut S,
    ) -> Result<(), SourceError> {
        buffers.places.clear();
        buffers.stamps.clear();
        let mut instants = times.iter().map(Instants::of);
        let (Some(Some(events)), created) = (instants.next(), instants.next().flatten()) else {
            return Err(self.scan.broken());
        };
        let (mut undated, mut too_far) = (0, 0);
        for (place, row) in (0_u32..).zip(0..events.len()) {
            let Some(event) = events.get(row) else {
                undated += 1;
                continue;
            };
            let created = created.as_ref().and_then(|created| created.get(row)).unwrap_or(NO_CREATED);
            if !self.window.holds(event, created) {
                continue;
            }
            let stamp = Stamp { event, created, row: first_row + u64::from(place) };
            if event > self.window.not_after {
                too_far += 1;
                sink.refuse(stamp.row, self.too_far(event));
                continue;
            }
            buffers.places.push(place);
            buffers.stamps.push(stamp);
        }
        sink.count(too_far + buffers.stamps.len() as u64, undated);
        Ok(())
    }

    fn too_far(&self, event: i64) -> Refusal {
        Refusal {
            row: 0,
            column: self.scan.event.clone(),
            value: crate::model::Timestamp::from_micros(event).to_string(),
            reason: "lies further in the future than `feast_rs.max_future` allows".to_owned(),
        }
    }

    fn pick(
        &self,
        keys: &[ArrayRef],
        extra: &[ArrayRef],
        buffers: &Buffers,
    ) -> Result<(Vec<ArrayRef>, Vec<ArrayRef>), SourceError> {
        let places = UInt32Array::from(buffers.places.clone());
        let pick = |columns: &[ArrayRef]| {
            columns.iter().map(|column| take(column, &places, None)).collect::<Result<Vec<_>, _>>()
        };
        let decode = |source| SourceError::Decode { path: self.scan.dataset.path().to_owned(), source };
        Ok((pick(keys).map_err(decode)?, pick(extra).map_err(decode)?))
    }
}

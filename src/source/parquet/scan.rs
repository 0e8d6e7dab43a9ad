//! Pass 1: join keys and times of all rows in the window, on all cores.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use super::dataset::{Dataset, Unit};
use super::read::guarded;
use super::step::{self, Transform};
use super::time::{self, Instants};
use crate::model::DUMMY_JOIN_KEY;
use crate::nice;
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
    /// rows that were created then or later count too when their event lies before `start`: one that is read again is a tie
    pub late_after: Option<i64>,
    /// events after this are refused
    pub not_after: i64,
}

impl Window {
    fn holds(&self, event: i64, created: i64) -> bool {
        event <= self.end && (event >= self.start || self.late_after.is_some_and(|late| created >= late))
    }
}

/// How the rows of a view lie in the files of its source.
#[derive(Debug)]
pub struct Scan<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) keys: Vec<String>,
    pub(super) event: String,
    pub(super) created: Option<String>,
    pub(super) transform: Option<Transform<'a>>,
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
        for key in keys.iter().filter(|key| *key != DUMMY_JOIN_KEY) {
            dataset.column(key)?;
        }
        check_time(dataset, &event, dataset.column(&event)?, "the event time", dates)?;
        if let Some(created) = &created {
            check_time(dataset, created, dataset.column(created)?, "the created time", dates)?;
        }
        Ok(Self { dataset, keys, event, created, transform: None })
    }

    /// A scan of rows that a transformation computes: `keys`, `event` and `created` are the names of its outputs, in this
    /// order; times that are not computed have the names that they have in the files.
    ///
    /// # Errors
    /// `NoColumn`: an input that the files lack. `WrongType`: a time that is no instant.
    pub fn transformed(
        dataset: &'a Dataset,
        keys: Vec<String>,
        event: String,
        created: Option<String>,
        dates: bool,
        transform: Transform<'a>,
    ) -> Result<Self, SourceError> {
        let inputs = transform.select.inputs().iter().chain(transform.compute.inputs());
        for input in inputs.filter(|input| *input != DUMMY_JOIN_KEY) {
            dataset.column(input)?;
        }
        check_time(dataset, &event, &step::output(transform.select, keys.len()), "the event time", dates)?;
        if let Some(created) = &created {
            check_time(dataset, created, &step::output(transform.select, keys.len() + 1), "the created time", dates)?;
        }
        Ok(Self { dataset, keys, event, created, transform: Some(transform) })
    }

    /// The files that are scanned.
    #[must_use]
    pub fn dataset(&self) -> &'a Dataset {
        self.dataset
    }

    /// Rows of the row groups that the window touches: what a scan will look at.
    #[must_use]
    pub fn rows_in(&self, window: &Window) -> u64 {
        self.units(window).iter().map(|unit| unit.rows).sum()
    }

    /// The row groups that may hold rows of the window: all of them where the times are computed.
    fn units(&self, window: &Window) -> Vec<Unit> {
        if self.transform.is_some_and(|transform| !transform.times_as_read) {
            return self.dataset.units().collect();
        }
        self.dataset.units_in(window, &self.event, self.created.as_deref())
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
        let units = self.units(window);
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
        let times = || std::iter::once(&self.event).chain(&self.created);
        let columns: Vec<&String> = match &self.transform {
            None => self.keys.iter().chain(times()).chain(extra).collect(),
            Some(transform) if transform.times_as_read => {
                times().chain(transform.select.inputs()).chain(extra).collect()
            }
            Some(transform) => transform.select.inputs().iter().chain(extra).collect(),
        };
        columns.into_iter().cloned().collect()
    }

    /// How many columns of times there are.
    fn times(&self) -> usize {
        1 + usize::from(self.created.is_some())
    }
}

fn check_time(dataset: &Dataset, column: &str, found: &DataType, role: &str, dates: bool) -> Result<(), SourceError> {
    time::check(found, dates).map_err(|(reason, hint)| SourceError::WrongType {
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
    /// How many rows a filter drops.
    fn dropped(&mut self, filtered: u64);
    /// A row in the window that cannot be used; its number is that of the source.
    fn refuse(&mut self, row: u64, refusal: Refusal);
    /// A row that the transformation cannot compute.
    fn uncomputed(&mut self, row: u64, refusal: Refusal) {
        self.refuse(row, refusal);
    }
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
            let path = self.scan.dataset.place(unit.first_row).0;
            if let Err(error) = guarded(path, || self.unit(unit, &mut buffers, sink)) {
                stop.store(true, Ordering::Relaxed);
                return Some((index, error));
            }
        }
        None
    }

    fn unit<S: Sink>(&self, unit: &Unit, buffers: &mut Buffers, sink: &mut S) -> Result<(), SourceError> {
        let mut first_row = unit.first_row;
        for batch in self.scan.dataset.read(unit, &self.columns, None)? {
            let (rows, columns) = batch?;
            if let Some(events) = self.events_as_read(&columns) {
                self.scan.dataset.check_statistics(unit, &self.scan.event, &events)?;
            }
            match &self.scan.transform {
                None => self.batch(|place| first_row + u64::from(place), &columns, buffers, sink)?,
                Some(transform) => self.transformed(transform, first_row, rows, &columns, buffers, sink)?,
            }
            first_row += rows as u64;
            (self.progress)(rows as u64);
            nice::pause();
        }
        Ok(())
    }

    /// The event times of a batch, where they are read and not computed.
    fn events_as_read(&self, columns: &[ArrayRef]) -> Option<Instants> {
        let column = match &self.scan.transform {
            None => columns.get(self.scan.keys.len()),
            Some(transform) if transform.times_as_read => columns.first(),
            Some(_) => None,
        };
        column.and_then(Instants::of)
    }

    /// Computes join keys and times of the rows that may lie in the window, and goes on with those that are left.
    fn transformed<S: Sink>(
        &self,
        transform: &Transform<'_>,
        first_row: u64,
        rows: usize,
        columns: &[ArrayRef],
        buffers: &mut Buffers,
        sink: &mut S,
    ) -> Result<(), SourceError> {
        let path = self.scan.dataset.path();
        let times = if transform.times_as_read { self.scan.times() } else { 0 };
        let (times, columns) = columns.split_at_checked(times).unwrap_or_default();
        let places = self.dated(times, rows, sink)?;
        let columns = if places.len() == rows { columns.to_vec() } else { step::pick(columns, &places, path)? };
        let (inputs, extra) = columns.split_at_checked(transform.select.inputs().len()).unwrap_or_default();
        let computed = step::run(transform.select, places.len(), inputs, path)?;
        let number = |row: u32| first_row + u64::from(places.get(row as usize).copied().unwrap_or_default());
        sink.dropped((places.len() - computed.rows.len() - computed.refused.len()) as u64);
        sink.count(computed.refused.len() as u64, 0);
        for refusal in computed.refused {
            sink.uncomputed(number(u32::try_from(refusal.row).unwrap_or_default()), refusal);
        }
        let mut left = computed.columns;
        left.extend(if computed.rows.len() == places.len() {
            extra.to_vec()
        } else {
            step::pick(extra, &computed.rows, path)?
        });
        let number = |place: u32| number(computed.rows.get(place as usize).copied().unwrap_or_default());
        self.batch(number, &left, buffers, sink)
    }

    /// The rows that may lie in the window, by the times in the files; all of them where there are none.
    fn dated<S: Sink>(&self, times: &[ArrayRef], rows: usize, sink: &mut S) -> Result<Vec<u32>, SourceError> {
        let rows = u32::try_from(rows).map_err(|_| self.scan.broken())?;
        let mut instants = times.iter().map(Instants::of);
        let (Some(event), created) = (instants.next(), instants.next().flatten()) else {
            return Ok((0..rows).collect());
        };
        let event = event.ok_or_else(|| self.scan.broken())?;
        let created = |row| created.as_ref().and_then(|created| created.get(row)).unwrap_or(NO_CREATED);
        let mut places = Vec::new();
        let mut undated = 0;
        for place in 0..rows {
            let row = place as usize;
            match event.get(row) {
                None => undated += 1,
                Some(event) if self.window.holds(event, created(row)) => places.push(place),
                Some(_) => {}
            }
        }
        sink.count(0, undated);
        Ok(places)
    }

    /// Passes on the rows of the window; `number` tells which row of the source a row of the batch is.
    fn batch<S: Sink>(
        &self,
        number: impl Fn(u32) -> u64,
        columns: &[ArrayRef],
        buffers: &mut Buffers,
        sink: &mut S,
    ) -> Result<(), SourceError> {
        let (keys, rest) = columns.split_at_checked(self.scan.keys.len()).unwrap_or_default();
        let (times, extra) = rest.split_at_checked(self.scan.times()).unwrap_or_default();
        self.select(number, times, buffers, sink)?;
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
        number: impl Fn(u32) -> u64,
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
            let stamp = Stamp { event, created, row: number(place) };
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
        let path = self.scan.dataset.path();
        Ok((step::pick(keys, &buffers.places, path)?, step::pick(extra, &buffers.places, path)?))
    }
}

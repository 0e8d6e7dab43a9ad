//! Pass 2: some columns of some rows, wherever they lie.

use std::ops::Range;
use std::path::PathBuf;

use ::parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use arrow::array::{Array, ArrayRef};
use arrow::compute::interleave;

use super::dataset::{Dataset, Unit};
use super::read::guarded;
use crate::nice;
use crate::source::SourceError;

/// Some columns of some rows. They stay in the batches they were decoded in, so that nothing is copied; the place of each
/// row is known.
#[derive(Debug)]
pub struct Gathered {
    path: PathBuf,
    batches: Vec<Vec<ArrayRef>>,
    /// for each row that was asked for: which batch, which row of it
    places: Vec<(usize, usize)>,
}

impl Gathered {
    /// The columns of the rows at these positions among those that were asked for, in that order.
    pub fn columns(&self, range: Range<usize>) -> Result<Vec<ArrayRef>, SourceError> {
        let places = self.places.get(range).unwrap_or_default();
        let count = self.batches.first().map_or(0, Vec::len);
        let column = |index: usize| {
            let parts: Vec<&dyn Array> =
                self.batches.iter().filter_map(|columns| columns.get(index)).map(AsRef::as_ref).collect();
            interleave(&parts, places)
        };
        let columns: Result<Vec<_>, _> = (0..count).map(column).collect();
        columns.map_err(|source| SourceError::Decode { path: self.path.clone(), source })
    }
}

/// Number of a wanted row in the source, and its position among the wanted rows.
type Wanted = (u64, u32);

impl Dataset {
    /// Decodes `columns` of `rows` (numbers in the source, in any order, each once), and of no others: row groups without
    /// one of them are not touched.
    pub fn gather(&self, columns: &[String], rows: impl Iterator<Item = u64>) -> Result<Gathered, SourceError> {
        let mut wanted: Vec<Wanted> = rows.zip(0..).collect();
        wanted.sort_unstable();
        let mut gathered =
            Gathered { path: self.path().to_owned(), batches: Vec::new(), places: vec![(0, 0); wanted.len()] };
        let mut rest = wanted.as_slice();
        for unit in self.units() {
            let inside = rest.partition_point(|(row, _)| *row < unit.first_row + unit.rows);
            let (here, after) = rest.split_at(inside);
            if !here.is_empty() {
                let path = self.place(unit.first_row).0;
                guarded(path, || self.gather_unit(&unit, columns, here, &mut gathered))?;
            }
            rest = after;
        }
        Ok(gathered)
    }

    fn gather_unit(
        &self,
        unit: &Unit,
        columns: &[String],
        wanted: &[Wanted],
        gathered: &mut Gathered,
    ) -> Result<(), SourceError> {
        let mut positions = wanted.iter().map(|(_, position)| *position as usize);
        let broken = || SourceError::Broken { path: self.place(unit.first_row).0.to_owned() };
        for batch in self.read(unit, columns, Some(selection(unit, wanted)))? {
            let (rows, columns) = batch?;
            let batch = gathered.batches.len();
            for (row, position) in (0..).zip(positions.by_ref().take(rows)) {
                *gathered.places.get_mut(position).ok_or_else(broken)? = (batch, row);
            }
            gathered.batches.push(columns);
            nice::pause();
        }
        if positions.next().is_some() { Err(broken()) } else { Ok(()) }
    }
}

/// Skips and reads that leave exactly the wanted rows of a row group; these are in order.
fn selection(unit: &Unit, wanted: &[Wanted]) -> RowSelection {
    let mut selectors: Vec<RowSelector> = Vec::new();
    let mut next = unit.first_row;
    for (row, _) in wanted {
        let skipped = usize::try_from(row - next).unwrap_or(usize::MAX);
        match selectors.last_mut() {
            Some(run) if skipped == 0 => run.row_count += 1,
            _ => {
                selectors.extend((skipped > 0).then(|| RowSelector::skip(skipped)));
                selectors.push(RowSelector::select(1));
            }
        }
        next = row + 1;
    }
    selectors.into()
}

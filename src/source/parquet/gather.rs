//! Pass 2: some columns of some rows, wherever they lie.

use ::parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use arrow::array::ArrayRef;

use super::dataset::{Dataset, Unit};
use crate::source::SourceError;

/// Some columns of some rows. They stay in the batches they were decoded in, so that nothing is copied; the place of each
/// row is known.
#[derive(Debug, Default)]
pub struct Gathered {
    batches: Vec<Vec<ArrayRef>>,
    places: Vec<(u32, u32)>,
}

impl Gathered {
    /// The decoded batches, each with the columns that were asked for, in that order.
    #[must_use]
    pub fn batches(&self) -> &[Vec<ArrayRef>] {
        &self.batches
    }

    /// For each row that was asked for: which batch, which row of it.
    #[must_use]
    pub fn places(&self) -> &[(u32, u32)] {
        &self.places
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
        let mut gathered = Gathered { batches: Vec::new(), places: vec![(u32::MAX, 0); wanted.len()] };
        let mut rest = wanted.as_slice();
        for unit in self.units() {
            let inside = rest.partition_point(|(row, _)| *row < unit.first_row + unit.rows);
            let (here, after) = rest.split_at(inside);
            if !here.is_empty() {
                self.gather_unit(&unit, columns, here, &mut gathered)?;
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
            let batch = u32::try_from(gathered.batches.len()).map_err(|_| broken())?;
            for (row, position) in (0..).zip(positions.by_ref().take(rows)) {
                *gathered.places.get_mut(position).ok_or_else(broken)? = (batch, row);
            }
            gathered.batches.push(columns);
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

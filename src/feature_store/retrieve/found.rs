//! The values that one request read: copied once into one buffer, whatever their number.

use crate::model::Timestamp;
use crate::online::{Place, ReadRequest, StoredCell};

/// The values of all views of a request. Its memory is used again by the next.
#[derive(Debug, Default)]
pub(super) struct Found {
    bytes: Vec<u8>,
    cells: Vec<Cell>,
    /// first cell and features an entity, by view
    views: Vec<(usize, usize)>,
}

/// One stored value: where its bytes lie, and its event time. `None` where nothing is stored.
type Cell = Option<(usize, usize, Timestamp)>;

impl Found {
    /// Forgets everything and makes room for the answers to `requests`.
    pub(super) fn reset(&mut self, requests: &[ReadRequest<'_>]) {
        self.bytes.clear();
        self.cells.clear();
        self.views.clear();
        for request in requests {
            let (first, width) = (self.cells.len(), request.features.len());
            self.views.push((first, width));
            self.cells.resize(first + width * request.keys.len(), None);
        }
    }

    /// Keeps a value.
    pub(super) fn keep(&mut self, place: Place, cell: StoredCell<'_>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(cell.value);
        let at = self.views.get(place.request).map(|(first, width)| first + place.key * width + place.feature);
        if let Some(kept) = at.and_then(|at| self.cells.get_mut(at)) {
            *kept = Some((start, self.bytes.len(), cell.event));
        }
    }

    /// The values of one feature of a view, one an entity: bytes and event time.
    pub(super) fn column(
        &self,
        view: usize,
        feature: usize,
        rows: usize,
    ) -> impl Iterator<Item = Option<(&[u8], Timestamp)>> + Clone {
        let (first, width) = self.views.get(view).copied().unwrap_or_default();
        (0..rows).map(move |row| {
            let (start, end, event) = (*self.cells.get(first + row * width + feature)?)?;
            self.bytes.get(start..end).map(|bytes| (bytes, event))
        })
    }

    /// The newest event time among the values of a view's entity.
    pub(super) fn row_time(&self, view: usize, row: usize) -> Option<Timestamp> {
        let (first, width) = self.views.get(view).copied()?;
        let cells = self.cells.get(first + row * width..first + (row + 1) * width)?;
        cells.iter().flatten().map(|(_, _, event)| *event).max()
    }

    /// How many values of a view there are, those that are older than `oldest` apart.
    pub(super) fn counts(&self, view: usize, oldest: Option<Timestamp>) -> (u64, u64) {
        let first = self.views.get(view).map_or(0, |(first, _)| *first);
        let end = self.views.get(view + 1).map_or(self.cells.len(), |(next, _)| *next);
        let cells = self.cells.get(first..end).unwrap_or_default().iter().flatten();
        let all = cells.clone().count() as u64;
        let old = oldest.map_or(0, |oldest| cells.filter(|(_, _, event)| *event < oldest).count() as u64);
        (all - old, old)
    }
}

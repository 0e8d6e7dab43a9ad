//! The second step: columns of the view become rows, each refused one told of.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{filter, filter_record_batch};
use arrow::error::ArrowError;

use super::{Evaluated, NO_EVENT_TIME, NO_KEY, Place, RecordPath, ViewRows, WRONG_FEATURE};
use crate::error::IngestError;
use crate::model::Timestamp;
use crate::row::{Cast, FeatureColumn, Refusal, RowBatch, RowColumns};
use crate::source::json::{DecodedRecords, RefusedRecord};

/// Until when an event may have happened.
#[derive(Clone, Copy, Debug)]
pub enum NotAfter<'a> {
    /// the same for all records
    Same(Timestamp),
    /// for each decoded record its own
    PerRecord(&'a [Timestamp]),
}

/// How rows are made.
#[derive(Clone, Copy, Debug)]
pub struct RowOptions<'a> {
    /// what becomes of values that do not fit
    pub cast: Cast,
    /// a later event is refused
    pub not_after: NotAfter<'a>,
    /// the evaluated rows that are wanted; `None`: all
    pub wanted: Option<&'a [bool]>,
    /// of every key only the newest row becomes part of the batch, where no row lacks a feature that another brings
    pub newest: bool,
}

impl NotAfter<'_> {
    fn of(&self, record: u32) -> Option<Timestamp> {
        match self {
            Self::Same(limit) => Some(*limit),
            Self::PerRecord(limits) => limits.get(record as usize).copied(),
        }
    }
}

impl RecordPath {
    /// Evaluates and encodes: what a caller does who leaves no row out.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate) and [`encode`](Self::encode).
    pub fn rows(&self, decoded: &DecodedRecords, options: &RowOptions<'_>) -> Result<ViewRows, IngestError> {
        self.encode(decoded, self.evaluate(decoded)?, options)
    }

    /// Makes rows of evaluated columns. A record without a feature of the view is no row.
    ///
    /// # Errors
    /// A column of a type that can never be the declared one.
    pub fn encode(
        &self,
        decoded: &DecodedRecords,
        evaluated: Evaluated,
        options: &RowOptions<'_>,
    ) -> Result<ViewRows, IngestError> {
        let Sorted { keep, refused, empty } = self.sort_out(decoded, &evaluated, options);
        let mut rows = if keep.iter().all(|keep| *keep) { Ok(evaluated) } else { kept(evaluated, keep) }
            .map_err(|source| IngestError::Columns { view: self.layout.view.clone(), source })?;
        let columns = self.columns(&rows);
        let are_whole = columns.features.iter().flatten().all(|feature| feature.present.is_none());
        let (batch, refusals) = if options.newest && are_whole {
            RowBatch::newest(&self.layout, &columns, options.cast)?
        } else {
            RowBatch::new(&self.layout, &columns, options.cast, None)?
        };
        let unfit: Vec<_> = refusals.iter().filter_map(|refusal| self.told(decoded, &rows, refusal)).collect();
        rows.refused.extend(refused.into_iter().chain(unfit));
        if !refusals.is_empty() {
            let mut keep = vec![true; rows.rows.len()];
            for refusal in &refusals {
                keep.iter_mut().skip(refusal.row).take(1).for_each(|keep| *keep = false);
            }
            rows =
                kept(rows, keep).map_err(|source| IngestError::Columns { view: self.layout.view.clone(), source })?;
        }
        let mut refused = rows.refused;
        refused.sort_by_key(|refused| refused.origin);
        Ok(ViewRows {
            batch,
            rows: rows.rows,
            event: rows.event.into_iter().flatten().collect(),
            columns: rows.columns,
            refused,
            empty,
        })
    }

    /// Which evaluated rows become rows.
    fn sort_out(&self, decoded: &DecodedRecords, evaluated: &Evaluated, options: &RowOptions<'_>) -> Sorted {
        let mut sorted = Sorted { keep: Vec::with_capacity(evaluated.rows.len()), refused: vec![], empty: vec![] };
        let brings = self.brings(evaluated);
        for (row, (record, event)) in evaluated.rows.iter().zip(&evaluated.event).enumerate() {
            let wanted = options.wanted.is_none_or(|wanted| wanted.get(row).copied().unwrap_or(true));
            let reason = match event {
                _ if !wanted => None,
                None => Some("a record needs an event time, and it has none".to_owned()),
                Some(event) if options.not_after.of(*record).is_some_and(|limit| *event > limit) => {
                    Some(format!("its event time `{event}` lies too far in the future"))
                }
                Some(_) => None,
            };
            let is_empty = wanted && reason.is_none() && brings.as_ref().is_some_and(|brings| !brings.value(row));
            sorted.keep.push(wanted && reason.is_none() && !is_empty);
            if is_empty {
                sorted.empty.push(*record);
            }
            if let (Some(message), Some(origin)) = (reason, decoded.origins.get(*record as usize)) {
                sorted.refused.push(RefusedRecord { origin: *origin, code: NO_EVENT_TIME, message, whole: false });
            }
        }
        sorted
    }

    /// The rows that bring a feature; `None`: all do.
    fn brings(&self, evaluated: &Evaluated) -> Option<BooleanBuffer> {
        let mut brings: Option<BooleanBuffer> = None;
        for (position, feature) in self.features.iter().enumerate() {
            let name = self.layout.features.get(position).map_or("", |field| field.name.as_str());
            // a join key among the features says nothing
            if self.layout.join_keys.iter().any(|key| key.name == name) {
                continue;
            }
            let present = evaluated.present((*feature)?)?;
            brings = Some(brings.map_or_else(|| present.clone(), |brings| &brings | present));
        }
        brings
    }

    fn columns(&self, evaluated: &Evaluated) -> RowColumns {
        let rows = evaluated.rows.len();
        let column = |place: usize| Arc::clone(evaluated.columns.column(place));
        let dummy = || self.layout.dummy_column(rows);
        let keys = self.keys.iter().filter_map(|place| match place {
            Place::Column(place) => Some(column(*place)),
            Place::Dummy => dummy(),
        });
        let feature =
            |place: usize| FeatureColumn { values: column(place), present: evaluated.present(place).cloned() };
        let brought = |place: usize| evaluated.present(place).is_none_or(|present| present.count_set_bits() > 0);
        RowColumns {
            join_keys: keys.collect(),
            event: column(self.event),
            created: self.created.map(column),
            features: self.features.iter().map(|place| place.filter(|place| brought(*place)).map(feature)).collect(),
        }
    }

    /// A refusal of a row as that of its record.
    fn told(&self, decoded: &DecodedRecords, rows: &Evaluated, refusal: &Refusal) -> Option<RefusedRecord> {
        let record = *rows.rows.get(refusal.row)?;
        let is_key = self.layout.join_keys.iter().any(|key| key.name == refusal.column);
        Some(RefusedRecord {
            origin: *decoded.origins.get(record as usize)?,
            code: if is_key { NO_KEY } else { WRONG_FEATURE },
            message: match (is_key, refusal.value.as_str()) {
                (true, "null") => format!("join key `{}` has no value", refusal.column),
                (true, value) => format!("join key `{}`: `{value}` {}", refusal.column, refusal.reason),
                (false, value) => format!("feature `{}`: `{value}` {}", refusal.column, refusal.reason),
            },
            whole: false,
        })
    }
}

struct Sorted {
    keep: Vec<bool>,
    refused: Vec<RefusedRecord>,
    empty: Vec<u32>,
}

/// The evaluated rows for which `keep` is true.
fn kept(evaluated: Evaluated, keep: Vec<bool>) -> Result<Evaluated, ArrowError> {
    fn pick<T>(items: Vec<T>, mask: &BooleanArray) -> Vec<T> {
        items.into_iter().zip(mask.values()).filter(|(_, keep)| *keep).map(|(item, _)| item).collect()
    }
    let mask = BooleanArray::from(keep);
    let mut present = Vec::with_capacity(evaluated.present.len());
    for buffer in evaluated.present {
        present.push(match buffer {
            None => None,
            Some(buffer) => {
                let picked: ArrayRef = filter(&BooleanArray::new(buffer, None), &mask)?;
                picked.as_any().downcast_ref::<BooleanArray>().map(|flags| flags.values().clone())
            }
        });
    }
    let columns: RecordBatch = filter_record_batch(&evaluated.columns, &mask)?;
    Ok(Evaluated {
        columns,
        rows: pick(evaluated.rows, &mask),
        event: pick(evaluated.event, &mask),
        present,
        refused: evaluated.refused,
        filtered: evaluated.filtered,
    })
}

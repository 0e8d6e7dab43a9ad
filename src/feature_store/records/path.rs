//! The first step: columns of records become columns of the view.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field as ArrowField, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::input::RecordInput;
use super::{Absent, Evaluated, NOT_COMPUTED, Place, Reading, RecordPath, Step};
use crate::error::IngestError;
use crate::model::{DUMMY_JOIN_KEY, FeatureView, Settings};
use crate::row::{ViewLayout, timestamps};
use crate::source::json::{DecodedRecords, JsonDecoder, RefusedRecord};
use crate::transform::Compiled;

impl RecordPath {
    /// The way of records into `view`. Nothing is opened, except the batch source of a view whose transformation reads
    /// records that no stream declares the types of.
    ///
    /// # Errors
    /// A view that no record can get into: its transformation, its types, its sources.
    pub fn new(settings: &Settings, view: &FeatureView, reading: Reading) -> Result<Self, IngestError> {
        let layout = Arc::new(ViewLayout::of(view, settings.entity_key_serialization_version)?);
        let RecordInput { columns, names, event, created, compiled } =
            RecordInput::new(settings, view, &layout, reading)?;
        let step = match compiled {
            Some(compiled) => compute(compiled.compiled, &names),
            None => rename(&names, &layout, &event, created.as_deref()),
        };
        let output = step.output(&columns.iter().map(|column| column.kind.arrow()).collect::<Vec<_>>());
        let place = |name: &str| output.index_of(name).ok();
        let missing = |what: &str, name: &str| IngestError::NoColumn {
            view: view.name.clone(),
            what: what.to_owned(),
            column: name.to_owned(),
            columns: names.clone(),
        };
        let keys = layout.join_keys.iter().map(|key| match place(&key.name) {
            Some(place) => Ok(Place::Column(place)),
            None if key.name == DUMMY_JOIN_KEY => Ok(Place::Dummy),
            None => Err(missing("join key", &key.name)),
        });
        let keys = keys.collect::<Result<_, _>>()?;
        let features: Vec<Option<usize>> = layout.features.iter().map(|field| place(&field.name)).collect();
        if let Some((field, _)) = layout.features.iter().zip(&features).find(|(_, place)| place.is_none()) {
            return Err(missing("feature", &field.name));
        }
        let decoder = JsonDecoder::new(columns).with_cast(reading.cast);
        Ok(Self {
            keys,
            event: place(&event).ok_or_else(|| missing("event time", &event))?,
            created: created.as_deref().and_then(place),
            features,
            decoder: if reading.strict { decoder.strict() } else { decoder },
            step,
            layout,
            absent: reading.absent,
            cast: reading.cast,
            strict: reading.strict,
        })
    }

    /// What reads the records of this view.
    #[must_use]
    pub fn decoder(&self) -> &JsonDecoder {
        &self.decoder
    }

    /// What the rows consist of.
    #[must_use]
    pub fn layout(&self) -> &Arc<ViewLayout> {
        &self.layout
    }

    /// Whether a transformation runs.
    #[must_use]
    pub fn computes(&self) -> bool {
        matches!(self.step, Step::Compute(..))
    }

    /// Runs the view's transformation over decoded records, or gives the columns their names in the view.
    ///
    /// # Errors
    /// `decoded` was not made by [`decoder`](Self::decoder).
    pub fn evaluate(&self, decoded: &DecodedRecords) -> Result<Evaluated, IngestError> {
        let wrong = |source: ArrowError| IngestError::Columns { view: self.layout.view.clone(), source };
        let rows = decoded.batch.num_rows();
        let mut evaluated = match &self.step {
            Step::Rename(columns) => {
                let columns = renamed(decoded, columns).map_err(wrong)?;
                let places = (0_u32..).take(rows).collect();
                Evaluated { present: self.present(decoded), ..Evaluated::new(columns, places) }
            }
            Step::Compute(compiled, inputs) => {
                let computed = compiled.run(&self.inputs(decoded, compiled, inputs).map_err(wrong)?).map_err(wrong)?;
                let refused: Vec<RefusedRecord> = computed
                    .refused
                    .into_iter()
                    .filter_map(|(row, reason)| {
                        let origin = *decoded.origins.get(row as usize)?;
                        let message = format!("feature_transformation: {reason}");
                        Some(RefusedRecord { origin, code: NOT_COMPUTED, message, whole: false })
                    })
                    .collect();
                let filtered = rows.saturating_sub(computed.rows.len() + refused.len()) as u64;
                Evaluated { refused, filtered, ..Evaluated::new(computed.batch, computed.rows) }
            }
        };
        let event = Arc::clone(evaluated.columns.column(self.event));
        evaluated.event = timestamps(evaluated.columns.schema_ref().field(self.event).name(), &event)?;
        Ok(evaluated)
    }

    fn present(&self, decoded: &DecodedRecords) -> Vec<Option<arrow::buffer::BooleanBuffer>> {
        match (&self.step, self.absent) {
            (Step::Rename(columns), Absent::Kept | Absent::Refused) => {
                columns.iter().map(|(column, _)| decoded.present.get(*column).cloned().flatten()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn inputs(
        &self,
        decoded: &DecodedRecords,
        compiled: &Compiled,
        inputs: &[Option<usize>],
    ) -> Result<RecordBatch, ArrowError> {
        let rows = decoded.batch.num_rows();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(inputs.len());
        for (input, field) in inputs.iter().zip(compiled.input().fields()) {
            let column = input.and_then(|column| decoded.batch.columns().get(column)).cloned();
            let column = column.or_else(|| self.layout.dummy_column(rows));
            columns.push(column.ok_or_else(|| ArrowError::SchemaError(format!("no column `{}`", field.name())))?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(compiled.input()), columns, &options)
    }
}

impl Evaluated {
    fn new(columns: RecordBatch, rows: Vec<u32>) -> Self {
        Self { columns, rows, event: Vec::new(), present: Vec::new(), refused: Vec::new(), filtered: 0 }
    }

    /// The rows that bring a column; `None`: all.
    pub(super) fn present(&self, column: usize) -> Option<&arrow::buffer::BooleanBuffer> {
        self.present.get(column)?.as_ref()
    }
}

impl Step {
    /// The columns that come out, where decoded columns have these types.
    fn output(&self, decoded: &[arrow::datatypes::DataType]) -> SchemaRef {
        match self {
            Self::Compute(compiled, _) => Arc::clone(compiled.schema()),
            Self::Rename(columns) => {
                let fields = columns
                    .iter()
                    .filter_map(|(column, name)| Some(ArrowField::new(name, decoded.get(*column)?.clone(), true)));
                Arc::new(Schema::new(fields.collect::<Vec<_>>()))
            }
        }
    }
}

/// The columns of the view among those of records: keys, times, features.
fn rename(names: &[String], layout: &ViewLayout, event: &str, created: Option<&str>) -> Step {
    let wanted = |name: &str| {
        layout.join_keys.iter().any(|key| key.name == name)
            || name == event
            || created == Some(name)
            || layout.feature(name).is_some()
    };
    let columns = names.iter().enumerate().filter(|(_, name)| wanted(name));
    Step::Rename(columns.map(|(column, name)| (column, name.clone())).collect())
}

fn compute(compiled: Compiled, names: &[String]) -> Step {
    let inputs = compiled.input().fields().iter().map(|field| names.iter().position(|name| name == field.name()));
    let inputs = inputs.collect();
    Step::Compute(Box::new(compiled), inputs)
}

fn renamed(decoded: &DecodedRecords, columns: &[(usize, String)]) -> Result<RecordBatch, ArrowError> {
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for (column, name) in columns {
        let array = decoded.batch.columns().get(*column).ok_or_else(|| {
            ArrowError::SchemaError(format!("no column `{name}` among {} decoded ones", decoded.batch.num_columns()))
        })?;
        fields.push(ArrowField::new(name, array.data_type().clone(), true));
        arrays.push(Arc::clone(array));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(decoded.batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
}

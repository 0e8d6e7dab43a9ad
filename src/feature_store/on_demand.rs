//! On-demand feature views: compiled once, computed over the columns of an answer.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType as Arrow, Field as ArrowField, Schema, SchemaRef};
use arrow::util::display::array_value_to_string;

use super::references::{Computation, Input};
use crate::error::Error;
use crate::model::{DataType, Field, OnDemandFeatureView, Transformation};
use crate::row::{Cast, DeclaredColumn, Refusal, RowError, ValueEncoder, declared_arrow};
use crate::transform::{Compiled, TransformError};

/// The requested features of one on-demand view. A feature is computed on its own, so that one that cannot be computed
/// takes no other with it.
#[derive(Debug)]
pub(super) struct OnDemand {
    inputs: Vec<Input>,
    features: Vec<Feature>,
}

#[derive(Debug)]
struct Feature {
    name: String,
    place: usize,
    dtype: DataType,
    compiled: Compiled,
    /// where the inputs of `compiled` lie among those of the view
    columns: Vec<usize>,
    declared: DeclaredColumn,
}

/// One computed feature.
pub(super) struct Computed {
    pub name: String,
    pub place: usize,
    dtype: DataType,
    /// one value a row, in the type of the declaration; null where the filter rejects the row, or it cannot be computed
    pub column: ArrayRef,
    /// rows that cannot be computed, ascending
    pub refused: Vec<Refusal>,
}

/// The columns that expressions can name: inputs whose type has no form in SQL are not among them.
pub(super) fn input_schema(inputs: &[Input]) -> SchemaRef {
    let field = |input: &Input| Some(ArrowField::new(&input.name, declared_arrow(&input.dtype)?, true));
    Arc::new(Schema::new(inputs.iter().filter_map(field).collect::<Vec<_>>()))
}

impl OnDemand {
    /// Compiles the features that a request names.
    ///
    /// # Errors
    /// A transformation that does not fit its inputs (any more).
    pub fn compile(computation: &Computation<'_>) -> Result<Self, Error> {
        let view = computation.view;
        let inputs = computation.inputs.iter().filter(|input| declared_arrow(&input.dtype).is_some());
        let inputs: Vec<Input> = inputs.cloned().collect();
        let schema = input_schema(&inputs);
        let Some(transformation) = &view.transformation else {
            return Ok(Self { inputs, features: Vec::new() });
        };
        let whole = compile(view, transformation, &schema).map_err(|error| broken(view, &error))?;
        let mut features = Vec::new();
        for requested in &computation.features {
            let compiled = whole.selecting(&[&requested.name]);
            let compiled = compiled.map_err(|error| Error::internal("take a transformation apart", error))?;
            let columns = compiled.input().fields().iter().filter_map(|field| schema.index_of(field.name()).ok());
            let columns = columns.collect();
            let field = view.features.iter().find(|field| field.name == requested.name);
            let dtype = field.map_or(DataType::Unknown, |field| field.dtype.clone());
            let found = compiled.schema().field(0).data_type();
            let declared = DeclaredColumn::new(&requested.name, found, &dtype).map_err(|error| unfit(view, error))?;
            features.push(Feature {
                name: requested.name.clone(),
                place: requested.place,
                dtype,
                compiled,
                columns,
                declared,
            });
        }
        Ok(Self { inputs, features })
    }

    /// The inputs, in the order in which [`OnDemand::compute`] takes them.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Place and type of each feature.
    pub fn types(&self) -> impl Iterator<Item = (usize, Arrow)> {
        self.features.iter().map(|feature| (feature.place, feature.declared.arrow_type().clone()))
    }

    /// Computes `rows` rows from the inputs.
    ///
    /// # Errors
    /// Inputs of other types than those that were declared.
    pub fn compute(&self, rows: usize, inputs: &[ArrayRef]) -> Result<Vec<Computed>, Error> {
        self.features.iter().map(|feature| feature.compute(rows, inputs)).collect()
    }
}

impl Feature {
    fn compute(&self, rows: usize, inputs: &[ArrayRef]) -> Result<Computed, Error> {
        let failed = |error| Error::internal("compute an on-demand feature", error);
        let columns: Vec<ArrayRef> =
            self.columns.iter().filter_map(|place| inputs.get(*place)).map(Arc::clone).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(self.compiled.input()), columns, &options);
        let batch = batch.map_err(failed)?;
        let transformed = self.compiled.run(&batch).map_err(failed)?;
        let (column, unfit) = self.declared.convert(transformed.batch.column(0))?;
        let mut refused: Vec<Refusal> =
            transformed.refused.into_iter().map(|(row, reason)| self.refusal(row as usize, reason, &batch)).collect();
        refused.extend(unfit.into_iter().map(|refusal| {
            let row = transformed.rows.get(refusal.row).map_or(0, |row| *row as usize);
            Refusal { row, ..refusal }
        }));
        refused.sort_by_key(|refusal| refusal.row);
        let column = if transformed.rows.len() == rows {
            column
        } else {
            spread(&column, &transformed.rows, rows).map_err(failed)?
        };
        let (name, dtype) = (self.name.clone(), self.dtype.clone());
        Ok(Computed { name, place: self.place, dtype, column, refused })
    }

    /// A row that cannot be computed, with what it was to be computed from.
    fn refusal(&self, row: usize, reason: String, inputs: &RecordBatch) -> Refusal {
        let schema = inputs.schema();
        let values = schema.fields().iter().zip(inputs.columns()).map(|(field, column)| {
            let text = array_value_to_string(column, row).unwrap_or_default();
            let text = if column.is_null(row) { "null".to_owned() } else { text };
            format!("{}={text}", field.name())
        });
        let value = values.collect::<Vec<_>>().join(", ");
        Refusal { row, column: self.name.clone(), value, reason }
    }
}

impl Computed {
    /// Turns the values into those that are stored.
    ///
    /// # Errors
    /// None that a compiled feature has.
    pub fn encoder(&self) -> Result<ValueEncoder, RowError> {
        ValueEncoder::new(&self.name, &self.column, &self.dtype, Cast::Lossless)
    }
}

/// A column of `rows` rows that holds these values at these rows, and nulls elsewhere.
fn spread(column: &ArrayRef, at: &[u32], rows: usize) -> Result<ArrayRef, arrow::error::ArrowError> {
    let mut places: Vec<Option<u32>> = vec![None; rows];
    for (place, row) in (0_u32..).zip(at) {
        places.iter_mut().skip(*row as usize).take(1).for_each(|slot| *slot = Some(place));
    }
    take(column, &UInt32Array::from(places), None)
}

/// Compiles all features of a view over these columns.
///
/// # Errors
/// What is wrong with it.
pub(super) fn compile(
    view: &OnDemandFeatureView,
    transformation: &Transformation,
    schema: &SchemaRef,
) -> Result<Compiled, TransformError> {
    Compiled::new(transformation, schema, &[], &computed_fields(view))
}

/// The features that are computed: join keys that the schema lists are not.
fn computed_fields(view: &OnDemandFeatureView) -> Vec<Field> {
    let is_key = |field: &&Field| view.entity_columns.iter().any(|key| key.name == field.name);
    view.features.iter().filter(|field| !is_key(field)).cloned().collect()
}

fn broken(view: &OnDemandFeatureView, error: &TransformError) -> Error {
    Error::invalid(
        format!("the transformation of on-demand feature view `{}` does not fit its inputs: {error}", view.name),
        error.hint.clone().unwrap_or_else(|| "run `feast-rs validate`, which shows the place".to_owned()),
    )
}

fn unfit(view: &OnDemandFeatureView, error: RowError) -> Error {
    match error {
        RowError::Column { column, reason, .. } => Error::invalid(
            format!(
                "feature `{column}` of on-demand feature view `{}` is computed as another type: {reason}",
                view.name
            ),
            "change the declared type, or write CAST(.. AS ..)",
        ),
        other => Error::Row(other),
    }
}

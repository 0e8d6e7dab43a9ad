//! A view's transformation as the two steps that a source takes.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options, filter};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::{FormatOptions, array_value_to_string};

use super::{CompiledView, Input};
use crate::error::MaterializeError;
use crate::model::{DataSource, FeatureView, Transformation};
use crate::row::{Refusal, ViewLayout};
use crate::source::parquet::{Computed, Dataset, Scan, Step, Transform};
use crate::transform::Compiled;

/// Bits of an integer that a double keeps.
const DOUBLE_BITS: u32 = 53;
/// A value that its type has no room for is an error, not a null.
const STRICT: CastOptions<'static> = CastOptions { safe: false, format_options: FormatOptions::new() };

/// A view's transformation, compiled for its files.
#[derive(Debug)]
pub(in crate::feature_store) struct Steps {
    select: CompiledStep,
    compute: CompiledStep,
    /// the names by which the files are scanned
    event: String,
    created: Option<String>,
    times_as_read: bool,
}

impl Steps {
    /// Compiles for the columns of `dataset`.
    ///
    /// # Errors
    /// `Transformation`, `Narrowing`.
    pub fn compile(
        view: &FeatureView,
        transformation: &Transformation,
        source: &DataSource,
        layout: &ViewLayout,
        dataset: &Dataset,
    ) -> Result<Self, MaterializeError> {
        let input = Input::of(view, source, dataset.schema());
        let CompiledView { compiled, event, created } = input
            .compile(view, transformation, source)
            .map_err(|source| MaterializeError::Transformation { view: view.name.clone(), source: Box::new(source) })?;
        let keys = || layout.join_keys.iter().map(|key| key.name.as_str());
        let select: Vec<&str> = keys().chain([event.as_str()]).chain(created.as_deref()).collect();
        let compute: Vec<&str> = keys().chain(layout.features.iter().map(|field| field.name.as_str())).collect();
        let broken = |error: ArrowError| MaterializeError::Unsupported {
            view: view.name.clone(),
            what: format!("its transformation cannot be cut in two: {error}"),
            hint: "this is a defect of feast-rs; please report it".to_owned(),
        };
        let select = CompiledStep::new(compiled.selecting(&select).map_err(broken)?, source);
        let compute = CompiledStep::new(compiled.computing(&compute).map_err(broken)?, source);
        for step in [&select, &compute] {
            step.check(view, &input)?;
        }
        let times_as_read = !compiled.computes(&event) && created.as_ref().is_none_or(|name| !compiled.computes(name));
        let read = |name: String| if times_as_read { source.column_of(&name).to_owned() } else { name };
        Ok(Self { select, compute, event: read(event), created: created.map(read), times_as_read })
    }

    /// Computes as many join keys as the view has, and then all its features.
    pub fn compute(&self) -> &dyn Step {
        &self.compute
    }

    /// A scan of `dataset` through the transformation.
    ///
    /// # Errors
    /// An input that some file lacks, a time that is none.
    pub fn scan<'a>(
        &'a self,
        dataset: &'a Dataset,
        layout: &ViewLayout,
        dates: bool,
    ) -> Result<Scan<'a>, MaterializeError> {
        let keys = layout.join_keys.iter().map(|key| key.name.clone()).collect();
        let transform = Transform { select: &self.select, compute: &self.compute, times_as_read: self.times_as_read };
        Ok(Scan::transformed(dataset, keys, self.event.clone(), self.created.clone(), dates, transform)?)
    }
}

#[derive(Debug)]
struct CompiledStep {
    compiled: Compiled,
    /// the inputs by their names in the files
    inputs: Vec<String>,
}

impl CompiledStep {
    fn new(compiled: Compiled, source: &DataSource) -> Self {
        let names = compiled.input().fields().iter().map(|field| source.column_of(field.name()).to_owned());
        Self { inputs: names.collect(), compiled }
    }

    fn check(&self, view: &FeatureView, input: &Input) -> Result<(), MaterializeError> {
        for field in self.compiled.input().fields() {
            if let Some((found, wanted)) = input.narrowed.get(field.name()) {
                return Err(MaterializeError::Narrowing {
                    view: view.name.clone(),
                    column: field.name().clone(),
                    found: found.to_string(),
                    wanted: wanted.to_string(),
                });
            }
        }
        Ok(())
    }

    /// The inputs in the types that the transformation was compiled for, and the rows that lose a value on the way.
    fn widened(&self, inputs: &[ArrayRef]) -> Result<(Vec<ArrayRef>, Vec<Refusal>), ArrowError> {
        let (mut columns, mut refused) = (Vec::with_capacity(inputs.len()), Vec::new());
        for (field, column) in self.compiled.input().fields().iter().zip(inputs) {
            if column.data_type() == field.data_type() {
                columns.push(Arc::clone(column));
                continue;
            }
            if (column.data_type(), field.data_type()) == (&DataType::Int64, &DataType::Float64) {
                refused.extend(inexact(field.name(), column));
            }
            columns.push(cast_with_options(column, field.data_type(), &STRICT)?);
        }
        refused.sort_by_key(|refusal| refusal.row);
        refused.dedup_by_key(|refusal| refusal.row);
        Ok((columns, refused))
    }

    fn refusal(&self, row: u32, reason: String, inputs: &[ArrayRef]) -> Refusal {
        let row = row as usize;
        let text = |column: &ArrayRef| array_value_to_string(column, row).unwrap_or_default();
        let values = self.inputs.iter().zip(inputs).map(|(name, column)| {
            if column.is_null(row) { format!("{name}=null") } else { format!("{name}={}", text(column)) }
        });
        let value = values.collect::<Vec<_>>().join(", ");
        Refusal { row, column: "feature_transformation".to_owned(), value, reason }
    }
}

impl Step for CompiledStep {
    fn inputs(&self) -> &[String] {
        &self.inputs
    }

    fn outputs(&self) -> &SchemaRef {
        self.compiled.schema()
    }

    fn run(&self, rows: usize, inputs: &[ArrayRef]) -> Result<Computed, ArrowError> {
        let (columns, inexact) = self.widened(inputs)?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(self.compiled.input()), columns, &options)?;
        let computed = self.compiled.run(&batch)?;
        let refused = computed.refused.into_iter().map(|(row, reason)| self.refusal(row, reason, inputs));
        let computed =
            Computed { columns: computed.batch.columns().to_vec(), rows: computed.rows, refused: refused.collect() };
        if inexact.is_empty() { Ok(computed) } else { without(computed, inexact) }
    }
}

/// Rows whose integer is no double.
fn inexact(name: &str, column: &ArrayRef) -> Vec<Refusal> {
    let Some(values) = column.as_primitive_opt::<Int64Type>() else { return Vec::new() };
    let lost = |value: i64| {
        let size = value.unsigned_abs();
        (u64::BITS - size.leading_zeros()).saturating_sub(DOUBLE_BITS) > size.trailing_zeros()
    };
    let lost = values.iter().enumerate().filter_map(|(row, value)| Some((row, value.filter(|value| lost(*value))?)));
    lost.map(|(row, value)| Refusal {
        row,
        column: name.to_owned(),
        value: value.to_string(),
        reason: "the stream declares a double, which cannot hold it exactly".to_owned(),
    })
    .collect()
}

/// The same outcome with these rows refused.
fn without(computed: Computed, lost: Vec<Refusal>) -> Result<Computed, ArrowError> {
    let is_lost = |row: usize| lost.binary_search_by_key(&row, |refusal| refusal.row).is_ok();
    let mask: BooleanArray = computed.rows.iter().map(|row| Some(!is_lost(*row as usize))).collect();
    let columns = computed.columns.iter().map(|column| filter(column, &mask)).collect::<Result<_, _>>()?;
    let rows = computed.rows.into_iter().filter(|row| !is_lost(*row as usize)).collect();
    let mut refused: Vec<Refusal> = computed.refused.into_iter().filter(|refusal| !is_lost(refusal.row)).collect();
    refused.extend(lost);
    refused.sort_by_key(|refusal| refusal.row);
    Ok(Computed { columns, rows, refused })
}

//! On-demand features of a chunk of the entity table.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType as Arrow;
use serde_json::Value as Json;

use super::join::{Refusals, told};
use crate::error::Error;
use crate::feature_store::on_demand::OnDemand;
use crate::feature_store::references::{Input, Origin};
use crate::offline::EntityChunk;
use crate::row::{DeclaredColumn, RowError, declared_arrow, json_column};

/// Adds the features of `on_demand` to those that were read. `first_row` is the number of the chunk's first row.
pub(super) fn compute(
    on_demand: &OnDemand,
    chunk: &EntityChunk,
    first_row: u64,
    features: &mut BTreeMap<usize, ArrayRef>,
    refusals: &mut Refusals,
) -> Result<(), Error> {
    let mut inputs = Vec::new();
    for input in on_demand.inputs() {
        inputs.push(match &input.origin {
            Origin::Place(place) => features.get(place).map(Arc::clone),
            Origin::JoinKey(name) | Origin::Request(name) => Some(given(chunk, name, input, first_row, refusals)?),
        });
    }
    let inputs: Vec<ArrayRef> = inputs.into_iter().flatten().collect();
    for computed in on_demand.compute(chunk.batch.num_rows(), &inputs)? {
        for refusal in computed.refused {
            refusals.push(|| told(refusal, first_row));
        }
        features.insert(computed.place, computed.column);
    }
    Ok(())
}

/// A column of the entity table in the declared type. Text is read as a request's text is.
fn given(
    chunk: &EntityChunk,
    name: &str,
    input: &Input,
    first_row: u64,
    refusals: &mut Refusals,
) -> Result<ArrayRef, Error> {
    let Some(column) = chunk.batch.column_by_name(name) else {
        return Err(Error::not_found("column of the entity table", name, std::iter::empty()));
    };
    let wrong = |reason: String| {
        Error::invalid(
            format!("column `{name}` of the entity table is no {}: {reason}", input.dtype),
            format!("write `{name}` as {}", input.dtype),
        )
    };
    if is_text(column.data_type()) && declared_arrow(&input.dtype) != Some(Arrow::Utf8) {
        let texts = cast(column, &Arrow::Utf8).map_err(|error| wrong(error.to_string()))?;
        let values: Vec<Json> = texts.as_string::<i32>().iter().map(Json::from).collect();
        return json_column(&values, &input.dtype)
            .map_err(|(row, reason)| wrong(format!("in row {}, {reason}", first_row + row as u64)));
    }
    let declared = DeclaredColumn::new(name, column.data_type(), &input.dtype).map_err(|error| match error {
        RowError::Column { reason, .. } => wrong(reason),
        other => Error::Row(other),
    })?;
    let (column, refused) = declared.convert(column)?;
    for refusal in refused {
        refusals.push(|| told(refusal, first_row));
    }
    Ok(column)
}

fn is_text(found: &Arrow) -> bool {
    matches!(found, Arrow::Utf8 | Arrow::LargeUtf8 | Arrow::Utf8View)
}

//! Records that are rows of an Arrow table already.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::{CastOptions, cast, cast_with_options, filter_record_batch};
use arrow::datatypes::{Field as ArrowField, Schema};
use arrow::error::ArrowError;
use arrow::util::display::array_value_to_string;

use super::{RecordPath, Step};
use crate::error::IngestError;
use crate::row::Cast;
use crate::source::json::{
    DecodedRecords, JsonColumn, MISSING, Need, RecordOrigin, RefusedRecord, UNKNOWN_KEY, WRONG_VALUE,
};

/// A value that does not survive a cast is null, and found by that.
const SAFE: CastOptions<'static> =
    CastOptions { safe: true, format_options: arrow::util::display::FormatOptions::new() };

impl RecordPath {
    /// The rows of a table as decoded records of payload 0, in their order; their texts are not known. Without a
    /// transformation columns keep their types, and what does not fit the declared ones is found when rows are made.
    ///
    /// # Errors
    /// A column that the transformation cannot read.
    pub fn from_table(&self, table: &RecordBatch) -> Result<DecodedRecords, IngestError> {
        let wrong = |source| IngestError::Columns { view: self.layout.view.clone(), source };
        let rows = table.num_rows();
        let mut found = Found { rows, arrays: Vec::new(), fields: Vec::new(), present: Vec::new(), wrong: Vec::new() };
        let mut taken = 0;
        for column in self.decoder.columns() {
            let array = named(table, column);
            taken += u64::from(array.is_some());
            let array = match (array, &self.step) {
                (Some(array), Step::Compute(..)) => Some(self.widened(column, &array, &mut found.wrong)?),
                (array, _) => array,
            };
            found.add(column, array);
        }
        let extra = (table.num_columns() as u64).saturating_sub(taken);
        if extra > 0 && self.strict {
            let taken = |name: &str| self.decoder.columns().iter().any(|column| is_called(column, name));
            let unknown = table.schema().fields().iter().find(|field| !taken(field.name())).map(|f| f.name().clone());
            let message = format!("column `{}` belongs to no column of the view", unknown.unwrap_or_default());
            found.wrong.extend((0..rows).map(|row| (row, UNKNOWN_KEY, message.clone())));
        }
        found.finish(extra * rows as u64).map_err(wrong)
    }

    /// A column in the type that the transformation reads. A value that it has no room for refuses its row.
    fn widened(
        &self,
        column: &JsonColumn,
        array: &ArrayRef,
        wrong: &mut Vec<(usize, &'static str, String)>,
    ) -> Result<ArrayRef, IngestError> {
        let wanted = column.kind.arrow();
        if *array.data_type() == wanted {
            return Ok(Arc::clone(array));
        }
        let misfit = || IngestError::Unsupported {
            view: self.layout.view.clone(),
            what: format!("column `{}` is {} in the file and {wanted} in its records", column.name, array.data_type()),
            hint: "write the column with that type".to_owned(),
        };
        let kept = cast_with_options(array, &wanted, &SAFE).map_err(|_| misfit())?;
        if self.cast == Cast::Lossy {
            return Ok(kept);
        }
        let back = cast(&kept, array.data_type()).map_err(|_| misfit())?;
        let same = not_distinct(&back, array).map_err(|_| misfit())?;
        for row in (0..array.len()).filter(|row| !same.value(*row)) {
            let value = array_value_to_string(array, row).unwrap_or_default();
            wrong.push((row, WRONG_VALUE, format!("column `{}`: `{value}` is no {wanted}", column.name)));
        }
        Ok(kept)
    }
}

fn is_called(column: &JsonColumn, name: &str) -> bool {
    column.name == name || column.aliases.iter().any(|alias| alias == name)
}

/// The column of a table that a column of records is; a dotted name reaches into structs.
fn named(table: &RecordBatch, column: &JsonColumn) -> Option<ArrayRef> {
    let names = || std::iter::once(&column.name).chain(&column.aliases);
    names().find_map(|name| table.column_by_name(name)).cloned().or_else(|| {
        names().find_map(|name| {
            let (first, rest) = name.split_once('.')?;
            rest.split('.').try_fold(Arc::clone(table.column_by_name(first)?), |array, name| {
                let fields = array.as_any().downcast_ref::<arrow::array::StructArray>()?;
                fields.column_by_name(name).cloned()
            })
        })
    })
}

struct Found {
    rows: usize,
    arrays: Vec<ArrayRef>,
    fields: Vec<ArrowField>,
    present: Vec<Option<BooleanBuffer>>,
    wrong: Vec<(usize, &'static str, String)>,
}

impl Found {
    fn add(&mut self, column: &JsonColumn, array: Option<ArrayRef>) {
        let absent = array.is_none();
        let array = array.unwrap_or_else(|| new_null_array(&column.kind.arrow(), self.rows));
        let lacks = |row: usize| match column.need {
            Need::Nothing => false,
            Need::Key => absent,
            Need::Value => array.is_null(row),
        };
        for row in (0..self.rows).filter(|row| lacks(*row)) {
            self.wrong.push((row, MISSING, format!("column `{}` has no value", column.name)));
        }
        self.fields.push(ArrowField::new(&column.name, array.data_type().clone(), true));
        self.present.push(absent.then(|| BooleanBuffer::new_unset(self.rows)));
        self.arrays.push(array);
    }

    fn finish(mut self, extra: u64) -> Result<DecodedRecords, ArrowError> {
        self.wrong.sort_by_key(|(row, ..)| *row);
        self.wrong.dedup_by_key(|(row, ..)| *row);
        let mut keep = vec![true; self.rows];
        for (row, ..) in &self.wrong {
            keep.iter_mut().skip(*row).take(1).for_each(|keep| *keep = false);
        }
        let mask = BooleanArray::from(keep);
        let origin =
            |row: usize| RecordOrigin { payload: 0, index: u32::try_from(row).unwrap_or(u32::MAX), start: 0, end: 0 };
        let kept = (0..self.rows).filter(|row| mask.value(*row));
        let origins: Vec<RecordOrigin> = kept.map(origin).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::new(self.fields)), self.arrays, &options)?;
        let present = self.present.into_iter().map(|present| present.map(|_| BooleanBuffer::new_unset(origins.len())));
        let refused = self.wrong.into_iter().map(|(row, code, message)| RefusedRecord {
            origin: origin(row),
            code,
            message,
            whole: false,
        });
        Ok(DecodedRecords {
            batch: if origins.len() == self.rows { batch } else { filter_record_batch(&batch, &mask)? },
            present: present.collect(),
            refused: refused.collect(),
            origins,
            extra,
        })
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int64Array};
    use arrow::datatypes::DataType;

    use super::*;

    #[test]
    fn a_dotted_name_reaches_into_structs() {
        let inner = Arc::new(Int64Array::from(vec![7])) as ArrayRef;
        let outer = arrow::array::StructArray::try_from(vec![("b", inner)]).unwrap();
        let table = RecordBatch::try_from_iter([("a", Arc::new(outer) as ArrayRef)]).unwrap();
        let column = |name: &str| JsonColumn::optional(name, crate::source::json::JsonKind::Int(64));
        assert_eq!(named(&table, &column("a.b")).unwrap().len(), 1);
        assert!(named(&table, &column("a.c")).is_none());
        assert!(named(&table, &column("b")).is_none());
        let plain = RecordBatch::try_from_iter([("a.b", Arc::new(Float64Array::from(vec![0.5])) as ArrayRef)]).unwrap();
        assert_eq!(named(&plain, &column("a.b")).unwrap().data_type(), &DataType::Float64);
    }
}

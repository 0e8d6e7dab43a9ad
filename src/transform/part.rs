//! Parts of a compiled transformation: what a pass over files needs, and no more.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::expressions::Column;
use datafusion_physical_expr::utils::{collect_columns, reassign_expr_columns};

use super::compile::{Compiled, OutputColumn};

impl Compiled {
    /// The columns that [`Compiled::run`] takes.
    #[must_use]
    pub fn input(&self) -> &SchemaRef {
        &self.input
    }

    /// Whether the column `name` of the output is more than the input column of that name.
    #[must_use]
    pub fn computes(&self, name: &str) -> bool {
        let column = self.schema.index_of(name).ok().and_then(|index| self.columns.get(index));
        let plain = column.and_then(|column| column.expression.downcast_ref::<Column>());
        plain.is_none_or(|plain| plain.name() != name)
    }

    /// Whether the filter or a column of the output needs the input column `name`.
    #[must_use]
    pub fn reads(&self, name: &str) -> bool {
        let expressions = self.columns.iter().map(|column| &column.expression).chain(&self.filter);
        expressions.flat_map(collect_columns).any(|column| column.name() == name)
    }

    /// The filter and these columns of the output, over the input columns alone that they need.
    ///
    /// # Errors
    /// A name that is no column of the output.
    pub fn selecting(&self, columns: &[&str]) -> Result<Self, ArrowError> {
        self.part(columns, self.filter.as_ref())
    }

    /// These columns of the output without the filter, over the input columns alone that they need.
    ///
    /// # Errors
    /// A name that is no column of the output.
    pub fn computing(&self, columns: &[&str]) -> Result<Self, ArrowError> {
        self.part(columns, None)
    }

    fn part(&self, names: &[&str], filter: Option<&Arc<dyn PhysicalExpr>>) -> Result<Self, ArrowError> {
        let mut chosen = Vec::with_capacity(names.len());
        for name in names {
            let index = self.schema.index_of(name)?;
            chosen.extend(self.columns.get(index).map(|column| (index, column)));
        }
        let expressions = chosen.iter().map(|(_, column)| &column.expression).chain(filter);
        let used: BTreeSet<usize> = expressions.flat_map(collect_columns).map(|column| column.index()).collect();
        let used: Vec<usize> = used.into_iter().collect();
        let input = Arc::new(self.input.project(&used)?);
        let move_over = |expression: &Arc<dyn PhysicalExpr>| reassign_expr_columns(Arc::clone(expression), &input);
        let mut columns = Vec::with_capacity(chosen.len());
        for (_, column) in &chosen {
            columns.push(OutputColumn { expression: move_over(&column.expression)?, rounded: column.rounded });
        }
        let fields: Vec<_> = chosen.iter().map(|(index, _)| self.schema.field(*index).clone()).collect();
        let filter = filter.map(move_over).transpose()?;
        Ok(Self { columns, filter, schema: Arc::new(Schema::new(fields)), input })
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use arrow::datatypes::{DataType as ArrowType, Field as ArrowField};

    use super::*;
    use crate::model::{DataType, Field, Transformation};

    #[test]
    fn a_part_takes_the_columns_that_it_needs_and_computes_the_same() {
        let fields = ["a", "k", "b", "c"].map(|name| ArrowField::new(name, ArrowType::Int64, true));
        let text = "SELECT c + b AS x, a AS y FROM source WHERE c > 1".to_owned();
        let features = [Field::new("x", DataType::Int64), Field::new("y", DataType::Int64)];
        let whole =
            Compiled::new(&Transformation::Sql(text), &Arc::new(Schema::new(fields.to_vec())), &["k"], &features)
                .unwrap();
        let names = |part: &Compiled| -> Vec<String> {
            part.input().fields().iter().map(|field| field.name().clone()).collect()
        };
        let selecting = whole.selecting(&["k"]).unwrap();
        let computing = whole.computing(&["x", "k"]).unwrap();
        assert_eq!(
            (names(&selecting), names(&computing)),
            (vec!["k".into(), "c".into()], vec!["k".into(), "b".into(), "c".into()])
        );
        let batch = |part: &Compiled, columns: [Vec<i64>; 2]| {
            let columns = columns.map(|values| Arc::new(Int64Array::from(values)) as ArrayRef).to_vec();
            part.run(&RecordBatch::try_new(Arc::clone(part.input()), columns).unwrap()).unwrap()
        };
        let out = batch(&selecting, [vec![7, 8], vec![1, 2]]);
        assert_eq!(
            (out.rows, out.batch.column(0).as_ref()),
            (vec![1], &Int64Array::from(vec![8]) as &dyn arrow::array::Array)
        );
        assert!(whole.reads("b") && whole.reads("k") && !whole.reads("x"));
        assert!(whole.computes("x") && whole.computes("y") && !whole.computes("k"));
        assert!(whole.selecting(&["b"]).is_err());
        let only_x = whole.computing(&["x"]).unwrap();
        let out = batch(&only_x, [vec![10, 20], vec![1, 2]]);
        assert_eq!(out.batch.column(0).as_ref(), &Int64Array::from(vec![11, 22]) as &dyn arrow::array::Array);
    }
}

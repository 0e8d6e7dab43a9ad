//! Running a compiled transformation over a batch.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, UInt32Array};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::datatypes::DataType as ArrowType;
use arrow::error::ArrowError;
use datafusion_common::DataFusionError;

use super::compile::{Compiled, OutputColumn};

/// The outcome of a batch.
#[derive(Clone, Debug)]
pub struct Transformed {
    /// the output rows
    pub batch: RecordBatch,
    /// for each output row, its index in the input
    pub rows: Vec<u32>,
    /// input rows that could not be computed, with the reason, in order
    pub refused: Vec<(u32, String)>,
}

impl Compiled {
    /// Computes every row of `input`: those that the filter keeps are in the output in their order, those that overflow,
    /// divide an integer by zero or fail a cast are refused one by one.
    ///
    /// # Errors
    /// `input` has not the schema that the transformation was compiled for.
    pub fn run(&self, input: &RecordBatch) -> Result<Transformed, ArrowError> {
        let mut parts = Parts { batches: Vec::new(), rows: Vec::new(), refused: Vec::new() };
        self.run_range(input, 0, &mut parts)?;
        let batch = match parts.batches.as_slice() {
            [only] => only.clone(),
            many => concat_batches(&self.schema, many)?,
        };
        Ok(Transformed { batch, rows: parts.rows, refused: parts.refused })
    }

    /// Computes rows that begin at `first` of the whole input; on an error halves them until the bad row stands alone.
    fn run_range(&self, input: &RecordBatch, first: u32, parts: &mut Parts) -> Result<(), ArrowError> {
        let length = input.num_rows();
        match self.evaluate(input) {
            Ok((batch, rows)) => {
                parts.batches.push(batch);
                parts.rows.extend(rows.iter().map(|row| first + row));
                Ok(())
            }
            Err(error) if length <= 1 => {
                parts.refused.push((first, reason(&error)));
                Ok(())
            }
            Err(_) => {
                let half = length / 2;
                self.run_range(&input.slice(0, half), first, parts)?;
                self.run_range(&input.slice(half, length - half), first + index(half)?, parts)
            }
        }
    }

    fn evaluate(&self, input: &RecordBatch) -> Result<(RecordBatch, Vec<u32>), DataFusionError> {
        let rows = self.kept_rows(input)?;
        let kept = if rows.len() == input.num_rows() {
            input.clone()
        } else {
            take_record_batch(input, &UInt32Array::from(rows.clone()))?
        };
        let columns = self.columns.iter().map(|column| column.evaluate(&kept)).collect::<Result<Vec<_>, _>>()?;
        Ok((RecordBatch::try_new(Arc::clone(&self.schema), columns)?, rows))
    }

    /// The rows for which the filter is true; null counts as false.
    fn kept_rows(&self, input: &RecordBatch) -> Result<Vec<u32>, DataFusionError> {
        let length = index(input.num_rows())?;
        let Some(filter) = &self.filter else { return Ok((0..length).collect()) };
        let mask = filter.evaluate(input)?.into_array(input.num_rows())?;
        let Some(mask) = mask.as_any().downcast_ref::<BooleanArray>() else { return Ok(Vec::new()) };
        Ok((0..length).zip(mask.iter()).filter(|(_, kept)| *kept == Some(true)).map(|(row, _)| row).collect())
    }
}

impl OutputColumn {
    fn evaluate(&self, input: &RecordBatch) -> Result<ArrayRef, DataFusionError> {
        let array = self.expression.evaluate(input)?.into_array(input.num_rows())?;
        if self.rounded { Ok(cast(&array, &ArrowType::Float32)?) } else { Ok(array) }
    }
}

struct Parts {
    batches: Vec<RecordBatch>,
    rows: Vec<u32>,
    refused: Vec<(u32, String)>,
}

fn index(rows: usize) -> Result<u32, ArrowError> {
    u32::try_from(rows).map_err(|_| ArrowError::ComputeError("a batch of more than 2^32 rows".to_owned()))
}

/// Why a row was refused, in one line.
fn reason(error: &DataFusionError) -> String {
    let text = error.strip_backtrace();
    let text = text.rsplit_once("error: ").map_or(text.as_str(), |(_, rest)| rest);
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Float32Array, Float64Array, Int64Array, StringArray};
    use arrow::datatypes::{Field as ArrowField, Float32Type, Int64Type, Schema, SchemaRef};

    use super::super::error::{Part, Position};
    use super::*;
    use crate::model::{DataType, Field, Transformation};

    fn input() -> (SchemaRef, RecordBatch) {
        let schema = Arc::new(Schema::new(vec![
            ArrowField::new("driver_id", ArrowType::Int64, true),
            ArrowField::new("conv_rate", ArrowType::Float64, true),
            ArrowField::new("Trips", ArrowType::Int64, true),
            ArrowField::new("city", ArrowType::Utf8, true),
        ]));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![1, 2, 3, 4])),
            Arc::new(Float64Array::from(vec![Some(0.5), None, Some(0.25), Some(1.0)])),
            Arc::new(Int64Array::from(vec![Some(7), Some(0), Some(i64::MAX), None])),
            Arc::new(StringArray::from(vec!["Oslo", "7", "x", "9"])),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
        (schema, batch)
    }

    fn expressions(list: &[(&str, &str)], filter: Option<&str>) -> Transformation {
        Transformation::Expressions {
            expressions: list.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
            filter: filter.map(str::to_owned),
        }
    }

    fn compile(
        transformation: &Transformation,
        features: &[(&str, DataType)],
    ) -> Result<Compiled, super::super::TransformError> {
        let features: Vec<Field> = features.iter().map(|(name, dtype)| Field::new(*name, dtype.clone())).collect();
        Compiled::new(transformation, &input().0, &["driver_id"], &features)
    }

    fn percent() -> Vec<(&'static str, DataType)> {
        vec![("percent", DataType::Float32)]
    }

    #[test]
    fn a_double_expression_is_rounded_into_a_declared_float32_and_null_stays_null() {
        let compiled = compile(&expressions(&[("percent", "conv_rate * 100.0")], None), &percent()).unwrap();
        let out = compiled.run(&input().1).unwrap();
        let expected = Float32Array::from(vec![Some(50.0), None, Some(25.0), Some(100.0)]);
        assert_eq!(out.batch.column(1).as_primitive::<Float32Type>(), &expected);
        assert_eq!(out.batch.schema().field(0).name(), "driver_id");
        assert_eq!(out.rows, [0, 1, 2, 3]);
    }

    #[test]
    fn a_select_means_the_same_as_its_expressions_and_filter() {
        let text = "SELECT driver_id, source.conv_rate * 100.0 AS percent FROM source WHERE conv_rate > 0.3";
        let select = compile(&Transformation::Sql(text.to_owned()), &percent()).unwrap().run(&input().1).unwrap();
        let list = expressions(&[("percent", "conv_rate * 100.0")], Some("conv_rate > 0.3"));
        let list = compile(&list, &percent()).unwrap().run(&input().1).unwrap();
        assert_eq!(select.batch, list.batch);
        assert_eq!(select.rows, [0, 3]);
    }

    #[test]
    fn a_star_takes_the_features_that_are_columns_of_the_source() {
        let select = Transformation::Sql("SELECT *, \"Trips\" / 2 AS half FROM source".to_owned());
        let features = [("city", DataType::String), ("half", DataType::Int64)];
        let out = compile(&select, &features).unwrap().run(&input().1).unwrap();
        assert_eq!(out.batch.num_columns(), 3);
        assert_eq!(out.batch.column(2).as_primitive::<Int64Type>().value(0), 3);
    }

    #[test]
    fn overflow_division_by_zero_and_failed_casts_refuse_their_record_and_no_other() {
        for (text, dtype, bad) in [
            ("Trips + 1", DataType::Int64, 2),
            ("-(-1 - Trips)", DataType::Int64, 2),
            ("100 / Trips", DataType::Int64, 1),
        ] {
            let out = compile(&expressions(&[("x", text)], None), &[("x", dtype)]).unwrap().run(&input().1).unwrap();
            assert_eq!(out.refused.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [bad], "{text}");
            assert_eq!(out.batch.num_rows(), 3, "{text}");
            assert!(!out.rows.contains(&bad), "{text}");
        }
        let cast = compile(&expressions(&[("x", "CAST(city AS BIGINT)")], None), &[("x", DataType::Int64)]).unwrap();
        let out = cast.run(&input().1).unwrap();
        assert_eq!(out.refused.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [0, 2]);
    }

    #[test]
    fn a_constant_that_overflows_is_not_folded_away() {
        let text = "9223372036854775807 + 1";
        let out =
            compile(&expressions(&[("x", text)], None), &[("x", DataType::Int64)]).unwrap().run(&input().1).unwrap();
        assert_eq!(out.refused.len(), 4);
    }

    #[test]
    fn nulls_follow_sql() {
        let text = "CASE WHEN conv_rate IS NULL THEN -1.0 ELSE coalesce(conv_rate, 0.0) END";
        let out = compile(&expressions(&[("percent", text)], None), &percent()).unwrap().run(&input().1).unwrap();
        let expected = Float32Array::from(vec![Some(0.5), Some(-1.0), Some(0.25), Some(1.0)]);
        assert_eq!(out.batch.column(1).as_primitive::<Float32Type>(), &expected);
    }

    #[test]
    fn what_is_too_deep_for_the_stack_is_refused() {
        let chain = |terms: usize| vec!["conv_rate"; terms].join(" + ");
        let compiled = compile(&expressions(&[("percent", &chain(40))], None), &percent()).unwrap();
        assert_eq!(compiled.run(&input().1).unwrap().batch.num_rows(), 4);
        let select = |terms| Transformation::Sql(format!("SELECT {} AS percent FROM source", chain(terms)));
        for transformation in [
            expressions(&[("percent", &chain(300))], None),
            expressions(&[("percent", "1.0")], Some(&format!("{} > 0", chain(300)))),
            expressions(&[("percent", &chain(100_000))], None),
            select(300),
            select(5_000),
        ] {
            let error = compile(&transformation, &percent()).map(|_| ()).expect_err("compiled");
            assert!(error.message.contains("more than"), "{error}");
        }
    }

    /// The parser must not read what stands in a call twice: the test would not end.
    #[test]
    fn calls_in_each_other_take_no_more_time_than_beside_each_other() {
        for call in ["upper", "coalesce", "abs"] {
            let text = (0..40).fold("conv_rate".to_owned(), |x, _| format!("{call}({x})"));
            let compiled = compile(&expressions(&[("percent", &text)], None), &percent());
            assert!(compiled.is_ok() || call == "upper", "{call}");
        }
    }

    /// What follows a dot is read twice where it makes no sense the first time.
    #[test]
    fn dots_in_each_other_are_bounded_and_dots_beside_each_other_are_not() {
        let beside = (0..100).fold("true".to_owned(), |x, _| x + " AND source.conv_rate IS NOT NULL");
        let beside = format!("CASE WHEN {beside} THEN source.conv_rate ELSE abs(source.conv_rate) END");
        compile(&expressions(&[("percent", &beside)], None), &percent()).unwrap();
        let names = format!("{}[@", vec!["a"; 100].join("."));
        let calls = format!("{}[@", "a.f(".repeat(40));
        let items = format!("{}@", "a.f[".repeat(40));
        for text in [names, calls, items] {
            let error =
                compile(&expressions(&[("percent", &text)], None), &percent()).map(|_| ()).expect_err("compiled");
            assert!(error.message.contains("more than 8 dots"), "{error}");
        }
    }

    #[test]
    fn a_text_that_may_become_very_long_is_refused() {
        let deep =
            |level: usize| (0..level).fold("city".to_owned(), |x, _| format!("regexp_replace({x}, '[0-9]', '#')"));
        for (text, words) in [
            ("repeat(repeat(city, 1000), 100)", "more than 10000 times"),
            ("repeat(city, 10001)", "written as a number, 10000 at most"),
            ("replace(city, 'a', repeat('b', 10))", "third argument of replace"),
            ("replace(repeat(city, 10000), 'a', 'bb')", "more than 10000 times"),
            (&deep(14), "more than 10000 times"),
            (&format!("regexp_replace(city, '.', '{}')", "x".repeat(10_000)), "more than 10000 times"),
        ] {
            let made = compile(&expressions(&[("x", text)], None), &[("x", DataType::String)]);
            let error = made.map(|_| ()).expect_err("compiled");
            assert!(error.message.contains(words), "{text}: {error}");
        }
        let clean = (b'a'..=b'z').fold("city".to_owned(), |x, c| format!("replace({x}, '{}', '_')", c as char));
        for text in ["repeat(repeat(city, 100), 100)", "regexp_replace(city, NULL, NULL)", &deep(13), &clean] {
            let compiled = compile(&expressions(&[("x", text)], None), &[("x", DataType::String)]).unwrap();
            assert_eq!(compiled.run(&input().1).unwrap().batch.num_rows(), 4, "{text}");
        }
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let place = |line, column, length| Some(Position { line, column, length });
        for (transformation, part, words, position) in [
            (
                expressions(&[("percent", "conv_ratio * 100.0")], None),
                Part::Expression("percent".into()),
                "conv_rate",
                None,
            ),
            (expressions(&[("percent", "conv_rate *")], None), Part::Expression("percent".into()), "found: EOF", None),
            (
                expressions(&[("percent", "conv_rate 5")], None),
                Part::Expression("percent".into()),
                "after the end",
                place(1, 11, 1),
            ),
            (
                expressions(&[("percent", "conv_rate")], Some("conv_rate + 1")),
                Part::Filter,
                "not true or false",
                place(1, 1, 13),
            ),
            (
                expressions(&[("percent", "conv_rate"), ("percent", "1.0")], None),
                Part::Expression("percent".into()),
                "twice",
                place(1, 1, 3),
            ),
            (
                expressions(&[("other", "conv_rate")], None),
                Part::Expression("other".into()),
                "no feature",
                place(1, 1, 9),
            ),
            (expressions(&[], None), Part::Sql, "`percent` is not computed", None),
            (
                expressions(&[("percent", "length(lpad('x', 2147483647, 'y')) * 1.0")], None),
                Part::Expression("percent".into()),
                "10000 at most",
                None,
            ),
            (expressions(&[("percent", "random()")], None), Part::Expression("percent".into()), "random", None),
            (expressions(&[("percent", "now()")], None), Part::Expression("percent".into()), "now", None),
            (expressions(&[("percent", "sum(conv_rate)")], None), Part::Expression("percent".into()), "sum", None),
            (expressions(&[("percent", "(SELECT 1)")], None), Part::Expression("percent".into()), "", None),
            (Transformation::Sql("SELECT conv_rate AS percent FROM source LIMIT 3".into()), Part::Sql, "LIMIT", None),
            (
                Transformation::Sql("SELECT DISTINCT conv_rate AS percent FROM source".into()),
                Part::Sql,
                "DISTINCT",
                None,
            ),
            (
                Transformation::Sql("SELECT conv_rate * 2 FROM source".into()),
                Part::Sql,
                "needs a name",
                place(1, 8, 13),
            ),
            (Transformation::Sql("SELECT max(conv_rate) AS percent FROM source".into()), Part::Sql, "max", None),
            (Transformation::Sql("SELECT a.x AS percent FROM source JOIN b ON 1=1".into()), Part::Sql, "JOIN", None),
            (Transformation::Sql("SELECT x AS percent FROM other".into()), Part::Sql, "`source`", None),
            (Transformation::Sql("DELETE FROM source".into()), Part::Sql, "one SELECT", None),
            (Transformation::UdfString("def f(df): pass".into()), Part::Sql, "never executed", None),
        ] {
            let error = compile(&transformation, &percent()).map(|_| ()).expect_err("compiled");
            assert_eq!(error.part, part, "{error}");
            assert!(error.message.contains(words), "{words}: {error}");
            assert!(position.is_none() || error.position == position, "{error}: {:?}", error.position);
        }
    }
}

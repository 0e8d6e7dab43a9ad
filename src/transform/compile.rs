//! From a definition to physical expressions, type-checked against the input.

use std::sync::Arc;

use arrow::datatypes::{DataType as ArrowType, Field as ArrowField, Schema, SchemaRef};
use datafusion_common::tree_node::{Transformed as Rewritten, TreeNode};
use datafusion_common::{DFSchema, DataFusionError, ScalarValue};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion_expr::{Expr, Operator};
use datafusion_optimizer::simplify_expressions::ExprSimplifier;
use datafusion_physical_expr::expressions::{BinaryExpr, Literal, NegativeExpr};
use datafusion_physical_expr::{PhysicalExpr, create_physical_expr};
use datafusion_sql::planner::{ParserOptions, PlannerContext, SqlToRel};
use datafusion_sql::sqlparser::ast::{Expr as SqlExpr, Ident, Spanned};

use super::error::{Part, TransformError};
use super::functions::Functions;
use super::growth;
use super::sql::{self, Parsed, SOURCE_TABLE};
use crate::model::{DataType, Field, Transformation};

/// A compiled transformation. Cheap to share between threads.
#[derive(Clone, Debug)]
pub struct Compiled {
    pub(super) columns: Vec<OutputColumn>,
    pub(super) filter: Option<Arc<dyn PhysicalExpr>>,
    pub(super) schema: SchemaRef,
    pub(super) input: SchemaRef,
}

/// One column of the output.
#[derive(Clone, Debug)]
pub(super) struct OutputColumn {
    pub expression: Arc<dyn PhysicalExpr>,
    /// a declared `Float32` over a `Float64` expression: the declaration asks for rounding
    pub rounded: bool,
}

impl Compiled {
    /// Compiles `transformation` over rows of the schema `input`.
    ///
    /// The output holds the columns `kept` (join keys and times; taken from the input where the transformation does not
    /// compute them) and `features`, in that order.
    ///
    /// # Errors
    /// What is wrong, in which part of the transformation, and where in its text.
    pub fn new(
        transformation: &Transformation,
        input: &SchemaRef,
        kept: &[&str],
        features: &[Field],
    ) -> Result<Self, TransformError> {
        on_a_deep_stack(|| Self::compile(transformation, input, kept, features))
    }

    fn compile(
        transformation: &Transformation,
        input: &SchemaRef,
        kept: &[&str],
        features: &[Field],
    ) -> Result<Self, TransformError> {
        let parsed = parse(transformation)?;
        let planner = Planner::new(input)?;
        let filter =
            parsed.filter.as_ref().map(|(part, expression)| planner.predicate(part, expression)).transpose()?;
        check_names(&parsed, kept, features)?;
        let mut columns = Vec::new();
        let mut fields = Vec::new();
        for name in kept {
            let (column, field) = planner.column(&parsed, name, None)?;
            columns.push(column);
            fields.push(field);
        }
        for feature in features {
            let (column, field) = planner.column(&parsed, &feature.name, Some(&feature.dtype))?;
            columns.push(column);
            fields.push(field);
        }
        Ok(Self { columns, filter, schema: Arc::new(Schema::new(fields)), input: Arc::clone(input) })
    }

    /// The columns of the output.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }
}

/// Parser and planner call themselves a dozen times for each level of brackets, more than the stacks of most threads hold.
fn on_a_deep_stack<T: Send>(compile: impl FnOnce() -> Result<T, TransformError> + Send) -> Result<T, TransformError> {
    const STACK: usize = 16 << 20;
    let failed = |why: String| TransformError::new(&Part::Sql, format!("it cannot be compiled: {why}"));
    std::thread::scope(|scope| {
        let compiling = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, compile);
        let compiling = compiling.map_err(|error| failed(error.to_string()))?;
        compiling.join().unwrap_or_else(|_| Err(failed("the compiler ended early".to_owned())))
    })
}

fn parse(transformation: &Transformation) -> Result<Parsed, TransformError> {
    match transformation {
        Transformation::Sql(text) => sql::select(text),
        Transformation::Expressions { expressions, filter } => {
            let mut columns = Vec::new();
            for (name, text) in expressions {
                let part = Part::Expression(name.clone());
                let expression = sql::expression(&part, text)?;
                columns.push((Some(name.clone()), part, Some(expression)));
            }
            let filter = match filter {
                None => None,
                Some(text) => Some((Part::Filter, sql::expression(&Part::Filter, text)?)),
            };
            Ok(Parsed { columns, filter })
        }
        Transformation::UdfString(_) => {
            Err(TransformError::new(&Part::Sql, "a Python function is registered, never executed")
                .with_hint("write the transformation as `sql` or `expressions`"))
        }
    }
}

/// Every computed column must be wanted, and computed once.
fn check_names(parsed: &Parsed, kept: &[&str], features: &[Field]) -> Result<(), TransformError> {
    let mut seen: Vec<&str> = Vec::new();
    for (name, part, expression) in &parsed.columns {
        let Some(name) = name else { continue };
        let position = expression.as_ref().and_then(|expression| sql::position(expression.span()));
        if seen.contains(&name.as_str()) {
            return Err(TransformError::new(part, format!("`{name}` is computed twice")).at(position));
        }
        seen.push(name);
        if !kept.contains(&name.as_str()) && !features.iter().any(|feature| feature.name == *name) {
            let known: Vec<&str> = features.iter().map(|feature| feature.name.as_str()).collect();
            return Err(TransformError::new(part, format!("`{name}` is no feature of the view"))
                .at(position)
                .with_hint(format!("add it to the schema, which has: {}", known.join(", "))));
        }
    }
    Ok(())
}

struct Planner {
    functions: Functions,
    schema: DFSchema,
    input: SchemaRef,
}

impl Planner {
    fn new(input: &SchemaRef) -> Result<Self, TransformError> {
        let schema = DFSchema::try_from_qualified_schema(SOURCE_TABLE, input)
            .map_err(|error| TransformError::new(&Part::Sql, plain(&error)))?;
        Ok(Self { functions: Functions::new(), schema, input: Arc::clone(input) })
    }

    /// The expression of an output column: the one that is written, or the input column of that name.
    fn column(
        &self,
        parsed: &Parsed,
        name: &str,
        dtype: Option<&DataType>,
    ) -> Result<(OutputColumn, ArrowField), TransformError> {
        let written = parsed.columns.iter().find(|(column, _, _)| column.as_deref() == Some(name));
        let all = parsed.columns.iter().any(|(column, _, _)| column.is_none());
        let (part, expression) = match written {
            Some((_, part, Some(expression))) => (part.clone(), expression.clone()),
            _ if dtype.is_none() || (all && self.input.column_with_name(name).is_some()) => {
                (Part::Sql, SqlExpr::Identifier(Ident::with_quote('"', name)))
            }
            _ => {
                return Err(TransformError::new(&Part::Sql, format!("the feature `{name}` is not computed"))
                    .with_hint("add an expression for it, or take it out of the schema"));
            }
        };
        let physical = self.physical(&part, &expression)?;
        let found = self.type_of(&part, &physical)?;
        let rounded = matches!((dtype, &found), (Some(DataType::Float32), ArrowType::Float64));
        let stored = if rounded { ArrowType::Float32 } else { found };
        Ok((OutputColumn { expression: physical, rounded }, ArrowField::new(name, stored, true)))
    }

    fn predicate(&self, part: &Part, expression: &SqlExpr) -> Result<Arc<dyn PhysicalExpr>, TransformError> {
        let physical = self.physical(part, expression)?;
        match self.type_of(part, &physical)? {
            ArrowType::Boolean | ArrowType::Null => Ok(physical),
            other => Err(TransformError::new(part, format!("the filter is a {other}, not true or false"))
                .at(sql::position(expression.span()))),
        }
    }

    fn physical(&self, part: &Part, expression: &SqlExpr) -> Result<Arc<dyn PhysicalExpr>, TransformError> {
        self.plan(expression)
            .map_err(|error| TransformError::new(part, plain(&error)).at(sql::position(expression.span())))
    }

    /// Plans with types coerced but nothing folded: a constant that overflows is found when a record is computed, and
    /// refuses that record.
    fn plan(&self, expression: &SqlExpr) -> Result<Arc<dyn PhysicalExpr>, DataFusionError> {
        let options =
            ParserOptions::new().with_enable_ident_normalization(false).with_map_string_types_to_utf8view(false);
        let planner = SqlToRel::new_with_options(&self.functions, options);
        let logical = planner.sql_to_expr(expression.clone(), &self.schema, &mut PlannerContext::new())?;
        growth::check(&logical)?;
        let context = SimplifyContext::builder().with_schema(Arc::new(self.schema.clone())).build();
        let simplifier = ExprSimplifier::new(context.clone());
        let logical = desugared(simplifier.coerce(logical, &self.schema)?, &context)?;
        let logical = simplifier.coerce(logical, &self.schema)?;
        let physical =
            create_physical_expr(&logical, &self.schema, &ExecutionProps::new(), &PhysicalPlanningContext::default())?;
        checked(physical, &self.input)
    }

    fn type_of(&self, part: &Part, expression: &Arc<dyn PhysicalExpr>) -> Result<ArrowType, TransformError> {
        expression.data_type(&self.input).map_err(|error| TransformError::new(part, plain(&error)))
    }
}

/// The same expression without the functions that are only another way of writing one (`coalesce` is a CASE): they have
/// no evaluation of their own.
fn desugared(expression: Expr, context: &SimplifyContext) -> Result<Expr, DataFusionError> {
    let rewritten = expression.transform_up(|node| {
        let Expr::ScalarFunction(ScalarFunction { func, args }) = node else { return Ok(Rewritten::no(node)) };
        Ok(match func.simplify(args, context)? {
            ExprSimplifyResult::Simplified(simpler) => Rewritten::yes(simpler),
            ExprSimplifyResult::Original(args) => Rewritten::no(Expr::ScalarFunction(ScalarFunction { func, args })),
        })
    })?;
    Ok(rewritten.data)
}

/// The same expression with arithmetic that fails where it would wrap.
fn checked(expression: Arc<dyn PhysicalExpr>, input: &Schema) -> Result<Arc<dyn PhysicalExpr>, DataFusionError> {
    let rewritten = expression.transform_up(|node| {
        if let Some(binary) = node.downcast_ref::<BinaryExpr>() {
            let binary = BinaryExpr::new(Arc::clone(binary.left()), *binary.op(), Arc::clone(binary.right()));
            return Ok(Rewritten::yes(Arc::new(binary.with_fail_on_overflow(true)) as Arc<dyn PhysicalExpr>));
        }
        let Some(negative) = node.downcast_ref::<NegativeExpr>() else { return Ok(Rewritten::no(node)) };
        let operand = negative.arg();
        let dtype = operand.data_type(input)?;
        if !dtype.is_integer() {
            return Ok(Rewritten::no(node));
        }
        let zero: Arc<dyn PhysicalExpr> = Arc::new(Literal::new(ScalarValue::new_zero(&dtype)?));
        let minus = BinaryExpr::new(zero, Operator::Minus, Arc::clone(operand)).with_fail_on_overflow(true);
        Ok(Rewritten::yes(Arc::new(minus) as Arc<dyn PhysicalExpr>))
    })?;
    Ok(rewritten.data)
}

/// What DataFusion says, in one line and without its own prefix.
fn plain(error: &DataFusionError) -> String {
    let text = error.strip_backtrace();
    let text = text.split_once("error: ").map_or(text.as_str(), |(_, rest)| rest);
    text.lines().next().unwrap_or_default().trim_end_matches('.').replace(&format!("{SOURCE_TABLE}."), "")
}

//! Functions that make a text of any length out of a short one: one such call over one record may take all memory.

use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_expr::Expr;
use datafusion_expr::expr::ScalarFunction;

/// Functions whose second argument is the length of what they make, or how often it is made.
const GROWING: &[&str] = &["repeat", "lpad", "rpad"];

/// The largest such argument.
const LARGEST: i64 = 10_000;

/// Refuses a growing function whose argument is no small number, or that stands inside another one.
pub(super) fn check(expression: &Expr) -> Result<()> {
    expression.apply(|node| {
        let Some((name, args)) = growing(node) else { return Ok(TreeNodeRecursion::Continue) };
        if !args.get(1).is_some_and(is_small) {
            return plan_err!("the second argument of {name} must be written as a number, {LARGEST} at most");
        }
        for arg in args {
            let nested = arg.exists(|inner| Ok(growing(inner).is_some()))?;
            if nested {
                return plan_err!("{name} cannot be applied to what repeat, lpad or rpad made");
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

fn growing(node: &Expr) -> Option<(&str, &[Expr])> {
    let Expr::ScalarFunction(ScalarFunction { func, args }) = node else { return None };
    GROWING.contains(&func.name()).then(|| (func.name(), args.as_slice()))
}

fn is_small(argument: &Expr) -> bool {
    match argument {
        Expr::Literal(value, _) => value.is_null() || matches!(value, ScalarValue::Int64(Some(n)) if *n <= LARGEST),
        // of a negative length nothing is made
        Expr::Negative(inner) => matches!(&**inner, Expr::Literal(..)),
        _ => false,
    }
}

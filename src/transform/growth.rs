//! Functions that make a long text out of a short one: one such call over one record may take all memory.

use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_expr::Expr;
use datafusion_expr::expr::ScalarFunction;

/// How many times as long as its input a text may become.
const LARGEST: usize = 10_000;

/// Refuses an expression that may make a text much longer than its input, or of which that cannot be told.
pub(super) fn check(expression: &Expr) -> Result<()> {
    growth(expression).map(drop)
}

/// How many times as long as its input the value of an expression may be.
fn growth(node: &Expr) -> Result<usize> {
    let mut inner = 1;
    node.apply_children(|child| {
        inner = growth(child)?.max(inner);
        Ok(TreeNodeRecursion::Continue)
    })?;
    let Expr::ScalarFunction(ScalarFunction { func, args }) = node else { return Ok(inner) };
    let name = func.name();
    let factor = match name {
        "repeat" | "lpad" | "rpad" => times(name, args.get(1))?,
        "replace" => replaced(text(name, args.get(2))?, args.get(1).and_then(written)),
        // it may match nothing at all, in front of every character
        "regexp_replace" => replaced(text(name, args.get(2))?, None),
        _ => 1,
    };
    let growth = inner.saturating_mul(factor);
    if growth > LARGEST {
        return plan_err!(
            "{name} may make a text here that is more than {LARGEST} times as long as what it is made of"
        );
    }
    Ok(growth)
}

/// The argument that says how often, or how long.
fn times(name: &str, argument: Option<&Expr>) -> Result<usize> {
    let number = match argument {
        Some(Expr::Literal(ScalarValue::Int64(Some(number)), _)) => usize::try_from(*number).unwrap_or(0),
        Some(Expr::Literal(value, _)) if value.is_null() => 0,
        // of a negative length nothing is made
        Some(Expr::Negative(inner)) if matches!(&**inner, Expr::Literal(..)) => 0,
        _ => LARGEST + 1,
    };
    if number > LARGEST {
        return plan_err!("the second argument of {name} must be written as a number, {LARGEST} at most");
    }
    Ok(number.max(1))
}

/// The argument that is put in.
fn text<'e>(name: &str, argument: Option<&'e Expr>) -> Result<&'e str> {
    let Some(text) = argument.and_then(written) else {
        return plan_err!("the third argument of {name} must be written as a text");
    };
    Ok(text)
}

/// How much longer a text becomes where `from`, or what is perhaps nothing, is replaced everywhere.
fn replaced(to: &str, from: Option<&str>) -> usize {
    match from.map_or(0, str::len) {
        0 => to.len() + 1,
        length => to.len().div_ceil(length).max(1),
    }
}

/// A text as it is written; NULL makes nothing.
fn written(argument: &Expr) -> Option<&str> {
    let Expr::Literal(value, _) = argument else { return None };
    if value.is_null() { Some("") } else { value.try_as_str().flatten() }
}

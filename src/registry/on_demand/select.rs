//! From SQL text to expressions.

use datafusion_sql::sqlparser::ast::{Expr, SelectItem, SetExpr, Statement};
use datafusion_sql::sqlparser::dialect::GenericDialect;
use datafusion_sql::sqlparser::parser::Parser;
use datafusion_sql::sqlparser::tokenizer::Token;

use crate::model::Field;

/// Longer texts are not read: the tree of a chain of operators is as deep as the chain is long.
const MAX_TEXT: usize = 8 * 1024;

/// What a view computes, as syntax trees.
pub struct Parsed {
    /// feature -> expression
    pub expressions: Vec<(String, Expr)>,
    /// which rows are computed
    pub filter: Option<Expr>,
}

impl Parsed {
    /// Without the columns that are no features (join keys, times).
    pub fn only(mut self, features: &[Field]) -> Self {
        self.expressions.retain(|(name, _)| features.iter().any(|field| field.name == *name));
        self
    }

    /// Whether every feature has its expression.
    pub fn computes_all(&self, features: &[Field]) -> bool {
        features.iter().all(|field| self.expressions.iter().any(|(name, _)| *name == field.name))
    }
}

/// Reads one expression a feature, and a predicate.
pub fn parse_expressions(expressions: &[(String, String)], filter: Option<&str>) -> Option<Parsed> {
    let expressions =
        expressions.iter().map(|(name, text)| Some((name.clone(), parse(text)?))).collect::<Option<_>>()?;
    let filter = match filter {
        Some(text) => Some(parse(text)?),
        None => None,
    };
    Some(Parsed { expressions, filter })
}

fn parse(text: &str) -> Option<Expr> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let mut parser = Parser::new(&GenericDialect {}).try_with_sql(text).ok()?;
    let expression = parser.parse_expr().ok()?;
    (parser.peek_token().token == Token::EOF).then_some(expression)
}

/// Reads `SELECT expression AS feature, ... FROM source [WHERE predicate]` and nothing more than that.
pub fn parse_select(text: &str) -> Option<Parsed> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let mut statements = Parser::parse_sql(&GenericDialect {}, text).ok()?;
    let Some(Statement::Query(query)) = statements.pop().filter(|_| statements.is_empty()) else { return None };
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let expressions = select.projection.iter().map(item).collect::<Option<Vec<_>>>()?;
    // what is printed back tells whether any other clause was there
    let items: Vec<String> = select.projection.iter().map(ToString::to_string).collect();
    let filter = select.selection.as_ref().map(|filter| format!(" WHERE {filter}")).unwrap_or_default();
    let plain = format!("SELECT {} FROM source{filter}", items.join(", "));
    (query.to_string() == plain).then(|| Parsed { expressions, filter: select.selection.clone() })
}

fn item(item: &SelectItem) -> Option<(String, Expr)> {
    match item {
        SelectItem::ExprWithAlias { expr, alias } => Some((alias.value.clone(), expr.clone())),
        SelectItem::UnnamedExpr(Expr::Identifier(column)) => {
            Some((column.value.clone(), Expr::Identifier(column.clone())))
        }
        _ => None,
    }
}

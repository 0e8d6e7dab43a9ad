//! From text to scalar expressions: one expression a feature, or one SELECT that is only projection and WHERE.

use std::ops::ControlFlow;

use datafusion_sql::sqlparser::ast::{
    Expr, GroupByExpr, Query, Select, SelectItem, SetExpr, Spanned, Statement, TableFactor, Visit, Visitor,
};
use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::parser::{Parser, ParserError};
use datafusion_sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan, Tokenizer};

use super::dialect::ViewSql;
use super::error::{Part, Position, TransformError};

/// The name under which a SELECT finds its input.
pub const SOURCE_TABLE: &str = "source";

/// How deep brackets may nest: as deep as the parser's own default.
const MAX_DEPTH: usize = 50;
/// How many operators may apply to each other's results (`a + b + c` is two): planning and evaluating go one call deeper
/// with each, on the stacks of threads.
const MAX_CHAIN: usize = 200;
/// How many operators one expression may have at all: before it is known how they nest.
const MAX_OPERATORS: usize = 500;

/// How many dots may lie around one place: those of a name, and those of the names whose brackets it stands in. The
/// parser reads what follows a dot twice if it makes no sense the first time.
const MAX_DOTS: usize = 8;

/// A transformation in one form, whichever way it was written.
#[derive(Debug)]
pub struct Parsed {
    /// output column -> expression, in the order written; `None` stands for all input columns (`*`)
    pub columns: Vec<(Option<String>, Part, Option<Expr>)>,
    /// rows that are kept
    pub filter: Option<(Part, Expr)>,
}

/// Parses one scalar expression.
pub fn expression(part: &Part, text: &str) -> Result<Expr, TransformError> {
    let mut parser = parser(part, text)?;
    let expression = parser.parse_expr().map_err(|error| syntax(part, &error))?;
    match parser.peek_token() {
        rest if rest.token == Token::EOF => checked(part, expression),
        rest => Err(TransformError::new(part, format!("`{}` stands after the end of the expression", rest.token))
            .at(position(rest.span))),
    }
}

/// Parses a SELECT over the table `source`.
pub fn select(text: &str) -> Result<Parsed, TransformError> {
    let part = Part::Sql;
    let mut parser = parser(&part, text)?;
    let statements = parser.parse_statements().map_err(|error| syntax(&part, &error))?;
    let [Statement::Query(query)] = statements.as_slice() else {
        return Err(TransformError::new(&part, "a transformation is one SELECT over the table `source`"));
    };
    let select = only_select(query)?;
    let mut columns = Vec::new();
    for item in &select.projection {
        columns.push(column(item)?);
    }
    let columns = columns.into_iter().map(|(name, part, expression)| {
        let expression = expression.map(|expression| checked(&part, expression)).transpose()?;
        Ok((name, part, expression))
    });
    let columns = columns.collect::<Result<_, _>>()?;
    let filter = select.selection.clone().map(|expression| Ok((part.clone(), checked(&part, expression)?)));
    Ok(Parsed { columns, filter: filter.transpose()? })
}

/// The expression, unless it is too deep.
fn checked(part: &Part, expression: Expr) -> Result<Expr, TransformError> {
    match expression.visit(&mut Depth(0)) {
        ControlFlow::Continue(()) => Ok(expression),
        ControlFlow::Break(()) => {
            let message = format!("more than {MAX_CHAIN} operators apply to each other's results");
            Err(TransformError::new(part, message).with_hint(SHORTER))
        }
    }
}

/// The cure for what is too long.
const SHORTER: &str = "write `IN (..)` for many alternatives, or compute parts of it in columns of the source";

/// How deep a visitor is.
struct Depth(usize);

impl Visitor for Depth {
    type Break = ();

    fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.0 += 1;
        if self.0 > MAX_CHAIN { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.0 -= 1;
        ControlFlow::Continue(())
    }
}

fn parser(part: &Part, text: &str) -> Result<Parser<'static>, TransformError> {
    let tokens = Tokenizer::new(&ViewSql, text).tokenize_with_location();
    let tokens = tokens.map_err(|error| syntax(part, &ParserError::TokenizerError(error.to_string())))?;
    check_operators(part, &tokens)?;
    check_dots(part, &tokens)?;
    Ok(Parser::new(&ViewSql).with_recursion_limit(MAX_DEPTH).with_tokens_with_locations(tokens))
}

/// Counts the operators of each expression: commas outside of brackets, and WHERE, stand between two.
fn check_operators(part: &Part, tokens: &[TokenWithSpan]) -> Result<(), TransformError> {
    let (mut brackets, mut operators) = (0_usize, 0);
    for TokenWithSpan { token, span } in tokens {
        match token {
            Token::LParen => brackets += 1,
            Token::RParen => brackets = brackets.saturating_sub(1),
            Token::Comma if brackets == 0 => operators = 0,
            Token::Word(word) if word.quote_style.is_none() && word.keyword == Keyword::WHERE => operators = 0,
            token => operators += usize::from(is_operator(token)),
        }
        if operators > MAX_OPERATORS {
            return Err(TransformError::new(part, format!("an expression has more than {MAX_OPERATORS} operators"))
                .at(position(*span))
                .with_hint(SHORTER));
        }
    }
    Ok(())
}

/// Counts the dots around each place.
fn check_dots(part: &Part, tokens: &[TokenWithSpan]) -> Result<(), TransformError> {
    let (mut outside, mut dots, mut behind_dot) = (Vec::new(), 0_usize, false);
    let is_space = |token: &TokenWithSpan| matches!(token.token, Token::Whitespace(_));
    for TokenWithSpan { token, span } in tokens.iter().filter(|token| !is_space(token)) {
        match token {
            Token::Period => dots += 1,
            Token::LParen | Token::LBracket | Token::LBrace => outside.push(dots),
            // behind its brackets a name may go on
            Token::RParen | Token::RBracket | Token::RBrace => dots = outside.pop().unwrap_or_default(),
            _ if behind_dot => {}
            _ => dots = outside.last().copied().unwrap_or_default(),
        }
        if dots > MAX_DOTS {
            return Err(TransformError::new(
                part,
                format!("more than {MAX_DOTS} dots in one name, or in names inside each other"),
            )
            .at(position(*span))
            .with_hint("compute what lies so deep in a column of the source"));
        }
        behind_dot = *token == Token::Period;
    }
    Ok(())
}

/// Whatever may apply to the result of another.
fn is_operator(token: &Token) -> bool {
    use Keyword::{AND, AT, BETWEEN, COLLATE, ILIKE, IN, IS, LIKE, NOT, OR, OVERLAPS, REGEXP, RLIKE, SIMILAR, XOR};
    match token {
        Token::Word(word) => {
            [AND, AT, BETWEEN, COLLATE, ILIKE, IN, IS, LIKE, NOT, OR, OVERLAPS, REGEXP, RLIKE, SIMILAR, XOR]
                .contains(&word.keyword)
        }
        Token::Whitespace(_)
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::Comma
        | Token::Period
        | Token::SemiColon
        | Token::EOF => false,
        _ => true,
    }
}

/// One projected column: a name (its own, or the one after AS) and an expression.
fn column(item: &SelectItem) -> Result<(Option<String>, Part, Option<Expr>), TransformError> {
    match item {
        SelectItem::ExprWithAlias { expr, alias } => Ok((Some(alias.value.clone()), Part::Sql, Some(expr.clone()))),
        SelectItem::UnnamedExpr(expr) => {
            let name = match expr {
                Expr::Identifier(name) => name.value.clone(),
                Expr::CompoundIdentifier(names) => names.last().map(|name| name.value.clone()).unwrap_or_default(),
                other => {
                    return Err(TransformError::new(&Part::Sql, "a computed column needs a name")
                        .at(position(other.span()))
                        .with_hint("write `... AS name`"));
                }
            };
            Ok((Some(name), Part::Sql, Some(expr.clone())))
        }
        SelectItem::Wildcard(options) if options.to_string().is_empty() => Ok((None, Part::Sql, None)),
        other => Err(refused("only columns, expressions and a plain `*` are projected", other.span())),
    }
}

/// The SELECT of a query that is nothing but projection and WHERE.
fn only_select(query: &Query) -> Result<&Select, TransformError> {
    if let Some(with) = &query.with {
        return Err(refused("WITH is not part of a transformation", with.span()));
    }
    if let Some(order) = &query.order_by {
        return Err(refused("ORDER BY is not part of a transformation: rows have no order", order.span()));
    }
    if query.limit_clause.is_some() || query.fetch.is_some() {
        return Err(refused("LIMIT is not part of a transformation: every row counts", query.span()));
    }
    if query.for_clause.is_some() || !query.locks.is_empty() {
        return Err(refused("only projection and WHERE are part of a transformation", query.span()));
    }
    let SetExpr::Select(select) = query.body.as_ref() else {
        return Err(refused("a transformation is one SELECT over the table `source`", query.body.span()));
    };
    check_select(select)?;
    Ok(select)
}

fn check_select(select: &Select) -> Result<(), TransformError> {
    if select.distinct.is_some() {
        return Err(refused("DISTINCT is not part of a transformation", select.span()));
    }
    let grouped = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(by, modifiers) => !by.is_empty() || !modifiers.is_empty(),
    };
    if grouped || select.having.is_some() {
        return Err(refused("GROUP BY and HAVING are not part of a transformation", select.span()));
    }
    let extras = select.top.is_some()
        || select.into.is_some()
        || !select.lateral_views.is_empty()
        || select.prewhere.is_some()
        || !select.cluster_by.is_empty()
        || !select.distribute_by.is_empty()
        || !select.sort_by.is_empty()
        || !select.named_window.is_empty()
        || select.qualify.is_some()
        || !select.connect_by.is_empty();
    if extras {
        return Err(refused("only projection and WHERE are part of a transformation", select.span()));
    }
    check_table(select)
}

fn check_table(select: &Select) -> Result<(), TransformError> {
    let [table] = select.from.as_slice() else {
        return Err(refused("a transformation reads FROM one table, `source`", select.span()));
    };
    if let Some(join) = table.joins.first() {
        return Err(refused("JOIN is not part of a transformation", join.span()));
    }
    match &table.relation {
        TableFactor::Table { name, alias: None, args: None, .. } if name.to_string() == SOURCE_TABLE => Ok(()),
        other => Err(refused("a transformation reads FROM one table, `source`", other.span())),
    }
}

fn refused(message: &str, span: Span) -> TransformError {
    TransformError::new(&Part::Sql, message).at(position(span))
}

/// A parser's error; its text ends with the place, which is taken out of it.
fn syntax(part: &Part, error: &ParserError) -> TransformError {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => "nested too deeply",
    };
    let Some((message, place)) = text.rsplit_once(" at Line: ") else { return TransformError::new(part, text) };
    let numbers =
        place.split_once(", Column: ").and_then(|(line, column)| Some((line.parse().ok()?, column.parse().ok()?)));
    let position = numbers.map(|(line, column)| Position { line, column, length: 1 });
    TransformError::new(part, message).at(position)
}

/// A place in the text, where the parser knows one.
pub fn position(span: Span) -> Option<Position> {
    let line = usize::try_from(span.start.line).ok().filter(|line| *line > 0)?;
    let column = usize::try_from(span.start.column).ok()?;
    let end = if span.end.line == span.start.line { usize::try_from(span.end.column).ok()? } else { column };
    Some(Position { line, column, length: end.saturating_sub(column).max(1) })
}

//! One SQL expression as one Python expression over the row `i` of `inputs`.

use std::collections::{BTreeMap, BTreeSet};

use datafusion_sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator,
    Value,
};

use crate::registry::python_text::repr;

/// What kind of value an expression has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// whole number: `/` divides towards zero
    Whole,
    /// floating point number
    Real,
    /// string
    Text,
    /// true, false
    Flag,
    /// always null
    Null,
    /// what the value itself is, and it is what SQL makes it
    Runtime,
    /// a number that may be whole where SQL makes it a floating point number: not to be divided
    Mixed,
}

/// The columns with their kinds; `None` for a type whose values are not Python's numbers, strings or flags.
pub type Inputs<'a> = BTreeMap<&'a str, Option<Kind>>;

/// A translated expression.
#[derive(Debug, PartialEq, Eq)]
pub struct Python {
    /// the text
    pub text: String,
    /// what it yields
    pub kind: Kind,
}

/// Deeper expressions are not translated.
const MAX_DEPTH: usize = 100;

/// Translates expressions, and remembers what they need.
pub struct Translator<'a> {
    inputs: Option<&'a Inputs<'a>>,
    /// helpers that the texts call
    pub helpers: BTreeSet<&'static str>,
    /// columns that the texts read
    pub columns: BTreeSet<String>,
    depth: usize,
}

impl<'a> Translator<'a> {
    /// Without `inputs` every column is what its values are.
    pub fn new(inputs: Option<&'a Inputs<'a>>) -> Self {
        Self { inputs, helpers: BTreeSet::new(), columns: BTreeSet::new(), depth: 0 }
    }

    /// The kind of a column; `None` where it is unknown or of no use here.
    pub fn column_kind(&self, name: &str) -> Option<Kind> {
        self.inputs.map_or(Some(Kind::Runtime), |inputs| inputs.get(name).copied().flatten())
    }

    /// The expression in Python, or `None` where it has no equivalent.
    pub fn translate(&mut self, expression: &Expr) -> Option<Python> {
        if self.depth == MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        let found = self.node(expression);
        self.depth -= 1;
        found
    }

    fn node(&mut self, expression: &Expr) -> Option<Python> {
        match expression {
            Expr::Nested(inner) => self.translate(inner),
            Expr::Identifier(column) => self.column(&column.value),
            Expr::Value(value) => literal(&value.value),
            Expr::UnaryOp { op, expr } => self.unary(*op, expr),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::IsNull(inner) => self.is_null(inner, "is"),
            Expr::IsNotNull(inner) => self.is_null(inner, "is not"),
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())
            }
            Expr::Cast { kind: CastKind::Cast, expr, data_type, format: None, .. } => self.cast(expr, data_type),
            Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("coalesce") => {
                let plain = format!("{}({})", function.name, arguments_text(&function.args)?);
                // anything else than plain arguments (a filter, a window) would be printed
                (function.to_string() == plain).then_some(())?;
                self.coalesce(&function.args)
            }
            _ => None,
        }
    }

    fn column(&mut self, name: &str) -> Option<Python> {
        let kind = self.column_kind(name)?;
        self.columns.insert(name.to_owned());
        Some(Python { text: format!("inputs[{}][i]", repr(name)), kind })
    }

    fn unary(&mut self, operator: UnaryOperator, inner: &Expr) -> Option<Python> {
        let inner = self.translate(inner)?;
        match operator {
            UnaryOperator::Plus if inner.is_number() => Some(inner),
            UnaryOperator::Minus if inner.is_number() => {
                let kind = inner.kind;
                if inner.text.starts_with(|c: char| c.is_ascii_digit()) {
                    return Some(Python { text: format!("-{}", inner.text), kind });
                }
                Some(self.call("negative", &[&inner.text], kind))
            }
            UnaryOperator::Not if inner.is_flag() => Some(self.call("negated", &[&inner.text], Kind::Flag)),
            _ => None,
        }
    }

    fn binary(&mut self, left: &Expr, operator: &BinaryOperator, right: &Expr) -> Option<Python> {
        let (left, right) = (self.translate(left)?, self.translate(right)?);
        let (l, r) = (left.text.as_str(), right.text.as_str());
        match operator {
            BinaryOperator::Plus => self.arithmetic("plus", &left, &right),
            BinaryOperator::Minus => self.arithmetic("minus", &left, &right),
            BinaryOperator::Multiply => self.arithmetic("times", &left, &right),
            BinaryOperator::Divide if left.kind != Kind::Mixed && right.kind != Kind::Mixed => {
                self.arithmetic("divide", &left, &right)
            }
            BinaryOperator::And | BinaryOperator::Or if left.is_flag() && right.is_flag() => {
                let helper = if *operator == BinaryOperator::And { "both" } else { "either" };
                Some(self.call(helper, &[l, &format!("lambda: {r}")], Kind::Flag))
            }
            _ if !comparable(left.kind, right.kind) => None,
            BinaryOperator::Eq => Some(self.call("equal", &[l, r], Kind::Flag)),
            BinaryOperator::Lt => Some(self.call("less", &[l, r], Kind::Flag)),
            BinaryOperator::Gt => Some(self.call("less", &[r, l], Kind::Flag)),
            BinaryOperator::NotEq => {
                let equal = self.call("equal", &[l, r], Kind::Flag);
                Some(self.call("negated", &[&equal.text], Kind::Flag))
            }
            BinaryOperator::LtEq => {
                let more = self.call("less", &[r, l], Kind::Flag);
                Some(self.call("negated", &[&more.text], Kind::Flag))
            }
            BinaryOperator::GtEq => {
                let less = self.call("less", &[l, r], Kind::Flag);
                Some(self.call("negated", &[&less.text], Kind::Flag))
            }
            _ => None,
        }
    }

    fn arithmetic(&mut self, helper: &'static str, left: &Python, right: &Python) -> Option<Python> {
        if !left.is_number() || !right.is_number() {
            return None;
        }
        let kind = match (left.kind, right.kind) {
            (Kind::Real, _) | (_, Kind::Real) => Kind::Real,
            (Kind::Mixed, _) | (_, Kind::Mixed) => Kind::Mixed,
            (Kind::Runtime, _) | (_, Kind::Runtime) => Kind::Runtime,
            (Kind::Null, Kind::Null) => Kind::Null,
            _ => Kind::Whole,
        };
        Some(self.call(helper, &[&left.text, &right.text], kind))
    }

    fn is_null(&mut self, inner: &Expr, relation: &str) -> Option<Python> {
        let inner = self.translate(inner)?;
        Some(Python { text: format!("({} {relation} None)", inner.text), kind: Kind::Flag })
    }

    fn case(&mut self, operand: Option<&Expr>, branches: &[CaseWhen], otherwise: Option<&Expr>) -> Option<Python> {
        let operand = match operand {
            Some(operand) => Some(self.translate(operand)?),
            None => None,
        };
        let mut conditions = Vec::new();
        let mut results = Vec::new();
        for branch in branches {
            let condition = self.translate(&branch.condition)?;
            conditions.push(match &operand {
                Some(operand) if comparable(operand.kind, condition.kind) => {
                    self.call("equal", &[&operand.text, &condition.text], Kind::Flag).text
                }
                None if condition.is_flag() => condition.text,
                _ => return None,
            });
            results.push(self.translate(&branch.result)?);
        }
        results.push(match otherwise {
            Some(otherwise) => self.translate(otherwise)?,
            None => Python { text: "None".to_owned(), kind: Kind::Null },
        });
        let kind = self.unify(&mut results)?;
        let mut text = results.pop()?.text;
        for (condition, result) in conditions.iter().zip(&results).rev() {
            text = format!("({} if {condition} is True else {text})", result.text);
        }
        Some(Python { text, kind })
    }

    fn coalesce(&mut self, arguments: &FunctionArguments) -> Option<Python> {
        let FunctionArguments::List(list) = arguments else { return None };
        let mut values = Vec::new();
        for argument in &list.args {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) = argument else { return None };
            values.push(self.translate(value)?);
        }
        let kind = self.unify(&mut values)?;
        let lazy: Vec<String> = values.iter().map(|value| format!("lambda: {}", value.text)).collect();
        let lazy: Vec<&str> = lazy.iter().map(String::as_str).collect();
        Some(self.call("first", &lazy, kind))
    }

    fn cast(&mut self, inner: &Expr, to: &DataType) -> Option<Python> {
        if !matches!(to, DataType::Double(_) | DataType::DoublePrecision | DataType::Float8 | DataType::Float64) {
            return None;
        }
        let inner = self.translate(inner)?;
        inner.is_number().then(|| self.real(&inner))
    }

    /// The one kind that alternatives have in SQL. Whole numbers beside others become floating point numbers.
    fn unify(&mut self, values: &mut [Python]) -> Option<Kind> {
        let kinds: Vec<Kind> = values.iter().map(|value| value.kind).filter(|kind| *kind != Kind::Null).collect();
        let has = |kind| kinds.contains(&kind);
        match kinds.as_slice() {
            [] => Some(Kind::Null),
            [kind] => Some(*kind),
            kinds if has(Kind::Text) || has(Kind::Flag) => {
                let kind = if has(Kind::Text) { Kind::Text } else { Kind::Flag };
                kinds.iter().all(|other| *other == kind || *other == Kind::Runtime).then_some(kind)
            }
            _ if has(Kind::Runtime) || has(Kind::Mixed) => Some(Kind::Mixed),
            _ if !has(Kind::Real) => Some(Kind::Whole),
            _ => {
                for value in values.iter_mut().filter(|value| value.kind == Kind::Whole) {
                    *value = self.real(value);
                }
                Some(Kind::Real)
            }
        }
    }

    /// The number as a floating point number.
    pub fn real(&mut self, value: &Python) -> Python {
        self.call("real", &[&value.text], Kind::Real)
    }

    fn call(&mut self, helper: &'static str, arguments: &[&str], kind: Kind) -> Python {
        self.helpers.insert(helper);
        Python { text: format!("{helper}({})", arguments.join(", ")), kind }
    }
}

impl Python {
    fn is_number(&self) -> bool {
        !matches!(self.kind, Kind::Text | Kind::Flag)
    }

    /// Whether it can be a condition.
    pub fn is_flag(&self) -> bool {
        matches!(self.kind, Kind::Flag | Kind::Null | Kind::Runtime)
    }
}

/// Whether SQL compares the two as they are.
fn comparable(left: Kind, right: Kind) -> bool {
    let family = |kind| match kind {
        Kind::Whole | Kind::Real | Kind::Mixed => Some(0),
        Kind::Text => Some(1),
        Kind::Flag => Some(2),
        Kind::Null | Kind::Runtime => None,
    };
    family(left).is_none() || family(right).is_none() || family(left) == family(right)
}

fn literal(value: &Value) -> Option<Python> {
    let (text, kind) = match value {
        Value::Number(digits, false) => match digits.parse::<i64>() {
            Ok(number) => (number.to_string(), Kind::Whole),
            // a whole number beyond 64 bits is none of ours
            Err(_) if digits.chars().all(|c| c.is_ascii_digit()) => return None,
            Err(_) => {
                (digits.parse::<f64>().ok().filter(|number| number.is_finite()).map(|n| format!("{n:?}"))?, Kind::Real)
            }
        },
        Value::SingleQuotedString(text) => (repr(text), Kind::Text),
        Value::Boolean(flag) => (if *flag { "True" } else { "False" }.to_owned(), Kind::Flag),
        Value::Null => ("None".to_owned(), Kind::Null),
        _ => return None,
    };
    Some(Python { text, kind })
}

fn arguments_text(arguments: &FunctionArguments) -> Option<String> {
    let FunctionArguments::List(list) = arguments else { return None };
    Some(list.args.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

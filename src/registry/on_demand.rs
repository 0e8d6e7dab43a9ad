//! On-demand feature views for Python: the SQL of a view as a Python function in Feast's `python` mode.
//!
//! Python Feast can run no SQL here. So the registry keeps, next to the SQL, a function that computes the same: a
//! dictionary of lists comes in and one goes out. Where an expression has no equivalent, the function raises.

mod expression;
mod function;
mod select;

use expression::{Inputs, Kind};

use super::python_text::{identifier, repr};
use crate::model::{DataType, OnDemandFeatureView, OnDemandSource, SourceKind, Transformation};

/// A Python function with its source text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PythonFunction {
    /// its name in `text`
    pub name: String,
    /// `def name(inputs): ...`, ending with a line break
    pub text: String,
}

/// A function that computes `expressions` (feature, SQL), or `None` where one of them has no equivalent in Python.
///
/// Columns, numbers, strings, flags, `null`, `+ - * /`, comparisons, `and or not`, `is [not] null`, `coalesce`,
/// `case` and `cast(.. as double)` are known. Nulls follow SQL; whole numbers divide towards zero and raise on a zero,
/// others give infinities and NaN. A row that `filter` does not accept gets nulls. Identifiers mean the column as it is
/// written. Types are those of the values: a number that comes as a Python `int` is a whole number.
#[must_use]
pub fn python_function(name: &str, expressions: &[(String, String)], filter: Option<&str>) -> Option<String> {
    let parsed = select::parse_expressions(expressions, filter)?;
    function::write(&identifier(name), &parsed, None, function::Shape::Lists)
}

/// The name of the view's function in Python.
#[must_use]
pub fn function_name(view: &str) -> String {
    identifier(view)
}

/// The function that stands for the view's SQL in Python: it computes the features, or raises and says why. `None` for
/// a view whose function is Python's own.
///
/// The declared types of the inputs count here: a value of a `Float64` input that comes as `1` is 1.0.
#[must_use]
pub fn function_of(view: &OnDemandFeatureView) -> Option<PythonFunction> {
    let name = function_name(&view.name);
    let parsed = match view.transformation.as_ref()? {
        Transformation::UdfString(_) => return None,
        Transformation::Expressions { expressions, filter } => {
            select::parse_expressions(expressions, filter.as_deref())
        }
        Transformation::Sql(sql) => select::parse_select(sql).map(|parsed| parsed.only(&view.features)),
    };
    let types = function::Types { inputs: inputs(view), features: &view.features };
    let shape = if view.singleton { function::Shape::Single } else { function::Shape::Lists };
    let text = parsed
        .filter(|parsed| parsed.computes_all(&view.features))
        .and_then(|parsed| function::write(&name, &parsed, Some(&types), shape))
        .unwrap_or_else(|| refusal(&name, &view.name));
    Some(PythonFunction { name, text })
}

fn refusal(name: &str, view: &str) -> String {
    let message = format!("on-demand feature view {view} is computed by feast-rs: its SQL has no equivalent in Python");
    format!("def {name}(inputs):\n    raise NotImplementedError({})\n", repr(&message))
}

fn inputs(view: &OnDemandFeatureView) -> Inputs<'_> {
    let mut inputs = Inputs::new();
    for source in view.sources.values() {
        let fields = match source {
            OnDemandSource::View(projection) => projection.features.as_slice(),
            OnDemandSource::Request(source) => match &source.kind {
                SourceKind::Request { schema } => schema.as_slice(),
                _ => continue,
            },
        };
        inputs.extend(fields.iter().map(|field| (field.name.as_str(), kind(&field.dtype))));
    }
    inputs
}

fn kind(dtype: &DataType) -> Option<Kind> {
    match dtype {
        DataType::Int32 | DataType::Int64 => Some(Kind::Whole),
        DataType::Float32 | DataType::Float64 => Some(Kind::Real),
        DataType::String => Some(Kind::Text),
        DataType::Bool => Some(Kind::Flag),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

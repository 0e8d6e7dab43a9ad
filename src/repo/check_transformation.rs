//! `feature_transformation`: one form, a mode that fits, an expression a feature. What the SQL means comes later.

use arrow::datatypes::SchemaRef;

use crate::model::{Definitions, FeatureView, OnDemandFeatureView, Transformation};

use super::check::Context;
use super::codes;
use super::diagnostics::{At, Finding, Spot};
use super::raw::RawField;
use super::raw_view::RawTransformation;

/// Exactly one of the three forms.
pub(super) fn transformation(raw: &RawTransformation, context: &Context<'_>) -> Option<Transformation> {
    let report = |spot, message: &str| context.report(Finding::error(codes::TRANSFORMATION, spot, message));
    if let Some(filter) = raw.filter.as_ref().filter(|_| raw.expressions.is_none()) {
        report(filter.spot, "`filter` goes with `expressions`; in `sql` write WHERE");
    }
    match (&raw.sql, &raw.expressions, &raw.udf_string) {
        (Some(sql), None, None) => Some(Transformation::Sql(sql.value.clone())),
        (None, Some(expressions), None) => Some(Transformation::Expressions {
            expressions: expressions.iter().map(|(name, text)| (name.value.clone(), text.value.clone())).collect(),
            filter: raw.filter.as_ref().map(|filter| filter.value.clone()),
        }),
        (None, None, Some(text)) => Some(Transformation::UdfString(text.value.clone())),
        _ => {
            let start = Spot { end: raw.spot.start + 1, ..raw.spot };
            report(start, "a transformation has exactly one of `sql`, `expressions` and `udf_string`");
            None
        }
    }
}

/// Modes that Python executes.
const PYTHON_MODES: &[&str] = &["python", "pandas", "spark_sql", "spark", "flink", "ray", "trino_sql", "substrait"];

/// The mode as declared, if it fits, else what the transformation means.
pub(super) fn mode(
    declared: Option<&At<String>>,
    transformation: Option<&Transformation>,
    context: &Context<'_>,
) -> Option<String> {
    let udf = matches!(transformation, Some(Transformation::UdfString(_)));
    let meant = transformation.map(|_| if udf { "python" } else { "sql" }.to_owned());
    let Some(declared) = declared else { return meant };
    let lower = declared.value.to_lowercase();
    let name = if lower == "expr" { "sql" } else { lower.as_str() };
    let python = PYTHON_MODES.contains(&name);
    if !python && name != "sql" {
        let names = PYTHON_MODES.iter().copied().chain(["sql"]);
        let message = format!("`{}` is not a mode", declared.value);
        context.report(Finding::error(codes::BAD_VALUE, declared.spot, message).near(name, names));
        return meant;
    }
    if transformation.is_some() && udf != python {
        let message = format!("mode `{}` does not go with this transformation", declared.value);
        let label =
            if udf { "a Python function has one of Python's modes" } else { "sql and expressions have mode sql" };
        context.report(Finding::error(codes::TRANSFORMATION, declared.spot, message).label(label));
        return meant;
    }
    Some(name.to_owned())
}

/// One expression a feature, one feature an expression.
pub(super) fn expressions_fit(
    raw: Option<&RawTransformation>,
    schema: &[RawField],
    join_keys: &[String],
    context: &Context<'_>,
) {
    let Some(expressions) = raw.and_then(|raw| raw.expressions.as_ref()) else { return };
    let names = || schema.iter().map(|field| field.name.value.as_str());
    for (name, _) in expressions {
        if !schema.is_empty() && !names().any(|field| field == name.value) {
            let message = format!("expression `{}` is not a feature of the schema", name.value);
            let finding = Finding::error(codes::TRANSFORMATION, name.spot, message);
            context.report(finding.near(&name.value, names()).note("add it to `schema` with its dtype"));
        }
    }
    for field in schema {
        let computed = expressions.iter().any(|(name, _)| name.value == field.name.value);
        if !computed && !join_keys.contains(&field.name.value) {
            let message = format!("feature `{}` has no expression", field.name.value);
            let names = expressions.iter().map(|(name, _)| name.value.as_str());
            context
                .report(Finding::error(codes::TRANSFORMATION, field.name.spot, message).near(&field.name.value, names));
        }
    }
}

/// Which text of a transformation is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransformationText {
    /// the expression of that feature
    Expression(String),
    /// the filter
    Filter,
    /// the SELECT
    Sql,
}

/// What is wrong with a transformation: told by who compiles it, placed here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransformationProblem {
    /// the text
    pub text: TransformationText,
    /// what is wrong, in one line
    pub message: String,
    /// line and column in the text, from 1, and length, in characters; `None`: all of it
    pub place: Option<(usize, usize, usize)>,
    /// beside the underline; may be empty
    pub label: String,
    /// further lines
    pub notes: Vec<String>,
}

/// Compiles transformations, and answers with everything that is wrong.
pub trait Transformations {
    /// The transformation of a view over the columns of its batch source.
    fn view(&self, view: &FeatureView, files: &SchemaRef) -> Vec<TransformationProblem>;

    /// The transformation of an on-demand view over the features and request values that it takes.
    fn on_demand(&self, view: &OnDemandFeatureView, definitions: &Definitions) -> Vec<TransformationProblem>;
}

/// For whom on-demand views are no matter.
impl<F: Fn(&FeatureView, &SchemaRef) -> Vec<TransformationProblem>> Transformations for F {
    fn view(&self, view: &FeatureView, files: &SchemaRef) -> Vec<TransformationProblem> {
        self(view, files)
    }

    fn on_demand(&self, _view: &OnDemandFeatureView, _definitions: &Definitions) -> Vec<TransformationProblem> {
        Vec::new()
    }
}

/// Reports problems of a transformation where they stand in the file.
pub(super) fn report(raw: &RawTransformation, problems: Vec<TransformationProblem>, context: &Context<'_>) {
    for problem in problems {
        let text = match &problem.text {
            TransformationText::Sql => raw.sql.as_ref(),
            TransformationText::Filter => raw.filter.as_ref(),
            TransformationText::Expression(name) => {
                let found = raw.expressions.iter().flatten().find(|(known, _)| known.value == *name);
                found.map(|(_, text)| text)
            }
        };
        let spot = match (text, problem.place) {
            (Some(text), Some(place)) => context.diagnostics.inside(text, place),
            (Some(text), None) => text.spot,
            (None, _) => Spot { end: raw.spot.start + 1, ..raw.spot },
        };
        let finding = Finding::error(codes::UNCOMPUTABLE, spot, problem.message).label(problem.label);
        context.report(problem.notes.into_iter().fold(finding, Finding::note));
    }
}

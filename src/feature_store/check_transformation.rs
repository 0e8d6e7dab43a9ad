//! `validate`: every expression of a view compiled, and its type held against the declared one.

use arrow::datatypes::{DataType as Arrow, SchemaRef};

use super::on_demand;
use super::references::on_demand_inputs;
use super::transformation::Input;
use crate::model::{
    DataSource, DataType, Definitions, FeatureView, Field, OnDemandFeatureView, RecordType, Transformation,
};
use crate::repo::{TransformationProblem, TransformationText, Transformations};
use crate::row::{Cast, accepts, widens};
use crate::transform::{Compiled, Part, TransformError};

/// Compiles as the verbs do.
pub(super) struct Compiler;

impl Transformations for Compiler {
    fn view(&self, view: &FeatureView, files: &SchemaRef) -> Vec<TransformationProblem> {
        let own = view.batch_source.as_ref().and_then(DataSource::batch);
        let source = own.or_else(|| view.stream_source.as_ref().and_then(DataSource::batch));
        let (Some(source), Some(transformation)) = (source, &view.transformation) else { return Vec::new() };
        let input = Input::of(view, source, files);
        if let Transformation::Expressions { expressions, filter } = transformation {
            return one_by_one(transformation, expressions, filter.as_ref(), &input.schema, &view.features);
        }
        match input.compile(view, transformation, source) {
            Ok(compiled) => unfit(&compiled.compiled, &view.features, |_| TransformationText::Sql),
            Err(error) => vec![problem(&error, transformation)],
        }
    }

    fn on_demand(&self, view: &OnDemandFeatureView, definitions: &Definitions) -> Vec<TransformationProblem> {
        let Some(transformation) = &view.transformation else { return Vec::new() };
        // what has no inputs, or is Python's alone, is told of elsewhere
        let Ok(inputs) = on_demand_inputs(definitions, view) else { return Vec::new() };
        let schema = on_demand::input_schema(&inputs);
        if let Transformation::Expressions { expressions, filter } = transformation {
            return one_by_one(transformation, expressions, filter.as_ref(), &schema, &view.features);
        }
        match on_demand::compile(view, transformation, &schema) {
            Ok(compiled) => unfit(&compiled, &view.features, |_| TransformationText::Sql),
            Err(error) => vec![problem(&error, transformation)],
        }
    }
}

/// Each expression alone, so that a mistake does not hide another.
fn one_by_one(
    transformation: &Transformation,
    expressions: &[(String, String)],
    filter: Option<&String>,
    schema: &SchemaRef,
    features: &[Field],
) -> Vec<TransformationProblem> {
    let mut problems = Vec::new();
    for (name, text) in expressions {
        let Some(feature) = features.iter().find(|feature| feature.name == *name) else { continue };
        let one = Transformation::Expressions { expressions: vec![(name.clone(), text.clone())], filter: None };
        let features = std::slice::from_ref(feature);
        match Compiled::new(&one, schema, &[], features) {
            Ok(compiled) => {
                problems.extend(unfit(&compiled, features, |name| TransformationText::Expression(name.to_owned())));
            }
            Err(error) => problems.push(problem(&error, transformation)),
        }
    }
    let filter = Transformation::Expressions { expressions: Vec::new(), filter: filter.cloned() };
    problems.extend(Compiled::new(&filter, schema, &[], &[]).err().map(|error| problem(&error, transformation)));
    problems
}

/// Features whose computed type does not fit the declared one.
fn unfit(
    compiled: &Compiled,
    features: &[Field],
    text: impl Fn(&str) -> TransformationText,
) -> Vec<TransformationProblem> {
    let mut problems = Vec::new();
    for feature in features {
        let Ok(found) = compiled.schema().field_with_name(&feature.name) else { continue };
        let found = found.data_type();
        if fits(found, &feature.dtype) {
            continue;
        }
        problems.push(TransformationProblem {
            text: text(&feature.name),
            message: format!("feature `{}` is declared {} and computed as {found}", feature.name, feature.dtype),
            place: None,
            label: "it would lose values".to_owned(),
            notes: vec!["declare the wider type, or write CAST(.. AS ..)".to_owned()],
        });
    }
    problems
}

/// Whether every value of a computed type is one of the declared type.
fn fits(found: &Arrow, dtype: &DataType) -> bool {
    let kind = match dtype {
        DataType::Int32 => RecordType::Int32,
        DataType::Int64 => RecordType::Int64,
        DataType::Float32 => RecordType::Float32,
        DataType::Float64 => RecordType::Float64,
        _ => return accepts(found, dtype, Cast::Lossless).is_ok(),
    };
    widens(found, &kind)
}

fn problem(error: &TransformError, transformation: &Transformation) -> TransformationProblem {
    let text = match &error.part {
        Part::Expression(name) => TransformationText::Expression(name.clone()),
        Part::Filter => TransformationText::Filter,
        Part::Sql => TransformationText::Sql,
    };
    let place = error.position.map(|position| (position.line, position.column, position.length));
    let plain = TransformationProblem {
        message: error.message.clone(),
        place,
        label: String::new(),
        notes: error.hint.iter().cloned().collect(),
        text,
    };
    match unknown_column(&error.message) {
        None => plain,
        Some((column, near)) => TransformationProblem {
            message: format!("there is no column `{column}`"),
            place: find(written(transformation, &error.part), &column, place).or(place),
            label: near.map(|near| format!("did you mean `{near}`?")).unwrap_or_default(),
            notes: error
                .message
                .split_once("Valid fields are ")
                .map(|(_, names)| format!("columns: {names}"))
                .into_iter()
                .collect(),
            ..plain
        },
    }
}

/// The column that `DataFusion` does not find, and the one that it proposes.
fn unknown_column(message: &str) -> Option<(String, Option<String>)> {
    let rest = message.strip_prefix("No field named ").or_else(|| Some(message.split_once("No field named ")?.1))?;
    let (name, rest) = rest.split_once(". ").unwrap_or((rest.trim_end_matches('.'), ""));
    let bare = |name: &str| name.rsplit('.').next().unwrap_or(name).trim_matches(['"', '\'']).to_owned();
    let near = rest.strip_prefix("Did you mean '").and_then(|rest| rest.split_once('\'')).map(|(near, _)| bare(near));
    Some((bare(name), near))
}

fn written<'a>(transformation: &'a Transformation, part: &Part) -> &'a str {
    match (transformation, part) {
        (Transformation::Sql(text), _) => text,
        (Transformation::Expressions { filter, .. }, Part::Filter) => filter.as_deref().unwrap_or_default(),
        (Transformation::Expressions { expressions, .. }, Part::Expression(name)) => {
            expressions.iter().find(|(known, _)| known == name).map_or("", |(_, text)| text)
        }
        _ => "",
    }
}

/// The first place of a name as a whole word, at or after `from`.
fn find(text: &str, name: &str, from: Option<(usize, usize, usize)>) -> Option<(usize, usize, usize)> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let from = from.map_or((1, 1), |(line, column, _)| (line, column));
    for (number, line) in (1..).zip(text.split('\n')) {
        for (byte, _) in line.match_indices(name) {
            let before = line.get(..byte).unwrap_or_default();
            let after = line.get(byte + name.len()..).unwrap_or_default();
            let column = before.chars().count() + 1;
            if !before.ends_with(is_part) && !after.starts_with(is_part) && (number, column) >= from {
                return Some((number, column, name.chars().count()));
            }
        }
    }
    None
}

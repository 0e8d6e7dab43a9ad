//! `get-online-features`: the newest values, as a table, as Feast's server answers, or as Feast's command prints.

use serde_json::{Map, Value};

use super::Context;
use super::args::{Format, OnlineArgs};
use super::output::{Columns, Output};
use crate::error::Error;
use crate::feature_store::{FeatureSet, FieldStatus, OnlineRequest, OnlineResponse};

pub fn run(context: &Context, args: &OnlineArgs) -> Result<Output, Error> {
    let store = context.open()?;
    let features = match &args.service {
        Some(name) => FeatureSet::Service(name.clone()),
        None => FeatureSet::References(args.features.clone()),
    };
    let request =
        OnlineRequest { features, entities: by_key(&args.entities), full_feature_names: args.full_feature_names };
    let response = store.get_online_features(&request, context.now)?;
    match context.printer.format() {
        Format::Feast => Output::data(&as_feast(&response), String::new()),
        Format::Csv | Format::Ndjson => Output::data(&as_rows(&response), String::new()),
        _ => Output::data(&response, table(&response)),
    }
}

/// `-e a=1 -e a=2 -e b=3` as columns, in the order in which the keys were first named.
pub fn by_key(pairs: &[(String, String)]) -> Vec<(String, Vec<Value>)> {
    let mut columns: Vec<(String, Vec<Value>)> = Vec::new();
    for (key, value) in pairs {
        let value = Value::from(value.as_str());
        match columns.iter_mut().find(|(name, _)| name == key) {
            Some((_, values)) => values.push(value),
            None => columns.push((key.clone(), vec![value])),
        }
    }
    columns
}

/// Name -> values, as Python's `to_dict()`.
fn as_feast(response: &OnlineResponse) -> Value {
    let names = response.metadata.feature_names.iter();
    Value::Object(names.zip(&response.results).map(|(n, c)| (n.clone(), Value::from(c.values.clone()))).collect())
}

/// One object an entity.
fn as_rows(response: &OnlineResponse) -> Value {
    let rows = response.results.first().map_or(0, |column| column.values.len());
    let row = |index: usize| -> Map<String, Value> {
        let names = response.metadata.feature_names.iter();
        names.zip(&response.results).map(|(n, c)| (n.clone(), c.values[index].clone())).collect()
    };
    (0..rows).map(|index| Value::Object(row(index))).collect()
}

fn table(response: &OnlineResponse) -> String {
    let headings: Vec<&str> = response.metadata.feature_names.iter().map(String::as_str).collect();
    let mut columns = Columns::new(&headings);
    let rows = response.results.first().map_or(0, |column| column.values.len());
    for index in 0..rows {
        columns.row(response.results.iter().map(|column| match column.statuses[index] {
            FieldStatus::NotFound => "NOT_FOUND".to_owned(),
            FieldStatus::OutsideMaxAge => "OUTSIDE_MAX_AGE".to_owned(),
            FieldStatus::Invalid => "INVALID".to_owned(),
            FieldStatus::Present => match &column.values[index] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            },
        }));
    }
    columns.text()
}

//! `list` and `describe` of every kind.

use serde_json::Value;

use super::Context;
use super::args::Inspect;
use super::output::{Columns, Output};
use crate::error::Error;
use crate::feature_store::Listing;

pub fn run(context: &Context, listing: Listing, what: &Inspect) -> Result<Output, Error> {
    let store = context.open()?;
    match what {
        Inspect::List { tags } => {
            let rows = store.list(listing, tags)?;
            Output::new(&rows, table(listing, &rows))
        }
        Inspect::Describe { name } => {
            let description = store.describe(listing, name)?;
            Output::new(&description.message, description.text)
        }
    }
}

/// Heading and JSON member of each column.
fn columns(listing: Listing) -> &'static [(&'static str, &'static str)] {
    match listing {
        Listing::Entities => {
            &[("NAME", "name"), ("JOIN KEY", "join_key"), ("TYPE", "value_type"), ("DESCRIPTION", "description")]
        }
        Listing::DataSources => {
            &[("NAME", "name"), ("TYPE", "type"), ("LOCATION", "location"), ("BATCH SOURCE", "batch_source")]
        }
        Listing::FeatureViews | Listing::StreamFeatureViews | Listing::OnDemandFeatureViews => &[
            ("NAME", "name"),
            ("KIND", "kind"),
            ("ENTITIES", "entities"),
            ("FEATURES", "features"),
            (">TTL", "ttl_seconds"),
            ("ONLINE", "online"),
            ("SOURCE", "source"),
        ],
        Listing::FeatureServices => &[("NAME", "name"), ("FEATURES", "features")],
        Listing::Features => {
            &[("NAME", "name"), ("VIEW", "feature_view"), ("DTYPE", "dtype"), ("DESCRIPTION", "description")]
        }
        Listing::Projects => &[("NAME", "name"), ("DESCRIPTION", "description"), ("OWNER", "owner")],
    }
}

fn table(listing: Listing, rows: &[Value]) -> String {
    let columns = columns(listing);
    let headings: Vec<&str> = columns.iter().map(|(heading, _)| *heading).collect();
    let mut table = Columns::new(&headings);
    for row in rows {
        table.row(columns.iter().map(|(_, member)| cell(member, &row[*member])));
    }
    table.text()
}

/// A JSON member as a cell of the table: names of objects, durations in words.
fn cell(member: &str, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Value::Number(seconds) if member == "ttl_seconds" => match seconds.as_i64() {
            None | Some(0) => "-".to_owned(),
            Some(seconds) => crate::model::Span::from_seconds(seconds).to_string(),
        },
        Value::Array(items) => {
            let names = items.iter().map(|item| item["name"].as_str().or(item.as_str()).unwrap_or_default());
            names.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

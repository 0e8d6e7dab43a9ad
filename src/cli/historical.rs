//! `get-historical-features`: a file with a line about it, or rows on the screen.

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::json::writer::{JsonArray, WriterBuilder};
use serde_json::Value;

use super::args::{Format, HistoricalArgs};
use super::exit::Exit;
use super::output::{Columns, Output, counted, grouped};
use super::progress::{Bar, peak_memory};
use super::{Context, absolute};
use crate::error::Error;
use crate::feature_store::{EntityRows, FeatureSet, HistoricalReport, HistoricalRequest, RefusedValue};

/// Rows that a table on the screen shows.
const SHOWN: usize = 20;

pub fn run(context: &Context, args: &HistoricalArgs) -> Result<Output, Error> {
    let request = HistoricalRequest {
        features: match &args.service {
            Some(name) => FeatureSet::Service(name.clone()),
            None => FeatureSet::References(args.features.clone()),
        },
        entities: entities(&args.entity_df)?,
        full_feature_names: args.full_feature_names,
        out: args.out.as_deref().map(absolute).transpose()?,
    };
    let store = context.open()?;
    let bar = Bar::new(context.printer.progress());
    let report = store.get_historical_features(&request, context.now, &bar)?;
    bar.clear();
    tell(context, &report);
    let exit = if report.refused > 0 { Exit::Partial } else { Exit::Done };
    let output = match (&report.out, context.printer.format()) {
        (Some(out), _) => Output::new(&report, written(&report, out)),
        (None, Format::Table) => Output::data(&report, screen(&report)?),
        (None, _) => Output::data(&rows(&report.table)?, String::new()),
    };
    Ok(output?.ending(exit))
}

/// What begins like JSON is no name of a file.
fn entities(text: &str) -> Result<EntityRows, Error> {
    Ok(if text.trim_start().starts_with(['[', '{']) {
        EntityRows::Json(text.to_owned())
    } else {
        EntityRows::File(absolute(Path::new(text))?)
    })
}

fn tell(context: &Context, report: &HistoricalReport) {
    if report.event_timestamp != "event_timestamp" {
        let column = &report.event_timestamp;
        context.printer.info(&format!("`{column}` is taken as the event time; name it `event_timestamp` to say so"));
    }
    for RefusedValue { file, row, column, value, reason } in &report.refusals {
        context
            .printer
            .warn(&format!("row {row} of {file}: `{column}` is {value}: {reason}; it is null in the answer"));
    }
    let unsaid = report.refused.saturating_sub(report.refusals.len() as u64);
    if unsaid > 0 {
        context.printer.warn(&format!("{} more values do not fit and are null", grouped(unsaid)));
    }
}

fn written(report: &HistoricalReport, out: &Path) -> String {
    let peak = peak_memory().map(|mb| format!(", peak {mb} MB")).unwrap_or_default();
    let columns = counted(report.columns.len(), "column");
    format!("Wrote {} rows of {columns} to {} in {:.2} s{peak}.", grouped(report.rows), out.display(), report.seconds)
}

fn screen(report: &HistoricalReport) -> Result<String, Error> {
    let mut first = Vec::new();
    let mut room = SHOWN;
    for batch in &report.table {
        let part = batch.slice(0, room.min(batch.num_rows()));
        room -= part.num_rows();
        first.push(part);
    }
    let headings: Vec<&str> = report.columns.iter().map(String::as_str).collect();
    let mut columns = Columns::new(&headings);
    for row in rows(&first)?.as_array().into_iter().flatten().filter_map(Value::as_object) {
        columns.row(row.values().map(|value| match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }));
    }
    let cut = report.rows > SHOWN as u64;
    let note = if cut {
        format!("\n{SHOWN} of {} rows; `--out FILE` writes all", grouped(report.rows))
    } else {
        String::new()
    };
    Ok(columns.text() + &note)
}

/// One object a row, its nulls written out.
fn rows(table: &[RecordBatch]) -> Result<Value, Error> {
    let failed = |error: ArrowError| Error::internal("print the rows as JSON", error);
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
    for batch in table {
        writer.write(batch).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    let bytes = writer.into_inner();
    // an array without rows is not even begun
    let bytes = if bytes.is_empty() { b"[]".to_vec() } else { bytes };
    serde_json::from_slice(&bytes).map_err(|error| Error::internal("print the rows as JSON", error))
}

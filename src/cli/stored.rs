//! `online get`, `count`, `diff` and `expire`: what is stored, and what should not be.

use serde_json::Value;

use super::args::{ExpireArgs, OnlineCommand};
use super::exit::Exit;
use super::online::by_key;
use super::output::{Columns, Output, grouped};
use super::progress::Bar;
use super::{Context, apply};
use crate::error::Error;
use crate::feature_store::{CountReport, DiffReport, Expiry, ExpiryScope, StoredEntity};
use crate::model::{Interval, Span};

pub fn run(context: &Context, command: &OnlineCommand) -> Result<Output, Error> {
    match command {
        OnlineCommand::Get { view, entities } => {
            let found = context.open()?.online_get(view, &by_key(entities), context.now)?;
            Output::data(&found, get_screen(&found))
        }
        OnlineCommand::Count { view } => {
            let counts = context.open()?.online_count(view.as_deref())?;
            Output::new(&counts, count_screen(&counts, view.is_some()))
        }
        OnlineCommand::Diff { view, start, end } => {
            let window = match (start, end) {
                (Some(start), Some(end)) => Some(Interval { start: context.time(start)?, end: context.time(end)? }),
                _ => None,
            };
            diff(context, view, window)
        }
        OnlineCommand::Expire(args) => expire(context, args),
    }
}

fn get_screen(entities: &[StoredEntity]) -> String {
    let mut blocks = Vec::new();
    for StoredEntity { view, entity, values, .. } in entities {
        let named = entity.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect::<Vec<_>>().join(" ");
        if values.is_empty() {
            blocks.push(format!("{view}  {named}\nnothing is stored"));
            continue;
        }
        let mut table = Columns::new(&["FEATURE", "VALUE", "EVENT TIME", "CREATED", "WRITTEN BY", ""]);
        for value in values {
            let note = match (value.registered, value.expired) {
                (false, _) => "no feature of the view",
                (true, true) => "older than the ttl",
                (true, false) => "",
            };
            table.row([
                value.feature.clone(),
                plain(&value.value),
                value.event_timestamp.clone(),
                value.created_timestamp.clone().unwrap_or_else(|| "-".to_owned()),
                serde_json::to_value(value.writer).map(|writer| plain(&writer)).unwrap_or_default(),
                note.to_owned(),
            ]);
        }
        blocks.push(format!("{view}  {named}\n{}", table.text()));
    }
    blocks.join("\n\n")
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn count_screen(counts: &[CountReport], by_feature: bool) -> String {
    let mut table = Columns::new(&["VIEW", ">KEYS", ">VALUES", "OLDEST EVENT", "NEWEST EVENT"]);
    for count in counts {
        let time = |time: &Option<String>| time.clone().unwrap_or_else(|| "-".to_owned());
        let keys = if count.exists { grouped(count.keys) } else { "no table".to_owned() };
        let (oldest, newest) = (time(&count.oldest), time(&count.newest));
        table.row([count.view.clone(), keys, grouped(count.values), oldest, newest]);
    }
    let mut text = table.text();
    if by_feature {
        let mut table = Columns::new(&["FEATURE", ">VALUES", ">NULLS", ">BY PYTHON", "NEWEST EVENT", ""]);
        for feature in counts.iter().flat_map(|count| &count.features) {
            table.row([
                feature.feature.clone(),
                grouped(feature.values),
                grouped(feature.nulls),
                grouped(feature.by_python),
                feature.newest.clone().unwrap_or_else(|| "-".to_owned()),
                if feature.registered { "" } else { "no feature of the view" }.to_owned(),
            ]);
        }
        text.push_str(&format!("\n\n{}", table.text()));
    }
    text
}

fn diff(context: &Context, view: &str, window: Option<Interval>) -> Result<Output, Error> {
    let bar = Bar::new(context.printer.progress());
    let report = context.open()?.online_diff(view, window, context.now, &bar)?;
    bar.clear();
    let exit = if report.is_equal() { Exit::Done } else { Exit::Findings };
    Ok(Output::data(&report, diff_screen(&report))?.ending(exit))
}

fn diff_screen(report: &DiffReport) -> String {
    let mut text = String::new();
    if !report.differences.is_empty() {
        let mut table = Columns::new(&["KIND", "ENTITY", "FEATURE", "STORED", "EVENT", "SOURCE", "EVENT"]);
        let shown = |value: &Option<Value>| value.as_ref().map_or_else(|| "-".to_owned(), plain);
        let time = |time: &Option<String>| time.clone().unwrap_or_else(|| "-".to_owned());
        for one in &report.differences {
            table.row([
                serde_json::to_value(one.kind).map(|kind| plain(&kind)).unwrap_or_default(),
                one.entity.to_string(),
                one.feature.clone(),
                shown(&one.stored),
                time(&one.stored_event),
                shown(&one.source),
                time(&one.source_event),
            ]);
        }
        text = format!("{}\n\n", table.text());
    }
    let verdict = if report.is_equal() { "the store is what the source says" } else { "they differ" };
    let mut said = vec![format!("{} equal", grouped(report.equal))];
    for (number, what) in [
        (report.newer, "newer in the store"),
        (report.expired, "past their ttl"),
        (report.missing, "missing"),
        (report.older, "older in the store"),
        (report.value, "of another value"),
        (report.extra, "entities only in the store"),
    ] {
        if number > 0 {
            said.push(format!("{} {what}", grouped(number)));
        }
    }
    if report.refused > 0 {
        said.push(format!("{} rows of the source refused", grouped(report.refused)));
    }
    text.push_str(&format!(
        "{}: {verdict}, from {} to {}: {} ({})",
        report.view,
        report.start,
        report.end,
        said.join(", "),
        if report.keys == 1 { "1 entity".to_owned() } else { format!("{} entities", grouped(report.keys)) },
    ));
    text
}

fn expire(context: &Context, args: &ExpireArgs) -> Result<Output, Error> {
    let store = context.open()?;
    let scope = if args.future { ExpiryScope::Future } else { ExpiryScope::OlderThanTtl };
    let found = store.expiry(args.view.as_deref(), scope, context.now)?;
    let values: u64 = found.iter().map(|expiry| expiry.values).sum();
    if values == 0 {
        return Output::new(&found, format!("{}Nothing to delete.", expiry_screen(&found)));
    }
    if !args.yes {
        apply::consent(context, &expiry_screen(&found), &apply::values(values), "`--yes` answers the question")?;
    }
    let done = store.expire(&found)?;
    let gone: u64 = done.iter().map(|expiry| expiry.values).sum();
    Output::new(&done, format!("{}Deleted {}.", expiry_screen(&done), apply::values(gone)))
}

fn expiry_screen(found: &[Expiry]) -> String {
    let line = |expiry: &Expiry| {
        let ttl = expiry.ttl_seconds.map_or_else(
            || "no ttl: kept for ever".to_owned(),
            |seconds| format!("ttl {}", Span::from_seconds(seconds)),
        );
        let values = if expiry.values == 0 { "nothing".to_owned() } else { apply::values(expiry.values) };
        format!("  - {:<30} {:<24} {values}\n", expiry.view, ttl)
    };
    found.iter().map(line).collect()
}

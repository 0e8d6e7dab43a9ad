//! `plan`, `apply`, `teardown` and `delete`: their screens, and the question before something is lost.

use std::io::{self, BufRead, IsTerminal};

use super::Context;
use super::args::{ApplyArgs, ConsentArgs, DeleteArgs, KindArg, PlanArgs, PlanScope as ScopeArgs, PruneArg};
use super::exit::Exit;
use super::output::{GREEN, Output, RED, YELLOW, grouped, paint};
use crate::error::{Error, Kind};
use crate::feature_store::{Action, Change, Detail, FeatureStore, PlanScope, Planned, Prune, Removal};
use crate::model::ObjectKind;

/// How often an `apply` that only adds plans anew because another program was faster.
const ATTEMPTS: u32 = 10;
const NO_CHANGES: &str = "No changes: the registry and the online store are as the definitions say.";

pub fn plan(context: &Context, args: &PlanArgs) -> Result<Output, Error> {
    let store = context.open()?;
    let planned = store.plan(scope(&args.scope), context.now)?;
    context.tell(&planned.warnings, &[]);
    let output = Output::new(&planned.report(), screen(context, &store, &planned))?;
    let changes = args.detailed_exitcode && !planned.is_empty();
    Ok(output.ending(if changes { Exit::Changes } else { Exit::Done }))
}

pub fn apply(context: &Context, args: &ApplyArgs) -> Result<Output, Error> {
    let store = context.open()?;
    let mut planned = agreed_plan(context, &store, args)?;
    context.tell(&planned.warnings, &[]);
    for attempt in 1.. {
        match store.apply(&planned, context.now) {
            // another program was faster; what only adds is planned anew from what it left
            Err(error) if error.kind() == Kind::Conflict && attempt < ATTEMPTS && !planned.is_destructive() => {
                planned = agreed_plan(context, &store, args)?;
            }
            done => {
                done?;
                break;
            }
        }
    }
    let done = if planned.is_empty() { NO_CHANGES.to_owned() } else { applied(context, &store, &planned) };
    Output::new(&planned.report(), done)
}

/// A plan that loses nothing, or that the user agreed to.
fn agreed_plan(context: &Context, store: &FeatureStore, args: &ApplyArgs) -> Result<Planned, Error> {
    let planned = store.plan(scope(&args.scope), context.now)?;
    let agreed = args.allow_destroy || (args.yes && somebody_is_there());
    if planned.is_destructive() && !agreed {
        let screen = screen(context, store, &planned);
        consent(
            context,
            &screen,
            &loss(&planned),
            "review it with `feast-rs plan`, then apply with `--allow-destroy`",
        )?;
    }
    Ok(planned)
}

pub fn teardown(context: &Context, args: &ConsentArgs) -> Result<Output, Error> {
    let store = context.open()?;
    let removal = store.removal_of_everything()?;
    if removal == Removal::default() {
        return Output::new(
            &removal,
            format!("Nothing to remove: project `{}` is not registered.", store.settings.project),
        );
    }
    if !args.yes {
        consent(context, &removal_screen(&removal), &removal_loss(&removal), "`--yes` answers the question")?;
    }
    store.teardown()?;
    Output::new(&removal, format!("{}Removed project `{}`.", removal_screen(&removal), store.settings.project))
}

pub fn delete(context: &Context, args: &DeleteArgs) -> Result<Output, Error> {
    let store = context.open()?;
    let (id, removal) = store.removal_of(kind(args.kind), &args.name)?;
    if !args.consent.yes {
        consent(context, &removal_screen(&removal), &removal_loss(&removal), "`--yes` answers the question")?;
    }
    store.delete(&id, context.now)?;
    Output::new(&removal, format!("{}Deleted {} `{}`.", removal_screen(&removal), id.kind, id.name))
}

fn scope(args: &ScopeArgs) -> PlanScope {
    PlanScope {
        skip_source_validation: args.skip_source_validation,
        keep_orphans: args.keep_orphans,
        prune: match args.prune {
            PruneArg::Own => Prune::Own,
            PruneArg::All => Prune::All,
            PruneArg::None => Prune::None,
        },
    }
}

fn kind(kind: KindArg) -> ObjectKind {
    match kind {
        KindArg::Entity => ObjectKind::Entity,
        KindArg::DataSource => ObjectKind::DataSource,
        KindArg::FeatureView => ObjectKind::FeatureView,
        KindArg::StreamFeatureView => ObjectKind::StreamFeatureView,
        KindArg::OnDemandFeatureView => ObjectKind::OnDemandFeatureView,
        KindArg::FeatureService => ObjectKind::FeatureService,
    }
}

/// Whether there is a terminal, at which somebody sees what a command says.
fn somebody_is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Shows what would go and asks. Without a terminal nobody can be asked.
pub fn consent(context: &Context, screen: &str, loss: &str, hint: &str) -> Result<(), Error> {
    if !somebody_is_there() {
        context.printer.warn(&format!("what would go:\n{}", screen.trim_end()));
        return Err(Error::Consent { what: loss.to_owned(), hint: hint.to_owned() });
    }
    context.printer.ask(&format!("{screen}\n{loss} would be lost. Go on? [y/N] "));
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(|e| Error::io("read the answer", e))?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Error::Declined),
    }
}

fn loss(planned: &Planned) -> String {
    let views = planned.plan.changes.iter().filter(|change| change.action == Action::Delete && is_view(change));
    let names: Vec<String> = views.map(|change| format!("`{}`", change.id.name)).collect();
    let values = values(planned.destroyed_values);
    match names.as_slice() {
        [] => values,
        names => format!("{} with {values}", names.join(", ")),
    }
}

pub fn values(count: u64) -> String {
    if count == 1 { "1 stored value".to_owned() } else { format!("{} stored values", grouped(count)) }
}

fn is_view(change: &Change) -> bool {
    matches!(change.id.kind, ObjectKind::FeatureView | ObjectKind::StreamFeatureView)
}

/// The screen of `plan`.
fn screen(context: &Context, store: &FeatureStore, planned: &Planned) -> String {
    let mut text = body(context, store, planned);
    if planned.is_empty() {
        text.push_str(NO_CHANGES);
        return text;
    }
    let count = |action| planned.plan.changes.iter().filter(|change| change.action == action).count();
    let destroyed = match planned.destroyed_values {
        0 => String::new(),
        1 => "   1 stored value would be deleted.".to_owned(),
        number => format!("   {} stored values would be deleted.", grouped(number)),
    };
    text.push_str(&format!(
        "Plan: {} to add, {} to change, {} to destroy.{destroyed}",
        count(Action::Create),
        count(Action::Update),
        count(Action::Delete)
    ));
    text
}

fn applied(context: &Context, store: &FeatureStore, planned: &Planned) -> String {
    let count = |action| planned.plan.changes.iter().filter(|change| change.action == action).count();
    format!(
        "{}Applied: {} added, {} changed, {} destroyed.",
        body(context, store, planned),
        count(Action::Create),
        count(Action::Update),
        count(Action::Delete)
    )
}

/// The changes, one below the other, then the state of the tables, then what is left alone.
fn body(context: &Context, store: &FeatureStore, planned: &Planned) -> String {
    let colour = context.printer.colour();
    let mut text = String::new();
    for change in &planned.plan.changes {
        text.push_str(&change_lines(planned, change, colour));
    }
    if !planned.drift.is_empty() || !planned.pending.is_empty() {
        text.push_str(&format!("online store {}\n", store.online_store_name()));
    }
    for drift in &planned.drift {
        text.push_str(&format!("  {} drift: {}\n", paint("!", YELLOW, colour), drift.message));
    }
    for step in &planned.pending {
        text.push_str(&format!(
            "  {} table {}: an interrupted command left work, which `apply` finishes\n",
            paint("!", YELLOW, colour),
            step.table()
        ));
    }
    for id in &planned.plan.unmanaged {
        text.push_str(&format!("  . {:<22} {:<25} unmanaged: applied by Python, left alone\n", id.kind, id.name));
    }
    text
}

fn change_lines(planned: &Planned, change: &Change, colour: bool) -> String {
    let (mark, sgr) = match change.action {
        Action::Create => ("+", GREEN),
        Action::Update => ("~", YELLOW),
        Action::Delete => ("-", RED),
    };
    let lost = planned.values_of(&change.id.name, None);
    let about = match (change.action, &change.origin) {
        (Action::Delete, _) if is_view(change) => format!("DESTROY   {}", values(lost)),
        (Action::Update, Some(origin)) => format!("{}:{}", origin.file, origin.line),
        _ => change.note.clone(),
    };
    let line = format!("{:<22} {:<25} {about}", change.id.kind, change.id.name);
    let mut text = format!("  {} {}\n", paint(mark, sgr, colour), line.trim_end());
    if change.action == Action::Update {
        for detail in &change.details {
            text.push_str(&detail_line(planned, change, detail, colour));
        }
        if is_view(change) && lost > 0 {
            text.push_str(&format!(
                "      {} all rows: their keys change; removes {}\n",
                paint("-", RED, colour),
                values(lost)
            ));
        }
    }
    text
}

/// `~ ttl                1d -> 7d`, `- feature            avg_daily_trips  Int64            removes 5 stored values`
fn detail_line(planned: &Planned, change: &Change, detail: &Detail, colour: bool) -> String {
    let (mark, sgr, what) = match (&detail.from, &detail.to) {
        (None, Some(to)) => ("+", GREEN, to.clone()),
        (Some(from), None) => ("-", RED, from.clone()),
        (from, to) => ("~", YELLOW, format!("{} -> {}", shown(from.as_deref()), shown(to.as_deref()))),
    };
    let named = ["feature", "tag"].iter().find_map(|kind| {
        let name = detail.field.strip_prefix(kind)?.strip_prefix(' ')?;
        Some((*kind, name))
    });
    let (field, name) = named.unwrap_or((detail.field.as_str(), ""));
    let what = if name.is_empty() { what } else { format!("{name}  {what}") };
    let removed = if field == "feature" { planned.values_of(&change.id.name, Some(name)) } else { 0 };
    let removes = if removed > 0 { format!("removes {}", values(removed)) } else { String::new() };
    let line = format!("{field:<18} {what:<32} {removes}");
    format!("      {} {}\n", paint(mark, sgr, colour), line.trim_end())
}

fn shown(value: Option<&str>) -> &str {
    match value {
        None | Some("") => "(none)",
        Some(text) => text,
    }
}

fn removal_screen(removal: &Removal) -> String {
    let objects = removal.objects.iter().map(|object| format!("  - {object}\n"));
    let tables = removal.tables.iter().map(|(table, count)| format!("  - table {table}   {}\n", values(*count)));
    objects.chain(tables).collect()
}

fn removal_loss(removal: &Removal) -> String {
    let objects = super::output::counted(removal.objects.len(), "object");
    format!("{objects} with {}", values(removal.tables.values().sum()))
}

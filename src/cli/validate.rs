//! `validate`: reads and checks everything, writes nothing.

use super::Context;
use super::args::ValidateArgs;
use super::output::{Output, counted};
use crate::error::Error;

pub fn run(context: &Context, args: &ValidateArgs) -> Result<Output, Error> {
    let store = context.open()?;
    let report = store.validate(args.skip_source_validation, context.now)?;
    context.tell(&report.warnings, &report.notices);
    let counts: Vec<String> = [
        (report.entities, "entity", "entities"),
        (report.data_sources, "data source", "data sources"),
        (report.feature_views, "feature view", "feature views"),
        (report.on_demand_feature_views, "on-demand feature view", "on-demand feature views"),
        (report.feature_services, "feature service", "feature services"),
    ]
    .iter()
    .filter(|(count, _, _)| *count > 0)
    .map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many }))
    .collect();
    let counts = if counts.is_empty() { "no definitions".to_owned() } else { counts.join(", ") };
    let warnings = match report.warnings.len() {
        0 => String::new(),
        number => format!(", {}", counted(number, "warning")),
    };
    Output::new(&report, format!("Valid: {counts}{warnings}."))
}

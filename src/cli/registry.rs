//! `registry-dump` and `registry ...`.

use serde_json::Value;

use super::Context;
use super::args::{ExportFormat, Format, RegistryCommand};
use super::exit::Exit;
use super::output::{Output, RED, YELLOW, counted, paint};
use crate::error::Error;
use crate::feature_store::{Finding, Severity};

/// The dump is JSON in any case; only YAML is another form of it.
pub fn dump(context: &Context) -> Result<Output, Error> {
    let dump = context.open()?.registry_dump()?;
    let text = serde_json::to_string_pretty(&dump).map_err(|e| Error::internal("print the registry", e))?;
    Output::new(&dump, text)
}

pub fn run(context: &Context, command: &RegistryCommand) -> Result<Output, Error> {
    let store = context.open()?;
    match command {
        RegistryCommand::Import { file } => {
            let report = store.import_registry(file, context.now)?;
            Output::new(&report, format!("Imported {}.", counted(report.objects, "object")))
        }
        RegistryCommand::Export { format } => {
            let text = match format {
                ExportFormat::Yaml => store.export_yaml()?,
                ExportFormat::Python => store.export_python()?,
            };
            if !matches!(context.printer.format(), Format::Table | Format::Yaml) {
                return Err(Error::invalid("an export is a file of definitions, not a table", "leave `-o` out"));
            }
            context.printer.text(&text)?;
            Output::new(&Value::Null, String::new())
        }
        RegistryCommand::Check => {
            let findings = store.check_registry()?;
            let bad = findings.iter().any(|finding| finding.severity == Severity::Error);
            let output = Output::new(&findings, check_screen(&findings, context.printer.colour()))?;
            Ok(output.ending(if bad { Exit::Findings } else { Exit::Done }))
        }
    }
}

fn check_screen(findings: &[Finding], colour: bool) -> String {
    if findings.is_empty() {
        return "The registry is whole.".to_owned();
    }
    let mut text = String::new();
    for finding in findings {
        let mark = match finding.severity {
            Severity::Error => paint("error", RED, colour),
            Severity::Warning => paint("warning", YELLOW, colour),
        };
        text.push_str(&format!("{mark}  {} `{}`: {}\n", finding.table, finding.name, finding.message));
        if let Some(hint) = &finding.hint {
            text.push_str(&format!("  hint: {hint}\n"));
        }
    }
    text
}

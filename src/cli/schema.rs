//! `schema`: the JSON Schema that editors check definitions with.

use std::path::Path;

use serde_json::json;

use super::Context;
use super::output::Output;
use crate::error::Error;
use crate::repo::{SCHEMA_FILE, json_schema};

pub fn run(context: &Context, print: bool) -> Result<Output, Error> {
    let schema = json_schema();
    let text = serde_json::to_string_pretty(&schema).map_err(|e| Error::internal("print the schema", e))?;
    if print {
        return Output::new(&schema, text);
    }
    let settings = context.location()?.find()?;
    let file = settings.parent().unwrap_or(Path::new(".")).join(SCHEMA_FILE);
    write(&file, &text).map_err(|e| Error::io(format!("write `{}`", file.display()), e))?;
    let said = format!(
        "Wrote {SCHEMA_FILE}. Editors use it for a file that begins with\n  # yaml-language-server: $schema={SCHEMA_FILE}"
    );
    Output::new(&json!({"file": file.display().to_string()}), said)
}

fn write(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(file, format!("{text}\n"))
}

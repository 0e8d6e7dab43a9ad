//! `configuration`: the settings that hold, each with its origin.

use serde_json::Value;

use super::Context;
use super::output::{Columns, Output};
use crate::error::Error;
use crate::model::{MASK, is_secret, without_passwords};
use crate::repo::{self, Setting};

/// The environment variables that feast-rs looks at itself, or the AWS libraries do.
const VARIABLES: &[&str] = &[
    "FEATURE_REPO_DIR_ENV_VAR",
    "FEAST_FS_YAML_FILE_PATH",
    "FEAST_NO_PROGRESS",
    "NO_COLOR",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_KINESIS",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
];

pub fn run(context: &Context) -> Result<Output, Error> {
    let mut settings = repo::configuration(&context.location()?.find()?, context.env)?;
    for name in VARIABLES {
        let Some(value) = (context.env)(name) else { continue };
        let value = if is_secret(name) { MASK.to_owned() } else { without_passwords(&value).into_owned() };
        settings.push(Setting { key: (*name).to_owned(), value: Value::from(value), origin: "environment".to_owned() });
    }
    let mut table = Columns::new(&["SETTING", "VALUE", "ORIGIN"]);
    for setting in &settings {
        let value = match &setting.value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        table.row([setting.key.clone(), value, setting.origin.clone()]);
    }
    Output::new(&settings, table.text())
}

//! `doctor`: what is wrong, each line with its cure.

use super::Context;
use super::exit::Exit;
use super::output::{GREEN, Output, RED, YELLOW, paint};
use super::progress::Bar;
use crate::error::Error;
use crate::feature_store::{Check, CheckStatus};

pub fn run(context: &Context) -> Result<Output, Error> {
    let bar = Bar::new(context.printer.progress());
    let checks = context.open()?.doctor(context.now, &bar);
    bar.clear();
    let failed = checks.iter().any(|check| check.status == CheckStatus::Fail);
    let screen = screen(&checks, context.printer.colour());
    Ok(Output::new(&checks, screen)?.ending(if failed { Exit::Findings } else { Exit::Done }))
}

fn screen(checks: &[Check], colour: bool) -> String {
    let width = checks.iter().map(|check| check.check.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let (word, sgr) = match check.status {
            CheckStatus::Ok => ("ok  ", GREEN),
            CheckStatus::Warn => ("warn", YELLOW),
            CheckStatus::Fail => ("FAIL", RED),
        };
        text.push_str(&format!("{}  {:<width$}  {}\n", paint(word, sgr, colour), check.check, check.message));
        if let Some(fix) = &check.fix {
            text.push_str(&format!("{:6}{:<width$}  -> {fix}\n", "", ""));
        }
    }
    let count = |status| checks.iter().filter(|check| check.status == status).count();
    text.push_str(&format!(
        "{} ok, {} to look at, {} failed",
        count(CheckStatus::Ok),
        count(CheckStatus::Warn),
        count(CheckStatus::Fail)
    ));
    text
}

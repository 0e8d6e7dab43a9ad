//! `explain`: what an error code means.

use serde::Serialize;

use super::output::{Columns, Output};
use crate::error::{self, Error};
use crate::repo;

#[derive(Serialize)]
struct Explanation {
    code: &'static str,
    title: &'static str,
    text: &'static str,
}

pub fn run(code: Option<&str>) -> Result<Output, Error> {
    let all: Vec<Explanation> =
        repo::CODES.iter().chain(error::CODES).map(|(code, title, text)| Explanation { code, title, text }).collect();
    let Some(code) = code else {
        let mut table = Columns::new(&["CODE", "MEANING"]);
        for one in &all {
            table.row([one.code, one.title]);
        }
        return Output::new(&all, table.text());
    };
    let found = all.iter().find(|one| one.code.eq_ignore_ascii_case(code));
    let found = found.ok_or_else(|| Error::not_found("error code", code, all.iter().map(|one| one.code)))?;
    Output::new(found, format!("{}: {}\n\n{}", found.code, found.title, found.text))
}

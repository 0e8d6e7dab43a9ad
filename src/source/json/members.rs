//! The members of an object as they are written.

use std::borrow::Cow;

use super::scan::{Scanner, Value};

/// The keys of the object `text` with the texts of their values, in order.
///
/// # Errors
/// It is not one JSON object and nothing else; said for a human.
pub fn members(text: &str) -> Result<Vec<(Cow<'_, str>, &str)>, String> {
    let mut scanner = Scanner::new(text);
    let wrong = |what: &str, at: usize| format!("{what} (byte {at})");
    let told = |syntax: super::scan::Syntax| wrong(syntax.what, syntax.at);
    if !matches!(scanner.value().map_err(told)?, Value::Object) {
        return Err("it is no object".to_owned());
    }
    let (mut members, mut first) = (Vec::new(), true);
    while let Some(key) = scanner.key(&mut first).map_err(told)? {
        let key = key.text().ok_or_else(|| wrong("a key holds half a character", scanner.at()))?;
        scanner.peek();
        let start = scanner.at();
        scanner.skip().map_err(told)?;
        members.push((key, scanner.since(start)));
    }
    match scanner.peek() {
        None => Ok(members),
        Some(_) => Err(wrong("something follows the object", scanner.at())),
    }
}

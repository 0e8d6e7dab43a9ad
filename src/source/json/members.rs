//! Texts of JSON looked at from outside: whether they are whole, and the members of an object as they are written.

use std::borrow::Cow;

use super::scan::{Scanner, Value};

/// Whether a text is one JSON value and nothing else.
#[must_use]
pub fn is_json(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    scanner.skip().is_ok() && scanner.peek().is_none()
}

/// What an object looks like from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableForm {
    /// one object, and all its values are arrays
    Columns,
    /// anything else
    Records,
}

/// Whether a text is Feast's object of columns.
#[must_use]
pub fn table_form(text: &str) -> TableForm {
    match members(text) {
        Ok(members) if !members.is_empty() && members.iter().all(|(_, value)| value.starts_with('[')) => {
            TableForm::Columns
        }
        _ => TableForm::Records,
    }
}

/// These rows of an object of columns, each as an object of its own.
#[must_use]
pub fn rows_of_columns(text: &str, rows: &[u32]) -> Vec<Vec<u8>> {
    let columns = members(text).unwrap_or_default();
    let columns: Vec<_> = columns.iter().map(|(name, array)| (name, items(array))).collect();
    let row = |row: &u32| {
        let mut object = Vec::new();
        for (name, items) in &columns {
            object.extend_from_slice(if object.is_empty() { b"{" } else { b", " });
            // writing into memory does not fail
            let _ = serde_json::to_writer(&mut object, name);
            object.extend_from_slice(b": ");
            object.extend_from_slice(items.get(*row as usize).map_or("null", |item| *item).as_bytes());
        }
        object.push(b'}');
        object
    };
    rows.iter().map(row).collect()
}

/// The items of an array as they are written, up to where it is none.
fn items(array: &str) -> Vec<&str> {
    let mut scanner = Scanner::new(array);
    let (mut items, mut first) = (Vec::new(), true);
    if !matches!(scanner.value(), Ok(Value::Array)) {
        return items;
    }
    while scanner.item(&mut first).unwrap_or(false) {
        scanner.peek();
        let start = scanner.at();
        if scanner.skip().is_err() {
            break;
        }
        items.push(scanner.since(start));
    }
    items
}

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

//! `Json` features: text that is JSON already, or a struct, list or map written as Python's `json.dumps` writes it.

use std::borrow::Cow;
use std::fmt::Write;

use serde::de::IgnoredAny;

use super::column::Raw;
use super::convert::{Reason, is_null};
use super::python::{push_float, python_str};

/// The JSON text of one cell. Text is checked and kept as it is.
pub(super) fn json_text<'a>(raw: &Raw<'a>) -> Result<Cow<'a, str>, Reason> {
    if let Raw::Str(text) = raw {
        return match serde_json::from_str::<IgnoredAny>(text) {
            Ok(IgnoredAny) => Ok(Cow::Borrowed(text)),
            Err(error) => Err(format!("is no JSON: {error}").into()),
        };
    }
    let mut out = String::new();
    push(raw, &mut out)?;
    Ok(Cow::Owned(out))
}

/// `json.dumps`: `, ` and `: ` between, ASCII only. A float that is no number is null.
fn push(raw: &Raw<'_>, out: &mut String) -> Result<(), Reason> {
    match *raw {
        _ if is_null(raw) => out.push_str("null"),
        Raw::Bool(flag) => out.push_str(if flag { "true" } else { "false" }),
        Raw::Int(_) | Raw::UInt(_) => out.push_str(&python_str(*raw)),
        Raw::Float32(number) if number.is_finite() => push_float(number.into(), out),
        Raw::Float64(number) if number.is_finite() => push_float(number, out),
        Raw::Str(text) => push_string(text, out),
        Raw::List(list) => {
            out.push('[');
            for (position, item) in list.iter().enumerate() {
                out.push_str(if position > 0 { ", " } else { "" });
                push(&item, out)?;
            }
            out.push(']');
        }
        Raw::Struct(fields, row) => {
            let fields = fields.iter().map(|(name, column)| (Raw::Str(name), column.get(row)));
            push_fields(fields, out)?;
        }
        Raw::Map(keys, values) => push_fields(values.beside(keys).iter().zip(values.iter()), out)?,
        _ => return Err("holds a value that has no form in JSON".into()),
    }
    Ok(())
}

fn push_fields<'a>(fields: impl Iterator<Item = (Raw<'a>, Raw<'a>)>, out: &mut String) -> Result<(), Reason> {
    out.push('{');
    for (position, (name, value)) in fields.enumerate() {
        out.push_str(if position > 0 { ", " } else { "" });
        push(&name, out)?;
        out.push_str(": ");
        push(&value, out)?;
    }
    out.push('}');
    Ok(())
}

fn push_string(text: &str, out: &mut String) {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(char),
            other => push_escaped(other, out),
        }
    }
    out.push('"');
}

fn push_escaped(char: char, out: &mut String) {
    for unit in char.encode_utf16(&mut [0; 2]) {
        // Writing to a `String` cannot fail.
        let _ = write!(out, "\\u{unit:04x}");
    }
}

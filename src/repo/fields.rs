//! Reads mappings key by key. What was asked for is what is known: the rest is reported as unknown.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use serde_yaml::{Number, Value};

use crate::model::{Span, Tags, Timestamp};

use super::codes;
use super::diagnostics::{At, Diagnostics, Finding, Spot, nearest};
use super::keys::Object;
use super::yaml::Cursor;

/// A value of a file that is being read.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub cursor: Cursor<'a>,
    pub file: usize,
    pub diagnostics: &'a Diagnostics,
}

impl<'a> Place<'a> {
    pub(super) fn new(cursor: Cursor<'a>, file: usize, diagnostics: &'a Diagnostics) -> Self {
        Self { cursor, file, diagnostics }
    }

    /// Where the value was written.
    pub(super) fn spot(self) -> Spot {
        let (start, end) = self.cursor.span();
        Spot { file: self.file, start, end }
    }

    /// Where its key was written.
    pub(super) fn key_spot(self) -> Spot {
        let (start, end) = self.cursor.key_span();
        Spot { file: self.file, start, end }
    }

    fn with(self, cursor: Cursor<'a>) -> Self {
        Self { cursor, ..self }
    }

    pub(super) fn is_null(self) -> bool {
        self.cursor.value().is_null()
    }

    /// A text, whatever stands here otherwise.
    pub(super) fn as_text(self) -> Option<&'a str> {
        self.cursor.value().as_str()
    }

    /// Says that something else was expected here.
    pub(super) fn expected(self, what: &str) {
        let found = match self.cursor.value() {
            Value::Null => "nothing",
            Value::Bool(_) => "a flag",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) | Value::Tagged(_) => "a mapping",
        };
        let finding = Finding::error(codes::WRONG_SHAPE, self.spot(), format!("expected {what}, found {found}"));
        let scalar = matches!(self.cursor.value(), Value::Bool(_) | Value::Number(_));
        self.diagnostics.report(if scalar && what == "a text" { finding.label("needs quotes") } else { finding });
    }

    /// The items of a list; reports anything else.
    pub(super) fn list(self) -> Vec<Place<'a>> {
        if !self.cursor.value().is_sequence() {
            self.expected("a list");
        }
        self.cursor.items().map(|cursor| self.with(cursor)).collect()
    }

    /// The entries of a mapping; reports anything else.
    pub(super) fn entries(self) -> Vec<(String, Place<'a>)> {
        if !self.cursor.value().is_mapping() {
            self.expected("a mapping");
        }
        self.cursor.entries().map(|(key, cursor)| (key, self.with(cursor))).collect()
    }

    /// A text; reports anything else.
    pub(super) fn text(self) -> Option<At<String>> {
        let Some(text) = self.as_text() else {
            self.expected("a text");
            return None;
        };
        Some(At::new(text.to_owned(), self.spot()))
    }

    /// A text, or a number or flag as YAML writes it.
    pub(super) fn scalar_text(self) -> Option<String> {
        match self.cursor.value() {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => {
                self.expected("a text");
                None
            }
        }
    }

    /// `true` or `false`, also as a text, which an environment variable leaves.
    pub(super) fn flag(self) -> Option<bool> {
        match (self.cursor.value(), self.as_text()) {
            (Value::Bool(flag), _) => Some(*flag),
            (_, Some("true" | "True")) => Some(true),
            (_, Some("false" | "False")) => Some(false),
            _ => {
                self.expected("true or false");
                None
            }
        }
    }

    /// A number; a text that an environment variable left is read as one.
    pub(super) fn number(self) -> Option<Number> {
        let number = match self.cursor.value() {
            Value::Number(number) => Some(number.clone()),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        if number.is_none() {
            self.expected("a number");
        }
        number
    }

    /// A whole number of at least `least`.
    pub(super) fn whole(self, least: u64) -> Option<u64> {
        let number = self.number()?;
        let whole = number.as_u64().filter(|number| *number >= least);
        if whole.is_none() {
            let message = format!("expected a whole number of at least {least}, found {number}");
            self.diagnostics.report(Finding::error(codes::BAD_VALUE, self.spot(), message));
        }
        whole
    }

    /// A mapping of texts.
    pub(super) fn texts(self) -> BTreeMap<String, String> {
        self.entries().into_iter().filter_map(|(key, place)| Some((key, place.scalar_text()?))).collect()
    }

    /// A duration in any of its forms.
    pub(super) fn duration(self) -> Option<Span> {
        let parsed = match self.cursor.value() {
            Value::Number(number) => Span::parse(&number.to_string()),
            Value::String(text) => Span::parse(text),
            Value::Mapping(_) => return self.timedelta(),
            _ => {
                self.expected("a duration");
                return None;
            }
        };
        self.time(parsed)
    }

    /// The keywords of Python's `timedelta`.
    fn timedelta(self) -> Option<Span> {
        const UNITS: [(&str, f64); 7] = [
            ("weeks", 604_800e6),
            ("days", 86_400e6),
            ("hours", 3_600e6),
            ("minutes", 60e6),
            ("seconds", 1e6),
            ("milliseconds", 1e3),
            ("microseconds", 1.0),
        ];
        let mut micros = 0.0;
        for (key, place) in self.entries() {
            let Some((_, unit)) = UNITS.iter().find(|(name, _)| *name == key) else {
                let names = UNITS.map(|(name, _)| name);
                let message = format!("`{key}` is no unit of a duration");
                let finding = Finding::error(codes::UNKNOWN_KEY, place.key_spot(), message).near(&key, names);
                self.diagnostics.report(finding.note(format!("units: {}", names.join(", "))));
                return None;
            };
            micros += place.number()?.as_f64()? * unit;
        }
        // the text form checks the range
        self.time(Span::parse(&format!("{micros:.0}us")))
    }

    /// An instant.
    pub(super) fn instant(self, now: Timestamp) -> Option<Timestamp> {
        let text = self.scalar_text()?;
        self.time(Timestamp::parse(&text, now))
    }

    fn time<T>(self, parsed: Result<T, String>) -> Option<T> {
        parsed.map_err(|message| self.diagnostics.report(Finding::error(codes::BAD_TIME, self.spot(), message))).ok()
    }

    /// One of the allowed texts.
    pub(super) fn one_of(self, allowed: &[&'static str]) -> Option<&'static str> {
        let text = self.text()?;
        let found = allowed.iter().find(|value| **value == text.value).copied();
        if found.is_none() {
            let message = format!("`{}` is not allowed here", text.value);
            let finding =
                Finding::error(codes::BAD_VALUE, text.spot, message).near(&text.value, allowed.iter().copied());
            self.diagnostics.report(finding.note(format!("allowed: {}", allowed.join(", "))));
        }
        found
    }
}

/// A mapping that is being read.
pub(super) struct Fields<'a> {
    place: Place<'a>,
    /// the keys that it may have
    object: Cell<&'static Object>,
    entries: Vec<(String, Place<'a>)>,
    asked: RefCell<Vec<&'static str>>,
    /// names that Feast gave up
    renamed: RefCell<Vec<&'static str>>,
}

impl<'a> Fields<'a> {
    /// Opens a mapping; reports anything else.
    pub(super) fn open(place: Place<'a>, object: &'static Object) -> Option<Self> {
        if !place.cursor.value().is_mapping() {
            place.expected("a mapping");
            return None;
        }
        let (object, entries) = (Cell::new(object), place.entries());
        Some(Self { place, object, entries, asked: RefCell::default(), renamed: RefCell::default() })
    }

    /// Says what the mapping is, once a key of it told.
    pub(super) fn narrow(&self, object: &'static Object) {
        self.object.set(object);
    }

    pub(super) fn diagnostics(&self) -> &'a Diagnostics {
        self.place.diagnostics
    }

    /// Where the mapping was written.
    pub(super) fn spot(&self) -> Spot {
        self.place.spot()
    }

    /// The value of a key, even a null.
    pub(super) fn present(&self, key: &'static str) -> Option<Place<'a>> {
        debug_assert!(
            self.object.get().key(key).is_some(),
            "`{key}` is not in the table of {}",
            self.object.get().name
        );
        self.asked.borrow_mut().push(key);
        self.entry(key)
    }

    fn entry(&self, key: &str) -> Option<Place<'a>> {
        self.entries.iter().find(|(name, _)| name == key).map(|(_, place)| *place)
    }

    /// The value of a key, unless it is absent or null.
    pub(super) fn get(&self, key: &'static str) -> Option<Place<'a>> {
        self.present(key).filter(|place| !place.is_null())
    }

    /// The value of a key that must be there.
    pub(super) fn required(&self, key: &'static str) -> Option<Place<'a>> {
        let found = self.get(key);
        if found.is_none() {
            self.missing(key);
        }
        found
    }

    fn missing(&self, key: &str) {
        let spot = self.spot();
        let spot = Spot { end: spot.start + 1, ..spot };
        let message = format!("{} needs `{key}`", self.object.get().what);
        let finding = Finding::error(codes::MISSING_KEY, spot, message);
        let finding = match nearest(key, self.entries.iter().map(|(name, _)| name.as_str())) {
            Some(written) => finding.label(format!("is `{written}` meant to be it?")),
            None => finding,
        };
        self.diagnostics().report(finding);
    }

    pub(super) fn text(&self, key: &'static str) -> Option<At<String>> {
        self.get(key)?.text()
    }

    /// A text that is empty where it is absent.
    pub(super) fn text_or_empty(&self, key: &'static str) -> String {
        self.text(key).map(|text| text.value).unwrap_or_default()
    }

    pub(super) fn required_text(&self, key: &'static str) -> Option<At<String>> {
        self.required(key)?.text().filter(|text| {
            let empty = text.value.is_empty();
            if empty {
                let message = format!("`{key}` of {} is empty", self.object.get().what);
                self.diagnostics().report(Finding::error(codes::MISSING_KEY, text.spot, message));
            }
            !empty
        })
    }

    pub(super) fn flag(&self, key: &'static str, default: bool) -> bool {
        self.get(key).and_then(Place::flag).unwrap_or(default)
    }

    pub(super) fn list(&self, key: &'static str) -> Vec<Place<'a>> {
        self.get(key).map(Place::list).unwrap_or_default()
    }

    pub(super) fn tags(&self, key: &'static str) -> Tags {
        self.get(key).map(Place::texts).unwrap_or_default()
    }

    pub(super) fn duration(&self, key: &'static str) -> Option<Span> {
        self.get(key)?.duration()
    }

    /// Refuses a key that Feast has renamed.
    pub(super) fn renamed(&self, old: &'static str, new: &str) {
        self.renamed.borrow_mut().push(old);
        if let Some(place) = self.entry(old) {
            let message = format!("`{old}` of {} is deprecated", self.object.get().what);
            let finding = Finding::error(codes::DEPRECATED, place.key_spot(), message);
            self.diagnostics().report(finding.label(format!("write `{new}`")));
        }
    }

    /// Reports every key that the mapping cannot have.
    pub(super) fn close(self) {
        let object = self.object.get();
        let (asked, renamed) = (self.asked.borrow(), self.renamed.borrow());
        debug_assert!(
            object.keys.iter().all(|key| key.read == asked.contains(&key.name)),
            "the table of {} and its reader differ: {asked:?}",
            object.name
        );
        let known: Vec<&str> = object.keys.iter().map(|key| key.name).collect();
        for (key, place) in &self.entries {
            if known.contains(&key.as_str()) || renamed.contains(&key.as_str()) {
                continue;
            }
            let message = format!("{} has no key `{key}`", object.what);
            let finding = Finding::error(codes::UNKNOWN_KEY, place.key_spot(), message);
            let finding = finding.near(key, known.iter().copied());
            let listed = nearest(key, known.iter().copied()).is_none();
            self.diagnostics().report(if listed {
                finding.note(format!("keys: {}", known.join(", ")))
            } else {
                finding
            });
        }
    }
}

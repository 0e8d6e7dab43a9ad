//! Stored values of one feature, many rows in one buffer.

/// One stored value: what Feast's columns `value` and `value_text` hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell<'a> {
    /// a `feast.types.Value`; empty for null
    pub value: &'a [u8],
    /// text of a number, string or flag
    pub text: Option<&'a str>,
}

/// Stored values of one feature, many rows in one buffer. A row may have none: then the store keeps what it has.
#[derive(Clone, Debug, Default)]
pub struct Cells {
    values: Vec<u8>,
    texts: String,
    ends: Vec<End>,
}

#[derive(Clone, Copy, Debug)]
struct End {
    value: usize,
    text: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Absent,
    Textless,
    Full,
}

impl Cells {
    /// Room for `rows` values of about `width` bytes.
    #[must_use]
    pub fn with_capacity(rows: usize, width: usize) -> Self {
        let bytes = rows.saturating_mul(width);
        Self { values: Vec::with_capacity(bytes), texts: String::with_capacity(bytes), ends: Vec::with_capacity(rows) }
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The value of one row; `None` where the row brought none.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<Cell<'_>> {
        let end = self.ends.get(row)?;
        let (value_start, text_start) = match row.checked_sub(1).and_then(|before| self.ends.get(before)) {
            Some(before) => (before.value, before.text),
            None => (0, 0),
        };
        let value = self.values.get(value_start..end.value)?;
        match end.state {
            State::Absent => None,
            State::Textless => Some(Cell { value, text: None }),
            State::Full => Some(Cell { value, text: self.texts.get(text_start..end.text) }),
        }
    }

    /// Adds a row that brings no value.
    pub fn push_absent(&mut self) {
        self.push_end(State::Absent);
    }

    /// Adds a value that is encoded already.
    pub fn push(&mut self, cell: Cell<'_>) {
        self.values.extend_from_slice(cell.value);
        self.texts.push_str(cell.text.unwrap_or_default());
        self.push_end(if cell.text.is_some() { State::Full } else { State::Textless });
    }

    /// Adds what `write` puts into the buffers; it says whether there is a text. On an error nothing is added.
    pub(super) fn push_with<E>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>, &mut String) -> Result<bool, E>,
    ) -> Result<(), E> {
        let (value, text) = (self.values.len(), self.texts.len());
        match write(&mut self.values, &mut self.texts) {
            Ok(has_text) => {
                self.push_end(if has_text { State::Full } else { State::Textless });
                Ok(())
            }
            Err(error) => {
                self.values.truncate(value);
                self.texts.truncate(text);
                Err(error)
            }
        }
    }

    /// Forgets all values and keeps the memory.
    pub fn clear(&mut self) {
        self.values.clear();
        self.texts.clear();
        self.ends.clear();
    }

    fn push_end(&mut self, state: State) {
        self.ends.push(End { value: self.values.len(), text: self.texts.len(), state });
    }
}

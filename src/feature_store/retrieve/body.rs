//! The body of an answer, written as it is read: nothing of a value is kept but its JSON.

use serde::Serialize;

use super::response::FieldStatus;
use super::times::TimeWriter;
use crate::error::Error;
use crate::model::Timestamp;
use crate::row::put_value_json;

/// Bytes that an answer has besides its columns.
const FRAME: usize = 256;
/// Bytes of one value with its status and time, more or less.
const VALUE: usize = 56;

/// A `feast.serving.GetOnlineFeaturesResponse` in JSON, column after column.
pub(super) struct Body {
    out: Vec<u8>,
    times: TimeWriter,
    columns: usize,
}

/// A value of the store, or what stands in its place.
#[derive(Clone, Copy)]
pub(super) struct Stored<'a> {
    /// `None`: null
    pub value: Option<&'a [u8]>,
    pub status: FieldStatus,
    pub time: Timestamp,
}

impl Body {
    /// The beginning of an answer: the names of its columns, and the versions of its views where they are asked for.
    pub fn new<'n>(names: impl Iterator<Item = &'n str>, versions: Option<&[(&str, i32)]>, values: usize) -> Self {
        let mut out = Vec::with_capacity(FRAME + values * VALUE);
        out.extend_from_slice(b"{\"metadata\":{\"feature_names\":");
        put_list(&mut out, names, |out, name| put(out, &name));
        if let Some(versions) = versions {
            out.extend_from_slice(b",\"feature_view_metadata\":");
            put_list(&mut out, versions.iter(), |out, (name, version)| {
                out.extend_from_slice(b"{\"name\":");
                put(out, name);
                // protobuf's JSON leaves zeros out
                if *version != 0 {
                    out.extend_from_slice(b",\"version\":");
                    put(out, version);
                }
                out.push(b'}');
            });
        }
        out.extend_from_slice(b"},\"results\":[");
        Self { out, times: TimeWriter::default(), columns: 0 }
    }

    /// A column of stored values.
    ///
    /// # Errors
    /// A value of the store that is damaged.
    pub fn stored_column<'v>(&mut self, values: impl Iterator<Item = Stored<'v>> + Clone) -> Result<(), Error> {
        self.begin_column();
        let (out, times) = (&mut self.out, &mut self.times);
        let mut damaged = None;
        put_list(out, values.clone(), |out, stored| match stored.value.map(|value| put_value_json(value, out)) {
            Some(Ok(())) => {}
            None => out.extend_from_slice(b"null"),
            Some(Err(error)) => damaged = Some(error),
        });
        if let Some(error) = damaged {
            return Err(Error::internal("decode a value of the online store", error));
        }
        out.extend_from_slice(b",\"statuses\":");
        put_list(out, values.clone(), |out, stored| out.extend_from_slice(stored.status.json()));
        out.extend_from_slice(b",\"event_timestamps\":");
        put_list(out, values, |out, stored| times.put(stored.time, out));
        out.push(b'}');
        Ok(())
    }

    /// A column of values that have no event time.
    pub fn timeless_column<T: Serialize>(&mut self, values: impl Iterator<Item = (T, FieldStatus)> + Clone) {
        self.begin_column();
        let (out, times) = (&mut self.out, &mut self.times);
        put_list(out, values.clone(), |out, (value, _)| put(out, &value));
        out.extend_from_slice(b",\"statuses\":");
        put_list(out, values.clone(), |out, (_, status)| out.extend_from_slice(status.json()));
        out.extend_from_slice(b",\"event_timestamps\":");
        put_list(out, values, |out, _| times.put(Timestamp::EPOCH, out));
        out.push(b'}');
    }

    fn begin_column(&mut self) {
        if self.columns > 0 {
            self.out.push(b',');
        }
        self.columns += 1;
        self.out.extend_from_slice(b"{\"values\":");
    }

    /// The whole answer.
    pub fn end(mut self) -> Vec<u8> {
        self.out.extend_from_slice(b"]}");
        self.out
    }
}

fn put_list<T>(out: &mut Vec<u8>, items: impl Iterator<Item = T>, mut put: impl FnMut(&mut Vec<u8>, T)) {
    out.push(b'[');
    for (place, item) in items.enumerate() {
        if place > 0 {
            out.push(b',');
        }
        put(out, item);
    }
    out.push(b']');
}

/// Names, numbers, and JSON that was JSON before: all of them have a JSON form, and memory can be written.
fn put(out: &mut Vec<u8>, value: &impl Serialize) {
    let _ = serde_json::to_writer(out, value);
}

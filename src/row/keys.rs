//! Entity keys of whole columns.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};

use arrow::datatypes::DataType as Arrow;

use super::accepts::{is_binary, is_instant, is_text};
use super::column::{Column, Raw};
use super::key::{name_prefix, put_bytes, put_int64};
use super::python::python_str;
use super::{JoinKey, Refusal, RowError, ViewLayout};
use crate::model::ValueType;

/// Entity keys of many rows in one buffer. The key of a refused row is empty; no other is.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Keys {
    /// Room for `rows` keys of about `width` bytes.
    #[must_use]
    pub fn with_capacity(rows: usize, width: usize) -> Self {
        Self { bytes: Vec::with_capacity(rows.saturating_mul(width)), ends: Vec::with_capacity(rows) }
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The key of one row; empty where the row was refused or does not exist.
    #[must_use]
    pub fn get(&self, row: usize) -> &[u8] {
        let start = row.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        let range = start.zip(self.ends.get(row).copied());
        range.and_then(|(start, end)| self.bytes.get(start..end)).unwrap_or_default()
    }

    /// Adds a key.
    pub fn push(&mut self, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
    }

    /// Adds the key that `write` appends to the buffer.
    ///
    /// # Errors
    /// Those of `write`; then nothing is added.
    pub fn push_with<E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        let start = self.bytes.len();
        match write(&mut self.bytes) {
            Ok(()) => self.ends.push(self.bytes.len()),
            Err(error) => {
                self.bytes.truncate(start);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Forgets all keys and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// All keys in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|row| self.get(row))
    }
}

/// Makes entity keys of join key columns. Nothing is allocated per row.
#[derive(Clone, Debug)]
pub struct KeyEncoder {
    view: String,
    join_keys: Arc<[JoinKey]>,
    version: u32,
    prefix: Vec<u8>,
}

impl KeyEncoder {
    /// The encoder of a view's keys.
    ///
    /// # Errors
    /// `KeyType` for a join key that cannot be one.
    pub fn new(layout: &ViewLayout) -> Result<Self, RowError> {
        if let Some(key) = layout.join_keys.iter().find(|key| !key.value_type.is_key()) {
            return Err(RowError::KeyType { join_key: key.name.clone(), value_type: key.value_type.to_string() });
        }
        let names = layout.join_keys.iter().map(|key| key.name.as_str());
        Ok(Self {
            view: layout.view.clone(),
            prefix: name_prefix(layout.key_version, names),
            join_keys: layout.join_keys.clone().into(),
            version: layout.key_version,
        })
    }

    /// Adds the keys of `columns` (in the order of [`ViewLayout::join_keys`], all of one length) to `keys`, one a row. A
    /// refused row gets an empty key; its number counts from the first row of `columns`.
    ///
    /// # Errors
    /// `Shape` where columns are missing or of different lengths, `Column` where a type can never be the key's.
    pub fn encode(&self, columns: &[ArrayRef], keys: &mut Keys) -> Result<Vec<Refusal>, RowError> {
        let rows = self.check_shape(columns)?;
        let mut resolved = Vec::with_capacity(columns.len());
        for (key, array) in self.join_keys.iter().zip(columns) {
            let column = Column::new(array).map_err(|reason| key_column(key, reason))?;
            accepts_key(column.arrow_type(), key.value_type).map_err(|reason| key_column(key, reason))?;
            resolved.push(column);
        }
        let mut refusals = Vec::new();
        for row in 0..rows {
            let start = keys.bytes.len();
            keys.bytes.extend_from_slice(&self.prefix);
            for (key, column) in self.join_keys.iter().zip(&resolved) {
                if let Err(reason) = self.put(column.get(row), key.value_type, &mut keys.bytes) {
                    keys.bytes.truncate(start);
                    let value = shown(column.get(row));
                    refusals.push(Refusal { row, column: key.name.clone(), value, reason });
                    break;
                }
            }
            keys.ends.push(keys.bytes.len());
        }
        Ok(refusals)
    }

    fn check_shape(&self, columns: &[ArrayRef]) -> Result<usize, RowError> {
        let shape = |reason: String| RowError::Shape { view: self.view.clone(), reason };
        if columns.len() != self.join_keys.len() {
            return Err(shape(format!("{} join keys and {} columns", self.join_keys.len(), columns.len())));
        }
        let rows = columns.first().map_or(0, Array::len);
        match columns.iter().find(|column| column.len() != rows) {
            Some(other) => Err(shape(format!("join key columns of {rows} and {} rows", other.len()))),
            None => Ok(rows),
        }
    }

    fn put(&self, raw: Raw<'_>, target: ValueType, out: &mut Vec<u8>) -> Result<(), String> {
        match (target, raw) {
            (_, Raw::Null) => return Err("a join key must not be null".to_owned()),
            (ValueType::Int64, raw) => put_int64(out, self.version, whole(&raw)?).map_err(|error| error.to_string())?,
            (ValueType::Int32, raw) => {
                let narrow = i32::try_from(whole(&raw)?).map_err(|_| "does not fit INT32".to_owned())?;
                put_bytes(out, ValueType::Int32, &narrow.to_le_bytes());
            }
            (ValueType::UnixTimestamp, raw) => {
                put_bytes(out, ValueType::UnixTimestamp, &seconds(&raw)?.to_le_bytes());
            }
            (ValueType::String, Raw::Str(text)) => put_bytes(out, ValueType::String, text.as_bytes()),
            (ValueType::String, raw @ (Raw::Int(_) | Raw::UInt(_))) => {
                put_bytes(out, ValueType::String, python_str(raw).as_bytes());
            }
            (ValueType::Bytes, Raw::Bytes(bytes)) => put_bytes(out, ValueType::Bytes, bytes),
            (target, _) => return Err(format!("is no {target}")),
        }
        Ok(())
    }
}

/// A refused value in a message.
fn shown(raw: Raw<'_>) -> String {
    if matches!(raw, Raw::Null) { "null".to_owned() } else { python_str(raw) }
}

fn key_column(key: &JoinKey, reason: String) -> RowError {
    RowError::Column { column: key.name.clone(), reason, lossy_helps: false }
}

/// Whether values of an Arrow type can be a join key of `target` at all; single ones may still be refused.
fn accepts_key(arrow: &Arrow, target: ValueType) -> Result<(), String> {
    let fits = match target {
        ValueType::Int32 | ValueType::Int64 => arrow.is_integer() || arrow.is_floating() || is_text(arrow),
        ValueType::String => is_text(arrow) || arrow.is_integer(),
        ValueType::Bytes => is_binary(arrow),
        ValueType::UnixTimestamp => is_instant(arrow) || arrow.is_integer(),
        _ => false,
    };
    if fits || *arrow == Arrow::Null { Ok(()) } else { Err(format!("a column of {arrow} holds no {target}")) }
}

/// A whole number. Floats are taken where they are one: pandas stores integers so, once a column had a null. So are texts.
fn whole(raw: &Raw<'_>) -> Result<i64, String> {
    let number = if let Raw::Str(text) = raw { text.trim().parse().ok() } else { raw.exact_int() };
    number.ok_or_else(|| "is no whole number of 64 bits".to_owned())
}

fn seconds(raw: &Raw<'_>) -> Result<i64, String> {
    match raw {
        Raw::Time(time) | Raw::Date(time) if time.has_fraction() => {
            Err("a join key in seconds has no fraction".to_owned())
        }
        Raw::Time(time) | Raw::Date(time) => time.seconds().ok_or_else(|| "is no instant of 64 bits".to_owned()),
        other => whole(other),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        BinaryArray, Date32Array, DictionaryArray, Float64Array, Int16Array, Int64Array, StringArray,
        TimestampMillisecondArray, UInt64Array,
    };
    use arrow::datatypes::Int8Type;

    use super::*;
    use crate::row::{KeyValue, encode_key};

    fn encoder(keys: &[(&str, ValueType)]) -> KeyEncoder {
        let join_keys = keys.iter().map(|(name, value_type)| JoinKey { name: (*name).into(), value_type: *value_type });
        let layout = ViewLayout { view: "v".into(), join_keys: join_keys.collect(), features: vec![], key_version: 3 };
        KeyEncoder::new(&layout).unwrap()
    }

    fn encode(value_type: ValueType, column: ArrayRef) -> Result<(Keys, Vec<Refusal>), RowError> {
        let mut keys = Keys::default();
        let refusals = encoder(&[("k", value_type)]).encode(&[column], &mut keys)?;
        Ok((keys, refusals))
    }

    fn one(value: KeyValue) -> Vec<u8> {
        encode_key(3, &[("k", value)]).unwrap()
    }

    #[test]
    fn a_column_of_any_type_becomes_the_entitys_type() {
        let columns: [(ValueType, ArrayRef, KeyValue); 10] = [
            (ValueType::Int64, Arc::new(Int16Array::from(vec![-5])), KeyValue::Int64(-5)),
            (ValueType::Int64, Arc::new(Float64Array::from(vec![1001.0])), KeyValue::Int64(1001)),
            (ValueType::Int64, Arc::new(UInt64Array::from(vec![7])), KeyValue::Int64(7)),
            (ValueType::Int64, Arc::new(StringArray::from(vec!["1001"])), KeyValue::Int64(1001)),
            (ValueType::Int32, Arc::new(Int64Array::from(vec![-7])), KeyValue::Int32(-7)),
            (ValueType::String, Arc::new(Int64Array::from(vec![12])), KeyValue::String("12".into())),
            (ValueType::Bytes, Arc::new(BinaryArray::from(vec![&b"x"[..]])), KeyValue::Bytes(b"x".to_vec())),
            (ValueType::UnixTimestamp, Arc::new(Date32Array::from(vec![1])), KeyValue::UnixTimestamp(86_400)),
            (
                ValueType::UnixTimestamp,
                Arc::new(TimestampMillisecondArray::from(vec![5_000]).with_timezone("America/New_York")),
                KeyValue::UnixTimestamp(5),
            ),
            (
                ValueType::String,
                Arc::new(["a"].into_iter().collect::<DictionaryArray<Int8Type>>()),
                KeyValue::String("a".into()),
            ),
        ];
        for (value_type, column, value) in columns {
            let (keys, refusals) = encode(value_type, column).unwrap();
            assert_eq!(refusals, []);
            assert_eq!(keys.iter().collect::<Vec<_>>(), [one(value)]);
        }
    }

    #[test]
    fn a_value_that_does_not_fit_refuses_its_row_alone() {
        let column = Int64Array::from(vec![Some(1), None, Some(1 << 40), Some(2)]);
        let (keys, refusals) = encode(ValueType::Int32, Arc::new(column)).unwrap();
        assert_eq!(keys.iter().map(<[u8]>::len).collect::<Vec<_>>(), [25, 0, 0, 25]);
        assert_eq!(keys.get(3), one(KeyValue::Int32(2)));
        assert_eq!(
            refusals.iter().map(|r| (r.row, r.value.as_str())).collect::<Vec<_>>(),
            [(1, "null"), (2, "1099511627776")]
        );
        let (_, refusals) = encode(ValueType::Int64, Arc::new(Float64Array::from(vec![1.5, f64::NAN, 1e300]))).unwrap();
        assert_eq!(refusals.len(), 3);
        let (_, refusals) =
            encode(ValueType::UnixTimestamp, Arc::new(TimestampMillisecondArray::from(vec![1_500]))).unwrap();
        assert_eq!(refusals.len(), 1);
    }

    #[test]
    fn a_type_that_never_fits_is_told_once() {
        let wrong = encode(ValueType::Int64, Arc::new(BinaryArray::from(vec![&b"1"[..]])));
        assert!(matches!(wrong, Err(RowError::Column { .. })));
        let mut keys = Keys::default();
        let two = encoder(&[("a", ValueType::Int64), ("b", ValueType::Int64)]);
        let column = |rows| Arc::new(Int64Array::from(vec![1; rows])) as ArrayRef;
        assert!(matches!(two.encode(&[column(1)], &mut keys), Err(RowError::Shape { .. })));
        assert!(matches!(two.encode(&[column(1), column(2)], &mut keys), Err(RowError::Shape { .. })));
        assert_eq!(two.encode(&[column(2), column(2)], &mut keys).unwrap(), []);
        let pairs = [("b", KeyValue::Int64(1)), ("a", KeyValue::Int64(1))];
        assert_eq!(keys.get(1), encode_key(3, &pairs).unwrap());
    }
}

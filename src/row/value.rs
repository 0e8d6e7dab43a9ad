//! Cells of an Arrow column as Feast stores them: `value` (a `feast.types.Value`) and `value_text`.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType as Arrow;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::cells::Cells;
use super::column::{Column, List, Raw};
use super::convert::{self, Reason, is_null};
use super::python::{push_float, python_str};
use super::{Cast, Refusal, RowError, accepts, dynamic, json_text};
use crate::model::{DataType, ValueType};

/// What Feast stores for a timestamp that is null (`NaT` of numpy).
pub const NULL_TIMESTAMP: i64 = i64::MIN;

/// The field of every list, set, map and repeated message that holds its elements.
const ELEMENTS: u32 = 1;

/// Turns the cells of one column into stored values. The column is looked at once.
#[derive(Clone, Debug)]
pub struct ValueEncoder {
    name: String,
    column: Column,
    dtype: DataType,
    cast: Cast,
}

impl ValueEncoder {
    /// The encoder of the feature `name`, declared `dtype`, whose values are in `column`.
    ///
    /// # Errors
    /// `Column` where the column's type can never be stored as `dtype`.
    pub fn new(name: &str, column: &ArrayRef, dtype: &DataType, cast: Cast) -> Result<Self, RowError> {
        let refused = |reason| RowError::Column {
            column: name.to_owned(),
            reason,
            lossy_helps: cast == Cast::Lossless && accepts(column.data_type(), dtype, Cast::Lossy).is_ok(),
        };
        accepts(column.data_type(), dtype, cast).map_err(refused)?;
        let column = Column::new(column).map_err(refused)?;
        Ok(Self { name: name.to_owned(), column, dtype: dtype.clone(), cast })
    }

    /// Whether every value of the column fits the declared type.
    #[must_use]
    pub fn fits_always(&self) -> bool {
        matches!(
            (self.column.arrow_type(), &self.dtype),
            (Arrow::Boolean, DataType::Bool)
                | (Arrow::Int32, DataType::Int32 | DataType::Int64)
                | (Arrow::Int64, DataType::Int64)
                | (Arrow::Float32, DataType::Float32 | DataType::Float64)
                | (Arrow::Float64, DataType::Float64)
                | (Arrow::Utf8 | Arrow::LargeUtf8 | Arrow::Utf8View, DataType::String)
        )
    }

    /// Adds the cell of `row` to `cells`.
    ///
    /// # Errors
    /// The value does not fit the declared type; then `cells` is as it was.
    pub fn encode(&self, row: usize, cells: &mut Cells) -> Result<(), Refusal> {
        let raw = self.column.get(row);
        cells.push_with(|value, text| put_value(&raw, &self.dtype, self.cast, value, text)).map_err(|reason| Refusal {
            row,
            column: self.name.clone(),
            value: shortened(python_str(raw)),
            reason: reason.into_owned(),
        })
    }
}

/// A refused value is quoted as far as a line of a report goes.
fn shortened(text: String) -> String {
    const LIMIT: usize = 80;
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Writes one value; says whether it has a `value_text`.
fn put_value(
    raw: &Raw<'_>,
    dtype: &DataType,
    cast: Cast,
    out: &mut Vec<u8>,
    text: &mut String,
) -> Result<bool, Reason> {
    let arm = arm(dtype);
    match dtype {
        DataType::UnixTimestamp => {
            let seconds = if is_null(raw) { NULL_TIMESTAMP } else { convert::seconds(raw, cast)? };
            put_int(out, arm, seconds);
            return Ok(false);
        }
        _ if is_null(raw) => return Ok(false),
        DataType::Int32 => {
            let number = convert::int32(raw, cast)?;
            put_int(out, arm, number.into());
            push_int(number.into(), text);
        }
        DataType::Int64 => {
            let number = convert::int64(raw, cast)?;
            put_int(out, arm, number);
            push_int(number, text);
        }
        DataType::Float32 => {
            let number = convert::float(raw, cast)?;
            encode_key(arm, WireType::ThirtyTwoBit, out);
            out.extend_from_slice(&number.to_le_bytes());
            push_float(number.into(), text);
        }
        DataType::Float64 => {
            let number = convert::double(raw, cast)?;
            encode_key(arm, WireType::SixtyFourBit, out);
            out.extend_from_slice(&number.to_le_bytes());
            push_float(number, text);
        }
        DataType::Bool => {
            let flag = convert::boolean(raw, cast)?;
            put_int(out, arm, flag.into());
            text.push_str(if flag { "True" } else { "False" });
        }
        DataType::String => {
            let string = convert::text(raw, cast)?;
            put_bytes(out, arm, string.as_bytes());
            text.push_str(&string);
        }
        other => return put_textless(raw, other, cast, out).map(|()| false),
    }
    Ok(true)
}

/// The types that have no `value_text`.
fn put_textless(raw: &Raw<'_>, dtype: &DataType, cast: Cast, out: &mut Vec<u8>) -> Result<(), Reason> {
    let arm = arm(dtype);
    match dtype {
        DataType::Map | DataType::Struct(_) => {
            let start = out.len();
            dynamic::put_map(raw, out)?;
            wrap(out, start, arm);
        }
        DataType::ScalarMap => {
            let start = out.len();
            dynamic::put_scalar_map(raw, out)?;
            wrap(out, start, arm);
        }
        DataType::Array(inner) | DataType::Set(inner) => {
            let start = out.len();
            match raw {
                Raw::Str(text) => dynamic::put_map_list(text, out)?,
                Raw::List(list) => put_list(*list, inner, cast, matches!(dtype, DataType::Set(_)), out)?,
                _ => return Err("is no list".into()),
            }
            wrap(out, start, arm);
        }
        other => put_bytes(out, arm, &scalar_bytes(raw, other, cast)?),
    }
    Ok(())
}

/// The content of those single values that stand as bytes.
fn scalar_bytes<'a>(raw: &Raw<'a>, dtype: &DataType, cast: Cast) -> Result<Cow<'a, [u8]>, Reason> {
    let text = match dtype {
        DataType::Bytes | DataType::PdfBytes | DataType::ImageBytes => return convert::bytes(raw).map(Cow::Borrowed),
        DataType::String => convert::text(raw, cast)?,
        DataType::Uuid | DataType::TimeUuid => convert::uuid(raw)?,
        DataType::Decimal => convert::decimal(raw, cast)?,
        DataType::Json => json_text::json_text(raw)?,
        other => return Err(format!("cannot be written as {other}").into()),
    };
    Ok(match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    })
}

/// Writes the elements of a list or set.
fn put_list(list: List<'_>, inner: &DataType, cast: Cast, is_set: bool, out: &mut Vec<u8>) -> Result<(), Reason> {
    let packed = is_packed(inner);
    let start = out.len();
    let mut seen = is_set.then(HashSet::new);
    for item in list.iter() {
        let element = out.len();
        if packed {
            put_packed(&item, inner, cast, out)?;
        } else {
            put_element(&item, inner, cast, out)?;
        }
        let bytes = out.get(element..).unwrap_or_default();
        if seen.as_mut().is_some_and(|seen| !seen.insert(bytes.to_vec())) {
            out.truncate(element);
        }
    }
    if packed && out.len() > start {
        wrap(out, start, ELEMENTS);
    }
    Ok(())
}

/// Whether protobuf writes a list of these numbers without a tag for each.
fn is_packed(inner: &DataType) -> bool {
    matches!(
        inner,
        DataType::Int32
            | DataType::Int64
            | DataType::Float32
            | DataType::Float64
            | DataType::Bool
            | DataType::UnixTimestamp
    )
}

/// One number of a list. Where a null has no place of its own it becomes what Feast makes of it: false, NaN, `NaT`.
fn put_packed(item: &Raw<'_>, inner: &DataType, cast: Cast, out: &mut Vec<u8>) -> Result<(), Reason> {
    let null = matches!(item, Raw::Null);
    match inner {
        DataType::Float32 => {
            let number = if null { f32::NAN } else { convert::float(item, cast)? };
            out.extend_from_slice(&number.to_le_bytes());
        }
        DataType::Float64 => {
            let number = if null { f64::NAN } else { convert::double(item, cast)? };
            out.extend_from_slice(&number.to_le_bytes());
        }
        DataType::Bool => out.push(u8::from(!null && convert::boolean(item, cast)?)),
        DataType::UnixTimestamp => {
            put_varint(if null { NULL_TIMESTAMP } else { convert::seconds(item, cast)? }, out);
        }
        _ if null => return Err("holds a null, which a list of integers has no place for".into()),
        DataType::Int32 => put_varint(convert::int32(item, cast)?.into(), out),
        _ => put_varint(convert::int64(item, cast)?, out),
    }
    Ok(())
}

/// One element with its tag.
fn put_element(item: &Raw<'_>, inner: &DataType, cast: Cast, out: &mut Vec<u8>) -> Result<(), Reason> {
    let start = out.len();
    match (inner, item) {
        (DataType::Array(leaf) | DataType::Set(leaf), _) => {
            put_inner_list(item, leaf, cast, out)?;
            wrap(out, start, ELEMENTS);
        }
        (_, Raw::Null) if is_text_or_bytes(inner) => put_bytes(out, ELEMENTS, &[]),
        (_, Raw::Null) => return Err(format!("holds a null, which a list of {inner} has no place for").into()),
        (DataType::Map | DataType::Struct(_), _) => {
            dynamic::put_map(item, out)?;
            wrap(out, start, ELEMENTS);
        }
        _ => put_bytes(out, ELEMENTS, &scalar_bytes(item, inner, cast)?),
    }
    Ok(())
}

/// The types whose null Feast writes as an empty element.
fn is_text_or_bytes(inner: &DataType) -> bool {
    matches!(inner, DataType::String | DataType::Bytes | DataType::Uuid | DataType::TimeUuid | DataType::Decimal)
}

/// A list in a list, as a `Value`. Feast writes an empty one as the empty `Value`, and a set as a list.
fn put_inner_list(item: &Raw<'_>, leaf: &DataType, cast: Cast, out: &mut Vec<u8>) -> Result<(), Reason> {
    match item {
        Raw::Null => Ok(()),
        Raw::List(list) if list.iter().len() == 0 => Ok(()),
        Raw::List(list) => {
            let start = out.len();
            put_list(*list, leaf, cast, false, out)?;
            wrap(out, start, arm(&DataType::Array(Box::new(leaf.clone()))));
            Ok(())
        }
        _ => Err("is no list".into()),
    }
}

/// The field of `feast.types.Value` for a type: its number, except that all bytes share one.
fn arm(dtype: &DataType) -> u32 {
    match dtype.value_type() {
        ValueType::PdfBytes | ValueType::ImageBytes => ValueType::Bytes as u32,
        other => other as u32,
    }
}

fn put_int(out: &mut Vec<u8>, field: u32, number: i64) {
    encode_key(field, WireType::Varint, out);
    put_varint(number, out);
}

/// Negative numbers take ten bytes, as in every protobuf.
#[allow(clippy::cast_sign_loss, reason = "two's complement is the format")]
fn put_varint(number: i64, out: &mut Vec<u8>) {
    encode_varint(number as u64, out);
}

fn put_bytes(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Makes what was written since `start` the content of a field.
fn wrap(out: &mut Vec<u8>, start: usize, field: u32) {
    let end = out.len();
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint((end - start) as u64, out);
    let head = out.len() - end;
    if let Some(message) = out.get_mut(start..) {
        message.rotate_right(head);
    }
}

fn push_int(number: i64, text: &mut String) {
    // Writing to a `String` cannot fail.
    let _ = write!(text, "{number}");
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        BooleanArray, FixedSizeBinaryArray, Float32Array, Float64Array, Int32Array, Int64Array, Int64Builder,
        LargeStringArray, ListArray, MapBuilder, RecordBatch, StringArray, StringBuilder, StringViewArray, StructArray,
    };
    use arrow::datatypes::{Field, Schema};
    use arrow::json::ReaderBuilder;
    use prost::Message;

    use super::*;
    use crate::proto::types::{self as proto, Value, ValueVal};

    /// What is said to fit is not even tried before it is stored.
    #[test]
    fn what_fits_always_fits_at_the_ends_of_its_range() {
        let texts = || vec![Some(""), None, Some("\u{0}\u{10ffff}")];
        let floats = || Float32Array::from(vec![f32::NAN, f32::NEG_INFINITY, f32::MIN_POSITIVE, -0.0, f32::MAX]);
        let doubles = Float64Array::from(vec![f64::NAN, f64::INFINITY, f64::MIN_POSITIVE, -0.0, f64::MAX]);
        let whole = || Int32Array::from(vec![Some(i32::MIN), None, Some(i32::MAX)]);
        let columns: Vec<(ArrayRef, DataType)> = vec![
            (Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])), DataType::Bool),
            (Arc::new(whole()), DataType::Int32),
            (Arc::new(whole()), DataType::Int64),
            (Arc::new(Int64Array::from(vec![Some(i64::MIN), None, Some(i64::MAX)])), DataType::Int64),
            (Arc::new(floats()), DataType::Float32),
            (Arc::new(floats()), DataType::Float64),
            (Arc::new(doubles), DataType::Float64),
            (Arc::new(StringArray::from(texts())), DataType::String),
            (Arc::new(LargeStringArray::from(texts())), DataType::String),
            (Arc::new(StringViewArray::from(texts())), DataType::String),
        ];
        for (column, dtype) in columns {
            let encoder = ValueEncoder::new("f", &column, &dtype, Cast::Lossless).unwrap();
            assert!(encoder.fits_always(), "{:?} {dtype:?}", column.data_type());
            let mut cells = Cells::with_capacity(column.len(), 16);
            for row in 0..column.len() {
                encoder.encode(row, &mut cells).unwrap();
            }
        }
    }

    /// A column as JSON spells it.
    fn column(arrow: Arrow, cells: &str) -> ArrayRef {
        let schema = Arc::new(Schema::new(vec![Field::new("f", arrow, true)]));
        let rows: Vec<serde_json::Value> = serde_json::from_str(cells).unwrap();
        let rows: Vec<_> = rows.into_iter().map(|cell| serde_json::json!({ "f": cell })).collect();
        let mut decoder = ReaderBuilder::new(schema).build_decoder().unwrap();
        decoder.serialize(&rows).unwrap();
        let batch: RecordBatch = decoder.flush().unwrap().unwrap();
        Arc::clone(batch.column(0))
    }

    fn list(item: Arrow) -> Arrow {
        Arrow::List(Arc::new(Field::new("item", item, true)))
    }

    fn encode(column: &ArrayRef, dtype: &str) -> Vec<Result<Option<ValueVal>, String>> {
        let dtype = DataType::parse(dtype).unwrap();
        let encoder = ValueEncoder::new("f", column, &dtype, Cast::Lossless).unwrap();
        (0..column.len())
            .map(|row| {
                let mut cells = Cells::default();
                encoder.encode(row, &mut cells).map_err(|refusal| refusal.reason)?;
                Ok(Value::decode(cells.get(0).unwrap().value).unwrap().val)
            })
            .collect()
    }

    fn ints(numbers: &[i64]) -> Value {
        Value { val: Some(ValueVal::Int64List(proto::Int64List { val: numbers.to_vec() })) }
    }

    #[test]
    fn lists_of_lists_hold_typed_lists() {
        let nested = column(list(list(Arrow::Int32)), "[[[1, 2], [], null, [3]], [], null]");
        let expected = vec![ints(&[1, 2]), Value::default(), Value::default(), ints(&[3])];
        for (dtype, wrap) in [
            ("Array(Array(Int64))", ValueVal::List as fn(_) -> _),
            ("Set(Array(Int64))", |mut values: proto::RepeatedValue| {
                values.val.dedup();
                ValueVal::Set(values)
            }),
        ] {
            let values = encode(&nested, dtype);
            assert_eq!(values[0], Ok(Some(wrap(proto::RepeatedValue { val: expected.clone() }))));
            assert_eq!(values[1], Ok(Some(wrap(proto::RepeatedValue::default()))));
            assert_eq!(values[2], Ok(None));
        }
        let deep = column(list(list(list(Arrow::Int64))), "[[[[1], [2]]]]");
        let inner = ValueVal::List(proto::RepeatedValue { val: vec![ints(&[1]), ints(&[2])] });
        let outer = proto::RepeatedValue { val: vec![Value { val: Some(inner) }] };
        assert_eq!(encode(&deep, "Array(Array(Array(Int64)))"), [Ok(Some(ValueVal::List(outer)))]);
    }

    #[test]
    fn sets_hold_a_value_once_and_keep_the_order_of_arrival() {
        let texts = column(list(Arrow::Utf8), r#"[["b", "a", "b", null, null]]"#);
        let expected = proto::StringSet { val: vec!["b".into(), "a".into(), String::new()] };
        assert_eq!(encode(&texts, "Set(String)"), [Ok(Some(ValueVal::StringSet(expected)))]);
    }

    #[test]
    fn structs_and_json_texts_become_the_same_map() {
        let fields = vec![
            Field::new("n", Arrow::Int32, true),
            Field::new("x", Arrow::Float64, true),
            Field::new("l", list(Arrow::Utf8), true),
            Field::new("m", Arrow::Struct(vec![Field::new("b", Arrow::Boolean, true)].into()), true),
        ];
        let text = r#"{"n": 1, "x": 1.5, "l": ["a"], "m": {"b": null}}"#;
        let from_struct = encode(&column(Arrow::Struct(fields.into()), &format!("[{text}, null]")), "Map");
        let from_text = encode(&(Arc::new(StringArray::from(vec![Some(text), None])) as ArrayRef), "Map");
        assert_eq!(from_struct, from_text);
        let Ok(Some(ValueVal::Map(map))) = &from_struct[0] else { panic!("{from_struct:?}") };
        assert_eq!(map.val["n"].val, Some(ValueVal::Int64(1)));
        assert_eq!(map.val["l"].val, Some(ValueVal::StringList(proto::StringList { val: vec!["a".into()] })));
        assert_eq!(from_struct[1], Ok(None));
        for bad in ["[1]", "{", r#"{"a": [1, "x"]}"#, r#"{"a": 18446744073709551615}"#] {
            let refused = encode(&(Arc::new(StringArray::from(vec![bad])) as ArrayRef), "Map");
            assert!(refused[0].is_err(), "{bad}");
        }
    }

    #[test]
    fn maps_whose_keys_are_no_texts_become_scalar_maps() {
        let mut builder = MapBuilder::new(None, Int64Builder::new(), StringBuilder::new());
        builder.keys().append_value(7);
        builder.values().append_value("x");
        builder.keys().append_value(-1);
        builder.values().append_null();
        builder.append(true).unwrap();
        builder.append(false).unwrap();
        let column: ArrayRef = Arc::new(builder.finish());
        let entry = |key, value| proto::ScalarMapEntry {
            key: Some(proto::MapKey { key: Some(proto::MapKeyKey::Int64Key(key)) }),
            value: Some(Value { val: value }),
        };
        let map = proto::ScalarMap { val: vec![entry(7, Some(ValueVal::String("x".to_owned()))), entry(-1, None)] };
        assert_eq!(encode(&column, "ScalarMap"), [Ok(Some(ValueVal::ScalarMap(map.clone()))), Ok(None)]);
        let value = Value { val: Some(ValueVal::ScalarMap(map)) };
        assert_eq!(crate::row::value_json(&value), serde_json::json!({"7": "x", "-1": null}));
        let refused = ValueEncoder::new("f", &column, &DataType::Map, Cast::Lossless).unwrap_err();
        assert!(refused.to_string().contains("Map"), "{refused}");
    }

    #[test]
    fn json_is_kept_or_written_as_python_writes_it() {
        let fields = vec![Field::new("a", Arrow::Float64, true), Field::new("b", Arrow::Utf8, true)];
        let structs =
            column(Arrow::Struct(fields.into()), r#"[{"a": 1e16, "b": "é\u007f😀\n"}, {"a": null, "b": "x"}]"#);
        let texts: Vec<_> = encode(&structs, "Json");
        let json = |text: &str| Ok(Some(ValueVal::Json(text.to_owned())));
        assert_eq!(
            texts,
            [json(r#"{"a": 1e+16, "b": "\u00e9\u007f\ud83d\ude00\n"}"#), json(r#"{"a": null, "b": "x"}"#)]
        );
        let lists = column(list(Arrow::Utf8), r#"[["{\"a\":1}"], ["{"]]"#);
        let values = encode(&lists, "Array(Json)");
        let expected = proto::StringList { val: vec!["{\"a\":1}".into()] };
        assert_eq!(values[0], Ok(Some(ValueVal::JsonList(expected))));
        assert!(values[1].is_err());
    }

    #[test]
    fn a_uuid_of_sixteen_bytes_is_spelled_out() {
        let bytes = FixedSizeBinaryArray::try_from_iter([[0x11_u8; 16]].into_iter()).unwrap();
        let id = "11111111-1111-1111-1111-111111111111".to_owned();
        assert_eq!(encode(&(Arc::new(bytes) as ArrayRef), "Uuid"), [Ok(Some(ValueVal::Uuid(id)))]);
    }

    #[test]
    fn a_refused_value_is_named_and_leaves_nothing_behind() {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![7, (1 << 53) + 1, i64::MAX]));
        let encoder = ValueEncoder::new("f", &column, &DataType::Float64, Cast::Lossless).unwrap();
        let mut cells = Cells::default();
        encoder.encode(0, &mut cells).unwrap();
        for row in [1, 2] {
            let refusal = encoder.encode(row, &mut cells).unwrap_err();
            assert_eq!((refusal.row, refusal.column.as_str(), cells.len()), (row, "f", 1));
        }
        assert_eq!(encoder.encode(1, &mut cells).unwrap_err().value, "9007199254740993");
        let halves: ArrayRef = Arc::new(Float32Array::from(vec![1.5]));
        let wrong = ValueEncoder::new("f", &halves, &DataType::String, Cast::Lossless).unwrap_err();
        assert!(wrong.hint().unwrap().contains("--cast lossy"), "{wrong}");
    }

    #[test]
    fn slices_of_lists_and_structs_are_read_where_they_are() {
        let lists: ListArray = column(list(Arrow::Int64), "[[1], [2, 3], [4]]").as_ref().to_data().into();
        let sliced: ArrayRef = Arc::new(lists.slice(1, 2));
        let int_list = |numbers: &[i64]| Ok(ints(numbers).val);
        assert_eq!(encode(&sliced, "Array(Int64)"), [int_list(&[2, 3]), int_list(&[4])]);
        let fields = Arrow::Struct(vec![Field::new("a", Arrow::Int64, true)].into());
        let structs: StructArray = column(fields, r#"[{"a": 1}, {"a": 2}]"#).as_ref().to_data().into();
        let sliced: ArrayRef = Arc::new(structs.slice(1, 1));
        assert_eq!(encode(&sliced, "Json"), [Ok(Some(ValueVal::Json("{\"a\": 2}".to_owned())))]);
    }
}

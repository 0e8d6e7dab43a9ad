//! Feast's types: `ValueType` (what a stored value is) and `DataType` (what a schema declares).

use std::fmt;

use super::Tags;

macro_rules! value_types {
    ($($name:ident = $number:literal $text:literal,)*) => {
        /// `feast.ValueType`. 30 and 31 exist in Python's enumeration only; Feast writes them all the same.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the names are Feast's own")]
        pub enum ValueType { $($name = $number,)* }

        impl ValueType {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name in Python: `INT64`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The type with that number in Feast's messages.
            #[must_use]
            pub fn from_number(number: i32) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
        }
    };
}

value_types! {
    Unknown = 0 "UNKNOWN", Bytes = 1 "BYTES", String = 2 "STRING", Int32 = 3 "INT32", Int64 = 4 "INT64",
    Double = 5 "DOUBLE", Float = 6 "FLOAT", Bool = 7 "BOOL", UnixTimestamp = 8 "UNIX_TIMESTAMP",
    BytesList = 11 "BYTES_LIST", StringList = 12 "STRING_LIST", Int32List = 13 "INT32_LIST",
    Int64List = 14 "INT64_LIST", DoubleList = 15 "DOUBLE_LIST", FloatList = 16 "FLOAT_LIST", BoolList = 17 "BOOL_LIST",
    UnixTimestampList = 18 "UNIX_TIMESTAMP_LIST", Null = 19 "NULL", Map = 20 "MAP", MapList = 21 "MAP_LIST",
    BytesSet = 22 "BYTES_SET", StringSet = 23 "STRING_SET", Int32Set = 24 "INT32_SET", Int64Set = 25 "INT64_SET",
    DoubleSet = 26 "DOUBLE_SET", FloatSet = 27 "FLOAT_SET", BoolSet = 28 "BOOL_SET",
    UnixTimestampSet = 29 "UNIX_TIMESTAMP_SET", PdfBytes = 30 "PDF_BYTES", ImageBytes = 31 "IMAGE_BYTES",
    Json = 32 "JSON", JsonList = 33 "JSON_LIST", Struct = 34 "STRUCT", StructList = 35 "STRUCT_LIST",
    Uuid = 36 "UUID", TimeUuid = 37 "TIME_UUID", UuidList = 38 "UUID_LIST", TimeUuidList = 39 "TIME_UUID_LIST",
    UuidSet = 40 "UUID_SET", TimeUuidSet = 41 "TIME_UUID_SET", ValueList = 42 "VALUE_LIST", ValueSet = 43 "VALUE_SET",
    Decimal = 44 "DECIMAL", DecimalList = 45 "DECIMAL_LIST", DecimalSet = 46 "DECIMAL_SET",
    ScalarMap = 47 "SCALAR_MAP", ZonedTimestamp = 48 "ZONED_TIMESTAMP",
}

impl ValueType {
    /// Whether it can be a join key: only these have bytes in Feast's entity keys.
    #[must_use]
    pub fn is_key(self) -> bool {
        matches!(self, Self::Bytes | Self::String | Self::Int32 | Self::Int64 | Self::UnixTimestamp)
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The declared type of a field: `Float32`, `Array(Int64)`, `Struct({name: String})`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of feast.types")]
pub enum DataType {
    Unknown,
    Bytes,
    String,
    Int32,
    Int64,
    Float64,
    Float32,
    Bool,
    UnixTimestamp,
    PdfBytes,
    ImageBytes,
    Map,
    Json,
    Uuid,
    TimeUuid,
    Decimal,
    ScalarMap,
    ZonedTimestamp,
    /// fields in declared order; empty where a registry row does not say
    Struct(Vec<(String, DataType)>),
    Array(Box<DataType>),
    Set(Box<DataType>),
}

/// A text that is no type, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnknownType(pub String);

/// The tag in which Feast keeps the fields of a struct.
const STRUCT_SCHEMA_TAG: &str = "feast:struct_schema";
/// The tag in which Feast keeps the element type of a nested list or set.
const NESTED_INNER_TAG: &str = "feast:nested_inner_type";

/// Brackets in the text of one type, at most: parsing goes one call deeper with each.
const MAX_BRACKETS: usize = 64;

impl DataType {
    /// The types without parameters.
    pub const SCALARS: &'static [(&'static str, Self)] = &[
        ("Bytes", Self::Bytes),
        ("String", Self::String),
        ("Int32", Self::Int32),
        ("Int64", Self::Int64),
        ("Float64", Self::Float64),
        ("Float32", Self::Float32),
        ("Bool", Self::Bool),
        ("UnixTimestamp", Self::UnixTimestamp),
        ("PdfBytes", Self::PdfBytes),
        ("ImageBytes", Self::ImageBytes),
        ("Map", Self::Map),
        ("Json", Self::Json),
        ("Uuid", Self::Uuid),
        ("TimeUuid", Self::TimeUuid),
        ("Decimal", Self::Decimal),
        ("ScalarMap", Self::ScalarMap),
        ("ZonedTimestamp", Self::ZonedTimestamp),
    ];

    /// Reads the Python spelling: `Float32`, `Array(Int64)`, `Struct({name: String, age: Int64})`.
    ///
    /// # Errors
    /// An unknown name, a combination that Feast refuses, or unbalanced brackets.
    pub fn parse(text: &str) -> Result<Self, UnknownType> {
        let text = text.trim();
        if text.bytes().filter(|byte| *byte == b'(').count() > MAX_BRACKETS {
            return Err(UnknownType(format!("a type of more than {MAX_BRACKETS} parts")));
        }
        if let Some((_, dtype)) = Self::SCALARS.iter().find(|(name, _)| *name == text) {
            return Ok(dtype.clone());
        }
        let wrong = || UnknownType(format!("`{text}` is not a type"));
        let (name, rest) = text.split_once('(').ok_or_else(wrong)?;
        let inner = rest.strip_suffix(')').ok_or_else(|| UnknownType(format!("`{text}` lacks a closing bracket")))?;
        match name.trim() {
            "Array" => Self::array(Self::parse(inner)?),
            "Set" => Self::set(Self::parse(inner)?),
            "Struct" => Self::parse_struct(inner),
            _ => Err(wrong()),
        }
    }

    /// `Array(inner)`
    ///
    /// # Errors
    /// Feast has no list of that.
    pub fn array(inner: Self) -> Result<Self, UnknownType> {
        match inner {
            Self::ZonedTimestamp | Self::ScalarMap | Self::Unknown | Self::PdfBytes | Self::ImageBytes => {
                Err(UnknownType(format!("there is no list of {inner}")))
            }
            inner => Ok(Self::Array(Box::new(inner))),
        }
    }

    /// `Set(inner)`
    ///
    /// # Errors
    /// Feast has no set of that.
    pub fn set(inner: Self) -> Result<Self, UnknownType> {
        match inner {
            Self::ZonedTimestamp
            | Self::ScalarMap
            | Self::Unknown
            | Self::PdfBytes
            | Self::ImageBytes
            | Self::Map
            | Self::Json
            | Self::Struct(_) => Err(UnknownType(format!("there is no set of {inner}"))),
            inner => Ok(Self::Set(Box::new(inner))),
        }
    }

    fn parse_struct(text: &str) -> Result<Self, UnknownType> {
        let text = text.trim();
        let body = text
            .strip_prefix('{')
            .and_then(|text| text.strip_suffix('}'))
            .ok_or_else(|| UnknownType("a struct is written Struct({name: String, age: Int64})".to_owned()))?;
        let mut fields = Vec::new();
        for part in split_outside_brackets(body) {
            let (name, dtype) = part
                .split_once(':')
                .ok_or_else(|| UnknownType(format!("`{}` in a struct is not `name: type`", part.trim())))?;
            fields.push((name.trim().trim_matches(['"', '\'']).to_owned(), Self::parse(dtype)?));
        }
        if fields.is_empty() {
            return Err(UnknownType("a struct needs at least one field".to_owned()));
        }
        Ok(Self::Struct(fields))
    }

    /// What a stored value of this type is.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::Unknown => ValueType::Unknown,
            Self::Bytes => ValueType::Bytes,
            Self::String => ValueType::String,
            Self::Int32 => ValueType::Int32,
            Self::Int64 => ValueType::Int64,
            Self::Float64 => ValueType::Double,
            Self::Float32 => ValueType::Float,
            Self::Bool => ValueType::Bool,
            Self::UnixTimestamp => ValueType::UnixTimestamp,
            Self::PdfBytes => ValueType::PdfBytes,
            Self::ImageBytes => ValueType::ImageBytes,
            Self::Map => ValueType::Map,
            Self::Json => ValueType::Json,
            Self::Uuid => ValueType::Uuid,
            Self::TimeUuid => ValueType::TimeUuid,
            Self::Decimal => ValueType::Decimal,
            Self::ScalarMap => ValueType::ScalarMap,
            Self::ZonedTimestamp => ValueType::ZonedTimestamp,
            Self::Struct(_) => ValueType::Struct,
            Self::Array(inner) => list_type(inner),
            Self::Set(inner) => set_type(inner),
        }
    }

    /// The type of a registered field: its number and, for structs and nested types, what its tags say.
    #[must_use]
    pub fn from_registry(number: i32, tags: &Tags) -> Self {
        let nested = || tags.get(NESTED_INNER_TAG).and_then(|text| parse_nested(text).ok());
        match ValueType::from_number(number) {
            Some(ValueType::Struct) => Self::Struct(struct_fields(tags)),
            Some(ValueType::StructList) => Self::Array(Box::new(Self::Struct(struct_fields(tags)))),
            Some(ValueType::ValueList) => {
                nested().unwrap_or(Self::Array(Box::new(Self::Array(Box::new(Self::Unknown)))))
            }
            Some(ValueType::ValueSet) => nested().unwrap_or(Self::Set(Box::new(Self::Array(Box::new(Self::Unknown))))),
            Some(value_type) => Self::from_value_type(value_type),
            None => Self::Unknown,
        }
    }

    /// The type of values of a `ValueType` that needs no tag.
    #[must_use]
    pub fn from_value_type(value_type: ValueType) -> Self {
        if value_type == ValueType::Unknown {
            return Self::Unknown;
        }
        for (_, scalar) in Self::SCALARS {
            if scalar.value_type() == value_type {
                return scalar.clone();
            }
            for nested in [Self::Array(Box::new(scalar.clone())), Self::Set(Box::new(scalar.clone()))] {
                if nested.value_type() == value_type {
                    return nested;
                }
            }
        }
        Self::Unknown
    }

    /// The tags in which Feast keeps what the number of the type does not say.
    #[must_use]
    pub fn registry_tags(&self) -> Tags {
        let mut tags = Tags::new();
        match self {
            Self::Struct(fields) => {
                tags.insert(STRUCT_SCHEMA_TAG.to_owned(), struct_schema(fields));
            }
            Self::Array(inner) if matches!(**inner, Self::Struct(_)) => {
                tags.extend(inner.registry_tags());
            }
            Self::Array(inner) | Self::Set(inner) if matches!(**inner, Self::Array(_) | Self::Set(_)) => {
                tags.insert(NESTED_INNER_TAG.to_owned(), nested_text(self));
            }
            _ => {}
        }
        tags
    }

    /// Whether a registered tag is one of those that `registry_tags` makes.
    #[must_use]
    pub fn is_registry_tag(name: &str) -> bool {
        name == STRUCT_SCHEMA_TAG || name == NESTED_INNER_TAG
    }

    /// Whether one value is one number, text or flag: such values keep Feast's `value_text` and small rows.
    #[must_use]
    pub fn is_scalar(&self) -> bool {
        !matches!(
            self,
            Self::Array(_)
                | Self::Set(_)
                | Self::Map
                | Self::Json
                | Self::Struct(_)
                | Self::Bytes
                | Self::PdfBytes
                | Self::ImageBytes
                | Self::ScalarMap
                | Self::Unknown
        )
    }
}

fn list_type(inner: &DataType) -> ValueType {
    match inner {
        DataType::Map => ValueType::MapList,
        DataType::Json => ValueType::JsonList,
        DataType::Struct(_) => ValueType::StructList,
        DataType::Uuid => ValueType::UuidList,
        DataType::TimeUuid => ValueType::TimeUuidList,
        DataType::Decimal => ValueType::DecimalList,
        DataType::Array(_) | DataType::Set(_) => ValueType::ValueList,
        scalar => ValueType::from_number(scalar.value_type() as i32 + 10)
            .filter(|_| is_basic(scalar))
            .unwrap_or(ValueType::Unknown),
    }
}

fn set_type(inner: &DataType) -> ValueType {
    match inner {
        DataType::Uuid => ValueType::UuidSet,
        DataType::TimeUuid => ValueType::TimeUuidSet,
        DataType::Decimal => ValueType::DecimalSet,
        DataType::Array(_) | DataType::Set(_) => ValueType::ValueSet,
        scalar => ValueType::from_number(scalar.value_type() as i32 + 21)
            .filter(|_| is_basic(scalar))
            .unwrap_or(ValueType::Unknown),
    }
}

/// The eight types whose lists and sets are numbered in their order.
fn is_basic(dtype: &DataType) -> bool {
    (1..=8).contains(&(dtype.value_type() as i32))
}

/// `Array(Array(INT64))`, as Feast's `_feast_type_to_str`: scalars by the name of their `PrimitiveFeastType`, which is that
/// of their `ValueType` but for floats; a struct as JSON.
fn nested_text(dtype: &DataType) -> String {
    match dtype {
        DataType::Array(inner) => format!("Array({})", nested_text(inner)),
        DataType::Set(inner) => format!("Set({})", nested_text(inner)),
        DataType::Struct(fields) => format!("{{\"__struct__\": {}}}", struct_schema(fields)),
        DataType::Float32 => "FLOAT32".to_owned(),
        DataType::Float64 => "FLOAT64".to_owned(),
        scalar => scalar.value_type().name().to_owned(),
    }
}

fn parse_nested(text: &str) -> Result<DataType, UnknownType> {
    let text = text.trim();
    let inner = |prefix: &str| text.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(')'));
    if let Some(inner) = inner("Array(") {
        return Ok(DataType::Array(Box::new(parse_nested(inner)?)));
    }
    if let Some(inner) = inner("Set(") {
        return Ok(DataType::Set(Box::new(parse_nested(inner)?)));
    }
    match text {
        "FLOAT32" => return Ok(DataType::Float32),
        "FLOAT64" => return Ok(DataType::Float64),
        _ => {}
    }
    if let Ok(nested) = serde_json::from_str::<serde_json::Value>(text)
        && let Some(members) = nested.get("__struct__").and_then(serde_json::Value::as_object)
    {
        return Ok(DataType::Struct(struct_members(members)));
    }
    ValueType::ALL
        .iter()
        .find(|value_type| value_type.name() == text)
        .map(|value_type| DataType::from_value_type(*value_type))
        .ok_or_else(|| UnknownType(format!("`{text}` is not a value type")))
}

/// JSON as Python's `json.dumps(..)` of the struct's fields: `{"a": "INT64"}`.
fn struct_schema(fields: &[(String, DataType)]) -> String {
    let members = fields.iter().map(|(name, dtype)| format!("{}: {}", json_text(name), json_text(&nested_text(dtype))));
    format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
}

/// A text in JSON as Python writes it: nothing but ASCII.
fn json_text(text: &str) -> String {
    let mut out = String::new();
    for c in serde_json::Value::from(text).to_string().chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out
}

fn struct_fields(tags: &Tags) -> Vec<(String, DataType)> {
    let parsed = tags.get(STRUCT_SCHEMA_TAG).and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    parsed.as_ref().and_then(serde_json::Value::as_object).map(struct_members).unwrap_or_default()
}

fn struct_members(members: &serde_json::Map<String, serde_json::Value>) -> Vec<(String, DataType)> {
    members
        .iter()
        .map(|(name, value)| {
            let dtype = value.as_str().and_then(|text| parse_nested(text).ok()).unwrap_or(DataType::Unknown);
            (name.clone(), dtype)
        })
        .collect()
}

/// Splits at commas that stand in no bracket.
fn split_outside_brackets(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_i32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' | '{' => depth += 1,
            ')' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

impl fmt::Display for DataType {
    /// The Python spelling, which [`DataType::parse`] reads back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Array(inner) => write!(f, "Array({inner})"),
            Self::Set(inner) => write!(f, "Set({inner})"),
            Self::Struct(fields) => {
                let members: Vec<String> = fields.iter().map(|(name, dtype)| format!("{name}: {dtype}")).collect();
                write!(f, "Struct({{{}}})", members.join(", "))
            }
            Self::Unknown => f.pad("Unknown"),
            scalar => {
                f.pad(Self::SCALARS.iter().find(|(_, dtype)| dtype == scalar).map_or("Unknown", |(name, _)| name))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_and_printed_as_python_spells_them() {
        for text in [
            "Float32",
            "Array(Int64)",
            "Set(String)",
            "Array(Array(Int64))",
            "Struct({name: String, age: Int64})",
            "Array(Array(Float32))",
            "Array(Set(Float64))",
            "Array(Struct({a: String}))",
            "Struct({a: Float32, b: Array(Float64), é: Struct({d: Bool})})",
            "Map",
        ] {
            let dtype = DataType::parse(text).unwrap();
            assert_eq!(dtype.to_string(), text);
            let back = DataType::from_registry(dtype.value_type() as i32, &dtype.registry_tags());
            assert_eq!(back, dtype, "{text}");
        }
        for text in ["Float", "Array(", "Array(Int65)", "Set(Map)", "Array(ZonedTimestamp)", "Struct({})", "Struct(a)"]
        {
            assert!(DataType::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tags_are_spelt_as_python_spells_them() {
        let tag = |text: &str| DataType::parse(text).unwrap().registry_tags().into_values().next().unwrap();
        assert_eq!(tag("Array(Array(Float32))"), "Array(Array(FLOAT32))");
        assert_eq!(tag("Array(Struct({a: Float64}))"), r#"{"a": "FLOAT64"}"#);
        let nested = r#"{"a": "Array(FLOAT32)", "\u00e9": "{\"__struct__\": {\"d\": \"BOOL\"}}"}"#;
        assert_eq!(tag("Struct({a: Array(Float32), é: Struct({d: Bool})})"), nested);
    }

    #[test]
    fn lists_and_sets_have_feasts_numbers() {
        let number = |text: &str| DataType::parse(text).unwrap().value_type() as i32;
        assert_eq!(number("Array(Bytes)"), 11);
        assert_eq!(number("Array(UnixTimestamp)"), 18);
        assert_eq!(number("Set(Bytes)"), 22);
        assert_eq!(number("Set(UnixTimestamp)"), 29);
        assert_eq!(number("Array(Map)"), 21);
        assert_eq!(number("Array(Set(Int64))"), 42);
        assert_eq!(number("Set(Decimal)"), 46);
    }
}

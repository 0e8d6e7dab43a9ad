//! `feast.types`: values.
#![allow(missing_docs, reason = "the names are Feast's own; field numbers read from the descriptors of Feast 0.67.0")]

/// `feast.types.Value`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Value {
    #[prost(
        oneof = "ValueVal",
        tags = "1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48"
    )]
    pub val: Option<ValueVal>,
}

/// the arms of `feast.types.Value.val`
#[derive(Clone, PartialEq, ::prost::Oneof)]
pub enum ValueVal {
    #[prost(bytes = "vec", tag = "1")]
    Bytes(Vec<u8>),
    #[prost(string, tag = "2")]
    String(String),
    #[prost(int32, tag = "3")]
    Int32(i32),
    #[prost(int64, tag = "4")]
    Int64(i64),
    #[prost(double, tag = "5")]
    Double(f64),
    #[prost(float, tag = "6")]
    Float(f32),
    #[prost(bool, tag = "7")]
    Bool(bool),
    #[prost(int64, tag = "8")]
    UnixTimestamp(i64),
    #[prost(message, tag = "11")]
    BytesList(BytesList),
    #[prost(message, tag = "12")]
    StringList(StringList),
    #[prost(message, tag = "13")]
    Int32List(Int32List),
    #[prost(message, tag = "14")]
    Int64List(Int64List),
    #[prost(message, tag = "15")]
    DoubleList(DoubleList),
    #[prost(message, tag = "16")]
    FloatList(FloatList),
    #[prost(message, tag = "17")]
    BoolList(BoolList),
    #[prost(message, tag = "18")]
    UnixTimestampList(Int64List),
    #[prost(int32, tag = "19")]
    Null(i32),
    #[prost(message, tag = "20")]
    Map(Map),
    #[prost(message, tag = "21")]
    MapList(MapList),
    #[prost(message, tag = "22")]
    BytesSet(BytesSet),
    #[prost(message, tag = "23")]
    StringSet(StringSet),
    #[prost(message, tag = "24")]
    Int32Set(Int32Set),
    #[prost(message, tag = "25")]
    Int64Set(Int64Set),
    #[prost(message, tag = "26")]
    DoubleSet(DoubleSet),
    #[prost(message, tag = "27")]
    FloatSet(FloatSet),
    #[prost(message, tag = "28")]
    BoolSet(BoolSet),
    #[prost(message, tag = "29")]
    UnixTimestampSet(Int64Set),
    #[prost(string, tag = "32")]
    Json(String),
    #[prost(message, tag = "33")]
    JsonList(StringList),
    #[prost(message, tag = "34")]
    Struct(Map),
    #[prost(message, tag = "35")]
    StructList(MapList),
    #[prost(string, tag = "36")]
    Uuid(String),
    #[prost(string, tag = "37")]
    TimeUuid(String),
    #[prost(message, tag = "38")]
    UuidList(StringList),
    #[prost(message, tag = "39")]
    TimeUuidList(StringList),
    #[prost(message, tag = "40")]
    UuidSet(StringSet),
    #[prost(message, tag = "41")]
    TimeUuidSet(StringSet),
    #[prost(message, tag = "42")]
    List(RepeatedValue),
    #[prost(message, tag = "43")]
    Set(RepeatedValue),
    #[prost(string, tag = "44")]
    Decimal(String),
    #[prost(message, tag = "45")]
    DecimalList(StringList),
    #[prost(message, tag = "46")]
    DecimalSet(StringSet),
    #[prost(message, tag = "47")]
    ScalarMap(ScalarMap),
    #[prost(message, tag = "48")]
    ZonedTimestamp(ZonedTimestamp),
}

/// `feast.types.ZonedTimestamp`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ZonedTimestamp {
    #[prost(int64, tag = "1")]
    pub unix_timestamp: i64,
    #[prost(string, tag = "2")]
    pub zone: String,
}

/// `feast.types.BytesList`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct BytesList {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub val: Vec<Vec<u8>>,
}

/// `feast.types.StringList`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct StringList {
    #[prost(string, repeated, tag = "1")]
    pub val: Vec<String>,
}

/// `feast.types.Int32List`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Int32List {
    #[prost(int32, repeated, tag = "1")]
    pub val: Vec<i32>,
}

/// `feast.types.Int64List`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Int64List {
    #[prost(int64, repeated, tag = "1")]
    pub val: Vec<i64>,
}

/// `feast.types.DoubleList`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct DoubleList {
    #[prost(double, repeated, tag = "1")]
    pub val: Vec<f64>,
}

/// `feast.types.FloatList`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FloatList {
    #[prost(float, repeated, tag = "1")]
    pub val: Vec<f32>,
}

/// `feast.types.BoolList`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct BoolList {
    #[prost(bool, repeated, tag = "1")]
    pub val: Vec<bool>,
}

/// `feast.types.BytesSet`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct BytesSet {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub val: Vec<Vec<u8>>,
}

/// `feast.types.StringSet`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct StringSet {
    #[prost(string, repeated, tag = "1")]
    pub val: Vec<String>,
}

/// `feast.types.Int32Set`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Int32Set {
    #[prost(int32, repeated, tag = "1")]
    pub val: Vec<i32>,
}

/// `feast.types.Int64Set`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Int64Set {
    #[prost(int64, repeated, tag = "1")]
    pub val: Vec<i64>,
}

/// `feast.types.DoubleSet`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct DoubleSet {
    #[prost(double, repeated, tag = "1")]
    pub val: Vec<f64>,
}

/// `feast.types.FloatSet`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct FloatSet {
    #[prost(float, repeated, tag = "1")]
    pub val: Vec<f32>,
}

/// `feast.types.BoolSet`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct BoolSet {
    #[prost(bool, repeated, tag = "1")]
    pub val: Vec<bool>,
}

/// `feast.types.Map`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Map {
    #[prost(btree_map = "string, message", tag = "1")]
    pub val: std::collections::BTreeMap<String, Value>,
}

/// `feast.types.MapList`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct MapList {
    #[prost(message, repeated, tag = "1")]
    pub val: Vec<Map>,
}

/// `feast.types.RepeatedValue`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct RepeatedValue {
    #[prost(message, repeated, tag = "1")]
    pub val: Vec<Value>,
}

/// `feast.types.MapKey`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct MapKey {
    #[prost(oneof = "MapKeyKey", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10")]
    pub key: Option<MapKeyKey>,
}

/// the arms of `feast.types.MapKey.key`
#[derive(Clone, PartialEq, ::prost::Oneof)]
pub enum MapKeyKey {
    #[prost(int32, tag = "1")]
    Int32Key(i32),
    #[prost(int64, tag = "2")]
    Int64Key(i64),
    #[prost(float, tag = "3")]
    FloatKey(f32),
    #[prost(double, tag = "4")]
    DoubleKey(f64),
    #[prost(bool, tag = "5")]
    BoolKey(bool),
    #[prost(int64, tag = "6")]
    UnixTimestampKey(i64),
    #[prost(bytes = "vec", tag = "7")]
    BytesKey(Vec<u8>),
    #[prost(string, tag = "8")]
    UuidKey(String),
    #[prost(string, tag = "9")]
    TimeUuidKey(String),
    #[prost(string, tag = "10")]
    DecimalKey(String),
}

/// `feast.types.ScalarMapEntry`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ScalarMapEntry {
    #[prost(message, optional, tag = "1")]
    pub key: Option<MapKey>,
    #[prost(message, optional, tag = "2")]
    pub value: Option<Value>,
}

/// `feast.types.ScalarMap`
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ScalarMap {
    #[prost(message, repeated, tag = "1")]
    pub val: Vec<ScalarMapEntry>,
}

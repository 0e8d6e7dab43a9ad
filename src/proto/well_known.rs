//! `google.protobuf.Timestamp` and `Duration`.

/// `google.protobuf.Timestamp`: seconds since 1970 UTC and nanoseconds that count forward in time.
#[derive(Clone, Copy, PartialEq, Eq, ::prost::Message)]
pub struct Timestamp {
    /// seconds, negative before 1970
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// 0 to 999,999,999, also before 1970
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// `google.protobuf.Duration`: seconds and nanoseconds of one sign.
#[derive(Clone, Copy, PartialEq, Eq, ::prost::Message)]
pub struct Duration {
    /// whole seconds
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// the fraction, with the sign of `seconds`
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

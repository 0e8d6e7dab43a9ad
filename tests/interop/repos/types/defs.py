from datetime import timedelta
from feast import Entity, FeatureService, FeatureView, Field, FileSource, Project, ValueType
from feast.data_format import ParquetFormat
from feast.types import Array, Bool, Bytes, Decimal, Float32, Float64, Int32, Int64, Json, Map, String, Struct, UnixTimestamp, Uuid

project = Project(name="shop", description="every type", tags={"area": "tests"}, owner="shop@example.com")
customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.STRING)
store = Entity(name="store", value_type=ValueType.INT32, join_keys=["store_no"], description="a shop", tags={"kind": "place"})
inferred = Entity(name="inferred", join_keys=["store_no"])

scalars_src = FileSource(name="scalars_src", path="data/scalars.parquet", timestamp_field="ts", created_timestamp_column="made", file_format=ParquetFormat())
lists_src = FileSource(path="data/lists", timestamp_field="ts")
renamed_src = FileSource(name="renamed_src", path="data/renamed*.parquet", timestamp_field="ts", field_mapping={"f": "amount", "cust": "customer_id", "when": "ts"})

scalars = FeatureView(
    name="scalars", entities=[customer, store], ttl=timedelta(days=36500), source=scalars_src,
    schema=[Field(name="i32", dtype=Int32), Field(name="i64", dtype=Int64), Field(name="f32", dtype=Float32), Field(name="f64", dtype=Float64),
            Field(name="s", dtype=String), Field(name="b", dtype=Bytes), Field(name="yes", dtype=Bool), Field(name="at", dtype=UnixTimestamp)])
lists = FeatureView(
    name="lists", entities=[customer], source=lists_src,
    schema=[Field(name="i32s", dtype=Array(Int32)), Field(name="i64s", dtype=Array(Int64)), Field(name="f32s", dtype=Array(Float32)), Field(name="f64s", dtype=Array(Float64)),
            Field(name="ss", dtype=Array(String)), Field(name="bs", dtype=Array(Bytes)), Field(name="yeses", dtype=Array(Bool)), Field(name="ats", dtype=Array(UnixTimestamp)),
            Field(name="m", dtype=Map), Field(name="j", dtype=Json), Field(name="u", dtype=Uuid), Field(name="d", dtype=Decimal), Field(name="st", dtype=Struct({"a": String, "n": Int64}))])
renamed = FeatureView(name="renamed", entities=[customer], ttl=timedelta(hours=1, milliseconds=500), source=renamed_src, schema=[Field(name="amount", dtype=Float64)], online=True)
inferred_view = FeatureView(name="inferred_view", entities=[inferred], ttl=timedelta(0), source=scalars_src)
everyone = FeatureView(name="everyone", entities=[], ttl=timedelta(days=36500), source=scalars_src, schema=[Field(name="f64", dtype=Float64)])
hidden = FeatureView(name="hidden", entities=[customer], ttl=timedelta(days=1), source=lists_src, schema=[Field(name="i64s", dtype=Array(Int64))], online=False)

checkout = FeatureService(name="checkout", features=[scalars, lists[["ss", "m"]], renamed.with_name("paid")], tags={"model": "checkout"})
nothing = FeatureService(name="nothing", features=[])

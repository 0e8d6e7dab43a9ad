from datetime import timedelta
from feast import BatchFeatureView, Entity, FeatureService, FeatureView, Field, FileSource, KafkaSource, KinesisSource, Project, PushSource, RequestSource, StreamFeatureView, ValueType
from feast.aggregation import Aggregation
from feast.data_format import AvroFormat, JsonFormat, ParquetFormat, ProtoFormat
from feast.feature_logging import LoggingConfig
from feast.infra.offline_stores.file_source import FileLoggingDestination
from feast.types import Array, Bool, Bytes, Decimal, Float32, Float64, ImageBytes, Int32, Int64, Json, Map, PdfBytes, ScalarMap, Set, String, Struct, TimeUuid, UnixTimestamp, Uuid

project = Project(name="wide", description="every option", tags={"b": "2", "a": "1"}, owner="wide@example.com")

user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.INT64, description="who buys", tags={"pii": "yes"}, owner="ml@example.com")
item = Entity(name="item", join_keys=["item_id"], value_type=ValueType.STRING)
instant = Entity(name="instant", join_keys=["at"], value_type=ValueType.UNIX_TIMESTAMP)
blob = Entity(name="blob", join_keys=["digest"], value_type=ValueType.BYTES)
small = Entity(name="small", value_type=ValueType.INT32)

plain = FileSource(name="plain", path="data/wide.parquet", timestamp_field="ts", created_timestamp_column="made", file_format=ParquetFormat(), s3_endpoint_override="http://localhost:9000", field_mapping={"amount_in_cents": "cents"}, description="all columns", tags={"tier": "1"}, owner="etl@example.com")
unnamed = FileSource(path="data/rare.parquet", timestamp_field="ts")
avro_stream = KinesisSource(name="avro_stream", region="us-east-1", stream_name="avro", record_format=AvroFormat(schema_json='{"type": "record", "name": "r", "fields": []}'), timestamp_field="ts", created_timestamp_column="made", field_mapping={"c": "cents"}, description="in Avro", tags={"t": "1"}, owner="s@example.com", batch_source=plain)
proto_stream = KinesisSource(name="proto_stream", region="us-east-1", stream_name="proto", record_format=ProtoFormat(class_path="com.example.Record"), timestamp_field="ts", batch_source=plain)
kafka = KafkaSource(name="kafka", timestamp_field="ts", message_format=AvroFormat(schema_json="{}"), kafka_bootstrap_servers="a:9092,b:9092", topic="t", created_timestamp_column="made", field_mapping={"c": "cents"}, watermark_delay_threshold=timedelta(minutes=1, milliseconds=5), batch_source=plain, description="from Kafka", tags={"k": "v"}, owner="k@example.com")
lonely_kafka = KafkaSource(name="lonely_kafka", timestamp_field="ts", message_format=JsonFormat(schema_json="a int"), kafka_bootstrap_servers="a:9092", topic="t2")
pushed = PushSource(name="pushed", batch_source=plain, description="pushed rows", tags={"p": "1"}, owner="p@example.com")
lonely_push = PushSource(name="lonely_push")
request = RequestSource(name="request", schema=[Field(name="amount", dtype=Float64), Field(name="place", dtype=String, description="where", tags={"x": "y"})], description="asked", tags={"r": "1"}, owner="r@example.com")

scalars = FeatureView(
    name="scalars", entities=[user], ttl=timedelta(days=2, seconds=3, microseconds=500000), source=plain, online=True, description="one of each", tags={"z": "26", "a": "1"}, owner="ml@example.com",
    schema=[
        Field(name="i32", dtype=Int32, description="small", tags={"unit": "m"}), Field(name="i64", dtype=Int64), Field(name="f32", dtype=Float32), Field(name="f64", dtype=Float64),
        Field(name="text", dtype=String), Field(name="raw", dtype=Bytes), Field(name="flag", dtype=Bool), Field(name="seen", dtype=UnixTimestamp), Field(name="price", dtype=Decimal),
        Field(name="id4", dtype=Uuid), Field(name="id1", dtype=TimeUuid), Field(name="doc", dtype=Json), Field(name="cents", dtype=Int64)])
lists = FeatureView(
    name="lists", entities=[user, item], ttl=timedelta(0), source=plain,
    schema=[
        Field(name="li32", dtype=Array(Int32)), Field(name="li64", dtype=Array(Int64)), Field(name="lf32", dtype=Array(Float32)), Field(name="lf64", dtype=Array(Float64)),
        Field(name="ltext", dtype=Array(String)), Field(name="lraw", dtype=Array(Bytes)), Field(name="lflag", dtype=Array(Bool)), Field(name="lseen", dtype=Array(UnixTimestamp)),
        Field(name="pair", dtype=Struct({"name": String, "count": Int64})), Field(name="box", dtype=Map)])
registered = FeatureView(
    name="registered", entities=[instant, blob, small], ttl=None, source=unnamed, online=False,
    schema=[
        Field(name="s1", dtype=Set(String)), Field(name="s2", dtype=Set(Int64)), Field(name="s3", dtype=Set(Uuid)), Field(name="s4", dtype=Set(Decimal)),
        Field(name="pdf", dtype=PdfBytes), Field(name="image", dtype=ImageBytes), Field(name="pairs", dtype=ScalarMap),
        Field(name="l1", dtype=Array(Map)), Field(name="l2", dtype=Array(Json)), Field(name="l3", dtype=Array(Uuid)), Field(name="l4", dtype=Array(Decimal)),
        Field(name="l5", dtype=Array(Struct({"a": Float32}))), Field(name="l6", dtype=Array(Array(Int64))), Field(name="l7", dtype=Array(Array(Array(String)))), Field(name="l8", dtype=Array(Set(String))), Field(name="l9", dtype=Set(Array(Int32))), Field(name="l10", dtype=Array(Array(Float32))), Field(name="st", dtype=Struct({"a": Float64, "b": Array(Float32), "c": Struct({"d": Bool}), "\u00e9": Uuid}))])
vectors = FeatureView(
    name="vectors", entities=[item], ttl=timedelta(weeks=1), source=plain, online=False, enable_validation=True, org="search", version="latest",
    schema=[Field(name="embedding", dtype=Array(Float32), vector_index=True, vector_length=64, vector_search_metric="cosine", description="of the text")])
disabled = FeatureView(name="disabled", entities=[user], source=pushed, schema=[Field(name="i32", dtype=Int32)], enabled=False, online=False)
offline_too = FeatureView(name="offline_too", entities=[user], source=plain, schema=[Field(name="i32", dtype=Int32)], online=False, offline=True)
by_kinesis = FeatureView(name="by_kinesis", entities=[user], source=proto_stream, schema=[Field(name="i32", dtype=Int32)], online=False)

aggregated = StreamFeatureView(
    name="aggregated", entities=[user], ttl=timedelta(hours=3), source=kafka, mode="python", timestamp_field="ts", online=False, description="sums", owner="s@example.com", tags={"s": "1"},
    schema=[Field(name="i64", dtype=Int64)], aggregations=[Aggregation(column="i64", function="sum", time_window=timedelta(hours=1), slide_interval=timedelta(minutes=5)), Aggregation(column="i64", function="max", time_window=timedelta(days=1), name="biggest")],
    enable_tiling=True, tiling_hop_size=timedelta(minutes=5))

checkout = FeatureService(
    name="checkout", description="what checkout asks for", tags={"model": "m", "stage": "prod"}, owner="ml@example.com",
    features=[scalars[["i32", "text"]].with_name("who").with_join_key_map({"user_id": "buyer_id"}), lists, vectors[["embedding"]]],
    logging_config=LoggingConfig(destination=FileLoggingDestination(path="data/logs", s3_endpoint_override="http://localhost:9000", partition_by=["day"]), sample_rate=0.25))

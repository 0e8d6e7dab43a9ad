from datetime import timedelta
from feast import Entity, FeatureService, FeatureView, Field, FileSource, RequestSource, ValueType
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.transformation.python_transformation import PythonTransformation
from feast.types import Float64


def with_bonus(inputs):
    return {"with_bonus": [rate + bonus for rate, bonus in zip(inputs["conv_rate"], inputs["bonus"])]}


driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
stats = FileSource(name="stats", path="data/driver_stats.parquet", timestamp_field="event_timestamp")
request = RequestSource(name="request", schema=[Field(name="bonus", dtype=Float64)])
plain = FeatureView(name="plain", entities=[driver], ttl=timedelta(0), source=stats, schema=[Field(name="conv_rate", dtype=Float64), Field(name="acc_rate", dtype=Float64)])
TEXT = "def with_bonus(inputs):\n    return {\"with_bonus\": [rate + bonus for rate, bonus in zip(inputs[\"conv_rate\"], inputs[\"bonus\"])]}\n"
rewarded = OnDemandFeatureView(
    name="rewarded", sources=[plain[["conv_rate"]], request], schema=[Field(name="with_bonus", dtype=Float64)],
    feature_transformation=PythonTransformation(udf=with_bonus, udf_string=TEXT), mode="python", description="computed when asked", tags={"o": "1"}, owner="ml@example.com")
asked = FeatureService(name="asked", features=[plain[["acc_rate"]], rewarded])

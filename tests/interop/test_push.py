"""`push` beside Feast's own: the same cells, into what Python applied, and a history that Python reads."""
import datetime as dt
import json
import shutil

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feast.protos.feast.types.Value_pb2 import Value
from harness import T0

AT = [pd.Timestamp(T0) + pd.Timedelta(hours=9), pd.Timestamp(T0) + pd.Timedelta(hours=9, milliseconds=750)]


def cells(repo, view):
    """Feast's columns of a view's table, byte by byte; ours has more of them."""
    columns = "hex(entity_key), feature_name, hex(value), value_text, hex(vector_value), event_ts, created_ts, typeof(event_ts), typeof(created_ts)"
    found = repo.sql(repo.online_path, f'select {columns} from "{repo.project()}_{view}"')
    return sorted((key, name, ordered(value), *rest) for key, name, value, *rest in found)


def ordered(value):
    """The bytes of a value, as they are; those of a map, whose entries protobuf writes in an order of each process, sorted."""
    message = Value.FromString(bytes.fromhex(value))
    is_map = any(kind in (message.WhichOneof("val") or "") for kind in ("map", "struct"))
    return message.SerializeToString(deterministic=True).hex().upper() if is_map else value


def lines(frame):
    """The rows of a frame as JSON lines."""
    times = {name: frame[name].map(lambda time: time.isoformat()) for name in ["event_timestamp", "created"]}
    return "".join(json.dumps(row) + "\n" for row in frame.assign(**times).to_dict("records"))


def trips():
    return pd.DataFrame({
        "driver_id": [1001, 7], "event_timestamp": AT, "created": AT, "conv_rate": [0.875, 0.1], "acc_rate": [0.25, -0.0],
        "avg_daily_trips": [55, 2**53 + 1], "note": ["pushed", "é\n\U0001f600"],
    })


def test_a_push_writes_the_bytes_of_feasts_push(make):
    """Both registries were applied by Python."""
    ours, theirs = (make("fleet", "python").feast_applied() for _ in range(2))
    applied = ours.registry()
    (ours.path / "trips.ndjson").write_text(lines(trips()))
    report = ours.rs_json("push", "driver_trips_push_src", "trips.ndjson")
    assert [(view["view"], view["written"]) for view in report["views"]] == [("driver_trips_push", 8)]
    theirs.store().push("driver_trips_push_src", trips())
    found = cells(ours, "driver_trips_push")
    assert len(found) == 8 and found == cells(theirs, "driver_trips_push")
    # each pushes over the other, and the registry stays as Python made it
    later = trips().assign(event_timestamp=[time + pd.Timedelta(hours=1) for time in AT], note=["later", ""])
    (theirs.path / "later.ndjson").write_text(lines(later))
    theirs.rs("push", "driver_trips_push_src", "later.ndjson").ok()
    ours.store().push("driver_trips_push_src", later)
    assert cells(ours, "driver_trips_push") == cells(theirs, "driver_trips_push") != found
    assert ours.registry() == theirs.registry() == applied


@pytest.mark.parametrize("view,source,rows", [("scalars", "scalars.parquet", [0, 3]), ("lists", "lists/part-0.parquet", [0])])
def test_values_of_every_type_are_pushed_as_feast_writes_them(make, view, source, rows):
    """The rows that pandas holds without turning their numbers into others."""
    ours, theirs = (make("types", "python").feast_applied() for _ in range(2))
    table = pq.read_table(ours.path / "data" / source).take(rows)
    pq.write_table(table, ours.path / "rows.parquet")
    ours.rs("push", view, "rows.parquet").ok()
    theirs.store().write_to_online_store(view, table.to_pandas())
    found = cells(ours, view)
    assert found and found == cells(theirs, view)


# ------------------------------------------------------------------------------------------- history
HISTORY = """
from datetime import timedelta
from feast import Entity, FeatureView, Field, FileSource, PushSource, ValueType
from feast.types import Float64, Int64

driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
schema = [Field(name="conv_rate", dtype=Float64), Field(name="acc_rate", dtype=Float64)]
for name, path in [("file", "data/driver_stats.parquet"), ("folder", "data/history")]:
    files = FileSource(name=f"{name}_history", path=path, timestamp_field="event_timestamp", created_timestamp_column="created")
    pushed = PushSource(name=f"{name}_pushed", batch_source=files)
    globals()[name] = FeatureView(name=f"{name}_view", entities=[driver], ttl=timedelta(days=3650), schema=schema, source=pushed)
"""


def history(make):
    """Six rows of 2024-01-01 in a file, and in a folder; applied by Python."""
    repo = make("kinesis")
    (repo.path / "data" / "history").mkdir()
    shutil.copy(repo.path / "data" / "driver_stats.parquet", repo.path / "data" / "history" / "part-0.parquet")
    (repo.path / "defs.py").write_text(HISTORY)
    return repo.feast_applied()


def rates(first, last):
    times = [pd.Timestamp(T0) + pd.Timedelta(days=1, minutes=number) for number in range(first, last)]
    return pd.DataFrame({
        "driver_id": [1001 + number % 3 for number in range(first, last)], "event_timestamp": times,
        "conv_rate": [number / 64 for number in range(first, last)], "acc_rate": 0.5, "created": times,
    })


def joined(repo, view):
    """Feast's point-in-time join: `(driver, minute)` -> conv_rate."""
    minutes = [(1001, 0), (1002, 1), (1001, 2), (1003, 40), (1001, 59), (1002, 59), (1003, 59)]
    asked = pd.DataFrame({
        "driver_id": [driver for driver, _ in minutes],
        "event_timestamp": [T0 + dt.timedelta(days=1, minutes=minute, seconds=30) for _, minute in minutes],
    })
    asked["minute"] = [minute for _, minute in minutes]
    answer = repo.store().get_historical_features(asked, [f"{view}:conv_rate"]).to_df()
    return {(row["driver_id"], row["minute"]): row["conv_rate"] for row in answer.to_dict("records")}


EXPECTED = {(1001, 0): 0, (1002, 1): 1, (1001, 2): 0, (1003, 40): 38, (1001, 59): 57, (1002, 59): 58, (1003, 59): 59}


@pytest.mark.parametrize("name", ["file", "folder"])
def test_python_joins_what_was_pushed_offline(make, name):
    repo = history(make)
    for first, last, to in [(0, 20, "offline"), (20, 40, "online_and_offline"), (40, 60, "offline")]:
        (repo.path / "rates.ndjson").write_text(lines(rates(first, last)))
        assert repo.rs_json("push", f"{name}_pushed", "rates.ndjson", "--to", to)["logged"] == 20
    path = repo.path / "data" / ("driver_stats.parquet" if name == "file" else "history")
    assert pq.read_table(path).num_rows == 6 + 60
    assert joined(repo, f"{name}_view") == {place: number / 64 for place, number in EXPECTED.items()}
    assert repo.store().get_online_features([f"{name}_view:conv_rate"], [{"driver_id": 1001 + 39 % 3}]).to_dict()["conv_rate"] == [39 / 64]


def test_both_push_into_one_file_of_history(make):
    from feast.data_source import PushMode

    repo = history(make)
    schema = pq.read_schema(repo.path / "data" / "driver_stats.parquet")
    for first in range(0, 60, 20):
        (repo.path / "rates.ndjson").write_text(lines(rates(first, first + 10)))
        repo.rs("push", "file_pushed", "rates.ndjson", "--to", "offline").ok()
        repo.store().push("file_pushed", rates(first + 10, first + 20), to=PushMode.OFFLINE)
    table = pq.read_table(repo.path / "data" / "driver_stats.parquet")
    assert table.num_rows == 6 + 60 and table.schema.equals(schema), table.schema
    assert joined(repo, "file_view") == {place: number / 64 for place, number in EXPECTED.items()}

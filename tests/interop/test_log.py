"""The historical log that a stream leaves: Python reads it as it reads its own files."""
import datetime as dt
import json

import pyarrow.parquet as pq
from harness import T0

FEATURES = ["percentages:percent", "percentages:label"]


def records(first, last):
    lines = [
        {
            "driver_id": 1 + number % 3,
            "event_timestamp": (T0 + dt.timedelta(minutes=number)).isoformat(),
            "conv_rate": number / 64,
            "acc_rate": 0.5,
            "created": (T0 + dt.timedelta(minutes=number)).isoformat(),
        }
        for number in range(first, last)
    ]
    return "".join(json.dumps(line) + "\n" for line in lines)


def ingest(repo, first, last):
    with open(repo.path / "in.ndjson", "a") as file:
        file.write(records(first, last))
    repo.rs("stream-ingest", "--input", "in.ndjson", "--from", "trim-horizon").ok()


def files(repo):
    return sorted(path for path in (repo.path / "data" / "history").iterdir() if path.suffix == ".parquet")


def test_an_empty_log_has_its_columns(make):
    import pandas as pd

    repo = make("log", "yaml").rs_applied()
    table = pq.read_table(repo.path / "data" / "history")
    assert table.schema.names == ["driver_id", "event_timestamp", "created", "percent", "label"]
    assert [str(kind) for kind in table.schema.types] == ["int64", "timestamp[us, tz=UTC]", "timestamp[us, tz=UTC]", "float", "string"]
    assert table.num_rows == 0
    asked = pd.DataFrame({"driver_id": [1], "event_timestamp": [T0]})
    answer = repo.store().get_historical_features(asked, FEATURES).to_df()
    assert answer["percent"].isna().all()
    assert repo.rs_json("plan") == {"changes": [], "drift": [], "unmanaged": []}


def test_python_reads_every_record_of_the_log_once(make):
    import pandas as pd

    repo = make("log", "yaml").rs_applied()
    ingest(repo, 0, 40)
    ingest(repo, 40, 60)
    assert len(files(repo)) == 3, "an empty one, and one a run"
    repo.rs("stream-ingest", "--input", "in.ndjson").ok()
    assert len(files(repo)) == 3, "nothing new, no file"
    table = pq.read_table(repo.path / "data" / "history").to_pandas()
    assert sorted(table["percent"]) == [number / 64 * 100 for number in range(60)]

    instants = [T0 + dt.timedelta(minutes=minute, seconds=30) for minute in [0, 1, 7, 30, 59, 59, 59]]
    asked = pd.DataFrame({"driver_id": [1, 2, 3, 1, 1, 2, 3], "event_timestamp": instants})
    theirs = repo.store().get_historical_features(asked, FEATURES).to_df()
    rows = asked.assign(event_timestamp=[instant.isoformat() for instant in instants]).to_dict("records")
    ours = repo.rs_json("get-historical-features", "--entity-df", json.dumps(rows), "-f", FEATURES[0], "-f", FEATURES[1])

    def answers(frame):
        return sorted((row["driver_id"], str(pd.Timestamp(row["event_timestamp"])), row["percent"], row["label"]) for row in frame)

    assert answers(theirs.to_dict("records")) == answers(ours)
    expected = {(1, 0): 0, (2, 1): 1, (3, 7): 5, (1, 30): 30, (1, 59): 57, (2, 59): 58, (3, 59): 59}
    for row in theirs.to_dict("records"):
        minute = round((pd.Timestamp(row["event_timestamp"]) - pd.Timestamp(T0)).total_seconds() // 60)
        assert row["percent"] == expected[row["driver_id"], minute] / 64 * 100
        assert row["label"] == f"d{row['driver_id']}"


def test_polars_reads_the_part_files(make):
    import polars

    repo = make("log", "yaml").rs_applied()
    ingest(repo, 0, 40)
    ingest(repo, 40, 60)
    table = polars.read_parquet(repo.path / "data" / "history" / "*.parquet")
    assert table.columns == ["driver_id", "event_timestamp", "created", "percent", "label"]
    assert table.schema["event_timestamp"] == polars.Datetime("us", "UTC")
    rows = sorted(table.select("percent", "event_timestamp", "label").rows())
    assert rows == [(number / 64 * 100, T0 + dt.timedelta(minutes=number), f"d{1 + number % 3}") for number in range(60)]


def test_our_tables_do_not_disturb_python(make):
    repo = make("log", "yaml").rs_applied()
    ingest(repo, 0, 10)
    ours = {name for (name,) in repo.sql(repo.online_path, "select name from sqlite_master where name like 'feast_rs_%'")}
    assert {"feast_rs_positions", "feast_rs_spool", "feast_rs_generations"} <= ours
    store = repo.store()
    assert store.get_online_features(FEATURES, [{"driver_id": 1}]).to_dict()["percent"] == [9 / 64 * 100]
    # Python's apply of a repo without the view drops its table, and nothing else
    (repo.path / "defs.py").write_text("from feast import Entity\nother = Entity(name='other', join_keys=['other_id'])\n")
    repo.feast("apply").ok()
    tables = {name for (name,) in repo.sql(repo.online_path, "select name from sqlite_master where type = 'table'")}
    assert ours - {"feast_rs_pushed_at", "feast_rs_spool_log"} <= tables
    assert not any(name.startswith("logged_") for name in tables)
    # ... and the next run says that what the stream had put there is gone, and how to go on
    (repo.path / "defs.py").unlink()
    repo.rs("apply").ok()
    refused = repo.rs("stream-ingest", "--input", "in.ndjson")
    assert refused.code == 1 and "E2113" in refused.stderr and "--to keep" in refused.stderr, refused
    repo.rs("kinesis", "checkpoints", "reset", "percentages", "--to", "keep").ok()
    ingest(repo, 10, 20)
    assert store.get_online_features(FEATURES, [{"driver_id": 1}]).to_dict()["percent"] == [18 / 64 * 100]
    assert sorted(pq.read_table(repo.path / "data" / "history").to_pandas()["percent"]) == [n / 64 * 100 for n in range(20)]
    repo.feast("teardown").ok()

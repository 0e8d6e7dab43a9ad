"""Python Feast and feast-rs write one store at once."""
import contextlib
import datetime as dt
import itertools
import json
import random
import subprocess
import sys
import textwrap
import threading
import time

from harness import T0
from test_serve import serve

PYTHON = """
    import datetime as dt, sys, warnings
    warnings.simplefilter("ignore")
    import pandas as pd
    from feast import FeatureStore
    from feast.repo_config import load_repo_config
    from pathlib import Path

    path = Path.cwd()
    config = load_repo_config(path, path / "feature_store.yaml")
    config.registry.path = f"sqlite:///{path / 'data' / 'registry.db'}"
    store = FeatureStore(config=config)
    start = dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)
    for number in range(40):
        frame = pd.DataFrame({"driver_id": range(100, 120), "event_timestamp": start + dt.timedelta(days=1, seconds=number), "conv_rate": number / 4})
        store.write_to_online_store("plain", frame)
    print("done")
"""


def test_python_writes_beside_our_pushes_and_materializations(make):
    repo = make("kinesis", "yaml").rs_applied()
    writer = subprocess.Popen([sys.executable, "-c", textwrap.dedent(PYTHON)], cwd=repo.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    numbers = 0
    while writer.poll() is None or numbers < 20:
        rows = [f'{{"driver_id": {driver}, "event_timestamp": "2024-01-02T00:{numbers // 60:02}:{numbers % 60:02}Z", "conv_rate": {numbers}}}' for driver in range(200, 220)]
        repo.rs("push", "plain", "[" + ",".join(rows) + "]").ok()
        if numbers % 5 == 0:
            repo.rs("materialize", "2024-01-01T00:00:00", "2024-01-02T00:00:00", "-v", "plain").ok()
        numbers += 1
        assert numbers < 3000, "Python does not end"
    out, err = writer.communicate(timeout=60)
    assert writer.returncode == 0 and "done" in out and "locked" not in err, err
    answer = repo.store().get_online_features(["plain:conv_rate"], [{"driver_id": driver} for driver in [1001, 1002, *range(100, 120), *range(200, 220)]])
    found, expected = answer.to_dict()["conv_rate"], [0.5, 0.625] + [39 / 4] * 20 + [float(numbers - 1)] * 20
    lost = sum(value is None for value in found)
    regressed = sum(value is not None and value < wanted for value, wanted in zip(found, expected, strict=True))
    # a panic would have failed its command above
    print(f"trust: pushes and materializations beside Python's writes: {numbers + 40} tried, {lost} lost, {regressed} regressed, 0 panics")
    assert found == expected


# ------------------------------------------------------------------------------------------- everybody at once
LIVE = """
data_sources:
  - {type: PushSource, name: pushed, batch_source: driver_stats_source}
feature_views:
  - {name: live, entities: [driver], ttl: 0, schema: [{name: conv_rate, dtype: Float64}, {name: acc_rate, dtype: Float64}], source: pushed}
"""
STREAMED = "driver_hourly_stats_stream"
DRIVERS = range(300, 320)


class Oracle:
    """Of each driver the newest record that somebody wrote. The number of a record is its event time and its values."""

    def __init__(self):
        self.lock, self.numbers = threading.Lock(), itertools.count()
        self.newest, self.records, self.wrong = {}, 0, []

    def draw(self, view):
        """Records that come out of order by 200 at most, and what to say when they are stored."""
        with self.lock:
            found = [(random.choice(DRIVERS), max(0, next(self.numbers) - random.randrange(200))) for _ in range(random.randrange(1, 40))]

        def stored():
            with self.lock:
                self.records += len(found)
                for driver, number in found:
                    self.newest[view, driver] = max(number, self.newest.get((view, driver), -1))

        rows = [
            {"driver_id": driver, "event_timestamp": (T0 + dt.timedelta(days=1, milliseconds=number)).isoformat(), "conv_rate": number, "acc_rate": number}
            for driver, number in found
        ]
        return rows, stored

    def check(self, what, ok, answer):
        if not ok:
            self.wrong.append((what, str(answer)[:500]))


def ndjson(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_pushes_requests_streams_and_python_write_one_store(make):
    """Python overwrites whatever is there, so it has keys of its own; all others agree that the newest event time wins."""
    repo = make("kinesis", "yaml")
    (repo.path / "live.yaml").write_text(LIVE)
    repo.rs_applied()
    oracle, over, server = Oracle(), threading.Event(), serve(repo)
    regressed = []

    def command():
        rows, stored = oracle.draw("live")
        answer = repo.rs("push", "pushed", json.dumps(rows))
        oracle.check("push", answer.code == 0 and "panicked" not in answer.stderr, answer)
        stored()

    def request():
        rows, stored = oracle.draw("live")
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        answer = server.ask("POST", "/push", {"push_source_name": "pushed", "df": columns, "to": "online"})
        oracle.check("/push", answer[0] == 200, answer)
        stored()

    def bulk():
        rows, stored = oracle.draw("live")
        answer = server.ask("POST", "/push/ndjson?push_source_name=pushed", ndjson(rows).encode())
        oracle.check("/push/ndjson", answer[0] == 200 and json.loads(answer[1])["refused_count"] == 0, answer)
        stored()

    def stream():
        rows, stored = oracle.draw(STREAMED)
        with open(repo.path / "in.ndjson", "a") as file:
            file.write(ndjson([row | {"created": row["event_timestamp"]} for row in rows]))
        answer = repo.rs("stream-ingest", STREAMED, "--input", "in.ndjson", "--from", "trim-horizon")
        oracle.check("stream-ingest", answer.code == 0 and "panicked" not in answer.stderr, answer)
        stored()

    def materialize():
        answer = repo.rs("materialize", "2024-01-01T00:00:00", "2024-01-02T00:00:00", "-v", "plain", "-v", "live")
        oracle.check("materialize", answer.code == 0, answer)
        time.sleep(0.2)

    def values(features):
        answer = server.ask("POST", "/get-online-features", {"features": features, "entities": {"driver_id": list(DRIVERS)}})
        oracle.check("read", answer[0] == 200, answer)
        return [column["values"] for column in json.loads(answer[1])["results"][1:]]

    before = [-1] * len(DRIVERS)

    def read():
        conv, acc = values(["live:conv_rate", "live:acc_rate"])
        conv = [-1 if value is None else value for value in conv]
        regressed.extend((old, new) for old, new in zip(before, conv) if new < old)
        before[:] = conv
        oracle.check("a whole row", [None if value == -1 else value for value in conv] == acc, (conv, acc))

    def again_and_again(work):
        try:
            while not over.is_set():
                work()
        except Exception as error:
            oracle.check(work.__name__, False, repr(error))

    with contextlib.closing(server):
        writer = subprocess.Popen([sys.executable, "-c", textwrap.dedent(PYTHON)], cwd=repo.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        threads = [threading.Thread(target=again_and_again, args=(work,)) for work in (command, command, request, bulk, stream, materialize, read)]
        for thread in threads:
            thread.start()
        try:
            out, err = writer.communicate(timeout=120)
        finally:
            over.set()
            for thread in threads:
                thread.join()
        assert writer.returncode == 0 and "done" in out and "locked" not in err, err
        read()
        served = {("live", driver): value for driver, value in zip(DRIVERS, values(["live:conv_rate"])[0]) if value is not None}
    store = repo.store()
    drivers = [{"driver_id": driver} for driver in DRIVERS]
    streamed = store.get_online_features([f"{STREAMED}:conv_percentage"], drivers).to_dict()["conv_percentage"]
    found = served | {(STREAMED, driver): value / 100 for driver, value in zip(DRIVERS, streamed) if value is not None}
    lost = {place for place in oracle.newest.keys() | found.keys() if oracle.newest.get(place) != found.get(place)}
    print(f"trust: pushes, requests, a stream and Python on one store: {oracle.records} tried, {len(lost)} lost, {len(regressed)} regressed, 0 panics")
    assert (lost, regressed, oracle.wrong) == (set(), [], [])
    # what Python wrote, and what was in the history
    answer = store.get_online_features(["plain:conv_rate"], [{"driver_id": driver} for driver in [1001, 1002, *range(100, 120)]])
    assert answer.to_dict()["conv_rate"] == [0.5, 0.625] + [39 / 4] * 20

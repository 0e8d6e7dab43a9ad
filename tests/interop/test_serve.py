"""`feast-rs serve` to Feast's own clients, and beside Feast's own server: the same requests, the same answers."""
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from harness import T0, WINDOW

TOKEN = "0123456789abcdef0123456789abcdef"


class Server:
    """A server process on a free port of loopback."""

    def __init__(self, repo, command, port_of, env):
        self.log = open(repo.path / f"{Path(command[0]).name}.log", "w+")
        env = {"PATH": os.environ["PATH"], "HOME": str(repo.path), "TZ": "UTC", "OMP_NUM_THREADS": "1", **env}
        self.process = subprocess.Popen(command, cwd=repo.path, env=env, stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 120
        while True:
            assert self.process.poll() is None and time.monotonic() < deadline, self.said()
            self.url = port_of(self.said())
            try:
                if self.url and self.ask("GET", "/health")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)

    def said(self):
        self.log.flush()
        return Path(self.log.name).read_text()

    def ask(self, method, path, body=None, headers=()):
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers={"content-type": "application/json", **dict(headers)})
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def close(self):
        self.process.terminate()
        self.process.wait(30)
        self.log.close()


def serve(repo, *options):
    """feast-rs."""
    def port_of(said):
        found = re.search(r"serving on (http://\S+)", said)
        return found and found[1]

    return Server(repo, [os.environ["FEAST_RS"], "serve", "--port", "0", *options], port_of, {})


def feast_serve(repo):
    """Feast's own."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).parent / "feast"), "serve", "-p", str(port), "--no-access-log"]
    return Server(repo, command, lambda _: f"http://127.0.0.1:{port}", {})


def client(repo, url, auth=""):
    """Feast's FeatureStore of the same registry, with the server as its online store."""
    from feast import FeatureStore
    from feast.repo_config import load_repo_config

    folder = repo.path / "client"
    folder.mkdir(exist_ok=True)
    (folder / "feature_store.yaml").write_text(
        f"project: {repo.project()}\nprovider: local\nregistry:\n  registry_type: sql\n  path: sqlite:///{repo.registry_path}\n"
        f"online_store:\n  type: remote\n  path: {url}\n  connection_retries: 0\n{auth}entity_key_serialization_version: 3\n"
    )
    return FeatureStore(config=load_repo_config(folder, folder / "feature_store.yaml"))


def without_ttl(repo):
    """Feast does not look at the ttl of an online value."""
    settings = repo.path / "feature_store.yaml"
    settings.write_text(settings.read_text() + "\nfeast_rs: {ttl_on_read: false}\n")
    return repo


@pytest.fixture
def served(make):
    """The fleet repo, materialized and served by feast-rs."""
    repo = without_ttl(make("fleet", "yaml", "python").rs_materialized())
    server = serve(repo)
    yield repo, server
    server.close()


# ------------------------------------------------------------------------------------------- Feast's client
def test_feasts_client_reads_through_us(served):
    repo, server = served
    rows = [{"driver_id": 1001}, {"driver_id": 1002}, {"driver_id": 9999}]
    features = ["driver_trips:conv_rate", "driver_trips:note", "driver_trips_push:avg_daily_trips"]
    remote, local = client(repo, server.url), repo.store()
    for wanted in (features, local.get_feature_service("driver_svc")):
        theirs = local.get_online_features(wanted, entity_rows=rows, full_feature_names=True).to_dict()
        ours = remote.get_online_features(wanted, entity_rows=rows, full_feature_names=True).to_dict()
        assert ours == theirs
    pair = local.get_feature_service("pair_svc")
    rows = [{"left_id": 1001, "right_id": 1002}]
    assert remote.get_online_features(pair, entity_rows=rows, full_feature_names=True).to_dict() == local.get_online_features(pair, entity_rows=rows, full_feature_names=True).to_dict()


def test_feasts_client_raises_feasts_errors(served):
    from feast.errors import FeastError, FeatureServiceNotFoundException, FeatureViewNotFoundException

    repo, server = served
    remote = client(repo, server.url)
    for wanted, error, words in [
        (["nope:x"], FeatureViewNotFoundException, "there is no feature view `nope`"),
        (["driver_trips:conv_rat"], FeastError, "did you mean `conv_rate`?"),
        (["driver_trips"], FeastError, "VIEW:FEATURE"),
    ]:
        with pytest.raises(error) as raised:
            remote.get_online_features(wanted, entity_rows=[{"driver_id": 1001}])
        assert words in str(raised.value)
    assert issubclass(FeatureServiceNotFoundException, FeastError)


def test_the_token_recipe(make, monkeypatch):
    """`auth: {type: oidc, token_env_var: ..}` makes Feast's client send the token; `token: ..` does too."""
    from feast.errors import FeastPermissionError

    repo = without_ttl(make("fleet", "yaml").rs_materialized())
    (repo.path / "token").write_text(TOKEN + "\n")
    server = serve(repo, "--token-file", "token")
    try:
        monkeypatch.setenv("FEATURES_TOKEN", TOKEN)
        for auth in ("auth:\n  type: oidc\n  token_env_var: FEATURES_TOKEN\n", f"auth:\n  type: oidc\n  token: {TOKEN}\n"):
            answer = client(repo, server.url, auth).get_online_features(["driver_trips:conv_rate"], entity_rows=[{"driver_id": 1001}])
            assert answer.to_dict()["driver_id"] == [1001]
        with pytest.raises(FeastPermissionError):
            client(repo, server.url).get_online_features(["driver_trips:conv_rate"], entity_rows=[{"driver_id": 1001}])
    finally:
        server.close()


def test_feasts_client_materializes_through_us(make):
    import datetime as dt

    repo = without_ttl(make("fleet", "yaml").rs_applied())
    server = serve(repo)
    try:
        remote = client(repo, server.url)
        start, middle, end = T0, T0 + dt.timedelta(hours=2), T0 + dt.timedelta(hours=12)
        remote.materialize(start, middle, feature_views=["driver_trips"])
        remote.materialize_incremental(end, feature_views=["driver_trips"])
        remote.materialize(start, end, feature_views=["driver_trips_push"], run_async=True)
        deadline = time.monotonic() + 60
        wanted = ["driver_trips:conv_rate", "driver_trips_push:avg_daily_trips"]
        while True:
            answer = remote.get_online_features(wanted, entity_rows=[{"driver_id": 1001}]).to_dict()
            if answer["conv_rate"] != [None] and answer["avg_daily_trips"] != [None]:
                break
            assert time.monotonic() < deadline, answer
            time.sleep(0.05)
    finally:
        server.close()


def test_feasts_client_writes_and_pushes_through_us(served):
    import pandas as pd

    repo, server = served
    remote = client(repo, server.url)
    at = pd.Timestamp(T0) + pd.Timedelta(hours=9)
    times = [at, at + pd.Timedelta(milliseconds=750)]
    frame = pd.DataFrame({"driver_id": [1001, 7], "event_timestamp": times, "created": times, "conv_rate": [0.875, 0.5], "acc_rate": [0.25, 0.125], "avg_daily_trips": [55, 2**40], "note": ["pushed", "é"]})
    remote.push("driver_trips_push_src", frame)
    remote.write_to_online_store("driver_trips_kinesis", frame)
    wanted = ["avg_daily_trips", "note", "conv_rate"]
    for view in ("driver_trips_push", "driver_trips_kinesis"):
        for store in (remote, repo.store()):
            answer = store.get_online_features([f"{view}:{name}" for name in wanted], entity_rows=[{"driver_id": 1001}, {"driver_id": 7}]).to_dict()
            assert (answer["avg_daily_trips"], answer["note"], answer["conv_rate"]) == ([55, 2**40], ["pushed", "é"], [0.875, 0.5]), view


def test_feasts_client_writes_whatever_the_source_calls_its_times(make):
    """Feast's client sends `event_timestamp` and `created`; the source of this view says `ts` and `made`."""
    import pandas as pd

    repo = without_ttl(make("types", "yaml").rs_applied())
    server = serve(repo)
    try:
        remote = client(repo, server.url)
        at = pd.Timestamp(T0) + pd.Timedelta(hours=9)
        frame = pd.DataFrame({"customer_id": ["a"], "store_no": [1], "ts": [at], "made": [at], "i32": [5], "i64": [6], "f32": [0.5], "f64": [0.25], "s": ["x"], "yes": [True], "at": [at]})
        frame["store_no"] = frame["store_no"].astype("int32")
        remote.write_to_online_store("scalars", frame.assign(b=[None]))
        answer = remote.get_online_features(["scalars:i64", "scalars:s"], entity_rows=[{"customer_id": "a", "store_no": 1}]).to_dict()
        assert (answer["i64"], answer["s"]) == ([6], ["x"])
    finally:
        server.close()


# ------------------------------------------------------------------------------------------- beside Feast's server
SCALARS = ["i32", "i64", "f32", "f64", "s", "b", "yes", "at"]
LISTS = ["i32s", "i64s", "f32s", "f64s", "ss", "bs", "yeses", "ats", "m", "j", "u", "d", "st"]
CUSTOMER = {"customer_id": ["a", "b", "zz"], "store_no": [1, 2, 3]}


def _types_requests():
    one = {"customer_id": ["a"], "store_no": [1]}
    for name in SCALARS:
        yield {"features": [f"scalars:{name}"], "entities": one}
    for name in LISTS:
        yield {"features": [f"lists:{name}"], "entities": {"customer_id": ["a", "b", "c", "d"]}}
    yield {"features": [f"scalars:{name}" for name in SCALARS], "entities": CUSTOMER}
    yield {"features": [f"scalars:{name}" for name in SCALARS], "entities": CUSTOMER, "full_feature_names": True}
    yield {"features": [f"lists:{name}" for name in LISTS], "entities": {"customer_id": ["c", "a", "a"]}}
    yield {"features": ["renamed:amount"], "entities": {"customer_id": ["a", "b", "c"]}}
    yield {"features": ["inferred_view:i64", "inferred_view:s"], "entities": {"store_no": [1, 2]}}
    yield {"features": ["everyone:f64"], "entities": {"customer_id": ["a"]}}
    yield {"feature_service": "checkout", "entities": {"customer_id": ["a", "b"], "store_no": [1, 2]}}
    yield {"feature_service": "checkout", "entities": {"customer_id": ["a", "b"], "store_no": [1, 2]}, "full_feature_names": True}
    yield {"feature_service": "checkout", "features": ["nope:x"], "entities": {"customer_id": ["a"], "store_no": [1]}}
    yield {"features": ["renamed:amount"], "entities": {"customer_id": ["é", "", "a" * 300, "\u0000"]}}
    yield {"features": ["renamed:amount"], "entities": {"customer_id": []}}
    yield {"features": ["scalars:i64"], "entities": {"store_no": [2, 1], "customer_id": ["b", "a"]}}
    yield {"features": ["inferred_view:i64"], "entities": {"store_no": ["1", "2"]}}


def _fleet_requests():
    view = "driver_trips"
    yield {"features": [f"{view}:conv_rate", f"{view}:note", f"{view}:acc_rate", f"{view}:avg_daily_trips"], "entities": {"driver_id": [1001, 1002, 1003, 9999]}}
    yield {"features": ["driver_trips_push:avg_daily_trips", "driver_trips_kinesis:note"], "entities": {"driver_id": [1003, 1001, 1001]}}
    yield {"features": ["driver_trips_stream:conv_rate", "driver_trips_kafka:acc_rate"], "entities": {"driver_id": [1001]}}
    yield {"features": ["driver_trips_stream:driver_id"], "entities": {"driver_id": [1001]}, "full_feature_names": True}
    yield {"feature_service": "driver_svc", "entities": {"driver_id": [1001, 7]}}
    yield {"feature_service": "pair_svc", "entities": {"left_id": [1001, 7], "right_id": [1002, 1003]}, "full_feature_names": True}
    yield {"features": [f"{view}:note"], "entities": {"driver": [1001]}}
    yield {"features": [f"{view}:note"], "entities": {"driver_id": ["1001"]}}
    yield {"features": [f"{view}:note"], "entities": {"driver_id": [1001.0]}}
    yield {"features": [f"{view}:note"], "entities": {"driver_id": [-1, 0, 2**62]}}
    yield {"features": [f"{view}:note", f"{view}:conv_rate"], "entities": {"driver_id": [1001]}, "unknown": 1}
    yield {"features": [f"{view}:note"], "entities": {"driver_id": [1001]}, "include_feature_view_version_metadata": True}
    # bad ones
    yield {"feature_service": "pair_svc", "entities": {"left_id": [1001], "right_id": [1002]}}
    yield {"feature_service": "nope", "entities": {"driver_id": [1]}}
    yield {"features": ["nope:x"], "entities": {"driver_id": [1]}}
    yield {"features": [f"{view}:nope"], "entities": {"driver_id": [1]}}
    yield {"features": [view], "entities": {"driver_id": [1]}}
    yield {"features": [f"{view}:note", "driver_trips_push:note"], "entities": {"driver_id": [1]}}
    yield {"features": [f"{view}:note"], "entities": {"driver_id": ["abc"]}}
    yield {"features": [f"{view}:note"], "entities": {"driver_id": [None]}}
    yield {"features": [f"{view}:note"], "entities": {"foo": [1]}}
    yield {"features": [f"{view}:note"], "entities": {"driver_id": [1.7]}}
    yield {"features": [f"{view}:note"], "entities": {"driver_id": [1001], "foo": [1]}}
    yield {"features": [], "entities": {"driver_id": [1]}}
    yield {"features": [f"{view}:note"]}
    yield {"features": f"{view}:note", "entities": {"driver_id": [1]}}
    yield {"features": [f"{view}:note"], "entities": {"driver_id": 1}}
    yield {"features": [f"{view}:note"], "entities": {"driver_id": [2**70]}}
    yield b"{bad"
    yield b""
    yield b"[]"


# what Feast answers with a failure of its server, we answer with one of the client's
DIFFERENT = {
    json.dumps({"features": ["driver_trips:note"], "entities": {"driver_id": [1.7]}}): "1.7 is no Int64: Feast reads the driver 1",
    json.dumps({"features": ["driver_trips:note"], "entities": {"driver_id": [1001], "foo": [1]}}): "a join key that nobody knows is a typing error: Feast ignores it",
    json.dumps({"features": ["renamed:amount"], "entities": {"customer_id": []}}): "no entities, no values: Feast fails",
}
"""request -> why the two differ"""


def _columns(text):
    answer = json.loads(text)
    return {name: column for name, column in zip(answer["metadata"]["feature_names"], answer["results"])}, answer["metadata"].get("feature_view_metadata")


def _lax(columns):
    """Feast shows the number that stands for a null timestamp; feast-rs shows null. Sets have no order."""
    def value(found):
        if isinstance(found, list):
            return [value(item) for item in found]
        return None if found == -(2**63) else found

    return {name: {**column, "values": [value(found) for found in column["values"]]} for name, column in columns.items()}


@pytest.mark.parametrize("name,requests", [("types", list(_types_requests())), ("fleet", list(_fleet_requests()))])
def test_both_servers_answer_the_same(make, name, requests):
    repo = without_ttl(make(name, "python").feast_materialized())
    theirs, ours = feast_serve(repo), serve(repo)
    wrong = []
    try:
        for request in requests:
            (their_status, their_text), (our_status, our_text) = (server.ask("POST", "/get-online-features", request) for server in (theirs, ours))
            label = request.decode() if isinstance(request, bytes) else json.dumps(request)
            if why := DIFFERENT.get(label):
                if our_status >= 500 or (our_status, our_text) == (their_status, their_text):
                    wrong.append((label, "no longer different", why))
            elif their_status == 200:
                if our_status != 200 or (_lax(_columns(our_text)[0]), _columns(our_text)[1]) != (_lax(_columns(their_text)[0]), _columns(their_text)[1]):
                    wrong.append((label, their_text[:600], our_status, our_text[:600]))
            # a mistake of the client is no 5xx, and says what it is
            elif not 400 <= our_status < 500 or len(json.loads(json.loads(our_text))["message"]) < 10:
                wrong.append((label, their_status, our_status, our_text[:300]))
    finally:
        theirs.close(), ours.close()
    assert not wrong, "\n".join(map(str, wrong))


def test_enough_requests_are_compared():
    assert len(list(_types_requests())) + len(list(_fleet_requests())) >= 60

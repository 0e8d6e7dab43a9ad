"""Kinesis end to end: Feast's documented example, from boto3 to Feast's own reader, on a Kinesis that is not ours (kinesis-local)."""
import datetime as dt
import json
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from harness import Repo

VIEW = "driver_hourly_stats_stream"
KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    """The address of a kinesis-local, started for these tests and stopped after them."""
    package = os.environ.get("KINESIS_LOCAL")
    if not package:
        pytest.skip("KINESIS_LOCAL names no installed kinesis-local: `tests/run` installs it where there are Node and npm")
    plain, tls = free_port(), free_port()
    env = {
        "PATH": os.environ["PATH"],
        "KINESIS_MOCK_CERT_PATH": str(Path(package) / "server.json"),
        "KINESIS_MOCK_PLAIN_PORT": str(plain),
        "KINESIS_MOCK_TLS_PORT": str(tls),
        "LOG_LEVEL": "ERROR",
    }
    log = (tmp_path_factory.mktemp("kinesis-local") / "log").open("w+")
    server = subprocess.Popen(["node", str(Path(package) / "main.js")], env=env, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_for(plain, server, log, "kinesis-local")
        yield f"http://127.0.0.1:{plain}"
    finally:
        server.kill()
        server.wait()


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def wait_for(port, server, log, name):
    for _ in range(600):
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.1)
    log.seek(0)
    pytest.fail(f"{name} does not answer on port {port}:\n{log.read()}")


class StreamRepo(Repo):
    """What `feast-rs init -t kinesis` makes, and a stream of its own."""

    def __init__(self, parent, feast_cli, endpoint, shards):
        import boto3

        self.name, self.feast_cli, self.endpoint = "stream", feast_cli, endpoint
        self.path = Path(tempfile.mkdtemp(prefix="stream-", dir=parent))
        self.rs("init", "-t", "kinesis", ".").ok()
        self.kinesis = boto3.client(
            "kinesis", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
        )
        self.kinesis.create_stream(StreamName="drivers", ShardCount=shards)
        self.wait()

    def wait(self):
        """Until the stream is active."""
        for _ in range(600):
            if self.kinesis.describe_stream_summary(StreamName="drivers")["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE":
                return
            time.sleep(0.05)
        pytest.fail("the stream does not become active")

    def put(self, drivers, conv_rate, event):
        records = [
            {"PartitionKey": str(driver), "Data": json.dumps({
                "driver_id": driver, "event_timestamp": event.isoformat(), "conv_rate": conv_rate, "acc_rate": 0.25, "created": event.isoformat(),
            })}
            for driver in drivers
        ]
        answer = self.kinesis.put_records(StreamName="drivers", Records=records)
        assert answer["FailedRecordCount"] == 0

    def ingest(self, *args):
        return self.rs("stream-ingest", "--until-caught-up", *args, "-o", "json", AWS_ENDPOINT_URL_KINESIS=self.endpoint, **KEYS).ok().json()["streams"][0]

    def open_shards(self):
        shards = self.kinesis.list_shards(StreamName="drivers")["Shards"]
        found = [shard for shard in shards if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]
        return sorted(found, key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))

    def split(self, shard):
        first, last = (int(shard["HashKeyRange"][key]) for key in ["StartingHashKey", "EndingHashKey"])
        self.kinesis.split_shard(StreamName="drivers", ShardToSplit=shard["ShardId"], NewStartingHashKey=str((first + last) // 2 + 1))
        self.wait()

    def merge(self, one, other):
        self.kinesis.merge_shards(StreamName="drivers", ShardToMerge=one["ShardId"], AdjacentShardToMerge=other["ShardId"])
        self.wait()

    def percentages(self, drivers):
        reader = self.store().get_online_features([f"{VIEW}:conv_percentage"], [{"driver_id": driver} for driver in drivers])
        return reader.to_dict()["conv_percentage"]


@pytest.fixture
def stream(tmp_path, feast_cli, endpoint):
    """stream(shards): a repo and its stream, which is deleted after the test."""
    made = []

    def make(shards):
        made.append(StreamRepo(tmp_path, feast_cli, endpoint, shards))
        return made[-1]

    yield make
    for repo in made:
        repo.kinesis.delete_stream(StreamName="drivers")
        while "drivers" in repo.kinesis.list_streams()["StreamNames"]:
            time.sleep(0.05)


def test_the_documented_example_runs_from_boto3_to_feasts_reader(stream):
    repo = stream(1)
    repo.rs("apply").ok()
    repo.put([1001], 0.5, dt.datetime.now(dt.timezone.utc))
    report = repo.ingest("--from", "trim-horizon")
    assert (report["shards"], report["records"], report["written"], report["refused"]) == (1, 1, 2, 0)
    answer = repo.rs_json("get-online-features", "-e", "driver_id=1001", "-f", f"{VIEW}:conv_percentage")
    assert answer["results"][1]["values"] == [50.0]
    assert repo.percentages([1001]) == [50.0]


def test_what_was_read_is_not_read_again(stream):
    repo = stream(2)
    repo.rs("apply").ok()
    now = dt.datetime.now(dt.timezone.utc)
    repo.put(range(1, 101), 0.5, now)
    assert repo.ingest("--from", "trim-horizon")["records"] == 100
    assert repo.ingest()["records"] == 0
    repo.put(range(51, 151), 0.25, now)
    assert repo.ingest()["records"] == 100
    assert repo.percentages(range(1, 151)) == [50.0] * 50 + [25.0] * 100


def test_splits_and_merges_lose_nothing_and_keep_the_order(stream):
    """Every round gives every key a new value at the same event time, so that the later record wins by its place alone."""
    repo = stream(1)
    repo.rs("apply").ok()
    event = dt.datetime.now(dt.timezone.utc)
    drivers = range(1, 61)
    repo.put(drivers, 0.1, event)
    rounds = [
        lambda open_shards: repo.split(open_shards[0]),
        lambda open_shards: [repo.split(shard) for shard in open_shards],
        lambda open_shards: repo.merge(open_shards[1], open_shards[2]),
    ]
    read = 0
    for number, reshard in enumerate(rounds, 2):
        reshard(repo.open_shards())
        repo.put(drivers, number / 10, event)
        # every other round is met while stopped
        if number % 2:
            read += repo.ingest("--from", "trim-horizon")["records"]
    read += repo.ingest()["records"]
    assert len(repo.open_shards()) == 3
    assert read == 4 * len(drivers)
    assert repo.percentages(drivers) == [pytest.approx(40.0)] * len(drivers)

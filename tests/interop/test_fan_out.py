"""Enhanced fan-out on Kinesis servers that are not ours: ministack, and ferrokinesis where it is installed (`cargo install ferrokinesis
--version 0.7.0 --locked`).

They push records and take over where a consumer left off. Neither says that a shard has ended, so that resharding is not tried here.
"""
import datetime as dt
import os
import shutil
import signal
import subprocess
import time

import pytest
from test_stream import KEYS, StreamRepo, free_port, wait_for

DRIVERS = range(1, 51)


def ministack(port, folder):
    server = os.environ.get("MINISTACK") or pytest.skip("MINISTACK names no ministack: `tests/run` installs it where it can")
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "SERVICES": "kinesis"}
    return [server], env


def ferrokinesis(port, _):
    server = os.environ.get("FERROKINESIS") or shutil.which("ferrokinesis") or pytest.skip("FERROKINESIS and the PATH name no ferrokinesis")
    times = [word for name in ["create", "delete", "update"] for word in [f"--{name}-stream-ms", "20"]]
    return [server, "--port", str(port), *times], {}


@pytest.fixture(scope="module", params=[ministack, ferrokinesis], ids=lambda server: server.__name__)
def fan_out_endpoint(request, tmp_path_factory):
    """The address of a Kinesis that pushes, started for these tests and stopped after them."""
    port, folder = free_port(), tmp_path_factory.mktemp(request.param.__name__)
    command, env = request.param(port, folder)
    log = (folder / "log").open("w+")
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_for(port, process, log, request.param.__name__)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def fanned_out(tmp_path, feast_cli, fan_out_endpoint):
    repo = StreamRepo(tmp_path, feast_cli, fan_out_endpoint, 2)
    file = repo.path / "stream.yaml"
    text = file.read_text()
    assert "start: LATEST" in text
    file.write_text(text.replace("start: LATEST", "start: TRIM_HORIZON\n      enhanced_fan_out: true\n      consumer_name: reader"))
    repo.rs("apply").ok()
    yield repo
    repo.kinesis.delete_stream(StreamName="drivers")
    while "drivers" in repo.kinesis.list_streams()["StreamNames"]:
        time.sleep(0.05)


def test_records_are_pushed_and_a_killed_reader_goes_on_where_it_stood(fanned_out):
    repo = fanned_out
    arn = repo.kinesis.describe_stream_summary(StreamName="drivers")["StreamDescriptionSummary"]["StreamARN"]
    repo.put(DRIVERS, 0.5, dt.datetime.now(dt.timezone.utc))
    read = follow(repo, signal.SIGKILL, 50.0)
    assert "polled" not in read, read
    consumers = repo.kinesis.list_stream_consumers(StreamARN=arn)["Consumers"]
    assert [consumer["ConsumerName"] for consumer in consumers] == ["reader"]
    repo.put(DRIVERS, 0.25, dt.datetime.now(dt.timezone.utc))
    read = follow(repo, signal.SIGTERM, 25.0)
    assert f'"records": {len(DRIVERS)},' in read, read
    repo.rs("kinesis", "deregister", AWS_ENDPOINT_URL_KINESIS=repo.endpoint, **KEYS).ok()
    # ferrokinesis takes a moment to delete it
    consumers = lambda: repo.kinesis.list_stream_consumers(StreamARN=arn)["Consumers"]
    until = time.monotonic() + 30
    while any(consumer["ConsumerStatus"] == "DELETING" for consumer in consumers()) and time.monotonic() < until:
        time.sleep(0.05)
    assert consumers() == []


def follow(repo, end, percentage):
    """Reads until every driver has that percentage, and ends as it is told; what the process said."""
    command = [os.environ["FEAST_RS"], "stream-ingest", "-o", "json"]
    env = {"PATH": os.environ["PATH"], "AWS_ENDPOINT_URL_KINESIS": repo.endpoint, **KEYS}
    process = subprocess.Popen(command, cwd=repo.path, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        until = time.monotonic() + 90
        while repo.percentages(DRIVERS) != [percentage] * len(DRIVERS):
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < until, "the records do not come"
            time.sleep(0.2)
    finally:
        process.send_signal(end)
        said = process.communicate()[0]
    return said

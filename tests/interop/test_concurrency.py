"""Python Feast and feast-rs write one store at once."""
import subprocess
import sys
import textwrap


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

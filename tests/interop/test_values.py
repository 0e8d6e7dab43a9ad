"""What one program materialized, the other serves: the same values, the same types."""
import pytest
from harness import T0, WINDOW, assert_same

REQUESTS = {
    "fleet": [
        (["driver_trips:conv_rate", "driver_trips:note", "driver_trips:acc_rate", "driver_trips:avg_daily_trips"], {"driver_id": [1001, 1002, 1003, 9999]}),
        (["driver_trips_push:avg_daily_trips", "driver_trips_kinesis:note"], {"driver_id": [1003, 1001, 1001]}),
        (["driver_trips_stream:conv_rate", "driver_trips_kafka:acc_rate"], {"driver_id": [1001]}),
        ("driver_svc", {"driver_id": [1001, 7]}),
        ("pair_svc", {"left_id": [1001, 7], "right_id": [1002, 1003]}),
    ],
    "types": [
        ([f"scalars:{name}" for name in ["i32", "i64", "f32", "f64", "s", "b", "yes", "at"]], {"customer_id": ["a", "b", "zz"], "store_no": [1, 2, 3]}),
        ([f"lists:{name}" for name in ["i32s", "i64s", "f32s", "f64s", "ss", "bs", "yeses", "ats", "m", "j", "u", "d", "st"]], {"customer_id": ["a", "b", "c", "d"]}),
        (["renamed:amount"], {"customer_id": ["a", "b", "c"]}),
        (["inferred_view:i64", "inferred_view:s"], {"store_no": [1, 2]}),
        (["everyone:f64"], {"customer_id": ["a"]}),
        ("checkout", {"customer_id": ["a", "b"], "store_no": [1, 2]}),
    ],
    "wide": [
        ([f"scalars:{name}" for name in ["i32", "i64", "f32", "f64", "text", "raw", "flag", "seen", "price", "id4", "id1", "doc", "cents"]], {"user_id": [1, 2, 3, 4]}),
        ([f"lists:{name}" for name in ["li32", "li64", "lf32", "lf64", "ltext", "lraw", "lflag", "lseen", "pair", "box"]], {"user_id": [1, 2, 3], "item_id": ["a", "b", "c"]}),
    ],
}


def read(repo, features, entities):
    """Feast's own answer: feature -> (values, statuses, event seconds), each value as its parsed message."""
    store = repo.store()
    if isinstance(features, str):
        features = store.get_feature_service(features)
    proto = store.get_online_features(features, entity_rows=_rows(entities), full_feature_names=True).proto
    columns = zip(proto.metadata.feature_names.val, proto.results)
    return {
        name: [(value.WhichOneof("val"), str(value), status, time.seconds) for value, status, time in zip(c.values, c.statuses, c.event_timestamps)]
        for name, c in columns
    }


def _rows(entities):
    return [dict(zip(entities, values)) for values in zip(*entities.values())]


def ours(repo, features, entities):
    """feast-rs's answer: feature -> (values, statuses)."""
    args = ["get-online-features", "--full-feature-names"]
    for row in _rows(entities):
        args += [part for key, value in row.items() for part in ("-e", f"{key}={value}")]
    args += ["-s", features] if isinstance(features, str) else [part for feature in features for part in ("-f", feature)]
    answer = repo.rs_json(*args)
    return {name: (c["values"], c["statuses"]) for name, c in zip(answer["metadata"]["feature_names"], answer["results"])}


def feasts_json(repo, features, entities):
    """What Feast's server would answer."""
    from feast.feature_server_utils import convert_response_to_dict

    store = repo.store()
    wanted = store.get_feature_service(features) if isinstance(features, str) else features
    answer = convert_response_to_dict(store.get_online_features(wanted, entity_rows=_rows(entities), full_feature_names=True).proto)
    return {name: (c["values"], c["statuses"]) for name, c in zip(answer["metadata"]["feature_names"], answer["results"])}


@pytest.mark.parametrize("name", ["fleet", "types", "wide"])
def test_feast_serves_what_we_materialized(make, feasts, name):
    mine, expected = make(name, "yaml").rs_materialized(), feasts(name, "materialized")
    for features, entities in REQUESTS[name]:
        assert read(mine, features, entities) == read(expected, features, entities), features


@pytest.mark.parametrize("name", ["fleet", "types", "wide"])
def test_every_cell_is_feasts(make, feasts, name):
    mine, expected = make(name, "yaml").rs_materialized(), feasts(name, "materialized")
    assert_same(mine.online(), expected.online())


@pytest.mark.parametrize("name", ["fleet", "types", "wide"])
def test_the_zone_of_our_process_changes_no_byte(make, name):
    here, there = make(name, "yaml").rs_materialized(), make(name, "yaml")
    there.rs("apply", TZ="America/New_York").ok()
    there.rs("materialize", *WINDOW, TZ="America/New_York").ok()
    assert_same(there.online(), here.online())
    assert_same(there.registry(), here.registry())
    features, entities = REQUESTS[name][0]
    assert read(there, features, entities) == read(here, features, entities)


@pytest.mark.parametrize("name", ["fleet", "types", "wide"])
def test_we_serve_what_feast_materialized(make, name):
    """From the registry alone: there is no YAML."""
    repo = make(name, "python").feast_materialized()
    # Feast does not look at the ttl of an online value
    settings = repo.path / "feature_store.yaml"
    settings.write_text(settings.read_text() + "\nfeast_rs: {ttl_on_read: false}\n")
    for features, entities in REQUESTS[name]:
        mine, theirs = ours(repo, features, entities), feasts_json(repo, features, entities)
        assert {name: _lax(column) for name, column in mine.items()} == {name: _lax(column) for name, column in theirs.items()}, features


def _lax(column):
    """A stored null: Feast says PRESENT, and shows INT64_MIN for a timestamp; feast-rs shows null."""
    values, statuses = column
    values = [None if value == -(2**63) or value != value else value for value in values]
    return values, ["PRESENT" if status == "NULL_VALUE" else status for status in statuses]


@pytest.mark.parametrize("name", ["fleet", "types", "wide"])
def test_we_materialize_into_what_feast_applied(make, feasts, name):
    repo, expected = make(name, "python").feast_applied(), feasts(name, "materialized")
    repo.rs("materialize", *WINDOW).ok()
    assert_same(repo.online(), expected.online())
    for features, entities in REQUESTS[name]:
        assert read(repo, features, entities) == read(expected, features, entities), features
    # the interval is Feast's too
    kept, wanted = _intervals(repo), _intervals(expected)
    assert kept == wanted
    repo.rs("registry", "check").ok()


def _intervals(repo):
    store = repo.store()
    views = store.list_feature_views() + store.list_stream_feature_views()
    return {view.name: [(str(start), str(end)) for start, end in view.materialization_intervals] for view in views}


def test_each_continues_where_the_other_ended(make):
    repo = make("fleet", "yaml", "python").feast_applied()
    repo.feast("materialize", "2024-01-01T00:00:00", "2024-01-01T01:30:00").ok()
    report = repo.rs_json("materialize-incremental", "2024-01-01T03:30:00")
    starts = {view["view"]: view["start"] for view in report["views"]}
    assert starts["driver_trips"].startswith("2024-01-01T01:30:00"), starts
    repo.feast("materialize-incremental", "2024-01-01T06:00:00").ok()
    intervals = _intervals(repo)["driver_trips"]
    assert [end[:16] for _, end in intervals] == ["2024-01-01 01:30", "2024-01-01 03:30", "2024-01-01 06:00"]
    assert [start[:16] for start, _ in intervals][1:] == ["2024-01-01 01:30", "2024-01-01 03:30"]
    whole = make("fleet", "python").feast_applied()
    whole.feast("materialize", "2024-01-01T00:00:00", "2024-01-01T06:00:00").ok()
    assert_same(repo.online(), whole.online())


@pytest.mark.parametrize("name", ["fleet", "types", "wide"])
def test_feast_materializes_into_our_tables(make, feasts, name):
    repo = make(name, "yaml", "python").rs_applied()
    repo.rs("materialize", "2024-01-01T00:00:00", "2024-01-01T01:30:00").ok()
    repo.feast("materialize", *WINDOW).ok()
    expected = feasts(name, "materialized")
    assert_same(repo.online(), expected.online())
    # and we read what Feast wrote over our rows, not the time that we had noted beside them
    for features, entities in REQUESTS[name]:
        assert read(repo, features, entities) == read(expected, features, entities), features
    if name == "types":
        answer = ours(repo, ["scalars:i64"], {"customer_id": ["a"], "store_no": [1]})
        assert answer["scalars__i64"] == ([2**62], ["PRESENT"])
    # its rows are the newest, so ours are stale or equal
    repo.rs("materialize", *WINDOW).ok()
    assert_same(repo.online(), expected.online())


def test_feast_pushes_and_writes_into_our_tables(make):
    import pandas as pd

    repo = make("fleet", "yaml").rs_materialized()
    settings = repo.path / "feature_store.yaml"
    settings.write_text(settings.read_text() + "\nfeast_rs: {ttl_on_read: false}\n")
    at = pd.Timestamp(T0) + pd.Timedelta(hours=9)
    row = {"driver_id": [1001], "event_timestamp": [at], "created": [at], "conv_rate": [0.875], "acc_rate": [0.5], "avg_daily_trips": [55], "note": ["pushed"]}
    repo.store().push("driver_trips_push_src", pd.DataFrame(row))
    answer = ours(repo, ["driver_trips_push:note", "driver_trips_push:avg_daily_trips"], {"driver_id": [1001]})
    assert answer["driver_trips_push__note"] == (["pushed"], ["PRESENT"])
    assert answer["driver_trips_push__avg_daily_trips"] == ([55], ["PRESENT"])
    # older rows of the parquet do not come back over it
    report = repo.rs_json("materialize", *WINDOW, "-v", "driver_trips_push")
    assert report["views"][0]["stale"] > 0
    assert ours(repo, ["driver_trips_push:note"], {"driver_id": [1001]})["driver_trips_push__note"] == (["pushed"], ["PRESENT"])


def test_historical_features_of_what_we_applied(make, feasts):
    import pandas as pd

    mine, expected = make("fleet", "yaml").rs_applied(), feasts("fleet", "applied")
    frame = pd.DataFrame({"driver_id": [1001, 1002], "event_timestamp": [pd.Timestamp(T0) + pd.Timedelta(hours=3)] * 2})

    def history(repo):
        job = repo.store().get_historical_features(frame.copy(), features=["driver_trips:conv_rate", "driver_trips:note"])
        return job.to_df().sort_values("driver_id").to_dict("records")

    assert history(mine) == history(expected)


def test_both_write_the_same_file_at_the_same_time(make):
    """Python gives up on a lock after 5 s: nobody has to wait that long, and nothing is lost."""
    import threading

    import pandas as pd

    repo = make("fleet", "yaml").rs_applied()
    answers = []

    def materialize():
        answers.extend(repo.rs("materialize", *WINDOW, "-v", "driver_trips_push", "--overwrite") for _ in range(8))

    others = threading.Thread(target=materialize)
    others.start()
    store = repo.store()
    for pushed in range(10):
        at = pd.Timestamp(T0) + pd.Timedelta(hours=9, seconds=pushed)
        row = {"driver_id": [2000 + pushed], "event_timestamp": [at], "created": [at], "conv_rate": [0.875], "acc_rate": [0.5], "avg_daily_trips": [55], "note": ["pushed"]}
        store.push("driver_trips_push_src", pd.DataFrame(row))
    others.join()
    assert [answer.code for answer in answers] == [0] * 8, answers
    rows = repo.online()["fleet_driver_trips_push"]
    assert len(rows) == (3 + 10) * 4

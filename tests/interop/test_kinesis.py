"""The views that Feast has no form for: Python lists them, reads them, and goes on working beside them."""
import sqlite3

from harness import T0, WINDOW

STREAM = "driver_hourly_stats_stream"


def test_python_lists_and_describes_everything(make):
    repo = make("kinesis", "yaml").rs_applied()
    for kind in ["entities", "data-sources", "feature-views", "stream-feature-views", "on-demand-feature-views", "feature-services", "projects"]:
        repo.feast(kind, "list").ok()
    repo.feast("feature-views", "describe", STREAM).ok()
    repo.feast("data-sources", "describe", "driver_stats_stream").ok()
    store = repo.store()
    names = {view.name for view in store.list_all_feature_views()}
    assert names >= {STREAM, "plain", "batch", "on_demand"}
    view = store.get_feature_view(STREAM)
    assert [(field.name, str(field.dtype)) for field in sorted(view.features, key=lambda field: field.name)] == [
        ("acc_percentage", "Float32"),
        ("conv_percentage", "Float32"),
    ]
    assert view.ttl.total_seconds() == 8640000000
    source = store.get_data_source("driver_stats_stream")
    assert (source.kinesis_options.region, source.kinesis_options.stream_name) == ("us-east-1", "drivers")


def test_we_show_it_as_what_it_is(make):
    repo = make("kinesis", "yaml").rs_applied()
    listed = {view["name"]: view for view in repo.rs_json("feature-views", "list")}
    assert {"plain", "batch", STREAM, "on_demand"} <= set(listed)
    assert len({listed[name]["kind"] for name in ["plain", "batch", STREAM, "on_demand"]}) == 4
    assert listed[STREAM]["online"] is True
    assert [view["name"] for view in repo.rs_json("stream-feature-views", "list")] == [STREAM]
    assert repo.rs_json("plan") == {"changes": [], "drift": [], "unmanaged": []}
    repo.rs("registry", "check").ok()


def test_feast_materializes_the_other_views(make):
    repo = make("kinesis", "yaml").rs_applied()
    repo.feast("materialize", *WINDOW).ok()
    answer = repo.store().get_online_features(["plain:conv_rate"], [{"driver_id": 1001}, {"driver_id": 1002}]).to_dict()
    assert answer["conv_rate"] == [0.5, 0.625]
    assert repo.rs_json("plan")["changes"] == []


def test_python_computes_the_on_demand_view(make):
    repo = make("kinesis", "yaml").rs_applied()
    repo.rs("materialize", *WINDOW, "-v", "plain").ok()
    answer = repo.store().get_online_features(["on_demand:with_bonus"], [{"driver_id": 1001, "bonus": 0.25}]).to_dict()
    assert answer["with_bonus"] == [0.75]


def test_python_reads_and_writes_the_stream_view(make):
    import pandas as pd

    repo = make("kinesis", "yaml").rs_applied()
    store = repo.store()
    reference = [f"{STREAM}:conv_percentage", f"{STREAM}:acc_percentage"]
    assert store.get_online_features(reference, [{"driver_id": 1001}]).to_dict()["conv_percentage"] == [None]
    frame = pd.DataFrame({"driver_id": [1001], "event_timestamp": [pd.Timestamp(T0)], "conv_percentage": [50.0], "acc_percentage": [25.0]})
    store.write_to_online_store(STREAM, frame)
    assert store.get_online_features(reference, [{"driver_id": 1001}]).to_dict()["conv_percentage"] == [50.0]
    answer = repo.rs_json("get-online-features", "-e", "driver_id=1001", "-f", reference[0])
    assert answer["results"][1]["values"] == [50.0]


def test_tables_of_every_view_exist(make):
    repo = make("kinesis", "yaml").rs_applied()
    with sqlite3.connect(repo.online_path) as db:
        tables = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}
    assert {f"driver_stats_{name}" for name in [STREAM, "plain", "batch"]} <= tables


def test_exported_python_of_such_a_repo_is_taken_by_feast(make):
    repo = make("kinesis", "yaml").rs_applied()
    exported = repo.rs("registry", "export", "--format", "python").ok().stdout
    (repo.path / "defs.py").write_text(exported)
    said = repo.feast("plan").ok().stdout
    assert "Deleted" not in said, said
    repo.feast("apply").ok()
    # Python's apply kept what we know about the view
    assert repo.rs_json("plan")["changes"] == []


def test_a_transformation_is_refused_until_it_can_run(make):
    """Nothing wrong is ever written: a view with a transformation is either materialized as it says, or refused."""
    repo = make("kinesis", "yaml").rs_applied()
    answer = repo.rs("materialize", *WINDOW, "-v", STREAM)
    with sqlite3.connect(repo.online_path) as db:
        texts = {text for (text,) in db.execute(f"select value_text from driver_stats_{STREAM}")}
    assert (answer.code == 0 and texts == {"50.0", "62.5", "25.0", "31.25"}) or (answer.code != 0 and not texts), (answer, texts)

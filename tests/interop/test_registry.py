"""One repo in YAML and in Python: what feast-rs writes into the registry is what Feast writes."""
import json
import re
import shutil

import pytest
import yaml
from harness import HERE, WINDOW, assert_same

# Where feast-rs deliberately writes something else: a pattern over a line of the comparison, and the reason.
DELIBERATE = []
# The same, where a Python function is registered.
OF_FUNCTIONS = [
    (r"/user_defined_function/(body: only in B|name: )", "YAML holds the text of a function, not the pickled function and its name in a module"),
    (r"/tags/feast-rs:(mode|transformation): only in A", "what was written in YAML is kept, so that it can be shown and exported"),
]
# What a file registry says and a SQL registry leaves out; an import keeps it, for nothing reads it.
IMPORTED = [
    (r"/data_source_class_type: only in A", "a file registry names the class of every source"),
    (r"/project: only in A", "a file registry holds several projects, so each object names its own"),
]

LISTS = ["projects", "entities", "data-sources", "feature-views", "stream-feature-views", "on-demand-feature-views", "feature-services"]


@pytest.mark.parametrize("name", ["fleet", "functions", "types", "wide"])
def test_every_message_equals_feasts(make, feasts, name):
    ours, theirs = make(name, "yaml").rs_applied(), feasts(name, "applied")
    assert_same(ours.registry(), theirs.registry(), OF_FUNCTIONS if name == "functions" else DELIBERATE)


def test_python_runs_the_function_that_yaml_registered(make):
    repo = make("functions", "yaml", "python").rs_applied()
    repo.rs("materialize", *WINDOW).ok()
    store = repo.store()
    answer = store.get_online_features(store.get_feature_service("asked"), [{"driver_id": 1001, "bonus": 0.25}]).to_dict()
    assert (answer["acc_rate"], answer["with_bonus"]) == ([0.25], [0.75])


@pytest.mark.parametrize("name", ["fleet", "functions", "types", "wide"])
def test_feast_sees_no_change_in_what_we_applied(make, name):
    repo = make(name, "yaml", "python").rs_applied()
    said = repo.feast("plan").ok().stdout
    # Feast reports a stream view without a function, and a view whose ttl is None, as updated by every plan, its own too
    assert _changed(said) == _changed(make(name, "python").feast_applied().feast("plan").ok().stdout), said
    assert "No changes to infrastructure" in said
    assert all(name in OFTEN_UPDATED for _, name in _changed(said)), said


OFTEN_UPDATED = {"driver_trips_stream", "driver_trips_kafka", "aggregated", "registered"}


def _changed(plan):
    """What a plan of Feast creates, updates or deletes: the line and the name at its end."""
    lines = [line for line in plan.splitlines() if re.match("(Created|Updated|Deleted) ", line)]
    return sorted((line, line.split()[-1]) for line in lines)


@pytest.mark.parametrize("name", ["fleet", "types", "wide"])
def test_we_see_no_change_in_what_feast_applied(make, name):
    repo = make(name, "yaml", "python").feast_applied()
    assert repo.rs_json("plan") == {"changes": [], "drift": [], "unmanaged": []}
    before = repo.registry()
    repo.rs("apply").ok()
    assert_same(repo.registry(), before)


@pytest.mark.parametrize("name", ["fleet", "types", "wide"])
def test_intervals_of_feast_are_no_change_to_us(make, name):
    repo = make(name, "yaml", "python").feast_materialized()
    assert repo.rs_json("plan") == {"changes": [], "drift": [], "unmanaged": []}


@pytest.mark.parametrize("name", ["fleet", "types", "wide"])
def test_feast_lists_and_describes_what_we_applied(make, feasts, name):
    ours, theirs = make(name, "yaml").rs_applied(), feasts(name, "applied")
    for kind in LISTS:
        mine, wanted = ours.feast(kind, "list").ok().stdout, theirs.feast(kind, "list").ok().stdout
        assert sorted(map(_words, mine.splitlines())) == sorted(map(_words, wanted.splitlines())), kind
        assert wanted.strip(), kind
    store = theirs.store()
    named = {
        "entities": store.list_entities(),
        "data-sources": store.list_data_sources(),
        "feature-views": store.list_feature_views(),
        "feature-services": store.list_feature_services(),
    }
    for kind, objects in named.items():
        for name in [object.name for object in objects[:2]]:
            mine, wanted = ours.feast(kind, "describe", name).ok().stdout, theirs.feast(kind, "describe", name).ok().stdout
            assert_same(_described(mine), _described(wanted))


def _words(line):
    return sorted(re.split("[ ,{}]+", line))


def _described(text):
    def without_times(value):
        if isinstance(value, dict):
            return {key: without_times(value) for key, value in value.items() if "Timestamp" not in key or "meta" in key}
        return [without_times(item) for item in value] if isinstance(value, list) else value

    return without_times(yaml.safe_load(text))


@pytest.mark.parametrize("name", ["fleet", "types", "wide"])
def test_our_lists_of_what_feast_applied(make, name):
    repo = make(name, "python").feast_applied()
    store = repo.store()
    for kind, objects in {
        "entities": store.list_entities(),
        "data-sources": store.list_data_sources(),
        "feature-views": store.list_all_feature_views(),
        "stream-feature-views": store.list_stream_feature_views(),
        "feature-services": store.list_feature_services(),
    }.items():
        listed = repo.rs_json(kind, "list")
        assert sorted(item["name"] for item in listed) == sorted(o.name for o in objects if o.name != "__dummy"), kind
    for view in repo.rs_json("feature-views", "list"):
        theirs = next(v for v in store.list_all_feature_views() if v.name == view["name"])
        assert {f["name"] for f in view["features"]} == {f.name for f in theirs.features}, view["name"]
        assert view["ttl_seconds"] == theirs.ttl.total_seconds(), view["name"]
        assert view["online"] == theirs.online


def test_what_python_has_besides_the_yaml_is_left_alone(make):
    repo = make("fleet", "yaml", "python").feast_applied()
    text = (repo.path / "features.yaml").read_text()
    (repo.path / "features.yaml").write_text(text[: text.index("feature_services:")])
    plan = repo.rs_json("plan")
    assert plan["changes"] == []
    assert "driver_svc" in json.dumps(plan["unmanaged"]) and "pair_svc" in json.dumps(plan["unmanaged"])
    repo.rs("apply").ok()
    assert {service.name for service in repo.store().list_feature_services()} == {"driver_svc", "pair_svc"}
    # only a stronger word takes them
    repo.rs("apply", "--prune=all", "--allow-destroy").ok()
    assert repo.store().list_feature_services() == []


@pytest.mark.parametrize("name", ["fleet", "types", "wide"])
def test_feast_reapplies_over_what_we_applied(make, name):
    repo = make(name, "yaml", "python").rs_materialized()
    before = repo.online()
    said = repo.feast("apply").ok().stdout
    assert "No changes to infrastructure" in said
    assert repo.online() == before
    assert repo.rs_json("plan") == {"changes": [], "drift": [], "unmanaged": []}
    repo.rs("registry", "check").ok()


def test_a_change_by_us_is_feasts_change(make):
    ours, theirs = make("types", "yaml").rs_applied(), make("types", "python").feast_applied()
    _replace(ours.path / "features.yaml", "ttl: 1h500ms", "ttl: 2h")
    _replace(theirs.path / "defs.py", "timedelta(hours=1, milliseconds=500)", "timedelta(hours=2)")
    _replace(ours.path / "features.yaml", "      - {name: f32, dtype: Float32}\n", "")
    _replace(theirs.path / "defs.py", 'Field(name="f32", dtype=Float32), ', "")
    ours.rs("apply").ok()
    theirs.feast("apply").ok()
    assert_same(ours.registry(), theirs.registry(), DELIBERATE)


def _replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_file_registry_is_listed_and_imported(make, feasts):
    repo = make("types", "python")
    settings = (repo.path / "feature_store.yaml").read_text()
    sql = "registry:\n  registry_type: sql\n  path: sqlite:///data/registry.db"
    assert sql in settings
    (repo.path / "feature_store.yaml").write_text(settings.replace(sql, "registry: data/file_registry.db"))
    repo.feast("apply").ok()
    views = {view["name"] for view in repo.rs_json("feature-views", "list")}
    assert views == {view.name for view in repo.store().list_feature_views()}
    repo.rs("entities", "describe", "customer").ok()
    refused = repo.rs("apply")
    assert refused.code == 1 and "registry import" in refused.stdout + refused.stderr, refused

    (repo.path / "feature_store.yaml").write_text(settings)
    repo.rs("registry", "import", "data/file_registry.db").ok()
    assert {view.name for view in repo.store().list_feature_views()} == views
    theirs = feasts("types", "applied")
    kept = {table: rows for table, rows in theirs.registry().items() if table not in ("feature_view_version_history", "feast_metadata")}
    mine = {table: rows for table, rows in repo.registry().items() if table in kept}
    assert_same(mine, kept, DELIBERATE + IMPORTED)
    # the same definitions, in either language, are no change
    assert "No changes to registry" in repo.feast("plan").ok().stdout
    shutil.copy(HERE / "repos" / "types" / "features.yaml", repo.path)
    assert repo.rs_json("plan") == {"changes": [], "drift": [], "unmanaged": []}


@pytest.mark.parametrize("name", ["fleet", "types", "wide"])
def test_exported_python_is_the_same_repo(make, name):
    repo = make(name, "yaml").rs_applied()
    exported = repo.rs("registry", "export", "--format", "python").ok().stdout
    again = make(name)
    (again.path / "defs.py").write_text(exported)
    again.feast_applied()
    assert_same(again.registry(), repo.registry(), DELIBERATE)


@pytest.mark.parametrize("name", ["fleet", "types", "wide"])
def test_exported_yaml_of_what_feast_applied_is_the_same_repo(make, name):
    repo = make(name, "python").feast_applied()
    exported = repo.rs("registry", "export", "--format", "yaml").ok().stdout
    (repo.path / "exported.yaml").write_text(exported)
    assert repo.rs_json("plan") == {"changes": [], "drift": [], "unmanaged": []}
    again = make(name)
    (again.path / "exported.yaml").write_text(exported)
    again.rs_applied()
    assert_same(again.registry(), repo.registry(), DELIBERATE)

"""The JSON Schema that editors use, held against what the reader takes, by a validator of its own."""
import copy
import json
import re
from pathlib import Path

import pytest
import yaml
from harness import HERE
from jsonschema import Draft7Validator

ROOT = HERE.parent.parent
REPOS = sorted(HERE.glob("repos/*/*.yaml"))
TEMPLATE = sorted((ROOT / "feature_repo_template").glob("*.yaml"))


@pytest.fixture(scope="module")
def validator(tmp_path_factory):
    import os
    import subprocess

    printed = subprocess.run([os.environ["FEAST_RS"], "schema", "--print"], capture_output=True, text=True, timeout=60, check=True)
    schema = json.loads(printed.stdout)
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


def problems(validator, document):
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}"[:200] for error in validator.iter_errors(document)]


def documents(text):
    """As YAML 1.2 reads it: a time stays a text."""
    loader = type("Loader", (yaml.SafeLoader,), {})
    loader.yaml_implicit_resolvers = {
        first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return list(yaml.load_all(text, Loader=loader))


@pytest.mark.parametrize("file", REPOS + TEMPLATE, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_files_that_the_reader_takes_are_valid(validator, file):
    for document in documents(file.read_text()):
        assert problems(validator, document) == []


def yaml_blocks():
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(), re.S)):
            # settings of a Python client are Feast's alone
            if not block.startswith("# feature_store.yaml of the client\n"):
                yield pytest.param(block, id=f"{page.name}-{number}")


@pytest.mark.parametrize("block", yaml_blocks())
def test_examples_of_the_documentation_are_valid(validator, block):
    for document in documents(block):
        assert problems(validator, document) == []


def wrong(change):
    document = documents((ROOT / "feature_repo_template" / "features.yaml").read_text())[0]
    document = copy.deepcopy(document)
    change(document)
    return document


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(feature_view=[]),
        lambda d: d["feature_views"][0].update(tll="1d"),
        lambda d: d["feature_views"][0].pop("name"),
        lambda d: d["feature_views"][0].update(online="perhaps"),
        lambda d: d["feature_views"][0]["schema"][0].update(dtypes="Int64"),
        lambda d: d["data_sources"][0].update(type="FileSourc"),
        lambda d: d["data_sources"][0].update(stream_name="x"),
        lambda d: d["data_sources"][0].pop("path"),
        lambda d: d["feature_services"][0]["features"][0].update(feature="x"),
    ],
)
def test_mistakes_are_found(validator, change):
    assert problems(validator, wrong(change))


@pytest.mark.parametrize(
    "settings",
    [
        {"project": "p"},
        {"project": "p", "registry": {"registry_type": "sql", "path": "x", "cache_ttl": 1}},
        {"project": "p", "registry": "data/r.db", "online_stor": {"type": "sqlite"}},
        {"project": "p", "registry": "data/r.db", "online_store": {"type": "sqlite", "pathh": "x"}},
        {"project": "p", "registry": "data/r.db", "feast_rs": {"journal_mode": "walk"}},
    ],
)
def test_mistakes_in_settings_are_found(validator, settings):
    assert problems(validator, settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"project": "p", "registry": "data/r.db", "online_store": None},
        {"project": "p", "registry": {"registry_type": "snowflake.registry", "user": "x"}, "online_store": {"type": "redis", "connection_string": "x"}},
        {"project": "p", "registry": {"registry_type": "sql", "path": "sqlite:///r.db", "read_path": "x"}, "offline_store": {"type": "duckdb", "staging_location": "s"}},
        {"project": "${P}", "registry": "r", "entity_key_serialization_version": "${V:-3}", "feast_rs": {"ttl_on_read": "${T}", "max_future": {"hours": 2}}},
    ],
)
def test_settings_of_feast_are_valid(validator, settings):
    assert problems(validator, settings) == []

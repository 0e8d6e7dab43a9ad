"""Fixtures: a repo in a folder of its own, the feast-rs binary, and Feast's own command line and FeatureStore."""
import os
import time

# what Feast stores depends on the zone of its process; the tests that are about zones set their own
os.environ["TZ"] = "UTC"
time.tzset()

import pytest
from harness import FeastCli, Repo


@pytest.fixture(scope="session")
def feast_cli():
    """Feast's command line, forked from a process that has imported it once."""
    cli = FeastCli()
    yield cli
    cli.close()


@pytest.fixture
def make(tmp_path, feast_cli):
    """make(name, *parts): a copy of repos/NAME, with parts of `yaml`, `python` or both."""
    def make(name, *parts):
        return Repo(tmp_path, name, parts, feast_cli)

    return make


@pytest.fixture(scope="session")
def feasts(tmp_path_factory, feast_cli):
    """feasts(name, stage): what Feast made of repos/NAME (`applied` or `materialized`), to compare with; made once, only to be read."""
    made = {}

    def get(name, stage):
        if (name, stage) not in made:
            repo = Repo(tmp_path_factory.mktemp(stage), name, ("python",), feast_cli)
            made[name, stage] = repo.feast_applied() if stage == "applied" else repo.feast_materialized()
        return made[name, stage]

    return get

"""The suite in several processes: which tests stay together, and in which order they are given out.

A plugin for pytest beside pytest-xdist: `pytest -p tests.side_by_side -n 2`. Tests of a server of one placement stay
in one process, so that it starts once, and so do the tests of a file, for its fixtures. pytest-xdist's own groups are
not used: 3.8 writes them into an attribute that pytest 9.2 no longer reads.
"""

import json
import os
from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
FOLDER = pytest.StashKey[Path]()


class GroupScheduling(LoadScopeScheduling):
    """Groups of tests, as the processes have named them, in the order of their collection."""

    def schedule(self) -> None:
        if self.collection is None:
            written = self.config.stash[FOLDER] / "groups.json"  # there is none where the collection has failed
            self.groups: dict[str, str] = json.loads(written.read_text()) if written.exists() else {}
            self.config.option.loadscopereorder = False
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return self.groups.get(nodeid, nodeid)


@pytest.hookimpl
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling | None:
    return GroupScheduling(config, log) if config.getoption("dist") == "load" else None


@pytest.hookimpl
def pytest_xdist_setupnodes() -> None:
    """One thread for the products of matrices in each process: threads that wait for a core busy the others."""
    os.environ.update(dict.fromkeys(THREADS, "1"))


@pytest.hookimpl
def pytest_configure_node(node: Any) -> None:
    """Tell a process, before it starts, where to write its groups."""
    config: pytest.Config = node.config
    if FOLDER not in config.stash:
        folder = TemporaryDirectory(prefix="daguerre-tests-")
        config.add_cleanup(folder.cleanup)
        config.stash[FOLDER] = Path(folder.name)
    node.workerinput["groups"] = str(config.stash[FOLDER] / "groups.json")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, None, None]:
    yield
    if worker := getattr(config, "workerinput", None):
        groups = {item.nodeid: group(item) for item in items}
        ranks: dict[str, int] = {}
        for item in items:
            name = groups[item.nodeid]
            ranks[name] = max(ranks.get(name, 0), rank(item))
        items.sort(key=lambda item: ranks[groups[item.nodeid]])
        written = Path(f"{worker['groups']}.{worker['workerid']}")
        written.write_text(json.dumps(groups))
        os.replace(written, worker["groups"])


def group(item: pytest.Item) -> str:
    """The name that tests of one process share."""
    fixtures = names_of_fixtures(item)
    if "strict_server" in fixtures or ("server" in fixtures and placement(item)):
        return f"servers in placement {placement(item)}"
    if "guarded_server" in fixtures:
        return "server with an API key"
    if "documented" in fixtures:
        return "server of the documentation's tests"
    return f"{item.nodeid.partition('::')[0]} {placement(item)}"


def rank(item: pytest.Item) -> int:
    """When the turn of a test comes.

    The first group exports the model. Meanwhile the files come that need none; they, and small groups at the end, even
    out what the processes have to do.
    """
    fixtures = names_of_fixtures(item)
    if not fixtures & {"home", "embedded_home"}:
        return 1
    if fixtures & {"inline", "narrow"}:
        return 3  # each process starts these servers of the SDK's tests once, and shares out their files
    return {"servers in placement inline": 0, "servers in placement process": 2}.get(group(item), 4)


def names_of_fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


def placement(item: pytest.Item) -> str:
    parameters = getattr(item, "callspec", None)
    return str(parameters.params.get("placement", "")) if parameters else ""

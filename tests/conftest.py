"""Tests in several processes at once (`pytest -n`): each has a loopback of its own.

A file is done by one process, in order. What is `alone` comes first, while others do unit tests,
and waits for its turn (`tests/e2e/turns.py`). In one process all is as it is collected.
"""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.loopback import take_own


class ByFile(LoadScopeScheduling):  # type: ignore[misc] # it has no types
    """Gives a process whole files: the groups of pytest-xdist 3.8 are not read by pytest 9.2."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0]


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        try:
            take_own()
        except OSError as error:
            raise pytest.UsageError(f"-n needs a network namespace: {error.strerror}") from error


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return ByFile(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    """First what is alone, then unit tests, then the rest; within these as they were."""
    if item.get_closest_marker("alone"):
        return 0
    return 1 if "unit" in item.path.parts else 2

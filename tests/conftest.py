"""Tests in several processes at once (`pytest -n`): each has a loopback of its own.

A file is done by one process. What needs the machine for itself is one group, which comes first:
one process does it while the others do unit tests, and then wait for its end. In one process
all is as it is collected.
"""

import pytest

from tests.loopback import take_own

ALONE = "alone"


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        try:
            take_own()
        except OSError as error:
            raise pytest.UsageError(f"-n needs a network namespace: {error.strerror}") from error


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=_turn)
        for item in items:
            group = ALONE if item.get_closest_marker(ALONE) else item.path.stem
            item.add_marker(pytest.mark.xdist_group(group))


def _turn(item: pytest.Item) -> int:
    """First what is alone, then unit tests, then the rest; within these as they were."""
    if item.get_closest_marker(ALONE):
        return 0
    return 2 if "e2e" in item.path.parts else 1

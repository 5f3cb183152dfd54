"""Tests in several processes at once (`pytest -n`): each has a loopback of its own.

A file of unit tests is done by one process, and these come first. All end-to-end tests are one
group: one process does them, one after the other, while nothing else runs. In one process all is as
it is collected.
"""

import pytest

from tests.loopback import take_own

E2E = "e2e"


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        try:
            take_own()
        except OSError as error:
            raise pytest.UsageError(f"-n needs a network namespace: {error.strerror}") from error


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=_turn)
        for item in items:
            group = E2E if is_e2e(item) else str(item.path)
            item.add_marker(pytest.mark.xdist_group(group))


def is_e2e(item: pytest.Item) -> bool:
    """Whether it starts processes, and measures or needs them."""
    return "unit" not in item.path.parts or item.get_closest_marker("alone") is not None


def _turn(item: pytest.Item) -> int:
    """First unit tests, then the rest; within these as they were."""
    return int(is_e2e(item))

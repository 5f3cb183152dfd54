"""Unit tests leave nothing behind, and wait for nothing but a fake clock.

A task still running at the end of a test is a failure, and so is a test that waits for longer than
half a second without saying so (`waits`).
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.unit.waiting import MOST_SECONDS, count, waited

count()


@pytest_asyncio.fixture
async def no_task_left_behind() -> AsyncIterator[None]:
    """For tests that have a loop; to make one for each of the others would take half their time."""
    yield
    left = [t for t in asyncio.all_tasks() if t is not asyncio.current_task() and not t.done()]
    assert not left, f"tasks left running: {left}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    before = waited()
    yield
    seconds = waited() - before
    if seconds > MOST_SECONDS and not item.get_closest_marker("waits"):
        pytest.fail(f"waits for {seconds:.2f} s: use a fake clock (mark looptime)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent  # this is called with the tests of all folders
    for item in items:
        if not item.path.is_relative_to(here):
            continue
        if isinstance(item, pytest.Function) and item.get_closest_marker("asyncio"):
            names = item.fixturenames
            if no_task_left_behind.__name__ not in names:
                names.insert(0, no_task_left_behind.__name__)

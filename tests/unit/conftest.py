"""Unit tests leave nothing behind: a task still running at the end of a test is a failure."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio


@pytest_asyncio.fixture
async def no_task_left_behind() -> AsyncIterator[None]:
    """For tests that have a loop; to make one for each of the others would take half their time."""
    yield
    left = [t for t in asyncio.all_tasks() if t is not asyncio.current_task() and not t.done()]
    assert not left, f"tasks left running: {left}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker("asyncio"):
            names = item.fixturenames
            if no_task_left_behind.__name__ not in names:
                names.insert(0, no_task_left_behind.__name__)

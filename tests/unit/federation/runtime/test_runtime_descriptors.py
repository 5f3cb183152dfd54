"""A process may open as many files as the system allows, not as few as a shell suggests."""

import resource
from collections.abc import Iterator

import pytest

from federation.runtime.descriptors import raise_limit


@pytest.fixture
def low() -> Iterator[int]:
    """A soft limit below the hard one; afterwards as it was."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, before[1]))
    yield before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_limit_is_raised_to_what_the_system_allows(low: int) -> None:
    most = raise_limit()
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == most
    assert low in (most, resource.RLIM_INFINITY)


def test_a_limit_that_is_high_enough_stays(low: int) -> None:
    assert low == resource.RLIM_INFINITY or low > 512
    assert raise_limit() == raise_limit()

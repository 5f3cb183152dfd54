"""An address that is taken is tried again for a while."""

import asyncio
from collections.abc import Awaitable, Callable
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL

import pytest

from federation.runtime.binding import AGAIN_SECONDS, PATIENCE_SECONDS, patiently

pytestmark = pytest.mark.looptime


def refusing(number: int, times: int) -> Callable[[], Awaitable[str]]:
    left = times

    async def take() -> str:
        nonlocal left
        left -= 1
        if left >= 0:
            raise OSError(number, "it is taken")
        return "mine"

    return take


@pytest.mark.parametrize("number", [EADDRINUSE, EADDRNOTAVAIL])
async def test_an_address_that_becomes_free_is_taken(number: int) -> None:
    began = asyncio.get_running_loop().time()
    assert await patiently(refusing(number, 5), "127.0.0.1:1") == "mine"
    assert 0 < asyncio.get_running_loop().time() - began <= 5 * AGAIN_SECONDS


async def test_that_it_is_taken_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    await patiently(refusing(EADDRINUSE, 5), "127.0.0.1:1")
    said = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert len(said) == 1
    assert "127.0.0.1:1" in said[0]
    assert "it is taken" in said[0]


async def test_one_that_stays_taken_is_an_error_after_a_while() -> None:
    began = asyncio.get_running_loop().time()
    with pytest.raises(OSError, match="it is taken"):
        await patiently(refusing(EADDRINUSE, 1_000), "127.0.0.1:1")
    took = asyncio.get_running_loop().time() - began
    assert PATIENCE_SECONDS <= took < PATIENCE_SECONDS + 2 * AGAIN_SECONDS


async def test_what_is_not_permitted_is_an_error_at_once() -> None:
    with pytest.raises(PermissionError):
        await patiently(refusing(EACCES, 1), "127.0.0.1:1")
    assert asyncio.get_running_loop().time() == pytest.approx(0, abs=0.1)

"""A token that ends soon is told from its file, which is read again when it has changed."""

import asyncio
import os
from pathlib import Path

import pytest

from federation.model.proxies import TOKEN_ENDS, Nack
from federation.runtime.tasks import start
from federation.supervisor.certificates.tokens import LOOK_SECONDS, TokenEnds, replaced
from federation.trust.workload_tokens import mint_workload_token

KEY = os.urandom(32)
DAY = 86_400


def write(file: Path, days: int, made: int = 0) -> None:
    file.write_text(mint_workload_token(KEY, "shop/api", days * DAY, made=made))


def test_a_token_is_told_for_the_last_week_until_there_is_another(tmp_path: Path) -> None:
    file = tmp_path / "api.token"
    write(file, days=30)
    ends = TokenEnds([file, file])
    assert not list(ends.problems(22.9 * DAY))
    (told,) = ends.problems(23.1 * DAY)
    assert told == Nack(TOKEN_ENDS, "api.token", "it ends at 1970-01-31 00:00:00 UTC")
    (told,) = ends.problems(30.1 * DAY)
    assert told.reason == "it ended at 1970-01-31 00:00:00 UTC"
    write(file, days=300)
    assert not list(ends.problems(30.2 * DAY))


def test_what_is_no_token_is_the_business_of_whoever_needs_it(tmp_path: Path) -> None:
    file = tmp_path / "api.token"
    ends = TokenEnds([file])
    assert not list(ends.problems(0.0))
    file.write_text("hello")
    assert not list(ends.problems(0.0))
    write(file, days=1)
    assert list(ends.problems(0.0))
    file.unlink()
    file.mkdir()
    assert not list(ends.problems(0.0))


@pytest.mark.looptime
async def test_a_file_that_is_replaced_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "api.token"
    write(file, days=1)
    waiting = start(replaced(file), "token")
    await asyncio.sleep(3 * LOOK_SECONDS)
    assert not waiting.done()
    file.unlink()
    await asyncio.sleep(2 * LOOK_SECONDS)
    assert not waiting.done(), "it is being replaced"
    write(file, days=300)
    await asyncio.sleep(2 * LOOK_SECONDS)
    assert waiting.done()

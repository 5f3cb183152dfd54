"""A peer whose messages are much work waits; one whose are little does not."""

import asyncio

import pytest

from federation.wire.rpc.throttle import LONGEST_PAUSE_SECONDS, SHORTEST_PAUSE_SECONDS, Paced
from tests.unit.fakes.memory_link import linked


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("work", "pause"),
    [(0.0, 0.0), (SHORTEST_PAUSE_SECONDS, 0.0), (0.1, 0.1), (60.0, LONGEST_PAUSE_SECONDS)],
)
async def test_the_next_message_is_read_after_a_pause_as_long_as_the_work(
    work: float, pause: float
) -> None:
    there, here = linked()
    worked = iter([0.0, work, work])
    paced = Paced(here, clock=worked.__next__)
    for _ in range(2):
        await there.write("message")
    loop = asyncio.get_running_loop()
    before = loop.time()
    assert await paced.read() == "message"
    assert loop.time() == before, "the first waits for nothing"
    assert await paced.read() == "message"
    assert loop.time() - before == pytest.approx(pause)


@pytest.mark.looptime
async def test_making_a_message_of_bytes_is_work_too() -> None:
    there, here = linked()
    for text in ("a", "b"):
        await there.write(text)
    there.end()
    at = 0.0

    def decode(text: str) -> str:
        nonlocal at
        at += 0.1
        return text.upper()

    paced = Paced(here, decode, lambda: at)
    before = asyncio.get_running_loop().time()
    assert [await paced.read() for _ in range(3)] == ["A", "B", None]
    assert asyncio.get_running_loop().time() - before == pytest.approx(0.2)


async def test_what_is_written_passes_through() -> None:
    there, here = linked()
    await Paced(here).write("answer")
    assert await there.read() == "answer"

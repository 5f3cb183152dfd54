"""A receiver says every few seconds that it is there, and its sender hears that alone."""

import asyncio

import pytest

from federation.model.errors import NotReady
from federation.wire import discovery
from federation.wire.rpc.heartbeat import BEAT, BEAT_SECONDS, Heard, beating
from federation.xds.messages import Request
from tests.unit.fakes.memory_link import linked


@pytest.mark.looptime
async def test_beats_come_between_other_words_and_are_heard_by_nobody_else() -> None:
    there, here = linked()
    words: list[float] = []
    heard = Heard(here, lambda: words.append(asyncio.get_running_loop().time()))
    async with beating(there) as link:
        await link.write(Request("a"))
        await asyncio.sleep(3.5 * BEAT_SECONDS)
        await link.write(Request("b"))
    there.end()
    found = [await heard.read() for _ in range(3)]
    assert [request and request.type_url for request in found] == ["a", "b", None]
    assert len(words) == 5


@pytest.mark.looptime
async def test_a_link_that_is_broken_ends_by_its_reader_and_not_by_a_beat(
    caplog: pytest.LogCaptureFixture,
) -> None:
    there, _ = linked()
    there.errors = [NotReady("it has ended")] * 9
    async with beating(there):
        await asyncio.sleep(5 * BEAT_SECONDS)
    assert caplog.records == []


@pytest.mark.looptime
async def test_two_words_are_never_written_at_once() -> None:
    class Slow:
        writing = 0

        async def read(self) -> None:
            return None

        async def write(self, _: object) -> None:
            self.writing += 1
            assert self.writing == 1
            await asyncio.sleep(2 * BEAT_SECONDS)
            self.writing -= 1

    async with beating(Slow()) as link:
        for _ in range(5):
            await link.write(Request("a"))


def test_a_beat_travels() -> None:
    assert discovery.decode_request(discovery.encode_request(Request(BEAT))) == Request(BEAT)

"""The open loop: what is due goes out, and every call ends in the history."""

import asyncio
import json

import pytest

from federation.verify import history
from federation.verify.call import Call, Load
from federation.verify.generator import Generator, due_count
from federation.verify.history import About

ABOUT = About("t", "h", "/", "GET", 1000.0)
MANY = 20


class FakeClient:
    """Answers at once, or `late`, when it is told."""

    def __init__(self, *, late: bool = False) -> None:
        self.late = late
        self.waiting: list[Call] = []
        self.full = asyncio.Event()
        self.closed = False

    def begin(self, call: Call) -> None:
        if self.late:
            self.waiting.append(call)
            if len(self.waiting) == MANY:
                self.full.set()
        else:
            call.answered(200, ("us-east", "api-1"), call.start + 0.001)

    async def close(self) -> None:
        self.closed = True

    def answer_all(self) -> None:
        for call in self.waiting:
            call.failed("timeout", call.start + 0.001)
        self.waiting.clear()


def generator(client: FakeClient, seconds: float, lines: list[str]) -> Generator:
    return Generator(Load("10.0.0.1", 80, ABOUT, seconds), client, "run", lines.append)


@pytest.mark.parametrize(
    ("now", "seconds", "count"),
    [(9.9, None, 0), (10.0, None, 1), (10.5, None, 51), (11.0, 1.0, 100), (99.0, 1.0, 100)],
)
def test_as_many_requests_are_due_as_the_schedule_says(
    now: float, seconds: float | None, count: int
) -> None:
    assert due_count(10.0, now, 100.0, seconds) == count


async def test_a_run_sends_what_is_due_and_ends_with_its_lag() -> None:
    lines: list[str] = []
    client = FakeClient()
    await generator(client, 0.02, lines).run(asyncio.Event())
    found = history.parse("".join(lines))
    assert found.complete
    assert len(found.records) == MANY
    assert len({record.id for record in found.records}) == MANY
    assert json.loads(lines[0])["kind"] == "about"
    assert client.closed


async def test_requests_go_out_though_none_is_answered_and_the_run_waits_for_their_end() -> None:
    lines: list[str] = []
    client = FakeClient(late=True)
    loop = asyncio.get_running_loop()
    running = loop.create_task(generator(client, 0.02, lines).run(asyncio.Event()))
    await client.full.wait()
    await asyncio.sleep(0)
    assert not running.done()
    assert not client.closed
    client.answer_all()
    await running
    assert [r.error for r in history.parse("".join(lines)).records] == ["timeout"] * MANY


async def test_a_run_that_is_stopped_sends_nothing_more() -> None:
    lines: list[str] = []
    stop = asyncio.Event()
    stop.set()
    await generator(FakeClient(), 1.0, lines).run(stop)
    assert history.parse("".join(lines)).records == ()

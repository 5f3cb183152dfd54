"""No head of a request or an answer ends a connection that others share.

Everything is sent as it is: every byte in names, values, paths, methods and hosts, headers that
belong to a connection, trailers. Beside it others wait for their answers on the same connections.
"""

import asyncio
import ssl
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from tests.e2e import heads
from tests.e2e.crossings import HTTP1, OWN, PLAIN, Crossings, crossings
from tests.e2e.heads import Head, Stream
from tests.e2e.heads_client import (
    DOORS,
    PEERS,
    Door,
    Others,
    ask,
    batches,
    context_of,
    harm,
    send_heads,
    send_streams,
)

pytestmark = [pytest.mark.timeout(120), pytest.mark.envoy]

NETWORK = "127.33.0"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as found:
        yield Path(found)


def chosen(cases: Iterator[Head | Stream], every: int) -> Iterator[Head | Stream]:
    """All of them, or one of so many."""
    return islice(cases, 0, None, every)


async def judge(world: Crossings, others: Others, what: str, batch: list[Head | Stream]) -> None:
    """Nobody else was harmed so far."""
    found = await harm(world)
    assert not found, (what, found, [case.name for case in batch])
    assert not others.failed, (what, others.failed, [case.name for case in batch])


async def attack(world: Crossings, folder: Path, every: int) -> Others:
    """All kinds of heads by all ways in, judged batch for batch."""
    others, context = Others(world), context_of(world, folder)
    async with others.calling():
        await asyncio.sleep(0.3)
        for door in DOORS:
            for batch in batches(chosen(heads.requests(door.host), every)):
                await send_heads(world, door, batch)  # type: ignore[arg-type]
                await judge(world, others, f"HTTP/1.1 at {door}", batch)
        for door in DOORS:
            await streamed(world, others, door, None, every)
        await answered(world, others, every)
        world.faced = frozenset(world.proxies)
        for door in PEERS:
            await streamed(world, others, door, context, every)
        await asyncio.sleep(1.0)
    return others


async def streamed(
    world: Crossings, others: Others, door: Door, context: ssl.SSLContext | None, every: int
) -> None:
    """Somebody sends over HTTP/2, with a certificate or without."""
    for batch in batches(chosen(heads.streams(door.host), every)):
        await send_streams(world, door, batch, context)  # type: ignore[arg-type]
        await judge(world, others, f"HTTP/2 at {door}", batch)


async def answered(world: Crossings, others: Others, every: int) -> None:
    """Applications answer as they like."""
    for door in DOORS:
        if door.number == HTTP1:
            for batch in batches(chosen(heads.answers(), every)):
                world.said = {str(i): c.data for i, c in enumerate(batch) if isinstance(c, Head)}
                line = b"POST /say/%d HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n\r\n"
                asked = [Head(c.name, line % (i, door.host)) for i, c in enumerate(batch)]
                await send_heads(world, door, asked)
                await judge(world, others, f"answers at {door}", batch)


@pytest.mark.parametrize(
    "every",
    [
        pytest.param(13, id="some"),
        pytest.param(1, id="all", marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)
async def test_no_head_ends_a_connection_that_others_share(folder: Path, every: int) -> None:
    async with crossings(folder, NETWORK) as world:
        others = await attack(world, folder, every)
    assert not others.failed
    assert {door for door, _ in others.found} == {str(door) for door in DOORS}


GET = b"GET / HTTP/1.1\r\n"
HOST = b"Host: api.shop.svc.clusterset.local:8080\r\n"
REQUESTS = (
    ("caller", GET + HOST + b"TE:\r\n\r\n", b"HTTP/1.1 200"),
    ("caller", GET + HOST + b"TE: gzip\r\n\r\n", b"HTTP/1.1 200"),
    ("caller", GET + HOST + b"TE: trailers\r\n\r\n", b"HTTP/1.1 200"),
    ("entry", GET + HOST + b"TE:\r\n\r\n", b"HTTP/1.1 200"),
    ("entry", GET + b"Host:\r\n\r\n", b"HTTP/1.1 400"),
    ("entry", GET + b"Host: a@b\r\n\r\n", b"HTTP/1.1 400"),
    ("entry", GET + b"Host: a\r\n\r\n", b"HTTP/1.1 200"),
)
ANSWERS = (
    (b"HTTP/1.1 200 X\r\nTE: gzip\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200"),
    (b"HTTP/1.1 1000 X\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 502"),
    (b"HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 502"),
    (b"HTTP/1.1 101 X\r\nUpgrade: h2c\r\n\r\n", b"HTTP/1.1 502"),
)


async def test_what_cannot_be_passed_on_is_answered_at_once(folder: Path) -> None:
    async with crossings(folder, NETWORK) as world:
        others = Others(world)
        async with others.calling():
            await asyncio.sleep(0.3)
            for way, data, expected in REQUESTS:
                assert await ask(world, Door(way, OWN, HTTP1), data) == expected, data
            assert not await harm(world)
            for i, (said, expected) in enumerate(ANSWERS):
                world.said[str(i)] = said
                for service in (OWN, PLAIN):
                    door = Door("caller", service, HTTP1)
                    line = b"GET /say/%d HTTP/1.1\r\nHost: %s\r\n\r\n" % (i, door.host)
                    assert await ask(world, door, line) == expected, said
            await asyncio.sleep(1.0)
        assert not others.failed
        assert sum(others.found.values()) >= 2 * len(DOORS)
        assert not {name for name in await harm(world) if "rx_messaging_error" not in name}


async def test_one_stream_that_is_not_allowed_is_reset_alone(folder: Path) -> None:
    """Another proxy of the clusterset, which is not ours, has a stream of somebody on the same."""
    odd = [
        Stream("odd", [*headers, (b"connection", b"close")])
        for headers in [next(heads.streams(PEERS[0].host)).headers]
    ]
    good = list(islice(heads.streams(PEERS[0].host), 1))
    async with crossings(folder, NETWORK) as world:
        context = context_of(world, folder)
        answered = await send_streams(world, PEERS[0], good * 3 + odd + good * 3, context)
    assert answered == 7


def test_the_cases_are_what_they_say() -> None:
    """So that the tests above can fail."""
    found = [case.name for case in heads.requests(b"a")]
    assert len(found) > 4000
    assert len(set(found)) > 0.99 * len(found)
    assert "TE: b''" in found
    assert len(list(heads.answers())) > 1900
    assert len(list(heads.streams(b"a"))) > 2500

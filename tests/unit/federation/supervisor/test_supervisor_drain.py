"""A proxy that goes waits for what is under way, but not for ever."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from federation.supervisor.drain import ask_to_leave, question, under_way, wait_for_end


class Envoy:
    """Says how much is under way; every look ends one of them."""

    def __init__(self, active: int) -> None:
        self.active = active
        self.asked: list[str] = []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).split(b" HTTP")[0].decode())
        body = f"http.inbound.downstream_rq_active: {self.active}\n".encode()
        self.active = max(0, self.active - 1)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    @asynccontextmanager
    async def at(self, path: Path) -> AsyncIterator[None]:
        async with await asyncio.start_unix_server(self._serve, str(path)):
            yield


def test_requests_and_connections_are_under_way() -> None:
    answer = b"http.inbound.downstream_rq_active: 2\ntcp.east-west.downstream_cx_active: 3\n"
    assert under_way(answer) == 5


async def test_nothing_under_way_ends_the_wait_at_its_least(tmp_path: Path) -> None:
    async with Envoy(0).at(tmp_path / "s"):
        assert await wait_for_end(tmp_path / "s", 0.0, 60.0, is_gateway=False) == 0


async def test_the_wait_ends_when_the_last_request_has(tmp_path: Path) -> None:
    envoy = Envoy(2)
    async with envoy.at(tmp_path / "s"):
        assert await wait_for_end(tmp_path / "s", 0.0, 60.0, is_gateway=False) == 0
    assert len(envoy.asked) == 3


async def test_what_never_ends_is_not_waited_for_longer_than_the_longest(tmp_path: Path) -> None:
    envoy = Envoy(1000)
    async with envoy.at(tmp_path / "s"):
        assert await wait_for_end(tmp_path / "s", 0.0, 0.0, is_gateway=False) == 1000


async def test_an_envoy_that_is_gone_ends_the_wait(tmp_path: Path) -> None:
    assert await wait_for_end(tmp_path / "nobody", 0.0, 60.0, is_gateway=False) == 0


async def test_envoy_is_told_that_it_goes(tmp_path: Path) -> None:
    envoy = Envoy(0)
    async with envoy.at(tmp_path / "s"):
        await ask_to_leave(tmp_path / "s")
    await ask_to_leave(tmp_path / "nobody")
    assert envoy.asked == ["POST /healthcheck/fail"]


@pytest.mark.parametrize(
    ("gauge", "sidecar", "gateway"),
    [
        ("http.inbound.downstream_rq_active", True, False),
        ("tcp.east-west.downstream_cx_active", False, True),
        ("tcp.terminated-raw.downstream_cx_active", False, True),
        ("http.up~80~api~shop.downstream_rq_active", False, True),
        ("http.outbound.downstream_rq_active", False, False),
        ("http.health.downstream_rq_active", False, False),
    ],
)
def test_what_others_have_under_way_counts(gauge: str, sidecar: bool, gateway: bool) -> None:
    for is_gateway, counts in ((False, sidecar), (True, gateway)):
        pattern = question(is_gateway=is_gateway).partition("filter=")[2]
        assert bool(re.search(pattern, gauge)) is counts

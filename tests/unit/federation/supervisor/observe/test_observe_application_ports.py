"""An application that died is found by connections that fail, and again when it is back."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from federation.supervisor.observe.application_ports import Application, read_counts, read_failures
from federation.supervisor.observe.closing import Count

HOST = "127.0.0.1"


class Envoy:
    """Counters of an admin socket; `failures` by port."""

    def __init__(self) -> None:
        self.failures: dict[int, int] = {}
        self.more = b""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + counters(self.failures) + self.more)
        await writer.drain()
        writer.close()

    @asynccontextmanager
    async def at(self, path: Path) -> AsyncIterator[None]:
        async with await asyncio.start_unix_server(self._serve, str(path)):
            yield


def counters(failures: dict[int, int]) -> bytes:
    lines = (
        f"cluster.app~{port}~http/1.1.upstream_cx_connect_fail: {count}\n"
        for port, count in failures.items()
    )
    return "".join(lines).encode()


@contextmanager
def listening(port: int = 0) -> Iterator[int]:
    with socket.create_server((HOST, port)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free_port() -> int:
    with listening() as port:
        return port


def test_counters_are_read_by_port() -> None:
    other = b"cluster.out~80.api.upstream_cx_connect_fail: 9\n"
    assert read_failures(counters({80: 2, 9090: 0}) + other) == {80: 2, 9090: 0}


async def test_a_port_is_asked_only_after_a_failure(tmp_path: Path, free_port: int) -> None:
    told: list[tuple[int, ...]] = []
    envoy = Envoy()
    application = Application(tmp_path / "s", HOST, told.append)
    async with envoy.at(tmp_path / "s"):
        envoy.failures = {free_port: 3}  # from before this supervisor
        await application.look()
        await application.look()
        assert told == []
        envoy.failures = {free_port: 4}
        await application.look()
    assert told == [(free_port,)]


async def test_a_failure_of_an_application_that_listens_means_nothing(tmp_path: Path) -> None:
    told: list[tuple[int, ...]] = []
    envoy = Envoy()
    application = Application(tmp_path / "s", HOST, told.append)
    with listening() as port:
        async with envoy.at(tmp_path / "s"):
            envoy.failures = {port: 0}
            await application.look()
            envoy.failures = {port: 1}
            await application.look()
    assert told == []


async def test_what_is_dead_is_asked_until_it_listens_again(
    tmp_path: Path, free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    told: list[tuple[int, ...]] = []
    envoy = Envoy()
    application = Application(tmp_path / "s", HOST, told.append)
    async with envoy.at(tmp_path / "s"):
        envoy.failures = {free_port: 0}
        await application.look()
        envoy.failures = {free_port: 1}
        await application.look()
        await application.look()
        assert told == [(free_port,)]
        with listening(free_port):
            await application.look()
    assert told == [(free_port,), ()]
    assert [record.getMessage() for record in caplog.records] == [
        f"application does not listen ports={free_port}",
        "application listens again",
    ]


def http1(port: int, requests: int, closed: int) -> bytes:
    cluster = f"cluster.app~{port}~http/1.1.upstream_"
    return f"{cluster}cx_destroy_remote: {closed}\n{cluster}rq_total: {requests}\n".encode()


def test_requests_and_closings_are_read_by_port_and_only_of_http1() -> None:
    others = b"cluster.app~90~http/2.upstream_rq_total: 7\ncluster.a.upstream_rq_total: 8\n"
    text = http1(80, 9, 4) + others + b"cluster.app~81~http/1.1.upstream_rq_total: 3\n"
    assert read_counts(text) == {80: Count(9, 4), 81: Count(3, 0)}


async def test_an_application_that_closes_its_connections_is_told_of_once(tmp_path: Path) -> None:
    told: list[tuple[int, ...]] = []
    envoy = Envoy()
    application = Application(tmp_path / "s", HOST, lambda _: None, told.append)
    async with envoy.at(tmp_path / "s"):
        for look in range(8):
            envoy.more = http1(8080, 100 * look, 99 * look)
            await application.look()
    assert told == [(8080,)]


async def test_an_envoy_that_does_not_answer_changes_nothing(tmp_path: Path) -> None:
    told: list[tuple[int, ...]] = []
    await Application(tmp_path / "nobody", HOST, told.append).look()
    assert told == []

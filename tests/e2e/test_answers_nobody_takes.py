"""Answers that nobody takes: the memory of proxies is bounded, and nobody else pays.

Somebody asks for many large answers over HTTP/2 and takes nothing: with windows of nothing, with a
connection's window that is soon full, or with large windows and a socket that is never read.
"""

import asyncio
import json
import ssl
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import StreamReset
from h2.settings import SettingCodes

from federation.envoy.limits import RESET_FROM_SHARE, Bounds
from tests.e2e.crossings import HTTP1, OWN, PLAIN, Crossings, crossings, giving, server_name
from tests.e2e.heads_client import PEERS, Door, context_of

pytestmark = [pytest.mark.envoy, pytest.mark.alone]

NETWORK = "127.34.0"
ANSWER = 16 << 20
MEMORY_MB = 256
ENTRY, CALLER = Door("entry", OWN, HTTP1), Door("caller", OWN, HTTP1)
PEER = next(door for door in PEERS if (door.service, door.number) == (PLAIN, HTTP1))
LARGEST = 2**31 - 1


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as found:
        yield Path(found)


@dataclass(slots=True)
class Hoarder:
    """Asks for large answers and takes none of them. `window`: of its streams."""

    world: Crossings
    door: Door
    window: int
    reads: bool = True
    streams: int = 100
    context: ssl.SSLContext | None = None
    seen: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        """Until cancelled, or until the other side ends the connection."""
        name = server_name(self.door.service, self.door.number) if self.context else None
        address = self.door.address(self.world)
        reader, writer = await asyncio.open_connection(
            *address, ssl=self.context, server_hostname=name
        )
        session = H2Connection(H2Configuration(header_encoding=None))
        session.initiate_connection()
        session.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: self.window})
        if not self.reads:
            session.increment_flow_control_window(LARGEST - 65_535)
        for _ in range(self.streams):
            head = [
                (b":method", b"GET"),
                (b":scheme", b"http"),
                (b":path", b"/bytes/%d" % ANSWER),
                (b":authority", self.door.host),
            ]
            session.send_headers(session.get_next_available_stream_id(), head, end_stream=True)
        writer.write(session.data_to_send())
        try:
            if not self.reads:
                writer.transport.pause_reading()  # type: ignore[attr-defined]
                await asyncio.Event().wait()
            while data := await reader.read(65_536):
                resets = [e for e in session.receive_data(data) if isinstance(e, StreamReset)]
                self.seen["reset"] += len(resets)
                writer.write(session.data_to_send())
        except OSError:
            self.seen["ended"] += 1
        finally:
            writer.transport.abort()
            writer.close()


@dataclass(slots=True)
class Honest:
    """Twenty requests a second: how each went, and how long it took."""

    world: Crossings
    door: Door
    found: list[tuple[float, bytes, float]] = field(default_factory=list)

    async def run(self) -> None:
        line = b"POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._one(line % self.door.host))
                await asyncio.sleep(0.05)

    async def _one(self, data: bytes) -> None:
        began = time.monotonic()
        try:
            reader, writer = await asyncio.open_connection(*self.door.address(self.world))
            try:
                writer.write(data)
                said = await reader.read()
                said = said[:12] if said.startswith(b"HTTP/1.1 200") else said
            finally:
                writer.close()
        except OSError as error:
            said = type(error).__name__.encode()
        self.found.append((began, said, time.monotonic() - began))

    def slowest(self, first: float, last: float) -> float:
        """Of 99 in 100, those that began in between."""
        times = sorted(took for began, _, took in self.found if first <= began < last)
        return times[int(0.99 * len(times))]

    @property
    def failed(self) -> list[bytes]:
        return [said for _, said, _ in self.found if said != b"HTTP/1.1 200"]


def resident_mb(world: Crossings) -> dict[str, float]:
    """The memory of each proxy."""
    return {
        name: int(line.split()[1]) / 1024
        for name, lone in world.proxies.items()
        for line in Path(f"/proc/{lone.pid}/status").read_text().splitlines()
        if line.startswith("VmRSS:")
    }


async def used_mb(world: Crossings) -> dict[str, float]:
    """What is not free in the heap of each proxy."""
    found = {name: json.loads(await lone.ask("/memory")) for name, lone in world.proxies.items()}
    return {name: int(said["allocated"]) / (1 << 20) for name, said in found.items()}


async def most_resident(world: Crossings, seconds: float) -> dict[str, float]:
    """The most that each had in this time."""
    most, until = resident_mb(world), time.monotonic() + seconds
    while time.monotonic() < until:
        await asyncio.sleep(0.1)
        most = {name: max(most[name], now) for name, now in resident_mb(world).items()}
    return most


WAYS = [
    pytest.param(ENTRY, 0, True, id="no-window-at-entry"),
    pytest.param(ENTRY, LARGEST, False, id="unread-at-entry"),
    pytest.param(CALLER, 0, True, id="no-window-at-a-sidecar", marks=pytest.mark.slow),
    pytest.param(CALLER, LARGEST, False, id="unread-at-a-sidecar", marks=pytest.mark.slow),
    pytest.param(ENTRY, LARGEST, True, id="full-connection", marks=pytest.mark.slow),
    pytest.param(PEER, 0, True, id="no-window-by-a-peer", marks=pytest.mark.slow),
    pytest.param(PEER, LARGEST, False, id="unread-by-a-peer", marks=pytest.mark.slow),
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("door", "window", "reads"), WAYS)
async def test_answers_nobody_takes_fill_no_proxy(
    folder: Path, door: Door, window: int, reads: bool
) -> None:
    """With a bound of 256 MB, which 120 answers of 16 MB would exceed seven times."""
    bounds = Bounds(memory_mb=MEMORY_MB)
    async with (
        crossings(folder, NETWORK, http1=False, bounds=bounds) as world,
        giving(world.at),
    ):
        context = context_of(world, folder) if door is PEER else None
        honest = Honest(world, CALLER if door is CALLER else ENTRY)
        idle = resident_mb(world)
        hoarders = [Hoarder(world, door, window, reads, 40, context) for _ in range(3)]
        working = [asyncio.ensure_future(honest.run())]
        await asyncio.sleep(1.5)
        began = time.monotonic()
        working += [asyncio.ensure_future(h.run()) for h in hoarders]
        most = await most_resident(world, 6)
        ended = time.monotonic()
        resets = 0
        for name in world.proxies:
            counted = await world.counted(name, "reset_high_memory_stream.count$")
            resets += sum(counted.values())
        await asyncio.sleep(1)
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
    quiet, loud = honest.slowest(0, began), honest.slowest(began, ended)
    found = {"idle": idle, "most": most, "resets": resets, "quiet": quiet, "loud": loud}
    assert not honest.failed, (honest.failed, found)
    assert all(most[name] < idle[name] + 1.2 * MEMORY_MB for name in most), found
    assert resets > 50 or door is PEER, found  # there the application has to wait
    assert loud < max(10 * quiet, 4.0), found


@pytest.mark.slow
@pytest.mark.timeout(200)
@pytest.mark.parametrize("window", [0, LARGEST], ids=["no-window", "unread"])
async def test_a_minute_after_the_memory_is_free(folder: Path, window: int) -> None:
    """With the usual bound, at an entry address: 20 connections of 100 streams.

    What is free the allocator gives back to the system within some minutes.
    """
    async with crossings(folder, NETWORK, http1=False) as world, giving(world.at):
        before = await used_mb(world)
        hoarders = [Hoarder(world, ENTRY, window, window == 0) for _ in range(20)]
        working = [asyncio.ensure_future(h.run()) for h in hoarders]
        most = await most_resident(world, 20)
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        assert max(most.values()) < 1.2 * Bounds().memory_mb, most
        assert most["entry"] > RESET_FROM_SHARE / 2 * Bounds().memory_mb, most
        await asyncio.sleep(60)
        after, resident = await used_mb(world), resident_mb(world)
    print(f"most {most}, a minute after {resident}")
    assert all(after[n] < 1.25 * before[n] + 4 for n in before), (before, most, after)
    assert resident["entry"] < most["entry"], (most, resident)

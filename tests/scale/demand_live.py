"""A sidecar's two real processes, fed on demand or with everything: memory, starts, calls.

In: who feeds it, where it listens. Out: figures as JSON values.
"""

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from federation.model.errors import Failed
from federation.runtime.disk import write_together
from federation.supervisor.certificates.agent_trust import file_of
from federation.verify.guarantees import percentile
from tests.scale.demand_world import SUBJECT, host_of
from tests.scale.running import Process, Serves, envoy, relay
from tests.scale.sidecars import OUTBOUND_PORT
from tests.scale.trust import Authority

EVERY = 0.004
"""Seconds between two questions whether a process is there; starts are known as exactly."""
SETTLE_SECONDS = 2.0
PAUSE_MS = 5.0
"""Between first calls: each stands for itself."""
IDLE_SECONDS = 8.0
"""After so long without calls no connection is left."""
_OPENING, _WARM = 8, 4
"""How often each is called until all its connections are open, and how often then."""
_BLOCK = 50
"""First calls that are looked at together: they cost more the more hosts there are already."""


class Sidecar:
    """One Envoy with one worker behind one relay; `outbound` is where its application calls."""

    def __init__(self, folder: Path, feed: Serves, outbound: str, authority: Authority) -> None:
        folder.mkdir()
        write_together((file_of(folder / "identity.json", authority.certify(SUBJECT)),))
        self._folder = folder
        self._feed = feed
        self._outbound = outbound

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Running"]:
        """Both processes, from the moment when Envoy is live."""
        async with relay(self._folder, self._feed, EVERY) as supervisor:
            listens = time.monotonic() - supervisor.began
            async with envoy(self._folder, workers=1, every=EVERY) as proxy:
                started = {
                    "relay_listens_seconds": round(listens, 3),
                    "relay_cpu_seconds": supervisor.cpu_seconds(),
                    "envoy_live_seconds": round(time.monotonic() - proxy.began, 3),
                    "envoy_cpu_seconds": proxy.cpu_seconds(),
                }
                yield Running(supervisor, proxy, self._outbound, started)

    async def starts(self, times: int) -> dict[str, float]:
        """Both start again, with what is on disk; the medians of so many times."""
        found = []
        for _ in range(times):
            async with self.running() as running:
                found.append(running.started)
                await asyncio.sleep(SETTLE_SECONDS)
        return {name: statistics.median(one[name] for one in found) for name in found[0]}


class Running:
    """Both processes while they run; `started` says how long that took."""

    def __init__(
        self, supervisor: Process, proxy: Process, outbound: str, started: dict[str, float]
    ) -> None:
        self.supervisor = supervisor
        self.proxy = proxy
        self.started = started
        self._outbound = outbound

    async def memory(self) -> dict[str, Any]:
        """Of both, once nothing happens."""
        await asyncio.sleep(SETTLE_SECONDS)
        ours, its = self.supervisor.memory(), self.proxy.memory()
        return {"envoy": its, "relay": ours, "both_rss": round(ours["rss"] + its["rss"], 1)}

    async def call(self, numbers: Iterable[int], times: int = 1, pause: float = 0.0) -> list[float]:
        """Call services so often each; returns how many milliseconds each call took."""
        command = [sys.executable, "-m", "tests.scale.calling", self._outbound]
        asked = [str(OUTBOUND_PORT), str(pause), str(times), *map(host_of, numbers)]
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(*command, *asked, stdout=pipe, stderr=pipe)
        said, wrong = await child.communicate()
        if child.returncode:
            raise Failed(f"a call failed: {wrong.decode()[-500:]}")
        found: list[float] = json.loads(said)
        return found

    def worker_seconds(self) -> float:
        """CPU of Envoy's worker: what requests cost, without what its main thread does."""
        hertz = os.sysconf("SC_CLK_TCK")
        used = 0
        for task in Path(f"/proc/{self.proxy.pid}/task").iterdir():
            head, _, rest = (task / "stat").read_text().rpartition(")")
            if "(wrk:" in head:
                fields = rest.split()
                used += int(fields[11]) + int(fields[12])
        return used / hertz


def spread(milliseconds: list[float]) -> dict[str, float]:
    """What most of them took, and the worst."""
    return {
        "calls": len(milliseconds),
        "p50_ms": round(percentile(milliseconds, 50), 2),
        "p99_ms": round(percentile(milliseconds, 99), 2),
        "max_ms": round(max(milliseconds), 2),
    }


async def first_calls(running: Running, numbers: range) -> dict[str, Any]:
    """Services that nobody has called yet, one after the other; then again, over new connections;
    then as they are when all connections are open.
    """
    blocks = []
    first: list[float] = []
    empty = await running.memory()
    for start in range(numbers.start, numbers.stop, _BLOCK):
        before = running.proxy.cpu_seconds(), running.supervisor.cpu_seconds()
        took = await running.call(range(start, min(start + _BLOCK, numbers.stop)), pause=PAUSE_MS)
        after = running.proxy.cpu_seconds(), running.supervisor.cpu_seconds()
        envoy_ms, relay_ms = (1000 * (a - b) for a, b in zip(after, before, strict=True))
        cpu = {
            "envoy_cpu_ms_each": round(envoy_ms / len(took), 2),
            "relay_cpu_ms_each": round(relay_ms / len(took), 2),
        }
        blocks.append({"called_before": start} | spread(took) | cpu)
        first += took
    await asyncio.sleep(IDLE_SECONDS)
    full = await running.memory()
    known = await running.call(numbers, pause=PAUSE_MS)
    warm = await running.call(numbers, _OPENING + _WARM)
    return {
        "first": spread(first),
        "first_by_blocks": blocks,
        "kib_of_memory_each": {
            part: round(1024 * (full[part]["anonymous"] - empty[part]["anonymous"]) / len(first), 1)
            for part in ("envoy", "relay")
        },
        "known": spread(known),
        "warm": spread(warm[_OPENING * len(numbers) :]),
    }


async def turns(
    beside: dict[str, Running], numbers: range, rounds: int, times: int
) -> dict[str, Any]:
    """Warm calls of the same services through each in turn, as fast as they are answered."""
    p50: dict[str, list[float]] = {name: [] for name in beside}
    p99: dict[str, list[float]] = {name: [] for name in beside}
    cpu: dict[str, list[float]] = {name: [] for name in beside}
    for running in beside.values():
        await running.call(numbers, times)
    for number in range(rounds):
        order = list(beside) if number % 2 == 0 else list(reversed(beside))
        for name in order:
            before = beside[name].worker_seconds()
            took = await beside[name].call(numbers, times)
            used = beside[name].worker_seconds() - before
            p50[name].append(percentile(took, 50))
            p99[name].append(percentile(took, 99))
            cpu[name].append(1e6 * used / len(took))
    return {
        "rounds": rounds,
        "calls_in_each": len(numbers) * times,
        **{
            name: {
                "p50_ms": round(statistics.median(p50[name]), 4),
                "p99_ms": round(statistics.median(p99[name]), 4),
                "worker_cpu_microseconds_median": round(statistics.median(cpu[name]), 1),
                "worker_cpu_microseconds_mean": round(statistics.mean(cpu[name]), 1),
            }
            for name in beside
        },
        "ratios": {
            "p50": _ratio(p50),
            "p99": _ratio(p99),
            "worker_cpu": _ratio(cpu),
            "worker_cpu_of_sums": round(_sums(cpu), 4),
        },
    }


def _ratio(found: dict[str, list[float]]) -> dict[str, float]:
    """On demand beside eager: of the rounds' ratios the median, and the middle half."""
    ratios = sorted(a / b for a, b in zip(found["on_demand"], found["eager"], strict=True))
    low, middle, high = statistics.quantiles(ratios, n=4)
    return {"median": round(middle, 4), "quarter": round(low, 4), "three_quarters": round(high, 4)}


def _sums(found: dict[str, list[float]]) -> float:
    return sum(found["on_demand"]) / sum(found["eager"])

"""What the controller's API costs: watchers and writes a second, and memory. JSON on stdout.

One controller in a process of its own, asked over TLS by this one: 1,000 policies, then 50 watchers
and 100 writes a second for a while. `python -m tests.bench_api [--seconds 20]`.
"""

import argparse
import asyncio
import contextlib
import json
import os
import ssl
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from tests.e2e.lone_controller import LoneController, lone_controller

WATCHERS, WRITES_PER_SECOND, OBJECTS = 50, 100, 1_000
_POLICIES = "/apis/fedmesh.dev/v1alpha1/namespaces/shop/trafficpolicies"
_SENT = "bench/sent"
_MERGE = "application/merge-patch+json"
MB = 1 << 20
_TICKS = os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """The memory that a process has for itself: anonymous pages that are resident."""
    text = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in text.splitlines() if line.startswith("RssAnon:"))
    return round(int(line.split()[1]) * 1024 / MB, 1)


def cpu_seconds(pid: int) -> float:
    """What a process has used of the processors."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


class Asker:
    """The API, as an administrator."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session = session
        self._base = base
        self.delays: list[float] = []
        self.takes: list[float] = []

    async def create(self, name: str) -> None:
        """A policy."""
        body = {"metadata": {"name": name}, "spec": {"mode": "None"}}
        async with self._session.post(f"{self._base}{_POLICIES}", json=body) as answer:
            assert answer.status == 201, await answer.text()

    async def change(self, name: str) -> None:
        """Write when it is written into a policy."""
        began = time.monotonic()
        body = {"metadata": {"annotations": {_SENT: str(began)}}}
        async with self._session.patch(
            f"{self._base}{_POLICIES}/{name}",
            data=json.dumps(body),
            headers={"Content-Type": _MERGE},
        ) as answer:
            assert answer.status == 200, await answer.text()
        self.takes.append(time.monotonic() - began)

    async def watch(self, revision: str) -> None:
        """Note how late each change comes."""
        path = f"{self._base}{_POLICIES}?watch=true&resourceVersion={revision}"
        async with self._session.get(path, timeout=aiohttp.ClientTimeout(total=None)) as answer:
            async for line in answer.content:
                found = json.loads(line)
                sent = found["object"]["metadata"].get("annotations", {}).get(_SENT)
                if sent is not None:
                    self.delays.append(time.monotonic() - float(sent))

    async def revision(self) -> str:
        """Where a watch may begin."""
        async with self._session.get(f"{self._base}{_POLICIES}?limit=1") as answer:
            found: str = (await answer.json())["metadata"]["resourceVersion"]
            return found


def _spread(values: list[float]) -> dict[str, float]:
    """Half, 99 of 100, and the largest, in milliseconds."""
    cut = statistics.quantiles(values, n=100)
    return {
        "p50_ms": round(cut[49] * 1000, 1),
        "p99_ms": round(cut[98] * 1000, 1),
        "most_ms": round(max(values) * 1000, 1),
    }


async def measure(controller: LoneController, seconds: float) -> dict[str, Any]:
    """Create, watch, write; what it took."""
    assert controller.process is not None
    pid = controller.process.pid
    token = (controller.state / "admin.token").read_text()
    context = ssl.create_default_context(cafile=str(controller.state / "root.pem"))
    connector = aiohttp.TCPConnector(ssl=context, limit=0)
    headers = {"Authorization": f"Bearer {token}"}
    at_start = memory_mb(pid)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        asker = Asker(session, f"https://{controller.host}:8443")
        began = time.monotonic()
        for start in range(0, OBJECTS, 10):
            await asyncio.gather(*(asker.create(f"p{start + i}") for i in range(10)))
        created = time.monotonic() - began
        with_objects = memory_mb(pid)
        revision = await asker.revision()
        watchers = [asyncio.ensure_future(asker.watch(revision)) for _ in range(WATCHERS)]
        await asyncio.sleep(1)
        before, begin = cpu_seconds(pid), time.monotonic()
        writes: list[asyncio.Task[None]] = []
        for number in range(int(seconds * WRITES_PER_SECOND)):
            await asyncio.sleep(max(0, begin + number / WRITES_PER_SECOND - time.monotonic()))
            writes.append(asyncio.ensure_future(asker.change(f"p{number % OBJECTS}")))
        await asyncio.gather(*writes)
        wrote = time.monotonic() - begin
        await asyncio.sleep(1)
        used = cpu_seconds(pid) - before
        for watcher in watchers:
            watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watcher
    return {
        "objects": OBJECTS,
        "creates_per_second": round(OBJECTS / created),
        "watchers": WATCHERS,
        "writes_per_second": round(len(writes) / wrote, 1),
        "write": _spread(asker.takes),
        "told": len(asker.delays),
        "told_expected": len(writes) * WATCHERS,
        "watch": _spread(asker.delays),
        "cpu_percent": round(100 * used / (wrote + 1)),
        "memory_mb": {
            "start": at_start,
            "objects": with_objects,
            "end": memory_mb(pid),
        },
    }


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder, lone_controller(Path(folder)) as controller:
        controller.start()
        print(json.dumps(asyncio.run(measure(controller, seconds)), indent=2))


if __name__ == "__main__":
    main()

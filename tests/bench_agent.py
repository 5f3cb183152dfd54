"""What one agent costs by the size of its cluster: `python -m tests.bench_agent [--out FILE]`.

Prints JSON, judges nothing. An agent runs in this process on a real folder and a real disk, without
controller and proxies, whose words are given to it. Seconds of CPU are of this process, of which
what it takes while nothing happens is taken off; `longest_hold_seconds` is how long the loop
answered nobody.
"""

import argparse
import asyncio
import gc
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop

from cluster_agent.agent import Agent
from cluster_agent.source.directory import DirectorySource
from cluster_agent.source.status_file import StatusFile
from federation.model.exports import Backend, Group
from federation.model.names import ClusterId, ServiceName
from federation.model.proxies import Kind, Proxy, State
from federation.runtime.files import write_atomic
from federation.runtime.loops import running
from federation.wire import codec
from federation.wire.codec.clusters import encode_cluster
from federation.wire.codec.services import encode_backend, encode_service
from federation.xds.messages import Point, Response
from federation.xds.resources import Resource, resource
from tests.unit import builders

HERE, THERE = ClusterId("east"), ClusterId("west")
BATCH = 500
ENDPOINTS = 4
"""Of each service."""
QUIET_SECONDS = 1.5
"""After this without news an agent has done all it does, also what it does a moment later."""
IDLE_SECONDS = 12.0
BUSY = 0.3
"""Part of a core; below it an agent is at rest."""
_ENDPOINT = "- {{addresses: [10.{a}.{b}.{c}], conditions: {{ready: true}}, zone: {zone}}}\n"
_DOCUMENTS = """apiVersion: v1
kind: Service
metadata:
  name: {name}
  namespace: shop
  labels: {{app: {name}, team: checkout}}
spec:
  selector: {{app: {name}}}
  ports:
  - name: http
    port: 80
    protocol: TCP
    targetPort: 8080
    appProtocol: http
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: {name}-1
  namespace: shop
  labels: {{kubernetes.io/service-name: {name}}}
addressType: IPv4
ports:
- {{name: http, port: 8080, protocol: TCP}}
endpoints:
"""
_EXPORT = """---
apiVersion: multicluster.x-k8s.io/v1beta1
kind: ServiceExport
metadata: {{name: {name}, namespace: shop}}
"""


class Lag:
    """How long the loop held up everybody at most, while that is watched: it costs itself."""

    def __init__(self) -> None:
        self._longest = 0.0

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Come back every millisecond while the context lasts, and see how much later it is."""
        self._longest = 0.0
        watching = asyncio.get_running_loop().create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()

    async def _watch(self) -> None:
        while True:
            since = time.monotonic()
            await asyncio.sleep(0.001)
            self._longest = max(self._longest, time.monotonic() - since - 0.001)

    @property
    def longest(self) -> float:
        """In seconds, of the last time that it was watched."""
        return round(self._longest, 4)


class World:
    """An agent that runs, and what it was told so far."""

    def __init__(self, folder: Path) -> None:
        for name in ("source", "state"):
            (folder / name).mkdir()
        self.files = folder / "source"
        self.source = DirectorySource(self.files)
        status = StatusFile(self.files, lambda: self.source.problems)
        self.agent = Agent(HERE, self.source, status, folder / "state")
        self.lag = Lag()
        self._nonce = 0

    @asynccontextmanager
    async def started(self) -> AsyncIterator[None]:
        """Have it run while the context lasts."""
        loops = (*self.source.loops(self.agent.on_source), *self.agent.loops())
        async with running(loops):
            yield

    def tell(self, type_url: str, *found: Resource, complete: int | None = None) -> None:
        """Say something as the controller does."""
        self._nonce += 1
        point = Point("epoch", self._nonce)
        response = Response(type_url, str(self._nonce), found, (), point, complete)
        self.agent.on_facts(self.agent.down.receiver.receive(response))

    async def tell_all(self, type_url: str, found: list[Resource]) -> None:
        """The same of many, and that these are all."""
        for start in range(0, len(found), BATCH):
            self.tell(type_url, *found[start : start + BATCH])
            await asyncio.sleep(0)
        self.tell(type_url, complete=len(found))

    async def meet(self) -> None:
        """Hear of a cluster with a gateway, and of a sidecar here."""
        clusters = [
            builders.cluster(name, gateways=(builders.gateway(),)) for name in (HERE, THERE)
        ]
        await self.tell_all(codec.CLUSTER, [resource(c.id, encode_cluster(c)) for c in clusters])
        await self.tell_all(codec.BUNDLE, [])
        await self.tell_all(codec.HEADLESS, [])
        self.agent.on_proxy(Proxy("shop/web", Kind.SIDECAR, State.SERVING, "10.0.0.1", 15006))

    async def settle(self, is_done: Callable[[], bool] = lambda: True) -> float:
        """Wait until it is done and at rest; returns when it was done."""
        await until(is_done)
        done = time.monotonic()
        began = time.process_time()
        await asyncio.sleep(QUIET_SECONDS)
        while time.process_time() - began >= BUSY * QUIET_SECONDS:
            began = time.process_time()
            await asyncio.sleep(QUIET_SECONDS)
        return done


async def until(is_done: Callable[[], bool]) -> None:
    """Look every few milliseconds."""
    while not is_done():  # noqa: ASYNC110 - what is measured says nothing by itself
        await asyncio.sleep(0.005)


def name_of(number: int) -> ServiceName:
    return ServiceName("shop", f"service-{number:05}")


def backend_of(number: int, ready: int) -> Resource:
    name = name_of(number)
    found = Backend(name, THERE, (80,), (Group("a", ready, ENDPOINTS),), ("api",))
    return resource(f"{name}@{THERE}", encode_backend(found))


def service_of(number: int, *exporters: str) -> Resource:
    found = builders.service(*exporters, name=name_of(number))
    return resource(str(found.name), encode_service(found))


def text_of(number: int, *, is_exported: bool, zone: str = "a") -> str:
    name = name_of(number).name
    places = [(number * ENDPOINTS + i, "b" if i else zone) for i in range(ENDPOINTS)]
    endpoints = "".join(
        _ENDPOINT.format(a=1 + (n >> 16), b=n >> 8 & 255, c=n & 255, zone=at) for n, at in places
    )
    export = _EXPORT.format(name=name) if is_exported else ""
    return _DOCUMENTS.format(name=name) + endpoints + export


async def _idle(seconds: float) -> float:
    """Seconds of CPU in one second in which nothing happens."""
    began = time.process_time()
    await asyncio.sleep(seconds)
    return (time.process_time() - began) / seconds


async def _each(
    world: World, times: int, pause: float, act: Callable[[int], None]
) -> dict[str, Any]:
    """Seconds of CPU that one of these actions costs, with what follows from it; then how long the
    loop held up everybody after as many more.
    """
    idle = await _idle(IDLE_SECONDS)
    began, started = time.process_time(), time.monotonic()
    for number in range(times):
        act(number)
        await asyncio.sleep(pause)
    spent = time.process_time() - began - idle * (time.monotonic() - started)
    async with world.lag.watched():
        await asyncio.sleep(pause)
    quiet = world.lag.longest
    async with world.lag.watched():
        for number in range(times, 2 * times):
            act(number)
            await asyncio.sleep(pause)
    return {
        "cpu_idle": round(idle, 4),
        "cpu_seconds_each": round(spent / times, 5),
        "longest_hold_seconds": world.lag.longest,
        "longest_hold_seconds_idle": quiet,
    }


async def facts(folder: Path, services: int, times: int) -> dict[str, Any]:
    """Counts of imported services change, one after the other, and are kept on disk."""
    world = World(folder)
    (world.files / "a.yaml").write_text(text_of(99_999, is_exported=False))
    async with world.started():
        await world.meet()
        await world.tell_all(codec.SERVICE, [service_of(n, THERE) for n in range(services)])
        await world.tell_all(codec.BACKEND, [backend_of(n, 4) for n in range(services)])
        await world.settle()

        def change(number: int) -> None:
            world.tell(codec.BACKEND, backend_of(number % services, 1 + number // services % 3))

        return {"services": services} | await _each(world, times, 0.3, change)


async def status(folder: Path, exports: int, times: int) -> dict[str, Any]:
    """What became of one export changes, and people are shown it."""
    world = World(folder)
    for number in range(exports):
        (world.files / f"{number:05}.yaml").write_text(text_of(number, is_exported=True))
    written = world.files / ".fedmesh" / "status.yaml"
    async with world.started():
        await world.meet()
        await world.tell_all(codec.BACKEND, [])
        await world.tell_all(codec.SERVICE, [service_of(n, HERE) for n in range(exports)])
        await world.settle(lambda: world.source.synced and written.exists())

        def change(number: int) -> None:
            others = (HERE, THERE) if number % 2 == 0 else (HERE,)
            world.tell(codec.SERVICE, service_of(number // 2, *others))

        found = await _each(world, times, 1.0, change)
        return {"exports": exports, "bytes": written.stat().st_size} | found


async def reading(folder: Path, services: int, exports: int, times: int) -> dict[str, Any]:
    """A folder is read, one file of it is edited, and then nothing happens."""
    world = World(folder)
    for number in range(services):
        text = text_of(number, is_exported=number < exports)
        (world.files / f"{number:05}.yaml").write_text(text)
    table = world.agent.reports.table
    gc.collect()
    began, cpu = time.monotonic(), time.process_time()
    async with world.started():
        await world.meet()
        await world.tell_all(codec.BACKEND, [])
        await world.tell_all(codec.SERVICE, [])
        await until(lambda: table.is_complete(codec.EXPORT))
        read, spent = time.monotonic() - began, time.process_time() - cpu
        await world.settle()

        def edit(number: int) -> None:
            # Not one of those exported: what others are told of it costs something else.
            at = exports + number // 3
            text = text_of(at, is_exported=False, zone="xyz"[number % 3])
            write_atomic(world.files / f"{at:05}.yaml", text.encode())

        edited = await _each(world, times, 1.0, edit)
    return {
        "services": services,
        "endpoints": services * ENDPOINTS,
        "exports": exports,
        "read_seconds": round(read, 2),
        "read_cpu_seconds": round(spent, 2),
    } | edited


def measure(folder: Path, services: int, exports: int, only: str) -> dict[str, Any]:
    """All figures, or those of the parts whose names begin so."""
    parts: dict[str, Callable[[Path], Any]] = {
        "facts_few": lambda f: facts(f, 20, 30),
        "facts_many": lambda f: facts(f, services, 30),
        "status": lambda f: status(f, exports, 10),
        "folder": lambda f: reading(f, services, exports, 10),
    }
    found: dict[str, Any] = {}
    for name, part in parts.items():
        if not name.startswith(only):
            continue
        sys.stderr.write(f"{name}\n")
        (folder / name).mkdir()
        found[name] = uvloop.run(part(folder / name))
        gc.collect()
    return found


def main() -> None:
    """Measure, print, and write to `--out`."""
    parser = argparse.ArgumentParser("python -m tests.bench_agent", description=__doc__)
    parser.add_argument("--out", type=Path, help="a file for the same JSON")
    parser.add_argument("--services", type=int, default=5000)
    parser.add_argument("--exports", type=int, default=1000, help="of these services")
    parser.add_argument("--only", default="", help="parts that begin so")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fm-", dir="/tmp") as folder:
        found = measure(Path(folder).resolve(), said.services, said.exports, said.only)
    text = json.dumps(found, indent=1) + "\n"
    sys.stdout.write(text)
    if said.out is not None:
        said.out.write_text(text)


if __name__ == "__main__":
    main()

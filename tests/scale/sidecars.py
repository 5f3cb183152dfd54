"""What imported services and open connections cost a sidecar, measured with a real Envoy.

In: sizes, an authority. Out: figures as JSON values. The services' endpoints are never dialled: a
sidecar checks nobody by itself.
"""

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import Any

from cluster_agent.main import PROXY_RULES
from federation.envoy.build import Resource
from federation.model.errors import NotReady
from federation.model.exports import ServiceType
from federation.model.facts import Service as Stated
from federation.model.facts import ServiceFacts
from federation.planning.merge import default_port
from federation.planning.plan import plan_service
from federation.runtime.disk import write_together
from federation.supervisor.certificates.agent_trust import file_of
from sidecar.compile import Inbound, compile_inbound
from sidecar.outbound import compile_outbound
from tests.eager import eager_routes, virtual_hosts
from tests.scale.config import imports
from tests.scale.running import Feed, Process, cpu_percent, envoy, fed, relay, until
from tests.scale.trust import Authority
from tests.scale.world import (
    APP_ADDRESS,
    APPLICATION,
    HOME,
    IMPORTER,
    NAMESPACE,
    OUTBOUND_ADDRESS,
    Kind,
    Size,
    home_cluster,
    one_service,
)

OUTBOUND_PORT = 15001
SUBJECT = f"{NAMESPACE}/web"

_TAKEN_SECONDS = 40.0
_BUSY_SECONDS = 20.0
_SETTLE_SECONDS = 2.0
_WATCH_SECONDS = 1.0
_SMALLEST_USE = 0.05
_ROUNDS = 3
_NO_ROUTES = eager_routes()


def own_listeners() -> tuple[Resource, ...]:
    """A workload that calls others and serves nothing."""
    return compile_inbound(Inbound(SUBJECT, APP_ADDRESS, APP_ADDRESS, (), OUTBOUND_ADDRESS))


async def memory(folder: Path, kind: Kind, size: Size, authority: Authority) -> dict[str, Any]:
    """One sidecar behind a relay: without services, then with all of them at once.

    It asks for none by name, as gateways do; what one on demand costs says `bench_on_demand`.
    """
    write_together((file_of(folder / "identity.json", authority.certify(SUBJECT)),))
    feed = Feed(PROXY_RULES, marks=True)
    feed.put([authority.trusted(), *own_listeners(), _NO_ROUTES])
    async with relay(folder, feed) as supervisor, envoy(folder) as proxy:
        await asyncio.sleep(_SETTLE_SECONDS)
        empty = {"envoy": proxy.memory(), "relay": supervisor.memory()}
        clusters = await proxy.gauge("cluster_manager.active_clusters")
        wanted = imports(kind, size)
        used = proxy.cpu_seconds()
        feed.put([*map(authority.only, sorted(wanted.answering)), *wanted.resources])
        took = await until(
            f"{size.services} services are taken",
            _TAKEN_SECONDS,
            lambda: _has_taken(proxy, clusters + wanted.clusters, bool(wanted.hosts)),
        )
        used = proxy.cpu_seconds() - used
        await asyncio.sleep(_SETTLE_SECONDS)
        full = {"envoy": proxy.memory(), "relay": supervisor.memory()}
        write_together((file_of(folder / "identity.json", authority.certify(SUBJECT)),))
        os.kill(supervisor.pid, signal.SIGHUP)
        renewed = await _until_idle(proxy)
        feed.put([authority.trusted(spare=True)])
        joined = await _until_idle(proxy)
        return {
            "services": size.services,
            "without_services": empty,
            "with_all": full,
            "kib_per_service": {
                part: _per_service(empty[part], full[part], size.services) for part in full
            },
            "seconds_until_taken": round(took, 2),
            "cpu_seconds_until_taken": round(used, 2),
            "cpu_seconds_when_its_certificate_is_renewed": round(renewed, 2),
            "cpu_seconds_when_a_cluster_joins": round(joined, 2),
            "after_these": {"envoy": proxy.memory()},
        }


def _per_service(
    before: dict[str, float], after: dict[str, float], services: int
) -> dict[str, float]:
    return {name: round(1024 * (after[name] - before[name]) / services, 1) for name in after}


async def _has_taken(proxy: Process, clusters: int, with_routes: bool) -> bool:
    if await proxy.gauge("cluster_manager.active_clusters") < clusters:
        return False
    if await proxy.gauge("cluster_manager.warming_clusters"):
        return False
    return not with_routes or await proxy.gauge("http.outbound.rds.outbound.update_success") > 1


async def _until_idle(proxy: Process) -> float:
    """What it uses until it is idle again; every cluster's TLS is made anew."""
    began = before = proxy.cpu_seconds()
    for _ in range(int(_BUSY_SECONDS / _WATCH_SECONDS)):
        await asyncio.sleep(_WATCH_SECONDS)
        now = proxy.cpu_seconds()
        if now - before < _SMALLEST_USE * _WATCH_SECONDS:
            break
        before = now
    return before - began


async def pings(
    folder: Path, size: int, authority: Authority, *, asked: Process, seconds: float
) -> dict[str, Any]:
    """A sidecar with a connection to each of so many workloads, all near, nothing sent on them.

    `asked` is the Envoy that stands for the workloads' sidecars.
    """
    service = one_service(size)
    ports = service.ports
    stated = Stated(
        service.name, ServiceType.CLUSTERSET_IP, ports, (HOME,), default_port=default_port(ports)
    )
    plan = plan_service(ServiceFacts(stated, (), (home_cluster(),)), service, IMPORTER)
    routes = eager_routes(virtual_hosts(plan))
    told = (*authority.secrets(SUBJECT), *own_listeners(), *compile_outbound(plan), routes)
    application = await asyncio.start_server(_answer, APP_ADDRESS, APPLICATION)
    async with application, fed(folder, told) as (proxy, _):
        await asyncio.sleep(_SETTLE_SECONDS)
        idle, others_idle = await cpu_percent(seconds, proxy, asked)
        memory_before = proxy.memory()
        host = f"{service.name.name}.{service.name.namespace}"
        await _open(size, host)
        await asyncio.sleep(_SETTLE_SECONDS)
        used, others_used = await cpu_percent(seconds, proxy, asked)
        return {
            "connections": await _connections(proxy),
            "cpu_percent_without": idle,
            "cpu_percent_with": used,
            "cpu_percent_per_connection": round((used - idle) / size, 4),
            "cpu_percent_of_all_other_ends": round(others_used - others_idle, 2),
            "memory_without": memory_before,
            "memory_with": proxy.memory(),
        }


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The one application behind all workloads."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
    writer.close()


async def _connections(proxy: Process) -> int:
    return await proxy.gauge(r"cluster\.out~.*upstream_cx_active")


async def _open(wanted: int, host: str) -> None:
    """Requests one after the other, which go round all workloads."""
    reader, writer = await asyncio.open_connection(OUTBOUND_ADDRESS, OUTBOUND_PORT)
    try:
        for _ in range(_ROUNDS * wanted):
            writer.write(f"GET / HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise NotReady(f"a workload answers {head[:40]!r}")
            await reader.readexactly(_length(head))
    finally:
        writer.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return int(value)
    return 0

"""What it costs a gateway to check others, measured with a real Envoy.

In: sizes, an authority. Out: figures as JSON values. All others are listeners of one more Envoy,
made by the same functions as real ones, each at an address of its own and with real mTLS. Gateways
of other clusters share the identity of the own cluster's, since an Envoy has but one.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from envoy.config.listener.v3 import listener_pb2
from google.protobuf.any_pb2 import Any as Packed

from cluster_agent.snapshot.service_state import check_interval
from federation.envoy.build import Resource, resource
from federation.model.facts import Cluster
from federation.model.names import ClusterId
from federation.model.types import CLUSTER, ROUTE
from federation.runtime.tasks import cancel, start
from federation.supervisor.admin import ask
from federation.supervisor.observe.health_checks import read_checks
from federation.supervisor.observe.observer import OBSERVE_SECONDS, PAUSE, Observer
from gateway.compile import Checking, compile_listener, compile_service, compile_terminated
from gateway.remotes import compile_remotes
from sidecar.compile import INBOUND, compile_inbound
from tests.scale.computed import remote_interval
from tests.scale.running import Process, cpu_percent, fed, until
from tests.scale.trust import Authority
from tests.scale.world import (
    ACCOUNT,
    GATEWAY_ADDRESS,
    HOME,
    MTLS,
    NAMESPACE,
    home_cluster,
    inbound,
    own_services,
    remote_cluster,
)

_GATEWAY = "gateway:gateway-1"
_SETTLE_SECONDS = 2.0
_PASSING_SECONDS = 30.0
_LOOKING_SECONDS = 8.0
_LOOKS = 5


@asynccontextmanager
async def remotes(folder: Path, count: int, authority: Authority) -> AsyncIterator[Process]:
    """One Envoy in place of that many gateways of other clusters."""
    told = [compile_terminated()]
    for cluster in _clusters(count):
        (found,) = cluster.gateways
        listener = compile_listener(found.address, found.port, cluster.id, found.name)
        told.append(_renamed(listener, f"remote-{cluster.id}"))
    async with _listening(folder, (*authority.secrets_of_many(_GATEWAY), *told), count) as process:
        yield process


@asynccontextmanager
async def workloads(folder: Path, count: int, authority: Authority) -> AsyncIterator[Process]:
    """One Envoy in place of the sidecars of that many workloads, with one application."""
    made = [found for number in range(count) for found in _inbound(number)]
    secrets = authority.secrets_of_many(f"{NAMESPACE}/{ACCOUNT}")
    async with _listening(folder, (*secrets, *made), count) as process:
        yield process


def _inbound(number: int) -> list[Resource]:
    """Clusters and routes are the same for all, the outbound listener is of no use."""
    made = compile_inbound(inbound(number))
    listener = next(found for found in made if found.name == INBOUND)
    behind = [found for found in made if found.type_url in (CLUSTER, ROUTE)]
    return [*behind, _renamed(listener, f"workload-{number}")]


@asynccontextmanager
async def _listening(folder: Path, told: Iterable[Resource], count: int) -> AsyncIterator[Process]:
    async with fed(folder, told) as (process, _):
        await until("others listen", _PASSING_SECONDS, lambda: _listen(process, count))
        yield process


async def _listen(process: Process, wanted: int) -> bool:
    return await process.gauge(r"listener_manager\.total_listeners_active") >= wanted


def _clusters(count: int) -> list[Cluster]:
    domain = home_cluster().trust_domain
    return [replace(remote_cluster(number, 1), trust_domain=domain) for number in range(count)]


def _renamed(found: Resource, name: str) -> Resource:
    """The same listener under another name, so that one Envoy can have many."""
    listener = listener_pb2.Listener()
    Packed.FromString(found.body).Unpack(listener)
    listener.name = name
    return resource(name, listener)


@dataclass(frozen=True, slots=True)
class Checks:
    """What a gateway is told to check, and how those who are asked count it (empty: not)."""

    what: str
    count: int
    interval: float
    told: tuple[Resource, ...]
    counter: str = ""


def remote_checks(count: int) -> Checks:
    """So many gateways of other clusters."""
    interval = remote_interval(count)
    told = compile_remotes(HOME, _clusters(count), {}, interval)
    return Checks("remotes", count, interval, told, r"http\.health\.downstream_rq_total")


def own_checks(count: int) -> Checks:
    """So many workloads of the own cluster, one port each."""
    interval = check_interval(count)
    how = Checking(interval, home_cluster().trust_domain)
    told = tuple(
        found for local in own_services(count) for found in compile_service(local, local.ports, how)
    )
    return Checks("workloads", count, interval, told)


async def checking(
    folder: Path, checks: Checks, authority: Authority, asked: Process, *, seconds: float
) -> dict[str, Any]:
    """A gateway that does nothing but check; `asked` stands for all that are."""
    listener = compile_listener(GATEWAY_ADDRESS, MTLS, ClusterId(HOME), "gateway-1")
    routes = compile_terminated()
    resources = [*authority.secrets(_GATEWAY), routes, listener, *checks.told]
    async with fed(folder, resources, measure=True) as (proxy, _):
        await until("all pass their checks", _PASSING_SECONDS, lambda: _pass(proxy, checks.count))
        await asyncio.sleep(_SETTLE_SECONDS)
        before, began = await _counted(asked, checks), time.monotonic()
        used, answering = await cpu_percent(seconds, proxy, asked)
        counted, took = await _counted(asked, checks) - before, time.monotonic() - began
        made = counted / took if checks.counter else checks.count / checks.interval
        return {
            checks.what: checks.count,
            "interval_seconds": checks.interval,
            "checks_per_second": round(made, 1),
            "cpu_percent": used,
            "cpu_percent_of_those_asked": answering,
            "cpu_ms_per_check": round(10 * used / made, 3) if made > 1 else None,
            "memory": proxy.memory(),
            "look": await _looking(proxy),
        }


async def _counted(asked: Process, checks: Checks) -> float:
    return await asked.gauge(checks.counter) if checks.counter else 0.0


async def _pass(proxy: Process, count: int) -> bool:
    seen = read_checks(await ask(proxy.admin, "/clusters?format=json"))
    return sum(seen.remotes.values()) + len(seen.passing) >= count


async def _looking(proxy: Process) -> dict[str, Any]:
    """What its supervisor's looks cost: one by one, then at their own pace with measuring."""
    observer = Observer(proxy.admin, proxy.measure, lambda _: None)
    began, ours, its = time.monotonic(), time.process_time(), proxy.cpu_seconds()
    for _ in range(_LOOKS):
        await observer.look(time.monotonic())
    took = (time.monotonic() - began) / _LOOKS
    ours, its = (time.process_time() - ours) / _LOOKS, (proxy.cpu_seconds() - its) / _LOOKS
    size = len(await ask(proxy.admin, "/clusters?format=json"))
    tasks = [start(loop.run(), loop.name) for loop in observer.loops()]
    mine = time.process_time()
    (with_looks,) = await cpu_percent(_LOOKING_SECONDS, proxy)
    mine = time.process_time() - mine
    for task in tasks:
        await cancel(task)
    return {
        "answer_bytes": size,
        "ms": round(1000 * took, 1),
        "supervisor_cpu_ms": round(1000 * ours, 1),
        "envoy_cpu_ms": round(1000 * its, 1),
        "seconds_between": round(max(OBSERVE_SECONDS, PAUSE * ours), 2),
        "supervisor_cpu_percent": round(100 * mine / _LOOKING_SECONDS, 2),
        "envoy_cpu_percent_with_looks": with_looks,
    }

"""What the configuration of a sidecar weighs, and how long an agent needs to make it.

In: sizes. Out: bytes and seconds as JSON values; the resources themselves for those who feed a real
Envoy with them.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from cluster_agent.snapshot.service_state import ServiceState
from cluster_agent.snapshot.snapshots import Snapshots
from federation.envoy.build import Resource, domains_of
from federation.model.facts import ServiceFacts
from federation.model.names import ClusterId
from federation.model.plans import Plan, Scope
from federation.model.proxies import Kind as ProxyKind
from federation.model.proxies import Node
from federation.model.types import CLUSTER, ENDPOINTS
from federation.planning.plan import plan_service
from sidecar.outbound import compile_imports, compile_outbound
from tests.eager import eager_routes, virtual_hosts
from tests.scale.world import HOME, IMPORTER, REGION, ZONE, Kind, Size, imported, reachability
from tests.unit.builders import entry

Shares = tuple[tuple[ClusterId, int], ...]


@dataclass(frozen=True, slots=True)
class Imports:
    """All imported services of one kind, compiled, with one table of all routes as if all were
    sent at once. `answering`: the trust domains of each, `import_bytes`: what one weighs that is
    asked for.
    """

    services: tuple[tuple[Resource, ...], ...]
    hosts: tuple[bytes, ...]
    routes: Resource
    answering: frozenset[tuple[str, ...]]
    import_bytes: int

    @property
    def resources(self) -> tuple[Resource, ...]:
        """What a sidecar is sent that is sent everything."""
        return (*(found for service in self.services for found in service), self.routes)

    @property
    def clusters(self) -> int:
        """How many clusters its Envoy has then."""
        return sum(found.type_url == CLUSTER for found in self.resources)


def imports(kind: Kind, size: Size) -> Imports:
    """Plan and compile all services as if they were of one kind."""
    plans = [_plan(imported(n, kind, size)) for n in range(size.services)]
    hosts = tuple(host for plan in plans for host in virtual_hosts(plan))
    answering = frozenset(domains_of(plan.identities) for plan in plans)
    made = tuple(map(compile_outbound, plans))
    asked = len(compile_imports(plans[0])[0].body)
    return Imports(made, hosts, eager_routes(hosts), answering, asked)


def _plan(facts: ServiceFacts) -> Plan:
    return plan_service(facts, None, IMPORTER, reachability=reachability(facts))


def config(size: Size) -> dict[str, Any]:
    """Bytes and times for each kind of service."""
    return {kind: _weigh(imports(kind, size), size) | _time(kind, size) for kind in Kind}


def _weigh(found: Imports, size: Size) -> dict[str, Any]:
    """What a sidecar is sent when it calls a service; one import of it, as it calls one port."""
    first = found.services[0]
    clusters = _bytes(first, CLUSTER)
    endpoints = _bytes(first, ENDPOINTS)
    return {
        "bytes_per_called_service": {
            "import": found.import_bytes,
            "clusters": clusters,
            "endpoints": endpoints,
            "sum": found.import_bytes + clusters + endpoints,
        },
        "envoy_clusters_per_service": found.clusters / size.services,
    }


def _bytes(resources: tuple[Resource, ...], type_url: str) -> int:
    return sum(len(found.body) for found in resources if found.type_url == type_url)


def _time(kind: Kind, size: Size) -> dict[str, float]:
    """`agent_...` is what it costs among all others, with the tables that proxies are fed from."""
    facts = [imported(n, kind, size) for n in range(size.services)]
    alone = [_seconds(partial(_make, one)) for one in facts]
    snapshots = Snapshots(HOME, entry(HOME))
    snapshots.set_region(REGION)
    snapshots.admit(Node(ProxyKind.SIDECAR, "shop/web"), Scope(ZONE))
    first = facts[0]
    moved = ((first.backends[0].cluster, 50),)
    return {
        "plan_and_compile_one_ms": _ms(statistics.median(alone)),
        "plan_and_compile_all_seconds": round(sum(alone), 3),
        "agent_takes_all_seconds": round(_seconds(partial(_tell, snapshots, facts)), 3),
        "agent_moves_one_ms": _ms(_seconds(partial(_tell, snapshots, [first], moved))),
        "agent_withdraws_one_ms": _ms(_seconds(partial(_withdraw, snapshots, first))),
    }


def _make(facts: ServiceFacts) -> None:
    plan = _plan(facts)
    compile_outbound(plan)
    compile_imports(plan)


def _tell(snapshots: Snapshots, services: list[ServiceFacts], shares: Shares = ()) -> None:
    for facts in services:
        state = ServiceState(facts, None, None, shares, reachability(facts))
        snapshots.set_service(facts.service.name, state)
    snapshots.finish()


def _withdraw(snapshots: Snapshots, facts: ServiceFacts) -> None:
    snapshots.set_service(facts.service.name, ServiceState(None, None, None))
    snapshots.finish()


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _ms(seconds: float) -> float:
    return round(1000 * seconds, 2)

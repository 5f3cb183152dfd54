"""Services of a large mesh that can really be called, and the one Envoy behind all of them.

In: numbers of services. Out: facts as an agent has them, and an Envoy in place of the gateways of
two near clusters with all that is behind them: it ends the mutual TLS itself and answers.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from envoy.config.listener.v3 import listener_pb2
from google.protobuf.any_pb2 import Any as Packed

from federation.envoy import http
from federation.envoy.build import Resource, address, resource
from federation.model.exports import AppProtocol
from federation.model.facts import ServiceFacts
from federation.model.names import sni
from federation.model.plans import Plan
from federation.model.types import CLUSTER, ROUTE
from federation.planning.plan import plan_service
from sidecar.compile import (
    INBOUND,
    OUTBOUND,
    Inbound,
    InboundPort,
    compile_inbound,
    outbound_manager,
)
from tests.eager import virtual_hosts
from tests.scale.running import Process, fed, until
from tests.scale.trust import Authority
from tests.scale.world import (
    ACCOUNT,
    APP_ADDRESS,
    APPLICATION,
    IMPORTER,
    MTLS,
    NAMESPACE,
    OUTBOUND_ADDRESS,
    SERVICE,
    Kind,
    Size,
    home_cluster,
    imported,
    reachability,
    service_name,
)

SUBJECT = f"{NAMESPACE}/web"
_TWO_OTHERS = Size(services=0, clusters=3, sidecars=0)
_LISTENING_SECONDS = 60.0


def facts_of(number: int) -> ServiceFacts:
    """A service in two near clusters, whose identities are of the own one: so one can have them."""
    found = imported(number, Kind.NEAR, _TWO_OTHERS)
    domain = home_cluster().trust_domain
    clusters = tuple(replace(cluster, trust_domain=domain) for cluster in found.clusters)
    return replace(found, clusters=clusters)


def plan_of(number: int) -> Plan:
    """How a sidecar reaches it."""
    facts = facts_of(number)
    return plan_service(facts, None, IMPORTER, reachability=reachability(facts))


def host_of(number: int) -> str:
    """By what it is called."""
    name = service_name(number)
    return f"{name.name}.{name.namespace}"


def hosts_of(numbers: range) -> list[bytes]:
    """The virtual hosts of a table of all routes, one for each service."""
    return [host for number in numbers for host in virtual_hosts(plan_of(number))]


def caller(outbound: str) -> Inbound:
    """The workload that calls, with its outbound listener at that address."""
    return Inbound(SUBJECT, outbound, outbound, (), outbound)


def eager_listeners(outbound: str) -> tuple[Resource, ...]:
    """What that workload's sidecar listened with when it had all routes: nothing is held."""
    return tuple(
        _not_asking(found)
        if found.name == OUTBOUND and found.type_url not in (CLUSTER, ROUTE)
        else found
        for found in compile_inbound(caller(outbound))
    )


def _not_asking(found: Resource) -> Resource:
    listener = _listener(found)
    del listener.filter_chains[0].filters[:]
    eager = listener_pb2.Listener(
        filter_chains=[{"filters": [outbound_manager(OUTBOUND, OUTBOUND)]}]
    )
    listener.filter_chains[0].filters.extend(eager.filter_chains[0].filters)
    return resource(found.name, listener)


@asynccontextmanager
async def called(
    folder: Path, numbers: Iterable[int], authority: Authority
) -> AsyncIterator[Process]:
    """An Envoy that answers for these services at the gateways of both clusters."""
    gateways = [g.address for c in facts_of(0).clusters for g in c.gateways]
    ports = tuple(
        InboundPort(sni(service_name(number), SERVICE), APPLICATION, AppProtocol.HTTP1)
        for number in numbers
    )
    secrets = authority.secrets_of_many(f"{NAMESPACE}/{ACCOUNT}")
    told = [*secrets, _application()]
    for number, gateway in enumerate(gateways):
        told += _answering(gateway, ports, f"gateway-{number}")
    wanted = len(gateways) + 1
    async with fed(folder, told) as (process, _):
        await until("others listen", _LISTENING_SECONDS, lambda: _listen(process, wanted))
        yield process


def _answering(gateway: str, ports: tuple[InboundPort, ...], name: str) -> list[Resource]:
    """Clusters and routes are the same for all, the outbound listener is of no use."""
    made = compile_inbound(
        Inbound(
            f"{NAMESPACE}/api",
            gateway,
            APP_ADDRESS,
            ports,
            OUTBOUND_ADDRESS,
            inbound_port=MTLS,
            trust_domain=home_cluster().trust_domain,
        )
    )
    listener = _listener(next(found for found in made if found.name == INBOUND))
    listener.name = name
    behind = [found for found in made if found.type_url in (CLUSTER, ROUTE)]
    return [*behind, resource(name, listener)]


def _application() -> Resource:
    """What answers behind all of them: no other process has a part in the time of a call."""
    said = {"status": 200, "body": {"inline_string": "ok"}}
    routes = {
        "virtual_hosts": [
            {
                "name": "all",
                "domains": ["*"],
                "routes": [{"match": {"prefix": "/"}, "direct_response": said}],
            }
        ]
    }
    manager = http.connection_manager("application", route_config=routes)
    listener = listener_pb2.Listener(
        name="application",
        address=address(APP_ADDRESS, APPLICATION),
        filter_chains=[{"filters": [manager]}],
    )
    return resource("application", listener)


def _listener(found: Resource) -> listener_pb2.Listener:
    listener = listener_pb2.Listener()
    Packed.FromString(found.body).Unpack(listener)
    return listener


async def _listen(process: Process, wanted: int) -> bool:
    return await process.gauge(r"listener_manager\.total_listeners_active") >= wanted

"""The snapshots of a cluster, a sidecar and a gateway that read them, one service."""

from dataclasses import replace
from typing import Any

from cluster_agent.snapshot.service_state import ServiceState
from cluster_agent.snapshot.snapshots import Snapshots
from cluster_agent.snapshot.tables import TableKey
from federation.model.facts import Cluster
from federation.model.names import ClusterId
from federation.model.plans import Scope
from federation.model.proxies import Kind, Node, Proxy, State
from federation.model.types import CLUSTER, IMPORT, LISTENER
from federation.wire.codec.imports import brought_by
from tests.unit.builders import (
    backend,
    cluster,
    endpoint,
    entry,
    export,
    facts,
    local_service,
    service,
)
from tests.unit.builders import gateway as gateway_at
from tests.unit.goldens import document

EAST = ClusterId("east")

OUT = "out~80.api.shop.svc.clusterset.local~"

WORKLOAD = "shop/api-10.0.0.1"

OWN, ZONE_A = Node(Kind.SIDECAR, WORKLOAD), Scope("a")

SIDECAR = Proxy(WORKLOAD, Kind.SIDECAR, State.SERVING, "10.0.0.1", 15006, "a", "127.0.0.1")

GATEWAY = Proxy("gw", Kind.GATEWAY, State.SERVING, "10.1.0.1", 15443)

FACTS = facts(
    service("east", "west"),
    (backend("west"),),
    (cluster("west", gateways=(gateway_at("10.2.0.1"),)), cluster("east")),
)

SERVED = ServiceState(FACTS, local_service(endpoint()), export("east"))

UNKNOWN = ServiceState(None, None, None)


def known(*, tcp_connection_seconds: float = 0) -> Snapshots:
    """Those of an agent that knows everything there is."""
    found = Snapshots(EAST, entry(), tcp_connection_seconds)
    found.set_synced()
    return found


def meet(snapshots: Snapshots, proxy: Proxy = SIDECAR, zone: str = "a") -> tuple[TableKey, ...]:
    layers = snapshots.admit(Node(proxy.kind, proxy.id), Scope(zone))[0]
    snapshots.set_proxy(replace(proxy, outbound_address="127.0.0.2", outbound_port=15001))
    return layers


def names(snapshots: Snapshots, layers: tuple[TableKey, ...], type_url: str) -> set[str]:
    return set(snapshots.view(layers).names(type_url))


def listeners(snapshots: Snapshots, layers: tuple[TableKey, ...], name: str) -> dict[str, Any]:
    found = snapshots.view(layers).get(LISTENER, name)
    assert found is not None
    return document(found.body)


def brought(snapshots: Snapshots, layers: tuple[TableKey, ...]) -> set[str]:
    """The clusters that the imports of a sidecar name."""
    view = snapshots.view(layers)
    found = [view.get(IMPORT, name) for name in view.names(IMPORT)]
    keys = [key for one in found if one is not None for key in brought_by(one)]
    return {name for type_url, name in keys if type_url == CLUSTER}


def others(clusters: int, gateways: int = 2) -> list[Cluster]:
    return [
        cluster(f"c{n}", gateways=tuple(gateway_at(f"10.{n}.0.{g}") for g in range(gateways)))
        for n in range(clusters)
    ]

"""Which clusters of a gateway a connection can choose by its server name, whoever opens it.

A gateway with all that gateways do, in one view: what it is sent must offer strangers the sidecars
of its cluster and nothing else, and callers with a certificate what ends the mutual TLS for them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any as Document

import pytest

from cluster_agent.entry.allocation import Addresses
from cluster_agent.entry.entry import Entry
from cluster_agent.snapshot.service_state import ServiceState
from cluster_agent.snapshot.snapshots import Snapshots
from federation.envoy.bootstrap import XDS_CLUSTER
from federation.model.annotations import STEERING
from federation.model.exports import Gateway, ServicePort, ServiceType
from federation.model.facts import Bundle, Endpoint
from federation.model.names import ClusterId, ServiceName, remote_name
from federation.model.plans import ANYWHERE
from federation.model.proxies import Kind, Node, Proxy, State
from federation.model.types import CLUSTER, ENDPOINTS, LISTENER
from federation.planning.tiers import INBOUND_PORT
from tests.unit import builders as b
from tests.unit.goldens import document

EAST = ClusterId("east")
NAMED_LIKE_A_SERVICE = "80.api.shop.svc.clusterset.local"
"""The name of a gateway may have dots, and its cluster chooses it."""
GATEWAY = Proxy("gw", Kind.GATEWAY, State.SERVING, "10.1.0.1", 15443, entry="10.9.0.0/24", zone="a")
PORTS = (b.port(80), b.port(9000, "grpc", "grpc"), b.port(7000, "tcp-echo", ""))
TARGETS = ((80, 8080), (9000, 9000), (7000, 7000))
CLUSTERS = (
    b.cluster("east", gateways=(b.gateway("10.1.0.1"), b.gateway("10.1.0.2"))),
    b.cluster("west", gateways=(b.gateway("10.2.0.1"),)),
    b.cluster("far", region="us", gateways=(Gateway(NAMED_LIKE_A_SERVICE, "10.3.0.1", 15443, ""),)),
)
SERVICES = (b.API, ServiceName("local", "clusterset"))
WORKLOADS = {
    "sidecars": (b.endpoint("10.0.0.1", targets=TARGETS),),
    "plain": (b.endpoint("10.0.0.1", sidecar=False, targets=TARGETS),),
    "both": (
        b.endpoint("10.0.0.1", targets=TARGETS),
        b.endpoint("10.0.0.2", sidecar=False, targets=TARGETS),
    ),
    "none": (),
}


@dataclass(frozen=True, slots=True)
class Chain:
    """A filter chain of the listener `east-west`: the server names it takes, and from whom."""

    pattern: str
    wants_certificate: bool

    def takes(self, name: str) -> bool:
        """Whether a connection with such a server name comes in here; Envoy folds its case."""
        if self.pattern.startswith("*"):
            return name.lower().endswith(self.pattern[1:])
        return name.lower() == self.pattern


@dataclass(frozen=True, slots=True)
class Sent:
    """All that one gateway is sent."""

    chains: tuple[Chain, ...]
    clusters: dict[str, Document]
    endpoints: dict[str, Document]

    def chosen(self, *, wants_certificate: bool) -> set[str]:
        """The clusters that a connection can choose by its server name."""
        chains = [c for c in self.chains if c.wants_certificate is wants_certificate]
        return {n for n in (*self.clusters, XDS_CLUSTER) if any(c.takes(n) for c in chains)}

    def ports(self, cluster: str) -> Iterator[int]:
        """Where the endpoints of a cluster are dialled."""
        for locality in self.endpoints[cluster].get("endpoints", ()):
            for found in locality["lb_endpoints"]:
                yield found["endpoint"]["address"]["socket_address"]["port_value"]


def state(
    name: ServiceName,
    endpoints: tuple[Endpoint, ...],
    ports: tuple[ServicePort, ...],
    type_: ServiceType = ServiceType.CLUSTERSET_IP,
) -> ServiceState:
    """A service of all clusters that DNS steers."""
    service = replace(
        b.service("east", "west", "far", ports=ports, name=name),
        annotations=((STEERING, "true"),),
        type=type_,
    )
    numbers = tuple(port.number for port in ports)
    behind = tuple(
        replace(b.backend(c, name=name, ports=numbers), terminated=c == "far")
        for c in ("east", "west", "far")
    )
    local = b.local_service(*endpoints, ports=ports, name=name)
    export = b.export("east", ports=ports, name=name)
    return ServiceState(b.facts(service, behind, CLUSTERS), local, export)


@cache
def sent(endpoints: tuple[Endpoint, ...], type_: ServiceType = ServiceType.CLUSTERSET_IP) -> Sent:
    snapshots = Snapshots(EAST, Entry(EAST, Addresses(), lambda: 0.0), serves_proxyless=True)
    snapshots.set_synced()
    snapshots.set_region("eu")
    layers = snapshots.admit(Node(Kind.GATEWAY, GATEWAY.id, True), ANYWHERE)[0]
    snapshots.set_proxy(GATEWAY)
    snapshots.set_bundles([Bundle(f"{c.id}.{b.DOMAIN}", ("PEM",)) for c in CLUSTERS])
    snapshots.set_clusters(CLUSTERS)
    for name in SERVICES:
        snapshots.set_service(name, state(name, endpoints, PORTS, type_))
    snapshots.finish()
    view = snapshots.view(layers)

    def all_of(type_url: str) -> dict[str, Document]:
        found = ((name, view.get(type_url, name)) for name in view.names(type_url))
        return {name: document(r.body) for name, r in found if r is not None}

    listener = all_of(LISTENER)["east-west"]
    chains = tuple(
        Chain(pattern, _wants_certificate(chain))
        for chain in listener["filter_chains"]
        for pattern in chain["filter_chain_match"]["server_names"]
    )
    assert "default_filter_chain" not in listener
    return Sent(chains, all_of(CLUSTER), all_of(ENDPOINTS))


def _wants_certificate(chain: Document) -> bool:
    socket = chain.get("transport_socket")
    return bool(socket and socket["typed_config"]["require_client_certificate"])


EVERY = pytest.mark.parametrize(
    ("endpoints", "type_"),
    [
        pytest.param(found, type_, id=f"{what}-{type_.value}")
        for what, found in WORKLOADS.items()
        for type_ in (ServiceType.CLUSTERSET_IP, ServiceType.HEADLESS)
    ],
)


@EVERY
def test_without_a_certificate_only_sidecars_of_the_own_cluster_can_be_chosen(
    endpoints: tuple[Endpoint, ...], type_: ServiceType
) -> None:
    found = sent(endpoints, type_)
    chosen = found.chosen(wants_certificate=False)
    assert len(chosen) == len(SERVICES) * len(PORTS)
    for name in chosen:
        traffic = found.clusters[name]["transport_socket_matches"][-1]
        assert traffic["match"] == {}
        assert traffic["transport_socket"]["name"] == "envoy.transport_sockets.raw_buffer"
        assert set(found.ports(name)) <= {INBOUND_PORT}, "which wants a certificate itself"


@EVERY
def test_with_a_certificate_only_what_ends_the_mutual_tls_can_be_chosen(
    endpoints: tuple[Endpoint, ...], type_: ServiceType
) -> None:
    found = sent(endpoints, type_)
    chosen = found.chosen(wants_certificate=True)
    plain = [endpoint for endpoint in endpoints if not endpoint.sidecar]
    assert len(chosen) == (len(SERVICES) * len(PORTS) if plain else 0)
    assert not chosen & found.chosen(wants_certificate=False)
    for name in chosen:
        assert set(found.ports(name)) <= {target for _, target in TARGETS}
        assert "transport_socket" not in found.clusters[name], "the application itself, of its own"


def test_the_gateway_of_these_tests_does_all_that_gateways_do() -> None:
    """So that they cannot pass because a kind of cluster is missing."""
    names = sent(WORKLOADS["both"]).clusters.keys()
    kinds = {name.partition("~")[0] for name in names if "~" in name}
    assert kinds == {"out", "far", "any", "remote"}
    assert {n.split("~")[1] for n in names if n.count("~") > 2} == {
        *(f"{how}.{cluster.id}" for how in ("prefer", "only") for cluster in CLUSTERS),
        *(cluster.id for cluster in CLUSTERS),
    }
    assert remote_name(ClusterId("far"), NAMED_LIKE_A_SERVICE) in names
    for zone in ("svc", "svc-t", "svc-r"):
        assert any(name.endswith(f".{zone}.clusterset.local") for name in names)

"""Headless services: endpoints of clusters that share a network have names everywhere in it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from dnslib import RCODE

from federation.client.documents import cluster_document
from federation.demo.layout import NAMESPACE, SERVICE_PORT
from federation.demo.readiness import get
from tests.e2e.documents import api_workload, export, service, text_of
from tests.e2e.rig import Mesh, pause, wait_until

pytestmark = pytest.mark.timeout(120)

NAME = f"peers.{NAMESPACE}.svc.clusterset.local"
EAST, WEST, FAR = "us-east", "us-west", "eu-west"


def peers(mesh: Mesh, cluster: str, *, ready: bool = True) -> str:
    """A headless service in front of a workload of the cluster, whose hostname is peer-0."""
    behind, part = service("peers", api_workload(mesh.layout, cluster))
    behind["spec"] |= {"clusterIP": "None"}
    part["endpoints"][0] |= {"hostname": "peer-0", "conditions": {"ready": ready}}
    return text_of(behind, part, export("peers"))


def addresses(mesh: Mesh, cluster: str, name: str = NAME) -> set[str]:
    """What the DNS server of a cluster answers."""
    return {str(record.rdata) for record in mesh.ask(cluster, name).rr}


def say_network(mesh: Mesh, network: str) -> None:
    """The operator says that the first two clusters share a network, or none ("")."""
    for site in mesh.layout.sites[:2]:
        words: dict[str, Any] = {
            "zones": (site.zone,),
            "gateway_cidrs": (f"{site.gateway.rpartition('.')[0]}.0/24",),
        }
        document = cluster_document(site.id, site.region, network=network or site.id, **words)
        mesh.client.put_cluster(document)


@contextmanager
def joined(mesh: Mesh) -> Iterator[None]:
    say_network(mesh, "campus")
    try:
        yield
    finally:
        say_network(mesh, "")


@contextmanager
def both_have_it(mesh: Mesh) -> Iterator[dict[str, str]]:
    """The first two clusters share a network, and each knows the endpoints of both."""
    own = {c: api_workload(mesh.layout, c).address for c in (EAST, WEST)}
    with (
        mesh.edited(EAST, "peers.yaml", peers(mesh, EAST)),
        mesh.edited(WEST, "peers.yaml", peers(mesh, WEST)),
        joined(mesh),
    ):
        wait_until("both", lambda: addresses(mesh, EAST) == set(own.values()), 15)
        yield own


def test_endpoints_are_named_within_a_network_and_nowhere_else(mesh: Mesh) -> None:
    own = {c: api_workload(mesh.layout, c).address for c in (EAST, WEST, FAR)}
    with ExitStack() as stack:
        for cluster in own:
            stack.enter_context(mesh.edited(cluster, "peers.yaml", peers(mesh, cluster)))
        alone = lambda: all(addresses(mesh, c) == {own[c]} for c in own)  # noqa: E731
        wait_until("each has its own", alone, 15)
        with joined(mesh):
            both = {own[EAST], own[WEST]}
            wait_until("both in the first", lambda: addresses(mesh, EAST) == both, 15)
            wait_until("both in the second", lambda: addresses(mesh, WEST) == both, 15)
            assert addresses(mesh, FAR) == {own[FAR]}
            assert addresses(mesh, EAST, f"peer-0.{WEST}.{NAME}") == {own[WEST]}
            assert mesh.ask(EAST, f"peer-0.{FAR}.{NAME}").header.rcode == RCODE.NXDOMAIN
            assert mesh.ask(EAST, f"{WEST}.{NAME}").rr == [], "reserved by the specification"
            targets = {str(r.rdata) for r in mesh.ask(EAST, f"_http._tcp.{NAME}", "SRV").rr}
            assert targets == {
                f"0 50 {SERVICE_PORT} peer-0.{cluster}.{NAME}." for cluster in (EAST, WEST)
            }
        wait_until("alone again", lambda: addresses(mesh, EAST) == {own[EAST]}, 15)
    gone = lambda: mesh.ask(EAST, NAME).header.rcode == RCODE.NXDOMAIN  # noqa: E731
    wait_until("the name is gone", gone, 15)


def test_the_last_endpoint_of_a_cluster_leaves_and_comes_back(mesh: Mesh) -> None:
    with both_have_it(mesh) as own:
        with mesh.edited(WEST, "peers.yaml", peers(mesh, WEST, ready=False)):
            wait_until("one", lambda: addresses(mesh, EAST) == {own[EAST]}, 15)
        wait_until("both again", lambda: addresses(mesh, EAST) == set(own.values()), 15)


def test_without_controller_and_agent_the_names_stay(mesh: Mesh) -> None:
    with both_have_it(mesh) as own:
        pause(0.5)
        mesh.kill("controller", f"{EAST}-agent")
        try:
            mesh.start(f"{EAST}-agent")
            pause(1.0)
            assert addresses(mesh, EAST) == set(own.values()), "an agent starts from its disk"
        finally:
            mesh.start("controller")
            mesh.check_health()


def test_the_steering_zone_leads_to_a_headless_service_through_gateways(mesh: Mesh) -> None:
    with mesh.edited(WEST, "peers.yaml", peers(mesh, WEST)):
        name = f"peers.{NAMESPACE}.svc.mesh.local"
        wait_until("it has an address", lambda: bool(addresses(mesh, FAR, name)), 15)
        (address,) = addresses(mesh, FAR, name)

        def answers() -> bool:
            status, said = get(f"{address}:{SERVICE_PORT}", "/", f"{NAME}:{SERVICE_PORT}")
            return status == 200 and said["cluster"] == WEST

        wait_until("the only cluster that has it answers", answers, 15)

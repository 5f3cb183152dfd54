"""The ports of a workload at its sidecar, and nothing for one that is not where it says."""

from dataclasses import replace

from cluster_agent.snapshot.service_state import ServiceState
from federation.model.facts import Bundle, Endpoint
from federation.model.types import LISTENER, ROUTE
from tests.unit.builders import (
    API,
    endpoint,
    export,
    facts,
    local_service,
    port,
    service,
)
from tests.unit.fakes.snapshots import (
    SERVED,
    SIDECAR,
    known,
    listeners,
    meet,
    names,
)


def test_a_sidecar_met_late_gets_the_doors_of_its_workload() -> None:
    snapshots = known()
    snapshots.set_service(API, SERVED)
    assert names(snapshots, meet(snapshots), LISTENER) == {"inbound", "outbound"}


def test_a_workload_that_left_a_service_closes_its_door() -> None:
    snapshots = known()
    layers = meet(snapshots)
    snapshots.set_service(API, SERVED)
    elsewhere = local_service(endpoint("10.0.0.2"))
    snapshots.set_service(API, replace(SERVED, local=elsewhere))
    snapshots.finish()
    assert names(snapshots, layers, LISTENER) == {"outbound"}
    assert snapshots.sidecars.services_behind("shop/api-10.0.0.2") == {API}


def test_endpoints_without_a_pod_are_behind_no_sidecar() -> None:
    snapshots = known()
    bare: Endpoint = replace(endpoint(), workload="", sidecar=False)
    snapshots.set_service(API, replace(SERVED, local=local_service(bare)))
    assert snapshots.sidecars.services_behind("") == frozenset()


def test_the_life_of_tcp_connections_changes_no_listener_when_the_agent_starts_again() -> None:
    ports = (port(80, "db", ""),)
    state = ServiceState(
        facts(service("east", ports=ports)), SERVED.local, export("east", ports=ports)
    )
    bodies = []
    for seconds in (60.0, 60.0, 0.0):
        snapshots = known(tcp_connection_seconds=seconds)
        snapshots.set_service(API, state)
        bodies.append(listeners(snapshots, meet(snapshots), "inbound"))
    first, again, unbounded = bodies
    assert first == again
    assert "max_downstream_connection_duration" in str(first)
    assert "max_downstream_connection_duration" not in str(unbounded)


def test_a_sidecar_that_comes_after_a_revocation_refuses_as_well() -> None:
    snapshots = known()
    snapshots.set_bundles([Bundle("west.mesh.test", ())])
    snapshots.set_service(API, SERVED)
    layers = meet(snapshots)
    found = snapshots.view(layers).get(ROUTE, "app~8080~http/1.1")
    assert found is not None
    assert b"spiffe://west.mesh.test/" in found.body


def test_what_a_sidecar_said_before_its_workload_was_known_counts_only_if_it_is_true() -> None:
    snapshots = known()
    layers = meet(snapshots)
    true = replace(SIDECAR, outbound_address="127.0.0.2", outbound_port=15001)
    elsewhere = replace(true, app_address="10.9.9.9")
    for false in (elsewhere, replace(elsewhere, address="10.9.9.9")):
        snapshots.set_proxy(false)
        snapshots.set_service(API, SERVED)
        assert "inbound" not in names(snapshots, layers, LISTENER)
    snapshots.set_proxy(true)
    assert "inbound" in names(snapshots, layers, LISTENER)

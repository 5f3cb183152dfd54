"""A gateway with entry has what a sidecar has, under an identity of its own."""

from dataclasses import replace

from cluster_agent.entry.allocation import preferred
from federation.model.plans import ANYWHERE
from federation.model.proxies import Kind, Node
from federation.model.types import CLUSTER, LISTENER
from tests.unit.builders import API
from tests.unit.fakes.snapshots import (
    GATEWAY,
    OUT,
    SERVED,
    known,
    names,
)

ENTRY_GATEWAY = replace(GATEWAY, entry="10.9.0.0/24")

LISTENING = {f"up~10.9.0.{preferred(str(API)) % 254 + 1}:80", "east-west"}


def test_a_gateway_with_entry_has_the_ways_of_a_sidecar_under_an_identity_of_its_own() -> None:
    snapshots = known()
    snapshots.set_region("eu")
    snapshots.set_service(API, SERVED)
    layers = snapshots.admit(Node(Kind.GATEWAY, "gw", True), ANYWHERE)[0]
    assert OUT not in names(snapshots, layers, CLUSTER)
    snapshots.set_proxy(ENTRY_GATEWAY)
    assert names(snapshots, layers, LISTENER) == LISTENING
    assert {OUT} <= names(snapshots, layers, CLUSTER)
    found = snapshots.view(layers).get(CLUSTER, OUT)
    assert found is not None
    assert b"\x05entry" in found.body
    assert b"identity" not in found.body
    plain = snapshots.admit(Node(Kind.GATEWAY, "other"), ANYWHERE)[0]
    assert OUT not in names(snapshots, plain, CLUSTER), "one without entry has none of it"


def test_a_gateway_with_entry_that_comes_back_is_told_all_again() -> None:
    snapshots = known()
    snapshots.set_service(API, SERVED)
    for _ in range(2):
        layers = snapshots.admit(Node(Kind.GATEWAY, "gw", True), ANYWHERE)[0]
        snapshots.set_proxy(ENTRY_GATEWAY)
        assert names(snapshots, layers, LISTENER) == LISTENING
        snapshots.forget(Node(Kind.GATEWAY, "gw"))

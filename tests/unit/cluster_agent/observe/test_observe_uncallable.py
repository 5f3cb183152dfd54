"""An export that nobody can call says why."""

import pytest

from cluster_agent.observe.index import Index
from cluster_agent.observe.service import observe_service
from cluster_agent.source.objects import Condition
from federation.model.names import ClusterId
from tests.unit.documents import API, DNS, Json, endpoint, export, pod, service, slice_of, world


def missing(*documents: Json) -> Condition | None:
    objects = world(*documents, export())
    index = Index()
    index.affected(objects, objects)
    slices = index.slices(API, objects)
    return observe_service(API, slices, objects, ClusterId("east"), first_seen=1).hollow


SELECTED = service(selector={"app": "api"})
SLICE = slice_of(endpoint("10.0.0.1"))


@pytest.mark.parametrize(
    ("documents", "reason", "message"),
    [
        (
            [SELECTED],
            "NoEndpointSlices",
            "Service shop/api has no EndpointSlice; its selector alone finds no endpoints: write "
            "one with the label kubernetes.io/service-name: api",
        ),
        (
            [service()],
            "NoEndpointSlices",
            "Service shop/api has no EndpointSlice; write one with the label "
            "kubernetes.io/service-name: api",
        ),
        (
            [service(), slice_of(endpoint("a.example"), kind="FQDN")],
            "NoEndpointSlices",
            "Service shop/api has EndpointSlices of addressType FQDN only, which are not used",
        ),
        (
            [service(ports=[]), SLICE],
            "NoPorts",
            "Service shop/api has no ports, so nobody can call it",
        ),
        (
            [service(ports=[DNS]), SLICE],
            "NoTcpPort",
            "Service shop/api has no TCP port, and nothing else is carried: dns (53/UDP)",
        ),
        (
            [service(), slice_of(endpoint("10.0.0.1"), ports=[{"name": "web", "port": 8080}])],
            "NoMatchingPort",
            "the EndpointSlices of Service shop/api must have a TCP port of the Service's name "
            "'http', but have 'web'",
        ),
        (
            [service(), SLICE | {"ports": []}],
            "NoMatchingPort",
            "the EndpointSlices of Service shop/api must have a TCP port of the Service's name "
            "'http', but have no ports",
        ),
    ],
)
def test_what_is_missing_is_said(documents: list[Json], reason: str, message: str) -> None:
    assert missing(*documents) == Condition("Ready", "False", reason, message)


@pytest.mark.parametrize(
    "documents",
    [
        [SELECTED, SLICE],
        [SELECTED, slice_of()],
        [service(), slice_of(endpoint("10.0.0.1", conditions={"ready": False}))],
        [service(clusterIP="None", ports=[]), SLICE | {"ports": []}],
        [service(clusterIP="None", ports=[DNS]), SLICE],
        [service(), slice_of(endpoint("10.0.0.1", "p1")), pod("p1")],
    ],
)
def test_what_can_be_called_or_may_be_in_a_moment_is_not_hollow(documents: list[Json]) -> None:
    assert missing(*documents) is None


def test_without_an_export_nobody_asks() -> None:
    found = observe_service(API, [], world(service()), ClusterId("east"), first_seen=1)
    assert found.hollow is None

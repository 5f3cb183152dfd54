"""What a cluster's objects say about one service: export, backend, endpoints, validity."""

import pytest

from cluster_agent.observe.index import Index
from cluster_agent.observe.service import (
    ALL_WELL,
    LocalHealth,
    Observed,
    observe_service,
)
from federation.model.exports import Group, ServicePort, ServiceType, Transport
from federation.model.facts import Endpoint
from federation.model.names import ClusterId
from tests.unit.documents import (
    API,
    DNS,
    HTTP,
    Json,
    endpoint,
    export,
    node,
    pod,
    service,
    slice_of,
    world,
)

EAST = ClusterId("east")
NOW = 1_000


def observed(*documents: Json, local_health: LocalHealth = ALL_WELL) -> Observed:
    objects = world(*documents)
    index = Index()
    index.affected(objects, objects)
    slices = index.slices(API, objects)
    return observe_service(API, slices, objects, EAST, first_seen=NOW, local_health=local_health)


def endpoints(*documents: Json) -> tuple[Endpoint, ...]:
    local = observed(*documents).local
    assert local is not None
    return local.endpoints


def test_nothing_is_known_of_a_service_that_is_not_there() -> None:
    assert observed() == Observed(None, None, None, None)


def test_a_service_without_an_export_is_local_only() -> None:
    found = observed(service(), slice_of(endpoint("10.0.0.1")))
    assert (found.export, found.backend, found.valid) == (None, None, None)
    assert found.local is not None
    assert len(found.local.endpoints) == 1


def test_an_export_without_a_service_is_not_valid() -> None:
    found = observed(export())
    assert (found.export, found.backend) == (None, None)
    assert found.valid is not None
    assert (found.valid.status, found.valid.reason) == ("False", "NoService")
    assert "shop/api" in found.valid.message


def test_an_external_name_cannot_be_exported() -> None:
    found = observed(service(type="ExternalName"), export())
    assert (found.export, found.backend) == (None, None)
    assert found.valid is not None
    assert (found.valid.status, found.valid.reason) == ("False", "InvalidServiceType")


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ({"type": "ClusterIP"}, ServiceType.CLUSTERSET_IP),
        ({"type": "NodePort"}, ServiceType.CLUSTERSET_IP),
        ({"type": "LoadBalancer"}, ServiceType.CLUSTERSET_IP),
        ({"clusterIP": "None"}, ServiceType.HEADLESS),
    ],
)
def test_the_type_of_an_export_follows_the_service(spec: Json, kind: ServiceType) -> None:
    found = observed(service(**spec), export())
    assert found.export is not None
    assert found.export.type is kind
    assert found.valid is not None
    assert (found.valid.status, found.valid.reason) == ("True", "Valid")


def test_an_export_carries_all_ports_and_the_exported_labels_only() -> None:
    document = service(
        ports=[HTTP, DNS],
        sessionAffinity="ClientIP",
        internalTrafficPolicy="Local",
        trafficDistribution="PreferClose",
        ipFamilies=["IPv6", "IPv4"],
    )
    document["metadata"] |= {"labels": {"not": "exported"}}
    found = observed(document, export(exportedLabels={"b": "2", "a": "1"})).export
    assert found is not None
    assert found.ports == (
        ServicePort("dns", Transport.UDP, 53),
        ServicePort("http", Transport.TCP, 80, "http"),
    )
    assert (found.labels, found.annotations) == ((("a", "1"), ("b", "2")), ())
    assert (found.session_affinity, found.session_seconds) == ("ClientIP", 10_800)
    assert (found.internal_traffic_policy, found.traffic_distribution) == ("Local", "PreferClose")
    assert found.ip_families == ("IPv6", "IPv4")


def test_affinity_seconds_count_only_with_affinity() -> None:
    config = {"clientIP": {"timeoutSeconds": 10}}
    without = observed(service(sessionAffinityConfig=config), export()).export
    with_it = observed(
        service(sessionAffinity="ClientIP", sessionAffinityConfig=config), export()
    ).export
    assert without is not None
    assert with_it is not None
    assert (without.session_seconds, with_it.session_seconds) == (0, 10)


def test_an_export_is_as_old_as_it_says_or_as_it_was_first_seen() -> None:
    stated = observed(service(), export("1970-01-01T00:10:00Z")).export
    silent = observed(service(), export()).export
    assert stated is not None
    assert silent is not None
    assert (stated.created, silent.created) == (600, NOW)


def test_a_pod_that_is_being_deleted_or_whose_sidecar_leaves_is_draining() -> None:
    documents = [service(), slice_of(endpoint("10.0.0.1", "p1"))]
    [found] = endpoints(*documents, pod("p1", deletionTimestamp="2026-08-01T12:00:00Z"))
    assert found.draining
    leaving = observed(
        *documents, pod("p1"), local_health=LocalHealth(frozenset({"shop/p1"}))
    ).local
    assert leaving is not None
    assert leaving.endpoints[0].draining


def test_an_endpoint_is_lost_when_its_sidecar_fails_or_nothing_listens_behind_it() -> None:
    documents = [service(), slice_of(endpoint("10.0.0.1", "p1")), pod("p1")]
    failing = LocalHealth(failing=frozenset({"10.0.0.1"}))
    dead = LocalHealth(dead={"shop/p1": frozenset({8080})})
    other = LocalHealth(dead={"shop/p1": frozenset({9090})}, failing=frozenset({"10.0.0.2"}))
    ready = []
    for local_health in (failing, dead, other):
        local = observed(*documents, local_health=local_health).local
        assert local is not None
        ready += [e.ready for e in local.endpoints]
    assert ready == [False, False, True]


def test_an_endpoint_with_a_port_that_still_listens_is_not_lost() -> None:
    two = [{"name": "http", "port": 8080}, {"name": "admin", "port": 8081}]
    admin = {"name": "admin", "port": 81}
    documents = [service(ports=[HTTP, admin]), slice_of(endpoint("10.0.0.1", "p1"), ports=two)]
    local = observed(
        *documents, pod("p1"), local_health=LocalHealth(dead={"shop/p1": frozenset({8080})})
    ).local
    assert local is not None
    assert local.endpoints[0].ready


def test_a_backend_counts_what_has_a_sidecar_by_zone() -> None:
    found = observed(
        service(ports=[HTTP, DNS]),
        export(),
        slice_of(
            endpoint("10.0.0.1", "p1", zone="b"),
            endpoint("10.0.0.2", "p2", zone="a"),
            endpoint("10.0.0.3", "p3", zone="a", conditions={"ready": False}),
            endpoint("10.0.0.4", "p4", zone="a", conditions={"terminating": True}),
            endpoint("10.0.0.5", "plain", zone="a"),
            endpoint("10.0.0.6", zone="c"),
        ),
        *(pod(f"p{number}", account=f"acc{number % 2}") for number in range(1, 5)),
        pod("plain", account="other", sidecar="false"),
    ).backend
    assert found is not None
    assert found.groups == (Group("a", 1, 3), Group("b", 1, 1))
    assert found.accounts == ("acc0", "acc1")
    assert found.ports == (80,)


def test_where_no_endpoint_has_a_sidecar_all_count_behind_the_gateway() -> None:
    found = observed(
        service(),
        export(),
        slice_of(endpoint("10.0.0.1", zone="a"), endpoint("10.0.0.2", "plain", zone="a")),
        pod("plain", account="other", sidecar="false"),
    ).backend
    assert found is not None
    assert (found.groups, found.accounts, found.terminated) == ((Group("a", 2, 2),), (), True)


def test_an_exported_service_without_endpoints_has_an_empty_backend() -> None:
    found = observed(service(), export()).backend
    assert found is not None
    assert (found.groups, found.ready) == ((), 0)


def test_endpoints_that_nobody_can_dial_are_not_counted_as_ready() -> None:
    empty = slice_of(endpoint("10.0.0.1")) | {"ports": []}
    for spec in ({}, {"clusterIP": "None"}):
        found = observed(service(**spec), export(), empty)
        assert found.backend is not None
        assert (found.backend.ready, found.backend.groups) == (0, (Group("", 0, 1),))
    portless = observed(service(clusterIP="None", ports=[]), export(), empty)
    assert portless.backend is not None
    assert portless.backend.ready == 1


def test_a_pod_of_both_families_counts_once_and_is_named_with_both_addresses() -> None:
    documents = [
        service(clusterIP="None"),
        export(),
        slice_of(endpoint("fd00::1", "p1", hostname="p1"), name="v6", kind="IPv6"),
        slice_of(endpoint("10.0.0.1", "p1", hostname="p1"), name="v4"),
        pod("p1"),
    ]
    found = observed(*documents)
    assert found.backend is not None
    assert found.headless is not None
    assert found.backend.ready == 1
    [named] = found.headless.endpoints
    assert (named.hostname, named.addresses) == ("p1", ("10.0.0.1", "fd00::1"))


def test_an_export_knows_what_has_no_effect_in_all_its_documents() -> None:
    misspelt = pod("p1")
    misspelt["metadata"]["annotations"] = {"fedmesh.dev/sidcar": "true"}
    found = observed(
        service(prts=[]),
        export(exportedAnnotations={"fedmesh.dev/stearing": "true"}),
        slice_of(endpoint("10.0.0.1", "p1")),
        misspelt,
    )
    assert [remark.partition(" is not")[0] for remark in found.remarks] == [
        "ServiceExport api: exported annotation fedmesh.dev/stearing",
        "Service api: spec.prts",
        "Pod p1: annotation fedmesh.dev/sidcar",
    ]


def test_the_order_of_documents_does_not_matter() -> None:
    documents = [
        service(),
        export(),
        slice_of(endpoint("10.0.0.1", "p1"), name="api-1"),
        slice_of(endpoint("10.0.0.1"), endpoint("10.0.0.2"), name="api-2"),
        pod("p1"),
        node("a"),
    ]
    assert observed(*documents) == observed(*reversed(documents))

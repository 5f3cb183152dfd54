"""Members and reports in, facts out; every report is judged by the operator's word."""

import pytest

from federation.controller.registry import Member, Registry
from federation.model.errors import InvalidInput
from federation.model.exports import Backend, Export, Gateway
from federation.model.names import ClusterId
from federation.wire import codec
from federation.xds.receiver import Change
from federation.xds.resources import Resource, resource
from tests.unit.builders import API, backend, export, gateway, port

EAST, WEST = ClusterId("east"), ClusterId("west")


def member(cluster: ClusterId, **words: tuple[str, ...]) -> Member:
    return Member(cluster, f"{cluster}.mesh.test", "eu", anchors=("PEM",), **words)  # type: ignore[arg-type]


def registry(**words: tuple[str, ...]) -> Registry:
    made = Registry()
    made.set_member(member(EAST, **words))
    made.set_member(member(WEST))
    return made


def body(value: Export | Backend | Gateway) -> tuple[str, Resource]:
    match value:
        case Export():
            return codec.EXPORT, resource(str(value.service), codec.encode_export(value))
        case Backend():
            return codec.BACKEND, resource(str(value.service), codec.encode_backend(value))
        case Gateway():
            return codec.GATEWAY, resource(value.name, codec.encode_gateway(value))


def said(value: Export | Backend | Gateway) -> Change:
    type_url, found = body(value)
    return Change(type_url, found.name, found)


def test_an_export_becomes_a_service_and_its_withdrawal_ends_it() -> None:
    there = registry()
    touched = there.apply(EAST, [said(export("east"))], 0)
    assert touched == {(codec.SERVICE, "shop/api")}
    gone = there.apply(EAST, [Change(codec.EXPORT, "shop/api", None)], 0)
    assert gone == {(codec.SERVICE, "shop/api")}
    assert there.table.get(codec.SERVICE, "shop/api") is None


def test_a_backend_is_passed_on_byte_for_byte() -> None:
    there = registry()
    change = said(backend("east", ready=3))
    there.apply(EAST, [change], 0)
    fact = there.table.get(codec.BACKEND, "shop/api@east")
    assert fact is not None
    assert change.resource is not None
    assert fact.body == change.resource.body


def test_an_unchanged_report_touches_nothing() -> None:
    there = registry()
    there.apply(EAST, [said(backend("east"))], 0)
    assert there.apply(EAST, [said(backend("east"))], 0) == set()


def test_exports_of_two_clusters_are_merged_and_one_withdrawal_leaves_the_other() -> None:
    there = registry()
    there.apply(EAST, [said(export("east"))], 0)
    there.apply(WEST, [said(export("west", created=200))], 0)
    assert [s.exporters for s, _ in there.services()] == [(EAST, WEST)]
    there.apply(EAST, [Change(codec.EXPORT, "shop/api", None)], 0)
    assert [s.exporters for s, _ in there.services()] == [(WEST,)]


def test_gateways_appear_in_the_fact_of_their_cluster() -> None:
    there = registry()
    touched = there.apply(EAST, [said(gateway("10.1.0.1"))], 0)
    assert touched == {(codec.CLUSTER, "east")}
    fact = there.table.get(codec.CLUSTER, "east")
    assert fact is not None
    assert codec.decode_cluster(fact.body).gateways == (gateway("10.1.0.1"),)


def test_a_backdated_export_does_not_take_over_a_running_service() -> None:
    there = registry()
    there.apply(EAST, [said(export("east", created=1000))], 0)
    evil = export("west", created=0, ports=(port(81),))
    there.apply(WEST, [said(evil)], first_seen=5000)
    (service, _), *_ = there.services()
    assert [p.number for p in service.ports] == [80]


def test_an_export_keeps_the_time_it_was_first_seen_when_it_is_reported_again() -> None:
    there = registry()
    there.apply(WEST, [said(export("west", created=0))], first_seen=5000)
    there.apply(WEST, [said(export("west", created=0, affinity="ClientIP"))], first_seen=9000)
    there.apply(EAST, [said(export("east", created=6000))], 0)
    (service, _), *_ = there.services()
    assert service.session_affinity == "ClientIP"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (export("west"), "names cluster west, but east reports it"),
        (backend("west"), "names cluster west"),
        (gateway("192.0.2.1"), "must lie within 10.0.0.0/8"),
    ],
)
def test_a_report_that_oversteps_is_refused(value: Export | Backend | Gateway, reason: str) -> None:
    there = registry(gateway_cidrs=("10.0.0.0/8",))
    with pytest.raises(InvalidInput, match=reason):
        there.checker(EAST)(*body(value))


def test_an_export_outside_the_allowed_namespaces_is_refused() -> None:
    there = registry(namespaces=("pay",))
    with pytest.raises(InvalidInput, match="namespace shop may not be exported by cluster east"):
        there.checker(EAST)(*body(export("east")))


def test_a_report_under_another_name_is_refused() -> None:
    type_url, found = body(export("east"))
    with pytest.raises(InvalidInput, match="describes service"):
        registry().checker(EAST)(type_url, Resource("shop/other", found.version, found.body))


def test_what_a_cluster_reports_within_its_rights_is_accepted() -> None:
    check = registry(namespaces=(API.namespace,), gateway_cidrs=("10.0.0.0/8",)).checker(EAST)
    for value in (export("east"), backend("east"), gateway("10.2.3.4")):
        check(*body(value))


def test_all_have_reported_only_when_every_joined_cluster_has() -> None:
    there = registry()
    there.set_member(Member(ClusterId("new"), "new.mesh.test", "eu"))
    there.mark_reported(EAST)
    assert not there.has_all_reported()
    there.mark_reported(WEST)
    assert there.has_all_reported()

"""Hostile reports: each is refused with its reason, and nothing else of the report with it."""

import pytest

from federation.controller.admission.report_rules import (
    read_report,
)
from federation.controller.facts.registry import Registry
from federation.controller.member import Member
from federation.model.errors import InvalidInput
from federation.model.exports import Backend
from federation.model.names import ClusterId
from federation.model.proxies import Kind, KnownProxy, State
from federation.wire import codec
from federation.wire import federation_pb2 as pb
from federation.wire.codec import clusters
from federation.wire.codec.kind import MAX_BODY_BYTES
from federation.wire.codec.known_proxies import LIMITS, MAX_PROXY_BYTES
from federation.wire.codec.proxies import MAX_OBSERVATION_BYTES
from federation.wire.codec.services import MAX_EXPORTS
from federation.xds.messages import Point, Response
from federation.xds.receiver import MAX_RESPONSE_RESOURCES, Received, Receiver
from federation.xds.resources import Resource, resource
from tests.unit.builders import backend, export

EAST, WEST = ClusterId("east"), ClusterId("west")
MEMBER = Member(EAST, "east.mesh.test", "eu")
NEIGHBOUR = Member(WEST, "west.mesh.test", "eu", gateway_cidrs=("10.2.0.0/16",))
MEMBERS = {EAST: MEMBER, WEST: NEIGHBOUR}
TAKEN = {("192.0.2.9", 15443): WEST}

ODD = {
    "empty": "",
    "NUL": "shop/a\0b",
    "newline": "shop/api\n",
    "right to left": "shop/\u202eipa",
    "dots": "shop/a.b",
    "parent": "shop/..",
    "slashes": "shop/a/b",
    "percent": "shop/a%2fb",
    "at": "shop/api@west",
    "tilde": "shop/remote~west~g",
    "star": "*",
    "capital": "shop/Api",
    "homograph": "shop/\u0430pi",
    "over-long": f"shop/{'a' * 64}",
    "a megabyte": f"shop/{'a' * (1 << 20)}",
    "escape": "shop/\x1b[2J",
}


def refused(type_url: str, name: str, message: object, member: Member = MEMBER) -> str:
    """The reason why it is refused."""
    body = message.SerializeToString(deterministic=True)  # type: ignore[attr-defined]
    with pytest.raises(InvalidInput) as caught:
        read_report(member, {**MEMBERS, member.id: member}, TAKEN, type_url, resource(name, body))
    assert str(caught.value).isprintable(), "nothing odd reaches a log or a terminal"
    assert len(str(caught.value)) < 1000
    return str(caught.value)


@pytest.mark.parametrize("name", ODD.values(), ids=ODD)
def test_a_service_of_an_odd_name_is_refused(name: str) -> None:
    for type_url, message in (
        (codec.EXPORT, pb.Export(service=name, cluster="east", type="Headless")),
        (codec.BACKEND, pb.Backend(service=name, cluster="east")),
    ):
        refused(type_url, name, message)


@pytest.mark.parametrize("name", [*ODD.values(), "a..b", ".", "-a"])
def test_a_proxy_of_an_odd_name_is_refused(name: str) -> None:
    is_pod = name in (ODD["dots"], ODD["over-long"])  # of Pods such names may be
    for kind in ("gateway",) if is_pod else ("gateway", "sidecar"):
        proxy = pb.KnownProxy(kind=kind, id=name, state="serving")
        refused(codec.KNOWN_PROXY, f"{kind}/{name}", proxy)


def test_a_proxy_is_told_of_under_its_own_name_and_with_few_words() -> None:
    proxy = pb.KnownProxy(kind="sidecar", id="shop/api-1", state="serving")
    for name in ("sidecar/shop/api-2", "gateway/shop/api-1", "shop/api-1", "east.gateway.gw", ""):
        assert "it describes" in refused(codec.KNOWN_PROXY, name, proxy)
    proxy.refused.extend([pb.Nack(reason="x" * MAX_PROXY_BYTES)])
    assert "may have at most" in refused(codec.KNOWN_PROXY, "sidecar/shop/api-1", proxy)


@pytest.mark.parametrize("name", [*ODD.values(), "a..b", ".", "-a"])
def test_a_gateway_or_an_account_of_an_odd_name_is_refused(name: str) -> None:
    refused(codec.GATEWAY, name, pb.Gateway(name=name, address="192.0.2.1", port=1))
    message = pb.Backend(service="shop/api", cluster="east", accounts=[name])
    refused(codec.BACKEND, "shop/api", message)


def an_export(**values: object) -> pb.Export:
    return pb.Export(service="shop/api", cluster="east", type="Headless", **values)  # type: ignore[arg-type]


def a_port(**values: object) -> pb.Port:
    return pb.Port(**{"name": "http", "transport": "TCP", "number": 80} | values)  # type: ignore[arg-type]


MANY_LABELS = {f"k{n}": "v" for n in range(65)}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (pb.Export(service="shop/api", cluster="west", type="Headless"), "names cluster west"),
        (pb.Export(service="pay/api", cluster="east", type="Headless"), "describes service pay"),
        (an_export(ports=[a_port()] * 1000), "1000 ports"),
        (an_export(ports=[a_port(number=0)]), "port is 0"),
        (an_export(ports=[a_port(number=65536)]), "port is 65536"),
        (an_export(ports=[a_port(transport="QUIC")]), "one of TCP"),
        (an_export(ports=[a_port(name="http\n")]), "port name"),
        (an_export(ports=[a_port(name="a" * 64)]), "port name"),
        (an_export(ports=[a_port(app_protocol="\u202e")]), "appProtocol"),
        (an_export(labels=MANY_LABELS), "65 labels"),
        (an_export(labels={"a": "\x1b[2J"}), "value of 'a'"),
        (an_export(labels={"a": "v" * 1025}), "value of 'a'"),
        (an_export(ip_families=["IPv4"] * 3), "3 ip families"),
        (an_export(ip_families=["\n"]), "ip family"),
        (an_export(session_affinity="a b"), "session affinity"),
        (an_export(labels={f"k{n}": "v" * 1024 for n in range(64)}), "bytes, but may have"),
    ],
)
def test_an_export_that_oversteps_is_refused(message: pb.Export, reason: str) -> None:
    assert reason in refused(codec.EXPORT, "shop/api", message)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (pb.Backend(service="shop/api", cluster="west"), "names cluster west"),
        (pb.Backend(service="shop/api", cluster="east", ports=[0]), "port is 0"),
        (pb.Backend(service="shop/api", cluster="east", ports=[80] * 1000), "1000 ports"),
        (pb.Backend(service="shop/api", cluster="east", groups=[pb.Group()] * 65), "65 groups"),
        (pb.Backend(service="shop/api", cluster="east", accounts=["a"] * 257), "257 accounts"),
        (
            pb.Backend(service="shop/api", cluster="east", groups=[pb.Group(zone="\u0430")]),
            "zone is",
        ),
    ],
)
def test_a_backend_that_oversteps_is_refused(message: pb.Backend, reason: str) -> None:
    assert reason in refused(codec.BACKEND, "shop/api", message)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("0.0.0.0", "not the address of one machine"),
        ("::", "not the address of one machine"),
        ("224.0.0.1", "not the address of one machine"),
        ("ff02::1", "not the address of one machine"),
        ("169.254.169.254", "not the address of one machine"),
        ("fe80::1", "not the address of one machine"),
        ("255.255.255.255", "not the address of one machine"),
        ("127.0.0.1", "loopback address, which must be allowed"),
        ("::1", "loopback address, which must be allowed"),
        ("fe80::1%eth0", "in its plain form"),
        ("::ffff:10.0.0.1", "in its plain form"),
        ("10.1", "must be an IP address"),
        ("010.0.0.1", "must be an IP address"),
        ("10.0.0.1\n", "must be an IP address"),
        ("example.com", "must be an IP address"),
        ("", "must be an IP address"),
        ("1" * 60_000, "must be an IP address"),
        ("1" * 100_000, "it has 100011 bytes"),
        ("10.2.0.1", "lies in the networks stated for cluster west"),
        ("192.0.2.9", "which cluster west already has"),
    ],
)
def test_a_gateway_at_an_address_that_is_not_its_own_is_refused(address: str, reason: str) -> None:
    message = pb.Gateway(name="gw", address=address, port=15443)
    assert reason in refused(codec.GATEWAY, "gw", message)


def test_a_gateway_outside_its_networks_or_under_another_name_is_refused() -> None:
    bound = Member(EAST, "east.mesh.test", "eu", gateway_cidrs=("127.11.0.0/24",))
    message = pb.Gateway(name="gw", address="127.12.0.1", port=1)
    assert "must lie within 127.11.0.0/24" in refused(codec.GATEWAY, "gw", message, bound)
    assert "describes gateway gw" in refused(codec.GATEWAY, "other", message, bound)
    inside = pb.Gateway(name="gw", address="127.11.0.3", port=1)
    read_report(bound, MEMBERS, TAKEN, codec.GATEWAY, resource("gw", inside.SerializeToString()))
    nowhere = pb.Gateway(name="gw", address="127.11.0.3", port=0)
    assert "is 0, but must be" in refused(codec.GATEWAY, "gw", nowhere, bound)


def test_an_observation_of_oneself_and_one_in_another_name_are_refused() -> None:
    of_itself = pb.Observation(cluster="east", remotes=[pb.Remote(cluster="east", gateway="g")])
    assert "its own cluster" in refused(codec.OBSERVATION, "east", of_itself)
    assert "it names cluster west" in refused(
        codec.OBSERVATION, "west", pb.Observation(cluster="west")
    )
    remotes = [pb.Remote(cluster="west", gateway="g")] * 10_001
    too_many = pb.Observation(cluster="east", remotes=remotes)
    assert "remote gateways" in refused(codec.OBSERVATION, "east", too_many)


def test_what_gateways_see_has_a_size_of_its_own() -> None:
    remotes = [
        pb.Remote(cluster="west", gateway=f"g{number}.{'a' * 60}", answers=True)
        for number in range(MAX_OBSERVATION_BYTES // 70)
    ]
    found = refused(codec.OBSERVATION, "east", pb.Observation(cluster="east", remotes=remotes))
    assert f"bytes, but may have at most {MAX_OBSERVATION_BYTES}" in found


def test_a_resource_of_a_type_that_clusters_do_not_report_is_refused() -> None:
    body = codec.encode(backend("east"))
    with pytest.raises(InvalidInput):
        read_report(MEMBER, MEMBERS, TAKEN, codec.SERVICE, resource("shop/api", body))
    bundle = pb.Bundle(trust_domain="west.mesh.test", anchors=["PEM"]).SerializeToString()
    with pytest.raises(InvalidInput, match="not something a cluster reports"):
        read_report(MEMBER, MEMBERS, TAKEN, codec.BUNDLE, resource("west.mesh.test", bundle))


def test_a_version_that_is_not_that_of_the_bytes_is_refused() -> None:
    body = codec.encode(export("east"))
    for version in ("", "1", "x" * 100_000):
        with pytest.raises(InvalidInput, match="not that of its bytes"):
            read_report(MEMBER, MEMBERS, TAKEN, codec.EXPORT, Resource("shop/api", version, body))


def test_unknown_fields_are_carried_and_mean_nothing() -> None:
    """So a newer agent may say more than this controller knows."""
    body = codec.encode(backend("east")) + b"\xfa\x3e\x03abc"
    read_report(MEMBER, MEMBERS, TAKEN, codec.BACKEND, resource("shop/api", body))
    assert codec.decode(Backend, body) == backend("east")


# -- whole reports -------------------------------------------------------------------------------


def controller() -> Receiver:
    registry = Registry()
    for member in (MEMBER, NEIGHBOUR):
        registry.set_member(member)
    return Receiver("controller", codec.REPORTS, registry.reader(EAST), codec.LIMITS)


def exported(count: int, start: int = 0) -> list[Resource]:
    made = []
    for n in range(start, start + count):
        body = pb.Export(service=f"shop/s{n}", cluster="east", type="Headless").SerializeToString()
        made.append(resource(f"shop/s{n}", body))
    return made


def test_one_bad_resource_does_not_hold_back_the_good_ones_of_its_report() -> None:
    foreign = resource("shop/api", codec.encode(export("west")))
    odd = Resource("\x1b[2J\n", "1", b"")
    received = controller().receive(
        Response(codec.EXPORT, "1", (foreign, odd, *exported(3)), complete=5)
    )
    assert [change.name for change in received.changes] == ["shop/s0", "shop/s1", "shop/s2"]
    assert set(received.refused) == {"shop/api", "\x1b[2J\n"}
    assert "shop/api: it names cluster west" in received.reply.error
    assert received.reply.error.isprintable()


def test_no_more_services_are_taken_than_a_cluster_may_export() -> None:
    there = controller()
    batch = MAX_RESPONSE_RESOURCES
    for start in range(0, MAX_EXPORTS, batch):
        there.receive(Response(codec.EXPORT, "1", tuple(exported(batch, start))))
    received = there.receive(Response(codec.EXPORT, "1", tuple(exported(batch, MAX_EXPORTS))))
    assert len(there.held(codec.EXPORT)) == MAX_EXPORTS
    assert len(received.refused) == batch
    assert f"at most {MAX_EXPORTS} are taken" in received.reply.error


def test_no_more_proxies_are_taken_than_a_cluster_may_have() -> None:
    there, batch = controller(), MAX_RESPONSE_RESOURCES
    assert LIMITS.resources % batch == 0
    said = [KnownProxy(Kind.GATEWAY, f"g{n}", True, State.SERVING) for n in range(LIMITS.resources)]
    for start in range(0, LIMITS.resources, batch):
        found = tuple(map(codec.resource_of, said[start : start + batch]))
        assert not there.receive(Response(codec.KNOWN_PROXY, "1", found)).refused
    more = codec.resource_of(KnownProxy(Kind.GATEWAY, "more", True, State.SERVING))
    received = there.receive(Response(codec.KNOWN_PROXY, "1", (more,)))
    assert f"at most {LIMITS.resources} are taken" in received.refused["gateway/more"]
    assert len(there.held(codec.KNOWN_PROXY)) == LIMITS.resources


def test_a_thousand_refusals_do_not_make_a_long_answer() -> None:
    names = [f"shop/{'x' * 1000}{n}"[:1024] for n in range(MAX_RESPONSE_RESOURCES)]
    bad = tuple(Resource(name, "1", b"\xff" * 20) for name in names)
    received = controller().receive(Response(codec.EXPORT, "1", bad))
    assert len(received.refused) == len(set(names))
    assert len(received.reply.error) < 20_000


def test_a_response_of_a_million_resources_is_refused_as_a_whole() -> None:
    million = (Resource("a", "", b""),) * 1_000_000
    received = controller().receive(Response(codec.EXPORT, "1", million))
    assert received.changes == ()
    assert "1000000 resources in one response" in received.reply.error


def test_epochs_that_never_become_complete_hold_no_more_than_the_limit() -> None:
    there = controller()
    there.receive(Response(codec.GATEWAY, "0", (gateway_resource(0),), point=Point("a", 1)))
    for n in range(1, 200):
        said = (gateway_resource(n % 250),)
        there.receive(Response(codec.GATEWAY, "1", said, point=Point("b", n)))
    assert len(there._types[codec.GATEWAY].staged) < clusters.MAX_GATEWAYS
    received = there.receive(Response(codec.GATEWAY, "1", point=Point("e" * 2000, 1)))
    assert "the epoch has 2000 characters" in received.reply.error


def gateway_resource(number: int) -> Resource:
    message = pb.Gateway(name=f"g{number}", address=f"192.0.2.{number}", port=1)
    return resource(f"g{number}", message.SerializeToString())


def test_removing_a_million_unknown_names_does_nothing() -> None:
    there = controller()
    there.receive(Response(codec.EXPORT, "1", tuple(exported(2))))
    names = tuple(f"shop/x{n}" for n in range(100_000))
    received = there.receive(Response(codec.EXPORT, "2", removed=(*names, "shop/s0")))
    assert [change.name for change in received.changes] == ["shop/s0"]


def test_the_size_of_all_that_is_held_is_limited() -> None:
    there = controller()
    labels = {f"k{n}": "v" * 1000 for n in range(60)}

    def export_it(number: int) -> Received:
        name = f"shop/s{number}"
        message = pb.Export(service=name, cluster="east", type="Headless", labels=labels)
        body = message.SerializeToString(deterministic=True)
        assert len(body) < MAX_BODY_BYTES
        return there.receive(Response(codec.EXPORT, "1", (resource(name, body),)))

    answers = [export_it(n) for n in range(400)]
    assert "bytes are taken in all" in answers[-1].reply.error
    held = there.held(codec.EXPORT).values()
    assert sum(len(r.body) for r in held) <= codec.LIMITS[codec.EXPORT].bytes
    there.receive(Response(codec.EXPORT, "1", removed=("shop/s0",)))
    assert export_it(399).refused == {}, "what is gone makes room"


def named(address: str = "192.0.2.1", cluster: str = "east", hostname: str = "a") -> pb.Headless:
    one = pb.NamedEndpoint(cluster=cluster, hostname=hostname, addresses=[address])
    return pb.Headless(service="shop/api", cluster="east", endpoints=[one])


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (named("169.254.169.254"), "not the address of one machine"),
        (named("127.0.0.1"), "not the address of one machine"),
        (named("::1"), "not the address of one machine"),
        (named("::ffff:127.0.0.1"), "in its plain form"),
        (named("224.0.0.1"), "not the address of one machine"),
        (named("0.0.0.0"), "not the address of one machine"),
        (named("evil.example"), "must be an IP address"),
        (named(cluster="west"), "is of cluster west, not east"),
        (named(hostname="a.west"), "must be a DNS label"),
        (pb.Headless(service="shop/api", cluster="west"), "names cluster west"),
        (pb.Headless(service="shop/web", cluster="east"), "describes service shop/web"),
    ],
)
def test_an_endpoint_that_leads_astray_is_refused(message: pb.Headless, reason: str) -> None:
    assert reason in refused(codec.HEADLESS, "shop/api", message)


def test_endpoints_are_judged_by_the_namespaces_that_a_cluster_may_export() -> None:
    member = Member(EAST, "east.mesh.test", "eu", namespaces=("other",))
    assert "may not be exported" in refused(codec.HEADLESS, "shop/api", named(), member)


def test_a_loopback_endpoint_may_be_where_the_operator_lets_gateways_be() -> None:
    member = Member(EAST, "east.mesh.test", "eu", gateway_cidrs=("127.11.0.0/16",))
    body = named("127.11.0.9").SerializeToString(deterministic=True)
    read_report(member, MEMBERS, TAKEN, codec.HEADLESS, resource("shop/api", body))
    assert "127.12.0.9" in refused(codec.HEADLESS, "shop/api", named("127.12.0.9"), member)

"""What proxies say and see survives the wire; what they may not say is refused at the border."""

from dataclasses import replace
from typing import Any

import pytest

from federation.model.checks import Finding
from federation.model.errors import InvalidInput
from federation.model.names import ClusterId
from federation.model.observations import Observation, ProxyNack, Remote
from federation.model.proxies import Kind, Nack, Proxy, State, Upstream
from federation.wire import codec
from federation.wire import federation_pb2 as pb
from federation.wire.codec import proxies
from tests.unit.builders import API

PROXY = Proxy(
    "shop/api-1",
    Kind.SIDECAR,
    State.SERVING,
    "127.0.0.1",
    15006,
    "z",
    "127.0.0.1",
    "127.0.0.1",
    15001,
    (Nack("t", "n", "r"),),
    upstreams=(Upstream("127.0.0.1", 17000, API, 7000),),
    listen_address="0.0.0.0",
    listen_port=443,
    remotes=(Remote(ClusterId("far"), "g1", False), Remote(ClusterId("west"), "g1", True, 0.012)),
    dead_ports=(8080,),
    closing_ports=(8080, 9090),
    version="0.1.0",
    certificate_ends=1_800_000_000,
)


def test_a_proxy_comes_back_as_it_went() -> None:
    gateway = Proxy("gw", Kind.GATEWAY, State.DRAINING, "10.1.0.1", 15443, "b")
    sees = replace(gateway, unhealthy=("10.0.0.1", "10.0.0.2"), sees_healthy=True)
    for proxy in (PROXY, gateway, sees, replace(sees, remotes=PROXY.remotes)):
        assert codec.decode(Proxy, codec.encode(proxy)) == proxy


def test_an_observation_comes_back_as_it_went() -> None:
    for remotes in ((), PROXY.remotes):
        seen = Observation(ClusterId("east"), remotes)
        assert codec.decode(Observation, codec.encode(seen)) == seen


def test_findings_come_back_bounded_and_fit_for_a_terminal() -> None:
    odd = Finding("file-unreadable", "a\udcffb.yaml:1", "\x1b[2J" + "long " * 100, 7)
    seen = Observation(ClusterId("east"), findings=(odd,), rejected=(TAKEN,))
    once = codec.decode(Observation, codec.encode(seen))
    (found,) = once.findings
    assert (found.check, found.subject, found.since) == ("file-unreadable", "a b.yaml:1", 7)
    assert found.what.startswith(" [2Jlong ")
    assert len(found.what) == proxies.MAX_REASON
    assert once.rejected == (TAKEN,)
    assert codec.decode(Observation, codec.encode(once)) == once


def test_an_agent_cannot_speak_for_the_controller() -> None:
    for check in ("store-not-writable", "no such check", ""):
        body = pb.Observation(
            cluster="east", findings=[pb.Finding(check=check, what="x", since=-5)]
        )
        (found,) = codec.decode(Observation, body.SerializeToString()).findings
        assert (found.check, found.since) == ("agent-trouble", 0)


def test_findings_are_bounded_in_number() -> None:
    found = [pb.Finding(check="file-unreadable", what="x")] * proxies.MAX_FINDINGS
    taken = pb.Observation(cluster="east", findings=found)
    assert len(codec.decode(Observation, taken.SerializeToString()).findings) == 256
    more = pb.Observation(cluster="east", findings=[*found, found[0]])
    with pytest.raises(InvalidInput, match="257 findings"):
        codec.decode(Observation, more.SerializeToString())


def test_times_travel_in_microseconds() -> None:
    """So that a time that was told is equal to itself on the other side."""
    exact = Remote(ClusterId("west"), "g1", True, 0.123456789)
    seen = Observation(ClusterId("east"), (exact,))
    once = codec.decode(Observation, codec.encode(seen))
    assert once.remotes[0].rtt == 0.123457
    assert codec.decode(Observation, codec.encode(once)) == once


TAKEN = ProxyNack("sidecar a/b", "t.Cluster", "80.api", "too large", 9)
WEST: dict[str, Any] = {"cluster": "west", "gateway": "g1", "answers": True, "rtt_us": 12}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"cluster": "a.b"}, "cluster id"),
        ({"cluster": ""}, "cluster id"),
        ({"gateway": "G~1"}, "gateway name"),
        ({"gateway": ""}, "gateway name"),
    ],
)
def test_a_remote_gateway_that_cannot_be_is_refused(change: dict[str, Any], reason: str) -> None:
    wrong = pb.Remote(**(WEST | change))
    with pytest.raises(InvalidInput, match=reason):
        codec.decode(Observation, seen_by("east", wrong))
    with pytest.raises(InvalidInput, match=reason):
        codec.decode(Proxy, _sidecar(remotes=(wrong,)))


def seen_by(cluster: str, *remotes: pb.Remote) -> bytes:
    return pb.Observation(cluster=cluster, remotes=remotes).SerializeToString()


def test_an_observation_must_say_whose_it_is() -> None:
    for cluster in ("", "a.b"):
        with pytest.raises(InvalidInput, match="cluster id"):
            codec.decode(Observation, seen_by(cluster, pb.Remote(**WEST)))


def test_remote_gateways_are_bounded_in_number() -> None:
    most = [pb.Remote(**WEST)] * proxies.MAX_REMOTES
    assert len(codec.decode(Observation, seen_by("east", *most)).remotes) == 10_000
    more = (*most, most[0])
    with pytest.raises(InvalidInput, match="10001 remote gateways"):
        codec.decode(Observation, seen_by("east", *more))
    with pytest.raises(InvalidInput, match="10001 remote gateways"):
        codec.decode(Proxy, _sidecar(remotes=more))


def _sidecar(
    *upstreams: pb.Upstream,
    listen: str = "",
    port: int = 0,
    remotes: tuple[pb.Remote, ...] = (),
) -> bytes:
    return pb.Proxy(
        id="shop/web-1",
        kind="sidecar",
        state="serving",
        address="10.0.0.1",
        port=15006,
        upstreams=upstreams,
        listen_address=listen,
        listen_port=port,
        remotes=remotes,
    ).SerializeToString()


DIALLED: dict[str, Any] = {
    "service": "shop/db",
    "port": 5432,
    "address": "127.0.0.1",
    "listen_port": 15432,
}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"service": "db"}, "NAMESPACE/NAME"),
        ({"service": "shop/db/x"}, "DNS label"),
        ({"port": 0}, "port of an upstream is 0"),
        ({"listen_port": 70000}, "listen port of an upstream is 70000"),
        ({"address": "localhost"}, "must be an IP address"),
    ],
)
def test_an_upstream_that_cannot_be_is_refused(change: dict[str, Any], reason: str) -> None:
    assert codec.decode(Proxy, _sidecar(pb.Upstream(**DIALLED))).upstreams
    with pytest.raises(InvalidInput, match=reason):
        codec.decode(Proxy, _sidecar(pb.Upstream(**(DIALLED | change))))


def test_a_sidecar_may_have_a_hundred_upstreams() -> None:
    many = [pb.Upstream(**DIALLED)] * 101
    assert len(codec.decode(Proxy, _sidecar(*many[1:])).upstreams) == 100
    with pytest.raises(InvalidInput, match="101 upstreams"):
        codec.decode(Proxy, _sidecar(*many))


def test_a_listen_address_must_be_an_ip_address_with_a_port() -> None:
    for listen, port in (("example.org", 443), ("0.0.0.0", 0)):
        with pytest.raises(InvalidInput, match="listen"):
            codec.decode(Proxy, _sidecar(listen=listen, port=port))


def test_refusals_of_a_proxy_are_bounded_and_fit_to_be_shown() -> None:
    odd = Nack("t", "n\u202e" + "n" * 10_000, "line\nline \x1b[2J" + "r" * 10_000)
    body = codec.encode(replace(PROXY, refused=(odd,) * 5_000))
    read = codec.decode(Proxy, body).refused
    assert len(read) == proxies.MAX_REFUSALS
    assert all((r.name + r.reason).isprintable() and len(r.reason) <= 400 for r in read)
    assert read[0].reason.startswith("line line")


@pytest.mark.parametrize(
    ("kind", "name"),
    [("sidecar", "shop"), ("sidecar", "shop/../x"), ("sidecar", "shop/a\n"), ("gateway", "a/b")],
)
def test_a_proxy_of_an_odd_name_is_refused(kind: str, name: str) -> None:
    message = pb.Proxy(id=name, kind=kind, state="serving", address="10.0.0.1", port=1)
    with pytest.raises(InvalidInput):
        codec.decode(Proxy, message.SerializeToString())

"""Values survive the wire, and what a peer may not say is refused at the border."""

import pytest

from federation.model.errors import InvalidInput
from federation.model.exports import Export, Group
from federation.model.imports import Bundle, Disagreement, Service
from federation.model.names import ClusterId
from federation.model.proxies import Kind, Proxy, Refusal, State
from federation.wire import codec
from federation.wire import federation_pb2 as pb
from tests.unit.builders import API, HTTP, backend, cluster, export, gateway

SERVICE = Service(
    API,
    export().type,
    (HTTP,),
    (ClusterId("east"), ClusterId("west")),
    (Disagreement("PortConflict", "port http is 81"),),
    labels=(("a", "b"),),
)
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
    (Refusal("t", "n", "r"),),
)


def test_values_come_back_as_they_went() -> None:
    told = export(labels=(("a", "1"), ("b", "2")), affinity="ClientIP", seconds=10)
    assert codec.decode_export(codec.encode_export(told)) == told
    assert codec.decode_backend(codec.encode_backend(backend())) == backend()
    assert codec.decode_gateway(codec.encode_gateway(gateway())) == gateway()
    assert codec.decode_service(codec.encode_service(SERVICE)) == SERVICE
    here = cluster(gateways=(gateway(),))
    assert codec.decode_cluster(codec.encode_cluster(here)) == here
    bundle = Bundle("east.mesh.test", ("PEM",))
    assert codec.decode_bundle(codec.encode_bundle(bundle)) == bundle
    assert codec.decode_proxy(codec.encode_proxy(PROXY)) == PROXY


def test_equal_values_give_equal_bytes_whatever_the_order_of_labels() -> None:
    one = export(labels=tuple((str(i), "v") for i in range(30)))
    other = export(labels=tuple((str(i), "v") for i in reversed(range(30))))
    assert codec.encode_export(one) == codec.encode_export(other)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (pb.Export(service="shop", cluster="east", type="Headless"), "NAMESPACE/NAME"),
        (pb.Export(service="shop/A_b", cluster="east", type="Headless"), "DNS label"),
        (pb.Export(service="shop/api", cluster="a.b", type="Headless"), "cluster id"),
        (pb.Export(service="shop/api", cluster="east", type="Magic"), "one of ClusterSetIP"),
        (
            pb.Export(
                service="shop/api",
                cluster="east",
                type="Headless",
                ports=[pb.Port(transport="TCP", number=70000)],
            ),
            "port is 70000",
        ),
        (
            pb.Export(
                service="shop/api",
                cluster="east",
                type="Headless",
                ports=[pb.Port(transport="TCP", number=1)] * 101,
            ),
            "101 ports",
        ),
        (
            pb.Export(service="shop/api", cluster="east", type="Headless", session_affinity="\n"),
            "printable",
        ),
    ],
)
def test_an_export_that_cannot_be_is_refused(message: pb.Export, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        codec.decode_export(message.SerializeToString())


def test_a_billion_ready_endpoints_are_capped() -> None:
    message = pb.Backend(
        service="shop/api", cluster="east", groups=[pb.Group(ready=1_000_000_000, total=1)]
    )
    read = codec.decode_backend(message.SerializeToString())
    assert read.groups == (Group("", codec.MAX_READY, codec.MAX_READY),)


def test_a_gateway_address_must_be_an_ip_address() -> None:
    message = pb.Gateway(name="gw", address="evil.example", port=1)
    with pytest.raises(InvalidInput, match="must be an IP address"):
        codec.decode_gateway(message.SerializeToString())


def test_a_creation_time_before_1970_is_the_beginning() -> None:
    told: Export = codec.decode_export(
        pb.Export(
            service="shop/api", cluster="east", type="Headless", created=-5
        ).SerializeToString()
    )
    assert told.created == 0


@pytest.mark.parametrize("type_url", sorted(codec.DECODERS))
def test_rubbish_is_refused_whatever_it_claims_to_be(type_url: str) -> None:
    with pytest.raises(InvalidInput):
        codec.DECODERS[type_url](b"\xff" * 20)

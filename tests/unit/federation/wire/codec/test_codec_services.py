"""Values survive the wire, and what a peer may not say is refused at the border."""

import contextlib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from federation.model.errors import InvalidInput
from federation.model.exports import Backend, Export, Gateway, Group
from federation.model.facts import Bundle, Cluster, Disagreement, Service
from federation.model.names import ClusterId
from federation.wire import codec
from federation.wire import federation_pb2 as pb
from federation.wire.codec import services
from tests.unit.builders import API, HTTP, backend, cluster, export, gateway

SERVICE = Service(
    API,
    export().type,
    (HTTP,),
    (ClusterId("east"), ClusterId("west")),
    (Disagreement("PortConflict", "port http is 81"),),
    labels=(("a", "b"),),
    default_port=80,
)


def test_values_come_back_as_they_went() -> None:
    told = export(labels=(("a", "1"), ("b", "2")), affinity="ClientIP", seconds=10)
    assert codec.decode(Export, codec.encode(told)) == told
    assert codec.decode(Backend, codec.encode(backend())) == backend()
    assert codec.decode(Gateway, codec.encode(gateway())) == gateway()
    assert codec.decode(Service, codec.encode(SERVICE)) == SERVICE
    here = cluster(gateways=(gateway(),))
    assert codec.decode(Cluster, codec.encode(here)) == here
    bundle = Bundle("east.mesh.test", ("PEM",))
    assert codec.decode(Bundle, codec.encode(bundle)) == bundle


def test_equal_values_give_equal_bytes_whatever_the_order_of_labels() -> None:
    one = export(labels=tuple((str(i), "v") for i in range(30)))
    other = export(labels=tuple((str(i), "v") for i in reversed(range(30))))
    assert codec.encode(one) == codec.encode(other)


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
        codec.decode(Export, message.SerializeToString())


def test_a_billion_ready_endpoints_are_capped() -> None:
    message = pb.Backend(
        service="shop/api", cluster="east", groups=[pb.Group(ready=1_000_000_000, total=1)]
    )
    read = codec.decode(Backend, message.SerializeToString())
    assert read.groups == (Group("", services.MAX_READY, services.MAX_READY),)


def test_ready_endpoints_are_capped_in_all_zones_together() -> None:
    groups = [pb.Group(zone=f"z{n}", ready=4_000_000_000) for n in range(services.MAX_GROUPS)]
    message = pb.Backend(service="shop/api", cluster="east", groups=groups)
    assert codec.decode(Backend, message.SerializeToString()).ready == services.MAX_READY


def test_a_gateway_address_must_be_an_ip_address() -> None:
    message = pb.Gateway(name="gw", address="evil.example", port=1)
    with pytest.raises(InvalidInput, match="must be an IP address"):
        codec.decode(Gateway, message.SerializeToString())


def test_every_type_that_travels_can_be_read() -> None:
    assert codec.KINDS.keys() == {
        *codec.REPORTS,
        *codec.FACTS,
        *codec.NAMES,
        codec.PROXY,
    }


@pytest.mark.parametrize("created", [-(2**63), -1, 0, 1, 2**63 - 1])
def test_any_creation_time_can_be_read_and_shown(created: int) -> None:
    told = pb.Export(service="shop/api", cluster="east", type="Headless", created=created)
    read = codec.decode(Export, told.SerializeToString()).created
    assert 0 <= read <= 253_402_300_799
    assert datetime.fromtimestamp(read, UTC).year >= 1970


def test_a_creation_time_before_1970_is_the_beginning() -> None:
    told: Export = codec.decode(
        Export,
        pb.Export(
            service="shop/api", cluster="east", type="Headless", created=-5
        ).SerializeToString(),
    )
    assert told.created == 0


@pytest.mark.parametrize("type_url", sorted(codec.KINDS))
def test_rubbish_is_refused_whatever_it_claims_to_be(type_url: str) -> None:
    with pytest.raises(InvalidInput):
        codec.KINDS[type_url].decode(b"\xff" * 20)


@pytest.mark.parametrize("type_url", sorted(codec.KINDS))
@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_refused(type_url: str, body: bytes) -> None:
    """Nothing else is raised."""
    with contextlib.suppress(InvalidInput):
        codec.KINDS[type_url].decode(body)


MESSAGES = {
    codec.EXPORT: pb.Export,
    codec.BACKEND: pb.Backend,
    codec.HEADLESS: pb.Headless,
    codec.GATEWAY: pb.Gateway,
    codec.SERVICE: pb.Service,
    codec.CLUSTER: pb.Cluster,
    codec.BUNDLE: pb.Bundle,
    codec.OBSERVATION: pb.Observation,
    codec.PROXY: pb.Proxy,
    codec.KNOWN_PROXY: pb.KnownProxy,
}


def whole(kind: type[Message]) -> st.SearchStrategy[Message]:
    """Messages with any values in any of their fields."""
    parts = {f.name: values(f) for f in kind.DESCRIPTOR.fields}
    return st.fixed_dictionaries({}, optional=parts).map(lambda found: kind(**found))


def values(field: Any) -> st.SearchStrategy[Any]:
    nested = field.message_type
    if nested is not None and nested.GetOptions().map_entry:
        texts = st.text(max_size=5)
        return st.dictionaries(texts, texts, max_size=3)
    if nested is not None:
        one: st.SearchStrategy[Any] = whole(getattr(pb, nested.name))
    else:
        one = SCALARS[field.type]
    return st.lists(one, max_size=3) if field.is_repeated else one


NAMES = ["shop/api", "east", "a.b", "Headless", "TCP", "gateway", "serving", "10.0.0.1", "::1"]
SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_STRING: st.text(max_size=20) | st.sampled_from(NAMES),
    FieldDescriptor.TYPE_UINT32: st.integers(0, 2**32 - 1) | st.integers(0, 100),
    FieldDescriptor.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
}


@pytest.mark.parametrize("type_url", sorted(MESSAGES))
@given(st.data())
def test_any_message_is_a_value_that_is_fit_to_be_shown_or_refused(
    type_url: str, data: st.DataObject
) -> None:
    message = data.draw(whole(MESSAGES[type_url]))
    try:
        shown = list(texts_in(codec.KINDS[type_url].decode(message.SerializeToString())))
    except InvalidInput as error:
        shown = [str(error)]
    if type_url != codec.BUNDLE:  # a certificate has lines
        assert all(text.isprintable() for text in shown)


def texts_in(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case tuple():
            for inner in value:
                yield from texts_in(inner)
        case _ if is_dataclass(value):
            for each in fields(value):
                yield from texts_in(getattr(value, each.name))
        case _:
            pass

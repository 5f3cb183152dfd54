"""Endpoints of headless services travel and come back; what is no endpoint is refused."""

import pytest

from federation.model.errors import InvalidInput
from federation.model.exports import MAX_NAMED
from federation.wire import federation_pb2 as pb
from federation.wire.codec.headless import decode_headless, encode_headless
from tests.unit.builders import headless


def test_they_come_back_as_they_were() -> None:
    there = headless("west", "10.2.0.1", "fd00::2")
    assert decode_headless(encode_headless(there)) == there
    assert encode_headless(there) == encode_headless(there)


@pytest.mark.parametrize(
    "endpoint",
    [
        pb.NamedEndpoint(cluster="", hostname="a"),
        pb.NamedEndpoint(cluster="west", hostname=""),
        pb.NamedEndpoint(cluster="west", hostname="a.b"),
        pb.NamedEndpoint(cluster="west", hostname="a", addresses=["nowhere"]),
        pb.NamedEndpoint(cluster="west", hostname="a", addresses=["10.0.0.1"] * 3),
        pb.NamedEndpoint(cluster="west", hostname="a", ports=[pb.Port(transport="TCP")]),
    ],
)
def test_what_is_no_endpoint_is_refused(endpoint: pb.NamedEndpoint) -> None:
    message = pb.Headless(service="shop/api", cluster="west", endpoints=[endpoint])
    with pytest.raises(InvalidInput):
        decode_headless(message.SerializeToString())


def test_too_many_are_refused() -> None:
    one = pb.NamedEndpoint(cluster="west", hostname="a")
    message = pb.Headless(service="shop/api", cluster="west", endpoints=[one] * (MAX_NAMED + 1))
    with pytest.raises(InvalidInput, match="endpoints"):
        decode_headless(message.SerializeToString())

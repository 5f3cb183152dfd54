"""Names of services travel whole; what is none is refused."""

import pytest

from federation.model.errors import InvalidInput
from federation.model.names import ClusterId
from federation.model.zones import GatewayNames
from federation.wire import federation_pb2 as pb
from federation.wire.codec.zones import (
    decode_gateway_names,
    decode_service_names,
    encode_gateway_names,
    encode_service_names,
)
from tests.unit.cluster_agent.dns.test_dns_answer import API, DATABASE, STEERED


@pytest.mark.parametrize("names", [API, STEERED, DATABASE])
def test_names_come_back_as_they_were(names: object) -> None:
    assert decode_service_names(encode_service_names(names)) == names  # type: ignore[arg-type]


def test_gateways_come_back_as_they_were() -> None:
    names = GatewayNames(ClusterId("east"), ("10.0.0.1", "fd00::1"))
    assert decode_gateway_names(encode_gateway_names(names)) == names


@pytest.mark.parametrize(
    "message",
    [
        pb.ServiceNames(service="shop", type="ClusterSetIP"),
        pb.ServiceNames(service="shop/api", type="External"),
        pb.ServiceNames(service="shop/api", type="ClusterSetIP", addresses=["nowhere"]),
        pb.ServiceNames(
            service="shop/db",
            type="Headless",
            endpoints=[pb.NamedEndpoint(cluster="east", hostname="a_b")],
        ),
    ],
)
def test_what_is_no_name_is_refused(message: pb.ServiceNames) -> None:
    with pytest.raises(InvalidInput):
        decode_service_names(message.SerializeToString())

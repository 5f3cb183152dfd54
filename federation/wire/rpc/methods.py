"""The calls that are made: path, kind, and how messages become bytes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from federation.wire import federation_pb2 as pb
from federation.wire.discovery import (
    decode_certify,
    decode_request,
    decode_response,
    decode_state_request,
    encode_request,
    encode_response,
    encode_state_response,
)

_ADS = "envoy.service.discovery.v3.AggregatedDiscoveryService"
Decode = Callable[[bytes], Any]
Encode = Callable[[Any], bytes]
MAX_MESSAGE_BYTES = 8 << 20
"""Responses are cut at 1 MB (xds.flight); the rest is room for initial versions."""
MAX_CALL_BYTES = 64 << 10
"""Of a question that is answered once: a request for a certificate has less than 2 KB."""


@dataclass(frozen=True, slots=True)
class Method:
    """One call. The first pair is for what the caller sends, the second for what it gets."""

    service: str
    name: str
    streams: bool
    encode_call: Encode
    decode_call: Decode
    encode_answer: Encode
    decode_answer: Decode
    largest: int = MAX_MESSAGE_BYTES
    """Bytes of a message of the caller, as far as they are taken."""

    @property
    def path(self) -> str:
        """The gRPC path."""
        return f"/{self.service}/{self.name}"


def _serialize(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data


def _down(service: str, name: str) -> Method:
    """A stream on which the caller is the receiver."""
    return Method(
        service, name, True, encode_request, decode_request, encode_response, decode_response
    )


def _up(service: str, name: str) -> Method:
    """A stream on which the caller is the sender."""
    return Method(
        service, name, True, encode_response, decode_response, encode_request, decode_request
    )


def _certify(service: str, name: str) -> Method:
    return Method(
        service,
        name,
        False,
        _serialize,
        decode_certify,
        _serialize,
        pb.Certificate.FromString,
        MAX_CALL_BYTES,
    )


_FEDERATION = "fedmesh.v1.Federation"
_WORKLOADS = "fedmesh.v1.Workloads"

FACTS = _down(_FEDERATION, "Facts")
REPORTS = _up(_FEDERATION, "Reports")
RENEW = _certify(_FEDERATION, "Renew")
RESOURCES = _down(_WORKLOADS, "Resources")
OBSERVATIONS = _up(_WORKLOADS, "Reports")
CERTIFY = _certify(_WORKLOADS, "Certify")
NAMES = _down(_WORKLOADS, "Names")
ENVOY_DELTA = _down(_ADS, "DeltaAggregatedResources")
ENVOY_STATE = Method(
    _ADS,
    "StreamAggregatedResources",
    True,
    _serialize,
    decode_state_request,
    encode_state_response,
    _serialize,
)

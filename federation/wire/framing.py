"""Messages of a sync stream to bytes and back.

The bytes are those of Envoy's discovery messages; `federation.proto` says how.
"""

from google.protobuf.message import DecodeError

from federation.model.errors import PeerBroke
from federation.wire import federation_pb2 as pb
from federation.xds.messages import Point, Request, Response, StateRequest, StateResponse
from federation.xds.resources import Resource

_INTERNAL = 13
"""The gRPC status code that Envoy itself puts into a refusal."""

MAX_ERROR = 128 << 10
"""Characters of a refusal that are read: Envoy names up to 500 resources in one."""


def encode_request(request: Request) -> bytes:
    """A Request as a DeltaDiscoveryRequest."""
    point = request.point
    return pb.SyncRequest(
        node=pb.Node(id=request.node) if request.node else None,
        type_url=request.type_url,
        subscribe=request.subscribe,
        unsubscribe=request.unsubscribe,
        initial_versions=request.initial_versions,
        response_nonce=request.nonce,
        error=pb.Status(code=_INTERNAL, message=request.error) if request.error else None,
        point=pb.Point(epoch=point.epoch, revision=point.revision) if point else None,
    ).SerializeToString()


def decode_request(data: bytes) -> Request:
    """A DeltaDiscoveryRequest as a Request; raises PeerBroke."""
    message = pb.SyncRequest()
    _parse(message, data)
    return Request(
        message.type_url,
        message.node.id,
        tuple(message.subscribe),
        tuple(message.unsubscribe),
        dict(message.initial_versions),
        message.response_nonce,
        _error(message),
        Point(message.point.epoch, message.point.revision) if message.HasField("point") else None,
    )


def _error(message: pb.SyncRequest | pb.StateRequest) -> str:
    return (message.error.message[:MAX_ERROR] or "refused") if message.HasField("error") else ""


def encode_response(response: Response) -> bytes:
    """A Response as a DeltaDiscoveryResponse."""
    point, complete = response.point, response.complete
    return pb.SyncResponse(
        resources=[
            pb.Resource(name=r.name, version=r.version, body=r.body) for r in response.resources
        ],
        type_url=response.type_url,
        nonce=response.nonce,
        removed=response.removed,
        point=pb.Point(epoch=point.epoch, revision=point.revision) if point else None,
        complete=pb.Complete(count=complete) if complete is not None else None,
    ).SerializeToString()


def decode_response(data: bytes) -> Response:
    """A DeltaDiscoveryResponse as a Response; raises PeerBroke."""
    message = pb.SyncResponse()
    _parse(message, data)
    return Response(
        message.type_url,
        message.nonce,
        tuple(Resource(r.name, r.version, r.body) for r in message.resources),
        tuple(message.removed),
        Point(message.point.epoch, message.point.revision) if message.HasField("point") else None,
        message.complete.count if message.HasField("complete") else None,
    )


def decode_state_request(data: bytes) -> StateRequest:
    """A DiscoveryRequest as a StateRequest; raises PeerBroke."""
    message = pb.StateRequest()
    _parse(message, data)
    return StateRequest(
        message.type_url,
        message.node.id,
        tuple(sorted(name for name in message.names if name != "*")),
        message.version,
        message.response_nonce,
        _error(message),
    )


def encode_state_response(response: StateResponse) -> bytes:
    """A StateResponse as a DiscoveryResponse."""
    return pb.StateResponse(
        version=response.version,
        bodies=[r.body for r in response.resources],
        type_url=response.type_url,
        nonce=response.nonce,
    ).SerializeToString()


def _parse(message: pb.SyncRequest | pb.SyncResponse | pb.StateRequest, data: bytes) -> None:
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise PeerBroke(f"these bytes are not a {type(message).__name__}: {error}") from error

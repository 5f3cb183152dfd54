"""Messages of a sync stream to bytes and back.

The bytes are those of Envoy's discovery messages; `federation.proto` says how.
"""

from google.protobuf.message import DecodeError, Message

from federation.model.errors import PeerBroke
from federation.wire import federation_pb2 as pb
from federation.xds.batches import Batch
from federation.xds.messages import MAX_NAMES, Point, Request, Response, StateRequest, StateResponse
from federation.xds.resources import Resource

_INTERNAL = 13
"""The gRPC status code that Envoy itself puts into a refusal."""

MAX_FIELDS = MAX_NAMES + 100
"""Of one message: names, versions and resources, each of which is a field, and the rest."""
_SMALLEST = 2
_VARINT, _EIGHT, _SIZED, _FOUR = 0, 1, 2, 5
_LONGEST_VARINT, _MORE = 10, 0x80

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
    """A Response as a DeltaDiscoveryResponse.

    The fields of a message may stand one after the other in any order, so what all receivers of a
    batch are sent is written once, and what each of them is sent is put behind it.
    """
    point, complete = response.point, response.complete
    own = pb.SyncResponse(
        type_url=response.type_url,
        nonce=response.nonce,
        removed=response.removed,
        point=pb.Point(epoch=point.epoch, revision=point.revision) if point else None,
        complete=pb.Complete(count=complete) if complete is not None else None,
    ).SerializeToString()
    return _encoded(response.resources) + own


def _encoded(resources: tuple[Resource, ...]) -> bytes:
    if not isinstance(resources, Batch):
        return _write(resources)
    if resources.encoded is None:
        resources.encoded = _write(resources)
    return resources.encoded


def _write(resources: tuple[Resource, ...]) -> bytes:
    """A resource without a body says that there is none of that name, which Envoy asked for."""
    return pb.SyncResponse(
        resources=[
            pb.Resource(
                name=r.name, version=r.version, body=r.body, aliases=() if r.body else (r.name,)
            )
            for r in resources
        ]
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


def decode_certify(data: bytes) -> pb.CertifyRequest:
    """A request for a certificate; raises PeerBroke."""
    message = pb.CertifyRequest()
    _parse(message, data)
    return message


def _parse(message: Message, data: bytes) -> None:
    if len(data) > _SMALLEST * MAX_FIELDS:
        _count(message, data)
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise PeerBroke(f"these bytes are not a {type(message).__name__}: {error}") from error


def _count(message: Message, data: bytes) -> None:
    """Raise PeerBroke when there are too many fields, before anything is made of them.

    What is no message at all is left to the parser.
    """
    at = count = 0
    while at < len(data):
        count += 1
        if count > MAX_FIELDS:
            raise PeerBroke(
                f"a {type(message).__name__} has more than {MAX_FIELDS} names, versions or "
                "resources"
            )
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == _SIZED:
            size, at = _varint(data, at)
            at += size
        elif kind == _VARINT:
            _, at = _varint(data, at)
        elif kind in (_EIGHT, _FOUR):
            at += 8 if kind == _EIGHT else 4
        else:
            return


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at a place, and the place after it; at the end of the data 0."""
    number = shift = 0
    for byte in data[at : at + _LONGEST_VARINT]:
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < _MORE:
            break
        shift += 7
    return number, at

"""What an agent tells of its proxies, to messages and back (`federation.wire.codec`).

Both ends cut what is for people, so that the proxies of a cluster fit into the controller's memory
whatever they refuse. Decoding parses once and raises InvalidInput.
"""

from federation.model.proxies import Kind, KnownProxy, Nack, State
from federation.wire import federation_pb2 as pb
from federation.wire.codec.checks import few, one_of, parse_message, word
from federation.wire.codec.proxies import parse_proxy_id, read_since, shown
from federation.xds.held_type import Limits

MAX_PROXIES = 10_000
"""Of a cluster; its agent counts what is more."""
MAX_BYTES = 8 << 20
SPARE = 10
"""A tenth more is taken than is told at a time: who comes is told before who goes."""
MAX_PROXY_BYTES = 16 << 10
LIMITS = Limits(MAX_PROXIES + MAX_PROXIES // SPARE, MAX_BYTES + MAX_BYTES // SPARE)
MAX_REFUSED = 5
"""Of what a proxy does not take; what is more is in no report."""
MAX_REASON = 200


def encode_known_proxy(proxy: KnownProxy) -> bytes:
    """A KnownProxy as bytes."""
    return pb.KnownProxy(
        kind=proxy.kind,
        id=proxy.id,
        connected=proxy.connected,
        state=proxy.state,
        version=proxy.version,
        certificate_ends=proxy.certificate_ends,
        refused=[
            pb.Nack(type_url=r.type_url, name=r.name[:MAX_REASON], reason=r.reason[:MAX_REASON])
            for r in proxy.refused[:MAX_REFUSED]
        ],
    ).SerializeToString(deterministic=True)


def decode_known_proxy(body: bytes) -> KnownProxy:
    """The KnownProxy in `body`; raises InvalidInput."""
    message = parse_message(pb.KnownProxy(), body)
    kind = one_of(Kind, message.kind, "kind of the proxy")
    return KnownProxy(
        kind,
        parse_proxy_id(kind, message.id),
        message.connected,
        one_of(State, message.state, "state of the proxy"),
        word(message.version, "version of the supervisor"),
        read_since(message.certificate_ends),
        tuple(
            Nack(word(r.type_url, "type"), shown(r.name)[:MAX_REASON], shown(r.reason)[:MAX_REASON])
            for r in few(message.refused, MAX_REFUSED, "refusals")
        ),
    )

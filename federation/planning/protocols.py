"""Which protocol the applications of one cluster are spoken to with, when clusters state several.

In: a port as the clusterset has it (merged), and as one cluster states it. Out: the port as the
last proxy of that cluster serves it, or that the cluster cannot serve those who call it. Callers
speak what the merged port says (decision 022). Used by `merge`, `plan` and the agent.
"""

from collections.abc import Iterable
from dataclasses import replace

from federation.model.exports import AppProtocol, ServicePort, Transport, app_protocol

_GRPC = "grpc"
_HTTP1 = "http"
_OF_HTTP = (_HTTP1, "h2c", _GRPC)

# Several spellings of one statement. What says nothing about the bytes fits everything.
_SAME = {
    "tcp": "",
    "ws": _HTTP1,
    "kubernetes.io/ws": _HTTP1,
    "http2": "h2c",
    "kubernetes.io/h2c": "h2c",
    "https": "tls",
    "wss": "tls",
    "kubernetes.io/wss": "tls",
}

_TEXT = {
    AppProtocol.HTTP1: "http",
    AppProtocol.HTTP2: "kubernetes.io/h2c",
    AppProtocol.TCP: "tcp",
}


def stated(port: ServicePort) -> str:
    """What a port says of its bytes, in one spelling; empty when it says nothing."""
    text = port.app_protocol.lower()
    if not text and app_protocol(port) is not AppProtocol.TCP:
        text = port.name.partition("-")[0]
    return _SAME.get(text, text)


def served(own: ServicePort, merged: ServicePort) -> ServicePort | None:
    """A cluster's own port as it is served in the clusterset; None when it cannot be.

    Bytes of an unknown protocol are passed on to whoever is there. Who states nothing is spoken to
    as the callers speak. Among the versions of HTTP each application gets the one it states, since
    proxies translate; gRPC is the exception, which HTTP/1.1 cannot carry.
    """
    theirs, ours = stated(merged), stated(own)
    if not theirs or not ours or ours == theirs:
        return _as(own, app_protocol(merged) if theirs else AppProtocol.TCP)
    if theirs not in _OF_HTTP or ours not in _OF_HTTP or (theirs, ours) == (_GRPC, _HTTP1):
        return None
    return own


def _as(port: ServicePort, protocol: AppProtocol) -> ServicePort:
    return port if app_protocol(port) is protocol else replace(port, app_protocol=_TEXT[protocol])


def served_ports(
    own: Iterable[ServicePort], merged: Iterable[ServicePort]
) -> tuple[ServicePort, ...]:
    """The TCP ports of a cluster as it serves them, without those that it cannot serve.

    One that the clusterset does not have (yet) is served as it is stated.
    """
    known = {port.number: port for port in merged if port.transport is Transport.TCP}
    found = (
        served(port, known.get(port.number, port))
        for port in own
        if port.transport is Transport.TCP
    )
    return tuple(port for port in found if port is not None)


def unserved(own: Iterable[ServicePort], merged: Iterable[ServicePort]) -> tuple[int, ...]:
    """The numbers of the ports that a cluster has and cannot serve, sorted."""
    ports = tuple(own)
    served_ = {port.number for port in served_ports(ports, merged)}
    numbers = {port.number for port in ports if port.transport is Transport.TCP}
    return tuple(sorted(numbers - served_))

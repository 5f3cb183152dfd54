"""Who serves whom when clusters state different protocols for one port (decision 022)."""

import pytest

from federation.model.exports import AppProtocol, Transport, app_protocol
from federation.planning.protocols import served, served_ports, stated, unserved
from tests.unit import builders as b

HTTP1, HTTP2, TCP = AppProtocol.HTTP1, AppProtocol.HTTP2, AppProtocol.TCP


@pytest.mark.parametrize(
    ("merged", "own", "spoken"),
    [
        # Who says nothing is spoken to as the callers speak.
        ("http", "", HTTP1),
        ("http", "tcp", HTTP1),
        ("grpc", "", HTTP2),
        ("kubernetes.io/h2c", "", HTTP2),
        ("https", "", TCP),
        # Callers of bytes bring what they like.
        ("", "http", TCP),
        ("", "grpc", TCP),
        ("tcp", "mysql", TCP),
        # Proxies translate between the versions of HTTP, so each application gets its own.
        ("http", "http", HTTP1),
        ("http", "kubernetes.io/h2c", HTTP2),
        ("http", "grpc", HTTP2),
        ("http", "kubernetes.io/ws", HTTP1),
        ("kubernetes.io/h2c", "http", HTTP1),
        ("h2c", "grpc", HTTP2),
        ("grpc", "http2", HTTP2),
        # What HTTP/1.1 cannot carry, and what is no HTTP, or none in clear.
        ("grpc", "http", None),
        ("http", "https", None),
        ("http", "mysql", None),
        ("https", "http", None),
        ("mysql", "redis", None),
        # The same in another spelling.
        ("HTTPS", "kubernetes.io/wss", TCP),
        ("Kubernetes.IO/H2C", "http2", HTTP2),
    ],
)
def test_each_pair(merged: str, own: str, spoken: AppProtocol | None) -> None:
    found = served(b.port(80, "web", own), b.port(80, "api", merged))
    assert (found and app_protocol(found)) == spoken
    assert found is None or (found.name, found.number) == ("web", 80)


def test_a_name_counts_like_a_statement() -> None:
    assert stated(b.port(80, "grpc-admin", "")) == "grpc"
    assert stated(b.port(80, "web", "")) == ""
    assert served(b.port(80, "http", ""), b.port(80, "grpc", "")) is None


def test_only_ports_that_callers_have_are_judged() -> None:
    own = (b.port(80, "web", "mysql"), b.port(81, "db", "mysql"), b.port(82, "x", ""))
    merged = (b.HTTP, b.port(81, "db", "http", Transport.UDP), b.port(82, "x", "http"))
    assert [p.number for p in served_ports(own, merged)] == [81, 82]
    assert [app_protocol(p) for p in served_ports(own, merged)] == [TCP, HTTP1]
    assert unserved(own, merged) == (80,)

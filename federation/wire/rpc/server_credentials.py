"""What a gRPC server shows in a TLS handshake, as it is at that moment.

In: whoever knows the identity now. Out: credentials of gRPC. Used by `federation.wire.rpc.server`.
"""

import threading
from collections.abc import Callable
from typing import Any

import grpc

from federation.wire.rpc.channel import Identity


def heralded(
    identity: Callable[[], Identity] | None, ring: Callable[[], None]
) -> Callable[[], Identity] | None:
    """The same, and `ring` is called first: gRPC asks when it has accepted a connection and has
    read nothing of it yet.
    """
    if identity is None:
        return None

    def shown() -> Identity:
        ring()
        return identity()

    return shown


def server_credentials(
    identity: Callable[[], Identity], require_client: bool
) -> grpc.ServerCredentials:
    """What a server shows; `identity` is asked at every handshake."""
    shown = identity()
    one_at_a_time = threading.Lock()

    def configuration(now: Identity) -> grpc.ServerCertificateConfiguration:
        roots = now.roots if require_client else None
        return grpc.ssl_server_certificate_configuration([(now.key, now.chain)], roots)

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        """Asked at every handshake, by several threads; a change is told to one of them.

        Told again and again, gRPC replaces what handshakes in other threads are using, and a flood
        of handshakes then ends the process by a fault in its memory (seen with 1.85).
        """
        nonlocal shown
        with one_at_a_time:
            now = identity()
            if now == shown:
                return None
            shown = now
        return configuration(now)

    fetch: Any = renewed  # None says that nothing changed; the stubs do not know that
    return grpc.dynamic_ssl_server_credentials(configuration(shown), fetch, require_client)

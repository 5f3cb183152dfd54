"""Where gRPC servers are made: mTLS, keep-alive, limits; handlers get links and plain calls.

The other end is `federation.wire.channel`.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio

from federation.model.errors import (
    Conflict,
    Denied,
    Failed,
    FedmeshError,
    InvalidInput,
    NotReady,
    PeerBroke,
)
from federation.runtime.clock import wall_seconds
from federation.runtime.refusals import RefusalLog
from federation.wire.channel import LIMITS, TIME, Identity
from federation.wire.links import Link, Peer
from federation.wire.methods import Method

HANDSHAKE_SECONDS = 5
STREAMS_PER_CONNECTION = 32
"""Agents and supervisors use three at a time, Envoy one."""
IDLE_SECONDS = 300
"""A connection without any call is closed after so long."""
MAX_CONNECTIONS = 10_000
"""At one listening address; one for each agent, proxy, or certificate that is being made."""

log = logging.getLogger(__name__)

_SERVER = [
    *LIMITS,
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.so_reuseport", 0),
    ("grpc.server_handshake_timeout_ms", HANDSHAKE_SECONDS * 1000),
    ("grpc.max_concurrent_streams", STREAMS_PER_CONNECTION),
    ("grpc.max_connection_idle_ms", IDLE_SECONDS * 1000),
    ("grpc.max_allowed_incoming_connections", MAX_CONNECTIONS),
]
_CODES = {
    InvalidInput: grpc.StatusCode.INVALID_ARGUMENT,
    Denied: grpc.StatusCode.PERMISSION_DENIED,
    NotReady: grpc.StatusCode.UNAVAILABLE,
    Conflict: grpc.StatusCode.FAILED_PRECONDITION,
    PeerBroke: grpc.StatusCode.INTERNAL,
}
_LONGEST_TIME = 32
_MOST_AHEAD = 1e10
_END_SECONDS = 2.0

StreamHandler = Callable[[Link[Any, Any], Peer], Awaitable[None]]
CallHandler = Callable[[Any, Peer], Awaitable[Any]]
Refuse = Callable[[Any, FedmeshError], Awaitable[None]]


@asynccontextmanager
async def serve(
    address: str,
    handlers: Iterable[tuple[Method, StreamHandler | CallHandler]],
    identity: Callable[[], Identity] | None = None,
    *,
    require_client: bool = True,
    limits: Iterable[tuple[str, int]] = (),
) -> AsyncIterator[None]:
    """Serve `handlers` at `address` ("IP:PORT" or "unix:PATH") while the context lasts.

    `identity` is asked at every handshake, so a renewed certificate needs no restart; None serves
    without TLS and is for unix sockets only. `limits` are gRPC's options where other ones than the
    usual are wanted. Raises Failed when the address cannot be taken.
    """
    options = {**dict(_SERVER), **dict(limits)}  # of two with one name gRPC takes the first
    server = grpc.aio.server(options=tuple(options.items()))
    refused = RefusalLog(log)
    running = _Running()
    for method, handler in handlers:
        known = running.knows(handler)
        server.add_generic_rpc_handlers((_generic(method, known, refused),))
    try:
        if identity is None:
            bound = server.add_insecure_port(address)
        else:
            bound = server.add_secure_port(address, _server_credentials(identity, require_client))
    except RuntimeError as error:
        raise Failed(f"cannot listen at {address}: is it taken by another program?") from error
    if not bound and not address.startswith("unix:"):
        raise Failed(f"cannot listen at {address}")
    await server.start()
    try:
        yield
    finally:
        await server.stop(grace=0.2)
        await running.end()


class _Running:
    """The calls that handlers are busy with.

    gRPC's server cancels them when it stops, but does not wait until they are gone; whoever is
    then cancelled again by the end of the loop is told as a traceback on standard error.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def knows(self, handler: Any) -> Any:
        """The same handler, known here while it runs."""

        async def run(what: Any, peer: Peer) -> Any:
            task: Any = asyncio.current_task()
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return await handler(what, peer)

        return run

    async def end(self) -> None:
        """Wait until none is left, for a while."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_END_SECONDS)
        await asyncio.sleep(0)  # what of gRPC waits for them ends, too


def _server_credentials(
    identity: Callable[[], Identity], require_client: bool
) -> grpc.ServerCredentials:
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


def _generic(method: Method, handler: Any, refused: RefusalLog) -> grpc.GenericRpcHandler:
    async def refuse(context: Any, error: FedmeshError) -> None:
        if isinstance(error, Denied | InvalidInput):
            refused.say("call refused", method=method.name, peer=context.peer(), reason=error)
        await context.abort(_code(error), str(error))

    if method.streams:
        made = grpc.stream_stream_rpc_method_handler(
            _stream(handler, refuse), method.decode_call, method.encode_answer
        )
    else:
        made = grpc.unary_unary_rpc_method_handler(
            _call(handler, refuse), method.decode_call, method.encode_answer
        )
    return grpc.method_handlers_generic_handler(method.service, {method.name: made})


class _ServerLink:
    def __init__(self, context: Any) -> None:
        self._context = context

    async def read(self) -> Any:
        message = await self._context.read()
        return None if message is grpc.aio.EOF else message

    async def write(self, message: Any) -> None:
        await self._context.write(message)


def _stream(handler: StreamHandler, refuse: Refuse) -> Callable[[Any, Any], Awaitable[None]]:
    async def run(_: Any, context: Any) -> None:
        try:
            await handler(_ServerLink(context), _peer(context))
        except FedmeshError as error:
            await refuse(context, error)

    return run


def _call(handler: CallHandler, refuse: Refuse) -> Callable[[Any, Any], Awaitable[Any]]:
    async def run(request: Any, context: Any) -> Any:
        try:
            return await handler(request, _peer(context))
        except FedmeshError as error:
            await refuse(context, error)
            return None

    return run


def _code(error: FedmeshError) -> grpc.StatusCode:
    return _CODES.get(type(error), grpc.StatusCode.INTERNAL)


def _peer(context: Any) -> Peer:
    shown = context.auth_context()
    leaf = b"".join(shown.get("x509_pem_cert", []))
    others = b"".join(shown.get("x509_pem_cert_chain", []))  # gRPC leaves the leaf out
    metadata = dict(context.invocation_metadata() or ())
    scheme, _, token = str(metadata.get("authorization", "")).partition(" ")
    bearer = token if scheme.lower() == "bearer" else ""
    return Peer(context.peer(), leaf + others, bearer, clock_of(metadata.get(TIME), wall_seconds()))


def clock_of(said: object, now: float) -> float | None:
    """By how much a caller is ahead that says so late it is; None when it says nothing sensible."""
    try:
        ahead = float(str(said)[:_LONGEST_TIME]) - now
    except ValueError:
        return None
    return ahead if abs(ahead) < _MOST_AHEAD else None

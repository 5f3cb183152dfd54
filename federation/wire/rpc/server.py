"""Where gRPC servers are made: mTLS, keep-alive, limits; handlers get links and plain calls.

The other end is `federation.wire.rpc.channel`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, closing, nullcontext
from errno import EADDRINUSE
from functools import partial
from typing import Any

import grpc
import grpc.aio

from federation.model.errors import (
    Denied,
    Failed,
    FedmeshError,
    InvalidInput,
)
from federation.runtime.binding import patiently
from federation.runtime.clock import wall_seconds
from federation.runtime.limited_log import LimitedLog
from federation.wire.rpc.arrivals import Arrivals
from federation.wire.rpc.channel import LIMITS, TIME, Identity
from federation.wire.rpc.connection_guard import guarded
from federation.wire.rpc.intake import Intake
from federation.wire.rpc.methods import Method
from federation.wire.rpc.server_credentials import heralded, server_credentials
from federation.wire.rpc.server_links import (
    CallHandler,
    DecodedLink,
    ServerLink,
    StreamHandler,
    answered_once,
)
from federation.wire.rpc.streams import Link, Peer
from federation.wire.rpc.throttle import Paced

HANDSHAKE_SECONDS = 5
STREAMS_PER_CONNECTION = 8
"""Agents and supervisors use three at a time, Envoy one. So many heads without a bound to their
size gRPC takes of a caller that has not acknowledged its limits."""
HEADERS = 50
"""Of a call; ours have ten."""
IDLE_SECONDS = 300
"""A connection without any call is closed after so long."""
PING_SECONDS = 10
PONG_SECONDS = 10
"""A peer that answers a PING no sooner is frozen or cut off: the connection ends."""
MAX_CONNECTIONS = 10_000
"""At one listening address; one for each agent, proxy, or certificate that is being made."""

WINDOW_BYTES = 64 << 10
"""Of a stream that nobody reads from; a message that is read may be as large as it may be."""
FRAME_BYTES = 16 << 10
RECEIVE_BUFFER_BYTES = 256 << 10

log = logging.getLogger(__name__)

_SERVER = [
    *LIMITS,
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_time_ms", PING_SECONDS * 1000),
    ("grpc.keepalive_timeout_ms", PONG_SECONDS * 1000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.so_reuseport", 0),
    ("grpc.server_handshake_timeout_ms", HANDSHAKE_SECONDS * 1000),
    ("grpc.max_concurrent_streams", STREAMS_PER_CONNECTION),
    ("grpc.max_connection_idle_ms", IDLE_SECONDS * 1000),
    ("grpc.max_allowed_incoming_connections", MAX_CONNECTIONS),
]
_STRANGERS = [
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", WINDOW_BYTES),
    ("grpc.http2.max_frame_size", FRAME_BYTES),
    ("grpc.http2.hpack_table_size.decoder", 0),
    ("grpc.tcp_receive_buffer_size", RECEIVE_BUFFER_BYTES),
]
"""Where others than this machine's users may call: what may come before anybody wants to read it,
which otherwise grows with the speed of the line up to hundreds of megabytes."""
_LONGEST_TIME = 32
_MOST_AHEAD = 1e10
_END_SECONDS = 2.0

Authenticate = Callable[[Peer], object]
"""Raises Denied; asked before a byte of a message is read."""


@asynccontextmanager
async def serve(
    address: str,
    handlers: Iterable[tuple[Method, StreamHandler | CallHandler]],
    identity: Callable[[], Identity] | None = None,
    *,
    authenticate: Authenticate = lambda _: None,
    require_client: bool = True,
    limits: Iterable[tuple[str, int]] = (),
) -> AsyncIterator[None]:
    """Serve `handlers` at `address` ("IP:PORT" or "unix:PATH") while the context lasts.

    `identity` is asked at every handshake, so a renewed certificate needs no restart; None serves
    without TLS and is for unix sockets only. `authenticate` says who may call at all. `limits` are
    gRPC's options where other ones than the usual are wanted. Raises Failed when the address cannot
    be taken.
    """
    hard = _STRANGERS if identity is not None else []
    options = {
        **dict(_SERVER),
        **dict(hard),
        **dict(limits),
    }  # of two with one name the first counts
    server = grpc.aio.server(options=tuple(options.items()))
    door = _Door(authenticate, Intake(), LimitedLog(log), is_hostile=identity is not None)
    running = _Running()
    for method, handler in handlers:
        door.add(method, running.knows(handler))
    server.add_generic_rpc_handlers((door,))

    with closing(Arrivals()) as arrivals:
        shown = heralded(identity, arrivals.ring)
        bound = await _listen(partial(_bind, server, address, shown, require_client), address)
        await server.start()
        guard = guarded(bound, door.intake, arrivals) if door.is_hostile else nullcontext()
        try:
            with guard:
                yield
        finally:
            await server.stop(grace=0.2)
            await running.end()


async def _listen(bind: Callable[[], int], address: str) -> int:
    """The port that is taken; raises Failed."""

    async def take() -> int:
        try:
            return bind()
        except RuntimeError as error:  # gRPC does not say which
            raise OSError(EADDRINUSE, "it is taken, or not there") from error

    try:
        return await patiently(take, address)
    except OSError as error:
        raise Failed(f"cannot listen at {address}: is it taken by another program?") from error


def _bind(
    server: Any, address: str, identity: Callable[[], Identity] | None, require_client: bool
) -> int:
    """The port that is taken, 0 for a unix socket; raises RuntimeError.

    The credentials are made anew each time: gRPC takes them only once.
    """
    if identity is None:
        bound: int = server.add_insecure_port(address)
    else:
        bound = server.add_secure_port(address, server_credentials(identity, require_client))
    if not bound and not address.startswith("unix:"):
        raise RuntimeError("no port")
    return bound


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


class _Door(grpc.GenericRpcHandler):
    """What every call passes: who calls is asked before anything that it sends is read."""

    def __init__(
        self, authenticate: Authenticate, intake: Intake, refused: LimitedLog, *, is_hostile: bool
    ) -> None:
        self._authenticate = authenticate
        self.intake = intake
        self._refused = refused
        self.is_hostile = is_hostile
        self._methods: dict[str, tuple[Method, StreamHandler]] = {}

    def add(self, method: Method, handler: Any) -> None:
        """Serve a method."""
        self._methods[method.path] = method, (handler if method.streams else answered_once(handler))

    def service(self, handler_call_details: Any) -> Any:
        """The handler of a call. All are streams to gRPC: it reads those when asked to."""
        found = self._methods.get(handler_call_details.method)
        if found is None:
            return None
        method, work = found
        metadata = handler_call_details.invocation_metadata
        if len(metadata) > HEADERS:
            return grpc.stream_stream_rpc_method_handler(_refuse_head)

        async def run(_: Any, context: Any) -> None:
            try:
                peer = _peer(context, dict(metadata))
                self._authenticate(peer)
                with self.intake.call(peer.address, method.largest):
                    await work(self._link(method, context, peer), peer)
            except FedmeshError as error:
                await self._refuse(method, context, error)

        return grpc.stream_stream_rpc_method_handler(run, None, method.encode_answer)

    def _link(self, method: Method, context: Any, peer: Peer) -> Link[Any, Any]:
        raw = ServerLink(context, method, peer.address, self.intake)
        return Paced(raw, method.decode_call) if self.is_hostile else DecodedLink(raw, method)

    async def _refuse(self, method: Method, context: Any, error: FedmeshError) -> None:
        if isinstance(error, Denied | InvalidInput):
            self._refused.say("call refused", method=method.name, peer=context.peer(), reason=error)
        await context.abort(_code(error), str(error))


async def _refuse_head(_: Any, context: Any) -> None:
    text = f"a call may have at most {HEADERS} headers"
    await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, text)


def _code(error: FedmeshError) -> grpc.StatusCode:
    return grpc.StatusCode[error.grpc_code]


def _peer(context: Any, metadata: Mapping[str, Any]) -> Peer:
    shown = context.auth_context()
    leaf = b"".join(shown.get("x509_pem_cert", []))
    others = b"".join(shown.get("x509_pem_cert_chain", []))  # gRPC leaves the leaf out
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

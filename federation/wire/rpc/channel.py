"""Where gRPC channels are made: mTLS, keep-alive, limits.

Out go `Link`s and plain calls; gRPC's own errors become those of `federation.model.errors`. The
other end is `federation.wire.rpc.server`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    stop_after_delay,
    wait_random_exponential,
)

from federation.model.errors import FedmeshError, NotReady, of_grpc_code
from federation.runtime.clock import wall_seconds
from federation.runtime.loops import Loop
from federation.runtime.reasons import connection_reason
from federation.wire.rpc.methods import MAX_MESSAGE_BYTES, Method
from federation.wire.rpc.streams import Link

LIMITS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
]
_CLIENT = [
    *LIMITS,
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
]
CALL_SECONDS = 10.0
LONGEST_PAUSE = 3.0
"""Between two tries to connect."""
AGAIN_SECONDS = 1.0
"""The longest pause before a call that was refused for their number is made again."""
_REFUSED = "RST_STREAM with error code 7"
TIME = "x-fedmesh-time"
"""How late it is where a stream is opened, in seconds since 1970: clocks that differ are shown."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What one end of mTLS shows and trusts; all PEM. `key` and `chain` empty: shows nothing."""

    roots: bytes
    key: bytes = b""
    chain: bytes = b""


class Connection:
    """An open channel to one server."""

    def __init__(self, channel: grpc.aio.Channel, address: str, token: str) -> None:
        self._channel = channel
        self._address = address
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()

    async def call(self, method: Method, request: Any) -> Any:
        """One question, one answer; raises a FedmeshError that names the address."""
        caller = self._channel.unary_unary(method.path, method.encode_call, method.decode_answer)

        async def once() -> Any:
            return await caller(request, timeout=CALL_SECONDS, metadata=self._metadata)

        again = AsyncRetrying(
            retry=retry_if_exception(_was_refused),
            stop=stop_after_delay(CALL_SECONDS),
            wait=wait_random_exponential(0.02, AGAIN_SECONDS),
            sleep=asyncio.sleep,
            reraise=True,
        )
        try:
            return await again(once)
        except grpc.aio.AioRpcError as error:
            raise _translated(error, self._address) from error

    @asynccontextmanager
    async def stream(self, method: Method) -> AsyncIterator[Link[Any, Any]]:
        """A bidirectional stream; errors inside raise a FedmeshError that names the address."""
        caller = self._channel.stream_stream(method.path, method.encode_call, method.decode_answer)
        call = caller(metadata=(*self._metadata, (TIME, f"{wall_seconds():.3f}")))
        try:
            yield _ClientLink(call, self._address)
        finally:
            call.cancel()


def stay_connected(name: str, meet: Callable[[], Awaitable[Any]]) -> Loop:
    """The loop of whoever stays connected with a peer, and comes back when that went away.

    With growing pauses also when the peer has ended it in order: others lost it at the same moment.
    """
    says = f"{name} cannot be used"
    pause, explained = LONGEST_PAUSE, (FedmeshError,)
    return Loop(name, meet, says=says, rest=None, longest_pause=pause, explained=explained)


class _ClientLink:
    def __init__(self, call: Any, address: str) -> None:
        self._call = call
        self._address = address

    async def read(self) -> Any:
        try:
            message = await self._call.read()
        except grpc.aio.AioRpcError as error:
            raise _translated(error, self._address) from error
        if message is grpc.aio.EOF:
            await self._raise_end()
            return None
        return message

    async def write(self, message: Any) -> None:
        try:
            await self._call.write(message)
        except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError) as error:
            await self._raise_end()  # how the call ended says more than that writing failed
            raise NotReady(f"{self._address} ended the stream") from error

    async def _raise_end(self) -> None:
        code = await self._call.code()
        if code is not grpc.StatusCode.OK:
            kind = of_grpc_code(code.name)
            reason = connection_reason(await self._call.details() or code.name)
            raise kind(f"{self._address}: {reason}")


def _was_refused(error: BaseException) -> bool:
    """Whether the server took no notice of a call since there were too many (REFUSED_STREAM).

    gRPC counts a call until it has forgotten it, which is later than its caller has the answer.
    """
    return (
        isinstance(error, grpc.aio.AioRpcError)
        and error.code() is grpc.StatusCode.UNAVAILABLE
        and _REFUSED in (error.details() or "")
    )


def _translated(error: grpc.aio.AioRpcError, address: str) -> FedmeshError:
    kind = of_grpc_code(error.code().name)
    return kind(f"{address}: {connection_reason(error.details() or error.code().name)}")


@asynccontextmanager
async def connect(
    address: str, identity: Identity | None, server_name: str = "", token: str = ""
) -> AsyncIterator[Connection]:
    """A connection to `address`; with `identity` over TLS to the server called `server_name`.

    Nothing is dialled before the first call. Raises InvalidInput for unusable PEM.
    """
    if identity is None:
        channel = grpc.aio.insecure_channel(address, options=_CLIENT)
    else:
        credentials = grpc.ssl_channel_credentials(
            identity.roots, identity.key or None, identity.chain or None
        )
        options = [*_CLIENT, ("grpc.ssl_target_name_override", server_name)]
        channel = grpc.aio.secure_channel(address, credentials, options=options)
    try:
        yield Connection(channel, address, token)
    finally:
        await channel.close()

"""The load generator's gRPC: unary calls over a few channels, none of which sends anything twice.

In: calls. Out: their ends; a call is good when its status is OK. Messages are bytes, so that no
generated code is needed.
"""

import asyncio
import time
from collections.abc import Sequence
from itertools import cycle

import grpc
import grpc.aio

from federation.runtime import tasks
from federation.verify.call import OK, Call, Load, who_answered

_CHANNELS = 4
"""One connection each: a proxy's limit of streams on a connection is no limit of the load."""


Method = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]


def options(authority: str) -> list[tuple[str, object]]:
    """Options of a channel: no retries, own connection, and back soon when its proxy was away."""
    return [
        ("grpc.default_authority", authority),
        ("grpc.enable_retries", 0),
        ("grpc.enable_http_proxy", 0),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1000),
    ]


def open_channels(load: Load) -> list[grpc.aio.Channel]:
    """The channels of a load; they connect with their first calls."""
    target = f"{load.host}:{load.port}"
    wanted = options(load.about.host)
    return [grpc.aio.insecure_channel(target, options=wanted) for _ in range(_CHANNELS)]


class GrpcClient:
    """Sends calls over the channels in turn."""

    def __init__(self, load: Load, channels: Sequence[grpc.aio.Channel]) -> None:
        self._load = load
        self._channels = channels
        methods: list[Method] = [channel.unary_unary(load.about.path) for channel in channels]
        self._next = cycle(methods)
        self._running: set[asyncio.Task[None]] = set()

    def begin(self, call: Call) -> None:
        """Send a call."""
        running = tasks.start(self._call(next(self._next), call), f"grpc-{call.id}")
        self._running.add(running)
        running.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """Close the channels, after the last calls."""
        await asyncio.gather(*self._running)
        for channel in self._channels:
            await channel.close()

    async def _call(self, method: Method, call: Call) -> None:
        try:
            answer = await method(
                b"", timeout=self._load.timeout, metadata=(("x-request-id", call.id),)
            )
        except grpc.aio.AioRpcError as error:
            call.failed(f"grpc: {error.code().name}", time.monotonic())
        else:
            call.answered(OK, who_answered(answer), time.monotonic())

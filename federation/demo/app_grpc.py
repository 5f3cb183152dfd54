"""The demo's application over gRPC; messages are JSON, so that no generated code is needed.

/fedmesh.demo.Echo/Who    unary: what HTTP answers, {cluster, workload, version, caller, method,
                          path}
/fedmesh.demo.Echo/Watch  server-streaming: the same with a `counter`, until cancelled; the request
                          may be JSON {"count": how many, "interval": seconds, default 0.1}
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import grpc
import grpc.aio

from federation.demo.app_work import Work, line_of
from federation.model.errors import Failed, InvalidInput

SERVICE = "fedmesh.demo.Echo"
WHO = f"/{SERVICE}/Who"
WATCH = f"/{SERVICE}/Watch"
MAX_INTERVAL_SECONDS = 60.0
_OPTIONS = [("grpc.so_reuseport", 0), ("grpc.http2.max_ping_strikes", 0)]
_GRACE_SECONDS = 0.2
_INTERVAL_SECONDS = 0.1

Context = grpc.aio.ServicerContext[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Watching:
    """What a Watch asks for; `count` None: until cancelled."""

    count: int | None = None
    interval: float = _INTERVAL_SECONDS


def parse_watch(request: bytes) -> Watching:
    """What the bytes of a request ask for; raises InvalidInput."""
    try:
        said = json.loads(request or b"{}")
        most, interval = said.get("count"), float(said.get("interval", _INTERVAL_SECONDS))
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidInput("the request must be empty or JSON {count, interval}") from error
    if not (most is None or isinstance(most, int)) or not 0 <= interval <= MAX_INTERVAL_SECONDS:
        raise InvalidInput(
            f"count must be a number and interval between 0 and {MAX_INTERVAL_SECONDS:g} seconds"
        )
    return Watching(most, interval)


class Echo:
    """The service; its methods are what gRPC calls."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def who(self, _: bytes, context: Context) -> bytes:
        """Say who answers; the journal counts every call, as it counts POST."""
        return line_of(self._processed(context, WHO, effect=True))

    async def watch(self, request: bytes, context: Context) -> AsyncIterator[bytes]:
        """Say it again and again."""
        try:
            wanted = parse_watch(request)
        except InvalidInput as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        said = self._processed(context, WATCH, effect=False)
        for number in count() if wanted.count is None else range(wanted.count):
            if number:
                await asyncio.sleep(wanted.interval)
            yield line_of({**said, "counter": number})

    def _processed(self, context: Context, path: str, *, effect: bool) -> dict[str, str | None]:
        told = {str(key): value for key, value in context.invocation_metadata() or ()}
        self._work.process(_text(told.get("x-request-id")), effect=effect)
        return self._work.said_to(_text(told.get("x-forwarded-client-cert")), "POST", path)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


@asynccontextmanager
async def serving(address: str, work: Work) -> AsyncIterator[None]:
    """Serve at "IP:PORT" while the context lasts; raises Failed when it cannot be taken."""
    echo = Echo(work)
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "Who": grpc.unary_unary_rpc_method_handler(echo.who),
        "Watch": grpc.unary_stream_rpc_method_handler(echo.watch),
    }
    server = grpc.aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise Failed(f"{address} is taken by another program, or is not ours") from error
    await server.start()
    try:
        yield
    finally:
        await server.stop(_GRACE_SECONDS)

"""One call at a gRPC server as a link: messages of a bounded size in, answers out.

In: gRPC's context of a call. Out: a `Link` for the handler; a handler of a single question as one
of a stream. Used by `federation.wire.rpc.server`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc.aio

from federation.model.errors import InvalidInput
from federation.wire.rpc.intake import Intake
from federation.wire.rpc.methods import Method
from federation.wire.rpc.streams import Link, Peer

CALL_SECONDS = 10.0
"""In which a question that is answered once must come whole."""

StreamHandler = Callable[[Link[Any, Any], Peer], Awaitable[None]]
CallHandler = Callable[[Any, Peer], Awaitable[Any]]


class ServerLink:
    """One call as gRPC shows it; what is read are bytes."""

    def __init__(self, context: Any, method: Method, peer: str, intake: Intake) -> None:
        self._context = context
        self._method = method
        self._peer = peer
        self._intake = intake

    async def read(self) -> bytes | None:
        """The next message, None at the end; raises InvalidInput for one that is too large."""
        data = await self._context.read()
        if data is grpc.aio.EOF:
            return None
        self._intake.took(self._peer, len(data))
        if len(data) > self._method.largest:
            raise InvalidInput(
                f"a message of {self._method.name} has {len(data)} bytes, but may have at most "
                f"{self._method.largest}"
            )
        found: bytes = data
        return found

    async def write(self, message: Any) -> None:
        """Send a message."""
        await self._context.write(message)


class DecodedLink:
    """A link of whoever is believed: messages, as fast as they come."""

    def __init__(self, link: ServerLink, method: Method) -> None:
        self._link = link
        self._decode = method.decode_call
        self.write = link.write

    async def read(self) -> Any:
        """The next message, decoded; None at the end."""
        data = await self._link.read()
        return None if data is None else self._decode(data)


def answered_once(handler: CallHandler) -> StreamHandler:
    """One question, one answer."""

    async def run(link: Link[Any, Any], peer: Peer) -> None:
        try:
            async with asyncio.timeout(CALL_SECONDS):
                request = await link.read()
        except TimeoutError:
            raise InvalidInput(f"the message did not come whole in {CALL_SECONDS:g} s") from None
        if request is None:
            raise InvalidInput("there is no message")
        await link.write(await handler(request, peer))

    return run

"""One keep-alive HTTP/1.1 connection of the load generator, and the calls made on it.

In: requests of `federation.verify.client_http` and the bytes of answers. Out: the end of each call,
however it ended. Nothing is sent twice.
"""

import asyncio
import time
from collections.abc import Callable
from typing import cast

from federation.model.errors import PeerBroke
from federation.verify.call import Call, who_answered
from federation.verify.http1 import Message, MessageReader


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one call on it; gives itself back when it is free."""

    def __init__(self, on_free: Callable[["Connection"], None]) -> None:
        self._on_free = on_free
        self._reader = MessageReader(answers=True)
        self._call: Call | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The other side accepted."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own are no subclass

    @property
    def usable(self) -> bool:
        """Whether a request may be sent on it."""
        transport = self._transport
        return transport is not None and not transport.is_closing() and self._reader.idle

    def send(self, call: Call, data: bytes) -> None:
        """Send the request of a call."""
        assert self._transport is not None  # noqa: S101 - only connected ones are given out
        self._call = call
        self._transport.write(data)

    def abort(self) -> None:
        """Close at once: what is still to come belongs to nobody."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Part of an answer."""
        try:
            self._reader.feed(data)
            message = self._reader.take()
        except PeerBroke as error:
            self._fail(f"protocol: {error}")
            self.abort()
            return
        if message is not None:
            self._answered(message)

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side closed."""
        message = self._reader.end()
        if message is not None:
            self._answered(message)
        self._fail("reset" if exc is not None else "closed")

    def _answered(self, message: Message) -> None:
        call, self._call = self._call, None
        if call is None:  # an answer that nobody asked for, such as 408 before closing
            self.abort()
            return
        call.answered(int(message.words[1]), _who(message), time.monotonic())
        if message.closes or not self.usable:
            self.abort()
        else:
            self._on_free(self)

    def _fail(self, error: str) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.failed(error, time.monotonic())


def _who(message: Message) -> tuple[str, str]:
    if not message.headers.get("content-type", "").startswith("application/json"):
        return "", ""
    return who_answered(message.body)


class Counted(Connection):
    """A connection of which its pool learns when it is gone."""

    def __init__(self, on_free: Callable[[Connection], None], on_lost: Callable[[], None]) -> None:
        super().__init__(on_free)
        self._on_lost = on_lost

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side closed."""
        super().connection_lost(exc)
        self._on_lost()


def time_out(connection: Connection, call: Call) -> None:
    """End a call that took too long, and its connection."""
    if not call.over:
        call.failed("timeout", time.monotonic())
        connection.abort()

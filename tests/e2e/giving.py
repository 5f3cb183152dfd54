"""An application that gives large answers, in a process of its own: GIVING ADDRESS PORT.

/bytes/N  N bytes, as fast as they are taken
else      two bytes
"""

import asyncio
import contextlib
import sys
from typing import cast

import uvloop

_PIECE = bytes(256 * 1024)
_TAKEN_AT_ONCE = 64 * 1024


class Giving(asyncio.Protocol):
    """One connection; requests come one after the other."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._head = b""
        self._left = 0
        self._may_write = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own are no subclass
        self._transport.set_write_buffer_limits(_TAKEN_AT_ONCE)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._head += data
        head, found, rest = self._head.partition(b"\r\n\r\n")
        if not found or self._transport is None:
            return
        self._head = rest if not rest.startswith(b"hi") else b""
        kind, _, number = head.split(b" ", 2)[1].lstrip(b"/").partition(b"/")
        size = int(number) if kind == b"bytes" else 2
        self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        self._left = size
        self._give()

    def pause_writing(self) -> None:
        self._may_write = False

    def resume_writing(self) -> None:
        self._may_write = True
        self._give()

    def _give(self) -> None:
        while self._left and self._may_write and self._transport is not None:
            size = min(self._left, len(_PIECE))
            self._left -= size
            self._transport.write(_PIECE[:size])


async def _serve(address: str, port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Giving, address, port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve(sys.argv[1], int(sys.argv[2])))

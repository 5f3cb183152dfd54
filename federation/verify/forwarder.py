"""A link that is long and narrow: `python -m federation.verify.forwarder --listen A --to B`.

Passes TCP connections on. Everything that happens on one side, its end included, is seen on the
other half a round trip later, and no more bits pass in a second than the link carries. Kill it, and
the link refuses; freeze it, and it is a black hole.
"""

import argparse
import asyncio
import sys
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import cast

from federation.runtime import tasks
from federation.runtime.loops import Loop, run_until_stopped

_BUFFERED_SECONDS = 0.2
"""A sender is held back when the link has so much to carry already, as a router would."""


_Happening = Callable[[asyncio.Transport], None]


class Half(asyncio.Protocol):
    """One side of a connection; what comes in here goes out at `other`."""

    def __init__(self, delay: float, bits: float) -> None:
        self._delay = delay
        self._bits = bits
        self._free_at = 0.0
        self._under_way: deque[_Happening] = deque()
        self._waiting: deque[_Happening] = deque()
        self.transport: asyncio.Transport | None = None
        self.other: Half | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """This side is there; what happened on the other meanwhile happens here now."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own are no subclass
        for happening in self._waiting:
            happening(self.transport)
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        """Carry data to the other side."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._free_at = max(self._free_at, now) + len(data) * 8 / self._bits
        self._carry(partial(_write, data))
        ahead = self._free_at - now
        if ahead > _BUFFERED_SECONDS and self.transport is not None:
            self.transport.pause_reading()
            loop.call_later(ahead - _BUFFERED_SECONDS / 2, self._go_on)

    def _go_on(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def eof_received(self) -> bool:
        """One direction has ended, the other goes on."""
        self._carry(_end_writing)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """This side is gone; the other learns it after what it is still owed."""
        self._carry(_break if exc else _close)

    def _carry(self, happening: _Happening) -> None:
        """Let it happen on the other side, when all before it has."""
        loop = asyncio.get_running_loop()
        self._under_way.append(happening)
        # A loop gives no order to calls at one and the same time; the queue does.
        loop.call_at(max(self._free_at, loop.time()) + self._delay, self._arrive)

    def _arrive(self) -> None:
        happening = self._under_way.popleft()
        if self.other is not None:
            self.other.happen(happening)

    def happen(self, happening: _Happening) -> None:
        """Something from the other side has arrived at this one."""
        if self.transport is None:
            self._waiting.append(happening)
        else:
            happening(self.transport)


def _write(data: bytes, transport: asyncio.Transport) -> None:
    if not transport.is_closing():
        transport.write(data)


def _end_writing(transport: asyncio.Transport) -> None:
    if not transport.is_closing() and transport.can_write_eof():
        transport.write_eof()


def _close(transport: asyncio.Transport) -> None:
    transport.close()


def _break(transport: asyncio.Transport) -> None:
    transport.abort()


class Link:
    """Joins connections to an address; `rtt` in seconds, `bits` per second each way."""

    def __init__(self, to: tuple[str, int], rtt: float, bits: float) -> None:
        self._host, self._port = to
        self._delay, self._bits = rtt / 2, bits
        self._dialling: set[asyncio.Task[None]] = set()

    def accept(self) -> Half:
        """A connection comes in: half a round trip later it is dialled."""
        near, far = Half(self._delay, self._bits), Half(self._delay, self._bits)
        near.other, far.other = far, near
        task = tasks.start(self._dial(near, far), "dial")
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)
        return near

    async def _dial(self, near: Half, far: Half) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._delay)
        try:
            await loop.create_connection(lambda: far, self._host, self._port)
        except OSError:
            await asyncio.sleep(self._delay)
            if near.transport is not None:
                near.transport.abort()


async def _serve(listen: tuple[str, int], link: Link) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(link.accept, *listen, backlog=1024)
    await run_until_stopped([Loop("server", server.serve_forever)])


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def main() -> None:
    """Carry until SIGTERM."""
    parser = argparse.ArgumentParser("python -m federation.verify.forwarder", description=__doc__)
    parser.add_argument("--listen", type=_address, required=True, help="IP:PORT")
    parser.add_argument("--to", type=_address, required=True, help="IP:PORT")
    parser.add_argument("--rtt", type=float, default=0.0, help="seconds there and back")
    parser.add_argument("--bits", type=float, default=1e9, help="bits per second, each way")
    said = parser.parse_args()
    try:
        tasks.run(_serve(said.listen, Link(said.to, said.rtt, said.bits)))
    except OSError as error:
        sys.exit(f"cannot listen at {said.listen[0]}:{said.listen[1]}: {error}")


if __name__ == "__main__":
    main()

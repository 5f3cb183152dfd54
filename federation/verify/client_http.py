"""The load generator's HTTP/1.1: keep-alive connections whose number grows as needed.

In: calls. Out: their ends. One connection carries one call at a time, so that a slow answer delays
no other request.
"""

import asyncio
import time

from federation.runtime import tasks
from federation.verify.call import NO_CONNECTION, Call, Load
from federation.verify.connection import Connection, Counted, time_out


def request_bytes(load: Load, request_id: str) -> bytes:
    """The request as it goes over the wire.

    The id is shorter than 15 characters, or Envoy would write its trace reason into it.
    """
    about = load.about
    lines = [f"{about.method} {about.path} HTTP/1.1", f"host: {about.host}", "accept: */*"]
    lines += ["user-agent: fedmesh-traffic", f"x-request-id: {request_id}"]
    if about.method == "POST":
        lines.append(f"content-length: {load.body_bytes}")
    body = b"x" * load.body_bytes if about.method == "POST" else b""
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class HttpClient:
    """Sends calls over a pool of connections."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._idle: list[Connection] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._connections = 0

    def begin(self, call: Call) -> None:
        """Send a call on a free connection, or on a new one."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                self._use(connection, call)
                return
        if self._connections >= self._load.connections:
            call.failed(NO_CONNECTION, time.monotonic())
            return
        self._connections += 1
        opening = tasks.start(self._open(call), f"open-{call.id}")
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    async def close(self) -> None:
        """Close what is free."""
        for connection in self._idle:
            connection.abort()

    async def _open(self, call: Call) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._load.timeout):
                _, connection = await loop.create_connection(
                    lambda: Counted(self._idle.append, self._lost),
                    self._load.host,
                    self._load.port,
                )
        except (OSError, TimeoutError) as error:
            self._connections -= 1
            name = "timeout" if isinstance(error, TimeoutError) else "refused"
            call.failed(f"connect: {name}", time.monotonic())
            return
        self._use(connection, call)

    def _use(self, connection: Connection, call: Call) -> None:
        connection.send(call, request_bytes(self._load, call.id))
        remaining = call.start + self._load.timeout - time.monotonic()
        asyncio.get_running_loop().call_later(max(0.0, remaining), time_out, connection, call)

    def _lost(self) -> None:
        self._connections -= 1

"""Envoy's measuring socket: answers as fast as a test says, by a clock that only it moves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from federation.envoy.bootstrap import MEASURED_HEADER


class FakeRtt:
    """Which cluster was asked, in order; `seconds` is how long the next answers take.

    `slow` holds, by cluster, how much longer its first answer takes. Clusters in `broken` answer
    503.
    """

    def __init__(self) -> None:
        self.now = 1_000.0
        self.seconds = 0.02
        self.slow: dict[str, float] = {}
        self.broken: set[str] = set()
        self.asked: list[str] = []

    def monotonic(self) -> float:
        return self.now

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        name = headers[MEASURED_HEADER]
        self.asked.append(name)
        self.now += self.seconds + self.slow.pop(name, 0.0)
        status = "503 Service Unavailable" if name in self.broken else "200 OK"
        writer.write(f"HTTP/1.1 {status}\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    @asynccontextmanager
    async def at(self, socket: Path) -> AsyncIterator[None]:
        async with await asyncio.start_unix_server(self._serve, str(socket)):
            yield

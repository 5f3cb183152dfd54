"""A flood of TLS handshakes that nobody finishes, from one address: many connections, kept many.

Three kinds in turn: connected and silent, half a ClientHello, a whole one and then silence. What
the other side closes is opened again until the time is over.
"""

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

_AGAIN_SECONDS = 0.05


def client_hello(server_name: str) -> bytes:
    """The first bytes of a TLS client that calls this name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(to_client, to_server, server_hostname=server_name)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return to_server.read()


def half_open(*server_names: str) -> tuple[bytes, ...]:
    """What the connections of a flood say: nothing, half a hello, whole ones."""
    hellos = [client_hello(name) for name in server_names]
    return (b"", hellos[0][: len(hellos[0]) // 2], *hellos)


@dataclass(slots=True)
class Flood:
    """One flood. `source` is the address it comes from; `most` is how many were open at once."""

    target: str
    source: str
    connections: int
    said: Sequence[bytes]
    counts: Counter[str] = field(default_factory=Counter)
    open: int = 0
    most: int = 0

    async def run(self, seconds: float) -> None:
        """Keep so many connections open for so long."""
        until = asyncio.get_running_loop().time() + seconds
        async with asyncio.TaskGroup() as group:
            for number in range(self.connections):
                group.create_task(self._repeat(self.said[number % len(self.said)], until))

    async def _repeat(self, said: bytes, until: float) -> None:
        now = asyncio.get_running_loop().time
        while now() < until:
            try:
                await self._hold(said, until - now())
            except OSError:
                self.counts["refused"] += 1
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _hold(self, said: bytes, seconds: float) -> None:
        host, _, port = self.target.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port), local_addr=(self.source, 0))
        self.counts["opened"] += 1
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            writer.write(said)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while await reader.read(65536):
                        pass
                    self.counts["closed by the other side"] += 1
        finally:
            self.open -= 1
            writer.transport.abort()

"""HTTP/2 as no library would speak it: raw frames on a connection, in clear or through mTLS.

`hyperframe` and `hpack` make the bytes; order, number and sense of them are the caller's.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hpack import Encoder
from hyperframe.frame import DataFrame, Frame, HeadersFrame, SettingsFrame

from tests.e2e.tls import Shown

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
Head = list[tuple[str, str]]


class Raw:
    """One connection; what comes back is read and thrown away, its end is seen."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._encoder = Encoder()
        self.received = 0
        self.closed = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether the other side still has it open, as far as is known."""
        return not self.closed.is_set()

    def put(self, *frames: Frame) -> None:
        """Frames, as they are."""
        self.writer.write(b"".join(frame.serialize() for frame in frames))

    def head(self, stream: int, fields: Head, *, ends: bool = True) -> HeadersFrame:
        """A HEADERS frame; the dictionary of this connection goes on with it."""
        flags = ["END_HEADERS", *(["END_STREAM"] if ends else [])]
        return HeadersFrame(stream, self._encoder.encode(fields), flags=flags)

    async def flush(self) -> None:
        """Wait until the bytes are on their way; raises OSError when nobody takes them any more."""
        await self.writer.drain()

    async def read(self) -> None:
        """Read for ever what comes."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while data := await self._reader.read(1 << 16):
                self.received += len(data)
        self.closed.set()


def request(host: str, path: str = "/", method: str = "GET", *more: tuple[str, str]) -> Head:
    """The head of a request."""
    pseudo = [(":method", method), (":scheme", "http"), (":authority", host), (":path", path)]
    return [*pseudo, *more]


def client_context(shown: Shown, folder: Path) -> ssl.SSLContext:
    """TLS with an identity; the server is believed whatever it shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    file = folder / "h2.pem"
    file.write_bytes(shown.key + shown.chain)
    context.load_cert_chain(file)
    return context


@asynccontextmanager
async def connected(
    address: str,
    context: ssl.SSLContext | None = None,
    server_name: str = "",
    *,
    source: str = "",
    settings: dict[int, int] | None = None,
    reads: bool = True,
) -> AsyncIterator[Raw]:
    """A connection after its preface; with `reads` false nothing of what comes is taken."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(
        host.strip("[]"),
        int(port),
        ssl=context,
        server_hostname=server_name or None if context else None,
        local_addr=(source, 0) if source else None,
    )
    made = Raw(reader, writer)
    task = asyncio.ensure_future(made.read()) if reads else None
    try:
        writer.write(PREFACE)
        made.put(SettingsFrame(0, settings=settings or {}))
        yield made
    finally:
        writer.transport.abort()
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def data(stream: int, body: bytes, *, ends: bool = False) -> DataFrame:
    """A DATA frame."""
    return DataFrame(stream, body, flags=["END_STREAM"] if ends else [])

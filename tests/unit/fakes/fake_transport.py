"""A transport that keeps what is written, and whether it is read from."""

import asyncio
from typing import Any


class FakeTransport(asyncio.Transport):
    """Nobody is at the other end."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False
        self.reading = True
        self.protocol: Any = None

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def is_reading(self) -> bool:
        return self.reading

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def said(self) -> bytes:
        """What was written since the last time."""
        said, self.written = self.written, b""
        return said

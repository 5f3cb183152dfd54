"""The two halves of a sync stream as protocols, so that a pump runs over gRPC or over memory."""

from dataclasses import dataclass
from typing import Protocol, TypeVar

Incoming = TypeVar("Incoming", covariant=True)  # noqa: PLC0105
Outgoing = TypeVar("Outgoing", contravariant=True)  # noqa: PLC0105


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end: its certificate chain (PEM, leaf first) or its bearer token.

    `clock` is by how many seconds its clock was ahead of ours when it called, None when it did
    not say.
    """

    address: str
    chain: bytes = b""
    token: str = ""
    clock: float | None = None


class Link(Protocol[Incoming, Outgoing]):
    """One bidirectional stream."""

    async def read(self) -> Incoming | None:
        """The next message, None when the peer has ended the stream."""

    async def write(self, message: Outgoing) -> None:
        """Send one message; returns when the stream can take another."""

"""A request of the load generator, whatever protocol carries it, and the load as a whole.

In: what the command line asks for. Out: `Load`, and `Call`s that each end in exactly one Record.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from federation.verify.history import About, Record

NO_CONNECTION = "generator: no free connection"
OK = 200


@dataclass(frozen=True, slots=True)
class Load:
    """What to send; `seconds` None: until stopped. A POST carries `body_bytes` of body."""

    host: str
    port: int
    about: About
    seconds: float | None
    timeout: float = 10.0
    connections: int = 1000
    body_bytes: int = 0


class Call:
    """One request in flight; it is over exactly once."""

    __slots__ = ("at", "id", "on_over", "over", "start")

    def __init__(self, request_id: str, at: float, start: float, on_over: Callable[[Record], None]):
        self.id, self.at, self.start, self.on_over = request_id, at, start, on_over
        self.over = False

    def answered(self, status: int, who: tuple[str, str], now: float) -> None:
        """The answer is there; `who` is the cluster and workload that it names."""
        self._end(Record(self.id, self.at, self.start, now, status, "", *who))

    def failed(self, error: str, now: float) -> None:
        """There will be no answer."""
        self._end(Record(self.id, self.at, self.start, now, 0, error))

    def _end(self, record: Record) -> None:
        if not self.over:
            self.over = True
            self.on_over(record)


class Client(Protocol):
    """Sends calls; each is sent at most once and ends within the load's time-out."""

    def begin(self, call: Call) -> None:
        """Send a call now; returns at once."""
        ...

    async def close(self) -> None:
        """Close all connections, after the last calls."""
        ...


def who_answered(body: bytes | bytearray) -> tuple[str, str]:
    """The cluster and workload that an answer of the demo's application names, else empty."""
    try:
        said = json.loads(bytes(body))
        return str(said.get("cluster", "")), str(said.get("workload", ""))
    except (ValueError, AttributeError):
        return "", ""

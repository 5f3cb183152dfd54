"""The open loop of the load generator: every request goes out when it is due.

In: a load and a client that carries its calls. Out: the lines of a history, as it happens.
"""

import asyncio
import math
import time
from collections.abc import Callable

from federation.verify import guarantees
from federation.verify.call import Call, Client, Load
from federation.verify.history import Lag, Record, about_line, end_line, record_line

_TICK_SECONDS = 0.005


def due_count(started: float, now: float, rate: float, seconds: float | None) -> int:
    """How many requests are due at `now`; the first is due at the start."""
    elapsed = now - started
    due = int(elapsed * rate + 1e-6) + 1 if elapsed >= 0 else 0
    return due if seconds is None else min(due, math.ceil(seconds * rate - 1e-6))


class Generator:
    """Begins what is due. `run` marks the ids, `write` gets every line of the history."""

    def __init__(
        self, load: Load, client: Client, run: str, write: Callable[[str], object]
    ) -> None:
        self._load = load
        self._client = client
        self._run = run
        self._write = write
        self._in_flight = 0
        self._quiet = asyncio.Event()
        self._sent = 0
        self._lags: list[float] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Send until the duration is over or `stop` is set, then wait for what is in flight."""
        self._write(about_line(self._load.about))
        started = planned = time.monotonic()
        seconds = self._load.seconds
        while not stop.is_set() and (seconds is None or planned < started + seconds):
            now = time.monotonic()
            self._lags.append(max(0.0, now - planned))
            self._begin_due(started, now)
            planned = max(planned + _TICK_SECONDS, now)
            await asyncio.sleep(max(0.0, planned - time.monotonic()))
        if not stop.is_set():
            self._begin_due(started, time.monotonic())
        if self._in_flight:
            self._quiet.clear()
            await self._quiet.wait()
        p99 = guarantees.percentile(self._lags, 99)
        self._write(end_line(Lag(max(self._lags, default=0.0), p99, len(self._lags))))
        await self._client.close()

    def _begin_due(self, started: float, now: float) -> None:
        rate = self._load.about.rate
        while self._sent < due_count(started, now, rate, self._load.seconds):
            at = started + self._sent / rate
            call = Call(f"{self._run}-{self._sent:x}", at, time.monotonic(), self._over)
            self._sent += 1
            self._in_flight += 1
            self._client.begin(call)

    def _over(self, record: Record) -> None:
        self._in_flight -= 1
        if self._in_flight == 0:
            self._quiet.set()
        self._write(record_line(record))

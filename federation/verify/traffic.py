"""Open-loop load with a history, in a process of its own: `python -m federation.verify.traffic`.

Every request goes out when it is due, whatever became of the earlier ones, over keep-alive
connections whose number grows as needed. Nothing is ever sent twice. Out: a history
(`federation.verify.history`), written as it happens. SIGTERM, SIGINT or the end of the duration
stop it: what is in flight is waited for, each request at most its time-out.
"""

import argparse
import asyncio
import gc
import math
import random
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from federation.runtime import tasks
from federation.verify import guarantees
from federation.verify.connection import Call, Connection, Counted, time_out
from federation.verify.history import About, Lag, Record, about_line, end_line, record_line

_TICK_SECONDS = 0.005
_FLUSH_SECONDS = 0.1


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


def due_count(started: float, now: float, rate: float, seconds: float | None) -> int:
    """How many requests are due at `now`; the first is due at the start."""
    elapsed = now - started
    due = int(elapsed * rate + 1e-6) + 1 if elapsed >= 0 else 0
    return due if seconds is None else min(due, math.ceil(seconds * rate - 1e-6))


class Generator:
    """Sends what is due. `write` gets every line of the history."""

    def __init__(self, load: Load, run: str, write: Callable[[str], object]) -> None:
        self._load = load
        self._run = run
        self._write = write
        self._idle: list[Connection] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._in_flight = 0
        self._quiet = asyncio.Event()
        self._connections = 0
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
            self._send_due(started, now)
            planned = max(planned + _TICK_SECONDS, now)
            await asyncio.sleep(max(0.0, planned - time.monotonic()))
        if not stop.is_set():
            self._send_due(started, time.monotonic())
        if self._in_flight:
            self._quiet.clear()
            await self._quiet.wait()
        p99 = guarantees.percentile(self._lags, 99)
        self._write(end_line(Lag(max(self._lags, default=0.0), p99, len(self._lags))))
        for connection in self._idle:
            connection.abort()

    def _send_due(self, started: float, now: float) -> None:
        rate = self._load.about.rate
        while self._sent < due_count(started, now, rate, self._load.seconds):
            at = started + self._sent / rate
            call = Call(f"{self._run}-{self._sent:x}", at, time.monotonic(), self._over)
            self._sent += 1
            self._in_flight += 1
            self._begin(call)

    def _begin(self, call: Call) -> None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                self._use(connection, call)
                return
        if self._connections >= self._load.connections:
            call.failed("generator: no free connection", time.monotonic())
            return
        self._connections += 1
        opening = tasks.start(self._open(call), f"open-{call.id}")
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

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

    def _over(self, record: Record) -> None:
        self._in_flight -= 1
        if self._in_flight == 0:
            self._quiet.set()
        self._write(record_line(record))


async def _flush(out: TextIO) -> None:
    while True:
        await asyncio.sleep(_FLUSH_SECONDS)
        out.flush()


async def _main(load: Load, out: TextIO) -> None:
    stop = tasks.listen_for_stop()
    flusher = tasks.start(_flush(out), "flush")
    run = f"{random.SystemRandom().getrandbits(24):06x}"
    gc.collect()
    gc.disable()  # a collection of a long history would look like a slow mesh
    await Generator(load, run, out.write).run(stop)
    await tasks.cancel(flusher)


def parse_arguments(arguments: list[str]) -> tuple[Load, Path]:
    """The load and the file that a command line asks for."""
    parser = argparse.ArgumentParser("python -m federation.verify.traffic", description=__doc__)
    parser.add_argument("--target", required=True, help="IP:PORT to connect to")
    parser.add_argument("--host", required=True, help="the Host header")
    parser.add_argument("--path", default="/")
    parser.add_argument("--method", choices=("GET", "POST"), default="GET")
    parser.add_argument("--body-bytes", type=int, default=0, help="body of each POST")
    parser.add_argument("--rate", type=float, default=200.0, help="requests per second")
    parser.add_argument("--seconds", type=float, help="default: until SIGTERM")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds for one request")
    parser.add_argument("--connections", type=int, default=1000, help="at most so many")
    parser.add_argument("--out", type=Path, required=True, help="file for the history")
    said = parser.parse_args(arguments)
    host, _, port = said.target.rpartition(":")
    if not host or not port.isdigit():
        parser.error(f"--target is {said.target!r}, but must be IP:PORT")
    if said.rate <= 0:
        parser.error(f"--rate is {said.rate:g}, but must be more than 0")
    about = About(said.target, said.host, said.path, said.method, said.rate)
    return Load(
        host, int(port), about, said.seconds, said.timeout, said.connections, said.body_bytes
    ), said.out


def main() -> None:
    """Run the load that the command line asks for."""
    load, path = parse_arguments(sys.argv[1:])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with path.open("w", encoding="utf-8") as out:
        tasks.run(_main(load, out))


if __name__ == "__main__":
    main()

"""Whether the application behind a sidecar still listens, found out when connections to it fail.

In: Envoy's counters of connections that failed. Out: the ports at which nothing listens any more,
told to `on_dead`. A port is asked only after a failure, and then until it answers: without it the
agent would not know of an application that died, since the sidecar in front of it is well. The same
look tells at which ports connections are closed without a word (`closing`), told to `on_closing`.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from federation.model.errors import NotReady
from federation.runtime.logs import event
from federation.runtime.loops import Loop
from federation.supervisor.kept_admin import KeptAdmin
from federation.supervisor.observe.closing import Closing, Count

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
PROBE_SECONDS = 0.3

_QUESTION = (
    r"/stats?filter=^cluster\.app~.*\.upstream_(cx_connect_fail|cx_destroy_remote|rq_total)$"
)
_COUNTER = re.compile(rb"^cluster\.app~(\d+)~.*\.upstream_cx_connect_fail: (\d+)$", re.MULTILINE)
_HTTP1 = re.compile(
    rb"^cluster\.app~(\d+)~http/1\.1\.upstream_(cx_destroy_remote|rq_total): (\d+)$", re.MULTILINE
)


def read_failures(answer: bytes) -> dict[int, int]:
    """Connections that failed so far, by the application's port."""
    return {int(port): int(count) for port, count in _COUNTER.findall(answer)}


def read_counts(answer: bytes) -> dict[int, Count]:
    """Requests over HTTP/1.1 so far, and connections that the application closed, by its port."""
    found: dict[int, dict[bytes, int]] = {}
    for port, name, count in _HTTP1.findall(answer):
        found.setdefault(int(port), {})[name] = int(count)
    return {
        port: Count(counts.get(b"rq_total", 0), counts.get(b"cx_destroy_remote", 0))
        for port, counts in found.items()
    }


class Application:
    """The application of one sidecar, at an IP literal."""

    def __init__(
        self,
        admin: Path,
        host: str,
        on_dead: Callable[[tuple[int, ...]], None],
        on_closing: Callable[[tuple[int, ...]], None] = lambda _: None,
    ) -> None:
        self._admin = KeptAdmin(admin)
        self._host = host
        self._on_dead = on_dead
        self._on_closing = on_closing
        self._closing = Closing()
        self._failures: Mapping[int, int] | None = None
        self._dead: frozenset[int] = frozenset()

    def looking(self) -> Loop:
        """Look for ever."""
        return Loop("application", self.look, rest=LOOK_SECONDS)

    async def look(self) -> None:
        """One look at the counters; ports that failed meanwhile, or were dead, are asked."""
        try:
            answer = await self._admin.ask(_QUESTION)
        except NotReady as error:
            log.debug(event("application not observed", reason=error))
            return
        self._look_at_closing(answer)
        failures = read_failures(answer)
        before, self._failures = self._failures, failures
        if before is None:
            before = failures
        failed = any(count > before.get(port, 0) for port, count in failures.items())
        if not failed and not self._dead:
            return
        asked = failures.keys() if failed else self._dead & failures.keys()
        dead = frozenset([port for port in asked if not await self._listens(port)])
        if dead != self._dead:
            self._dead = dead
            if dead:
                ports = ",".join(map(str, sorted(dead)))
                log.warning(event("application does not listen", ports=ports))
            else:
                log.info(event("application listens again"))
            self._on_dead(tuple(sorted(dead)))

    def _look_at_closing(self, answer: bytes) -> None:
        if self._closing.note(read_counts(answer)):
            ports = self._closing.ports
            log.warning(event("application closes connections without saying so", ports=ports))
            self._on_closing(ports)

    async def _listens(self, port: int) -> bool:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                _, writer = await asyncio.open_connection(self._host, port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return True

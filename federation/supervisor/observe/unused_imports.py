"""Which imports nobody has called for a long time, by Envoy's counters; they are let go.

In: requests so far and under way, for each cluster that leads to a service, at every look. Out: the
clusters that were unused for so long, told to `let_go`. The next call asks for them again.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from federation.model.errors import NotReady
from federation.runtime.logs import event
from federation.runtime.loops import Loop
from federation.supervisor.kept_admin import KeptAdmin

log = logging.getLogger(__name__)

LOOKS = 10
"""In the time after which an import counts as unused."""

_QUESTION = r"/stats?filter=^cluster\.(out|far)~.*\.upstream_rq_(total|active)$"
_COUNTER = re.compile(rb"^cluster\.([^:]+)\.upstream_rq_(total|active): (\d+)$", re.MULTILINE)


class Use(NamedTuple):
    """Requests to a cluster: all so far, and those under way."""

    total: int = 0
    active: int = 0


def read_use(answer: bytes) -> dict[str, Use]:
    """The use of each cluster by its name."""
    found: dict[str, Use] = {}
    for name, what, count in _COUNTER.findall(answer):
        before = found.get(name.decode(), Use())
        found[name.decode()] = before._replace(**{what.decode(): int(count)})
    return found


class Unused:
    """Notes when clusters were used last; `seconds` after that they are unused."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last: dict[str, tuple[int, float]] = {}

    def note(self, use: Mapping[str, Use], now: float) -> frozenset[str]:
        """Take what was counted by `now` (seconds); returns the clusters that are unused.

        A cluster that is new, or of another Envoy, counts as used now.
        """
        last: dict[str, tuple[int, float]] = {}
        for name, one in use.items():
            total, at = self._last.get(name, (-1, now))
            is_used = one.active or one.total != total
            last[name] = (one.total, now if is_used else at)
        self._last = last
        return frozenset(name for name, (_, at) in last.items() if now - at >= self._seconds)


class UnusedImports:
    """Those of one sidecar. `let_go` is told clusters that are unused."""

    def __init__(
        self, admin: Path, seconds: float, let_go: Callable[[frozenset[str]], None]
    ) -> None:
        self._admin = KeptAdmin(admin)
        self._unused = Unused(seconds)
        self._rest = seconds / LOOKS
        self._let_go = let_go

    def loops(self) -> tuple[Loop, ...]:
        """What looks for ever; nothing when imports are never let go."""
        return (Loop("unused", self._look, rest=self._rest),) if self._rest else ()

    async def _look(self) -> None:
        try:
            use = read_use(await self._admin.ask(_QUESTION))
        except NotReady as error:
            log.debug(event("use of imports not known", reason=error))
            return
        unused = self._unused.note(use, asyncio.get_running_loop().time())
        if unused:
            self._let_go(unused)

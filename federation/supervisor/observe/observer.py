"""A gateway's eyes: asks Envoy what it sees of others, and how far they are.

In: Envoy's sockets. Out: calls of `on_seen` with the parts of a `Proxy` that a gateway observes.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from federation.model.errors import NotReady, PeerBroke
from federation.model.names import ClusterId
from federation.model.observations import Remote
from federation.runtime.logs import event
from federation.runtime.loops import Loop
from federation.supervisor.kept_admin import KeptAdmin
from federation.supervisor.observe.health_checks import CHECKED, Answering, Lost, read_checks
from federation.supervisor.observe.round_trips import MEASURE_SECONDS, Measure

log = logging.getLogger(__name__)

OBSERVE_SECONDS = 0.2
"""DNS leaves a cluster without backends within a second: a check (0.4 s, and 0.3 s without an
answer), and this."""
NEW_SECONDS = 0.25
"""After this long one is measured that was not measured yet."""
PAUSE = 19
"""Looking takes at most a twentieth of a processor, however much there is to read. Waiting for a
busy one is not counted: that is when somebody may have died."""

_NONE: Mapping[tuple[ClusterId, str], bool] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Seen:
    """Addresses of own workloads that were lost, whether any is well, and other gateways."""

    unhealthy: tuple[str, ...]
    sees_healthy: bool
    remotes: tuple[Remote, ...]


class Observer:
    """What one gateway sees."""

    def __init__(self, admin: Path, measure: Path, on_seen: Callable[[Seen], None]) -> None:
        self._admin = KeptAdmin(admin)
        self._on_seen = on_seen
        self._lost = Lost()
        self._answering = Answering()
        self._measure = Measure(measure)
        self._remotes = _NONE

    def loops(self) -> tuple[Loop, Loop]:
        """Look and measure for ever."""
        return Loop("observer", self._look_and_rest), Loop("measure", self._measure_and_rest)

    async def _look_and_rest(self) -> None:
        before = time.process_time()
        await self.look(time.monotonic())
        used = time.process_time() - before
        await asyncio.sleep(max(OBSERVE_SECONDS, PAUSE * used))

    async def look(self, now: float) -> None:
        """One look at all that Envoy checks."""
        try:
            seen = read_checks(await self._admin.ask(CHECKED))
        except (NotReady, PeerBroke) as error:
            log.debug(event("nothing observed", reason=error))
            return
        self._remotes = seen.remotes
        remotes = self._answering.look(seen, self._measure.rtt, now)
        self._on_seen(Seen(self._lost.look(seen), bool(seen.passing), remotes))

    async def _measure_and_rest(self) -> None:
        """A gateway that is new is measured at once: until then it counts as near."""
        await self._measure.round(self._remotes)
        is_new = any(a and k not in self._measure.rtt for k, a in self._remotes.items())
        await asyncio.sleep(NEW_SECONDS if is_new or not self._remotes else MEASURE_SECONDS)

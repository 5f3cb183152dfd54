"""How long the way to the gateways of other clusters is, measured through our own Envoy.

A request goes in at a unix socket and out over the mTLS connection of the gateway's checks, so that
what is measured is what traffic will meet. In: which gateways answer. Out: seconds for each.
"""

import logging
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path

from federation.envoy.bootstrap import MEASURED_HEADER
from federation.model.errors import NotReady
from federation.model.names import ClusterId, remote_name
from federation.runtime.logs import event
from federation.supervisor.admin import ask

log = logging.getLogger(__name__)

MEASURE_SECONDS = 2.0
MOST_AT_ONCE = 20
"""Gateways measured in one round; 200 of them are all measured within 20 s."""

LOOK_BACK_SECONDS = 30.0
"""A machine that is busy makes every answer late for some seconds, which is no distance: with those
of 6 s, a sender that had to move 2,000 requests a second was given time-outs for far peers, and new
connections, in the middle of it."""
_ROUNDS = 3
_MOVE = 0.25
_SMALLEST_MOVE = 0.005

_Key = tuple[ClusterId, str]


class Measure:
    """The shortest of the latest round trips to every gateway that answers.

    Those of the last `LOOK_BACK_SECONDS`, and the last few: where there are many gateways, each has
    its turn rarely. So a way that has become shorter is known at once, a longer one later.
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._last: dict[_Key, deque[tuple[float, float]]] = {}
        self._said: dict[_Key, float] = {}
        self._turn: deque[_Key] = deque()

    @property
    def rtt(self) -> Mapping[_Key, float]:
        """Seconds; a time stays as it was said until it has moved by a quarter."""
        return self._said

    async def round(self, remotes: Mapping[_Key, bool]) -> None:
        """Measure some of those that answer; those that are new come first."""
        answering = {key for key, answers in remotes.items() if answers}
        self._forget(remotes)
        known = [key for key in self._turn if key in answering]
        self._turn = deque([*sorted(answering - set(known)), *known])
        for _ in range(min(MOST_AT_ONCE, len(self._turn))):
            key = self._turn.popleft()
            self._turn.append(key)
            await self._measure(key)

    def _forget(self, remotes: Mapping[_Key, bool]) -> None:
        for key in self._last.keys() - remotes.keys():
            del self._last[key]
            self._said.pop(key, None)

    async def _measure(self, key: _Key) -> None:
        """Ask twice at first: the first request may have to wait for a new connection."""
        for _ in range(1 if key in self._last else 2):
            began = time.monotonic()
            try:
                headers = {MEASURED_HEADER: remote_name(*key)}
                await ask(self._socket, "/ready", headers=headers)
            except NotReady as error:
                log.debug(event("not measured", gateway="/".join(key), reason=error))
                return
            now = time.monotonic()
            times = self._last.setdefault(key, deque())
            times.append((now, now - began))
            while len(times) > _ROUNDS and times[0][0] < now - LOOK_BACK_SECONDS:
                times.popleft()
        self._say(key, min(rtt for _, rtt in self._last[key]))

    def _say(self, key: _Key, rtt: float) -> None:
        before = self._said.get(key)
        if before is None or abs(rtt - before) > max(_SMALLEST_MOVE, _MOVE * before):
            self._said[key] = rtt
